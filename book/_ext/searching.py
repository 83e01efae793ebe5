"""What a reader can search: the text of every page, by section, in one script.

Sphinx fetches a page to show a line of it, which browsers refuse on file://, and knows which words
a page has but not where. `_static/search_texts.js` has all words as they are read, those of
executed notebooks included; `search.js` finds and ranks.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

UNREAD = ("script", "style", "nav", "svg", "button", "summary")
UNREAD_CLASSES = {"headerlink", "lottery-sources", "figure-made", "cell_input"}
INLINE = {"a", "abbr", "b", "code", "em", "i", "mark", "span", "strong", "sub", "sup"}
VOID = {"img", "br", "hr", "input", "meta", "link", "col", "wbr"}
# Sphinx's search, a quarter of a megabyte, which the theme loads with every page.
TOOLS = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
LONG = re.compile(r'"data:[^"]*"')  # images, which would be most of what there is to parse


class Section(NamedTuple):
    """The anchor of a heading, its words, and those below it as far as the next one."""

    anchor: str
    heading: str
    text: str


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Reader(HTMLParser):
    """The sections of a page's article."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []  # tags, and what they are to a reader
        self.found: list[tuple[str, list[str], list[str]]] = []
        self.feed(LONG.sub('""', page))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        classes = set((values.get("class") or "").split())
        self._apart(tag)
        if tag in VOID:
            return
        kind = ""
        if tag == "article" and "bd-article" in classes:
            kind = "article"
        elif tag in UNREAD or classes & UNREAD_CLASSES:
            kind = "unread"
        elif tag == "section" and values.get("id") and ("article", "article") in self.open:
            self.found.append((str(values["id"]), [], []))
        elif tag in ("h1", "h2", "h3", "h4"):
            kind = "heading"
        self.open.append((tag, kind))

    def _apart(self, tag: str) -> None:
        if self.found and tag not in INLINE:
            self.found[-1][2].append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._apart(tag)
        if tag in dict(self.open):  # an end without a beginning ends nothing
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        kinds = {kind for _, kind in self.open}
        if self.found and "article" in kinds and "unread" not in kinds:
            _, heading, text = self.found[-1]
            (heading if "heading" in kinds else text).append(data)


def sections(page: str) -> list[Section]:
    """The sections of a page (HTML) in reading order, without buttons and the list of records."""
    return [
        Section(anchor, *(" ".join("".join(words).split()) for words in (heading, text)))
        for anchor, heading, text in _Reader(page).found
    ]


def _write(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html" or app.builder.name == "singlehtml":
        return
    root, pages = Path(app.outdir), {}
    for name in sorted(app.env.found_docs):
        path = root / f"{name}.html"
        page = TOOLS.sub("", path.read_text("utf-8"))
        path.write_text(page, "utf-8")
        pages[name] = sections(page)
    texts = json.dumps(pages, ensure_ascii=False, separators=(",", ":"))
    (root / "_static" / "search_texts.js").write_text(f"const TEXTS={texts};\n", "utf-8")
