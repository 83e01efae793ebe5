"""All tasks of a study at a glance: what tickets retain and score, and the paper's orders.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import (
    LARGE,
    NO_MAGNITUDE,
    Figure,
    Finding,
    Note,
    Table,
    gains,
    style,
)
from replication.book.written import OF_MEAN, number, percent, several, share
from replication.claims.claim import LEARNED, WINS, reaches, wins
from replication.claims.evidence import kept_by_kind
from replication.claims.rules import MIN_TASKS
from replication.claims.verdicts import INCONCLUSIVE
from replication.claims.wins import outcome
from replication.runs.data_card import data_in_words, model_and_data
from replication.runs.records import (
    KIND_LABELS,
    KINDS,
    METHOD_LABELS,
    TICKETS,
    TaskRecords,
    tickets_of,
    warning,
)
from replication.stages import PIPELINE
from replication.study import Study


def retained(entries: TaskRecords, method: str = "structured") -> dict[str, list[float]]:
    """What retrained tickets of one task retain, by kind, seed by seed: the measure of the claims.

    Nothing of a task whose full model gains less than `LEARNED` on average.
    """
    gain = np.subtract(entries.scores("full"), entries.scores("majority")).mean()
    if not reaches(float(gain), LEARNED) or not entries.has(method):
        return {}
    return kept_by_kind(entries, method)


def finding(
    records: dict[str, TaskRecords], study: Study, method: str = "structured"
) -> Finding | Note:
    """What retrained tickets retain over the tasks that were learned, or, of fewer than three
    tasks, task by task."""
    name = model_and_data(study)
    if records and not any(entries.has(method) for entries in records.values()):
        return NO_MAGNITUDE
    records = {task: entries for task, entries in records.items() if entries.has(method)}
    every = {task: retained(entries, method) for task, entries in records.items()}
    learned = {task: of for task, of in every.items() if of}
    if not learned:
        return Finding(f"No full model on record ({name}) has learned a task: there is no gain.")
    n_seeds = max(len(records[task]) for task in learned)
    size = f", up to {study.train_size:,} training examples" if study.train_size else ""
    first = (
        f"Under {METHOD_LABELS[method]}, retrained subnetworks of {name} retain of the gain from "
        "fine-tuning: "
    )
    learned_of = (
        f"Of {several(len(records), 'task')} ({several(n_seeds, 'seed')}{size}), the full model "
        f"learned {len(learned)}."
    )
    if len(learned) < len(records):
        learned_of += f" The others gain less than {LEARNED:g} over the majority baseline."
    kinds, n_tasks = KINDS[method], several(len(learned), "task")
    if len(learned) < MIN_TASKS:
        by_task = (
            f"{task} "
            + ", ".join(f"{KIND_LABELS[k]} {percent(np.mean(of[k]))}" for k in kinds if of[k])
            for task, of in learned.items()
        )
        return Finding(f"{first}{'; '.join(by_task)} (no CI over {n_tasks}).", more=learned_of)
    means = {k: [float(np.mean(of[k])) for of in learned.values() if of[k]] for k in kinds}
    shares = (f"{KIND_LABELS[k]} {share(t_interval(of))}" for k, of in means.items() if of)
    n = f"means, 95 % CIs over {n_tasks}"
    return Finding(f"{first}{', '.join(shares)} ({n}).", more=learned_of)


@style(LARGE)
def plot(records: dict[str, TaskRecords], method: str = "structured") -> Figure | Note:
    """What retrained tickets retain, task by task: seeds as points, their mean as a stroke."""
    if not any(entries.has(method) for entries in records.values()):
        return NO_MAGNITUDE
    records = {task: entries for task, entries in records.items() if entries.has(method)}
    every = {task: retained(entries, method) for task, entries in records.items()}
    rows = {task: of for task, of in every.items() if of}
    if not rows:
        return Note("No full model here has learned enough for a ticket to retain anything.")
    kinds = KINDS[method]
    drawing, axis = plt.subplots(
        figsize=(4.8, 0.9 + (0.09 * len(kinds) + 0.1) * len(rows)), layout="constrained"
    )
    gains(axis, rows, kinds, WINS)
    axis.set_xlabel(OF_MEAN)
    drawing.legend(loc="outside upper center", ncols=2 if len(kinds) > 3 else 3)
    ended = [outcome(t_interval(of["bad"])) for of in rows.values() if of["bad"]]
    every_title = [entries.title for entries in records.values()]
    made_up = " of made-up sentences" if every_title != [*records] else ""
    kind = "Bad tickets (removed weights)" if method == "magnitude" else "Bad tickets"
    winners = (
        f"{kind} win on {ended.count('wins')} of {several(len(ended), 'task')}{made_up}, lose on "
        f"{ended.count('loses')} and are inconclusive on {ended.count(INCONCLUSIVE)},"
    )
    out = [task for task in records if task not in rows]
    unlearned = f" Gain below {LEARNED:g}: {', '.join(out)}." if out else ""
    return Figure.of(
        drawing,
        f"{winners} under {METHOD_LABELS[method]}: by 95 % CIs over seeds (points; strokes: "
        f"means) against {percent(WINS)} (dashed).{unlearned}",
        f"Dot plot of retained gain by task{made_up}: "
        + "; ".join(
            f"{task}: "
            + ", ".join(f"{KIND_LABELS[k]} {percent(np.mean(of[k]))}" for k in kinds if of[k])
            for task, of in rows.items()
        ),
        method,
    )


def unpruned(records: dict[str, TaskRecords]) -> Note | None:
    """The seeds in which magnitude pruning removed nothing, so that every ticket is the model."""
    whole = {}
    for task, entries in records.items():
        if entries.has("magnitude"):
            removed = zip(entries, entries.weights_removed(), strict=True)
            whole[task] = [str(seed) for seed, any_weight in removed if not any_weight]
    said = "; ".join(
        f"{task} (seed{'s' * (len(seeds) > 1)} {', '.join(seeds)})"
        for task, seeds in whole.items()
        if seeds
    )
    if not said:
        return None
    return Note(
        f"Magnitude pruning removed nothing on {said}. There every ticket is the full model, and "
        "counts as such here and in the claims, not on the task's own page."
    )


def models(records: dict[str, TaskRecords], method: str = "structured") -> Table | Note:
    """By task, the metric and the baseline, and how much of the full model the search keeps.

    Where the search's threshold means nothing for some model, a column says for how many it does.
    """
    warned = any(warning(stages) for entries in records.values() for stages in entries.values())
    rows = [
        {
            "": task,
            "metric": METRIC_LABELS[(results := entries.results())[0]["metric"]],
            "majority": number(results[0]["majority"]),
            **_kept(entries, method),
            **({"threshold meaningful": _meaningful(entries)} if warned else {}),
        }
        for task, entries in records.items()
        if entries.has(method)
    ]
    return Table.of(rows) if rows else NO_MAGNITUDE


def scores(records: dict[str, TaskRecords], state: str, method: str = "structured") -> Table | Note:
    """By task, the mean scores over seeds of the full model and of its tickets in one state."""
    rows = [
        {
            "": task,
            "full": number(np.mean(entries.scores("full"))),
            **{
                KIND_LABELS[kind]: number(np.mean(entries.scores(f"{kind}, {state}", method)))
                for kind in KINDS[method]
            },
        }
        for task, entries in records.items()
        if entries.has(method)
    ]
    return Table.of(rows) if rows else NO_MAGNITUDE


OTHERS = {
    "survivors": "Tickets of survivors (section 5.1)",
    "attention": "Types of attention maps (section 5.2)",
    "control": "Tickets without pre-training (section 6)",
    "embeddings": "Embeddings without layers (section 6)",
    "sensitivity": "Searches by other rules (section 4.1)",
}


def settings(study: Study) -> Table:
    """What a study asks for, a line per fact, and what it does not: it has no pages of that."""
    recipe = study.recipe

    def over(name: str) -> str:
        entries = study.entries(name)
        if not entries and PIPELINE[name].compares_seeds and len(study.seeds) < 2:
            return "needs two seeds"
        return ", ".join(dict(entries)) or "not asked for"

    facts = {
        "Backbone": study.identity()["backbone"],
        "Data": data_in_words(study),  # task by task at the page's end
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


def _meaningful(entries: TaskRecords) -> str:
    """For how many seeds' models the search's threshold means anything."""
    n, meant = len(entries), sum(warning(stages) is None for stages in entries.values())
    return "yes" if meant == n else f"{meant} of {n} seeds" if meant else "no"


def _kept(entries: TaskRecords, method: str) -> dict[str, str]:
    """How much of the model the good ticket is, on average over seeds."""
    if method == "magnitude":
        found = [r["weights"]["density"] for r in entries.results("magnitude")]
        return {"weights kept": percent(np.mean(found), 1)}
    masks = [*entries.masks.values()]
    return {
        "heads kept": f"{np.mean([m.n_heads for m in masks]):.1f} of {masks[0].heads.size}",
        "MLPs kept": f"{np.mean([m.n_mlps for m in masks]):.1f} of {masks[0].mlps.size}",
    }


def verdicts(records: dict[str, TaskRecords], method: str = "structured") -> Table | Note:
    """How often, over tasks and seeds, the scores had the order that the paper reports.

    A ticket wins if it retains half of its seed's gain. Left out are entries whose full model
    gains less than `LEARNED` or whose search means nothing, and of random and bad structured
    tickets those that are mostly the good one.
    """
    if not any(entries.has(method) for entries in records.values()):
        return NO_MAGNITUDE
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
            orders = {f"retrained: good retains {percent(WINS)} of the gain": wins(shares["good"])}
            if method != "structured" or contrasted[seed]:
                orders |= {
                    f"retrained: {kind} retains {percent(WINS)} of the gain": wins(shares[kind])
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
