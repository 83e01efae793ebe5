"""A claim: a number and the region in which its mean has to lie; the files of claims; a family.

What the claims of the paper (`rules`) and those of the registered plan (`plan`) have in common.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml

from lottery_utils.agreement.inference import holm

LEVEL = 0.05
LEARNED = 0.1  # what the full model has to gain over the majority baseline, to have learned
WINS = 0.5  # of the full model's gain: what a ticket keeps that wins, or trains well


def reaches(value: float, least: float) -> bool:
    """Whether a value is at least so much, rounding apart: 0.725 - 0.625 reaches 0.1."""
    return value >= least - 1e-9


def wins(share: float) -> bool:
    """Whether a ticket that keeps this share of the full model's gain wins."""
    return reaches(share, WINS)


@dataclass(frozen=True)
class Claim:
    """The mean of `measure` over tasks lies above `low` and below `high`, and so do the means of
    at least the share `at_least` of the tasks."""

    key: str
    section: str
    text: str
    measure: str
    low: float = -math.inf
    high: float = math.inf
    at_least: float = 0.0

    def holds_at(self, mean: float) -> bool:
        return self.low < mean < self.high

    def too_many_outside(self, means: Mapping[str, float]) -> list[str]:
        """The tasks whose own mean lies outside, if these are more than `at_least` allows."""
        outside = [task for task, mean in means.items() if not self.holds_at(mean)]
        return outside if 1 - len(outside) / len(means) < self.at_least else []


T = TypeVar("T", bound=Claim)


@cache
def load(kind: type[T], name: str) -> tuple[T, ...]:
    """The claims in a file beside this one, in its order."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return tuple(kind(**values) for values in yaml.safe_load(text))


def adjusted(claims: Sequence[Claim], p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm-adjusted p values by the claims' keys.

    The family is all claims, whether there are data for them or not, so that what is missing
    makes nothing easier: without a p value a claim counts as 1.
    """
    raw = [p_values.get(claim.key, 1.0) for claim in claims]
    return dict(zip((claim.key for claim in claims), holm(raw), strict=True))
