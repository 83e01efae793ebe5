"""Pooling over tasks: against statsmodels, against known answers, and in its corners."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.agreement.inference import (
    Interval,
    bootstrap,
    holm,
    jackknifed,
    pooled,
    t_interval,
)

RNG = np.random.default_rng(0)
BALANCED = {f"task {i}": (0.3 * RNG.normal() + 0.1 * RNG.normal(size=5)).tolist() for i in range(9)}


def test_a_pooled_mean_is_what_a_mixed_model_gives() -> None:
    import statsmodels.formula.api as smf

    rows = [{"task": task, "value": v} for task, values in BALANCED.items() for v in values]
    fitted = smf.mixedlm("value ~ 1", pd.DataFrame(rows), groups="task").fit(reml=True)
    found = pooled(BALANCED, low=0)
    assert found.mean == pytest.approx(fitted.params["Intercept"], abs=1e-6)
    from scipy.stats import t

    half = float(t.ppf(0.975, 8)) * float(fitted.bse["Intercept"])
    assert found.high - found.mean == pytest.approx(half, rel=1e-3)
    assert found.n == 9


def test_one_bound_is_a_one_sided_t_test() -> None:
    from scipy.stats import ttest_1samp

    means = [np.mean(v) for v in BALANCED.values()]
    for bound in (-0.2, 0.0, 0.2):
        above = ttest_1samp(means, bound, alternative="greater").pvalue
        below = ttest_1samp(means, bound, alternative="less").pvalue
        assert pooled(BALANCED, low=bound).p == pytest.approx(above)
        assert pooled(BALANCED, high=bound).p == pytest.approx(below)


def test_two_bounds_are_two_one_sided_tests() -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    means = [np.mean(v) for v in BALANCED.values()]
    p, _, _ = DescrStatsW(means).ttost_mean(-0.3, 0.4)
    assert pooled(BALANCED, -0.3, 0.4).p == pytest.approx(p)


def test_the_unit_is_the_task_and_not_the_seed() -> None:
    twice = {task: values * 2 for task, values in BALANCED.items()}
    assert pooled(twice, low=0) == pytest.approx(pooled(BALANCED, low=0))


def test_a_single_task_is_judged_over_its_seeds() -> None:
    found = pooled({"WNLI": [-0.1, 0.0, -0.05]}, high=0.05)
    assert (found.n, found.inside) == (3, 1.0)
    assert 0 < found.p < 0.05


def test_equal_values_are_judged_by_their_number() -> None:
    assert pooled({"a": [0.0], "b": [0.0]}, high=0.05).p == 0.25, "two equal signs"
    assert pooled({"a": [0.0], "b": [0.0]}, low=0.0).p == 1


@pytest.mark.parametrize("values", [{"a": [1.0]}, {"WNLI": [0.5]}])
def test_one_value_has_no_spread(values: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        pooled(values)


def test_the_bootstrap_covers_the_mean_as_students_interval_does() -> None:
    low, high = bootstrap(BALANCED)
    found = pooled(BALANCED)
    assert found.low < low < found.mean < high < found.high, "somewhat narrower, by its nature"
    assert (low, high) == bootstrap(BALANCED), "seeded"


def test_the_bootstrap_knows_seeds_too() -> None:
    noisy = {task: [-1.0, 0.0, 1.0] for task in "abc"}
    low, high = bootstrap(noisy)
    assert low < -0.2 and high > 0.2, "tasks of one mean, but seeds that differ"


def test_holm_by_hand() -> None:
    # Of four: times 4, 3, 2, 1 in the order of size; never below a smaller one's, at most 1.
    assert holm([0.04, 0.01, 0.03, 0.9]) == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert holm([0.6, 0.02, 0.6]) == pytest.approx([1.0, 0.06, 1.0])


def test_the_jackknife_keeps_the_mean_and_widens_the_error() -> None:
    import itertools

    tasks = [f"task {i}" for i in range(9)]
    pairs = {pair: float(RNG.normal()) for pair in itertools.combinations(tasks, 2)}
    found = jackknifed(pairs)
    assert np.mean([v for (v,) in found.values()]) == pytest.approx(np.mean(list(pairs.values())))
    plain = {t: [float(np.mean([v for pair, v in pairs.items() if t in pair]))] for t in tasks}
    wider = (pooled(found).high - pooled(found).mean) / (pooled(plain).high - pooled(plain).mean)
    assert wider == pytest.approx(2 * 8 / 7)
    assert jackknifed({("a", "b"): 1.0}) == {}


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


def test_one_value_has_no_interval_and_none_is_an_error() -> None:
    one = t_interval([0.5])
    assert one[:1] + one[3:] == (0.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert isinstance(one, Interval)
    assert t_interval([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        t_interval([])
