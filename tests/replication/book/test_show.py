"""What a notebook shows: one style, one table, one way to write a number, and no hidden state."""

from __future__ import annotations

import io
import math
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import printed_by

from lottery_utils.agreement.inference import t_interval
from replication.book.show import (
    COLOURS,
    Figure,
    Finding,
    Note,
    Table,
    coloured,
    style,
    write_cells,
)
from replication.book.written import (
    GAIN,
    amount,
    estimate,
    interval,
    number,
    p_cell,
    p_text,
    points,
    reach,
    share,
    within,
)


@style()
def drawn(caption: str = "a < b & <script>", alt: str = 'say "so" & <b>') -> Figure:
    drawing, axes = plt.subplots(figsize=(1, 1))
    axes.plot([1, 2], [3, 5])
    return Figure.of(drawing, caption, alt)


def test_a_figure_is_an_image_with_its_texts_and_keeps_what_it_shows() -> None:
    figure = drawn()
    assert figure.png.startswith(b"\x89PNG\r\n\x1a\n")
    _, width, _ = plt.imread(io.BytesIO(figure.png)).shape
    assert f'width="{width * 100 // 150}"' in figure._repr_html_()
    page = BeautifulSoup(figure._repr_html_(), "html.parser")
    assert [image["alt"] for image in page.find_all("img")] == ['say "so" & <b>']
    assert page.get_text() == "a < b & <script>"
    (line,) = figure.drawing.axes[0].lines
    assert line.get_ydata().tolist() == [3, 5]
    assert not plt.get_fignums(), "a figure that stays open is shown twice by a notebook"


def test_a_figure_is_shown_at_100_px_to_the_inch_with_text_of_one_size() -> None:
    with style(20):
        large = drawn()  # drawn() has a style of its own
        drawing, axes = plt.subplots(figsize=(4, 2))
        axes.plot([1, 2], [3, 5])
        figure = Figure.of(drawing, "", "")
    assert (large.font, figure.font) == (10, 20)
    assert 300 < int(re.findall(r'width="(\d+)"', figure._repr_html_())[0]) < 500
    assert {tick.label1.get_size() for tick in axes.xaxis.get_major_ticks()} == {20}


def test_the_style_lasts_as_long_as_a_figure_is_drawn() -> None:
    before = dict(plt.rcParams)
    with style():
        assert not plt.rcParams["axes.spines.top"]
    assert not drawn().drawing.axes[0].spines["top"].get_visible()
    assert dict(plt.rcParams) == before


def test_importing_pages_changes_nothing() -> None:
    code = """
import importlib, pkgutil
import matplotlib.pyplot as plt
before = dict(plt.rcParams)
import replication.pages as pages
for module in pkgutil.iter_modules(pages.__path__):
    importlib.import_module(f"replication.pages.{module.name}")
print({name for name in before if before[name] != plt.rcParams[name]})
"""
    assert printed_by(code) == "set()"


def test_notes_and_cells_are_escaped_and_links_are_not() -> None:
    assert "<script>" not in Note("<script>", "warning")._repr_html_()
    rows = [{"": "x", "cell": "<b>"}]
    assert "&lt;b&gt;" in Table.of(rows)._repr_html_()
    assert "<b>" in Table(Table.of(rows).frame, "claims", links=True)._repr_html_()


def test_a_table_has_a_row_for_each_mapping_and_shows_its_cells_whole() -> None:
    before = pd.get_option("display.max_colwidth")
    table = Table.of([{"task": "RTE", "score": "1"}, {"task": "CoLA", "more": "word " * 40}])
    assert [*table.frame.index] == ["RTE", "CoLA"]
    assert table.frame.loc["RTE", "more"] == table.frame.loc["CoLA", "score"] == ""
    assert ("word " * 40).strip() in table._repr_html_()
    assert pd.get_option("display.max_colwidth") == before


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (0.12345, 3, False, "0.123"),
        (-0.5, 2, True, "\u22120.50"),  # a real minus sign
        (-0.0001, 3, False, "0.000"),  # and none before zero
        (0.5, 1, True, "+0.5"),
        (12, 0, False, "12"),
        (math.nan, 3, True, "undefined"),
    ],
)
def test_numbers_are_written_one_way(value: float, digits: int, signed: bool, text: str) -> None:
    assert number(value, digits, signed=signed) == text
    assert within(value, value, digits, signed=signed) == f"[{text}, {text}]"


def test_an_interval_follows_its_mean() -> None:
    # Two values: t(0.975, 1) = 12.7062, standard error 0.1 / sqrt(2) / sqrt(2) = 0.05.
    found = t_interval([0.8, 0.9])
    assert interval(found) == "0.850 [0.215, 1.485]"
    assert interval(found, 2, signed=True) == "+0.85 [+0.21, +1.49]"
    assert share(found) == "85 % [21 %, 149 %]"
    alone = t_interval([0.5])
    assert (estimate([0.5]), share(alone)) == ("0.500 (no CI, n = 1)", "50 % (no CI)")
    assert interval(alone[:3]) == "0.500 (no CI)"


def test_an_interval_that_leaves_what_is_possible_is_not_printed() -> None:
    found = t_interval([0.8, 0.9])
    assert interval(found, possible=(0, 1)) == "0.850 (no CI, n = 2)"
    assert estimate([1.0, 1.0], possible=(0, 1)) == "1.000 (all equal, n = 2)"
    assert share(found, possible=(0, 1)) == "85 % (no CI)"
    assert share(t_interval([-0.1, -0.1])) == "\u221210 % (all equal)", "no width is no interval"


def test_seeds_have_colours_even_where_there_are_many() -> None:
    found = [*coloured(dict.fromkeys(range(9), "x"))]
    assert [seed for _, seed, _ in found] == [*range(9)]
    assert found[7][0] == found[0][0]
    tickets = {COLOURS[kind] for kind in ("good", "random", "bad")}
    assert tickets.isdisjoint(colour for colour, _, _ in found)


def test_cells_are_written_row_by_row_and_light_on_dark() -> None:
    import numpy as np

    _, axes = plt.subplots()
    write_cells(axes, ["a", "b", "c", "d"], np.array([[True, False], [False, False]]))
    found = {t.get_text(): (t.get_position(), t.get_color()) for t in axes.texts}
    assert found["a"] == ((0, 0), "white")
    assert found["b"] == ((1, 0), "black")
    assert found["c"][0] == (0, 1)
    plt.close()


def test_no_p_value_is_said_to_be_zero() -> None:
    assert [p_text(p) for p in (0.0123, 0.001, 0.0004)] == ["p = 0.012", "p = 0.001", "p < 0.001"]
    assert p_text(float("nan")) == "p undefined"


def test_a_p_value_stays_on_its_side_of_the_level() -> None:
    assert [p_cell(p) for p in (0.0498, 0.049996, 0.0494)] == ["0.0498", "0.049996", "0.049"]
    assert [p_cell(p) for p in (0.05, 0.0502)] == ["0.050", "0.050"]


def test_retained_gain_is_written_in_percent_and_its_differences_in_points() -> None:
    assert (amount(0.284, GAIN), reach(0.03, 0.53, GAIN)) == ("28 %", "[3 %, 53 %]")
    assert points((0.0589, -0.0634, 0.1817)) == "+5.9 points [\u22126.3, +18.2]"
    assert points((0.1, 0.1, 0.1)) == "+10.0 points (all equal)"
    assert (amount(0.5, "kappa"), reach(0, 1, "kappa")) == ("0.500", "[0.000, 1.000]")


def test_a_finding_may_have_more_in_a_paragraph_below() -> None:
    found = Finding("Bad < good.", {"all": "x.html"}, more="See all.")
    assert found._repr_html_() == (
        '<p class="lottery-finding">Bad &lt; good.</p><p>See <a href="x.html">all</a>.</p>'
    )
    assert repr(found) == "Bad < good. See all." and repr(Finding("Bad.")) == "Bad."
