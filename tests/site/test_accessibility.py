"""What axe-core finds wrong for readers who hear a page, or see it without some colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import DESK, KINDS_OF_PAGES
from conftest import REPOSITORY, module_at


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", KINDS_OF_PAGES)
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


def test_no_line_ends_between_a_number_and_its_unit() -> None:
    unbroken = module_at(REPOSITORY / "book" / "_ext" / "accessible_html.py").UNBROKEN
    said = "p = 0.05 (n = 3 seeds, 95 % CI), p &lt; 0.001 on 5 % of the tasks; map = 3"
    assert unbroken.sub("~", said) == (
        "p~=~0.05 (n~=~3 seeds, 95~%~CI), p~&lt;~0.001 on 5~% of the tasks; map = 3"
    )
