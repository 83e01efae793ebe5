"""What the page on the recipe shows, from the sweep's records alone."""

from __future__ import annotations

from dataclasses import asdict
from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.errors import UserError
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, LARGE, SEED_COLOURS, Figure, Finding, Note, Table, style
from replication.book.written import number
from replication.runs.records import by_task, in_title
from replication.stages import SWEPT
from replication.store import Record, Store
from replication.study import Study

NO_SWEEP = Note("The recipe of this study was not chosen by a sweep.")


def load(study: str, store: Store, *, needed: bool = True) -> dict[str, Record]:
    """The sweep's record of each task that was swept.

    Raises `UserError` if there is none and it is `needed`.
    """
    records = by_task(Study.load(study, store.root), "sweep", store)
    if needed and not records:
        raise UserError(
            f"There is no sweep of the study {study!r}: make one with "
            f"'lottery sweep {study} --rates 1e-4 2e-4'."
        )
    return records


@style(LARGE)
def plot(records: dict[str, Record]) -> Figure:
    """Held-out score against learning rate, a panel per task, a line per batch and epochs."""
    drawing, axes = plt.subplots(
        len(records),
        1,
        figsize=(4.8, 0.9 + 2 * len(records)),
        squeeze=False,
        layout="constrained",
    )
    for axis, (task, record) in zip(axes.flat, records.items(), strict=True):
        groups = _frame(record).groupby(["batch_size", "epochs"])
        for colour, ((batch, epochs), runs) in zip(cycle(SEED_COLOURS), groups, strict=False):
            axis.plot(runs.learning_rate, runs.score, "o", color=colour, mfc="white", ms=5)
            means = runs.groupby("learning_rate").score.mean()
            label = f"batch {batch:g}, {epochs:g} epochs"
            axis.plot(means.index, means.to_numpy(), "-", color=colour, label=label)
        majority = record["results"]["majority"]
        axis.axhline(majority, color=COLOURS["majority"], linestyle=":", label="majority")
        title = in_title(task, record["config"])
        axis.set(xscale="log", title=title, xlabel="learning rate")
        rates = sorted(_frame(record).learning_rate.unique())
        axis.set_xticks(rates, [f"{rate:.0e}".replace("e-0", "e-") for rate in rates])
        axis.minorticks_off()
        axis.set_ylabel(f"held-out {METRIC_LABELS[record['results']['metric']]}")
    drawing.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    counts = {task: record["results"]["examples"] for task, record in records.items()}
    sizes = "; ".join(
        f"{_titles(records)[task]}: {n['fit']:,} fitted, {n['held_out']:,} held out"
        for task, n in counts.items()
    )
    best, n_seeds = _best(records), max(_frame(of).seed.nunique() for of in records.values())
    highest = " and ".join(f"{rate:g}" for rate in best["learning_rate"].unique())
    return Figure.of(
        drawing,
        f"Highest mean over tasks: {number(best.iloc[0]['mean over tasks'])}, learning rate "
        f"{highest}. Circles: {n_seeds} seeds; lines: means. {sizes}.",
        "Dot plots of held-out score against learning rate, one panel per task.",
    )


def table(records: dict[str, Record]) -> Table | Note:
    """Mean held-out score over seeds, best recipe first: a row each, a column per task."""
    if not records:
        return NO_SWEEP
    return Table(_ranked(records))


def _ranked(records: dict[str, Record]) -> pd.DataFrame:
    means = {
        task: _frame(record).groupby(list(SWEPT)).score.mean() for task, record in records.items()
    }
    frame = pd.DataFrame(means)
    frame["mean over tasks"] = frame.mean(axis=1)
    ranked = frame.sort_values("mean over tasks", ascending=False, kind="stable")
    return ranked.round(3).reset_index()


def _best(records: dict[str, Record]) -> pd.DataFrame:
    """The recipes with the highest mean, to the three digits that are shown."""
    ranked = _ranked(records)
    means = ranked["mean over tasks"]
    best: pd.DataFrame = ranked[means == means.max()]
    return best


def choice(records: dict[str, Record], study: str, store: Store) -> Finding | Note:
    """The best recipe, and whether the study uses it."""
    if not records:
        return NO_SWEEP
    loaded = Study.load(study, store.root)
    if any(of["hash"] != loaded.hash("sweep", task) for task, of in records.items()):
        return Note(
            f"The study {study} was changed after this sweep: run the sweep again.", "warning"
        )
    best, recipe = _best(records), asdict(loaded.recipe)
    follows = any(all(recipe[name] == one[name] for name in SWEPT) for _, one in best.iterrows())
    chosen = ", ".join(f"{name.replace('_', ' ')} {recipe[name]:g}" for name in SWEPT)
    if follows:
        n_seeds = max(_frame(record).seed.nunique() for record in records.values())
        n = f"{n_seeds} seed{'s' * (n_seeds > 1)} each"
        means = _ranked(records)["mean over tasks"]
        alone = "No recipe scores higher than" if len(best) > 1 else "The best recipe is"
        return Finding(
            f"{alone} the one that the study uses: {chosen}. Its mean held-out score is "
            f"{means.max():.3f} over {', '.join(_titles(records).values())} ({n}).",
            more=f"The {len(means)} recipes score {means.min():.3f} to {means.max():.3f}. "
            f"{_mixed(records)}".strip(),
        )
    return Note(f"The study {study} does not follow its sweep: it uses {chosen}.", "warning")


def _mixed(records: dict[str, Record]) -> str:
    """What a mean over tasks is good for, where these are not scored by one metric."""
    if len({record["results"]["metric"] for record in records.values()}) < 2:
        return ""
    return "Each task counts by its own metric: such a mean ranks recipes, and is no score."


def _titles(records: dict[str, Record]) -> dict[str, str]:
    """The tasks as a sentence names them."""
    return {task: in_title(task, record["config"]) for task, record in records.items()}


def _frame(record: Record) -> pd.DataFrame:
    return pd.DataFrame(record["results"]["runs"]).sort_values(["seed", "learning_rate"])
