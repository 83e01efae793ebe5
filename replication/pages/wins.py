"""Can bad tickets win? What retrained tickets keep, task by task, here and for BERT-base.

To *win* has one meaning on these pages: trained again, a ticket keeps at least half of what the
full model gained over the majority baseline. It is the region of the claims that tickets train
well (`claims.yaml`), named before the study was run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from replication.claims.evidence import of_scores
from replication.claims.rules import CLAIMS, Judged
from replication.claims.trial import Trial, stricter
from replication.pages.claims_tables import PAPER
from replication.pages.show import Note

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
