"""Noise of examples, of seeds and of both: against Fleiss' kappa of every pair, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from lottery_utils.agreement import BoolArray, fleiss_kappa, nested
from lottery_utils.agreement.noise import KINDS, noises

masks_of_five = hnp.arrays(bool, (5, 30))


def random(seed: int, share: float = 0.6) -> BoolArray:
    return np.random.default_rng(seed).random((5, 40)) < share


def widest(*masks: BoolArray) -> BoolArray:
    return nested([mask.sum() for mask in masks], masks[0].size)


def mean_kappa(pairs: list[tuple[BoolArray, BoolArray]]) -> float:
    return float(np.mean([fleiss_kappa(np.stack(pair)) for pair in pairs]))


def test_each_kind_is_the_mean_kappa_of_its_pairs() -> None:
    ours, again = random(0), random(1, 0.4)
    found = noises(ours, again, n_draws=20)
    examples = [*zip(ours, again, strict=True)]
    both = [(ours[i], again[j]) for i in range(5) for j in range(5) if i != j]
    pairs = dict(zip(KINDS, (examples, [*itertools.combinations(ours, 2)], both), strict=True))
    for kind in KINDS:
        assert found[kind].observed == pytest.approx(mean_kappa(pairs[kind]))
        limits = [(widest(a, b)[0], widest(a, b)[1]) for a, b in pairs[kind]]
        assert found[kind].limit == pytest.approx(mean_kappa(limits))


@given(masks_of_five, masks_of_five)
def test_no_masks_agree_further_than_nested_ones(ours: BoolArray, again: BoolArray) -> None:
    assert widest(*ours).sum(axis=1).tolist() == ours.sum(axis=1).tolist()
    if 0 < ours.sum() < ours.size:
        assert fleiss_kappa(ours) <= fleiss_kappa(widest(*ours)) + 1e-9
    for noise in noises(ours, again, n_draws=5).values():
        assert np.isnan(noise.observed) or noise.observed <= noise.limit + 1e-9


def test_chance_holds_unrelated_masks_and_not_the_same_ones() -> None:
    unrelated, same = noises(random(0), random(1)), noises(random(0), random(0))
    for kind in KINDS:
        assert unrelated[kind].low < unrelated[kind].observed < unrelated[kind].high
    assert same["examples"].observed == same["examples"].limit == 1
    assert same["examples"].high < 0.5
    assert same["seed"].observed == pytest.approx(same["both"].observed)


def test_pairs_without_a_kappa_are_left_out() -> None:
    ours, again = random(0), random(1)
    ours[0] = again[1] = True  # of "both", the pair that keeps all
    both = [(ours[i], again[j]) for i, j in itertools.permutations(range(5), 2) if (i, j) != (0, 1)]
    assert noises(ours, again, n_draws=5)["both"].observed == pytest.approx(mean_kappa(both))
    nothing = np.zeros((5, 40), bool)
    assert all(np.isnan(noise).all() for noise in noises(nothing, nothing, n_draws=5).values())


def test_masks_of_other_models_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape, not \(5, 40\), \(4, 40\)"):
        noises(random(0), random(1)[:4])
