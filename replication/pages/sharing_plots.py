"""What tasks share, drawn: counts, what exceeds chance, and which tasks are alike (5.3)."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.sharing import Sharing
from replication.pages.sharing_tables import ONE_TASK
from replication.pages.show import STYLE, Figure, Note
from replication.runs.recorded import seeds_text

plt.style.use(STYLE)


def shared_heads(sharing: Sharing) -> Figure | Note:
    """Heads that each pair of tasks shares, and how many more than the layer profiles explain."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    tasks = sharing.tasks
    counts, excess = np.full((2, len(tasks), len(tasks)), np.nan)
    for i, j in itertools.combinations(range(len(tasks)), 2):
        found = sharing.of_pair(tasks[i], tasks[j]).heads
        counts[i, j] = counts[j, i] = found.observed.mean()
        excess[i, j] = excess[j, i] = found.excess.mean()
    for i, task in enumerate(tasks):
        counts[i, i] = np.mean(sharing.kept[task])
    size = 1.6 + 0.55 * len(tasks)
    drawing, axes = plt.subplots(1, 2, figsize=(2 * size + 1.4, size), layout="constrained")
    limit = max(1.0, float(np.nanmax(np.abs(excess))))
    panels = (
        (axes[0], counts, "cividis", (0.0, float(counts.max())), "heads that both keep"),
        (axes[1], excess, "PuOr_r", (-limit, limit), "more than by layer profile"),
    )
    for axis, values, colours, (low, high), title in panels:
        image = axis.imshow(values, cmap=colours, vmin=low, vmax=high)
        axis.set_xticks(range(len(tasks)), tasks, rotation=45, ha="right")
        axis.set_yticks(range(len(tasks)), tasks)
        axis.set_title(title)
        for (y, x), value in np.ndenumerate(values):
            if not np.isnan(value):
                half = (low + high) / 2
                dark = value < half if colours == "cividis" else abs(value) > 0.7 * high
                axis.text(
                    x, y, f"{value:.1f}", ha="center", va="center", fontsize=8,
                    color="white" if dark else "black",
                )  # fmt: skip
        drawing.colorbar(image, ax=axis, label="heads", shrink=0.8)
    above = excess[np.triu_indices(len(tasks), 1)]
    return Figure.of(
        drawing,
        f"Heads that the good subnetworks of two tasks share, of {sharing.n_heads}; means over "
        f"{seeds_text(sharing.seeds)}. Left: how many both keep (on the diagonal, "
        "the task's own). Right: the excess over random masks with the same number of heads in "
        "each layer; 0 is chance.",
        f"Two heat maps over {', '.join(tasks)}. Pairs of tasks share between "
        f"{above.min():+.1f} and {above.max():+.1f} heads more than their layer profiles explain.",
    )


def task_tree(sharing: Sharing, n_draws: int = 500) -> Figure | Note:
    """Tasks joined by how far their masks overlap, and how sure each join is over seeds."""
    tasks, seeds = sharing.tasks, sharing.seeds
    if len(tasks) < 4:
        return Note("Tasks are clustered where a study has at least four.")
    from scipy.cluster.hierarchy import dendrogram

    overlaps = np.array([sharing.of_pair(*p).overlap for p in itertools.combinations(tasks, 2)])
    joins = _joined(overlaps)
    found = _groups(joins, len(tasks))
    rng = np.random.default_rng(0)
    drawn = [
        set(_groups(_joined(overlaps[:, rng.integers(0, len(seeds), len(seeds))]), len(tasks)))
        for _ in range(n_draws if len(seeds) > 1 else 0)
    ]
    drawing, axis = plt.subplots(figsize=(7, 0.9 + 0.4 * len(tasks)), layout="constrained")
    tree = dendrogram(joins, labels=tasks, orientation="right", ax=axis, color_threshold=0)
    sure = {}
    for group, height in zip(found, joins[:, 2], strict=True):
        share = np.mean([group in of_draw for of_draw in drawn]) if drawn else float("nan")
        sure[round(float(height), 9)] = share
    for across, up in zip(tree["dcoord"], tree["icoord"], strict=True):
        share = sure[round(float(across[1]), 9)]
        if not np.isnan(share) and across[1] < joins[-1, 2]:  # the last one joins all
            axis.text(across[1], (up[1] + up[2]) / 2, f" {share:.0%}", va="bottom", fontsize=8)
    axis.set_xlabel("1 - overlap (Jaccard) of the heads kept, mean over seeds")
    return Figure.of(
        drawing,
        f"Which tasks keep the same heads: tasks are joined by the overlap of their good masks, "
        f"{seeds_text(seeds)}, average linkage. At a join, the share of "
        f"{len(drawn)} resamples of the seeds in which the same tasks come together.",
        "A tree of tasks: " + "; ".join(" with ".join(sorted(tasks[i] for i in g)) for g in found),
    )


def _joined(overlaps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average linkage of tasks by mean Jaccard distance, from the overlaps of all pairs of tasks,
    float64 (pairs, seeds): scipy's table of joins."""
    from scipy.cluster.hierarchy import linkage

    joins: npt.NDArray[np.float64] = linkage(1 - overlaps.mean(axis=1), method="average")
    return joins


def _groups(joins: npt.NDArray[np.float64], n_tasks: int) -> list[frozenset[int]]:
    """The tasks under each join, in the order of the joins."""
    members = [frozenset([i]) for i in range(n_tasks)]
    for left, right, *_ in joins:
        members.append(members[int(left)] | members[int(right)])
    return members[n_tasks:]
