"""The site as a web server gives it: the weight of pages, the dark theme on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import DESK, FIND_TOO_WIDE, KINDS_OF_PAGES, PHONE

LANDING = "book/index.html"
TASK_PAGE = "book/report/quick/SST-2/sec4_1_good_subnetworks.html"
MEGABYTE = 1_000_000


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, until the tests of this file are done."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def opened(address: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """`opened(path, **how)` is a tab with a page of the server; it fails on a request elsewhere."""
    contexts = []
    elsewhere: list[str] = []

    def open_page(path: str, **how: Any) -> Any:
        contexts.append(browser.new_context(**how))
        tab = contexts[-1].new_page()
        tab.weights = []
        host = urlsplit(address).netloc

        def note(response: Any) -> None:
            place = urlsplit(response.url)
            if place.scheme not in ("data", "blob", "about") and place.netloc != host:
                elsewhere.append(response.url)
            if place.netloc == host and response.ok:
                tab.weights.append(len(response.body()))

        tab.on("response", note)
        tab.goto(f"{address}/{path}", wait_until="networkidle")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert elsewhere == []


@pytest.mark.parametrize(("page", "most"), [(LANDING, 1.5), (TASK_PAGE, 3.0)])
def test_a_page_is_not_heavy(opened: Callable[..., Any], page: str, most: float) -> None:
    """All that is loaded with a page, uncompressed, in megabytes."""
    weight = sum(opened(page, viewport=DESK).weights) / MEGABYTE
    assert 0.1 < weight < most


@pytest.mark.parametrize("page", KINDS_OF_PAGES)
def test_a_dark_page_fits_a_phone(opened: Callable[..., Any], page: str) -> None:
    tab = opened(f"{page}.html", viewport=PHONE, color_scheme="dark")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert tab.evaluate(FIND_TOO_WIDE) == []
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in ground[ground.index("(") + 1 : -1].split(",")[:3])
    assert max(red, green, blue) < 80, "the ground of a dark page is dark"


def test_the_landing_page_is_one_screen(opened: Callable[..., Any]) -> None:
    """Question, result and figure are seen without scrolling, and without formulas."""
    tab = opened(LANDING, viewport=DESK)
    assert tab.locator(".math").count() == 0
    assert tab.locator("div.sd-card").count() == 3
    box = tab.locator("figure.lottery-figure img").first.bounding_box()
    assert box["y"] + box["height"] <= DESK["height"]
    assert tab.locator("table.claims tbody tr").count() == 5, "a row for each verdict"


def test_every_icon_is_there(opened: Callable[..., Any]) -> None:
    """The theme's icons are cut down to those in use; one that was missed would be a blank."""
    tab = opened(TASK_PAGE, viewport=DESK)
    assert tab.locator("[data-icon]").count() > 8
    drawn_instead = tab.locator("svg:has(g.missing)")  # a question mark, by Font Awesome's script
    assert drawn_instead.evaluate_all("all => all.map((icon) => icon.dataset.icon)") == []
    assert tab.locator("i.fa-solid").count() == 0, "an icon that no script has replaced"
