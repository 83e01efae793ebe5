"""The figures of magnitude pruning, drawn from records alone."""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import COLOURS, SEED_COLOURS, STYLE, Figure, Note
from replication.runs.recorded import (
    NO_MAGNITUDE,
    Entries,
    config,
    has_method,
    seeds_text,
    stage_results,
    task_name,
)

plt.style.use(STYLE)

MAP_LABELS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "attention\noutput",
    "mlp_input": "MLP\nin",
    "mlp_output": "MLP\nout",
}


def weight_search_curve(entries: Entries) -> Figure | Note:
    """The search by magnitude: score against the share of weights left, with the 90 % line."""
    if not has_method(entries, "magnitude"):
        return NO_MAGNITUDE
    drawing, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    threshold = config(entries)["search"]["threshold"]
    step = config(entries)["search"]["weight_step"]
    for colour, (seed, records) in zip(cycle(SEED_COLOURS), entries.items(), strict=False):
        found = records["magnitude"]["results"]
        path = [(100.0, found["full_score"])]
        path += [(100 * step["density"], step["score"]) for step in found["steps"]]
        axes.plot(*zip(*path, strict=True), color=colour, alpha=0.5, linewidth=1)
        for point, trial in zip(path[1:], found["steps"], strict=True):
            axes.plot(*point, "o", color=colour, mfc=colour if trial["passed"] else "w")
        axes.plot(*path[0], "D", color=colour, label=f"seed {seed}")
        axes.axhline(threshold * found["full_score"], color=colour, linestyle="--", linewidth=1)
    axes.plot([], [], "o", color="0.3", mfc="w", label="below the bar: taken back")
    first, searched = stage_results(entries)[0], stage_results(entries, "magnitude")
    axes.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    metric = METRIC_LABELS[searched[0]["metric"]]
    axes.set(xlabel="weights left (%)", ylabel=f"validation {metric}", xlim=(104, -4))
    axes.legend(fontsize=8)
    kept = [f"{result['weights']['density']:.1%}" for result in searched]
    return Figure.of(
        drawing,
        f"Magnitude pruning on {task_name(entries)}, {seeds_text(entries)}: {metric} of the masked "
        f"model, without any retraining, against the share of the encoder's "
        f"{searched[0]['weights']['prunable'] / 1e6:.1f} million prunable weights that is left. "
        f"Each step zeroes the smallest {step:.0%} of what remains. Dashed: {threshold:.0%} of "
        "each seed's full score, the bar to stay above. n = "
        f"{first['examples']['validation']:,} validation examples.",
        f"Line plot for {task_name(entries)}: the score stays near the full one while small "
        f"weights are zeroed, then falls below the bar. Weights kept: {', '.join(kept)}.",
    )


def weight_densities(entries: Entries) -> Figure | Note:
    """Where the good weights are: density by layer and map, and by head, means over seeds."""
    if not has_method(entries, "magnitude"):
        return NO_MAGNITUDE
    good = [result["tickets"]["good"] for result in stage_results(entries, "magnitude")]
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
        image = axis.imshow(
            values, cmap="cividis", vmin=low, vmax=high, origin="lower", aspect="auto"
        )
        axis.set_xticks(range(len(names)), names, fontsize=8)
        axis.set_yticks(range(len(values)), [str(y + 1) for y in range(len(values))])
        axis.set(ylabel="layer", title=title)
        for (y, x), value in np.ndenumerate(values):
            light = value < (low + high) / 2
            axis.text(
                x, y, f"{100 * value:.0f}", ha="center", va="center", fontsize=7,
                color="white" if light else "black",
            )  # fmt: skip
    right.set_xlabel("head")
    drawing.colorbar(image, ax=right, label="weights kept (share)")
    return Figure.of(
        drawing,
        f"Where the weights that survive magnitude pruning are, {task_name(entries)}, "
        f"{seeds_text(entries)}: the share kept of each linear map (left) and of each head's "
        "weights (right), in per cent, means over seeds. Layer 1 is the lowest.",
        f"Heat maps of the density of the good weights of {task_name(entries)} by layer: between "
        f"{low:.0%} and {high:.0%} kept everywhere.",
    )
