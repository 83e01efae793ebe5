"""Exercise notebooks: with their answers, with blanks, as handouts and as pages of the book.

They follow nbgrader's conventions. Each has all answers, and so runs from top to bottom; an answer
lies in its cell between `### BEGIN SOLUTION` and `### END SOLUTION`, what is said of it as the
comment at the end. The next graded cell checks it, and raises where it is wrong.
"""

from __future__ import annotations

import copy
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from papermill.parameterize import parameterize_notebook

from lottery_utils.errors import UserError
from replication.book.build import build_page, private_kernel
from replication.course import lesson
from replication.files import write_text
from replication.store import home

Notebook = Any
nbformat: Any = import_module("nbformat")  # has no types
ASSIGNMENT = "tickets"
STUB = "# YOUR CODE HERE"  # also in notebooks/course/nbgrader_config.py
_REGION = re.compile(
    r"^([ ]*)### BEGIN SOLUTION\n(.*?)((?:^[ ]*#[^\n]*\n)*)^[ ]*### END SOLUTION$", re.M | re.S
)
_ONLY_IN_BOOK = "only-in-book"  # the tag of what neither a student nor a teacher needs


def read(path: Path) -> Notebook:
    return nbformat.read(path, as_version=4)


def write(path: Path, notebook: Notebook) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, nbformat.writes(notebook) + "\n")


def answers(notebook: Notebook) -> list[Notebook]:
    """The cells that a student fills in, in order."""
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]


def checks(notebook: Notebook) -> list[Notebook]:
    """The cells that check them and bring points. Raises `UserError` unless each follows its
    answer."""
    found = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    graded = [cell for cell in notebook.cells if cell in found or cell in answers(notebook)]
    pairs = list(zip(answers(notebook), found, strict=False))
    if not pairs or graded != [cell for pair in pairs for cell in pair]:
        raise UserError("Expected answers and checks in turn, as many of each, and one at least.")
    return found


def blank(source: str) -> str:
    """An answer's cell as a student gets it. Raises `UserError` where it has no solution."""
    found, n = _REGION.subn(rf"\1{STUB}", source)
    if not n:
        raise UserError("Expected a solution between ### BEGIN SOLUTION and ### END SOLUTION.")
    return found


def solution(source: str) -> tuple[str, str]:
    """An answer's cell without marks, and what is said of the answer."""
    comments = "".join(match[3] for match in _REGION.finditer(source))
    said = " ".join(re.findall(r"^ *# ?(.*)$", comments, re.M))
    return _REGION.sub(lambda match: match[2].rstrip("\n"), source), said


def key(notebook: Notebook) -> Notebook:
    """A copy for teachers, and for nbgrader: with answers, and exercises as plain headings."""
    found = copy.deepcopy(notebook)
    found.cells = [c for c in found.cells if _ONLY_IN_BOOK not in c.metadata.get("tags", [])]
    for cell in found.cells:
        if cell.cell_type == "markdown":
            cell.source = _plain(cell.source)
    return found


def handout(notebook: Notebook) -> Notebook:
    """A copy for students: the teacher's, less the answers."""
    found = key(notebook)
    for cell in answers(found):
        cell.source = blank(cell.source)
    return found


def _plain(source: str) -> str:
    """Markdown without the book's directives: their titles become bold, their options go, and a
    link to a page becomes the page's title."""
    lines = []
    for line in source.split("\n"):
        if title := re.match(r"^(?:`{3,}|:{3,})\{exercise\}\s*(.*)$", line):
            lines.append(f"**Exercise: {title[1]}**\n")
        elif not re.match(r"^(`{3,}|:{3,}|:\w+:.*)$", line):
            line = re.sub(r" \(\{numref\}`\S+?`\)", "", line)  # only the book has numbers
            lines.append(re.sub(r"\{doc\}`/(\S+?)`", _title, line))
    return "\n".join(lines)


def _title(link: re.Match[str]) -> str:
    heading = (home() / f"{link[1]}.md").read_text("utf-8").partition("# ")[2].partition("\n")[0]
    return f'in the book: "{heading}"'


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
    for cell in checks(notebook):
        outputs = next(c for c in run.cells if c.id == cell.id).outputs
        errors = [out for out in outputs if out.output_type == "error"]
        found.append((errors[0].ename, errors[0].evalue) if errors else None)
    return found


def check(path: Path, parameters: dict[str, Any]) -> str:
    """That an exercise can be done, and that no blank passes. Raises `UserError` otherwise."""
    notebook = read(path)
    for number, error in enumerate(failures(notebook, parameters), 1):
        if error:
            raise UserError(f"{path.name}: the solution of exercise {number} fails: {error[1]}")
    left_open = failures(handout(notebook), parameters)
    for number, error in enumerate(left_open, 1):
        if error is None or error[0] != "NotYet":
            raise UserError(
                f"{path.name}: exercise {number}, left open, should be found out, and it "
                f"{'passes' if error is None else f'says {error[0]}: {error[1]}'}."
            )
    return f"{path.name}: {len(left_open)} exercises; all solutions pass, all blanks are found."


def page(path: Path, to: Path, given: Path, parameters: dict[str, Any]) -> None:
    """The book's page, each answer blank and its solution folded after its check; the handout."""
    build_page(path, to, parameters)
    shown = read(to)
    for answer, checked in list(zip(answers(shown), checks(shown), strict=True)):
        source, said = solution(answer.source)
        answer.source, answer.outputs = blank(answer.source), []
        at = shown.cells.index(checked) + 1
        above = "\n".join(cell.source for cell in shown.cells[:at])
        begin = f"```{{solution-start}} {re.findall(r'^:label: (.+)$', above, re.M)[-1]}"
        shown.cells[at:at] = [
            nbformat.v4.new_markdown_cell(f"{begin}\n:class: dropdown\n```"),
            nbformat.v4.new_code_cell(source),
            nbformat.v4.new_markdown_cell(f"{said}\n\n```{{solution-end}}\n```"),
        ]
    write(to, shown)
    write(given, handout(read(path)))


def hand_out(folder: Path) -> str:
    """Write a course as nbgrader knows it: handouts, the key to them, and the lessons on record."""
    course = home() / "notebooks" / "course"
    for path in sorted(course.glob("exercise_*.ipynb")):
        notebook = read(path)
        write(folder / "handouts" / ASSIGNMENT / path.name, handout(notebook))
        write(folder / "key" / ASSIGNMENT / path.name, key(notebook))
    for kind in ("handouts", "key"):
        lessons = folder / kind / ASSIGNMENT / "lessons"
        lessons.mkdir(exist_ok=True)
        for place in (course / "lessons", lesson.kept()):  # what was recorded here goes first
            for record in place.glob("*-*.npz"):
                shutil.copy(record, lessons)
    shutil.copy(course / "nbgrader_config.py", folder)
    seeds = sorted(path.stem for path in lessons.iterdir())
    return (
        f"For students: {folder / 'handouts'}, with the lessons {', '.join(seeds)}.\n"
        f"For the teacher: {folder / 'key'}."
    )
