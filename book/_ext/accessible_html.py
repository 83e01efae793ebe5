"""Corrections of what the theme and Sphinx write.

The arrows that unfold the table of contents get a name, and the parameters of a long signature
are no list of definitions: they are set as one only for their looks. No line ends within `95 %`,
`% CI`, `n = 3` or `p = 0.05`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ARROW = '<summary><span class="toctree-toggle"'
NAMED_ARROW = '<summary aria-label="Show or hide the pages below"><span class="toctree-toggle"'
UNBROKEN = re.compile(
    r"(?<=\d) (?=%)|(?<=%) (?=CI\b)|"
    r"(?<=\b[np]) (?=(?:=|&lt;) \d)|(?<=\b[np] =) (?=\d)|(?<=\bp &lt;) (?=\d)"
)
PARAMETERS = re.compile(r'<dl>(\s*(?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>', re.DOTALL)


def setup(app: Any) -> dict[str, bool]:
    app.connect("html-page-context", _correct)
    app.connect("build-finished", _name_arrows)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def without_lists(body: str) -> str:
    """The HTML of a page whose signatures are no lists to a screen reader."""

    def plain(found: re.Match[str]) -> str:
        parameters = found[1].replace("<dd>", '<dd role="presentation">')
        return f'<dl role="presentation">{parameters}</dl>'

    return PARAMETERS.sub(plain, body)


def _correct(_app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    if "body" in context:
        context["body"] = UNBROKEN.sub("\u00a0", without_lists(context["body"]))


def _name_arrows(app: Any, error: Exception | None) -> None:
    """The theme makes the contents after everything else, so finished pages are changed."""
    if error is not None or app.builder.format != "html":
        return
    root = Path(app.outdir)
    for path in (*root.glob("*.html"), *(root / "book").rglob("*.html")):
        text = path.read_text("utf-8")
        if ARROW in text:
            path.write_text(text.replace(ARROW, NAMED_ARROW), "utf-8")
