"""The built site and a browser to open it in, for tests that see it as a reader does.

`make book` builds the site. Where there is no site or no browser their tests are skipped, except
in continuous integration (CI=true), where both have to be there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A page of each kind, for what takes a while to find out.
KINDS_OF_PAGES = (
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
    "book/report/speed",
    "book/report/cost",
    "book/report/minilm-glue/overview",
    "book/report/bert-base-released/released_tickets",
    "search",
)
# A browser that opens one file has no reason to call home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
WIDE = {"width": 1440, "height": 900}
THEMES = ("light", "dark")

# What is cut or must be scrolled sideways, after a moment for scripts that make it fit: the page
# itself, or something of its article. Formulas may scroll, and so may the explorer's table of a
# grid, which folds. Columns of a table whose words touch are found too.
FIND_TOO_WIDE = """
async () => {
    const root = document.documentElement;
    const named = (element) => `${element.tagName} ${element.className}`.slice(0, 80);
    const words = (cell) => {
        if (!cell?.innerText.trim()) return null;
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getBoundingClientRect();
    };
    const touching = (row) => [...row.cells].some((cell, i) => {
        const one = words(cell), next = words(row.cells[i + 1]);
        return one && next && next.top < one.bottom && next.left - one.right < 6;
    });
    const MAY = "mjx-container, .math, .cards thead, details .explorer-scroll, svg";
    const beyond = (element) => element.getBoundingClientRect().right > root.clientWidth + 1;
    const find = () => {
        const found = [];
        if (root.scrollWidth > root.clientWidth) {
            found.push(`the page is ${root.scrollWidth} of ${root.clientWidth} pixels wide`);
            found.push(...[...document.querySelectorAll("body *")].filter(beyond).map(named));
        }
        for (const element of document.querySelectorAll(".bd-article *")) {
            if (element.scrollWidth <= element.clientWidth + 1 || !element.clientWidth) continue;
            if (element.closest(MAY) || getComputedStyle(element).overflowX === "visible") continue;
            found.push(`${named(element)}: ${element.scrollWidth} in ${element.clientWidth}`);
        }
        for (const row of document.querySelectorAll(".bd-article table:not(.cards) tr"))
            if (touching(row)) found.push(`columns touch: ${row.innerText.slice(0, 60)}`);
        return found.slice(0, 10);
    };
    let found = [];
    for (let tries = 0; tries < 10; tries += 1) {
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        found = find();
        if (!found.length) break;
        await new Promise((done) => setTimeout(done, 100));
    }
    return found;
}
"""


def missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: continuous integration has to have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").is_file():
        missing("there is no built site: run 'make book'")
    return SITE


@pytest.fixture(scope="session")
def browser(site: Path) -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        missing(f"there is no browser: none of {', '.join(BROWSERS)} was found")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, site: Path, browser: Any) -> Iterator[Any]:
    """The page that a test file calls `PAGE`, opened from disk; errors of its scripts fail."""
    opened = browser.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto((site / request.module.PAGE).as_uri(), wait_until="load")
    yield opened
    opened.close()
    assert errors == []


def eventually(what: Any) -> Any:
    """Playwright's assertions, which wait: a page hears of some clicks after they have returned."""
    from playwright.sync_api import expect

    return expect(what)


def address(page: Any) -> str:
    """What the page itself takes for its address: Playwright's `page.url` may be a moment late."""
    return str(page.evaluate("location.href"))
