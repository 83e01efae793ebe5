"""The notebooks through papermill: with records, without them, and with a user's mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import REPOSITORY, executed, printed_by, shown_by

from replication.book import build as pages
from replication.runs.run import ensure
from replication.store import Store
from replication.study import Study

SCORES = "sec4_2_good_random_bad"
OF_A_STUDY = {"sec5_3_shared_between_tasks"}  # one page over all tasks
SECTIONS = sorted(
    {path.stem for path in (REPOSITORY / "notebooks").glob("sec*.ipynb")} - OF_A_STUDY
)


def code_of(notebook: str, task: str) -> str:
    """A notebook on the tiny study as plain Python, which prints what heavy it imported."""
    path = REPOSITORY / "notebooks" / f"{notebook}.ipynb"
    source = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    hidden = "remove-cell"  # for machines without the package, and not plain Python
    code = "\n".join(
        c.source
        for c in source.cells
        if c.cell_type == "code" and hidden not in c.metadata.get("tags", [])
    )
    code = code.replace('study = "quick"', 'study = "tiny"')
    code = re.sub(r'^task = ("SST-2"|None)', f'task = "{task}"', code, flags=re.M)
    code += "\nimport sys\nheavy = {'torch', 'transformers', 'datasets'}"
    return code + "\nprint(sorted(heavy & set(sys.modules)))"


def visible(html: str) -> str:
    """The text of HTML, without images."""
    return re.sub(r"<[^>]*>", " ", html)


def build(folder: Path, notebook: str, **parameters: Any) -> tuple[list[Any], str]:
    return executed(notebook, folder / "pages" / f"{notebook}.ipynb", **parameters)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_becomes_a_page_of_its_task(finished: Path, section: str) -> None:
    cells, shown = build(finished, section, study="tiny", task="CoLA")
    # The tiny study asks for no attention maps, and for no tickets of survivors.
    lacking = re.search(r"followups\.(attention|survivors)=null", shown)
    assert ("lottery-figure" in shown) != bool(lacking)
    assert "CoLA" in shown
    # Two seeds, four stages; the overlap of weights.
    n_records = 8 + (section == "sec5_1_stability")
    assert f"Made from {n_records} records" in shown
    assert not re.search(r"\bnan\b", visible(shown), re.IGNORECASE)
    assert cells[0].source.split("\n")[0].endswith(": CoLA (made-up sentences, tiny)")
    assert "made-up sentences" in cells[0].source.split("\n")[2], "what its data are, at once"
    parameters = [c.source for c in cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert len(parameters) == 1
    assert 'task = "CoLA"' in parameters[0]
    # The page shows what it was made with, and not the defaults too.
    assert not [c for c in cells if "parameters" in c.metadata.get("tags", [])]


FOLLOWED = {  # figures, and records beside the eight of the stages
    "sec5_1_survivors": (0, 2),  # so small a model hardly learns
    "sec5_1_stability": (4, 1),
    "sec5_2_attention_patterns": (1, 2),
    "sec6_discussion": (2, 1),
}


def test_pages_compute_the_followups_that_their_study_asks_for(finished: Path) -> None:
    study = finished / "studies" / "tiny.yaml"
    asked = "{survivors: [RTE], attention: null, control: [RTE], control_seeds: [42]}"
    study.write_text(f"{study.read_text('utf-8')}followups: {asked}\n", "utf-8")
    for section, (n_figures, n_more) in FOLLOWED.items():
        # The first page computes what it shows, with torch in a kernel of its own. The rest is
        # computed here, where torch is loaded already, and the other pages find it.
        _, shown = build(finished, section, study="tiny", task="RTE")
        ensure(Study.load("tiny"), Store(), device="cpu", threads=1, quiet=True)
        assert shown.count("lottery-figure") == n_figures
        assert f"Made from {8 + n_more} records" in shown
        assert "followups." not in shown, "nothing is left to ask for"
        assert not re.search(r"\bnan\b", visible(shown), re.IGNORECASE)
    # With records, the page on attention types needs no torch either.
    code = code_of("sec5_2_attention_patterns", task="RTE")
    assert printed_by(code).endswith("[]")


def test_the_overview_shows_every_task(finished: Path) -> None:
    _, shown = build(finished, "overview", study="tiny")
    for task in ("CoLA", "STS-B", "RTE"):
        assert shown.count(f"<th>{task}</th>") == 6, "in three tables for each method"
    assert not re.search(r"\bnan\b", visible(shown), re.IGNORECASE)


def test_what_tasks_share_is_a_page_of_the_study(finished: Path) -> None:
    _, shown = build(finished, "sec5_3_shared_between_tasks", study="tiny")
    assert "Left out, because" in shown, "so small a model hardly learns"


@pytest.mark.parametrize("notebook", ["overview", "sec4_2_good_random_bad"])
def test_pages_of_a_study_without_magnitude_pruning_say_so(finished: Path, notebook: str) -> None:
    path = finished / "studies" / "tiny.yaml"
    path.write_text(path.read_text("utf-8") + "magnitude_tasks: []\n", "utf-8")
    task = {} if notebook == "overview" else {"task": "STS-B"}
    _, shown = build(finished, notebook, study="tiny", **task)
    assert "largest removed" in shown, "it was run all the same, and is shown"
    for record in finished.glob("results/tiny/*/*/magnitude.json"):
        record.unlink()
    _, shown = build(finished, notebook, study="tiny", **task)
    assert shown.count("lottery-missing") == 1, "once, however much of the section is missing"
    drawn = shown.count("lottery-figure")
    assert drawn == bool(task), "scores of heads and MLPs; the overview draws what was learned"
    assert "largest removed" not in shown
    if task:
        assert "Made from 6 records" in shown


def test_papermill_computes_what_is_missing(workplace: Path) -> None:
    """The README's command: no records yet, and seeds as papermill's command line gives them."""
    command = [str(Path(sys.executable).with_name("papermill"))]
    notebook = REPOSITORY / "notebooks" / "sec4_2_good_random_bad.ipynb"
    command += [str(notebook), "out.ipynb", "-p", "study", "tiny", "-p", "task", "RTE"]
    command += ["-p", "seeds", "[1337, 42]"]
    subprocess.run(command, check=True, capture_output=True)
    found = workplace.rglob("tickets.json")
    made = sorted(path.relative_to(workplace).as_posix() for path in found)
    assert made == [f"results/tiny/RTE/seed-{seed}/tickets.json" for seed in (1337, 42)]
    page = nbformat.read(workplace / "out.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    shown = shown_by(page.cells)
    assert "retrain the bad ticket" in shown  # progress, while it was computed
    assert "n = 2" in shown


def test_a_mistake_is_one_sentence_without_traceback(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = workplace / "page.ipynb"
    notebook = str(REPOSITORY / "notebooks" / "sec4_1_good_subnetworks.ipynb")
    assert pages.main([notebook, str(page), "study=tiny", "task=COLA2"]) == 1
    said = capfd.readouterr().err
    assert "Unknown task 'COLA2'" in said
    assert "CoLA" in said
    assert "Traceback" not in said
    assert not list(workplace.glob("*.ipynb"))


@pytest.mark.parametrize("section", ["sec3_methodology", "sec4_1_good_subnetworks", SCORES])
def test_notebooks_that_read_import_nothing_heavy(finished: Path, section: str) -> None:
    """What a notebook runs, run here: figures need no torch."""
    assert printed_by(code_of(section, task="STS-B")).endswith("[]")


def test_pages_start_without_what_no_notebook_needs() -> None:
    """A parser of grammars, which would cost every page more than two seconds."""
    code = (
        "import sys; from replication.book import build; before = 'nbformat' in sys.modules; "
        "build.tools(); "
        "print(before, 'rfc3987_syntax' in sys.modules, "
        "'jsonschema' in sys.modules, 'lark' in sys.modules)"
    )
    assert printed_by(code).split() == ["False", "False", "True", "False"]
