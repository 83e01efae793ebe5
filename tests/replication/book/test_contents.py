"""The contents of the book: what a page's path says, and that what `_toc.yml` lists can be made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from lottery_utils.errors import UserError
from replication.book import contents
from replication.book.contents import Page, listed, pages, parameters, studies
from replication.paper.records import STUDY as RELEASED
from replication.runs import records
from replication.runs.records import warning
from replication.store import Store
from replication.study import Study, derived_from

CONTENTS = REPOSITORY / "_toc.yml"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("book/report/patterns", Page("patterns")),
        ("book/report/mine/overview", Page("overview", "mine")),
        ("book/report/mine/STS-B/sec6", Page("sec6", "mine", "STS-B")),
        ("book/index", Page("landing")),
        ("book/course/exercise_2", Page("course/exercise_2")),
        ("book/course/plan", None),
        ("book/about", None),
        ("book/api/claims", None),
    ],
)
def test_a_path_says_how_its_page_is_made(path: str, page: Page | None) -> None:
    assert Page.of(path) == page


def test_a_path_that_says_too_much_is_refused() -> None:
    with pytest.raises(UserError, match=r"book/report/a/b/c/d: a page .* give it such a path"):
        Page.of("book/report/a/b/c/d")


def test_a_page_is_made_for_its_study_and_task_and_reads_what_it_shows() -> None:
    page = Page("sec5_1_stability", "glue-small", "RTE")
    assert page.parameters == {"study": "glue-small", "task": "RTE"}
    assert page.studies == ("glue-small", RELEASED)
    assert Page("patterns").parameters == {} and Page("patterns").studies == ()
    shown = Page("errata", RELEASED).studies
    assert {*map(derived_from, shown)} == {RELEASED, "minilm-glue"}
    assert any(name != derived_from(name) for name in shown), "it shows one that is derived"
    assert Page("sec5_1_stability").studies == ("quick", RELEASED), "its notebook's own"
    named = {"minilm-glue", "mpnet-glue", "minilm-size", "minilm-size-card", RELEASED}
    assert {*map(derived_from, Page("sizes").studies)} == named
    assert set(Page("cost").studies) == set(studies()) > {"quick", "mini-choices", RELEASED}


@pytest.mark.parametrize("text", ["{}", '{"cells": 5}', '{"cells": [{}]}', "# no JSON", "\xff"])
def test_what_is_no_notebook_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.ipynb"
    path.write_text(text, "latin-1")
    with pytest.raises(UserError, match=r"page\.ipynb"):
        parameters(path)


def test_every_page_of_the_contents_has_a_source() -> None:
    """Its notebook or its prose; and no prose is left out of the contents."""
    named = listed(CONTENTS)
    assert len(named) == len(set(named)), "a page is listed twice"
    made = pages(CONTENTS)
    for page in made.values():
        assert (REPOSITORY / "notebooks" / f"{page.notebook}.ipynb").is_file()
    prose = [*REPOSITORY.glob("book/*.md"), *REPOSITORY.glob("book/[!_]*/*.md")]
    on_disk = {path.relative_to(REPOSITORY).with_suffix("").as_posix() for path in prose}
    assert on_disk == {path for path in named if path not in made}


def test_every_notebook_is_a_page() -> None:
    on_disk = (REPOSITORY / "notebooks").rglob("*.ipynb")
    names = {p.relative_to(REPOSITORY / "notebooks").with_suffix("").as_posix() for p in on_disk}
    assert {page.notebook for page in pages(CONTENTS).values()} == names


def test_a_notebook_shows_what_the_module_of_its_name_does() -> None:
    """Or, where it shows nothing of its own, what another does."""
    notebooks = {p.stem: p.read_text("utf-8") for p in (REPOSITORY / "notebooks").glob("*.ipynb")}
    files = [*(REPOSITORY / "replication" / "pages").rglob("[!_]*.py")]
    parts = {path.stem for path in files if path.parent.name == "parts"}
    modules = {path.stem for path in files} - parts
    assert modules <= notebooks.keys()
    assert parts <= {*re.findall(r"replication\.pages\.parts import (\w+)", str(notebooks))}
    for name, text in notebooks.items():
        shown = " ".join(re.findall(r"replication\.pages(?:\.\w+)? import (.*)", text))
        assert shown and (name in re.findall(r"\w+", shown) or name not in modules), name


def test_what_pages_show_is_there() -> None:
    made = pages(CONTENTS).values()
    for study in {study for page in made for study in page.studies}:
        places = (*(REPOSITORY / "results").glob(f"{study}*"), REPOSITORY / f"studies/{study}.yaml")
        assert any(place.exists() for place in places), study


def test_real_glue_has_a_page_wherever_there_is_something_to_show() -> None:
    """Heads are shown of tasks where the search's threshold says something of a full model."""
    study = Study.load("minilm-glue")
    found = records.on_record(study, Store(REPOSITORY / "results"))
    learned = {task for task, seeds in found.items() if not any(map(warning, seeds.values()))}
    wanted = {
        "sec4_2_good_random_bad": set(study.tasks),
        "sec5_1_stability": learned,
        "sec5_2_attention_patterns": learned,
        "sec6_discussion": set(dict(study.entries("control"))),
    }
    made = [page for page in pages(CONTENTS).values() if page.study == study.name and page.task]
    for notebook, tasks in wanted.items():
        assert {page.task for page in made if page.notebook == notebook} == tasks


def test_every_task_of_a_registered_control_has_a_page() -> None:
    made = [page for page in pages(CONTENTS).values() if page.notebook == "sec6_discussion"]
    for name in ("minilm-glue", "mpnet-glue"):
        asked = set(dict(Study.load(name).entries("control")))
        assert asked == {page.task for page in made if page.study == name}


@pytest.mark.parametrize("name", ["minilm-glue", "mpnet-glue"])
def test_tickets_of_survivors_have_a_page_where_they_are_on_record(name: str) -> None:
    found = records.on_record(Study.load(name), Store(REPOSITORY / "results"), ["survivors"])
    made = [page for page in pages(CONTENTS).values() if page.study == name]
    compared, shown = (
        {page.task for page in made if page.notebook == notebook}
        for notebook in ("sec5_1_stability", "sec5_1_survivors")
    )
    assert shown == {task for task in compared if found[str(task)].stage("survivors")}


def test_a_page_has_one_title() -> None:
    """Its heading: the contents give it no other."""

    def keys(node: Any) -> Iterator[str]:
        for item in node if isinstance(node, list) else [node]:
            yield from item
            for below in ("parts", "chapters", "sections"):
                yield from keys(item.get(below, []))

    found = set(keys(yaml.safe_load((REPOSITORY / "_toc.yml").read_text("utf-8"))))
    assert "title" not in found


def test_a_page_of_several_studies_is_remade_for_what_is_derived_from_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = ["minilm-size", "minilm-size-0123abcd", "other-0123abcd"]
    monkeypatch.setattr(contents, "studies", lambda: known)
    read = Page("sizes").studies
    assert {"minilm-size", "minilm-size-0123abcd"} <= {*read} and "other-0123abcd" not in read
