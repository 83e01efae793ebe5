"""How many tasks or seeds a claim needs, against what simulation and other libraries say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from replication.claims.claim import LEVEL, Claim
from replication.claims.power import POWER, fewest, heads_for_r, needed, power

ABOVE = Claim("above", "4.2", "", "difference", low=0.0)


@pytest.mark.parametrize(
    ("effect", "n", "level"), [(0.5, 10, 0.05), (1.2, 6, 0.01), (0.2, 90, 0.002)]
)
def test_power_is_that_of_statsmodels(effect: float, n: int, level: float) -> None:
    theirs = TTestPower().power(effect, n, level, alternative="larger")
    assert power(2 * effect, 4.0, n, level) == pytest.approx(theirs, abs=1e-6)


def test_the_fewest_are_enough_and_one_less_is_not() -> None:
    n = fewest(0.1, 0.04, LEVEL / 27)
    assert n is not None
    enough, less = (power(0.1, 0.04, int(of), LEVEL / 27) for of in (n, n - 1))
    assert less < POWER <= enough
    drawn = np.random.default_rng(0).normal(0.1, 0.2, (4000, int(n)))
    p = stats.ttest_1samp(drawn, 0, axis=1, alternative="greater").pvalue
    assert np.mean(p < LEVEL / 27) == pytest.approx(enough, abs=0.03)
    assert fewest(0.0, 0.04, LEVEL) is None, "a mean on the bound is never told from it"


def test_seeds_help_only_against_what_seeds_differ_by() -> None:
    apart = {"A": [0.0, 0.0], "B": [0.5, 0.5], "C": [0.1, 0.1]}
    assert needed(ABOVE, apart, 1).seeds is None
    by_seed = {"A": [-0.3, 0.5], "B": [0.5, -0.3], "C": [-0.3, 0.5]}
    assert needed(ABOVE, by_seed, 1).seeds is not None
    one_value = needed(ABOVE, {"A": [0.1], "B": [0.3], "C": [0.2]}, 1)
    assert one_value.seeds is not None and math.isnan(one_value.seeds)
    single = needed(ABOVE, {"A": [0.1, 0.3, -0.1]}, 1)
    assert single.tasks is not None and math.isnan(single.tasks) and single.seeds
    wide = needed(ABOVE, apart, 27).tasks
    narrow = needed(ABOVE, apart, 1).tasks
    assert wide and narrow and wide > narrow


def test_a_correlation_needs_more_heads_than_a_model_has() -> None:
    n = heads_for_r(0.1)
    half = 1.96 / math.sqrt(n - 3)
    assert math.tanh(half) <= 0.1 < math.tanh(1.96 / math.sqrt(n - 4))
    assert n > 144
