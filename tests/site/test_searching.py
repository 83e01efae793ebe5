"""Search: what is read of a page, what is found first, and the text around it, from disk too."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import eventually
from conftest import REPOSITORY, module_at

PAGE = """
<nav><section id="menu"><h1>Menu</h1></section></nav>
<article class="bd-article"><section id="a"><h1>Bad <em>tick</em>ets<a class="headerlink">#</a></h1>
<p>They w<b>in</b>.</p><p>Often.</p><img alt="x" src="data:image/png;base64,AAAA"><br>
<div class="cell_input"><pre>code()</pre></div><details><summary>Show</summary>folded</details>
<section id="b"><h2>Why</h2><table>
<colgroup><col style="width: 20%" /></colgroup></b><tr><td>0.5</td><td>0.7</td></tr></table>
</section></section>
</article><footer>The end</footer>
"""


def test_a_page_is_read_by_section() -> None:
    sections = module_at(REPOSITORY / "book" / "_ext" / "searching.py").sections
    assert sections(PAGE) == [
        ("a", "Bad tickets", "They win. Often. folded"),
        ("b", "Why", "0.5 0.7"),
    ]


def test_every_section_of_the_book_is_found_with_its_text(site: Path) -> None:
    """A page's own sections, by its markup; one that has only others below it may say nothing."""
    script = (site / "_static" / "search_texts.js").read_text("utf-8")
    texts, _ = json.JSONDecoder().raw_decode(script.partition("=")[2])
    for name in ("course/plan", "differences", "change", "sec3", "about"):
        page = (site / "book" / f"{name}.html").read_text("utf-8").partition("<article")[2]
        ids = re.findall(r'<section [^>]*id="([^"]+)"', page)
        found = {section[0]: section[2] for section in texts[f"book/{name}"]}
        assert list(found) == ids and all(found[of] for of in ids[1:]), name


@pytest.fixture
def asked(site: Path, browser: Any) -> Any:
    """A function: the results of a query, as a page from disk lists them."""
    tab = browser.new_page()

    def ask(query: str) -> Any:
        tab.goto(f"{(site / 'search.html').as_uri()}?q={query.replace(' ', '+')}")
        tab.wait_for_selector("#search-results .search-summary")
        return tab.locator("#search-results li")

    yield ask
    tab.close()


@pytest.mark.parametrize(
    ("query", "pages", "words"),
    [
        ("learning rate RTE", ("rerun",), ("learning", "rate", "RTE")),
        ("do bad tickets win", ("sec4_2", "claims", "sizes"), ("bad", "win")),
        ("super-survivors", ("sec5_1",), ("super", "survivors")),
        ("glossary", ("glossary",), ()),
        ("Fleiss' kappa", ("sec5_1",), ("Fleiss", "kappa")),
    ],
)
def test_a_query_leads_to_its_page(
    asked: Any, site: Path, query: str, pages: tuple[str, ...], words: tuple[str, ...]
) -> None:
    first = asked(query).first
    link = first.locator("a").get_attribute("href")
    assert Path(link.partition("#")[0]).stem in pages
    assert (site / link.partition("#")[0]).is_file()
    assert first.locator("mark").count() > 0 or not words
    shown = first.inner_text().lower()
    assert [word for word in words if word.lower() not in shown] == [], "seen where they are"


def test_no_page_loads_what_search_alone_needs(site: Path) -> None:
    page = (site / "book" / "glossary.html").read_text("utf-8")
    assert "searchindex.js" not in page and "search_texts.js" not in page


def test_nothing_found_is_said(asked: Any) -> None:
    assert asked("zzyzx").count() == 0


INSIDE = """
() => [...document.querySelectorAll(".highlighted")].filter(({ previousSibling, nextSibling }) =>
    /\\p{Letter}$/u.test(previousSibling?.data ?? "")
    || /^\\p{Letter}/u.test(nextSibling?.data ?? "")
).length
"""


def test_the_page_that_is_opened_marks_the_words_whole(asked: Any) -> None:
    found = asked("do bad tickets win").first
    found.locator("a").click()
    marks = found.page.locator("article .highlighted")
    eventually(marks.first).to_be_visible()
    assert {word.lower() for word in marks.all_text_contents()} == {"bad", "tickets", "win"}
    assert found.page.evaluate(INSIDE) == 0, "win, not those in winning"
