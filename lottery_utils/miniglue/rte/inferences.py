"""Groups of inferences, for both halves of the RTE grammar."""

from __future__ import annotations

from collections.abc import Iterable

from lottery_utils.miniglue.grammar import Group
from lottery_utils.miniglue.spelling import sentence
from lottery_utils.tasks import Example

ENTAILMENT, NOT_ENTAILMENT = 0, 1
Pair = tuple[str, str]


def inferences(entailed: Iterable[Pair], not_entailed: Iterable[Pair]) -> Group:
    """A group of premises with hypotheses that follow and such that do not."""
    return [
        Example(sentence(premise), sentence(hypothesis), label)
        for pairs, label in ((entailed, ENTAILMENT), (not_entailed, NOT_ENTAILMENT))
        for premise, hypothesis in pairs
    ]
