"""What whole studies cost: time from their records, energy by an estimate that says how."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from replication.pages.show import Note
from replication.paper.records import STAGE
from replication.study import home

# Watts drawn by what was busy, memory, cooling and losses included: a server of 64 cores draws
# some 500 W under load, a graphics card for training and its share of the host about as much.
WATTS_PER_CORE, WATTS_PER_GPU = 8, 500


def table(results_dir: str | Path = "results") -> pd.DataFrame | Note:
    """Of each study on record: tasks, records, hours of one core or of a GPU, and kWh."""
    rows: dict[str, dict[str, str]] = {}
    root = home() / results_dir
    for folder in sorted(path for path in root.glob("*") if path.is_dir()):
        records = [json.loads(path.read_text("utf-8")) for path in folder.rglob("*.json")]
        # What the paper's authors released cost us nothing but the reading of it.
        runs = [record["provenance"] for record in records if record["stage"] != STAGE]
        if not runs:
            continue
        on_cpu = [run for run in runs if run["device"] == "cpu"]
        cores = sum(run["seconds"] * run["threads"] for run in on_cpu) / 3600
        cards = sum(run["seconds"] for run in runs if run["device"] != "cpu") / 3600
        energy = (cores * WATTS_PER_CORE + cards * WATTS_PER_GPU) / 1000
        rows[folder.name] = {
            "tasks": str(sum(path.is_dir() for path in folder.iterdir())),
            "records": f"{len(runs):,}",
            "hours of one core": f"{cores:,.1f}",
            "hours of a graphics card": f"{cards:,.1f}",
            "kWh, estimated": f"{energy:.3f}",
        }
    if not rows:
        return Note("No study is on record here.", "warning")
    return pd.DataFrame.from_dict(rows, orient="index")


def estimate() -> Note:
    """How the energy was estimated."""
    return Note(
        "Energy was not measured. It is the time that the records name (seconds times CPU threads, "
        f"or seconds of a graphics card), at {WATTS_PER_CORE} W for a busy core and "
        f"{WATTS_PER_GPU} W for a busy card, memory, cooling and losses included: round numbers "
        "for servers of 2020 to 2025, right within a factor of two. Records tell clock time, "
        "so that hours are an upper bound: a run that shared its cores with other work, or was "
        "halted for it, has counted that too."
    )
