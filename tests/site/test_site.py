"""The built site as a reader sees it: opened from disk, in a browser, without a network."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browsing import DESK, FIND_TOO_WIDE, PHONE, THEMES, WIDE
from conftest import REPOSITORY

from replication.book.contents import Page, listed
from replication.book.show import WIDEST

PAGES = listed(REPOSITORY / "_toc.yml")
every_page = pytest.mark.parametrize("page", PAGES)


@dataclass
class Visit:
    """What a browser saw on one page."""

    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    formulas: int = 0
    rendered: int = 0
    broken_formulas: int = 0
    figures: int = 0
    cut: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def visits(site: Path, browser: Any) -> dict[str, Visit]:
    """Every page, opened once on a desk's screen, then made wider and as narrow as a phone."""
    # One tab for all pages, as a reader has it: it keeps the scripts that all of them load.
    tab = browser.new_page()
    found = {page: visit(tab, site / f"{page}.html") for page in PAGES}
    tab.close()
    return found


def visit(page: Any, path: Path) -> Visit:
    seen = Visit()
    if not path.is_file():
        seen.failed.append(f"{path.name} was not built")
        return seen
    listeners = {
        "console": lambda m: seen.errors.append(m.text) if m.type == "error" else None,
        "pageerror": lambda error: seen.errors.append(str(error)),
        "requestfailed": lambda request: seen.failed.append(request.url[:200]),
        "request": lambda request: note_host(request.url, seen.elsewhere),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.set_viewport_size(DESK)
    page.goto(path.as_uri(), wait_until="load")
    seen.formulas = page.locator(".math").count()
    if seen.formulas:
        from playwright.sync_api import TimeoutError

        with contextlib.suppress(TimeoutError):  # the numbers below tell
            page.wait_for_function(ALL_RENDERED, timeout=20_000)
    seen.rendered = page.locator(".math:has(mjx-container)").count()
    seen.broken_formulas = page.locator("mjx-merror, [data-mjx-error]").count()
    seen.images = page.evaluate(LOAD_IMAGES)
    # The theme has a second title in every page, for print only.
    seen.headings = page.locator("h1:visible").all_inner_texts()
    seen.figures = page.locator(FIGURES).count()
    for size in (DESK, WIDE, PHONE):
        page.set_viewport_size(size)
        for theme in THEMES:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            where = f"{size['width']} px, {theme}"
            seen.cut += [f"{where}: {what}" for what in page.evaluate(FIND_TOO_WIDE)]
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return seen


def note_host(url: str, elsewhere: list[str]) -> None:
    if urlsplit(url).scheme not in ("file", "data", "blob", "about"):
        elsewhere.append(url[:200])


FIGURES = "figure.lottery-figure img, .lottery-explorer .main-svg, table.verdicts svg"

ALL_RENDERED = """
document.querySelectorAll(".math mjx-container").length >= document.querySelectorAll(".math").length
"""

# Images that would only load when scrolled to are asked for as well.
LOAD_IMAGES = """
() => Promise.all([...document.images].map(async (image) => {
    image.loading = "eager";
    try { await image.decode(); } catch (error) { /* the width below tells */ }
    return {
        source: image.src.slice(0, 120),
        alt: image.getAttribute("alt"),
        width: image.naturalWidth,
    };
}))
"""


@every_page
def test_a_page_opens_whole_without_errors_and_asks_no_other_host(
    visits: dict[str, Visit], page: str
) -> None:
    seen = visits[page]
    assert (seen.failed, seen.errors, seen.elsewhere, seen.cut) == ([], [], [], [])
    (title,) = seen.headings
    assert title.strip()


@every_page
def test_images_are_shown_and_described(visits: dict[str, Visit], page: str) -> None:
    for image in visits[page].images:
        assert image["width"] > 0, f"{image['source']} does not load"
        assert image["alt"], f"{image['source']} has no alternative text"
        assert not image["alt"].endswith((".png", ".svg")), "a file name describes nothing"


@every_page
def test_text_in_figures_can_be_read_on_a_phone(site: Path, page: str) -> None:
    """A phone shows figures as wide as its screen: `LARGE` text has 11 px there up to `WIDEST`."""
    found = re.findall(
        r'<figure class="lottery-figure[^>]*>\s*<img[^>]* width="(\d+)"',
        (site / f"{page}.html").read_text("utf-8"),
    )
    assert all(int(width) <= 100 * WIDEST for width in found), found


@every_page
def test_figures_and_tables_are_counted_page_by_page(site: Path, page: str) -> None:
    html = (site / f"{page}.html").read_text("utf-8")
    assert html.count("<figcaption>") == html.count('<span class="caption-number">Figure ')
    for kind in ("Figure", "Table"):
        found = re.findall(rf'<span class="caption-number">{kind} (\S+) </span>', html)
        assert found == [str(number) for number, _ in enumerate(found, 1)]


@every_page
def test_a_page_shows_nothing_of_the_machine_that_built_it(site: Path, page: str) -> None:
    html = (site / f"{page}.html").read_text("utf-8")
    assert 'class="output stderr' not in html, "what was printed beside the page's own words"
    assert str(REPOSITORY) not in html


@every_page
def test_formulas_are_rendered(visits: dict[str, Visit], page: str) -> None:
    seen = visits[page]
    assert seen.rendered == seen.formulas
    assert not seen.broken_formulas
    if page == "book/sec3":
        assert seen.formulas > 10, "this page derives the importance scores"


@pytest.mark.parametrize("page", [page for page in PAGES if "/report/" in page])
def test_report_pages_show_their_figures(visits: dict[str, Visit], page: str) -> None:
    made = Page.of(page)
    study = made.study if made else None
    if study and not any((REPOSITORY / "results" / study).rglob("seed-*")):
        pytest.skip(f"{study} has no records yet")
    assert visits[page].figures > 0


def test_pages_made_from_one_notebook_can_be_told_apart(visits: dict[str, Visit]) -> None:
    titles = [seen.headings for seen in visits.values()]
    assert len({tuple(title) for title in titles}) == len(titles)


class Targets(HTMLParser):
    """What a page links to or loads, and which places in it can be linked to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for name in ("href", "src"):
            if values.get(name) is not None:
                self.links.add(str(values[name]))
        for name in ("id", "name"):
            if values.get(name):
                self.anchors.add(str(values[name]))


@cache
def targets(path: Path) -> Targets:
    return Targets(path.read_text("utf-8"))


@every_page
def test_links_within_the_site_lead_somewhere(site: Path, page: str) -> None:
    path = site / f"{page}.html"
    broken = []
    for link in sorted(targets(path).links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        exists = target.is_file()
        is_view = "=" in parts.fragment  # of a page that draws what its address asks for
        if exists and parts.fragment and not is_view and target.suffix == ".html":
            exists = unquote(parts.fragment) in targets(target).anchors
        if not exists:
            broken.append(link)
    assert not broken


def test_the_front_door_leads_into_the_book(site: Path) -> None:
    html = (site / "index.html").read_text("utf-8")
    assert f"{PAGES[0]}.html" in html or "<h1" in html


def test_terms_are_explained_where_they_are_used(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((site / "book/sec4_2.html").as_uri())
    link = page.locator("a[href='glossary.html#term-lottery-ticket-hypothesis']").first
    title = link.get_attribute("title")
    page.close()
    assert title and title.endswith(".") and "subnetwork" in title
