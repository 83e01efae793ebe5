"""What retrained tickets of heads and MLPs retain, seed by seed, and whether they win.

The unit is the gain of the full model of the same task and seed. A ticket wins or loses where its
95 % CI over seeds lies on one side of `WINS`; else the question is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lottery_utils.agreement.inference import Interval, Spread, interval_of, together
from lottery_utils.metrics import possible
from lottery_utils.tasks import TASKS
from replication.claims.claim import LEARNED, WINS, reaches
from replication.claims.verdicts import INCONCLUSIVE
from replication.paper.records import KINDS, N_SEEDS, Results, scores
from replication.runs.records import TICKETS, TaskRecords

SETTINGS = ("full", "majority", *(f"{kind}, retrained" for kind in TICKETS))


@dataclass(frozen=True)
class Shares:
    """What retrained structured tickets retain on one task, by kind: a value for each seed.

    `errors` are the standard errors of their means where only these are known (the released
    scores), `possible` what the lowest and highest score would retain. Left out are seeds whose
    full model gains less than `LEARNED`, which have no gain to retain, and those whose bad ticket
    is mostly the good one (`TaskRecords.contrasted`).
    """

    retained: dict[str, list[float]]
    train_examples: int
    errors: dict[str, float] = field(default_factory=dict)
    possible: tuple[float, float] = (-math.inf, math.inf)

    @property
    def n(self) -> int:
        return len(self.retained["good"])


def of_records(records: TaskRecords) -> Shares:
    """Each seed's tickets in units of the same seed's gain over the majority baseline."""
    by_setting = {setting: np.array(records.scores(setting)) for setting in SETTINGS}
    gain = by_setting["full"] - by_setting["majority"]
    learned = np.array([reaches(of_seed, LEARNED) for of_seed in gain], bool)
    usable = learned & np.array(records.contrasted(), bool)
    retained = {
        kind: (by_setting[f"{kind}, retrained"] - by_setting["majority"])[usable] / gain[usable]
        for kind in TICKETS
    }
    first = records.results()[0]
    low, high = (
        ((score - by_setting["majority"][usable]) / gain[usable]).tolist()
        for score in possible(first["metric"])
    )
    return Shares(
        {kind: values.tolist() for kind, values in retained.items()},
        int(first["examples"]["train"]),
        possible=(min(low, default=-math.inf), max(high, default=math.inf)),
    )


def of_release(release: Results, method: str = "structured") -> dict[str, Shares]:
    """The same of the released means over five seeds, with first-order errors of the ratios."""
    found = {}
    for task in release:
        of_task = scores(release, task, method)
        full, majority = of_task["full"], of_task["majority"].mean
        gain = full.mean - majority
        if not reaches(gain, LEARNED):
            continue
        retained, errors = {}, {}
        for kind in KINDS[method]:
            mean, std = of_task[f"{kind}, retrained"]
            share = (mean - majority) / gain
            retained[kind] = [share]
            errors[kind] = math.hypot(std, share * full.std) / gain / math.sqrt(N_SEEDS)
        sizes = TASKS[task].official_sizes
        assert sizes is not None
        low, high = ((score - majority) / gain for score in possible(TASKS[task].metric))
        found[task] = Shares(retained, sizes[0], errors, (low, high))
    return found


def mean_over(of_tasks: Sequence[Shares], kind: str) -> Interval:
    """The mean over fixed tasks of a kind's means over seeds, with its 95 % CI over seeds.

    Without any spread (one seed of a task) the bounds are not numbers.
    """
    means = [float(np.mean(of.retained[kind])) for of in of_tasks]
    return interval_of(float(np.mean(means)), spread_over(of_tasks, kind), len(means))


def spread_over(of_tasks: Sequence[Shares], kind: str) -> Spread:
    """The variance over seeds of that mean. Each task has its own: seeds of one may vary far more
    than those of another."""
    n = len(of_tasks)
    return together(Spread(_of_mean(of, kind) / n**2, max(1, _n_seeds(of) - 1)) for of in of_tasks)


def possible_over(of_tasks: Sequence[Shares]) -> tuple[float, float]:
    """What the mean over tasks can be."""
    low, high = np.mean([of.possible for of in of_tasks], axis=0).tolist()
    return low, high


def _n_seeds(of: Shares) -> int:
    return N_SEEDS if of.errors else of.n


def _of_mean(of: Shares, kind: str) -> float:
    """The variance of a task's mean over seeds; NaN of one seed."""
    if of.errors:
        return of.errors[kind] ** 2
    return float(np.var(of.retained[kind], ddof=1)) / of.n if of.n > 1 else math.nan


def outcome(found: Interval) -> str:
    """Whether a ticket `wins` or `loses`, by its interval over seeds, or neither."""
    if math.isnan(found.low) or found.low <= WINS <= found.high:
        return INCONCLUSIVE
    return "wins" if found.low > WINS else "loses"


def outcomes(found: Mapping[str, Interval]) -> dict[str, list[str]]:
    """The tasks on which a ticket wins, loses, and is inconclusive."""
    words = ("wins", "loses", INCONCLUSIVE)
    return {w: [t for t, of in found.items() if outcome(of) == w] for w in words}
