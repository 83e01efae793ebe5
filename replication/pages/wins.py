"""Can bad tickets win? What retrained tickets keep, task by task, here and for BERT-base.

To *win* has one meaning on these pages: trained again, a ticket keeps at least half of what the
full model gained over the majority baseline. It is the region of the claims that tickets train
well (`claims.yaml`), named before the study was run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lottery_utils.masks import StructuredMask
from replication.claims.evidence import LEARNED, of_scores
from replication.claims.rules import CLAIMS, Judged
from replication.claims.trial import Trial, stricter
from replication.pages.claims_tables import PAPER
from replication.pages.show import Note
from replication.runs.recorded import Entries, stage_results
from replication.runs.task_records import TaskRecords

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
    strictly = {one.claim.key: one for one in stricter(trial)}[KEPT["bad"]]
    if texts and strictly.found and strictly.means != kept(trial.ours)["bad"].means:
        won = [task for task, share in strictly.means.items() if share >= HALF]
        texts.append(
            f"{trial.study.name} by the stricter reading below: on {len(won)} of "
            f"{len(strictly.means)} tasks ({', '.join(won) or 'none'})."
        )
    return Note(" ".join(texts) or "No task that was learned is on record yet.")


def of_task(entries: Entries) -> Note:
    """What one task's retrained tickets keep, and which of them win: the measure of the claims.

    Seeds whose good ticket leaves too little for another one tell nothing of random and bad.
    """
    task = TaskRecords(entries)
    majority, full = (float(np.mean(task.scores(name))) for name in ("majority", "full"))
    told = f"The majority baseline scores {majority:.3f}, the full model {full:.3f}"
    if full - majority < LEARNED:
        few = f"it gained less than {LEARNED:g}, too little to tell what a ticket keeps of it"
        return Note(f"{told}: {few}.", "warning")
    measured = dict(of_scores(task.scores, {"structured": "bad"}, task.contrasted()))
    shares = []
    for kind in KEPT:
        values = measured[f"structured: kept by {kind}, retrained"]
        if not values:
            shares.append(f"{kind} not told")
            continue
        mean, n = float(np.mean(values)), len(values)
        win = ", a win" if mean >= HALF else ""
        shares.append(f"{kind} {mean:.0%} ({n} seed{'' if n == 1 else 's'}{win})")
    masks = [StructuredMask.from_json(r["mask"]) for r in stage_results(entries, "search")]
    out = [
        f"seed {seed} ({mask.n_heads} of {mask.heads.size} heads)"
        for seed, mask, counts in zip(entries, masks, task.contrasted(), strict=True)
        if not counts
    ]
    left_out = (
        " Left out of random and bad, because the good ticket keeps more than two thirds of the "
        f"heads and the bad one's heads are mostly the same: {', '.join(out)}."
    )
    return Note(
        f"{told}. Of that gain, retrained tickets keep: {', '.join(shares)}. To keep {HALF:.0%} or "
        f"more is to win.{left_out if out else ''}"
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
    """How many seeds a cell is told of; of good tickets, what they keep with those seeds."""
    name, _, kind = column.rpartition(": ")
    if name != trial.study.name:
        return ""
    of_task = trial.records[task]
    told = of_task.contrasted()
    if all(told):
        return ""
    seeds = f"{sum(told)} of {len(told)} seeds"
    if kind != "good" or not any(told):
        return f" ({seeds})" if kind != "good" else ""
    measured = dict(of_scores(of_task.scores, {"structured": "bad"}))
    of_good = measured["structured: kept by good, retrained"]
    same = [share for share, counts in zip(of_good, told, strict=True) if counts]
    return f" ({np.mean(same):.2f} with {seeds})"
