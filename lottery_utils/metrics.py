"""The metrics of the paper's tables, and what a guesser would score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def accuracy(predictions: IntArray, labels: IntArray) -> float:
    """Share of right predictions, 0 to 1."""
    return float(np.mean(predictions == labels))


def matthews(predictions: IntArray, labels: IntArray) -> float:
    """Matthews correlation coefficient, -1 to 1; 0 where predictions are all alike."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


METRICS: dict[str, Callable[[IntArray, IntArray], float]] = {
    "accuracy": accuracy,
    "matthews": matthews,
}
METRIC_LABELS = {"accuracy": "accuracy", "matthews": "Matthews correlation"}


def score(metric: str, predictions: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The metric called `metric` of predicted against true class indices, both int (n,)."""
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if predicted.shape != true.shape or not true.size:
        raise ValueError(f"cannot score {predicted.shape} predictions of {true.shape} labels")
    return METRICS[metric](predicted, true)


def majority_baseline(metric: str, labels: Sequence[int]) -> float:
    """The score of always answering with the most frequent of `labels` (paper, section 3)."""
    most_frequent = Counter(labels).most_common(1)[0][0]
    return score(metric, np.full(len(labels), most_frequent), labels)
