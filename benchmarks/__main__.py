"""`make bench`, or `python -m benchmarks [CASE ...]`: run the cases, print and write the rows."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks.alternate import Row, Setting
from lottery_utils.errors import UserError, in_one_sentence
from replication.experiments.machine import prepare_device
from replication.files import write_text

CASES = {
    "search": "search_case",
    "training": "training_case",
    "removal": "removal_case",
    "magnitude": "magnitude_case",
    "maps": "maps_case",
    "bucketing": "bucketing_case",
    "layout": "layout_case",
    "bf16": "bf16_case",
    "notebook": "notebook_case",
    "growth": "growth_case",
    "forecast": "forecast_case",
    "gpu": "gpu_case",
}
FOLDER = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 after one sentence about what was wrong."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    unknown = [case for case in asked.cases if case not in CASES]
    try:
        if unknown:
            raise UserError(
                f"There is no benchmark {unknown[0]!r}: expected one of {', '.join(CASES)}."
            )
        device = prepare_device(asked.device, asked.threads)
        setting = Setting(asked.threads, device, asked.rounds, say=partial(print, flush=True))
        for case in asked.cases or CASES:
            run(case, setting, FOLDER / f"{_device_name(setting)}.json")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(case: str, setting: Setting, path: Path) -> None:
    """Run one case; every row is printed, and joins the file at `path`, as soon as it is there."""
    setting.say(f"{case}:")
    for row in importlib.import_module(f"benchmarks.{CASES[case]}").rows(setting):
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        known[row.case] = {**row.to_json(), "bench": case, "run": circumstances(setting)}
        write_text(path, json.dumps(known, indent=1) + "\n")
        setting.say(told(row))


def told(row: Row) -> str:
    """The row as a few lines of text."""
    lines = [f"{row.case}: {row.what}"]
    for side in row.sides:
        times = sorted(row.seconds[side])
        text = f"  {side:>8}  {times[len(times) // 2]:9.4g} s  {row.sides[side]}"
        if "ours" in row.seconds and side != "ours":
            ratios = row.ratios(side)
            goal = f", goal {row.goals[side]:g}" if side in row.goals else ""
            text += (
                f": {row.ratio(side):.2f} times ours ({min(ratios):.2f} to {max(ratios):.2f}{goal})"
            )
        lines.append(text)
    return "\n".join([*lines, *([f"  equal: {row.checked}"] if row.checked else [])])


def circumstances(setting: Setting) -> dict[str, Any]:
    """Machine, threads, versions and date, for the file."""
    kind = setting.device.type
    card = torch.cuda.get_device_name(setting.device) if kind == "cuda" else kind
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": _cpu() if kind == "cpu" else card,
        "threads": setting.threads,
        "rounds": setting.rounds,
        "versions": {name: metadata.version(name) for name in ("torch", "transformers", "numpy")},
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "CPU"
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "CPU")


def _device_name(setting: Setting) -> str:
    if setting.device.type == "cuda":
        name = torch.cuda.get_device_name(setting.device).lower()
        return re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    return f"cpu-{setting.threads}-threads"


if __name__ == "__main__":
    with in_one_sentence():
        sys.exit(main(sys.argv[1:]))
