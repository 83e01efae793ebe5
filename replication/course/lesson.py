"""What an exercise works on: a small model, fine-tuned while the class waits, and its questions.

It is ready in half a minute on a laptop, from few examples of the embedded corpus, and at once
the second time, as its weights and its good mask are kept in the cache. Its numbers are for the
class, and no page of the book reports them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file

from lottery_utils import backbone, data, importance, pruning, training
from lottery_utils.attention import attention_maps
from lottery_utils.backbone import backbone_fingerprint
from lottery_utils.batches import EvaluationBatches, encode
from lottery_utils.encoder import encoder_shape
from lottery_utils.losses import example_losses
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from lottery_utils.patterns.maps import AnnotatedMap, token_kinds
from lottery_utils.patterns.sorter import sorter
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import get_task
from replication.files import in_one_piece
from replication.runs.records import as_count, as_seeds
from replication.store import home

FloatArray = npt.NDArray[np.float64]
RECIPE = Recipe(learning_rate=2e-4, batch_size=16, epochs=2)
MAX_LENGTH = 128


class Lesson:
    """A model fine-tuned on `n_train` examples of one task, and `n_validation` to look at.

    `full` is the mask that keeps everything, `full_score` its validation score. Raises
    `UserError` as loading a backbone and a task does.
    """

    def __init__(
        self,
        task: str = "SST-2",
        seed: int = 1337,
        backbone_spec: str = "bundled",
        source: str = "mini",
        *,
        n_train: int = 800,
        n_validation: int = 100,
        say: Callable[[str], None] = print,
    ) -> None:
        (seed,) = as_seeds([seed])
        self.seed = seed
        self.task, backbone_spec, source = get_task(task), str(backbone_spec), str(source)
        self.metric = self.task.metric
        splits = data.load_examples(
            self.task.name, source, train_size=n_train, validation_size=n_validation
        )
        self.model, self.tokenizer = backbone.load_backbone(backbone_spec, self.task, seed=seed)
        train, self._validation = (
            encode(self.tokenizer, splits[split], MAX_LENGTH) for split in ("train", "validation")
        )
        self._batches = EvaluationBatches(self._validation, 64)
        what = [backbone_fingerprint(backbone_spec), data.fingerprint(splits), asdict(RECIPE), seed]
        self._weights = weights = _cached(what)
        if weights.is_file():
            self.model.load_state_dict(load_file(weights))
        else:
            say(f"Fine-tuning on {len(train)} examples of {self.task.name}, seed {seed} ...")
            training.finetune(self.model, train, RECIPE, seed=seed)
            with in_one_piece(weights) as draft:
                save_file(self.model.state_dict(), draft)
        self._scores: dict[StructuredMask, float] = {}
        self._importance: dict[StructuredMask, FloatArray] = {}
        self.full = StructuredMask.full(*encoder_shape(self.model))
        self.full_score = self.score(self.full)
        say(
            f"The full model scores {self.full_score:.3f} ({METRIC_LABELS[self.metric]}) on "
            f"{len(self._validation)} validation examples."
        )

    def score(self, mask: StructuredMask) -> float:
        """The validation score of the model under `mask`, without any training."""
        if mask not in self._scores:  # what was asked once is known, as answers are checked
            with pruning.masked(self.model, mask):
                self._scores[mask] = training.evaluate(self.model, self._batches, self.metric)
        return self._scores[mask]

    def importance(self, mask: StructuredMask) -> FloatArray:
        """The importance of every head under `mask` by which the book's search goes: from 0 to 1,
        float64 (layers, heads)."""
        if mask not in self._importance:
            found = importance.structured_importance(self.model, self._batches, mask)
            self._importance[mask] = found.normalized().heads
        return self._importance[mask].copy()

    @cached_property
    def gradients(self) -> FloatArray:
        """dL(x)/dxi of every validation example x and every head: (examples, layers, heads)."""
        with importance.frozen(self.model):
            of_batches = [
                importance.mask_gradients(self.model, batch, self.full) for batch in self._batches
            ]
        return torch.cat([found for found, _ in of_batches])[:, :, :-1].double().cpu().numpy()

    def losses_without(self, layer: int) -> FloatArray:
        """The mean loss without each single head of a layer, less that of the full model.
        Raises `UserError` where there is no such layer.
        """
        as_count(layer, "layer", 0, len(self.full.heads) - 1)
        heads = range(self.full.heads.shape[1])
        without = [self._loss(self.full.without([(layer, head)], [])) for head in heads]
        return np.array(without) - self._loss(self.full)

    @torch.inference_mode()
    def _loss(self, mask: StructuredMask) -> float:
        losses = []
        with pruning.masked(self.model, mask):
            for batch in self._batches:
                inputs = {name: values for name, values in batch.items() if name != "labels"}
                losses.append(example_losses(self.model(**inputs).logits, batch["labels"]))
        return float(torch.cat(losses).mean())

    def good(self) -> StructuredMask:
        """The subnetwork of heads that the 90 % rule leaves, a tenth of all heads a step."""
        place = self._weights.with_suffix(".json")
        if place.is_file():
            return StructuredMask.load(place)
        kept, n = self.full, max(1, self.full.n_heads // 10)
        while kept.n_heads > n:
            scores = np.where(kept.heads, self.importance(kept), np.inf)
            places = np.argsort(scores, axis=None, kind="stable")[:n]
            layers, heads = np.unravel_index(places, scores.shape)
            trial = kept.without(list(zip(layers.tolist(), heads.tolist(), strict=True)), [])
            if self.score(trial) < 0.9 * self.full_score:
                break
            kept = trial
        with in_one_piece(place) as draft:
            kept.save(draft)
        return kept

    def attention_types(self, n_examples: int = 20) -> npt.NDArray[Any]:
        """The type of every head's norm-weighted attention map, as an index of `TYPES`, for the
        first validation examples: int64 (examples, layers, heads). Raises `UserError` where
        that is no number of them."""
        examples = self._validation.first(as_count(n_examples, "n_examples"))
        sort = sorter("normed")
        batches = (examples.collate([i]) for i in range(len(examples)))
        found = []
        for ids, maps in zip(examples.input_ids, attention_maps(self.model, batches), strict=True):
            kinds = token_kinds(self.tokenizer.convert_ids_to_tokens(ids))
            each = maps.normed.reshape(-1, *maps.normed.shape[-2:])
            shown = [AnnotatedMap(one / max(one.max(), 1e-12), kinds) for one in each]
            found.append(sort(shown).reshape(self.full.heads.shape))
        return np.stack(found)


def _cached(what: list[Any]) -> Path:
    """Where the weights of a lesson lie: named by all that decides them."""
    name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    return home() / ".cache" / "course" / f"{name}.safetensors"
