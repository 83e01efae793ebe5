"""From logits to losses, which fine-tuning lowers and importance differentiates, and answers."""

from __future__ import annotations

from torch import Tensor, nn


def example_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of each example: float32 (batch,), from logits (batch, outputs), labels (batch,).
    Cross-entropy with class indices; with one output, the squared error of the grade.
    """
    scores = logits.float()
    if scores.shape[-1] == 1:
        return nn.functional.mse_loss(scores.squeeze(-1), labels.float(), reduction="none")
    return nn.functional.cross_entropy(scores, labels, reduction="none")


def predictions(logits: Tensor) -> Tensor:
    """The model's answers (batch,): class indices, or grades where it has one output."""
    return logits.argmax(-1) if logits.shape[-1] > 1 else logits.squeeze(-1)
