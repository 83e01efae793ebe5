"""Can bad tickets win? What retrained tickets keep, task by task, here and for BERT-base.

To *win* has one meaning on these pages: trained again, a ticket keeps at least half of what the
full model gained over the majority baseline. It is the region of the claims that tickets train
well (`claims.yaml`), named before the study was run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lottery_utils.claims import CLAIMS, Judged
from lottery_utils.claims_page import PAPER
from lottery_utils.evidence import of_scores
from lottery_utils.figure import Note
from lottery_utils.recorded import Entries
from lottery_utils.task_records import TaskRecords
from lottery_utils.trial import Trial

# The claims that say how much a retrained ticket keeps.
KEPT = {"good": "s-good-close", "random": "s-random-trains-well", "bad": "no-losing-tickets"}
(HALF,) = (claim.low for claim in CLAIMS if claim.key == KEPT["bad"])


def kept(judged: list[Judged]) -> dict[str, Judged]:
    """By kind of ticket, the claim about what it keeps; only where it could be measured."""
    by_key = {one.claim.key: one for one in judged}
    return {kind: by_key[key] for kind, key in KEPT.items() if by_key[key].found}


def sides(trial: Trial) -> dict[str, dict[str, Judged]]:
    """Of this study and of the release, what each kind of ticket keeps."""
    both = {trial.study.name: kept(trial.ours), PAPER: kept(trial.theirs)}
    return {name: of for name, of in both.items() if of}


def losing(bad: Judged) -> list[str]:
    """The tasks on which retrained bad tickets do not win."""
    return [task for task, share in bad.means.items() if share < HALF]


def answer(trial: Trial) -> Note:
    """On how many tasks bad tickets win, which are the others, and the mean."""
    texts = []
    for name, of in sides(trial).items():
        if "bad" not in of:
            continue
        means, found = of["bad"].means, of["bad"].found
        assert found is not None
        lost = losing(of["bad"])
        text = f"{name}: bad tickets win on {len(means) - len(lost)} of {len(means)} tasks"
        text += f", not on {', '.join(lost)}" if lost else ""
        text += f"; on average they keep {found.mean:.0%} [{found.low:.0%}, {found.high:.0%}]."
        texts.append(text)
    return Note(" ".join(texts) or "No task that was learned is on record yet.")


def of_task(entries: Entries) -> Note:
    """What one task's retrained tickets keep, and which of them win: the measure of the claims.

    Seeds whose good ticket leaves too little for another one tell nothing of random and bad.
    """
    task = TaskRecords(entries)
    majority, full = (float(np.mean(task.scores(name))) for name in ("majority", "full"))
    told = f"The majority baseline scores {majority:.3f}, the full model {full:.3f}"
    if full <= majority:
        return Note(f"{told}: it gained nothing that a ticket could keep.", "warning")
    measured = dict(of_scores(task.scores, {"structured": "bad"}, task.contrasted()))
    shares = []
    for kind in KEPT:
        values = measured[f"structured: kept by {kind}, retrained"]
        if not values:
            shares.append(f"{kind} not told (its heads are mostly the good one's)")
            continue
        mean, n = float(np.mean(values)), len(values)
        win = ", a win" if mean >= HALF else ""
        shares.append(f"{kind} {mean:.0%} ({n} seed{'' if n == 1 else 's'}{win})")
    return Note(
        f"{told}. Of that gain, retrained tickets keep: {', '.join(shares)}. To keep {HALF:.0%} or "
        "more is to win. Seeds are left out of random and bad where the good ticket keeps more "
        "than two thirds of the heads, so that the bad one is mostly the same."
    )


def by_task(trial: Trial) -> pd.DataFrame | Note:
    """The share that each kind of retrained ticket keeps, of each task that was learned.

    Where seeds are left out, because the good ticket leaves too little for another one, the cell
    says how many are told of.
    """
    columns = {
        f"{name}: {kind}": judged.means
        for name, of in sides(trial).items()
        for kind, judged in of.items()
    }
    tasks = [task for task in trial.study.tasks if any(task in of for of in columns.values())]
    if not tasks:
        return Note("No task that was learned is on record yet.")
    rows = {
        task: {
            name: f"{of[task]:.2f}{_told_of(trial, task, name)}" if task in of else ""
            for name, of in columns.items()
        }
        for task in tasks
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _told_of(trial: Trial, task: str, column: str) -> str:
    name, _, kind = column.rpartition(": ")
    if name != trial.study.name or kind == "good":
        return ""
    told = trial.records[task].contrasted()
    return "" if all(told) else f" ({sum(told)} of {len(told)} seeds)"
