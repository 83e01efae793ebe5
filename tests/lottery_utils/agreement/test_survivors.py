"""Survivors over seeds: three kinds of one size, and where their components come from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from conftest import masks
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.agreement.survivors import KINDS, Survivors, survivors
from lottery_utils.masks import StructuredMask

seeds = st.integers(0, 2**32 - 1)
# What a kind is made of, and what fills its places once that runs out (section 5.1).
FILLED_BY = {
    "super": ("all",),
    "in_between": ("some", "none", "all"),
    "anti": ("none", "some", "all"),
}


@st.composite
def runs(draw: st.DrawFn) -> list[StructuredMask]:
    """The masks of two to four seeds, which agree on some components: so places get filled."""
    shared = draw(masks())
    return [
        StructuredMask(mask.heads | shared.heads, mask.mlps | shared.mlps)
        for mask in draw(st.lists(masks(), min_size=2, max_size=4))
    ]


def parts(found: Survivors) -> tuple[tuple[npt.NDArray[np.bool_], dict[str, int]], ...]:
    return (found.mask.heads, found.heads_from), (found.mask.mlps, found.mlps_from)


def kept_by(run: list[StructuredMask]) -> tuple[npt.NDArray[np.int_], ...]:
    """How many seeds keep each head and each MLP."""
    return sum(m.heads.astype(int) for m in run), sum(m.mlps.astype(int) for m in run)


@settings(max_examples=25)
@given(runs(), seeds)
def test_all_kinds_are_as_large_as_the_super_survivors(
    run: list[StructuredMask], seed: int
) -> None:
    found = survivors(run, seed)
    assert tuple(found) == KINDS
    shared = run[0]
    for mask in run[1:]:
        shared = shared & mask
    assert found["super"].mask == shared
    for kind in found.values():
        assert (kind.mask.n_heads, kind.mask.n_mlps) == (shared.n_heads, shared.n_mlps)
        assert kind.mask.heads.shape == shared.heads.shape


@settings(max_examples=40)
@given(runs(), seeds)
def test_a_kind_takes_others_only_when_its_own_run_out(
    run: list[StructuredMask], seed: int
) -> None:
    found = survivors(run, seed)
    assert found == survivors(run, seed)
    for kind, order in FILLED_BY.items():
        for (chosen, taken), n_seeds in zip(parts(found[kind]), kept_by(run), strict=True):
            classes = {
                "all": n_seeds == len(run),
                "some": (n_seeds > 0) & (n_seeds < len(run)),
                "none": n_seeds == 0,
            }
            assert taken == {name: (chosen & there).sum() for name, there in classes.items()}
            left = int(chosen.sum())
            for name in order:
                assert taken[name] == min(left, classes[name].sum())
                left -= taken[name]
            assert left == 0


def test_a_record_of_survivors() -> None:
    run = [StructuredMask([[1, 1, 1, 0]], [1]), StructuredMask([[1, 1, 0, 0]], [0])]
    assert survivors(run)["super"].to_json() == {
        "mask": {"heads": ["1100"], "mlps": "0"},
        "heads_from": {"all": 2, "some": 0, "none": 0},
        "mlps_from": {"all": 0, "some": 0, "none": 0},
    }


def test_every_candidate_is_as_likely() -> None:
    run = [
        StructuredMask([[1, 1, 1, 0], [0, 0, 0, 0]], [1, 0]),
        StructuredMask([[1, 1, 0, 1], [0, 0, 0, 0]], [1, 0]),
    ]
    drawn = np.mean([survivors(run, seed)["anti"].mask.heads for seed in range(300)], axis=0)
    assert not drawn[0].any()
    # Two of the four heads that no seed keeps, within five standard errors.
    assert np.abs(drawn[1] - 0.5).max() < 5 * np.sqrt(0.25 / 300)


def test_one_mask_or_other_shapes_are_refused() -> None:
    for too_few in ([], [StructuredMask.full(2, 3)]):
        with pytest.raises(ValueError, match=f"at least two masks, not {len(too_few)}"):
            survivors(too_few)
    for other in (StructuredMask.full(2, 4), StructuredMask.full(3, 3)):
        with pytest.raises(ValueError, match="different shapes"):
            survivors([StructuredMask.full(2, 3), other])
