"""The stages of one entry (a task with a seed): fine-tune, search, tickets, magnitude.

Each stage takes the entry and gives the `results` of its record. Whether a stage has to run
at all is decided in `replication.runs.records`; nothing below this file knows about records.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from lottery_utils import backbone, data, metrics
from lottery_utils.batches import EvaluationBatches
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.importance import Variant, score_and_importance
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import (
    head_densities,
    hold_zeros,
    map_densities,
    prunable,
    weights_masked,
)
from lottery_utils.search import (
    Step,
    WeightStep,
    largest_removed,
    magnitude_search,
    structured_search,
)
from replication.experiments.answers import answers_text
from replication.experiments.checkpoint import save_checkpoint
from replication.experiments.entry import EVALUATION_BATCH, Entry
from replication.experiments.tickets import Ticket, score_tickets, structured_ticket
from replication.store import Journal


def finetune(entry: Entry) -> dict[str, Any]:
    """Fine-tune the backbone; keep its weights in the cache for the stages that follow."""
    model = entry.pretrained()
    curve = entry.train_model(model, "fine-tune", watch=True)
    save_checkpoint(entry, model)
    labels = {split: [e.label for e in examples] for split, examples in entry.splits.items()}
    n_layers, n_heads = encoder_shape(model)
    graded = entry.about.is_graded
    scores, undefined, answers = entry.measure(model)
    return {
        "score": scores[entry.metric],
        "scores": scores,
        "undefined": {"full": undefined} if undefined else {},
        **answers,
        **({"labels": _labels(entry)} if answers else {}),
        "metric": entry.metric,
        "majority": metrics.majority_baseline(entry.metric, labels["validation"], graded=graded),
        "curve": {"loss": curve.loss, "scores": curve.scores},
        "examples": {split: len(values) for split, values in labels.items()},
        "label_counts": {
            split: [values.count(i) for i in range(len(entry.about.labels))]
            for split, values in labels.items()
        },
        "mean_tokens": {
            "train": round(sum(map(len, entry.train.input_ids)) / len(entry.train), 2),
            "validation": round(
                sum(map(len, entry.validation.input_ids)) / len(entry.validation), 2
            ),
        },
        "layers": n_layers,
        "heads_per_layer": n_heads,
        "parameters": sum(p.numel() for p in model.parameters()),
        "component_parameters": component_parameters(model),
        "data_sha256": data.fingerprint(entry.splits),
        "weights_sha256": backbone.weights_sha256(model),
    }


def _labels(entry: Entry) -> dict[str, str]:
    """The labels beside which a study with `held_out` keeps predictions."""
    kind = float if entry.about.is_graded else int
    splits = {"validation": entry.validation.labels, "held_out": entry.held_out.labels}
    return {name: answers_text(map(kind, labels)) for name, labels in splits.items() if labels}


def search(entry: Entry, model: Any, full: dict[str, Any]) -> dict[str, Any]:
    """Find the good mask of the fine-tuned `model`; `full` are the fine-tuning's results."""
    entry.progress.unit("search")
    rule, variant = entry.study.search, cast(Variant, entry.study.variant)
    batches = entry.validation_batches
    if variant == "release":
        batches = EvaluationBatches(
            entry.validation, EVALUATION_BATCH, entry.device, file_order=True
        )
    journal = Journal(
        entry.store.scratch(entry.key("search"), "search.jsonl"),
        f"{entry.study.hash('search')} {full['weights_sha256']}",
    )
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
    return {
        **_outcome(entry, full, found.steps),
        "mask": found.mask.to_json(),
        "importance": {"heads": of_full.heads.tolist(), "mlps": of_full.mlps.tolist()},
    }


def tickets(entry: Entry, model: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Score the good, random and bad ticket of a structured search, pruned and retrained.

    For retraining, everything outside the mask is physically removed.
    """
    masks = ticket_masks(entry, StructuredMask.from_json(found["mask"]))
    stamp = f"{entry.study.hash('tickets')} {found['weights_sha256']} {found['mask']}"
    journal = Journal(entry.store.scratch(entry.key("tickets"), "tickets.jsonl"), stamp)
    built = {
        kind: structured_ticket(entry, model, mask, landscape=kind != "random")
        for kind, mask in masks.items()
    }
    scored = score_tickets(entry, model, built, journal)
    return {"tickets": scored, "made_from": made_from(found)}


def ticket_masks(entry: Entry, good: StructuredMask) -> dict[str, StructuredMask]:
    """The masks of a seed's three tickets, by kind."""
    return {
        "good": good,
        "random": good.random_like(entry.draw("random")),
        "bad": good.bad_like(entry.draw("bad")),
    }


def made_from(found: dict[str, Any]) -> dict[str, Any]:
    """What ties a tickets record to the search it starts from."""
    return {"weights_sha256": found["weights_sha256"], "mask": found["mask"]}


def magnitude(entry: Entry, model: Any, full: dict[str, Any]) -> dict[str, Any]:
    """Find the good weights of the fine-tuned `model` by magnitude, and score its tickets.

    Besides good, random and bad there is `largest_removed`, the bad ticket of the authors'
    code. Weights outside a mask are held at zero in retraining. The masks themselves are
    too large for a record: the good one is kept in the cache, and all are reproducible.
    """
    entry.progress.unit("magnitude search")
    parameters = prunable(model)
    stamp = f"{entry.study.hash('magnitude')} {full['weights_sha256']}"
    journal = Journal(entry.store.scratch(entry.key("magnitude"), "magnitude.jsonl"), stamp)

    def score(mask: WeightMask) -> float:
        with weights_masked(model, mask):
            return entry.score(model, entry.search_metric)

    def on_step(step: WeightStep) -> None:
        journal.append(step.to_json())
        text = f", {step.density:.0%} of the weights left, score {step.score:.3f}"
        entry.progress.at(1 - step.density, text)

    found = magnitude_search(
        parameters,
        full["scores"][entry.search_metric],
        score,
        threshold=entry.study.search.threshold,
        fraction=entry.study.search.weight_step,
        variant=cast(Variant, entry.study.variant),
        done=[WeightStep.from_json(step) for step in journal.entries],
        on_step=on_step,
    )
    good = found.mask
    good.save(entry.store.scratch(entry.key("magnitude"), "good-weights.safetensors"))
    stamp = f"{stamp} {good.sha256()}"
    tickets_journal = Journal(
        entry.store.scratch(entry.key("magnitude"), "magnitude-tickets.jsonl"), stamp
    )
    masks = weight_masks(entry, parameters, good)
    built = {kind: weight_ticket(entry, model, mask) for kind, mask in masks.items()}
    scored = score_tickets(entry, model, built, tickets_journal)
    return {
        **_outcome(entry, full, found.steps),
        "weights": {"prunable": good.size, "kept": good.n_kept, "density": good.density},
        "tickets": scored,
    }


def weight_masks(entry: Entry, parameters: Any, good: WeightMask) -> dict[str, WeightMask]:
    """The weight masks of a seed's four tickets, by kind."""
    return {
        "good": good,
        "random": good.random_like(entry.draw("random weights")),
        "bad": good.bad_like(entry.draw("bad weights")),
        "largest_removed": largest_removed(parameters, good.n_kept),
    }


def weight_ticket(entry: Entry, model: Any, mask: WeightMask) -> Ticket:
    """A subnetwork of single weights: the others are zero, and held there in retraining."""
    whole = sum(p.numel() for p in model.parameters())
    return Ticket(
        {
            "mask_sha256": mask.sha256(),
            "parameters": whole - mask.size + mask.n_kept,
            "map_densities": map_densities(model, mask),
            "head_densities": head_densities(model, mask),
        },
        pruned=lambda: weights_masked(model, mask),
        start=entry.pretrained,
        held=lambda start: hold_zeros(start, mask),
    )


def _outcome(
    entry: Entry, full: dict[str, Any], steps: Sequence[Step | WeightStep]
) -> dict[str, Any]:
    """What the record of either search says of the bar and of the way."""
    return {
        "metric": entry.search_metric,
        "full_score": full["scores"][entry.search_metric],
        "majority": full["majority"],
        "warning": metrics.meaningless(
            full["score"], full["majority"], entry.study.search.threshold
        ),
        "steps": [step.to_json() for step in steps],
        "weights_sha256": full["weights_sha256"],
    }


# What each stage after fine-tuning computes, from the results of the one that it starts from.
COMPUTE = {"search": search, "tickets": tickets, "magnitude": magnitude}
