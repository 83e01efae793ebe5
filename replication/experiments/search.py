"""The good subnetwork: heads and MLPs go by importance while the score holds (section 4.1)."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils import metrics
from lottery_utils.batches import EvaluationBatches
from lottery_utils.importance import score_and_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.search import Phase, Step, structured_search
from replication.experiments.entry import EVALUATION_BATCH, Entry
from replication.experiments.results import Count, Layer, Place, Positive, Score, Text, about
from replication.experiments.shapes import ByHead, ByLayer, Rows, equals


class Outcome(TypedDict):
    """What the record of a search, also one of single weights, says of the threshold."""

    metric: Annotated[
        Text, about("The metric that the search goes by."), equals("metric of the search")
    ]
    full_score: Annotated[Score, about("Of the full model, by this metric.")]
    majority: Annotated[Score, about("As in the record of the fine-tuning."), equals("majority")]
    warning: Annotated[
        str | None, about("Why the 90 % rule says nothing about this model, or null.")
    ]


class Trial(TypedDict):
    """One trial of the search: what was removed from the last passing mask, and the outcome."""

    phase: Phase
    removed_heads: list[Place]
    removed_mlps: list[Layer]
    n_heads: Annotated[Count, about("Heads left in the trial.")]
    n_mlps: Annotated[Count, about("MLPs left in the trial.")]
    score: Score
    passed: bool
    head_scores: Annotated[
        ByHead[Positive],
        about("Normalized importance by which the choice was made, heads by layer."),
    ]
    mlp_scores: ByLayer[Positive]


class OfFull(TypedDict):
    """Raw importance in the full model: heads by layer, and MLPs."""

    heads: ByHead[Positive]
    mlps: ByLayer[Positive]


class Searched(Outcome):
    """The good subnetwork, and every trial on the way to it."""

    steps: list[Trial]
    mask: Rows
    importance: OfFull


def compute(entry: Entry, _made_from: dict[str, Any]) -> Searched:
    """Find the good mask of the fine-tuned model."""
    model, full = entry.model, entry.results("finetune")
    entry.progress.unit("search")
    rule, variant = entry.study.search, entry.study.variant
    batches = entry.validation_batches
    if variant == "release":
        batches = EvaluationBatches(
            entry.validation, EVALUATION_BATCH, entry.device, file_order=True
        )
    journal = entry.journal("search", full["weights_sha256"], kind=Trial)
    done = [Step.from_json(step) for step in journal.entries]

    # What was found of a mask is kept: its score first, its importance for the next step.
    metric = entry.search_metric
    look = cache(lambda mask: score_and_importance(model, batches, mask, metric, variant))

    everything = StructuredMask.full(full["layers"], full["heads_per_layer"])

    def on_step(step: Step) -> None:
        journal.append(step.to_json())
        left = (step.n_heads + step.n_mlps) / (everything.n_heads + everything.n_mlps)
        entry.progress.at(
            1 - left, f", {step.n_heads} heads and {step.n_mlps} MLPs left, score {step.score:.3f}"
        )

    of_full = look(everything)[1]
    found = structured_search(
        everything,
        full["scores"][entry.search_metric],
        lambda mask: look(mask)[0],
        lambda mask: look(mask)[1],
        threshold=rule.threshold,
        head_step=rule.head_step,
        variant=variant,
        done=done,
        on_step=on_step,
    )
    steps: Any = [step.to_json() for step in found.steps]
    return {
        **outcome(entry, full),
        "steps": steps,
        "mask": found.mask.to_json(),
        "importance": {"heads": of_full.heads.tolist(), "mlps": of_full.mlps.tolist()},
    }


def outcome(entry: Entry, full: dict[str, Any]) -> Outcome:
    """What a search has to reach: `full` are the results of the fine-tuning."""
    return {
        "metric": entry.search_metric,
        "full_score": full["scores"][entry.search_metric],
        "majority": full["majority"],
        "warning": metrics.meaningless(
            full["score"], full["majority"], entry.study.search.threshold
        ),
    }
