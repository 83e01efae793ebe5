"""A book of one study lacks pages that the whole book has: what differs there.

A link to such a page is its title. What is said for the whole book only stands under
`{only} whole_book`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import docname_join

from replication.book.contents import Page, listed


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", _tag)
    app.connect("missing-reference", _title)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def title(root: Path, path: str) -> str:
    """The first heading of a page's source."""
    page = Page.of(path)
    if page is None:
        text = (root / f"{path}.md").read_text("utf-8")
    else:
        notebook = json.loads((root / f"notebooks/{page.notebook}.ipynb").read_text("utf-8"))
        text = "".join(notebook["cells"][0]["source"])
    return re.findall(r"^# (.+)", text, re.MULTILINE)[0]


def _tag(app: Any, config: Any) -> None:
    if Path(config.external_toc_path).resolve() == Path(app.srcdir, "_toc.yml").resolve():
        app.tags.add("whole_book")


def _title(app: Any, _env: Any, node: Any, content: nodes.Element) -> nodes.Element | None:
    path = docname_join(node.get("refdoc", ""), node.get("reftarget", ""))
    if node.get("reftype") != "doc" or path not in listed(Path(app.srcdir, "_toc.yml")):
        return None  # a mistake, and Sphinx says so
    text = content.astext() if node["refexplicit"] else title(Path(app.srcdir), path)
    return nodes.inline("", text)
