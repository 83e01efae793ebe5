"""The full model: the backbone, fine-tuned on a task with a seed."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils import backbone, data, metrics
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.errors import ReplayError
from replication.experiments.answers import answers_text
from replication.experiments.entry import Entry
from replication.experiments.parts import Part
from replication.experiments.results import (
    Answered,
    Answers,
    Count,
    Loss,
    Metric,
    Positive,
    Score,
    Scores,
    Sha256,
    Splits,
    Text,
    about,
    named,
)
from replication.experiments.shapes import Says, counts, equals


class Curve(TypedDict):
    loss: Loss
    scores: Annotated[
        list[Score],
        about("On the validation set, after each epoch.", min_length=1),
        counts("epochs"),
    ]


class Trained(TypedDict):
    curve: Curve
    weights_sha256: Annotated[Sha256, about("Of the fine-tuned weights.")]


class Kept(Answered, total=False):
    labels: Annotated[
        Answers,
        about("The true ones, in the order of predictions."),
        Says(lambda of: [(f"{split} labels", text) for split, text in of.items()]),
    ]
    held_out_sha256: Annotated[Sha256, about("Of the examples held out, as data_sha256.")]


class Finetuned(Kept, Trained):
    """The full model."""

    score: Annotated[Score, about("Of the fine-tuned model on the validation set, by metric.")]
    metric: Metric
    scores: Annotated[
        Scores,
        about("By each of the task's metrics."),
        Says(lambda of: [(f"{metric} of the full model", score) for metric, score in of.items()]),
    ]
    undefined: Annotated[
        dict[str, Text],
        about("Under full: why score is undefined and counts as 0. Empty where it is defined."),
    ]
    majority: Annotated[
        Score,
        about(
            "Of the majority baseline, by metric: always the most frequent label, or random grades."
        ),
        equals("majority"),
    ]
    examples: Annotated[
        dict[str, Count],
        Splits,
        Says(lambda sizes: [(f"{split} examples", n) for split, n in sizes.items()]),
    ]
    label_counts: Annotated[
        dict[str, Annotated[list[Count], counts("labels")]],
        Splits,
        Says(lambda of: [(f"{split} examples", sum(n)) for split, n in of.items() if n]),
        about("Of each label, in the order of the class indices; empty where they are grades."),
    ]
    mean_tokens: Annotated[dict[str, Positive], Splits]
    layers: Annotated[Count, equals("layers")]
    heads_per_layer: Annotated[Count, equals("heads per layer")]
    parameters: Annotated[Count, about("Of the full model, embeddings and classifier included.")]
    component_parameters: Annotated[
        dict[str, Count], named("head", "mlp"), about("Of one head and of one MLP.")
    ]
    data_sha256: Annotated[Sha256, about("Of the examples themselves, wherever they lie.")]


def train(entry: Entry) -> Trained:
    """Fine-tune the backbone; the weights are in the cache then."""
    model, curve = entry.fine_tune()
    return {
        "curve": {"loss": curve.loss, "scores": curve.scores},
        "weights_sha256": backbone.weights_sha256(model),
    }


def compute(entry: Entry, _made_from: dict[str, Any]) -> Finetuned:
    """Fine-tune the backbone, and say what there is to know of the model and its examples."""
    # No job of its own, but kept as parts are: where what follows fails, it is not done again.
    entry.parts.known["training"] = Part(Trained, partial(train, entry))
    trained: Trained = entry.parts["training"]
    model = entry.saved_model(trained["weights_sha256"])
    if model is None:
        raise ReplayError("the weights that it speaks of are not in the cache")
    labels = {split: [e.label for e in examples] for split, examples in entry.splits.items()}
    n_layers, n_heads = encoder_shape(model)
    graded = entry.about.is_graded
    scores, undefined, answers = entry.measure(model)
    kept: Kept = {}
    if answers:
        kept = {**answers, "labels": _labels(entry), "held_out_sha256": entry.held_out_sha256}
    return {
        "score": scores[entry.metric],
        "scores": scores,
        "undefined": {"full": undefined} if undefined else {},
        **kept,
        "metric": entry.metric,
        "majority": metrics.majority_baseline(entry.metric, labels["validation"], graded=graded),
        **trained,
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
    }


def _labels(entry: Entry) -> dict[str, str]:
    """The labels beside which a study with `held_out` keeps predictions."""
    kind = float if entry.about.is_graded else int
    splits = {"validation": entry.validation.labels, "held_out": entry.held_out.labels}
    return {name: answers_text(map(kind, labels)) for name, labels in splits.items() if labels}
