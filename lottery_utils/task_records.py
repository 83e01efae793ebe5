"""All that a study has on record of one task, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from lottery_utils.masks import StructuredMask
from lottery_utils.recorded import Entries, has_method, stage_results, tickets_of
from lottery_utils.store import Record


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
