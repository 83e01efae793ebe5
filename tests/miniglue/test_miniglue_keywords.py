"""No task of the embedded corpus is solved by words alone, counted, compared or shared."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import matthews_corrcoef
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import miniglue

# Features of pairs, from the word counts of the two sides.
Features = Callable[[csr_matrix, csr_matrix], csr_matrix | npt.NDArray[np.float64]]
Split = tuple[csr_matrix, csr_matrix, list[float]]


@cache
def counted(task: str) -> tuple[Split, Split]:
    """Word counts of the first and the second sentences, and labels, of both splits."""
    splits = miniglue.generate(task, 2000, 400, seed=0)
    words = CountVectorizer(token_pattern=r"\w+")
    words.fit([side for example in splits["train"] for side in example[:2] if side])

    def counts(split: str) -> Split:
        one, two = ([e[side] or "" for e in splits[split]] for side in (0, 1))
        return words.transform(one), words.transform(two), [e.label for e in splits[split]]

    return counts("train"), counts("validation")


def guesses(task: str, model: object, features: Features) -> tuple[list[float], list[float]]:
    """What `model` makes of the validation split, and its labels."""
    (one, two, labels), (one_new, two_new, labels_new) = counted(task)
    model.fit(features(one, two), labels)  # type: ignore[attr-defined]
    return model.predict(features(one_new, two_new)), labels_new  # type: ignore[attr-defined]


def words_and_overlap(one: csr_matrix, two: csr_matrix) -> csr_matrix:
    return hstack([one, two, abs(one - two), one.multiply(two), one.minimum(two)]).tocsr()


def second_sentence(one: csr_matrix, two: csr_matrix) -> csr_matrix:
    return two


def shares_in_common(one: csr_matrix, two: csr_matrix) -> npt.NDArray[np.float64]:
    """Different words in common, by those of the second side, the shorter side, and both."""
    one, two = one.minimum(1), two.minimum(1)
    shared, of_one, of_two = (np.asarray(m.sum(1)) for m in (one.minimum(two), one, two))
    sizes = (of_two, np.minimum(of_one, of_two), of_one + of_two - shared)
    return np.hstack([shared / size for size in sizes])


@pytest.mark.parametrize("task", ["MNLI", "QNLI", "WNLI", "RTE", "MRPC", "QQP"])
@pytest.mark.parametrize(
    ("model", "features"),
    [
        (LogisticRegression(C=0.1, max_iter=3000), words_and_overlap),
        (LogisticRegression(max_iter=3000), words_and_overlap),
        (LogisticRegression(max_iter=3000), second_sentence),
        (LogisticRegression(), shares_in_common),
        (DecisionTreeClassifier(max_depth=4, random_state=0), shares_in_common),
    ],
)
def test_words_are_not_enough_for_pairs(task: str, model: object, features: Features) -> None:
    guessed, labels = guesses(task, model, features)
    assert np.mean(np.array(guessed) == labels) <= 0.75


def first_sentence(one: csr_matrix, two: csr_matrix) -> csr_matrix:
    return one


def test_words_are_not_enough_for_single_sentences() -> None:
    guessed, labels = guesses("SST-2", LogisticRegression(max_iter=2000), first_sentence)
    assert np.mean(np.array(guessed) == labels) <= 0.75
    guessed, labels = guesses("CoLA", LogisticRegression(max_iter=2000), first_sentence)
    assert matthews_corrcoef(labels, guessed) <= 0.5


@pytest.mark.parametrize(
    ("model", "features"),
    [
        (Ridge(alpha=1.0), words_and_overlap),
        (Ridge(alpha=30.0), words_and_overlap),
        (Ridge(alpha=1.0), shares_in_common),
        (DecisionTreeRegressor(max_depth=4, random_state=0), shares_in_common),
    ],
)
def test_words_are_not_enough_for_grades(model: object, features: Features) -> None:
    assert np.corrcoef(*guesses("STS-B", model, features))[0, 1] <= 0.6
