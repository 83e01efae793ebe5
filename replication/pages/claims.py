"""The page that opens the book: every claim of the paper on trial, from records alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from replication.claims.evidence import LEARNED, learned_seeds
from replication.claims.rules import BY_MEAN, CLAIMS, VERDICTS, Judged
from replication.claims.trial import Trial
from replication.pages.claims_tables import PAPER, numbered
from replication.pages.provenance import missing
from replication.pages.show import Figure, Note, style
from replication.runs.recorded import stage_results
from replication.store import Store

COLOURS = dict(zip(VERDICTS, ("#0072B2", "#56B4E9", "#D55E00", "#7F7F7F"), strict=True))


def tasks_learned(trial: Trial) -> Note:
    """Of which tasks the full model learned something: claims about tickets rest on those."""
    unlearned = [task for task in trial.records if task not in trial.learned]
    text = f"The full model beats the majority baseline by {LEARNED:g} or more, on average over "
    text += f"seeds, on {', '.join(trial.learned) or 'no task yet'}"
    text += f"; it does not on {', '.join(unlearned)}." if unlearned else "."
    same = [
        f"{task} seed {seed}"
        for task, of_task in trial.records.items()
        for seed, told in zip(of_task.entries, of_task.contrasted(), strict=True)
        if not told
    ]
    if same:
        text += " Left out of what is said about random and bad structured tickets, because the "
        text += (
            "good one keeps more than two thirds of the heads and the bad one's heads are mostly "
        )
        text += f"the same: {', '.join(same)}."
    few, whole = [], []
    for task in trial.learned:
        of_task = trial.records[task]
        few += [f"{task} seed {s}" for s in of_task.entries if s not in learned_seeds(of_task)]
        if of_task.has_magnitude:
            removed = zip(of_task.entries, of_task.weights_removed(), strict=True)
            whole += [f"{task} seed {seed}" for seed, any_of_it in removed if not any_of_it]
    if few or whole:
        text += " Counted by the rules as they were fixed, though they can hardly tell anything:"
        text += f" full models that gained less ({', '.join(few)})" if few else ""
        text += " and" if few and whole else ""
        text += (
            f" magnitude pruning that removed nothing ({', '.join(whole)}), all of whose tickets "
            "are the full model"
            if whole
            else ""
        )
        text += ". What changes without them stands below, in a stricter reading."
    return Note(text)


def flatness(trial: Trial) -> Note:
    """How wide the middle half of the heads' importance is, by a measure that sees the width."""
    widths = {}
    for task in trial.learned:
        of_seeds = stage_results(trial.records[task].entries, "search")
        scores = [np.ravel(results["steps"][0]["head_scores"]) for results in of_seeds]
        quartiles = np.array([np.quantile(of_seed, [0.25, 0.5, 0.75]) for of_seed in scores])
        widths[task] = float(((quartiles[:, 2] - quartiles[:, 0]) / quartiles[:, 1]).mean())
    if not widths:
        return Note("No task that was learned is on record yet.")
    told = ", ".join(f"{task} {width:.2f}" for task, width in widths.items())
    return Note(
        "Importance by a measure of its width: between the lower and the upper quartile of a full "
        f"model's heads lies this many times their median: {told} (means over seeds). Were all "
        "heads of nearly the same importance, it would be nearly 0."
    )


def count(trial: Trial) -> Note:
    """How many claims got which verdict, here and for the released numbers."""
    texts = []
    for name, judged in ((trial.study.name, trial.ours), (PAPER, trial.theirs)):
        texts.append(f"{name}: {counted(judged)}{certainty(judged)}.")
    if missing(trial.study, Store(trial.results_dir)):
        texts.append("The study is under way, so that its verdicts are provisional.")
    return Note(f"Of {len(CLAIMS)} claims. " + " ".join(texts))


def counted(judged: Sequence[Judged]) -> str:
    """How many claims got which verdict: `1 holds, 2 hold in part, ...`."""
    found = [(verdict, sum(one.verdict == verdict for one in judged)) for verdict in VERDICTS]
    plural = {"holds": "hold", "holds in part": "hold in part", "does not hold": "do not hold"}
    return ", ".join(f"{n} {v if n == 1 else plural.get(v, v)}" for v, n in found)


def certainty(judged: Sequence[Judged]) -> str:
    """How many of the claims that hold in part do so without the certainty asked for."""
    part = [one for one in judged if one.verdict == VERDICTS[1]]
    by_mean = sum(one.why == BY_MEAN for one in part)
    if not by_mean:
        return ""
    who = "all" if by_mean == len(part) else f"{by_mean} of the {len(part)}"
    return f"; {who} that hold in part do so by their mean, not for certain"


@style()
def plot(trial: Trial) -> Figure:
    """Where every mean lies, on a scale on which a claim's region ends at 0 and 1."""
    every = zip(numbered(trial), trial.ours, trial.theirs, strict=True)
    shown = [(name, (ours, theirs)) for name, ours, theirs in every if ours.found or theirs.found]
    names, pairs = [name for name, _ in shown], [pair for _, pair in shown]
    drawing, axis = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(pairs)), layout="constrained")
    for y, pair in enumerate(reversed(pairs)):
        place = _scale(pair)
        for judged, up, face in zip(pair, (0.15, -0.15), (None, "white"), strict=True):
            if judged.found is None:
                continue
            ends = [place(judged.found.low), place(judged.found.high)]
            look: dict[str, Any] = {"color": COLOURS[judged.verdict]}
            axis.plot(ends, [y + up, y + up], linewidth=2 if face is None else 1, **look)
            mean = place(judged.found.mean)
            axis.plot(mean, y + up, "o", mfc=face or look["color"], ms=5, **look)
    axis.axvspan(0, 1, color="0.93", zorder=0)
    axis.set_yticks(range(len(pairs)), names[::-1], fontsize=8)
    axis.set_xlim(-1.6, 2.6)
    axis.set_xticks([0, 1], ["", ""])
    axis.set_xlabel("where the claim says it lies: shaded")
    for verdict, colour in COLOURS.items():
        axis.plot([], [], "-", color=colour, linewidth=2, label=verdict)
    for name, face in ((f"here: {trial.study.name}", "0.3"), (PAPER, "white")):
        axis.plot([], [], "o", color="0.3", mfc=face, ls="none", label=name)
    axis.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3)
    told = "; ".join(
        f"{ours.claim.key} {ours.verdict} here, {theirs.verdict} as released"
        for ours, theirs in pairs
    )
    n_tasks = max((j.found.n for j in trial.ours if j.found), default=0)
    return Figure.of(
        drawing,
        "Every claim with an interval, by its number: the mean over tasks with its 95 % "
        "interval, drawn on a "
        "scale of its own so that the shaded band is the region in which the claim wants it. Where "
        "the region is open to one side, that side of the band is no bound, only the other is. "
        f"Filled: the study {trial.study.name}, up to {n_tasks} tasks of up to "
        f"{len(trial.study.seeds)} seeds; open: BERT-base, eight tasks of five seeds as released. "
        "Numbers and units are in the table.",
        f"Interval plot of {len(pairs)} claims: {told}.",
    )


def _scale(pair: Sequence[Judged]) -> Callable[[float], float]:
    """A claim's own scale: its region becomes 0 to 1, an open one as wide as it has to be."""
    claim = pair[0].claim
    if math.isfinite(claim.low) and math.isfinite(claim.high):
        start, width = claim.low, claim.high - claim.low
    else:
        bound = claim.low if math.isfinite(claim.low) else claim.high
        ends = [end for j in pair if j.found for end in (j.found.low, j.found.high)]
        width = max(1e-9, *(abs(end - bound) for end in ends)) / 0.95
        start = bound if math.isfinite(claim.low) else bound - width
    return lambda value: min(max((value - start) / width, -1.5), 2.5)
