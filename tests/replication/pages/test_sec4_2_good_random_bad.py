"""The page on section 4.2 shows the scores of every ticket, beside the paper's."""

from __future__ import annotations

import numpy as np
import pytest

from replication.book.show import estimate
from replication.pages import sec4_2_good_random_bad as page
from replication.paper import records
from replication.runs.records import KINDS, TaskRecords
from replication.store import Store

STAGE = {"structured": "tickets", "magnitude": "magnitude"}


def scores(entries: TaskRecords, method: str, kind: str, state: str) -> list[float]:
    return [
        records[STAGE[method]]["results"]["tickets"][kind][state] for records in entries.values()
    ]


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize("task", ["CoLA", "STS-B", "RTE"])
@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_every_seed_is_drawn_beside_the_papers_means(
    every: dict[str, TaskRecords], method: str, task: str
) -> None:
    release = records.beside(Store(), [task])
    figure = page.ticket_plot(every[task], release, method)
    ours, papers = figure.drawing.axes
    settings = [(kind, state) for kind in KINDS[method] for state in ("pruned", "retrained")]
    drawn = [[*line.get_ydata()] for line in ours.lines]
    assert all(scores(every[task], method, *setting) in drawn for setting in settings)
    published = records.scores(release, task, method)
    theirs = [
        published[f"{kind}, {state}"].mean
        for kind, state in settings
        if f"{kind}, {state}" in published
    ]
    assert [c[0].get_ydata()[0] for c in papers.containers] == pytest.approx(theirs)
    full = np.mean([r["finetune"]["results"]["score"] for r in every[task].values()])
    levels = {line.get_label(): line.get_ydata()[0] for line in ours.lines[:2]}
    assert levels["full model"] == pytest.approx(full)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_ticket_table_pairs_scores_by_seed(every: dict[str, TaskRecords], method: str) -> None:
    entries = every["STS-B"]
    table = page.tickets(entries, method)
    table = table.frame
    names = {kind: kind for kind in ("good", "random", "bad")}
    if method == "magnitude":
        names["largest_removed"] = "bad (largest removed)"
    assert list(table.index) == ["full model"] + [
        f"{name}, {state}" for state in ("pruned", "retrained") for name in names.values()
    ]
    stage = "tickets" if method == "structured" else "magnitude"
    for kind, state in (("bad", "pruned"), ("good", "retrained"), ([*names][-1], "pruned")):
        scores = [e[stage]["results"]["tickets"][kind][state] for e in entries.values()]
        full = [e["finetune"]["results"]["score"] for e in entries.values()]
        differences = [of_full - score for of_full, score in zip(full, scores, strict=True)]
        row = table.loc[f"{names[kind]}, {state}"]
        assert row["score"] == estimate(scores)
        assert row["full minus this"] == estimate(differences)
    assert table.loc["full model", "full minus this"] == ""
    assert table.loc["random, pruned", "random minus this"] == ""
