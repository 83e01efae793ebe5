"""The page on section 5.3: what the good subnetworks of different tasks share."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.sharing import Sharing
from replication.book.show import (
    Figure,
    Note,
    Table,
    number,
    plus_minus,
    style,
    within,
    write_cells,
)
from replication.runs.records import TaskRecords, seeds_text, warning

ONE_TASK = Note("What tasks share needs at least two tasks; this study has one.", "warning")
# What GLUE asks about: one sentence, whether two mean the same, whether one follows.
KINDS_OF_TASK = {
    "one sentence": ("CoLA", "SST-2"),
    "same meaning": ("MRPC", "STS-B", "QQP"),
    "inference": ("MNLI", "QNLI", "RTE", "WNLI"),
}


def comparable(every: dict[str, TaskRecords]) -> dict[str, TaskRecords]:
    """The tasks that have every seed which any task has, and of which the search tells something.

    Others are under way, or their full models learned too little for a good subnetwork.
    """
    seeds = {seed for entries in every.values() for seed in entries}
    return {
        task: entries
        for task, entries in every.items()
        if set(entries) == seeds and not any(map(warning, entries.values()))
    }


def compared(every: dict[str, TaskRecords]) -> Note:
    """Which tasks are compared here, and which are left out because nothing can be told of them."""
    left_out = [task for task in every if task not in comparable(every)]
    text = f"Compared here: {', '.join(comparable(every)) or 'no task'}."
    if left_out:
        text += " Left out, because seeds are missing or the search's bar tells nothing of a model "
        text += f"that hardly beats the majority baseline: {', '.join(left_out)}."
    return Note(text)


def recorded(every: dict[str, TaskRecords]) -> Sharing:
    """What the tasks of a study share, of those that can be compared."""
    return Sharing.of({task: entries.masks for task, entries in comparable(every).items()})


@style()
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
        middle = (low + high) / 2
        dark = values < middle if colours == "cividis" else np.abs(values) > 0.7 * high
        texts = ["" if np.isnan(value) else number(value, 1) for value in values.flat]
        write_cells(axis, texts, dark)
        drawing.colorbar(image, ax=axis, label="heads", shrink=0.8)
    above = excess[np.triu_indices(len(tasks), 1)]
    return Figure.of(
        drawing,
        f"Heads that the good subnetworks of two tasks share, of {sharing.n_heads}; means over "
        f"{seeds_text(sharing.seeds)} (on the diagonal, the task's own). Right: the excess over "
        "random masks with the same number of heads in each layer.",
        f"Two heat maps over {', '.join(tasks)}. Pairs of tasks share between "
        f"{above.min():+.1f} and {above.max():+.1f} heads more than their layer profiles explain.",
    )


def pairs_table(sharing: Sharing) -> Table | Note:
    """Each pair of tasks: heads and MLPs that both keep, means over seeds, beside chance."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    rows = []
    for (one, other), pair in sharing.pairs.items():
        heads, mlps = pair.heads, pair.mlps
        rows.append(
            {
                "tasks": f"{one} and {other}",
                "heads shared": _mean_std(heads.observed),
                "by chance, same sizes": number(np.mean([c.mean for c in heads.by_size]), 1),
                "same sizes in each layer": number(np.mean([c.mean for c in heads.by_layer]), 1),
                "seeds beyond that": f"{heads.beyond} of {len(heads.by_layer)}",
                "MLPs shared": _mean_std(mlps.observed),
                "MLPs by chance": number(np.mean([c.mean for c in mlps.by_size]), 1),
            }
        )
    return Table.of(rows)


def super_survivor_table(sharing: Sharing) -> Table | Note:
    """How many heads survive with every seed, and how many of them two tasks share."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    if len(sharing.seeds) < 2:
        return Note("Super-survivors need at least two seeds of every task.", "warning")
    return Table.of(
        {
            "": task,
            "super-survivors": str(sharing.n_super[task]),
            **{
                f"shared with {other}": ""
                if other == task
                else _shared(sharing.of_pair(task, other).survivors)
                for other in sharing.tasks
            },
        }
        for task in sharing.tasks
    )


@style()
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


def kinds_table(sharing: Sharing) -> Table | Note:
    """Do tasks of one kind share more? Heads beyond the layer profile, within and between kinds."""
    kind_of = {task: kind for kind, tasks in KINDS_OF_TASK.items() for task in tasks}
    tasks = [task for task in sharing.tasks if task in kind_of]
    if len(tasks) < 4:
        return Note("Kinds of tasks are compared where a study has at least four of GLUE's.")
    one, other = np.triu_indices(len(tasks), 1)
    pairs = itertools.combinations(tasks, 2)
    excess = np.array([sharing.of_pair(*pair).heads.excess.mean() for pair in pairs])
    labels = np.array([kind_of[task] for task in tasks])

    def difference(labels: npt.NDArray[np.str_]) -> float:
        same = labels[one] == labels[other]
        return float(excess[same].mean() - excess[~same].mean()) if 0 < same.mean() < 1 else 0.0

    rng = np.random.default_rng(0)
    draws = np.array([difference(rng.permutation(labels)) for _ in range(2000)])
    observed, same = difference(labels), labels[one] == labels[other]
    share = np.mean(draws >= observed - 1e-12)
    found = {
        f"pairs of one kind (n = {same.sum()})": number(excess[same].mean(), 2),
        f"pairs of two kinds (n = {(~same).sum()})": number(excess[~same].mean(), 2),
        "difference": number(observed, 2),
        "share of 2,000 random assignments of kinds with as large a difference": number(share),
    }
    return Table.of(
        {"": name, "heads shared beyond the layer profile": text} for name, text in found.items()
    )


def _mean_std(values: npt.NDArray[np.float64]) -> str:
    if len(values) == 1:
        return number(values[0], 0)
    return plus_minus(values.mean(), values.std(ddof=1), 1)


def _shared(found: Chance) -> str:
    chance = f"{number(found.mean, 1)} {within(found.low, found.high, 0)}"
    return f"{number(found.observed, 0)} (chance {chance})"
