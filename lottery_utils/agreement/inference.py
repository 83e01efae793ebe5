"""What several tasks and a few seeds allow to say: pooled means, bounds, many claims at once.

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

from lottery_utils.agreement.statistics import t_beyond, t_quantile

Values = Mapping[str, Sequence[float]]  # of each task: a value for each seed, or one


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
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
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
