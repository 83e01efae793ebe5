"""Numbers that pages and claims take from the masks and attention maps of one task's records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


def equal_heads(entries: TaskRecords) -> dict[str, BoolArray]:
    """The heads of all seeds at one size: bool (seeds, heads), by how they were chosen.

    `cut`: the searches' masks when as many heads were left as the largest good one keeps, the last
    of a step being the one with the highest score. `top half`: the more important half of all heads
    in the full model, as the search scores it.
    """
    good = good_masks(entries, "heads")
    size, half = int(good.sum(axis=1).max()), good.shape[1] // 2
    cut, top = np.ones_like(good), np.zeros_like(good)
    for row, found in enumerate(entries.results("search")):
        n_heads = len(found["steps"][0]["head_scores"][0])
        passing = [step["removed_heads"] for step in found["steps"] if step["passed"]]
        removed = [layer * n_heads + head for heads in passing for layer, head in heads]
        cut[row, removed[: good.shape[1] - size]] = False
        scores = np.ravel(found["steps"][0]["head_scores"])
        top[row, np.argsort(-scores, kind="stable")[:half]] = True
    return {"cut": cut, "top half": top}


class PairOfWeights(NamedTuple):
    """Two seeds' good masks of weights: the shares kept, Fleiss' kappa, and the most that it can be
    of masks of these sizes; NaN where undefined."""

    shares: tuple[float, float]
    kappa: float
    most: float


def pairs_of_weights(overlap: Record) -> dict[tuple[str, str], PairOfWeights]:
    """Of each pair of seeds, from the record of the overlap of their good masks of weights."""
    results = overlap["results"]
    n_weights = int(sum(map(sum, results["votes"].values())))
    kept = np.array([*results["kept"].values()], np.int64).sum(axis=0).tolist()
    seeds = [*results["made_from"]]
    found = {}
    for at, both in zip(itertools.combinations(range(len(seeds)), 2), results["both"], strict=True):
        a, b = (kept[i] for i in at)
        kappas = [
            float(agreement.of_votes([n_weights - a - b + n, a + b - 2 * n, n])["Fleiss' kappa"])
            for n in (both, min(a, b))
        ]
        one, other = (seeds[i] for i in at)
        found[one, other] = PairOfWeights((a / n_weights, b / n_weights), *kappas)
    return found


def kappa_at_one_density(overlap: Record | None) -> float:
    """The mean kappa of pairs of seeds whose good masks keep as many weights; NaN without any."""
    pairs = pairs_of_weights(overlap).values() if overlap else ()
    same = [pair.kappa for pair in pairs if pair.most == 1]
    return float(np.mean(same)) if same else math.nan


def rise(ticket: Mapping[str, Any], step: float) -> float:
    """How much the loss rises around a retrained ticket, in nats: the mean over its directions and
    both signs of a step, minus that at 0. NaN where the record does not say so."""
    return float(_changes(ticket, step).mean())


def steepest(ticket: Mapping[str, Any], step: float) -> float:
    """The largest change of the loss in any of these directions, of either sign."""
    return float(np.abs(_changes(ticket, step)).max())


def _changes(ticket: Mapping[str, Any], step: float) -> npt.NDArray[np.float64]:
    """How a step changes the loss: float64 (directions, signs)."""
    if "landscape" not in ticket:
        return np.array([[math.nan]])
    radii = ticket["landscape"]["radii"]
    loss = np.array(ticket["landscape"]["loss"])
    ends, start = loss[:, [radii.index(step), radii.index(-step)]], loss[:, [radii.index(0)]]
    changes: npt.NDArray[np.float64] = ends - start
    return changes


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
