"""What axe-core finds wrong for readers who hear a page, or see it without some colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import DESK

PAGES = (
    "book/index",
    "book/about",
    "book/report/minilm-glue/claims",
    "book/report/quick/SST-2/sec4_2_good_random_bad",
    "book/report/explorer",
    "book/report/choices",
    "book/course/exercise_1",
    "book/course/quiz",
    "book/api/masks_and_pruning",
    "book/sec3",
    "book/glossary",
    "book/report/cost",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_serious_bars_a_reader(site: Path, browser: Any, page: str, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(viewport=DESK, color_scheme=theme, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto((site / f"{page}.html").as_uri(), wait_until="load")
    assert tab.evaluate("document.documentElement.dataset.theme") == theme
    found = axe.Axe().run(tab).response["violations"]
    context.close()
    serious = [
        f"{one['id']} ({one['impact']}): {one['help']}; {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == []
