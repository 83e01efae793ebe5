"""The loss that fine-tuning lowers and importance differentiates."""

from __future__ import annotations

from torch import Tensor, nn


def example_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of each example: float32 (batch,), from logits (batch, outputs).

    Cross-entropy with class indices; where the model has one output, the squared error of
    the grade. `labels` is (batch,).
    """
    scores = logits.float()
    if scores.shape[-1] == 1:
        return nn.functional.mse_loss(scores.squeeze(-1), labels.float(), reduction="none")
    return nn.functional.cross_entropy(scores, labels, reduction="none")
