"""A study's records measured and judged, claim by claim."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lottery_utils.agreement.inference import Interval, t_interval
from replication.claims import published, wins
from replication.claims.evidence import MEASURED, learned, measure
from replication.claims.plan import Analysis
from replication.claims.rules import Judged, judge, kept, paper_claims
from replication.paper.records import Results, beside
from replication.runs.data_card import model_and_data
from replication.runs.records import TaskRecords, on_record
from replication.store import Store
from replication.study import Study

PAPER = "BERT-base, as released"
WEIGHTS_AGAINST_HEADS = ("random-fails-more", "bad-fails-more")  # of section 4.2


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

    @property
    def name(self) -> str:
        """Model and data, as pages call this side: `MiniLM-L6 on GLUE`."""
        return model_and_data(self.study)


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
    """All claims once more by the same regions, without the seeds that are uninformative.

    Left out are seeds whose full model learned too little, and what magnitude pruning says of
    seeds in which it removed nothing: a reading that came after the numbers had been seen.
    """
    records = {task: of for task, of in trial.records.items() if task in trial.learned}
    return judge(paper_claims(), measure(records, trial.release, strict=True), trial.learned)


def by_own_gain(trial: Trial) -> list[Judged]:
    """All claims once more, what tickets keep as shares of the same seed's gain: the unit of the
    registered plan, and of what was added later."""
    measured = measure(trial.records, trial.release, own_gain=True)
    return judge(paper_claims(), measured, trial.learned)


def beside_the_plan(analysis: Analysis, theirs: Results) -> list[Judged]:
    """The paper's claims that the registered plan lacks, judged on the plan's study.

    They were added to it on 2026-11-26 as a family of their own, with their own regions, and are
    measured on the examples that the searches saw, of the seeds and tasks that the plan judges.
    """
    lacking = (c for c in paper_claims() if c.section >= "5" or c.key in WEIGHTS_AGAINST_HEADS)
    found = {}
    for task in analysis.entered:
        of_task = analysis.entries[task]
        searched = [seed for seed in analysis.seeds if "search" in of_task[seed]]
        if searched:
            found[task] = of_task.of_seeds(searched)
    family = [replace(claim, added="2026-11-26") for claim in lacking]
    return judge(family, measure(found, theirs), [*found])


def sides(trial: Trial) -> dict[str, dict[str, Judged]]:
    """Of this study and of the release (`PAPER`), what each kind of retrained ticket keeps."""
    both = {trial.name: kept(trial.ours), PAPER: kept(trial.theirs)}
    return {name: of for name, of in both.items() if of}


def over_seeds(trial: Trial, side: str, kind: str = "bad") -> dict[str, Interval]:
    """By task, what retrained tickets of a kind retain in the study or as released (`PAPER`), with
    its 95 % CI over seeds."""
    if side != PAPER:
        return {task: t_interval(of) for task, of in kept(trial.ours)[kind].values.items()}
    released = wins.of_release(trial.release)
    return {task: wins.mean_over([of], kind) for task, of in released.items()}
