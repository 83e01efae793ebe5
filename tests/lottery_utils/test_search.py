"""The search is the paper's: three phases, the 90 % rule, and a trace that nests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.importance import Importance
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import passes
from lottery_utils.search import Step, structured_search

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
    variant=st.sampled_from(["paper", "release"]),
)
def test_masks_nest_along_the_trace(
    seed: int, threshold: float, head_step: float, variant: str
) -> None:
    found = structured_search(
        FULL,
        linear_score(FULL),
        linear_score,
        fixed_importance(seed),
        threshold=threshold,
        head_step=head_step,
        variant=variant,  # type: ignore[arg-type]
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
    assert found.mask == last
    phases = [step.phase for step in found.steps]
    assert phases == sorted(phases, key=["both", "heads", "mlps"].index)


@given(seed=st.integers(0, 1000))
def test_the_lowest_scored_of_what_is_left_goes_first(seed: int) -> None:
    found = structured_search(FULL, 1.0, linear_score, fixed_importance(seed), threshold=0.7)
    for before, _, step in replay(found.steps):
        scores = np.array(step.head_scores)
        removed = [scores[place] for place in step.removed_heads]
        stays = before.without(step.removed_heads, []).heads
        if removed and stays.any():
            assert max(removed) <= scores[stays].min()
        if step.removed_mlps and before.n_mlps > 1:
            mlps = np.array(step.mlp_scores)
            stays_mlps = before.without([], step.removed_mlps).mlps
            assert mlps[step.removed_mlps[0]] <= mlps[stays_mlps].min()


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


def test_everything_goes_where_nothing_is_lost() -> None:
    found = structured_search(FULL, 0.5, lambda mask: 0.5, fixed_importance(0))
    assert (found.mask.n_heads, found.mask.n_mlps) == (0, 0)


def test_nothing_goes_where_everything_is_needed() -> None:
    found = structured_search(FULL, 1.0, lambda mask: 0.0, fixed_importance(0))
    assert found.mask == FULL
    assert [step.phase for step in found.steps] == ["both", "heads", "mlps"]


@pytest.mark.parametrize("variant", ["paper", "release"])
def test_which_mask_is_scored_at_the_start_of_a_phase(variant: str) -> None:
    asked: list[StructuredMask] = []

    def importance(mask: StructuredMask) -> Importance:
        asked.append(mask)
        return fixed_importance(0)(mask)

    found = structured_search(
        FULL,
        1.0,
        lambda mask: 0.0,
        importance,
        variant=variant,  # type: ignore[arg-type]
    )
    trials = [trial for _, trial, _ in replay(found.steps)]
    # The release starts phases 2 and 3 with the scores of the trial that just failed.
    assert asked == ([FULL, *trials[:2]] if variant == "release" else [FULL] * 3)


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


@pytest.mark.parametrize("n", [277, 400, 408, 872, 1043, 1500])
def test_an_exact_tie_with_the_threshold_passes(n: int) -> None:
    """Scores have six decimals; nine tenths of one of them is seldom another, to the last bit."""
    for right in range(10, n + 1, 10):
        full, tie, below = (round(k / n, 6) for k in (right, right * 9 // 10, right * 9 // 10 - 1))
        assert passes(tie, full, 0.9)
        assert not passes(below, full, 0.9)
