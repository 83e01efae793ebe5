"""The pages that `_toc.yml` lists, the one list of them: a page's path says how to make it.

    book/report/[STUDY/[TASK/]]NOTEBOOK   notebooks/NOTEBOOK.ipynb, executed for that study and task
    book/course/exercise_N                notebooks/course/exercise_N.ipynb
    book/index                            notebooks/landing.ipynb

Anything else is prose: a .md file that lies there.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from lottery_utils.errors import UserError, reading
from replication.paper.records import STUDY as RELEASED
from replication.store import home
from replication.study import SUFFIXES, derived_from
from replication.studyfile import parse


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
        """What papermill is given: of the path's parts, those that the notebook takes."""
        taken = parameters(home() / "notebooks" / f"{self.notebook}.ipynb")
        given = {"study": self.study, "task": self.task}
        return {k: v for k, v in given.items() if v is not None and k in taken}

    @property
    def studies(self) -> tuple[str, ...]:
        """The studies whose records the page may read, its own first.

        They are those of its path and those that its notebook's parameters name; where its path
        has none, or the release, those derived from these too. A page of any study may show what
        was released of BERT-base beside its own.
        """
        named = parameters(home() / "notebooks" / f"{self.notebook}.ipynb") | self.parameters
        values = [v for one in named.values() for v in (one if isinstance(one, list) else [one])]
        known = studies()
        found = [self.study] if self.study else []
        found += [value for value in values if value in known]
        # A page that names studies may compare those that are derived from them.
        if self.study in (None, RELEASED):
            found += [name for name in known if derived_from(name) in values]
        if named.get("studies", ()) is None:  # all there are
            found += known
        return tuple(dict.fromkeys((*found, RELEASED))) if found else ()


def cell_of_parameters(notebook: Path) -> str:
    """The source of a notebook's own cell of parameters. Raises `UserError` for no notebook."""
    with reading(notebook, "a notebook"):
        text = notebook.read_text("utf-8")
    try:
        tagged = [c for c in json.loads(text)["cells"] if _is_tagged(c)]
        source = "\n".join("".join(cell["source"]) for cell in tagged)
        ast.parse(source)
    except (ValueError, LookupError, TypeError, SyntaxError, RecursionError) as error:
        raise UserError(
            f"{notebook} is no notebook that can be read, or its parameters are no Python: "
            "expected a file that Jupyter saved (.ipynb)."
        ) from error
    return source


def parameters(notebook: Path) -> dict[str, Any]:
    """What that cell says, by name. Raises `UserError` as it does."""
    found = {}
    for node in ast.parse(cell_of_parameters(notebook)).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with suppress(ValueError):  # what is computed there says nothing beforehand
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def names_in(cell: str) -> set[str]:
    """The names that a cell's source has."""
    return {node.id for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}


def refuse_unknown(given: Iterable[str], cell: str) -> None:
    """Raises `UserError` for the first of these names that a cell of parameters does not set."""
    known = names_in(cell)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}."
            raise UserError(f"This page has no parameter {name!r}; {hint}")


def _is_tagged(cell: Any) -> bool:
    return "parameters" in cell["metadata"].get("tags", ())


def studies() -> list[str]:
    """The names of all studies: those in studies/, and those that have records."""
    names = {path.stem for path in (home() / "studies").glob("*") if path.suffix in SUFFIXES}
    return sorted(names | {path.name for path in (home() / "results").glob("*") if path.is_dir()})


def listed(contents: Path) -> list[str]:
    """Every path that a table of contents (`_toc.yml`) names, in reading order."""

    def names(node: Any) -> Iterator[str]:
        for item in node if isinstance(node, list) else [node]:
            yield from (item[key] for key in ("root", "file") if key in item)
            for key in ("parts", "chapters", "sections"):
                yield from names(item.get(key, []))

    return list(names(parse(contents.read_text("utf-8"), str(contents))[0]))


def pages(contents: Path) -> dict[str, Page]:
    """Those of them that are made from a notebook."""
    found = {path: Page.of(path) for path in listed(contents)}
    return {path: page for path, page in found.items() if page is not None}
