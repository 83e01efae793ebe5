"""Do masks agree more than chance would have them?

"Chance" is always the same idea: masks of the very sizes that were found, but drawn at random
for every seed on its own. Whatever large masks share only because they are large, they share by
chance too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, FloatArray, checked


class Chance(NamedTuple):
    """An observed value beside what independent masks of the same sizes give.

    `low` and `high` bound 95 % of the random draws, `mean` is their mean.
    """

    observed: float
    mean: float
    low: float
    high: float


def random_masks(masks: npt.ArrayLike, rng: np.random.Generator, n_draws: int) -> BoolArray:
    """Independent masks of the same sizes, one for each seed: bool (draws, seeds, components)."""
    kept = checked(masks)
    return rng.permuted(np.broadcast_to(kept, (n_draws, *kept.shape)), axis=2)


def against_chance(
    statistic: str, masks: npt.ArrayLike, *, n_draws: int = 1000, seed: int = 0
) -> Chance:
    """A statistic of the masks beside its distribution over `random_masks`.

    `statistic` is one of `STATISTICS`. The draws are seeded, so that a page says the same
    whenever it is made. Raises `KeyError` for other names.
    """
    measure, kept = STATISTICS[statistic], checked(masks)
    drawn = random_masks(kept, np.random.default_rng(seed), n_draws)
    return _beside(measure.of_one(kept), measure.of_many(drawn))


def kappa_by_layer(masks: npt.ArrayLike, *, n_draws: int = 1000, seed: int = 0) -> Chance:
    """Fleiss' kappa of masks (seeds, layers, heads), beside masks that keep as many heads of
    every layer, but others. What exceeds it is agreement about heads, not only about layers."""
    rng, kept = np.random.default_rng(seed), np.asarray(masks, bool)
    drawn = rng.permuted(np.broadcast_to(kept, (n_draws, *kept.shape)), axis=3)
    return _beside(
        agreement.fleiss_kappa(kept.reshape(len(kept), -1)),
        _kappas(drawn.reshape(n_draws, len(kept), -1)),
    )


def _beside(observed: float, draws: FloatArray) -> Chance:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Chance(observed, float(np.mean(draws)), float(low), float(high))


# The same statistics of many sets of masks at once, bool (draws, seeds, components) to float64
# (draws,): a thousand calls of the libraries would take seconds. Tests hold them to each other.


def _some_but_not_all(drawn: BoolArray) -> FloatArray:
    shares: FloatArray = (drawn.any(axis=1) & ~drawn.all(axis=1)).mean(axis=1)
    return shares


def _mean_stds(drawn: BoolArray) -> FloatArray:
    n_seeds = drawn.shape[1]
    if n_seeds < 2:
        return np.full(len(drawn), np.nan)
    kept = drawn.sum(axis=1)
    stds: FloatArray = np.sqrt(kept * (n_seeds - kept) / n_seeds / (n_seeds - 1)).mean(axis=1)
    return stds


def _mean_overlaps(drawn: BoolArray) -> FloatArray:
    pairs = list(itertools.combinations(range(drawn.shape[1]), 2))
    if not pairs:
        return np.full(len(drawn), np.nan)
    found = []
    for a, b in pairs:
        both = (drawn[:, a] & drawn[:, b]).sum(axis=1)
        either = (drawn[:, a] | drawn[:, b]).sum(axis=1)
        found.append(np.where(either > 0, both / np.maximum(either, 1), 1.0))
    means: FloatArray = np.mean(found, axis=0)
    return means


def _kappas(drawn: BoolArray) -> FloatArray:
    n_seeds, share = drawn.shape[1], float(drawn[0].mean())
    by_chance = 2 * share * (1 - share)
    if n_seeds < 2 or not by_chance:
        return np.full(len(drawn), np.nan)
    kept = drawn.sum(axis=1)
    disagreeing = (kept * (n_seeds - kept)).mean(axis=1) / (n_seeds * (n_seeds - 1) / 2)
    kappas: FloatArray = 1 - disagreeing / by_chance
    return kappas


def _alphas(drawn: BoolArray) -> FloatArray:
    """Alpha is kappa with the finite number of ratings taken into account."""
    n_ratings = drawn[0].size
    alphas: FloatArray = 1 - (1 - _kappas(drawn)) * (n_ratings - 1) / n_ratings
    return alphas


def _mean_std(masks: npt.ArrayLike) -> float:
    return float(agreement.survival_std(masks).mean())


class Statistic(NamedTuple):
    """A measure of agreement: of masks (seeds, components), and of many such sets at once."""

    of_one: Callable[[BoolArray], float]
    of_many: Callable[[BoolArray], FloatArray]


STATISTICS = {
    "some but not all": Statistic(agreement.some_but_not_all, _some_but_not_all),
    "mean std": Statistic(_mean_std, _mean_stds),
    "mean overlap": Statistic(agreement.mean_overlap, _mean_overlaps),
    "Fleiss' kappa": Statistic(agreement.fleiss_kappa, _kappas),
    "Krippendorff's alpha": Statistic(agreement.krippendorff_alpha, _alphas),
}


def shared(a: npt.ArrayLike, b: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Chance:
    """How many components two masks (components,) both keep, beside chance.

    By chance b keeps other components, as many of each of the `groups` (components,), such as
    layers; without groups, as many of all. The distribution is exact: hypergeometric in
    every group, and `low` and `high` bound its central 95 % at the least.
    """
    from scipy.stats import hypergeom

    both = checked(np.stack([a, b]))
    places = np.zeros(both.shape[1], int) if groups is None else np.asarray(groups)
    distribution = np.ones(1)
    for group in np.unique(places):
        kept_a, kept_b = both[:, places == group].sum(axis=1)
        n = int((places == group).sum())
        of_group = hypergeom(n, kept_a, kept_b).pmf(np.arange(min(kept_a, kept_b) + 1))
        distribution = np.convolve(distribution, of_group)
    below = np.cumsum(distribution)
    counts = np.arange(len(distribution))
    return Chance(
        float(both.all(axis=0).sum()),
        float(counts @ distribution),
        float(np.searchsorted(below, 0.025)),
        float(min(np.searchsorted(below, 0.975), counts[-1])),
    )


def expected_votes(shares: npt.ArrayLike, n_components: int) -> FloatArray:
    """The votes, on average, where each seed keeps its share (seeds,) at random, by itself."""
    distribution = np.ones(1)
    for share in np.asarray(shares, float):  # of a sum of independent zeros and ones
        distribution = np.convolve(distribution, [1 - share, share])
    return n_components * distribution
