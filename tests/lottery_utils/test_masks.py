"""Masks are data: sizes, set operations, files, and what makes a ticket random or bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import printed_by
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask, WeightMask

# A busy machine is no reason to fail.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def structured(draw: st.DrawFn) -> StructuredMask:
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    return StructuredMask(draw(arrays(bool, shape)), draw(arrays(bool, shape[:1])))


@st.composite
def alike(draw: st.DrawFn, n: int) -> list[WeightMask]:
    """Several masks of the same parameters."""
    sides = array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=9)
    shapes = draw(st.dictionaries(st.sampled_from("abcd"), sides, min_size=1))
    return [
        WeightMask({name: draw(arrays(bool, shape)) for name, shape in shapes.items()})
        for _ in range(n)
    ]


weights = alike(1).map(lambda masks: masks[0])
Mask = StructuredMask | WeightMask


def parts(mask: Mask) -> list[npt.NDArray[np.bool_]]:
    """What a ticket's size counts: heads and MLPs, each on its own, or all weights together."""
    if isinstance(mask, StructuredMask):
        return [mask.heads, mask.mlps]
    return [np.concatenate([mask.flat(name) for name in mask])]


def shares(draws: list[Mask]) -> list[npt.NDArray[np.float64]]:
    """How often each component is kept."""
    return [np.mean(part, axis=0) for part in zip(*map(parts, draws), strict=True)]


# Random and bad tickets


@unhurried
@given(structured() | weights, seeds)
def test_random_and_bad_have_exactly_the_good_size(good: Mask, seed: int) -> None:
    for other in (good.random_like(seed), good.bad_like(seed)):
        for kept, drawn in zip(parts(good), parts(other), strict=True):
            assert (drawn.shape, drawn.sum()) == (kept.shape, kept.sum())
    if isinstance(good, WeightMask):
        assert good.shapes == good.random_like(seed).shapes == good.bad_like(seed).shapes


@unhurried
@given(structured() | weights, seeds)
def test_random_and_bad_depend_on_mask_and_seed_only(good: Mask, seed: int) -> None:
    same = good
    if isinstance(good, WeightMask):
        same = WeightMask(dict(reversed(list(good.items()))))
    assert good.random_like(seed) == same.random_like(seed)
    assert good.bad_like(seed) == same.bad_like(seed)


@unhurried
@given(structured() | weights, seeds)
def test_bad_shares_with_good_only_what_it_must(good: Mask, seed: int) -> None:
    for kept, opposite in zip(parts(good), parts(good.bad_like(seed)), strict=True):
        assert (kept & opposite).sum() == max(0, 2 * int(kept.sum()) - kept.size)


@pytest.mark.parametrize(
    ("good", "share"),
    [
        (StructuredMask([[1, 1, 0, 0], [0, 0, 0, 0]], [1, 0]), 2 / 8),
        (WeightMask({"a": np.ones((1, 3), bool), "b": np.zeros((4, 2), bool)}), 3 / 11),
    ],
)
def test_random_draws_from_the_whole_model(good: Mask, share: float) -> None:
    """Every head is as likely as any other; every weight, whichever matrix it is in."""
    draws = [good.random_like(seed) for seed in range(400)]
    within = 5 * np.sqrt(share * (1 - share) / 400)  # five standard errors
    assert np.abs(shares(draws)[0] - share).max() < within
    first = {int(parts(drawn)[0].flat[:3].sum()) for drawn in draws}
    assert first >= {0, 1, 2}, "and no part has a share of its own"


@pytest.mark.parametrize("n_kept", [2, 6])
def test_bad_is_filled_up_or_thinned_evenly(n_kept: int) -> None:
    good = WeightMask({"a": np.arange(4) < n_kept, "b": np.arange(4) < n_kept - 4})
    (drawn,) = shares([good.bad_like(seed) for seed in range(400)])
    # Of 8 weights, 2 or 6 are good. A small ticket draws from the 6 others; a large one
    # takes both others and draws 4 of the 6 good ones.
    kept = np.arange(8) < n_kept
    chance = {2: np.where(kept, 0, 2 / 6), 6: np.where(kept, 4 / 6, 1)}[n_kept]
    assert np.abs(drawn - chance).max() < 5 * np.sqrt(2 / 9 / 400)


# Masks over heads and MLPs


@given(structured(), structured())
def test_intersection_is_in_both(one: StructuredMask, other: StructuredMask) -> None:
    if one.heads.shape != other.heads.shape:
        with pytest.raises(ValueError):
            one & other
        return
    both = one & other
    assert both <= one
    assert both <= other
    assert (both == one) == (one <= other)


@unhurried
@given(structured())
def test_files_keep_the_mask(
    tmp_path_factory: pytest.TempPathFactory, mask: StructuredMask
) -> None:
    path = tmp_path_factory.mktemp("mask") / "mask.json"
    mask.save(path)
    assert StructuredMask.load(path) == StructuredMask.from_json(mask.to_json()) == mask


@pytest.mark.parametrize(
    "data",
    [
        {"heads": [[0.9, 1]], "mlps": [1]},
        {"heads": "101", "mlps": "111"},
        {"heads": ["10", "1"], "mlps": "11"},
        {"heads": ["", ""], "mlps": "11"},
        {"heads": ["1\u0661"], "mlps": "1"},
        {"heads": [[[1]]], "mlps": [1]},
        {"heads": ["10"], "mlps": None},
        [],
        None,
    ],
)
def test_other_than_rows_of_zeros_and_ones_is_no_mask(data: Any) -> None:
    with pytest.raises(UserError, match="This is not a mask"):
        StructuredMask.from_json(data)


@pytest.mark.parametrize(
    "content", ["[" * 99_999, "", "{}", '{"heads": ["12"], "mlps": "1"}', '{"heads": 3}']
)
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


# Masks over weights


def places(mask: WeightMask) -> set[tuple[str, int]]:
    """The kept weights, as a set of names and places."""
    return {(name, int(i)) for name in mask for i in mask[name].flatten().nonzero()}


@unhurried
@given(weights)
def test_sizes_and_densities_count_what_is_there(mask: WeightMask) -> None:
    assert mask.n_kept == len(places(mask)) == sum(int(kept.sum()) for kept in mask.values())
    assert mask.size == sum(kept.numel() for kept in mask.values())
    assert mask.density == (mask.n_kept / mask.size if mask.size else 1)


@unhurried
@given(alike(2))
def test_set_operations_are_those_of_sets(two: list[WeightMask]) -> None:
    one, other = two
    assert places(one & other) == places(one) & places(other)
    assert places(one | other) == places(one) | places(other)
    assert places(one - other) == places(one) - places(other)
    assert (one <= other) == (places(one) <= places(other))
    assert (one == other) == (places(one) == places(other)) == (one.sha256() == other.sha256())
    if one == other:
        assert hash(one) == hash(other)


def test_masks_of_other_parameters_do_not_mix() -> None:
    one = WeightMask({"a": np.ones(6, bool)})
    for other in (WeightMask({"b": np.ones(6, bool)}), WeightMask({"a": np.ones((2, 3), bool)})):
        assert one != other
        assert one.sha256() != other.sha256()
        with pytest.raises(ValueError, match="names or shapes"):
            one & other
        with pytest.raises(ValueError, match="names or shapes"):
            assert one <= other


def test_a_weight_mask_cannot_be_changed_from_outside() -> None:
    with pytest.raises(ValueError, match="a holds float32, not bool"):
        WeightMask({"a": torch.ones(2)})
    kept = {"a": torch.ones(3, dtype=torch.bool)}
    mask = WeightMask(kept)
    kept["a"][0] = False
    mask["a"][1] = False
    mask.flat("a")[2] = False
    mask.shapes["a"] = (4,)
    assert mask == WeightMask.full({"a": torch.zeros(3)})
    with pytest.raises(TypeError):
        mask["a"] = kept["a"]  # type: ignore[index]


@unhurried
@given(weights)
def test_files_keep_a_weight_mask(
    tmp_path_factory: pytest.TempPathFactory, mask: WeightMask
) -> None:
    path = tmp_path_factory.mktemp("mask") / "mask.safetensors"
    mask.save(path)
    loaded = WeightMask.load(path)
    assert loaded == mask
    assert loaded.sha256() == mask.sha256()
    assert list(loaded) == list(mask)


def test_a_broken_file_of_weights_is_one_clear_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "mask.safetensors"
    WeightMask({"a": np.ones((400, 400), bool)}).save(path)
    whole = path.read_bytes()
    assert 20_000 <= len(whole) < 20_500, "eight weights share a byte"
    flipped = whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:]
    for content in (b"", b"no mask at all", whole[:-1], flipped):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"Cannot read a weight mask from .*mask\.safetensors"):
            WeightMask.load(path)
    for metadata in (None, {"shapes": "[3]", "sha256": ""}, {"shapes": '{"b": [20]}'}):
        save_file({"a": torch.ones(3, dtype=torch.uint8)}, path, metadata)
        with pytest.raises(UserError, match="Cannot read a weight mask"):
            WeightMask.load(path)
    with pytest.raises(UserError, match=r"absent\.safetensors"):
        WeightMask.load(tmp_path / "absent.safetensors")


def test_masks_are_read_and_compared_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "mask.safetensors"
    mask = WeightMask({"a": np.arange(20) % 2 == 0})
    mask.save(path)
    script = f"""
import sys
from lottery_utils.masks import WeightMask
mask = WeightMask.load({str(path)!r})
assert mask.bad_like(0) & mask != mask.random_like(0)
print(mask.sha256(), mask.density)
assert "torch" not in sys.modules
"""
    assert printed_by(script) == f"{mask.sha256()} {mask.density}"


@pytest.mark.parametrize("mask", [StructuredMask.full(2, 2), WeightMask({"a": np.ones(3, bool)})])
def test_what_cannot_be_written_is_one_sentence(
    mask: StructuredMask | WeightMask, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"Cannot write .*nowhere.*mask.*; choose another place"):
        mask.save(tmp_path / "nowhere" / "mask")
