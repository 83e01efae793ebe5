"""What the page on cost shows, from the rows that `make bench` wrote, one file per device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.errors import UserError
from lottery_utils.figure import SEED_COLOURS, STYLE, Figure, Note
from lottery_utils.statistics import t_interval
from lottery_utils.study import home

plt.style.use(STYLE)

Rows = dict[str, dict[str, Any]]
QUANTITIES = ("examples", "tokens", "layers", "heads")
_MISSING = Note("This was not measured on this device yet: run make bench.")
_KIND_LABELS = {"training": "training", "importance": "importance pass", "scoring": "scoring pass"}


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
        for side, (median, low, high) in row.get("ratios", {}).items():
            goal = row["goals"].get(side)
            lines.append(
                {
                    "case": row["case"],
                    "instead of": row["sides"][side],
                    "ours, s": f"{_median(row, 'ours'):.3g}",
                    "theirs, s": f"{_median(row, side):.3g}",
                    "ratio": f"{median:.2f}",
                    "lowest to highest": f"{low:.2f} to {high:.2f}",
                    "goal": "" if goal is None else f"{goal:g}",
                    "reached": "" if goal is None else ("yes" if median >= goal else "no"),
                }
            )
    return pd.DataFrame(lines).set_index("case").rename_axis(None) if lines else _MISSING


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
                f"{_median(row, 'ours'):.2f}",
                f"at most {facts['goal_seconds']:g}",
            )
    return pd.DataFrame.from_dict(lines, orient="index", columns=["measured", "goal"])


def circumstances(rows: Rows) -> Note:
    """Where and when the rows were measured."""
    runs = [row["run"] for row in rows.values()]
    one = runs[-1]
    versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    dates = sorted({run["date"] for run in runs})
    return Note(
        f"Measured on {one['device']} with {one['threads']} CPU threads, Python {one['python']}, "
        f"{versions}, between {dates[0]} and {dates[-1]}. Ratios are medians over the "
        f"{one['rounds']} rounds in which each side ran once; of the search, over its masks."
    )


def profiles(rows: Rows) -> pd.DataFrame | Note:
    """Where each side's time goes, of the cases that were profiled: percent of its own time."""
    lines = []
    for row in rows.values():
        for side, top in row["facts"].get("profile", {}).items():
            lines += [
                {"case": row["case"], "side": side, "operation": name, "percent": share}
                for name, share in top
            ]
    if not lines:
        return _MISSING
    return pd.DataFrame(lines).set_index(["case", "side", "operation"])


def growth(rows: Rows) -> Figure | Note:
    """Seconds against examples, tokens, layers and heads, on logarithmic scales."""
    found = [row for row in rows.values() if "exponent" in row["facts"]]
    if {row["facts"]["quantity"] for row in found} != set(QUANTITIES):
        return _MISSING
    drawing, axes = plt.subplots(1, 4, figsize=(11, 3), sharey=True, layout="constrained")
    for axis, quantity in zip(axes.flat, QUANTITIES, strict=True):
        for colour, marker, row in zip(
            SEED_COLOURS, "os", _of_quantity(found, quantity), strict=False
        ):
            values = [int(value) for value in row["sides"]]
            seconds = [_median(row, side) for side in row["sides"]]
            label = f"{_KIND_LABELS[row['facts']['kind']]}: {row['facts']['exponent']:.2f}"
            axis.plot(values, seconds, f"{marker}-", color=colour, label=label)
        axis.set(xscale="log", yscale="log", xlabel=_axis_label(quantity))
        axis.set_xticks(values, [str(value) for value in values])
        axis.minorticks_off()
        axis.legend(fontsize=8, title="exponent", title_fontsize=8)
    axes.flat[0].set_ylabel("seconds per pass")
    return Figure.of(
        drawing,
        "Seconds of one pass (medians over rounds) against the number of examples, tokens per "
        "example, layers, and heads per layer, one of them varied at a time; all scales are "
        "logarithmic, and the exponent is the slope. A head has 32 channels and the MLP grows "
        "along, so that twice the heads are four times the weights. Start: 64 examples of 32 "
        "tokens, 4 layers of 4 heads.",
        "Four panels of rising lines on logarithmic scales, one for training and one for "
        "importance in each.",
    )


def growth_table(rows: Rows) -> pd.DataFrame:
    """The exponent of each quantity, over all values and over the last doubling."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows.values():
        facts = row["facts"]
        if "exponent" in facts:
            kind = _KIND_LABELS[facts["kind"]]
            line = lines.setdefault(_axis_label(facts["quantity"]), {})
            line[f"{kind}, all values"] = f"{facts['exponent']:.2f}"
            line[f"{kind}, last step"] = f"{facts['exponent_at_the_end']:.2f}"
    return pd.DataFrame.from_dict(lines, orient="index")


def forecast(rows: Rows) -> pd.DataFrame | Note:
    """Hours of the paper's own study on this device, by task and kind of pass."""
    facts = _forecast(rows)
    if facts is None:
        return _MISSING
    frame = pd.DataFrame(facts["hours"]).rename(columns=_KIND_LABELS)
    frame["all"] = frame.sum(axis=1)
    frame.loc["nine tasks"] = frame.sum()
    return frame.map(lambda hours: f"{hours:,.1f}")


def forecast_checks(rows: Rows) -> Note:
    """How far the forecast was from a slice that it had not seen."""
    facts = _forecast(rows)
    if facts is None:
        return _MISSING
    ratios = ", ".join(
        f"{_KIND_LABELS[kind]} {ratio:.2f}"
        for kind, ratio in facts["measured_over_forecast"].items()
    )
    return Note(
        f"Checked on slices of {facts['tokens_timed']:,} tokens in examples of 32, a length that "
        f"the forecast had not seen: measured time over forecast time, {ratios}."
    )


def bucketing(rows: Rows) -> pd.DataFrame | Note:
    """Final accuracies with batches by length and with plain shuffling, and their difference."""
    scores = next(
        (row["facts"]["scores"] for row in rows.values() if "scores" in row["facts"]), None
    )
    if scores is None:
        return _MISSING
    pairs = zip(scores["ours"], scores["theirs"], strict=True)
    columns = {
        "batches by length": t_interval(scores["ours"]),
        "plain shuffling": t_interval(scores["theirs"]),
        "difference, paired over seeds": t_interval([ours - theirs for ours, theirs in pairs]),
    }
    lines = {name: {"accuracy": str(found), "n": found.n} for name, found in columns.items()}
    return pd.DataFrame.from_dict(lines, orient="index")


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


def _forecast(rows: Rows) -> dict[str, Any] | None:
    return next((row["facts"] for row in rows.values() if "hours" in row["facts"]), None)


def _of_quantity(found: list[dict[str, Any]], quantity: str) -> list[dict[str, Any]]:
    return [row for row in found if row["facts"]["quantity"] == quantity]


def _axis_label(quantity: str) -> str:
    return {"tokens": "tokens per example", "heads": "heads per layer"}.get(quantity, quantity)


def _median(row: dict[str, Any], side: str) -> float:
    return float(pd.Series(row["seconds"][side]).median())
