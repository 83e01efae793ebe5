"""What each claim is judged by, measured in a study's records: a value per task and seed.

A measure is one number with a plain meaning, such as "random minus bad, retrained". Measures of
scores are the same for a study and for the paper's released means (`lottery_utils.published`), so
they ask for scores by name and do not care where these come from.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lottery_utils.recorded import TICKETS, Entries, has_method, stage_results, tickets_of
from lottery_utils.store import Record

Measured = dict[str, dict[str, list[float]]]  # of each measure, of each task: a value per seed
# Scores of a task by setting: "full", "majority", or such as "good, retrained" of a method.
Scores = Callable[[str, str], list[float]]


@dataclass(frozen=True)
class TaskRecords:
    """All that a study has on record of one task."""

    entries: Entries
    control: dict[int, Record] = field(default_factory=dict)
    attention: dict[int, Record] = field(default_factory=dict)
    overlap: Record | None = None

    @cached_property
    def has_magnitude(self) -> bool:
        return has_method(self.entries, "magnitude")

    def scores(self, setting: str, method: str = "structured") -> list[float]:
        """Over the seeds, the score of a setting: `full`, `majority`, or `good, pruned`."""
        if setting in ("full", "majority"):
            key = "score" if setting == "full" else setting
            return [float(results[key]) for results in stage_results(self.entries)]
        kind, state = setting.split(", ")
        return [float(tickets_of(r, method)[kind][state]) for r in self.entries.values()]


def of_scores(scores: Scores, methods: Mapping[str, str]) -> Iterator[tuple[str, list[float]]]:
    """The measures that stand on scores alone, of one task, each with its values over seeds.

    `methods` maps the method, `structured` or `magnitude`, to its kind of bad ticket. What a
    ticket "keeps" is its gain over the majority baseline, as a share of the full model's mean
    gain: 1 is all that fine-tuning learned, 0 is nothing.
    """
    full = np.array(scores("full", "structured"))
    majority = np.array(scores("majority", "structured"))
    gain = float(np.mean(full - majority))
    yield "full minus majority", (full - majority).tolist()
    kept: dict[tuple[str, str], Any] = {}
    for method, bad in methods.items():
        for kind, name in {"good": "good", "random": "random", "bad": bad}.items():
            retrained = np.array(scores(f"{name}, retrained", method))
            kept[method, kind] = (retrained - majority) / gain if gain > 0 else np.array([math.nan])
            yield f"{method}: kept by {kind}, retrained", kept[method, kind].tolist()
            yield f"{method}: {kind} minus full, retrained", (retrained - full).tolist()
            if full.mean() > 0:
                share = retrained / full.mean()
                yield f"{method}: {kind} over full, retrained", share.tolist()
        for state in ("pruned", "retrained"):
            random, worse = (np.array(scores(f"{k}, {state}", method)) for k in ("random", bad))
            yield f"{method}: random minus bad, {state}", (random - worse).tolist()
    if len(methods) == 2:
        for kind in TICKETS:
            difference = kept["structured", kind] - kept["magnitude", kind]
            yield f"structured minus magnitude: kept by {kind}", difference.tolist()
        difference = kept["magnitude", "good"] - kept["magnitude", "random"]
        yield "magnitude: good minus random, kept", difference.tolist()


def measure(every: Mapping[str, TaskRecords]) -> Measured:
    """All measures that a study's records allow, of all tasks that have them."""
    from lottery_utils.evidence_masks import of_attention, of_masks, shared_beyond_layers

    found: Measured = {}
    for task, of_task in every.items():
        methods = {"structured": "bad"}
        if of_task.has_magnitude:
            methods["magnitude"] = "largest_removed"
        sources = (
            of_scores(of_task.scores, methods),
            of_masks(task, of_task),
            of_attention(of_task),
            of_control(of_task),
        )
        for name, values in itertools.chain(*sources):
            finite = [v for v in values if not math.isnan(v)]
            if finite:
                found.setdefault(name, {})[task] = finite
    for task, values in shared_beyond_layers({t: r.entries for t, r in every.items()}).items():
        found.setdefault("heads shared beyond layers", {})[task] = values
    return found


def of_control(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """How much of what the retrained bad ticket gains it gains without pre-training."""
    guess = float(np.mean(of_task.scores("majority")))
    values = []
    for seed, record in of_task.control.items():
        gained = tickets_of(of_task.entries[seed])["bad"]["retrained"] - guess
        fresh = record["results"]["tickets"]["bad"]["reinitialized"]["score"] - guess
        if gained > 0:
            values.append(float(fresh / gained))
    yield "kept by bad without pre-training", values


def learned(measured: Measured, least: float = 0.05) -> list[str]:
    """The tasks on which the full model beats the majority baseline by `least`, on average.

    Where nothing was learned, no ticket can lose anything: such tasks are left out of all
    claims about what tickets keep.
    """
    gains = measured.get("full minus majority", {})
    return [task for task, values in gains.items() if float(np.mean(values)) >= least]
