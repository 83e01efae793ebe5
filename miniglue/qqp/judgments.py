"""Groups of duplicate and different questions, for both halves of the QQP grammar."""

from __future__ import annotations

from miniglue.alternations import Ways, two
from miniglue.grammar import Draw, Example, Group
from miniglue.spelling import sentence

NOT_DUPLICATE, DUPLICATE = 0, 1


def compared(d: Draw, truth: Ways, lie: Ways) -> Group:
    """One duplicate to two near misses, much as in QQP. The ways come without "?"."""
    same, different = two(d, truth, lie)
    labeled = [(d.one(same), DUPLICATE)] + [(pair, NOT_DUPLICATE) for pair in different]
    return [
        Example(sentence(f"{one}?"), sentence(f"{other}?"), label)
        for (one, other), label in labeled
    ]
