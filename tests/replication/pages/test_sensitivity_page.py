"""The page on other rules of the search, against the committed records read by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY
from scipy import stats

from replication.book.show import Figure, Table
from replication.book.written import MINUS
from replication.experiments.sensitivity import RULES
from replication.pages import sensitivity
from replication.pages.sensitivity import NOTHING
from replication.runs import records
from replication.runs.records import TaskRecords

RESULTS = REPOSITORY / "results" / "minilm-glue"


@pytest.fixture(scope="module")
def every() -> dict[str, TaskRecords]:
    return records.load("minilm-glue", also=["sensitivity"])


def by_hand(rule: str, state: str) -> list[float]:
    """Other minus own of every entry whose full model gains 0.1, as a share of that gain."""

    def results(path: Path, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(path.with_name(name).read_text("utf-8"))["results"]
        return found

    differences = []
    for path in RESULTS.glob("*/*/sensitivity.json"):
        other = results(path, path.name)["tickets"][rule][state]
        own = results(path, "tickets.json")["tickets"]["good"][state]
        tuned = results(path, "finetune.json")
        if (gain := tuned["score"] - tuned["majority"]) > 0.1 - 1e-9:
            differences.append((other - own) / gain)
    return differences


def test_a_row_for_each_rule(every: dict[str, TaskRecords]) -> None:
    table = sensitivity.table(sensitivity.changes(every))
    assert isinstance(table, Table)
    assert [*table.frame.index] == [*RULES]
    for rule in RULES:
        for state in ("pruned", "retrained"):
            expected = by_hand(rule, state)
            assert str(table.frame.index.name).endswith(f"n = {len(expected)}")
            mean = float(str(table.frame.loc[rule, state]).split(" points")[0].replace(MINUS, "-"))
            assert mean == pytest.approx(100 * np.mean(expected), abs=0.06)


def test_of_one_seed_there_is_no_interval(every: dict[str, TaskRecords]) -> None:
    one_seed = {"SST-2": every["SST-2"].of_seeds([42])}
    text = repr(sensitivity.finding(sensitivity.changes(one_seed)))
    assert "no CI" in text and "95 %" not in text


def test_the_finding_names_the_rules_whose_interval_leaves_out_nothing(
    every: dict[str, TaskRecords],
) -> None:
    text = repr(sensitivity.finding(sensitivity.changes(every)))
    retrained, pruned = text.split("Pruned, ")
    for state, said in (("pruned", pruned), ("retrained", retrained)):
        for rule in RULES:
            values = 100 * np.array(by_hand(rule, state))
            half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
            shown = f"{rule} ({values.mean():+.1f} points [{values.mean() - half:+.1f}, "
            assert (shown.replace("-", MINUS) in said) == (abs(values.mean()) > half), (rule, state)
    assert f"n = {len(by_hand('as released', 'pruned'))} entries" in text


def test_the_figure_shows_what_the_table_says(every: dict[str, TaskRecords]) -> None:
    drawn = sensitivity.plot(sensitivity.changes(every))
    assert isinstance(drawn, Figure)
    assert f"n = {len(by_hand('threshold 0.8', 'pruned'))} entries" in drawn.caption
    for rule in RULES:
        for state in ("pruned", "retrained"):
            shown = f"{rule}, {state}: {100 * np.mean(by_hand(rule, state)):+.1f} points"
            assert shown.replace("-", MINUS) in drawn.alt


def test_without_records_the_page_says_how_to_make_them() -> None:
    nothing = sensitivity.changes({})
    assert sensitivity.table(nothing) is None and sensitivity.plot(nothing) is NOTHING
    assert "lottery run" in repr(sensitivity.finding(nothing))
