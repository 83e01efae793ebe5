"""The page on section 6: tickets without pre-training, and the loss around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from by_hand import control, entries

from replication.pages import sec6_discussion as page


def test_the_control_and_what_it_says() -> None:
    table = page.table(entries(control=control()))
    assert table.frame.loc["bad", "what pre-training adds"].startswith("0.100 [")
    assert table.frame.loc["good", "only embeddings pre-trained"].startswith("0.650 [")
    note = page.reading(entries(control=control()))
    assert "the good ticket is +0.300 from the majority" in note.text
    assert (
        "with nothing pre-trained it keeps 33% of that, with only the embeddings 50%" in note.text
    )
    assert "n = 2 seeds" in note.text
    nothing = page.reading(entries(majority=0.9, control=control()))
    assert "uninformative" in nothing.text
    figure = page.plot(entries(control=control()))
    groups = [line.get_ydata() for line in figure.drawing.axes[0].lines[:9]]
    for ticket, start in enumerate((0.8, 0.7, 0.7)):  # good, random, bad with pre-training
        for values, expected in zip(groups[3 * ticket :], (start, 0.65, 0.6), strict=False):
            assert values == pytest.approx([expected] * 2)


def test_the_landscape_starts_from_zero() -> None:
    figure = page.landscape(entries())
    first, second, *_ = ([*line.get_ydata()] for line in figure.drawing.axes[0].lines)
    assert (first, second) == ([1, 0, 2], [0, 0, 0])
    assert "good +0.750 on average at both ends" in figure.alt
    older = entries()
    del older[42]["tickets"]["results"]["tickets"]["good"]["landscape"]
    assert page.landscape(older) is page.NO_LANDSCAPE


def test_without_a_control_the_page_says_how_to_make_it() -> None:
    for show in (page.table, page.plot, page.reading):
        note = show(entries())
        assert note is page.NO_CONTROL and "--set followups." in note.text


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
