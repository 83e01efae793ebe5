"""What pages show of survivors over seeds (section 5.1): a table and a figure, from records."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lottery_utils.agreement.inference import t_interval
from lottery_utils.agreement.survivors import KINDS
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import COLOURS, STYLE, Figure, Note
from replication.paper import numbers
from replication.runs.recorded import Entries, stage_results, task_name
from replication.store import Record

plt.style.use(STYLE)

LABELS = {"super": "super-survivors", "in_between": "in between", "anti": "anti-survivors"}
OWN = {"super": "all", "in_between": "some", "anti": "none"}
_COLOUR = {"super": COLOURS["good"], "in_between": COLOURS["random"], "anti": COLOURS["bad"]}
NO_SURVIVORS = Note(
    "The tickets of survivors are not computed for this task here: they need two seeds, and a "
    "study that asks for them (lottery run STUDY --set followups.survivors=null)."
)
EMPTY = Note(
    "No head and no MLP survives with every seed, so that tickets of that size hold nothing: they "
    "guess, and their scores would say nothing."
)


def _is_empty(found: dict[int, Record]) -> bool:
    """Whether nothing survives with every seed, so that tickets of that size are empty."""
    masks = (record["results"]["tickets"][KINDS[0]]["mask"] for record in found.values())
    return all(not (m.n_heads or m.n_mlps) for m in map(StructuredMask.from_json, masks))


def table(found: dict[int, Record]) -> pd.DataFrame | Note:
    """The three kinds: how large, how many of another kind fill the places, what they score."""
    if not found:
        return NO_SURVIVORS
    if _is_empty(found):
        return EMPTY
    results = [record["results"] for record in found.values()]
    rows = []
    for kind in KINDS:
        tickets = [r["tickets"][kind] for r in results]
        mask = StructuredMask.from_json(tickets[0]["mask"])
        row = {"": LABELS[kind]}
        for part, n in (("heads", mask.n_heads), ("MLPs", mask.n_mlps)):
            came = tickets[0][f"{part.lower()}_from"]
            row[part] = f"{n}{_filled(came, OWN[kind])}"
        for state in ("pruned", "retrained"):
            row[state] = str(t_interval([ticket[state] for ticket in tickets]))
        rows.append(row)
    return pd.DataFrame(rows).set_index("").rename_axis(None)


def _filled(came: dict[str, int], own: str) -> str:
    others = {name: n for name, n in came.items() if name != own and n}
    if not others:
        return ""
    text = " and ".join(f"{n} kept by {name} seeds" for name, n in others.items())
    return f", of them {text}".replace("none seeds", "no seed")


def plot(entries: Entries, found: dict[int, Record]) -> Figure | Note:
    """The three kinds as tickets, a marker for each seed, beside the paper's."""
    if not found:
        return NO_SURVIVORS
    if _is_empty(found):
        return EMPTY
    task, first = task_name(entries), stage_results(entries)[0]
    published = numbers.survivors(task)
    drawing, axes = plt.subplots(
        1, 1 + bool(published), figsize=(4.2 * (1 + bool(published)), 3.4), squeeze=False,
        sharey=True, layout="constrained",
    )  # fmt: skip
    ours = axes[0, 0]
    for x, kind in enumerate(KINDS):
        for shift, state in ((-0.14, "pruned"), (0.14, "retrained")):
            look: dict[str, Any] = {"color": _COLOUR[kind], "ls": "none", "ms": 7}
            look["mfc"] = "white" if state == "pruned" else _COLOUR[kind]
            values = [record["results"]["tickets"][kind][state] for record in found.values()]
            ours.plot([x + shift] * len(values), values, "o", **look)
            if published:
                mean, std = published[f"{kind}, {state}"]
                axes[0, 1].errorbar(x + shift, mean, std, marker="o", **look)
    full = float(np.mean([r["score"] for r in stage_results(entries)]))
    levels = [(ours, full, first["majority"], f"here: {len(found)} seeds")]
    if published:
        scores = numbers.scores(task, "structured")
        named = f"the paper: BERT-base, {numbers.N_SEEDS} seeds"
        levels.append((axes[0, 1], scores["full"].mean, scores["majority"].mean, named))
    for axis, level, guess, title in levels:
        axis.axhline(level, color=COLOURS["full"], linewidth=1)
        axis.axhline(guess, color=COLOURS["majority"], linestyle=":")
        axis.set_xticks(range(len(KINDS)), [LABELS[k].replace("-", "-\n") for k in KINDS])
        axis.set_title(title)
    ours.set_ylabel(f"validation {METRIC_LABELS[first['metric']]}")
    means = "; ".join(
        f"{LABELS[kind]} {state} "
        f"{np.mean([r['results']['tickets'][kind][state] for r in found.values()]):.3f}"
        for kind in KINDS
        for state in ("pruned", "retrained")
    )
    return Figure.of(
        drawing,
        f"Tickets of survivors on {task}, all three of the same size, one mask for all seeds. Open "
        "circles: pruned, the fine-tuned model of each seed under the mask; filled: retrained from "
        f"the pre-trained weights. One circle per seed (n = {len(found)}; "
        f"{first['examples']['validation']:,} validation examples). Solid line: the full model's "
        "mean, dotted: the majority baseline."
        + (" Right: the paper's means and sample standard deviations." if published else ""),
        f"Dot plot for {task}: {means}.",
    )
