"""The published numbers that no record has."""

from __future__ import annotations

import pytest

from lottery_utils.patterns.maps import WEIGHTINGS
from replication.paper.numbers import pattern_shares


def test_the_papers_shares_of_attention_types() -> None:
    shares = pattern_shares("CoLA", "fine-tuned", "super", "raw")
    assert shares is not None and shares["vertical+diagonal"] == 0.421882
    assert pattern_shares("WNLI", "fine-tuned", "all", "raw") is None
    for task in ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE"):
        for state in ("pre-trained", "fine-tuned"):
            for who in ("super", "all"):
                for weighting in WEIGHTINGS:
                    found = pattern_shares(task, state, who, weighting)
                    assert found is not None
                    assert sum(found.values()) == pytest.approx(1, abs=3e-6)
