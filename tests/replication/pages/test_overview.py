"""The overview of a study: every task at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from by_hand import with_warnings, without_magnitude

from replication.book.show import NO_MAGNITUDE, Note
from replication.pages import overview
from replication.runs.records import KINDS, TaskRecords
from replication.store import Store
from replication.study import Study

TASKS = ("CoLA", "STS-B", "RTE")


def test_an_overview_has_only_the_tasks_with_magnitude_pruning(
    every: dict[str, TaskRecords],
) -> None:
    some = {**every, "CoLA": without_magnitude(every["CoLA"])}
    drawn = overview.plot(some, "magnitude")
    assert [a.get_title() for a in drawn.drawing.axes if a.get_visible()] == ["STS-B", "RTE"]
    table = overview.table(some, "magnitude")
    assert list(table.frame.index) == ["STS-B", "RTE"]
    both = overview.verdicts(with_warnings(some, set()), "magnitude")
    assert {seen.split(" of ")[1] for seen in both.frame["seen"]} == {"4"}
    none = {task: without_magnitude(entries) for task, entries in every.items()}
    assert overview.plot(none, "magnitude") is NO_MAGNITUDE
    assert overview.table(none, "magnitude") is NO_MAGNITUDE
    assert isinstance(overview.verdicts(none, "magnitude"), Note)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_figure_has_every_score_of_every_task(
    every: dict[str, TaskRecords], method: str
) -> None:
    drawn = overview.plot(every, method)
    for axis, task in zip(drawn.drawing.axes, TASKS, strict=True):
        points = [y for line in axis.lines[2:] for y in line.get_ydata()]
        scores = [
            score
            for kind in KINDS[method]
            for state in ("pruned", "retrained")
            for score in every[task].scores(f"{kind}, {state}", method)
        ]
        assert axis.get_title() == task
        assert sorted(points) == sorted(scores)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_overview_has_a_row_for_every_task(every: dict[str, TaskRecords], method: str) -> None:
    shown = overview.table(every, method)
    table = shown.frame
    assert list(table.index) == list(TASKS)
    scores = [e["finetune"]["results"]["score"] for e in every["CoLA"].values()]
    assert table.loc["CoLA", "full"] == round(float(np.mean(scores)), 3)
    assert table.loc["CoLA", "metric"] == "Matthews correlation"
    assert "nan" not in table.to_string().lower()
    bad = every["STS-B"].scores("bad, pruned", method)
    assert table.loc["STS-B", "bad, pruned"] == round(float(np.mean(bad)), 3)
    if method == "magnitude":
        found = [e["magnitude"]["results"]["weights"]["density"] for e in every["RTE"].values()]
        assert table.loc["RTE", "weights kept"] == f"{np.mean(found):.1%}"


def test_verdicts_leave_out_what_learned_nothing(every: dict[str, TaskRecords]) -> None:
    records = with_warnings(every, {42})
    table = overview.verdicts(records)
    held, n = 0, 0
    for entries in records.values():
        full, bad = entries.scores("full")[0], entries.scores("bad, retrained")[0]
        gain = full - entries.scores("majority")[0]
        if gain >= 0.1 and entries.contrasted()[0]:
            n, held = n + 1, held + (bad - full + gain >= 0.5 * gain)
    row = table.frame.loc["retrained: bad wins (50% of the gain)"]
    assert row["seen"] == f"{held} of {n}" and n
    assert row["tasks, by seed"] == f"1337: {held} of {n}"
    assert isinstance(overview.verdicts(with_warnings(every, {42, 1337})), Note)


def test_the_settings_say_what_a_study_does_not_ask_for(workplace: Path) -> None:
    study = Study.load("tiny").override({"magnitude_tasks": []})
    shown = overview.settings(study, Store()).frame["this study"]
    assert shown["Backbone"].startswith("local:"), "no path"
    assert shown["Single weights (sections 4.1, 4.2)"] == "not asked for"
    assert shown["Agreement over seeds (section 5.1)"] == "yes"
    one = study.override({"seeds": [42], "tasks": ["RTE"], "followups.survivors": None})
    shown = overview.settings(one, Store()).frame["this study"]
    assert shown["What tasks share (section 5.3)"] == "needs two tasks"
    assert shown["Tickets of survivors (section 5.1)"] == "needs two seeds"
    asked = study.override({"followups.control": ["RTE"], "train_size": None})
    shown = overview.settings(asked, Store()).frame["this study"]
    assert shown["Tickets without pre-training (section 6)"] == "RTE"
    assert shown["Training examples"] == "all"
