"""The metrics of the paper's tables, the majority baseline, and when a score means nothing.

The numbers are scikit-learn's and scipy's. A correlation with something that never varies counts
as 0, and `undefined` says so. `lottery_utils/data/glue_metric.py` has them for `evaluate`, offline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def _measured(metric: str, predictions: Array, labels: Array) -> float:
    """The libraries are imported where they are needed: accuracy needs neither."""
    if metric == "accuracy":
        return float(np.mean(predictions == labels))
    if metric in ("matthews", "f1"):
        from sklearn.metrics import f1_score, matthews_corrcoef

        if metric == "matthews":
            return float(matthews_corrcoef(labels, predictions))
        return float(f1_score(labels, predictions, zero_division=0))  # of class 1
    from scipy.stats import pearsonr, spearmanr

    chosen = {"pearson": [pearsonr], "spearman": [spearmanr]}
    chosen["pearson_spearman"] = [pearsonr, spearmanr]
    return float(np.mean([of(predictions, labels).statistic for of in chosen[metric]]))


# Of accuracy and F1 from 0 to 1, of correlations from -1 to 1. STS-B is searched by the last.
METRIC_LABELS = {
    "accuracy": "accuracy",
    "matthews": "Matthews correlation",
    "f1": "F1",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "pearson_spearman": "mean of Pearson and Spearman",
}
CORRELATIONS = ("matthews", "pearson", "spearman", "pearson_spearman")


def possible(metric: str) -> tuple[float, float]:
    """The lowest and the highest score of a metric."""
    return (-1.0 if metric in CORRELATIONS else 0.0, 1.0)


def undefined(metric: str, predictions: npt.ArrayLike, labels: npt.ArrayLike) -> str | None:
    """Why `metric` is undefined for these, in words, or None where it is defined."""
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if not np.isfinite(predicted).all():
        return "a prediction is not a number"
    if metric in CORRELATIONS:
        if np.ptp(true) == 0:
            return "all labels are the same"
        if np.ptp(predicted) == 0:
            return "all predictions are the same"
    elif metric == "f1" and not (predicted == 1).any() and not (true == 1).any():
        return "there is no positive, neither predicted nor true"
    return None


def score(metric: str, predictions: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The metric, one of `METRIC_LABELS`, of predictions against labels, both of shape (n,).

    Class indices, or grades. Where the metric is undefined this is 0.
    """
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if predicted.shape != true.shape or not true.size:
        raise ValueError(f"cannot score {predicted.shape} predictions of {true.shape} labels")
    return 0.0 if undefined(metric, predicted, true) else _measured(metric, predicted, true)


def majority_baseline(metric: str, labels: Sequence[float], *, graded: bool = False) -> float:
    """What the answers of `majority_answers` score (paper, section 3)."""
    return score(metric, majority_answers(labels, graded=graded), labels)


def majority_answers(labels: Sequence[float] | Array, *, graded: bool = False) -> Array:
    """The majority baseline's answers, (n,): the most frequent of `labels`; for grades, draws from
    a normal distribution with their mean and standard deviation, by a seed of its own.
    """
    true = np.asarray(labels)
    if graded:
        return np.random.default_rng(0).normal(true.mean(), true.std(), len(true))
    return np.full(len(true), Counter(true.tolist()).most_common(1)[0][0])


def passes(score: float, full_score: float, threshold: float) -> bool:
    """Whether a score (six decimals) is at least `threshold` of the full model's, ties included."""
    return score >= threshold * full_score - 1e-6


def meaningless(full_score: float, majority: float, threshold: float = 0.9) -> str | None:
    """Why a search for `threshold` of the full model's score would say nothing, or None."""
    guess, share = round(majority, 6), f"{100 * threshold:.0f} %"
    if full_score <= 0:
        return f"The full model's score is not above zero: {share} of it is no threshold."
    if full_score <= guess:
        return "The full model does no better than the majority baseline: nothing was learned."
    if threshold * full_score <= guess:
        return (
            f"{share} of the full model's score lies below the majority baseline: the majority "
            "baseline passes."
        )
    return None
