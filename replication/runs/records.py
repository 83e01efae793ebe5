"""What a study has on record: all that pages, the export and the claims read.

Reading records needs neither torch nor transformers; they are imported only when something has to
be computed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import meaningless
from lottery_utils.tasks import TASKS, OwnTask, Task, get_task
from replication.experiments.weight_overlap import kept_masks
from replication.runs.run import ensure, inputs, status
from replication.store import Record, Store
from replication.study import FOLLOWUPS, STAGES, Study
from replication.studyfile import parse

T = TypeVar("T")
# The records of one task: entries[seed][stage].
Entries = dict[int, dict[str, Record]]
TICKETS = ("good", "random", "bad")
# By method: the record its tickets are in, and the kinds of tickets it has.
TICKET_STAGE = {"structured": "tickets", "magnitude": "magnitude"}
KINDS = {"structured": TICKETS, "magnitude": (*TICKETS, "largest_removed")}
# How a page calls each kind.
KIND_LABELS = {
    "largest_removed": "bad (largest removed)",
    "super": "super-survivors",
    "in_between": "in between",
    "anti": "anti-survivors",
}
METHOD_LABELS = {"structured": "structured pruning", "magnitude": "magnitude pruning"}


def read(study: Study, task: str, seed: int, stage: str, store: Store) -> Record | None:
    """A stage's record, if it is there and up to date."""
    done = status(study, task, seed, stage, store) == "done"
    return store.read(study.key(task, seed, stage)) if done else None


def task_of(record: Record) -> Task:
    """The task that a record is of; one of your own is described in its configuration."""
    own = record["config"].get("own_tasks", {})
    return get_task(
        record["task"], {**TASKS, **{t: OwnTask(**of).task(t) for t, of in own.items()}}
    )


def complete(study: Study, task: str, store: Store) -> Entries:
    """The stages of every seed whose tickets are there, and nothing else; nothing is computed."""
    entries: Entries = {}
    for seed in study.seeds:
        found = {stage: read(study, task, seed, stage, store) for stage in STAGES}
        if found["tickets"]:
            entries[seed] = {stage: record for stage, record in found.items() if record}
    return entries


@dataclass(frozen=True)
class TaskRecords:
    """All that a study has on record of one task, and that is up to date.

    `entries` are the stages of every seed whose tickets are there, magnitude pruning also where the
    study's file leaves it out; `followups` the records of what was asked for, by stage and seed;
    `overlap` that of the weight masks over these seeds.
    """

    entries: Entries
    followups: dict[str, dict[int, Record]] = field(default_factory=dict)
    overlap: Record | None = None

    @classmethod
    def of(cls, study: Study, task: str, store: Store) -> TaskRecords:
        """What is there; nothing is computed."""
        entries = complete(study, task, store)
        followups = {
            what: {s: record for s in entries if (record := read(study, task, s, what, store))}
            for what in FOLLOWUPS
        }
        return cls(entries, followups, recorded_overlap(study, task, [*entries], store))

    @property
    def control(self) -> dict[int, Record]:
        return self.followups.get("control", {})

    @property
    def attention(self) -> dict[int, Record]:
        return self.followups.get("attention", {})

    @property
    def has_magnitude(self) -> bool:
        return has_method(self.entries, "magnitude")

    def scores(self, setting: str, method: str = "structured") -> list[float]:
        """Over the seeds, the score of a setting: `full`, `majority`, or `good, pruned`."""
        if setting in ("full", "majority"):
            key = "score" if setting == "full" else setting
            return [float(results[key]) for results in stage_results(self.entries)]
        kind, state = setting.split(", ")
        return [float(score) for score in ticket_scores(self.entries, kind, state, method)]

    def contrasted(self) -> list[bool]:
        """Of which seeds the bad ticket is another subnetwork than the good one, mostly.

        A good ticket of more than two thirds of the heads leaves so few that most of the bad
        one's heads are the good one's; of all heads, good, random and bad are the full model.
        """
        masks = masks_of(self.entries).values()
        return [3 * mask.n_heads <= 2 * mask.heads.size for mask in masks]

    def weights_removed(self) -> list[bool]:
        """Of which seeds magnitude pruning removed anything: else all its tickets are one."""
        searches = stage_results(self.entries, "magnitude")
        return [any(step["passed"] for step in results["steps"]) for results in searches]

    def of_seeds(self, seeds: Collection[int]) -> TaskRecords:
        """The same of some seeds; without what was made over all seeds, unless all are meant."""

        def some(records: dict[int, T]) -> dict[int, T]:
            return {seed: record for seed, record in records.items() if seed in seeds}

        return TaskRecords(
            some(self.entries),
            {what: some(records) for what, records in self.followups.items()},
            overlap=self.overlap if set(self.entries) <= set(seeds) else None,
        )


def weight_overlap(study: Study, task: str, seeds: list[int], store: Store) -> Record | None:
    """The record of these seeds' overlap, computed first where it is missing.

    None where a seed has no good weights on record, or its mask is no longer in the cache.
    """
    if not seeds:
        return None
    of_seeds = replace(study, tasks=(task,), seeds=tuple(seeds))
    wanted = inputs(of_seeds, task, seeds[0], "weight_overlap", store, seeds)
    if wanted and kept_masks(study, task, wanted, store):
        ensure(of_seeds, store, ["weight_overlap"], quiet=True)
    return recorded_overlap(study, task, seeds, store)


def recorded_overlap(study: Study, task: str, seeds: list[int], store: Store) -> Record | None:
    """The same as it lies there: None if it is of other masks or not there."""
    if len(seeds) < 2:
        return None
    return read(replace(study, seeds=tuple(seeds)), task, seeds[0], "weight_overlap", store)


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
    loaded = study if isinstance(study, Study) else Study.load(study, (store or Store()).root)
    # A name that looks like a number is one when it comes from papermill.
    places = {"data": data, "backbone": backbone}
    overrides = {**(changes or {}), **{k: str(v) for k, v in places.items() if v not in (None, "")}}
    chosen = loaded.override(overrides) if overrides else loaded
    if task not in (None, "", [], ()):
        names = [*map(str, task)] if isinstance(task, list | tuple) else [str(task)]
        chosen = replace(chosen, tasks=tuple(chosen.task(name).name for name in names))
    return replace(chosen, seeds=_as_seeds(seeds)) if seeds is not None else chosen


def _as_seeds(seeds: Sequence[int] | str | int) -> tuple[int, ...]:
    """Seeds as papermill's command line gives them: a list, one number, or the text of either."""
    parsed = parse(seeds, "seeds")[0] if isinstance(seeds, str) else seeds
    chosen = tuple(parsed) if isinstance(parsed, list | tuple) else (parsed,)
    if not chosen or not all(type(seed) is int for seed in chosen):
        raise UserError(f"seeds should be whole numbers, such as [1337, 42], not {seeds!r}.")
    return chosen


def load(
    study: str | Study,
    task: str | Sequence[str] | None = None,
    seeds: Sequence[int] | str | int | None = None,
    *,
    data: str | None = None,
    backbone: str | None = None,
    store: Store | None = None,
    device: str = "auto",
) -> dict[str, Entries]:
    """The records a notebook shows, computed first where they are missing.

    Returns `records[task][seed][stage]`. Where a study's data are not at hand, it has what is
    complete, and nothing is computed. Magnitude pruning that was run although the study's
    file leaves it out (`magnitude_tasks`) is shown too. Parameters as in `resolve`.
    """
    store = store or Store()
    chosen = resolve(study, task=task, seeds=seeds, data=data, backbone=backbone, store=store)
    if at_hand(chosen) or not on_record(chosen, store):
        ensure(chosen, store, STAGES, device=device)
    return on_record(chosen, store)


def on_record(study: Study, store: Store) -> dict[str, Entries]:
    """`records[task][seed][stage]` of the study's complete entries; nothing is computed."""
    found = {task: complete(study, task, store) for task in study.tasks}
    return {task: entries for task, entries in found.items() if entries}


def followup(
    study: Study, task: str, what: str, store: Store, *, device: str = "auto"
) -> dict[int, Record]:
    """The records of one follow-up by seed, for a page: computed first if the study asks for it.

    Only those that are up to date; empty where there are none. Nothing is computed where the
    study's data are not at hand.
    """
    if at_hand(study):
        ensure(study.only(what, task), store, [what], device=device)
    found = {seed: read(study, task, seed, what, store) for seed in study.seeds}
    return {seed: record for seed, record in found.items() if record}


def followups(study: Study, what: str, store: Store) -> dict[tuple[str, int], Record]:
    """A follow-up's records that are up to date, by task and seed; nothing is computed."""
    entries = [(task, seed) for task in study.tasks for seed in study.seeds]
    found = {entry: read(study, *entry, what, store) for entry in entries}
    return {entry: record for entry, record in found.items() if record}


def by_task(study: Study, stage: str, store: Store) -> dict[str, Record]:
    """The record of each task that has one of a stage over seeds, also where it is stale."""
    found = {t: store.read(study.key(t, study.seeds[0], stage)) for t in study.tasks}
    return {task: record for task, record in found.items() if record}


def at_hand(study: Study) -> bool:
    """Whether a study's data can be had: `local` and `csv` need a folder, or they cannot."""
    return study.data not in ("local", "csv")


def stage_results(entries: Entries, stage: str = "finetune") -> list[dict[str, Any]]:
    """What a stage found, seed by seed."""
    return [records[stage]["results"] for records in entries.values()]


def config(entries: Entries) -> dict[str, Any]:
    """What the search was asked, which is the same for all seeds."""
    config: dict[str, Any] = next(iter(entries.values()))["search"]["config"]
    return config


def task_name(entries: Entries) -> str:
    """The task that these records are of."""
    return str(next(iter(entries.values()))["finetune"]["task"])


def seeds_text(seeds: Collection[int]) -> str:
    """How many seeds, and which: `2 seeds (1337, 42)`."""
    listed = ", ".join(map(str, seeds))
    return f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''} ({listed})"


def masks_of(entries: Entries) -> dict[int, StructuredMask]:
    """The good mask of heads and MLPs that each seed's search found."""
    return {
        seed: StructuredMask.from_json(records["search"]["results"]["mask"])
        for seed, records in entries.items()
    }


def warning(records: dict[str, Record]) -> str | None:
    """Why the rule of the search says nothing about one seed's full model, or None if it does.

    From the scores, since records of earlier versions warn of less.
    """
    full = records["finetune"]["results"]
    threshold = records["search"]["config"]["search"]["threshold"]
    return meaningless(full["score"], full["majority"], threshold)


def has_method(entries: Entries, method: str) -> bool:
    """Whether tickets of this method are recorded for every seed."""
    return all(TICKET_STAGE[method] in records for records in entries.values())


def tickets_of(records: dict[str, Record], method: str = "structured") -> dict[str, Any]:
    """One seed's tickets by kind."""
    tickets: dict[str, Any] = records[TICKET_STAGE[method]]["results"]["tickets"]
    return tickets


def ticket_scores(
    entries: Entries, kind: str, state: str, method: str = "structured"
) -> list[float]:
    """The scores of one kind of ticket, `pruned` or `retrained`, seed by seed."""
    return [tickets_of(records, method)[kind][state] for records in entries.values()]


def share_left(tuned: dict[str, Any], n_heads: int, n_mlps: int) -> float:
    """Percent of the parameters of all heads and MLPs."""
    each = tuned["component_parameters"]
    every = tuned["layers"] * (tuned["heads_per_layer"] * each["head"] + each["mlp"])
    left: int = n_heads * each["head"] + n_mlps * each["mlp"]
    return 100 * left / float(every)


def sizes_text(entries: Entries) -> str:
    """How many heads and MLPs each seed keeps, in words."""
    texts = (
        f"seed {seed} keeps {mask.n_heads} of {mask.heads.size} heads and {mask.n_mlps} of "
        f"{mask.mlps.size} MLPs"
        for seed, mask in masks_of(entries).items()
    )
    return "; ".join(texts) + "."
