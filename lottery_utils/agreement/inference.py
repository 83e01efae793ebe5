"""What several tasks and a few seeds allow to say: intervals, pooled means, many claims at once.

A claim is about tasks, not about seeds. So the unit is the task: the values of its seeds are
averaged, and the means of the tasks are tested by Student's t. Where all tasks have as many seeds
and differ by more than their seeds do, this is what a mixed model with a random effect of the task
gives (a test holds it to statsmodels'). The bootstrap checks it without assuming a normal curve.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit  # scipy.stats takes a second to import

Values = Mapping[str, Sequence[float]]  # of each task: a value for each seed, or one


class Interval(NamedTuple):
    """A mean with the bounds of its 95 % interval, and how many values it rests on."""

    mean: float
    low: float
    high: float
    n: int


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval for the mean of independent values, such as scores over seeds.

    With one value the bounds are not numbers. Raises `ValueError` where there are none.
    """
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    half = float(stdtrit(n - 1, (1 + level) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


class Spread(NamedTuple):
    """The variance of an estimate, with its degrees of freedom."""

    variance: float
    freedom: float


def together(parts: Iterable[Spread]) -> Spread:
    """The variance of a sum of independent estimates, with Satterthwaite's degrees of freedom
    (1946)."""
    of = [*parts]
    variance = sum(part.variance for part in of)
    if not variance:
        return Spread(0.0, math.inf)
    return Spread(variance, variance**2 / sum(part.variance**2 / part.freedom for part in of))


def interval_of(mean: float, spread: Spread, n: int) -> Interval:
    """The 95 % t interval of an estimate from `n` values; without any spread the bounds are NaN."""
    if not spread.variance > 0:
        return Interval(mean, math.nan, math.nan, n)
    half = float(stdtrit(spread.freedom, 0.975)) * math.sqrt(spread.variance)
    return Interval(mean, mean - half, mean + half, n)


def welch_interval(one: tuple[float, float], other: tuple[float, float], n: int) -> Interval:
    """Welch's 95 % t interval (1947) of the difference of two groups' means, each group of `n`
    values given as its mean and sample standard deviation; without any spread the bounds are NaN.
    """
    spread = together(Spread(std**2 / n, n - 1) for _, std in (one, other))
    return interval_of(one[0] - other[0], spread, n)


class Pooled(NamedTuple):
    """A mean over `n` tasks with its 95 % interval. `p` is one-sided against one bound, the larger
    of two one-sided tests against two; `inside` the share of tasks whose own mean lies within.
    `p_outside` is the smaller p value of lying beyond either bound.
    """

    mean: float
    low: float
    high: float
    p: float
    inside: float
    n: int
    p_outside: float


def pooled(values: Values, low: float = -math.inf, high: float = math.inf) -> Pooled:
    """Student's t over the means of tasks (of one task: over its seeds), against `low` and `high`.
    Raises `ValueError` without at least two values, since one has no spread.
    """
    of_tasks = [*values.values()]
    units = np.array(of_tasks[0] if len(of_tasks) == 1 else [np.mean(v) for v in of_tasks], float)
    n = len(units)
    if n < 2:
        raise ValueError("a pooled mean needs at least two values")
    mean, error = float(units.mean()), float(units.std(ddof=1) / math.sqrt(n))
    if np.ptp(units) <= 1e-12 * np.abs(units).max():  # rounding is no spread
        error = 0.0
    half = float(stdtrit(n - 1, 0.975)) * error

    def beyond(distance: float) -> float:
        """The p value of a mean that far on one side of a bound."""
        if error == 0:  # no spread to go by: the sign test, in which n equal signs have 0.5^n
            return 0.5**n if distance > 0 else 1.0
        return float(stdtr(n - 1, -distance / error))

    p = max(beyond(mean - low), beyond(high - mean))
    p_outside = min(beyond(low - mean), beyond(mean - high))
    inside = float(((units > low) & (units < high)).mean())
    return Pooled(mean, mean - half, mean + half, p, inside, n, p_outside)


def bootstrap(values: Values, n_draws: int = 4000, seed: int = 0) -> tuple[float, float]:
    """A 95 % percentile interval of the mean over tasks; tasks, and seeds in them, are drawn."""
    rng, n = np.random.default_rng(seed), len(values)
    chosen = rng.integers(n, size=(n_draws, n))
    drawn = np.empty((n_draws, n))
    for i, of_task in enumerate(values.values()):
        again = rng.choice(np.asarray(of_task, float), (n_draws, n, len(of_task))).mean(axis=2)
        drawn = np.where(chosen == i, again, drawn)
    means = drawn.mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjustment for a family of tests, in the order given."""
    from statsmodels.stats.multitest import multipletests

    gc.freeze()  # statsmodels collects all garbage at each call: seconds among many records
    try:
        adjusted: list[float] = multipletests(p_values, method="holm")[1].tolist()
    finally:
        gc.unfreeze()
    return adjusted


def jackknifed(pairs: Mapping[tuple[str, str], float]) -> dict[str, list[float]]:
    """One value per task for the mean over pairs of tasks, so that it can be pooled over tasks.

    Jackknife pseudo-values: T times the mean over all pairs, minus T - 1 times that without the
    task's. Their mean is that over pairs. Empty with fewer than three tasks.
    """
    tasks = list(dict.fromkeys(task for pair in pairs for task in pair))
    if len(tasks) < 3:
        return {}
    n, whole = len(tasks), float(np.mean(list(pairs.values())))
    found = {}
    for task in tasks:
        without = [value for pair, value in pairs.items() if task not in pair]
        found[task] = [n * whole - (n - 1) * float(np.mean(without))]
    return found
