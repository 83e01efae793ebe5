"""What a model answered, example by example, as a record holds it (studies with `held_out`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lottery_utils.metrics import Array, majority_baseline, score


def answers_text(values: Iterable[float]) -> str:
    """Answers or labels, example by example, as a record holds them: `0110`, or `4.25 0.5`."""
    numbers = np.asarray(list(values))
    if np.issubdtype(numbers.dtype, np.integer):  # classes, of which GLUE has three at most
        return ("" if numbers.max(initial=0) < 10 else " ").join(map(str, numbers.tolist()))
    return " ".join(f"{value:.3f}" for value in numbers.tolist())


def read_answers(text: str, *, graded: bool) -> Array:
    """The answers, shape (n,), that `answers_text` wrote: classes, or with `graded` grades."""
    if graded:
        return np.array(text.split(), np.float64)
    return np.array(text.split() if " " in text else list(text), np.int64)


def majority_of(full: Mapping[str, Any], split: str, *, graded: bool) -> float:
    """The majority baseline of a split, by the labels that the results of a fine-tuning keep."""
    labels = read_answers(full["labels"][split], graded=graded).tolist()
    return majority_baseline(full["metric"], labels, graded=graded)


def did_not_train(answers: Array, labels: Array, *, graded: bool) -> bool:
    """Whether a model learned nothing: it gives one class to all examples, or grades whose
    Pearson correlation with the labels is below two standard errors, 2 / sqrt(n)."""
    if graded:
        return score("pearson", answers, labels) < 2 / math.sqrt(len(labels))
    return bool(np.ptp(answers) == 0)


def untrained(
    tickets: Mapping[str, Any], labels: Mapping[str, str], *, graded: bool
) -> tuple[str, ...]:
    """The kinds of a record's `tickets` that, retrained, did not train: by all their answers.

    `labels` are those of the fine-tuning's results.
    """

    def joined(texts: Mapping[str, str]) -> Array:
        return np.concatenate([read_answers(texts[split], graded=graded) for split in labels])

    true = joined(labels)
    return tuple(
        kind
        for kind, ticket in tickets.items()
        if did_not_train(joined(ticket["answers"]["retrained"]["predictions"]), true, graded=graded)
    )
