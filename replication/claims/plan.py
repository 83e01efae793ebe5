"""A study judged by the plan that was registered before its numbers (`plan.yaml`).

The plan's first lines are the contract that this file carries out, in its order: which tasks and
seeds, the estimate with its variance, the verdict. `retained` measures what tickets retain, on
which examples; nothing is computed here that a record would hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from lottery_utils.agreement.inference import Interval, Spread, t_interval, together
from lottery_utils.errors import UserError
from lottery_utils.tasks import get_task
from replication.claims.claim import LEVEL, Claim, adjusted, load, wins
from replication.claims.evidence import MEASURED
from replication.claims.power import MOST, POWER, detects, distance_of
from replication.claims.retained import Array, Retained, Ticket, retained
from replication.claims.verdicts import NO_DATA, verdict
from replication.experiments.answers import untrained
from replication.runs.records import TaskRecords, on_record, seeds_text
from replication.stages import TICKET_STAGE
from replication.store import Store
from replication.study import Study

LEAST_SEEDS = 3  # "the least that counts"


class PlanClaim(Claim):
    """One of the ten claims, with what its `measure` is made from."""

    @property
    def method(self) -> str:
        return self.measure.split(": ")[0]

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The ticket whose retained gain is meant, or the two whose difference is."""
        method, what = self.measure.split(": ")
        kinds, state = what.removeprefix("kept by ").split(", ")
        return tuple(Ticket(method, kind, state) for kind in kinds.split(" minus "))


def load_plan() -> tuple[PlanClaim, ...]:
    """The registered claims, in the order of the file."""
    return load(PlanClaim, "plan.yaml")


class Estimate(NamedTuple):
    """A mean over tasks of means over seeds, with its 95 % CI, standard error and degrees of
    freedom. Without a standard error, the mean is all that there is to say of it."""

    mean: float
    low: float
    high: float
    error: float
    freedom: float

    def p_above(self, bound: float) -> float:
        """One-sided p value of lying above `bound`."""
        return self._beyond(self.mean - bound)

    def p_below(self, bound: float) -> float:
        """One-sided p value of lying below `bound`."""
        return self._beyond(bound - self.mean)

    def _beyond(self, distance: float) -> float:
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(stdtr(self.freedom, -distance / self.error))


def parts(values: Mapping[str, Array], n_examples: Mapping[str, int]) -> tuple[Spread, ...]:
    """The variance of the plan's estimate: first over seeds, then over each task's examples.

    That over seeds is pooled over the tasks, each with its own mean; that over examples comes
    from the draws. What seeds and examples do together is in both, so that the interval is
    rather too wide than too narrow. `values` by task have shape (1 + draws, seeds). Raises
    `ValueError` with fewer than two seeds, which have no spread.
    """
    observed = np.array([of_task[0] for of_task in values.values()])
    n_tasks, n_seeds = observed.shape
    if n_seeds < 2:
        raise ValueError("a variance over seeds needs at least two")
    over_seeds = float(observed.var(axis=1, ddof=1).mean()) / (n_tasks * n_seeds)
    of_examples = (
        Spread(float(of[1:].mean(axis=1).var(ddof=1)) / n_tasks**2, n_examples[task] - 1)
        for task, of in values.items()
    )
    return (Spread(over_seeds, n_tasks * (n_seeds - 1)), *of_examples)


def estimate(values: Mapping[str, Array], n_examples: Mapping[str, int]) -> Estimate:
    """The plan's estimate of a number whose `values` by task have shape (1 + draws, seeds)."""
    variance, freedom = together(parts(values, n_examples))
    mean = float(np.mean([of_task[0] for of_task in values.values()]))
    if variance <= (1e-12 * max(1.0, abs(mean))) ** 2:  # rounding is no spread
        return Estimate(mean, mean, mean, 0.0, math.inf)
    error = math.sqrt(variance)
    half = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    return Estimate(mean, mean - half, mean + half, error, freedom)


def seeds_needed(
    claim: PlanClaim, values: Mapping[str, Array], n_examples: Mapping[str, int], family: int
) -> int | None:
    """How many seeds of these tasks would decide a claim, of a family of so many, were its mean
    and variances as they are; None where not even `MOST` would. Raises as `parts` does."""
    (over_seeds, n_contrasts), *examples = parts(values, n_examples)
    n_tasks = len(values)
    n_seeds = n_contrasts / n_tasks + 1
    distance = distance_of(claim, float(np.mean([of_task[0] for of_task in values.values()])))
    for n in range(2, MOST + 1):
        of_seeds = Spread(over_seeds * n_seeds / n, n_tasks * (n - 1))
        variance, freedom = together([of_seeds, *examples])
        if detects(distance, math.sqrt(variance), freedom, LEVEL / family) >= POWER:
            return n
    return None


@dataclass(frozen=True)
class PlanVerdict:
    """A claim with its verdict, a word of `verdicts`, and `why` where the word alone is not enough.

    `p` and `p_contrary` are Holm-adjusted p values, of lying inside the claim's region and
    outside; `means` are those of the tasks. `found` is None where there is no interval.
    """

    claim: PlanClaim
    verdict: str
    why: str
    found: Estimate | None
    p: float | None
    p_contrary: float | None
    means: dict[str, float]
    n_seeds: int
    n_examples: int

    @property
    def inside(self) -> list[str]:
        """The tasks whose own mean lies in the region."""
        return [task for task, mean in self.means.items() if self.claim.holds_at(mean)]


def judge(claims: Sequence[PlanClaim], measured: Mapping[str, Retained]) -> list[PlanVerdict]:
    """Every claim with its verdict, from the tasks that enter, all with the same seeds."""
    values = {claim.key: claim_values(claim, measured) for claim in claims}
    n_examples = {task: of.n for task, of in measured.items()}
    why = {claim.key: _no_data(claim, values[claim.key]) for claim in claims}
    found = {key: estimate(values[key], n_examples) for key, text in why.items() if not text}
    measurable = [claim for claim in claims if claim.key in found]
    raw = {claim.key: _p_inside(claim, found[claim.key]) for claim in measurable}
    p = adjusted(claims, raw)
    contrary = adjusted(claims, {c.key: _p_outside(c, found[c.key]) for c in measurable})
    verdicts = []
    for claim in claims:
        of_tasks = values[claim.key]
        means = {task: float(one[0].mean()) for task, one in of_tasks.items()}
        n_seeds = next((one.shape[1] for one in of_tasks.values()), 0)
        n = sum(n_examples[task] for task in of_tasks)
        one = found.get(claim.key)
        if one is None:
            said = (NO_DATA, why[claim.key])
            verdicts.append(PlanVerdict(claim, *said, None, None, None, means, n_seeds, n))
            continue
        at = claim.key
        outside = claim.too_many_outside(means)
        said = verdict(raw[at], p[at], contrary[at], outside)
        verdicts.append(PlanVerdict(claim, *said, one, p[at], contrary[at], means, n_seeds, n))
    return verdicts


def claim_values(claim: PlanClaim, measured: Mapping[str, Retained]) -> dict[str, Array]:
    """The claim's number by task, shape (1 + draws, seeds), of the tasks that have it."""
    found = {}
    for task, of_task in measured.items():
        if all(ticket in of_task.tickets for ticket in claim.tickets):
            first, *others = (of_task.tickets[ticket] for ticket in claim.tickets)
            found[task] = first - others[0] if others else first
    return found


def _no_data(claim: PlanClaim, values: Mapping[str, Array]) -> str:
    """Why nothing can be said of a claim, or nothing where something can."""
    if not values:
        return f"no task with {claim.method} pruning enters yet"
    if any(of_task.shape[1] < 2 for of_task in values.values()):
        return "a single seed, which has no spread"
    broken = [task for task, of_task in values.items() if np.isnan(of_task[0]).any()]
    return f"a full model of {', '.join(broken)} gains nothing to retain" if broken else ""


def _p_inside(claim: PlanClaim, found: Estimate) -> float:
    return max(found.p_above(claim.low), found.p_below(claim.high))


def _p_outside(claim: PlanClaim, found: Estimate) -> float:
    return min(found.p_below(claim.low), found.p_above(claim.high))


class Outcome(NamedTuple):
    """How one retrained ticket ended: `did not train`, or `won` or `lost` by what it retains."""

    task: str
    seed: int
    method: str
    kind: str
    retained: float
    ended: str


@dataclass(frozen=True)
class Analysis:
    """The registered analysis of one study, as far as its records go.

    `entries` have tickets of heads and MLPs at least; `missing` names those that lack any stage.
    A claim on weights counts once all entries of a task have tickets of weights (`retained`).
    `seeds` are those that all tasks with entries have, and that verdicts rest on. By task, `scored`
    is measured on held-out examples where there are any, `searched` on those that the search saw,
    both of all seeds.
    `left_out` says why a task does not enter.
    """

    study: Study
    entries: Mapping[str, TaskRecords]
    missing: list[tuple[str, int]]
    seeds: tuple[int, ...]
    scored: dict[str, Retained]
    searched: dict[str, Retained]
    left_out: dict[str, str]

    @property
    def entered(self) -> list[str]:
        """The tasks that the verdicts are about."""
        return [task for task in self.scored if self.seeds and task not in self.left_out]

    @property
    def held_out(self) -> list[str]:
        """The tasks that are scored on examples which no search saw."""
        return [task for task in self.scored if "held_out" in _labels(self.entries[task])]

    @property
    def provisional(self) -> bool:
        """Whether entries are missing, or seeds to the least that counts."""
        return bool(self.missing) or len(self.seeds) < LEAST_SEEDS

    def verdicts(self, *, searched: bool = False) -> list[PlanVerdict]:
        """All ten claims; with `searched` on the examples that the search saw, for comparison."""
        return judge(load_plan(), self._measured(self.searched if searched else self.scored))

    def outside(self, one: PlanVerdict) -> dict[str, Interval]:
        """The tasks whose own 95 % CI over seeds lies outside a claim's region, whatever the mean
        over tasks says."""
        values = claim_values(one.claim, self._measured(self.scored))
        found = {task: t_interval(of[0].tolist()) for task, of in values.items()}
        low, high = one.claim.low, one.claim.high
        return {task: of for task, of in found.items() if of.high < low or of.low > high}

    def seeds_needed(self) -> dict[str, int | None]:
        """By the key of each claim that has an interval, how many seeds would decide it."""
        claims, measured = load_plan(), self._measured(self.scored)
        n_examples = {task: of.n for task, of in measured.items()}
        values = {claim: claim_values(claim, measured) for claim in claims}
        return {
            claim.key: seeds_needed(claim, of_tasks, n_examples, len(claims))
            for claim, of_tasks in values.items()
            if not _no_data(claim, of_tasks)
        }

    def _measured(self, source: Mapping[str, Retained]) -> dict[str, Retained]:
        """Those of the tasks that enter, of the seeds that verdicts rest on."""
        return {task: source[task].of_seeds(self.seeds) for task in self.entered}

    def outcomes(self) -> list[Outcome]:
        """How every retrained ticket ended, of all entries."""
        found = []
        for task, of_task in self.scored.items():
            graded = get_task(task).is_graded
            for i, seed in enumerate(of_task.seeds):
                records = self.entries[task][seed]
                for method, stage in TICKET_STAGE.items():
                    if stage not in records:
                        continue
                    tickets = records[stage]["results"]["tickets"]
                    labels = records["finetune"]["results"]["labels"]
                    failed = untrained(tickets, labels, graded=graded)
                    for kind in tickets:
                        share = float(of_task.tickets[Ticket(method, kind, "retrained")][0, i])
                        ended = "won" if wins(share) else "lost"
                        ended = "did not train" if kind in failed else ended
                        found.append(Outcome(task, seed, method, kind, share, ended))
        return found

    def optimism(self) -> dict[Ticket, Estimate]:
        """By how much more each ticket seems to retain on the examples that the search saw.

        Searched minus held-out, of the entered tasks that have both; empty below two seeds.
        """
        tasks = [task for task in self.entered if task in self.held_out]
        if len(self.seeds) < 2:
            return {}
        seen, unseen = (
            {task: source[task].of_seeds(self.seeds) for task in tasks}
            for source in (self.searched, self.scored)
        )
        n = {task: seen[task].n + unseen[task].n - 1 for task in tasks}
        found = {}
        for ticket in dict.fromkeys(ticket for task in tasks for ticket in unseen[task].tickets):
            gaps = {
                task: seen[task].tickets[ticket] - unseen[task].tickets[ticket]
                for task in tasks
                if ticket in unseen[task].tickets
            }
            if not any(np.isnan(gap[0]).any() for gap in gaps.values()):
                found[ticket] = estimate(gaps, n)
        return found


def analyse(study: Study, store: Store) -> Analysis:
    """The registered analysis of what is on record of `study`; nothing is computed.

    Raises `UserError` for a study that keeps no answers.
    """
    if not study.held_out:
        raise UserError(
            f"The registered plan needs answers example by example, which the study {study.name} "
            "does not keep: expected one with 'held_out: true'."
        )
    return analysed(study, on_record(study, store, ["rates", *MEASURED]))


def analysed(study: Study, entries: Mapping[str, TaskRecords]) -> Analysis:
    """The registered analysis of these entries of `study`."""
    searched = {task: retained(task, of, "validation") for task, of in entries.items()}
    scored = {
        task: retained(task, of, "held_out") if "held_out" in _labels(of) else searched[task]
        for task, of in entries.items()
    }
    # While tasks are under way, those with all seeds are judged, provisionally.
    begun = {task: of for task, of in entries.items() if not {*study.seeds} <= {*of}}
    counted = [
        of for task, of in entries.items() if task not in begun or len(begun) == len(entries)
    ]
    seeds = tuple(s for s in study.seeds if counted and all(s in of for of in counted))
    why = {
        task: of.of_seeds(seeds).why_left_out(task, study.search.threshold)
        if {*seeds} <= {*of.seeds}
        else f"only {seeds_text(of.seeds)} on record so far"
        for task, of in scored.items()
        if seeds
    }
    done = {(task, seed): {*of[seed]} for task, of in entries.items() for seed in of}
    every = [(task, seed) for task in study.tasks for seed in study.seeds]
    tickets = {*TICKET_STAGE.values()}  # without any of these, an entry is not whole
    missing = [
        one for one in every if not tickets & {*study.stages(one[0])} <= done.get(one, set())
    ]
    left_out = {task: text for task, text in why.items() if text}
    return Analysis(study, entries, missing, seeds, scored, searched, left_out)


def _labels(entries: TaskRecords) -> dict[str, str]:
    labels: dict[str, str] = entries.results()[0]["labels"]
    return labels
