"""All tasks of a study at a glance: scores of tickets, and the orders that the paper reports.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, NO_MAGNITUDE, Figure, Note, Table, number, style
from replication.claims.claim import LEARNED, WINS, reaches, wins
from replication.pages.sec4_2_good_random_bad import places
from replication.runs.data_card import describe
from replication.runs.records import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    STATES,
    TICKETS,
    TaskRecords,
    seeds_text,
    tickets_of,
    warning,
)
from replication.stages import PIPELINE
from replication.store import Store
from replication.study import Study


@style()
def plot(records: dict[str, TaskRecords], method: str = "structured") -> Figure | Note:
    """Every task of a study at a glance: the full model and its tickets."""
    records = {task: entries for task, entries in records.items() if entries.has(method)}
    if not records:
        return NO_MAGNITUDE
    columns, kinds = min(3, len(records)), KINDS[method]
    rows = -(-len(records) // columns)
    drawing, axes = plt.subplots(
        rows, columns, figsize=(3.2 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(records) :]:
        axis.set_visible(False)
    for axis, (task, entries) in zip(axes.flat, records.items(), strict=False):
        results = entries.results()
        full, majority = float(np.mean([r["score"] for r in results])), results[0]["majority"]
        for x, kind, state, marker in places(axis, kinds, full, majority):
            values = entries.scores(f"{kind}, {state}", method)
            axis.plot([x] * len(values), values, marker, color=COLOURS[kind], ms=7)
        axis.set(title=task, ylabel=METRIC_LABELS[results[0]["metric"]])
    handles, names = axes.flat[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=8)
    seeds = seeds_text(next(iter(records.values())))
    return Figure.of(
        drawing,
        f"Tickets of every task under {METHOD_LABELS[method]}, {seeds}: one marker per seed. The "
        "solid line is the full model's mean score, the dotted one the majority baseline. Scales "
        "differ by task.",
        "Dot plots per task of good, random and bad tickets, pruned and retrained: "
        + "; ".join(
            f"{task}: good {number(np.mean(e.scores('good, retrained', method)))}, bad "
            f"{number(np.mean(e.scores('bad, retrained', method)))} retrained"
            for task, e in records.items()
        ),
    )


def table(records: dict[str, TaskRecords], method: str = "structured") -> Table | Note:
    """One line per task: the mean over seeds of everything that matters.

    Where the bar of the search tells nothing of some model, a column says of how many it does.
    """
    rows = []
    warned = any(warning(stages) for entries in records.values() for stages in entries.values())
    for task, entries in records.items():
        if not entries.has(method):
            continue
        results = entries.results()
        row: dict[str, object] = {
            "": task,
            "metric": METRIC_LABELS[results[0]["metric"]],
            "majority": round(results[0]["majority"], 3),
            "full": round(float(np.mean([r["score"] for r in results])), 3),
            **({"the bar tells": _told(entries)} if warned else {}),
            **_kept(entries, method),
        }
        for state in reversed(STATES):  # the question of the paper's title first
            for kind in KINDS[method]:
                mean = float(np.mean(entries.scores(f"{kind}, {state}", method)))
                row[f"{KIND_LABELS.get(kind, kind)}, {state}"] = round(mean, 3)
        rows.append(row)
    return Table.of(rows) if rows else NO_MAGNITUDE


OTHERS = {
    "survivors": "Tickets of survivors (section 5.1)",
    "attention": "Types of attention maps (section 5.2)",
    "control": "Tickets without pre-training (section 6)",
    "embeddings": "Embeddings without layers (section 6)",
    "sensitivity": "Searches by other rules (section 4.1)",
}


def settings(study: Study, store: Store) -> Table:
    """What a study asks for, a line per fact, and what it does not: it has no pages of that."""
    recipe = study.recipe

    def over(name: str) -> str:
        entries = study.entries(name)
        if not entries and PIPELINE[name].compares_seeds and len(study.seeds) < 2:
            return "needs two seeds"
        return ", ".join(dict(entries)) or "not asked for"

    facts = {
        "Backbone": study.identity()["backbone"],
        "Data": describe(study, study.tasks, store).removeprefix("Data: ").rstrip("."),
        "Tasks": ", ".join(study.tasks),
        "Seeds": ", ".join(map(str, study.seeds)),
        "Training examples": f"at most {study.train_size:,}" if study.train_size else "all",
        "Recipe": f"learning rate {recipe.learning_rate:g}, batch size {recipe.batch_size}, "
        f"epochs {recipe.epochs}",
        "Single weights (sections 4.1, 4.2)": over("magnitude"),
        "Agreement over seeds (section 5.1)": "needs two seeds" if len(study.seeds) < 2 else "yes",
        "What tasks share (section 5.3)": "needs two tasks" if len(study.tasks) < 2 else "yes",
        **{title: over(name) for name, title in OTHERS.items()},
    }
    return Table.of({"": fact, "this study": text} for fact, text in facts.items())


def _told(entries: TaskRecords) -> str:
    n, told = len(entries), sum(warning(stages) is None for stages in entries.values())
    return "" if told == n else f"with {told} of {n} seeds" if told else "nothing"


def _kept(entries: TaskRecords, method: str) -> dict[str, str]:
    """How much of the model the good ticket is, on average over seeds."""
    if method == "magnitude":
        found = [r["weights"]["density"] for r in entries.results("magnitude")]
        return {"weights kept": f"{np.mean(found):.1%}"}
    masks = [*entries.masks.values()]
    return {
        "heads kept": f"{np.mean([m.n_heads for m in masks]):.1f} of {masks[0].heads.size}",
        "MLPs kept": f"{np.mean([m.n_mlps for m in masks]):.1f} of {masks[0].mlps.size}",
    }


def verdicts(records: dict[str, TaskRecords], method: str = "structured") -> Table | Note:
    """How often, over tasks and seeds, the scores stood in the order that the paper reports.

    A ticket wins if it retains half of its seed's gain. Left out are entries whose full model
    gains less than `LEARNED` or whose search means nothing, and of random and bad structured
    tickets those that are mostly the good one.
    """
    seen: dict[str, dict[int, list[bool]]] = {}
    seeds = sorted({seed for entries in records.values() for seed in entries})
    for entries in records.values():
        contrasted = dict(zip(entries, entries.contrasted(), strict=True))
        for seed, stages in entries.items():
            tuned = stages["finetune"]["results"]
            gain = tuned["score"] - tuned["majority"]
            if warning(stages) or not reaches(gain, LEARNED) or not entries.has(method):
                continue
            good, random, bad = (tickets_of(stages, method)[kind] for kind in TICKETS)
            shares = {
                kind: (of["retrained"] - tuned["majority"]) / gain
                for kind, of in zip(TICKETS, (good, random, bad), strict=True)
            }
            orders = {f"retrained: good wins ({WINS:.0%} of the gain)": wins(shares["good"])}
            if method != "structured" or contrasted[seed]:
                orders |= {
                    f"retrained: {kind} wins ({WINS:.0%} of the gain)": wins(shares[kind])
                    for kind in TICKETS[1:]
                } | {
                    "pruned: good above random": good["pruned"] > random["pruned"],
                    "pruned: random above bad": random["pruned"] > bad["pruned"],
                    "retrained: good above random": good["retrained"] > random["retrained"],
                    "retrained: random above bad": random["retrained"] > bad["retrained"],
                    "bad: retrained above pruned": bad["retrained"] > bad["pruned"],
                }
            for claim, holds in orders.items():
                seen.setdefault(claim, {}).setdefault(seed, []).append(holds)
    if not seen:
        return Note("No full model here has learned enough for an order to mean anything.")
    return Table.of(
        {
            "": claim,
            "seen": _of([held for of_seed in by_seed.values() for held in of_seed]),
            "tasks, by seed": ", ".join(f"{s}: {_of(by_seed[s])}" for s in seeds if s in by_seed),
        }
        for claim, by_seed in seen.items()
    )


def _of(held: list[bool]) -> str:
    return f"{sum(held)} of {len(held)}"
