"""Which types of attention maps super-survivors have, beside all heads (section 5.2)."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.sharing import survive_all
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS
from replication.book.show import Figure, Note, Table, number, percent, style, within
from replication.paper import numbers
from replication.runs import measured
from replication.runs.measured import counts, phi
from replication.runs.records import TaskRecords, seeds_text

TYPE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999")
STATES = ("pre-trained", "fine-tuned")
WHO = {"super": "super-survivors", "all": "all heads"}
NO_ATTENTION = Note(
    "The attention maps of this task are not sorted into types here: a study has to ask for it "
    "(lottery run STUDY --set followups.attention=null)."
)


@style()
def shares(entries: TaskRecords) -> Figure | Note:
    """Types of super-survivors' maps and of all heads', here and in the paper."""
    if not entries.stage("attention"):
        return NO_ATTENTION
    task = entries.task
    bars: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for weighting in WEIGHTINGS:
        for state in STATES:
            ours = measured.shares(entries, state, weighting)
            for who in WHO:
                theirs = numbers.pattern_shares(task, state, who, weighting)
                found = (("here", ours.get(who)), ("paper", theirs))
                bars.setdefault(weighting, []).extend(
                    (f"{state}, {WHO[who]}, {where}", of) for where, of in found if of
                )
    drawing, axes = plt.subplots(
        1, 2, figsize=(10, 0.9 + 0.33 * max(map(len, bars.values()))), sharey=True,
        layout="constrained",
    )  # fmt: skip
    for axis, (weighting, rows) in zip(axes, bars.items(), strict=True):
        left = np.zeros(len(rows))
        places = np.arange(len(rows))[::-1]
        for name, colour in zip(TYPES, TYPE_COLOURS, strict=True):
            width = np.array([of[name] for _, of in rows])
            axis.barh(places, width, 0.75, left=left, color=colour, label=name)
            left += width
        axis.set_yticks(places, [label for label, _ in rows], fontsize=8)
        axis.set(title=f"{weighting} maps", xlabel="share of maps", xlim=(0, 1))
    handles, names = axes[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=5, fontsize=8)
    n, seeds = entries.results("attention")[0]["examples"], entries.stage("attention")
    fine = measured.shares(entries, "fine-tuned", "raw")
    texts = [f"{WHO[who]} {of['heterogeneous']:.0%} heterogeneous" for who, of in fine.items()]
    return Figure.of(
        drawing,
        f"Types of attention maps on {task}, sorted by the better of two classifiers: {n} "
        f"validation examples, {seeds_text(seeds)}. Super-survivors and all heads are in the "
        "same intact model. The paper's super-survivors are in a pruned BERT-base, its other "
        "heads in the intact one, and its classifier was trained on other maps.",
        f"Stacked bars for {task}; raw maps of the fine-tuned model: {', '.join(texts)}.",
    )


def shares_table(entries: TaskRecords) -> Table | Note:
    """The same as a table, the paper's BERT-base in brackets."""
    if not entries.stage("attention"):
        return NO_ATTENTION
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            for who, of_types in measured.shares(entries, state, weighting).items():
                theirs = numbers.pattern_shares(entries.task, state, who, weighting)
                row: dict[str, str] = {"": f"{weighting}, {state}, {WHO[who]}"}
                for name, share in of_types.items():
                    row[name] = percent(share) + (f" ({percent(theirs[name])})" if theirs else "")
                rows.append(row)
    return Table.of(rows)


def association(entries: TaskRecords, *, n_draws: int = 2000, seed: int = 0) -> Table | Note:
    """Do super-survivors attend heterogeneously? Pearson's r over maps, and how sure it is.

    The interval draws heads with replacement, because all maps of a head are of one kind: to
    count maps as if each were a head of its own makes any r look certain.
    """
    if not entries.stage("attention"):
        return NO_ATTENTION
    survivors = survive_all(entries.masks)
    rng = np.random.default_rng(seed)
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            by_head = counts(entries, state, weighting)
            r = phi(survivors, by_head)
            draws = rng.integers(len(survivors), size=(n_draws, len(survivors)))
            again = np.array([phi(survivors[heads], by_head[heads]) for heads in draws])
            interval = "undefined"
            if not math.isnan(r):
                interval = within(*np.nanquantile(again, [0.025, 0.975]), signed=True)
            theirs = number(numbers.HETEROGENEOUS_R[weighting], signed=True)
            rows.append(
                {
                    "": f"{weighting}, {state}",
                    "r": number(r, signed=True),
                    "95 % interval over heads": interval,
                    "heads": f"{int(survivors.sum())} super-survivors of {len(survivors)}",
                    "maps": f"{int(by_head.sum()):,}",
                    "paper, over all tasks": theirs if state == "fine-tuned" else "",
                }
            )
    return Table.of(rows)
