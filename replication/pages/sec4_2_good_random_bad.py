"""The page on section 4.2: what good, random and bad tickets score, beside the paper's.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.claims.evidence import LEARNED, of_scores
from replication.claims.rules import HALF, KEPT
from replication.pages.show import COLOURS, NO_MAGNITUDE, Figure, Note, Table, style
from replication.paper import records as paper
from replication.runs.records import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    Entries,
    TaskRecords,
    has_method,
    seeds_text,
    stage_results,
    task_name,
    ticket_scores,
)

_RETRAINED = {
    "structured": "with everything else removed",
    "magnitude": "with everything else held at zero",
}
_PAPER = (
    " Right, the paper's BERT-base on GLUE: means and sample standard deviations over "
    f"{paper.N_SEEDS} seeds, from the released scores. "
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


@style()
def ticket_bars(entries: Entries, method: str = "structured") -> Figure | Note:
    """Every kind of ticket, pruned and retrained, beside the paper's BERT-base."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    task, first, kinds = task_name(entries), stage_results(entries)[0], KINDS[method]
    published = paper.scores(paper.beside(task), task, method)
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
            f"here: {seeds}" if is_ours else f"the paper: BERT-base, {paper.N_SEEDS} seeds"
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


def tickets(entries: Entries, method: str = "structured") -> Table | Note:
    """Mean scores over seeds with 95 % Student t intervals, and differences paired by seed."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    full = [records["finetune"]["results"]["score"] for records in entries.values()]
    rows = [{"ticket": "full model", "score": str(t_interval(full))}]
    for state in ("pruned", "retrained"):
        by_kind = {k: np.array(ticket_scores(entries, k, state, method)) for k in KINDS[method]}
        for kind, values in by_kind.items():
            name = f"{KIND_LABELS.get(kind, kind)}, {state}"
            row = {"ticket": name, "score": str(t_interval(values.tolist()))}
            row["full minus this"] = str(t_interval((np.array(full) - values).tolist()))
            if kind != "random":
                row["random minus this"] = str(t_interval((by_kind["random"] - values).tolist()))
            rows.append(row)
    return Table.of(rows)


def kept(entries: Entries) -> Note:
    """What one task's retrained tickets keep, and which of them win: the measure of the claims.

    Seeds whose good ticket leaves too little for another one tell nothing of random and bad.
    """
    task = TaskRecords(entries)
    majority, full = (float(np.mean(task.scores(name))) for name in ("majority", "full"))
    told = f"The majority baseline scores {majority:.3f}, the full model {full:.3f}"
    if full - majority < LEARNED:
        few = f"it gained less than {LEARNED:g}, too little to tell what a ticket keeps of it"
        return Note(f"{told}: {few}.", "warning")
    measured = dict(of_scores(task.scores, {"structured": "bad"}, task.contrasted()))
    shares = []
    for kind in KEPT:
        values = measured[f"structured: kept by {kind}, retrained"]
        if not values:
            shares.append(f"{kind} not told")
            continue
        mean, n = float(np.mean(values)), len(values)
        win = ", a win" if mean >= HALF else ""
        shares.append(f"{kind} {mean:.0%} ({n} seed{'' if n == 1 else 's'}{win})")
    masks = [StructuredMask.from_json(r["mask"]) for r in stage_results(entries, "search")]
    out = [
        f"seed {seed} ({mask.n_heads} of {mask.heads.size} heads)"
        for seed, mask, counts in zip(entries, masks, task.contrasted(), strict=True)
        if not counts
    ]
    left_out = (
        " Left out of random and bad, because the good ticket keeps more than two thirds of the "
        f"heads and the bad one's heads are mostly the same: {', '.join(out)}."
    )
    return Note(
        f"{told}. Of that gain, retrained tickets keep: {', '.join(shares)}. To keep {HALF:.0%} or "
        f"more is to win.{left_out if out else ''}"
    )
