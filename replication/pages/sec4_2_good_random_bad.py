"""The page on section 4.2: what good, random and bad tickets score, beside the paper's.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS
from replication.claims.evidence import LEARNED, of_scores
from replication.claims.rules import HALF, KEPT
from replication.pages.overview import PAPER, beside_paper
from replication.pages.show import NO_MAGNITUDE, Figure, Note, Table, style
from replication.paper import records as paper
from replication.runs.records import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    Entries,
    TaskRecords,
    has_method,
    masks_of,
    stage_results,
    task_name,
)

_RETRAINED = {
    "structured": "with everything else removed",
    "magnitude": "with everything else held at zero",
}


@style()
def ticket_plot(
    entries: Entries, release: paper.Results, method: str = "structured"
) -> Figure | Note:
    """Every kind of ticket, pruned and retrained, beside the paper's BERT-base."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    task, first, kinds = task_name(entries), stage_results(entries)[0], KINDS[method]
    published = paper.scores(release, task, method)
    settings = [f"{kind}, {state}" for kind in kinds for state in ("pruned", "retrained")]
    of = TaskRecords(entries)
    ours = {name: of.scores(name, method) for name in ("full", "majority", *settings)}
    means = "; ".join(
        f"{KIND_LABELS.get(kind, kind)} {np.mean(ours[f'{kind}, pruned']):.3f} pruned, "
        f"{np.mean(ours[f'{kind}, retrained']):.3f} retrained"
        for kind in kinds
    )
    return Figure.of(
        beside_paper(ours, published, kinds, METRIC_LABELS[first["metric"]]),
        f"Tickets of {task} under {METHOD_LABELS[method]}. Pruned: the fine-tuned model under the "
        f"mask. Retrained: the pre-trained weights {_RETRAINED[method]}, fine-tuned again. One "
        f"marker per seed (n = {len(entries)}; {first['examples']['validation']:,} validation "
        f"examples).{PAPER if published else ' The paper has no such task.'}",
        f"Dot plot for {task}: {means}{'; beside the paper' if published else ''}.",
    )


def tickets(entries: Entries, method: str = "structured") -> Table | Note:
    """Mean scores over seeds with 95 % Student t intervals, and differences paired by seed."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    of = TaskRecords(entries)
    full = of.scores("full")
    rows = [{"ticket": "full model", "score": str(t_interval(full))}]
    for state in ("pruned", "retrained"):
        by_kind = {k: np.array(of.scores(f"{k}, {state}", method)) for k in KINDS[method]}
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
    masks = masks_of(entries)
    out = [
        f"seed {seed} ({mask.n_heads} of {mask.heads.size} heads)"
        for (seed, mask), counts in zip(masks.items(), task.contrasted(), strict=True)
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
