"""What the page on sensitivity shows: the good subnetworks that other rules find, from records."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.agreement import overlap
from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, style
from replication.book.written import bound, number, points
from replication.claims.claim import LEARNED, reaches
from replication.runs.records import STATES, TaskRecords, tickets_of

NOTHING = Note(
    "No search by other rules is on record here: a study has to ask for it (lottery run STUDY "
    "--set followups.sensitivity=[RTE]).",
    "warning",
    missing=True,
)


def changes(every: dict[str, TaskRecords]) -> pd.DataFrame:
    """What each rule changes of each entry: other minus own heads and MLPs, the overlap, and of
    scores the difference as a share of what the full model gains, since metrics differ by task.
    Seeds whose full model gains less than `LEARNED` are left out."""
    rows = []
    for task, entries in every.items():
        for seed, record in entries.stage("sensitivity").items():
            own, good = entries.masks[seed], tickets_of(entries[seed])["good"]
            tuned = entries[seed]["finetune"]["results"]
            if not reaches(gain := tuned["score"] - tuned["majority"], LEARNED):
                continue
            for rule, other in record["results"]["tickets"].items():
                mask = StructuredMask.from_json(other["mask"])
                row = {
                    "rule": rule,
                    "task": task,
                    "heads": mask.n_heads - own.n_heads,
                    "MLPs": mask.n_mlps - own.n_mlps,
                    "overlap": overlap(mask.heads.ravel(), own.heads.ravel()),
                }
                row |= {state: (other[state] - good[state]) / gain for state in STATES}
                rows.append(row)
    return pd.DataFrame(rows)


def finding(changes: pd.DataFrame) -> Finding:
    """Which rules change the good ticket's retrained and pruned score, by their 95 % CI."""
    if changes.empty:
        return Finding(NOTHING.text)
    rules = {str(rule): of for rule, of in changes.groupby("rule", sort=False)}
    texts, n = [], len(changes) // len(rules)
    if n < 2:
        ends = changes["retrained"].agg(["min", "max"])
        least, most = (number(100 * of, 1, signed=True) for of in ends)
        return Finding(
            f"Under {len(rules)} other search rules, what the good ticket retains, retrained, "
            f"changes by {least} to {most} percentage points (one seed of {changes['task'][0]}: no "
            "CI)."
        )
    for state in reversed(STATES):
        found = {rule: t_interval(of[state].tolist()) for rule, of in rules.items()}
        clear = [f"{rule} ({points(of)})" for rule, of in found.items() if of.low * of.high > 0]
        texts.append(
            f"{state.capitalize()}, what the good ticket retains of the gain changes under "
            f"{len(clear)} of {len(rules)} other search rules{': ' * bool(clear)}"
            f"{', '.join(clear)} (uncorrected)."
        )
    retrained, pruned = texts
    return Finding(
        retrained,
        more=f"{pruned} These are 95 % CIs over n = {n} entries of "
        f"{', '.join(changes['task'].unique())}, as if entries of one task were independent.",
    )


@style(LARGE)
def plot(changes: pd.DataFrame) -> Figure | Note:
    """What another rule changes of what the good ticket retains: entries, mean and interval."""
    if changes.empty:
        return NOTHING
    rules = {str(rule): of for rule, of in changes.groupby("rule", sort=False)}
    drawing, axis = plt.subplots(figsize=(4.8, 0.9 + 0.33 * len(rules)), layout="constrained")
    said = []
    for place, rule in enumerate(rules):
        for state, up, marker, colour in zip(
            STATES, (0.18, -0.18), "so", (COLOURS["random"], COLOURS["good"]), strict=True
        ):
            values = rules[rule][state].tolist()
            of, y = t_interval(values), place + up
            axis.plot(values, [y] * len(values), "|", color="0.5", ms=6)
            axis.plot([of.low, of.high], [y, y], color=colour, lw=1.5)
            axis.plot(of.mean, y, marker, color=colour, ms=6, label="" if place else state)
            said.append(f"{rule}, {state}: {points(of)}")
    axis.plot([], [], "|", color="0.5", ms=6, label="an entry")
    axis.axvline(0, color="0.6", lw=1, zorder=0)
    axis.set_xlabel("other rule minus own (points)")
    axis.xaxis.set_major_formatter(lambda x, _: bound(100 * x))
    axis.set_yticks(range(len(rules)), list(rules))
    axis.set_ylim(len(rules) - 0.5, -0.5)
    drawing.legend(loc="outside upper center", ncols=3, handlelength=1)
    found = {rule: t_interval(of["retrained"].tolist()) for rule, of in rules.items()}
    most = max(found, key=lambda rule: abs(found[rule].mean))
    return Figure.of(
        drawing,
        f"Retrained, what the good ticket retains changes most with {most}: "
        f"{points(found[most])} of the gain. Markers are means, lines 95 % CI "
        f"over n = {len(values)} entries, each a task with a seed.",
        f"Interval plot of changes by rule. {'; '.join(said)}.",
        "changes",
    )


def table(changes: pd.DataFrame) -> Table | None:
    """A row for each rule: what is kept, and what it retains against the study's own good ticket.

    Differences are other minus own, means over tasks and seeds; intervals are Student's over
    entries, so that they say how entries differ and not how tasks do.
    """
    if changes.empty:
        return None
    rules = changes.groupby("rule", sort=False)
    rows = (
        {
            "": rule,
            "heads more": number(of["heads"].mean(), 1, signed=True),
            "MLPs more": number(of["MLPs"].mean(), 1, signed=True),
            "overlap of heads (Jaccard)": number(of["overlap"].mean(), 2),
            **{state: points(t_interval(of[state].tolist())) for state in STATES},
        }
        for rule, of in rules
    )
    return Table.of(rows, f"mean [95 % CI], n = {len(changes) // len(rules)}")
