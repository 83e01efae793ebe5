"""The page on the same seeds on two machines, against the committed records read by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY
from sklearn.metrics import cohen_kappa_score

from replication.book.show import Note, Table
from replication.claims.plan import analyse
from replication.pages import two_machines as page
from replication.pages.plan import in_its_unit
from replication.pages.two_machines import Twice
from replication.store import Store
from replication.study import Study

STUDIES = ("mpnet-glue", "mpnet-glue-cpu")
SEEDS = (1337, 42, 86)


@pytest.fixture(scope="module")
def every() -> dict[str, Twice]:
    return page.load(*STUDIES, Store(REPOSITORY / "results"))


def results(study: str, task: str, stage: str) -> list[dict[str, Any]]:
    folder = REPOSITORY / "results" / study / task
    paths = [folder / f"seed-{seed}" / f"{stage}.json" for seed in SEEDS]
    return [json.loads(path.read_text("utf-8"))["results"] for path in paths]


def test_both_are_the_same_configuration_on_two_machines(every: dict[str, Twice]) -> None:
    one, other = (Study.load(name) for name in STUDIES)
    for task, twice in every.items():
        assert [*twice.ours] == [*twice.again] == [*SEEDS]
        assert one.hash("tickets", task) == other.hash("tickets", task)
        assert twice.machines[0] != twice.machines[1]
    assert [*every] == ["SST-2", "CoLA"]


def test_spreads_are_those_of_the_records(every: dict[str, Twice]) -> None:
    for task, twice in every.items():
        scores = np.array(
            [
                [of["tickets"]["bad"]["retrained"] for of in results(name, task, "tickets")]
                for name in STUDIES
            ]
        )
        found = page.apart(twice, "bad, retrained")
        # A pair's variance is half its squared difference.
        assert found.machines**2 == pytest.approx(scores.var(axis=0, ddof=1).mean())
        assert found.seeds**2 == pytest.approx(scores.var(axis=1, ddof=1).mean())


def test_masks_of_one_seed_are_compared_over_machines(every: dict[str, Twice]) -> None:
    for task, twice in every.items():
        heads = [
            [[*"".join(of["mask"]["heads"])] for of in results(name, task, "search")]
            for name in STUDIES
        ]
        found = page.agreement(twice)["machine"].observed
        # Fleiss' kappa of two raters is Scott's pi: Cohen's where both keep equally many.
        near = np.mean([cohen_kappa_score(a, b) for a, b in zip(*heads, strict=True)])
        assert found == pytest.approx(near, abs=0.02)


def test_a_task_without_a_second_machine_is_left_out(every: dict[str, Twice]) -> None:
    store = Store(REPOSITORY / "results")
    assert page.load("mpnet-glue", "glue-small", store).keys() <= {"SST-2", "CoLA"}
    for show in (page.finding, page.plot, page.table, page.masks):
        assert isinstance(show({}), Note)
    assert isinstance(page.verdicts(STUDIES[0], {}, store), Note)
    table = page.table(every)
    assert isinstance(table, Table) and len(table.frame) == len(page.MODELS)


def test_verdicts_with_the_first_machines_records(every: dict[str, Twice]) -> None:
    """Its own column is the plan's; the other differs, and has no claim on magnitude pruning."""
    store = Store(REPOSITORY / "results")
    found = page.verdicts(STUDIES[0], every, store)
    assert isinstance(found, Table)
    verdicts = analyse(Study.load(STUDIES[0]), store).verdicts()
    told = {v.claim.text: f"{v.verdict}, {in_its_unit(v)}" for v in verdicts if v.means}
    ours, again = (found.frame[name] for name in found.frame)
    assert {*found.frame.index} == {text for text in told if "agnitude" not in text}
    assert all(cell == told[text] for text, cell in ours.items())
    assert (ours != again).all(), "two tasks of five are other runs"
