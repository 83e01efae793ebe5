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
from replication.claims.claim import LEVEL, Claim, adjusted, load

MIN_TASKS = 3  # fewer say nothing about tasks in general
VERDICTS = ("holds", "holds in part", "does not hold", "cannot be tested")
TOO_FEW, TOO_UNSURE = "too few tasks", "undecided"
BY_MEAN, NOT_EVERYWHERE = "by its mean, not for certain", "certain, not on enough tasks"


@dataclass(frozen=True)
class PaperClaim(Claim):
    """One claim of the paper or of its authors' blog post.

    It is judged over `tasks`: `learned` ones, `all`, or the one named. `stated` is the paper's own
    figure or word.
    """

    stated: str = ""
    tasks: str = "learned"
    why: str = ""


# The claims that say how much a retrained ticket keeps of what fine-tuning gained.
KEPT = {"good": "s-good-close", "random": "s-random-trains-well", "bad": "no-losing-tickets"}


def paper_claims() -> tuple[PaperClaim, ...]:
    """All of them, in the order of the sections."""
    return load(PaperClaim, "claims.yaml")


class Judged(NamedTuple):
    """A claim with what was found: `p` is adjusted for the whole family, `verdict` one of
    `VERDICTS`, `means` are those of the tasks. `why` says why a claim holds in part only, or
    cannot be tested."""

    claim: PaperClaim
    verdict: str
    why: str
    found: Pooled | None
    p: float | None
    resampled: tuple[float, float] | None
    means: dict[str, float]


def kept(judged: Sequence[Judged]) -> dict[str, Judged]:
    """By kind of ticket, the claim about what it keeps; only where it could be measured."""
    by_key = {one.claim.key: one for one in judged}
    return {kind: by_key[key] for kind, key in KEPT.items() if by_key[key].found}


def judge(
    claims: Sequence[PaperClaim],
    measured: dict[str, dict[str, list[float]]],
    learned: Sequence[str],
) -> list[Judged]:
    """Every claim with its verdict, in the order given.

    holds: Holm's adjusted p is below 0.05, and as many tasks as the claim asks for agree.
    holds in part: that certainty, but not on enough tasks; or the mean and at least half of the
    tasks lie where the claim wants them, without it.
    does not hold: the whole 95 % interval lies elsewhere.
    cannot be tested: too few tasks (three; of a claim about one task, two seeds), or an interval
    so wide that none of these is so.
    """
    values = {c.key: _values(c, measured.get(c.measure, {}), learned) for c in claims}
    enough = {c.key: len(values[c.key]) >= MIN_TASKS or _is_single(c, values) for c in claims}
    found = {c.key: pooled(values[c.key], c.low, c.high) for c in claims if enough[c.key]}
    p_values = adjusted(claims, {key: one.p for key, one in found.items()})
    judged = []
    for claim in claims:
        p = p_values[claim.key]
        means = {task: sum(v) / len(v) for task, v in values[claim.key].items()}
        one = found.get(claim.key)
        if one is None:
            judged.append(Judged(claim, VERDICTS[3], TOO_FEW, None, None, None, means))
            continue
        verdict, why = _verdict(claim, one, p)
        judged.append(Judged(claim, verdict, why, one, p, bootstrap(values[claim.key]), means))
    return judged


def _verdict(claim: PaperClaim, found: Pooled, p: float) -> tuple[str, str]:
    """The verdict, and why it is none of the plain ones."""
    if p < LEVEL:
        every = found.inside >= claim.at_least
        return (VERDICTS[0], "") if every else (VERDICTS[1], NOT_EVERYWHERE)
    if claim.holds_at(found.mean) and found.inside >= 0.5:
        return VERDICTS[1], BY_MEAN
    if found.high <= claim.low or found.low >= claim.high:
        return VERDICTS[2], ""
    return VERDICTS[3], TOO_UNSURE


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
    named = claim.tasks not in ("all", "learned")
    return named and any(len(v) > 1 for v in values[claim.key].values())
