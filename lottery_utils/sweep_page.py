"""What the page on the recipe shows, from the sweep's records alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.errors import UserError
from lottery_utils.figure import SEED_COLOURS, STYLE, Figure, Note
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.store import Key, Record, Store
from lottery_utils.study import Study
from lottery_utils.sweep import sweep_name

plt.style.use(STYLE)


def load(study: str, results_dir: str = "results") -> dict[str, Record]:
    """The sweep's record of each task. Raises `UserError` if one is missing."""
    chosen, store = Study.load(study, results_dir), Store(results_dir)
    records: dict[str, Record] = {}
    for task in chosen.tasks:
        record = store.read(Key(sweep_name(chosen), task, None, "sweep"))
        if record is None:
            raise UserError(
                f"There is no sweep of {task} for the study {study!r}: make one with "
                f"'lottery sweep {study} --rates 1e-4 2e-4'."
            )
        records[task] = record
    return records


def plot(records: dict[str, Record]) -> Figure:
    """Held-out score against learning rate, a panel per task, a marker per seed."""
    drawing, axes = plt.subplots(
        1, len(records), figsize=(3.2 * len(records), 3.2), squeeze=False, layout="constrained"
    )
    for axis, (task, record) in zip(axes.flat, records.items(), strict=True):
        runs = _frame(record)
        for colour, (seed, of_seed) in zip(SEED_COLOURS, runs.groupby("seed"), strict=False):
            axis.plot(of_seed.learning_rate, of_seed.score, "o", color=colour, label=f"seed {seed}")
        means = runs.groupby("learning_rate").score.mean()
        axis.plot(means.index, means.to_numpy(), "-", color="0.4", label="mean")
        majority = record["results"]["majority"]
        axis.axhline(majority, color="0.5", linestyle=":", label="majority")
        axis.set(xscale="log", title=task, xlabel="learning rate")
        axis.set_ylabel(f"held-out {METRIC_LABELS[record['results']['metric']]}")
    axes.flat[0].legend(fontsize=8)
    counts = {task: record["results"]["examples"] for task, record in records.items()}
    sizes = "; ".join(
        f"{task}: {n['fit']:,} fitted, {n['held_out']:,} held out" for task, n in counts.items()
    )
    return Figure.of(
        drawing,
        "Score on held-out training examples by learning rate (log scale): one marker per seed, "
        f"the line joins their means, dotted is the majority baseline. Examples: {sizes}.",
        "Dot plots of held-out score against learning rate, one per task.",
    )


def table(records: dict[str, Record]) -> pd.DataFrame:
    """Mean held-out score over seeds, a row per learning rate, a column per task."""
    means = {
        task: _frame(record).groupby("learning_rate").score.mean()
        for task, record in records.items()
    }
    frame = pd.DataFrame(means)
    frame["mean over tasks"] = frame.mean(axis=1)
    frame.index = pd.Index([f"{rate:g}" for rate in frame.index], name="learning rate")
    return frame.round(3)


def choice(records: dict[str, Record], study: str, results_dir: str = "results") -> Note:
    """Whether the study follows its sweep."""
    best = float(str(table(records)["mean over tasks"].idxmax()))
    used = Study.load(study, results_dir).recipe.learning_rate
    text = f"Best mean over tasks: {best:g}. The study {study} uses {used:g}."
    return Note(text) if best == used else Note(f"{text} It does not follow its sweep.", "warning")


def _frame(record: Record) -> pd.DataFrame:
    return pd.DataFrame(record["results"]["runs"]).sort_values(["seed", "learning_rate"])
