"""All that a study has on record of one task, in one place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

from lottery_utils.masks import StructuredMask
from replication.runs.recorded import Entries, has_method, stage_results, tickets_of
from replication.store import Record

T = TypeVar("T")


@dataclass(frozen=True)
class TaskRecords:
    """All that a study has on record of one task."""

    entries: Entries
    control: dict[int, Record] = field(default_factory=dict)
    attention: dict[int, Record] = field(default_factory=dict)
    overlap: Record | None = None

    @property
    def has_magnitude(self) -> bool:
        return has_method(self.entries, "magnitude")

    def scores(self, setting: str, method: str = "structured") -> list[float]:
        """Over the seeds, the score of a setting: `full`, `majority`, or `good, pruned`."""
        if setting in ("full", "majority"):
            key = "score" if setting == "full" else setting
            return [float(results[key]) for results in stage_results(self.entries)]
        kind, state = setting.split(", ")
        return [float(tickets_of(r, method)[kind][state]) for r in self.entries.values()]

    def contrasted(self) -> list[bool]:
        """Of which seeds the bad ticket is another subnetwork than the good one, mostly.

        A good ticket of more than two thirds of the heads leaves so few that most of the bad
        one's heads are the good one's; of all heads, good, random and bad are the full model.
        """
        masks = [
            StructuredMask.from_json(results["mask"])
            for results in stage_results(self.entries, "search")
        ]
        return [3 * mask.n_heads <= 2 * mask.heads.size for mask in masks]

    def weights_removed(self) -> list[bool]:
        """Of which seeds magnitude pruning removed anything: else all its tickets are one."""
        searches = stage_results(self.entries, "magnitude")
        return [any(step["passed"] for step in results["steps"]) for results in searches]

    def of_seeds(self, seeds: Collection[int]) -> TaskRecords:
        """The same of some seeds; without what was made over all seeds, unless all are meant."""

        def some(records: dict[int, T]) -> dict[int, T]:
            return {seed: record for seed, record in records.items() if seed in seeds}

        return TaskRecords(
            some(self.entries),
            control=some(self.control),
            attention=some(self.attention),
            overlap=self.overlap if set(self.entries) <= set(seeds) else None,
        )
