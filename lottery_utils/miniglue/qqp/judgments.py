"""Groups of duplicate and different questions, for both halves of the QQP grammar."""

from __future__ import annotations

from lottery_utils.miniglue.alternations import Ways, two
from lottery_utils.miniglue.grammar import Draw, Group
from lottery_utils.miniglue.spelling import sentence
from lottery_utils.tasks import Example

NOT_DUPLICATE, DUPLICATE = 0, 1


def compared(d: Draw, truth: Ways, lie: Ways) -> Group:
    """One duplicate to two near misses, much as in QQP. The ways come without "?"."""
    same, different = two(d, truth, lie)
    labeled = [(d.one(same), DUPLICATE)] + [(pair, NOT_DUPLICATE) for pair in different]
    return [
        Example(sentence(f"{one}?"), sentence(f"{other}?"), label)
        for (one, other), label in labeled
    ]
