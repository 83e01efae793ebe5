"""What lies where a file or a folder should be: refused in one sentence, before anything takes
long, and never waited for."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import refused

from lottery_utils.data import load_examples
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.patterns.maps import load_maps
from lottery_utils.tasks import Task
from replication import cli
from replication.experiments import machine
from replication.experiments.unfinished import Unfinished
from replication.files import write_text
from replication.journal import Journal
from replication.pages import speed
from replication.paper.release import _array
from replication.runs import data_card
from replication.runs import status as fresh
from replication.runs.run import ensure
from replication.store import Key, Store
from replication.study import Study

ENTRY = Path("results", "tiny", "CoLA", "seed-42")


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Who opens a pipe that nobody writes into waits without end."""

    waited = []

    def waits(*_: Any) -> None:
        waited.append(True)
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, waits)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert not waited, "also where it was caught as an error"


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize("place", [ENTRY, ENTRY.parent, ENTRY.with_name("seed-7")])
def test_a_file_in_place_of_a_folder_of_records(
    finished: Path, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    if place.exists():
        shutil.rmtree(place)
    place.write_text("")
    for command in ("export", "status"):
        seed = ["--seed", "7"] if place.name == "seed-7" and command == "status" else []
        assert f"({place} is no folder)" in refused(capsys, command, "tiny", *seed)


def test_linked_folders_of_records_are_exported(
    finished: Path, tmp_path: Path, capsys: Any
) -> None:
    assert cli.main(["export", "tiny"]) == 0
    whole = capsys.readouterr().out
    for place in (ENTRY, ENTRY.parent):
        elsewhere = tmp_path / place.name
        place.rename(elsewhere)
        place.symlink_to(elsewhere)
    Path("results/tiny/RTE/up").symlink_to(Path("..").resolve() / "finished" / "results" / "tiny")
    Path("results/tiny/RTE/seed-9").symlink_to("nowhere")
    assert cli.main(["export", "tiny"]) == 0
    assert capsys.readouterr().out == whole


def test_a_pipe_in_place_of_a_record_or_a_study(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = ENTRY / "search.json"
    pipe(record)
    for command in ("status", "export", "run"):
        assert f"{record} cannot be read (it is a pipe" in refused(capsys, command, "tiny")
    pipe(Path("mine.yaml"))
    assert "it is a pipe" in refused(capsys, "status", "mine.yaml")
    assert cli.main(["status", "mine"]) == 2


def csv(path: Path) -> object:
    folder = path.parent / "Trees"
    folder.mkdir()
    path.rename(folder / "train.csv")
    return load_examples(Task("Trees", "?", ("no", "yes"), ("accuracy",)), f"csv:{folder.parent}")


def tsv(path: Path) -> object:
    (path.parent / "RTE").mkdir()
    path.rename(path.parent / "RTE" / "train.tsv")
    return load_examples("RTE", f"local:{path.parent}")


def benchmarks(path: Path) -> object:
    path.rename(path.with_suffix(".json"))
    return speed.load(path.parent.resolve())


def training(path: Path) -> object:
    unfinished = Unfinished(path, ())
    path.rename(unfinished.path)
    return unfinished.state()


def card(path: Path) -> object:
    path.parent.joinpath("tiny", "RTE").mkdir(parents=True)
    path.rename(path.parent / "tiny" / "RTE" / data_card.FILE)
    return data_card.card(Study("tiny", ("RTE",), (1,)), "RTE", Store(path.parent))


@pytest.mark.parametrize(
    "read",
    [
        *(csv, tsv, benchmarks, card, training, StructuredMask.load, WeightMask.load, load_maps),
        lambda path: _array(path, (2, 2)),
        lambda path: Journal(path, "stamp"),
        lambda path: write_text(path, "text"),
    ],
)
def test_a_pipe_in_place_of_any_other_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "file"
    pipe(path)
    with pytest.raises(UserError):
        read(path)


def test_a_card_whose_lock_is_a_pipe_is_left(tmp_path: Path) -> None:
    pipe(tmp_path / "one.lock")
    assert machine.take(["one", "two"], tmp_path) == 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_in_the_way_of_a_lock_is_named(
    workplace: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    ENTRY.mkdir(parents=True)
    make(lock := ENTRY / ".finetune.json.lock")
    line = refused(capsys, "run", "tiny", "--task", "CoLA", "--seed", "42")
    assert str(lock) in line and "remove what is there" in line and "space" not in line


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("something was computed")


@pytest.mark.parametrize(
    ("place", "make"),
    [
        *itertools.product(("study.yaml", "RTE/data.yaml", "checkpoint"), (Path.mkdir, os.mkfifo)),
        ("study.yaml", lambda path: path.write_text("[")),
    ],
)
def test_what_records_lie_beside_is_looked_at_before_anything_is_computed(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, place: str, make: Callable[[Path], None]
) -> None:
    study = replace(Study.load("tiny"), tasks=("RTE",), seeds=(42,))
    path = Store().scratch(Key("tiny", "RTE", 42, "finetune"), "finetuned.safetensors")
    if place != "checkpoint":
        path = Path("results", "tiny", place)
        path.parent.mkdir(parents=True)
    if place.endswith("data.yaml"):
        study = replace(study, data="csv:tables")
        monkeypatch.setattr("replication.experiments.entry.Entry.check", lambda *_: None)
    make(path)
    monkeypatch.setattr("lottery_utils.training.finetune", never)
    monkeypatch.setattr("replication.experiments.entry.Entry.pretrained", never)
    with pytest.raises(UserError, match=path.name):
        ensure(study, Store(), device="cpu", threads=1, quiet=True)
    assert fresh.status(study, "RTE", 42, "finetune", Store()) == "missing"
