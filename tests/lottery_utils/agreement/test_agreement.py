"""Agreement of masks: hand-computed cases, the formulas written out, and chance by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from conftest import printed_by
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from krippendorff import alpha

from lottery_utils.agreement import (
    cochran_q,
    fleiss_kappa,
    of_votes,
    overlap,
    some_but_not_all,
    survival,
    survival_std,
    votes,
)
from lottery_utils.agreement.chance import (
    STATISTICS,
    against_chance,
    expected_votes,
    kappa_by_layer,
    random_masks,
    shared,
)

Masks = npt.NDArray[np.bool_]
SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8)
any_masks = arrays(bool, SHAPES)
# Three seeds, four components: kept by all, by two, by one, by none.
STEPS = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], bool)


def mean_overlap(masks: Masks) -> float:
    pairs = [overlap(a, b) for a, b in itertools.combinations(masks, 2)]
    return float(np.mean(pairs)) if pairs else math.nan


def krippendorff_alpha(masks: Masks) -> float:
    """By the library of that name, which knows no alpha where there is no variance."""
    if len(masks) < 2 or masks.all() or not masks.any():
        return math.nan
    return float(alpha(reliability_data=masks.astype(int), level_of_measurement="nominal"))


ONE_BY_ONE = {
    "some but not all": some_but_not_all,
    "mean std": lambda masks: float(survival_std(masks).mean()),
    "mean overlap": mean_overlap,
    "Fleiss' kappa": fleiss_kappa,
    "Krippendorff's alpha": krippendorff_alpha,
}


def test_survival_of_a_small_case() -> None:
    assert survival(STEPS).tolist() == [1, pytest.approx(2 / 3), pytest.approx(1 / 3), 0]
    assert survival_std(STEPS, ddof=0)[1] == pytest.approx(math.sqrt(2) / 3)
    assert survival_std(STEPS)[1] == pytest.approx(math.sqrt(1 / 3))
    assert some_but_not_all(STEPS) == 0.5


def test_one_seed_has_no_spread() -> None:
    one = STEPS[:1]
    assert np.isnan(survival_std(one)).all()
    assert some_but_not_all(one) == 0
    assert math.isnan(fleiss_kappa(one))
    assert math.isnan(cochran_q(one).p_value)


def test_overlap_of_small_cases() -> None:
    assert overlap([1, 1, 0, 0], [0, 1, 1, 0]) == pytest.approx(1 / 3)
    assert overlap([1, 0], [0, 1]) == 0
    assert overlap([0, 0], [0, 0]) == 1
    assert mean_overlap(STEPS) == pytest.approx((2 / 3 + 1 / 3 + 1 / 2) / 3)


def test_cochrans_q_tests_sizes_and_not_agreement() -> None:
    """Masks that share nothing, but are of one size, are no reason to reject."""
    disjoint = np.eye(4, dtype=bool)
    assert cochran_q(disjoint) == (0, 1)
    assert mean_overlap(disjoint) == 0
    nested = np.tri(6, 60, 54, dtype=bool)  # each mask is in the next: they agree, sizes differ
    assert cochran_q(nested).p_value < 0.05
    assert mean_overlap(nested) > 0.9


def test_statistics_of_a_small_case() -> None:
    """By their formulas: of 4 components 2, 1, 1 and 2 times 1/3 of pairs disagree."""
    # Half of all is kept: 1/2 is expected to agree, and (1 + 1/3 + 1/3 + 1) / 4 = 2/3 does.
    assert fleiss_kappa(STEPS) == pytest.approx((2 / 3 - 1 / 2) / (1 - 1 / 2))
    # Sizes 3, 2, 1: 3 x 2 x 2 by the sum of 3 x 0, 2 x 1, 1 x 2 and 0 x 3.
    assert cochran_q(STEPS).statistic == pytest.approx(12 / 4)
    assert cochran_q(STEPS).p_value == pytest.approx(math.exp(-3 / 2))  # of two degrees


@pytest.mark.parametrize("same", [STEPS[:1].repeat(3, 0), STEPS >= 0, STEPS < 0])
def test_what_has_no_disagreement_or_no_variance(same: Masks) -> None:
    assert math.isnan(cochran_q(same).statistic)
    mixed = same.any() and not same.all()
    assert fleiss_kappa(same) == pytest.approx(1 if mixed else math.nan, nan_ok=True)


@settings(deadline=None)
@given(arrays(bool, (2, 24)), st.sampled_from([1, 3, 6]), st.integers(0, 9))
def test_shared_by_chance_is_what_shuffling_gives(masks: Masks, n_groups: int, seed: int) -> None:
    groups = np.arange(24) % n_groups
    found = shared(*masks, groups)
    assert found.observed == (masks[0] & masks[1]).sum()
    rng, draws = np.random.default_rng(seed), []
    for _ in range(300):
        drawn = masks[1].copy()
        for group in range(n_groups):
            drawn[groups == group] = rng.permutation(drawn[groups == group])
        draws.append((masks[0] & drawn).sum())
    assert found.mean == pytest.approx(np.mean(draws), abs=0.5)
    inside = [found.low <= draw <= found.high for draw in draws]
    assert np.mean(inside) > 0.9


def test_the_profile_explains_what_it_explains() -> None:
    """Two masks of the same layers share all by chance, once chance knows the layers."""
    layers = np.repeat(np.arange(4), 6)
    lower = layers < 2
    assert shared(lower, lower, layers) == (12, 12, 12, 12)
    alone = shared(lower, lower)
    assert alone.mean == pytest.approx(12 * 12 / 24)
    assert alone.observed > alone.high


@given(any_masks, st.integers(0, 99))
def test_random_masks_keep_every_size(masks: Masks, seed: int) -> None:
    (drawn,) = random_masks(masks, np.random.default_rng(seed), 1)
    assert drawn.shape == masks.shape
    assert drawn.sum(axis=1).tolist() == masks.sum(axis=1).tolist()


def test_chance_is_what_theory_says() -> None:
    """Two masks of 30 of 100: 9 are shared on average; kappa is 0 by chance."""
    masks = np.zeros((2, 100), bool)
    masks[0, :30] = masks[1, 20:50] = True
    jaccard = against_chance("mean overlap", masks, n_draws=4000)
    # The hypergeometric distribution of what both keep, by its definition.
    ways = [math.comb(30, k) * math.comb(70, 30 - k) / math.comb(100, 30) for k in range(31)]
    expected = sum(p * k / (60 - k) for k, p in enumerate(ways))
    assert jaccard.observed == 10 / 50
    assert jaccard.mean == pytest.approx(expected, abs=0.003)
    assert jaccard.low < jaccard.mean < jaccard.high
    either = against_chance("some but not all", masks, n_draws=4000)
    assert either.mean == pytest.approx(2 * 0.3 * 0.7, abs=0.005)
    assert either == against_chance("some but not all", masks, n_draws=4000), "seeded"
    assert either != against_chance("some but not all", masks, n_draws=4000, seed=1)
    assert abs(against_chance("Fleiss' kappa", masks, n_draws=4000).mean) < 0.01


@settings(deadline=None)
@given(any_masks)
def test_votes_are_enough(masks: Masks) -> None:
    counts = votes(masks)
    assert counts.sum() == masks.shape[1]
    for name, value in of_votes(counts).items():
        assert value == pytest.approx(ONE_BY_ONE[name](masks), abs=1e-9, nan_ok=True)


def test_expected_votes_are_the_mean_of_random_masks() -> None:
    masks = np.zeros((3, 40), bool)
    for row, size in zip(masks, (10, 20, 35), strict=True):
        row[:size] = True
    rng = np.random.default_rng(0)
    mean = np.mean([votes(drawn) for drawn in random_masks(masks, rng, 4000)], axis=0)
    assert expected_votes(masks.mean(axis=1), 40) == pytest.approx(mean, abs=0.1)
    assert expected_votes([0.5, 0.5], 4).tolist() == [1, 2, 1]


@pytest.mark.parametrize("wrong", [[1, 0], [[]], [[0.5, 1]], [[2, 0]]])
def test_what_is_no_set_of_masks_is_refused(wrong: list[object]) -> None:
    with pytest.raises(ValueError, match="mask"):
        survival(wrong)


def test_it_needs_no_torch() -> None:
    heavy = "{'torch', 'statsmodels'} & set(sys.modules)"
    assert printed_by(f"import sys, lottery_utils.agreement; print({heavy})") == "set()"


@settings(deadline=None)
@given(any_masks, st.integers(0, 2**32 - 1))
def test_many_masks_at_once_are_measured_as_one_by_one(masks: Masks, seed: int) -> None:
    drawn = random_masks(masks, np.random.default_rng(seed), 4)
    for name, of_many in STATISTICS.items():
        expected = [ONE_BY_ONE[name](draw) for draw in drawn]
        assert of_many(drawn) == pytest.approx(expected, abs=1e-9, nan_ok=True), name


def test_draws_are_independent_of_each_other_and_of_how_many_follow() -> None:
    few, many = (random_masks(STEPS, np.random.default_rng(0), n) for n in (3, 50))
    assert np.array_equal(few, many[:3])
    assert len({draw.tobytes() for draw in many}) > 20
    expected = np.mean([mean_overlap(draw) for draw in many])
    assert against_chance("mean overlap", STEPS, n_draws=50).mean == pytest.approx(expected)


def test_agreement_about_layers_alone_is_not_beyond_the_layers() -> None:
    """Seeds that keep the lower layers whole agree fully, and by their layers as well."""
    lower = np.broadcast_to(np.arange(6)[:, None] < 3, (4, 6, 8))
    found = kappa_by_layer(lower)
    assert found == (1, 1, 1, 1)
    rng = np.random.default_rng(0)
    mostly = lower & (rng.random(lower.shape) < 0.7)  # in them, each seed its own heads
    layered = kappa_by_layer(mostly)
    plain = against_chance("Fleiss' kappa", mostly.reshape(4, -1))
    assert layered.observed == plain.observed > plain.high
    assert layered.low < layered.observed < layered.high


def test_agreement_about_heads_is_beyond_the_layers() -> None:
    masks = np.broadcast_to(np.random.default_rng(1).random((6, 8)) < 0.5, (4, 6, 8))
    found = kappa_by_layer(masks)
    assert found.observed == 1 > found.high
