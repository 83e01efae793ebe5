"""The page on the claims: its tables, its figure, and who wins."""

from __future__ import annotations

import re

import numpy as np
import pytest

from replication.book.provenance import standing
from replication.book.show import Note, Table
from replication.claims.rules import KEPT, VERDICTS, paper_claims
from replication.claims.trial import Trial, put_on_trial, stricter
from replication.pages import claims, sec4_2_good_random_bad
from replication.pages.claims import PAPER


@pytest.fixture(scope="module")
def small_trial() -> Trial:
    return put_on_trial("glue-small")


@pytest.fixture(scope="module")
def trial() -> Trial:
    return put_on_trial("minilm-glue")


def test_verdicts_are_counted(trial: Trial) -> None:
    told = claims.counted(trial.ours)
    numbers = [int(n) for n in re.findall(r"\d+", told)]
    assert numbers == [sum(one.verdict == v for one in trial.ours) for v in VERDICTS]
    assert sum(numbers) == len(paper_claims())
    sure = [one._replace(verdict=VERDICTS[1], why="") for one in trial.ours[:2]]
    assert claims.certainty(sure) == ""
    unsure = [sure[0], sure[1]._replace(why="by its mean, not for certain")]
    assert claims.certainty(unsure).startswith("; 1 of the 2 ")


def test_what_the_verdicts_rest_on(trial: Trial) -> None:
    assert [*claims.basis(trial).frame["which"]] == [
        ", ".join(trial.learned),
        "MRPC, RTE, WNLI",
        "CoLA seed 1337, CoLA seed 86, STS-B seed 42, QQP seed 1337",
        "CoLA seed 42, QQP seed 86",
        "CoLA seed 1337, CoLA seed 86",
    ]


def test_a_partial_study_says_what_is_missing() -> None:
    trial = put_on_trial("mini-glue")
    assert standing("mini-glue").kind == "warning"
    assert claims.basis(trial).frame["which"].iloc[0] == "none"
    assert all(j.verdict == "cannot be tested" for j in trial.ours)
    assert "provisional" in claims.count(trial).text
    shown = claims.plot(trial)
    assert len(shown.drawing.axes[0].get_yticks()) == sum(j.found is not None for j in trial.theirs)
    for make in (claims.shares_kept, claims.flatness, claims.by_task):
        found = make(trial)
        assert isinstance(found, Note if make is not claims.shares_kept else Table)


def test_the_table_names_numbers_verdicts_and_sections(small_trial: Trial) -> None:
    shown = claims.verdicts(small_trial)._repr_html_()
    assert shown.count("<tr>") + shown.count("<tr ") >= len(paper_claims())
    assert 'href="../../sec4_2.html"' in shown
    assert 'class="verdict verdict-cannot-be-tested"' in shown
    assert "8 tasks" in shown, "of the released numbers"
    assert len(claims.rules(small_trial).frame) == len(paper_claims())
    of_tasks = claims.by_task(small_trial)
    assert list(of_tasks.frame.columns) == ["SST-2", "CoLA"]
    rows = re.findall(r'id="(tasks-[^"]+)"', of_tasks._repr_html_())
    assert re.findall(r'href="#(tasks-[^"]+)"', shown) == rows, "each claim leads to its own row"
    assert len(rows) == len(paper_claims())


def test_the_stricter_reading_lists_what_it_changes(trial: Trial) -> None:
    rows = claims.stricter(trial)
    pairs = zip(trial.ours, stricter(trial), strict=True)
    changed = [ours.claim.key for ours, strict in pairs if ours.verdict != strict.verdict]
    named = [name.split(" ")[1] for name in rows.frame.index]
    assert named == [key for key in changed if key != "wnli-not-learned"]


def test_flatness_sees_the_width(trial: Trial) -> None:
    table = claims.flatness(trial)
    (row,) = table.frame.index
    of_seeds = trial.records["SST-2"].results("search")
    widths = []
    for results in of_seeds:
        low, middle, high = np.quantile(results["steps"][0]["head_scores"], [0.25, 0.5, 0.75])
        widths.append((high - low) / middle)
    assert table.frame.loc[row, "SST-2"] == f"{np.mean(widths):.2f}"


def test_bad_tickets_win_where_they_keep_half(trial: Trial) -> None:
    table = claims.shares_kept(trial)
    released = table.frame[f"{PAPER}: bad"]
    shares = {task: float(share) for task, share in released.items() if share}
    # Of MRPC the released bad ticket scores less than the majority baseline (0.677 and 0.684).
    assert len(shares) == 8 and shares["MRPC"] < 0 < 0.5 < shares["RTE"]
    ours = table.frame[f"{trial.study.name}: bad"]
    assert "(1 of 3 seeds)" in ours["CoLA"], "with two seeds the bad ticket is mostly the good one"
    assert "seeds" not in ours["SST-2"]
    lost = [task for task, share in shares.items() if share < 0.5]
    told = claims.wins(trial).text
    assert f"{PAPER}: bad tickets win on {8 - len(lost)} of 8 tasks" in told


def test_a_task_page_says_what_the_trial_says(trial: Trial) -> None:
    """The same seeds and the same measure: two pages must not tell two stories."""
    table = claims.shares_kept(trial)
    for task in trial.learned:
        told = sec4_2_good_random_bad.kept(trial.records[task]).text
        for kind in KEPT:
            cell = str(table.frame.loc[task, f"{trial.study.name}: {kind}"]).split(" ")[0]
            found = re.search(rf"\b{kind} (-?\d+)% \((\d) seed", told)
            assert found
            assert float(found[1]) / 100 == pytest.approx(float(cell), abs=0.006)
            n = sum(trial.records[task].contrasted()) if kind != "good" else 3
            assert int(found[2]) == min(n, len(trial.records[task]))
            assert (float(cell) >= 0.5) == bool(re.match(r"s?, a win", told[found.end() :]))
    assert "gained less than 0.1" in sec4_2_good_random_bad.kept(trial.records["WNLI"]).text
