"""Do masks agree more than masks of their sizes would, drawn at random for every seed on its own?

What large masks share only because they are large, they share by chance too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, FloatArray, checked


class Chance(NamedTuple):
    """An observed value with its chance level: the mean, and the bounds of 95 % of the draws."""

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
    """One of `STATISTICS` of masks (seeds, components), with its distribution over
    `random_masks`. The draws are seeded. Raises `KeyError` for other statistics."""
    measure, kept = STATISTICS[statistic], checked(masks)
    return beside(measure, kept, random_masks(kept, np.random.default_rng(seed), n_draws))


def kappa_by_layer(masks: npt.ArrayLike, *, n_draws: int = 1000, seed: int = 0) -> Chance:
    """Fleiss' kappa of masks (seeds, layers, heads), with that of masks that keep as many heads of
    every layer, but others. What exceeds it is agreement about heads, not only about layers."""
    rng, kept = np.random.default_rng(seed), np.asarray(masks, bool)
    drawn = rng.permuted(np.broadcast_to(kept, (n_draws, *kept.shape)), axis=3)
    n_seeds = len(kept)
    return beside(_kappa, kept.reshape(n_seeds, -1), drawn.reshape(n_draws, n_seeds, -1))


def beside(measure: Measure, kept: BoolArray, drawn: BoolArray) -> Chance:
    """A measure of masks (seeds, components), with its values for `drawn` ones (draws, ...)."""
    draws = measure(drawn)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Chance(float(measure(kept[None])[0]), float(draws.mean()), float(low), float(high))


# Measures of many sets of masks at once, bool (draws, seeds, components) to float64 (draws,): a
# thousand calls of the libraries would take seconds. Tests hold them to each other.
Measure = Callable[[BoolArray], FloatArray]


def _of_votes(statistic: str) -> Measure:
    def measure(drawn: BoolArray) -> FloatArray:
        kept = drawn.sum(axis=1)
        votes = [(kept == n).sum(axis=1) for n in range(drawn.shape[1] + 1)]
        found: FloatArray = agreement.of_votes(np.stack(votes, axis=1))[statistic]
        return found

    return measure


def _mean_overlap(drawn: BoolArray) -> FloatArray:
    found = []
    for a, b in itertools.combinations(range(drawn.shape[1]), 2):
        both = (drawn[:, a] & drawn[:, b]).sum(axis=1)
        either = (drawn[:, a] | drawn[:, b]).sum(axis=1)
        found.append(np.where(either > 0, both / np.maximum(either, 1), 1.0))
    means: FloatArray = np.mean(found, axis=0) if found else np.full(len(drawn), np.nan)
    return means


def _alpha(drawn: BoolArray) -> FloatArray:
    """Alpha is kappa with the finite number of ratings taken into account."""
    n_ratings = drawn[0].size
    alphas: FloatArray = 1 - (1 - _kappa(drawn)) * (n_ratings - 1) / n_ratings
    return alphas


_kappa = _of_votes("Fleiss' kappa")
STATISTICS: dict[str, Measure] = {
    "some but not all": _of_votes("some but not all"),
    "mean std": _of_votes("mean std"),
    "mean overlap": _mean_overlap,
    "Fleiss' kappa": _kappa,
    "Krippendorff's alpha": _alpha,
}


@cache  # pairs of tasks ask for the same few again and again, of which each takes a millisecond
def _hypergeometric(n: int, a: int, b: int) -> FloatArray:
    """The chance that two masks of `a` and `b` among `n` components share 0, 1, ... of them."""
    from scipy.stats import hypergeom

    found: FloatArray = hypergeom.pmf(np.arange(min(a, b) + 1), n, a, b)
    return found


def shared(a: npt.ArrayLike, b: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Chance:
    """How many components two masks (components,) both keep, and the chance level:
    b keeps others, as many of each of the `groups` (components,), such as layers.

    The distribution is exact, hypergeometric in every group; `low` and `high` bound its central
    95 % at the least.
    """
    both = checked(np.stack([a, b]))
    places = np.zeros(both.shape[1], int) if groups is None else np.asarray(groups)
    distribution = np.ones(1)
    for group in np.unique(places):
        kept_a, kept_b = both[:, places == group].sum(axis=1)
        n = int((places == group).sum())
        distribution = np.convolve(distribution, _hypergeometric(n, int(kept_a), int(kept_b)))
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
