"""Of several cards, each run has one of its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from lottery_utils import training
from lottery_utils.recipe import Recipe
from replication.cli import main
from replication.experiments.machine import take, this_machine

HOLD = """
import sys
from pathlib import Path
from replication.experiments.machine import take
print(take(["a", "b", "c"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def held(folder: Path, running: ExitStack) -> tuple[int, subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=-1, stdout=-1, text=True, encoding="utf-8"
    )
    running.enter_context(process)
    running.callback(process.kill)
    assert process.stdout
    return int(process.stdout.readline()), process


def test_runs_take_different_cards_and_a_killed_one_leaves_its_own(tmp_path: Path) -> None:
    with ExitStack() as running:
        (first, killed), (second, _), (third, _) = (held(tmp_path, running) for _ in range(3))
        assert [first, second, third] == [0, 1, 2]
        assert held(tmp_path, running)[0] == 0, "all are taken: it shares the first"
        killed.kill()
        killed.wait()
        mine = take(["a", "b", "c"], tmp_path)
        assert mine == 0 and take(["a", "b", "c"], tmp_path) == 0, "and keeps it"


def test_a_folder_that_cannot_be_used_is_no_reason_not_to_compute(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert take(["x"], tmp_path / "file" / "folder") == 0


def test_fetch_brings_weights_and_data(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "tiny", "--task", "RTE"]) == 0
    assert "RTE: 64 train, 40 validation" in capsys.readouterr().out


def test_a_record_names_what_computed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card {device.index}")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)

    def device(name: str) -> str:
        return this_machine(torch.device(name), Recipe())["device"]

    assert [device(name) for name in ("cpu", "mps", "cuda:1")] == ["cpu", "mps", "Card 1"]


def test_a_record_names_threads_and_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    cpu = torch.device("cpu")
    for bf16, precision in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(training, "uses_bf16", lambda *_, said=bf16: said)
        assert this_machine(cpu, Recipe()) == {
            "device": "cpu",
            "threads": 7,
            "training_precision": precision,
        }
