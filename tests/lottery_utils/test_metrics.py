"""Metrics are scikit-learn's and scipy's, and one that is undefined says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from lottery_utils import metrics
from lottery_utils.tasks import TASKS

METRIC_FILE = Path(metrics.__file__).parent / "data" / "glue_metric.py"
classes = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30)
# Far enough apart that no sum of squares underflows.
grade = st.integers(0, 500).map(lambda n: n / 100)
grades = st.lists(st.tuples(grade, grade), min_size=2, max_size=30)


@given(classes)
def test_class_metrics_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    predicted, true = map(np.array, zip(*pairs, strict=True))
    assert metrics.score("accuracy", predicted, true) == sk.accuracy_score(true, predicted)
    assert metrics.score("matthews", predicted, true) == sk.matthews_corrcoef(true, predicted)
    if predicted.any() or true.any():
        assert metrics.score("f1", predicted, true) == sk.f1_score(true, predicted)


@given(grades)
def test_graded_metrics_are_scipys(pairs: list[tuple[float, float]]) -> None:
    predicted, true = map(np.array, zip(*pairs, strict=True))
    assume(np.ptp(predicted) and np.ptp(true))
    r, rho = stats.pearsonr(predicted, true).statistic, stats.spearmanr(predicted, true).statistic
    assert metrics.score("pearson", predicted, true) == r
    assert metrics.score("spearman", predicted, true) == rho
    assert metrics.score("pearson_spearman", predicted, true) == pytest.approx((r + rho) / 2)


@settings(max_examples=50)
@given(st.sampled_from(sorted(metrics.METRIC_LABELS)), classes)
def test_a_score_is_always_a_number_and_0_where_undefined(
    metric: str, pairs: list[tuple[int, int]]
) -> None:
    predicted, true = zip(*pairs, strict=True)
    found = metrics.score(metric, predicted, true)
    assert np.isfinite(found)
    if metrics.undefined(metric, predicted, true):
        assert found == 0


@pytest.mark.parametrize(
    ("metric", "predictions", "labels", "reason"),
    [
        ("matthews", [1, 1, 1], [0, 1, 0], "all predictions are the same"),
        ("matthews", [1, 0, 1], [1, 1, 1], "all labels are the same"),
        ("pearson", [2.5, 2.5], [1.0, 4.0], "all predictions are the same"),
        ("spearman", [1.0, 2.0], [3.0, 3.0], "all labels are the same"),
        ("f1", [0, 0], [0, 0], "no positive"),
        ("pearson", [1.0, float("nan")], [3.0, 4.0], "not a number"),
        ("accuracy", [1, 1], [1, 1], None),
        ("f1", [0, 0], [0, 1], None),
        ("matthews", [0, 1], [1, 0], None),
    ],
)
def test_what_is_undefined_says_why(
    metric: str, predictions: list[float], labels: list[float], reason: str | None
) -> None:
    found = metrics.undefined(metric, predictions, labels)
    assert found is None if reason is None else reason in str(found)


def test_nothing_to_score_is_an_error() -> None:
    for predictions, labels in (([], []), ([1], [1, 0])):
        with pytest.raises(ValueError, match="cannot score"):
            metrics.score("accuracy", predictions, labels)


def test_a_guesser_of_classes_and_of_grades() -> None:
    assert metrics.majority_baseline("accuracy", [0, 1, 1, 1]) == 0.75
    assert metrics.majority_baseline("matthews", [0, 1, 1, 1]) == 0
    labels = np.random.default_rng(1).uniform(0, 5, 1000).tolist()
    guess = metrics.majority_baseline("pearson", labels, graded=True)
    assert 0 < abs(guess) < 0.1
    assert guess == metrics.majority_baseline("pearson", labels, graded=True)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_an_evaluate_metric_offline(task: str) -> None:
    evaluate = pytest.importorskip("evaluate")
    metric = evaluate.load(str(METRIC_FILE), task)
    graded = TASKS[task].is_graded
    predicted, true = ([0.5, 2.0, 4.5], [1.0, 2.5, 4.0]) if graded else ([0, 1, 1], [0, 1, 0])
    found = metric.compute(predictions=predicted, references=true)
    assert found == {
        name: pytest.approx(metrics.score(name, predicted, true)) for name in TASKS[task].metrics
    }


def test_the_evaluate_metric_says_what_is_undefined() -> None:
    evaluate = pytest.importorskip("evaluate")
    found = evaluate.load(str(METRIC_FILE), "CoLA").compute(predictions=[1, 1], references=[0, 1])
    assert found["matthews"] == 0
    assert found["undefined"] == (
        "matthews is undefined and counts as 0: all predictions are the same."
    )


@pytest.mark.parametrize(
    ("full", "majority", "said"),
    [
        (0.527076, 146 / 277, "no better"),  # the same score, but for the sixth decimal
        (0.66, 0.6, "90 % of the full model's score lies below"),
        (0.67, 0.6, None),
        (0.0, -0.1, "not above zero"),
        (0.05, 0.0, None),
    ],
)
def test_a_bar_that_a_guesser_passes_is_none(
    full: float, majority: float, said: str | None
) -> None:
    found = metrics.meaningless(full, majority)
    assert (found is None) == (said is None)
    assert said is None or said in (found or "")
    assert metrics.meaningless(0.67, 0.6, 0.8), "a lower bar is passed sooner"
