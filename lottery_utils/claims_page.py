"""The page that opens the book: every claim of the paper on trial, from records alone."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from lottery_utils.claims import CLAIMS, VERDICTS, Judged
from lottery_utils.evidence import LEARNED
from lottery_utils.figure import STYLE, Figure, Note
from lottery_utils.standing import missing
from lottery_utils.store import Store
from lottery_utils.trial import Trial

plt.style.use(STYLE)
pd.set_option("display.max_colwidth", None)  # sentences are shown whole

COLOURS = dict(zip(VERDICTS, ("#0072B2", "#56B4E9", "#D55E00", "#7F7F7F"), strict=True))
PAPER = "BERT-base, as released"


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
        text += "good one keeps more than two thirds of the heads and the bad one is mostly the "
        text += f"same: {', '.join(same)}."
    return Note(text)


def count(trial: Trial) -> Note:
    """How many claims got which verdict, here and for the released numbers."""
    texts = []
    for name, judged in ((trial.study.name, trial.ours), (PAPER, trial.theirs)):
        texts.append(f"{name}: {counted(judged)}.")
    if missing(trial.study, Store(trial.results_dir)):
        texts.append("The study is under way, so that its verdicts are provisional.")
    return Note(f"Of {len(CLAIMS)} claims. " + " ".join(texts))


def counted(judged: Sequence[Judged]) -> str:
    """How many claims got which verdict: `1 holds, 2 hold in part, ...`."""
    found = [(verdict, sum(one.verdict == verdict for one in judged)) for verdict in VERDICTS]
    plural = {"holds": "hold", "holds in part": "hold in part", "does not hold": "do not hold"}
    return ", ".join(f"{n} {v if n == 1 else plural.get(v, v)}" for v, n in found)


@dataclass(frozen=True)
class Table:
    """A table whose cells may hold links."""

    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        return str(self.frame.to_html(escape=False, classes="claims", border=0))

    def __repr__(self) -> str:
        return repr(self.frame)


def table(trial: Trial) -> Table:
    """One row per claim: the paper's words, ours, and the released numbers by the same rule."""
    any_task = any(judged.means for judged in trial.ours)
    rows = []
    for ours, theirs in zip(trial.ours, trial.theirs, strict=True):
        claim = ours.claim
        section = claim.section.replace(".", "_")
        by_task = f', <a href="#tasks-{claim.key}">task by task</a>' if any_task else ""
        rows.append(
            {
                "claim": f'<span id="{claim.key}">{html.escape(claim.text)}</span> '
                f'<a href="../../sec{section}.html">{claim.section}</a>{by_task}'
                f"<small>{html.escape(claim.measure)}</small>",
                "the paper": html.escape(claim.stated),
                "here": f"{badge(ours)}<small>{_estimate(ours)}</small>",
                PAPER: f"{badge(theirs)}<small>{_estimate(theirs)}</small>",
            }
        )
    return Table(pd.DataFrame(rows).set_index("claim").rename_axis(None))


def rules(trial: Trial) -> pd.DataFrame:
    """The region of each claim, fixed beforehand, and how the verdict came about."""
    rows = []
    for judged in trial.ours:
        claim, found = judged.claim, judged.found
        row = {"claim": claim.key, "measured": claim.measure, "holds if": _region(judged)}
        if found is not None and judged.p is not None and judged.resampled is not None:
            low, high = judged.resampled
            row |= {
                "p": _p(found.p),
                "p, adjusted": _p(judged.p),
                "tasks inside": f"{round(found.inside * found.n)} of {found.n}",
                "95 %, by bootstrap": f"[{low:+.3f}, {high:+.3f}]",
            }
        rows.append({**row, "why this region": claim.why})
    return pd.DataFrame(rows).fillna("").set_index("claim").rename_axis(None)


def by_task(trial: Trial) -> Table | Note:
    """The mean over seeds of what each claim is judged by, task by task."""
    means = {judged.claim.key: judged.means for judged in trial.ours}
    tasks = [task for task in trial.study.tasks if any(task in of for of in means.values())]
    if not tasks:
        return Note("Nothing is on record yet.", "warning")
    rows = {
        f'<span id="tasks-{key}">{key}</span>': {
            html.escape(task): f"{of[task]:+.3f}" if task in of else "" for task in tasks
        }
        for key, of in means.items()
    }
    return Table(pd.DataFrame(rows).T)


def plot(trial: Trial) -> Figure:
    """Where every mean lies, on a scale on which a claim's region ends at 0 and 1."""
    pairs = [
        (ours, theirs)
        for ours, theirs in zip(trial.ours, trial.theirs, strict=True)
        if ours.found or theirs.found
    ]
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
    axis.set_yticks(range(len(pairs)), [ours.claim.key for ours, _ in reversed(pairs)], fontsize=8)
    axis.set_xlim(-1.6, 2.6)
    axis.set_xticks([0, 1], ["", ""])
    axis.set_xlabel("where the claim says it lies: shaded")
    for verdict, colour in COLOURS.items():
        axis.plot([], [], "-", color=colour, linewidth=2, label=verdict)
    for name, face in ((f"here: {trial.study.name}", "0.3"), (PAPER, "white")):
        axis.plot([], [], "o", color="0.3", mfc=face, ls="none", label=name)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    told = "; ".join(
        f"{ours.claim.key} {ours.verdict} here, {theirs.verdict} as released"
        for ours, theirs in pairs
    )
    n_tasks = max((j.found.n for j in trial.ours if j.found), default=0)
    return Figure.of(
        drawing,
        "Every claim that can be tested: the mean over tasks with its 95 % interval, drawn on a "
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


def _estimate(judged: Judged) -> str:
    found = judged.found
    if found is None:
        n = len(judged.means)
        return f"{n} task{'s' if n > 1 else ''}" if n else "no data"
    unit = "seeds" if len(judged.means) == 1 else "tasks"
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {found.n} {unit}"


def badge(judged: Judged) -> str:
    """A verdict as a label, and why where there is none."""
    name = judged.verdict.replace(" ", "-")
    badge = f'<span class="verdict verdict-{name}">{judged.verdict}</span>'
    return f"{badge} {judged.why}".strip()


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def _region(judged: Judged) -> str:
    claim = judged.claim
    parts: Sequence[str] = [
        *([f"above {claim.low:g}"] if math.isfinite(claim.low) else []),
        *([f"below {claim.high:g}"] if math.isfinite(claim.high) else []),
    ]
    share = f", on {claim.at_least:.0%} of the tasks" if claim.at_least else ""
    return " and ".join(parts) + share
