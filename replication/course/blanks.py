"""Exercise notebooks with blanks: filled in, left open, and as they are handed out.

    python -m replication.course.blanks check notebooks/course/*.ipynb      make course
    python -m replication.course.blanks page NOTEBOOK PAGE HANDOUT          make book

A cell tagged `blank` is the student's, and the next one tagged `solution` is its answer; a cell
tagged `check` stands between them. Parameters (`task=RTE seed=42`) may follow any command.
"""

from __future__ import annotations

import copy
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from papermill.parameterize import parameterize_notebook

from lottery_utils.errors import UserError
from replication.book.build import build_page, parse_parameters, private_kernel
from replication.files import write_text

Notebook = Any
_DIRECTIVE = re.compile(r"^(:::+|```+)\{?(exercise|solution-start|solution-end)?.*$", re.M)


def read(path: Path) -> Notebook:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def tagged(notebook: Notebook, tag: str) -> list[Notebook]:
    """The cells with this tag, in order."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def filled(notebook: Notebook) -> Notebook:
    """A copy whose blanks hold their solutions. Raises `UserError` where they do not pair up."""
    found = copy.deepcopy(notebook)
    parts = [tagged(found, tag) for tag in ("blank", "check", "solution")]
    if len({len(part) for part in parts}) > 1 or not parts[0]:
        counts = ", ".join(str(len(part)) for part in parts)
        raise UserError(
            f"The notebook has {counts} blanks, checks and solutions: expected as many of each, "
            "and one at least."
        )
    for blank, _, solution in zip(*parts, strict=True):
        blank.source = solution.source
    return found


def handout(notebook: Notebook) -> Notebook:
    """A copy for students: no solutions, and exercises as plain headings."""
    found = copy.deepcopy(notebook)
    solutions = tagged(found, "solution") + tagged(found, "around-solution")
    found.cells = [cell for cell in found.cells if cell not in solutions]
    for cell in found.cells:
        if cell.cell_type == "markdown":
            cell.source = _plain(cell.source)
    return found


def _plain(source: str) -> str:
    """Markdown without the book's directives: their titles become bold, their options go."""
    lines = []
    for line in source.split("\n"):
        if title := re.match(r"^(?:`{3,}|:{3,})\{exercise\}\s*(.*)$", line):
            lines.append(f"**Exercise: {title[1]}**\n")
        elif not re.match(r"^(`{3,}|:{3,}|:\w+:.*)$", line):
            lines.append(re.sub(r"\{doc\}`([^`<]*?)\s*<?[^`<>]*>?`", r"\1", line))
    return "\n".join(lines)


def failures(notebook: Notebook, parameters: dict[str, Any]) -> list[tuple[str, str] | None]:
    """Run a notebook to its end whatever happens: of each check the error's name and text, or
    None where it passed."""
    run = copy.deepcopy(notebook)  # with what papermill wants to find in a notebook
    run.metadata["papermill"] = {}
    for cell in run.cells:
        cell.metadata.setdefault("tags", [])
    run = parameterize_notebook(run, parameters)
    with private_kernel() as local:
        NotebookClient(run, allow_errors=True, timeout=None, config=local).execute()
    found: list[tuple[str, str] | None] = []
    for cell in tagged(run, "check"):
        errors = [out for out in cell.outputs if out.output_type == "error"]
        found.append((errors[0].ename, errors[0].evalue) if errors else None)
    return found


def check(path: Path, parameters: dict[str, Any]) -> str:
    """That an exercise can be done, and that no blank passes. Raises `UserError` otherwise."""
    notebook = read(path)
    for number, error in enumerate(failures(filled(notebook), parameters), 1):
        if error:
            raise UserError(f"{path.name}: the solution of blank {number} fails: {error[1]}")
    open_blanks = failures(notebook, parameters)
    for number, error in enumerate(open_blanks, 1):
        if error is None or error[0] != "NotYet" or "Hint:" not in error[1]:
            raise UserError(
                f"{path.name}: blank {number}, left open, should fail with a hint, and it "
                f"{'passes' if error is None else f'says {error[0]}: {error[1]}'}."
            )
    return f"{path.name}: {len(open_blanks)} blanks; filled in all pass, left open all give hints."


def page(path: Path, to: Path, given: Path, parameters: dict[str, Any]) -> None:
    """The book's page, with solutions run and blanks shown as blanks; and the handout."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as folder:
        solved = Path(folder) / path.name
        write_text(solved, nbformat.writes(filled(notebook)))  # type: ignore[no-untyped-call]
        build_page(solved, to, parameters, of=path)
    shown = read(to)
    for blank, original in zip(tagged(shown, "blank"), tagged(notebook, "blank"), strict=True):
        blank.source, blank.outputs = original.source, []
    write_text(to, nbformat.writes(shown))  # type: ignore[no-untyped-call]
    write_text(given, nbformat.writes(handout(notebook)))  # type: ignore[no-untyped-call]


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 after one sentence about what was wrong."""
    try:
        command, *rest = arguments
        paths = [Path(a) for a in rest if "=" not in a]
        parameters = parse_parameters([a for a in rest if "=" in a])
        if command == "check" and paths:
            for path in paths:
                print(check(path, parameters), flush=True)
        elif command == "page" and len(paths) == 3:
            source, target, given = paths
            page(source, target, given, parameters)
        else:
            raise ValueError
    except ValueError:
        print(__doc__, file=sys.stderr)
        return 1
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
