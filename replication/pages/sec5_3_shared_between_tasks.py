"""The page on section 5.3: what the good subnetworks of different tasks share."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.inference import jackknifed, t_interval
from lottery_utils.agreement.sharing import Sharing
from replication.book.show import LARGE, Figure, Finding, Note, Table, style, write_cells
from replication.book.written import number, percent, plus_minus, within
from replication.claims.rules import paper_claims
from replication.paper import records as paper
from replication.runs.records import TaskRecords, seeds_text, warning

ONE_TASK = Note(
    "What tasks share needs at least two tasks that can be compared; here are fewer.",
    "warning",
    missing=True,
)
# What GLUE asks about: one sentence, whether two mean the same, whether one follows.
KINDS_OF_TASK = {
    "one sentence": ("CoLA", "SST-2"),
    "same meaning": ("MRPC", "STS-B", "QQP"),
    "inference": ("MNLI", "QNLI", "RTE", "WNLI"),
}


def comparable(every: dict[str, TaskRecords]) -> dict[str, TaskRecords]:
    """The tasks that have every seed which any task has, and whose full models learned enough for
    the search's threshold to mean something."""
    seeds = {seed for entries in every.values() for seed in entries}
    return {
        task: entries
        for task, entries in every.items()
        if set(entries) == seeds and not any(map(warning, entries.values()))
    }


def compared(every: dict[str, TaskRecords]) -> Note:
    """Which tasks are compared here, and which are left out."""
    left_out = [task for task in every if task not in comparable(every)]
    text = f"Compared here: {', '.join(comparable(every)) or 'no task'}."
    if left_out:
        text += " Left out, because seeds are missing or the full model hardly beats the majority "
        text += f"baseline: {', '.join(left_out)}."
    return Note(text)


def recorded(every: dict[str, TaskRecords]) -> Sharing:
    """What the tasks of a study share, of those that can be compared."""
    return Sharing.of({task: entries.masks for task, entries in comparable(every).items()})


def finding(sharing: Sharing) -> Finding | Note:
    """How many heads two tasks share, and how many more than the layers explain, over tasks."""
    pairs = {pair: shared.heads for pair, shared in sharing.pairs.items()}
    if not pairs:
        return ONE_TASK
    excess = {pair: float(heads.excess.mean()) for pair, heads in pairs.items()}
    shared = np.mean([heads.observed.mean() for heads in pairs.values()])
    by_size = np.mean([[c.mean for c in heads.by_size] for heads in pairs.values()])
    found = f"{number(np.mean([*excess.values()]), 1, signed=True)} heads"
    if of_tasks := jackknifed(excess):
        mean = t_interval([value for (value,) in of_tasks.values()])
        reached = within(mean.low, mean.high, 1, signed=True)
        interval = f"95 % CI {reached}, jackknife over {mean.n} tasks"
        clear = "" if mean.low > 0 or mean.high < 0 else ", not significant"
    else:
        interval, clear = f"no CI: {len(sharing.tasks)} tasks", ""
    return Finding(
        f"Two tasks share {number(shared, 1)} of {sharing.n_heads} heads on average, where masks "
        f"of these sizes share {number(by_size, 1)} by chance. Beyond what layers explain, the "
        f"excess is {found} ({interval}{clear})."
    )


@style(LARGE)
def shared_heads(sharing: Sharing) -> Figure | Note:
    """By how many heads each pair of tasks shares more than the layer profiles explain; on the
    diagonal, how many a task keeps."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    tasks = sharing.tasks
    excess = np.full((len(tasks), len(tasks)), np.nan)
    for i, j in itertools.combinations(range(len(tasks)), 2):
        excess[j, i] = sharing.of_pair(tasks[i], tasks[j]).heads.excess.mean()
    limit = max(1.0, float(np.nanmax(np.abs(excess))))
    drawing, axis = plt.subplots(
        figsize=(4.8, min(4.1, 1.4 + 0.35 * len(tasks))), layout="constrained"
    )
    axis.imshow(excess, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    axis.set_xticks(range(len(tasks)), tasks, rotation=45, ha="right")
    axis.set_yticks(range(len(tasks)), tasks)
    texts = ["" if np.isnan(value) else number(value, 1, signed=True) for value in excess.flat]
    write_cells(axis, texts, np.abs(excess) > 0.7 * limit)
    for i, task in enumerate(tasks):
        kept = number(np.mean(sharing.kept[task]), 0)
        axis.text(i, i, kept, ha="center", va="center", fontsize=LARGE, color="0.35")
    axis.spines[:].set_visible(False)
    found = excess[np.tril_indices(len(tasks), -1)]
    ends = (number(value, 1, signed=True) for value in (found.min(), found.max()))
    reach = " to ".join(dict.fromkeys(ends))
    return Figure.of(
        drawing,
        f"Pairs of tasks share {reach} heads more than masks with as many heads in each "
        f"layer. Diagonal: heads that a task keeps, of {sharing.n_heads}. Means over "
        f"{seeds_text(sharing.seeds)}.",
        f"A heat map over {', '.join(tasks)}: heads shared beyond layers, {reach}.",
        "shared",
    )


def pairs_table(sharing: Sharing) -> Table | Note:
    """Each pair of tasks: the heads that both keep, mean over seeds, and chance."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    return Table.of(
        {
            "tasks": f"{one} and {other}",
            "heads shared": _mean_std(pair.heads.observed),
            "by chance, same sizes": number(np.mean([c.mean for c in pair.heads.by_size]), 1),
            "same sizes in each layer": number(np.mean([c.mean for c in pair.heads.by_layer]), 1),
            "seeds beyond that": f"{pair.heads.beyond} of {len(pair.heads.by_layer)}",
        }
        for (one, other), pair in sharing.pairs.items()
    )


def kappa_limits(sharing: Sharing) -> Note | None:
    """How often the sizes of two tasks' masks alone keep kappa as low as the claim that tasks keep
    other heads asks for; None without a pair."""
    (below,) = (claim.high for claim in paper_claims() if claim.key == "tasks-differ")
    if not (most := sharing.limits):
        return None
    cannot = sum(limit < below for limit in most)
    return Note(
        f"The claim that tasks keep other heads asks for a Fleiss' kappa below {below:g}. In "
        f"{cannot} of {len(most)} comparisons (a pair of tasks with a seed), the sizes of the "
        "masks alone keep it there, whichever heads they have. On average these sizes allow "
        f"{number(np.mean(most), 2)}."
    )


def mlps_table(sharing: Sharing) -> Table | Note:
    """The same of MLPs, which have one kind of chance only."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    return Table.of(
        {
            "tasks": f"{one} and {other}",
            "MLPs shared": _mean_std(pair.mlps.observed),
            "by chance, same sizes": number(np.mean([c.mean for c in pair.mlps.by_size]), 1),
        }
        for (one, other), pair in sharing.pairs.items()
    )


def beside_release(every: dict[str, TaskRecords], release: paper.Results) -> Table | Note:
    """Beyond the layer profiles, the share of all heads that two tasks have in common here, and in
    BERT-base as released. Single heads of two models have no counterpart in each other."""
    sharing, theirs = recorded(every), paper.sharing_of(paper.learned(release))
    glue = {task for task, entries in every.items() if entries.of_glue and task in theirs.tasks}
    both = [pair for pair in sharing.pairs if {*pair} <= glue]
    if not both:
        return Note("No two of these tasks are GLUE's own, as BERT-base's are.", missing=True)
    return Table.of(
        {"tasks": " and ".join(pair)}
        | {name: _excess(of, pair) for name, of in (("here", sharing), ("BERT-base", theirs))}
        for pair in both
    )


def _excess(sharing: Sharing, pair: tuple[str, str]) -> str:
    shares = sharing.of_pair(*pair).heads.excess / sharing.n_heads
    return f"{percent(float(shares.mean()), 1, signed=True)} (n = {len(shares)})"


def super_survivor_table(sharing: Sharing) -> Table | Note:
    """How many heads survive with every seed, and how many of them two tasks share."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    if len(sharing.seeds) < 2:
        return Note("Super-survivors need at least two seeds of every task.", "warning", True)
    return Table.of(
        {
            "tasks": f"{one} and {other}",
            "super-survivors": f"{sharing.n_super[one]} and {sharing.n_super[other]}",
            "shared": number(pair.survivors.observed, 0),
            "by chance [95 %]": _chance(pair.survivors),
        }
        for (one, other), pair in sharing.pairs.items()
    )


@style(LARGE)
def task_tree(sharing: Sharing, n_draws: int = 500) -> Figure | Note:
    """Tasks joined by how far their masks overlap, and how sure each join is over seeds."""
    tasks, seeds = sharing.tasks, sharing.seeds
    if len(tasks) < 4:
        return Note("Tasks are clustered where a study has at least four.", missing=True)
    from scipy.cluster.hierarchy import dendrogram

    overlaps = np.array([sharing.of_pair(*p).overlap for p in itertools.combinations(tasks, 2)])
    joins = _joined(overlaps)
    found = _groups(joins, len(tasks))
    rng = np.random.default_rng(0)
    drawn = [
        set(_groups(_joined(overlaps[:, rng.integers(0, len(seeds), len(seeds))]), len(tasks)))
        for _ in range(n_draws if len(seeds) > 1 else 0)
    ]
    drawing, axis = plt.subplots(figsize=(4.8, 0.9 + 0.33 * len(tasks)), layout="constrained")
    tree = dendrogram(joins, labels=tasks, orientation="right", ax=axis, color_threshold=0)
    sure = {}
    for group, height in zip(found, joins[:, 2], strict=True):
        share = np.mean([group in of_draw for of_draw in drawn]) if drawn else float("nan")
        sure[round(float(height), 9)] = share
    for across, up in zip(tree["dcoord"], tree["icoord"], strict=True):
        share = sure[round(float(across[1]), 9)]
        if not np.isnan(share) and across[1] < joins[-1, 2]:  # the last one joins all
            axis.text(
                across[1], (up[1] + up[2]) / 2, f" {percent(share)}", va="bottom", fontsize=LARGE
            )
    axis.set_xlabel("1 \N{MINUS SIGN} overlap (Jaccard) of the heads kept")
    closest = " and ".join(sorted(tasks[i] for i in found[0]))
    return Figure.of(
        drawing,
        f"{closest} join first. The overlap of good masks grows with the heads that they keep "
        f"({seeds_text(seeds)}, average linkage). Percentages: in how many of "
        f"{len(drawn)} resamples of the seeds the same tasks join.",
        "A tree of tasks: " + "; ".join(" with ".join(sorted(tasks[i] for i in g)) for g in found),
        "tree",
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
        return Note(
            "Kinds of tasks are compared where a study has at least four of GLUE's.", missing=True
        )
    one, other = np.triu_indices(len(tasks), 1)
    pairs = itertools.combinations(tasks, 2)
    excess = np.array([sharing.of_pair(*pair).heads.excess.mean() for pair in pairs])
    labels = np.array([kind_of[task] for task in tasks])

    def difference(labels: npt.NDArray[np.str_]) -> float:
        same = labels[one] == labels[other]
        return float(excess[same].mean() - excess[~same].mean()) if 0 < same.mean() < 1 else 0.0

    ways = set(itertools.permutations(labels.tolist()))  # of the nine tasks of GLUE, 1,260
    draws = np.array([difference(np.array(way)) for way in ways])
    observed, same = difference(labels), labels[one] == labels[other]
    share, least = (np.mean(draws >= value - 1e-12) for value in (observed, draws.max()))
    found = {
        f"pairs of one kind (n = {same.sum()})": number(excess[same].mean(), 2),
        f"pairs of two kinds (n = {(~same).sum()})": number(excess[~same].mean(), 2),
        "difference": number(observed, 2),
        f"share of all {len(ways):,} assignments with as large a difference": number(share),
        "least that this share can be": number(least),
    }
    return Table.of(
        {"": name, "heads shared beyond the layer profile": text} for name, text in found.items()
    )


def _mean_std(values: npt.NDArray[np.float64]) -> str:
    if len(values) == 1:
        return number(values[0], 0)
    return plus_minus(values.mean(), values.std(ddof=1), 1)


def _chance(found: Chance) -> str:
    return f"{number(found.mean, 1)} {within(found.low, found.high, 0)}"
