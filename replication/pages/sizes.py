"""Model size and training data: what tickets retain in three models, and what changes it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import Interval, interval_of, together
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, in_percent, style
from replication.book.written import OF_SEED, interval, machine, percent, several, share
from replication.claims import wins as wins_of
from replication.claims.claim import WINS
from replication.claims.wins import Shares, of_records, outcome
from replication.experiments import answers
from replication.paper.records import N_SEEDS, Results
from replication.runs.records import TICKETS, on_record, task_of
from replication.store import Store
from replication.study import Study

# The sizes of the training sets that are compared; None is all there is.
TRAIN_SIZES = (500, 1000, 2000, 4000, None)


@dataclass(frozen=True)
class Side:
    """One model (or one size of the training set) with its tasks."""

    name: str
    tasks: dict[str, Shares]


class Compared:
    """All that the page compares, read from records; nothing is computed."""

    def __init__(
        self, small: str, large: str, curve: str, again: str, release: Results, store: Store
    ) -> None:
        self.wanted = Study.load(large, store.root)
        self.small = of_study("MiniLM-L6", Study.load(small, store.root), store)
        self.large = of_study("MPNet-base", self.wanted, store)
        self.released = Side("BERT-base, as released", wins_of.of_release(release))
        self.untrained = untrained(self.wanted, store)
        sized = Study.load(curve, store.root)
        self.curve = {
            size: of_study(name_of(size), sized.override({"train_size": size}), store)
            for size in TRAIN_SIZES
        }
        self.curve_tasks = sized.tasks
        self.curve_computed = {
            size: computed_by(sized.override({"train_size": size}), store) for size in TRAIN_SIZES
        }
        self.curve_planned = len(sized.tasks) * len(sized.seeds)
        repeated = Study.load(again, store.root)
        self.again_size, self.again_computed = repeated.train_size, computed_by(repeated, store)
        first = self.curve_computed[TRAIN_SIZES[0]].keys()
        moved = {
            size: self.curve[size]
            for size, by in self.curve_computed.items()
            if by and by.keys() != first
        }
        # What another machine computed of the curve: it begins with a size of the first one again.
        again_side = of_study("again", repeated, store)
        self.elsewhere = {self.again_size: again_side, **moved} if moved else {}
        for side in moved.values():  # of tasks with fewer examples than that size, it has all
            for task, of in side.tasks.items():
                again_of = self.curve[self.again_size].tasks.get(task)
                if again_of and of.train_examples == again_of.train_examples:
                    again_side.tasks.setdefault(task, of)

    @property
    def models(self) -> tuple[Side, ...]:
        return self.small, self.large, self.released


def name_of(size: int | None) -> str:
    return "all" if size is None else f"{size:,}"


def of_study(name: str, study: Study, store: Store) -> Side:
    """What a study has on record, of all tasks with a learned seed."""
    found = {task: of_records(records) for task, records in on_record(study, store).items()}
    return Side(name, {task: shares for task, shares in found.items() if shares.n})


def computed_by(study: Study, store: Store) -> Counter[str]:
    """How many runs each kind of machine has on record, and in which precision it trained."""
    found: Counter[str] = Counter()
    for records in on_record(study, store).values():
        for record in records.stage("tickets").values():
            of = record["provenance"]
            found[f"{machine(of['device'])} in {of['training_precision']}"] += 1
    return found


def untrained(study: Study, store: Store) -> list[str]:
    """Which retrained tickets of heads and MLPs learned nothing, as their answers show."""
    found = []
    for task, records in on_record(study, store).items():
        for seed, stages in records.items():
            tickets, tuned = stages["tickets"], stages["finetune"]["results"]
            if kinds := answers.untrained(
                tickets["results"]["tickets"], tuned["labels"], graded=task_of(tickets).is_graded
            ):
                found.append(f"{task} seed {seed} ({', '.join(kinds)})")
    return found


def mean_over(side: Side, tasks: Sequence[str], kind: str) -> Interval:
    """The mean over fixed `tasks` of a kind's means over seeds, with its 95 % CI over seeds."""
    return wins_of.mean_over([side.tasks[task] for task in tasks], kind)


def share_over(side: Side, tasks: Sequence[str], kind: str) -> str:
    """The same, written."""
    possible = wins_of.possible_over([side.tasks[task] for task in tasks])
    return share(mean_over(side, tasks, kind), possible=possible)


def common(sides: Sequence[Side], order: Sequence[str]) -> list[str]:
    """The tasks, in `order`, that every one of these sides has learned: with two seeds or more,
    where any of its tasks has as many."""
    return [task for task in order if all(_counts(side, task) for side in sides)]


def _counts(side: Side, task: str) -> bool:
    of, single = side.tasks.get(task), all(one.n < 2 for one in side.tasks.values())
    return of is not None and (bool(of.errors) or of.n > 1 or single)


def finding(compared: Compared) -> Finding:
    """What bad tickets retain in the models, on the tasks that all have learned."""
    sides = [side for side in compared.models if side.tasks]
    tasks = common(sides, compared.wanted.tasks)
    if len(sides) < 3 or not tasks:
        missing = ", ".join(side.name for side in compared.models if not side.tasks)
        lacking = f"no run of {missing} is complete" if missing else "no task is learned by all"
        return Finding(f"The question is open: {lacking}.")
    shares = [f"{side.name} {share_over(side, tasks, 'bad')}" for side in sides]
    seeds = [f"{_n_seeds(side, tasks)} in {side.name}" for side in sides]
    left = [task for task in compared.wanted.tasks if task not in tasks]
    under_way = any(not _counts(compared.large, task) for task in left)
    named = " and ".join(", ".join(tasks).rsplit(", ", 1))
    text = (
        f"{'Provisional: o' if under_way else 'O'}n {named}, retrained bad subnetworks "
        f"retain of the gain from fine-tuning: {'; '.join(shares)} (means, 95 % CIs over seeds)."
    )
    more = f"A task has {', '.join(seeds)}."
    if left:
        more += f" Without {', '.join(left)}: fewer than two seeds count in one of the models."
    return Finding(text, more=more)


def _n_seeds(side: Side, tasks: Sequence[str]) -> str:
    """Of how many seeds a side's means are."""
    n = {N_SEEDS if side.tasks[task].errors else side.tasks[task].n for task in tasks}
    fewest, most = min(n), max(n)
    counts = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"{counts} seed{'' if most == 1 else 's'}"


@style(LARGE)
def plot(compared: Compared, kind: str = "bad") -> Figure | Note:
    """What one kind of retrained ticket retains, by task and model: seeds as points, means as
    strokes, the released means with their interval."""
    sides = [side for side in compared.models if side.tasks]
    tasks = [task for task in compared.wanted.tasks if any(task in side.tasks for side in sides)]
    if not tasks:
        return Note("No task that a model learned is on record yet.", "warning")
    drawing, axis = plt.subplots(figsize=(4.8, 1.2 + 0.37 * len(tasks)), layout="constrained")
    colour, told = COLOURS[kind], []
    for row, task in enumerate(tasks):
        for i, side in enumerate(compared.models):
            if task not in side.tasks:
                continue
            of, y, marker = side.tasks[task], row + 0.27 * (i - 1), "osD"[i]
            mean = float(np.mean(of.retained[kind]))
            if of.errors:
                reach = mean_over(side, [task], kind)
                axis.plot([reach.low, reach.high], [y] * 2, color=colour, lw=1.2)
                axis.plot(mean, y, marker, color=colour, ms=6)
            else:
                face = {"o": "white", "s": colour}[marker]
                axis.plot(of.retained[kind], [y] * of.n, marker, color=colour, mfc=face, ms=5)
                axis.plot([mean] * 2, [y - 0.1, y + 0.1], color=colour, lw=2.5)
            told.append(f"{side.name}, {task}: {percent(mean)}")
        if row:
            axis.axhline(row - 0.5, color="0.88", lw=1, zorder=0)
    won = []
    for side in sides:
        ended = [outcome(mean_over(side, [task], kind)) for task in tasks if _counts(side, task)]
        won.append(f"{side.name.split(',')[0]} on {ended.count('wins')} of {len(ended)}")
    axis.axvline(WINS, color="0.5", lw=1, ls="--", zorder=0)
    axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0)
    for side, marker, face in zip(compared.models, "osD", ("white", colour, colour), strict=True):
        name = side.name.split(",")[0]
        axis.plot([], [], marker, color=colour, mfc=face, label=name)
    drawing.legend(loc="outside upper center", ncols=3, handletextpad=0.2)
    axis.set_yticks(range(len(tasks)), tasks)
    axis.set_ylim(len(tasks) - 0.5, -0.5)
    axis.set_xlabel(OF_SEED)
    axis.locator_params(axis="x", nbins=5)  # labels do not touch
    in_percent(axis.xaxis)
    return Figure.of(
        drawing,
        f"Retrained {kind} subnetworks win, by their 95 % CI over seeds: {'; '.join(won)} tasks "
        f"with two seeds or more. Strokes: means of seeds (points). Dashed: {percent(WINS)}.",
        f"Dot plot of what {kind} tickets retain by task and model. {'; '.join(told)}.",
        kind,
    )


def table(compared: Compared) -> Table:
    """The models, what they were trained on, and what each kind retains on the common tasks."""
    sides = [side for side in compared.models if side.tasks]
    tasks = common(sides, compared.wanted.tasks)
    rows = []
    for side in compared.models:
        sizes = sorted({of.train_examples for task, of in side.tasks.items() if task in tasks})
        reach = " to ".join(f"{n:,}" for n in dict.fromkeys((sizes[0], sizes[-1]))) if sizes else ""
        rows.append(
            {
                "model": side.name,
                "training examples": reach,
                **{
                    kind: share_over(side, tasks, kind) if tasks and side.tasks else ""
                    for kind in TICKETS
                },
            }
        )
    return Table.of(rows, "model")


def wins(compared: Compared) -> Table:
    """By model and task, what bad tickets retain: does the interval over seeds clear one half?"""
    rows = []
    for task in dict.fromkeys(t for side in compared.models for t in side.tasks):
        row = {"task": task}
        for side in compared.models:
            if task not in side.tasks:
                continue
            of, n = side.tasks[task], _n_seeds(side, [task])
            found = mean_over(side, [task], "bad")
            row[side.name] = f"{share(found, possible=of.possible)}, {n}: {outcome(found)}"
        rows.append(row)
    return Table.of(rows, "task")


class Change(NamedTuple):
    """One step from a side to another, and what bad tickets retain, on tasks that both learned."""

    name: str
    tasks: list[str]
    before: Interval
    after: Interval
    apart: Interval  # after minus before


def changes(compared: Compared) -> list[Change]:
    """Steps that change the data, the machine, the model or more; without tasks where a side lacks
    records."""
    curve, nothing = compared.curve, Interval(math.nan, math.nan, math.nan, 0)
    here, there = stretches(compared)
    larger = [size for size, side in here.items() if side.tasks and size != 500]
    steps = {f"more data: MiniLM-L6, 500 examples to {_last(larger)}": (
        curve[500], curve[larger[-1] if larger else None])}  # fmt: skip
    if there:
        first, *more = there
        steps |= {
            f"the machine: MiniLM-L6, {name_of(first)} examples": (curve[first], there[first]),
            f"more data, there: MiniLM-L6, {name_of(first)} examples to {_last(more)}": (
                there[first],
                there[more[-1]],
            ),
        }
    steps |= {
        "the model: MiniLM-L6 to MPNet-base, 2,000 examples": (curve[2000], compared.large),
        "all data, BERT's pre-training: MPNet-base to BERT-base": (
            compared.large,
            compared.released,
        ),
    }
    found = []
    for name, sides in steps.items():
        tasks = common(sides, compared.wanted.tasks)
        tasks = [task for task in tasks if sides[0].tasks[task] is not sides[1].tasks[task]]
        of = (nothing, nothing, nothing)
        if tasks:
            one, other = (mean_over(side, tasks, "bad") for side in sides)
            spread = together(
                wins_of.spread_over([side.tasks[task] for task in tasks], "bad") for side in sides
            )
            of = one, other, interval_of(other.mean - one.mean, spread, len(tasks))
        found.append(Change(name, tasks, *of))
    return found


def explained(compared: Compared) -> Table:
    """What one change does to what bad tickets retain, on the tasks that both sides learned."""
    rows = []
    for of in changes(compared):
        row = {"change": of.name, "tasks": ", ".join(of.tasks) or "not computed yet"}
        if of.tasks:
            row |= {
                "before": percent(of.before.mean),
                "after": percent(of.after.mean),
                "difference in percentage points, 95 % CI": interval(
                    [100 * x for x in of.apart[:3]], 0, signed=True
                ),
            }
        rows.append(row)
    return Table.of(rows, "change")


def still_open(compared: Compared) -> Finding:
    """Which of these changes make a difference that an interval over seeds tells from none."""
    made = [of for of in changes(compared) if of.tasks]
    clear = [of.name for of in made if of.apart.low > 0 or of.apart.high < 0]
    said = "none shows a difference"
    if clear:
        said = f"{'one shows' if len(clear) == 1 else f'{len(clear)} show'} a difference: "
        said += "; ".join(clear)
    return Finding(
        "Does model size, training data or the machine change what bad subnetworks retain? Of "
        f"{several(len(made), 'comparison')}, {said} (95 % CIs of the differences). "
        f"{'The rest' if clear else 'The question'} stays open.",
        more="The CIs are over seeds. Depth, width and pre-training change together from model to "
        "model, so no comparison here isolates one of them.",
    )


def _last(sizes: Sequence[int | None]) -> str:
    return name_of(sizes[-1] if sizes else None)


Sizes = dict[int | None, Side]


def stretches(compared: Compared) -> tuple[Sizes, Sizes]:
    """The curve by machine: the sizes that the first one computed, and those of another."""
    there = compared.elsewhere
    return {n: side for n, side in compared.curve.items() if there.get(n) is not side}, there


def failed(compared: Compared) -> Note:
    """Which tickets of the large model count with the score of a single answer."""
    which = "; ".join(compared.untrained) or "none on record"
    return Note(f"Retrained tickets of MPNet-base that did not train: {which}.")
