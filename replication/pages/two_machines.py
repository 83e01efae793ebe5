"""The same seeds on two machines: how far scores and masks of one seed lie apart, beside how far
those of different seeds do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.noise import Noise, noises
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, style
from replication.book.written import machine, number, within
from replication.claims.plan import analyse, analysed
from replication.claims.wins import SETTINGS
from replication.pages.plan import in_its_unit
from replication.runs.records import TaskRecords, on_record
from replication.store import Store
from replication.study import Study

MODELS = [setting for setting in SETTINGS if setting != "majority"]
SHOWN = ("full", "good, retrained", "random, retrained", "bad, retrained")
NONE = Note("No entry is on record of two machines.", missing=True)


class Twice(NamedTuple):
    """The entries of a task with the same seeds, from one machine and from another."""

    ours: TaskRecords
    again: TaskRecords

    @property
    def machines(self) -> tuple[str, str]:
        """What computed either, as their records say."""
        one, other = (
            {record["provenance"]["device"] for record in of.stage("tickets").values()}
            for of in self
        )
        return _named(one), _named(other)


def _named(devices: set[str]) -> str:
    return ", ".join(map(machine, sorted(devices)))


class Apart(NamedTuple):
    """By how much a score differs, as the standard deviation of a single run: over two machines at
    one seed, and over seeds on one machine (the mean variance of both)."""

    machines: float
    seeds: float


def load(study: str, again: str, store: Store) -> dict[str, Twice]:
    """By task, the seeds that both studies have on record."""
    ours, others = (on_record(Study.load(name, store.root), store) for name in (study, again))
    found = {}
    for task in ours.keys() & others.keys():
        seeds = [seed for seed in ours[task] if seed in others[task]]
        if len(seeds) > 1:
            found[task] = Twice(*(of[task].of_seeds(seeds) for of in (ours, others)))
    return {task: found[task] for task in ours if task in found}


def apart(twice: Twice, setting: str) -> Apart:
    """Of one model of a task, in its metric."""
    both = np.array([of.scores(setting) for of in twice])  # (2 machines, n seeds)
    machines = np.sqrt(np.mean((both[0] - both[1]) ** 2) / 2)
    return Apart(float(machines), float(np.sqrt(both.var(axis=1, ddof=1).mean())))


def agreement(twice: Twice) -> dict[str, Noise]:
    """Kappa of heads between masks that differ in the machine, in the seed (on either machine) or
    in both."""
    one, other = (np.array([m.heads.ravel() for m in of.masks.values()]) for of in twice)
    found, again = noises(one, other), noises(other, one)
    by_machine = zip(twice.machines, (found, again), strict=True)
    return {
        "machine": found["examples"],
        **{f"seed ({name})": of["seed"] for name, of in by_machine},
        "both": found["both"],
    }


def finding(every: Mapping[str, Twice]) -> Finding | Note:
    """Whether the machine matters as the seed does."""
    if not every:
        return NONE
    full = {task: apart(twice, "full") for task, twice in every.items()}
    kappas = {task: agreement(twice) for task, twice in every.items()}
    scores = "; ".join(
        f"{task} {number(of.machines)} over machines, {number(of.seeds)} over seeds"
        for task, of in full.items()
    )
    masks = "; ".join(
        f"{task} {', '.join(f'{what} {number(noise.observed, 2)}' for what, noise in of.items())}"
        for task, of in kappas.items()
    )
    n = len(next(iter(every.values())).ours)
    return Finding(
        "On another machine, with other versions of the libraries, the same seed gives other "
        f"numbers. A full model's score has a standard deviation of: {scores} (n = {n} seeds).",
        more="Two good masks of heads that differ in the machine, the seed or both agree with a "
        f"mean kappa of: {masks}. With {n} seeds, which is larger is inconclusive.",
    )


@style(LARGE)
def plot(every: Mapping[str, Twice]) -> Figure | Note:
    """Each seed's scores on both machines, joined."""
    if not every:
        return NONE
    widest = max(
        abs(a - b)
        for twice in every.values()
        for setting in SHOWN
        for a, b in zip(*(of.scores(setting) for of in twice), strict=True)
    )
    drawing, axes = plt.subplots(
        1, len(every), figsize=(4.8, 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    told = []
    for axis, (task, twice) in zip(axes[0], every.items(), strict=True):
        for row, setting in enumerate(SHOWN):
            colour = COLOURS[setting.split(",")[0]]
            one, other = (of.scores(setting) for of in twice)
            for i, (a, b) in enumerate(zip(one, other, strict=True)):
                y = row + 0.22 * (i - (len(one) - 1) / 2)
                axis.plot([a, b], [y, y], color=colour, lw=1.2)
                axis.plot(a, y, "o", color=colour, ms=6)
                axis.plot(b, y, "o", color=colour, mfc="white", ms=6)
            pairs = ", ".join(
                f"{number(a)} and {number(b)}" for a, b in zip(one, other, strict=True)
            )
            told.append(f"{task}, {setting}: {pairs}")
        axis.set(title=task, xlabel=METRIC_LABELS[twice.ours.results()[0]["metric"]])
        axis.set_yticks(range(len(SHOWN)), [s.replace(", ", ",\n") for s in SHOWN])
        axis.set_ylim(len(SHOWN) - 0.5, -0.5)
    names = next(iter(every.values())).machines
    for name, face in zip(names, ("0.3", "white"), strict=True):
        axes[0, 0].plot([], [], "o", color="0.3", mfc=face, label=name)
    drawing.legend(loc="outside upper center", ncols=2)
    return Figure.of(
        drawing,
        f"Scores of the same seeds on {names[0]} (filled) and {names[1]} (open), one line a seed, "
        f"differ by up to {number(widest)} ({len(one)} seeds a task, examples searched on).",
        f"Dot plots of scores. {'; '.join(told)}.",
        "two-machines",
    )


def table(every: Mapping[str, Twice]) -> Table | Note:
    """Standard deviations over machines and over seeds, for every model."""
    if not every:
        return NONE
    rows = []
    for setting in MODELS:
        row = {"model": setting}
        for task, twice in every.items():
            found = apart(twice, setting)
            row[f"{task}: over machines"] = number(found.machines)
            row[f"{task}: over seeds"] = number(found.seeds)
        rows.append(row)
    return Table.of(rows, "model")


def masks(every: Mapping[str, Twice]) -> Table | Note:
    """Kappa of heads, by what two masks differ in; chance; and the most that sizes allow."""
    if not every:
        return NONE
    return Table.of(
        (
            {
                "task": task,
                "masks differ in": what,
                "mean kappa of heads": number(of.observed),
                "by chance (95 %)": within(of.low, of.high),
                "at most, these sizes": number(of.limit),
            }
            for task, twice in every.items()
            for what, of in agreement(twice).items()
        ),
        "task",
    )


def verdicts(study: str, every: Mapping[str, Twice], store: Store) -> Table | Note:
    """What the registered plan says of tickets of heads and MLPs with either machine's records of
    these entries; all other entries are the same."""
    if not every:
        return NONE
    ours = analyse(Study.load(study, store.root), store)
    changed = {
        task: TaskRecords({**ours.entries[task].entries, **twice.again.entries})
        for task, twice in every.items()
    }
    again = analysed(ours.study, {**ours.entries, **changed})
    names = [f"with those of {name}" for name in next(iter(every.values())).machines]
    judged = zip(ours.verdicts(), again.verdicts(), strict=True)
    return Table.of(
        (
            {"claim": both[0].claim.text}
            | {
                name: f"{of.verdict}, {in_its_unit(of)}"
                for name, of in zip(names, both, strict=True)
            }
            for both in judged
            if all(of.found for of in both)
        ),
        "claim",
    )
