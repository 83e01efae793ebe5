"""Means over seeds, with what a few seeds allow to say about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


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
