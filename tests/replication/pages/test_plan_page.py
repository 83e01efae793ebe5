"""The page on the registered plan: before any record, with two entries, and with all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import dots
from conftest import executed
from made_up import RIGHT, SEEDS, STUDY, task_entries, write

from lottery_utils.agreement.inference import t_interval
from replication.book.show import Note, Table
from replication.book.written import share
from replication.claims.plan import Analysis, Outcome, analysed
from replication.claims.retained import Ticket
from replication.claims.verdicts import CONTRADICTED, SUPPORTED
from replication.pages import plan
from replication.runs.records import TaskRecords
from replication.store import Store
from replication.study import Study

MAGNITUDE = ("SST-2", "CoLA")


def fails(seed: int, name: str, answers: Any) -> Any:
    """SST-2's bad ticket gives one class with the first seed."""
    failed = (seed, name) == (SEEDS[0], "structured bad, retrained")
    return np.ones_like(answers) if failed else answers


def entries(task: str) -> dict[int, dict[str, Any]]:
    held_out = 0 if task in ("MRPC", "RTE") else 500
    change = fails if task == "SST-2" else None
    return task_entries(task, magnitude=task in MAGNITUDE, held_out=held_out, change=change)


@pytest.fixture(scope="module")
def whole() -> Analysis:
    """All but STS-B, whose answers are grades."""
    return analysed(STUDY, {task: entries(task) for task in STUDY.tasks if task != "STS-B"})


def test_the_finding_has_means_intervals_n_and_counts(whole: Analysis) -> None:
    text = repr(plan.finding(whole))
    assert "retrained bad subnetworks" in text and "4 tasks × 3 seeds, 1,800 examples" in text
    means = {one.claim.key: one.found.mean for one in whole.verdicts() if one.found}
    shown = [float(share) / 100 for share in re.findall(r"retain (\d+) % \[", text)]
    assert shown == pytest.approx([means[key] for key in plan.RETAIN.values()], abs=0.006)
    counts = sum(int(n) for n in re.findall(r"(\d+) (?:supp|cons|inc|contr|no d)", text))
    assert counts == 10


def test_the_dots_are_the_seeds_and_those_that_did_not_train_are_hollow(whole: Analysis) -> None:
    (structured,) = plan.plot(whole).drawing.axes
    (magnitude,) = plan.plot(whole, "magnitude").drawing.axes
    of_heads = dots(structured)
    assert len(of_heads) == 4 * 3 * 3
    shown = sorted(float(dot.get_xdata()[0]) for dot in of_heads)
    expected = sorted(
        float(share)
        for of_task in whole.scored.values()
        for kind in ("good", "random", "bad")
        for share in of_task.tickets[Ticket("structured", kind, "retrained")][0]
    )
    assert shown == pytest.approx(expected)
    assert sum(dot.get_markerfacecolor() == "white" for dot in of_heads) == 1
    assert len(dots(magnitude)) == 2 * 4 * 3


def test_tables_say_what_was_found(whole: Analysis) -> None:
    verdicts = plan.verdicts(whole).frame
    assert len(verdicts) == 10 and len(verdicts.columns) <= 5
    assert whole.provisional, "without STS-B"
    assert all(word.startswith("provisional: ") for word in verdicts["verdict"])
    verdicts["verdict"] = verdicts["verdict"].str.removeprefix("provisional: ")
    assert list(verdicts["verdict"]) == [
        one.verdict + (f" ({one.why})" if one.why else "") for one in whole.verdicts()
    ]
    clear = (SUPPORTED, CONTRADICTED)
    decided = [row for _, row in verdicts.iterrows() if row["verdict"] in clear]
    assert decided and all(float(row["adjusted p"].strip("< ")) < 0.05 for row in decided)
    outcomes = plan.outcomes(whole)
    assert isinstance(outcomes, Table) and len(outcomes.frame) == 7
    bad = outcomes.frame.loc["structured pruning: bad"].tolist()
    assert bad[:2] == ["12", "1"] and sum(map(int, bad[1:])) == 12
    optimism = plan.optimism(whole)
    assert isinstance(optimism, Table) and set(optimism.frame.columns) == {"pruned", "retrained"}
    assert len(plan.searched(whole).frame) == 10
    tasks = plan.tasks(whole)
    assert isinstance(tasks, Table) and set(tasks.frame["enters"]) == {"yes"}
    assert tasks.frame.loc["RTE", "examples"] == "400 searched"


def test_other_rates_stand_beside(whole: Analysis) -> None:
    (failed,) = [one for one in whole.outcomes() if one.ended == "did not train"]
    assert failed[:4] == ("SST-2", SEEDS[0], "structured", "bad") and isinstance(failed, Outcome)
    before = plan.rates(whole)
    assert isinstance(before, Table) and before.frame.iloc[0].tolist() == [
        "0.500", "not tried yet", "not tried yet",
    ]  # fmt: skip
    again = {
        "structured": {
            "bad": {"half": {"score": 0.7, "held_out": {"accuracy": 0.75}}, "twice": {"score": 0.5}}
        }
    }
    stages = {**whole.entries["SST-2"][SEEDS[0]], "rates": {"results": {"tickets": again}}}
    tried = TaskRecords({**whole.entries["SST-2"], SEEDS[0]: stages})
    after = plan.rates(replace(whole, entries={**whole.entries, "SST-2": tried}))
    assert isinstance(after, Table) and after.frame.iloc[0].tolist() == ["0.500", "0.750", "0.500"]


def test_without_records_nothing_is_claimed() -> None:
    nothing = analysed(STUDY, {})
    assert plan.standing(nothing).text.startswith("Provisional. 0 of 15 runs are in.")
    assert "can be given yet" in repr(plan.finding(nothing))
    assert isinstance(plan.rates(nothing), Note)
    for show in (plan.plot, plan.tasks, plan.outcomes, plan.optimism):
        assert isinstance(show(nothing), Note)
    assert set(plan.verdicts(nothing).frame["n"]) == {"0"}


def test_before_all_tasks_share_two_seeds_each_has_its_own_mean() -> None:
    rte = task_entries("RTE", seeds=SEEDS[:1], held_out=0)
    sst2 = task_entries("SST-2", seeds=SEEDS[1:])
    one = analysed(STUDY, {"SST-2": sst2, "RTE": rte})
    found = repr(plan.finding(one))
    bad = one.scored["SST-2"].tickets[plan.BAD][0].tolist()
    assert f"SST-2 {share(t_interval(bad))}, n = 2; RTE " in found and "n = 1. These" in found


def test_an_interval_beyond_what_scores_can_be_is_not_printed() -> None:
    far = task_entries("SST-2", seeds=SEEDS[1:])
    one = analysed(STUDY, {"SST-2": far, "RTE": task_entries("RTE", seeds=SEEDS[:1], held_out=0)})
    wide = replace(one.scored["SST-2"], tickets={**one.scored["SST-2"].tickets})
    wide.tickets[plan.BAD] = np.array([[-1.0, 1.4]])
    found = repr(plan.finding(replace(one, scored={**one.scored, "SST-2": wide})))
    assert "SST-2 20 % (no CI), n = 2" in found


def test_a_task_outside_the_region_of_a_supported_claim_is_named() -> None:
    """Largest weights fail on CoLA so surely that the mean over tasks is in the region."""
    kinds = {"SST-2": 0.78, "CoLA": 0.5}
    every = {
        task: task_entries(task, RIGHT | {"largest_removed": right}, held_out=5000, magnitude=True)
        for task, right in kinds.items()
    }
    analysis = analysed(STUDY, every)
    (one,) = [v for v in analysis.verdicts() if v.claim.key == "m-bad-fails"]
    means = {task: of.low > one.claim.high for task, of in analysis.outside(one).items()}
    assert one.verdict == SUPPORTED and means == {"SST-2": True}
    assert "not so on SST-2" in repr(plan.finding(analysis))
    cell = plan.verdicts(analysis).frame.loc[one.claim.text, "verdict"]
    assert cell.startswith("provisional: supported (outside on SST-2: ")
    nearby = analysed(STUDY, {"SST-2": task_entries("SST-2", magnitude=True)})
    assert "not so on" not in repr(plan.finding(nearby))


def test_a_task_that_does_not_enter_is_named() -> None:
    weak = analysed(STUDY, {"SST-2": task_entries("SST-2", dict.fromkeys(RIGHT, 0.6))})
    text = plan.standing(weak).text
    assert "SST-2 does not enter: its full models gain" in text
    tasks = plan.tasks(weak)
    assert isinstance(tasks, Table) and tasks.frame.loc["SST-2", "enters"].startswith("no: ")
    assert isinstance(plan.plot(weak), Note)


def test_the_notebook_shows_two_of_its_entries(tmp_path: Path) -> None:
    results = tmp_path / "results"
    first = {task: entries(task).of_seeds(SEEDS[:1]) for task in MAGNITUDE}
    write(Store(results), first)
    _, html = executed("plan", tmp_path / "plan.ipynb", results_dir=str(results))
    assert f"Provisional. 2 of {5 * len(Study.load('mpnet-glue').seeds)} runs are in." in html
    assert "a single seed, which has no spread" in html
    assert '<figure class="lottery-figure"' in html and "Traceback" not in html
