"""An entry of a study computed again from scratch, and compared with what is on record.

On the machine that made a record the same code gives the same numbers, bit for bit. Another
device, number of threads or version of torch adds up in another order; fine-tuning then ends
elsewhere, as with another seed. So there are two verdicts: the same, and agreeing within
`TOLERANCES`, which are a choice: seeds of one small task often differ by more.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any, NamedTuple

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.runs.records import TaskRecords
from replication.runs.run import check_data, ensure
from replication.store import Record, Store
from replication.study import STAGES, FollowUps, Study

PLACE = ".cache/verify"
# How far a recomputed number may be from the one on record.
TOLERANCES = {"score": 0.05, "share of heads kept": 0.25, "share of weights kept": 0.1}


class Check(NamedTuple):
    """One number on record and again: what it is, both values, and whether they agree."""

    what: str
    recorded: float
    again: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        return abs(self.recorded - self.again) <= self.tolerance


class Verified(NamedTuple):
    """The checks of one entry. `same` says that the fine-tuned weights are the same bits."""

    same: bool
    checks: list[Check]

    @property
    def agrees(self) -> bool:
        return all(check.agrees for check in self.checks)


def verify(
    study: Study, task: str, seed: int, store: Store, *, device: str, threads: int | None
) -> Verified:
    """Compute one entry again, in a folder of its own, and compare stage by stage.

    An interrupted verification goes on where it stopped; a finished one leaves nothing behind.
    Raises `UserError` if the entry is not on record or the data at hand are not its own.
    """
    on_record = TaskRecords.of(replace(study, seeds=(seed,)), task, store).get(seed)
    if on_record is None:
        raise UserError(
            f"{task} with seed {seed} of the study {study.name} is not on record: expected its "
            f"records in {store.root}; run 'lottery run {study.name} --task {task} --seed {seed}'."
        )
    check_data(study, task, seed, store)
    stages = study.stages(task)
    alone = replace(
        study,
        tasks=(task,),
        seeds=(seed,),
        magnitude_tasks=(task,) if "magnitude" in stages and "magnitude" in on_record else (),
        followups=FollowUps(),
    )
    again = Store(PLACE)
    ensure(alone, again, STAGES, device=device, threads=threads)
    found = compare(on_record, TaskRecords.of(alone, task, again)[seed])
    shutil.rmtree(again.root / study.name / task / f"seed-{seed}", ignore_errors=True)
    shutil.rmtree(again.cache / study.name / task / f"seed-{seed}", ignore_errors=True)
    return found


def compare(recorded: dict[str, Record], again: dict[str, Record]) -> Verified:
    """Scores, sizes and weights of two entries, by stage."""
    checks = []
    pairs: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        stage: (recorded[stage]["results"], again[stage]["results"])
        for stage in recorded
        if stage in again
    }

    def check(what: str, kind: str, before: float, after: float) -> None:
        checks.append(Check(what, round(before, 6), round(after, 6), TOLERANCES[kind]))

    ours, theirs = pairs["finetune"]
    check("full model", "score", ours["score"], theirs["score"])
    masks = [StructuredMask.from_json(results["mask"]) for results in pairs["search"]]
    before, after = (mask.n_heads / mask.heads.size for mask in masks)
    check("heads of the good subnetwork", "share of heads kept", before, after)
    if "magnitude" in pairs:
        before, after = (results["weights"]["density"] for results in pairs["magnitude"])
        check("weights of the good subnetwork", "share of weights kept", before, after)
    for stage, method in (("tickets", "structured"), ("magnitude", "magnitude")):
        if stage not in pairs:
            continue
        first, second = (results["tickets"] for results in pairs[stage])
        for kind in first:
            for state in ("pruned", "retrained"):
                before, after = first[kind][state], second[kind][state]
                check(f"{method}, {kind}, {state}", "score", before, after)
    return Verified(ours["weights_sha256"] == theirs["weights_sha256"], checks)
