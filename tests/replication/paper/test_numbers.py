"""The published numbers that the package holds."""

from __future__ import annotations

import math

import pytest

from lottery_utils.patterns.maps import WEIGHTINGS
from replication.paper import numbers


def test_the_papers_survivors_and_shares() -> None:
    # From the released results.csv (population deviations) and attention_patterns.json.
    assert numbers.survivors("SST-2")["super, pruned"].mean == 0.5408
    assert numbers.survivors("SST-2")["super, pruned"].std == pytest.approx(
        0.0243 * math.sqrt(1.25)
    )
    assert numbers.survivors("MINE") == {}
    shares = numbers.pattern_shares("CoLA", "fine-tuned", "super", "raw")
    assert shares is not None
    assert shares["vertical+diagonal"] == 0.4219
    assert numbers.pattern_shares("WNLI", "fine-tuned", "all", "raw") is None
    for task in ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"):
        for state in ("pre-trained", "fine-tuned"):
            for who in ("super", "all"):
                for weighting in WEIGHTINGS:
                    found = numbers.pattern_shares(task, state, who, weighting)
                    assert found is not None
                    assert sum(found.values()) == pytest.approx(1, abs=3e-4)
