"""A page says how it was made, and leads to its records, its notebook and back from each figure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, module_at
from matplotlib.figure import Figure as Drawing

from replication.book.build import how_made
from replication.book.contents import pages, parameters
from replication.book.show import Figure
from replication.study import derived_from

CODE = "https://github.com/someone/lottery"


@pytest.fixture(scope="module")
def provenance() -> Any:
    return module_at(REPOSITORY / "book" / "_ext" / "provenance.py")


def test_a_page_tells_the_command_that_makes_it_again() -> None:
    told = how_made(Path("notebooks/x.ipynb"), {"study": "quick", "seeds": [1337, 42]}, 12.4)
    assert "in 12 seconds" in told
    assert "notebooks/x.ipynb</span>" in how_made(REPOSITORY / "notebooks" / "x.ipynb", {}, 1)
    assert "/tmp" not in how_made(Path("/tmp/elsewhere/x.ipynb"), {}, 1)
    lines = ("papermill notebooks/x.ipynb page.ipynb", "-p study quick", "-p seeds '[1337, 42]'")
    assert " \\\n    ".join(lines) in told


def test_marks_become_links_from_where_the_page_is(provenance: Any) -> None:
    body = '<span data-record="quick/RTE/seed-1/search.json">it</span>'
    assert provenance.linked(body, "../../", "", "main") == (
        '<a href="../../records/quick/RTE/seed-1/search.json">it</a>'
    )
    body = '<span data-notebook="notebooks/x.ipynb">x</span>'
    assert provenance.linked(body, "../", "", "main") == (
        '<a href="../notebooks/x.ipynb" download>x</a>'
    )


@pytest.mark.parametrize("path", pages(REPOSITORY / "_toc.yml"))
def test_the_notebook_of_a_page_has_its_study_and_task_as_defaults(
    provenance: Any, path: str, tmp_path: Path
) -> None:
    page = pages(REPOSITORY / "_toc.yml")[path]._replace(study="mine", task="a task")
    source = f"notebooks/{page.notebook}.ipynb"
    before = parameters(REPOSITORY / source)
    copy = tmp_path / "copy.ipynb"
    copy.write_text(provenance.as_given((REPOSITORY / source).read_text("utf-8"), page), "utf-8")
    given = {"study": "mine", "task": "a task"}
    asked = {key: value for key, value in given.items() if key in before}
    assert parameters(copy) == before | asked
    folders = "".join(f"{value}/" for value in asked.values())
    assert provenance.place(source, page) == f"notebooks/{folders}{page.notebook}.ipynb"
    body = provenance.linked(f'<span data-notebook="{source}">x</span>', "../", "", "main", page)
    assert f'href="../{provenance.place(source, page)}" download' in body


def test_a_known_repository_adds_ways_to_open_a_notebook(provenance: Any) -> None:
    body = '<span data-notebook="notebooks/x.ipynb">x</span>'
    shown = provenance.linked(body, "", f"{CODE}/", "dev")
    for address in (
        "https://colab.research.google.com/github/someone/lottery/blob/dev/notebooks/x.ipynb",
        "https://mybinder.org/v2/gh/someone/lottery/dev?labpath=notebooks/x.ipynb",
        f"{CODE}/edit/dev/notebooks/x.ipynb",
    ):
        assert f'href="{address}"' in shown
    assert provenance.launch("notebooks/x.ipynb", "https://example.org/lottery", "main") == []
    (group,) = provenance.buttons("notebooks/x.ipynb", CODE, "dev")
    assert [link["url"] for link in group["buttons"]] == re.findall(r'href="(http[^"]+)"', shown)
    assert provenance.buttons("notebooks/x.ipynb", "", "main") == []


def test_a_figure_leads_to_how_it_was_made(provenance: Any) -> None:
    figure = Figure(Drawing(), "What is seen.", "alt")._repr_html_()
    heading = '<h2 id="how-this-page-was-made">'
    assert provenance.linked(figure, "", "", "main") == figure, "there is no such section"
    shown = provenance.linked(figure + heading, "", "", "main")
    assert 'What is seen. <a class="figure-made" href="#how-this-page-was-made">' in shown
    shown = provenance.linked(
        f"<figcaption>\n<p>Seen.</p>\n</figcaption>\n</figure>{heading}", "", "", "main"
    )
    assert shown.startswith('<figcaption>\n<p>Seen. <a class="figure-made"')


def test_the_edition_is_cited_as_it_cites_itself() -> None:
    told = (REPOSITORY / "book" / "cite.md").read_text("utf-8")
    known = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    assert f"version = {{{known['version']}}}" in told
    assert f"year    = {{{known['date-released'].year}}}" in told
    assert known["title"].replace("BERT", "{BERT}") in told
    assert f"doi       = {{{known['preferred-citation']['doi']}}}" in told


@pytest.mark.parametrize("path", pages(REPOSITORY / "_toc.yml"))
def test_a_page_shows_only_studies_that_it_is_remade_for(site: Path, path: str) -> None:
    page = pages(REPOSITORY / "_toc.yml")[path]
    text = (site / f"{path}.html").read_text("utf-8")
    read = set(re.findall(r'href="[./]*records/([^/"]+)/', text))
    known = {f"{study}{end}" for study in page.studies for end in ("", "-sweep", "-baselines")}
    known |= {name for name in read if derived_from(name) in page.studies}  # the graph takes these
    assert read <= known, "name it in replication/book/contents.py"


def test_pages_of_the_site_lead_to_their_records(site: Path) -> None:
    page = site / "book" / "report" / "quick" / "SST-2" / "sec4_2_good_random_bad.html"
    text = page.read_text("utf-8")
    assert "data-record" not in text and "data-notebook" not in text
    place = "../../../../records/quick/SST-2/seed-42/tickets.json"
    assert f'href="{place}"' in text
    assert (page.parent / place).is_file()
    assert "notebooks/quick/SST-2/sec4_2_good_random_bad.ipynb" in text
    assert (site / "notebooks/quick/SST-2/sec4_2_good_random_bad.ipynb").is_file()
    assert text.count("figure-made") == text.count("</figcaption>") >= 1
