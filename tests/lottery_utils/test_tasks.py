"""What the project knows of GLUE's tasks."""

from __future__ import annotations

import pytest

from lottery_utils.errors import UserError
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.tasks import TASKS, Task, get_task

# From the paper: metric, pair or not, and GLUE's numbers of examples.
EXPECTED = {
    "CoLA": ("matthews", False, (8551, 1043)),
    "SST-2": ("accuracy", False, (67349, 872)),
    "MRPC": ("accuracy", True, (3668, 408)),
    "STS-B": ("pearson", True, (5749, 1500)),
    "QQP": ("accuracy", True, (363846, 40430)),
    "MNLI": ("accuracy", True, (392702, 9815)),
    "QNLI": ("accuracy", True, (104743, 5463)),
    "RTE": ("accuracy", True, (2490, 277)),
    "WNLI": ("accuracy", True, (635, 71)),
}
# The class indices of the GLUE release on the hub, which official checkpoints use too.
LABELS = {
    "CoLA": ("unacceptable", "acceptable"),
    "SST-2": ("negative", "positive"),
    "MRPC": ("not_equivalent", "equivalent"),
    "STS-B": (),
    "QQP": ("not_duplicate", "duplicate"),
    "MNLI": ("entailment", "neutral", "contradiction"),
    "QNLI": ("entailment", "not_entailment"),
    "RTE": ("entailment", "not_entailment"),
    "WNLI": ("not_entailment", "entailment"),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_task_is_consistent_in_itself(task: Task) -> None:
    assert TASKS[task.name] is task
    assert {*task.metrics, task.search_metric or task.metric} <= set(METRIC_LABELS)
    assert task.question.endswith("?")
    layout = task.files
    assert layout is not None
    assert task.hub is not None
    assert len(task.labels) == len(layout.labels) == len(set(layout.labels))
    assert (task.hub.sentence2 is not None) == task.is_pair
    assert (layout.sentence2 is not None) == task.is_pair
    if layout.unwritten_header:
        assert set(layout.columns) <= set(layout.unwritten_header)


def test_tasks_are_what_the_paper_says() -> None:
    found = {t.name: (t.metric, t.is_pair, t.official_sizes) for t in TASKS.values()}
    assert found == EXPECTED
    assert {task.name: task.labels for task in TASKS.values()} == LABELS
    assert TASKS["STS-B"].search_metric == "pearson_spearman"
    assert [t.name for t in TASKS.values() if t.is_graded] == ["STS-B"]
    assert {t.name: t.n_outputs for t in TASKS.values() if t.n_outputs != 2} == {
        "STS-B": 1,
        "MNLI": 3,
    }


@pytest.mark.parametrize(
    ("typed", "meant"), [("sst-2", "SST-2"), ("SST2", "SST-2"), ("cola", "CoLA"), ("RTEE", "RTE")]
)
def test_an_unknown_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"Unknown task '{typed}'.* did you mean '{meant}'"):
        get_task(typed)


def test_a_far_name_is_answered_with_the_list() -> None:
    with pytest.raises(UserError, match=r"knows CoLA, SST-2, MRPC, .*, RTE, WNLI\.$"):
        get_task("xyz")


def test_a_task_of_your_own_is_known_to_whoever_names_it_alone() -> None:
    own = Task("Trees", "Is this a tree?", ("no", "yes"))
    assert get_task(own) is own
    assert get_task("Trees", {**TASKS, "Trees": own}) is own
    with pytest.raises(UserError, match="Unknown task 'Trees'"):
        get_task("Trees")
    with pytest.raises(TypeError):
        TASKS["Trees"] = own  # type: ignore[index]
