"""Fine-tuning on short sentences and on long pairs, against `transformers.Trainer`."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks import shapes
from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.magnitude_case import random_bert
from benchmarks.profiles import of_operations
from lottery_utils import backbone, training
from lottery_utils.batches import Encoded, training_order
from lottery_utils.study import Recipe

RECIPE = Recipe(learning_rate=2e-5, batch_size=32, epochs=1)
SHAPES = {"SST-2": ("short sentences", 640, 3.0, 1.2), "RTE": ("long pairs", 160, 2.0, 1.1)}
N_COMPARED = 20  # batches whose losses are compared


def rows(setting: Setting) -> Iterator[Row]:
    """A row for the shape of SST-2, and one for that of RTE."""
    for task, (what, n, goal, grouped_goal) in SHAPES.items():
        model, tokenizer = backbone.load_backbone("bundled", task, seed=42)
        if setting.small:
            model, n = random_bert(small=True), 64
        encoded = shapes.within_vocabulary(shapes.draw(task, n), model.config.vocab_size)
        gap, n_losses = losses_apart(model, encoded, setting.device)
        if gap > 1e-5:
            raise AssertionError(f"losses on identical batches are {gap:.1e} apart")
        made = sides(setting, model, tokenizer, encoded)
        few = sides(setting, model, tokenizer, encoded.first(5 * RECIPE.batch_size))
        profiled = {side: of_operations(few[side]()) for side in ("ours", "theirs")}
        yield Row(
            f"fine-tuning, {what}",
            f"one epoch over {len(encoded):,} examples of {task}'s shape "
            f"({sum(map(len, encoded.input_ids)) / len(encoded):.1f} tokens), batches of 32",
            {
                "ours": "batches by length, only word pieces that occur",
                "theirs": "transformers.Trainer, dynamic padding, fused AdamW",
                "grouped": "the same, grouping by length",
            },
            alternate(setting, made),
            f"the first {n_losses} losses on identical batches, dropout off, within {gap:.0e}",
            {"theirs": goal, "grouped": grouped_goal},
            {"examples": len(encoded), "profile": profiled},
        )


def sides(
    setting: Setting, model: Any, tokenizer: Any, encoded: Encoded
) -> dict[str, Callable[[], Prepared]]:
    """Ours, Trainer's own batching, and Trainer's grouping by length: one epoch from `model`."""

    def ours() -> Prepared:
        fresh = copy.deepcopy(model)
        return lambda: training.finetune(fresh, encoded, RECIPE, seed=1, device=setting.device)

    def theirs(strategy: str) -> Prepared:
        fresh = copy.deepcopy(model)
        train: Prepared = trainer(fresh, tokenizer, encoded, setting.device, strategy).train
        return train

    return {
        "ours": ours,
        "theirs": lambda: theirs("random"),
        "grouped": lambda: theirs("group_by_length"),
    }


def trainer(
    model: Any,
    tokenizer: Any,
    encoded: Encoded,
    device: torch.device,
    strategy: str = "random",
    *,
    bf16: bool = False,
    kind: type | None = None,
) -> Any:
    """A `Trainer` with our recipe, its own batches, and nothing to log or to save."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    types = encoded.token_type_ids or [[0] * len(ids) for ids in encoded.input_ids]
    dataset = [
        {"input_ids": ids, "token_type_ids": of_types, "labels": int(label)}
        for ids, of_types, label in zip(encoded.input_ids, types, encoded.labels, strict=True)
    ]
    arguments = transformers.TrainingArguments(
        output_dir=tempfile.gettempdir(),
        per_device_train_batch_size=RECIPE.batch_size,
        num_train_epochs=1,
        learning_rate=RECIPE.learning_rate,
        adam_epsilon=RECIPE.adam_epsilon,
        weight_decay=RECIPE.weight_decay,
        max_grad_norm=RECIPE.clip_norm,
        lr_scheduler_type="linear",
        warmup_steps=0,
        optim="adamw_torch_fused",
        train_sampling_strategy=strategy,
        use_cpu=device.type == "cpu",
        bf16=bf16,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=1,
    )
    made = (kind or transformers.Trainer)(
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )
    made.remove_callback(transformers.PrinterCallback)
    return made


def losses_apart(model: Any, encoded: Encoded, device: torch.device) -> tuple[float, int]:
    """How far the first losses of ours and of Trainer's are apart on the same batches.

    Dropout is off, as the two draw it in a different order.
    """
    import transformers

    still = copy.deepcopy(model)
    for module in still.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    encoded = encoded.first(N_COMPARED * RECIPE.batch_size)
    order = training_order(encoded, RECIPE.batch_size, np.random.default_rng(1))
    theirs: list[float] = []

    class OurBatches(transformers.Trainer):  # type: ignore[misc]
        def get_train_dataloader(self) -> Any:
            return [encoded.collate(indices, device) for indices in order]

        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            loss = super().training_step(*args, **kwargs)
            theirs.append(float(loss))
            return loss

    trainer(copy.deepcopy(still), None, encoded, device, kind=OurBatches).train()
    ours: list[float] = []
    training.finetune(
        copy.deepcopy(still),
        encoded,
        RECIPE,
        seed=1,
        device=device,
        on_step=lambda step, total, loss: ours.append(loss),
    )
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True)), len(ours)
