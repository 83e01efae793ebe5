"""An entry of a study computed again from scratch, and compared with what is on record.

On the processor that made a record the same code gives the same numbers, bit for bit, wherever
this was tried. On graphics cards of one kind five entries had the same weights, masks and scores,
and three of them importances that differ in the eighth digit. Another device, number of threads or
version of torch may add up in another order; fine-tuning can then end elsewhere, as with another
seed. So there are two
verdicts: the same, and agreeing within `TOLERANCES`, which are a choice: seeds of one small task
often differ by more.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import lottery_utils
import replication
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.files import BusyError, alone, refuse, write_text
from replication.followups import FollowUps
from replication.progress import Progress
from replication.runs.records import STATES, TaskRecords
from replication.runs.run import check_data, ensure
from replication.stages import STAGES, TICKET_STAGE
from replication.store import Record, Store
from replication.study import Study

PLACE = "verify"  # in the cache
# How far a recomputed number may be from the one on record; any number, where nothing may differ.
TOLERANCES = {
    "score": 0.05,
    "share of heads kept": 0.25,
    "share of weights kept": 0.1,
    "anything": 1e-4,
}
# What a fine-tuning's record says of the examples and of the model before it is trained.
BEFORE_TRAINING = (
    "metric",
    "majority",
    "examples",
    "label_counts",
    "mean_tokens",
    "layers",
    "heads_per_layer",
    "parameters",
    "component_parameters",
    "data_sha256",
)


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

    An interrupted verification goes on where it stopped, but not from what other code, libraries or
    another machine came to; a finished one leaves nothing behind.
    Raises `UserError` if the entry is not on record, the data at hand are not its own, or somebody
    else is at it.
    """
    on_record = TaskRecords.of(replace(study, seeds=(seed,)), task, store).get(seed)
    if on_record is None:
        raise UserError(
            f"{task} with seed {seed} of the study {study.name} is not on record: expected its "
            f"records in {store.root}; run 'lottery run {study.name} --task {task} --seed {seed}'."
        )
    check_data(study, task, store)
    stages = study.stages(task)
    only = replace(
        study,
        tasks=(task,),
        seeds=(seed,),
        magnitude_tasks=(task,) if "magnitude" in stages and "magnitude" in on_record else (),
        followups=FollowUps(),
    )
    cache = store.cache.resolve().parent
    again = Store(cache / PLACE, cache)
    folders = [of / study.name / task / f"seed-{seed}" for of in (again.root, again.cache)]
    try:
        with alone(folders[0].with_suffix(".verify"), refuse):
            begun, by = folders[1] / "begun-by.json", _by(only, task, seed, again, device, threads)
            if not begun.exists() or begun.read_text("utf-8") != by:
                for folder in folders:
                    shutil.rmtree(folder, ignore_errors=True)
                write_text(begun, by)
            ensure(only, again, STAGES, device=device, threads=threads)
            found = compare(on_record, TaskRecords.of(only, task, again)[seed])
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
    except BusyError as error:
        raise UserError(
            f"{task}, seed {seed} of the study {study.name} is being verified by {error}: wait "
            "until that has ended, or give another --cache-dir."
        ) from error
    return found


def _by(study: Study, task: str, seed: int, store: Store, device: str, threads: int | None) -> str:
    """All that two runs of one entry must have in common, for one to go on from the other."""
    from replication.experiments.entry import Entry
    from replication.experiments.machine import prepare_device

    chosen = prepare_device(device, threads)
    entry = Entry(study, task, seed, store, chosen, Progress(study.name, 1, quiet=True))
    code = hashlib.sha256()  # the files themselves: a commit does not say what has changed since
    for package in (lottery_utils, replication):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            code.update(path.read_bytes())
    return json.dumps({**entry.by, "commit": code.hexdigest()})


def compare(recorded: dict[str, Record], again: dict[str, Record]) -> Verified:
    """Scores, sizes and weights of two entries, by stage; every step and number of a search, and
    all else, where they come from the same fine-tuned weights.
    """
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
    for method, stage in TICKET_STAGE.items():
        if stage not in pairs:
            continue
        first, second = (results["tickets"] for results in pairs[stage])
        for kind in first:
            for state in STATES:
                before, after = first[kind][state], second[kind][state]
                check(f"{method}, {kind}, {state}", "score", before, after)
    same = ours["weights_sha256"] == theirs["weights_sha256"]
    for stage, (one, other) in pairs.items():
        if not same:
            known = BEFORE_TRAINING if stage == "finetune" else ()
            one = {key: value for key, value in one.items() if key in known}
        found = max(_apart(one, other), key=lambda each: each[1], default=None)
        if found:
            place, _, first, second = found
            check(f"{stage}, furthest apart: {place}", "anything", first, second)
    return Verified(same, checks)


def _apart(one: Any, other: Any, place: str = "") -> Iterator[tuple[str, float, float, float]]:
    """Where two results differ and by how much, and both numbers; whatever else differs is NaN.

    Left out is what only one of them has, as versions of the code add fields, what a run tells of
    itself, and a landscape that is of other examples.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        if one.get("radii") and one.get("n_examples") != other.get("n_examples"):
            return
        for key in one.keys() & other.keys() - {"seconds", "warning", "weights_sha256"}:
            yield from _apart(one[key], other[key], f"{place}.{key}".strip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _apart(*pair, f"{place}.{number}")
    elif isinstance(one, int | float) and isinstance(other, int | float):
        if one != other:
            yield place, abs(one - other), one, other
    elif one != other:
        yield place, math.inf, math.nan, math.nan
