"""Measures for claims about masks, importance and attention, from the records of a task."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lottery_utils import agreement, paper
from lottery_utils.annotated import TYPES
from lottery_utils.masks import StructuredMask
from lottery_utils.pattern_tables import counts, phi, shares
from lottery_utils.recorded import Entries, stage_results
from lottery_utils.sharing_tables import between, super_survivors
from lottery_utils.stability_tables import good_masks

if TYPE_CHECKING:
    from lottery_utils.evidence import TaskRecords


def of_masks(task: str, of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Sizes, stability and importance: section 4.1 and 5.1 of the paper."""
    searches = stage_results(of_task.entries, "search")
    masks = [StructuredMask.from_json(r["mask"]) for r in searches]
    yield "share of heads kept", [m.n_heads / m.heads.size for m in masks]
    yield "share of MLPs kept", [m.n_mlps / m.mlps.size for m in masks]
    theirs = paper.of_masks(task, "heads_kept")
    if theirs is not None:
        yield (
            "share of heads kept, minus the paper's",
            [m.n_heads / m.heads.size - theirs / paper.N_HEADS for m in masks],
        )
    spread = []
    for results in searches:
        scores = np.ravel(results["importance"]["heads"])
        if np.ptp(scores):  # the middle half of the heads, on a scale from 0 to 1
            low, high = np.quantile((scores - scores.min()) / np.ptp(scores), [0.25, 0.75])
            spread.append(float(high - low))
    yield "spread of importance", spread
    if len(of_task.entries) < 2:
        return
    heads = good_masks(of_task.entries, "heads")
    share = agreement.some_but_not_all(heads)
    yield "share of super-survivors", [float(heads.all(axis=0).mean())]
    theirs = paper.of_masks(task, "some_but_not_all", len(heads))
    if theirs is not None:
        yield "some but not all, minus the paper's", [share - theirs]
    kappa = agreement.fleiss_kappa(heads)
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

    before, raw, normed = of("raw", "all", "pre-trained"), of("raw", "all"), of("normed", "all")
    assert before is not None and raw is not None and normed is not None
    moved = sum(abs(raw[name] - before[name]) for name in TYPES) / 2
    yield "maps of another type after fine-tuning", [moved]
    turned = raw["vertical+diagonal"] - normed["vertical+diagonal"]
    yield (
        "vertical+diagonal to diagonal by norms",
        [min(turned, normed["diagonal"] - raw["diagonal"])],
    )
    if len(entries) < 2:
        return
    survivors = of("raw", "super")
    if survivors is not None:
        yield "heterogeneous among super-survivors", [survivors["heterogeneous"]]
        more = sum(survivors[name] - raw[name] for name in ("block", "vertical"))
        yield "block and vertical, super-survivors minus all", [more]
    chosen = super_survivors(entries)
    for weighting in ("raw", "normed"):
        yield (
            f"r of heterogeneous and super-survivor, {weighting}",
            [phi(chosen, counts(attention, "fine-tuned", weighting))],
        )


def shared_beyond_layers(every: dict[str, Entries]) -> dict[str, list[float]]:
    """Of each task: heads shared with the other tasks beyond the layer profile, mean of pairs."""
    found: dict[str, list[float]] = {task: [] for task in every}
    for one, other in itertools.combinations(every, 2):
        excess = between(every[one], every[other], "heads").excess
        if excess.size:
            for task in (one, other):
                found[task].append(float(excess.mean()))
    return {task: [float(np.mean(v))] for task, v in found.items() if v and not math.isnan(v[0])}
