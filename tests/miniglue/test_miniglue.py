"""The embedded corpus: reproducible, balanced, without leaks, and in English."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import miniglue
from lottery_utils.tasks import TASKS
from miniglue.grammar import Draw, Example, Grammar, MiniGlueError
from miniglue.spelling import noun, with_articles

Splits = dict[str, list[Example]]

any_task = pytest.mark.parametrize("task", miniglue.TASKS_COVERED)
tasks = st.sampled_from(miniglue.TASKS_COVERED)
seeds = st.integers(min_value=0, max_value=10**9)


@cache
def corpus(task: str) -> Splits:
    return miniglue.generate(task, 1000, 400, seed=0)


def sentences(examples: list[Example]) -> list[str]:
    return [side for example in examples for side in example[:2] if side is not None]


def lowered(examples: list[Example]) -> set[str]:
    return {sentence.lower() for sentence in sentences(examples)}


# --- Reproducible


@any_task
def test_same_arguments_same_corpus(task: str) -> None:
    assert miniglue.generate(task, 1000, 400, seed=0) == corpus(task)


@any_task
def test_other_seed_other_corpus(task: str) -> None:
    other = miniglue.generate(task, 1000, 400, seed=1)
    assert other["train"] != corpus(task)["train"]
    assert other["validation"] != corpus(task)["validation"]


def test_same_corpus_in_a_process_that_hashes_strings_differently() -> None:
    program = (
        "import miniglue\n"
        "for task in miniglue.TASKS_COVERED: print(miniglue.generate(task, 50, 20, 3))"
    )

    def printed(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    here = [str(miniglue.generate(task, 50, 20, 3)) for task in miniglue.TASKS_COVERED]
    assert printed("1").splitlines() == printed("2").splitlines() == here


@settings(max_examples=15, deadline=None)
@given(tasks, st.integers(1, 300), st.integers(1, 300), st.integers(1, 100), seeds)
def test_validation_does_not_depend_on_training_size(
    task: str, n_train: int, n_other: int, n_validation: int, seed: int
) -> None:
    one = miniglue.generate(task, n_train, n_validation, seed)
    other = miniglue.generate(task, n_other, n_validation, seed)
    assert one["validation"] == other["validation"]


def test_draw_keeps_every_fourth_word_from_training() -> None:
    words = tuple(range(12))
    train, validation = Draw("x", all_words=False), Draw("x", all_words=True)
    assert {train.word(words) for _ in range(300)} == {0, 1, 2, 4, 5, 6, 8, 9, 10}
    assert {validation.word(words) for _ in range(300)} == set(words)
    assert sorted(validation.words(words, 12)) == list(words)


# --- Without leaks


@settings(max_examples=20, deadline=None)
@given(tasks, st.integers(1, 400), st.integers(1, 200), seeds)
def test_sizes_quotas_and_no_leak(task: str, n_train: int, n_validation: int, seed: int) -> None:
    drawn = miniglue.generate(task, n_train, n_validation, seed)
    shares = miniglue.GRAMMARS[task].label_shares
    for split, size in (("train", n_train), ("validation", n_validation)):
        labels = Counter(int(example.label) for example in drawn[split])  # of grades, the band
        assert len(drawn[split]) == size
        assert all(abs(labels[i] - size * share) <= 1 for i, share in enumerate(shares))
        assert (
            len({(e.sentence1.lower(), (e.sentence2 or "").lower()) for e in drawn[split]}) == size
        )
    assert not lowered(drawn["train"]) & lowered(drawn["validation"])


@any_task
def test_no_leak_at_full_size_and_no_end_of_sentences(task: str) -> None:
    drawn = miniglue.generate(task, miniglue.MOST_EXAMPLES - 1000, 1000)
    assert len(drawn["train"]) == miniglue.MOST_EXAMPLES - 1000
    assert not lowered(drawn["train"]) & lowered(drawn["validation"])


@any_task
def test_members_of_a_minimal_group_stay_in_one_split(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a grammar of few groups, training must avoid whole groups, not just sentences."""

    def phenomenon(draw: Draw) -> list[Example]:
        number = draw.one(range(40))
        return [
            Example(f"{number} {member}", None, label) for label in (0, 1) for member in "ab"[label]
        ]

    monkeypatch.setitem(miniglue.GRAMMARS, task, Grammar((phenomenon,), (0.5, 0.5)))
    drawn = miniglue.generate(task, 10, 10)
    groups = {split: {e.sentence1.split()[0] for e in drawn[split]} for split in drawn}
    assert not groups["train"] & groups["validation"]


# --- Balanced


@pytest.mark.parametrize(
    ("task", "share"),
    [
        *(("CoLA", 0.7), ("MRPC", 0.68), ("QQP", 0.37), ("MNLI", 1 / 3)),
        *((task, 0.5) for task in ("SST-2", "RTE", "QNLI", "WNLI")),
    ],
)
def test_label_shares_are_like_those_of_glue(task: str, share: float) -> None:
    found = sum(example.label == 1 for example in corpus(task)["validation"])
    assert found == pytest.approx(400 * share, abs=1)


@any_task
def test_every_phenomenon_occurs_with_every_label(task: str) -> None:
    annotated = miniglue.generate_annotated(task, 1000, 400)["train"]
    names = {phenomenon.__name__ for phenomenon in miniglue.GRAMMARS[task].phenomena}
    if TASKS[task].is_graded:  # not every scene can lose a part of every weight
        grades = {name: {int(e.label) for n, e in annotated if n == name} for name in names}
        assert all(len(found) >= 4 for found in grades.values()), grades
        return
    seen = {(name, example.label) for name, example in annotated}
    assert seen == {(name, label) for name in names for label in range(len(TASKS[task].labels))}


@any_task
def test_nothing_has_two_labels(task: str) -> None:
    """No phenomenon accepts what another, or the same one, rejects."""
    draw = Draw("labels", all_words=True)
    labels: dict[tuple[str, str | None], int] = {}
    for phenomenon in dict.fromkeys(miniglue.GRAMMARS[task].phenomena):
        for _ in range(300):
            for sentence1, sentence2, label in phenomenon(draw):
                assert labels.setdefault((sentence1, sentence2), label) == label, sentence1


@any_task
def test_annotated_is_the_same_corpus(task: str) -> None:
    annotated = miniglue.generate_annotated(task, 1000, 400)
    assert {split: [e for _, e in drawn] for split, drawn in annotated.items()} == corpus(task)


# --- English


@any_task
def test_sentences_are_well_formed(task: str) -> None:
    for text in sentences([e for split in corpus(task).values() for e in split]):
        assert (4 if TASKS[task].is_pair else 5) <= len(text.split()) <= 20, text
        assert not re.search(r"  |^ | $| [,.;?]|[{}\[\]<>]", text), text
        assert not re.search(r"\b(\w+) \1\b", text), text
        assert not re.search(r"\ba (?=[aeio])|\ban (?![aeiouh])", text.lower()), text
        if task == "SST-2":
            assert text == text.lower()
        else:
            assert text[0].isupper() and text[-1] in ".?", text
    for example in corpus(task)["train"]:
        assert (example.sentence2 is not None) == TASKS[task].is_pair
        if example.sentence2 is not None:
            assert example.sentence1.endswith("?") == (task in ("QNLI", "QQP"))
            assert example.sentence2.endswith("?") == (task == "QQP")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a old house and a new one", "an old house and a new one"),
        ("a honest film and a unusual hat", "an honest film and an unusual hat"),
        ("a uniform and a unique case", "a uniform and a unique case"),
        ("a inspired, a useful and a one-hour film", "an inspired, a useful and a one-hour film"),
        ("A apple is on a table", "An apple is on a table"),
    ],
)
def test_articles(written: str, read: str) -> None:
    assert with_articles(written) == read


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("box", "boxes"), ("lady", "ladies"), ("boy", "boys"), ("child", "children"), ("key", "keys")],
)
def test_plurals(singular: str, plural: str) -> None:
    assert noun(singular).plural == plural


# --- Mistakes


def test_unknown_task() -> None:
    with pytest.raises(MiniGlueError, match=r"no task 'CoLa': it covers CoLA, SST-2, RTE"):
        miniglue.generate("CoLa", 10, 10)


@any_task
@pytest.mark.parametrize(("n_train", "n_validation"), [(0, 10), (10, 0), (-5, 10), (10, -1)])
def test_sizes_that_are_not_positive(task: str, n_train: int, n_validation: int) -> None:
    with pytest.raises(MiniGlueError, match=f"at least one .* not {n_train} and {n_validation}"):
        miniglue.generate(task, n_train, n_validation)


@any_task
def test_more_than_there_is(task: str) -> None:
    with pytest.raises(
        MiniGlueError, match=rf"at most {miniglue.MOST_EXAMPLES} examples of {task}"
    ):
        miniglue.generate(task, miniglue.MOST_EXAMPLES, 1)


def test_a_grammar_that_runs_dry_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def phenomenon(draw: Draw) -> list[Example]:
        number = draw.one(range(5))
        return [Example(f"{number} {label}", None, label) for label in (0, 1)]

    monkeypatch.setitem(miniglue.GRAMMARS, "RTE", Grammar((phenomenon,), (0.5, 0.5)))
    with pytest.raises(MiniGlueError, match="found only 10 of 20 examples"):
        miniglue.generate("RTE", 1, 20)
