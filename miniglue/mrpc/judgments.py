"""Groups of paraphrases and near misses, for both halves of the MRPC grammar."""

from __future__ import annotations

from miniglue.alternations import Ways, two
from miniglue.grammar import Draw, Example, Group
from miniglue.spelling import sentence

NOT_EQUIVALENT, EQUIVALENT = 0, 1


def compared(d: Draw, truth: Ways, lie: Ways) -> Group:
    """Two paraphrases to one near miss, as in MRPC."""
    same, different = two(d, truth, lie)
    labeled = [(pair, EQUIVALENT) for pair in same] + [(d.one(different), NOT_EQUIVALENT)]
    return [Example(sentence(one), sentence(other), label) for (one, other), label in labeled]
