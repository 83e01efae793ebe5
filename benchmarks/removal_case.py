"""A subnetwork with half the heads and half the MLPs: removed, against masked."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.magnitude_case import random_bert
from lottery_utils import backbone, pruning, training
from lottery_utils.batches import EvaluationBatches
from lottery_utils.encoder import component_parameters, encoder_shape
from lottery_utils.masks import StructuredMask
from lottery_utils.recipe import Recipe

RECIPE = Recipe(learning_rate=2e-5, batch_size=32, epochs=1)
OF_PROMISE = 0.85  # of the speed-up that the count of operations promises


def rows(setting: Setting) -> Iterator[Row]:
    """One row for scoring, one for training."""
    model, n = backbone.load_backbone("bundled", "SST-2", seed=42)[0], 800
    if setting.small:
        model, n = random_bert(small=True), 64
    model.to(setting.device).eval()
    encoded = shapes.within_vocabulary(shapes.draw("SST-2", n), model.config.vocab_size)
    mask = half(*encoder_shape(model))
    smaller = pruning.remove(model, mask)
    batches = EvaluationBatches(encoded, 64, setting.device)
    with torch.inference_mode():
        gap = 0.0
        for batch in batches:
            inputs = {name: values for name, values in batch.items() if name != "labels"}
            with pruning.masked(model, mask):
                expected = model(**inputs).logits
            gap = max(gap, float((smaller(**inputs).logits - expected).abs().max()))
    if gap > 1e-5:
        raise AssertionError(f"the logits of the two are {gap:.1e} apart")
    everything = StructuredMask.full(*encoder_shape(model))
    mean_tokens = sum(map(len, encoded.input_ids)) / len(encoded)
    # Scoring reads the last layer at the first token, training computes all of it.
    promises = {
        case: operations(model, everything, read) / operations(model, mask, read)
        for case, read in {"forward": 1 / mean_tokens, "training": 1.0}.items()
    }

    def score(which: Any, kept: StructuredMask | None) -> Prepared:
        def work() -> None:
            with pruning.masked(which, kept) if kept else nullcontext():
                training.predict(which, batches)

        return work

    def train(which: Any, kept: StructuredMask | None) -> Prepared:
        fresh, n = copy.deepcopy(which), len(encoded) // 2

        def work() -> None:
            with pruning.masked(fresh, kept) if kept else nullcontext():
                training.finetune(fresh, encoded.first(n), RECIPE, seed=1, device=setting.device)

        return work

    about = f"{mask.n_heads} of {mask.heads.size} heads and {mask.n_mlps} of {mask.mlps.size} MLPs"
    for case, work in (("forward", score), ("training", train)):
        yield Row(
            f"removed subnetwork, {case}",
            f"a random half ({about}), SST-2's shape",
            {"ours": "the rest removed", "theirs": "the rest masked"},
            alternate(
                setting,
                {
                    "ours": partial(work, smaller, None),
                    "theirs": partial(work, model, mask),
                },
            ),
            f"the same logits within {gap:.0e}",
            {"theirs": round(OF_PROMISE * promises[case], 2)},
            {
                "promised_by_operations": round(promises[case], 3),
                "goal_share_of_promise": OF_PROMISE,
            },
        )


def half(n_layers: int, n_heads: int) -> StructuredMask:
    """A random half of the heads, in every layer, and every other MLP."""
    rng = np.random.default_rng(0)
    heads = np.zeros((n_layers, n_heads), bool)
    for row in heads:
        row[rng.choice(n_heads, n_heads // 2, replace=False)] = True
    return StructuredMask(heads, np.arange(n_layers) % 2 == 0)


def operations(model: Any, mask: StructuredMask, read: float) -> float:
    """Multiplications per token in the linear maps that `mask` keeps, which is nearly all.

    `read` is the share of tokens at which the last layer is read; keys and values, half of what
    a head has, are needed of all tokens there too.
    """
    each = component_parameters(model)
    shares = np.ones((2, len(mask.mlps)))
    shares[:, -1] = (1 + read) / 2, read
    heads, mlps = (shares * [mask.heads.sum(axis=1), mask.mlps]).sum(axis=1)
    return float(heads * each["head"] + mlps * each["mlp"])
