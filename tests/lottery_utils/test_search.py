"""The searches are the paper's: three phases or torch's own magnitudes, and the 90 % rule."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from lottery_utils.errors import ReplayError
from lottery_utils.importance import Importance, Variant
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.metrics import passes
from lottery_utils.search import (
    Step,
    WeightStep,
    largest_removed,
    magnitude_search,
    magnitude_step,
    smallest,
    structured_search,
)

variants: tuple[Variant, ...] = ("paper", "release")
any_variant = st.sampled_from(variants)
# A busy machine is no reason to fail.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
FULL = StructuredMask.full(4, 5)


def fixed_importance(seed: int) -> Callable[[StructuredMask], Importance]:
    """Scores that depend on the mask, as real ones do, and on nothing else."""

    def importance(mask: StructuredMask) -> Importance:
        rng = np.random.default_rng([seed, mask.n_heads, mask.n_mlps])
        return Importance(rng.random(mask.heads.shape), rng.random(mask.mlps.shape), 1, 1)

    return importance


def linear_score(mask: StructuredMask) -> float:
    return 0.5 + 0.3 * mask.n_heads / FULL.n_heads + 0.2 * mask.n_mlps / FULL.n_mlps


def replay(steps: list[Step]) -> list[tuple[StructuredMask, StructuredMask, Step]]:
    """(mask before, trial, step) along a trace."""
    kept, seen = FULL, []
    for step in steps:
        trial = kept.without(step.removed_heads, step.removed_mlps)
        seen.append((kept, trial, step))
        kept = trial if step.passed else kept
    return seen


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    threshold=st.floats(0.05, 1),
    head_step=st.floats(0.01, 1),
    variant=any_variant,
)
def test_the_lowest_scored_of_what_is_left_goes_step_by_step(
    seed: int, threshold: float, head_step: float, variant: Variant
) -> None:
    found = structured_search(
        FULL,
        linear_score(FULL),
        linear_score,
        fixed_importance(seed),
        threshold=threshold,
        head_step=head_step,
        variant=variant,
    )
    last = FULL
    for before, trial, step in replay(found.steps):
        assert trial <= before
        assert trial != before
        assert (trial.n_heads, trial.n_mlps) == (step.n_heads, step.n_mlps)
        assert step.score == linear_score(trial)
        assert step.passed == (step.score >= threshold * found.full_score)
        # What was removed was there, and nothing was removed twice.
        assert before.n_heads - trial.n_heads == len(step.removed_heads)
        assert before.n_mlps - trial.n_mlps == len(step.removed_mlps)
        last = trial if step.passed else last
        heads, mlps = np.array(step.head_scores), np.array(step.mlp_scores)
        if step.removed_heads and trial.n_heads:
            assert max(heads[at] for at in step.removed_heads) <= heads[trial.heads].min()
        if step.removed_mlps and trial.n_mlps:
            assert mlps[step.removed_mlps[0]] <= mlps[trial.mlps].min()
    assert found.mask == last
    phases = [step.phase for step in found.steps]
    assert phases == sorted(phases, key=["both", "heads", "mlps"].index)


def test_step_sizes_are_the_paper_s() -> None:
    bert_base = StructuredMask.full(12, 12)
    calls: list[StructuredMask] = []

    def score(mask: StructuredMask) -> float:
        calls.append(mask)
        return 1.0 if mask.n_heads > 100 else 0.0

    found = structured_search(bert_base, 1.0, score, fixed_importance(0))
    sizes = [(s.phase, s.n_heads, s.n_mlps, s.passed) for s in found.steps]
    assert sizes[:4] == [
        ("both", 130, 11, True),  # 14 of 144 heads and one MLP
        ("both", 116, 10, True),
        ("both", 102, 9, True),
        ("both", 88, 8, False),
    ]
    assert sizes[4] == ("heads", 95, 9, False)  # half as many, from the last passing mask
    assert sizes[5:] == [("mlps", 102, n, True) for n in range(8, -1, -1)]
    assert (found.mask.n_heads, found.mask.n_mlps) == (102, 0)


def test_every_phase_starts_with_the_scores_of_the_mask_that_is_kept() -> None:
    """The release's with those of the trial that failed: `as_the_release_does` below."""
    asked: list[StructuredMask] = []

    def importance(mask: StructuredMask) -> Importance:
        asked.append(mask)
        return fixed_importance(0)(mask)

    found = structured_search(FULL, 1.0, lambda mask: 0.0, importance)
    assert [step.phase for step in found.steps] == ["both", "heads", "mlps"]
    assert found.mask == FULL and asked == [FULL] * 3


def as_the_release_does(
    full: StructuredMask,
    score: Callable[[StructuredMask], float],
    importance: Callable[[StructuredMask], Importance],
    threshold: float,
    head_step: float,
) -> tuple[StructuredMask, list[StructuredMask]]:
    """The authors' search, written out phase by phase: the good mask, and every trial."""
    heads, mlps = full.heads.copy(), full.mlps.copy()
    bar, per_step = threshold * score(full), max(1, int(head_step * full.heads.size))
    of, trials = importance(full).normalized(), []

    def lowest(kept: np.ndarray, scores: np.ndarray, n: int) -> np.ndarray:
        fewer = kept.copy().ravel()
        left = [place for place in np.argsort(scores.ravel(), kind="stable") if fewer[place]]
        fewer[left[:n]] = False
        return fewer.reshape(kept.shape)

    def passes_with(new_heads: np.ndarray, new_mlps: np.ndarray) -> bool:
        nonlocal of
        trial = StructuredMask(new_heads, new_mlps)
        trials.append(trial)
        of = importance(trial).normalized()  # kept for the next phase, whatever comes out
        return score(trial) >= bar

    while heads.any() and mlps.any():
        fewer = lowest(heads, of.heads, per_step), lowest(mlps, of.mlps, 1)
        if not passes_with(*fewer):
            break
        heads, mlps = fewer
    while heads.any() and per_step // 2:
        fewer_heads = lowest(heads, of.heads, per_step // 2)
        if not passes_with(fewer_heads, mlps):
            break
        heads = fewer_heads
    while mlps.any():
        fewer_mlps = lowest(mlps, of.mlps, 1)
        if not passes_with(heads, fewer_mlps):
            break
        mlps = fewer_mlps
    return StructuredMask(heads, mlps), trials


@given(
    seed=st.integers(0, 1000),
    layers=st.integers(1, 8),
    heads=st.integers(1, 6),
    threshold=st.floats(0.01, 0.99),
    head_step=st.floats(0.01, 1),
)
def test_the_release_searches_as_the_authors_code_does(
    seed: int, layers: int, heads: int, threshold: float, head_step: float
) -> None:
    full = StructuredMask.full(layers, heads)

    def score(mask: StructuredMask) -> float:
        return 0.2 + 0.4 * mask.n_heads / full.n_heads + 0.4 * mask.n_mlps / full.n_mlps

    importance = fixed_importance(seed)
    found = structured_search(
        full,
        score(full),
        score,
        importance,
        threshold=threshold,
        head_step=head_step,
        variant="release",
    )
    mask, trials = as_the_release_does(full, score, importance, threshold, head_step)
    assert found.mask == mask
    assert [(step.n_heads, step.n_mlps) for step in found.steps] == [
        (trial.n_heads, trial.n_mlps) for trial in trials
    ]


@given(seed=st.integers(0, 1000), cut=st.integers(0, 12))
def test_an_interrupted_search_goes_on_where_it_stopped(seed: int, cut: int) -> None:
    whole = structured_search(FULL, 1.0, linear_score, fixed_importance(seed), threshold=0.7)
    done = [Step.from_json(step.to_json()) for step in whole.steps[:cut]]
    scored, told = [], []

    def score(mask: StructuredMask) -> float:
        scored.append(mask)
        return linear_score(mask)

    resumed = structured_search(
        FULL, 1.0, score, fixed_importance(seed), threshold=0.7, done=done, on_step=told.append
    )
    assert resumed == whole
    assert len(scored) == len(told) == max(0, len(whole.steps) - cut)


def changed(step: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A step with something in it as another search might have it."""
    kind = rng.choice(["phase", "n_heads", "n_mlps", "passed", "score", "removed_heads", "scores"])
    value: Any = {
        "phase": rng.choice([p for p in ("both", "heads", "mlps") if p != step["phase"]]),
        "passed": not step["passed"],
        "score": 0.0 if step["passed"] else 1.0,
        "removed_heads": step["removed_heads"][1:] or [(0, 9)],
    }.get(kind, -1)
    if kind == "scores":
        return {**step, "head_scores": [[-x for x in row] for row in step["head_scores"]][1:]}
    return {**step, kind: value}


@given(seed=st.integers(0, 1000), damage=st.sampled_from(["change", "double", "drop", "swap"]))
def test_steps_that_do_not_follow_are_refused(seed: int, damage: str) -> None:
    """Or they are the steps of the very search: where a step is left out at the end, say."""
    rng = random.Random(seed)
    search = partial(structured_search, FULL, 1.0, linear_score, threshold=0.7)
    whole = search(fixed_importance(seed))
    steps = [step.to_json() for step in whole.steps]
    at = rng.randrange(len(steps))
    if damage == "change":
        steps[at] = changed(steps[at], rng)
    elif damage == "double":
        steps.insert(at, steps[at])
    elif damage == "drop":
        del steps[at]
    else:
        steps[at : at + 2] = reversed(steps[at : at + 2])
    done = [Step.from_json(step) for step in steps]
    if done == whole.steps[: len(done)]:
        assert search(fixed_importance(seed), done=done) == whole
    else:
        with pytest.raises(ReplayError):
            search(fixed_importance(seed), done=done)


@pytest.mark.parametrize("n", [277, 400, 408, 872, 1043, 1500])
def test_an_exact_tie_with_the_threshold_passes(n: int) -> None:
    """Scores have six decimals; nine tenths of one of them is seldom another, to the last bit."""
    for right in range(10, n + 1, 10):
        full, tie, below = (round(k / n, 6) for k in (right, right * 9 // 10, right * 9 // 10 - 1))
        assert passes(tie, full, 0.9)
        assert not passes(below, full, 0.9)


# Magnitude pruning


Parameters = dict[str, Tensor]


def random_parameters(seed: int, *sizes: int) -> Parameters:
    generator = torch.Generator().manual_seed(seed)
    return {f"layer.{i}": torch.randn(size, 3, generator=generator) for i, size in enumerate(sizes)}


some_parameters = st.builds(
    random_parameters, st.integers(0, 1000), st.integers(1, 40), st.integers(0, 40)
)


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
    # The bad ticket of the authors' code.
    everything = WeightMask.full(parameters)
    assert largest_removed(parameters, n) == smallest(parameters, n, everything)


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
@given(some_parameters, st.floats(0.05, 1), st.floats(0.05, 1), any_variant)
def test_every_trial_is_the_last_without_its_smallest_weights(
    parameters: Parameters, threshold: float, fraction: float, variant: Variant
) -> None:
    trials: list[WeightMask] = []

    def score(mask: WeightMask) -> float:
        trials.append(mask)
        return mask.density

    found = magnitude_search(
        parameters, 1.0, score, threshold=threshold, fraction=fraction, variant=variant
    )
    kept = before = WeightMask.full(parameters)
    for number, (trial, step) in enumerate(zip(trials, found.steps, strict=True), start=1):
        n_removed = max(1, round(fraction * before.n_kept))
        assert trial == before - smallest(parameters, n_removed, before)
        passed = trial.density >= threshold
        assert step == WeightStep(trial.n_kept, trial.density, trial.density, passed)
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


def test_it_ends_when_everything_is_pruned() -> None:
    found = magnitude_search(PARAMETERS, 0.5, lambda mask: 0.5)
    assert found.mask.n_kept == found.steps[-1].n_kept == 0
    assert all(step.passed for step in found.steps)
    assert magnitude_search({}, 0.5, lambda mask: 0.5).steps == []


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
@given(st.integers(0, 1000), st.integers(0, 12), any_variant, st.sampled_from([0.3, 0.7]))
def test_an_interrupted_magnitude_search_goes_on_where_it_stopped(
    seed: int, cut: int, variant: Variant, threshold: float
) -> None:
    scored: list[WeightMask] = []
    told: list[WeightStep] = []

    def score(mask: WeightMask) -> float:
        scored.append(mask)
        return mask.density

    search = partial(
        magnitude_search,
        random_parameters(seed, 20, 30),
        1.0,
        score,
        threshold=threshold,
        variant=variant,
        on_step=told.append,
    )
    whole = search()
    assert told == whole.steps
    scored.clear()
    told.clear()
    done = [WeightStep(**step.to_json()) for step in whole.steps[:cut]]
    assert search(done=done) == whole
    assert told == whole.steps[cut:]
    assert len(scored) == len(told)
    for wrong in ([*whole.steps, whole.steps[-1]], whole.steps[1:], whole.steps[:1] * 2):
        if wrong != whole.steps[: len(wrong)]:
            with pytest.raises(ReplayError):
                search(done=wrong)
