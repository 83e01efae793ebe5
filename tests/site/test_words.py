"""What built pages say: the words of the field, and captions that are read at a glance."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import REPOSITORY
from words import banned, length

from replication.book.contents import listed

PAGES = [page for page in listed(REPOSITORY / "_toc.yml") if not page.startswith("book/api")]
LONGEST = 40  # words of a caption


@pytest.mark.parametrize("page", PAGES)
def test_a_page_speaks_plainly(site: Path, page: str) -> None:
    soup = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")
    (article,) = soup.select("article")
    for code in article.select("script, style, pre, code, svg"):
        code.decompose()
    text = article.get_text(" ")
    assert len(text) > 200
    assert banned(text) == []
    captions = [caption.get_text() for caption in article.select("figcaption .caption-text")]
    assert [caption for caption in captions if length(caption) > LONGEST] == []
