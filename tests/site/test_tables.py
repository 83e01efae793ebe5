"""Tables that are wider than their place: cards on a phone, a box that scrolls elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from browsing import DESK, FIND_TOO_WIDE, PHONE, eventually
from conftest import REPOSITORY

STATIC = (REPOSITORY / "book" / "_static").as_uri()
COLUMNS = [f"a_column_{i}" for i in range(5)]


@pytest.fixture
def shown(tmp_path: Path, browser: Any) -> Iterator[Any]:
    """A function: a tab of a size that shows a table alone."""
    tab = browser.new_page()

    def show(frame: pd.DataFrame, size: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(
            f'<!doctype html><link rel="stylesheet" href="{STATIC}/custom.css">'
            f'<script defer src="{STATIC}/tables.js"></script><article class="bd-article">'
            f'<div style="overflow-x: auto">{frame.to_html()}</div></article>',
            encoding="utf-8",
        )
        tab.set_viewport_size(size)
        tab.goto(path.as_uri())
        tab.wait_for_timeout(50)
        return tab

    yield show
    tab.close()


def test_rows_become_cards_with_the_names_of_columns(shown: Any) -> None:
    index = pd.MultiIndex.from_tuples([("x", "1"), ("x", "2"), ("y", "1")], names=["task", "seed"])
    frame = pd.DataFrame([[f"{r}/{c}" for c in range(5)] for r in range(3)], index, COLUMNS)
    tab = shown(frame, PHONE)
    eventually(tab.locator("table.cards")).to_be_visible()
    assert tab.evaluate(FIND_TOO_WIDE) == []
    rows = tab.locator("tbody tr")
    for number, (row, (task, seed)) in enumerate(zip(rows.all(), index, strict=True)):
        assert row.inner_text().split()[:2] == [task, seed], "names that rows share are in each"
        labels = row.locator("td").evaluate_all("all => all.map((cell) => cell.dataset.label)")
        assert labels == COLUMNS
        assert f"{number}/4" in row.inner_text()
    tab.set_viewport_size(DESK)  # turned, or read on another screen
    eventually(tab.locator("table.cards")).to_have_count(0)
    assert rows.nth(1).inner_text().split()[0] == "2"


def test_a_table_that_fits_stays_one(shown: Any) -> None:
    tab = shown(pd.DataFrame({"a": ["1"]}), PHONE)
    assert tab.locator("table.cards, table.dense").count() == 0


def test_on_a_desk_a_wide_table_scrolls_by_keyboard(shown: Any) -> None:
    tab = shown(pd.DataFrame([["word" * 4] * 20]), DESK)
    box = tab.get_by_role("region")
    eventually(box).to_have_attribute("tabindex", "0")
    box.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_timeout(300)
    assert box.evaluate("box => box.scrollLeft") > 0
