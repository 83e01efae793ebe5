"""Finding the good subnetwork: pruning heads and MLPs until the 90 % rule breaks.
(`lottery_utils.magnitude`, whose names are here too, does the same with single weights.)

The paper's structured search (sections 3.3 and 4.1), told by two questions about a mask:
`score(mask)`, the validation metric of the masked model, and `importance(mask)`, its
importance scores. No training happens here. The search goes through three phases, each of
which ends at its first failing step or when nothing is left to remove:

    both    the 10 % lowest-scored of all heads and the one lowest-scored MLP at a time;
    heads   from the last passing mask, half as many heads at a time;
    mlps    from the last passing mask, one MLP at a time.

A step passes if the score is at least 90 % of the full model's. The last passing mask is
the good ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from lottery_utils.importance import Importance, Variant
from lottery_utils.magnitude import (
    MagnitudeResult,
    WeightStep,
    largest_removed,
    magnitude_search,
    magnitude_step,
)
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import passes

__all__ = [
    "MagnitudeResult",
    "SearchResult",
    "Step",
    "WeightStep",
    "largest_removed",
    "magnitude_search",
    "magnitude_step",
    "structured_search",
]

Phase = Literal["both", "heads", "mlps"]
PHASES: tuple[Phase, ...] = ("both", "heads", "mlps")


@dataclass(frozen=True)
class Step:
    """One trial of the search: what was removed from the last passing mask, and the outcome.

    `n_heads` and `n_mlps` are the trial mask's sizes. `head_scores` (layers, heads) and
    `mlp_scores` (layers,) are the normalized importance scores by which the choice was made.
    """

    phase: Phase
    removed_heads: list[tuple[int, int]]
    removed_mlps: list[int]
    n_heads: int
    n_mlps: int
    score: float
    passed: bool
    head_scores: list[list[float]] = field(repr=False)
    mlp_scores: list[float] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Step:
        heads = [(layer, head) for layer, head in data["removed_heads"]]
        return cls(**{**data, "removed_heads": heads})


@dataclass(frozen=True)
class SearchResult:
    """The good mask, the full model's score, and every step that led here."""

    mask: StructuredMask
    full_score: float
    steps: list[Step]


def structured_search(
    full: StructuredMask,
    full_score: float,
    score: Callable[[StructuredMask], float],
    importance: Callable[[StructuredMask], Importance],
    *,
    threshold: float = 0.9,
    head_step: float = 0.1,
    variant: Variant = "paper",
    done: Sequence[Step] = (),
    on_step: Callable[[Step], None] = lambda step: None,
) -> SearchResult:
    """Prune `full` for as long as its score stays at or above `threshold` x `full_score`.

    `head_step` is the share of *all* heads removed in a step of the first phase, at least
    one. With `variant="paper"` every step is chosen by the scores of the mask it starts
    from; with `"release"` the second and third phase begin, as in the authors' code, with
    the scores of the trial that failed before them. `on_step` is told of every new step.
    `done` are the first steps of an interrupted search: they are taken as they are, and
    neither scored nor announced again.
    """
    per_step = max(1, int(head_step * full.heads.size))
    kept, scored_at = full, full
    steps: list[Step] = []
    for phase in PHASES:
        n_heads = {"both": per_step, "heads": max(1, per_step // 2), "mlps": 0}[phase]
        n_mlps = {"both": 1, "heads": 0, "mlps": 1}[phase]
        while min(n_heads, kept.n_heads) or min(n_mlps, kept.n_mlps):
            if len(steps) < len(done):
                step = done[len(steps)]
                trial = kept.without(step.removed_heads, step.removed_mlps)
            else:
                scores = importance(scored_at).normalized()
                heads = _lowest_heads(kept, scores, n_heads)
                mlps = _lowest_mlps(kept, scores, n_mlps)
                trial = kept.without(heads, mlps)
                value = score(trial)
                step = Step(
                    phase,
                    heads,
                    mlps,
                    trial.n_heads,
                    trial.n_mlps,
                    value,
                    passes(value, full_score, threshold),
                    _rounded(scores.heads),
                    _rounded(scores.mlps),
                )
                on_step(step)
            steps.append(step)
            if variant == "release":
                scored_at = trial
            if not step.passed:
                break
            kept = scored_at = trial
    return SearchResult(kept, full_score, steps)


def _lowest_heads(kept: StructuredMask, scores: Importance, n: int) -> list[tuple[int, int]]:
    """The `n` lowest-scored heads among those kept (fewer if fewer are left), lowest first."""
    # Masked heads keep their scores, which count in the normalization, but come last.
    order = np.argsort(np.where(kept.heads, scores.heads, np.inf), axis=None, kind="stable")
    layers, heads = np.unravel_index(order[: min(n, kept.n_heads)], kept.heads.shape)
    return list(zip(layers.tolist(), heads.tolist(), strict=True))


def _lowest_mlps(kept: StructuredMask, scores: Importance, n: int) -> list[int]:
    order = np.argsort(np.where(kept.mlps, scores.mlps, np.inf), kind="stable")
    lowest: list[int] = order[: min(n, kept.n_mlps)].tolist()
    return lowest


def _rounded(scores: np.ndarray[Any, Any]) -> Any:
    """Six decimals are plenty for a record, and keep it small."""
    return np.round(scores, 6).tolist()
