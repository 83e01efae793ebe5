"""Which seeds a claim may count."""

from __future__ import annotations

import math

import numpy as np

from replication.claims.claim import LEARNED, WINS, reaches
from replication.runs.records import TaskRecords, tickets_of, warning


def learned_seeds(of_task: TaskRecords) -> list[int]:
    """The seeds whose full model beats the majority baseline by `LEARNED`."""
    gains = np.subtract(of_task.scores("full"), of_task.scores("majority"))
    return [seed for seed, gain in zip(of_task, gains, strict=True) if reaches(gain, LEARNED)]


def answerable(of_task: TaskRecords) -> list[int]:
    """The seeds on which section 6 can ask why bad tickets train well: the rule of 2026-11-26.

    The full model gains `LEARNED` or more, the search's threshold lies above the majority baseline,
    the bad ticket is mostly another subnetwork than the good one, and retains `WINS` of the gain.
    """
    found = []
    learned = learned_seeds(of_task)
    for (seed, stages), told in zip(of_task.items(), of_task.contrasted(), strict=True):
        full, bad = stages["finetune"]["results"], tickets_of(stages)["bad"]["retrained"]
        share = (bad - full["majority"]) / (full["score"] - full["majority"] or math.nan)
        if seed in learned and told and not warning(stages) and reaches(share, WINS):
            found.append(seed)
    return found
