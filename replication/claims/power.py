"""How many tasks or seeds would decide a claim, if means and variances stayed as they are.

A claim is decided when the test that leads to `supported` (of a mean inside the region) or to
`contradicted` (of one outside) is significant in four studies of five, at the level that Holm's
correction asks of the smallest p value in the claim's family.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtr, stdtrit

from replication.claims.claim import LEVEL, Claim

POWER = 0.8
MOST = 1000  # more are not counted


class Needed(NamedTuple):
    """The fewest tasks with the same seeds, and the fewest seeds of the same tasks.

    None: not even `MOST` of them; NaN: there is one value for all seeds, or one task only.
    """

    tasks: float | None
    seeds: float | None


def needed(claim: Claim, values: Mapping[str, Sequence[float]], family: int) -> Needed:
    """What the claim needs, by the spread of its `values` over tasks and over seeds.

    `family` is the number of claims that the correction is for. The variance over tasks holds
    that over seeds; what is left without it no number of seeds can lower.
    """
    of_tasks = [np.asarray(of_task, float) for of_task in values.values()]
    level = LEVEL / family
    if len(of_tasks) == 1:
        (only,) = of_tasks
        return Needed(math.nan, fewest(distance_of(claim, only.mean()), only.var(ddof=1), level))
    means = np.array([of_task.mean() for of_task in of_tasks])
    distance, variance = distance_of(claim, means.mean()), float(means.var(ddof=1))
    tasks = fewest(distance, variance, level)
    freedom = sum(len(of_task) - 1 for of_task in of_tasks)
    if not freedom:
        return Needed(tasks, math.nan)
    within = sum(float(((of - of.mean()) ** 2).sum()) for of in of_tasks) / freedom
    between = max(0.0, variance - within * float(np.mean([1 / len(of) for of in of_tasks])))
    n = len(of_tasks)
    seeds = (
        k for k in range(1, MOST + 1) if power(distance, between + within / k, n, level) >= POWER
    )
    return Needed(tasks, next(seeds, None))


def fewest(distance: float, variance: float, level: float) -> float | None:
    """The fewest values with this variance whose mean, so far inside, is found to be so."""
    every = (n for n in range(3, MOST + 1) if power(distance, variance, n, level) >= POWER)
    return next(every, None)


def power(distance: float, variance: float, n: int, level: float) -> float:
    """Of a one-sided t test at `level`: how often `n` values of a normal curve whose mean lies
    `distance` beyond the bound are significant."""
    return detects(distance, math.sqrt(max(variance, 0) / n), n - 1, level)


def detects(distance: float, error: float, freedom: float, level: float) -> float:
    """The same of an estimate with this standard error and these degrees of freedom."""
    if error <= 0 or distance <= 0:
        return float(distance > 0)
    least = float(stdtrit(freedom, 1 - level))
    missed = float(nctdtr(freedom, distance / error, least))
    return 1.0 if math.isnan(missed) else 1 - missed  # NaN: too far out to be missed


def heads_for_r(margin: float) -> int:
    """How many heads a 95 % CI of a correlation near 0 needs, to be no wider than the margin to
    either side (Fisher's z)."""
    return math.ceil((1.96 / math.atanh(margin)) ** 2 + 3)


def distance_of(claim: Claim, mean: float) -> float:
    """How far a mean lies from the end of the region that it has to be separated from."""
    ends = [end for end in (claim.low, claim.high) if math.isfinite(end)]
    return float(min(abs(mean - end) for end in ends))
