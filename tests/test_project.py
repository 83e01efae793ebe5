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


def test_a_wheel_has_every_package(project: dict[str, Any]) -> None:
    folders = {path.parent.relative_to(REPOSITORY) for path in library()}
    rule = project["tool"]["setuptools"]["packages"]["find"]
    found = setuptools.find_packages(str(REPOSITORY), include=rule["include"])
    assert set(found) == {".".join(folder.parts) for folder in folders}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_clean_and_can_be_given_parameters(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert not {"injected-parameters", "papermill"} & set(cell["metadata"].get("tags", []))
        assert "papermill" not in cell["metadata"]
    code = [set(c["metadata"].get("tags", [])) for c in cells if c["cell_type"] == "code"]
    folded = {"hide-input", "remove-input", "remove-cell"}
    if path.parent.name == "notebooks":
        assert all(tags & folded for tags in code), "a page shows its result, and folds its code"
    (cell,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    # papermill's own view of the cell, which a comment in the wrong place would confuse.
    defaults: dict[str, Any] = {}
    exec("".join(cell["source"]), defaults)
    assert defaults.get("results_dir", "results") == "results"


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
    records = [
        path for path, name in zip(tracked, names, strict=True) if name.startswith("results/")
    ]
    assert sum(path.stat().st_size for path in records) < 10_000_000


@pytest.mark.parametrize(
    "path", library(), ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_library_files_say_what_they_are(path: Path) -> None:
    assert path.read_text("utf-8").startswith('"""'), "the first line says what the file is for"


def test_the_readmes_picture_is_the_tree() -> None:
    """What it names is there, and every room of the packages is named; an indented line is inside
    the package above it. Only the embedded corpus keeps its rooms to itself."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    picture = text.partition("## The house\n\n```\n")[2].partition("```")[0]
    drawn, package = set(), ""
    for line in picture.splitlines():
        names = re.split(r"  +", line.strip())[0].split()
        package = package if line.startswith(" ") else ""
        drawn |= {f"{package}{name}" for name in names}
        package = package or names[0]
    assert len(drawn) > 15
    for name in drawn:
        place = REPOSITORY / name
        assert place.is_dir() if name.endswith("/") else place.is_file(), name
    rooms = {f"{path.parent.relative_to(REPOSITORY).as_posix()}/" for path in library()}
    assert {room for room in rooms if not re.match("miniglue/.", room)} <= drawn


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
    left_behind = {
        "class",
        ".pytest_cache",
        ".hypothesis",
        ".mypy_cache",
        ".ruff_cache",
        ".cache",
        "_build",
    }
    folders = {path.name for path in REPOSITORY.iterdir() if path.is_dir()} | left_behind
    assert {name for name in folders if not excluded(name)} == {"book"}
