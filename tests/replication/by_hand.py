"""Records made or changed by hand, with as much in them as pages read."""

from __future__ import annotations

import copy
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lottery_utils.agreement.survivors import KINDS
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import WEIGHTINGS
from replication.pages.sec5_2_attention_patterns import STATES
from replication.paper.figure import BARS, PANELS
from replication.runs.records import TaskRecords

SEEDS = (1337, 42)
MASKS = (np.array([[1, 1, 0, 0], [1, 0, 0, 0]]), np.array([[1, 0, 1, 0], [1, 0, 0, 0]]))
CONFIG = {"backbone": "bundled", "data": "local", "search": {"threshold": 0.9}}
LANDSCAPE = {
    "n_examples": 40,
    "radii": [-0.2, 0.0, 0.2],
    "loss": [[1.5, 0.5, 2.5], [0.5, 0.5, 0.5]],
}


def entries(task: str = "SST-2", majority: float = 0.5, **followups: dict[int, Any]) -> TaskRecords:
    """Two seeds of one task; of each follow-up its records by seed, such as `control=control()`."""
    found: dict[int, dict[str, Any]] = {}
    for seed, heads in zip(SEEDS, MASKS, strict=True):
        mask = StructuredMask(heads, np.ones(2)).to_json()
        tickets = {
            kind: {"pruned": score, "retrained": score + 0.1, "landscape": LANDSCAPE}
            for kind, score in (("good", 0.7), ("random", 0.6), ("bad", 0.6))
        }
        finetune = {
            "score": 0.9, "metric": "accuracy", "majority": majority, "layers": 2,
            "heads_per_layer": 4, "examples": {"train": 100, "validation": 50},
        }  # fmt: skip
        found[seed] = {
            "finetune": {"task": task, "study": "mine", "config": CONFIG, "results": finetune},
            "search": {"config": CONFIG, "results": {"mask": mask}},
            "tickets": {"results": {"tickets": tickets}, "provenance": {"device": "cpu"}},
            **{what: of[seed] for what, of in followups.items() if seed in of},
        }
    return TaskRecords(found)


def control() -> dict[int, Any]:
    of = {"reinitialized": {"score": 0.6}, "embeddings_kept": {"score": 0.65}}
    tickets = dict.fromkeys(("good", "random", "bad"), of)
    return {
        seed: {"results": {"tickets": tickets}, "provenance": {"device": "cpu"}} for seed in SEEDS
    }


def embeddings(averaged: float) -> dict[int, Any]:
    """What a model without layers scores, alike with both seeds."""
    of = {"emptied": {"score": 0.5}, "averaged": {"score": averaged}}
    return {seed: {"results": of} for seed in SEEDS}


def attention(heterogeneous: list[int], n: int = 100) -> dict[int, Any]:
    """Eight heads, of each so many of `n` maps heterogeneous and the others vertical."""
    of_heads = [[n - h, 0, 0, 0, h] for h in heterogeneous]
    counts = {state: {w: [of_heads[:4], of_heads[4:]] for w in WEIGHTINGS} for state in STATES}
    return {s: {"results": {"counts": counts, "examples": n}} for s in SEEDS}


def survivors() -> dict[int, Any]:
    mask = StructuredMask(MASKS[0] * MASKS[1], np.ones(2)).to_json()
    came = {
        "super": {"all": 2, "some": 0, "none": 0},
        "in_between": {"all": 0, "some": 2, "none": 0},
        "anti": {"all": 0, "some": 1, "none": 1},
    }
    found = {}
    for shift, seed in enumerate(SEEDS):
        tickets = {
            kind: {
                "mask": mask, "heads_from": came[kind],
                "mlps_from": {"all": 2, "some": 0, "none": 0},
                "pruned": 0.5 + 0.1 * shift, "retrained": 0.7 + 0.1 * shift,
            }
            for kind in KINDS
        }  # fmt: skip
        found[seed] = {"results": {"tickets": tickets}}
    return found


def dots(axis: Axes) -> list[Any]:
    """What is drawn as a dot; entries of the legend have no place."""
    return [line for line in axis.lines if line.get_marker() == "o" and len(line.get_xdata())]


def without_magnitude(entries: TaskRecords, *seeds: int) -> TaskRecords:
    """The same records but those of magnitude pruning (of these seeds, by default of all)."""
    left = {
        seed: {
            stage: record
            for stage, record in records.items()
            if stage != "magnitude" or (seeds and seed not in seeds)
        }
        for seed, records in entries.items()
    }
    return TaskRecords(left)


def with_warnings(every: dict[str, TaskRecords], warned: set[int]) -> dict[str, TaskRecords]:
    """The same records with a warning for some seeds only, and every score defined."""
    changed = copy.deepcopy(every)
    for entries in changed.values():
        for seed, stages in entries.items():
            full = stages["finetune"]["results"]
            full["score"] = full["majority"] + (0 if seed in warned else 0.3)
            full["undefined"] = {}
            for stage in {"tickets", "magnitude"} & stages.keys():
                for ticket in stages[stage]["results"]["tickets"].values():
                    ticket["undefined"] = {}
    return changed


def figure(path: Path, n_panels: int = len(PANELS)) -> Path:
    """A PDF's parts that count: panel i has bars of the heights i + 0.5, i + 1.5 and so on."""
    bars = "".join(
        f"1 g /Pattern cs /H{bar + 1} scn\n\n{30 * bar}.25 {40 * panel} m\n{30 * bar + 20}.75 "
        f"{40 * panel} l\n{30 * bar + 20}.75 {40 * panel + panel + bar + 0.5} l\n{30 * bar}.25 "
        f"{40 * panel + panel + bar + 0.5} l\nh\n\nB\n"
        for panel in range(n_panels)
        for bar in range(len(BARS))
    )
    content = zlib.compress(bars.encode())
    path.write_bytes(b"%PDF-1.4\n9 0 obj\nstream\n" + content + b"\nendstream\nendobj\n")
    return path
