"""Questions about when, where, why, how: is the circumstance that they ask for given?"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.phrases import people, person
from miniglue.qnli.answers import answered, crossed

# What people do to each other with words.
SPEECH = tuple(
    verb
    for verb in lex.DEALINGS
    if verb.base
    in "praise thank invite warn greet criticize blame interview defend question encourage".split()
)
# Question words, and what answers them whatever people say to each other.
CIRCUMSTANCES = (
    (("when", "on what occasion"), lex.TIMES),
    (("where", "in what place"), lex.PLACES),
    (
        ("why", "for what reason"),
        (
            "because of the noise",
            "out of pity",
            "to please a friend",
            "because it was a holiday",
            "for lack of a better idea",
            "because of an old promise",
            "out of sheer curiosity",
            "because the boss was watching",
        ),
    ),
    (
        ("how often",),
        (
            "twice",
            "three times",
            "once a week",
            "every day",
            "five times in a row",
            "once in ten years",
            "almost every evening",
            "four times a month",
        ),
    ),
    (
        ("in what manner", "how"),
        (
            "in a loud voice",
            "very politely",
            "in broken English",
            "with a big smile",
            "without a smile",
            "rather coldly",
            "in plain words",
            "with obvious pleasure",
        ),
    ),
)
# What may be said besides, though nobody asks for it here.
ASIDES = (
    "all the same",
    "as usual",
    "as one might expect",
    "in spite of everything",
    "without thinking twice",
    "as if nothing had happened",
    "to the surprise of many",
    "after all",
    "as far as we know",
    "like everybody else",
    "without being asked",
    "along with the others",
)
# The same for what is done to things.
OF_DEEDS = (
    (("when",), lex.TIMES),
    (
        ("why", "for what reason"),
        (
            "because of a bet",
            "to please a friend",
            "for the sake of a prize",
            "because guests were coming",
            "out of sheer boredom",
            "to win a bet",
            "because the boss had insisted",
            "to impress the neighbors",
        ),
    ),
    (
        ("how", "in what way"),
        (
            "with great care",
            "in a great hurry",
            "without any help",
            "rather clumsily",
            "very slowly",
            "in secret",
            "with great skill",
            "quite openly",
        ),
    ),
)


def aside(d: Draw) -> Group:
    """ "Where did the nurse greet the baker?" is not answered by what she said or wore."""
    one, other = people(d)
    verb, (words, answers) = d.word(SPEECH), d.one(CIRCUMSTANCES)
    told = f"{one} {verb.past} {other}"
    return answered(
        f"{d.one(words)} did {one} {verb.base} {other}?",
        f"{told} {d.word(answers)}",
        f"{told} {d.word(ASIDES)}",
    )


def somebody_else(d: Draw) -> Group:
    """ "Where did the nurse greet the baker?" is not answered by where she greeted the judge."""
    one, other, third, fourth = people(d, 4)
    verb, (words, answers) = d.word(SPEECH), d.one(CIRCUMSTANCES)
    answer = d.word(answers)
    return answered(
        f"{d.one(words)} did {one} {verb.base} {other}?",
        f"{one} {verb.past} {other} {answer}",
        d.one((f"{third} {verb.past} {fourth} {answer}", f"{one} {verb.past} {third} {answer}")),
    )


def encounter(d: Draw) -> Group:
    """ "Where did the nurse greet the baker?": two sentences, of which one says where."""
    one, other = people(d)
    verb = d.word(SPEECH)
    (words, answers), (other_words, other_answers) = d.shuffled(CIRCUMSTANCES)[:2]
    asked, told = f"did {one} {verb.base} {other}?", f"{one} {verb.past} {other}"
    return crossed(
        (f"{d.one(words)} {asked}", f"{told} {d.word(answers)}"),
        (f"{d.one(other_words)} {asked}", f"{told} {d.word(other_answers)}"),
    )


def third_circumstance(d: Draw) -> Group:
    """The same, where both sentences give a circumstance that neither question asks for."""
    one, other = people(d)
    verb = d.word(SPEECH)
    (_, same), (words, answers), (other_words, other_answers) = d.shuffled(CIRCUMSTANCES)[:3]
    asked, told = f"did {one} {verb.base} {other}?", f"{one} {verb.past} {other} {d.word(same)}"
    return crossed(
        (f"{d.one(words)} {asked}", f"{told} {d.word(answers)}"),
        (f"{d.one(other_words)} {asked}", f"{told} {d.word(other_answers)}"),
    )


def deed(d: Draw) -> Group:
    """ "When was the fence painted?": two passives, of which one says when."""
    verb = d.word(lex.INTENDED)
    thing = f"the {d.word(verb.objects).singular}"
    told = f"{thing} was {verb.participle}"
    (words, answers), (other_words, other_answers) = d.shuffled(OF_DEEDS)[:2]
    asked = f"was {thing} {verb.participle}?"
    return crossed(
        (f"{d.one(words)} {asked}", f"{told} {d.word(answers)}"),
        (f"{d.one(other_words)} {asked}", f"{told} {d.word(other_answers)}"),
    )


def unnamed_agent(d: Draw) -> Group:
    """ "Who was it that painted the fence?": two passives, of which one names the agent."""
    verb = d.word(lex.INTENDED)
    thing = f"the {d.word(verb.objects).singular}"
    told = f"{thing} was {verb.participle}"
    words, answers = d.one(OF_DEEDS)
    return crossed(
        (f"who was it that {verb.past} {thing}?", f"{told} by {person(d)}"),
        (f"{d.one(words)} was {thing} {verb.participle}?", f"{told} {d.word(answers)}"),
    )


CIRCUMSTANCE: tuple[Phenomenon, ...] = (
    aside,
    somebody_else,
    encounter,
    third_circumstance,
    deed,
    unnamed_agent,
)
