"""Pairs of a premise and a hypothesis, sorted by what the first says of the second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import NamedTuple

from miniglue.grammar import Draw, Example, Group, Phenomenon
from miniglue.spelling import sentence

Pair = tuple[str, str]
# Affirmed hypotheses for each negated one.
AFFIRMED = 3


class Verdicts(NamedTuple):
    """The pairs of one group, by verdict; each is (premise, hypothesis), not yet a sentence."""

    entailed: Sequence[Pair]
    neutral: Sequence[Pair]
    contradicted: Sequence[Pair]


class Clause(NamedTuple):
    """A clause and its negation."""

    said: str
    denied: str


Inference = Callable[[Draw], Verdicts]


def settled(
    clause: Clause,
    *,
    true: str,
    false: str,
    unsettled: Sequence[str] = (),
    other: Clause | None = None,
) -> Verdicts:
    """Two premises that settle a clause, one each way, so that its negation turns the verdict.

    The neutral pairs are the `unsettled` premises with that clause, and the settling ones
    with an `other` clause, on which they are silent. People affirm more often than they
    deny, and so do the hypotheses here.
    """
    said, denied = clause
    unknown = [(premise, hypothesis) for premise in unsettled for hypothesis in mostly(clause)]
    if other is not None:
        unknown += [(one, hypothesis) for one in (true, false) for hypothesis in mostly(other)]
    return Verdicts(
        entailed=[(true, said)] * AFFIRMED + [(false, denied)],
        neutral=unknown,
        contradicted=[(false, said), (true, denied)],
    )


def mostly(clause: Clause) -> list[str]:
    """A clause and its negation, as often as hypotheses have them."""
    return [clause.said] * AFFIRMED + [clause.denied]


def usually(d: Draw, plain: str, negated: str) -> str:
    """The plain form or the negated one, which is rarer, as it is in hypotheses."""
    return d.one((plain,) * AFFIRMED + (negated,))


def monotone(some: str, no: str, narrow: str, wide: str) -> Verdicts:
    """From narrow to wide under "some", from wide to narrow under "no" (van Benthem 1986)."""
    some_narrow, some_wide = f"{some} {narrow}", f"{some} {wide}"
    no_narrow, no_wide = f"{no} {narrow}", f"{no} {wide}"
    return Verdicts(
        entailed=[(some_narrow, some_wide), (no_wide, no_narrow)],
        neutral=[
            (some_wide, some_narrow),
            (no_narrow, no_wide),
            (some_wide, no_narrow),
            (no_narrow, some_wide),
        ],
        contradicted=[(some_narrow, no_wide), (no_wide, some_narrow)],
    )


def three_way(inference: Inference, leads: Sequence[str]) -> Phenomenon:
    """Groups with one pair of each verdict, the labels of MNLI, some premises with a lead."""

    @wraps(inference)
    def phenomenon(d: Draw) -> Group:
        lead = d.one(leads)
        return [_example(lead, d.one(pairs), label) for label, pairs in enumerate(inference(d))]

    return phenomenon


def two_way(inference: Inference, leads: Sequence[str]) -> Phenomenon:
    """Groups with one pair that is entailed and one that is not, the labels of RTE."""

    @wraps(inference)
    def phenomenon(d: Draw) -> Group:
        lead, (entailed, *others) = d.one(leads), inference(d)
        not_entailed = d.one([pairs for pairs in others if pairs])
        return [
            _example(lead, d.one(pairs), label)
            for label, pairs in enumerate((entailed, not_entailed))
        ]

    return phenomenon


def _example(lead: str, pair: Pair, label: int) -> Example:
    premise, hypothesis = pair
    return Example(sentence(lead + premise), sentence(hypothesis), label)
