"""Fine-tuning on short sentences and on long pairs, against `transformers.Trainer`."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.utils.data

from benchmarks import shapes
from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.magnitude_case import random_bert
from benchmarks.profiles import of_operations
from lottery_utils import backbone, training
from lottery_utils.batches import Encoded, training_order
from lottery_utils.recipe import Recipe

RECIPE = Recipe(learning_rate=2e-5, batch_size=32, epochs=1)
# Task: what it is called, examples of an epoch, batches timed of it, goals.
SHAPES = {
    "SST-2": ("short sentences", 8000, 20, 3.0, 1.2),
    "RTE": ("long pairs", 2490, 6, 2.0, 1.1),
}
N_COMPARED = 20  # batches whose losses are compared
Batches = list[list[int]]


def rows(setting: Setting) -> Iterator[Row]:
    """A row for the shape of SST-2, and one for that of RTE."""
    for task, (what, n, n_batches, goal, grouped_goal) in SHAPES.items():
        model, tokenizer = backbone.load_backbone("bundled", task, seed=42)
        if setting.small:
            model, n, n_batches = random_bert(small=True), 128, 2
        encoded = shapes.within_vocabulary(shapes.draw(task, n), model.config.vocab_size)
        gap, n_losses = losses_apart(model, encoded, setting.device)
        if gap > 1e-5:
            raise AssertionError(f"losses on identical batches are {gap:.1e} apart")
        timed = sides(setting, model, tokenizer, encoded, n_batches)
        profiled = {side: of_operations(timed[side]()) for side in ("ours", "theirs")}
        yield Row(
            f"fine-tuning, {what}",
            f"{n_batches} batches of {RECIPE.batch_size}, from all lengths of an epoch over {n:,} "
            f"examples of {task}'s shape ({sum(map(len, encoded.input_ids)) / n:.1f} tokens)",
            {
                "ours": "batches by length, only word pieces that occur",
                "theirs": "transformers.Trainer, dynamic padding, fused AdamW",
                "grouped": "the same, grouping by length",
            },
            alternate(setting, timed, warm=False),  # the profiles have warmed both
            f"the first {n_losses} losses on identical batches, dropout off, within {gap:.0e}",
            {"theirs": goal, "grouped": grouped_goal},
            {"examples": n_batches * RECIPE.batch_size, "profile": profiled},
        )


def sides(
    setting: Setting, model: Any, tokenizer: Any, encoded: Encoded, n_batches: int
) -> dict[str, Callable[[], Prepared]]:
    """Ours, Trainer's own batching, and Trainer's grouping by length.

    Each time `n_batches` of each side's own epoch are drawn anew, the same number of examples
    for all: one at random from each of as many equal groups of batches of similar length, since
    batches by length differ so much that a few drawn blindly say little about an epoch.
    """
    rng = np.random.default_rng(0)

    def drawn(batches: Batches) -> Batches:
        whole = [batch for batch in batches if len(batch) == RECIPE.batch_size]
        whole.sort(key=lambda batch: max(len(encoded.input_ids[i]) for i in batch))
        groups = np.array_split(np.arange(len(whole)), n_batches)
        return [whole[int(rng.choice(groups[i]))] for i in rng.permutation(n_batches)]

    def ours() -> Prepared:
        fresh = copy.deepcopy(model)
        few = drawn(training_order(encoded, RECIPE.batch_size, rng))

        def work() -> None:
            with mock.patch.object(training, "training_order", lambda *arguments: few):
                training.finetune(fresh, encoded, RECIPE, seed=1, device=setting.device)

        return work

    def theirs(strategy: str) -> Prepared:
        fresh = copy.deepcopy(model)
        made = trainer(fresh, tokenizer, encoded, setting.device, strategy)
        order = list(made._get_train_sampler(made.train_dataset))
        size = RECIPE.batch_size
        few = drawn([order[i : i + size] for i in range(0, len(order), size)])
        made.train_dataset = torch.utils.data.Subset(
            made.train_dataset, list(chain.from_iterable(few))
        )
        made.args.train_sampling_strategy = "sequential"
        train: Prepared = made.train
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
