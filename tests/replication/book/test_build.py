"""What a command line gives a notebook."""

from __future__ import annotations

import nbformat
import pytest

from lottery_utils.errors import UserError
from replication.book.build import parse_parameters, without_empty
from replication.book.show import Note


def test_names_stay_texts_and_lists_are_read() -> None:
    given = ["task=2024", "study=on", "results_dir=1e5", "data=None", "seeds=[1337, 42]", "n=3"]
    assert parse_parameters(given) == {
        "task": "2024",
        "study": "on",
        "results_dir": "1e5",
        "data": None,
        "seeds": [1337, 42],
        "n": 3,
    }
    for wrong in ("seeds=[1", "seeds=[012]", "seeds=1:30"):
        with pytest.raises(UserError):
            parse_parameters([wrong])


def test_a_section_without_results_is_its_heading_and_why_once() -> None:
    new = nbformat.v4

    def code(source: str, *shown: Note) -> nbformat.NotebookNode:
        made = [new.new_output("display_data", {"text/html": one._repr_html_()}) for one in shown]
        return new.new_code_cell(source, outputs=made)

    missing, other, said = (Note(text, missing=text != "said") for text in ("a", "b", "said"))
    cells = [
        new.new_markdown_cell("# Title"),
        code("top()", missing),
        new.new_markdown_cell("Prose of the top.\n\n## Empty\n\nWhat it would show:"),
        code("first()", missing),
        new.new_markdown_cell("And:"),
        code("again()", missing),
        code("silent()"),
        code("second()", other),
        code("provenance.standing()", said),
        new.new_markdown_cell("## Whole\n\nProse."),
        code("some()", said),
        code("more()", missing),
        new.new_markdown_cell("## Prose alone\n\nNo result."),
    ]
    assert [cell.source for cell in without_empty(cells)] == [
        "# Title",
        "top()",
        "Prose of the top.\n\n",
        "## Empty",
        "first()",
        "second()",
        "provenance.standing()",
        "## Whole\n\nProse.",
        "some()",
        "more()",
        "## Prose alone\n\nNo result.",
    ]
