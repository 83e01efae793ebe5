"""Section 5.3: what tasks share is counted from their masks, and chance from their sizes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from of_seeds import N_HEADS, N_LAYERS, SEEDS, random_masks, study

from lottery_utils.agreement import fleiss_kappa
from lottery_utils.agreement.sharing import Pair, Sharing, between, limits
from lottery_utils.masks import StructuredMask


def test_what_two_tasks_share_is_what_both_keep() -> None:
    one, other = random_masks(0), random_masks(1)
    found = between(one, other, "heads")
    pairs = [(one[seed], other[seed]) for seed in SEEDS]
    assert found.observed.tolist() == [(a & b).n_heads for a, b in pairs]
    for i, (a, b) in enumerate(pairs):
        assert found.by_size[i].mean == pytest.approx(a.n_heads * b.n_heads / 24)
        of_layers = (a.heads.sum(axis=1) * b.heads.sum(axis=1) / N_HEADS).sum()
        assert found.by_layer[i].mean == pytest.approx(of_layers)
        assert found.excess[i] == pytest.approx(found.observed[i] - of_layers)
    mlps = between(one, other, "mlps")
    assert mlps.observed.tolist() == [(a & b).n_mlps for a, b in pairs]
    assert mlps.by_layer == mlps.by_size


def test_only_seeds_that_both_have_are_compared() -> None:
    one, other = random_masks(0), random_masks(1)
    del other[42]
    assert len(between(one, other, "heads").by_size) == 2


def test_the_same_heads_are_beyond_the_layers_and_other_heads_are_not() -> None:
    half = np.tile([1, 1, 1, 0, 0, 0], (N_LAYERS, 1)).astype(bool)
    mask = StructuredMask(half, np.ones(N_LAYERS, bool))
    turned = StructuredMask(half[:, ::-1], np.ones(N_LAYERS, bool))
    same = between({42: mask}, {42: mask}, "heads")
    assert (same.observed[0], same.excess[0], same.beyond) == (12, pytest.approx(6), 1)
    none = between({42: mask}, {42: turned}, "heads")
    assert (none.observed[0], none.excess[0], none.beyond) == (0, pytest.approx(-6), 0)


def test_sizes_limit_kappa_as_masks_within_each_other_do() -> None:
    n = N_LAYERS * N_HEADS
    places = np.arange(n)
    by_hand = [fleiss_kappa(np.stack([places < a, places < b])) for a, b in ((3, 9), (5, 20))]
    found = limits({"A": {1: 3, 2: 5}, "B": {2: 20, 1: 9, 3: 4}}, n)
    assert found == pytest.approx(by_hand)
    # Of masks that both keep all, or nothing, kappa is undefined.
    assert limits({"A": {1: 0, 2: n, 3: 7}, "B": {1: 0, 2: n, 3: 7}}, n) == [1.0]
    sharing = Sharing.of(study("CoLA", "RTE", "WNLI"))
    assert len(sharing.limits) == 3 * len(SEEDS)
    heads = [
        np.stack([masks[seed].heads.ravel() for masks in (random_masks(0), random_masks(1))])
        for seed in SEEDS
    ]
    assert all(fleiss_kappa(of) <= most for of, most in zip(heads, sharing.limits, strict=False))


def test_a_pair_survives_its_way_through_a_record() -> None:
    (pair,) = Sharing.of(study("CoLA", "RTE")).pairs.values()
    again = Pair.from_json(json.loads(json.dumps(pair.to_json())))
    assert again.heads.observed.tolist() == pair.heads.observed.tolist()
    assert again.heads.excess == pytest.approx(pair.heads.excess)
    assert again.heads.beyond == pair.heads.beyond
    assert again.mlps.by_layer == again.mlps.by_size
    assert again.survivors == pytest.approx(pair.survivors)
    assert again.overlap == pytest.approx(pair.overlap)
