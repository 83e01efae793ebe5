"""Pages of sections that show what other pages found."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import REPOSITORY, module_at

from replication.book import contents
from replication.book.show import Finding


@pytest.fixture(scope="module")
def extension() -> Any:
    return module_at(REPOSITORY / "book" / "_ext" / "findings.py")


def shown(*html: str) -> dict[str, Any]:
    return {
        "cells": [
            {"source": "# Title"},
            *({"outputs": [{"data": {"text/html": text}}]} for text in html),
        ]
    }


def test_the_first_finding_of_a_page_is_shown_without_more(extension: Any) -> None:
    one, other = Finding("28 % < 50 %.", more="And more.")._repr_html_(), Finding("2")._repr_html_()
    expected = '<p class="lottery-finding">28 % &lt; 50 %.</p>'
    assert extension.first(shown("<table></table>", one, other)) == expected
    assert extension.first(shown("<table></table>")) == extension.first({"cells": []}) == ""


def test_every_page_whose_finding_is_shown_is_in_the_book_and_has_one() -> None:
    pages, named = contents.pages(REPOSITORY / "_toc.yml"), []
    for path in sorted((REPOSITORY / "book").glob("*.md")):
        named += re.findall(r"\{finding\} (\S+)", path.read_text("utf-8"))
    assert len(named) > 5
    for name in named:
        notebook = REPOSITORY / "notebooks" / f"{pages[f'book/{name}'].notebook}.ipynb"
        assert ".finding(" in notebook.read_text("utf-8"), name
