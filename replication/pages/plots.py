"""The figures of fine-tuning and of the search, each drawn from records alone.

Every function takes `entries`, the records of one task by seed
(`records.load(...)[task]`), and gives a `Figure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import COLOURS, SEED_COLOURS, STYLE, Figure
from replication.runs.recorded import (
    Entries,
    config,
    seeds_text,
    share_left,
    sizes_text,
    stage_results,
    task_name,
)

plt.style.use(STYLE)


def fine_tuning_curves(entries: Entries) -> Figure:
    """Training loss by step, and the validation score after each epoch."""
    task, first = task_name(entries), stage_results(entries, "finetune")[0]
    drawing, (loss, score) = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
    for colour, (seed, records) in zip(cycle(SEED_COLOURS), entries.items(), strict=False):
        curve = records["finetune"]["results"]["curve"]
        steps, losses = zip(*curve["loss"], strict=True)
        loss.plot(steps, losses, color=colour, label=f"seed {seed}")
        epochs = range(1, len(curve["scores"]) + 1)
        score.plot(epochs, curve["scores"], "o-", color=colour, label=f"seed {seed}")
        score.set_xticks(epochs)
    score.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    loss.set(xlabel="training step", ylabel="training loss (nats per example)")
    score.set(xlabel="epoch", ylabel=f"validation {METRIC_LABELS[first['metric']]}")
    score.legend()
    n, final = first["examples"], [r["score"] for r in stage_results(entries)]
    return Figure.of(
        drawing,
        f"Fine-tuning on {task}, {seeds_text(entries)}. Left: training loss, averaged between "
        f"points. "
        f"Right: {METRIC_LABELS[first['metric']]} on the validation set after each epoch "
        f"({n['train']:,} training and {n['validation']:,} validation examples); the dotted line "
        f"is the majority baseline, {first['majority']:.3f}.",
        f"Two line plots for {task}: training loss falling over steps, and the validation score "
        f"after each epoch, ending between {min(final):.3f} and {max(final):.3f}, with the "
        "majority baseline.",
    )


def importance(entries: Entries) -> Figure:
    """Normalized importance in the full model: heads as a map, MLPs as bars, a row per seed."""
    drawing, axes = plt.subplots(
        len(entries),
        2,
        figsize=(7.5, 3.1 * len(entries)),
        width_ratios=(2.2, 1),
        squeeze=False,
        layout="constrained",
    )
    for (heads, mlps), (seed, records) in zip(axes, entries.items(), strict=True):
        step = records["search"]["results"]["steps"][0]
        scores = np.array(step["head_scores"])
        image = heads.imshow(scores, cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
        _grid_axes(heads, scores.shape, f"heads, seed {seed}")
        layers = np.arange(1, len(step["mlp_scores"]) + 1)
        mlps.barh(layers, step["mlp_scores"], color=COLOURS["good"], height=0.7)
        mlps.set(yticks=layers, ylabel="layer", xlabel="importance, 0 to 1", xlim=(0, 1.05))
        mlps.set_title(f"MLPs, seed {seed}")
        drawing.colorbar(image, ax=heads, label="importance, 0 to 1")
    task, n = task_name(entries), stage_results(entries)[0]["examples"]["validation"]
    return Figure.of(
        drawing,
        f"Importance of every head and MLP of the full model fine-tuned on {task}, one row per "
        f"seed, from {n:,} validation examples. Heads are divided by their layer's l2 norm; heads "
        "and MLPs are then each scaled to 0 (least important in the model) to 1 (most important). "
        "Layer 1 is the lowest.",
        f"Heat maps of head importance by layer and head, with bars of MLP importance by layer, "
        f"for {task}, {seeds_text(entries)}.",
    )


def search_curve(entries: Entries) -> Figure:
    """The search: score against the share of the encoder's parameters left, with the 90 % line."""
    drawing, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
    markers = {"both": "o", "heads": "s", "mlps": "^"}
    names = {"both": "heads and an MLP", "heads": "heads only", "mlps": "one MLP"}
    threshold = config(entries)["search"]["threshold"]
    for colour, (seed, records) in zip(cycle(SEED_COLOURS), entries.items(), strict=False):
        tuned, found = records["finetune"]["results"], records["search"]["results"]
        path = [(100.0, found["full_score"])]
        for step in found["steps"]:
            point = (share_left(tuned, step["n_heads"], step["n_mlps"]), step["score"])
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
    first = stage_results(entries)[0]
    axes.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    axes.set(xlabel="parameters of heads and MLPs left (%)", xlim=(104, -4))
    searched = METRIC_LABELS[stage_results(entries, "search")[0]["metric"]]
    axes.set_ylabel(f"validation {searched}")
    axes.legend(fontsize=8)
    task = task_name(entries)
    return Figure.of(
        drawing,
        f"The search for the good subnetwork of {task}, {seeds_text(entries)}: "
        f"{searched} of the masked model, without any retraining, against "
        f"the share of the parameters of all heads and MLPs that is left. Dashed: "
        f"{threshold:.0%} of each seed's full score, the bar to stay above. Hollow markers fell "
        f"below and were taken back. n = {first['examples']['validation']:,} validation examples.",
        f"Line plot for {task}: the score falls as heads and MLPs are removed, until it drops "
        f"below {threshold:.0%} of the full score. {sizes_text(entries)}",
    )


def survivors(entries: Entries) -> Figure:
    """Which heads and MLPs survive, per seed, and how often over all seeds."""
    masks = [StructuredMask.from_json(r["search"]["results"]["mask"]) for r in entries.values()]
    maps = [np.column_stack([m.heads, m.mlps]).astype(float) for m in masks]
    titles = [f"seed {seed}" for seed in entries]
    if len(maps) > 1:
        maps.append(np.mean(maps, axis=0))
        titles.append(f"mean of {len(masks)} seeds")
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    drawing, axes = plt.subplots(
        rows, columns, figsize=(3.6 * columns, 2.9 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(maps) :]:
        axis.set_visible(False)
    for axis, values, title in zip(axes.flat, maps, titles, strict=False):
        image = axis.imshow(values, cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
        n_layers, n_columns = values.shape
        _grid_axes(axis, (n_layers, n_columns - 1), title)
        axis.set_xticks([*axis.get_xticks(), n_columns - 1])
        axis.set_xticklabels([*(str(int(x) + 1) for x in axis.get_xticks()[:-1]), "MLP"])
        axis.axvline(n_columns - 1.5, color="white", linewidth=2)
    drawing.colorbar(image, ax=axes, label="survives (share of seeds)", shrink=0.8)
    task = task_name(entries)
    return Figure.of(
        drawing,
        f"Which heads and MLPs (last column) survive the search on {task}, for each seed, and in "
        f"which share of the {len(masks)} seed(s). Yellow survives, dark blue is pruned; layer 1 "
        "is the lowest.",
        f"Grids of surviving heads and MLPs for {task}. {sizes_text(entries)}",
    )


def _grid_axes(axis: Axes, shape: Sequence[int], title: str) -> None:
    """Label a layers x heads map from 1, every other head where there are many."""
    n_layers, n_heads = shape
    axis.set_xticks(range(0, n_heads, 1 if n_heads <= 8 else 2))
    axis.set_xticklabels(str(x + 1) for x in range(0, n_heads, 1 if n_heads <= 8 else 2))
    axis.set_yticks(range(n_layers), [str(y + 1) for y in range(n_layers)])
    axis.set(xlabel="head", ylabel="layer", title=title)
