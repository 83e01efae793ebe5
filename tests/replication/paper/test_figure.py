"""Heights of bars, read from a figure as Matplotlib writes it, and from the authors' own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from by_hand import figure
from conftest import REPOSITORY

from lottery_utils.errors import UserError
from replication.paper.figure import BARS, PANELS, heights
from replication.paper.release import FIGURE

REAL = Path(os.environ.get("LOTTERY_RELEASE", REPOSITORY.parent / "shared" / "paper")) / FIGURE


def test_bars_are_read_panel_by_panel(tmp_path: Path) -> None:
    found = heights(figure(tmp_path / FIGURE))
    assert [*found] == [*PANELS]
    for i, task in enumerate(PANELS):
        assert found[task] == {bar: i + j + 0.5 for j, bar in enumerate(BARS)}


def test_another_figure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has 64 bars: expected 8 in each of 9 panels"):
        heights(figure(tmp_path / FIGURE, 8))
    (tmp_path / "broken").write_bytes(b"stream\nnothing that unpacks\nendstream")
    with pytest.raises(UserError, match="cannot be read"):
        heights(tmp_path / "broken")
    with pytest.raises(UserError, match="cannot be read"):
        heights(tmp_path / "missing")


@pytest.mark.skipif(not REAL.is_file(), reason="no copy of the figure: set LOTTERY_RELEASE")
def test_the_authors_figure_draws_good_tickets_twice() -> None:
    found = heights(REAL)
    assert found["MRPC"]["random, retrained"] == pytest.approx(124.88, abs=0.005)
    assert all(bars["random, retrained"] == bars["good, retrained"] for bars in found.values())
