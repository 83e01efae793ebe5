"""From a study to its records: computing those that are not up to date (`replication.runs.status`).

Every stage of the table in `replication.stages` goes this way. Nothing here needs torch but where
something has to be computed.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lottery_utils import data
from lottery_utils.errors import ReplayError, UserError
from replication.files import alone, clear, real
from replication.progress import Progress
from replication.runs import data_card
from replication.runs.status import inputs, status, wanted, why_stale
from replication.same_data import (
    MADE_AGAIN,
    beyond_training,
    beyond_validation,
    made_from_others,
    require_same_data,
)
from replication.stages import FOLLOWUPS, PIPELINE, STAGES
from replication.store import Key, Record, Store
from replication.study import Study

if TYPE_CHECKING:
    from replication.experiments.entry import Entry

T = TypeVar("T")


@contextmanager
def enough_memory() -> Iterator[None]:
    """Too little memory as one sentence, a `UserError`."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        # torch has a class of its own for cards alone, and none for other memory.
        lacking = re.search("out of memory|not enough memory|allocate memory", str(error).lower())
        if not (isinstance(error, MemoryError) or lacking):
            raise
        raise UserError(
            "There is not enough memory for this model and batch size: close other programs, or "
            "take a machine with more; then run the same command again, it goes on where it "
            "stopped."
        ) from error


@enough_memory()
def ensure(
    study: Study,
    store: Store,
    names: Collection[str] = STAGES + FOLLOWUPS,
    *,
    asked: Any = None,
    seeds: Collection[int] | None = None,
    ticket: str | None = None,
    gather: bool = False,
    device: str = "auto",
    threads: int | None = None,
    quiet: bool = False,
) -> None:
    """Compute every record of these stages that the study has and that is missing or stale.

    `device` is `auto` (a GPU if there is one), `cpu` or `cuda`; `asked` is as in `status`. `seeds`
    chooses some of the study's. With `ticket` one part of a stage is computed and no record; with
    `gather` records are written of such parts, and none is computed. An
    interrupted stage goes on from its journal. Raises `UserError` if the data at hand are not
    those that existing records were made from, or a record that a stage starts from is not there.
    """
    entries = [one for one in wanted(study, names) if seeds is None or one[1] in seeds]
    with store.still():
        for task in dict.fromkeys(t for t, _, some in entries if "finetune" in some):
            check_data(study, task, store)

    def is_done(task: str, seed: int, name: str) -> bool:
        done = status(study, task, seed, name, store, asked) == "done"
        return done and not (name in MADE_AGAIN and made_from_others(study, task, name, store))

    clear_killed(study, store, entries, is_done)
    with store.still():
        todo = [(t, s, n) for t, s, some in entries for n in some if not is_done(t, s, n)]
    if not todo:
        return
    if gather and (whole := [one for one in todo if not PIPELINE[one[2]].parts]):
        task, seed, name = whole[0]
        raise UserError(
            f"The record {name} of {task}, seed {seed}, is missing and is not made of tickets: run "
            f"'lottery run {study.name} --task {task} --seed {seed} --stage {name}' first."
        )
    check_kept(study, store, todo)
    from replication.experiments.entry import Entry
    from replication.experiments.machine import prepare_device

    chosen = prepare_device(device, threads)
    n_units = sum(
        (1 if ticket else PIPELINE[name].units)
        * (len(study.seeds) * len(asked or [1]) if PIPELINE[name].over_seeds else 1)
        for _, _, name in todo
    )
    progress = Progress(study.name, n_units, quiet=quiet)
    if there := replaced(study, store, todo, asked):
        progress.say(there)
    # Before anything is trained. What is gathered, or made from masks, reads no texts.
    for task in () if gather else dict.fromkeys(t for t, _, n in todo if n != "weight_overlap"):
        Entry(study, task, study.seeds[0], store, chosen, progress).check(names)
    n_computed, left = 0, {entry[:2] for entry in todo}
    for task, seed, some in entries:
        if (task, seed) not in left or all(is_done(task, seed, name) for name in some):
            continue
        over_seeds = PIPELINE[some[0]].over_seeds
        place = task if over_seeds else f"{task} seed {seed}"
        progress.label = f"{study.folder(some[0])} | {place}"
        entry = Entry(study, task, seed, store, chosen, progress, asked)
        if "finetune" in some and is_done(task, seed, "finetune"):
            # Without the weights nothing can follow: fine-tune again. Where that gives the same
            # weights, as on the same machine it does, the records made from them stay valid.
            with alone(store.path(entry.key("finetune")), progress.wait):
                if (model := entry.saved_model()) is None:
                    progress.n_units += 1
                    progress.say(
                        "the fine-tuned weights are not in the cache and are trained again: where "
                        "they come out otherwise, what was made from them is replaced"
                    )
                    compute(entry, "finetune")
                else:
                    entry.model = model
        for name in some:
            if is_done(task, seed, name):
                continue
            if ticket:  # others may be at other tickets of this record
                compute_part(entry, name, ticket)
                continue
            with alone(store.path(entry.key(name)), progress.wait):
                if is_done(task, seed, name):  # by whom we waited for
                    progress.n_done += PIPELINE[name].units
                else:
                    compute(entry, name, gather)
                    n_computed += 1
                    # What compares the task's seeds may be stale now, also where it was not.
                    left |= {(task, one) for one in study.seeds}
    progress.label = study.name
    progress.done(f"{n_computed} records computed, in {store.root}")


def replaced(
    study: Study, store: Store, todo: Iterable[tuple[str, int, str]], asked: Any
) -> str | None:
    """Which records there are already of what is to be computed, and why these go, in a sentence.

    Those that seeds are only added to stay.
    """
    by_why: dict[str, list[str]] = {}
    with store.still():
        for task, seed, name in todo:
            if record := store.read(key := study.key(task, seed, name)):
                why = why_stale(record, study, task, seed, name, store, asked)
                why = why or "from other examples"
                if not (PIPELINE[name].adds_seeds and why.startswith("from the seeds")):
                    by_why.setdefault(why, []).append(str(store.path(key)))
    if not by_why:
        return None
    said = [
        f"{paths[0]}{f' and {len(paths) - 1} more' if paths[1:] else ''} {why}"
        for why, paths in by_why.items()
    ]
    return (
        "records that were made otherwise are replaced (to keep them, stop this and give another "
        f"--results-dir): {'; '.join(said)}"
    )


def clear_killed(
    study: Study,
    store: Store,
    entries: Iterable[tuple[str, int, tuple[str, ...]]],
    is_done: Callable[[str, int, str], bool],
) -> None:
    """Remove what killed runs left of these entries: drafts and locks, and finished journals."""
    for task, seed, some in entries:

        def finished(path: Path, task: str = task, seed: int = seed, some: Any = some) -> None:
            if path.stem in some and is_done(task, seed, path.stem):
                drop_journals(store, study.key(task, seed, path.stem))

        folders = {study.key(task, seed, name).folder for name in some}
        for folder in folders.union(*(folder.parents for folder in folders)):
            clear(store.root / folder, finished)
            clear(store.cache / folder)


def drop_journals(store: Store, key: Key) -> None:
    """Remove the journals of a record, which is written or begun again."""
    for kind in ("jsonl", "training"):
        for path in (store.cache / key.folder).glob(f"{key.stage}*.{kind}"):
            path.unlink(missing_ok=True)


def compute(entry: Entry, name: str, gather: bool = False) -> Record:
    """Compute a stage of an entry and write its record, alone at it. Errors as for `ensure`.

    Goes on from the stage's journals, or where these do not fit begins again, and says so.
    """
    with alone(entry.store.path(entry.key(name)), entry.progress.wait):
        return _compute(entry, name, gather)


def compute_part(entry: Entry, name: str, ticket: str) -> None:
    """Compute one part of a stage, and leave it where `compute` finds it."""
    made_from, _ = _inputs(entry, name)
    _from_journals(entry, name, made_from, lambda: entry.parts[ticket])


def _inputs(entry: Entry, name: str) -> tuple[dict[str, Any], tuple[int, ...]]:
    """What a stage that is to be computed starts from, and of which seeds."""
    study, stage = entry.study, PIPELINE[name]
    seeds = study.seeds if stage.compares_seeds else (entry.seed,)
    made_from = inputs(study, entry.task, entry.seed, name, entry.store, seeds)
    if made_from is None:
        raise UserError(
            f"The {name} of {entry.task} need the {stage.after} of every seed first: run "
            f"'lottery run {study.name}' for seeds {', '.join(map(str, seeds))}."
        )
    if made_from.get("weights_sha256") != entry.weights:
        vars(entry).pop("model", None)  # of weights that another run has replaced since
    return made_from, seeds


def _from_journals(
    entry: Entry, name: str, made_from: Any, find: Callable[[], T], gather: bool = False
) -> T:
    """What `find()` says, which goes on from the stage's journals if these fit."""
    from replication.experiments.parts import Parts

    entry.runs.clear()
    entry.parts = Parts(entry, name, made_from, gather)
    try:
        return find()
    except ReplayError as error:
        entry.progress.say(f"{name} is begun again, as its journal does not fit: {error}")
        drop_journals(entry.store, entry.key(name))
        entry.runs.clear()
        entry.parts = Parts(entry, name, made_from, gather)
        return find()


def _compute(entry: Entry, name: str, gather: bool) -> Record:
    study, store, key = entry.study, entry.store, entry.key(name)
    made_from, seeds = _inputs(entry, name)
    # Now, as the files of a backbone may be others when all is computed.
    asked = study.hash(name, entry.task), study.identity(name, entry.task)
    begun = time.monotonic()
    entry.details.clear()
    experiment = importlib.import_module(f"replication.experiments.{name}")
    results: dict[str, Any] = _from_journals(
        entry, name, made_from, lambda: experiment.compute(entry, made_from), gather
    )
    entry.require_as_begun()
    if inputs(study, entry.task, entry.seed, name, store, seeds) != made_from:
        raise UserError(
            f"What the {name} of {entry.task} started from is no longer on record: another run "
            "has replaced it meanwhile; run the same command again."
        )
    # Where it is the weights alone, the results have said so from the first.
    results |= made_from if made_from.keys() <= {"weights_sha256"} else {"made_from": made_from}
    spent = time.monotonic() - begun + entry.parts.seconds
    run = {**entry.machine, "seconds": round(spent, 2), **entry.parts.run(), **entry.details}
    if any(one != entry.by for one in entry.runs):
        run["runs"] = [one for n, one in enumerate(entry.runs) if one not in entry.runs[:n]]
    replace(study, name=key.study).keep(store.root)
    if name == "finetune" and ":" in study.data:
        try:
            data_card.keep(study, entry.task, store, {"results": results, "config": asked[1]})
        except UserError as error:  # files that are others by now, or gone: the training counts
            entry.progress.say(f"{error} The files of {entry.task} are not counted.")
    # Last, as nothing is done again once it is there.
    record = store.write(key, *asked, results, run)
    drop_journals(store, key)
    return record


def check_kept(study: Study, store: Store, todo: Iterable[tuple[str, int, str]]) -> None:
    """What these stages' records will lie beside must be in order before they are computed.

    Raises `UserError` where it is not.
    """
    for folder in {study.folder(name) for _, _, name in todo}:
        replace(study, name=folder).check_kept(store.root)
    for task in {task for task, _, _ in todo if ":" in study.data}:
        real(data_card.place(study, task, store))


def check_data(study: Study, task: str, store: Store) -> None:
    """Raises `UserError` where records of a task were made from other files than those at hand;
    whether they were from other examples than the hub's or the corpus's shows in computing.
    """
    if study.data.partition(":")[2]:
        sizes = study.sizes(task)
        examples = partial(data.load_examples, study.task(task), study.data, **sizes)
        require_same_data(study, task, store, examples)
        further = {
            "held_out_sha256": lambda: beyond_validation(study, task),
            "unseen_sha256": lambda: beyond_training(study, task, examples()),
        }
        for field, left in further.items():
            require_same_data(study, task, store, left, field)
