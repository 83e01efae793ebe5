"""The paper's claims, and by which rule each is judged.

Every claim becomes one number per task (`replication.claims.evidence`) and a region in which the
mean over tasks has to lie. Regions were written down before the full study was run, and the history
of this file and of `claims.yaml`, which holds them, shows it. They follow what the paper says in
words, and where it names no number, `why` says what was chosen. Small studies had been seen by
then, and so had the paper's own scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lottery_utils.agreement.inference import Pooled, bootstrap, pooled
from replication.claims.claim import Claim, adjusted, load
from replication.claims.verdicts import INCONCLUSIVE, NO_DATA, verdict
from replication.claims.verdicts import counted as counted_words

MIN_TASKS = 3  # fewer say nothing about tasks in general
TOO_FEW, ONE_SEED = "too few tasks", "only one seed"
NOT_MEASURED, NOT_LEARNED = "not measured", "on no task that was learned"
COULD_NOT_FAIL = "no task on which it could fail"


@dataclass(frozen=True)
class PaperClaim(Claim):
    """One claim of the paper or of its authors' blog post.

    It is judged over `tasks`: `learned` ones, `all`, or the one named. `stated` is the paper's own
    figure or word. `added` is the day on which a claim was added after the numbers had been seen,
    empty for those registered before; `beside` names the registered claim that it repeats in
    another unit. `unit` is what the measure is in.
    """

    stated: str = ""
    tasks: str = "learned"
    why: str = ""
    added: str = ""
    beside: str = ""
    unit: str = ""


# The claims that say how much a retrained ticket keeps of what fine-tuning gained.
KEPT = {"good": "s-good-close", "random": "s-random-trains-well", "bad": "no-losing-tickets"}


def paper_claims() -> tuple[PaperClaim, ...]:
    """All of them, in the order of the sections."""
    return load(PaperClaim, "claims.yaml")


class Judged(NamedTuple):
    """A claim with what was found: a `verdict` of `verdicts.VERDICTS`, and `why` where the word
    alone is not enough.

    `p` and `p_contrary`, of lying inside the claim's region and outside, are adjusted for the
    whole family; `values` are those of the tasks, seed by seed.
    """

    claim: PaperClaim
    verdict: str
    why: str
    found: Pooled | None
    p: float | None
    p_contrary: float | None
    resampled: tuple[float, float] | None
    values: dict[str, list[float]]

    @property
    def means(self) -> dict[str, float]:
        """The tasks' own means over seeds."""
        return {task: sum(of_task) / len(of_task) for task, of_task in self.values.items()}


def kept(judged: Sequence[Judged]) -> dict[str, Judged]:
    """By kind of ticket, the claim about what it keeps; only where it could be measured."""
    by_key = {one.claim.key: one for one in judged}
    return {kind: by_key[key] for kind, key in KEPT.items() if by_key[key].found}


def judge(
    claims: Sequence[PaperClaim],
    measured: dict[str, dict[str, list[float]]],
    learned: Sequence[str],
) -> list[Judged]:
    """Every claim with its verdict, in the order given, by the rule of `verdicts`.

    Claims that were `added` on one day are a family of their own: what was registered earlier
    becomes neither harder nor easier. With too few tasks (three; of a claim about one task, two
    seeds) there is no interval, and a claim is inconclusive.
    """
    values = {c.key: _values(c, measured.get(c.measure, {}), learned) for c in claims}
    enough = {c.key: len(values[c.key]) >= MIN_TASKS or _is_single(c, values) for c in claims}
    found = {c.key: pooled(values[c.key], c.low, c.high) for c in claims if enough[c.key]}
    p: dict[str, float] = {}
    contrary: dict[str, float] = {}
    for day in {claim.added for claim in claims}:
        family = [claim for claim in claims if claim.added == day]
        p |= adjusted(family, {key: one.p for key, one in found.items()})
        contrary |= adjusted(family, {key: one.p_outside for key, one in found.items()})
    judged = []
    for claim in claims:
        key, of_tasks, one = claim.key, values[claim.key], found.get(claim.key)
        if one is None:
            said = _without_interval(claim, of_tasks, measured)
            judged.append(Judged(claim, *said, None, None, None, None, of_tasks))
            continue
        blank = Judged(claim, "", "", one, p[key], contrary[key], bootstrap(of_tasks), of_tasks)
        word, why = verdict(one.p, p[key], contrary[key], claim.too_many_outside(blank.means))
        judged.append(blank._replace(verdict=word, why=why))
    return judged


def _without_interval(
    claim: PaperClaim,
    of_tasks: dict[str, list[float]],
    measured: dict[str, dict[str, list[float]]],
) -> tuple[str, str]:
    """The word and its reason. A single seed of the one task that a claim is about is no data."""
    if not of_tasks:
        return NO_DATA, _no_data(claim, measured)
    return (INCONCLUSIVE, TOO_FEW) if _of_many(claim) else (NO_DATA, ONE_SEED)


def _no_data(claim: PaperClaim, measured: dict[str, dict[str, list[float]]]) -> str:
    if claim.measure not in measured:
        return NOT_MEASURED
    return NOT_LEARNED if measured[claim.measure] else COULD_NOT_FAIL


def _values(
    claim: PaperClaim, of_tasks: dict[str, list[float]], learned: Sequence[str]
) -> dict[str, list[float]]:
    """The claim's measure, of the tasks that the claim is about."""
    if claim.tasks == "all":
        return of_tasks
    wanted = learned if claim.tasks == "learned" else (claim.tasks,)
    return {task: values for task, values in of_tasks.items() if task in wanted}


def _is_single(claim: PaperClaim, values: dict[str, dict[str, list[float]]]) -> bool:
    """Whether the claim is about one task, of which there are seeds enough."""
    return not _of_many(claim) and any(len(v) > 1 for v in values[claim.key].values())


def _of_many(claim: PaperClaim) -> bool:
    """Whether the claim is about more tasks than one."""
    return claim.tasks in ("all", "learned")


def registered(judged: Sequence[Judged]) -> list[Judged]:
    """Those that were registered before the numbers."""
    return [one for one in judged if not one.claim.added]


def counted(judged: Sequence[Judged]) -> str:
    """How many of the registered claims got which verdict: `1 supported; 2 inconclusive`."""
    return counted_words(one.verdict for one in registered(judged))
