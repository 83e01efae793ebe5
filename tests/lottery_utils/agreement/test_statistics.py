"""Intervals over seeds, and how a p value is written."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.agreement.statistics import Interval, p_text, t_interval


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=12).filter(lambda v: np.std(v) > 1e-6),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_intervals_are_scipys(values: list[float], level: float) -> None:
    from scipy import stats

    found = t_interval(values, level)
    expected = stats.t.interval(
        level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values)
    )
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.n == len(values)


def test_intervals_by_hand() -> None:
    # Two values: t(0.975, 1) = 12.7062, standard error 0.1 / sqrt(2) / sqrt(2) = 0.05.
    two = t_interval([0.8, 0.9])
    assert two.mean == pytest.approx(0.85)
    assert (two.low, two.high) == pytest.approx((0.85 - 0.63531, 0.85 + 0.63531), abs=1e-5)
    # Five values, s = sqrt(2.5), t(0.975, 4) = 2.77645.
    five = t_interval([1, 2, 3, 4, 5])
    assert five.high - five.mean == pytest.approx(2.77645 * math.sqrt(2.5 / 5), abs=1e-5)
    assert str(two) == "0.850 [0.215, 1.485]"


def test_one_value_has_no_interval_and_none_is_an_error() -> None:
    one = t_interval([0.5])
    assert one[:1] + one[3:] == (0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert str(one) == "0.500 (n = 1)"
    assert isinstance(one, Interval)
    assert t_interval([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        t_interval([])


def test_no_p_value_is_said_to_be_zero() -> None:
    assert [p_text(p) for p in (0.0123, 0.001, 0.0004)] == ["p = 0.012", "p = 0.001", "p < 0.001"]
    assert p_text(float("nan")) == "p undefined"
