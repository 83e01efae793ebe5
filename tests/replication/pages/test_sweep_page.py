"""The page on the recipe shows the sweep's records, and whether the study follows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import put

from lottery_utils.errors import UserError
from replication.book.show import Finding
from replication.pages import sweep
from replication.store import Key, Store
from replication.study import Study

TASKS = ("CoLA", "STS-B", "RTE")
SEEDS = (1337, 42)


def made_up(task: str) -> str:
    return f"{task} (made-up sentences)"


@pytest.fixture
def swept(workplace: Path) -> dict[str, Any]:
    """A sweep of the tiny study, written as `lottery sweep` would, with known scores."""
    for task in TASKS:
        runs = [
            {
                "learning_rate": rate,
                "batch_size": 4,
                "epochs": epochs,
                "seed": seed,
                "score": score + bonus,
                "loss": 1.0,
            }
            for rate, epochs, score in ((3e-4, 1, 0.5), (1e-3, 1, 0.7), (1e-3, 2, 0.6))
            for seed, bonus in zip(SEEDS, (0.0, 0.1), strict=True)
        ]
        results = {
            "runs": runs,
            "metric": "accuracy",
            "majority": 0.5,
            "examples": {"fit": 48, "held_out": 16},
        }
        put(Study.load("tiny"), task, None, "sweep", results)
    return sweep.load("tiny", Store())


def test_the_sweep_page_shows_its_records(swept: dict[str, Any]) -> None:
    figure = sweep.plot(swept)
    assert all(
        f"{task} (made-up sentences): 48 fitted, 16 held out" in figure.caption for task in TASKS
    )
    assert [axis.get_title() for axis in figure.drawing.axes] == [*map(made_up, TASKS)]
    lines = {line.get_label(): line for line in figure.drawing.axes[0].lines}
    assert [*lines["batch 4, 1 epochs"].get_ydata()] == pytest.approx([0.55, 0.75])
    table = sweep.table(swept)
    table = table.frame
    assert table["CoLA"].tolist() == [0.75, 0.65, 0.55], "means over seeds, the best first"
    assert table["mean over tasks"].tolist() == [0.75, 0.65, 0.55]
    assert table["learning_rate"].tolist() == [1e-3, 1e-3, 3e-4]
    assert table["epochs"].tolist() == [1, 2, 1]


@pytest.mark.parametrize("change", [("1.0e-3", "3.0e-4"), ("epochs: 1", "epochs: 2")])
def test_a_study_that_does_not_follow_its_sweep_is_warned_about(
    swept: dict[str, Any], change: tuple[str, str]
) -> None:
    path = Path("studies/tiny.yaml")
    path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    note = sweep.choice(swept, "tiny", Store())
    assert note.kind == "warning" and "tiny" in note.text


def test_the_finding_is_the_best_recipe_with_its_score_and_n(swept: dict[str, Any]) -> None:
    found = sweep.choice(swept, "tiny", Store())
    assert isinstance(found, Finding)
    assert "learning rate 0.001" in found.text
    assert f"0.750 over {', '.join(map(made_up, TASKS))} (2 seeds each)" in found.text


def test_a_mean_of_several_metrics_says_what_it_is_good_for(swept: dict[str, Any]) -> None:
    one = sweep.choice(swept, "tiny", Store())
    swept["STS-B"]["results"]["metric"] = "pearson"
    two = sweep.choice(swept, "tiny", Store())
    assert isinstance(one, Finding) and isinstance(two, Finding)
    assert two.more.startswith(one.more) and len(two.more) > len(one.more)


def test_a_tie_is_no_best_recipe(swept: dict[str, Any]) -> None:
    best = sweep.choice(swept, "tiny", Store())
    for record in swept.values():
        for run in record["results"]["runs"]:
            run["score"] = 0.5
    tied = sweep.choice(swept, "tiny", Store())
    assert isinstance(best, Finding) and best.text.startswith("The best recipe is")
    assert isinstance(tied, Finding) and tied.text.startswith("No recipe scores higher than")
    assert "0.500 to 0.500" in tied.more


def test_a_missing_sweep_says_how_to_make_it(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"no sweep of the study 'tiny'.*lottery sweep tiny"):
        sweep.load("tiny", Store())
    none = sweep.load("tiny", Store(), needed=False)
    assert sweep.table(none) is sweep.choice(none, "tiny", Store()) is sweep.NO_SWEEP


def test_a_sweep_of_some_tasks_shows_those(swept: dict[str, Any]) -> None:
    (task, *others) = swept
    assert others
    for other in others:
        Store().path(Key(Study.load("tiny").folder("sweep"), other, None, "sweep")).unlink()
    assert [*sweep.load("tiny", Store())] == [task]
