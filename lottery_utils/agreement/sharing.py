"""What the good subnetworks of two tasks share, and the chance level: masks of the same
sizes, and masks of the same sizes in every layer (section 5.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, chance
from lottery_utils.agreement.chance import Chance
from lottery_utils.masks import StructuredMask

Seeds = Mapping[int, StructuredMask]  # the good mask of each seed
PARTS = ("heads", "mlps")


@dataclass(frozen=True)
class Shared:
    """What two tasks share, seed by seed, with the chance level by size and by layer profile."""

    by_size: list[Chance]
    by_layer: list[Chance]

    @property
    def observed(self) -> npt.NDArray[np.float64]:
        """How many components both keep: float64 (seeds,)."""
        return np.array([found.observed for found in self.by_size])

    @property
    def excess(self) -> npt.NDArray[np.float64]:
        """How many more than masks of the same layer profile share: float64 (seeds,)."""
        return np.array([found.observed - found.mean for found in self.by_layer])

    @property
    def beyond(self) -> int:
        """In how many seeds more is shared than the layer profile explains (97.5 %)."""
        return sum(found.observed > found.high for found in self.by_layer)


def between(one: Seeds, other: Seeds, part: str) -> Shared:
    """What two tasks share with each seed that both have; `part` is heads or mlps. An MLP is alone
    in its layer: for `mlps` chance is by size both times.
    """
    seeds = [seed for seed in one if seed in other]
    if not seeds:
        return Shared([], [])
    pairs = [(getattr(one[s], part).ravel(), getattr(other[s], part).ravel()) for s in seeds]
    by_size = [chance.shared(a, b) for a, b in pairs]
    if part == "mlps":
        return Shared(by_size, by_size)
    n_layers, n_heads = one[seeds[0]].heads.shape
    layers = np.repeat(np.arange(n_layers), n_heads)
    return Shared(by_size, [chance.shared(a, b, layers) for a, b in pairs])


def survive_all(masks: Seeds, part: str = "heads") -> BoolArray:
    """The components that every seed keeps: bool (components,)."""
    kept: BoolArray = np.all([getattr(mask, part).ravel() for mask in masks.values()], axis=0)
    return kept


def limits(kept: Mapping[str, Mapping[int, int]], n_heads: int) -> list[float]:
    """The most that Fleiss' kappa of two tasks' masks can be, by how many of `n_heads` heads they
    keep: `kept` says it by task and seed. One value for each pair of tasks and seed that both have;
    where both keep all heads, or none, kappa is undefined and left out.
    """
    sizes = [
        (n, kept[other][seed])
        for one, other in combinations(kept, 2)
        for seed, n in kept[one].items()
        if seed in kept[other]
    ]
    defined = [both for both in sizes if 0 < sum(both) < 2 * n_heads]
    return [agreement.fleiss_kappa(agreement.nested(both, n_heads)) for both in defined]


@dataclass(frozen=True)
class Pair:
    """What two tasks share: heads and MLPs by seed, super-survivors, and the overlap (Jaccard's
    index) of the heads by seed, float64 (seeds,)."""

    heads: Shared
    mlps: Shared
    survivors: Chance
    overlap: list[float]

    @classmethod
    def of(cls, one: Seeds, other: Seeds) -> Pair:
        return cls(
            between(one, other, "heads"),
            between(one, other, "mlps"),
            chance.shared(survive_all(one), survive_all(other)),
            [agreement.overlap(one[s].heads.ravel(), other[s].heads.ravel()) for s in one],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists; the inverse is `Pair.from_json`."""
        return {
            "heads": {"by_size": _rows(self.heads.by_size), "by_layer": _rows(self.heads.by_layer)},
            "mlps": _rows(self.mlps.by_size),
            "survivors": _rows([self.survivors])[0],
            "overlap": [round(value, 9) for value in self.overlap],
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Pair:
        counts = (found["heads"]["by_size"], found["heads"]["by_layer"], found["mlps"])
        by_size, by_layer, mlps = ([Chance(*row) for row in rows] for rows in counts)
        heads, survivors = Shared(by_size, by_layer), Chance(*found["survivors"])
        return cls(heads, Shared(mlps, mlps), survivors, found["overlap"])


@dataclass(frozen=True)
class Sharing:
    """What every pair of a model's `tasks` shares, over the same `seeds`.

    By task, `kept` has the heads that each seed keeps and `n_super` those that all keep, of
    `n_heads` in all. `pairs` has every pair once, in the order of the tasks.
    """

    seeds: tuple[int, ...]
    n_heads: int
    kept: Mapping[str, list[int]]
    n_super: Mapping[str, int]
    pairs: Mapping[tuple[str, str], Pair] = field(default_factory=dict)

    @property
    def tasks(self) -> list[str]:
        return list(self.kept)

    @property
    def limits(self) -> list[float]:
        """The most that kappa of two tasks' masks can be at their sizes, by pair and seed."""
        return limits({task: dict(enumerate(n)) for task, n in self.kept.items()}, self.n_heads)

    @classmethod
    def of(cls, every: Mapping[str, Seeds]) -> Sharing:
        """From the masks of all tasks, each with the same seeds in the same order."""
        first = next(iter(every.values()), None)
        if not first:
            return cls((), 0, {}, {})
        return cls(
            tuple(first),
            next(iter(first.values())).heads.size,
            {task: [mask.n_heads for mask in of.values()] for task, of in every.items()},
            {task: int(survive_all(of).sum()) for task, of in every.items()},
            {pair: Pair.of(*map(every.__getitem__, pair)) for pair in combinations(every, 2)},
        )

    def only(self, tasks: Collection[str]) -> Sharing:
        """The same of fewer tasks."""
        return Sharing(
            self.seeds,
            self.n_heads,
            {task: n for task, n in self.kept.items() if task in tasks},
            {task: n for task, n in self.n_super.items() if task in tasks},
            {pair: found for pair, found in self.pairs.items() if set(pair) <= set(tasks)},
        )

    def of_pair(self, one: str, other: str) -> Pair:
        """The same in either order of the two. Raises `KeyError` for others."""
        return self.pairs[(one, other) if (one, other) in self.pairs else (other, one)]


def _rows(chances: list[Chance]) -> list[list[float]]:
    return [[round(value, 9) for value in chance] for chance in chances]
