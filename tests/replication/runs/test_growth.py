"""What a study's status costs grows with its records, not with the square of its seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import record, rewrite

from replication.book import provenance
from replication.claims.trial import put_on_trial
from replication.cli import main
from replication.followups import FollowUps
from replication.stages import STAGES
from replication.store import Store
from replication.study import Study

SEEDS = tuple(range(1, 13))


@pytest.fixture
def many(finished: Path) -> Study:
    """Twelve seeds of one task, as if computed, with what compares all of them."""
    tiny = Study.load("tiny")
    study = replace(
        tiny, name="many", tasks=("CoLA",), seeds=SEEDS, followups=FollowUps(survivors=None)
    )
    study.keep(Store().root)
    made = {stage: record(stage, "CoLA", 42) for stage in STAGES}
    masks = {str(seed): made["search"]["results"]["mask"] for seed in SEEDS}
    weights = {"weights_sha256": made["finetune"]["results"]["weights_sha256"], "masks": masks}
    from_ = {name: {"all": 0, "some": 0, "none": 0} for name in ("heads_from", "mlps_from")}
    ticket = made["tickets"]["results"]["tickets"]["random"] | from_
    tickets = dict.fromkeys(("super", "in_between", "anti"), ticket)
    results = {"tickets": tickets, "seeds": [*SEEDS], "made_from": weights}
    of_all = {"stage": "survivors", "results": results, "hash": study.hash("survivors")}
    made["survivors"] = made["tickets"] | of_all | {"config": study.identity("survivors")}
    for seed in SEEDS:
        for stage, one in made.items():
            copy: dict[str, Any] = {**one, "study": "many", "seed": seed}
            Store().path(study.key("CoLA", seed, stage)).parent.mkdir(parents=True, exist_ok=True)
            rewrite(copy)
    return study


def claims_page() -> int:
    """What the page on the claims reads, and what is missing of its study."""
    store = Store()
    provenance.standing("many", store=store)
    put_on_trial("many", store)
    return 0


@pytest.mark.parametrize("command", ["status", "export", "claims", "run"])
def test_every_record_is_read_once_and_every_stage_hashed_once(
    many: Study, command: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    asked: Counter[Path] = Counter()
    read: Counter[Path] = Counter()
    hashed: Counter[tuple[str, str | None]] = Counter()
    read_bytes, store_read, study_hash = Path.read_bytes, Store.read, Study.hash

    def counted_bytes(path: Path) -> bytes:
        read[path] += 1
        return read_bytes(path)

    def counted_read(store: Store, key: Any) -> Any:
        asked[store.path(key)] += 1
        return store_read(store, key)

    def counted_hash(study: Study, stage: str, task: str | None = None) -> str:
        hashed[stage, task] += 1
        return study_hash(study, stage, task)

    monkeypatch.setattr(Path, "read_bytes", counted_bytes)
    monkeypatch.setattr(Store, "read", counted_read)
    monkeypatch.setattr(Study, "hash", counted_hash)
    assert (claims_page() if command == "claims" else main([command, "many"])) == 0
    n_records = len(SEEDS) * (len(STAGES) + 1)
    if command == "status":
        assert f"{n_records} of {n_records} records are done" in capsys.readouterr().out
        assert max(asked.values()) <= 2 and len(asked) == n_records
    of_records = {path: n for path, n in read.items() if path.match("many/CoLA/*/*.json")}
    assert len(of_records) == n_records and set(of_records.values()) == {1}
    assert max(hashed.values()) <= (3 if command in ("claims", "run") else 1)
