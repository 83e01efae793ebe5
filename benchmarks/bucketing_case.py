"""Whether batches by length move the final scores: the same fine-tunings with plain shuffling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np

from benchmarks.alternate import Prepared, Row, Setting, timed
from lottery_utils import backbone, data, training
from lottery_utils.batches import Encoded, EvaluationBatches, encode, training_order
from lottery_utils.recipe import Recipe

SEEDS = (1337, 42, 86, 71, 166)
# At the rate of the study quick some seeds learn nothing, with either kind of batches, so that
# means say little: hence half that rate too (the study mini-glue's).
RECIPES = {
    "batches by length": Recipe(learning_rate=2e-4, batch_size=16, epochs=3),
    "batches by length, half the rate": Recipe(learning_rate=1e-4, batch_size=16, epochs=3),
}


def rows(setting: Setting) -> Iterator[Row]:
    """A row for each recipe: seconds and final scores of both, over the paper's five seeds."""
    for case, recipe in RECIPES.items():
        yield compared(setting, case, replace(recipe, epochs=1) if setting.small else recipe)


def compared(setting: Setting, case: str, recipe: Recipe) -> Row:
    """The same fine-tunings with either kind of batches, in turn."""
    seeds = SEEDS[:2] if setting.small else SEEDS
    sizes = {"train_size": 16, "validation_size": 8} if setting.small else {"train_size": 800}
    splits = data.load_examples("SST-2", "mini", **sizes)
    scores: dict[str, list[float]] = {"ours": [], "theirs": []}
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number, seed in enumerate(seeds):
        for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            model, tokenizer = backbone.load_backbone("bundled", "SST-2", seed=seed)
            train, validation = (encode(tokenizer, splits[s], 128) for s in ("train", "validation"))
            work: Prepared = partial(
                training.finetune, model, train, recipe, seed=seed, device=setting.device
            )
            order = training_order if side == "ours" else shuffled
            with mock.patch.object(training, "training_order", order):
                took, _ = timed(setting.device, work)
            batches = EvaluationBatches(validation, 64, setting.device)
            scores[side].append(training.evaluate(model, batches, "accuracy"))
            seconds[side].append(took)
            setting.say(f"  seed {seed}, {side}: {took:.1f} s, accuracy {scores[side][-1]:.3f}")
    return Row(
        case,
        f"fine-tuning on {len(train):,} examples of SST-2 from the embedded corpus, learning rate "
        f"{recipe.learning_rate:g}, {recipe.epochs} epochs, {len(seeds)} seeds",
        {"ours": "batches by length", "theirs": "plain shuffling, padded to the longest"},
        seconds,
        f"not equal, and not meant to be: see the accuracies on {len(validation):,} examples",
        facts={"scores": scores, "learning_rate": recipe.learning_rate},
    )


def shuffled(encoded: Encoded, batch_size: int, rng: np.random.Generator) -> list[list[int]]:
    """One epoch's batches of example indices, in random order."""
    order = rng.permutation(len(encoded)).tolist()
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
