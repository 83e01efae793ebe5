"""What several tasks and a few seeds allow to say: intervals, pooled means, many claims at once.

Five seeds of one task cannot go below p = 0.06 in a paired rank test, and a claim is about tasks,
not about seeds. So the unit is the task: the values of its seeds are averaged, and the means of
the tasks are tested by Student's t. Where all tasks have as many seeds and differ by more than
their seeds do, this is what a mixed model with a random effect of the task gives (a test holds it
to statsmodels'). The bootstrap over tasks, and over seeds within them, stands beside it as a check
that assumes no normal curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

Values = Mapping[str, Sequence[float]]  # of each task: a value for each seed, or one


class Interval(NamedTuple):
    """A mean with the bounds of its 95 % interval, and how many values it rests on."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if self.n < 2:
            return f"{self.mean:.3f} (n = 1)"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Student's t interval for the mean of independent values, such as scores over seeds.

    With two values it is 12.7 standard errors wide on each side: two seeds say little, and
    the interval says so. With one value the bounds are not numbers. Raises `ValueError`
    where there are none.
    """
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    half = float(t_quantile((1 + level) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def welch_interval(
    one: tuple[float, float], other: tuple[float, float], n: int, level: float = 0.95
) -> Interval:
    """The mean difference of two groups of `n` values, each told by its mean and sample standard
    deviation, with Welch's t interval (1947). Pairing the values would need them one by one.

    The bounds are not numbers where neither group has any spread.
    """
    errors = [std**2 / n for _, std in (one, other)]
    mean = one[0] - other[0]
    if not sum(errors):
        return Interval(mean, float("nan"), float("nan"), n)
    freedom = sum(errors) ** 2 * (n - 1) / sum(error**2 for error in errors)
    half = float(t_quantile((1 + level) / 2, freedom) * np.sqrt(sum(errors)))
    return Interval(mean, mean - half, mean + half, n)


def t_quantile(probability: float, freedom: float) -> float:
    """The value that Student's t of so many degrees of freedom stays below with `probability`."""
    # scipy.stats has it too, but takes a second to import, which every page would pay.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def t_beyond(value: float, freedom: float) -> float:
    """The probability with which Student's t of so many degrees of freedom exceeds `value`."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -value))


def p_text(value: float) -> str:
    """A p value as pages say it: `p = 0.012`, or `p < 0.001`, as none is zero; NaN is undefined."""
    if math.isnan(value):
        return "p undefined"
    return f"p = {value:.3f}" if value >= 0.001 else "p < 0.001"


class Pooled(NamedTuple):
    """A mean over tasks with its 95 % interval, and the p value of lying within bounds.

    `p` is one-sided against one bound; against two it is that of two one-sided tests, the
    larger of both. `inside` is the share of the `n` tasks whose own mean lies within the bounds.
    """

    mean: float
    low: float
    high: float
    p: float
    inside: float
    n: int


def pooled(values: Values, low: float = -math.inf, high: float = math.inf) -> Pooled:
    """Student's t over the means of tasks, against the bounds `low` and `high`.

    With a single task, over its seeds. Raises `ValueError` without at least two values, since
    one has no spread.
    """
    units = np.array(
        next(iter(values.values()))
        if len(values) == 1
        else [np.mean(of_task) for of_task in values.values()],
        float,
    )
    n = len(units)
    if n < 2:
        raise ValueError("a pooled mean needs at least two values")
    mean, error = float(units.mean()), float(units.std(ddof=1) / math.sqrt(n))
    if np.ptp(units) <= 1e-12 * np.abs(units).max():  # rounding is no spread
        error = 0.0
    half = float(t_quantile(0.975, n - 1)) * error

    def beyond(distance: float) -> float:
        """The p value of a mean that far inside one of the bounds."""
        if error == 0:  # no spread to go by: the sign test, in which n equal signs have 0.5^n
            return 0.5**n if distance > 0 else 1.0
        return float(t_beyond(distance / error, n - 1))

    p = max(beyond(mean - low), beyond(high - mean))
    inside = float(((units > low) & (units < high)).mean())
    return Pooled(mean, mean - half, mean + half, p, inside, n)


def bootstrap(values: Values, n_draws: int = 4000, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval of the mean over tasks: tasks are drawn again, and seeds within them.

    The bounds are percentiles, which are somewhat narrow with few tasks.
    """
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
    """Holm's (1979) adjustment for a family of tests, in the order given.

    Below 0.05 after it: the chance that any true null hypothesis of the family is rejected
    is at most 5 %.
    """
    from statsmodels.stats.multitest import multipletests

    adjusted: list[float] = multipletests(p_values, method="holm")[1].tolist()
    return adjusted


def jackknifed(pairs: Mapping[tuple[str, str], float]) -> dict[str, list[float]]:
    """One value per task for the mean over pairs of tasks, so that it can be pooled over tasks.

    Pairs share tasks, and means of a task's pairs would make the error less than half of what it
    is. These are pseudo-values: T times the mean over all pairs, minus T - 1 times the mean
    without the task's. Their mean is that over pairs. Empty with fewer than three tasks.
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
