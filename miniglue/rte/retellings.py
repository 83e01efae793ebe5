"""Inferences of the RTE grammar alone: one event, retold with more, less or other words."""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw
from miniglue.inference.verdicts import Clause, Inference, Verdicts, settled
from miniglue.phrases import action, people, person

COMPELLED = ("was forced to", "went on to", "was seen to", "was quick to")
PREVENTED = ("refused to", "was unable to", "declined to", "was not allowed to")
INCLINED = ("planned to", "wanted to", "hoped to", "was asked to", "was ready to", "promised to")


def attempt(d: Draw) -> Verdicts:
    """Who was forced did it, who refused did not; of who wanted to we know neither."""
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    yes, no, maybe = (
        f"{who} {d.word(verbs)} {what.base} {when}" for verbs in (COMPELLED, PREVENTED, INCLINED)
    )
    return settled(
        Clause(f"{who} {what.past} {when}", f"{who} did not {what.base} {when}"),
        true=yes,
        false=no,
        unsettled=[maybe],
    )


def denial(d: Draw) -> Verdicts:
    """A scene and its negation, in the active and in the passive."""
    who, verb, when = person(d), d.word(lex.INTENDED), d.word(lex.TIMES)
    thing, how = f"the {d.word(verb.objects).singular}", d.word(lex.CIRCUMSTANCES)
    did, was = f"{who} {verb.past} {thing}", f"{thing} was {verb.participle} by {who}"
    did_not = f"{who} did not {verb.base} {thing}"
    was_not = f"{thing} was not {verb.participle} by {who}"
    said, denied = d.one(((did, did_not), (was, was_not)))
    return settled(
        Clause(f"{said} {when}", f"{denied} {when}"),
        true=f"{did} {how} {when}",
        false=f"{d.one((did_not, was_not))} at all {when}",
        unsettled=[f"{who} wanted to {verb.base} {thing} {how} {when}"],
    )


def time_clause(d: Draw) -> Verdicts:
    """What came "after it happened" presupposes it; what came "before it could" does not."""
    who, doer = people(d)
    does, what, when = d.word(lex.DOINGS).past, action(d), d.word(lex.TIMES)
    did = f"{doer} {what.past} {when}"
    return Verdicts(
        entailed=[(f"{who} {does} {d.one(('after', 'when'))} {did}", did)],
        neutral=[(f"{who} {does} before {doer} could {what.base} {when}", did)],
        contradicted=[],
    )


def detail(d: Draw) -> Verdicts:
    """A scene retold with less detail, faithfully or with one detail changed."""
    (who, other), (when, then) = people(d), d.words(lex.TIMES, 2)
    verb, (how, so) = d.word(lex.INTENDED), d.words(lex.CIRCUMSTANCES, 2)
    thing, another = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    premise = f"{who} {verb.past} {thing} {how} {when}"
    changed = (
        f"{other} {verb.past} {thing} {when}",
        f"{who} {verb.past} {another} {when}",
        f"{who} {verb.past} {thing} {then}",
        f"{who} {verb.past} {thing} {so}",
    )
    return Verdicts(
        entailed=[(premise, f"{who} {verb.past} {thing} {end}") for end in (when, how)],
        neutral=[(premise, hypothesis) for hypothesis in changed],
        contradicted=[],
    )


def clause_boundary(d: Draw) -> Verdicts:
    """What follows "and" may be a second object or the subject of a new clause."""
    one, other, third = people(d, 3)
    dealt, did, where = d.word(lex.DEALINGS).past, d.word(lex.DOINGS).past, d.word(lex.PLACES)
    hypothesis = f"{one} {dealt} {third} {where}"
    return Verdicts(
        entailed=[(f"{one} {dealt} {other} and {third} {where}", hypothesis)],
        neutral=[(f"{one} {dealt} {other} and {third} {did} {where}", hypothesis)],
        contradicted=[],
    )


RETELLINGS: tuple[Inference, ...] = (attempt, denial, time_clause, detail, clause_boundary)
