"""Finding the good subnetwork: pruning heads and MLPs, or weights, until the 90 % rule breaks.

The last passing mask is the good ticket. No training happens here. The structured search (sections
3.3 and 4.1) goes through three phases, each of which ends at its first failing step or when nothing
is left to remove:

    both    the 10 % lowest-scored of all heads and the one lowest-scored MLP at a time;
    heads   from the last passing mask, half as many heads at a time;
    mlps    from the last passing mask, one MLP at a time.

Magnitude pruning (sections 3.2 and 4.1) sets 10 % of the weights that remain to zero in each step,
the smallest absolute values of all matrices together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lottery_utils.errors import ReplayError
from lottery_utils.importance import Importance, Variant
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.metrics import passes

Phase = Literal["both", "heads", "mlps"]
Mask = TypeVar("Mask")
Trial = TypeVar("Trial")
# The authors' code tries ten steps, and keeps the mask from before the last one it tried.
RELEASE_STEPS = 10


@dataclass(frozen=True)
class Step:
    """One trial of the search: what was removed from the last passing mask, and the outcome.

    `n_heads` and `n_mlps` are the trial mask's sizes; `head_scores` (layers, heads) and
    `mlp_scores` (layers,) the normalized importance by which the choice was made.
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
class WeightStep:
    """One trial of magnitude pruning; `density` is the share of prunable weights that is left."""

    n_kept: int
    density: float
    score: float
    passed: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SearchResult(Generic[Mask, Trial]):
    """The good mask, the full model's score, and every step that led here."""

    mask: Mask
    full_score: float
    steps: list[Trial]


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
) -> SearchResult[StructuredMask, Step]:
    """Prune `full` for as long as its score stays at or above `threshold` x `full_score`.

    `head_step` is the share of *all* heads removed in a step of the first phase, at least one.
    Every step is chosen by the scores of the mask it starts from. `variant="release"` is, as in
    the authors' code, otherwise in three ways: the second and third phase begin with the scores of
    the last trial, failed or not; the first ends when heads *or* MLPs run out; and the second takes
    half as many heads rounded down, so that there is none where a step is of one head. (One corner
    is not imitated: where the first phase runs out of heads, the code puts the MLP of that last
    step back, unscored.) `on_step` is called with every new step; `done`, the first steps of an
    interrupted search, are neither scored nor announced again. Raises `ReplayError` where one of
    them does not follow from those before it, by its own scores.
    """
    released = variant == "release"
    per_step = max(1, int(head_step * full.heads.size))
    half = per_step // 2 if released else max(1, per_step // 2)
    enough = all if released else any
    kept, scored_at = full, full
    steps: list[Step] = []
    # How many heads and how many MLPs go in a step.
    sizes: dict[Phase, tuple[int, int]] = {
        "both": (per_step, 1),
        "heads": (half, 0),
        "mlps": (0, 1),
    }
    for phase, (n_heads, n_mlps) in sizes.items():
        while (n_heads or n_mlps) and enough(
            left for n, left in ((n_heads, kept.n_heads), (n_mlps, kept.n_mlps)) if n
        ):
            if len(steps) < len(done):
                step = done[len(steps)]
                _check_lowest(step.removed_heads, kept.heads, step.head_scores, n_heads)
                _check_lowest(step.removed_mlps, kept.mlps, step.mlp_scores, n_mlps)
                trial = kept.without(step.removed_heads, step.removed_mlps)
                passed = passes(step.score, full_score, threshold)
                found = (step.phase, step.n_heads, step.n_mlps, step.passed)
                _check(found == (phase, trial.n_heads, trial.n_mlps, passed))
            else:
                scores = importance(scored_at).normalized()
                lowest = _lowest(kept.heads, scores.heads, n_heads)
                places = np.transpose(np.unravel_index(lowest, kept.heads.shape))
                heads = [(layer, head) for layer, head in places.tolist()]
                mlps = _lowest(kept.mlps, scores.mlps, n_mlps).tolist()
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
            if released:
                scored_at = trial
            if not step.passed:
                break
            kept = scored_at = trial
    _check(len(done) <= len(steps))
    return SearchResult(kept, full_score, steps)


def _check(follows: object) -> None:
    if not follows:
        raise ReplayError("a step of the search does not follow from those before it")


def _check_lowest(
    removed: Sequence[Any], kept: npt.NDArray[np.bool_], scores: Sequence[Any], n: int
) -> None:
    """Check that the `n` lowest-scored of those kept were removed; scores have six decimals."""
    gone = np.zeros_like(kept)
    try:
        values = np.array(scores, float)
    except ValueError as error:
        raise ReplayError("the scores of a step have no shape") from error
    _check(
        values.shape == kept.shape and all(np.less(place, kept.shape).all() for place in removed)
    )
    for place in removed:
        gone[place] = True
    _check(len(removed) == gone.sum() == min(n, kept.sum()) and (gone <= kept).all())
    left = kept & ~gone
    _check(values[gone].max(initial=-np.inf) <= values[left].min(initial=np.inf))


def _lowest(kept: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64], n: int) -> Any:
    """The places of the `n` lowest-scored of those kept (fewer if fewer are left), lowest first."""
    # Masked ones keep their scores, which count in the normalization, but come last.
    order = np.argsort(np.where(kept, scores, np.inf), axis=None, kind="stable")
    return order[: min(n, int(kept.sum()))]


def _rounded(scores: np.ndarray[Any, Any]) -> Any:
    """Six decimals are plenty for a record, and keep it small."""
    return np.round(scores, 6).tolist()


# Magnitude pruning


def magnitude_search(
    parameters: Mapping[str, Tensor],
    full_score: float,
    score: Callable[[WeightMask], float],
    *,
    threshold: float = 0.9,
    fraction: float = 0.1,
    variant: Variant = "paper",
    done: Sequence[WeightStep] = (),
    on_step: Callable[[WeightStep], None] = lambda step: None,
) -> SearchResult[WeightMask, WeightStep]:
    """Prune `parameters` for as long as the score stays at or above `threshold` x `full_score`.

    Each step removes `fraction` of the weights that remain, at least one. With `variant="release"`
    the tenth step is, as in the authors' code, the last: scored and then dropped, passed or not.
    `done` and `on_step` are as in `structured_search`, and so is `ReplayError`. Raises `ValueError`
    unless 0 < `fraction` <= 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction should be above 0 and at most 1, not {fraction}")
    kept = WeightMask.full(parameters)
    steps: list[WeightStep] = []
    while n_left := kept.n_kept:
        n_removed = max(1, round(fraction * n_left))
        trial = kept - smallest(parameters, n_removed, kept)
        if len(steps) < len(done):
            step = done[len(steps)]
            passed = passes(step.score, full_score, threshold)
            found = (step.n_kept, step.density, step.passed)
            _check(found == (trial.n_kept, trial.density, passed))
        else:
            value = score(trial)
            step = WeightStep(
                trial.n_kept, trial.density, value, passes(value, full_score, threshold)
            )
            on_step(step)
        steps.append(step)
        if not step.passed or (variant == "release" and len(steps) == RELEASE_STEPS):
            break
        kept = trial
    _check(len(done) <= len(steps))
    return SearchResult(kept, full_score, steps)


def magnitude_step(
    parameters: Mapping[str, Tensor], mask: WeightMask | None, fraction: float
) -> WeightMask:
    """`mask` (default: everything) without `fraction` of the weights it keeps, the smallest.

    Exactly round(`fraction` x weights kept) weights go, as in torch.nn.utils.prune's global L1
    pruning. Raises `ValueError` unless 0 <= `fraction` <= 1, or as `smallest` does.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction should be between 0 and 1, not {fraction}")
    kept = WeightMask.full(parameters) if mask is None else mask
    return kept - smallest(parameters, round(fraction * kept.n_kept), kept)


def largest_removed(parameters: Mapping[str, Tensor], n_kept: int) -> WeightMask:
    """All but the largest weights, `n_kept` in number: the bad ticket of the authors' code."""
    return smallest(parameters, n_kept, WeightMask.full(parameters))


def smallest(parameters: Mapping[str, Tensor], n: int, among: WeightMask) -> WeightMask:
    """The `n` weights of smallest absolute value (float32) among those that `among` keeps.

    Of equal weights the first are taken, in order of name and place. Raises `ValueError` if
    `among` is of other parameters or keeps fewer than `n` weights, or if so few are numbers.
    """
    if among.shapes != {name: tuple(values.shape) for name, values in parameters.items()}:
        raise ValueError("the mask is of other parameters: names or shapes differ")
    n_candidates = among.n_kept
    if not 0 <= n <= n_candidates:
        raise ValueError(f"cannot take {n} of {n_candidates} weights")
    if n == 0:
        return among - among
    # One buffer, filled piece by piece and partitioned in place: nothing else is large.
    values, end = np.empty(n_candidates, np.float32), 0
    for name in among:
        magnitudes = _magnitudes(parameters[name])[among.flat(name)]
        begin, end = end, end + len(magnitudes)
        values[begin:end] = magnitudes
    values.partition(n - 1)
    limit = values[n - 1]
    if np.isnan(limit):
        raise ValueError("there are weights that are not a number: their size is undefined")
    n_equal = n - int(np.count_nonzero(values[:n] < limit))
    del values

    taken = {}
    for name, shape in among.shapes.items():
        magnitudes, candidates = _magnitudes(parameters[name]), among.flat(name)
        equal = np.flatnonzero((magnitudes == limit) & candidates)[:n_equal]
        n_equal -= len(equal)
        candidates &= magnitudes < limit
        candidates[equal] = True
        taken[name] = candidates.reshape(shape)
    return WeightMask(taken)


def _magnitudes(values: Tensor) -> npt.NDArray[np.float32]:
    """Absolute values, float32 (weights,), on the CPU."""
    magnitudes: npt.NDArray[np.float32] = values.detach().abs().float().cpu().numpy().ravel()
    return magnitudes
