"""One task's good, random and bad tickets, and what they retain (section 4.2).

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as MatplotlibFigure

from lottery_utils.agreement.inference import Interval, t_interval
from lottery_utils.errors import UserError
from lottery_utils.metrics import METRIC_LABELS, possible
from replication.book.show import (
    COLOURS,
    LARGE,
    NO_MAGNITUDE,
    Figure,
    Finding,
    Note,
    Table,
    in_percent,
    style,
)
from replication.book.written import (
    ANY,
    NO_CI,
    OF_MEAN,
    estimate,
    has_ci,
    no_ci,
    number,
    percent,
    several,
)
from replication.claims import wins
from replication.claims.claim import LEARNED, WINS, reaches
from replication.claims.evidence import kept_by_kind
from replication.claims.wins import outcome
from replication.paper import records as paper
from replication.runs.records import KIND_LABELS, KINDS, METHOD_LABELS, STATES, TaskRecords
from replication.store import Store
from replication.study import Study

BERT = "BERT-base,\nas released"
MARKERS = "osXD"
MIN_SEEDS = 3  # with fewer, a caption says so
REPEATS = (
    "There the good ticket keeps more than two thirds of the heads: the bad one mostly repeats it."
)


@dataclass(frozen=True)
class Retained:
    """What one model's retrained tickets retain of its gain from fine-tuning, by kind.

    `values` has a share for each seed, in units of the mean gain, and `found` their means with 95 %
    CI over seeds; where only means were released, `values` is empty. Without `found` the model has
    learned too little. `possible` are the shares that the lowest and highest score come to.
    """

    name: str
    n: int
    found: dict[str, Interval] = field(default_factory=dict)
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    possible: tuple[float, float] = ANY

    @property
    def label(self) -> str:
        return self.name.replace("\n", " ")

    @property
    def seeds(self) -> str:
        """Over how many seeds its means are: `n = 3`, or where kinds differ, of which kinds."""
        n = {kind: len(of_kind) for kind, of_kind in self.values.items() if of_kind}
        if len({*n.values()}) < 2:
            return f"n = {max(n.values(), default=self.n)}"
        return f"good: n = {n.pop('good')},\nothers: n = {max(n.values())}"

    def in_words(self, kind: str, unit: str = "") -> str:
        """What a kind retains, with its CI, of how many seeds, and whether it wins."""
        found = self.found[kind]
        said, interval = outcome(found), no_ci(found)
        if has_ci(found, self.possible):
            interval = f"95 % CI [{percent(found.low)}, {percent(found.high)}]"
        elif interval == NO_CI and found.n > 1:
            side = {"wins": ", above 50 %", "loses": ", below 50 %"}.get(said, "")
            interval = f"95 % CI beyond the possible range{side}"
        return f"{percent(found.mean)}{unit} ({interval}, n = {several(found.n, 'seed')}: {said})"


def of_entries(entries: TaskRecords, method: str = "structured") -> Retained:
    """What is on record of a study, by the measure of the claims.

    Left out are seeds of which a ticket says nothing: of random and bad heads those whose bad
    ticket is mostly the good one, of weights those in which no weight was removed.
    """
    removed = entries.weights_removed() if method == "magnitude" else None
    return retained(entries, kept_by_kind(entries, method, removed))


def retained(entries: TaskRecords, values: Mapping[str, Sequence[float]]) -> Retained:
    """Shares of one study's gain, seed by seed, with their means; none where it learned nothing."""
    first = entries.results()[0]
    majority = first["majority"]
    gain = float(np.mean(entries.scores("full"))) - majority
    if not reaches(gain, LEARNED):
        return Retained(entries.model, len(entries))
    low, high = possible(first["metric"])
    return Retained(
        entries.model,
        len(entries),
        {kind: t_interval(of_kind) for kind, of_kind in values.items() if of_kind},
        values,
        ((low - majority) / gain, (high - majority) / gain),
    )


def of_release(release: paper.Results, task: str, method: str = "structured") -> Retained | None:
    """The released BERT-base on a task; None where there is no such task."""
    if task not in release:
        return None
    of_task = wins.of_release(release, method).get(task)
    if of_task is None:
        return Retained(BERT, paper.N_SEEDS)
    found = {kind: wins.mean_over([of_task], kind) for kind in of_task.retained}
    return Retained(BERT, paper.N_SEEDS, found, possible=of_task.possible)


def other_models(
    entries: TaskRecords, models: Iterable[str], store: Store
) -> tuple[list[TaskRecords], paper.Results]:
    """What other studies, and the release, have of the same task of GLUE; of other data nothing."""
    if not entries.of_glue:
        return [], {}
    own, found = next(iter(entries.stage("finetune").values()))["study"], []
    for name in models:
        with suppress(UserError):  # a folder of one's own may have neither study
            study = Study.load(name, store.root)
            if name != own and entries.task in study.tasks:
                found.append(TaskRecords.of(study, entries.task, store))
    return [of_study for of_study in found if of_study], paper.beside(store, [entries.task])


def finding(entries: TaskRecords, method: str = "structured") -> Finding | None:
    """What retrained tickets retain, and which of them win; None without tickets of the method."""
    if not entries.has(method):
        return None
    of, task = of_entries(entries, method), entries.title
    if not of.found:
        majority, full = (float(np.mean(entries.scores(name))) for name in ("majority", "full"))
        return Finding(
            f"Retained gain is undefined for {of.name} on {task}: the full model scores "
            f"{number(full)} (mean, n = {several(of.n, 'seed')}), the majority "
            f"baseline {number(majority)}. A gain of at least {LEARNED:g} is needed."
        )
    names = {kind: KIND_LABELS[kind] for kind in reversed(KINDS[method])}
    tested = [kind for kind in names if kind in of.found]
    if not tested:
        return Finding(f"On {task}, no seed of {of.name} has a ticket that can be tested.")
    worst, *rest = tested
    text = (
        f"On {task}, the retrained {names[worst]} ticket of {of.name} retains "
        f"{of.in_words(worst, ' of the gain from fine-tuning')}."
    )
    more = [f"The {names[kind]} ticket retains {of.in_words(kind)}." for kind in rest]
    if (n := of.found[worst].n) < of.found["good"].n:  # of heads: compare the same seeds, too
        same = [x for x, c in zip(of.values["good"], entries.contrasted(), strict=True) if c]
        seeds = "the one seed" if n == 1 else f"the same {n} seeds"
        more.append(
            f"With {seeds} of the bad ticket, the good one retains {percent(np.mean(same))}."
        )
    untested = [names[kind] for kind in names if kind not in tested]
    more += [f"Not tested: {', '.join(untested)}."] if untested else []
    return Finding(text, more=" ".join(more))


def left_out(entries: TaskRecords, others: Sequence[TaskRecords] = ()) -> Note | None:
    """The seeds that random and bad tickets of heads leave out; None where there is none."""
    out = [
        f"{f'{of.model}, ' * bool(others)}seed {seed} ({mask.n_heads} of {mask.heads.size} heads)"
        for of in (entries, *others)
        for (seed, mask), counts in zip(of.masks.items(), of.contrasted(), strict=True)
        if not counts
    ]
    return Note(f"Not counted for random and bad: {', '.join(out)}. {REPEATS}") if out else None


def model_rows(models: Sequence[Retained], kinds: Sequence[str]) -> MatplotlibFigure:
    """A row for each model: what kinds of tickets retain, seeds hollow, means with their CI."""
    height = 0.15 * len(kinds) + 0.15
    drawing, axis = plt.subplots(figsize=(4.8, 1.2 + height * len(models)), layout="constrained")
    for row, model in enumerate(models):
        for i, (kind, marker) in enumerate(zip(kinds, MARKERS, strict=False)):
            if kind not in model.found:
                continue
            y = row + (i - (len(kinds) - 1) / 2) * 0.8 / len(kinds)
            found, colour, values = model.found[kind], COLOURS[kind], model.values.get(kind, [])
            axis.plot(values, [y] * len(values), "o", color=colour, mfc="white", ms=5, zorder=4)
            if has_ci(found, model.possible):
                axis.plot([found.low, found.high], [y, y], color=colour, lw=1.5)
            axis.plot(found.mean, y, marker, color=colour, ms=8)
        if not model.found:
            axis.text(
                0.5, row, "undefined: nothing learned", ha="center", va="center",
                transform=axis.get_yaxis_transform(), bbox={"fc": "white", "ec": "none"},
            )  # fmt: skip
        if row:
            axis.axhline(row - 0.5, color="0.85", lw=1)
    axis.axvline(WINS, color="0.4", ls="--", zorder=0, label=f"{percent(WINS)}: wins above")
    axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0, label="full model")
    for kind, marker in zip(kinds, MARKERS, strict=False):
        axis.plot([], [], marker, color=COLOURS[kind], ms=8, label=KIND_LABELS[kind])
    axis.plot([], [], "o", color="0.4", mfc="white", ms=5, label="a seed")
    drawing.legend(loc="outside upper center", ncols=2, columnspacing=1, handlelength=1.5)
    axis.tick_params(axis="y", length=0)
    axis.set_yticks(range(len(models)), [f"{model.name}\n{model.seeds}" for model in models])
    axis.set_ylim(len(models) - 0.5, -0.5)
    in_percent(axis.xaxis)
    axis.locator_params(axis="x", nbins=6)
    axis.set_xlabel(OF_MEAN)
    return drawing


@style(LARGE)
def ticket_plot(
    entries: TaskRecords,
    release: paper.Results,
    method: str = "structured",
    others: Sequence[TaskRecords] = (),
) -> Figure | Note | None:
    """What retrained tickets retain: a row for each model, seeds as points, means with CI. None
    where no model has learned the task, so that there is no gain to retain."""
    if not entries.has(method):
        return NO_MAGNITUDE
    task, kinds = entries.title, KINDS[method]
    models = [of_entries(of, method) for of in (entries, *others) if of.has(method)]
    if released := of_release(release, entries.task, method):
        models.append(released)
    if not any(model.found for model in models):
        return None
    worst = kinds[-1]
    bad = [
        f"{percent(found.mean)} in {model.label}"
        + f" (n = {found.n})" * (bool(model.values) and found.n < MIN_SEEDS)
        for model in models
        if (found := model.found.get(worst))
    ]
    said = [
        f"{model.label}, {KIND_LABELS[kind]} {percent(found.mean)}"
        for model in models
        for kind, found in model.found.items()
    ]
    retain = f"The {KIND_LABELS[worst]} ticket retains {', '.join(bad)}"
    return Figure.of(
        model_rows(models, kinds),
        f"{retain if bad else 'What retrained tickets retain'} on {task} "
        f"({METHOD_LABELS[method]}). Large: means; lines: 95 % CI over seeds, within the "
        "possible range.",
        f"Dot plot of retained gain on {task}. {'; '.join(said)}.",
        "weight-gain" if method == "magnitude" else "gain",
    )


@style(LARGE)
def score_plot(entries: TaskRecords, method: str = "structured") -> Figure | Note:
    """The scores of every kind of ticket, a marker for each seed: pruned (hollow) and retrained."""
    if not entries.has(method):
        return NO_MAGNITUDE
    task, first, kinds = entries.title, entries.results()[0], KINDS[method]
    drawing, axis = plt.subplots(figsize=(4.8, 1.3 + 0.34 * len(kinds)), layout="constrained")
    full, majority = float(np.mean(entries.scores("full"))), first["majority"]
    axis.axvline(full, color=COLOURS["full"], lw=1, label="full model, mean", zorder=0)
    axis.axvline(majority, color=COLOURS["majority"], ls=":", label="majority baseline", zorder=0)
    means = {}
    for row, (kind, marker) in enumerate(zip(kinds, MARKERS, strict=False)):
        for state, y in zip(STATES, (row + 0.18, row - 0.18), strict=True):
            values, colour = entries.scores(f"{kind}, {state}", method), COLOURS[kind]
            fill = "white" if state == "pruned" else colour
            axis.plot(values, [y] * len(values), marker, color=colour, mfc=fill, ms=7)
            means[kind, state] = number(np.mean(values))
    for state, fill in zip(STATES, ("white", "0.4"), strict=True):
        axis.plot([], [], "o", color="0.4", mfc=fill, ms=7, label=f"{state}, a seed")
    axis.set_yticks(range(len(kinds)), [KIND_LABELS[kind] for kind in kinds])
    axis.set(ylim=(len(kinds) - 0.5, -0.5), xlabel=f"validation {METRIC_LABELS[first['metric']]}")
    drawing.legend(loc="outside upper center", ncols=2, handlelength=1.5)
    worst = kinds[-1]
    return Figure.of(
        drawing,
        f"Mean score on {task}: pruned, good {means['good', 'pruned']} and {KIND_LABELS[worst]} "
        f"{means[worst, 'pruned']}; retrained, {means['good', 'retrained']} and "
        f"{means[worst, 'retrained']} (n = {len(entries)}; {first['examples']['validation']:,} "
        "validation examples).",
        f"Dot plot of scores on {task}. "
        + "; ".join(f"{KIND_LABELS[kind]}, {state} {mean}" for (kind, state), mean in means.items())
        + ".",
        "scores",
    )


def tickets(entries: TaskRecords, method: str = "structured") -> Table | None:
    """Mean scores over seeds with 95 % CI, and differences paired by seed; None without any."""
    if not entries.has(method):
        return None
    low, high = possible(entries.results()[0]["metric"])

    def difference(one: Sequence[float], other: Sequence[float]) -> str:
        found = np.subtract(one, other)
        if len(found) == 2:  # Student's interval would be 13 times as wide as they are apart
            return f"{number(found.mean())} (n = 2)"
        return estimate(found, (low - high, high - low))

    full = entries.scores("full")
    rows = [{"": "full model", "score": estimate(full, (low, high))}]
    for state in reversed(STATES):  # the question of the paper's title first
        by_kind = {k: entries.scores(f"{k}, {state}", method) for k in KINDS[method]}
        for kind, values in by_kind.items():
            row = {"": f"{KIND_LABELS[kind]}, {state}", "score": estimate(values, (low, high))}
            row["full minus ticket"] = difference(full, values)
            if kind != "random":
                row["random minus ticket"] = difference(by_kind["random"], values)
            rows.append(row)
    return Table.of(rows, f"mean [95 % CI], n = {len(entries)}")
