"""One entry of a study, a task with a seed, at work: its data, its models, its device."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch

from lottery_utils import backbone, data, metrics, training
from lottery_utils.batches import Encoded, EvaluationBatches, encode
from lottery_utils.errors import UserError, regular
from lottery_utils.tasks import Task
from replication.experiments.answers import answers_text
from replication.experiments.machine import Machine, this_machine
from replication.experiments.results import Answered
from replication.experiments.unfinished import Unfinished
from replication.files import alone, in_one_piece
from replication.journal import Journal
from replication.progress import Progress
from replication.same_data import beyond_training, beyond_validation, require_same_data
from replication.store import Key, Store, code
from replication.study import Study

# The released code's, which `variant: release` depends on. Nothing else does, but for rounding;
# larger ones are padded more, as few examples are of one length.
EVALUATION_BATCH = 64


class Measured(NamedTuple):
    """What a model scores on the validation set, by metric.

    `undefined` says why the task's own metric is undefined, where it is (it then counts as 0).
    `answers` is empty but for studies with `held_out`: `predictions` on the validation examples
    and on those held out, as `answers_text` writes them, and the scores on the latter, `held_out`.
    """

    scores: dict[str, float]
    undefined: str | None
    answers: Answered


@dataclass
class Entry:
    """One (study, task, seed) at work: its data and model are made once, when first needed.

    `asked` is what else its stage was asked for, beyond the study. `details` go into the record's
    provenance, where a stage knows better than `machine` how it came to its numbers. `runs` are
    those, this or others that were interrupted, of whose work the stage made use. `parts`,
    of `replication.experiments.parts`, are those of the stage that is computed.
    """

    study: Study
    task: str
    seed: int
    store: Store
    device: torch.device
    progress: Progress
    asked: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    runs: list[Any] = field(default_factory=list)
    parts: Any = None
    weights: str | None = None  # the sha256 of those of `model`, once it is loaded

    def __post_init__(self) -> None:
        self._backbone = backbone.backbone_fingerprint(self.study.backbone)
        self._read: dict[str, dict[str, Any]] = {}  # by the field that knows them: examples

    @cached_property
    def splits(self) -> dict[str, Any]:
        """The examples. Raises `UserError` where records of the task were made from others."""
        found = data.load_examples(self.about, self.study.data, **self.study.sizes(self.task))
        self._same("data_sha256", found)
        _ = self.study.held_out and self._beyond  # at once: of the files as they are now
        return found

    @cached_property
    def _beyond(self) -> dict[str, Any]:
        found = beyond_validation(self.study, self.task)
        self.held_out_sha256 = self._same("held_out_sha256", found)
        return found

    def require_as_begun(self) -> None:
        """Raises `UserError` where the backbone is no longer what this entry was begun with, or
        where another run has recorded the task with other examples since.
        """
        if backbone.backbone_fingerprint(self.study.backbone) != self._backbone:
            raise UserError(
                f"The files of the backbone {self.study.backbone!r} were changed while this ran: "
                "put the former ones back, or run the same command again to begin with these."
            )
        for name in self._read:
            require_same_data(
                self.study, self.task, self.store, partial(self._read.__getitem__, name), name
            )

    def _same(self, field: str, found: dict[str, Any]) -> str:
        """The fingerprint of examples just read. Raises `UserError` as `splits`."""
        require_same_data(self.study, self.task, self.store, lambda: found, field)
        self._read[field] = found
        return data.fingerprint(found)

    @cached_property
    def about(self) -> Task:
        return self.study.task(self.task)

    @property
    def metric(self) -> str:
        return self.about.metric

    @property
    def search_metric(self) -> str:
        return self.about.search_metric or self.metric

    @cached_property
    def tokenizer(self) -> Any:
        return backbone.load_backbone(self.study.backbone, self.about)[1]

    def check(self, stages: Collection[str]) -> None:
        """Read all examples of the task that these stages, or those after them, will read. Raises
        `UserError` where one is not as it should be, or longer than the backbone can read.
        """
        _ = self.splits
        if {"finetune", "sensitivity"}.intersection(stages):
            _ = self.task in dict(self.study.entries("sensitivity")) and self.unseen
        if self.study.recipe.max_length > self.tokenizer.model_max_length:
            _ = self.train, self.validation, self.study.held_out and self.held_out

    @cached_property
    def train(self) -> Encoded:
        return encode(self.tokenizer, self.splits["train"], self.study.recipe.max_length)

    @cached_property
    def validation(self) -> Encoded:
        return encode(self.tokenizer, self.splits["validation"], self.study.recipe.max_length)

    @cached_property
    def unseen(self) -> Encoded:
        """As many training examples as the validation set has, but none of the study's own.

        Raises `UserError` where the study takes all there are.
        """
        found = beyond_training(self.study, self.task, self.splits)
        if not found["train"]:
            raise UserError(
                f"The study {self.study.name} takes all training examples of {self.task}: expected "
                "some to be left to find masks on; give it a smaller train_size, or leave the task "
                "out of followups.sensitivity."
            )
        self.unseen_sha256 = self._same("unseen_sha256", found)
        return encode(self.tokenizer, found["train"], self.study.recipe.max_length)

    @cached_property
    def held_out(self) -> Encoded:
        """The validation examples that the study's cap leaves to nobody; there may be none."""
        examples = self._beyond["validation"]
        return encode(self.tokenizer, examples, self.study.recipe.max_length)

    @cached_property
    def validation_batches(self) -> EvaluationBatches:
        return EvaluationBatches(self.validation, EVALUATION_BATCH, self.device)

    def key(self, stage: str) -> Key:
        return self.study.key(self.task, self.seed, stage)

    def results(self, stage: str) -> dict[str, Any]:
        """What a stage that this one starts from found, from its record."""
        record = self.store.read(self.key(stage))
        assert record is not None, "a stage runs after those that it starts from"
        results: dict[str, Any] = record["results"]
        return results

    def journal(
        self, stage: str, *stamps: object, part: str = "", kind: Any = Any, look: bool = False
    ) -> Journal:
        """What an unfinished stage has done so far, of a `kind`; other `stamps` start it over.

        With `part` it is a file of its own, which goes with the stage's others when its record is
        written. With `look` the file stays as it lies.
        """
        stamp = self.study.stamp(stage, self.task, *stamps)
        path = self.store.scratch(self.key(stage), f"{stage}{part}.jsonl")
        journal = Journal(path, stamp, kind, look=look, by=self.by)
        self.runs += journal.runs
        if journal.dropped:
            n = len(journal.entries)
            self.progress.say(f"{journal.dropped} broken lines of {path} dropped, {n} kept")
        return journal

    @property
    def by(self) -> dict[str, Any]:
        """Which run this is, as far as its numbers depend on it."""
        return {**code(), **self.machine}

    @property
    def machine(self) -> Machine:
        """On what its stages are computed."""
        return this_machine(self.device, self.study.recipe)

    def draw(self, kind: str) -> int | list[int]:
        """What seeds the random draw of one kind of ticket."""
        return self.study.draw(self.task, self.seed, kind)

    def pretrained(self) -> Any:
        """The backbone before fine-tuning, with the classifier that this seed draws."""
        model, _ = backbone.load_backbone(self.study.backbone, self.about, seed=self.seed)
        self.require_as_begun()
        return model.to(self.device)

    @cached_property
    def model(self) -> Any:
        """The fine-tuned model of the record, fine-tuned again where it is not in the cache.

        Raises `UserError` where training gives other weights than the record's.
        """
        folder = self.store.root / self.key("finetune").folder
        with alone(folder / "finetune.json", self.progress.wait):
            model = self.saved_model()
            if model is None:
                model, _ = self.fine_tune()
                self.weights = self.results("finetune")["weights_sha256"]
                if backbone.weights_sha256(model) != self.weights:
                    raise UserError(
                        f"The fine-tuned weights behind {folder} are not in the cache, and "
                        "fine-tuning again on this machine gives others: delete that folder to "
                        "have all of it computed here."
                    )
        return model

    def fine_tune(self) -> tuple[Any, training.Curve]:
        """The model, fine-tuned from scratch and kept in the cache, and its curve with scores."""
        with alone(self.checkpoint, self.progress.wait):  # what cannot be kept is not trained
            model = self.pretrained()
            curve = self.train_model(model, "fine-tune", watch=True)
            self.save_model(model)
        return model, curve

    @property
    def checkpoint(self) -> Any:
        return self.store.scratch(self.key("finetune"), "finetuned.safetensors")

    def save_model(self, model: Any) -> None:
        """Keep the fine-tuned weights, too large for a record, in the cache, in one piece.

        Raises `UserError` where that fails. (The library's own `save_file` has drafts of its own,
        which a killed run would leave behind.)
        """
        from safetensors.torch import save

        weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        with in_one_piece(self.checkpoint) as draft:
            draft.write_bytes(save(weights))

    def saved_model(self, weights: str | None = None) -> Any | None:
        """The fine-tuned model of these `weights`, by default the record's, from the cache; None if
        it is not there, or another.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not self.checkpoint.exists():
            return None
        model = self.pretrained()
        try:
            found = load_file(regular(self.checkpoint))
        except SafetensorError:  # a cache may hold anything: what does not fit is made again
            return None
        except OSError as error:
            raise UserError(
                f"Cannot read the checkpoint {self.checkpoint}: {error}; mend that, or delete it."
            ) from error
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        if shapes != {name: tensor.shape for name, tensor in found.items()}:
            return None
        model.load_state_dict(found)
        self.weights = weights or self.results("finetune")["weights_sha256"]
        return model.eval() if backbone.weights_sha256(model) == self.weights else None

    def score(self, model: Any, metric: str | None = None) -> float:
        """The validation score by `metric`, by default the task's; six decimals."""
        score = training.evaluate(model, self.validation_batches, metric or self.metric)
        return round(score, 6)

    def measure(self, model: Any) -> Measured:
        """The validation scores by all of the task's metrics, and what else the study keeps."""
        predicted, labels = training.predict(model, self.validation_batches)
        answers: Answered = {}
        if self.study.held_out:
            texts = {"validation": answers_text(self.validation_batches.in_file_order(predicted))}
            if len(self.held_out):
                unseen = EvaluationBatches(self.held_out, EVALUATION_BATCH, self.device)
                found, true = training.predict(model, unseen)
                texts["held_out"] = answers_text(unseen.in_file_order(found))
                answers["held_out"] = self._scores(found, true)
            answers["predictions"] = texts
        why = metrics.undefined(self.metric, predicted, labels)
        return Measured(self._scores(predicted, labels), why, answers)

    def _scores(self, predicted: metrics.Array, labels: metrics.Array) -> dict[str, float]:
        return {m: round(metrics.score(m, predicted, labels), 6) for m in self.about.metrics}

    def train_model(
        self, model: Any, what: str, *, watch: bool = False, faster: float = 1.0
    ) -> training.Curve:
        """Fine-tune by the study's recipe, telling progress about it.

        With `watch` the curve has the validation score after every epoch, which takes time. The
        recipe's learning rate is multiplied by `faster`.
        """
        recipe = self.study.recipe
        self.progress.unit(what)

        def on_step(step: int, total: int, loss: float) -> None:
            self.progress.at(step / total, f", step {step} of {total}, loss {loss:.3f}")

        rate = faster * recipe.learning_rate
        # By name, too: two parts may begin with equal weights and compute different things.
        of = (what, backbone.weights_sha256(model), data.fingerprint(self.splits), rate, watch)
        # Beside the journals of the record that it is for, with which it goes.
        key = self.key("finetune" if self.parts is None else self.parts.stage)
        unfinished = Unfinished(
            self.store.scratch(key, "training" if self.parts is None else key.stage),
            (
                self.study.identity("finetune", self.task),
                self.seed,
                *of,
                *self.machine.values(),
            ),
        )
        begun = unfinished.state()
        runs = [self.by]
        if begun:
            runs += [run for run in begun.get("runs", []) if run != self.by]
            self.progress.say(f"{what}: goes on from step {begun['step']}")
        curve = training.finetune(
            model,
            self.train,
            replace(recipe, learning_rate=rate),
            seed=self.seed,
            device=self.device,
            evaluate=(lambda: self.score(model)) if watch else None,
            on_step=on_step,
            keep=lambda state: unfinished.keep(lambda: state() | {"runs": runs}),
            begun=begun,
        )
        self.runs += runs
        unfinished.clear()
        return curve
