"""What is asked of a study after its searches: survivors, a control, attention, and more.

A study says for which tasks (`followups`), because they cost trainings of their own. Their
records lie beside those of the stages, and know what they were made from in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lottery_utils.errors import UserError
from lottery_utils.patterns.sorter import sorter_sha256
from replication.experiments.progress import Progress
from replication.runs import records
from replication.store import Key, Record, Store
from replication.study import FOLLOWUPS, Study

if TYPE_CHECKING:
    from replication.experiments.entry import Entry

# The unit of progress is one training.
UNITS = {"survivors": 3, "control": 6, "attention": 1, "sensitivity": 14, "quirks": 1, "choices": 1}


def status(study: Study, task: str, seed: int, what: str, store: Store) -> str:
    """`done`, `stale` (made for other settings or inputs) or `missing`."""
    record = store.read(Key(study.name, task, seed, what))
    if record is None:
        return "missing"
    made_from = record["results"]["made_from"]
    seeds = [int(s) for s in made_from["masks"]] if what == "survivors" else [seed]
    fresh = (
        record["hash"] == study.hash(what)
        and set(study.seeds if what == "survivors" else [seed]) <= set(seeds)
        and made_from == _inputs(study, task, seed, what, seeds, store)
    )
    return "done" if fresh else "stale"


def ensure(
    study: Study,
    store: Store,
    *,
    device: str = "auto",
    threads: int | None = None,
    quiet: bool = False,
) -> None:
    """Compute every missing or stale follow-up that the study asks for.

    The stages' records have to be there. Survivors need two seeds: where only one is asked
    for, they are left as they are. Raises `UserError` where the fine-tuned model of a record
    can no longer be had.
    """
    todo = [
        (task, seed, what)
        for what in FOLLOWUPS
        for task, seed in study.followups_of(what)
        if not (what == "survivors" and len(study.seeds) < 2)
        and status(study, task, seed, what, store) != "done"
    ]
    if not todo:
        return
    progress = Progress(study.name, sum(UNITS[what] for _, _, what in todo), quiet=quiet)
    for task, seed, what in todo:
        progress.label = f"{study.name} | {task} seed {seed}"
        _compute(study, task, seed, what, store, device, threads, progress)
    progress.label = study.name
    progress.done(f"{len(todo)} follow-ups computed, records in {store.root}")


def load(
    study: Study, task: str, what: str, store: Store, *, device: str = "auto"
) -> dict[int, Record]:
    """The records of one follow-up by seed, for a page: computed first if the study asks for it.

    Only those that are up to date; empty where there are none. Nothing is computed where the
    study's data are not at hand.
    """
    if records.at_hand(study):
        ensure(study.only(what, task), store, device=device)
    found = {
        seed: store.read(Key(study.name, task, seed, what))
        for seed in study.seeds
        if status(study, task, seed, what, store) == "done"
    }
    return {seed: record for seed, record in found.items() if record is not None}


def on_record(study: Study, what: str, store: Store) -> dict[tuple[str, int], Record]:
    """A follow-up's records that are up to date, by task and seed; nothing is computed."""
    entries = [(task, seed) for task in study.tasks for seed in study.seeds]
    done = [e for e in entries if status(study, *e, what, store) == "done"]
    found = {(task, seed): store.read(Key(study.name, task, seed, what)) for task, seed in done}
    return {entry: record for entry, record in found.items() if record is not None}


def _inputs(
    study: Study, task: str, seed: int, what: str, seeds: Sequence[int], store: Store
) -> dict[str, Any] | None:
    """What a follow-up is made from, or None where a record of it is missing or stale."""
    needed = "finetune" if what == "attention" else "search"
    found = {}
    for s in {seed, *seeds}:
        if records.entry_status(study, task, s, store).get(needed) != "done":
            return None
        found[s] = store.read(Key(study.name, task, s, needed))
    sources = {s: record["results"] for s, record in found.items() if record is not None}
    inputs: dict[str, Any] = {"weights_sha256": sources[seed]["weights_sha256"]}
    if what == "attention":
        return {**inputs, "classifier_sha256": sorter_sha256()}
    if what == "quirks":
        inputs["classifier_sha256"] = sorter_sha256()
    return {**inputs, "masks": {str(s): sources[s]["mask"] for s in seeds}}


def _compute(
    study: Study,
    task: str,
    seed: int,
    what: str,
    store: Store,
    device: str,
    threads: int | None,
    progress: Progress,
) -> None:
    from replication.experiments import after_search
    from replication.experiments.entry import Entry, prepare_device, run_details

    seeds = study.seeds if what == "survivors" else (seed,)
    inputs = _inputs(study, task, seed, what, seeds, store)
    if inputs is None:
        raise UserError(
            f"The {what} of {task} need the search of every seed first: run "
            f"'lottery run {study.name}' for seeds {', '.join(map(str, seeds))}."
        )
    begun = time.monotonic()
    entry = Entry(study, task, seed, store, prepare_device(device, threads), progress)
    # The control trains from scratch and needs no more than the mask.
    model = None if what == "control" else _fine_tuned(entry, inputs["weights_sha256"])
    results = after_search.COMPUTE[what](entry, model, inputs)
    run = run_details(entry, time.monotonic() - begun)
    store.write(entry.key(what), study, {**results, "made_from": inputs}, run)
    for journal in store.scratch(entry.key(what), "").glob(f"{what}*.jsonl"):
        journal.unlink()


def _fine_tuned(entry: Entry, weights_sha256: str) -> Any:
    """The fine-tuned model of a record, trained again where it is no longer in the cache."""
    from replication.experiments import stages
    from replication.experiments.checkpoint import load_checkpoint

    model = load_checkpoint(entry, weights_sha256)
    if model is None:
        stages.finetune(entry)
        model = load_checkpoint(entry, weights_sha256)
    if model is None:
        place = entry.store.root / entry.key("finetune").folder
        raise UserError(
            f"The fine-tuned weights behind {place} are not in the cache, and fine-tuning again "
            "on this machine gives others: delete that folder to have all of it computed here."
        )
    return model
