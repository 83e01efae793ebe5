"""The metrics of the paper's tables, what a guesser would score, and when a score means nothing.

The numbers are scikit-learn's and scipy's. A correlation with something that never varies is
undefined; it counts as 0 here, no relation being shown, and `undefined` says so, so that
neither a table nor a search ever meets a number that is none.

The same metrics as an `evaluate.Metric`, offline:

    metric = evaluate.load("lottery_utils/data/glue_metric.py", "MRPC")
    metric.compute(predictions=[...], references=[...])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64] | npt.NDArray[np.int64]


def accuracy(predictions: Array, labels: Array) -> float:
    """Share of right predictions, 0 to 1."""
    return float(np.mean(predictions == labels))


def matthews(predictions: Array, labels: Array) -> float:
    """Matthews correlation coefficient of classes, -1 to 1."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


def f1(predictions: Array, labels: Array) -> float:
    """F1 of class 1, 0 to 1."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, zero_division=0))


def pearson(predictions: Array, labels: Array) -> float:
    """Pearson's r, -1 to 1."""
    from scipy.stats import pearsonr

    return float(pearsonr(predictions, labels).statistic)


def spearman(predictions: Array, labels: Array) -> float:
    """Spearman's rank correlation, -1 to 1."""
    from scipy.stats import spearmanr

    return float(spearmanr(predictions, labels).statistic)


def pearson_spearman(predictions: Array, labels: Array) -> float:
    """The mean of both correlations, by which STS-B is searched."""
    return (pearson(predictions, labels) + spearman(predictions, labels)) / 2


METRICS: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": accuracy,
    "matthews": matthews,
    "f1": f1,
    "pearson": pearson,
    "spearman": spearman,
    "pearson_spearman": pearson_spearman,
}
METRIC_LABELS = {
    "accuracy": "accuracy",
    "matthews": "Matthews correlation",
    "f1": "F1",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "pearson_spearman": "mean of Pearson and Spearman",
}
CORRELATIONS = ("matthews", "pearson", "spearman", "pearson_spearman")


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
    """The metric called `metric` of predictions against labels, both of shape (n,).

    Class indices, or grades. Where the metric is undefined this is 0.
    """
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if predicted.shape != true.shape or not true.size:
        raise ValueError(f"cannot score {predicted.shape} predictions of {true.shape} labels")
    return 0.0 if undefined(metric, predicted, true) else METRICS[metric](predicted, true)


def majority_baseline(metric: str, labels: Sequence[float], *, graded: bool = False) -> float:
    """What the answers of `majority_answers` score (paper, section 3)."""
    return score(metric, majority_answers(labels, graded=graded), labels)


def majority_answers(labels: Sequence[float] | Array, *, graded: bool = False) -> Array:
    """The answers of the majority baseline to all examples, shape (n,).

    Always the most frequent of `labels`; for grades, draws from a normal distribution with
    their mean and standard deviation, with a seed of their own.
    """
    true = np.asarray(labels)
    if graded:
        return np.random.default_rng(0).normal(true.mean(), true.std(), len(true))
    return np.full(len(true), Counter(true.tolist()).most_common(1)[0][0])


def passes(score: float, full_score: float, threshold: float) -> bool:
    """Whether a score is at least `threshold` of the full model's, an exact tie included.

    Scores have six decimals: 288 of 400 right is 90 % of 320 right, whatever the last one says.
    """
    return score >= threshold * full_score - 1e-6


def meaningless(full_score: float, majority: float, threshold: float = 0.9) -> str | None:
    """Why a search for `threshold` of the full model's score would say nothing, or None.

    Scores are kept to six decimals, so the majority baseline is compared as such, too.
    """
    guess, share = round(majority, 6), f"{100 * threshold:.0f} %"
    if full_score <= 0:
        return f"The full model's score is not above zero: {share} of it is no bar to pass."
    if full_score <= guess:
        return "The full model does no better than the majority baseline: nothing was learned."
    if threshold * full_score <= guess:
        return (
            f"{share} of the full model's score lies below the majority baseline: a model that "
            "guesses passes."
        )
    return None
