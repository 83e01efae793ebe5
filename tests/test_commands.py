"""Every command that the README, a page or a notebook prints would run: its program and options are
known, and so are the study, the task, the notebook, its parameters, the target or the file."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import REPOSITORY

from replication.book import contents
from replication.book.build import how_made, parse_parameters
from replication.cli import _parser, main
from replication.runs.records import resolve
from replication.stages import STAGES
from replication.store import Store
from replication.study import Study

BLOCK = re.compile(r"^( *)(`{3,})(\w*)[^\n]*\n(.*?)^\1\2", re.M | re.S)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
SHELL = ("bash", "console", "sh")
NAMED = re.compile(r"[\w-]*-[0-9a-f]{8}")  # a study with changes, such as quick-7a0c709e
UNKNOWN = "-1a2b3c4d"  # where the hash depends on a reader's folder, and the text says so
PLACEHOLDER = re.compile(r"[A-Z]+")  # STUDY, DIR


def texts() -> Iterator[tuple[str, str]]:
    """Every text that a reader sees, by its file; the last section of each page too."""
    for path in (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"):
        yield path.name, path.read_text("utf-8")
    book = REPOSITORY / "book"
    for path in sorted(book.rglob("*.md")):
        if "report" not in path.relative_to(book).parts:
            yield path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8")
    for path in sorted((REPOSITORY / "notebooks").rglob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        shown = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        yield path.relative_to(REPOSITORY).as_posix(), "\n\n".join(shown)
    for name, page in contents.pages(REPOSITORY / "_toc.yml").items():
        notebook = REPOSITORY / "notebooks" / f"{page.notebook}.ipynb"
        yield name, how_made(notebook, page.parameters, 1.0)


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a text, taken apart: all lines of a shell's blocks, and what begins with a
    program that we know elsewhere."""
    for _, _, language, block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").split("\n"):
            for words in split(line):
                if language in SHELL or (not language and known(words)):
                    yield words
    for span in INLINE.findall(BLOCK.sub("", text)):
        for words in split(span):
            if known(words) and len(words) > 1:
                yield words


def split(line: str) -> Iterator[list[str]]:
    """A line's commands, less their comments, what comes after a pipe, and settings in front."""
    try:
        parts = shlex.split(line, comments=True)
    except ValueError:  # an apostrophe: a sentence
        return
    while parts:
        end = next((i for i, word in enumerate(parts) if word in ("&&", "|")), len(parts))
        words = [*parts[:end]]
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        if words:
            yield words
        parts = parts[end + 1 :] if parts[end : end + 1] == ["&&"] else []


def known(words: list[str]) -> bool:
    """Whether this is a command of ours, and not code, a message or a term."""
    program, *rest = words
    return (
        program in CHECKS and program not in ("cd", "find") and "ticket" not in " ".join(rest[:2])
    )


def lottery(words: list[str], text: str) -> None:
    if len(words) == 1 or words[1].startswith("-"):  # a command's name in a sentence
        _help(words)
        return
    options = vars(_parser().parse_args(words))
    study = options.get("study")
    if study is None or PLACEHOLDER.fullmatch(study):
        return
    tasks = options["task"] or []
    if study not in contents.studies() and f"{study}.yaml" in text:  # the page writes it first
        assert "own_tasks" in text
        return
    name = unchanged(study, text)
    folder = options["backbone"] and not options["backbone"].startswith(
        ("hub:", "bundled", "mpnet")
    )
    resolve(
        str(REPOSITORY / name) if name.endswith(".yaml") else name,
        task=tasks or None,
        seeds=options["seed"],
        data=options["data"],
        backbone=None if folder else options["backbone"],
        changes=dict(options["changes"]),
        store=Store(REPOSITORY / "results"),
    )
    assert options.get("stage") in (None, *STAGES)


def unchanged(study: str, text: str) -> str:
    """A study's name without the hash of its changes, which a command of the text makes."""
    if not NAMED.fullmatch(study):
        return study
    made = {
        Study.load(options["study"]).override(dict(options["changes"])).name
        for words in commands(text)
        if words[:2] == ["lottery", "run"] and "--set" in words[3:]
        for options in [vars(_parser().parse_args(words[1:]))]
        if not NAMED.fullmatch(options["study"])
    }
    assert study in made or (study.endswith(UNKNOWN) and f"`{UNKNOWN[1:]}`" in text), (study, made)
    return study[:-9]


def _help(words: list[str]) -> None:
    name, *options = words
    (commands,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    if not PLACEHOLDER.fullmatch(name):
        known_options = commands.choices[name]._option_string_actions
        assert set(options) <= set(known_options), words


def papermill(words: list[str], text: str) -> None:
    notebook, _, *options = words
    if notebook == "...":
        return
    names = options[1::3]
    assert options[::3] == ["-p"] * len(names) and len(options) == 3 * len(names), words
    path = REPOSITORY / notebook
    assert path.is_file() and set(names) <= set(contents.parameters(path)), words
    pairs = zip(names, options[2::3], strict=True)
    given = parse_parameters([f"{name}={value}" for name, value in pairs])
    study = str(given.get("study", "mini-glue"))
    if study not in contents.studies() and f"{study}.yaml" in text:
        return
    task = given.get("task")
    resolve(unchanged(study, text), task=task, store=Store(REPOSITORY / "results"))


def make(words: list[str], text: str) -> None:
    tried = subprocess.run(["make", "-n", *words], cwd=REPOSITORY, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for name in re.findall(r"^([A-Z]+)=", "\n".join(words), re.M):
        assert re.search(rf"\$\((?:or \$\()?{name}\)|^{name} \?=", makefile, re.M), name


def python(words: list[str], text: str) -> None:
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1]), words
    else:
        assert (REPOSITORY / words[0]).is_file() or words[0] in text.replace(
            f"python {words[0]}", ""
        )


def snakemake(words: list[str], text: str) -> None:
    for option, value in pairwise(words):
        if option == "--profile":
            assert (REPOSITORY / value / "config.yaml").is_file(), value
    settings = [word.partition("=") for word in words if "=" in word]
    snakefile = (REPOSITORY / "Snakefile").read_text("utf-8")
    for key, _, value in settings:
        assert f'"{key}"' in snakefile, key
        if key == "study":
            resolve(value, store=Store(REPOSITORY / "results"))
    targets = {"records", "book"}.intersection(words)
    assert targets or "--executor" in words, words


def pytests(words: list[str], text: str) -> None:
    paths = [word for word in words if word.startswith("tests")]
    assert paths and all((REPOSITORY / path).exists() for path in paths)


def jupyter(words: list[str], text: str) -> None:
    assert words[0] in ("lab", "nbconvert")
    for word in words[1:]:
        made = Path(word).suffix == ".ipynb" and text.count(word) > 1  # an earlier command's
        assert made or word in ("--to", "html") or word in text.replace(f"lab {word}", ""), word


def anything(words: list[str], text: str) -> None:
    """Programs of the system, which have no options of ours."""


CHECKS: dict[str, Callable[[list[str], str], None]] = {
    "lottery": lottery,
    "papermill": papermill,
    "make": make,
    "python": python,
    "snakemake": snakemake,
    "pytest": pytests,
    "jupyter": jupyter,
    **dict.fromkeys(("pip", "source", "export", "find", "cd"), anything),
}
TEXTS = dict(texts())
PRINTED = list(
    dict.fromkeys(
        (where, shlex.join(words)) for where, text in TEXTS.items() for words in commands(text)
    )
)


def test_commands_are_found_in_every_kind_of_text() -> None:
    found = dict(PRINTED)
    assert {"README.md", "book/rerun.md", "notebooks/cluster.ipynb", "book/index"} <= set(found)
    assert len(PRINTED) > 100


@pytest.mark.parametrize(("where", "command"), PRINTED, ids=lambda value: value[:60])
def test_a_printed_command_would_run(
    where: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    program, *words = shlex.split(command)
    assert program in CHECKS, f"{where} prints {command!r}, of a program that this test knows not"
    CHECKS[program](words, TEXTS[where])


@pytest.mark.parametrize(
    "command",
    sorted(
        {c for _, c in PRINTED if re.fullmatch(r"lottery (status|data) [a-z-]+", c)}
        - {"lottery status sure"}
    ),
)
def test_commands_that_only_read_run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert main(shlex.split(command)[1:]) == 0


@pytest.mark.parametrize(
    "command",
    [
        "-m replication.course handouts /dev/null",
        "-m replication.course page nowhere.ipynb page.ipynb handout.ipynb",
        "-m replication.course",
        "-m replication.runs.schema /dev/null/x",
        "-m replication.runs.schema",
        "-m replication.book nowhere.ipynb page.ipynb",
        "-m replication.book.one_study nowhere",
        "-m lottery_utils.patterns.sheets raw /dev/null/x",
        "-m lottery_utils.patterns.network raw=nowhere",
        "-m benchmarks nothing",
        "-m benchmarks.entries -1",
        "-m benchmarks.entries 10",
        "book/course/slides/figures.py /dev/null/x",
        "book/course/slides/figures.py",
    ],
)
def test_what_a_user_can_mend_is_one_sentence(command: str) -> None:
    """Of every program beside `lottery`: a path that is none, a number, a missing argument."""
    told = subprocess.run(
        [sys.executable, *command.split()],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert told.returncode in (1, 2)
    said = [line for line in told.stderr.splitlines() if not line.startswith("usage: ")]
    assert len(said) == 1 and "Traceback" not in told.stderr and told.stdout == ""
