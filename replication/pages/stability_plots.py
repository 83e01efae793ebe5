"""Which components survive over seeds, and how flat importance is: figures of section 5.1."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lottery_utils import agreement
from replication.pages.show import SEED_COLOURS, STYLE, Figure, Note
from replication.pages.stability_tables import ONE_SEED, good_masks, spearman
from replication.runs.recorded import Entries, seeds_text, stage_results, task_name

plt.style.use(STYLE)


def survival_map(entries: Entries) -> Figure | Note:
    """Survival of every head and MLP: the share of seeds, and the standard deviation below it."""
    if len(entries) < 2:
        return ONE_SEED
    n_layers = stage_results(entries)[0]["layers"]
    masks = [good_masks(entries, part) for part in ("heads", "mlps")]
    n_heads = masks[0].shape[1] // n_layers
    drawing, axes = plt.subplots(
        1, 2, figsize=(9.5, 0.8 + 0.5 * n_layers), width_ratios=(n_heads, 1), layout="constrained"
    )
    for axis, kept, title in zip(axes, masks, ("heads", "MLPs"), strict=True):
        mean = agreement.survival(kept).reshape(n_layers, -1)
        spread = agreement.survival_std(kept).reshape(n_layers, -1)
        image = axis.imshow(mean, cmap="cividis", vmin=0, vmax=1, origin="lower", aspect="auto")
        for place in np.ndindex(mean.shape):
            axis.text(
                place[1], place[0], f"{mean[place]:.2f}\n{spread[place]:.2f}".replace("0.", "."),
                ha="center", va="center", fontsize=7,
                color="white" if mean[place] < 0.5 else "black",
            )  # fmt: skip
        axis.set_yticks(range(n_layers), [str(y + 1) for y in range(n_layers)])
        axis.set_title(title)
    axes[0].set(xlabel="head", ylabel="layer")
    axes[0].set_xticks(range(n_heads), [str(x + 1) for x in range(n_heads)])
    axes[1].set_xticks([])
    drawing.colorbar(image, ax=axes[1], label="survives (share of seeds)")
    task, heads = task_name(entries), masks[0]
    return Figure.of(
        drawing,
        f"How often each head and MLP survives the search on {task}, {seeds_text(entries)}. In "
        "each cell the share of seeds, and below it the sample standard deviation over seeds of "
        "survival as 0 or 1. Layer 1 is the lowest.",
        f"Heat maps of survival by layer and head, and by MLP, for {task}: "
        f"{heads.all(axis=0).sum()} of {heads.shape[1]} heads survive with every seed, "
        f"{(~heads.any(axis=0)).sum()} with none.",
    )


def importance_profile(entries: Entries) -> Figure:
    """How flat importance is: heads in order of their share, and what the order is worth."""
    drawing, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    halves = []
    for colour, (seed, records) in zip(cycle(SEED_COLOURS), entries.items(), strict=False):
        found = records["search"]["results"]
        raw = np.array(found["importance"]["heads"])
        norms = np.sqrt((raw**2).sum(axis=1, keepdims=True))
        shares = np.sort((raw / np.where(norms > 0, norms, 1)).ravel())[::-1]
        shares = shares / shares.mean() if shares.any() else shares
        left.plot(np.arange(1, len(shares) + 1), shares, color=colour, label=f"seed {seed}")
        halves.append(shares[: len(shares) // 2].sum() / max(shares.sum(), 1e-12))
        _along_the_search(right, found["steps"], colour)
    left.axhline(1, color="0.5", linestyle=":", label="all the same")
    left.set(xlabel="heads, most important first", ylabel="importance (mean = 1)", ylim=(0, None))
    left.legend(fontsize=8)
    right.axhline(0, color="0.5", linestyle=":")
    right.set(xlabel="trial of the search", ylabel="rank correlation with the start")
    right.set_ylim(-1.05, 1.05)
    task, n = task_name(entries), stage_results(entries)[0]["examples"]["validation"]
    return Figure.of(
        drawing,
        f"Importance of heads on {task}, {seeds_text(entries)}, from n = {n:,} validation "
        "examples. Left: in the full model, divided by the l2 norm of the layer, in descending "
        "order; a flat line would mean that all heads matter alike. Right: Spearman's rank "
        "correlation of the scores at each trial of the search with those of the full model, over "
        "all heads, pruned ones included.",
        f"Two line plots for {task}: importance by head in descending order (the "
        f"upper half of the heads holds {np.mean(halves):.0%} of it), and the rank correlation of "
        "later scores with the first.",
    )


def _along_the_search(axis: Axes, steps: list[dict[str, Any]], colour: str) -> None:
    scores = [np.ravel(np.array(step["head_scores"], float)) for step in steps]
    places = range(1, len(scores) + 1)
    axis.plot(places, [spearman(scores[0], later) for later in scores], "o-", ms=3, color=colour)
