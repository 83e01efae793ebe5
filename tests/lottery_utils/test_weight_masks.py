"""Masks over single weights: sizes, set operations, packed files, and no torch to read them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lottery_utils.errors import UserError
from lottery_utils.masks import WeightMask

# A busy machine is no reason to fail.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

SHAPES = st.dictionaries(
    st.sampled_from("abcd"),
    array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=9),
    min_size=1,
)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def masks(draw: st.DrawFn) -> WeightMask:
    return draw(alike(1))[0]


@st.composite
def alike(draw: st.DrawFn, n: int) -> list[WeightMask]:
    """Several masks of the same parameters."""
    shapes = draw(SHAPES)
    return [
        WeightMask({name: draw(arrays(bool, shape)) for name, shape in shapes.items()})
        for _ in range(n)
    ]


def places(mask: WeightMask) -> set[tuple[str, int]]:
    """The kept weights, as a set of names and places."""
    return {(name, int(i)) for name in mask for i in mask[name].flatten().nonzero()}


@unhurried
@given(masks())
def test_sizes_and_densities_count_what_is_there(mask: WeightMask) -> None:
    assert mask.n_kept == len(places(mask)) == sum(int(kept.sum()) for kept in mask.values())
    assert mask.size == sum(kept.numel() for kept in mask.values())
    assert mask.density == (mask.n_kept / mask.size if mask.size else 1)


@unhurried
@given(st.dictionaries(st.sampled_from("abcd"), arrays(bool, array_shapes(min_dims=0)), min_size=1))
def test_a_mask_is_a_mapping_to_what_it_was_made_from(kept: dict[str, np.ndarray]) -> None:
    tensors = {name: torch.from_numpy(np.array(values)) for name, values in kept.items()}
    for mask in (WeightMask(kept), WeightMask(tensors)):
        assert set(mask) == set(kept)
        assert len(mask) == len(kept)
        for name, values in mask.items():
            assert values.dtype == torch.bool
            assert torch.equal(values, tensors[name])


@unhurried
@given(masks())
def test_the_full_mask_keeps_everything(mask: WeightMask) -> None:
    full = WeightMask.full({name: kept.float() for name, kept in mask.items()})
    assert full.shapes == mask.shapes
    assert full.n_kept == full.size == mask.size
    assert mask <= full


@unhurried
@given(masks(), seeds)
def test_random_and_bad_have_exactly_the_good_size(good: WeightMask, seed: int) -> None:
    for other in (good.random_like(seed), good.bad_like(seed)):
        assert other.n_kept == good.n_kept
        assert other.shapes == good.shapes


@unhurried
@given(masks(), seeds)
def test_random_and_bad_depend_on_mask_and_seed_only(good: WeightMask, seed: int) -> None:
    same = WeightMask(dict(reversed(list(good.items()))))
    assert good.random_like(seed) == same.random_like(seed)
    assert good.bad_like(seed) == same.bad_like(seed)


@unhurried
@given(masks(), seeds)
def test_bad_shares_with_good_only_what_it_must(good: WeightMask, seed: int) -> None:
    bad = good.bad_like(seed)
    assert (good & bad).n_kept == max(0, 2 * good.n_kept - good.size)


def shares(draws: list[WeightMask]) -> np.ndarray:
    """How often each weight is kept."""
    flat = [np.concatenate([mask.flat(name) for name in mask]) for mask in draws]
    return np.mean(flat, axis=0)


def test_random_draws_from_all_weights_at_once() -> None:
    good = WeightMask({"a": np.ones((1, 3), bool), "b": np.zeros((4, 2), bool)})
    drawn = [good.random_like(seed) for seed in range(400)]
    # 3 of 11, whichever matrix a weight is in; within five standard errors.
    assert np.abs(shares(drawn) - 3 / 11).max() < 5 * np.sqrt(3 / 11 * 8 / 11 / 400)
    assert {int(mask["a"].sum()) for mask in drawn} >= {0, 1, 2}


@pytest.mark.parametrize("n_kept", [2, 6])
def test_bad_is_filled_up_or_thinned_evenly(n_kept: int) -> None:
    good = WeightMask({"a": np.arange(4) < n_kept, "b": np.arange(4) < n_kept - 4})
    drawn = shares([good.bad_like(seed) for seed in range(400)])
    # Of 8 weights, 2 or 6 are good. A small ticket draws from the 6 others; a large one
    # takes both others and draws 4 of the 6 good ones.
    kept = np.arange(8) < n_kept
    chance = {2: np.where(kept, 0, 2 / 6), 6: np.where(kept, 4 / 6, 1)}[n_kept]
    assert np.abs(drawn - chance).max() < 5 * np.sqrt(2 / 9 / 400)


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


def test_only_bool_is_a_mask() -> None:
    with pytest.raises(ValueError, match="a holds float32, not bool"):
        WeightMask({"a": torch.ones(2)})


def test_a_mask_cannot_be_changed_from_outside() -> None:
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
@given(masks())
def test_files_keep_the_mask(tmp_path_factory: pytest.TempPathFactory, mask: WeightMask) -> None:
    path = tmp_path_factory.mktemp("mask") / "mask.safetensors"
    mask.save(path)
    loaded = WeightMask.load(path)
    assert loaded == mask
    assert loaded.sha256() == mask.sha256()
    assert list(loaded) == list(mask)


def test_eight_weights_share_a_byte_on_disk(tmp_path: Path) -> None:
    WeightMask({"a": np.ones((400, 400), bool)}).save(tmp_path / "mask")
    assert 20_000 <= (tmp_path / "mask").stat().st_size < 20_500


def test_a_broken_file_is_one_clear_sentence(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "mask.safetensors"
    WeightMask({"a": np.ones(20, bool)}).save(path)
    whole = path.read_bytes()
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
    with pytest.raises(UserError, match="Cannot write the mask"):
        WeightMask({"a": np.ones(20, bool)}).save(tmp_path / "absent" / "mask.safetensors")


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
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not answer.returncode, answer.stderr
    assert answer.stdout == f"{mask.sha256()} {mask.density}\n"
