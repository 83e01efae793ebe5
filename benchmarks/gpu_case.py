"""BERT-base's shape on a GPU: examples per second, and how much of the card is used."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from benchmarks.alternate import Prepared, Row, Setting, alternate, timed
from benchmarks.growth_case import equal_lengths
from benchmarks.magnitude_case import random_bert
from benchmarks.shapes import within_vocabulary
from benchmarks.training_case import trainer
from lottery_utils import training
from lottery_utils.batches import EvaluationBatches
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.recipe import Recipe

N_TOKENS = 128
BATCHES = (32, 64, 128, 256, 512)
GOALS = {"training": 0.45, "scoring": 0.55}


def rows(setting: Setting) -> Iterator[Row]:
    """Training in bf16 against Trainer, and utilization over batch sizes. None without a GPU."""
    if setting.device.type != "cuda" and not setting.small:
        setting.say("  no GPU here: these rows stay unmeasured")
        return
    model = random_bert(setting.small)
    yield _against_trainer(setting, model)
    for kind in ("training", "scoring"):
        yield _utilization(setting, model, kind)


def _against_trainer(setting: Setting, model: Any) -> Row:
    n, length = (64, 16) if setting.small else (4096, N_TOKENS)
    encoded = within_vocabulary(equal_lengths(n, length), model.config.vocab_size)
    recipe = Recipe(learning_rate=2e-5, batch_size=32, epochs=1)

    def ours() -> Prepared:
        fresh = copy.deepcopy(model)
        return lambda: training.finetune(fresh, encoded, recipe, seed=1, device=setting.device)

    def theirs() -> Prepared:
        bf16 = training.uses_bf16(setting.device, recipe)
        made = trainer(copy.deepcopy(model), _Pads(), encoded, setting.device, bf16=bf16)
        return made.train  # type: ignore[no-any-return]

    return Row(
        "fine-tuning on a GPU",
        f"one epoch over {n:,} examples of {length} tokens at BERT-base's shape, batches of 32",
        {"ours": "bf16, batches by length", "theirs": "transformers.Trainer with bf16"},
        alternate(setting, {"ours": ours, "theirs": theirs}),
        "the same data, batch size, optimizer and schedule; losses are compared on the CPU",
        {"theirs": 1.3},
        {"examples": n},
    )


def _utilization(setting: Setting, model: Any, kind: str) -> Row:
    """Operations of the model per second over those of plain matrix products on this card."""
    length = 16 if setting.small else N_TOKENS
    sizes = BATCHES[:1] if setting.small else BATCHES
    precision = torch.bfloat16 if kind == "training" else torch.float32

    def side(batch: int) -> Prepared:
        n = batch * (1 if setting.small else max(4, 2048 // batch))
        encoded = within_vocabulary(equal_lengths(n, length), model.config.vocab_size)
        if kind == "training":
            fresh = copy.deepcopy(model)
            recipe = Recipe(learning_rate=2e-5, batch_size=batch, epochs=1)
            return lambda: training.finetune(fresh, encoded, recipe, seed=1, device=setting.device)
        batches = EvaluationBatches(encoded, batch, setting.device)
        fresh = model.to(setting.device)
        return lambda: training.predict(fresh, batches)

    seconds = alternate(setting, {str(size): partial(side, size) for size in sizes})
    peak = matrix_peak(setting, precision)
    passes = 3 if kind == "training" else 1
    used = {}
    for size in sizes:
        n = size * (1 if setting.small else max(4, 2048 // size))
        median = sorted(seconds[str(size)])[len(seconds[str(size)]) // 2]
        done = passes * n * operations_per_example(model, length)
        used[str(size)] = round(done / median / peak, 3)
    return Row(
        f"use of the GPU, {kind}",
        f"examples of {length} tokens at BERT-base's shape, by batch size",
        {str(size): f"batches of {size}" for size in sizes},
        seconds,
        "",
        facts={
            "utilization": used,
            "peak_tflops": round(peak / 1e12, 1),
            "precision": str(precision).removeprefix("torch."),
            "goal": GOALS[kind],
        },
    )


def operations_per_example(model: Any, length: int) -> float:
    """Multiplications and additions of one forward pass: linear maps and attention."""
    n_layers, n_heads = encoder_shape(model)
    each = component_parameters(model)
    linear = 2.0 * length * n_layers * (n_heads * each["head"] + each["mlp"])
    return linear + 4.0 * n_layers * length**2 * float(model.config.hidden_size)


def matrix_peak(setting: Setting, precision: torch.dtype) -> float:
    """Operations per second of square matrix products on this device, the best of five."""
    size = 64 if setting.small else 8192
    a, b = (torch.randn(size, size, device=setting.device, dtype=precision) for _ in range(2))
    repeats = 1 if setting.small else 20
    best = min(
        timed(setting.device, lambda: [torch.mm(a, b) for _ in range(repeats)])[0] for _ in range(6)
    )
    return float(2 * size**3 * repeats / best)


class _Pads:
    """What Trainer's collator asks of a tokenizer, where all examples are of one length."""

    padding_side = "right"

    def pad(self, features: Any, **_asked: Any) -> dict[str, torch.Tensor]:
        names = features[0]
        batch = {name: torch.tensor([row[name] for row in features]) for name in names}
        return {"attention_mask": torch.ones_like(batch["input_ids"]), **batch}
