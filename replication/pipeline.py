"""The stages: what each starts from, which fields of a study it depends on, and its settings."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

# Each stage, and the one whose record it starts from.
STARTS_FROM = {"finetune": None, "search": "finetune", "tickets": "search", "magnitude": "finetune"}
STAGES = tuple(STARTS_FROM)
# What can be asked after the stages, for the tasks that a study names.
FOLLOWUPS = ("survivors", "control", "attention", "sensitivity", "quirks", "choices")
# What each stage's numbers depend on. A stage also depends on the records it starts from.
_SAMPLES = ("backbone", "data", "train_size", "validation_size", "whole_tasks", "recipe")
_TRAINING = (*_SAMPLES, "held_out")
_PRUNING = (*_TRAINING, "search", "variant")
_DRAWN = (*_PRUNING, "draws")  # stages that draw tickets at random
STAGE_FIELDS = {
    "finetune": _TRAINING,
    "search": _PRUNING,
    "tickets": _DRAWN,
    "magnitude": _DRAWN,
    "survivors": _DRAWN,
    "control": _DRAWN,
    "attention": _TRAINING,
    "sensitivity": _PRUNING,
    "quirks": _PRUNING,
    "choices": _PRUNING,
    "rates": _DRAWN,
    "sweep": _SAMPLES,
    "baselines": _SAMPLES,
    "weight_overlap": _PRUNING,
    "released": _PRUNING,
}
# Fields that came after the first records: at these values they say nothing new, and a hash of
# them is the one from before.
SINCE = {"whole_tasks": (), "held_out": False, "draws": "shared"}
SWEPT = ("learning_rate", "batch_size", "epochs")  # what `lottery sweep` chooses of a recipe


@dataclass(frozen=True)
class FollowUps:
    """For which tasks a study has each follow-up; None means all of its tasks.

    `survivors` are tickets of survivors over seeds (section 5.1), `attention` the types of
    attention maps (5.2), `control` trains tickets without pre-training (6), `sensitivity`
    searches again by other rules (4.1), `quirks` measures what the authors' code does otherwise
    than their text, `choices` scores every choice among heads at the edge of a ticket; `control`,
    `sensitivity` and `quirks` for such of the study's seeds as `control_seeds` and so on name
    (None: all).
    """

    survivors: tuple[str, ...] | None = ()
    attention: tuple[str, ...] | None = ()
    control: tuple[str, ...] | None = ()
    control_seeds: tuple[int, ...] | None = None
    sensitivity: tuple[str, ...] | None = ()
    sensitivity_seeds: tuple[int, ...] | None = None
    quirks: tuple[str, ...] | None = ()
    quirks_seeds: tuple[int, ...] | None = None
    choices: tuple[str, ...] | None = ()

    def seeds(self, what: str) -> tuple[int, ...] | None:
        """For which of a study's seeds a follow-up is asked for; None means all."""
        chosen: tuple[int, ...] | None = getattr(self, f"{what}_seeds", None)
        return chosen

    def joined(self, other: FollowUps, without: Set[str] = frozenset()) -> FollowUps:
        """Whatever either asks for, but nothing of the tasks `without`."""
        tasks = {}
        for what in FOLLOWUPS:
            either = (getattr(self, what), getattr(other, what))
            named = dict.fromkeys(task for names in either for task in names or ())
            tasks[what] = None if None in either else tuple(t for t in named if t not in without)
        return FollowUps(
            **tasks,
            control_seeds=self._joined_seeds(other, "control"),
            sensitivity_seeds=self._joined_seeds(other, "sensitivity"),
            quirks_seeds=self._joined_seeds(other, "quirks"),
        )

    def _joined_seeds(self, other: FollowUps, what: str) -> tuple[int, ...] | None:
        # The seeds of a follow-up that no task has say nothing.
        seeds = [f.seeds(what) for f in (self, other) if getattr(f, what) != ()]
        every = dict.fromkeys(seed for chosen in seeds for seed in chosen or ())
        return None if None in seeds or not seeds else tuple(every)
