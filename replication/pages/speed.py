"""The page on speed and memory: rows that `make bench` wrote, one file per device."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lottery_utils.errors import UserError, regular
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, style
from replication.book.written import estimate, number
from replication.store import home

Rows = dict[str, dict[str, Any]]
MISSING = Note("This was not measured on this device yet: run make bench.")


def load(folder: str | Path = "benchmarks") -> dict[str, Rows]:
    """The rows by device. Raises `UserError` if there are none, or if a file is broken."""
    found = {}
    for path in sorted((home() / folder).glob("*.json")):
        try:
            rows = json.loads(regular(path).read_text("utf-8"))
            for row in rows.values():
                for name in ("what", "sides", "seconds", "run"):
                    row[name]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"The benchmark file {path} is broken: expected what 'make bench' writes; restore "
                "it from version control, or delete it and run 'make bench'."
            ) from error
        found[path.stem] = rows
    if not found:
        raise UserError(f"There are no benchmarks in {home() / folder}: run 'make bench'.")
    return found


def of_device(every: dict[str, Rows], device: object) -> Rows:
    """The rows of one device. Raises `UserError` where there are none of it."""
    if (name := str(device)) not in every:  # papermill makes a number of 2024
        raise UserError(
            f"There are no benchmarks of the device {name!r}: expected one of "
            f"{', '.join(every)}, the files in benchmarks/."
        )
    return every[name]


def finding(rows: Rows) -> Finding | Note:
    """How many comparisons we win, and by how much."""
    found = sorted((middle, name) for name, (middle, _, _), _ in _compared(rows))
    if not found:
        return MISSING
    (least, worst), (most, best) = found[0], found[-1]
    n_rounds = min(row["run"]["rounds"] for row in rows.values() if row.get("ratios"))
    return Finding(
        f"In {sum(ratio > 1 for ratio, _ in found)} of {len(found)} comparisons this edition is "
        f"faster than standard implementations: {least:.2f} times ({worst}) to {most:.0f} times "
        f"({best}; medians of at least {n_rounds} rounds)."
    )


@style(LARGE)
def ratios(rows: Rows) -> Figure | Note:
    """The ratio of seconds in each comparison that a goal was set for, with it and the lowest and
    highest round."""
    every = _compared(rows)[::-1]
    found = [(name, of, goal) for name, of, goal in every if goal is not None]
    if not found:
        return MISSING
    drawing, axis = plt.subplots(figsize=(4.8, 1.2 + 0.37 * len(found)), layout="constrained")
    for y, (_, (middle, low, high), goal) in enumerate(found):
        axis.plot([low, high], [y, y], color=COLOURS["good"], linewidth=2)
        axis.plot(middle, y, "o", color=COLOURS["good"], ms=6)
        axis.plot(goal, y, "|", color=COLOURS["bad"], ms=13, mew=2)
    axis.axvline(1, color="0.6", linewidth=1, linestyle=":")
    axis.plot([], [], "o-", color=COLOURS["good"], label="median, lowest to highest round")
    axis.plot([], [], "|", color=COLOURS["bad"], ms=12, mew=2, label="goal, set before")
    axis.set_yticks(range(len(found)), [textwrap.fill(name, 30) for name, _, _ in found])
    ticks = (1, 3, 10, 30, 100)
    axis.set(xscale="log", xlabel="times as fast (log scale)")
    axis.set_xticks(ticks, [f"{tick}" for tick in ticks])
    axis.minorticks_off()
    drawing.legend(loc="outside upper center")
    reached = sum(of[0] >= goal for _, of, goal in found)
    texts = "; ".join(f"{name} {middle:.2f}" for name, (middle, _, _), _ in found[::-1])
    return Figure.of(
        drawing,
        f"This edition is faster in {sum(of[0] > 1 for _, of, _ in found)} of {len(found)} "
        f"comparisons with a goal, and reaches the goal in {reached}: seconds of the standard "
        f"implementation divided by ours. The table has all {len(every)}.",
        f"Dot plot of ratios: {texts}.",
        "ratios",
    )


def _compared(rows: Rows) -> list[tuple[str, tuple[float, float, float], float | None]]:
    """Each comparison by name: median, lowest and highest ratio, and the goal if there was one."""
    found = []
    for row in rows.values():
        sides = row.get("ratios", {})
        for side, of in sides.items():
            other = row["sides"][side].removeprefix("the same, ").split(",")[0]
            name = f"{row['case']}: {other}" if len(sides) > 1 else row["case"]
            found.append((name, (of[0], of[1], of[2]), row["goals"].get(side)))
    return found


def table(rows: Rows) -> Table | Note:
    """A row for each other side of each case: medians, their ratio with its spread, the goal."""
    lines = []
    for row in rows.values():
        for side, (middle, low, high) in row.get("ratios", {}).items():
            goal = row["goals"].get(side)
            lines.append(
                {
                    "": row["case"],
                    "instead of": row["sides"][side],
                    "ours, s": f"{median(row, 'ours'):.3g}",
                    "theirs, s": f"{median(row, side):.3g}",
                    "ratio": number(middle, 2),
                    "lowest to highest": f"{low:.2f} to {high:.2f}",
                    "goal": "" if goal is None else f"{goal:g}",
                    "reached": "" if goal is None else ("yes" if middle >= goal else "no"),
                }
            )
    return Table.of(lines) if lines else MISSING


def checks(rows: Rows) -> Table | Note:
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
    return by_name(lines)


def notes(rows: Rows) -> Table | Note:
    """What a ratio of seconds does not say: memory, the share of what was promised, a limit."""
    lines = {}
    for row in rows.values():
        case, facts = row["case"], row["facts"]
        if "whole_search" in facts:
            name = f"{case}: seconds of the whole, theirs over ours"
            lines[name] = number(facts["whole_search"], 2), f"{row['goals']['theirs']:g}"
        if "promised_by_operations" in facts:
            promised = facts["promised_by_operations"]
            name = f"{case}: share of the {promised:.2f} times that operations promise"
            share = row["ratios"]["theirs"][0] / promised
            lines[name] = number(share, 2), f"{facts['goal_share_of_promise']:g}"
        if "peak_ratio" in facts:
            ours, theirs = facts["peak_mib"]["ours"], facts["peak_mib"]["theirs"]
            name = f"{case}: peak memory, theirs ({theirs:,.0f} MiB) over ours ({ours:,.0f})"
            lines[name] = number(facts["peak_ratio"], 2), f"{facts['goal_peak_ratio']:g}"
        if "goal_seconds" in facts:
            name = f"{case}: seconds to the first figure"
            lines[name] = number(median(row, "ours"), 2), f"at most {facts['goal_seconds']:g}"
    return by_name({name: {"measured": m, "goal": goal} for name, (m, goal) in lines.items()})


def circumstances(rows: Rows) -> Note:
    """Where and when the comparisons were measured."""
    compared = {name: row for name, row in rows.items() if row.get("ratios")}
    if not compared:
        return MISSING
    return Note(
        f"{measured_on(compared)} Ratios are medians over the {rounds(compared)} in which each "
        "side ran once; of the search, over its masks."
    )


def measured_on(rows: Rows) -> str:
    """The device, its software and the dates, as a sentence."""
    runs = [row["run"] for row in rows.values()]
    one = runs[-1]
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    dates = sorted({run["date"] for run in runs})
    when = f"between {dates[0]} and {dates[-1]}" if len(dates) > 1 else f"on {dates[0]}"
    return (
        f"Measured on {one['device']} with {one['threads']} CPU threads, Python {one['python']}, "
        f"{versions}, {when}."
    )


def rounds(rows: Rows) -> str:
    """How many rounds most were timed in, and which in others: `5 rounds (growth: 3)`."""
    by_rounds: dict[int, list[str]] = {}
    for row in rows.values():
        by_rounds.setdefault(row["run"]["rounds"], []).append(row["bench"])
    usual, *fewer = sorted(by_rounds, key=lambda n: len(set(by_rounds[n])), reverse=True)
    told = "".join(f" ({', '.join(dict.fromkeys(by_rounds[n]))}: {n})" for n in fewer)
    return f"{usual} rounds{told}"


def profiles(rows: Rows) -> Table | Note:
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
    return Table(pd.DataFrame(lines).set_index(["case", "side", "operation"]))


def bucketing(rows: Rows) -> Table | Note:
    """Final accuracies with batches by length and with plain shuffling, and their difference."""
    lines = {}
    for row in rows.values():
        if scores := row["facts"].get("scores"):
            columns = {
                "batches by length": scores["ours"],
                "plain shuffling": scores["theirs"],
                "difference, paired over seeds": np.subtract(scores["ours"], scores["theirs"]),
            }
            lines[row["what"]] = {name: estimate(of) for name, of in columns.items()}
    return by_name(lines)


def gpu(found: dict[str, Rows]) -> Table | Note:
    """How much of each GPU was used, by batch size; or that there was none."""
    lines = {}
    for device, rows in found.items():
        for row in rows.values():
            facts = row["facts"]
            if "utilization" in facts:
                name = f"{device}, {row['case']} in {facts['precision']}"
                shares = {f"batch {size}": share for size, share in facts["utilization"].items()}
                peak = facts["peak_tflops"]
                lines[name] = {**shares, "goal": facts["goal"], "peak, TFLOP/s": peak}
    if not lines:
        return Note(
            "The GPU rows are not measured yet: no GPU was at hand. The path exists and is tested "
            "for its shape on a CPU; with one, run make bench CASE=gpu DEVICE=cuda."
        )
    return by_name(lines)


def median(row: dict[str, Any], side: str) -> float:
    """The median of a side's seconds."""
    return float(np.median(row["seconds"][side]))


def by_name(lines: dict[str, dict[str, Any]]) -> Table | Note:
    """A row for each name; that nothing was measured, without any."""
    return Table.of({"": name, **line} for name, line in lines.items()) if lines else MISSING
