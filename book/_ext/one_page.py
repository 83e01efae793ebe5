"""The book as one page, for printing: `make print`.

Some extensions write their parts for Sphinx's builder `singlehtml` themselves, and Sphinx then no
longer asks how the others are written for HTML in general. It is told here. And as the builder
names styles and images from the root of the site, that is where the page has to be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", _as_html)
    app.connect("build-finished", _move_to_root)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _as_html(app: Any) -> None:
    if app.builder.name == "singlehtml":
        handlers = app.registry.translation_handlers
        handlers["singlehtml"] = {**handlers["html"], **handlers.get("singlehtml", {})}


def _move_to_root(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.name == "singlehtml":
        Path(app.outdir, f"{app.config.root_doc}.html").replace(Path(app.outdir, "index.html"))
