"""Made-up entries of the study `mpnet-glue`, of which the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from replication.experiments.answers import answers_text
from replication.runs.records import STATES, TaskRecords
from replication.store import Store
from replication.study import Study

STUDY = replace(Study.load("mpnet-glue"), seeds=(1337, 42, 86))
SEEDS = STUDY.seeds

# Of which share of examples each model's answer is right.
RIGHT = {"full": 0.9, "good": 0.85, "random": 0.75, "bad": 0.65, "largest_removed": 0.55}


def task_entries(
    task: str,
    right: Mapping[str, float] = RIGHT,
    *,
    seeds: tuple[int, ...] = SEEDS,
    n: int = 400,
    held_out: int = 500,
    magnitude: bool = False,
    lucky: float = 0.0,
    change: Any = None,
) -> TaskRecords:
    """Entries of one task whose models answer right with the given chance, by kind.

    On the searched examples good tickets are right more often by `lucky`. `change(seed, name,
    answers)` may replace answers; names are `full` or `structured good, retrained`.
    """
    rng = np.random.default_rng([*task.encode()])
    labels = {"validation": rng.integers(2, size=n), "held_out": rng.integers(2, size=held_out)}
    labels = {split: values for split, values in labels.items() if len(values)}

    def answered(seed: int, kind: str, name: str) -> dict[str, str]:
        texts = {}
        for split, true in labels.items():
            chance = right[kind] + (lucky if kind == "good" and split == "validation" else 0)
            answers = np.where(rng.random(len(true)) < chance, true, 1 - true)
            answers = answers if change is None else change(seed, name, answers)
            texts[split] = answers_text(answers)
        return texts

    def tickets(seed: int, method: str, kinds: tuple[str, ...]) -> dict[str, Any]:
        return {
            "results": {
                "tickets": {
                    kind: {
                        **dict.fromkeys(STATES, 0.5),
                        "answers": {
                            state: {
                                "predictions": answered(seed, kind, f"{method} {kind}, {state}")
                            }
                            for state in STATES
                        },
                    }
                    for kind in kinds
                }
            }
        }

    kinds = ("good", "random", "bad")
    found: dict[int, dict[str, Any]] = {}
    for seed in seeds:
        tuned = {
            "labels": {split: answers_text(true) for split, true in labels.items()},
            "predictions": answered(seed, "full", "full"),
        }
        found[seed] = {
            "finetune": {"results": tuned},
            "tickets": tickets(seed, "structured", kinds),
        }
        if magnitude:
            found[seed]["magnitude"] = tickets(seed, "magnitude", (*kinds, "largest_removed"))
    return TaskRecords(found)


def write(store: Store, of_tasks: Mapping[str, TaskRecords]) -> None:
    """Put such entries on record, with a search between, all as if computed."""
    run = {"device": "cpu", "threads": 1, "training_precision": "fp32", "seconds": 0.0}
    found = {"weights_sha256": "0" * 64, "mask": {"heads": [[1]], "mlps": [1]}}
    extra: dict[str, dict[str, Any]] = {
        "finetune": {**found, "score": 0.9, "majority": 0.5, "layers": 1, "heads_per_layer": 1},
        "search": {**found, "steps": [{"head_scores": [[1.0]]}]},
        "tickets": {"made_from": found},
        "magnitude": found,
    }
    for task, of_seeds in of_tasks.items():
        for seed, stages in of_seeds.items():
            for stage in ("finetune", "search", *[s for s in stages if s != "finetune"]):
                results = {**stages.get(stage, {"results": {}})["results"], **extra[stage]}
                key = STUDY.key(task, seed, stage)
                store.write(key, STUDY.hash(stage), STUDY.identity(stage), results, run)
