"""One task's good, random and bad tickets, beside the paper's (section 4.2).

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import (
    COLOURS,
    NO_MAGNITUDE,
    Figure,
    Note,
    Table,
    estimate,
    levels,
    style,
)
from replication.claims.claim import LEARNED, WINS, reaches
from replication.claims.evidence import of_scores
from replication.claims.rules import KEPT
from replication.claims.wins import outcome
from replication.paper import records as paper
from replication.runs.records import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    STATES,
    TaskRecords,
)

PAPER = (
    f" Right, the paper's BERT-base: means and sample standard deviations over {paper.N_SEEDS} "
    "seeds. Model and, mostly, data differ: compare the order, not the heights."
)


def places(
    axis: Axes, kinds: Sequence[str], full: float, majority: float
) -> Iterator[tuple[float, str, str, str]]:
    """Draw the levels and the legend of one task's tickets on `axis`, and give where each kind
    goes in each state: x, kind, state, marker."""
    levels(axis, full, majority)
    axis.set_xticks(range(len(STATES)), STATES)
    axis.set_xlim(-0.5, 1.5)
    for i, (kind, marker) in enumerate(zip(kinds, "osXD", strict=False)):
        axis.plot([], [], marker, color=COLOURS[kind], label=KIND_LABELS.get(kind, kind))
        for x, state in enumerate(STATES):
            yield x + (i - 1) * 0.16, kind, state, marker


def beside_paper(
    ours: Mapping[str, Sequence[float]],
    published: Mapping[str, paper.Score],
    kinds: Sequence[str],
    metric: str,
) -> MatplotlibFigure:
    """The tickets of one task: here a marker for each seed, and beside them the paper's means with
    their deviations. Both have scores by setting: `full`, `majority`, or such as `good, pruned`."""
    drawing, axes = plt.subplots(
        1, 1 + bool(published), figsize=(9 if published else 5.5, 3.8), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    axis, full, majority = axes[0, 0], float(np.mean(ours["full"])), ours["majority"][0]
    for x, kind, state, marker in places(axis, kinds, full, majority):
        values = ours[f"{kind}, {state}"]
        axis.plot([x] * len(values), values, marker, color=COLOURS[kind], ms=6)
    axis.set(title=f"here: n = {len(values)}", ylabel=f"validation {metric}")
    if published:
        axis, full, majority = axes[0, 1], published["full"].mean, published["majority"].mean
        for x, kind, state, marker in places(axis, kinds, full, majority):
            if found := published.get(f"{kind}, {state}"):
                axis.errorbar(x, *found, fmt=marker, color=COLOURS[kind], ms=6)
        axis.set_title(f"the paper: BERT-base, {paper.N_SEEDS} seeds")
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return drawing


_RETRAINED = {
    "structured": "with everything else removed",
    "magnitude": "with everything else held at zero",
}


@style()
def ticket_plot(
    entries: TaskRecords, release: paper.Results, method: str = "structured"
) -> Figure | Note:
    """Every kind of ticket, pruned and retrained, beside the paper's BERT-base."""
    if not entries.has(method):
        return NO_MAGNITUDE
    task, first, kinds = entries.task, entries.results()[0], KINDS[method]
    published = paper.scores(release, task, method)
    settings = [f"{kind}, {state}" for kind in kinds for state in STATES]
    ours = {name: entries.scores(name, method) for name in ("full", "majority", *settings)}
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


def tickets(entries: TaskRecords, method: str = "structured") -> Table | Note:
    """Mean scores over seeds with 95 % Student t intervals, and differences paired by seed."""
    if not entries.has(method):
        return NO_MAGNITUDE
    full = entries.scores("full")
    rows = [{"ticket": "full model", "score": estimate(full)}]
    for state in STATES:
        by_kind = {k: np.array(entries.scores(f"{k}, {state}", method)) for k in KINDS[method]}
        for kind, values in by_kind.items():
            name = f"{KIND_LABELS.get(kind, kind)}, {state}"
            row = {"ticket": name, "score": estimate(values)}
            row["full minus this"] = estimate(np.array(full) - values)
            if kind != "random":
                row["random minus this"] = estimate(by_kind["random"] - values)
            rows.append(row)
    return Table.of(rows)


def kept(entries: TaskRecords) -> Note:
    """What one task's retrained tickets keep, and which of them win: the measure of the claims.

    Seeds whose good ticket leaves too little for another one tell nothing of random and bad.
    """
    majority, full = (float(np.mean(entries.scores(name))) for name in ("majority", "full"))
    told = f"The majority baseline scores {majority:.3f}, the full model {full:.3f}"
    if not reaches(full - majority, LEARNED):
        few = f"it gained less than {LEARNED:g}, too little to tell what a ticket keeps of it"
        return Note(f"{told}: {few}.", "warning")
    measured = dict(of_scores(entries.scores, {"structured": "bad"}, entries.contrasted()))
    shares = []
    for kind in KEPT:
        values = measured[f"structured: kept by {kind}, retrained"]
        if not values:
            shares.append(f"{kind} not told")
            continue
        found = t_interval(values)
        interval = "" if found.n < 2 else f", 95 % CI [{found.low:.0%}, {found.high:.0%}]"
        seeds = f"{found.n} seed{'' if found.n == 1 else 's'}"
        shares.append(f"{kind} {found.mean:.0%} ({seeds}{interval}: {outcome(found)})")
    masks = entries.masks
    out = [
        f"seed {seed} ({mask.n_heads} of {mask.heads.size} heads)"
        for (seed, mask), counts in zip(masks.items(), entries.contrasted(), strict=True)
        if not counts
    ]
    left_out = (
        " Left out of random and bad, because the good ticket keeps more than two thirds of the "
        f"heads and the bad one's heads are mostly the same: {', '.join(out)}."
    )
    return Note(
        f"{told}. Of that gain, retrained tickets retain: {', '.join(shares)}. A ticket wins if it "
        f"retains at least {WINS:.0%}, and the 95 % CI over seeds decides."
        f"{left_out if out else ''}"
    )
