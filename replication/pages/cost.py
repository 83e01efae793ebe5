"""The page on cost: what studies took by their records, and what the paper's would take.

Hours of a study on record come from its records, energy from an estimate that says how; hours of
the paper's own study from passes that `make bench` timed.
"""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.errors import UserError
from replication.book.show import LARGE, SEED_COLOURS, Figure, Finding, Note, Table, style
from replication.book.written import number, percent
from replication.pages.speed import MISSING, Rows, by_name, measured_on, median, rounds
from replication.runs.data_card import encoder, trained_on
from replication.runs.jobs import ASSUMED_TFLOPS
from replication.runs.records import as_names
from replication.runs.spent import Spent, spent
from replication.store import Store

QUANTITIES = ("examples", "tokens", "layers", "heads")
PASSES = {"training": "training", "importance": "importance pass", "scoring": "scoring pass"}
NO_STUDY = Note("There are no records of a study here.", "warning")


def total(names: object = None, store: Store | None = None) -> Finding | Note:
    """What these studies (None: all) took together."""
    store = store or Store()
    found = _spent(names, store)
    every = spent([*found], store)
    if every is None:
        return NO_STUDY
    return Finding(
        f"The studies on record ({len(found)}) took {every.cores:,.0f} hours of one core and "
        f"{every.cards:,.1f} of a graphics card, and about {every.kwh:,.1f} kWh (an estimate)."
    )


def studies(names: object = None, store: Store | None = None) -> Table | Note:
    """Of these studies (None: all): tasks, records, hours of one core or of a GPU, and kWh.

    `names` is a list or a single one. Raises `UserError` for those that have no records.
    """
    store = store or Store()
    rows = [
        {
            "": name,
            "encoder, training examples a task": _trained(name, store),
            "tasks": str(one.tasks),
            "records": f"{one.records:,}",
            "hours of one core": f"{one.cores:,.1f}",
            "hours of a graphics card": f"{one.cards:,.1f}",
            "kWh, estimated": number(one.kwh),
        }
        for name, one in _spent(names, store).items()
    ]
    return Table.of(rows) if rows else NO_STUDY


def _trained(study: str, store: Store) -> str:
    """Which encoders a study's records are of, and on how many examples of a task."""
    found = [record for key in store.keys(study) if (record := store.read(key))]
    encoders = sorted({encoder(record["config"]["backbone"]) for record in found})
    return ", ".join(filter(None, [*encoders, trained_on(found)]))


def _spent(names: object, store: Store) -> dict[str, Spent]:
    known = sorted(path.name for path in store.root.glob("*") if path.is_dir())
    asked = known if names is None else as_names(names, "studies")
    if unknown := [name for name in asked if name not in known]:
        raise UserError(
            f"There are no records of the study {unknown[0]!r} in {store.root}: expected some of "
            f"{', '.join(known)}."
        )
    return {name: one for name in asked if (one := spent([name], store))}


def circumstances(rows: Rows) -> Note:
    """Where and when the passes were timed that the rest of the page is made from."""
    timed = {n: row for n, row in rows.items() if {"exponent", "hours"} & row["facts"].keys()}
    if not timed:
        return MISSING
    return Note(f"{measured_on(timed)} Seconds are medians over the {rounds(timed)}.")


@style(LARGE)
def growth(rows: Rows) -> Figure | Note:
    """Seconds against examples, tokens, layers and heads, on logarithmic scales."""
    found = [row for row in rows.values() if "exponent" in row["facts"]]
    if {row["facts"]["quantity"] for row in found} != set(QUANTITIES):
        return MISSING
    drawing, axes = plt.subplots(2, 2, figsize=(4.8, 5.6), sharey=True, layout="constrained")
    for axis, quantity in zip(axes.flat, QUANTITIES, strict=True):
        slopes: list[str] = []
        for colour, marker, row in zip(
            SEED_COLOURS,
            "os",
            [row for row in found if row["facts"]["quantity"] == quantity],
            strict=False,
        ):
            values = [int(value) for value in row["sides"]]
            seconds = [median(row, side) for side in row["sides"]]
            slopes.append(f"{row['facts']['exponent']:.2f}")
            label = PASSES[row["facts"]["kind"]]
            axis.plot(values, seconds, f"{marker}-", color=colour, label=label)
        axis.set(xscale="log", yscale="log", xlabel=_axis_label(quantity))
        axis.set_title(" and ".join(slopes))
        axis.set_xticks(values, [f"{n}" if i % 2 == 0 else "" for i, n in enumerate(values)])
        axis.minorticks_off()
    every = [row["facts"]["exponent"] for row in found]
    names = axes[0, 0].get_legend_handles_labels()
    drawing.legend(*names, loc="outside upper center", ncols=2)
    for axis in axes[:, 0]:
        axis.set_ylabel("seconds per pass")
    return Figure.of(
        drawing,
        f"Seconds of a pass grow with exponents of {min(every):.2f} to {max(every):.2f} (titles: "
        "training and importance). Medians over rounds; one quantity varies at a time from 64 "
        "examples of 32 tokens, 4 layers and 4 heads of 32 channels.",
        "Four panels of rising lines on logarithmic scales, one for training and one for "
        "importance in each.",
        "growth",
    )


def growth_table(rows: Rows) -> Table | Note:
    """The exponent of each quantity, over all values and over the last doubling."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows.values():
        facts = row["facts"]
        if "exponent" in facts:
            kind = PASSES[facts["kind"]]
            line = lines.setdefault(_axis_label(facts["quantity"]), {})
            line[f"{kind}, all values"] = f"{facts['exponent']:.2f}"
            line[f"{kind}, last step"] = f"{facts['exponent_at_the_end']:.2f}"
    return by_name(lines)


def forecast(rows: Rows) -> Table | Note:
    """Hours of the paper's own study on this device, by task and kind of pass."""
    for facts in _forecasts(rows):
        frame = pd.DataFrame(facts["hours"]).rename(columns=PASSES)
        frame["all"] = frame.sum(axis=1)
        frame.loc["nine tasks"] = frame.sum()
        return Table(frame.map(lambda hours: f"{hours:,.1f}"))
    return MISSING


def forecast_checks(rows: Rows) -> Table | Note:
    """How far the forecast was from slices of a length that it had not seen, and how many tokens
    these had."""
    lines = {}
    for facts in _forecasts(rows):
        ratios = {PASSES[k]: number(of, 2) for k, of in facts["measured_over_forecast"].items()}
        tokens = {"tokens timed": f"{facts['tokens_timed']:,}"}
        lines["measured time over forecast time"] = {**ratios, **tokens}
    return by_name(lines)


def forecast_assumptions(rows: Rows) -> Table | Note:
    """What the forecast counts for every task and seed, from the numbers it was made with."""
    lines: dict[str, dict[str, Any]] = {}
    for facts in _forecasts(rows):
        passes = facts["passes"]
        hours = {kind: sum(of_kind.values()) for kind, of_kind in facts["hours"].items()}
        assumed = {
            "epochs for one full model": passes["epochs"],
            "tickets of single weights": passes["tickets of single weights"],
            "tickets of heads and MLPs": passes["tickets of heads and MLPs"],
            "their share of the full cost": percent(passes["their share of the full cost"]),
            "importance passes for a structured search": passes["importance"],
            "scoring passes for the search by magnitude and all tickets": passes["scoring"],
            "share of fine-tuning in the hours": percent(hours["training"] / sum(hours.values())),
        }
        lines |= {name: {"assumed": str(of)} for name, of in assumed.items()}
    return by_name(lines)


def on_paper(rows: Rows) -> Table | Note:
    """What one backbone of BERT-base's size and a hundred would take: on this device, and by its
    operations on a graphics card that sustains `ASSUMED_TFLOPS`."""
    lines = {}
    for facts in _forecasts(rows):
        operations = facts["operations"]
        card = f"a card at {ASSUMED_TFLOPS} TFLOP/s, {operations / 1e18:.1f} x 10^18 operations"
        lines["this device"] = facts["total_hours"]
        lines[card] = operations / (ASSUMED_TFLOPS * 1e12) / 3600
    one, many = "hours, one backbone", "days, a hundred backbones"
    return by_name({n: {one: f"{h:,.0f}", many: f"{100 * h / 24:,.0f}"} for n, h in lines.items()})


def _forecasts(rows: Rows) -> list[dict[str, Any]]:
    """What was forecast on a device: once, or not at all."""
    return [row["facts"] for row in rows.values() if "hours" in row["facts"]][:1]


def _axis_label(quantity: str) -> str:
    return {"tokens": "tokens per example", "heads": "heads per layer"}.get(quantity, quantity)
