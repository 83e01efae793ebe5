"""What a command line gives a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import REPOSITORY

from lottery_utils.errors import UserError
from replication.book.build import (
    UNSAID,
    about_data,
    as_one,
    build_page,
    main,
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


@pytest.mark.parametrize("given", [["taks=RTE"], ["task=RTE", "seed=[1]"], ["task=A", "task=B"]])
def test_a_parameter_that_a_page_has_not_or_has_twice_is_refused(
    given: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook, page = REPOSITORY / "notebooks" / "sec3_methodology.ipynb", tmp_path / "page.ipynb"
    with pytest.raises(SystemExit):
        main([str(notebook), str(page), *given])
    said = capsys.readouterr().err
    assert re.search("did you mean '(task|seeds)'|'task' is given twice", said)


def test_papermill_itself_is_given_no_other_parameter_either(tmp_path: Path) -> None:
    _, papermill = tools()
    notebook = REPOSITORY / "notebooks" / "cluster.ipynb"
    with pytest.raises(papermill.exceptions.PapermillExecutionError, match="did you mean 'study'"):
        build_page(notebook, tmp_path / "page.ipynb", {"sutdy": "quick"})


def test_every_page_refuses_what_it_has_not() -> None:
    for notebook in (REPOSITORY / "notebooks").glob("*.ipynb"):
        assert "provenance.check_parameters()" in notebook.read_text("utf-8"), notebook.name


def test_a_page_of_several_studies_says_what_the_data_of_each_are() -> None:
    data, *_ = about_data({"studies": ["minilm-glue", "mini-choices", "bert-base-glue"], "n": 3})
    assert "MiniLM-L6 on GLUE: CoLA" in data
    assert "MiniLM-L6 on made-up sentences: made-up sentences" in data
    assert "bert-base" not in data, "it has no records, so the page shows none of it"
    assert about_data({"n": 3}) == ("", "", "")


def test_a_page_of_several_tasks_names_those_that_are_not_of_glues_files() -> None:
    _, _, caution = about_data({"small": "minilm-glue", "large": "mpnet-glue"})
    assert caution.startswith("QQP, MNLI, QNLI of MiniLM-L6: not GLUE's official files (")
    assert about_data({"studies": ["minilm-glue", "quick"]})[2] == caution, "quick is made up"
    assert about_data({"study": "mpnet-glue"})[2] == ""
    assert about_data({"study": "bert-base-glue"}) == ("", "", ""), "nothing was made of examples"
    data, _, shown = about_data({"study": "minilm-glue"}, "SST-2 and MRPC")
    assert (shown, "QQP" in data) == ("", False), "the page shows neither"
    data, *_ = about_data({"curve": "minilm-size"})
    assert data.count("MiniLM-L6 on GLUE") == 1, "of all its sizes"


@pytest.mark.parametrize(
    ("study", "task", "said"),
    [
        ("minilm-glue", "SST-2", ""),  # files of GLUE's sizes
        ("minilm-glue", "QNLI", "not GLUE's official files: dev is official"),
        ("quick", "SST-2", "made-up sentences (mini-GLUE), not GLUE"),
    ],
)
def test_before_its_result_a_page_says_where_its_data_are_not_glues_files(
    study: str, task: str, said: str
) -> None:
    data, _, caution = about_data({"study": study, "task": task})
    assert data and bool(caution) == bool(said) and caution.startswith(said)


def cell(source: str, *tags: str, shows: bool = True) -> Any:
    notebooks, _ = tools()
    make = notebooks.v4
    outputs = [make.new_output("stream", text=source)] if shows else []
    return make.new_code_cell(source, metadata={"tags": [*tags]}, outputs=outputs)


@pytest.mark.parametrize(
    ("notebook", "heading"),
    [
        ("sweep", "# How the recipe was chosen (made-up sentences)"),
        ("course/exercise_1", "# Exercise 1: score heads by hand: SST-2 (made-up sentences)"),
        ("corpus", "# The made-up sentences (mini-GLUE)"),
    ],
)
def test_a_page_on_made_up_sentences_says_so_in_its_title(
    notebook: str, heading: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.ipynb"
    _, papermill = tools()

    def unexecuted(source: str, target: str, parameters: Any, **_: Any) -> None:
        nbformat.write(nbformat.read(source, as_version=4), target)

    monkeypatch.setattr(papermill, "execute_notebook", unexecuted)
    build_page(REPOSITORY / "notebooks" / f"{notebook}.ipynb", page, {})
    first = nbformat.read(page, as_version=4).cells[0].source
    assert first.splitlines()[0] == heading
    if notebook == "sweep":
        assert "*Data: made-up sentences (mini-GLUE), not GLUE.*" in first


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


@pytest.mark.parametrize("tag", ["caption", "figcaption"])
def test_what_does_not_say_that_its_sentences_are_made_up_is_found(tag: str) -> None:
    silent, plain = f"<{tag}>Scores.</{tag}>", f"<{tag}>Made-up sentences: scores.</{tag}>"
    lead = '<p class="lottery-finding">Two <a href="#x">tasks</a> share.</p><p>More.</p>'
    found = UNSAID.findall(f"<table>{silent}{plain}</table>{lead}")
    assert [one.partition(">")[2] for one in found] == [
        "Scores.",
        'Two <a href="#x">tasks</a> share.',
    ]
