"""Until pages and claims take these from `replication.runs.records` and `run`."""

from __future__ import annotations

from replication.runs.records import followup as load
from replication.runs.records import read
from replication.runs.run import status as status
from replication.store import Record, Store
from replication.study import Study

__all__ = ["load", "on_record", "status"]


def on_record(study: Study, what: str, store: Store) -> dict[tuple[str, int], Record]:
    """A follow-up's records that are up to date, by task and seed; nothing is computed."""
    entries = [(task, seed) for task in study.tasks for seed in study.seeds]
    found = {entry: read(study, *entry, what, store) for entry in entries}
    return {entry: record for entry, record in found.items() if record}
