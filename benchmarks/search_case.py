"""A whole structured search on a validation set of CoLA's size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.alternate import Row, Setting, timed
from benchmarks.magnitude_case import random_bert
from benchmarks.profiles import Profile, of_operations
from benchmarks.released_search import brute_force, examine_padded, padded_batches
from benchmarks.shapes import within_vocabulary
from lottery_utils import backbone, data, metrics, training
from lottery_utils.batches import Encoded, EvaluationBatches, encode
from lottery_utils.encoder import encoder_shape
from lottery_utils.errors import UserError
from lottery_utils.importance import Importance, score_and_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.recipe import Recipe
from lottery_utils.search import structured_search
from replication.experiments.entry import EVALUATION_BATCH

N_TRAIN, N_VALIDATION = 2000, 1043  # the study mini-glue's training set; CoLA's validation set
RECIPE = Recipe(learning_rate=1e-4, batch_size=16, epochs=3)  # mini-glue's


class Found(NamedTuple):
    score: float
    importance: Importance
    seconds: float


def rows(setting: Setting) -> Iterator[Row]:
    """One row: both sides examine every mask of the search, in turn."""
    model, validation = tiny() if setting.small else fine_tuned(setting)
    bucketed = EvaluationBatches(validation, EVALUATION_BATCH, setting.device)
    padded = padded_batches(validation, setting.device)

    def ours(mask: StructuredMask) -> tuple[float, Importance]:
        return score_and_importance(model, bucketed, mask, "matthews")

    def theirs(mask: StructuredMask) -> tuple[float, Importance]:
        answers, labels, found = examine_padded(model, padded, mask)
        return round(metrics.score("matthews", np.array(answers), np.array(labels)), 6), found

    @cache
    def both(mask: StructuredMask) -> dict[str, Found]:
        found: dict[str, Any] = {}
        order = [("ours", ours), ("theirs", theirs)]
        for name, side in order if both.cache_info().misses % 2 else order[::-1]:
            seconds, (value, scores) = timed(setting.device, partial(side, mask))
            found[name] = Found(value, scores, seconds)
        told = ", ".join(f"{name} {found[name].seconds:.2f} s" for name in ("ours", "theirs"))
        setting.say(f"  {mask.n_heads} heads, {mask.n_mlps} MLPs: {told}")
        return found

    everything = StructuredMask.full(*encoder_shape(model))
    ours(everything)  # warm
    full = {name: found.score for name, found in both(everything).items()}
    if full["ours"] <= 0 and not setting.small:
        raise UserError(
            f"The model of the search benchmark scores {full['ours']:.3f}: expected it to have "
            "learned something, as any mask passes otherwise; train it on more examples."
        )
    asked: dict[str, list[StructuredMask]] = {"ours": [], "theirs": []}

    def search(name: str) -> StructuredMask:
        def score(mask: StructuredMask) -> float:
            asked[name].append(mask)
            return both(mask)[name].score

        return structured_search(
            everything, full[name], score, lambda mask: both(mask)[name].importance
        ).mask

    found = {name: search(name) for name in ("ours", "theirs")}
    if found["ours"] != found["theirs"] or asked["ours"] != asked["theirs"]:
        raise AssertionError("the two searches found different masks")
    exact = brute_force(model, validation, setting.device)
    gap = _gap(both(everything)["ours"].importance, exact)
    if gap > 1e-5:
        raise AssertionError(f"importance scores are {gap:.1e} from brute force")
    masks = [everything, *asked["ours"]]
    yield Row(
        "structured search",
        f"a whole structured search, {len(validation):,} validation sentences of "
        f"{sum(map(len, validation.input_ids)) / len(validation):.1f} tokens, {len(masks)} masks",
        {
            "ours": "batches by length, gradients of masks only",
            "theirs": "padded to 128 tokens, gradients of all parameters (as released)",
        },
        {name: [both(mask)[name].seconds for mask in masks] for name in ("ours", "theirs")},
        f"same good mask ({found['ours'].n_heads} heads, {found['ours'].n_mlps} MLPs) by the same "
        f"{len(masks)} steps; scores within {gap:.0e} of brute force, one example at a time",
        {"theirs": 20.0},
        {
            "full_score": round(full["ours"], 4),
            "whole_search": round(_total(both, masks, "theirs") / _total(both, masks, "ours"), 2),
            "profile": {
                "ours": _profile(lambda: ours(everything)),
                "theirs": _profile(lambda: theirs(everything)),
            },
        },
    )


def fine_tuned(setting: Setting) -> tuple[Any, Encoded]:
    """A model that has learned CoLA of the embedded corpus, and a validation set of CoLA's size."""
    splits = data.load_examples("CoLA", "mini", train_size=N_TRAIN, validation_size=N_VALIDATION)
    model, tokenizer = backbone.load_backbone("bundled", "CoLA", seed=42)
    train, validation = (encode(tokenizer, splits[s], 128) for s in ("train", "validation"))
    setting.say(f"  fine-tuning on {len(train):,} examples first")
    training.finetune(model, train, RECIPE, seed=42, device=setting.device)
    return model, validation


def tiny() -> tuple[Any, Encoded]:
    """A tiny random model and a few examples, which tests search."""
    return random_bert(small=True), within_vocabulary(shapes.draw("CoLA", 6), 99)


def _profile(work: Callable[[], object]) -> Profile:
    """With one thread: with more of them, ours begins Python threads for batches of their own."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return of_operations(work)
    finally:
        torch.set_num_threads(n_threads)


def _total(both: Any, masks: list[StructuredMask], side: str) -> float:
    return float(sum(both(mask)[side].seconds for mask in masks))


def _gap(found: Importance, exact: Importance) -> float:
    return float(
        max(np.abs(found.heads - exact.heads).max(), np.abs(found.mlps - exact.mlps).max())
    )
