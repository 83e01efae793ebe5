"""The figures of the good, the random and the bad tickets, drawn from records alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils import paper
from lottery_utils.figure import COLOURS, STYLE, Figure
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.recorded import (
    TICKETS,
    Entries,
    seeds_text,
    stage_results,
    task_name,
    ticket_scores,
)

plt.style.use(STYLE)


def ticket_bars(entries: Entries) -> Figure:
    """Good, random and bad tickets, pruned and retrained, beside the paper's BERT-base."""
    task, first = task_name(entries), stage_results(entries)[0]
    drawing, (ours, theirs) = plt.subplots(
        1, 2, figsize=(9, 3.8), sharey=True, layout="constrained"
    )
    for offset, state in ((-0.2, "pruned"), (0.2, "retrained")):
        for place, kind in enumerate(TICKETS):
            values = ticket_scores(entries, kind, state)
            look = {"color": COLOURS[kind], "alpha": 1.0 if state == "retrained" else 0.45}
            ours.bar(place + offset, np.mean(values), 0.36, **look)
            ours.vlines(place + offset, min(values), max(values), color="black", linewidth=1)
            ours.plot([place + offset] * len(values), values, "o", color="black", ms=4, mfc="white")
            mean, std = paper.published(task, f"{kind}, {state}")
            theirs.bar(place + offset, mean, 0.36, yerr=std, ecolor="black", **look)
    lines = (
        (ours, np.mean([r["score"] for r in stage_results(entries)]), first["majority"]),
        (theirs, paper.published(task, "full").mean, paper.published(task, "majority").mean),
    )
    for axis, full, majority in lines:
        axis.axhline(full, color=COLOURS["full"], linewidth=1, label="full model")
        axis.axhline(majority, color=COLOURS["majority"], linestyle=":", label="majority baseline")
        axis.set_xticks(range(len(TICKETS)), TICKETS)
        axis.set_ylim(min(0, axis.get_ylim()[0]), 1.1)
    ours.set_ylabel(f"validation {METRIC_LABELS[first['metric']]}")
    ours.set_title(f"here: {seeds_text(entries)}")
    theirs.set_title(f"the paper: BERT-base, {paper.N_SEEDS} seeds")
    theirs.legend(fontsize=8, loc="upper right")
    means = "; ".join(
        f"{kind} {np.mean(ticket_scores(entries, kind, 'pruned')):.3f} pruned, "
        f"{np.mean(ticket_scores(entries, kind, 'retrained')):.3f} retrained"
        for kind in TICKETS
    )
    return Figure.of(
        drawing,
        f"Good, random and bad tickets of {task}. Pale bars: pruned, that is the fine-tuned model "
        "under the mask; full bars: retrained, that is the pre-trained weights with everything "
        "else removed, fine-tuned anew. Left, this run: bars are means, circles the seeds, lines "
        f"their range (n = {len(entries)}; {first['examples']['validation']:,} validation "
        "examples). Right, the paper's BERT-base on GLUE: means and sample standard deviations "
        f"over {paper.N_SEEDS} seeds, from the released scores. Another model and, unless the "
        "study says otherwise, other data: compare the order of the bars, not their heights.",
        f"Bar chart for {task}: {means}; beside the paper's bars.",
    )


def tickets_over_tasks(records: dict[str, Entries]) -> Figure:
    """Every task of a study at a glance: full model and six tickets."""
    drawing, axes = plt.subplots(
        1, len(records), figsize=(3.2 * len(records), 3.4), squeeze=False, layout="constrained"
    )
    for axis, (task, entries) in zip(axes.flat, records.items(), strict=True):
        results = stage_results(entries)
        axis.axhline(np.mean([r["score"] for r in results]), color=COLOURS["full"], linewidth=1)
        axis.axhline(results[0]["majority"], color=COLOURS["majority"], linestyle=":")
        for kind, marker in zip(TICKETS, "osX", strict=True):
            for x, state in enumerate(("pruned", "retrained")):
                values = ticket_scores(entries, kind, state)
                place = x + (TICKETS.index(kind) - 1) * 0.16
                axis.plot([place] * len(values), values, marker, color=COLOURS[kind], ms=7)
            axis.plot([], [], marker, color=COLOURS[kind], label=kind)
        axis.set_xticks((0, 1), ("pruned", "retrained"))
        axis.set(xlim=(-0.5, 1.5), title=task, ylabel=METRIC_LABELS[results[0]["metric"]])
    axes.flat[0].legend(fontsize=8)
    seeds = seeds_text(next(iter(records.values())))
    return Figure.of(
        drawing,
        f"Tickets of every task of the study, {seeds}: one marker per seed. The solid line is the "
        "full model's mean score, the dotted one the majority baseline. Scales differ by task.",
        "Dot plots per task of good, random and bad tickets, pruned and retrained: "
        + "; ".join(
            f"{task}: good {np.mean(ticket_scores(e, 'good', 'retrained')):.3f}, bad "
            f"{np.mean(ticket_scores(e, 'bad', 'retrained')):.3f} retrained"
            for task, e in records.items()
        ),
    )
