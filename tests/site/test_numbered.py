"""Figures and tables of notebooks in the book: numbers, captions, and links by label."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import REPOSITORY, module_at
from docutils import nodes
from matplotlib.figure import Figure as Drawing
from sphinx.application import Sphinx

from replication.book.contents import listed
from replication.book.show import Figure, Folded, Table

PAGES = listed(REPOSITORY / "_toc.yml")


@pytest.fixture(scope="module")
def numbered() -> Any:
    return module_at(REPOSITORY / "book" / "_ext" / "numbered.py").numbered


CAPTION = 'Good & "bad" <tickets>.'


def figure(label: str = "") -> str:
    return Figure(Drawing(figsize=(1, 1)), CAPTION, 'an "alt" text', label)._repr_html_()


def table(label: str = "", **more: Any) -> str:
    return Table(
        pd.DataFrame({"score": ["<1"]}), caption=CAPTION, label=label, **more
    )._repr_html_()


@pytest.mark.parametrize("shown", [figure("gain"), table("gain"), table("gain", classes="claims")])
def test_what_a_notebook_shows_becomes_a_node(numbered: Any, shown: str) -> None:
    node = numbered(shown)
    (caption,) = [child for child in node if not isinstance(child, nodes.raw)]
    (content,) = [child for child in node if isinstance(child, nodes.raw)]
    assert caption.astext() == CAPTION
    assert node["label"] == "gain"
    assert "caption>" not in content.astext() and "gain" not in content.astext()
    assert ("an &quot;alt&quot; text" in content.astext()) == isinstance(node, nodes.figure)
    assert ("<td>&lt;1</td>" in content.astext()) == isinstance(node, nodes.table)


def test_a_table_without_a_caption_stays_as_it_is(numbered: Any) -> None:
    assert numbered(Table(pd.DataFrame({"a": [1]}))._repr_html_()) is None
    assert numbered("<p>text</p>") is None
    folded = Folded("More", Table(pd.DataFrame({"a": [1]}), caption=CAPTION))
    assert numbered(folded._repr_html_()) is None, "what is around it would be lost"


def test_each_page_counts_its_own_and_refers_to_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raw(shown: str) -> str:
        return f"```{{raw}} html\n{shown}\n```\n"

    page = f"# P\n\n{raw(figure())}{raw(figure('gain'))}{raw(table('gained'))}\n"
    page += "here {numref}`gain` and {numref}`gained`\n\n"
    page += "{numref}`no` has it. {numref}`no` too ({numref}`no`), as {numref}`no` says "
    page += "({numref}`gain`; {numref}`no`).\n"
    index = "# I\n\n```{toctree}\none\ntwo\n```\n\n{numref}`Figure %s there <two:gain>`\n"
    for name, text in {"index": index, "one": page, "two": page}.items():
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(REPOSITORY / "book" / "_ext")
    said = io.StringIO()
    options = {
        "extensions": ["myst_parser", "numbered"],
        "numfig": True,
        "numfig_format": {"figure": "Figure %s"},
        "html_theme": "basic",
    }
    out = tmp_path / "out"
    app = Sphinx(
        tmp_path, None, out, out, "html", options, status=None, warning=said, freshenv=True
    )
    app.build()
    assert said.getvalue() == ""
    for name in ("one", "two"):
        html = (out / f"{name}.html").read_text("utf-8")
        for number in ("Figure 1", "Figure 2", "Table 1"):
            assert f'<span class="caption-number">{number} </span>' in html
        assert (
            '<a class="reference internal" href="#gain"><span class="std std-numref">Figure 2'
            in html
        )
        assert 'href="#gained"><span class="std std-numref">Table 1' in html
        lacks = "figure that this page lacks"
        prose = BeautifulSoup(html, "html.parser").get_text()
        assert f"A {lacks} has it. A {lacks} too, as a {lacks} says (Figure 2)." in prose
    html = (out / "index.html").read_text("utf-8")
    assert 'href="two.html#gain"><span class="std std-numref">Figure 2 there' in html


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_its_figures_and_tables_by_number(site: Path, page: str) -> None:
    soup = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")
    (article,) = soup.select("article")
    named = {link["href"] for link in article.select("a:has(> .std-numref)")}
    figures = article.select("figure.lottery-figure")
    assert all(figure.select_one("figcaption .caption-number") for figure in figures)
    if len(figures) > 1:
        assert [f["id"] for f in figures if f"#{f['id']}" not in named] == []
    if page.startswith("book/course/"):
        return  # what a reader's own code prints there
    tables = [t for t in article.select(".cell_output table") if not t.find_parent("details")]
    assert [
        t.get_text(" ")[:80] for t in tables if not t.select_one("caption .caption-number")
    ] == []
