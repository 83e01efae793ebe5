"""Masks are data: sizes, set operations, and what makes a ticket random or bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask


@st.composite
def masks(draw: st.DrawFn) -> StructuredMask:
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    return StructuredMask(draw(arrays(bool, shape)), draw(arrays(bool, shape[:1])))


seeds = st.integers(0, 2**32 - 1)


@given(masks(), seeds)
def test_random_and_bad_have_exactly_the_good_size(good: StructuredMask, seed: int) -> None:
    for other in (good.random_like(seed), good.bad_like(seed)):
        assert (other.n_heads, other.n_mlps) == (good.n_heads, good.n_mlps)
        assert other.heads.shape == good.heads.shape


@given(masks(), seeds)
def test_random_and_bad_are_the_same_for_the_same_seed(good: StructuredMask, seed: int) -> None:
    assert good.random_like(seed) == good.random_like(seed)
    assert good.bad_like(seed) == good.bad_like(seed)


@given(masks(), seeds)
def test_bad_shares_with_good_only_what_it_must(good: StructuredMask, seed: int) -> None:
    bad = good.bad_like(seed)
    for kept, opposite in ((good.heads, bad.heads), (good.mlps, bad.mlps)):
        unavoidable = max(0, 2 * int(kept.sum()) - kept.size)
        assert int((kept & opposite).sum()) == unavoidable


def test_random_draws_from_the_whole_model() -> None:
    good = StructuredMask([[1, 1, 0, 0], [0, 0, 0, 0]], [1, 0])
    drawn = [good.random_like(seed) for seed in range(300)]
    share = np.mean([mask.heads for mask in drawn], axis=0)
    # Every head is as likely as any other: 2 of 8, within five standard errors.
    assert np.abs(share - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 300)


@given(masks(), masks())
def test_intersection_is_in_both(one: StructuredMask, other: StructuredMask) -> None:
    if one.heads.shape != other.heads.shape:
        with pytest.raises(ValueError):
            one & other
        return
    both = one & other
    assert both <= one
    assert both <= other
    assert (both == one) == (one <= other)


@given(masks())
def test_json_and_files_keep_the_mask(mask: StructuredMask) -> None:
    assert StructuredMask.from_json(mask.to_json()) == mask


def test_save_and_load(tmp_path: Path) -> None:
    mask = StructuredMask.full(3, 4).without([(0, 1), (2, 3)], [1])
    mask.save(tmp_path / "mask.json")
    assert StructuredMask.load(tmp_path / "mask.json") == mask
    assert (mask.n_heads, mask.n_mlps) == (10, 2)


@pytest.mark.parametrize("content", ["", "{}", '{"heads": ["12"], "mlps": "1"}', '{"heads": 3}'])
def test_a_broken_file_is_one_clear_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mask.json"
    path.write_text(content)
    with pytest.raises(UserError):
        StructuredMask.load(path)
    with pytest.raises(UserError, match=r"absent\.json"):
        StructuredMask.load(tmp_path / "absent.json")


def test_a_mask_cannot_be_changed_from_outside() -> None:
    heads = np.ones((2, 3), bool)
    mask = StructuredMask(heads, np.ones(2, bool))
    heads[0, 0] = False
    assert mask.n_heads == 6
    with pytest.raises(ValueError, match="read-only"):
        mask.heads[0, 0] = False


@pytest.mark.parametrize(
    ("heads", "mlps"), [([[1, 0]], [1, 1]), ([1, 0], [1]), ([[0.5, 1]], [1]), ([[2, 1]], [1])]
)
def test_other_shapes_and_values_are_refused(heads: list[object], mlps: list[object]) -> None:
    with pytest.raises(ValueError):
        StructuredMask(heads, mlps)  # type: ignore[arg-type]
