"""The page on super-survivors as tickets: what it says is what their records say."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import MASKS, entries, survivors
from conftest import REPOSITORY

from lottery_utils.agreement.survivors import KINDS
from lottery_utils.masks import StructuredMask
from replication.book.written import percent
from replication.claims.evidence import SURVIVORS, of_survivors
from replication.pages import sec5_1_survivors as page
from replication.paper import records as paper
from replication.runs.records import TaskRecords, load
from replication.store import Store
from replication.study import Study


def test_the_finding_has_what_super_survivors_and_anti_survivors_retain() -> None:
    of_task = load("minilm-glue", "SST-2", also=["survivors"])["SST-2"]
    text = repr(page.finding(of_task))
    majority, full = (np.mean(of_task.scores(name)) for name in ("majority", "full"))
    tickets = [results["tickets"] for results in of_task.results("survivors")]
    means = [np.mean([t[kind]["retrained"] for t in tickets]) for kind in ("super", "anti")]
    most, least = ((mean - majority) / (full - majority) for mean in means)
    assert f"retain {percent(most)} of the gain" in text and f"size {percent(least)}." in text
    assert f"{100 * (most - least):+.1f} points [" in text
    ((name, by_seed),) = of_survivors(of_task)
    assert name == SURVIVORS and len(by_seed) == 3
    assert np.mean(by_seed) == pytest.approx(most - least, abs=0.01), "the claim's unit is near"
    assert ("above 0" in text) != ("inconclusive" in text)
    assert "no seed keeps: 13 of 13." in text


def test_held_out_examples_and_tickets_that_did_not_train_are_named() -> None:
    """Counted from the answers on record: one answer to all is no training."""
    of_task = load("mpnet-glue", "CoLA", also=["survivors"])["CoLA"]
    scored: dict[str, list[float]] = {"full": [], "super": [], "anti": []}
    stuck = dict.fromkeys(KINDS, 0)
    for stages in of_task.values():
        scored["full"].append(stages["finetune"]["results"]["held_out"]["matthews"])
        for kind, ticket in stages["survivors"]["results"]["tickets"].items():
            answers = ticket["answers"]["retrained"]
            stuck[kind] += len({*answers["predictions"]["validation"]}) == 1
            if kind in scored:
                scored[kind].append(answers["held_out"]["matthews"])
    text = repr(page.finding(of_task))
    assert stuck["super"] == 0 and stuck["anti"] > 0
    assert f"anti-survivors {stuck['anti']}" in text
    assert f"of {len(of_task)} of a kind" in text
    best, worst = (sum(scored[k]) / sum(scored["full"]) for k in ("super", "anti"))  # majority: 0
    assert f"super-survivors retain {percent(best)}, anti-survivors {percent(worst)}." in text
    small = repr(page.finding(load("minilm-glue", "SST-2", also=["survivors"])["SST-2"]))
    assert "held out" not in small and "did not train" not in small


def test_without_a_gain_or_a_spread_the_finding_says_so() -> None:
    alike = repr(page.finding(entries(survivors=survivors())))
    assert "+0.0 points (all equal) (n = 2 seeds: inconclusive)." in alike
    assert "no seed keeps: 1 of 2." in alike
    unlearned = repr(page.finding(entries(majority=0.9, survivors=survivors())))
    assert "no gain from fine-tuning" in unlearned


def test_survivors_tell_how_many_places_others_fill() -> None:
    table = page.survivors_table(entries(survivors=survivors()))
    assert table.frame["heads"].tolist() == ["2", "2", "2, of them 1 kept by some seeds"]
    # All MLPs survive with all seeds, so that neither other kind has any of its own.
    assert table.frame["MLPs"].tolist() == ["2", *["2, of them 2 kept by all seeds"] * 2]
    assert all(text == "0.550 (no CI, n = 2)" for text in table.frame["pruned"])
    assert all(text == "0.750 (no CI, n = 2)" for text in table.frame["retrained"])


def test_kinds_of_survivors_that_are_one_ticket_are_named() -> None:
    """On QQP, 36 heads survive with every seed of 72, so that the two other kinds are the rest."""
    store = Store(REPOSITORY / "results")
    study = Study.load("minilm-glue")
    rows = {
        task: [*page.survivors_table(TaskRecords.of(study, task, store, ["survivors"])).frame.index]
        for task in ("QQP", "SST-2")
    }
    assert [row.partition(" (")[2] for row in rows["QQP"]] == [
        "",
        "",
        "the same ticket as in between)",
    ]
    assert not any("same ticket" in row for row in rows["SST-2"])


def test_empty_tickets_of_survivors_are_not_scored() -> None:
    nothing = survivors()
    for record in nothing.values():
        for ticket in record["results"]["tickets"].values():
            ticket["mask"] = StructuredMask(MASKS[0] & False, np.zeros(2, bool)).to_json()
    assert page.survivors_table(entries(survivors=nothing)) is page.EMPTY
    assert page.survivors_plot(entries(survivors=nothing), {}) is page.EMPTY
    assert page.finding(entries(survivors=nothing)) is page.EMPTY


def test_survivors_are_drawn_with_the_papers() -> None:
    release = paper.beside(Store(), ["SST-2"])
    figure = page.survivors_plot(entries(survivors=survivors()), release)
    axis = figure.drawing.axes[0]
    drawn = [[*line.get_xdata()] for line in axis.lines]
    # Retrained 0.7 and 0.8, of a gain of 0.4 over 0.5.
    assert [pytest.approx(0.5), pytest.approx(0.75)] in drawn
    published = paper.scores(release, "SST-2", "survivors")
    gain = published["full"].mean - published["majority"].mean
    for kind in KINDS:
        share = (published[f"{kind}, retrained"].mean - published["majority"].mean) / gain
        assert [pytest.approx(share)] in drawn
    own = page.survivors_plot(entries("MINE", survivors=survivors()), release)
    assert len(own.drawing.axes[0].get_yticks()) == 1


def test_without_tickets_of_survivors_the_page_says_how_to_make_them() -> None:
    mine = entries()
    for note in (page.finding(mine), page.survivors_table(mine), page.survivors_plot(mine, {})):
        assert note is page.NO_SURVIVORS and "--set followups." in note.text
