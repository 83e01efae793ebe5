"""What studies took, by their records: hours of computing, and an estimate of the energy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from replication.paper.records import STAGE
from replication.store import Store

# Watts drawn by what was busy, memory, cooling and losses included: a server of 64 cores draws
# some 500 W under load, a graphics card for training and its share of the host about as much.
WATTS_PER_CORE, WATTS_PER_GPU = 8, 500


class Spent(NamedTuple):
    """Of studies: how many tasks and records, hours of one core and of a graphics card."""

    tasks: int
    records: int
    cores: float
    cards: float

    @property
    def kwh(self) -> float:
        """The energy in kWh, estimated from the hours."""
        return (self.cores * WATTS_PER_CORE + self.cards * WATTS_PER_GPU) / 1000


def spent(studies: Sequence[str], store: Store) -> Spent | None:
    """What the records in these studies' folders took together; None where there are none.

    Hours of one core are sums over records, by their threads. Jobs may share a graphics card: its
    hours are those in which at least one record of that device's name was made, each from `seconds`
    before it was `created` until then. Two cards of one name, at once, count as one.
    What the paper's authors released cost nothing but the reading of it, and is left out.
    """
    keys = [key for study in studies for key in store.keys(study) if key.stage != STAGE]
    runs = [record["provenance"] for record in map(store.read, keys) if record]
    if not runs:
        return None
    cores, busy = 0.0, dict[str, list[tuple[float, float]]]()
    for run in runs:
        if run["device"] == "cpu":
            cores += run["seconds"] * run["threads"]
        else:
            end = datetime.fromisoformat(run["created"]).timestamp()
            busy.setdefault(run["device"], []).append((end - run["seconds"], end))
    cards = sum(map(_covered, busy.values()))
    tasks = len({(key.study, key.task) for key in keys})
    return Spent(tasks, len(runs), cores / 3600, cards / 3600)


def _covered(intervals: Iterable[tuple[float, float]]) -> float:
    """How long at least one of these intervals lasts, in their unit."""
    length, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        length += max(0.0, end - max(start, until))
        until = max(until, end)
    return length
