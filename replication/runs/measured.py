"""Numbers that pages and claims take from the masks and attention maps of one task's records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, chance
from lottery_utils.agreement.sharing import survive_all
from lottery_utils.patterns.maps import TYPES
from replication.runs.records import TaskRecords
from replication.store import Record

Counts = npt.NDArray[np.int64]


def good_masks(entries: TaskRecords, part: str) -> BoolArray:
    """The good masks of all seeds: bool (seeds, components), `part` being heads or mlps."""
    return np.stack([getattr(mask, part).ravel() for mask in entries.masks.values()])


def agreement_of_weights(
    overlap: Record,
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """The measures of agreement over seeds of weight masks, from the record of their overlap:
    observed, by chance for masks of the same sizes, and for the same sizes in every matrix."""
    results = overlap["results"]
    votes = [np.array(of_matrix, float) for of_matrix in results["votes"].values()]
    kept = np.array([*results["kept"].values()], float)  # (matrices, seeds)
    sizes = np.array([of_matrix.sum() for of_matrix in votes])
    of_seeds, n_weights = kept.sum(axis=0), sizes.sum()
    shares = kept / sizes[:, None]
    pairs = [*itertools.combinations(range(len(of_seeds)), 2)]
    by_matrix = zip(shares, sizes, strict=True)
    found = (
        (sum(votes), results["both"]),
        (
            chance.expected_votes(of_seeds / n_weights, int(n_weights)),
            [of_seeds[a] * of_seeds[b] / n_weights for a, b in pairs],
        ),
        (
            sum(chance.expected_votes(of_matrix, int(size)) for of_matrix, size in by_matrix),
            [(shares[:, a] * shares[:, b]) @ sizes for a, b in pairs],
        ),
    )
    observed, by_size, by_shape = (
        {**agreement.of_votes(of), "mean overlap": _jaccard(of_seeds, both)} for of, both in found
    )
    return observed, by_size, by_shape


def _jaccard(sizes: npt.NDArray[np.float64], both: Sequence[float]) -> float:
    """The mean over pairs of what both keep, of what either keeps; of equal nothings it is 1."""
    either = [a + b - n for n, (a, b) in zip(both, itertools.combinations(sizes, 2), strict=True)]
    return float(np.mean([n / of if of else 1.0 for n, of in zip(both, either, strict=True)]))


def counts(entries: TaskRecords, state: str, weighting: str) -> Counts:
    """Maps of each type by head, over all seeds: int64 (heads, types)."""
    found = [r["results"]["counts"][state][weighting] for r in entries.stage("attention").values()]
    total: Counts = np.array(found).sum(axis=0).reshape(-1, len(TYPES))
    return total


def shares(entries: TaskRecords, state: str, weighting: str) -> dict[str, dict[str, float]]:
    """The share of each type, for super-survivors (if there are any) and for all heads."""
    by_head, chosen = counts(entries, state, weighting), survive_all(entries.masks)
    found = {}
    for who, heads in (("super", chosen), ("all", np.ones_like(chosen))):
        if heads.any():
            total = by_head[heads].sum(axis=0)
            found[who] = dict(zip(TYPES, (total / total.sum()).tolist(), strict=True))
    return found


def phi(chosen: npt.NDArray[np.bool_], by_head: Counts) -> float:
    """Pearson's r of two yes-or-no questions about a map: is its head among `chosen` (heads,),
    and is it heterogeneous? `by_head` is (heads, types). NaN where either has one answer only.
    """
    n, hits = by_head.sum(), by_head[:, TYPES.index("heterogeneous")]
    inside, yes = by_head[chosen].sum() / n, hits.sum() / n
    both = hits[chosen].sum() / n
    spread = inside * (1 - inside) * yes * (1 - yes)
    return float((both - inside * yes) / math.sqrt(spread)) if spread > 0 else math.nan
