"""Which records of a study are up to date, and which it still asks for; nothing is computed.

Every stage of the table in `replication.stages` goes this way. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from lottery_utils.errors import UserError
from lottery_utils.patterns import sorter
from replication.experiments.answers import untrained
from replication.journal import Journal
from replication.stages import FOLLOWUPS, PIPELINE, STAGES, TICKET_STAGE, in_file_name
from replication.store import Record, Store
from replication.study import Study


def status(study: Study, task: str, seed: int, name: str, store: Store, asked: Any = None) -> str:
    """`done`, `stale` (made for other settings or inputs) or `missing`, of a stage's record.

    `asked` is what the stage was asked for beyond the study. Of a record over seeds, any of the
    study's seeds will do.
    """
    if asked is None:
        key = (task, None if PIPELINE[name].over_seeds else seed, name)
        return store.once(study, key, lambda: _status(study, task, seed, name, store, None))
    return _status(study, task, seed, name, store, asked)


def _status(study: Study, task: str, seed: int, name: str, store: Store, asked: Any) -> str:
    record = store.read(study.key(task, seed, name))
    if record is None:
        return "missing"
    if why_stale(record, study, task, seed, name, store, asked):
        return "stale"
    if name == "search":
        _refuse_other_shape(study, task, seed, record["results"], store)
    return "done"


def why_stale(
    record: Record, study: Study, task: str, seed: int, name: str, store: Store, asked: Any
) -> str | None:
    """Otherwise than is asked how a record was made, in words; None where it is up to date."""
    stage, results = PIPELINE[name], record["results"]
    wanted = study.seeds if stage.over_seeds or stage.seeds else (seed,)
    seeds = tuple(stage.seeds(results)) if stage.seeds else wanted
    if record["hash"] != store.once(study, ("hash", name, task), lambda: study.hash(name, task)):
        return "with other settings"
    if not set(wanted) <= set(seeds):
        return f"from the seeds {', '.join(map(str, seeds))}"
    if not (asked is None or stage.answers(results, asked)):
        return "of other recipes"
    if stage.after:
        made_from = inputs(study, task, seed, name, store, seeds)
        if made_from is None:  # made again, it may come out the same
            return f"where the {stage.after}, which is computed first, comes out otherwise"
        if made_from != _made_from(results):
            return f"from another {stage.after}"
    return None


def _refuse_other_shape(study: Study, task: str, seed: int, search: Any, store: Store) -> None:
    """Raises `UserError` where a search's mask is of another shape than the model searched in."""
    full = _results(study, task, seed, "finetune", store)
    shape = full and (full["layers"], full["heads_per_layer"])
    heads = search["mask"]["heads"]
    if shape != (len(heads), len(heads[0])):
        one, other = (store.path(study.key(task, seed, stage)) for stage in ("finetune", "search"))
        raise UserError(
            f"The records {one} and {other} are of models of different shapes: restore both from "
            "version control, or delete both to have them computed again."
        )


def inputs(
    study: Study, task: str, seed: int, name: str, store: Store, seeds: Iterable[int]
) -> dict[str, Any] | None:
    """What ties a stage's record to those that it starts from, as they are now.

    None where one of them, of any of the `seeds`, is missing or stale.
    """
    stage = PIPELINE[name]
    if not stage.after:
        return {}
    before: dict[int, dict[str, Any]] = {}
    for one in (seed, *seeds):
        found = _results(study, task, one, stage.after, store)
        if found is None:
            return None
        before[one] = found
    make: dict[str, Callable[[], dict[str, Any]]] = {
        "weights": lambda: {"weights_sha256": before[seed]["weights_sha256"]},
        "mask": lambda: {"mask": before[seed]["mask"]},
        "masks": lambda: {"masks": {str(s): before[s]["mask"] for s in seeds}},
        "classifier": lambda: {"classifier_sha256": sorter.sorter_sha256()},
        "good_weights": lambda: {
            str(s): before[s]["tickets"]["good"]["mask_sha256"] for s in seeds
        },
        "untrained": lambda: _untrained(study, task, seed, store),
    }
    return {key: value for what in stage.made_from for key, value in make[what]().items()}


def _results(study: Study, task: str, seed: int, name: str, store: Store) -> dict[str, Any] | None:
    """What a stage found, if its record is up to date."""

    def find() -> dict[str, Any] | None:
        done = status(study, task, seed, name, store) == "done"
        record = store.read(study.key(task, seed, name)) if done else None
        return record and record["results"]

    return store.once(study, (task, seed, name, "results"), find)


def _untrained(study: Study, task: str, seed: int, store: Store) -> dict[str, Any]:
    """Which retrained tickets of an entry did not train, by method, and what they are made from."""
    some = {m: name for m, name in TICKET_STAGE.items() if name in study.stages(task)}
    records = {
        name: store.read(study.key(task, seed, name)) for name in ("finetune", *some.values())
    }
    results = {name: record["results"] for name, record in records.items() if record}
    labels, graded = results["finetune"]["labels"], study.task(task).is_graded
    return {
        "weights_sha256": results["finetune"]["weights_sha256"],
        "mask": results["tickets"]["made_from"]["mask"],
        "untrained": {
            method: list(untrained(results[name]["tickets"], labels, graded=graded))
            for method, name in some.items()
            if status(study, task, seed, name, store) == "done"
        },
    }


def _made_from(results: dict[str, Any]) -> dict[str, Any]:
    """The same, as a record itself says it."""
    made_from: dict[str, Any] = results.get("made_from") or {
        "weights_sha256": results["weights_sha256"]
    }
    return made_from


def wanted(study: Study, names: Collection[str]) -> list[tuple[str, int, tuple[str, ...]]]:
    """Which of these stages the study has for which entry, (task, seed), in the order to compute.

    First those of every task, then those that may start from them over all seeds; comparing seeds
    takes two.
    """
    found = []
    for extra in (False, True):
        some = [
            (name, set(study.entries(name)))
            for name, stage in PIPELINE.items()
            if name in names and (stage.asked or stage.alone) == extra
        ]
        for task in study.tasks:
            for seed in study.seeds:
                here = tuple(name for name, entries in some if (task, seed) in entries)
                found += [(task, seed, here)] if here else []
    return found


def undone(
    study: Study, store: Store, names: Collection[str] = STAGES + FOLLOWUPS
) -> list[tuple[str, int, str]]:
    """Every record of these stages that the study asks for and has not: task, seed and stage."""
    with store.still():
        return [
            (task, seed, name)
            for task, seed, some in wanted(study, names)
            for name in some
            if status(study, task, seed, name, store) != "done"
        ]


def in_cache(study: Study, task: str, seed: int, name: str, part: str, store: Store) -> bool:
    """Whether a part of a stage lies in the cache, for its record to be gathered.

    Of one that starts from no record, that of the full model has to say of which examples it is.
    """
    seeds = study.seeds if PIPELINE[name].compares_seeds else (seed,)
    made_from = inputs(study, task, seed, name, store, seeds)
    path = store.cache / study.key(task, seed, name).folder / f"{name}-{in_file_name(part)}.jsonl"
    if made_from is None or not path.exists():
        return False
    from replication.experiments.parts import known

    kind = known(name, None, made_from)[part].kind
    full = _results(study, task, seed, "finetune", store)
    tied = made_from or (task, seed, full and full["data_sha256"])
    return bool(Journal(path, study.stamp(name, task, tied, part), kind, look=True).entries)


def missing(
    study: Study, store: Store, names: Collection[str] = STAGES + FOLLOWUPS
) -> dict[str, list[str]]:
    """What of these stages the study asks for and has not, by task: seeds, and follow-ups."""
    left: dict[str, dict[str, list[str]]] = {}
    for task, seed, name in undone(study, store, names):
        what = name if name in FOLLOWUPS else f"seed {seed}"
        left.setdefault(task, {}).setdefault(what, []).append(name)
    found: dict[str, list[str]] = {task: [] for task in left}
    for task, lacks in left.items():
        for what, left_of in lacks.items():
            whole = what in FOLLOWUPS or {*study.stages(task)} & {*names} == {*left_of}
            found[task].append(what if whole else f"{what} ({', '.join(left_of)})")
    return found
