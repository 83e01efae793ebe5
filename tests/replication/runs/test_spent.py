"""What a study took is what its records say: cores by their threads, cards apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from running import put

from replication.runs.spent import WATTS_PER_CORE, WATTS_PER_GPU, spent
from replication.store import Store
from replication.study import Study


def test_hours_are_of_cores_or_of_cards(workplace: Path) -> None:
    study, store = Study.load("tiny"), Store()
    runs = {42: ("cpu", 2, 3600.0), 7: ("cpu", 1, 1800.0), 8: ("a card", 4, 900.0)}
    for seed, (device, threads, seconds) in runs.items():
        how = {"device": device, "threads": threads, "seconds": seconds}
        put(study, "CoLA", seed, "finetune", {}, **how)
    found = spent(["tiny"], store)
    assert found is not None
    assert (found.tasks, found.records, found.cores, found.cards) == (1, 3, 2.5, 0.25)
    assert found.kwh == pytest.approx((2.5 * WATTS_PER_CORE + 0.25 * WATTS_PER_GPU) / 1000)


def test_jobs_that_share_a_card_count_its_time_once(workplace: Path) -> None:
    study, store = Study.load("tiny"), Store()
    runs = {
        42: ("a card", "10:30", 1800.0),  # 10:00 to 10:30
        7: ("a card", "10:45", 1800.0),  # 10:15 to 10:45: half of it beside the first
        8: ("a card", "12:00", 900.0),
        9: ("another", "10:30", 1800.0),
    }
    for name in ("tiny", "tiny-too"):
        for seed, (device, clock, seconds) in runs.items():
            how = {"device": device, "seconds": seconds, "created": f"2026-11-27T{clock}:00+00:00"}
            put(replace(study, name=name), "CoLA", seed, "finetune", {}, **how)
    for studies in (["tiny"], ["tiny", "tiny-too"]):  # which ran at the same time
        found = spent(studies, store)
        assert found is not None and found.cards == pytest.approx(1.5)
