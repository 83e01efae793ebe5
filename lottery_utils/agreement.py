"""Do the good masks of several seeds agree, and more than chance would have them?

Everything here is told from masks alone: a bool array (seeds, components), True where a
seed's search kept a component (paper, section 5.1). "Chance" is always the same idea:
masks of the very sizes that were found, but drawn at random for every seed on its own.
Whatever large masks share only because they are large, they share by chance too.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class Chance(NamedTuple):
    """An observed value beside what independent masks of the same sizes give.

    `low` and `high` bound 95 % of the random draws, `mean` is their mean.
    """

    observed: float
    mean: float
    low: float
    high: float


def survival(masks: npt.ArrayLike) -> FloatArray:
    """The share of seeds in which each component survives: float64 (components,)."""
    shares: FloatArray = _checked(masks).mean(axis=0)
    return shares


def survival_std(masks: npt.ArrayLike, ddof: int = 1) -> FloatArray:
    """The standard deviation over seeds of "survives" as 0 or 1: float64 (components,).

    `ddof=1` is the sample's, which the paper's figures show, `ddof=0` the population's. With
    five seeds the former can only be 0, 0.447 or 0.548. One seed has none: NaN.
    """
    kept = _checked(masks)
    if len(kept) <= ddof:
        return np.full(kept.shape[1], np.nan)
    spread: FloatArray = kept.std(axis=0, ddof=ddof)
    return spread


def some_but_not_all(masks: npt.ArrayLike) -> float:
    """The share of components that survive with at least one seed and not with every one."""
    kept = _checked(masks)
    return float((kept.any(axis=0) & ~kept.all(axis=0)).mean())


def overlap(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Jaccard's index of two masks (components,): kept by both, of those kept by either.

    Two empty masks are the same mask: 1.
    """
    both = _checked(np.stack([a, b]))
    either = int(both.any(axis=0).sum())
    return int(both.all(axis=0).sum()) / either if either else 1.0


def mean_overlap(masks: npt.ArrayLike) -> float:
    """The mean of Jaccard's index over all pairs of seeds; NaN with one seed."""
    pairs = [overlap(a, b) for a, b in itertools.combinations(_checked(masks), 2)]
    return float(np.mean(pairs)) if pairs else float("nan")


def fleiss_kappa(masks: npt.ArrayLike) -> float:
    """Fleiss' kappa (1971), seeds being the raters who call each component kept or removed.

    1 for equal masks, 0 for the agreement that the overall share of kept components gives
    by chance. NaN, undefined, with one seed or where all is kept or all removed.
    """
    kept = _checked(masks)
    if len(kept) < 2 or kept.all() or not kept.any():
        return float("nan")
    from statsmodels.stats.inter_rater import fleiss_kappa as of_table

    n_kept = kept.sum(axis=0)
    return float(of_table(np.stack([n_kept, len(kept) - n_kept], axis=1)))


def krippendorff_alpha(masks: npt.ArrayLike) -> float:
    """Krippendorff's alpha for nominal values: kappa's sibling, corrected for few seeds.

    NaN, undefined, with one seed or where all is kept or all removed.
    """
    kept = _checked(masks)
    if len(kept) < 2 or kept.all() or not kept.any():
        return float("nan")
    from krippendorff import alpha

    return float(alpha(reliability_data=kept.astype(int), level_of_measurement="nominal"))


class CochranQ(NamedTuple):
    """Cochran's Q (1950) with its p value, by the chi-squared distribution."""

    statistic: float
    p_value: float


def cochran_q(masks: npt.ArrayLike) -> CochranQ:
    """Cochran's Q with seeds as treatments: do the seeds keep equally *many* components?

    The paper reads it as a test of agreement. It is none: masks of one size have Q = 0 and
    p = 1, whether they are the same or share nothing. NaN, undefined, with one seed or
    where all seeds agree on every component.
    """
    kept = _checked(masks)
    if len(kept) < 2 or not some_but_not_all(kept):
        return CochranQ(float("nan"), float("nan"))
    from statsmodels.stats.contingency_tables import cochrans_q

    test = cochrans_q(kept.T.astype(int))
    return CochranQ(float(test.statistic), float(test.pvalue))


def random_masks(masks: npt.ArrayLike, rng: np.random.Generator) -> BoolArray:
    """Independent masks of the same sizes, one for each seed: bool (seeds, components)."""
    return rng.permuted(_checked(masks), axis=1)


def against_chance(
    statistic: str, masks: npt.ArrayLike, *, n_draws: int = 1000, seed: int = 0
) -> Chance:
    """A statistic of the masks beside its distribution over `random_masks`.

    `statistic` is one of `STATISTICS`. The draws are seeded, so that a page says the same
    whenever it is made. Raises `KeyError` for other names.
    """
    function = STATISTICS[statistic]
    rng, kept = np.random.default_rng(seed), _checked(masks)
    draws = [function(random_masks(kept, rng)) for _ in range(n_draws)]
    return _beside(function(kept), draws)


def kappa_by_layer(masks: npt.ArrayLike, *, n_draws: int = 1000, seed: int = 0) -> Chance:
    """Fleiss' kappa of masks (seeds, layers, heads), beside masks that keep as many heads of
    every layer, but others. What exceeds it is agreement about heads, not only about layers."""
    rng, kept = np.random.default_rng(seed), np.asarray(masks, bool)
    n_seeds = len(kept)
    draws = [fleiss_kappa(rng.permuted(kept, axis=2).reshape(n_seeds, -1)) for _ in range(n_draws)]
    return _beside(fleiss_kappa(kept.reshape(n_seeds, -1)), draws)


def _beside(observed: float, draws: list[float]) -> Chance:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Chance(observed, float(np.mean(draws)), float(low), float(high))


def _mean_std(masks: npt.ArrayLike) -> float:
    return float(survival_std(masks).mean())


STATISTICS = {
    "some but not all": some_but_not_all,
    "mean std": _mean_std,
    "mean overlap": mean_overlap,
    "Fleiss' kappa": fleiss_kappa,
    "Krippendorff's alpha": krippendorff_alpha,
}


def shared(a: npt.ArrayLike, b: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Chance:
    """How many components two masks (components,) both keep, beside chance.

    By chance b keeps other components, as many of each of the `groups` (components,), such as
    layers; without groups, as many of all. The distribution is exact: hypergeometric in
    every group, and `low` and `high` bound its central 95 % at the least.
    """
    from scipy.stats import hypergeom

    both = _checked(np.stack([a, b]))
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


def votes(masks: npt.ArrayLike) -> FloatArray:
    """How many components are kept by no seed, by one, ..., by all: float64 (seeds + 1,).

    Millions of weights are too many to list; what `of_votes` needs of them are these counts.
    """
    kept = _checked(masks)
    return np.bincount(kept.sum(axis=0), minlength=len(kept) + 1).astype(np.float64)


def expected_votes(shares: npt.ArrayLike, n_components: int) -> FloatArray:
    """The votes, on average, where each seed keeps its share (seeds,) at random, by itself."""
    distribution = np.ones(1)
    for share in np.asarray(shares, float):  # of a sum of independent zeros and ones
        distribution = np.convolve(distribution, [1 - share, share])
    return n_components * distribution


def of_votes(counts: npt.ArrayLike) -> dict[str, float]:
    """`some but not all`, `mean std` and `Fleiss' kappa`, from votes (seeds + 1,).

    The same numbers as from the masks themselves. NaN where they are undefined.
    """
    of_each = np.asarray(counts, float)
    n_seeds, n = len(of_each) - 1, of_each.sum()
    kept = np.arange(n_seeds + 1)
    variance = kept * (n_seeds - kept) / n_seeds / max(n_seeds - 1, 1)
    share = float(kept @ of_each / (n_seeds * n))
    disagreeing = float((kept * (n_seeds - kept)) @ of_each / n)  # pairs of seeds, per component
    n_pairs = n_seeds * (n_seeds - 1) / 2
    by_chance = 2 * share * (1 - share)
    undefined = n_seeds < 2 or by_chance == 0
    return {
        "some but not all": float(of_each[1:-1].sum() / n),
        "mean std": float(np.sqrt(variance) @ of_each / n) if n_seeds > 1 else float("nan"),
        "Fleiss' kappa": float("nan") if undefined else 1 - disagreeing / n_pairs / by_chance,
    }


def _checked(masks: npt.ArrayLike) -> BoolArray:
    """A bool array (seeds, components), or `ValueError`."""
    values = np.asarray(masks)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"expected masks of shape (seeds, components), not {values.shape}")
    if not np.isin(values, (0, 1)).all():
        raise ValueError("a mask holds True and False, or 1 and 0, and nothing else")
    return values.astype(bool)
