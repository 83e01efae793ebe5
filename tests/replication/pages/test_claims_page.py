"""The page on the claims: its tables, its figure, and who wins."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from lottery_utils.agreement.inference import Interval, t_interval
from replication.book.provenance import standing
from replication.book.show import MINUS, Note, Table
from replication.claims.rules import KEPT, kept, paper_claims
from replication.claims.trial import PAPER, Trial, put_on_trial, stricter
from replication.claims.verdicts import NO_DATA, SUPPORTED, VERDICTS
from replication.claims.wins import outcome
from replication.pages import claims, sec4_2_good_random_bad


@pytest.fixture(scope="module")
def small_trial() -> Trial:
    return put_on_trial("glue-small")


@pytest.fixture(scope="module")
def trial() -> Trial:
    return put_on_trial("minilm-glue")


def test_verdicts_are_counted(trial: Trial) -> None:
    told = claims.counted(trial.ours)
    numbers = [int(n) for n in re.findall(r"\d+", told)]
    first = claims.registered(trial.ours)
    found = [sum(one.verdict == v for one in first) for v in VERDICTS]
    assert numbers == [n for n in found if n]
    assert sum(numbers) == 27


def test_what_the_verdicts_rest_on(trial: Trial) -> None:
    assert [*claims.basis(trial).frame["which"]] == [
        ", ".join(trial.learned),
        "MRPC, RTE, WNLI",
        "CoLA seed 1337, CoLA seed 86, STS-B seed 42, QQP seed 1337",
        "CoLA seed 42",  # of QQP's seed 86 a gain of 0.725 - 0.625 is enough
        "CoLA seed 1337, CoLA seed 86",
    ]


def test_a_partial_study_says_what_is_missing() -> None:
    trial = put_on_trial("mini-glue")
    assert standing("mini-glue").kind == "warning"
    assert claims.basis(trial).frame["which"].iloc[0] == "none"
    assert {j.verdict for j in trial.ours} == {NO_DATA}
    assert "provisional" in claims.count(trial).text
    shown = claims.plot(trial)
    first = claims.registered(trial.theirs)
    assert len(shown.drawing.axes[0].get_yticks()) == sum(j.found is not None for j in first)
    for make in (claims.flatness, claims.by_task, claims.power):
        assert isinstance(make(trial), Note)
    for make in (claims.shares_kept, claims.won_by_task):
        assert isinstance(make(trial), Table), "of the release"


def test_additions_are_judged_as_one_family_too(trial: Trial) -> None:
    """One more family of twenty claims of one day turns what p = 0.004 supports."""
    (one,) = (j for j in trial.ours if j.claim.key == "good-above-random")
    assert one.found is not None
    sure = one._replace(found=one.found._replace(p=0.004), verdict=SUPPORTED)
    others = [
        sure._replace(claim=replace(one.claim, key=f"later {i}"), found=None, verdict=NO_DATA)
        for i in range(20)
    ]
    alone = claims.in_one_family(replace(trial, ours=[sure]))
    assert alone.text.endswith("supported: none.")
    both = claims.in_one_family(replace(trial, ours=[sure, *others]))
    assert both.text.endswith("supported: good-above-random (p = 0.084).")


def test_the_table_names_numbers_verdicts_and_sections(small_trial: Trial) -> None:
    both = [claims.verdicts(small_trial, added=of)._repr_html_() for of in (False, True)]
    shown = "".join(both)
    assert shown.count("<tr>") + shown.count("<tr ") >= len(paper_claims())
    assert "added 2026-11-26" in both[1] and "added 2" not in both[0]
    assert 'href="../../sec4_2.html"' in shown
    assert 'class="verdict verdict-inconclusive"' in shown
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
    changed = [
        ours.claim.key
        for ours, strict in pairs
        if ours.verdict != strict.verdict and not ours.claim.added
    ]
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
    shares = {task: float(share.replace(MINUS, "-")) for task, share in released.items() if share}
    # Of MRPC the released bad ticket scores less than the majority baseline (0.677 and 0.684).
    assert len(shares) == 8 and shares["MRPC"] < 0 < 0.5 < shares["RTE"]
    ours = table.frame[f"{trial.study.name}: bad"]
    assert "(1 of 3 seeds)" in ours["CoLA"], "with two seeds the bad ticket is mostly the good one"
    assert "seeds" not in ours["SST-2"]
    assert "would win on 7." in claims.finding(trial).text
    by_task = claims.won_by_task(trial).frame
    for task, cell in by_task[PAPER].items():
        if cell:
            assert abs(float(cell.split("%")[0].replace(MINUS, "-")) / 100 - shares[task]) < 0.0101


def test_a_win_needs_its_interval(trial: Trial) -> None:
    found = {
        "A": Interval(0.6, 0.51, 0.69, 3),
        "B": Interval(0.6, 0.49, 0.71, 3),
        "C": Interval(0.2, 0.1, 0.3, 3),
        "D": Interval(0.9, math.nan, math.nan, 1),
    }
    told = claims.won(found)
    assert "win on 1 (A 60%)" in told and "lose on 1 (C 20%)" in told
    assert "2 (B 60%, D 90%) are inconclusive" in told and "one seed" in told and "win on 3" in told


def test_every_claim_with_an_interval_has_its_power(trial: Trial) -> None:
    table = claims.power(trial).frame
    assert len(table) == sum(one.found is not None for one in trial.ours)
    never = [name for name, cell in table["heads"].items() if cell]
    assert [name.split(" ")[1] for name in never] == ["r-raw", "r-normed"]


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
            values = kept(trial.ours)[kind].values[task]
            assert outcome(t_interval(values)) in told[found.end() :].split(")")[0]
    assert "gained less than 0.1" in sec4_2_good_random_bad.kept(trial.records["WNLI"]).text
