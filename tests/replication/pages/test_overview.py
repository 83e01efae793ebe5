"""The overview of a study: every task at a glance."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from by_hand import dots, with_warnings, without_magnitude

from replication.book.show import NO_MAGNITUDE, Figure, Note, Table
from replication.book.written import number, percent
from replication.pages import overview
from replication.runs.records import KINDS, TaskRecords
from replication.study import Study

TASKS = ("CoLA", "STS-B", "RTE")


def test_an_overview_has_only_the_tasks_with_magnitude_pruning(
    every: dict[str, TaskRecords],
) -> None:
    learned = with_warnings(every, set())
    some = {**learned, "CoLA": without_magnitude(learned["CoLA"])}
    assert rows_of(overview.plot(some, "magnitude")) == ["STS-B", "RTE"]
    for table in (overview.models(some, "magnitude"), overview.scores(some, "pruned", "magnitude")):
        assert isinstance(table, Table) and list(table.frame.index) == ["STS-B", "RTE"]
    said = repr(overview.finding(some, Study.load("quick"), "magnitude"))
    assert "Of 2 tasks" in said and "The others" not in said, "CoLA was not asked"
    both = overview.verdicts(some, "magnitude")
    assert {seen.split(" of ")[1] for seen in both.frame["seen"]} == {"4"}
    none = {task: without_magnitude(entries) for task, entries in every.items()}
    assert overview.plot(none, "magnitude") is NO_MAGNITUDE
    assert overview.models(none, "magnitude") is NO_MAGNITUDE
    assert overview.finding(none, Study.load("quick"), "magnitude") is NO_MAGNITUDE
    assert overview.scores(none, "retrained", "magnitude") is NO_MAGNITUDE
    assert overview.verdicts(none, "magnitude") is NO_MAGNITUDE, "not that nothing was learned"


def test_seeds_in_which_magnitude_pruning_removed_nothing_are_named(
    every: dict[str, TaskRecords],
) -> None:
    some = copy.deepcopy(with_warnings(every, set()))
    some["RTE"] = without_magnitude(some["RTE"])
    for entries in some.values():
        for stages in entries.values():
            if "magnitude" in stages:
                stages["magnitude"]["results"]["steps"] = [{"passed": True}]
    assert overview.unpruned(some) is None
    seed = [*some["CoLA"]][-1]
    some["CoLA"][seed]["magnitude"]["results"]["steps"] = [{"passed": False}]
    note = overview.unpruned(some)
    assert note and f"on CoLA (seed {seed}). " in note.text


def rows_of(figure: Figure | Note) -> list[str]:
    assert isinstance(figure, Figure)
    return [label.get_text() for label in figure.drawing.axes[0].get_yticklabels()]


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_figure_has_what_every_ticket_of_every_seed_retains(
    every: dict[str, TaskRecords], method: str
) -> None:
    records = with_warnings(every, set())
    drawn = overview.plot(records, method)
    assert rows_of(drawn) == list(TASKS)
    (axis,) = drawn.drawing.axes
    expected = []
    for entries in records.values():
        majority = entries.scores("majority")[0]
        for kind in KINDS[method]:
            usable = method == "magnitude" or kind == "good"
            for score, counts in zip(
                entries.scores(f"{kind}, retrained", method), entries.contrasted(), strict=True
            ):
                expected += [(score - majority) / 0.3] if usable or counts else []
    assert sorted(dot.get_xdata()[0] for dot in dots(axis)) == pytest.approx(sorted(expected))


def test_the_finding_has_means_over_tasks_or_each_of_them(every: dict[str, TaskRecords]) -> None:
    study = Study.load("quick")
    records = with_warnings(every, set())
    text = repr(overview.finding(records, study))
    assert "subnetworks of MiniLM-L6 on made-up sentences retain" in text
    assert "Of 3 tasks (2 seeds" in text and "learned 3." in text and "95 % CIs over 3" in text
    good = [np.mean(overview.retained(entries)["good"]) for entries in records.values()]
    assert f"good {percent(np.mean(good))} [" in text
    two = {task: records[task] for task in TASKS[:2]}
    one_seed = {task: entries.of_seeds([42]) for task, entries in two.items()}
    text = repr(overview.finding(one_seed, study))
    assert "(1 seed" in text and "no CI over 2 tasks" in text and "[" not in text
    first = overview.retained(one_seed["CoLA"])["good"]
    assert f"CoLA good {percent(first[0])}" in text
    unlearned = with_warnings(every, {42, 1337})
    assert "no gain" in repr(overview.finding(unlearned, study))
    one = {**records, "RTE": unlearned["RTE"]}
    assert "The others gain less than 0.1" in repr(overview.finding(one, study))
    assert "Gain below 0.1: RTE." in overview.plot(one).caption
    assert isinstance(overview.plot(unlearned), Note)
    assert "no gain" in repr(overview.finding({}, study))
    assert overview.plot({}) is NO_MAGNITUDE


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_tables_have_a_row_for_every_task(every: dict[str, TaskRecords], method: str) -> None:
    table = overview.models(every, method).frame
    assert list(table.index) == list(TASKS)
    assert table.loc["CoLA", "metric"] == "Matthews correlation"
    assert "nan" not in table.to_string().lower()
    if method == "magnitude":
        found = [e["magnitude"]["results"]["weights"]["density"] for e in every["RTE"].values()]
        assert table.loc["RTE", "weights kept"] == percent(np.mean(found), 1)
    bad = every["STS-B"].scores("bad, pruned", method)
    shown = overview.scores(every, "pruned", method).frame
    scores = [e["finetune"]["results"]["score"] for e in every["CoLA"].values()]
    assert shown.loc["CoLA", "full"] == number(np.mean(scores))
    assert shown.loc["STS-B", "bad"] == number(np.mean(bad)) and len(shown.columns) <= 5


def test_verdicts_leave_out_what_learned_nothing(every: dict[str, TaskRecords]) -> None:
    records = with_warnings(every, {42})
    table = overview.verdicts(records)
    held, n = 0, 0
    for entries in records.values():
        full, bad = entries.scores("full")[0], entries.scores("bad, retrained")[0]
        gain = full - entries.scores("majority")[0]
        if gain >= 0.1 and entries.contrasted()[0]:
            n, held = n + 1, held + (bad - full + gain >= 0.5 * gain)
    row = table.frame.loc["retrained: bad retains 50 % of the gain"]
    assert row["seen"] == f"{held} of {n}" and n
    assert row["tasks, by seed"] == f"1337: {held} of {n}"
    assert isinstance(overview.verdicts(with_warnings(every, {42, 1337})), Note)


def test_the_settings_say_what_a_study_does_not_ask_for(workplace: Path) -> None:
    study = Study.load("tiny").override({"magnitude_tasks": []})
    shown = overview.settings(study).frame["this study"]
    assert shown["Backbone"].startswith("local:"), "no path"
    assert shown["Single weights (sections 4.1, 4.2)"] == "not asked for"
    assert shown["Agreement over seeds (section 5.1)"] == "yes"
    one = study.override({"seeds": [42], "tasks": ["RTE"], "followups.survivors": None})
    shown = overview.settings(one).frame["this study"]
    assert shown["What tasks share (section 5.3)"] == "needs two tasks"
    assert shown["Tickets of survivors (section 5.1)"] == "needs two seeds"
    asked = study.override({"followups.control": ["RTE"], "train_size": None})
    shown = overview.settings(asked).frame["this study"]
    assert shown["Tickets without pre-training (section 6)"] == "RTE"
    assert shown["Training examples"] == "all"
