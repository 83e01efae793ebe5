"""Survivors over seeds: which components all seeds keep, none keeps, or some (section 5.1).

As tickets all three kinds have as many heads and as many MLPs as there are super-survivors: where
a kind has too few of its own, others fill the places, and how many did is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.masks import StructuredMask

KINDS = ("super", "in_between", "anti")
# Which components a kind takes, and where it looks when it runs short.
_ORDER = {"super": ("all",), "in_between": ("some", "none", "all"), "anti": ("none", "some", "all")}


@dataclass(frozen=True)
class Survivors:
    """A mask of one kind, and how many of its heads and MLPs survive with `all`, `some`, `none`."""

    mask: StructuredMask
    heads_from: dict[str, int]
    mlps_from: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "mask": self.mask.to_json()}


def survivors(
    masks: Sequence[StructuredMask], seed: int | Sequence[int] = 0
) -> dict[str, Survivors]:
    """The three kinds, by name (`KINDS`), from a good mask for each of two or more seeds; `seed`
    decides what is drawn. Raises `ValueError` for fewer masks or masks of different shapes.
    """
    if len(masks) < 2:
        raise ValueError(f"survivors over seeds need at least two masks, not {len(masks)}")
    if len({mask.heads.shape for mask in masks}) > 1:
        raise ValueError("the masks are of different shapes")
    rng = np.random.default_rng(seed)
    heads = _parts(np.stack([mask.heads for mask in masks]), rng)
    mlps = _parts(np.stack([mask.mlps for mask in masks]), rng)
    masks_of = {kind: StructuredMask(heads[kind][0], mlps[kind][0]) for kind in KINDS}
    return {kind: Survivors(mask, heads[kind][1], mlps[kind][1]) for kind, mask in masks_of.items()}


def _parts(
    kept: npt.NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, tuple[npt.NDArray[np.bool_], dict[str, int]]]:
    classes = {
        "all": kept.all(axis=0),
        "some": kept.any(axis=0) & ~kept.all(axis=0),
        "none": ~kept.any(axis=0),
    }
    size = int(classes["all"].sum())
    found = {}
    for kind in KINDS:
        chosen, taken = np.zeros(classes["all"].size, bool), dict.fromkeys(classes, 0)
        for name in _ORDER[kind]:
            places = np.flatnonzero(classes[name])
            n = min(len(places), size - sum(taken.values()))
            chosen[rng.choice(places, n, replace=False)] = True
            taken[name] = n
        found[kind] = (chosen.reshape(kept.shape[1:]), taken)
    return found
