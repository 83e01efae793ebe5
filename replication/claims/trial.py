"""A study on trial: its records read, measured, and judged claim by claim."""

from __future__ import annotations

from dataclasses import dataclass

from replication.claims import published
from replication.claims.evidence import learned, measure
from replication.claims.rules import CLAIMS, Judged, judge
from replication.runs.records import TaskRecords
from replication.store import Store
from replication.study import Study


@dataclass(frozen=True)
class Trial:
    """A study's claims judged, those of the released numbers beside them, and what is there."""

    study: Study
    results_dir: str
    records: dict[str, TaskRecords]
    learned: list[str]
    ours: list[Judged]
    theirs: list[Judged]


def put_on_trial(study: str, results_dir: str = "results") -> Trial:
    """Judge all claims by what is on record of a study; nothing is computed that is not there."""
    chosen, store = Study.load(study, results_dir), Store(results_dir)
    found = {task: TaskRecords.of(chosen, task, store) for task in chosen.tasks}
    records = {task: of_task for task, of_task in found.items() if of_task.entries}
    measured, of_paper = measure(records), published.measure(results_dir)
    names = learned(measured)
    return Trial(
        chosen,
        results_dir,
        records,
        names,
        judge(CLAIMS, measured, names),
        judge(CLAIMS, of_paper, learned(of_paper)),
    )


def stricter(trial: Trial) -> list[Judged]:
    """All claims once more by the same regions, without the seeds that can hardly tell anything.

    Left out are seeds whose full model learned too little, and what magnitude pruning says of
    seeds in which it removed nothing: a reading that came after the numbers had been seen.
    """
    records = {task: of for task, of in trial.records.items() if task in trial.learned}
    return judge(CLAIMS, measure(records, strict=True), trial.learned)
