"""What the page of section 6 shows of tickets that were trained without pre-training."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import t_interval
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, style
from replication.book.written import machine, number, percent, several, share, these
from replication.claims.claim import WINS, reaches
from replication.claims.eligible import answerable, learned_seeds
from replication.claims.retained import Split
from replication.experiments.answers import majority_of, read_answers
from replication.runs.records import TICKETS, Stages, TaskRecords, task_of, tickets_of
from replication.store import Store
from replication.study import Study

STATES = {
    "retrained": "pre-trained weights",
    "embeddings_kept": "only embeddings pre-trained",
    "reinitialized": "nothing pre-trained",
}
SHORT = dict(zip(STATES, ("all pre-trained", "embeddings only", "nothing"), strict=True))
NO_LAYERS = "averaged"
NO_CONTROL = Note(
    "The control without pre-training is not on record for this task. The command lottery run "
    "STUDY computes it; a study that does not ask for it needs --set followups.control=null, too.",
    missing=True,
)


def score(
    entries: TaskRecords, seed: int, kind: str, state: str, split: Split = "validation"
) -> float:
    """What a ticket of one seed scores after training from a state; with `NO_LAYERS` as kind, what
    the mean of the embeddings does."""
    if kind == NO_LAYERS:
        found = entries[seed]["embeddings"]["results"][NO_LAYERS]
    elif state == "retrained":
        ticket = tickets_of(entries[seed])[kind]
        found = ticket.get("answers", {}).get(state, {}) | {"score": ticket[state]}
    else:
        found = entries[seed]["control"]["results"]["tickets"][kind][state]
    return _on(split, found, entries[seed])


def _on(split: Split, found: Mapping[str, Any], stages: Stages) -> float:
    """A model's score on the examples that the search saw, or on those held out from it."""
    if split == "validation":
        return float(found["score"])
    return float(found[split][stages["finetune"]["results"]["metric"]])


def retained(
    entries: TaskRecords, seed: int, kind: str, state: str = "", split: Split = "validation"
) -> float:
    """The same as a share of what the full model of that seed gains over the majority baseline; not
    a number without a gain."""
    record = entries[seed]["finetune"]
    full = record["results"]
    majority = float(full["majority"])
    if split == "held_out":
        majority = majority_of(full, split, graded=task_of(record).is_graded)
    gain = _on(split, full, entries[seed]) - majority or math.nan
    return (score(entries, seed, kind, state, split) - majority) / gain


def finding(entries: TaskRecords) -> Finding | Note:
    """What pre-training does for bad tickets, with the seeds on which the question arises."""
    control, asked = entries.stage("control"), answerable(entries)
    if not control and not asked:
        return NO_CONTROL
    counted, more = [seed for seed in asked if seed in control], ""
    lacking = [seed for seed in asked if seed not in control]
    split, n_unseen = _unseen(entries)
    if counted:
        of, on_seen = _bad(entries, counted, split), _bad(entries, counted, "validation")
        they, retain = f"the bad tickets of {entries.model} that train well", "retain"
        if len(counted) == 1:
            they = f"the control is of one bad ticket of {entries.model}, too few for a finding: it"
            retain = "retains"
        held_out = f"; {n_unseen:,} examples held out from the search" if n_unseen else ""
        text = (
            f"{'Provisional: o' if lacking else 'O'}n {entries.title}, {they} {retain} "
            f"{_mean(of['reinitialized'])} of the full model's gain without pre-training, and "
            f"{_mean(of['retrained'])} with it (n = {len(counted)} of {len(entries)} seeds"
            f"{held_out})."
        )
        more = (
            f"With pre-trained embeddings alone: {_mean(of['embeddings_kept'])}. Without "
            f"pre-training, {_half(of)} of {len(counted)} {retain} at least half as much as with "
            f"it. Counted: {these(counted)}, chosen by what their tickets retain with "
            "pre-training."
        )
        if lacking:
            more += f" No control of {these(lacking)} is on record yet."
        more += _elsewhere(entries, counted)
        more += f" {_without_layers(entries, split)}".rstrip()
        if n_unseen:
            seen = {state: _mean(of) for state, of in on_seen.items()}
            more += (
                f" On the examples that the search saw: {seen['reinitialized']} without, "
                f"{seen['retrained']} with, {seen['embeddings_kept']} with embeddings alone. "
                f"There, {_half(on_seen)} of {len(counted)} {retain} at least half as much without "
                "pre-training as with it."
            )
        return Finding(text, more=more)
    if asked:
        text = (
            f"On {entries.title}, bad tickets of {entries.model} train well ({these(asked)}), but "
            "no control of theirs is on record yet."
        )
    else:
        text = (
            f"On {entries.title}, the control is uninformative: no bad ticket of {entries.model} "
            f"that differs from the good one retains {percent(WINS)} of the gain (n = "
            f"{len(entries)} seeds)."
        )
        more = "No full model of the control gains anything over the majority baseline."
        if gained := [seed for seed in control if _gained(entries, seed)]:
            before, after = (
                _mean([retained(entries, seed, "good", state) for seed in gained])
                for state in ("retrained", "reinitialized")
            )
            more = (
                f"Good tickets retain {before} with pre-training and {after} without it "
                f"(n = {several(len(gained), 'seed')})."
            )
    return Finding(text, more=f"{more} {_without_layers(entries, split)}".strip())


def _elsewhere(entries: TaskRecords, seeds: Sequence[int]) -> str:
    """Which controls were trained on another device than their tickets."""
    moved: dict[tuple[str, str], list[int]] = {}
    for seed in seeds:
        on = [entries[seed][stage]["provenance"]["device"] for stage in ("control", "tickets")]
        if on[0] != on[1]:
            moved.setdefault((on[0], on[1]), []).append(seed)
    return "".join(
        f" For {these(of)} the control was trained on another machine ({machine(control)}) than "
        f"the tickets ({machine(tickets)})."
        for (control, tickets), of in moved.items()
    )


def _half(of: dict[str, list[float]]) -> int:
    """How many tickets retain at least half as much without pre-training as with it."""
    pairs = zip(of["retrained"], of["reinitialized"], strict=True)
    return sum(reaches(without, WINS * with_it) for with_it, without in pairs)


def _unseen(entries: TaskRecords) -> tuple[Split, int]:
    """The best examples that there are scores on: those held out from the search, and how many."""
    labels = entries.results()[0].get("labels", {})
    if "held_out" not in labels:
        return "validation", 0
    return "held_out", len(read_answers(labels["held_out"], graded=False))


def _bad(entries: TaskRecords, seeds: Sequence[int], split: Split) -> dict[str, list[float]]:
    """What the bad tickets of these seeds retain, by what was pre-trained."""
    return {s: [retained(entries, seed, "bad", s, split) for seed in seeds] for s in STATES}


def _without_layers(entries: TaskRecords, split: Split) -> str:
    seeds = [seed for seed in learned_seeds(entries) if seed in entries.stage("embeddings")]
    found = [retained(entries, seed, NO_LAYERS, split=split) for seed in seeds]
    if not found:
        return ""
    mean = f"{_mean(found)} (n = {len(found)})".replace(") (", ", ")
    return f"The mean of the pre-trained embeddings, without any layer above them, retains {mean}."


def _mean(values: list[float]) -> str:
    """A mean share with its 95 % CI; of two values these themselves, of one the value."""
    if len(values) > 2:
        found = share(t_interval(values))
        if not np.ptp(values):
            return percent(values[0])
        return found.replace("[", "(95 % CI [").replace("]", "])")
    mean = percent(float(np.mean(values)))
    both = dict.fromkeys(map(percent, values))
    return f"{mean} ({' and '.join(both)})" if len(both) == 2 else mean


def _gained(entries: TaskRecords, seed: int) -> bool:
    full = entries[seed]["finetune"]["results"]
    return bool(full["score"] > full["majority"])


def table(entries: TaskRecords) -> Table | Note:
    """Seed by seed, what each ticket retains of the gain, by what was pre-trained: on the examples
    that the search saw."""
    control, alone = entries.stage("control"), entries.stage("embeddings")
    if not control and not alone:
        return NO_CONTROL
    counts, rows = answerable(entries), list[dict[str, str]]()
    for seed in control:
        for kind in TICKETS:
            row = {label: _cell(entries, seed, kind, state) for state, label in STATES.items()}
            rows.append(
                {"": f"{kind}, seed {seed}", **row, "counts": "yes" if seed in counts else "no"}
            )
    for seed in alone:
        name = f"mean of embeddings, seed {seed}"
        rows.append({"": name, STATES["embeddings_kept"]: _cell(entries, seed, NO_LAYERS)})
    return Table.of(rows)


def _cell(entries: TaskRecords, seed: int, kind: str, state: str = "") -> str:
    """A score, and what it retains of the gain where there is one."""
    value = number(score(entries, seed, kind, state))
    gained = _gained(entries, seed)
    return f"{value} ({percent(retained(entries, seed, kind, state))})" if gained else value


@style(LARGE)
def plot(entries: TaskRecords) -> Figure | Note:
    """The same, drawn: a group of three for each ticket, a marker for each seed; pale are seeds
    that do not count."""
    control = entries.stage("control")
    if not control:
        return NO_CONTROL
    drawing, axis = plt.subplots(figsize=(4.8, 3.0), layout="constrained")
    task, first, counts = entries.title, entries.results()[0], answerable(entries)
    texts = []
    for x, kind in enumerate(TICKETS):
        for shift, state, marker in zip((-0.22, 0, 0.22), STATES, "os^", strict=True):
            values = [score(entries, seed, kind, state) for seed in control]
            look: dict[str, Any] = {"color": COLOURS[kind], "ls": "none", "ms": 8}
            look["mfc"] = COLOURS[kind] if state == "retrained" else "white"
            for seed, value in zip(control, values, strict=True):
                axis.plot(x + shift, value, marker, alpha=1 if seed in counts else 0.3, **look)
            texts.append(f"{kind}, {STATES[state]}: {number(np.mean(values))}")
    for state, marker in zip(STATES, "os^", strict=True):
        face = "0.3" if state == "retrained" else "white"
        axis.plot([], [], marker, color="0.3", mfc=face, ls="none", label=SHORT[state])
    places = [*TICKETS]
    if alone := [score(entries, seed, NO_LAYERS, "") for seed in entries.stage("embeddings")]:
        axis.plot([len(TICKETS)] * len(alone), alone, "D", color="0.3", ms=6)
        places.append("embeddings,\nno layers")
        texts.append(f"mean of embeddings: {number(np.mean(alone))}")
    axis.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    axis.axhline(
        float(np.mean(entries.scores("full"))),
        color=COLOURS["full"],
        linewidth=1,
        label="full model",
    )
    axis.set_xticks(range(len(places)), places)
    axis.set_ylabel(f"validation {METRIC_LABELS[first['metric']]}")
    drawing.legend(loc="outside lower center", ncols=3, columnspacing=1)
    counted = [seed for seed in control if seed in counts]
    before, after = (
        number(np.mean([score(entries, seed, "bad", state) for seed in counted or control]))
        for state in ("retrained", "reinitialized")
    )
    n_seeds = f"n = {several(len(counted or control), 'seed')}"
    who, which = (
        f"Bad tickets of {task} that count",
        f"dark, {n_seeds}; others pale" if len(counted) < len(control) else n_seeds,
    )
    if not counted:
        who = f"The control is uninformative on {task}: no bad ticket counts (all pale). They"
        which = n_seeds
    return Figure.of(
        drawing,
        f"{who} score {before} with pre-training and {after} without ({which}; "
        f"{first['examples']['validation']:,} validation examples).",
        f"Dot plot for {task}: {'; '.join(texts)}.",
        "controls",
    )


def with_others(of_study: Study, entries: TaskRecords, store: Store) -> TaskRecords:
    """What the page shows, and all that is on record of seeds beyond those of the study."""
    found = {of.seed for of in store.keys(of_study.name) if of.task == entries.task and of.seed}
    others = sorted(found - {*of_study.seeds, *entries})
    if not others:
        return entries
    of_others = replace(of_study, seeds=tuple(others))
    more = TaskRecords.of(of_others, entries.task, store, ["control", "embeddings"])
    return TaskRecords({**entries, **more})


def further(everything: TaskRecords, shown: Collection[int]) -> Note | None:
    """What bad tickets of seeds beyond those `shown` retain, where such are on record."""
    counts = answerable(everything)
    said = [
        f"{seed}: {percent(retained(everything, seed, 'bad', 'retrained'))}, "
        f"{'counts' if seed in counts else 'does not count'}"
        f"{'' if told else ' (mostly heads of the good one)'}"
        for seed, told in zip(everything, everything.contrasted(), strict=True)
        if seed not in shown and _gained(everything, seed)
    ]
    if not said:
        return None
    return Note(f"On record beyond the study, bad tickets retain (seed: share): {'; '.join(said)}.")
