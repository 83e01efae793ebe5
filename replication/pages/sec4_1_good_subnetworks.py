"""The page on section 4.1: both searches, what they keep, and where that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as MatplotlibFigure

from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import (
    COLOURS,
    LARGE,
    NO_MAGNITUDE,
    Figure,
    Finding,
    Note,
    Table,
    component_map,
    layer_map,
    style,
    write_cells,
)
from replication.book.written import number, percent, several, share
from replication.runs.measured import good_masks
from replication.runs.records import TaskRecords, tickets_of

MAP_LABELS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "output",
    "mlp_input": "MLP\nin",
    "mlp_output": "MLP\nout",
}


# By the phase of a search: its marker, its colour, and what its legend says.
PHASES = {
    "both": ("o", "#0072B2", "heads and an MLP removed"),
    "heads": ("s", "#009E73", "heads removed"),
    "mlps": ("^", "#CC79A7", "an MLP removed"),
    "weights": ("o", "#0072B2", "weights removed"),
}


def finding(entries: TaskRecords, method: str = "structured") -> Finding | None:
    """How small the good subnetwork is; None without a search of this method."""
    if not entries.has(method):
        return None
    least = f"{percent(entries.config['search']['threshold'])} of the full score"
    n = f"n = {several(len(entries), 'seed')}"

    def kept(shares: list[float]) -> str:
        found = t_interval(shares)
        text = share(found, possible=(0, 1))
        return text.replace(" [", " (95 % CI [") + ")" if " [" in text else text

    if method == "magnitude":
        found = [result["weights"]["density"] for result in entries.results("magnitude")]
        return Finding(f"Magnitude pruning keeps {kept(found)} of the weights, {n}.")
    masks = [*entries.masks.values()]
    heads = kept([mask.n_heads / mask.heads.size for mask in masks])
    mlps = kept([mask.n_mlps / mask.mlps.size for mask in masks])
    return Finding(
        f"On {entries.title}, {entries.model} keeps {least} with {heads} of the heads and {mlps} "
        f"of the MLPs ({n})."
    )


@style(LARGE)
def search_curve(entries: TaskRecords) -> Figure:
    """The search: score against the share of the encoder's parameters left, seed by seed."""
    tuned = {seed: stages["finetune"]["results"] for seed, stages in entries.items()}
    drawing = _curves(
        entries,
        "search",
        lambda seed, step: _share_left(tuned[seed], step["n_heads"], step["n_mlps"]),
        "heads and MLPs left (% of their parameters)",
    )
    task, first = entries.title, entries.results()[0]
    share_of_full = f"{percent(entries.config['search']['threshold'])} of the full score"
    return Figure.of(
        drawing,
        f"Each phase of the search on {task} ends with its first step below {share_of_full} "
        f"(shaded). One panel a seed, n = {len(entries)}; scored without retraining on "
        f"{first['examples']['validation']:,} validation examples.",
        f"Line plots for {task}, one a seed: the score falls as heads and MLPs are removed, until "
        f"it drops below {share_of_full}. {_sizes_text(entries)}",
        "search-curve",
    )


def _curves(
    entries: TaskRecords, stage: str, left: Callable[[int, dict[str, Any]], float], what: str
) -> MatplotlibFigure:
    """A panel for each seed: every step of its search, by the share that it left."""
    columns = min(3, len(entries))
    rows = -(-len(entries) // columns)
    drawing, axes = plt.subplots(
        rows, columns, figsize=(4.8, 1.1 + 1.8 * rows), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis in axes.flat[len(entries) :]:
        axis.set_visible(False)
    threshold, phases = entries.config["search"]["threshold"], set()
    for axis, (seed, stages) in zip(axes.flat, entries.items(), strict=False):
        found = stages[stage]["results"]
        last = (100.0, found["full_score"])
        axis.plot(*last, "D", color=COLOURS["full"])
        for step in found["steps"]:
            point, phase = (left(seed, step), step["score"]), step.get("phase", "weights")
            marker, colour, _ = PHASES[phase]
            phases.add(phase)
            axis.plot(*zip(last, point, strict=True), color="0.6", linewidth=1, zorder=1)
            axis.plot(*point, marker, color=colour, mfc=colour if step["passed"] else "w", ms=5)
            last = point if step["passed"] else last
        needed, majority = (
            threshold * found["full_score"],
            stages["finetune"]["results"]["majority"],
        )
        axis.axhline(needed, color="0.4", linestyle="--", linewidth=1)
        axis.axhspan(-2, needed, color="0.9", zorder=0)
        axis.axhline(majority, color=COLOURS["majority"], linestyle=":")
        axis.set_title(f"seed {seed}")
    scores = [s["score"] for stages in entries.values() for s in stages[stage]["results"]["steps"]]
    scores += entries.scores("full") + entries.scores("majority")
    pad = 0.06 * (max(scores) - min(scores)) + 0.01
    axes[0, 0].set(
        xlim=(112, -12), xticks=[100, 50, 0], ylim=(min(scores) - pad, max(scores) + pad)
    )
    for phase in (phase for phase in PHASES if phase in phases):
        marker, colour, name = PHASES[phase]
        axes[0, 0].plot([], [], marker, color=colour, label=name)
    axes[0, 0].plot([], [], "D", color=COLOURS["full"], label="full model")
    axes[0, 0].plot([], [], "o", color="0.4", mfc="w", label="step undone")
    axes[0, 0].plot([], [], ":", color=COLOURS["majority"], label="majority")
    drawing.supxlabel(what, fontsize="medium")
    drawing.supylabel(METRIC_LABELS[entries.results(stage)[0]["metric"]], fontsize="medium")
    drawing.legend(loc="outside upper center", ncols=2, handlelength=1, columnspacing=1)
    return drawing


def sizes(entries: TaskRecords) -> Table:
    """The good subnetwork of each seed: how much of the model it is, and what it scores."""
    rows = []
    for seed, records in entries.items():
        found = records["search"]["results"]
        mask = StructuredMask.from_json(found["mask"])
        good, full = tickets_of(records)["good"], records["finetune"]["results"]["score"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "heads kept": f"{mask.n_heads} of {mask.heads.size}",
                "MLPs kept": f"{mask.n_mlps} of {mask.mlps.size}",
                "parameters kept": f"{number(good['parameters'] / 1e6, 1)} M",
                "full score": number(full),
                "good score": number(good["pruned"]),
            }
        )
    return Table.of(rows)


@style(LARGE)
def survivors(entries: TaskRecords) -> Figure:
    """Which heads and MLPs survive, per seed, and how often over all seeds."""
    masks = entries.masks
    maps = {f"seed {seed}": (mask.heads, mask.mlps) for seed, mask in masks.items()}
    if len(masks) > 1:
        parts = zip(*maps.values(), strict=True)
        maps[f"mean of {len(masks)} seeds"] = tuple(np.mean(part, axis=0) for part in parts)
    columns = min(2, len(maps))
    rows, layers = -(-len(maps) // columns), len(next(iter(masks.values())).mlps)
    size = (4.8, 0.9 + rows * (0.7 + 0.15 * layers))
    drawing, axes = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(maps) :]:
        axis.set_visible(False)
    for axis, (title, (heads, mlps)) in zip(axes.flat, maps.items(), strict=False):
        image = component_map(axis, heads, mlps, title)
    for axis in axes.flat:
        axis.label_outer()
    drawing.colorbar(
        image, ax=axes, label="kept (share of seeds)", location="bottom", shrink=0.6, aspect=30
    )
    task, heads = entries.title, good_masks(entries, "heads")
    always, never = heads.all(axis=0).sum(), (~heads.any(axis=0)).sum()
    every = f"with every seed (n = {len(masks)})" if len(masks) > 1 else "with this seed (n = 1)"
    return Figure.of(
        drawing,
        f"On {task}, {always} of {heads.shape[1]} heads survive {every} and {never} with none. "
        "MLPs are the last column.",
        f"Grids of surviving heads and MLPs for {task}. {_sizes_text(entries)}",
        "survivors",
    )


@style(LARGE)
def weight_search_curve(entries: TaskRecords) -> Figure | Note:
    """The search by magnitude: score against the share of weights left, with the 90 % line."""
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    drawing = _curves(
        entries, "magnitude", lambda _, step: 100 * step["density"], "weights left (%)"
    )
    searched = entries.results("magnitude")
    kept = ", ".join(percent(result["weights"]["density"], 1) for result in searched)
    step = entries.config["search"]["weight_step"]
    return Figure.of(
        drawing,
        f"Magnitude pruning on {entries.title} keeps {kept} of "
        f"{searched[0]['weights']['prunable'] / 1e6:.1f} million weights, seed by seed "
        f"(n = {len(entries)}). Each step zeroes the smallest {percent(step)}. Scored without "
        "retraining.",
        f"Line plots for {entries.title}, one a seed: the score stays near the full one while "
        f"small weights are zeroed, then falls below the threshold. Weights kept: {kept}.",
        "weight-curve",
    )


def weights(entries: TaskRecords) -> Table | None:
    """The good weights of each seed under magnitude pruning: how many, and what they score;
    None without any."""
    if not entries.has("magnitude"):
        return None
    rows = []
    for seed, records in entries.items():
        found = records["magnitude"]["results"]
        good, full = found["tickets"]["good"], records["finetune"]["results"]["score"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "weights kept": f"{found['weights']['kept'] / 1e6:.1f} of "
                f"{found['weights']['prunable'] / 1e6:.1f} M",
                "share kept": percent(found["weights"]["density"], 1),
                "full score": number(full),
                "good score": number(good["pruned"]),
            }
        )
    return Table.of(rows)


@style(LARGE)
def weight_densities(entries: TaskRecords) -> Figure | None:
    """Where the good weights are: density by layer and map, and by head, means over seeds;
    None without any."""
    if not entries.has("magnitude"):
        return None
    good = [result["tickets"]["good"] for result in entries.results("magnitude")]
    maps = np.mean([[g["map_densities"][m] for m in MAP_LABELS] for g in good], axis=0).T
    heads = np.mean([g["head_densities"] for g in good], axis=0)
    low, high = min(maps.min(), heads.min()), max(maps.max(), heads.max())
    drawing, (left, right) = plt.subplots(
        2, 1, figsize=(4.8, 2.4 + 0.6 * len(maps)), layout="constrained"
    )
    panels = (
        (left, maps, list(MAP_LABELS.values()), "by linear map"),
        (right, heads, [str(h + 1) for h in range(heads.shape[1])], "by head"),
    )
    for axis, values, names, title in panels:
        layer_map(axis, values, title, limits=(low, high), columns=names)
        texts = [number(100 * value, 0) for value in values.flat]
        write_cells(axis, texts, values < (low + high) / 2)
    right.set_xlabel("head")
    return Figure.of(
        drawing,
        f"Magnitude pruning on {entries.title} keeps between {percent(low)} and {percent(high)} of "
        f"the weights of every linear map and head (percent kept, means over seeds, n = "
        f"{len(good)}).",
        f"Heat maps of the density of the good weights of {entries.title} by layer: between "
        f"{percent(low)} and {percent(high)} kept everywhere.",
        "densities",
    )


def _share_left(tuned: dict[str, Any], n_heads: int, n_mlps: int) -> float:
    """Percent of the parameters of all heads and MLPs."""
    each = tuned["component_parameters"]
    every = tuned["layers"] * (tuned["heads_per_layer"] * each["head"] + each["mlp"])
    left: int = n_heads * each["head"] + n_mlps * each["mlp"]
    return 100 * left / float(every)


def _sizes_text(entries: TaskRecords) -> str:
    """How many heads and MLPs each seed keeps, in words."""
    texts = (
        f"seed {seed} keeps {mask.n_heads} of {mask.heads.size} heads and {mask.n_mlps} of "
        f"{mask.mlps.size} MLPs"
        for seed, mask in entries.masks.items()
    )
    return "; ".join(texts) + "."
