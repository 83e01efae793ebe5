"""What an exercise works on: a small model, fine-tuned on few examples, and its answers.

Its numbers are for the class, and no page of the book reports them. What the exercises ask of it
is on record, for the seeds that come with the notebooks and those that `make course-cache` adds:
then nothing is fine-tuned or computed. Otherwise it takes half a minute on a quiet laptop, once.
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
from safetensors.torch import load_file, save

from lottery_utils import backbone, data, importance, pruning, training
from lottery_utils.attention import attention_maps
from lottery_utils.backbone import backbone_fingerprint
from lottery_utils.batches import EvaluationBatches, encode
from lottery_utils.encoder import encoder_shape
from lottery_utils.errors import UserError
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

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
Places = list[tuple[int, int]]
Of = tuple[str, str, int, int]  # backbone, data, examples to train on and to look at
RECIPE = Recipe(learning_rate=2e-4, batch_size=16, epochs=2)
MAX_LENGTH = 128
DRAWS, EXAMPLES = 40, 20  # on record: random tickets, and examples whose maps are sorted


def lowest(scores: FloatArray, kept: StructuredMask, n: int) -> Places:
    """The `n` heads of lowest score (layers, heads) that `kept` still has."""
    places = np.argsort(np.where(kept.heads, scores, np.inf), axis=None, kind="stable")[:n]
    return [divmod(int(place), scores.shape[1]) for place in places]


def passes(score: float, full_score: float) -> bool:
    """The 90 % rule."""
    return score >= 0.9 * full_score


class Lesson:
    """A model fine-tuned on `n_train` examples of one task, and `n_validation` to look at.

    `full` is the mask that keeps everything, `full_score` its validation score. Answers come from
    the record that `find` finds, if any. Raises `UserError` as loading a backbone and a task does,
    and for what a record lacks where no model is in the cache.
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
        find: Callable[[str, int, Of], Path | None] | None = None,
    ) -> None:
        (seed,) = as_seeds([seed])
        self.task, self.seed, self._say = get_task(task), seed, say
        self._of = (str(backbone_spec), str(source), n_train, n_validation)
        record = (find or on_record)(self.task.name, seed, self._of)
        self._answers: dict[str, Array] = dict(np.load(record)) if record else {}
        self._recorded = record is not None
        shape = self._answer("shape", lambda: encoder_shape(self.model))
        self.full = StructuredMask.full(*map(int, shape))
        self.full_score = self.score(self.full)
        say(
            f"The full model scores {self.full_score:.3f} ({METRIC_LABELS[self.task.metric]}) on "
            f"{n_validation} validation examples."
        )

    @property
    def title(self) -> str:
        """The task as a caption names it: one of made-up sentences says so."""
        return f"{self.task.name} (made-up sentences)" if self._of[1] == "mini" else self.task.name

    def score(self, mask: StructuredMask) -> float:
        """The validation score of the model under `mask`, without any training."""

        return float(self._answer(f"score {_name(mask)}", lambda: self._score(mask)))

    def _score(self, mask: StructuredMask) -> float:
        with pruning.masked(self.model, mask):
            return training.evaluate(self.model, self._batches, self.task.metric)

    def importance(self, mask: StructuredMask) -> FloatArray:
        """The importance of every head under `mask` by which the book's search goes: from 0 to 1,
        float64 (layers, heads)."""

        def compute() -> Array:
            found = importance.structured_importance(self.model, self._batches, mask)
            return found.normalized().heads

        return np.array(self._answer(f"importance {_name(mask)}", compute))

    @property
    def gradients(self) -> FloatArray:
        """dL(x)/dxi of every validation example x and every head: (examples, layers, heads)."""

        def compute() -> Array:
            with importance.frozen(self.model):
                found = [
                    importance.mask_gradients(self.model, batch, self.full)[0]
                    for batch in self._batches
                ]
            return torch.cat(found)[:, :, :-1].float().cpu().numpy()

        return self._answer("gradients", compute).astype(np.float64)

    def losses_without(self, layer: int) -> FloatArray:
        """The mean loss without each single head of a layer, less that of the full model.
        Raises `UserError` where there is no such layer.
        """
        as_count(layer, "layer", 0, len(self.full.heads) - 1)

        def compute() -> Array:
            heads = range(self.full.heads.shape[1])
            without = [self._loss(self.full.without([(layer, head)], [])) for head in heads]
            return np.array(without) - self._loss(self.full)

        return self._answer(f"losses without {layer}", compute)

    @torch.inference_mode()
    def _loss(self, mask: StructuredMask) -> float:
        losses = []
        with pruning.masked(self.model, mask):
            for batch in self._batches:
                inputs = {name: values for name, values in batch.items() if name != "labels"}
                losses.append(example_losses(self.model(**inputs).logits, batch["labels"]))
        return float(torch.cat(losses).mean())

    def prune(
        self,
        choose: Callable[[FloatArray, StructuredMask, int], Places] = lowest,
        passes: Callable[[float, float], Any] = passes,
    ) -> StructuredMask:
        """The last mask that passes, while `choose` removes a tenth of all heads a step."""
        kept, n = self.full, max(1, self.full.n_heads // 10)
        while kept.n_heads > n:
            trial = kept.without(choose(self.importance(kept), kept, n), [])
            if not passes(self.score(trial), self.full_score):
                break
            kept = trial
        return kept

    def good(self) -> StructuredMask:
        """The subnetwork of heads that the 90 % rule leaves."""
        if self._recorded:
            return self.prune()
        place = self._weights.with_suffix(".json")
        if not place.is_file():
            with in_one_piece(place) as draft:
                self.prune().save(draft)
        return StructuredMask.load(place)

    def random_scores(self, mask: StructuredMask, n: int = 20) -> FloatArray:
        """The scores of `n` random tickets with as many heads as `mask`: float64 (n,)."""
        name = f"random {_name(mask)}"
        as_count(n, "n_draws")
        known = self._answers.get(name, np.array([]))
        new = [self._score(mask.random_like(draw)) for draw in range(len(known), n)]
        self._answers[name] = np.append(known, new)
        return np.array(self._answers[name][:n])

    def attention_types(self, n_examples: int = EXAMPLES) -> Array:
        """The type of every head's norm-weighted attention map, as an index of `TYPES`, for the
        first validation examples: int64 (examples, layers, heads). Raises `UserError` where
        that is no number of them."""
        as_count(n_examples, "n_examples")

        def compute() -> Array:
            model, found = self.model, []
            examples, sort = self._validation.first(n_examples), sorter("normed")
            batches = (examples.collate([i]) for i in range(len(examples)))
            each_maps = attention_maps(model, batches)
            for ids, maps in zip(examples.input_ids, each_maps, strict=True):
                kinds = token_kinds(self._tokenizer.convert_ids_to_tokens(ids))
                each = maps.normed.reshape(-1, *maps.normed.shape[-2:])
                shown = [AnnotatedMap(one / max(one.max(), 1e-12), kinds) for one in each]
                found.append(sort(shown).reshape(self.full.heads.shape))
            return np.stack(found)

        return self._answer(f"types {n_examples}", compute)

    def record(self, path: Path) -> None:
        """Write to `path` what the exercises ask, also after the usual mistakes in exercise 2:
        the search goes on below 90 %, ranks once at the start, or removes the best heads first."""

        def once(scores: FloatArray, kept: StructuredMask, n: int) -> Places:
            return lowest(self.importance(self.full), kept, n)

        def best(scores: FloatArray, kept: StructuredMask, n: int) -> Places:
            return lowest(-scores, kept, n)

        for choose in (lowest, once, best):
            self.prune(choose, lambda score, full_score: True)
        for layer in range(len(self.full.heads)):
            self.losses_without(layer)
        _ = self.gradients
        self.attention_types()
        self.random_scores(self.good(), DRAWS)
        self._answers["of"] = np.array(self._weights.stem)
        with in_one_piece(path) as draft, draft.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self._answers)

    def _answer(self, name: str, compute: Callable[[], Any]) -> Array:
        """What is on record, or what the model answers."""
        if name not in self._answers:
            self._answers[name] = np.asarray(compute())
        return self._answers[name]

    @cached_property
    def _splits(self) -> Any:
        _, source, n_train, n_validation = self._of
        return data.load_examples(
            self.task.name, source, train_size=n_train, validation_size=n_validation
        )

    @cached_property
    def _weights(self) -> Path:
        """Where the weights lie: named by all that decides them."""
        found = data.fingerprint(self._splits)
        of = [backbone_fingerprint(self._of[0]), found, asdict(RECIPE), self.seed]
        name = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]
        return kept() / f"{name}.safetensors"

    @cached_property
    def model(self) -> Any:
        """The fine-tuned model, fine-tuned now if there is neither a record nor its weights."""
        if self._recorded and not self._weights.is_file():
            raise UserError(
                "This question is not on record, and the model is not in the cache. In exercise 2 "
                "a right loop meets only subnetworks on record. To try others: make course-cache "
                f"TASK={self.task.name} SEEDS={self.seed}"
            )
        model, self._tokenizer = backbone.load_backbone(self._of[0], self.task, seed=self.seed)
        train, self._validation = (
            encode(self._tokenizer, self._splits[split], MAX_LENGTH)
            for split in ("train", "validation")
        )
        self._batches = EvaluationBatches(self._validation, 64)
        if self._weights.is_file():
            model.load_state_dict(load_file(self._weights))
        else:
            self._say(f"Fine-tuning on {len(train)} examples of {self.task.name} ...")
            training.finetune(model, train, RECIPE, seed=self.seed)
            with in_one_piece(self._weights) as draft:
                draft.write_bytes(save(model.state_dict()))
        return model


def kept() -> Path:
    """The cache of the course: weights, and answers that `make course-cache` recorded."""
    return home() / ".cache" / "course"


def on_record(task: str, seed: int, of: Of) -> Path | None:
    """The answers for a task and seed: beside the notebook, from the cache, or the book's own."""
    if of != ("bundled", "mini", 800, 100):
        return None
    folders = (Path("lessons"), kept(), home() / "notebooks" / "course" / "lessons")
    places = (folder / f"{task}-{seed}.npz" for folder in folders)
    return next((place for place in places if place.is_file()), None)


def prepare(task: str, seed: int) -> Path:
    """Fine-tune one lesson, unless its weights are there, and record its answers: the file."""
    lesson = Lesson(task, seed, find=lambda *_: None)
    place = kept() / f"{lesson.task.name}-{seed}.npz"
    if not place.is_file():
        lesson.record(place)
    return place


def _name(mask: StructuredMask) -> str:
    heads, mlps = (np.packbits(part).tobytes().hex() for part in (mask.heads, mask.mlps))
    return f"{heads}-{mlps}"
