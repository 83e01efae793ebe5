"""What words mean: kinds of things, ways of saying the same, and what people are doing.

Here the hypothesis has other words than the premise, whether it follows or not: a violin is
an instrument and no vehicle, and who is swimming is in the water and not asleep.
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw
from miniglue.inference.scenes import SCALES, SCENES, SIGHTS
from miniglue.inference.verdicts import AFFIRMED, Clause, Inference, Verdicts, mostly
from miniglue.phrases import person
from miniglue.spelling import Noun

NOW = ("at the moment", "right now", "in this picture", "again", "this time")
THEN = ("at the time", "in those days", "that year", "in the story")


def hypernym(d: Draw) -> Verdicts:
    """Who saw a violin saw an instrument; of vehicles we know nothing."""
    kind, another = d.words(lex.KINDS, 2)
    who, (saw, see), when = person(d), d.word(SIGHTS), d.word(lex.TIMES)

    def seen(thing: Noun) -> Clause:
        end = f"a {thing.singular} {when}"
        return Clause(f"{who} {saw} {end}", f"{who} did not {see} {end}")

    member, whole = seen(d.word(kind.members)), seen(kind.name)
    foreign, elsewhere = seen(d.word(another.members)), seen(another.name)
    return Verdicts(
        entailed=[(member.said, whole.said), (whole.denied, member.denied)],
        neutral=[(member.said, d.one(mostly(elsewhere))), (whole.denied, d.one(mostly(foreign)))],
        contradicted=[(member.said, whole.denied), (whole.denied, member.said)],
    )


def scene(d: Draw) -> Verdicts:
    """What someone is doing tells where they are and what they are not doing meanwhile."""
    doing, another = d.words(SCENES, 2)
    who = f"the {d.word(lex.PEOPLE).singular}"

    def is_(what: str) -> Clause:
        return Clause(f"{who} is {what}", f"{who} is not {what}")

    here, there = is_(doing.implies), is_(another.implies)
    premise = f"{who} is {d.word(doing.seen)} {d.one(NOW)}"
    return _one_premise(premise, here, there, is_(d.one(doing.perhaps)))


def opposite(d: Draw) -> Verdicts:
    """Who is wealthy is rich and not poor; whether they are happy is another matter."""
    one, another = d.words(SCALES, 2)
    (first, second), (reverse, _) = (d.shuffled(end) for end in d.shuffled(one))
    who, when = person(d), d.one(THEN)

    def was(quality: str) -> Clause:
        return Clause(f"{who} was {quality} {when}", f"{who} was not {quality} {when}")

    return _one_premise(was(first).said, was(second), was(reverse), was(d.one(d.one(another))))


def _one_premise(premise: str, true: Clause, false: Clause, unknown: Clause) -> Verdicts:
    """What one premise says of three clauses, of which it settles two."""
    return Verdicts(
        entailed=[(premise, true.said)] * AFFIRMED + [(premise, false.denied)],
        neutral=[(premise, hypothesis) for hypothesis in mostly(unknown)],
        contradicted=[(premise, false.said), (premise, true.denied)],
    )


SENSES: tuple[Inference, ...] = (hypernym, scene, opposite)
