"""How the cost of training and of an importance pass grows, one quantity at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.alternate import Prepared, Row, Setting, alternate
from lottery_utils import training
from lottery_utils.batches import Encoded, EvaluationBatches
from lottery_utils.importance import structured_importance
from lottery_utils.recipe import Recipe

HEAD_SIZE, BATCH = 32, 32
START = {"examples": 64, "tokens": 32, "layers": 4, "heads": 4}
SMALL = {"examples": 8, "tokens": 8, "layers": 1, "heads": 2}  # to test the case
VALUES = {
    "examples": (32, 64, 128, 256, 512),
    "tokens": (16, 32, 64, 128, 256, 512),
    "layers": (2, 4, 8, 16),
    "heads": (2, 4, 8, 16, 24),
}
UNITS = {
    "examples": "examples",
    "tokens": "tokens per example",
    "layers": "layers",
    "heads": f"heads per layer, of {HEAD_SIZE} channels each, the MLP growing along",
}


def rows(setting: Setting) -> Iterator[Row]:
    """A row for each quantity and kind of pass; its sides are the values of the quantity."""
    for quantity, values in VALUES.items():
        chosen = values[:2] if setting.small else values
        for kind in ("training", "importance"):
            yield _row(setting, quantity, kind, chosen)


def _row(setting: Setting, quantity: str, kind: str, values: tuple[int, ...]) -> Row:
    start = SMALL if setting.small else START

    def side(value: int) -> Prepared:
        sizes = start | {quantity: value}
        model = random_bert(sizes["layers"], sizes["heads"])
        model.to(setting.device)
        encoded = equal_lengths(sizes["examples"], sizes["tokens"])
        if kind == "training":
            recipe = Recipe(learning_rate=1e-5, batch_size=BATCH, epochs=1)
            return lambda: training.finetune(model, encoded, recipe, seed=0, device=setting.device)
        batches = EvaluationBatches(encoded, BATCH, setting.device)
        return lambda: structured_importance(model, batches)

    seconds = alternate(setting, {str(value): partial(side, value) for value in values})
    medians = [float(np.median(seconds[str(value)])) for value in values]
    return Row(
        f"growth, {kind}, {quantity}",
        f"{kind} pass against {UNITS[quantity]}; otherwise "
        + ", ".join(f"{n} {name}" for name, n in start.items() if name != quantity),
        {str(value): f"{value} {quantity}" for value in values},
        seconds,
        "",
        facts={
            "quantity": quantity,
            "kind": kind,
            "exponent": round(exponent(values, medians), 3),
            "exponent_at_the_end": round(exponent(values[-2:], medians[-2:]), 3),
        },
    )


def exponent(values: tuple[int, ...], seconds: list[float]) -> float:
    """The slope of log seconds against log value, by least squares."""
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def random_bert(n_layers: int, n_heads: int) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    hidden = n_heads * HEAD_SIZE
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=1000,
            hidden_size=hidden,
            num_hidden_layers=n_layers,
            num_attention_heads=n_heads,
            intermediate_size=4 * hidden,
            attn_implementation="sdpa",
        )
    )


def equal_lengths(n: int, length: int) -> Encoded:
    """`n` examples of `length` random tokens each."""
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 1000, size=(n, length)).tolist()
    return Encoded(ids, [[0] * length] * n, rng.integers(2, size=n).tolist(), 0)
