"""A book of one study alone: its contents follow the study, and what is on record of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, module_at
from docutils import nodes
from hypothesis import given
from hypothesis import strategies as st

from lottery_utils.errors import UserError
from lottery_utils.tasks import OwnTask
from replication.book import one_study
from replication.book.contents import Page, listed
from replication.book.one_study import REFERENCE, computed, table_of_contents
from replication.followups import FollowUps
from replication.paper.records import STUDY as RELEASED
from replication.runs.records import TaskRecords, at_hand
from replication.store import Store
from replication.study import Study

TASKS = ("CoLA", "RTE", "Own")
OWN = {"Own": OwnTask(labels=("no", "yes"))}


def study(tasks: tuple[str, ...] = ("RTE",), seeds: tuple[int, ...] = (7,), **more: Any) -> Study:
    own = {"own_tasks": OWN} if "Own" in tasks else {}
    return Study(
        name="mine", backbone="bundled", data="mini", tasks=tasks, seeds=seeds, **own, **more
    )


def made(contents: dict[str, Any], folder: Path) -> dict[str, Page]:
    """The executed pages of a table of contents; all others are prose that is there."""
    path = folder / "_toc.yml"
    path.write_text(yaml.safe_dump(contents), "utf-8")
    found = {}
    for name in listed(path):
        assert name not in found, "listed twice"
        if page := Page.of(name):
            found[name] = page
        else:
            assert (REPOSITORY / f"{name}.md").is_file()
    return found


def notebooks(contents: dict[str, Any], folder: Path, task: str | None = None) -> set[str]:
    return {page.notebook for page in made(contents, folder).values() if page.task == task}


FOR_EVERY_TASK = {"sec3_methodology", "sec4_1_good_subnetworks", "sec4_2_good_random_bad"}


def test_one_task_with_one_seed_has_no_page_that_compares(tmp_path: Path) -> None:
    contents = table_of_contents(study())
    assert contents["root"] == "book/report/mine/overview"
    assert notebooks(contents, tmp_path) == {"overview"}
    assert notebooks(contents, tmp_path, "RTE") == FOR_EVERY_TASK
    prose = [chapter["file"] for chapter in contents["parts"][0]["chapters"]]
    assert prose == ["book/sec3", "book/sec4_1", "book/sec4_2"], "no other has a page below it"


def test_what_a_study_asks_for_has_a_page(tmp_path: Path) -> None:
    followups = FollowUps(
        attention=("CoLA",), control=None, sensitivity=("Own",), survivors=("Own",)
    )
    contents = table_of_contents(study(("CoLA", "Own"), (1, 2), followups=followups))
    shared = {"overview", "sensitivity", "sec5_3_shared_between_tasks"}
    assert notebooks(contents, tmp_path) == shared
    of_own = FOR_EVERY_TASK | {"sec5_1_stability", "sec6_discussion"}
    assert notebooks(contents, tmp_path, "Own") == of_own | {"sec5_1_survivors"}
    assert notebooks(contents, tmp_path, "CoLA") == of_own | {"sec5_2_attention_patterns"}


@given(
    st.lists(st.sampled_from(TASKS), min_size=1, unique=True).map(tuple),
    st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(tuple),
    st.sets(st.sampled_from(("attention", "control", "sensitivity", "survivors"))),
)
def test_every_page_of_any_study_is_its_own_and_can_be_made(
    tmp_path_factory: pytest.TempPathFactory,
    tasks: tuple[str, ...],
    seeds: tuple[int, ...],
    asked: set[str],
) -> None:
    some = study(tasks, seeds, followups=FollowUps(**dict.fromkeys(asked, tasks[:1])))
    for page in made(table_of_contents(some), tmp_path_factory.getbasetemp()).values():
        assert page.study == "mine" and page.task in (None, *tasks)
        # With other models on the same task, and other draws of the same tickets.
        others = {
            "sec4_2_good_random_bad": ("minilm-glue", "mpnet-glue", "minilm-size"),
            "sec6_discussion": ("minilm-size",),
        }
        assert page.studies == ("mine", *others.get(page.notebook, ()), RELEASED)
        assert (REPOSITORY / "notebooks" / f"{page.notebook}.ipynb").is_file()


def test_of_a_study_half_done_there_is_what_is_on_record(tmp_path: Path) -> None:
    whole = study(("CoLA", "STS-B", "RTE"), (1337, 42), followups=FollowUps(attention=None))
    found = {"CoLA": TaskRecords({42: {}}), "RTE": TaskRecords({1337: {}, 42: {"attention": {}}})}
    contents = table_of_contents(whole, found)
    assert notebooks(contents, tmp_path, "STS-B") == set()
    assert notebooks(contents, tmp_path, "CoLA") == FOR_EVERY_TASK, "no attention, one seed"
    more = {"sec5_1_stability", "sec5_2_attention_patterns"}
    assert notebooks(contents, tmp_path, "RTE") == FOR_EVERY_TASK | more


def test_nothing_is_computed_that_cannot_be_or_must_not(monkeypatch: pytest.MonkeyPatch) -> None:
    mini, hub = study(), study().override({"backbone": "hub:a/b"})
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert computed(mini) and computed(hub)
    assert not computed(study().override({"data": "csv"}))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert computed(mini) and not computed(hub)
    assert not computed(study().override({"data": "hub"}))
    monkeypatch.setenv("LOTTERY_COMPUTE", "no")
    assert not computed(mini) and not at_hand(mini)


def test_a_book_is_written_once_and_refused_where_it_would_be_empty(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPOSITORY / "_config.yml", finished)
    monkeypatch.setenv("LOTTERY_COMPUTE", "no")
    Path("results").rename("aside")
    with pytest.raises(UserError, match="Nothing of the study tiny is on record"):
        one_study.write("tiny", Store())
    Path("aside").rename("results")
    site = one_study.write("tiny", Store())
    assert not (site / "study.yaml").exists()
    before = (site / "_toc.yml").stat().st_mtime_ns
    config = yaml.safe_load((site / "_config.yml").read_text("utf-8"))
    assert config["title"].endswith(": tiny")
    places = config["sphinx"]["local_extensions"].values()
    assert all(Path(place).is_absolute() for place in places)
    assert one_study.write("studies/tiny.yaml", Store()) == site
    assert (site / "_toc.yml").stat().st_mtime_ns == before, "else the site is built again"
    kept = Study.load(site / "study.yaml")
    assert kept.name == "tiny" and kept.hash("tickets") == Study.load("tiny").hash("tickets")
    assert "/" not in (site / "study.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def extension() -> Any:
    return module_at(REPOSITORY / "book" / "_ext" / "one_study.py")


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/book/sec5_1", "Section 5.1: do the seeds agree?"),
        ("rerun", None),
        ("/book/report/quick/SST-2/sec5_1_stability", "Agreement over seeds"),
        ("/book/no_such_page", ""),
    ],
)
def test_a_link_to_a_page_of_the_whole_book_is_its_title(
    extension: Any, target: str, shown: str | None
) -> None:
    class App:
        srcdir = REPOSITORY

    content = nodes.inline("", target)
    node = nodes.inline("", reftype="doc", reftarget=target, refdoc="book/x", refexplicit=False)
    found = extension._title(App, None, node, content)
    if shown == "":
        assert found is None, "a mistake stays a warning"
    else:
        assert found.astext() == (shown or extension.title(REPOSITORY, "book/rerun"))
        node["refexplicit"] = True
        assert extension._title(App, None, node, content).astext() == target


@pytest.mark.parametrize("prose", [*one_study.SECTIONS, *REFERENCE])
def test_prose_of_every_book_leads_nowhere_but_by_links_that_are_checked(prose: str) -> None:
    text = (REPOSITORY / "book" / f"{prose}.md").read_text("utf-8")
    kept = re.sub(r"(```+)\{only\} whole_book\n.*?\1", "", text, flags=re.DOTALL)
    assert "href=" not in kept and "quick" not in kept
    opening, *_ = kept.split("\n## ")  # where the whole book says what was found in its own models
    assert prose in REFERENCE or not re.search(r"MiniLM|MPNet|\bhere\b|this book's", opening)
