"""The pages that `_toc.yml` lists, the one list of them: a page's path says how to make it.

    book/report/[STUDY/[TASK/]]NOTEBOOK   notebooks/NOTEBOOK.ipynb, executed for that study and task
    book/course/exercise_N                notebooks/course/exercise_N.ipynb
    book/index                            notebooks/landing.ipynb

Anything else is prose: a .md file that lies there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lottery_utils.errors import UserError
from replication.paper.records import STUDY as RELEASED

# What a page shows beside the study that its path names: by that study or, where the path names
# none, by notebook. A page of any study may show what was released of BERT-base beside its own.
SHOWS = {
    RELEASED: ("minilm-glue",),
    "landing": ("minilm-glue", RELEASED),
    "explorer": ("minilm-glue", "glue-small", "quick"),
    "choices": ("mini-choices",),
    "patterns": (),
    "sizes": ("minilm-glue", "mpnet-glue", "minilm-size", RELEASED),
    "sweep": ("quick-sweep",),
    "corpus": ("mini-glue",),
    "cost": (
        *("quick", "minilm-glue", "minilm-size", "mpnet-glue", "glue-small"),
        *("mini-choices", "mini-glue", RELEASED),
    ),
}


class Page(NamedTuple):
    """A page that is made from a notebook: which one (a name below `notebooks/`), and for what."""

    notebook: str
    study: str | None = None
    task: str | None = None

    @classmethod
    def of(cls, path: str) -> Page | None:
        """The page at a path of the contents, without its suffix; None for prose.

        Raises `UserError` where a path below `book/report/` names more than a task.
        """
        folder, _, name = path.partition("/report/")
        if path == "book/index":
            return cls("landing")
        if path.startswith("book/course/exercise_"):
            return cls(path.removeprefix("book/"))
        if folder != "book":
            return None
        *of, notebook = name.split("/")
        if len(of) > 2:
            raise UserError(
                f"{path}: a page made from a notebook is book/report/[STUDY/[TASK/]]NOTEBOOK; "
                "give it such a path in _toc.yml."
            )
        return cls(notebook, *of)

    @property
    def parameters(self) -> dict[str, str]:
        """What papermill is given."""
        return {k: v for k, v in (("study", self.study), ("task", self.task)) if v is not None}

    @property
    def studies(self) -> tuple[str, ...]:
        """The studies whose records the page may read, its own first."""
        own = (self.study, RELEASED) if self.study else ()
        return tuple(dict.fromkeys((*own, *SHOWS.get(self.study or self.notebook, ()))))


def listed(contents: Path) -> list[str]:
    """Every path that a table of contents (`_toc.yml`) names, in reading order."""

    def names(node: Any) -> Iterator[str]:
        for item in node if isinstance(node, list) else [node]:
            yield from (item[key] for key in ("root", "file") if key in item)
            for key in ("parts", "chapters", "sections"):
                yield from names(item.get(key, []))

    return list(names(yaml.safe_load(contents.read_text("utf-8"))))


def pages(contents: Path) -> dict[str, Page]:
    """Those of them that are made from a notebook."""
    found = {path: Page.of(path) for path in listed(contents)}
    return {path: page for path, page in found.items() if page is not None}
