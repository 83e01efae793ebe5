"""The figures of the good, the random and the bad tickets, drawn from records alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import COLOURS, NO_MAGNITUDE, Figure, Note, style
from replication.runs.recorded import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    Entries,
    has_method,
    seeds_text,
    stage_results,
    ticket_scores,
)


@style()
def tickets_over_tasks(records: dict[str, Entries], method: str = "structured") -> Figure | Note:
    """Every task of a study at a glance: the full model and its tickets."""
    records = {task: entries for task, entries in records.items() if has_method(entries, method)}
    if not records:
        return NO_MAGNITUDE
    columns, kinds = min(3, len(records)), KINDS[method]
    rows = -(-len(records) // columns)
    drawing, axes = plt.subplots(
        rows, columns, figsize=(3.2 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(records) :]:
        axis.set_visible(False)
    for axis, (task, entries) in zip(axes.flat, records.items(), strict=False):
        results = stage_results(entries)
        full = float(np.mean([r["score"] for r in results]))
        axis.axhline(full, color=COLOURS["full"], linewidth=1, label="full model")
        guess = results[0]["majority"]
        axis.axhline(guess, color=COLOURS["majority"], linestyle=":", label="majority baseline")
        for kind, marker in zip(kinds, "osXD", strict=False):
            for x, state in enumerate(("pruned", "retrained")):
                values = ticket_scores(entries, kind, state, method)
                place = x + (kinds.index(kind) - 1) * 0.16
                axis.plot([place] * len(values), values, marker, color=COLOURS[kind], ms=7)
            axis.plot([], [], marker, color=COLOURS[kind], label=KIND_LABELS.get(kind, kind))
        axis.set_xticks((0, 1), ("pruned", "retrained"))
        axis.set(xlim=(-0.5, 1.5), title=task, ylabel=METRIC_LABELS[results[0]["metric"]])
    handles, names = axes.flat[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=8)
    seeds = seeds_text(next(iter(records.values())))
    return Figure.of(
        drawing,
        f"Tickets of every task under {METHOD_LABELS[method]}, {seeds}: one marker per seed. The "
        "solid line is the full model's mean score, the dotted one the majority baseline. Scales "
        "differ by task.",
        "Dot plots per task of good, random and bad tickets, pruned and retrained: "
        + "; ".join(
            f"{task}: good {np.mean(ticket_scores(e, 'good', 'retrained', method)):.3f}, bad "
            f"{np.mean(ticket_scores(e, 'bad', 'retrained', method)):.3f} retrained"
            for task, e in records.items()
        ),
    )
