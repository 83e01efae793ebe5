"""Training data on the page of sizes: what tickets of one model retain with more examples."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from replication.book.other_draw import two_draws
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, in_percent, style
from replication.book.written import percent, several
from replication.claims.claim import WINS
from replication.claims.verdicts import INCONCLUSIVE
from replication.claims.wins import outcome
from replication.pages.sizes import Compared, mean_over, name_of, share_over, stretches
from replication.runs.records import TICKETS


def more_data(compared: Compared) -> Finding:
    """At which sizes of the training set bad tickets win or lose, task by task, and at which that
    is inconclusive, where two seeds count."""
    ended: dict[str, dict[str, list[str]]] = {}
    for task in compared.curve_tasks:
        for stretch, where in zip(stretches(compared), ("", " there"), strict=True):
            for size, side in stretch.items():
                if task in side.tasks and side.tasks[task].n > 1:
                    of_word = ended.setdefault(outcome(mean_over(side, [task], "bad")), {})
                    of_word.setdefault(task, []).append(name_of(size) + where)
    open_still = _by_task(ended.pop(INCONCLUSIVE, {})) or "none"
    said = "; ".join(f"{word} on {_by_task(of)}" for word, of in ended.items())
    return Finding(
        f"A retrained bad subnetwork of MiniLM-L6 {said} training "
        f"examples (95 % CI over seeds against {percent(WINS)})."
        if said
        else "Whether bad subnetworks of MiniLM-L6 win with more training examples is open.",
        more=f"Inconclusive: {open_still}. Left out are sizes where fewer than two seeds count.",
    )


def _by_task(sizes: dict[str, list[str]]) -> str:
    return ", ".join(f"{task} with {' / '.join(of)}" for task, of in sizes.items())


@style(LARGE)
def curve(compared: Compared) -> Figure | Note:
    """Retained gain against the size of the training set, a panel for each task."""
    tasks = [t for t in compared.curve_tasks if any(t in s.tasks for s in compared.curve.values())]
    if not tasks:
        return Note("No run with other sizes of the training set is on record yet.", "warning")
    drawing, axes = plt.subplots(
        len(tasks), 1, figsize=(4.8, 0.8 + 1.7 * len(tasks)), sharex=True, sharey=True,
        squeeze=False, layout="constrained",
    )  # fmt: skip
    told, ends, (_, there) = list[str](), list[str](), stretches(compared)
    for axis, task in zip(axes[:, 0], tasks, strict=True):
        counted = []
        for stretch, where in zip(stretches(compared), ("", "there "), strict=True):
            # A task that has fewer examples than a size has the same ones at all larger sizes.
            sides = {of.tasks[task].train_examples: of.tasks[task]
                     for of in stretch.values() if task in of.tasks}  # fmt: skip
            several_seeds = {n: of for n, of in sides.items() if of.n > 1}
            for kind in TICKETS:
                means = [float(np.mean(of.retained[kind])) for of in several_seeds.values()]
                look: dict[str, Any] = {"color": COLOURS[kind]}
                axis.plot([*several_seeds], means, "--" if where else "-",
                          label=None if where else kind, **look)  # fmt: skip
                look |= {"mfc": "white"} if where else {}
                for at, of in sides.items():
                    axis.plot([at] * of.n, of.retained[kind], "o", ms=4, alpha=0.7, **look)
                points = [f"{n:,}: {percent(np.mean(of.retained[kind]))}"
                          for n, of in sides.items()]  # fmt: skip
                if points:
                    told.append(f"{task}, {where}{kind}: {', '.join(points)}")
            if len(several_seeds) > 1:
                first, *_, last = (f"{percent(np.mean(of.retained['bad']))} ({n:,})"
                                   for n, of in several_seeds.items())  # fmt: skip
                counted.append(f"{where}{first}, {last}")
        if counted:
            ends.append(f"{task} {'; '.join(counted)}")
        axis.axhline(WINS, color="0.5", lw=1, ls="--", zorder=0, label=percent(WINS))
        axis.axhline(1, color=COLOURS["full"], lw=1, zorder=0)
        axis.set(title=task, xscale="log", ylabel="retained gain")
        in_percent(axis.yaxis)
    shown = {
        side.tasks[task].train_examples
        for stretch in stretches(compared)
        for side in stretch.values()
        for task in tasks
        if task in side.tasks
    }
    # Of two sizes whose labels would overlap, the larger has one.
    ticks = [n for n, after in pairwise([*sorted(shown), math.inf]) if after / n > 1.25]
    axes[-1, 0].set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes[-1, 0].minorticks_off()
    axes[-1, 0].set_xlabel("training examples")
    elsewhere, guests = "", sum(_guests(compared).values())
    if there:
        elsewhere = "; open: there, on another machine"
        elsewhere += f" ({several(guests, 'run')} apart)" if guests else ""
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return Figure.of(
        drawing,
        f"Retrained bad subnetworks of MiniLM-L6 retain (training examples): {'; '.join(ends)}. "
        f"Points: seeds; lines: means of two or more{elsewhere}."
        if ends
        else "Retained gain by the number of training examples: one size only is on record.",
        f"Line plots of retained gain against training examples. {'; '.join(told)}.",
        "curve",
    )


def so_far(compared: Compared) -> Note:
    """How many runs of each size of the training set are on record, and how many of them count."""
    said = []
    for size, by in compared.curve_computed.items():
        n, counted = by.total(), {task: of.n for task, of in compared.curve[size].tasks.items()}
        which = ", ".join(f"{task} {n_seeds}" for task, n_seeds in counted.items()) or "none"
        of_runs = f"{n} of {compared.curve_planned} runs, of which count: {which}"
        said.append(f"with {name_of(size)} examples: {of_runs if n else 'none'}")
    return Note(
        f"Of the planned runs (a task with a seed), these are on record: {'; '.join(said)}. A run "
        "counts if its full model gains 0.1 or more and its bad ticket is not mostly the good one."
    )


def machines(compared: Compared) -> Note | None:
    """Which kind of machine computed which size of the curve, in which precision; None where one
    kind computed all."""
    by: dict[str, list[str]] = {}
    guests = _guests(compared)
    for size, runs in compared.curve_computed.items():
        for name, n in runs.items():
            of = [] if n == runs.total() else [several(n, "run")]
            of += ["counted as there"] if (size, name) in guests else []
            part = f" ({', '.join(of)})" if of else ""
            by.setdefault(name, []).append(f"{name_of(size)}{part}")
    if len(by) < 2:
        return None
    for name in compared.again_computed:
        by.setdefault(name, []).append(f"{name_of(compared.again_size)} again")
    said = "; ".join(f"{', '.join(of)} on {name}" for name, of in by.items())
    return Note(f"Sizes of the training set by machine and precision of training: {said}.")


def _guests(compared: Compared) -> dict[tuple[int | None, str], int]:
    """Runs of the first machine at sizes that another one computed for the rest: how many."""
    here, _ = stretches(compared)
    first = {name for size in here for name in compared.curve_computed.get(size, ())}
    return {
        (size, name): n
        for size, runs in compared.curve_computed.items()
        for name, n in runs.items()
        if size not in here and name in first
    }


def curve_table(compared: Compared) -> Table | None:
    """What bad tickets retain at each size of the training set, with the seeds that learned; None
    where `curve` says that nothing is on record."""
    rows = []
    for task in compared.curve_tasks:
        row = {"task": task}
        for stretch, where in zip(stretches(compared), ("", ", there"), strict=True):
            for size, side in stretch.items():
                if task in side.tasks:
                    n = side.tasks[task].n
                    row[name_of(size) + where] = f"{share_over(side, [task], 'bad')}, n = {n}"
        if len(row) > 1:
            rows.append(row)
    return Table.of(rows, "task") if rows else None


def redrawn(compared: Compared) -> Note | None:
    """What another draw of bad tickets changes, where a size of the curve has the good tickets of
    the small model's own study."""
    said = []
    for size, side in compared.curve.items():
        for task, again in side.tasks.items():
            first = compared.small.tasks.get(task)
            if first and (both := two_draws(first, again)):
                one, other = both
                said.append(
                    f"{task} with {name_of(size)} examples: {one} in the table above; {other} here"
                )
    if not said:
        return None
    return Note(
        "Some runs here have full models and good tickets that score as in the table above, and "
        "other draws of random and bad ones. What bad tickets retain by either draw, seed by seed: "
        f"{'; '.join(said)}."
    )
