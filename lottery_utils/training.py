"""Fine-tuning and evaluation, as plain loops: AdamW, linear decay without warm-up, clipping.

Training may run in bf16; evaluation and importance are always in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lottery_utils.batches import Encoded, training_order
from lottery_utils.errors import UserError
from lottery_utils.fast.first_token import first_token_only
from lottery_utils.fast.side_by_side import Batch, over_batches
from lottery_utils.fast.used_rows import only_used_rows
from lottery_utils.losses import example_losses, predictions
from lottery_utils.metrics import Array, score
from lottery_utils.recipe import Recipe

State = dict[str, Any]  # that torch.save takes and torch.load gives back, weights only


@dataclass(frozen=True)
class Curve:
    """About fifty pairs (step, mean training loss since the previous point), and the validation
    metric after each epoch. Nothing here influences training.
    """

    loss: list[tuple[int, float]]
    scores: list[float]


def finetune(
    model: Any,
    train: Encoded,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    evaluate: Callable[[], float] | None = None,
    on_step: Callable[[int, int, float], None] = lambda step, total, loss: None,
    keep: Callable[[Callable[[], State]], None] = lambda state: None,
    begun: State | None = None,
) -> Curve:
    """Fine-tune `model` in place; `seed` decides the order of batches and dropout.

    `evaluate()` is asked for the score after every epoch, `on_step` is given step, steps and loss.
    `keep` is given, after every step, a function that returns the training's state; with that as
    `begun`, another process goes on from there and comes to the same numbers. Raises `UserError`
    where the loss or a weight is no finite number, `ValueError` without data.
    """
    if not len(train):
        raise ValueError("fine-tuning needs at least one example")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    device = torch.device(device)
    model.to(device)
    bf16 = uses_bf16(device, recipe)
    n_steps = math.ceil(len(train) / recipe.batch_size) * recipe.epochs
    every, step, n_done = max(1, n_steps // 50), 0, 0
    since: list[Tensor] = []
    losses: list[tuple[int, float]] = []
    scores: list[float] = []
    with ExitStack() as stack:
        if not recipe.weight_decay:  # with it, rows of unused tokens would shrink
            occurring = {token for row in train.input_ids for token in row}
            stack.enter_context(only_used_rows(model, occurring | {train.pad_id}))
        optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=recipe.learning_rate,
            eps=recipe.adam_epsilon,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / n_steps)

        def state() -> State:
            return {
                **{name: of.state_dict() for name, of in stateful.items()},
                **{"step": step, "since": since, "losses": losses, "scores": scores},
                **random_state(device),
            }

        stateful: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": schedule}
        if begun:
            for name, of in stateful.items():
                of.load_state_dict(begun[name])
            set_random_state(begun, device)
            n_done, losses, scores = begun["step"], begun["losses"], begun["scores"]
            since = [loss.to(device) for loss in begun["since"]]
        # Losses stay on the device and are read once per point of the curve: reading a number
        # from a GPU makes the CPU wait for it.
        for epoch in range(recipe.epochs):
            model.train()
            for indices in training_order(train, recipe.batch_size, rng):
                if step < n_done:
                    step += 1
                    continue
                batch = train.collate(indices, device)
                labels = batch.pop("labels")
                with torch.autocast(device.type, torch.bfloat16, bf16), first_token_only(model):
                    logits = model(**batch).logits
                loss = example_losses(logits, labels).mean()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad(set_to_none=True)
                step += 1
                since.append(loss.detach())
                if step % every == 0 or step == n_steps:
                    mean = torch.stack(since).mean().item()
                    since.clear()
                    if not math.isfinite(mean):
                        raise _diverged(f"the loss became {mean}", step, n_steps, recipe)
                    losses.append((step, round(mean, 6)))
                    on_step(step, n_steps, mean)
                keep(state)
            if not all(weights.isfinite().all() for weights in model.parameters()):
                # A last step's infinite gradient shows in no loss.
                raise _diverged("weights became infinite or NaN", step, n_steps, recipe)
            if evaluate is not None and len(scores) == epoch:
                scores.append(evaluate())
    model.eval()
    return Curve(losses, scores)


def random_state(device: torch.device) -> State:
    """Where the random numbers of the CPU, and those of `device`, have come to."""
    state = {"random": torch.get_rng_state()}
    if device.type == "cuda":
        state["random_cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["random_mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: State, device: torch.device) -> None:
    """Go on with random numbers from a `random_state` of a device of the same kind."""
    torch.set_rng_state(state["random"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["random_cuda"], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state["random_mps"])


def _diverged(how: str, step: int, n_steps: int, recipe: Recipe) -> UserError:
    return UserError(
        f"Training diverged: {how} at step {step} of {n_steps} with learning rate "
        f"{recipe.learning_rate:g}; choose a smaller one."
    )


def uses_bf16(device: torch.device | str, recipe: Recipe) -> bool:
    """Whether training runs in bf16: where the recipe allows it and the device computes in it."""
    kind = torch.device(device).type
    if kind == "cpu":
        return recipe.bf16 == "cpu" and cpu_has_bf16()
    return bool(recipe.bf16) and kind == "cuda" and torch.cuda.is_bf16_supported()


def cpu_has_bf16() -> bool:
    """Whether this processor multiplies matrices in bfloat16; emulated, that would be slower."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def predict(model: Any, batches: Iterable[Batch]) -> tuple[Array, Array]:
    """The model's predictions (class indices or grades) and the labels over all batches, (n,).

    Raises `UserError` where its outputs are no finite numbers, which are no predictions.
    """
    was_training = model.training
    model.eval()
    answers = over_batches(model, batches, _answers)
    model.train(was_training)
    parts = (torch.cat(part).cpu().numpy() for part in zip(*answers, strict=True))
    predicted, labels, finite = parts
    if not finite.all():
        raise UserError(
            "Training diverged: the model's outputs are infinite or NaN; choose a smaller "
            "learning rate."
        )
    return predicted, labels


@torch.inference_mode()
def _answers(model: Any, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    with first_token_only(model):
        logits = model(**inputs).logits
    return predictions(logits), batch["labels"], logits.isfinite().all(-1)


def evaluate(model: Any, batches: Iterable[Batch], metric: str) -> float:
    """The metric called `metric` of the model's predictions over all batches."""
    return score(metric, *predict(model, batches))
