"""The released code's way of scoring heads and MLPs, written plainly, to compare with.

Every example is padded to 128 tokens, batches are of 64, and the backward pass computes the
gradients of all parameters beside those of the mask. What it gives is the paper's score, the
mean over examples of |dL/dxi|, so that both sides find the same mask.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lottery_utils.batches import Encoded
from lottery_utils.encoder import encoder_shape
from lottery_utils.importance import Importance
from lottery_utils.losses import example_losses
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import scaled

MAX_LENGTH, BATCH_SIZE = 128, 64


def padded_batches(encoded: Encoded, device: torch.device) -> list[dict[str, Tensor]]:
    """Batches of 64 in file order, every row padded to 128 tokens."""
    batches = []
    for start in range(0, len(encoded), BATCH_SIZE):
        batch = encoded.collate(range(start, min(start + BATCH_SIZE, len(encoded))), device)
        labels = batch.pop("labels")
        short = MAX_LENGTH - batch["input_ids"].shape[1]
        values = {name: encoded.pad_id if name == "input_ids" else 0 for name in batch}
        batches.append(
            {
                "labels": labels,
                **{
                    name: torch.nn.functional.pad(rows, (0, short), value=values[name])
                    for name, rows in batch.items()
                },
            }
        )
    return batches


def examine_padded(
    model: Any, batches: list[dict[str, Tensor]], mask: StructuredMask
) -> tuple[list[int], list[int], Importance]:
    """The masked model's answers, the labels, and the importance of every head and MLP."""
    n_layers, n_heads = encoder_shape(model)
    total = np.zeros((n_layers, n_heads + 1))
    answers: list[int] = []
    labels: list[int] = []
    n_tokens = 0
    headless = np.flatnonzero(~mask.heads.any(axis=1)).tolist()
    start = np.concatenate([mask.heads, mask.mlps[:, None]], axis=1).astype(np.float32)
    model.eval()
    for batch in batches:
        inputs = {name: values for name, values in batch.items() if name != "labels"}
        xi = torch.as_tensor(start, device=batch["labels"].device)
        xi = xi.repeat(len(batch["labels"]), 1, 1).requires_grad_()
        with scaled(model, partial(_heads, xi), partial(_mlp, xi), headless):
            logits = model(**inputs).logits
            torch.autograd.backward(example_losses(logits, batch["labels"]).sum())
        assert xi.grad is not None
        total += xi.grad.abs().sum(0, dtype=torch.float64).cpu().numpy()
        answers += logits.argmax(-1).tolist()
        labels += batch["labels"].tolist()
        n_tokens += int(batch["attention_mask"].sum())
        model.zero_grad()
    total /= len(labels)
    return answers, labels, Importance(total[:, :-1], total[:, -1], len(labels), n_tokens)


def brute_force(model: Any, encoded: Encoded, device: torch.device) -> Importance:
    """The same for the whole model without any trick: one example at a time, one mask for all."""
    n_layers, n_heads = encoder_shape(model)
    total = np.zeros((n_layers, n_heads + 1))
    n_tokens = 0
    model.eval()
    for i in range(len(encoded)):
        batch = encoded.collate([i], device)
        labels = batch.pop("labels")
        xi = torch.ones(n_layers, n_heads + 1, device=device, requires_grad=True)
        with scaled(model, partial(_heads, xi), partial(_mlp, xi)):
            loss = example_losses(model(**batch).logits, labels).sum()
        (gradient,) = torch.autograd.grad(loss, xi)
        total += gradient.abs().double().cpu().numpy()
        n_tokens += int(batch["attention_mask"].sum())
    total /= len(encoded)
    return Importance(total[:, :-1], total[:, -1], len(encoded), n_tokens)


def _heads(xi: Tensor, layer: int) -> Tensor:
    return xi[..., layer, :-1]


def _mlp(xi: Tensor, layer: int) -> Tensor:
    return xi[..., layer, -1]
