"""The tables of the page on claims: verdicts, rules, a stricter reading, and task by task."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import pandas as pd

from replication.claims.rules import Judged
from replication.claims.trial import Trial
from replication.claims.trial import stricter as judged_strictly
from replication.pages.show import Note, Table

pd.set_option("display.max_colwidth", None)  # sentences are shown whole
PAPER = "BERT-base, as released"


def table(trial: Trial) -> Table:
    """One row per claim: the paper's words, ours, and the released numbers by the same rule."""
    any_task = any(judged.means for judged in trial.ours)
    rows = []
    for number, (ours, theirs) in enumerate(zip(trial.ours, trial.theirs, strict=True), 1):
        claim = ours.claim
        section = claim.section.replace(".", "_")
        by_task = f', <a href="#tasks-{claim.key}">task by task</a>' if any_task else ""
        rows.append(
            {
                "claim": f'<span id="{claim.key}">{number}. {html.escape(claim.text)}</span> '
                f'<a href="../../sec{section}.html">{claim.section}</a>{by_task}'
                f"<small>{html.escape(claim.measure)}</small>",
                "the paper": html.escape(claim.stated),
                "here": f"{badge(ours)} <small>{_estimate(ours)}</small>",
                PAPER: f"{badge(as_released(theirs))} <small>{_estimate(theirs)}</small>",
            }
        )
    frame = pd.DataFrame(rows).set_index("claim").rename_axis(None)
    return Table(frame, "claims verdicts", links=True)


def as_released(judged: Judged) -> Judged:
    """Why the released numbers say nothing of a claim, in words of their own."""
    if judged.found is not None:
        return judged
    if judged.claim.measure.endswith("minus the paper's"):
        return judged._replace(why="the yardstick itself")
    return judged._replace(why="a mean without its seeds" if judged.means else "not released")


def numbered(trial: Trial) -> list[str]:
    """The claims' keys with their numbers, as the tables and the figure name them."""
    return [f"{number}. {judged.claim.key}" for number, judged in enumerate(trial.ours, 1)]


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
                "tasks inside": _inside(judged),
                "95 %, by bootstrap": f"[{low:+.3f}, {high:+.3f}]",
            }
        rows.append({**row, "why this region": claim.why})
    frame = pd.DataFrame(rows).fillna("").set_index("claim").rename_axis(None)
    frame.index = pd.Index(numbered(trial))
    return frame


def stricter(trial: Trial) -> Table | Note:
    """The claims whose verdict a stricter reading changes, both readings side by side."""
    every = zip(numbered(trial), trial.ours, judged_strictly(trial), strict=True)
    rows = {
        name: {
            "by the rules": f"{badge(ours)} <small>{_estimate(ours)}</small>",
            "by the stricter reading": f"{badge(strict)} <small>{_estimate(strict)}</small>",
        }
        for name, ours, strict in every
        if ours.claim.tasks == "learned" and strict.verdict != ours.verdict
    }
    if not rows:
        return Note("The stricter reading changes no verdict.")
    return Table(pd.DataFrame.from_dict(rows, orient="index"), "claims", links=True)


def by_task(trial: Trial) -> Table | Note:
    """The mean over seeds of what each claim is judged by, task by task."""
    means = {judged.claim.key: judged.means for judged in trial.ours}
    tasks = [task for task in trial.study.tasks if any(task in of for of in means.values())]
    if not tasks:
        return Note("Nothing is on record yet.", "warning")
    rows = {
        f'<span id="tasks-{key}">{name}</span>': {
            html.escape(task): f"{of[task]:+.3f}" if task in of else "" for task in tasks
        }
        for name, (key, of) in zip(numbered(trial), means.items(), strict=True)
    }
    return Table(pd.DataFrame(rows).T, "claims", links=True)


def badge(judged: Judged) -> str:
    """A verdict as a label, and why where there is none."""
    name = judged.verdict.replace(" ", "-")
    badge = f'<span class="verdict verdict-{name}">{judged.verdict}</span>'
    return f"{badge} {judged.why}".strip()


def _estimate(judged: Judged) -> str:
    found = judged.found
    if found is None:
        n = len(judged.means)
        return f"{n} task{'s' if n > 1 else ''}" if n else ""
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], inside on {_inside(judged)}"


def _inside(judged: Judged) -> str:
    """On how many tasks the mean over seeds lies in the region; of one task, of how many seeds."""
    assert judged.found is not None
    n, unit = judged.found.n, "seeds" if len(judged.means) == 1 else "tasks"
    return f"{round(judged.found.inside * n)} of {n} {unit}"


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
