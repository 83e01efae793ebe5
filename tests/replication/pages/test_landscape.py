"""The page on section 6: the loss around tickets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from by_hand import control, entries

from replication.claims.evidence import of_landscape
from replication.pages.parts import landscape as page
from replication.runs.measured import rise


def test_the_loss_around_a_ticket_that_learned_nothing_is_not_compared() -> None:
    learned = entries(majority=0.75, control=control())  # bad tickets fall below this baseline
    assert "uninformative" in page.landscape(learned).caption
    assert "no bad ticket of SST-2" in page.flatness(learned).text


def test_flatness_is_the_mean_over_directions_and_signs() -> None:
    found = entries(control=control())
    tickets = found[42]["tickets"]["results"]["tickets"]
    tickets["bad"]["landscape"] = {"radii": [-0.2, 0, 0.2], "loss": [[1.0, 0.5, 0.7], [0.5] * 3]}
    tickets["good"]["landscape"] = {"radii": [-0.2, 0, 0.2], "loss": [[0.5] * 3] * 2}
    only = found.of_seeds([42])
    assert rise(tickets["bad"], 0.2) == pytest.approx((0.5 + 0.2) / 4)
    assert "good +0.000; bad +0.175" in page.flatness(only).text
    assert "enough to compare" in page.flatness(only).text
    assert "a single step changes the loss by up to 0.500" in page.flatness(only).text
    ((_, values),) = of_landscape(only)
    assert values == pytest.approx([0.175])
    assert "where either reaches that: +0.175." in page.flatness(only).text
    tickets["bad"]["landscape"]["loss"] = [[0.5, 0.5, 0.6]] * 2
    ((_, none),) = of_landscape(only)
    assert none == [], "any two tickets would be as flat"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([0.3, 0.301], "flatter around good"),
        ([0.1, 0.101], "flatter around bad"),
        ([0.2, 0.21], "as flat around bad tickets as around good"),
        ([0.1, 0.3], "inconclusive (n = 2 of 2 seeds)"),
        ([0.3], "inconclusive (n = 1 of 1 seed)"),
    ],
)
def test_which_ticket_is_flatter_needs_an_interval(bad: list[float], said: str) -> None:
    """The loss around the good ticket rises by 0.2 everywhere."""
    found = entries(control=control())
    for seed, rises in zip(found, bad, strict=False):
        for kind, by in (("good", 0.2), ("bad", rises)):
            found[seed]["tickets"]["results"]["tickets"][kind]["landscape"] = {
                "radii": [-0.2, 0, 0.2],
                "loss": [[by, 0.0, by]] * 2,
            }
    assert said in page.landscape(found.of_seeds([*found][: len(bad)])).caption


def test_the_landscape_starts_from_zero() -> None:
    figure = page.landscape(entries())
    first, second, *_ = ([*line.get_ydata()] for line in figure.drawing.axes[0].lines)
    assert (first, second) == ([1, 0, 2], [0, 0, 0])
    assert "at both ends: good +0.750" in figure.alt
    older = entries()
    del older[42]["tickets"]["results"]["tickets"]["good"]["landscape"]
    assert page.landscape(older) is page.NO_LANDSCAPE


def test_runs_look_around_good_and_bad_tickets(tiny_run: Path) -> None:
    for path in tiny_run.glob("results/tiny/*/seed-*/tickets.json"):
        results = json.loads(path.read_text("utf-8"))["results"]
        looked = {kind for kind, of in results["tickets"].items() if "landscape" in of}
        assert looked == {"good", "bad"}
        for kind in looked:
            found = results["tickets"][kind]["landscape"]
            middle = found["radii"].index(0)
            assert len({line[middle] for line in found["loss"]}) == 1, "all start from the ticket"
            assert 0 < found["n_examples"] <= 100
