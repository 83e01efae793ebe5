"""Measures for claims about masks, importance and attention, from the records of a task."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement.inference import jackknifed
from lottery_utils.agreement.sharing import between, survive_all
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES
from replication.paper import numbers
from replication.runs.measured import Counts, counts, good_masks, phi, shares
from replication.runs.recorded import Entries, masks_of, stage_results
from replication.runs.task_records import TaskRecords


def of_masks(task: str, of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Sizes, stability and importance: section 4.1 and 5.1 of the paper."""
    searches = stage_results(of_task.entries, "search")
    masks = [StructuredMask.from_json(r["mask"]) for r in searches]
    yield "share of heads kept", [m.n_heads / m.heads.size for m in masks]
    yield "share of MLPs kept", [m.n_mlps / m.mlps.size for m in masks]
    theirs = numbers.of_masks(task, "heads_kept")
    if theirs is not None:
        yield (
            "share of heads kept, minus the paper's",
            [m.n_heads / m.heads.size - theirs / numbers.N_HEADS for m in masks],
        )
    # Of the full model, normalized by layers as the search does it.
    yield "spread of importance", [_spread(r["steps"][0]["head_scores"]) for r in searches]
    if len(of_task.entries) < 2:
        return
    heads = good_masks(of_task.entries, "heads")
    share = agreement.some_but_not_all(heads)
    survivors = float(heads.all(axis=0).mean())
    for name, ours, what in (
        ("some but not all", share, "some_but_not_all"),
        ("share of super-survivors", survivors, "super_survivors"),
    ):
        theirs = numbers.of_masks(task, what, len(heads))  # of as many seeds
        if theirs is not None:
            yield f"{name}, minus the paper's", [ours - theirs]
    kappa = agreement.of_votes(agreement.votes(heads))["Fleiss' kappa"]  # as of weights
    yield "kappa of heads", [kappa]
    if of_task.overlap is not None:
        votes = of_task.overlap["results"]["votes"].values()
        weights = agreement.of_votes(sum(np.array(v, float) for v in votes))["Fleiss' kappa"]
        yield "kappa of weights", [weights]
        yield "kappa of weights minus kappa of heads", [weights - kappa]


def of_attention(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Types of attention maps: section 5.2. One value for a task, over all of its seeds."""
    entries = {s: r for s, r in of_task.entries.items() if s in of_task.attention}
    if not entries:
        return
    attention = {seed: of_task.attention[seed] for seed in entries}

    def of(weighting: str, who: str, state: str = "fine-tuned") -> dict[str, float] | None:
        return shares(entries, attention, state, weighting).get(who)

    before, after = (counts(attention, state, "raw") for state in ("pre-trained", "fine-tuned"))
    moved = np.abs(after - before).sum(axis=1) / (2 * before.sum(axis=1))  # of each head
    yield "share of maps that changed type, at least", [float(moved.mean())]
    raw, normed = of("raw", "all"), of("normed", "all")
    assert raw is not None and normed is not None
    turned = raw["vertical+diagonal"] - normed["vertical+diagonal"]
    yield (
        "vertical+diagonal to diagonal by norms",
        [min(turned, normed["diagonal"] - raw["diagonal"])],
    )
    if len(entries) < 2:
        return
    survivors = of("raw", "super")
    if survivors is not None:
        if _could_be_mostly(survive_all(masks_of(entries)), counts(attention, "fine-tuned", "raw")):
            yield "heterogeneous among super-survivors", [survivors["heterogeneous"]]
        for name in ("block", "vertical"):
            if raw[name]:  # of maps that no head has there can be neither more nor fewer
                yield f"{name}, super-survivors minus all", [survivors[name] - raw[name]]
    chosen = survive_all(masks_of(entries))
    for weighting in ("raw", "normed"):
        yield (
            f"r of heterogeneous and super-survivor, {weighting}",
            [phi(chosen, counts(attention, "fine-tuned", weighting))],
        )


def shared_beyond_layers(every: dict[str, Entries]) -> dict[str, list[float]]:
    """Heads that two tasks share beyond their layer profiles: a jackknifed value of each task."""
    masks = {task: masks_of(entries) for task, entries in every.items()}
    pairs = {
        (one, other): float(excess.mean())
        for one, other in itertools.combinations(masks, 2)
        if (excess := between(masks[one], masks[other], "heads").excess).size
    }
    return jackknifed(pairs)


def _could_be_mostly(chosen: npt.NDArray[np.bool_], by_head: Counts) -> bool:
    """Whether as many heads as are `chosen`, the most heterogeneous ones, have mostly such maps."""
    most = np.sort(by_head[:, TYPES.index("heterogeneous")])[::-1][: int(chosen.sum())]
    return bool(2 * most.sum() > by_head.sum(axis=1)[0] * len(most))


def _spread(scores: list[list[float]]) -> float:
    """Between which bounds the middle half of the heads lies, on a scale from 0 to 1."""
    values = np.ravel(scores)
    if not np.ptp(values):
        return 0.0
    low, high = np.quantile((values - values.min()) / np.ptp(values), [0.25, 0.75])
    return float(high - low)
