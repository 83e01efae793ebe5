"""The theme's icons, without the two thousand that no page of this book shows.

Font Awesome comes as one script of 1.5 MB that every reader would load first. The icons in it are
entries of tables, `name: [width, height, [other names], code, path]`; those in use stay.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

ICON = re.compile(
    r'(?:"(?P<quoted>[\w-]+)"|\b(?P<plain>\w+)):'
    r'\[\d+,\d+,\[(?P<others>[^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)
USED = re.compile(r"\bfa-([a-z0-9-]+)")
SCRIPT = "scripts/fontawesome.js"


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def only(icons: set[str], script: str) -> str:
    """The script with no other icons than those named."""

    def kept(found: re.Match[str]) -> str:
        names = {found["quoted"] or found["plain"], *re.findall(r'"([\w-]+)"', found["others"])}
        return found[0] if names & icons else ""

    return ICON.sub(kept, script)


def _lighten(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    sources = [*Path(app.outdir).rglob("*.html")]
    sources += [path for path in static.rglob("*.js") if path.name != Path(SCRIPT).name]
    used = {name for path in sources for name in USED.findall(path.read_text("utf-8"))}
    theme = resources.files("pydata_sphinx_theme") / "theme" / "pydata_sphinx_theme" / "static"
    script = theme.joinpath(SCRIPT).read_text("utf-8")  # the whole one: a page may have a new icon
    (static / SCRIPT).write_text(only(used, script), "utf-8")
    for unread in (static / "scripts").glob("*.map"):  # for who debugs the theme, and out of date
        unread.unlink()
