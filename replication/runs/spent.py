"""What studies took, by their records: hours of computing, and an estimate of the energy."""

from __future__ import annotations

from typing import NamedTuple

from replication.paper.records import STAGE
from replication.store import Store

# Watts drawn by what was busy, memory, cooling and losses included: a server of 64 cores draws
# some 500 W under load, a graphics card for training and its share of the host about as much.
WATTS_PER_CORE, WATTS_PER_GPU = 8, 500


class Spent(NamedTuple):
    """Of one study: how many tasks and records, hours of one core and of a graphics card."""

    tasks: int
    records: int
    cores: float
    cards: float

    @property
    def kwh(self) -> float:
        """The energy in kWh, estimated from the hours."""
        return (self.cores * WATTS_PER_CORE + self.cards * WATTS_PER_GPU) / 1000


def spent(study: str, store: Store) -> Spent | None:
    """What the records in a study's folder took; None where it has none.

    What the paper's authors released cost nothing but the reading of it, and is left out.
    """
    keys = [key for key in store.keys(study) if key.stage != STAGE]
    runs = [record["provenance"] for record in map(store.read, keys) if record]
    if not runs:
        return None
    seconds = {True: 0.0, False: 0.0}  # on a card, or on one core
    for run in runs:
        on_card = run["device"] != "cpu"
        seconds[on_card] += run["seconds"] * (1 if on_card else run["threads"])
    tasks = len({key.task for key in keys})
    return Spent(tasks, len(runs), seconds[False] / 3600, seconds[True] / 3600)
