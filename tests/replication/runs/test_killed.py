"""Runs that are killed at any moment, and two at once: in the end all is as of a run left alone.

LOTTERY_KILLS=100 (`make test-kills`) tries every rename, as many moments, and pairs of runs.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import re
import signal
from dataclasses import replace
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from conftest import make_workplace
from running import without_seconds
from safetensors.torch import load_file

TASK, SEED = "CoLA", 1337
KILLS = int(os.environ.get("LOTTERY_KILLS", "0"))
EVERY_RENAME = list(itertools.product(range(1, 24), ("before", "after")))
RENAMES = EVERY_RENAME if KILLS else []


def work(folder: Path, at: int = 0, when: str = "") -> None:
    """Compute an entry, in a process of its own, which ends just before or after a rename."""
    from replication.runs.run import ensure
    from replication.store import Store
    from replication.study import Study

    rename, numbers = Path.replace, itertools.count(1)

    def renamed(draft: Path, path: Path) -> Path:
        number = next(numbers)
        if (number, "before") == (at, when):
            os.kill(os.getpid(), signal.SIGKILL)
        done = rename(draft, path)
        if (number, "after") == (at, when):
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    Path.replace = renamed  # type: ignore
    os.chdir(folder)
    study = replace(Study.load("tiny"), tasks=(TASK,), seeds=(SEED,))
    ensure(study, Store(), device="cpu", threads=1, quiet=True)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that need not import torch, each on its own."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(
        ["transformers.models.bert.modeling_bert", "replication.experiments.magnitude"]
    )
    return found


@pytest.fixture
def undisturbed(finished: Path) -> dict[str, Any]:
    return {
        path: of for path, of in everything(finished).items() if f"/{TASK}/seed-{SEED}/" in path
    }


@pytest.fixture
def folder(tmp_path: Path, tiny_backbone: Path) -> Path:
    return make_workplace(tmp_path / "workplace", tiny_backbone)


def start(processes: ForkServerContext, *options: Any) -> ForkServerProcess:
    process = processes.Process(target=work, args=options)
    process.start()
    return process


def finish(processes: ForkServerContext, folder: Path) -> dict[str, Any]:
    last = start(processes, folder)
    last.join()
    assert last.exitcode == 0
    return everything(folder)


def everything(folder: Path) -> dict[str, Any]:
    """What a run has left, file by file, but for the study itself."""
    found = {}
    for path in folder.rglob("*"):
        of: Any = None
        if path.suffix == ".json":
            of = without_seconds(json.loads(path.read_text("utf-8"))["results"])
        elif path.suffix == ".safetensors":  # whose facts are in no order
            of = load_file(path)
            of = {name: values.numpy().tobytes() for name, values in of.items()}
        if path.is_file() and path.suffix != ".yaml":
            name = re.sub(r"\.cache/\w+/", ".cache/", str(path.relative_to(folder)))
            found[name] = of
    return found


@pytest.mark.parametrize(("at", "when"), RENAMES)
def test_killed_at_a_rename(
    processes: ForkServerContext, undisturbed: dict[str, Any], folder: Path, at: int, when: str
) -> None:
    killed = start(processes, folder, at, when)
    killed.join()
    assert KILLS or killed.exitcode == -signal.SIGKILL
    assert finish(processes, folder) == undisturbed


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment(
    processes: ForkServerContext, undisturbed: dict[str, Any], folder: Path, seed: int
) -> None:
    killed = start(processes, folder)
    killed.join(random.Random(seed).uniform(0, 4))
    killed.kill()
    killed.join()
    assert finish(processes, folder) == undisturbed


@pytest.mark.parametrize("seed", range(max(1, KILLS // 5)))
def test_two_at_once_and_killed(
    processes: ForkServerContext, undisturbed: dict[str, Any], folder: Path, seed: int
) -> None:
    two, rng = [start(processes, folder) for _ in range(2)], random.Random(seed)
    for process in rng.sample(two, rng.choice([1, 2])):
        process.join(rng.uniform(0, 3))
        process.kill()
    for process in two:
        process.join()
    assert finish(processes, folder) == undisturbed


def keep(folder: Path, seed: int) -> None:
    from replication.store import Store
    from replication.study import Study

    os.chdir(folder)
    replace(Study.load("tiny"), seeds=(seed,)).keep(Store().root)


def test_of_many_that_keep_a_study_none_forgets_another(
    processes: ForkServerContext, folder: Path
) -> None:
    from replication.study import Study

    for number in range(KILLS // 5 or 1):
        seeds = range(8 * number, 8 * number + 8)
        several = [processes.Process(target=keep, args=(folder, seed)) for seed in seeds]
        for process in several:
            process.start()
        for process in several:
            process.join()
        kept = Study.load(folder / "results" / "tiny" / "study.yaml")
        assert set(kept.seeds) == set(range(seeds[-1] + 1))
    assert len(list((folder / "results" / "tiny").iterdir())) == 1
