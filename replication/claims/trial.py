"""A study on trial: its records read, measured, and judged claim by claim."""

from __future__ import annotations

from dataclasses import dataclass, replace

from replication.claims import published
from replication.claims.evidence import learned, measure
from replication.claims.rules import CLAIMS, Judged, judge
from replication.experiments.weight_overlap import recorded_overlap
from replication.runs import followups
from replication.runs.records import entry_status
from replication.runs.task_records import TaskRecords
from replication.store import Key, Record, Store
from replication.study import STAGES, Study


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
    found = {task: _on_record(chosen, task, store) for task in chosen.tasks}
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


def _on_record(study: Study, task: str, store: Store) -> TaskRecords:
    """What is complete and up to date of one task: its tickets at least."""
    entries: dict[int, dict[str, Record]] = {}
    for seed in study.seeds:
        status = entry_status(replace(study, magnitude_tasks=None), task, seed, store)
        if status["tickets"] == "done":
            stages = {s: store.read(Key(study.name, task, seed, s)) for s in STAGES}
            entries[seed] = {s: r for s, r in stages.items() if r and status[s] == "done"}

    def follow(what: str) -> dict[int, Record]:
        done = [s for s in entries if followups.status(study, task, s, what, store) == "done"]
        read = {s: store.read(Key(study.name, task, s, what)) for s in done}
        return {s: record for s, record in read.items() if record is not None}

    return TaskRecords(
        entries,
        control=follow("control"),
        attention=follow("attention"),
        overlap=recorded_overlap(study, task, list(entries), store),
    )
