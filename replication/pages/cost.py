"""What the page on cost shows, from the rows that `make bench` wrote, one file per device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from lottery_utils.agreement.inference import t_interval
from lottery_utils.errors import UserError
from replication.pages.show import Note
from replication.study import home

pd.set_option("display.max_colwidth", None)  # sentences are shown whole

Rows = dict[str, dict[str, Any]]
MISSING = Note("This was not measured on this device yet: run make bench.")


def load(folder: str | Path = "benchmarks") -> dict[str, Rows]:
    """The rows by device. Raises `UserError` if there are none, or if a file is broken."""
    found = {}
    for path in sorted((home() / folder).glob("*.json")):
        try:
            rows = json.loads(path.read_text("utf-8"))
            for row in rows.values():
                for name in ("what", "sides", "seconds", "run"):
                    row[name]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"The benchmark file {path} is broken: expected what 'make bench' writes; restore "
                "it from version control, or delete it and run 'make bench'."
            ) from error
        found[path.stem] = rows
    if not found:
        raise UserError(f"There are no benchmarks in {home() / folder}: run 'make bench'.")
    return found


def table(rows: Rows) -> pd.DataFrame | Note:
    """A row for each other side of each case: medians, their ratio with its spread, the goal."""
    lines = []
    for row in rows.values():
        for side, (middle, low, high) in row.get("ratios", {}).items():
            goal = row["goals"].get(side)
            lines.append(
                {
                    "case": row["case"],
                    "instead of": row["sides"][side],
                    "ours, s": f"{median(row, 'ours'):.3g}",
                    "theirs, s": f"{median(row, side):.3g}",
                    "ratio": f"{middle:.2f}",
                    "lowest to highest": f"{low:.2f} to {high:.2f}",
                    "goal": "" if goal is None else f"{goal:g}",
                    "reached": "" if goal is None else ("yes" if middle >= goal else "no"),
                }
            )
    return pd.DataFrame(lines).set_index("case").rename_axis(None) if lines else MISSING


def checks(rows: Rows) -> pd.DataFrame:
    """What was timed in each case, and what was found to be equal before it was believed."""
    lines = {
        row["case"]: {
            "what was timed": row["what"],
            "ours": row["sides"]["ours"],
            "found equal": row["checked"],
        }
        for row in rows.values()
        if row.get("ratios")
    }
    return pd.DataFrame.from_dict(lines, orient="index")


def notes(rows: Rows) -> pd.DataFrame:
    """What a ratio of seconds does not say: memory, the share of what was promised, a limit."""
    lines = {}
    for row in rows.values():
        facts = row["facts"]
        if "whole_search" in facts:
            lines[f"{row['case']}: seconds of the whole, theirs over ours"] = (
                f"{facts['whole_search']:.2f}",
                f"{row['goals']['theirs']:g}",
            )
        if "promised_by_operations" in facts:
            promised = facts["promised_by_operations"]
            lines[f"{row['case']}: share of the {promised:.2f} times that operations promise"] = (
                f"{row['ratios']['theirs'][0] / promised:.2f}",
                f"{facts['goal_share_of_promise']:g}",
            )
        if "peak_ratio" in facts:
            ours, theirs = facts["peak_mib"]["ours"], facts["peak_mib"]["theirs"]
            lines[
                f"{row['case']}: peak memory, theirs ({theirs:,.0f} MiB) over ours ({ours:,.0f})"
            ] = (
                f"{facts['peak_ratio']:.2f}",
                f"{facts['goal_peak_ratio']:g}",
            )
        if "goal_seconds" in facts:
            lines[f"{row['case']}: seconds to the first figure"] = (
                f"{median(row, 'ours'):.2f}",
                f"at most {facts['goal_seconds']:g}",
            )
    return pd.DataFrame.from_dict(lines, orient="index", columns=["measured", "goal"])


def circumstances(rows: Rows) -> Note:
    """Where and when the rows were measured."""
    runs = [row["run"] for row in rows.values()]
    one = runs[-1]
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    dates = sorted({run["date"] for run in runs})
    when = f"between {dates[0]} and {dates[-1]}" if len(dates) > 1 else f"on {dates[0]}"
    by_rounds: dict[int, list[str]] = {}
    for row in rows.values():
        by_rounds.setdefault(row["run"]["rounds"], []).append(row["bench"])
    usual, *fewer = sorted(by_rounds, key=lambda n: len(set(by_rounds[n])), reverse=True)
    told = "".join(f" ({', '.join(dict.fromkeys(by_rounds[n]))}: {n})" for n in fewer)
    return Note(
        f"Measured on {one['device']} with {one['threads']} CPU threads, Python {one['python']}, "
        f"{versions}, {when}. Ratios are medians over the "
        f"{usual} rounds{told} in which each side ran once; of the search, over its masks."
    )


def profiles(rows: Rows) -> pd.DataFrame | Note:
    """Where each side's time goes in the three largest wins: percent of its own time."""
    lines = []
    profiled = [row for row in rows.values() if "profile" in row["facts"]]
    for row in sorted(profiled, key=lambda row: -row["ratios"]["theirs"][0])[:3]:
        for side, top in row["facts"]["profile"].items():
            lines += [
                {"case": row["case"], "side": side, "operation": name, "percent": share}
                for name, share in top
            ]
    if not lines:
        return MISSING
    return pd.DataFrame(lines).set_index(["case", "side", "operation"])


def bucketing(rows: Rows) -> pd.DataFrame | Note:
    """Final accuracies with batches by length and with plain shuffling, and their difference."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows.values():
        scores = row["facts"].get("scores")
        if scores is None:
            continue
        pairs = zip(scores["ours"], scores["theirs"], strict=True)
        columns = {
            "batches by length": t_interval(scores["ours"]),
            "plain shuffling": t_interval(scores["theirs"]),
            "difference, paired over seeds": t_interval([ours - theirs for ours, theirs in pairs]),
        }
        lines[row["what"]] = {name: str(found) for name, found in columns.items()}
    return pd.DataFrame.from_dict(lines, orient="index") if lines else MISSING


def gpu(found: dict[str, Rows]) -> pd.DataFrame | Note:
    """How much of each GPU was used, by batch size; or that there was none."""
    lines = {}
    for device, rows in found.items():
        for row in rows.values():
            if "utilization" in row["facts"]:
                facts = row["facts"]
                name = f"{device}, {row['case']} in {facts['precision']}"
                shares = {f"batch {size}": share for size, share in facts["utilization"].items()}
                lines[name] = {
                    **shares,
                    "goal": facts["goal"],
                    "peak, TFLOP/s": facts["peak_tflops"],
                }
    if not lines:
        return Note(
            "The GPU rows are not measured yet: no GPU was at hand. The path exists and is tested "
            "for its shape on a CPU; with one, run make bench CASE=gpu DEVICE=cuda."
        )
    return pd.DataFrame.from_dict(lines, orient="index")


def median(row: dict[str, Any], side: str) -> float:
    """The median of a side's seconds."""
    return float(pd.Series(row["seconds"][side]).median())
