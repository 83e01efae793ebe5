"""The overview of a study: every task at a glance."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from replication.pages import ticket_plots, ticket_tables
from replication.pages.show import NO_MAGNITUDE, Figure
from replication.runs.recorded import Entries

TASKS = ("CoLA", "STS-B", "RTE")


def without_magnitude(entries: Entries, *seeds: int) -> Entries:
    """The same records but those of magnitude pruning (of these seeds, by default of all)."""
    return {
        seed: {
            stage: record
            for stage, record in records.items()
            if stage != "magnitude" or (seeds and seed not in seeds)
        }
        for seed, records in entries.items()
    }


def with_warnings(every: dict[str, Entries], warned: set[int]) -> dict[str, Entries]:
    """The same records with a warning for some seeds only, and every score defined."""
    copy: dict[str, Entries] = {}
    for task, entries in every.items():
        copy[task] = {}
        for seed, stages in entries.items():
            copy[task][seed] = json.loads(json.dumps(stages))
            full = copy[task][seed]["finetune"]["results"]
            full["score"] = full["majority"] + (0 if seed in warned else 0.3)
            full["undefined"] = {}
            for stage in ("tickets", "magnitude"):
                if stage in stages:
                    for ticket in copy[task][seed][stage]["results"]["tickets"].values():
                        ticket["undefined"] = {}
    return copy


def cells(table: pd.DataFrame) -> str:
    """All that a reader sees of a table, as text."""
    return re.sub(r"<[^>]*>", " ", table.to_html())


def test_an_overview_has_only_the_tasks_with_magnitude_pruning(every: dict[str, Entries]) -> None:
    some = {**every, "CoLA": without_magnitude(every["CoLA"])}
    drawn = ticket_plots.tickets_over_tasks(some, "magnitude")
    assert isinstance(drawn, Figure)
    assert "CoLA" not in drawn.alt
    assert "STS-B" in drawn.alt
    table = ticket_tables.overview(some, "magnitude")
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == ["STS-B", "RTE"]
    both = ticket_tables.verdicts(with_warnings(some, set()), "magnitude")
    assert {seen.split(" of ")[1] for seen in both["seen"]} == {"4"}
    none = {task: without_magnitude(entries) for task, entries in every.items()}
    assert ticket_plots.tickets_over_tasks(none, "magnitude") is NO_MAGNITUDE
    assert ticket_tables.overview(none, "magnitude") is NO_MAGNITUDE
    assert ticket_tables.verdicts(none, "magnitude").empty


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_overview_names_every_task(every: dict[str, Entries], method: str) -> None:
    drawn = ticket_plots.tickets_over_tasks(every, method)
    assert isinstance(drawn, Figure)
    assert drawn.png
    alt, caption = drawn.alt, drawn.caption
    assert all(task in alt for task in TASKS)
    assert "2 seeds (1337, 42)" in caption
    assert f"under {method} pruning" in caption


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_overview_has_a_row_for_every_task(every: dict[str, Entries], method: str) -> None:
    table = ticket_tables.overview(every, method)
    assert list(table.index) == list(TASKS)
    scores = [e["finetune"]["results"]["score"] for e in every["CoLA"].values()]
    assert table.loc["CoLA", "full"] == round(float(np.mean(scores)), 3)
    assert table.loc["CoLA", "metric"] == "Matthews correlation"
    assert not table.isna().any(axis=None)
    assert not re.search(r"\bnan\b", cells(table), re.IGNORECASE)
    stage = "tickets" if method == "structured" else "magnitude"
    bad = [e[stage]["results"]["tickets"]["bad"]["pruned"] for e in every["STS-B"].values()]
    assert table.loc["STS-B", "bad, pruned"] == round(float(np.mean(bad)), 3)
    if method == "magnitude":
        found = [e["magnitude"]["results"]["weights"]["density"] for e in every["RTE"].values()]
        assert table.loc["RTE", "weights kept"] == f"{np.mean(found):.1%}"


def test_verdicts_leave_out_what_learned_nothing(every: dict[str, Entries]) -> None:
    records = with_warnings(every, {42})
    table = ticket_tables.verdicts(records)
    assert {seen.split(" of ")[1] for seen in table["seen"]} == {"3"}
    held = 0
    for entries in records.values():
        full = entries[1337]["finetune"]["results"]["score"]
        tickets = entries[1337]["tickets"]["results"]["tickets"]
        held += tickets["bad"]["retrained"] >= 0.9 * full
    assert table.loc["retrained: bad reaches 90 % of full", "seen"] == f"{held} of 3"
    assert ticket_tables.verdicts(with_warnings(every, {42, 1337})).empty
