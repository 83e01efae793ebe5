"""The full model: the backbone, fine-tuned on a task with a seed."""

from __future__ import annotations

from typing import Any

from lottery_utils import backbone, data, metrics
from lottery_utils.encoder import component_parameters, encoder_shape
from replication.experiments.answers import answers_text
from replication.experiments.entry import Entry


def compute(entry: Entry, _made_from: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune the backbone; keep its weights in the cache for the stages that follow."""
    model = entry.pretrained()
    curve = entry.train_model(model, "fine-tune", watch=True)
    entry.save_model(model)
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
