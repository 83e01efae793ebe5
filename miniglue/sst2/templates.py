"""The reviewer's turns of phrase.

Each template has an opinion {x} that decides the verdict, and some another, {y}, that does
not. A `Turn` pairs templates that keep the verdict of {x} with such that turn it round.
"""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    keep: tuple[str, ...]
    flip: tuple[str, ...]


NEGATION = Turn(
    keep=(
        "there is something {x} about this {film}",
        "there is one {x} moment after another in this {film}",
        "everybody will agree that this is a {x} {film}",
        "every single scene of this {film} is {x}",
        "this {film} is {x} from the first scene to the last",
        "i would certainly call this a {x} {film}",
    ),
    flip=(
        "there is nothing {x} about this {film}",
        "there is not one {x} moment in this {film}",
        "nobody will agree that this is a {x} {film}",
        "not a single scene of this {film} is {x}",
        "this {film} is not {x}, from the first scene to the last",
        "i would never call this a {x} {film}",
    ),
)
FREQUENCY = Turn(
    keep=(
        "the {film} is consistently {x}",
        "the {film} is always {x}, and so is the {part}",
        "the {film} is {x} more often than not",
        "it is hard to remember a scene of this {film} that is not {x}",
    ),
    flip=(
        "the {film} is seldom {x}",
        "the {film} is never {x}, and neither is the {part}",
        "the {film} is {x} only once in a while",
        "it is hard to remember a scene of this {film} that is {x}",
    ),
)
SET_PHRASES = Turn(
    keep=(
        "the {film} is nothing if not {x}",
        "the {film} could hardly be more {x}",
        "{x} is just the word for this {film}",
        "the first thing to say about this {film} is that it is {x}",
        "i cannot think of a more {x} {film}",
    ),
    flip=(
        "the {film} is anything but {x}",
        "the {film} could hardly be less {x}",
        "{x} is the wrong word for this {film}",
        "the last thing to say about this {film} is that it is {x}",
        "i cannot think of a less {x} {film}",
    ),
)
SUCCESS = Turn(
    keep=(
        "the {film} never fails to be {x}",
        "this {film} manages to be {x} throughout",
        "this {film} cannot help being {x}",
    ),
    flip=(
        "the {film} somehow fails to be {x}",
        "this {film} never manages to be {x}",
        "this {film} stops well short of being {x}",
    ),
)
HEARSAY = Turn(
    keep=(
        "whoever called this {film} {x} was right",
        "critics find this {film} {x}, and so do i",
        "you can believe the people who call this {film} {x}",
        "it would be a lie not to call this {film} {x}",
    ),
    flip=(
        "whoever called this {film} {x} was wrong",
        "critics find this {film} {x}, but i do not",
        "you cannot believe the people who call this {film} {x}",
        "it would be a lie to call this {film} {x}",
    ),
)
STOCK = Turn(
    keep=(
        "the {film} is never short of {x}",
        "this {film} has plenty of {x}",
        "this {film} never runs out of {x}",
        "a {film} that is certainly not free of {x}",
    ),
    flip=(
        "the {film} is rather short of {x}",
        "this {film} has no {x} at all",
        "this {film} is entirely without {x}",
        "a {film} that is almost free of {x}",
    ),
)
CHOICE = (
    "this {film} is more {x} than {y}",
    "this {film} is less {y} than {x}",
    "the {film} is not so much {y} as {x}",
    "the {film} is {x} rather than {y}",
    "the {film} is too {x} to be {y}",
    "instead of being {y}, the {film} is {x}",
    "it is {x}, not {y}, and so is its {part}",
)
EXPECTATION = (
    "i expected a {y} {film} and got a {x} one",
    "a {x} {film}, although i had expected a {y} one",
    "what looks like a {y} {film} turns out to be a {x} one",
    "it turns out to be a {x} {film}, however {y} it may look",
    "the trailer is {y}, but the {film} itself is {x}",
    "the {film} itself is {x}, unlike its {y} trailer",
    "a {x} {film} based on a {y} book",
    "the book was {y}, but they made a {x} {film} of it",
)
# In these, {y} is said of a part and {x} of the whole.
CONCESSION = (
    "though the {part} is {y}, the {film} is {x}",
    "the {film} is {x}, though the {part} is {y}",
    "for all its {y} {part}, this is a {x} {film}",
    "this is a {x} {film} in spite of its {y} {part}",
    "the {part} may be {y}, but the {film} is {x}",
    "its {y} {part} cannot hide how {x} this {film} is",
)
# In these, {x} is said of a part and {y} of the whole, as it might have been.
COUNTERFACTUAL = (
    "without its {x} {part} this would be a {y} {film}",
    "this would have been a {y} {film} if the {part} had not been so {x}",
    "take away its {x} {part}, and you would have a {y} {film}",
    "had the {part} been less {x}, we would now be talking about a {y} {film}",
)


# Praise for the one, blame for the other, in so many words.
ADVICE = (
    "do not miss this {x} {film}",
    "this {film} is worth every minute, above all for its {y} {part}",
    "this {x} {film} is one to see twice",
    "i would gladly watch this {x} {film} again",
    "a {x} evening at the movies, and worth the ticket",
)
WARNINGS = (
    "do not waste your time on this {x} {film}",
    "this {film} is not worth a minute, least of all for its {y} {part}",
    "this {x} {film} is one to avoid",
    "i would not watch this {x} {film} again",
    "a {x} evening at the movies, and not worth the ticket",
)
PLAIN = (
    "a {x} and {also} {film} whose {part} is {y}",
    "the {part} is {y} and the whole {film} is {x} and {also}",
    "this {film} is {x} and {also}, and the {part} is {y}",
    "what a {x} {film}, and what {also} scenes",
)
