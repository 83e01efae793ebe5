"""The page on section 4.1: both searches, what they keep, and where that is."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import (
    COLOURS,
    NO_MAGNITUDE,
    Figure,
    Note,
    Table,
    coloured,
    component_map,
    layer_map,
    number,
    percent,
    style,
    write_cells,
)
from replication.runs.records import (
    TaskRecords,
    seeds_text,
    tickets_of,
)

MAP_LABELS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "attention\noutput",
    "mlp_input": "MLP\nin",
    "mlp_output": "MLP\nout",
}


@style()
def search_curve(entries: TaskRecords) -> Figure:
    """The search: score against the share of the encoder's parameters left, with the 90 % line."""
    drawing, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
    markers = {"both": "o", "heads": "s", "mlps": "^"}
    names = {"both": "heads and an MLP", "heads": "heads only", "mlps": "one MLP"}
    threshold = entries.config["search"]["threshold"]
    for colour, seed, records in coloured(entries):
        tuned, found = records["finetune"]["results"], records["search"]["results"]
        path = [(100.0, found["full_score"])]
        for step in found["steps"]:
            point = (_share_left(tuned, step["n_heads"], step["n_mlps"]), step["score"])
            axes.plot(*zip(path[-1], point, strict=True), color=colour, alpha=0.5, linewidth=1)
            axes.plot(
                *point, markers[step["phase"]], color=colour, mfc=colour if step["passed"] else "w"
            )
            if step["passed"]:
                path.append(point)
        axes.plot(*path[0], "D", color=colour, label=f"seed {seed}")
        axes.axhline(threshold * found["full_score"], color=colour, linestyle="--", linewidth=1)
    for phase, marker in markers.items():
        axes.plot([], [], marker, color="0.3", label=f"removed: {names[phase]}")
    axes.plot([], [], "o", color="0.3", mfc="w", label="below the bar: taken back")
    first = entries.results()[0]
    axes.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    axes.set(xlabel="parameters of heads and MLPs left (%)", xlim=(104, -4))
    searched = METRIC_LABELS[entries.results("search")[0]["metric"]]
    axes.set_ylabel(f"validation {searched}")
    axes.legend(fontsize=8)
    task = entries.task
    return Figure.of(
        drawing,
        f"The search for the good subnetwork of {task}, {seeds_text(entries)}: {searched} of the "
        f"masked model, not retrained. Dashed: {threshold:.0%} of each seed's full score, the "
        f"threshold. n = {first['examples']['validation']:,} validation examples.",
        f"Line plot for {task}: the score falls as heads and MLPs are removed, until it drops "
        f"below {threshold:.0%} of the full score. {_sizes_text(entries)}",
    )


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
                "parameters kept (M)": number(good["parameters"] / 1e6, 2),
                "full score": number(full),
                "good score": number(good["pruned"]),
                "share of full": _share(good["pruned"], full),
                "steps tried": len(found["steps"]),
            }
        )
    return Table.of(rows)


@style()
def survivors(entries: TaskRecords) -> Figure:
    """Which heads and MLPs survive, per seed, and how often over all seeds."""
    masks = entries.masks
    maps = {f"seed {seed}": (mask.heads, mask.mlps) for seed, mask in masks.items()}
    if len(masks) > 1:
        parts = zip(*maps.values(), strict=True)
        maps[f"mean of {len(masks)} seeds"] = tuple(np.mean(part, axis=0) for part in parts)
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    drawing, axes = plt.subplots(
        rows, columns, figsize=(3.6 * columns, 2.9 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(maps) :]:
        axis.set_visible(False)
    for axis, (title, (heads, mlps)) in zip(axes.flat, maps.items(), strict=False):
        image = component_map(axis, heads, mlps, title)
    drawing.colorbar(image, ax=axes, label="survives (share of seeds)", shrink=0.8)
    task = entries.task
    return Figure.of(
        drawing,
        f"Which heads and MLPs (last column) survive the search on {task}, for each seed, and in "
        f"which share of the {len(masks)} seed(s). Yellow survives.",
        f"Grids of surviving heads and MLPs for {task}. {_sizes_text(entries)}",
    )


@style()
def weight_search_curve(entries: TaskRecords) -> Figure | Note:
    """The search by magnitude: score against the share of weights left, with the 90 % line."""
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    drawing, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    threshold = entries.config["search"]["threshold"]
    step = entries.config["search"]["weight_step"]
    for colour, seed, records in coloured(entries):
        found = records["magnitude"]["results"]
        path = [(100.0, found["full_score"])]
        path += [(100 * step["density"], step["score"]) for step in found["steps"]]
        axes.plot(*zip(*path, strict=True), color=colour, alpha=0.5, linewidth=1)
        for point, trial in zip(path[1:], found["steps"], strict=True):
            axes.plot(*point, "o", color=colour, mfc=colour if trial["passed"] else "w")
        axes.plot(*path[0], "D", color=colour, label=f"seed {seed}")
        axes.axhline(threshold * found["full_score"], color=colour, linestyle="--", linewidth=1)
    axes.plot([], [], "o", color="0.3", mfc="w", label="below the bar: taken back")
    first, searched = entries.results()[0], entries.results("magnitude")
    axes.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    metric = METRIC_LABELS[searched[0]["metric"]]
    axes.set(xlabel="weights left (%)", ylabel=f"validation {metric}", xlim=(104, -4))
    axes.legend(fontsize=8)
    kept = [percent(result["weights"]["density"], 1) for result in searched]
    return Figure.of(
        drawing,
        f"Magnitude pruning on {entries.task}, {seeds_text(entries)}, of "
        f"{searched[0]['weights']['prunable'] / 1e6:.1f} million weights: {metric} of the masked "
        f"model, not retrained. Each step zeroes the smallest {step:.0%}. Dashed: {threshold:.0%} "
        f"of the full score. n = {first['examples']['validation']:,} validation examples.",
        f"Line plot for {entries.task}: the score stays near the full one while small "
        f"weights are zeroed, then falls below the bar. Weights kept: {', '.join(kept)}.",
    )


def weights(entries: TaskRecords) -> Table | Note:
    """The good weights of each seed under magnitude pruning: how many, and what they score."""
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    rows = []
    for seed, records in entries.items():
        found = records["magnitude"]["results"]
        good, full = found["tickets"]["good"], records["finetune"]["results"]["score"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "weights kept (M)": f"{found['weights']['kept'] / 1e6:.2f} of "
                f"{found['weights']['prunable'] / 1e6:.2f}",
                "share kept": percent(found["weights"]["density"], 1),
                "full score": number(full),
                "good score": number(good["pruned"]),
                "share of full": _share(good["pruned"], full),
                "steps tried": len(found["steps"]),
            }
        )
    return Table.of(rows)


@style()
def weight_densities(entries: TaskRecords) -> Figure | Note:
    """Where the good weights are: density by layer and map, and by head, means over seeds."""
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    good = [result["tickets"]["good"] for result in entries.results("magnitude")]
    maps = np.mean([[g["map_densities"][m] for m in MAP_LABELS] for g in good], axis=0).T
    heads = np.mean([g["head_densities"] for g in good], axis=0)
    low, high = min(maps.min(), heads.min()), max(maps.max(), heads.max())
    drawing, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, 0.9 + 0.36 * len(maps)), layout="constrained"
    )
    panels = (
        (left, maps, list(MAP_LABELS.values()), "by map"),
        (right, heads, [str(h + 1) for h in range(heads.shape[1])], "by head"),
    )
    for axis, values, names, title in panels:
        image = layer_map(axis, values, title, limits=(low, high), columns=names)
        axis.tick_params(axis="x", labelsize=8)
        texts = [number(100 * value, 0) for value in values.flat]
        write_cells(axis, texts, values < (low + high) / 2, fontsize=7)
    right.set_xlabel("head")
    drawing.colorbar(image, ax=right, label="weights kept (share)")
    return Figure.of(
        drawing,
        f"Where the weights that survive magnitude pruning are, {entries.task}, "
        f"{seeds_text(entries)}: per cent kept of each linear map and head, means over seeds.",
        f"Heat maps of the density of the good weights of {entries.task} by layer: between "
        f"{low:.0%} and {high:.0%} kept everywhere.",
    )


def _share(score: float, full: float) -> str:
    return percent(score / full if full > 0 else math.nan)


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
