"""A study on a SLURM of this one machine, through profiles/slurm: `make test-slurm`.

A job is killed and the node drained on the way; the records are those of an undisturbed run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, TINY_STUDY
from one_node import absent, cluster
from running import without_seconds

pytestmark = pytest.mark.skipif(
    "LOTTERY_SLURM" not in os.environ or bool(absent()),
    reason="takes minutes, Debian's slurm-wlm and munge, and root: make test-slurm",
)
MAXIMUM = 1200.0  # seconds


def until(found: Callable[[], Any], running: subprocess.Popen[bytes]) -> Any:
    """What `found()` says, as soon as it says something; the run must not end before."""
    begun = time.monotonic()
    while not (value := found()):
        assert running.poll() is None and time.monotonic() - begun < MAXIMUM
        time.sleep(0.3)
    return value


@pytest.fixture
def place(tmp_path: Path, tiny_backbone: Path) -> Path:
    """This repository with nothing computed, and a study of one task and two seeds."""
    for path in REPOSITORY.iterdir():
        if path.name not in ("results", "studies", "_build", ".snakemake", ".cache", ".git"):
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(REPOSITORY / "studies", tmp_path / "studies")
    text = TINY_STUDY.format(backbone=json.dumps(str(tiny_backbone)))
    text = text.replace("CoLA, STS-B, RTE", "CoLA") + "magnitude_tasks: []\n"
    text += "followups: {survivors: null}\n"
    (tmp_path / "studies" / "tiny.yaml").write_text(text, "utf-8")
    return tmp_path


def test_a_study_on_slurm_with_a_job_killed_and_the_node_drained(place: Path) -> None:
    (place / "slurm").mkdir()
    log = place / "snakemake.log"
    with cluster(place / "slurm") as environment, log.open("wb") as out:
        environment |= {"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1"}

        def slurm(*command: str) -> str:
            return subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True
            ).stdout.strip()

        running = subprocess.Popen(
            [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm", "--jobs", "4",
             "--slurm-init-seconds-before-status-checks", "2",
             "--slurm-status-command", "squeue", "records",
             "--config", "study=tiny", "singly=1", "device=cpu", "threads=1"],
            cwd=place,
            env=environment,
            stdout=out,
            stderr=out,
        )  # fmt: skip
        try:
            jobs = "_build/stamps/tiny/jobs/CoLA"
            until(lambda: [*(place / jobs).glob("*/search")], running)
            victim = until(lambda: slurm("squeue", "-h", "-t", "R", "-o", "%i"), running)
            slurm("scancel", "--signal=KILL", "--full", victim.split()[0])
            until(lambda: b"retry" in log.read_bytes() or b"Trying" in log.read_bytes(), running)
            (node,) = slurm("sinfo", "-h", "-N", "-o", "%N").split()
            slurm("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
            time.sleep(5)
            slurm("scontrol", "update", f"nodename={node}", "state=resume")
            assert running.wait(MAXIMUM) == 0, log.read_text("utf-8")
        finally:
            running.kill()
        command = ["snakemake", "--executor", "slurm", "--jobs", "4", "--config", "study=tiny"]
        again = subprocess.run(
            [sys.executable, "-m", *command, "threads=1", "device=cpu", "--", "records"],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MAXIMUM,
        )
        assert again.returncode == 0 and "Nothing to be done" in again.stderr, again.stderr
    print(log.read_text("utf-8"))
    assert "Error in rule job" in log.read_text("utf-8"), "the killed job"
    alone = place / "alone"
    alone.mkdir()
    (alone / "studies").symlink_to(place / "studies")
    command = [sys.executable, "-m", "replication.cli", "run", "tiny", "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([*command, "--threads", "1"], cwd=alone, check=True, env=environment)
    made = sorted(path.relative_to(alone) for path in alone.glob("results/**/*.json"))
    assert len(made) == 2 * 4
    for path in made:
        ours, theirs = (json.loads((of / path).read_text("utf-8")) for of in (place, alone))
        assert without_seconds(ours["results"]) == without_seconds(theirs["results"]), path
        assert ours["hash"] == theirs["hash"]
