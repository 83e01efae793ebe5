"""The loss around a model: how fast it rises along random directions (section 6).

A direction is drawn at random and scaled filter by filter (Li et al. 2018): every row of a
weight matrix gets the norm of the row that it is added to, so that one step means the same
to small and to large weights. Vectors (biases, LayerNorms) stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lottery_utils.losses import example_losses

RADII = (-0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4)


@torch.no_grad()
def loss_along(
    model: nn.Module,
    batches: Iterable[dict[str, Tensor]],
    *,
    seed: int,
    n_directions: int = 2,
    radii: Sequence[float] = RADII,
) -> list[list[float]]:
    """The mean loss (n_directions, radii) of `model` at these steps along random directions.

    A step of 1 moves every filter by its own length. `seed` decides the directions, drawn on
    the CPU, so that they are the same on every device. The model is as before afterwards.
    """
    batches = list(batches)
    filters = [p for p in model.parameters() if p.ndim > 1]
    before = [p.clone() for p in filters]
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    losses = []
    try:
        for _ in range(n_directions):
            ways = [_direction(p, generator) for p in before]
            losses.append([_loss_at(model, batches, filters, before, ways, r) for r in radii])
    finally:
        for parameter, value in zip(filters, before, strict=True):
            parameter.copy_(value)
        model.train(was_training)
    return losses


def _direction(parameter: Tensor, generator: torch.Generator) -> Tensor:
    way = torch.randn(parameter.shape, generator=generator).to(parameter.device).flatten(1)
    lengths = parameter.flatten(1).norm(dim=1, keepdim=True)
    scaled: Tensor = way / way.norm(dim=1, keepdim=True) * lengths
    return scaled.reshape(parameter.shape)


def _loss_at(
    model: Any,
    batches: list[dict[str, Tensor]],
    filters: list[nn.Parameter],
    before: list[Tensor],
    ways: list[Tensor],
    radius: float,
) -> float:
    for parameter, start, way in zip(filters, before, ways, strict=True):
        parameter.copy_(start + radius * way)
    total, n = 0.0, 0
    for batch in batches:
        inputs = {name: values for name, values in batch.items() if name != "labels"}
        losses = example_losses(model(**inputs).logits, batch["labels"])
        total, n = total + losses.sum().item(), n + len(losses)
    return round(total / n, 6)
