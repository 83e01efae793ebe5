"""What the page on sensitivity shows: the good subnetworks that other rules find, from records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement import overlap
from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from replication.pages.show import COLOURS, Figure, Note, Table, number, style
from replication.runs import records
from replication.runs.records import Entries, tickets_of
from replication.store import Record, Store
from replication.study import Study

Found = dict[str, dict[int, Record]]  # by task and seed
NOTHING = Note(
    "No search by other rules is on record here: a study has to ask for it (lottery run STUDY "
    "--set followups.sensitivity=[RTE]).",
    "warning",
)


def load(study: str, results_dir: str = "results") -> Found:
    """The records of all tasks that have them, computed first where the study asks for them."""
    chosen, store = Study.load(study, results_dir), Store(results_dir)
    found = {task: records.followup(chosen, task, "sensitivity", store) for task in chosen.tasks}
    return {task: of_task for task, of_task in found.items() if of_task}


def table(found: Found, every: dict[str, Entries]) -> Table | Note:
    """A row for each rule: what is kept, and the score beside the study's own good ticket's.

    Differences are other minus own, means over tasks and seeds; intervals are Student's over
    entries, so that they say how entries differ and not how tasks do.
    """
    rules = list(dict.fromkeys(name for _, _, other in _entries(found, every) for name in other))
    if not rules:
        return NOTHING
    rows = []
    for rule in rules:
        heads, mlps, same, pruned, retrained = [], [], [], [], []
        for own, good, other in _entries(found, every):
            mask = StructuredMask.from_json(other[rule]["mask"])
            heads.append(mask.n_heads - own.n_heads)
            mlps.append(mask.n_mlps - own.n_mlps)
            same.append(overlap(mask.heads.ravel(), own.heads.ravel()))
            pruned.append(other[rule]["pruned"] - good["pruned"])
            retrained.append(other[rule]["retrained"] - good["retrained"])
        rows.append(
            {
                "": rule,
                "entries": str(len(heads)),
                "heads more": number(np.mean(heads), 1, signed=True),
                "MLPs more": number(np.mean(mlps), 1, signed=True),
                "overlap of heads (Jaccard)": number(np.mean(same), 2),
                "pruned": str(t_interval(pruned)),
                "retrained": str(t_interval(retrained)),
            }
        )
    return Table.of(rows)


@style()
def plot(found: Found, every: dict[str, Entries]) -> Figure | Note:
    """What another rule changes of the good ticket's score: every entry, mean and interval."""
    entries = [*_entries(found, every)]
    rules = list(dict.fromkeys(name for _, _, other in entries for name in other))
    if not rules:
        return NOTHING
    drawing, both = plt.subplots(1, 2, figsize=(7.2, 3), sharey=True, layout="constrained")
    told = []
    for axis, state in zip(both, ("pruned", "retrained"), strict=True):
        for place, rule in enumerate(reversed(rules)):
            changes = [other[rule][state] - good[state] for _, good, other in entries]
            of = t_interval(changes)
            axis.plot(changes, [place] * len(changes), "|", color="0.5", ms=9)
            axis.plot([of.low, of.high], [place, place], color=COLOURS["good"], lw=2)
            axis.plot(of.mean, place, "o", color=COLOURS["good"])
            told.append(f"{rule}, {state}: {of.mean:+.3f}")
        axis.axvline(0, color="0.7", lw=1, zorder=0)
        axis.set_title(state)
        axis.set_xlabel("other rule minus the study's own")
        axis.set_yticks(range(len(rules)), list(reversed(rules)))
    tasks = ", ".join(task for task in found if every.get(task))
    return Figure.of(
        drawing,
        "What a search by another rule changes of the good ticket's validation score, in the units "
        f"of each task's metric: every entry (strokes; n = {len(entries)}, tasks with seeds, of "
        f"{tasks}), their mean and its 95 % interval. Each panel has its own scale.",
        f"Interval plot of changes by rule. {'; '.join(told)}.",
    )


def reading(found: Found, every: dict[str, Entries]) -> Note:
    """Which rules change the good ticket's score more than entries differ, in words."""
    entries = [*_entries(found, every)]
    rules = list(dict.fromkeys(name for _, _, other in entries for name in other))
    if not rules:
        return NOTHING
    texts = []
    for state in ("pruned", "retrained"):
        of_rules = {
            rule: t_interval([other[rule][state] - good[state] for _, good, other in entries])
            for rule in rules
        }
        clear = [
            f"{rule} ({of.mean:+.3f})" for rule, of in of_rules.items() if of.low * of.high > 0
        ]
        texts.append(f"{state}, {', '.join(clear) or 'none'}")
    return Note(
        "Rules with which the good ticket's score is another, in that the interval leaves out 0: "
        f"{'; '.join(texts)} (n = {len(entries)} entries)."
    )


def _entries(
    found: Found, every: dict[str, Entries]
) -> Iterator[tuple[StructuredMask, dict[str, Any], dict[str, Any]]]:
    """Of each entry the study's own mask and good ticket, and the tickets of the other rules."""
    for task, of_seeds in found.items():
        for seed, record in of_seeds.items():
            stages = every.get(task, {}).get(seed)
            if stages is None:
                continue
            own = StructuredMask.from_json(stages["search"]["results"]["mask"])
            yield own, tickets_of(stages)["good"], record["results"]["tickets"]
