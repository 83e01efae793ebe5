"""What stages there are: what each starts from, and which fields of a study it depends on."""

from __future__ import annotations

from dataclasses import dataclass

# Each stage, and the one whose record it starts from.
STARTS_FROM = {"finetune": None, "search": "finetune", "tickets": "search", "magnitude": "finetune"}
STAGES = tuple(STARTS_FROM)
# What can be asked after the stages, for the tasks that a study names.
FOLLOWUPS = ("survivors", "control", "attention")
# What each stage's numbers depend on. A stage also depends on the records it starts from.
_TRAINING = ("backbone", "data", "train_size", "validation_size", "recipe")
_PRUNING = (*_TRAINING, "search", "variant")
STAGE_FIELDS = {
    "finetune": _TRAINING,
    "search": _PRUNING,
    "tickets": _PRUNING,
    "magnitude": _PRUNING,
    "survivors": _PRUNING,
    "control": _PRUNING,
    "attention": _TRAINING,
    "sweep": _TRAINING,
    "baselines": _TRAINING,
    "weight_overlap": _PRUNING,
}
SWEPT = ("learning_rate", "batch_size", "epochs")  # what `lottery sweep` chooses of a recipe


@dataclass(frozen=True)
class FollowUps:
    """For which tasks a study has each follow-up; None means all of its tasks.

    `survivors` are tickets of survivors over seeds (section 5.1), `attention` the types of
    attention maps (5.2), `control` trains tickets without pre-training (6), for the
    `control_seeds` among the study's (None: all).
    """

    survivors: tuple[str, ...] | None = ()
    attention: tuple[str, ...] | None = ()
    control: tuple[str, ...] | None = ()
    control_seeds: tuple[int, ...] | None = None
