"""The paper's own scale, forecast from timed slices of it.

BERT-base, nine tasks in full, five seeds, both methods. Time per token at BERT-base's shape is
measured at two lengths for training and for scoring, read as a + b x length (attention grows with
the square of it), and multiplied by what the study would read. A third length, left out, checks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.growth_case import equal_lengths
from benchmarks.magnitude_case import random_bert
from benchmarks.shapes import within_vocabulary
from lottery_utils import training
from lottery_utils.batches import EvaluationBatches
from lottery_utils.importance import structured_importance
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import TASKS, get_task
from replication.runs import jobs
from replication.runs.jobs import (
    ENCODER_WEIGHTS,
    IMPORTANCE_PASSES,
    MEAN_TOKENS,
    OF_HEADS,
    OPERATIONS,
)

# What a task and a seed take, in passes. Fine-tunings: the full model; good, random and bad
# weights; good, random, bad and three tickets of survival at 60 % of the cost, heads and MLPs
# being gone. Importance passes: a search of BERT-base takes about 20 steps. Scoring passes: a
# search by magnitude takes about 10, and every ticket is scored twice, the full model thrice.
EPOCHS, SEEDS = 3, 5
TICKETS_OF_WEIGHTS, TICKETS_OF_HEADS = 3, 6
FINE_TUNINGS = 1 + TICKETS_OF_WEIGHTS + TICKETS_OF_HEADS * OF_HEADS
SCORING_PASSES = jobs.SCORING_PASSES + 2 * 9 + 3
FITTED, CHECKED = (16, 64), 32
KINDS = ("training", "importance", "scoring")


def rows(setting: Setting) -> Iterator[Row]:
    """One row: its sides are the kinds of pass at three lengths; its facts, the forecast."""
    model = random_bert(setting.small).to(setting.device)
    n_tokens = 512 if setting.small else 2048 if setting.device.type == "cpu" else 65536

    def side(kind: str, length: int) -> Prepared:
        encoded = equal_lengths(n_tokens // length, length)
        encoded = within_vocabulary(encoded, model.config.vocab_size)
        if kind == "training":
            recipe = Recipe(learning_rate=1e-6, batch_size=32, epochs=1)
            return lambda: training.finetune(model, encoded, recipe, seed=0, device=setting.device)
        batches = EvaluationBatches(encoded, 64, setting.device)
        if kind == "importance":
            return lambda: structured_importance(model, batches)
        return lambda: training.predict(model, batches)

    names = [(kind, length) for kind in KINDS for length in (*FITTED, CHECKED)]
    seconds = alternate(setting, {f"{k}, {n} tokens": partial(side, k, n) for k, n in names})
    per_token = {
        name: float(np.median(seconds[f"{name[0]}, {name[1]} tokens"])) / n_tokens for name in names
    }
    facts = forecast(per_token)
    facts["tokens_timed"] = n_tokens
    yield Row(
        "forecast of the paper's scale",
        f"passes over {n_tokens:,} tokens at BERT-base's shape",
        {f"{kind}, {n} tokens": f"{kind} on examples of {n} tokens" for kind, n in names},
        seconds,
        "",
        facts=facts,
    )


def forecast(per_token: dict[tuple[str, int], float]) -> dict[str, Any]:
    """Hours by kind of pass and by task, and how far the checked length was from its forecast."""
    hours: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    checks, operations = {}, 0.0
    for kind in KINDS:
        slope, start = np.polyfit(FITTED, [per_token[kind, n] for n in FITTED], 1)
        expected = start + slope * CHECKED
        checks[kind] = round(float(per_token[kind, CHECKED] / expected), 3)
        for task in TASKS:
            sizes = get_task(task).official_sizes
            assert sizes is not None
            split = 0 if kind == "training" else 1
            length = MEAN_TOKENS[task][split]
            passes = {
                "training": FINE_TUNINGS * EPOCHS,
                "importance": IMPORTANCE_PASSES,
                "scoring": SCORING_PASSES,
            }[kind]
            tokens = sizes[split] * length * passes * SEEDS
            operations += OPERATIONS[kind] * ENCODER_WEIGHTS * tokens
            hours[kind][task] = round(float((start + slope * length) * tokens / 3600), 3)
    return {
        "hours": hours,
        "total_hours": round(sum(sum(of_kind.values()) for of_kind in hours.values()), 2),
        "measured_over_forecast": checks,
        "operations": float(f"{operations:.4g}"),
        "passes": {
            "fine-tunings": FINE_TUNINGS,
            "tickets of single weights": TICKETS_OF_WEIGHTS,
            "tickets of heads and MLPs": TICKETS_OF_HEADS,
            "their share of the full cost": OF_HEADS,
            "epochs": EPOCHS,
            "importance": IMPORTANCE_PASSES,
            "scoring": SCORING_PASSES,
            "seeds": SEEDS,
        },
    }
