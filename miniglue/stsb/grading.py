"""Retelling a scene with some of its parts exchanged, and grading what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from miniglue.alternations import Ways
from miniglue.grammar import Draw, Example, Group
from miniglue.spelling import sentence

BANDS = range(6)
# In how many cases of ten a part that is kept is named by another word, by band of grades.
RENAMED = (0, 0, 2, 5, 8, 9)


class Part(NamedTuple):
    """What a part of a scene counts; words for it, for another like it, and for one that
    belongs in quite another scene."""

    weight: float
    words: Sequence[Any]
    near: Sequence[Any]
    far: Sequence[Any]


def graded(
    d: Draw,
    parts: Sequence[Part],
    ways: Callable[..., Ways],
    twists: Sequence[tuple[float, Callable[..., Ways]]] = (),
) -> Group:
    """A scene with one retelling in each band of grades.

    `ways` turns one word for each part into sentences. A twist keeps all parts and yet
    says something else, such as `ways` with the roles exchanged, at the grade it has.
    """
    words = [d.shuffled(part.words) for part in parts]
    told = d.one(ways(*(w[0] for w in words)))
    group = []
    for band in BANDS:
        options = [
            (_grade(parts, kept), kept, ways) for kept in product((True, False), repeat=len(parts))
        ]
        options += [
            (grade, (True,) * len(parts), twist) for grade, twist in twists for _ in range(4)
        ]
        grade, kept, tell = d.one([option for option in options if int(option[0]) == band])
        renamed = [d.one(range(10)) < RENAMED[band] for _ in parts]
        retold = [
            (w[-1] if again else w[0]) if keep else d.one(part.near if band else part.far)
            for part, w, keep, again in zip(parts, words, kept, renamed, strict=True)
        ]
        ending = d.one([way for way in tell(*retold) if way != told])
        group.append(Example(sentence(told), sentence(ending), grade))
    return group


def _grade(parts: Sequence[Part], kept: Sequence[bool]) -> float:
    weights = [part.weight for part, keep in zip(parts, kept, strict=True) if keep]
    return float(round(sum(weights), 1))
