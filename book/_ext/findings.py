"""What a page found, on the page of its section: the same sentence, made from the same records.

`{finding}` names an executed page, from the one it is on. A book of one study may lack that page,
and says nothing then.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import docname_join
from sphinx.util.docutils import SphinxDirective


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("finding", Found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Found(SphinxDirective):
    """The first finding of an executed page, as a paragraph of raw HTML."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = docname_join(self.env.docname, self.arguments[0])
        page = Path(self.env.srcdir, f"{name}.ipynb")
        self.env.note_dependency(str(page))
        if not page.is_file() and "whole_book" not in self.env.app.tags:
            return []
        if not page.is_file() or not (text := first(json.loads(page.read_text("utf-8")))):
            raise self.error(
                f"{name} has no finding: expected an executed page that begins with one"
            )
        return [nodes.raw("", text, format="html")]


def first(notebook: dict[str, Any]) -> str:
    """The first finding that a notebook shows, as HTML; an empty text without any."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            shown = "".join(output.get("data", {}).get("text/html", ""))
            if found := re.search(r'<p class="lottery-finding">.*?</p>', shown, re.DOTALL):
                return found[0]
    return ""
