"""The one table of stages: what each starts from, which fields of a study it depends on, its parts.

An experiment is a file, `replication.experiments.NAME`, and a row here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What a stage's numbers depend on, besides the records that it starts from.
_SAMPLES = ("backbone", "data", "train_size", "validation_size", "whole_tasks", "recipe")
_TRAINING = (*_SAMPLES, "held_out")
_PRUNING = (*_TRAINING, "search", "variant")
_DRAWN = (*_PRUNING, "draws")  # stages that draw tickets at random
SWEPT = ("learning_rate", "batch_size", "epochs")  # what `lottery sweep` chooses of a recipe


@dataclass(frozen=True)
class Stage:
    """What there is to know of a stage but how it is computed: `replication.experiments.NAME` does.

    `after` is the stage whose results it starts from, and `made_from` names what ties it to them:
    the `weights` of the fine-tuned model, the `mask` of its search, the `masks` of all seeds, the
    `good_weights` of all seeds, the `classifier` of attention maps, the `untrained` tickets.
    `fields` are those of a study that its numbers depend on. `parts` are the trainings and searches
    that it consists of, each of which may be a job of its own.

    `asked` stages run for the tasks (with `own_seeds` also the seeds) that a study names under
    `followups`, `alone` ones by a command or a page of their own, all others for every task.
    A record is of one seed. With `over_seeds` it is of all, and lies beside the seeds; with
    `beside` in a folder of its own, STUDY-NAME. `seeds` says which a record answers for that is
    made from several, and with `adds_seeds` others are added to those that are there; `answers`,
    whether its results are what else was asked.
    """

    after: str | None = None
    fields: tuple[str, ...] = _PRUNING
    made_from: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    asked: bool = False
    alone: bool = False
    own_seeds: bool = False
    over_seeds: bool = False
    beside: bool = False
    seeds: Callable[[Any], Iterable[int]] | None = None
    adds_seeds: bool = False
    answers: Callable[[Any, Any], bool] = lambda results, asked: True

    @property
    def units(self) -> int:
        """What it costs for each seed, counted in trainings."""
        return len(self.parts) or 1

    @property
    def compares_seeds(self) -> bool:
        """Whether it starts from records of all seeds."""
        return bool(self.after and (self.over_seeds or self.seeds))


def in_file_name(part: str) -> str:
    """A part of a stage as names of files have it: steps-of-5-."""
    return re.sub(r"[^a-z0-9.]+", "-", part)


def _tried(results: Any, recipes: Iterable[Mapping[str, float]]) -> bool:
    """Whether a sweep tried all of these recipes with each of its seeds."""
    tried = [({name: run[name] for name in SWEPT}, run["seed"]) for run in results["runs"]]
    seeds = {seed for _, seed in tried}
    return all((recipe, seed) in tried for recipe in recipes for seed in seeds)


_TICKETS = ("good", "random", "bad")
PIPELINE: dict[str, Stage] = {
    "finetune": Stage(None, _TRAINING),
    "search": Stage("finetune", _PRUNING, ("weights",)),
    "tickets": Stage("search", _DRAWN, ("weights", "mask"), _TICKETS),
    "magnitude": Stage("finetune", _DRAWN, ("weights",), ("search", *_TICKETS, "largest_removed")),
    "survivors": Stage(
        "search",
        _DRAWN,
        ("weights", "masks"),
        ("super", "in_between", "anti"),
        asked=True,
        seeds=lambda r: r["seeds"],
    ),
    "control": Stage(
        "search",
        _DRAWN,
        ("weights", "masks"),
        tuple(f"{t} {how}" for t in _TICKETS for how in ("reinitialized", "embeddings_kept")),
        asked=True,
        own_seeds=True,
    ),
    "embeddings": Stage(None, _TRAINING, (), ("emptied", "averaged"), asked=True),
    "attention": Stage("finetune", _TRAINING, ("weights", "classifier"), asked=True),
    "sensitivity": Stage(
        "search",
        _PRUNING,
        ("weights", "masks"),
        (
            *("threshold 0.8", "threshold 0.85", "threshold 0.95", "steps of 5 %"),
            *("steps of 20 %", "as released", "masks from training data"),
        ),
        asked=True,
        own_seeds=True,
    ),
    "quirks": Stage(
        "search", _PRUNING, ("weights", "classifier", "masks"), asked=True, own_seeds=True
    ),
    "choices": Stage("search", _PRUNING, ("weights", "masks"), asked=True),
    "rates": Stage("tickets", _DRAWN, ("untrained",), asked=True),
    "weight_overlap": Stage("magnitude", _PRUNING, ("good_weights",), alone=True, over_seeds=True),
    "sweep": Stage(
        None,
        _SAMPLES,
        alone=True,
        over_seeds=True,
        beside=True,
        seeds=lambda r: {run["seed"] for run in r["runs"]},
        answers=_tried,
    ),
    "baselines": Stage(
        None,
        _SAMPLES,
        alone=True,
        over_seeds=True,
        beside=True,
        seeds=lambda r: map(int, r["backbone"]),
        adds_seeds=True,
    ),
    "released": Stage(None, _PRUNING, alone=True, over_seeds=True),  # by `lottery released`
}
STAGES = tuple(name for name, stage in PIPELINE.items() if not (stage.asked or stage.alone))
# By method, the stage whose record has its tickets.
TICKET_STAGE = {"structured": "tickets", "magnitude": "magnitude"}
FOLLOWUPS = tuple(name for name, stage in PIPELINE.items() if stage.asked)
