"""Scripts that one page alone needs, so that no other page has to load them.

Plotly comes from its Python package and is copied beside the book's own files: nothing is asked
of another host while reading. MathJax is left out where there is no formula: Sphinx would give it
to a page, too, if one of the pages below it in the contents has some.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import Any

SCRIPTS = {
    "book/report/explorer": ("plotly.min.js", "explorer.js"),
    "book/report/choices": ("choices.js",),
}


def setup(app: Any) -> dict[str, bool]:
    app.connect("html-page-context", _add)
    app.connect("html-page-context", _without_mathjax, priority=900)
    app.connect("build-finished", _copy_plotly)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add(app: Any, page: str, _template: str, _context: Any, _doctree: Any) -> None:
    for script in SCRIPTS.get(page, ()):
        app.add_js_file(script, loading_method="defer")


def _without_mathjax(
    app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    if 'class="math' not in context.get("body", ""):
        scripts = context["script_files"]
        path = app.config.mathjax_path
        scripts[:] = [s for s in scripts if path not in str(getattr(s, "filename", s))]


def _copy_plotly(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        source = resources.files("plotly") / "package_data" / "plotly.min.js"
        with resources.as_file(source) as path:
            shutil.copyfile(path, Path(app.outdir) / "_static" / "plotly.min.js")
