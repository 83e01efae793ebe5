"""Magnitude pruning takes what torch's own takes, step by step, until the 90 % rule breaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from lottery_utils.masks import WeightMask
from lottery_utils.search import (
    SearchResult,
    WeightStep,
    largest_removed,
    magnitude_search,
    magnitude_step,
    smallest,
)

Parameters = dict[str, Tensor]

# A busy machine is no reason to fail.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def random_parameters(seed: int, *sizes: int) -> Parameters:
    generator = torch.Generator().manual_seed(seed)
    return {f"layer.{i}": torch.randn(size, 3, generator=generator) for i, size in enumerate(sizes)}


some_parameters = st.builds(
    random_parameters, st.integers(0, 1000), st.integers(1, 40), st.integers(0, 40)
)


def flat(parameters: Parameters, mask: WeightMask | None = None) -> np.ndarray:
    """Absolute values, of the kept weights only where there is a mask."""
    names = sorted(parameters)
    values = np.concatenate([parameters[name].abs().flatten().numpy() for name in names])
    if mask is None:
        return values
    return values[np.concatenate([mask.flat(name) for name in names])]


@unhurried
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_it_prunes_what_torch_prunes(sizes: list[int], fraction: float, seed: int) -> None:
    torch.manual_seed(seed)
    linears = [nn.Linear(7, size) for size in sizes]
    targets = [(linear, part) for linear in linears for part in ("weight", "bias")]
    parameters = {
        f"{i}.{part}": getattr(linear, part).detach().clone()
        for i, linear in enumerate(linears)
        for part in ("weight", "bias")
    }
    mask = None
    for _ in range(4):
        mask = magnitude_step(parameters, mask, fraction)
        prune.global_unstructured(targets, prune.L1Unstructured, amount=fraction)
        for i, linear in enumerate(linears):
            for part in ("weight", "bias"):
                assert torch.equal(mask[f"{i}.{part}"].float(), getattr(linear, f"{part}_mask"))


@unhurried
@given(some_parameters, st.floats(0, 1))
def test_a_step_removes_exactly_its_share_of_what_remains(
    parameters: Parameters, fraction: float
) -> None:
    mask = WeightMask.full(parameters)
    for _ in range(3):
        smaller = magnitude_step(parameters, mask, fraction)
        assert smaller.n_kept == mask.n_kept - round(fraction * mask.n_kept)
        assert smaller <= mask
        if smaller.n_kept and smaller != mask:
            assert flat(parameters, mask - smaller).max() <= flat(parameters, smaller).min()
        mask = smaller


@unhurried
@given(some_parameters, st.data())
def test_the_release_s_bad_ticket_has_the_smallest_weights(
    parameters: Parameters, data: st.DataObject
) -> None:
    full = WeightMask.full(parameters)
    n_kept = data.draw(st.integers(0, full.size))
    bad = largest_removed(parameters, n_kept)
    np.testing.assert_array_equal(
        np.sort(flat(parameters, bad)), np.sort(flat(parameters))[:n_kept]
    )


@unhurried
@given(st.lists(st.tuples(st.integers(-2, 2), st.booleans()), min_size=1, max_size=40), st.data())
def test_ties_are_broken_by_name_and_place(
    weights: list[tuple[int, bool]], data: st.DataObject
) -> None:
    values, kept = (np.array(column) for column in zip(*weights, strict=True))
    cut = data.draw(st.integers(0, len(weights)))
    n = data.draw(st.integers(0, int(kept.sum())))
    expected = np.zeros(len(weights), bool)
    places = np.flatnonzero(kept)
    expected[places[np.argsort(np.abs(values[places]), kind="stable")[:n]]] = True
    among = WeightMask({"a": kept[:cut], "b": kept[cut:]})
    parameters = {"b": torch.tensor(values[cut:]), "a": torch.tensor(values[:cut])}
    taken = smallest(parameters, n, among)
    np.testing.assert_array_equal(np.concatenate([taken.flat("a"), taken.flat("b")]), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_other_types_are_ranked_too(dtype: torch.dtype) -> None:
    values = torch.tensor([3.0, -1.0, 0.5, -4.0], dtype=dtype, requires_grad=True)
    assert magnitude_step({"a": values}, None, 0.5)["a"].tolist() == [True, False, False, True]


def test_what_cannot_be_ranked_is_refused() -> None:
    parameters = random_parameters(0, 4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        magnitude_step(parameters, None, 1.5)
    with pytest.raises(ValueError, match="names or shapes"):
        magnitude_step(parameters, WeightMask.full(random_parameters(0, 5)), 0.1)
    with pytest.raises(ValueError, match="cannot take 13 of 12"):
        largest_removed(parameters, 13)
    with pytest.raises(ValueError, match="not a number"):
        magnitude_step({"a": torch.tensor([torch.nan, 1.0, torch.nan])}, None, 0.7)
    with pytest.raises(ValueError, match="fraction"):
        magnitude_search(parameters, 1.0, lambda mask: 1.0, fraction=0)


PARAMETERS = random_parameters(3, 50, 20)
SIZE = WeightMask.full(PARAMETERS).size


def density(mask: WeightMask) -> float:
    return mask.density


@unhurried
@given(
    some_parameters,
    st.floats(0.05, 1),
    st.floats(0.05, 1),
    st.sampled_from(["paper", "release"]),
)
def test_masks_nest_along_the_trace(
    parameters: Parameters, threshold: float, fraction: float, variant: str
) -> None:
    trials: list[WeightMask] = []

    def score(mask: WeightMask) -> float:
        trials.append(mask)
        return mask.density

    found = magnitude_search(
        parameters,
        1.0,
        score,
        threshold=threshold,
        fraction=fraction,
        variant=variant,  # type: ignore[arg-type]
    )
    kept = before = WeightMask.full(parameters)
    for number, (trial, step) in enumerate(zip(trials, found.steps, strict=True), start=1):
        removed = before - trial
        assert trial <= before
        assert removed.n_kept == max(1, round(fraction * before.n_kept))
        assert step == WeightStep(
            trial.n_kept, trial.density, trial.density, trial.density >= threshold
        )
        if trial.n_kept:
            assert flat(parameters, removed).max() <= flat(parameters, trial).min()
        if step.passed and (variant == "paper" or number < 10):
            kept = trial
        before = trial
    assert found.mask == kept
    assert all(step.passed for step in found.steps[:-1])


def test_a_step_is_a_tenth_of_what_remains_and_the_last_passing_mask_is_kept() -> None:
    found = magnitude_search(PARAMETERS, 0.8, density, threshold=0.9)
    assert [step.n_kept for step in found.steps] == [189, 170, 153, 138]  # of 210
    assert [step.passed for step in found.steps] == [True, True, True, False]
    assert (found.mask.n_kept, found.full_score) == (153, 0.8)
    mask = None
    for _ in range(3):
        mask = magnitude_step(PARAMETERS, mask, 0.1)
    assert found.mask == mask


def test_it_ends_when_everything_is_pruned() -> None:
    found = magnitude_search(PARAMETERS, 0.5, lambda mask: 0.5)
    assert found.mask.n_kept == found.steps[-1].n_kept == 0
    assert all(step.passed for step in found.steps)
    assert magnitude_search({}, 0.5, lambda mask: 0.5).steps == []


def test_nothing_goes_where_everything_is_needed() -> None:
    found = magnitude_search(PARAMETERS, 1.0, lambda mask: 0.0)
    assert found.mask == WeightMask.full(PARAMETERS)
    assert [step.passed for step in found.steps] == [False]


@pytest.mark.parametrize("passing", [4, 9, 10, 30])
def test_the_release_keeps_nine_steps_at_most(passing: int) -> None:
    calls: list[WeightMask] = []

    def score(mask: WeightMask) -> float:
        calls.append(mask)
        return float(len(calls) <= passing)

    found = magnitude_search(PARAMETERS, 1.0, score, variant="release")
    assert len(calls) == len(found.steps) == min(passing + 1, 10)
    assert found.mask == calls[min(passing, 9) - 1]
    assert [step.passed for step in found.steps] == [i < passing for i in range(len(calls))]


@unhurried
@given(
    seed=st.integers(0, 1000),
    cut=st.integers(0, 12),
    variant=st.sampled_from(["paper", "release"]),
    threshold=st.sampled_from([0.3, 0.7]),
)
def test_an_interrupted_search_goes_on_where_it_stopped(
    seed: int, cut: int, variant: str, threshold: float
) -> None:
    parameters = random_parameters(seed, 20, 30)

    def search(
        score: Callable[[WeightMask], float],
        done: list[WeightStep],
        on_step: Callable[[WeightStep], None],
    ) -> SearchResult[WeightMask, WeightStep]:
        return magnitude_search(
            parameters,
            1.0,
            score,
            threshold=threshold,
            variant=variant,  # type: ignore[arg-type]
            done=done,
            on_step=on_step,
        )

    whole = search(density, [], lambda step: None)
    done = [WeightStep(**step.to_json()) for step in whole.steps[:cut]]
    scored: list[WeightMask] = []
    told: list[WeightStep] = []

    def score(mask: WeightMask) -> float:
        scored.append(mask)
        return mask.density

    assert search(score, done, told.append) == whole
    assert told == whole.steps[cut:]
    assert len(scored) == len(told)
