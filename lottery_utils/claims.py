"""The paper's claims, and by which rule each is judged.

Every claim becomes one number per task (`lottery_utils.evidence`) and a region in which the mean
over tasks has to lie. Regions were written down before the full study was run, and the history of
this file shows it; they follow what the paper says in words, and where it names no number, `why`
says what was chosen. Small studies had been seen by then, and so had the paper's own scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lottery_utils.inference import Pooled, bootstrap, holm, pooled

LEVEL = 0.05
MIN_TASKS = 3  # fewer say nothing about tasks in general
VERDICTS = ("holds", "holds in part", "does not hold", "cannot be tested")


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    It is judged by the mean of `measure` over `tasks`: `learned` ones, `all`, or the one named.
    The mean has to lie above `low` and below `high`, and the means of at least the share
    `at_least` of the tasks, too. `stated` is the paper's own figure or word.
    """

    key: str
    section: str
    text: str
    stated: str
    measure: str
    low: float = -math.inf
    high: float = math.inf
    at_least: float = 0.0
    tasks: str = "learned"
    why: str = ""


class Judged(NamedTuple):
    """A claim with what was found: `p` is adjusted for the whole family, `verdict` one of
    `VERDICTS`, `means` are those of the tasks. Without a finding, `verdict` says it all."""

    claim: Claim
    verdict: str
    found: Pooled | None
    p: float | None
    resampled: tuple[float, float] | None
    means: dict[str, float]


def judge(
    claims: Sequence[Claim], measured: dict[str, dict[str, list[float]]], learned: Sequence[str]
) -> list[Judged]:
    """Every claim with its verdict, in the order given.

    holds: Holm's adjusted p is below 0.05, and as many tasks as the claim asks for agree.
    holds in part: the mean lies where the claim wants it, without that much certainty.
    does not hold: the mean lies elsewhere. cannot be tested: fewer than three tasks, or, for a
    claim about one task, fewer than two seeds.
    """
    values = {c.key: _values(c, measured.get(c.measure, {}), learned) for c in claims}
    enough = {c.key: len(values[c.key]) >= MIN_TASKS or _is_single(c, values) for c in claims}
    found = {c.key: pooled(values[c.key], c.low, c.high) for c in claims if enough[c.key]}
    adjusted = dict(zip(found, holm([f.p for f in found.values()]), strict=True))
    judged = []
    for claim in claims:
        means = {task: sum(v) / len(v) for task, v in values[claim.key].items()}
        one = found.get(claim.key)
        if one is None:
            judged.append(Judged(claim, "cannot be tested", None, None, None, means))
            continue
        p = adjusted[claim.key]
        agreed = one.inside >= claim.at_least
        within = claim.low < one.mean < claim.high
        verdict = "holds" if p < LEVEL and agreed else "holds in part" if within else None
        resampled = bootstrap(values[claim.key])
        judged.append(Judged(claim, verdict or "does not hold", one, p, resampled, means))
    return judged


def _values(
    claim: Claim, of_tasks: dict[str, list[float]], learned: Sequence[str]
) -> dict[str, list[float]]:
    """The claim's measure, of the tasks that the claim is about."""
    if claim.tasks == "all":
        return of_tasks
    wanted = learned if claim.tasks == "learned" else (claim.tasks,)
    return {task: values for task, values in of_tasks.items() if task in wanted}


def _is_single(claim: Claim, values: dict[str, dict[str, list[float]]]) -> bool:
    """Whether the claim is about one task, of which there are seeds enough."""
    named = claim.tasks not in ("all", "learned")
    return named and any(len(v) > 1 for v in values[claim.key].values())
