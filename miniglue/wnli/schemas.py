"""The schemas: a pronoun, two candidates, and two endings that each pick one of them.

One schema a line: a beginning with the candidates {a} and {b}, then after the first colon the
words before the ending, which hold the pronoun, the ending that picks {a} and the one that
picks {b}. Only what the world is like tells which is which, as in Levesque et al. (2012).
"""

from __future__ import annotations

from typing import NamedTuple

from miniglue.spelling import Noun, nouns


class Schema(NamedTuple):
    """The sentence is `start`, the pronoun, `middle`, and one of the two endings."""

    start: str
    middle: str
    picks_a: str
    picks_b: str


class ThingSchema(NamedTuple):
    schema: Schema
    a: tuple[Noun, ...]
    b: tuple[Noun, ...]


def _schema(line: str) -> Schema:
    start, middle, picks_a, picks_b = line.strip().split(": ")
    return Schema(start, middle, picks_a, picks_b)


ABOUT_PEOPLE = tuple(
    map(
        _schema,
        """
    {a} lent {b} some money because: was: rather rich then: short of cash
    {a} asked {b} a question, but: did not: get any answer: know the answer
    {a} beat {b} at chess because: had: practiced for years: hardly ever practiced
    {a} carried {b} home because: was: young and strong: unable to walk
    {a} borrowed a coat from {b} because: had: come without one: brought two coats
    {a} forgave {b} in the end although: had been: hurt so deeply: so very unkind
    {a} sold a house to {b} because: needed: some quick money: a new home
    {a} could not hear {b} because: was: listening to music: whispering too softly
    {a} could not find {b} in the dark because: had: no lamp or torch: a good hiding place
    {a} taught {b} to swim because: was: a trained instructor: afraid of drowning
    {a} visited {b} in the hospital because: was: a loyal friend: a lonely patient
    {a} paid {b} after: had: received the bill: repaired the roof
    {a} followed {b} through the forest because: was: afraid of getting lost: an experienced guide
    {a} apologized to {b} because: had: broken a promise: been treated unfairly
    {a} hired {b} because: was: looking for an assistant: good with computers
    {a} fired {b} from the firm because: was: trying to cut costs: always late for work
    {a} waved to {b} across the street, but: was: waving in vain: looking the other way
    {a} envied {b} because: had: never won a prize: just won a prize
    {a} gave {b} a lift to the airport because: had: a car with a free seat: a plane to catch
    {a} had to wake {b} because: was: unable to sleep in that noise: snoring very loudly
    {a} asked {b} for directions because: was: a stranger in town: familiar with the town
    {a} did not recognize {b} because: had: a bad memory: a new hairstyle
    {a} cooked a meal for {b} because: was: a wonderful cook: a hungry guest
    {a} had more votes than {b} because: was: the better candidate: the worse candidate
    {a} could not catch up with {b} because: was: much too slow: much too fast
    {a} easily deceived {b} because: was: a skillful liar: far too trusting
    {a} copied the homework of {b} because: was: badly prepared: well prepared
    {a} bought a present for {b} because: was: fond of giving presents: turning thirty on Monday
    {a} explained the rules to {b}, but: did not: make the rules clear: understand the rules
    {a} waited at the station for {b}, but: was: waiting in vain: stuck in traffic
    {a} translated the letter for {b} because: was: fluent in both languages: unable to read it
    {a} arrested {b} because: was: a police officer: a wanted thief
    """.strip().splitlines(),
    )
)

ABOUT_THINGS = tuple(
    ThingSchema(_schema(line), nouns(a), nouns(b))
    for line, a, b in (
        (
            "{a} did not go through {b} because: was: too wide: too narrow",
            "piano sofa table wardrobe bed bookcase",
            "door gate hallway window tunnel",
        ),
        (
            "{a} was not allowed onto {b} because: was: too heavy: too weak",
            "truck bus tractor wagon van train",
            "bridge pier ferry ramp dam",
        ),
        (
            "{a} chased {b} until: had: lost the trail: found a safe place",
            "dog wolf fox bear",
            "cat rabbit squirrel mouse hen",
        ),
        (
            "{a} easily broke {b} because: was: very heavy: very fragile",
            "hammer stone brick ball chair",
            "plate vase cup window mirror lamp",
        ),
        (
            "{a} did not cover {b} because: was: too small: too large",
            "blanket carpet sheet towel curtain",
            "bed table floor sofa window",
        ),
        (
            "{a} did not reach {b} because: was: too short: too high",
            "ladder rope pole chain",
            "roof window balcony branch wall",
        ),
        (
            "{a} could not enter {b} because: was: too large: too shallow",
            "boat ship ferry whale submarine",
            "harbor river canal lake bay",
        ),
        (
            "{a} could not hold {b} because: was: too thin: too massive",
            "rope string shelf branch nail hook",
            "lamp statue piano engine clock",
        ),
    )
)
