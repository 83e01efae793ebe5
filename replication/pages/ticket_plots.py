"""The figures of the good, the random and the bad tickets, drawn from records alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import COLOURS, STYLE, Figure, Note
from replication.paper import records
from replication.runs.recorded import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    NO_MAGNITUDE,
    Entries,
    has_method,
    seeds_text,
    stage_results,
    task_name,
    ticket_scores,
)

plt.style.use(STYLE)


def ticket_bars(entries: Entries, method: str = "structured") -> Figure | Note:
    """Every kind of ticket, pruned and retrained, beside the paper's BERT-base."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    task, first, kinds = task_name(entries), stage_results(entries)[0], KINDS[method]
    published = records.scores(records.beside(task), task, method)
    drawing, axes = plt.subplots(
        1,
        2 if published else 1,
        figsize=(9.5 if published else 5.5, 3.8),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    ours = axes[0, 0]
    for axis in axes.flat:
        for offset, state in ((-0.2, "pruned"), (0.2, "retrained")):
            for place, kind in enumerate(kinds):
                look = {"color": COLOURS[kind], "alpha": 1.0 if state == "retrained" else 0.45}
                at = place + offset
                if axis is ours:
                    values = ticket_scores(entries, kind, state, method)
                    ours.bar(at, np.mean(values), 0.36, **look)
                    ours.vlines(at, min(values), max(values), color="black", linewidth=1)
                    ours.plot([at] * len(values), values, "o", color="black", ms=4, mfc="white")
                elif f"{kind}, {state}" in published:
                    mean, std = published[f"{kind}, {state}"]
                    axis.bar(at, mean, 0.36, yerr=std, ecolor="black", **look)
        is_ours = axis is ours
        full = np.mean([r["score"] for r in stage_results(entries)])
        level = full if is_ours else published["full"].mean
        guess = first["majority"] if is_ours else published["majority"].mean
        axis.axhline(level, color=COLOURS["full"], linewidth=1, label="full model")
        axis.axhline(guess, color=COLOURS["majority"], linestyle=":", label="majority baseline")
        labels = [KIND_LABELS.get(kind, kind).replace(" (", "\n(") for kind in kinds]
        axis.set_xticks(range(len(kinds)), labels)
        axis.set_ylim(min(0, axis.get_ylim()[0]), 1.1)
        seeds = seeds_text(entries) if len(entries) < 4 else f"{len(entries)} seeds"
        axis.set_title(
            f"here: {seeds}" if is_ours else f"the paper: BERT-base, {records.N_SEEDS} seeds"
        )
    ours.set_ylabel(f"validation {METRIC_LABELS[first['metric']]}")
    axes[0, -1].legend(fontsize=8, loc="upper right")
    means = "; ".join(
        f"{KIND_LABELS.get(kind, kind)} "
        f"{np.mean(ticket_scores(entries, kind, 'pruned', method)):.3f} pruned, "
        f"{np.mean(ticket_scores(entries, kind, 'retrained', method)):.3f} retrained"
        for kind in kinds
    )
    return Figure.of(
        drawing,
        f"Tickets of {task} under {METHOD_LABELS[method]}. Pale bars: pruned, that is the "
        f"fine-tuned model under the mask; full bars: retrained, that is the pre-trained weights "
        f"{_RETRAINED[method]}, fine-tuned anew. {'Left, this' if published else 'This'} run: "
        f"bars are means, circles the seeds, lines their range (n = {len(entries)}; "
        f"{first['examples']['validation']:,} validation examples)."
        + (_BESIDE[method] if published else " The paper has no such task."),
        f"Bar chart for {task}: {means}{'; beside the paper' if published else ''}.",
    )


_RETRAINED = {
    "structured": "with everything else removed",
    "magnitude": "with everything else held at zero",
}
_PAPER = (
    " Right, the paper's BERT-base on GLUE: means and sample standard deviations over "
    f"{records.N_SEEDS} seeds, from the released scores. "
)
_COMPARE = (
    "Another model and, unless the study says otherwise, other data: compare the order of the "
    "bars, not their heights."
)
_BESIDE = {
    "structured": _PAPER + _COMPARE,
    "magnitude": _PAPER
    + "The paper's bad ticket is the one with the largest weights removed. "
    + _COMPARE,
}


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
