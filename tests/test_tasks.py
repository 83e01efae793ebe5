"""What the project knows of GLUE's tasks."""

from __future__ import annotations

import pytest

from lottery_utils.errors import UserError
from lottery_utils.metrics import METRICS
from lottery_utils.tasks import TASKS, Task, get_task


@pytest.mark.parametrize("task", TASKS.values(), ids=str)
def test_a_task_is_consistent_in_itself(task: Task) -> None:
    assert TASKS[task.name] is task
    assert task.metric in METRICS
    assert len(task.labels) == len(task.tsv_labels) == len(set(task.tsv_labels))
    assert task.question.endswith("?")
    for layout in (task.train, task.validation):
        used = {layout.sentence1, layout.label} | ({layout.sentence2} - {None})
        assert used <= set(layout.columns)
        assert (layout.sentence2 is not None) == task.is_pair


def test_tasks_are_what_the_paper_says() -> None:
    assert {task.name: (task.metric, task.is_pair) for task in TASKS.values()} == {
        "CoLA": ("matthews", False),
        "SST-2": ("accuracy", False),
        "RTE": ("accuracy", True),
    }
    # The class indices of the GLUE release on the hub, which official checkpoints use too.
    assert TASKS["RTE"].labels == ("entailment", "not_entailment")
    assert TASKS["SST-2"].labels == ("negative", "positive")
    assert TASKS["CoLA"].labels == ("unacceptable", "acceptable")


def test_a_known_name_gives_its_task() -> None:
    assert get_task("SST-2") is TASKS["SST-2"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("sst-2", "SST-2"), ("SST2", "SST-2"), ("cola", "CoLA"), ("RTEE", "RTE")]
)
def test_an_unknown_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"Unknown task '{typed}'.* did you mean '{meant}'"):
        get_task(typed)


def test_a_far_name_is_answered_with_the_list() -> None:
    with pytest.raises(UserError, match=r"knows CoLA, SST-2, RTE\.$"):
        get_task("xyz")
