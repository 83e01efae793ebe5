"""What a study has on record: all that pages, the export and the claims read.

Reading records needs neither torch nor transformers; they are imported only when something has to
be computed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lottery_utils.errors import UserError, expanded, reading, refuse_empty
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import meaningless
from lottery_utils.tasks import TASKS, OwnTask, Task, get_task
from replication.experiments.weight_overlap import kept_masks
from replication.runs.data_card import encoder
from replication.runs.run import ensure
from replication.runs.status import inputs, status
from replication.stages import FOLLOWUPS, STAGES, TICKET_STAGE
from replication.store import Record, Store
from replication.study import Study
from replication.studyfile import SHORT, Source, parse

Stages = dict[str, Record]  # of one seed
TICKETS = ("good", "random", "bad")
STATES = ("pruned", "retrained")
NO = ("no", "false", "off", "0")
# By method, the kinds of tickets it has.
KINDS = {"structured": TICKETS, "magnitude": (*TICKETS, "largest_removed")}
# How a page calls each kind.
KIND_LABELS = {
    **{kind: kind for kind in TICKETS},
    "largest_removed": "bad (largest removed)",
    "super": "super-survivors",
    "in_between": "in between",
    "anti": "anti-survivors",
}
METHOD_LABELS = {"structured": "structured pruning", "magnitude": "magnitude pruning"}


def task_of(record: Record) -> Task:
    """The task that a record is of; one of your own is described in its configuration."""
    own = record["config"].get("own_tasks", {})
    return get_task(
        record["task"], {**TASKS, **{t: OwnTask(**of).task(t) for t, of in own.items()}}
    )


def in_title(task: str, config: Mapping[str, Any]) -> str:
    """A task as a sentence names it, by a record's `config`: one of made-up sentences says so."""
    return f"{task} (made-up sentences)" if config["data"] == "mini" else task


@dataclass(frozen=True)
class TaskRecords(Mapping[int, Stages]):
    """What a study has on record of one task, and that is up to date: by seed, its stages.

    A seed counts whose tickets are there; magnitude pruning is shown also where the study's file
    leaves it out, follow-ups and the `overlap` of the weight masks of these seeds where they were
    asked for in reading.
    """

    entries: dict[int, Stages]
    overlap: Record | None = None

    @classmethod
    def of(cls, study: Study, task: str, store: Store, also: Collection[str] = ()) -> TaskRecords:
        """What is there, of `also` too (follow-ups, `weight_overlap`); nothing is computed."""

        def read(study: Study, seed: int, stage: str) -> Record | None:
            done = status(study, task, seed, stage, store) == "done"
            return store.read(study.key(task, seed, stage)) if done else None

        with store.still():
            entries = {}
            for seed in study.seeds:
                found = {stage: read(study, seed, stage) for stage in STAGES}
                if found["tickets"]:
                    found |= {what: read(study, seed, what) for what in also if what in FOLLOWUPS}
                    entries[seed] = {stage: record for stage, record in found.items() if record}
            if "weight_overlap" not in also or len(entries) < 2:
                return cls(entries)
            of_these = replace(study, seeds=tuple(entries))
            return cls(entries, read(of_these, of_these.seeds[0], "weight_overlap"))

    def __getitem__(self, seed: int) -> Stages:
        return self.entries[seed]

    def __iter__(self) -> Iterator[int]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def task(self) -> str:
        return str(next(iter(self.stage("finetune").values()))["task"])

    @property
    def title(self) -> str:
        """The task as a sentence names it: one of made-up sentences says so."""
        return in_title(self.task, self.config)

    @property
    def of_glue(self) -> bool:
        """Whether these are a task of GLUE and its own sentences, so that others' results compare.

        Not so are made-up sentences, and tasks and files of one's own.
        """
        record = next(iter(self.stage("finetune").values()))
        return bool(task_of(record).official_sizes) and self.config["data"] in ("local", "hub")

    @property
    def config(self) -> dict[str, Any]:
        """What the search was asked, which is the same for all seeds."""
        config: dict[str, Any] = next(iter(self.stage("search").values()))["config"]
        return config

    @property
    def model(self) -> str:
        """The backbone as a sentence names it."""
        return encoder(self.config["backbone"])

    @property
    def masks(self) -> dict[int, StructuredMask]:
        """The good mask of heads and MLPs that each seed's search found."""
        return {
            seed: StructuredMask.from_json(record["results"]["mask"])
            for seed, record in self.stage("search").items()
        }

    def stage(self, name: str) -> dict[int, Record]:
        """The records of one stage, by seed, of the seeds that have it."""
        return {seed: stages[name] for seed, stages in self.items() if name in stages}

    def results(self, stage: str = "finetune") -> list[dict[str, Any]]:
        """What a stage found, seed by seed."""
        return [record["results"] for record in self.stage(stage).values()]

    def has(self, method: str) -> bool:
        """Whether tickets of this method are recorded for every seed."""
        return len(self.stage(TICKET_STAGE[method])) == len(self)

    def scores(self, setting: str, method: str = "structured") -> list[float]:
        """Over the seeds, the score of a setting: `full`, `majority`, or `good, pruned`."""
        if setting in ("full", "majority"):
            key = "score" if setting == "full" else setting
            return [float(results[key]) for results in self.results()]
        kind, state = setting.split(", ")
        return [float(tickets_of(stages, method)[kind][state]) for stages in self.values()]

    def contrasted(self) -> list[bool]:
        """Of which seeds the bad ticket is another subnetwork than the good one, mostly.

        A good ticket of more than two thirds of the heads leaves so few that most of the bad
        one's heads are the good one's; of all heads, good, random and bad are the full model.
        """
        return [3 * mask.n_heads <= 2 * mask.heads.size for mask in self.masks.values()]

    def weights_removed(self) -> list[bool]:
        """Of which seeds magnitude pruning removed anything: else all its tickets are one."""
        searches = self.results("magnitude")
        return [any(step["passed"] for step in results["steps"]) for results in searches]

    def of_seeds(self, seeds: Collection[int]) -> TaskRecords:
        """The same of some seeds; without what was made over all seeds, unless all are meant."""
        some = {seed: stages for seed, stages in self.items() if seed in seeds}
        return TaskRecords(some, self.overlap if len(some) == len(self) else None)


def _ensure_overlap(study: Study, task: str, seeds: Sequence[int], store: Store) -> None:
    """Compute the overlap of these seeds' weight masks, if none is missing in the cache."""
    of_seeds = replace(study, tasks=(task,), seeds=tuple(seeds))
    wanted = inputs(of_seeds, task, seeds[0], "weight_overlap", store, seeds)
    may = not forbidden()
    if may and wanted and kept_masks(study, task, wanted, store):
        ensure(of_seeds, store, ["weight_overlap"], quiet=True)


def resolve(
    study: str | Study,
    *,
    task: str | Sequence[str] | None = None,
    seeds: Sequence[int] | str | int | None = None,
    data: str | None = None,
    backbone: str | None = None,
    changes: dict[str, Any] | None = None,
    store: Store | None = None,
) -> Study:
    """The study that is meant by a name or path and what overrides it.

    `task` and `seeds` choose what to run, inside or outside the study's own lists. `data`,
    `backbone` and `changes` (dotted names) derive a study of their own name where they
    change numbers. `store` is where derived ones are found, by default the book's own records.
    Raises `UserError` for anything unknown.
    """
    for name, value in {"task": task, "data": data, "backbone": backbone}.items():
        refuse_empty(name, value)
    loaded = study if isinstance(study, Study) else Study.load(study, (store or Store()).root)
    # A name that looks like a number is one when it comes from papermill.
    places = {"data": data, "backbone": backbone}
    overrides = {**(changes or {}), **{k: str(v) for k, v in places.items() if v is not None}}
    chosen = loaded.override(overrides) if overrides else loaded
    if task not in (None, [], ()):
        names = [*map(str, task)] if isinstance(task, list | tuple) else [str(task)]
        chosen = replace(chosen, tasks=tuple(chosen.task(name).name for name in names))
    given = as_seeds(seeds) if seeds is not None else chosen.seeds
    if any(key.partition(".")[0] == "followups" for key in overrides):
        chosen.require_own_seeds(Source("The changed study").at, (*loaded.seeds, *given))
    return replace(chosen, seeds=given)


def as_names(given: object, what: str) -> list[str]:
    """Names as papermill gives them: a list or a single one, as it is or as a text; 2024 is one.

    Raises `UserError` where these are no names.
    """
    found = given
    if isinstance(given, str) and given.lstrip().startswith("["):
        found, _ = parse(given, what)
    names = [*found] if isinstance(found, list | tuple) else [found]
    if not names or not all(isinstance(name, str | int) and name != "" for name in names):
        raise UserError(
            f"{what} should be names, such as [quick, mini-glue], not {SHORT.repr(given)}."
        )
    return [str(name) for name in names]


def as_seeds(seeds: Sequence[int] | str | int) -> tuple[int, ...]:
    """Seeds as papermill's command line gives them: a list, one number, or the text of either."""
    try:
        parsed = parse(seeds, "seeds")[0] if isinstance(seeds, str) else seeds
    except UserError:
        parsed = None
    chosen = tuple(parsed) if isinstance(parsed, list | tuple) else (parsed,)
    if not chosen or not all(type(seed) is int and 0 <= seed < 2**32 for seed in chosen):
        raise UserError(
            "seeds should be whole numbers from 0 up to 2**32 - 1, such as [1337, 42], not "
            f"{SHORT.repr(seeds)}."
        )
    return chosen


def as_count(given: object, what: str, least: int = 1, most: int = 1000) -> int:
    """A number of things. Raises `UserError` for what is no whole number from `least` to `most`."""
    if type(given) is not int or not least <= given <= most:
        raise UserError(
            f"{what} should be a whole number from {least} to {most}, not {SHORT.repr(given)}."
        )
    return given


def load(
    study: str | Study,
    task: str | Sequence[str] | None = None,
    seeds: Sequence[int] | str | int | None = None,
    *,
    also: Collection[str] = (),
    data: str | None = None,
    backbone: str | None = None,
    store: Store | None = None,
    device: str = "auto",
) -> dict[str, TaskRecords]:
    """The records a notebook shows, by task, computed first where they are missing.

    `also` names what it shows beside the stages that every entry has: follow-ups, which are
    computed where the study asks for them, and `weight_overlap`, where the masks are at hand.
    Where a study's data are not at hand, this is what is on record, and nothing is computed.
    Parameters as in `resolve`. Raises `UserError` where there is nothing and must be.
    """
    store = store or Store()
    chosen = resolve(study, task=task, seeds=seeds, data=data, backbone=backbone, store=store)
    named = ":" in str(data) and not forbidden()
    if named or at_hand(chosen) or not on_record(chosen, store):
        if forbidden():
            raise UserError(
                f"Nothing of {', '.join(chosen.tasks)} is on record in {store.root / chosen.name}, "
                "and LOTTERY_COMPUTE=no forbids to compute it: leave that out."
            )
        ensure(chosen, store, (*STAGES, *(w for w in also if w in FOLLOWUPS)), device=device)
    if "weight_overlap" in also:
        for name, found in on_record(chosen, store).items():
            _ensure_overlap(chosen, name, [*found], store)
    return on_record(chosen, store, also)


def on_record(study: Study, store: Store, also: Collection[str] = ()) -> dict[str, TaskRecords]:
    """The same as it lies there, of every task that has an entry; nothing is computed."""
    found = {task: TaskRecords.of(study, task, store, also) for task in study.tasks}
    return {task: of_task for task, of_task in found.items() if of_task}


def by_task(study: Study, stage: str, store: Store) -> dict[str, Record]:
    """The record of each task that has one of a stage over seeds, also where it is stale."""
    found = {t: store.read(study.key(t, study.seeds[0], stage)) for t in study.tasks}
    return {task: record for task, record in found.items() if record}


def forbidden() -> bool:
    """Whether LOTTERY_COMPUTE forbids to compute. Raises `UserError` for another word than yes or
    no."""
    word = os.environ.get("LOTTERY_COMPUTE", "").strip()
    if word.lower() not in ("", "yes", "true", "on", "1", *NO):
        raise UserError(f"LOTTERY_COMPUTE (make's COMPUTE) should be yes or no, not {word!r}.")
    return word.lower() in NO


def at_hand(study: Study) -> bool:
    """Whether pages compute what a study lacks: its data can be had (`local` and `csv` need a
    folder that is there, or they cannot), and LOTTERY_COMPUTE does not say `no`."""
    kind, _, place = study.data.partition(":")
    if forbidden():
        return False
    with reading(place):
        return kind not in ("local", "csv") or (place != "" and expanded(place).is_dir())


def seeds_text(seeds: Collection[int]) -> str:
    """How many seeds, and which: `2 seeds (1337, 42)`."""
    listed = ", ".join(map(str, seeds))
    return f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''} ({listed})"


def warning(records: Stages) -> str | None:
    """Why the rule of the search says nothing about one seed's full model, or None if it does.

    From the scores, since records of earlier versions warn of less.
    """
    full = records["finetune"]["results"]
    threshold = records["search"]["config"]["search"]["threshold"]
    return meaningless(full["score"], full["majority"], threshold)


def tickets_of(records: Stages, method: str = "structured") -> dict[str, Any]:
    """One seed's tickets by kind."""
    tickets: dict[str, Any] = records[TICKET_STAGE[method]]["results"]["tickets"]
    return tickets
