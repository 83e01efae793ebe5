"""Groups of acceptability judgments, for all parts of the CoLA grammar."""

from __future__ import annotations

from collections.abc import Iterable

from miniglue.grammar import Example, Group
from miniglue.spelling import sentence

UNACCEPTABLE, ACCEPTABLE = 0, 1


def judged(good: Iterable[str], bad: Iterable[str]) -> Group:
    """A group of acceptable and unacceptable sentences; those that end in "?" are questions."""
    return [
        Example(sentence(text), None, label)
        for texts, label in ((good, ACCEPTABLE), (bad, UNACCEPTABLE))
        for text in texts
    ]
