"""The stages of one entry (a task with a seed): fine-tune, search, tickets.

Each stage takes the entry and gives the `results` of its record. Whether a stage has to run
at all is decided in `lottery_utils.records`; nothing below this file knows about records.
"""

from __future__ import annotations

import contextlib
import os
import time
from functools import cache
from typing import Any

from lottery_utils import backbone, data, metrics, pruning
from lottery_utils.batches import EvaluationBatches
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.entry import EVALUATION_BATCH, Entry
from lottery_utils.errors import UserError
from lottery_utils.importance import Importance, structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.search import Step, structured_search
from lottery_utils.store import Journal
from lottery_utils.tasks import TASKS

TICKETS = ("good", "random", "bad")


def finetune(entry: Entry) -> dict[str, Any]:
    """Fine-tune the backbone; keep its weights in the cache for the stages that follow."""
    from safetensors.torch import save_file

    model = entry.pretrained()
    curve = entry.train_model(model, "fine-tune")
    path, draft = entry.checkpoint, entry.checkpoint.with_suffix(f".{os.getpid()}")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    try:
        save_file(weights, draft)
        draft.replace(path)
    except Exception as error:  # safetensors has an exception of its own for a full disk
        draft.unlink(missing_ok=True)
        raise UserError(
            f"Cannot write the checkpoint {path}: {error}; free some space and run again."
        ) from error
    labels = {split: [e.label for e in examples] for split, examples in entry.splits.items()}
    n_layers, n_heads = encoder_shape(model)
    return {
        "score": entry.score(model),
        "metric": entry.metric,
        "majority": metrics.majority_baseline(entry.metric, labels["validation"]),
        "curve": {"loss": curve.loss, "scores": curve.scores},
        "examples": {split: len(values) for split, values in labels.items()},
        "label_counts": {
            split: [values.count(i) for i in range(len(TASKS[entry.task].labels))]
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


def finetuned(entry: Entry, weights_sha256: str) -> Any | None:
    """The fine-tuned model from the cache, or None if it is not there or not the one asked for."""
    from safetensors.torch import load_file

    if not entry.checkpoint.exists():
        return None
    model = entry.pretrained()
    # A cache may hold anything: what does not fit is made again.
    with contextlib.suppress(Exception):
        model.load_state_dict(load_file(entry.checkpoint))
    return model.eval() if backbone.weights_sha256(model) == weights_sha256 else None


def search(entry: Entry, model: Any, full: dict[str, Any]) -> dict[str, Any]:
    """Find the good mask of the fine-tuned `model`; `full` are the fine-tuning's results."""
    entry.progress.unit("search")
    rule, variant = entry.study.search, entry.study.variant
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

    @cache  # a failed phase and the next one start from the same mask
    def importance(mask: StructuredMask) -> Importance:
        return structured_importance(model, batches, mask, variant=variant)  # type: ignore[arg-type]

    def score(mask: StructuredMask) -> float:
        with pruning.masked(model, mask):
            return entry.score(model)

    everything = StructuredMask.full(full["layers"], full["heads_per_layer"])

    def on_step(step: Step) -> None:
        journal.append(step.to_json())
        left = (step.n_heads + step.n_mlps) / (everything.n_heads + everything.n_mlps)
        entry.progress.at(
            1 - left, f", {step.n_heads} heads and {step.n_mlps} MLPs left, score {step.score:.3f}"
        )

    of_full = importance(everything)
    found = structured_search(
        everything,
        full["score"],
        score,
        importance,
        threshold=rule.threshold,
        head_step=rule.head_step,
        variant=variant,  # type: ignore[arg-type]
        done=done,
        on_step=on_step,
    )
    return {
        "mask": found.mask.to_json(),
        "full_score": full["score"],
        "majority": full["majority"],
        "warning": meaningless(full["score"], full["majority"]),
        "steps": [step.to_json() for step in found.steps],
        "importance": {"heads": of_full.heads.tolist(), "mlps": of_full.mlps.tolist()},
        "weights_sha256": full["weights_sha256"],
    }


def meaningless(full_score: float, majority: float) -> str | None:
    """Why the 90 % rule would say nothing about this model, or None if it does."""
    if full_score <= 0:
        return "The full model's score is not above zero: 90 % of it is no bar to pass."
    if full_score <= majority:
        return "The full model does no better than the majority baseline: nothing was learned."
    return None


def tickets(entry: Entry, model: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Score the good, random and bad ticket, pruned and retrained.

    Pruned: the fine-tuned `model` under the mask. Retrained: the pre-trained backbone with
    everything outside the same mask removed, fine-tuned by the same recipe and seed.
    """
    good = StructuredMask.from_json(found["mask"])
    masks = dict(
        zip(TICKETS, (good, good.random_like(entry.seed), good.bad_like(entry.seed)), strict=True)
    )
    stamp = f"{entry.study.hash('tickets')} {found['weights_sha256']} {found['mask']}"
    journal = Journal(entry.store.scratch(entry.key("tickets"), "tickets.jsonl"), stamp)
    finished: dict[str, Any] = dict(journal.entries)
    for kind, mask in masks.items():
        if kind in finished:
            entry.progress.unit(f"{kind} ticket, found in the journal")
            continue
        with pruning.masked(model, mask):
            pruned = entry.score(model)
        smaller = pruning.remove(entry.pretrained(), mask)
        begun = time.monotonic()
        curve = entry.train_model(smaller, f"retrain the {kind} ticket")
        finished[kind] = {
            "mask": mask.to_json(),
            "pruned": pruned,
            "retrained": entry.score(smaller),
            "curve": {"loss": curve.loss, "scores": curve.scores},
            "parameters": sum(p.numel() for p in smaller.parameters()),
            "seconds": round(time.monotonic() - begun, 2),
        }
        journal.append([kind, finished[kind]])
    return {"tickets": {kind: finished[kind] for kind in TICKETS}, "made_from": made_from(found)}


def made_from(found: dict[str, Any]) -> dict[str, Any]:
    """What ties a tickets record to the search it starts from."""
    return {"weights_sha256": found["weights_sha256"], "mask": found["mask"]}
