"""From a study to its records: read what is there, compute what is missing.

This is what notebooks and the command line call. Reading records needs neither torch nor
transformers; they are imported only when something has to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from lottery_utils import data
from lottery_utils.errors import UserError
from lottery_utils.tasks import get_task
from replication.experiments.progress import Progress
from replication.store import Key, Record, Store
from replication.study import STARTS_FROM, Study

# The unit of progress is one training or one search.
UNITS = {"finetune": 1, "search": 1, "tickets": 3, "magnitude": 5}


def resolve(
    study: str | Study,
    *,
    task: str | Sequence[str] | None = None,
    seeds: Sequence[int] | str | int | None = None,
    data: str | None = None,
    backbone: str | None = None,
    changes: dict[str, Any] | None = None,
    results_dir: str = "results",
) -> Study:
    """The study that is meant by a name or path and what overrides it.

    `task` and `seeds` choose what to run, inside or outside the study's own lists. `data`,
    `backbone` and `changes` (dotted names) derive a study of their own name where they
    change numbers. Raises `UserError` for anything unknown.
    """
    loaded = study if isinstance(study, Study) else Study.load(study, results_dir)
    overrides = {**(changes or {}), **({"data": data} if data else {})}
    if backbone:
        overrides["backbone"] = backbone
    chosen = loaded.override(overrides) if overrides else loaded
    if task:
        names = [task] if isinstance(task, str) else list(task)
        chosen = replace(chosen, tasks=tuple(get_task(name).name for name in names))
    return replace(chosen, seeds=_as_seeds(seeds)) if seeds is not None else chosen


def _as_seeds(seeds: Sequence[int] | str | int) -> tuple[int, ...]:
    """Seeds as papermill's command line gives them: a list, one number, or the text of either."""
    try:
        parsed = yaml.safe_load(seeds) if isinstance(seeds, str) else seeds
        chosen = tuple(parsed) if isinstance(parsed, list | tuple) else (parsed,)
    except yaml.YAMLError:
        chosen = ()
    if not chosen or not all(type(seed) is int for seed in chosen):
        raise UserError(f"seeds should be whole numbers, such as [1337, 42], not {seeds!r}.")
    return chosen


def entry_status(study: Study, task: str, seed: int, store: Store) -> dict[str, str]:
    """For each stage `done`, `stale` (made for other settings or inputs) or `missing`."""
    stages = study.stages(task)
    records = {s: store.read(Key(study.name, task, seed, s)) for s in stages}
    status: dict[str, str] = {}
    for stage in stages:
        record = records[stage]
        if record is None:
            status[stage] = "missing"
        elif record["hash"] != study.hash(stage) or not _follows(stage, records, status):
            status[stage] = "stale"
        else:
            status[stage] = "done"
    return status


def _follows(stage: str, records: dict[str, Record | None], status: dict[str, str]) -> bool:
    """Whether a record was made from the very results of the stage before it."""
    before = STARTS_FROM[stage]
    if before is None:
        return True
    previous, record = records[before], records[stage]
    if status[before] != "done" or previous is None or record is None:
        return False
    if stage != "tickets":
        same: bool = record["results"]["weights_sha256"] == previous["results"]["weights_sha256"]
        return same
    expected = {key: previous["results"][key] for key in ("weights_sha256", "mask")}
    same = record["results"]["made_from"] == expected
    return same


def ensure(
    study: Study,
    store: Store,
    *,
    device: str = "auto",
    threads: int | None = None,
    quiet: bool = False,
) -> None:
    """Compute every missing or stale record of the study's tasks and seeds.

    `device` is `auto` (a GPU if there is one), `cpu` or `cuda`. Stages already done are not
    repeated; an interrupted stage goes on from its journal. Raises `UserError` if the data
    at hand are not those that existing records were made from.
    """
    entries = [(task, seed) for task in study.tasks for seed in study.seeds]
    todo = []
    for task, seed in entries:
        check_data(study, task, seed, store)
        status = entry_status(study, task, seed, store)
        if set(status.values()) != {"done"}:
            todo.append((task, seed, status))
    if not todo:
        return
    store.write_study(study)
    n_units = sum(UNITS[s] for _, _, status in todo for s in status if status[s] != "done")
    progress = Progress(study.name, n_units, quiet=quiet)
    for task, seed, status in todo:
        progress.label = f"{study.name} | {task} seed {seed}"
        _compute(study, task, seed, store, status, device, threads, progress)
    progress.label = study.name
    progress.done(f"{len(todo)} of {len(entries)} entries computed, records in {store.root}")


def _compute(
    study: Study,
    task: str,
    seed: int,
    store: Store,
    status: dict[str, str],
    device: str,
    threads: int | None,
    progress: Progress,
) -> None:
    from replication.experiments import stages
    from replication.experiments.checkpoint import load_checkpoint
    from replication.experiments.entry import Entry, prepare_device, run_details

    chosen = prepare_device(device, threads)
    entry = Entry(study, task, seed, store, chosen, progress)

    def write(stage: str, begun: float, results: dict[str, Any]) -> Record:
        run = run_details(entry, time.monotonic() - begun)
        return store.write(entry.key(stage), study, results, run)

    begun = time.monotonic()
    record = store.read(entry.key("finetune")) if status["finetune"] == "done" else None
    model = load_checkpoint(entry, record["results"]["weights_sha256"]) if record else None
    if record is None or model is None:
        # Without the weights nothing can follow: fine-tune again. Where that gives the same
        # weights, as on the same machine it does, the records made from them stay valid.
        record = write("finetune", begun, stages.finetune(entry))
        model = load_checkpoint(entry, record["results"]["weights_sha256"])
    for stage in study.stages(task)[1:]:
        if entry_status(study, task, seed, store)[stage] == "done":
            continue
        begun = time.monotonic()
        source = store.read(entry.key(str(STARTS_FROM[stage])))
        assert source is not None
        write(stage, begun, stages.COMPUTE[stage](entry, model, source["results"]))
        for journal in store.scratch(entry.key(stage), "").glob(f"{stage}*.jsonl"):
            journal.unlink()


def check_data(study: Study, task: str, seed: int, store: Store) -> None:
    """Records made from other files than the ones at hand must not be mixed with new ones.

    Raises `UserError` where they would be.
    """
    _, _, place = study.data.partition(":")
    record = store.read(Key(study.name, task, seed, "finetune"))
    if not place or record is None or record["hash"] != study.hash("finetune"):
        return
    found = data.fingerprint(data.load_examples(task, study.data, **study.sizes(task)))
    if found != record["results"]["data_sha256"]:
        raise UserError(
            f"The {task} files in {place} are not those that the records of study {study.name!r} "
            "were made from: give the same files, or another --results-dir."
        )


def load(
    study: str | Study,
    task: str | Sequence[str] | None = None,
    seeds: Sequence[int] | str | int | None = None,
    *,
    data: str | None = None,
    backbone: str | None = None,
    results_dir: str = "results",
    device: str = "auto",
) -> dict[str, dict[int, dict[str, Record]]]:
    """The records a notebook shows, computed first where they are missing.

    Returns `records[task][seed][stage]`. Where a study's data are not at hand, it has what is
    complete, and nothing is computed. Magnitude pruning that was run although the study's
    file leaves it out (`magnitude_tasks`) is shown too. Parameters as in `resolve`.
    """
    chosen = resolve(
        study, task=task, seeds=seeds, data=data, backbone=backbone, results_dir=results_dir
    )
    store = Store(results_dir)
    if at_hand(chosen) or not _any_done(chosen, store):
        ensure(chosen, store, device=device)
    return on_record(chosen, store)


def on_record(study: Study, store: Store) -> dict[str, dict[int, dict[str, Record]]]:
    """`records[task][seed][stage]` of the study's complete entries; nothing is computed."""
    every = replace(study, magnitude_tasks=None)
    found: dict[str, dict[int, dict[str, Record]]] = {}
    for name in study.tasks:
        found[name] = {}
        for seed in study.seeds:
            done = [s for s, at in entry_status(every, name, seed, store).items() if at == "done"]
            stages = {s: store.read(Key(study.name, name, seed, s)) for s in done}
            read = {s: record for s, record in stages.items() if record is not None}
            if set(STARTS_FROM) - {"magnitude"} <= read.keys():
                found[name][seed] = read
    return {name: entries for name, entries in found.items() if entries}


def at_hand(study: Study) -> bool:
    """Whether a study's data can be had: `local` and `csv` need a folder, or they cannot."""
    return study.data not in ("local", "csv")


def _any_done(study: Study, store: Store) -> bool:
    """Whether there is a complete entry of heads and MLPs to show."""
    return any(
        entry_status(study, task, seed, store)["tickets"] == "done"
        for task in study.tasks
        for seed in study.seeds
    )
