"""What tests of the machine do to a finished run: read it, change it, look at an entry at work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from replication import cli
from replication.experiments.entry import Entry
from replication.progress import Progress
from replication.store import Key, Record, Store, checksum
from replication.study import Study


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What the command says when it exits with status 2: one line, after progress if any."""
    assert cli.main(command) == 2
    *progress, line = capsys.readouterr().err.splitlines()
    assert line.startswith("lottery: ")
    assert all(" | " in other for other in progress)
    return line


def record(stage: str, task: str, seed: int | None, study: str = "tiny") -> Record:
    found = Store().read(Key(study, task, seed, stage))
    assert found is not None, f"there is no {stage} of {task}, seed {seed}"
    return found


def put(
    study: Study, task: str, seed: int | None, stage: str, results: dict[str, Any], **how: Any
) -> None:
    """A record as its stage would write it, with results that are known; `how` it was run."""
    key = study.key(task, seed or 0, stage)
    run = {"device": "cpu", "threads": 1, "training_precision": "fp32", "seconds": 1.0, **how}
    replace(study, name=key.study).keep(Store().root)
    Store().write(key, study.hash(stage), study.identity(stage), results, run)


def change(stage: str, task: str, seed: int, edit: Callable[[dict[str, Any]], object]) -> None:
    """A whole record with other results, as another machine might have written it."""
    changed = record(stage, task, seed)
    edit(changed["results"])
    rewrite(changed)


def rewrite(changed: Record, path: Path | None = None) -> None:
    """Put a changed record in its place, or at a path, with a checksum that fits."""
    changed["checksum"] = checksum(changed)
    address = ("study", "task", "seed", "stage")
    path = path or Store().path(Key(*(changed[name] for name in address)))
    path.write_text(json.dumps(changed), "utf-8")


def flip_mlps(results: dict[str, Any]) -> None:
    """Another mask of the same search."""
    kept = results["mask"]["mlps"]
    results["mask"]["mlps"] = kept.translate(str.maketrans("01", "10"))


def entry(task: str, seed: int, study: Study | None = None) -> Entry:
    """An entry of the study of the current folder, at work on what is recorded of it."""
    progress = Progress("test", 1, quiet=True)
    study = study or Study.load("tiny")
    return Entry(study, task, seed, Store(), torch.device("cpu"), progress)


def without_seconds(value: Any) -> Any:
    """What was found out, without how long it took."""
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value
