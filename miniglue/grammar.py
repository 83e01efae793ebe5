"""What a grammar is, and how words are drawn for it.

A grammar is a tuple of phenomena. A phenomenon is a function from a `Draw` to a group:
a few examples that differ minimally (a sentence and its ungrammatical twin, say). Groups
are the unit of sampling: a group never straddles the training and the validation set.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Example(NamedTuple):
    """One sentence or sentence pair, with the index of its label or, in STS-B, its grade."""

    sentence1: str
    sentence2: str | None
    label: float


Group = list[Example]


class MiniGlueError(ValueError):
    """What was asked for is not in the corpus, in one sentence that says so."""


class Draw:
    """A stream of choices that is the same for the same seed everywhere.

    Built on `random.Random.random` alone, the one method whose sequence Python promises
    to keep between versions.

    Open-class words (nouns, verbs, adjectives) come from `word` and `words`; with
    `all_words` false, every fourth entry of a list is out of bounds. Training sets are
    drawn so: validation then has words that training never showed, as real tasks do.
    """

    def __init__(self, seed: str, *, all_words: bool) -> None:
        self._random = random.Random(seed).random
        self._all_words = all_words

    def one(self, options: Sequence[T]) -> T:
        """One of `options`: a construction, a number, a word of a closed class."""
        return options[int(self._random() * len(options))]

    def coin(self) -> bool:
        return self._random() < 0.5

    def shuffled(self, items: Sequence[T]) -> list[T]:
        keyed = [(self._random(), position) for position in range(len(items))]
        return [items[position] for _, position in sorted(keyed)]

    def word(self, words: Sequence[T]) -> T:
        """One word of an open class."""
        return self.one(self._allowed(words))

    def words(self, words: Sequence[T], count: int) -> list[T]:
        """`count` different words of an open class."""
        return self.shuffled(self._allowed(words))[:count]

    def _allowed(self, words: Sequence[T]) -> Sequence[T]:
        return words if self._all_words else [w for i, w in enumerate(words) if i % 4 != 3]


Phenomenon = Callable[[Draw], Group]


@dataclass(frozen=True)
class Grammar:
    """The phenomena of one task, and the share of each label in a data set drawn from them."""

    phenomena: tuple[Phenomenon, ...]
    label_shares: tuple[float, ...]

    def quotas(self, size: int) -> list[int]:
        """How many examples of each label a data set of `size` has, exactly."""
        ends = [round(size * share) for share in itertools.accumulate(self.label_shares[:-1])]
        return [end - start for start, end in itertools.pairwise([0, *ends, size])]
