"""What the page of section 6 shows of the loss around retrained tickets: how flat it is."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.inference import t_interval
from replication.book.show import LARGE, Figure, Note, coloured, style
from replication.book.written import number, several, these
from replication.claims.eligible import answerable
from replication.claims.evidence import AS_FLAT, STEP, of_landscape
from replication.runs.measured import rise, steepest
from replication.runs.records import TaskRecords, tickets_of

NO_LANDSCAPE = Note(
    "These records are from before the loss around tickets was measured.", missing=True
)


@style(LARGE)
def landscape(entries: TaskRecords) -> Figure | Note:
    """The loss around the retrained good and bad tickets along random directions."""
    tickets = {seed: tickets_of(records) for seed, records in entries.items()}
    if any("landscape" not in t["good"] for t in tickets.values()):
        return NO_LANDSCAPE
    kinds = ("good", "bad")
    drawing, axes = plt.subplots(1, 2, figsize=(4.8, 3.4), sharey=True, layout="constrained")
    rises = []
    for axis, kind in zip(axes, kinds, strict=True):
        of_kind = []
        for colour, seed, found in coloured(tickets):
            radii, losses = found[kind]["landscape"]["radii"], found[kind]["landscape"]["loss"]
            for i, line in enumerate(losses):
                rises_here = np.array(line) - line[radii.index(0)]
                label = None if i else f"seed {seed}"
                axis.plot(radii, rises_here, "o-", ms=3, color=colour, label=label)
                of_kind.append(float(np.mean([rises_here[0], rises_here[-1]])))
        rises.append(f"{kind} {number(np.mean(of_kind), signed=True)}")
        axis.axhline(0, color="0.7", linewidth=0.8)
        axis.set(title=f"{kind} ticket", xlabel="step, in filter lengths")
    axes[0].set_ylabel("change of the loss")
    handles, names = axes[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=3, columnspacing=1)
    task = entries.title
    first = next(iter(tickets.values()))["good"]["landscape"]
    # Records that do not say so are of 200 examples.
    n_directions, n = len(first["loss"]), first.get("n_examples", 200)
    return Figure.of(
        drawing,
        f"{_compared(entries)} Change of the loss around retrained tickets, mean at both ends: "
        f"{', '.join(rises)} ({n_directions} directions, {len(tickets)} seeds, n = {n} validation "
        "examples).",
        f"Line plots for {task} of how much the loss changes at both ends: {'; '.join(rises)}.",
        "landscape",
    )


def _rises(entries: TaskRecords) -> dict[str, list[float]]:
    """How much the loss rises at one step around the tickets of the seeds that count, by kind."""
    return {
        kind: [rise(tickets_of(entries[seed])[kind], STEP) for seed in answerable(entries)]
        for kind in ("good", "bad")
    }


def _compared(entries: TaskRecords) -> str:
    """Around which ticket of a task the loss is flatter, if that can be said at all: where the CI
    over seeds lies on one side of the margin of the claim on flat optima."""
    task, (good, bad) = entries.title, _rises(entries).values()
    if not good or np.isnan([good, bad]).any():
        return f"On {task}, flatness is uninformative: no bad ticket counts."
    if max(map(abs, good + bad)) < AS_FLAT:
        return f"On {task}, the loss is too flat to compare tickets."
    ((_, apart),) = of_landscape(entries)
    found = t_interval(apart) if len(apart) > 1 else None
    if found and found.high < -AS_FLAT:
        return f"On {task}, the loss is flatter around bad tickets."
    if found and found.low > AS_FLAT:
        return f"On {task}, the loss is flatter around good tickets."
    if found and -AS_FLAT < found.low <= found.high < AS_FLAT:
        return f"On {task}, the loss is as flat around bad tickets as around good ones."
    return (
        f"On {task}, which ticket's loss is flatter is inconclusive (n = {len(apart)} of "
        f"{several(len(entries), 'seed')})."
    )


def flatness(entries: TaskRecords) -> Note:
    """How much the loss rises at one step around the tickets of the seeds that count."""
    seeds, rises = answerable(entries), _rises(entries)
    if not seeds or np.isnan([*rises.values()]).any():
        return Note(
            f"The comparison is uninformative: no bad ticket of {entries.title} that differs from "
            "the good one trained well. The loss around a ticket that learned nothing is flat."
        )
    texts = [f"{kind} {_signed(values)}" for kind, values in rises.items()]
    largest = max(abs(value) for values in rises.values() for value in values)
    told = "too little to compare" if largest < AS_FLAT else "enough to compare"
    ((_, apart),) = of_landscape(entries)
    said = f" Bad minus good where either reaches that: {_signed(apart)}." if apart else ""
    single = max(steepest(tickets_of(entries[seed])[k], STEP) for seed in seeds for k in rises)
    return Note(
        f"At a step of {STEP:g} the loss changes by ({these(seeds)}; nats; mean over directions "
        f"and both signs): {'; '.join(texts)}. The largest change is {largest:.3f}, {told} by the "
        f"rule (at least {AS_FLAT:g}).{said} A slope cancels in this mean: a single step changes "
        f"the loss by up to {single:.3f}."
    )


def _signed(values: Sequence[float]) -> str:
    return ", ".join(number(value, signed=True) for value in values)
