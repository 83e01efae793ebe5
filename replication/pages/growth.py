"""What the page on cost shows of how cost grows, and of the paper's own scale."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from replication.pages.cost import MISSING, Rows, median
from replication.pages.show import SEED_COLOURS, Figure, Note, style

ASSUMED_TFLOPS = 100
QUANTITIES = ("examples", "tokens", "layers", "heads")
_KIND_LABELS = {"training": "training", "importance": "importance pass", "scoring": "scoring pass"}


@style()
def growth(rows: Rows) -> Figure | Note:
    """Seconds against examples, tokens, layers and heads, on logarithmic scales."""
    found = [row for row in rows.values() if "exponent" in row["facts"]]
    if {row["facts"]["quantity"] for row in found} != set(QUANTITIES):
        return MISSING
    drawing, axes = plt.subplots(1, 4, figsize=(11, 3), sharey=True, layout="constrained")
    for axis, quantity in zip(axes.flat, QUANTITIES, strict=True):
        for colour, marker, row in zip(
            SEED_COLOURS, "os", _of_quantity(found, quantity), strict=False
        ):
            values = [int(value) for value in row["sides"]]
            seconds = [median(row, side) for side in row["sides"]]
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


def growth_table(rows: Rows) -> pd.DataFrame | Note:
    """The exponent of each quantity, over all values and over the last doubling."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows.values():
        facts = row["facts"]
        if "exponent" in facts:
            kind = _KIND_LABELS[facts["kind"]]
            line = lines.setdefault(_axis_label(facts["quantity"]), {})
            line[f"{kind}, all values"] = f"{facts['exponent']:.2f}"
            line[f"{kind}, last step"] = f"{facts['exponent_at_the_end']:.2f}"
    return pd.DataFrame.from_dict(lines, orient="index") if lines else MISSING


def forecast(rows: Rows) -> pd.DataFrame | Note:
    """Hours of the paper's own study on this device, by task and kind of pass."""
    facts = _forecast(rows)
    if facts is None:
        return MISSING
    frame = pd.DataFrame(facts["hours"]).rename(columns=_KIND_LABELS)
    frame["all"] = frame.sum(axis=1)
    frame.loc["nine tasks"] = frame.sum()
    return frame.map(lambda hours: f"{hours:,.1f}")


def forecast_checks(rows: Rows) -> Note:
    """How far the forecast was from a slice that it had not seen."""
    facts = _forecast(rows)
    if facts is None:
        return MISSING
    ratios = ", ".join(
        f"{_KIND_LABELS[kind]} {ratio:.2f}"
        for kind, ratio in facts["measured_over_forecast"].items()
    )
    return Note(
        f"Checked on slices of {facts['tokens_timed']:,} tokens in examples of 32, a length that "
        f"the forecast had not seen: measured time over forecast time, {ratios}."
    )


def forecast_assumptions(rows: Rows) -> Note:
    """What the forecast counts, from the numbers it was made with."""
    facts = _forecast(rows)
    if facts is None:
        return MISSING
    passes = facts["passes"]
    hours = {kind: sum(of_kind.values()) for kind, of_kind in facts["hours"].items()}
    trained = hours["training"] / sum(hours.values())
    return Note(
        f"Assumed for every task and seed: {passes['epochs']} epochs for one full model, "
        f"{passes['tickets of single weights']} tickets of single weights at full cost, and "
        f"{passes['tickets of heads and MLPs']} of heads and MLPs (good, random, bad, and the "
        f"three by survival) at {passes['their share of the full cost']:.0%} of it, as what is "
        f"removed is not computed; {passes['importance']} importance passes for a structured "
        f"search; {passes['scoring']} scoring passes for the search by magnitude and all tickets. "
        "Mean lengths are those of each task's first 3,000 training and 1,000 validation examples "
        f"under BERT's vocabulary. Fine-tuning is {trained:.0%} of the hours."
    )


def hundred_backbones(rows: Rows) -> Note:
    """What a hundred backbones of BERT-base's size would take."""
    facts = _forecast(rows)
    if facts is None:
        return MISSING
    days = 100 * facts["total_hours"] / 24
    return Note(
        f"On paper: a hundred times {facts['total_hours']:,.0f} hours is {days:,.0f} days of this "
        f"device, or a day of {days:,.0f} devices."
    )


def gpu_hours(rows: Rows) -> Note:
    """The same in hours of a graphics card, from operations: on paper, as none was at hand."""
    facts = _forecast(rows)
    if facts is None:
        return MISSING
    operations = facts["operations"]
    hours = operations / (ASSUMED_TFLOPS * 1e12) / 3600
    return Note(
        f"On a graphics card, on paper: {operations / 1e18:.1f} x 10^18 operations "
        "(two for each weight of the encoder and token forward, four more backward to train, two "
        f"more for importance). A card that sustains {ASSUMED_TFLOPS} TFLOP/s, a third of the bf16 "
        f"peak of data-centre cards of 2020 to 2022, would take {hours:,.0f} hours, and a hundred "
        f"backbones {100 * hours / 24:,.0f} days. That utilization is assumed, and not measured."
    )


def _forecast(rows: Rows) -> dict[str, Any] | None:
    return next((row["facts"] for row in rows.values() if "hours" in row["facts"]), None)


def _of_quantity(found: list[dict[str, Any]], quantity: str) -> list[dict[str, Any]]:
    return [row for row in found if row["facts"]["quantity"] == quantity]


def _axis_label(quantity: str) -> str:
    return {"tokens": "tokens per example", "heads": "heads per layer"}.get(quantity, quantity)
