"""Which training examples judge a recipe."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, OwnTask, Task
from replication.experiments.sweep import _split as split

TASK = OwnTask(labels=("no", "yes")).task("Trees")


def of(
    labels: list[int], data: str = "csv:here", task: Task = TASK
) -> tuple[list[Example], list[Example]]:
    examples = [Example(f"sentence {i}", None, label) for i, label in enumerate(labels)]
    entry: Any = SimpleNamespace(
        splits={"train": examples}, about=task, study=SimpleNamespace(data=data)
    )
    fit, held_out = split(entry)
    assert sorted([*fit, *held_out]) == sorted(examples)
    assert split(entry) == (fit, held_out), "the same every time"
    return fit, held_out


def test_a_sorted_table_is_judged_by_both_classes() -> None:
    fit, held_out = of([0] * 40 + [1] * 40)
    assert len(held_out) == 20
    assert {example.label for example in held_out} == {example.label for example in fit} == {0, 1}


def test_what_is_shuffled_is_judged_by_its_last_quarter_as_the_first_records_were() -> None:
    for data in ("mini", "hub", "local:GLUE"):
        _, held_out = of([0, 1] * 40, data)
        assert [example.sentence1 for example in held_out] == [
            f"sentence {i}" for i in range(60, 80)
        ]


@pytest.mark.parametrize(
    ("labels", "said"),
    [([0, 1], "2 training examples .* too few"), ([1], "too few"), ([1] * 40, "all of one class")],
)
def test_what_judges_nothing_is_refused(labels: list[int], said: str) -> None:
    with pytest.raises(UserError, match=said):
        of(labels)


def test_grades_that_are_all_the_same_judge_nothing() -> None:
    graded = OwnTask(metric="pearson").task("Alike")
    of([*range(40)], task=graded)
    with pytest.raises(UserError, match=r"10 held-out .* Alike .* of one grade"):
        of([3] * 40, task=graded)
