"""Training in bf16 on a processor, and MPNet's attention in one fused step, at BERT-base's size."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.growth_case import equal_lengths
from lottery_utils import backbone, data, training
from lottery_utils.batches import Encoded, EvaluationBatches, encode
from lottery_utils.encoder import encoder_layers
from lottery_utils.mpnet import adapt
from lottery_utils.recipe import Recipe

RECIPE = Recipe(learning_rate=2e-5, batch_size=16, epochs=1, bf16="cpu")
N_TOKENS, N_BATCHES, N_SCORED = 14, 6, 192
# What bf16 does to scores is asked of the bundled encoder, on made-up sentences.
SCORED = Recipe(learning_rate=1e-4, batch_size=16, epochs=3, bf16="cpu")
SEEDS = (1, 2, 3, 4, 5)


def rows(setting: Setting) -> Iterator[Row]:
    """A row for training in bf16, and one for the attention."""
    yield training_row(setting)
    yield attention_row(setting)


def training_row(setting: Setting) -> Row:
    """Seconds for a few batches in bf16 and in float32, and dev scores after training in each."""
    model = random_mpnet(setting.small)
    n = RECIPE.batch_size * (1 if setting.small else N_BATCHES)
    encoded = without_types(equal_lengths(n, N_TOKENS))

    def side(recipe: Recipe) -> Prepared:
        fresh = copy.deepcopy(model)
        return lambda: training.finetune(fresh, encoded, recipe, seed=1, device=setting.device)

    seconds = alternate(
        setting,
        {"ours": partial(side, RECIPE), "theirs": partial(side, replace(RECIPE, bf16=False))},
    )
    found = dev_scores(setting)
    mean = {name: float(np.mean(scores)) for name, scores in found.items()}
    has = training.uses_bf16(setting.device, RECIPE)
    return Row(
        "fine-tuning in bf16",
        f"{n} examples of {N_TOKENS} tokens, batches of {RECIPE.batch_size}, an MPNet of "
        "BERT-base's shape with random weights",
        {
            "ours": "bf16" if has else "float32, as this processor does not compute in bf16",
            "theirs": "float32",
        },
        seconds,
        f"not the same numbers: the mean dev score over {len(found['ours'])} seeds is "
        f"{mean['ours']:.3f} in bf16 and {mean['theirs']:.3f} in float32 (bundled encoder, "
        "made-up SST-2)",
        facts={
            "examples_per_second": {
                name: round(n / float(np.median(times)), 2) for name, times in seconds.items()
            },
            "dev_scores": found,
        },
    )


def dev_scores(setting: Setting) -> dict[str, list[float]]:
    """Of each side the dev score of every seed, trained in bf16 (`ours`) or in float32."""
    sizes = (16, 16) if setting.small else (1300, 400)  # enough that every seed learns
    splits = data.load_examples("SST-2", "mini", train_size=sizes[0], validation_size=sizes[1])
    scores: dict[str, list[float]] = {"ours": [], "theirs": []}
    for seed in SEEDS[:1] if setting.small else SEEDS:
        for name, recipe in (("ours", SCORED), ("theirs", replace(SCORED, bf16=False))):
            model, tokenizer = backbone.load_backbone("bundled", "SST-2", seed=seed)
            split = {key: encode(tokenizer, of, recipe.max_length) for key, of in splits.items()}
            training.finetune(model, split["train"], recipe, seed=seed, device=setting.device)
            dev = EvaluationBatches(split["validation"], 64, setting.device)
            scores[name].append(round(training.evaluate(model, dev, "accuracy"), 4))
    return scores


def attention_row(setting: Setting) -> Row:
    """Seconds of an evaluation by PyTorch's fused attention and by transformers' own steps."""
    theirs = random_mpnet(setting.small, fused=False).eval().to(setting.device)
    ours = random_mpnet(setting.small).eval().to(setting.device)
    drawn = shapes.draw("SST-2", 32 if setting.small else N_SCORED)
    encoded = shapes.within_vocabulary(without_types(drawn), ours.config.vocab_size)
    batches = EvaluationBatches(encoded, 64, setting.device)
    gap = 0.0
    with torch.inference_mode():
        for batch in batches:
            inputs = {name: values for name, values in batch.items() if name != "labels"}
            apart = ours(**inputs).logits - theirs(**inputs).logits
            gap = max(gap, float(apart.abs().max()))
    if gap > 1e-5:
        raise AssertionError(f"the logits of the two attentions are {gap:.1e} apart")

    def side(model: Any) -> Prepared:
        return lambda: training.predict(model, batches)

    return Row(
        "MPNet's attention",
        f"evaluation of {len(encoded)} examples of SST-2's shape, an MPNet of BERT-base's shape",
        {"ours": "position bias as a mask of the fused kernel", "theirs": "transformers, eager"},
        alternate(setting, {"ours": partial(side, ours), "theirs": partial(side, theirs)}),
        f"the same logits within {gap:.0e}",
    )


def without_types(encoded: Encoded) -> Encoded:
    """The same examples for a model without token types."""
    return replace(encoded, token_type_ids=None)


def random_mpnet(small: bool, *, fused: bool = True) -> Any:
    """An MPNet of BERT-base's shape, or a tiny one; always the same random weights."""
    from transformers import MPNetConfig, MPNetForSequenceClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 1000}
    model = MPNetForSequenceClassification(MPNetConfig(**(sizes if small else {})))
    # transformers starts the position bias so small that a wrong one would not be seen.
    torch.nn.init.normal_(model.mpnet.encoder.relative_attention_bias.weight)
    for layer in encoder_layers(model) if fused else ():
        adapt(layer.module.get_submodule(layer.family.attention))
    return model
