"""Do the good masks of several seeds agree?

Told from masks alone: bool (seeds, components), True where a seed keeps a component (section 5.1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


def survival(masks: npt.ArrayLike) -> FloatArray:
    """The share of seeds in which each component survives: float64 (components,)."""
    shares: FloatArray = checked(masks).mean(axis=0)
    return shares


def survival_std(masks: npt.ArrayLike, ddof: int = 1) -> FloatArray:
    """The standard deviation over seeds of "survives" as 0 or 1: float64 (components,).

    `ddof=1` is the sample's, as in the paper's figures: with five seeds 0, 0.447 or 0.548. One
    seed has none: NaN.
    """
    kept = checked(masks)
    if len(kept) <= ddof:
        return np.full(kept.shape[1], np.nan)
    spread: FloatArray = kept.std(axis=0, ddof=ddof)
    return spread


def some_but_not_all(masks: npt.ArrayLike) -> float:
    """The share of components that survive with at least one seed and not with every one."""
    kept = checked(masks)
    return float((kept.any(axis=0) & ~kept.all(axis=0)).mean())


def overlap(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Jaccard's index of two masks (components,): kept by both, of those kept by either; or 1."""
    both = checked(np.stack([a, b]))
    either = int(both.any(axis=0).sum())
    return int(both.all(axis=0).sum()) / either if either else 1.0


def fleiss_kappa(masks: npt.ArrayLike) -> float:
    """Fleiss' kappa (1971), seeds being the raters who call each component kept or removed.

    1 for equal masks, 0 for what the overall share of kept components gives by chance. NaN,
    undefined, with one seed or where all is kept or all removed.
    """
    kept = checked(masks)
    if len(kept) < 2 or kept.all() or not kept.any():
        return float("nan")
    from statsmodels.stats.inter_rater import fleiss_kappa as of_table

    n_kept = kept.sum(axis=0)
    return float(of_table(np.stack([n_kept, len(kept) - n_kept], axis=1)))


def nested(sizes: npt.ArrayLike, n_components: int) -> BoolArray:
    """Masks of these `sizes` (seeds,) that agree as far as such can, each within all larger ones.

    Their kappa is the most that any masks of these sizes have: 1 only where all are of one size.
    """
    found: BoolArray = np.arange(n_components) < np.asarray(sizes)[:, None]
    return found


class CochranQ(NamedTuple):
    """Cochran's Q (1950) with its p value, by the chi-squared distribution."""

    statistic: float
    p_value: float


def cochran_q(masks: npt.ArrayLike) -> CochranQ:
    """Cochran's Q with seeds as treatments: do the seeds keep equally *many* components?

    It is no test of agreement: masks of one size have Q = 0 and p = 1, whether they are the same
    or share nothing. NaN, undefined, with one seed or where all agree on every component.
    """
    kept = checked(masks)
    if len(kept) < 2 or not some_but_not_all(kept):
        return CochranQ(float("nan"), float("nan"))
    from statsmodels.stats.contingency_tables import cochrans_q

    test = cochrans_q(kept.T.astype(int))
    return CochranQ(float(test.statistic), float(test.pvalue))


def votes(masks: npt.ArrayLike) -> FloatArray:
    """How many components are kept by no seed, by one, ..., by all: float64 (seeds + 1,)."""
    kept = checked(masks)
    return np.bincount(kept.sum(axis=0), minlength=len(kept) + 1).astype(np.float64)


def of_votes(counts: npt.ArrayLike) -> dict[str, Any]:
    """`some but not all`, `mean std` and `Fleiss' kappa` as from the masks, NaN where undefined:
    float64 (...) from votes (..., seeds + 1).
    """
    of_each = np.asarray(counts, float)
    n_seeds, n = of_each.shape[-1] - 1, of_each.sum(axis=-1)
    kept = np.arange(n_seeds + 1)
    apart = kept * (n_seeds - kept)  # pairs of seeds that disagree about a component
    share = of_each @ kept / (n_seeds * n)
    with np.errstate(invalid="ignore"):  # 0 / 0 is undefined, as it should be
        stds = np.sqrt(apart / n_seeds / (n_seeds - 1))
        disagreeing = of_each @ apart / n / np.float64(n_seeds * (n_seeds - 1) / 2)
        return {
            "some but not all": of_each[..., 1:-1].sum(axis=-1) / n,
            "mean std": of_each @ stds / n,
            "Fleiss' kappa": 1 - disagreeing / (2 * share * (1 - share)),
        }


def checked(masks: npt.ArrayLike) -> BoolArray:
    """`masks` as a bool array (seeds, components), or `ValueError`."""
    values = np.asarray(masks)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"expected masks of shape (seeds, components), not {values.shape}")
    if not np.isin(values, (0, 1)).all():
        raise ValueError("a mask holds True and False, or 1 and 0, and nothing else")
    return values.astype(bool)
