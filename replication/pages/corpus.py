"""What the page on the embedded corpus shows: its baselines, from records, and its sentences."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import miniglue
from lottery_utils.errors import UserError
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.tasks import get_task
from replication.book.show import COLOURS, LARGE, Figure, Finding, Table, style
from replication.book.written import number
from replication.runs.records import by_task
from replication.store import Record, Store
from replication.study import Study

# What the corpus aims at: a bag of words scores no more than this, by metric, and the
# backbone at least this much above it.
CEILINGS = {"accuracy": 0.75, "matthews": 0.5, "pearson": 0.6}
MARGIN = 0.1


def load(study: str, store: Store) -> dict[str, Record]:
    """The baselines' record of each task. Raises `UserError` if there are none."""
    chosen = Study.load(study, store.root)
    records = by_task(chosen, "baselines", store)
    if not records:
        raise UserError(
            f"There are no records {store.root / chosen.folder('baselines')}: make them with "
            f"'lottery baselines {study}'."
        )
    return records


def finding(records: dict[str, Record]) -> Finding:
    """On how many tasks the corpus does what it aims at."""
    of_metric = [record["results"] for record in records.values()]
    low = sum(r["bag_of_words"] <= CEILINGS[r["metric"]] for r in of_metric)
    n_seeds = max(len(r["backbone"]) for r in of_metric)
    return Finding(
        f"The fine-tuned encoder beats word counts by at least {MARGIN:.2f} on "
        f"{_beaten(records)} of {len(of_metric)} tasks of made-up sentences "
        f"(means over {n_seeds} seeds), and word counts stay below their ceiling on {low}.",
        more="All sentences are made up: a score on this page is not a score on GLUE.",
    )


def _beaten(records: dict[str, Record]) -> int:
    """On how many tasks the encoder's mean over seeds beats word counts by the margin."""
    every = [record["results"] for record in records.values()]
    gains = (np.mean(list(of["backbone"].values())) - of["bag_of_words"] for of in every)
    return sum(bool(gain >= MARGIN) for gain in gains)


def table(records: dict[str, Record]) -> Table:
    """Majority, bag of words and backbone of each task, and whether the aims are met."""
    rows = []
    for task, record in records.items():
        results = record["results"]
        words, metric = results["bag_of_words"], results["metric"]
        backbone = float(np.mean(list(results["backbone"].values())))
        row = {"task": task, "metric": METRIC_LABELS[metric]}
        row["majority"] = number(results["majority"])
        row["bag of words"], row["backbone"] = number(words), number(backbone)
        row["backbone minus bag of words"] = number(backbone - words, signed=True)
        row["bag of words low enough"] = "yes" if words <= CEILINGS[metric] else "no"
        row["backbone 0.10 above"] = "yes" if backbone - words >= MARGIN else "no"
        rows.append(row)
    return Table.of(rows)


@style(LARGE)
def plot(records: dict[str, Record]) -> Figure:
    """A line per task from the bag of words to the backbone, with the majority baseline."""
    drawing, axes = plt.subplots(figsize=(4.8, 1.2 + 0.34 * len(records)), layout="constrained")
    tasks = list(records)[::-1]
    texts = []
    for y, task in enumerate(tasks):
        results = records[task]["results"]
        scores, words = list(results["backbone"].values()), results["bag_of_words"]
        axes.plot([words, np.mean(scores)], [y, y], color="0.7", linewidth=3, zorder=1)
        axes.plot(results["majority"], y, "|", color=COLOURS["majority"], ms=14, mew=2)
        axes.plot(words, y, "s", color=COLOURS["random"], ms=8)
        axes.plot(scores, [y] * len(scores), "o", color=COLOURS["good"], ms=7, mfc="white")
        texts.append(f"{task} {number(words)} against {number(np.mean(scores))}")
    axes.plot([], [], "|", color=COLOURS["majority"], ms=14, mew=2, label="majority")
    axes.plot([], [], "s", color=COLOURS["random"], label="bag of words")
    axes.plot([], [], "o", color=COLOURS["good"], mfc="white", label="fine-tuned backbone")
    labels = [f"{t} ({METRIC_LABELS[records[t]['results']['metric']].split()[0]})" for t in tasks]
    axes.set_yticks(range(len(tasks)), labels)
    axes.set(xlabel="validation score (each task's metric)", xlim=(-0.05, 1.02))
    drawing.legend(loc="outside upper center", ncols=2)
    results = [record["results"] for record in records.values()]
    sizes = sorted({r["examples"]["train"] for r in results})
    n_seeds = max(len(r["backbone"]) for r in results)
    return Figure.of(
        drawing,
        f"The encoder beats word counts by {MARGIN:.2f} on {_beaten(records)} of {len(tasks)} "
        "tasks of made-up sentences (logistic or ridge regression on counts; circles: "
        f"{n_seeds} seeds). "
        f"{' or '.join(f'{n:,}' for n in sizes)} training and "
        f"{results[0]['examples']['validation']:,} validation examples.",
        f"Dot plot of bag of words against backbone: {'; '.join(texts[::-1])}.",
    )


def sentences(task: str, n: int = 10) -> Table:
    """The first validation examples of one task of the corpus, as they come."""
    about = get_task(task)
    examples = miniglue.generate(task, 1, 400)["validation"][:n]
    rows = []
    for example in examples:
        label = f"{example.label:.1f}" if about.is_graded else about.labels[int(example.label)]
        second = {"second": example.sentence2} if about.is_pair else {}
        rows.append({"label": label, "first" if about.is_pair else "sentence": example.sentence1})
        rows[-1].update(second)  # type: ignore[arg-type]
    return Table.of(rows)
