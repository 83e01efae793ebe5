"""`lottery verify`: the same bits on the same machine, and a plain word where numbers differ."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import running
from running import refused

from replication import cli, store
from replication.experiments import entry as experiments_entry
from replication.experiments.entry import Entry
from replication.files import alone
from replication.runs.verify import PLACE, TOLERANCES, compare
from replication.stages import STAGES
from replication.store import Key, Store

ENTRY = ["--task", "CoLA", "--seed", "1337", "--device", "cpu", "--threads", "1"]


def entry(root: Path) -> dict[str, Any]:
    store = Store(root / "results")
    return {stage: store.read(Key("tiny", "CoLA", 1337, stage)) for stage in STAGES}


def test_an_entry_computed_again_is_the_same(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "tiny", *ENTRY, "--cache-dir", "elsewhere"]) == 0
    said = capsys.readouterr().out
    assert "the same bits as those on record" in said
    assert "All entries agree" in said
    assert "magnitude, largest_removed, retrained" in said
    assert "APART" not in said
    assert (finished / "elsewhere" / PLACE / "tiny").is_dir()
    left = [*(finished / "elsewhere").rglob("*seed-*")]
    assert not left, "a finished verification leaves no entry behind"
    assert not (finished / ".cache" / PLACE).exists()


def test_it_goes_on_but_not_from_what_others_left(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, known, begun = Entry.train_model, store.code(), list[str]()

    def interrupted(self: Entry, model: Any, what: str, **how: Any) -> Any:
        begun.append(what)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return train(self, model, what, **how)

    monkeypatch.setattr(Entry, "train_model", interrupted)

    def first_trained(torch: str) -> str:
        begun.clear()
        monkeypatch.setattr(experiments_entry, "code", lambda: {**known, "torch": torch})
        assert cli.main(["verify", "tiny", *ENTRY]) == 130
        return begun[0]

    assert first_trained("3.0") == "fine-tune"
    assert first_trained("3.0") == "retrain the good ticket", "it goes on"
    assert first_trained("3.1") == "fine-tune"


def test_two_do_not_verify_one_entry_at_once(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(finished / ".cache" / PLACE / "tiny" / "CoLA" / "seed-1337.verify"):
        code = "import sys; from replication import cli; sys.exit(cli.main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, "verify", "tiny", *ENTRY]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert f"is being verified by process {os.getpid()} on" in told.stderr


def test_numbers_within_the_tolerance_agree_and_others_do_not(finished: Path) -> None:
    recorded = entry(finished)
    again = copy.deepcopy(recorded)
    again["finetune"]["results"]["weights_sha256"] = "others"
    again["tickets"]["results"]["tickets"]["bad"]["retrained"] += TOLERANCES["score"] - 0.001
    found = compare(recorded, again)
    assert not found.same
    assert found.agrees
    again["tickets"]["results"]["tickets"]["bad"]["retrained"] += 0.01
    found = compare(recorded, again)
    assert [check.what for check in found.checks if not check.agrees] == [
        "structured, bad, retrained"
    ]


def test_a_record_that_was_changed_by_hand_is_found_out(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # By a careful forger, whose checksum fits and whose record contradicts no other.
    running.change("tickets", "CoLA", 1337, lambda r: r["tickets"]["bad"].update(retrained=0.99))
    assert cli.main(["verify", "tiny", *ENTRY]) == 2
    told = capsys.readouterr()
    assert "APART" in told.out
    assert "Not reproduced within the tolerances: CoLA seed 1337" in told.err


def of_a_step(entry: dict[str, Any]) -> None:
    entry["search"]["results"]["steps"][1]["score"] += 0.001


def of_the_examples(entry: dict[str, Any]) -> None:
    entry["finetune"]["results"]["examples"]["train"] += 1


def of_a_mask(entry: dict[str, Any]) -> None:
    rows = entry["tickets"]["results"]["tickets"]["bad"]["mask"]["heads"]
    rows[0] = rows[0].translate(str.maketrans("01", "10"))


def steps_fewer(entry: dict[str, Any]) -> None:
    entry["magnitude"]["results"]["steps"].pop()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (of_a_step, "search, furthest apart: steps.1.score"),
        (of_the_examples, "finetune, furthest apart: examples.train"),
        (of_a_mask, "tickets, furthest apart: tickets.bad.mask.heads.0"),
        (steps_fewer, "magnitude, furthest apart: steps"),
    ],
)
def test_from_the_same_weights_every_number_comes_again(
    finished: Path, change: Callable[[dict[str, Any]], None], place: str
) -> None:
    recorded, again = entry(finished), entry(finished)
    assert compare(recorded, copy.deepcopy(again)).agrees
    again = copy.deepcopy(again)
    change(again)
    assert [c.what for c in compare(recorded, again).checks if not c.agrees] == [place]
    for stage in again:
        again[stage]["results"]["weights_sha256"] = "others"
    apart = change is of_the_examples  # no training changes these
    assert [c.what for c in compare(recorded, again).checks if not c.agrees] == [place] * apart


def test_what_is_not_on_record_cannot_be_verified(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "verify", "tiny", *ENTRY)
    assert "CoLA with seed 1337 of the study tiny is not on record" in line
    assert "lottery run tiny" in line
