"""A study on trial: its records read, measured, and judged claim by claim."""

from __future__ import annotations

from dataclasses import dataclass

from replication.claims import published
from replication.claims.evidence import MEASURED, learned, measure
from replication.claims.rules import Judged, judge, paper_claims
from replication.paper.records import Results, beside
from replication.runs.records import TaskRecords, on_record
from replication.store import Store
from replication.study import Study


@dataclass(frozen=True)
class Trial:
    """A study's claims judged, those of the released numbers beside them, and what is there."""

    study: Study
    store: Store
    records: dict[str, TaskRecords]
    release: Results
    learned: list[str]
    ours: list[Judged]
    theirs: list[Judged]


def put_on_trial(study: str, store: Store | None = None) -> Trial:
    """Judge all claims by what is on record of a study; nothing is computed that is not there.

    Where the release is not on record in `store`, the records that come with the book serve.
    """
    store = store or Store()
    chosen, release = Study.load(study, store.root), beside(store)
    records = on_record(chosen, store, MEASURED)
    measured, of_paper = measure(records, release), published.measure(release)
    names = learned(measured)
    return Trial(
        chosen,
        store,
        records,
        release,
        names,
        judge(paper_claims(), measured, names),
        judge(paper_claims(), of_paper, learned(of_paper)),
    )


def stricter(trial: Trial) -> list[Judged]:
    """All claims once more by the same regions, without the seeds that can hardly tell anything.

    Left out are seeds whose full model learned too little, and what magnitude pruning says of
    seeds in which it removed nothing: a reading that came after the numbers had been seen.
    """
    records = {task: of for task, of in trial.records.items() if task in trial.learned}
    return judge(paper_claims(), measure(records, trial.release, strict=True), trial.learned)
