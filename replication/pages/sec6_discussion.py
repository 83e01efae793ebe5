"""What the page of section 6 shows: tickets without pre-training, and the loss around them."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, Figure, Note, Table, coloured, estimate, style
from replication.runs.records import TICKETS, TaskRecords, tickets_of

STATES = {
    "retrained": "pre-trained weights",
    "embeddings_kept": "only embeddings pre-trained",
    "reinitialized": "nothing pre-trained",
}
NO_CONTROL = Note(
    "The control without pre-training is not computed for this task here: a study has to ask for "
    "it (lottery run STUDY --set followups.control=null)."
)
NO_LANDSCAPE = Note("These records are from before the loss around tickets was measured.")


def scores(entries: TaskRecords, kind: str, state: str) -> list[float]:
    """The scores of a ticket that starts as `state` says, of every seed that has a control."""
    control = entries.stage("control")
    if state == "retrained":
        return entries.of_seeds(control).scores(f"{kind}, {state}")
    return [float(r["results"]["tickets"][kind][state]["score"]) for r in control.values()]


def table(entries: TaskRecords) -> Table | Note:
    """Each ticket trained from three kinds of weights; means over seeds with 95 % intervals."""
    if not entries.stage("control"):
        return NO_CONTROL
    rows: list[dict[str, str]] = []
    for kind in TICKETS:
        by_state = {state: np.array(scores(entries, kind, state)) for state in STATES}
        row = {"ticket": kind}
        row |= {label: estimate(by_state[state]) for state, label in STATES.items()}
        lost = by_state["retrained"] - by_state["reinitialized"]
        row["what pre-training adds"] = estimate(lost)
        rows.append(row)
    return Table.of(rows)


@style()
def plot(entries: TaskRecords) -> Figure | Note:
    """The same, drawn: a group of three for each ticket, a marker for each seed."""
    if not entries.stage("control"):
        return NO_CONTROL
    drawing, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
    task, first, n = entries.task, entries.results()[0], len(entries.stage("control"))
    texts = []
    for x, kind in enumerate(TICKETS):
        for shift, state, marker in zip((-0.22, 0, 0.22), STATES, "os^", strict=True):
            values = scores(entries, kind, state)
            look: dict[str, Any] = {"color": COLOURS[kind], "ls": "none", "ms": 8}
            look["mfc"] = COLOURS[kind] if state == "retrained" else "white"
            axis.plot([x + shift] * len(values), values, marker, **look)
            texts.append(f"{kind}, {STATES[state]}: {np.mean(values):.3f}")
    for state, marker in zip(STATES, "os^", strict=True):
        face = "0.3" if state == "retrained" else "white"
        axis.plot([], [], marker, color="0.3", mfc=face, ls="none", label=STATES[state])
    axis.axhline(first["majority"], color=COLOURS["majority"], linestyle=":", label="majority")
    axis.axhline(
        float(np.mean(entries.scores("full"))),
        color=COLOURS["full"],
        linewidth=1,
        label="full model, pre-trained",
    )
    axis.set_xticks(range(len(TICKETS)), TICKETS)
    axis.set_ylabel(f"validation {METRIC_LABELS[first['metric']]}")
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return Figure.of(
        drawing,
        f"Tickets of {task}, those of section 4.2, trained by the same recipe from three kinds of "
        f"weights. One marker per seed (n = {n}; {first['examples']['train']:,} "
        f"training and {first['examples']['validation']:,} validation examples).",
        f"Dot plot for {task}: {'; '.join(texts)}.",
    )


@style()
def landscape(entries: TaskRecords) -> Figure | Note:
    """The loss around the retrained good and bad tickets along random directions."""
    tickets = {seed: tickets_of(records) for seed, records in entries.items()}
    if any("landscape" not in t["good"] for t in tickets.values()):
        return NO_LANDSCAPE
    kinds = ("good", "bad")
    drawing, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    rises = []
    for axis, kind in zip(axes, kinds, strict=True):
        of_kind = []
        for colour, seed, found in coloured(tickets):
            radii, losses = found[kind]["landscape"]["radii"], found[kind]["landscape"]["loss"]
            for i, line in enumerate(losses):
                rise = np.array(line) - line[radii.index(0)]
                label = None if i else f"seed {seed}"
                axis.plot(radii, rise, "o-", ms=3, color=colour, label=label)
                of_kind.append(float(np.mean([rise[0], rise[-1]])))
        rises.append(f"{kind} {np.mean(of_kind):+.3f} on average at both ends")
        axis.axhline(0, color="0.7", linewidth=0.8)
        axis.set(title=f"{kind} ticket, retrained", xlabel="step (1 = each filter's own length)")
    axes[0].set_ylabel("validation loss, minus that at 0")
    axes[0].legend(fontsize=8)
    task = entries.task
    first = next(iter(tickets.values()))["good"]["landscape"]
    # Records that do not say so are of 200 examples.
    n_directions, n = len(first["loss"]), first.get("n_examples", 200)
    return Figure.of(
        drawing,
        f"The loss around retrained tickets of {task} along {n_directions} random directions for "
        f"each seed, scaled filter by filter (n = {n} validation examples).",
        f"Line plots for {task} of how much the loss rises: {'; '.join(rises)}.",
    )


def reading(entries: TaskRecords) -> Note:
    """What the control says about the two explanations, in words that follow the numbers."""
    if not entries.stage("control"):
        return NO_CONTROL
    guess = float(entries.results()[0]["majority"])
    means = {
        (kind, state): float(np.mean(scores(entries, kind, state)))
        for kind in ("good", "bad")
        for state in STATES
    }
    sentences = []
    for kind in ("good", "bad"):
        gained = means[kind, "retrained"] - guess
        start = f"With pre-training the {kind} ticket is {gained:+.3f} from the majority baseline"
        if gained <= 0:
            sentences.append(
                f"{start}. The control is uninformative: the ticket does not beat the baseline."
            )
            continue
        nothing, embeddings = (
            (means[kind, state] - guess) / gained for state in ("reinitialized", "embeddings_kept")
        )
        sentences.append(
            f"{start}; with nothing pre-trained it keeps {nothing:.0%} of that, with only the "
            f"embeddings {embeddings:.0%}."
        )
    n = len(entries.stage("control"))
    return Note(f"{' '.join(sentences)} n = {n} {'seeds' if n > 1 else 'run of each'}.")
