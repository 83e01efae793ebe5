"""What the page on sensitivity shows: the good subnetworks that other rules find, from records."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.agreement import overlap
from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from replication.book.show import COLOURS, Figure, Note, Table, estimate, number, style
from replication.runs.records import STATES, TaskRecords, tickets_of

NOTHING = Note(
    "No search by other rules is on record here: a study has to ask for it (lottery run STUDY "
    "--set followups.sensitivity=[RTE]).",
    "warning",
)


def changes(every: dict[str, TaskRecords]) -> pd.DataFrame:
    """What each rule changes of each entry: other minus own heads, MLPs and scores, the overlap."""
    rows = []
    for task, entries in every.items():
        for seed, record in entries.stage("sensitivity").items():
            own, good = entries.masks[seed], tickets_of(entries[seed])["good"]
            for rule, other in record["results"]["tickets"].items():
                mask = StructuredMask.from_json(other["mask"])
                row = {
                    "rule": rule,
                    "task": task,
                    "heads": mask.n_heads - own.n_heads,
                    "MLPs": mask.n_mlps - own.n_mlps,
                    "overlap": overlap(mask.heads.ravel(), own.heads.ravel()),
                }
                rows.append({**row, **{state: other[state] - good[state] for state in STATES}})
    return pd.DataFrame(rows)


def table(changes: pd.DataFrame) -> Table | Note:
    """A row for each rule: what is kept, and the score beside the study's own good ticket's.

    Differences are other minus own, means over tasks and seeds; intervals are Student's over
    entries, so that they say how entries differ and not how tasks do.
    """
    if changes.empty:
        return NOTHING
    return Table.of(
        {
            "": rule,
            "entries": str(len(of)),
            "heads more": number(of["heads"].mean(), 1, signed=True),
            "MLPs more": number(of["MLPs"].mean(), 1, signed=True),
            "overlap of heads (Jaccard)": number(of["overlap"].mean(), 2),
            **{state: estimate(of[state]) for state in STATES},
        }
        for rule, of in changes.groupby("rule", sort=False)
    )


@style()
def plot(changes: pd.DataFrame) -> Figure | Note:
    """What another rule changes of the good ticket's score: every entry, mean and interval."""
    if changes.empty:
        return NOTHING
    rules = {str(rule): of for rule, of in changes.groupby("rule", sort=False)}
    drawing, both = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True, layout="constrained")
    told = []
    for axis, state in zip(both, STATES, strict=True):
        for place, rule in enumerate(reversed(rules)):
            values = rules[rule][state].tolist()
            of = t_interval(values)
            axis.plot(values, [place] * len(values), "|", color="0.5", ms=9)
            axis.plot([of.low, of.high], [place, place], color=COLOURS["good"], lw=2)
            axis.plot(of.mean, place, "o", color=COLOURS["good"])
            told.append(f"{rule}, {state}: {of.mean:+.3f}")
        axis.axvline(0, color="0.7", lw=1, zorder=0)
        axis.set(title=state, xlabel="other rule minus the study's own")
        axis.set_yticks(range(len(rules)), list(reversed(rules)))
    return Figure.of(
        drawing,
        "What a search by another rule changes of the good ticket's validation score: every entry "
        f"(strokes; n = {len(values)}, tasks with seeds, of {', '.join(changes['task'].unique())}),"
        " their mean and its 95 % interval. Each panel has its own scale.",
        f"Interval plot of changes by rule. {'; '.join(told)}.",
    )


def reading(changes: pd.DataFrame) -> Note:
    """Which rules change the good ticket's score more than entries differ, in words."""
    if changes.empty:
        return NOTHING
    rules, texts = changes.groupby("rule", sort=False), []
    for state in STATES:
        of_rules = {str(rule): t_interval(of[state].tolist()) for rule, of in rules}
        clear = [f"{rule} ({i.mean:+.3f})" for rule, i in of_rules.items() if i.low * i.high > 0]
        texts.append(f"{state}, {', '.join(clear) or 'none'}")
    return Note(
        "Rules with which the good ticket's score is another, in that the interval leaves out 0: "
        f"{'; '.join(texts)} (n = {len(changes) // len(rules)} entries)."
    )
