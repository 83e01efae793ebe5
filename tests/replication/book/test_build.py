"""What a command line gives a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from lottery_utils.errors import UserError
from replication.book.build import (
    about_data,
    as_one,
    parse_parameters,
    tools,
    without_empty,
)
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


def test_a_page_of_several_studies_says_what_the_data_of_each_are() -> None:
    data, _ = about_data({"studies": ["minilm-glue", "mini-choices", "bert-base-glue"], "n": 3})
    assert "MiniLM-L6 on GLUE: CoLA" in data
    assert "MiniLM-L6 on made-up sentences: made-up sentences" in data
    assert "bert-base" not in data, "it has no records, so the page shows none of it"
    assert about_data({"n": 3}) == ("", "")


def cell(source: str, *tags: str, shows: bool = True) -> Any:
    notebooks, _ = tools()
    make = notebooks.v4
    outputs = [make.new_output("stream", text=source)] if shows else []
    return make.new_code_cell(source, metadata={"tags": [*tags]}, outputs=outputs)


def test_the_code_before_a_result_is_one_cell() -> None:
    asked, setup = cell("a = 1", "injected-parameters"), cell("import x", "setup", shows=False)
    (one,) = as_one([asked, setup, cell("b = 2", "setup", "remove-cell")])
    assert one.source == "a = 1\n\nimport x" and one.metadata["tags"][1:] == ["hide-input"]
    assert [output.text for output in one.outputs] == ["a = 1"]
    assert as_one([cell("b = 2", "setup", "remove-cell")]) == []


def test_a_section_without_results_is_its_heading_and_why_once() -> None:
    notebooks, _ = tools()
    new = notebooks.v4

    def code(source: str, *shown: Note) -> Any:
        made = [new.new_output("display_data", {"text/html": one._repr_html_()}) for one in shown]
        return new.new_code_cell(source, outputs=made)

    top, missing, other, said = (
        Note(text, missing=text != "said") for text in ("t", "a", "b", "said")
    )
    cells = [
        new.new_markdown_cell("# Title"),
        code("top()", top),
        code("twice()", top),
        new.new_markdown_cell("Prose of the top.\n\n## Empty\n\nWhat it would show:"),
        code("first()", missing),
        new.new_markdown_cell("And:"),
        code("again()", missing),
        code("silent()"),
        code("second()", other),
        code("provenance.standing()", said),
        new.new_markdown_cell("## Left out\n\nProse:"),
        code("third()", top, missing),
        new.new_markdown_cell("## Whole\n\nProse."),
        code("some()", said),
        cell("nothing()", "hide-input", shows=False),
        cell("x = 1", "remove-input", shows=False),
        code("more()", Note("c", missing=True)),
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
        "x = 1",
        "more()",
        "## Prose alone\n\nNo result.",
    ]
