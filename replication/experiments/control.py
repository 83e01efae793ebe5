"""A model that has never been pre-trained: the control for section 6.

If a bad ticket trains well only because of pre-training, it should not without; if it still
does, the task is easy for any model of that size.
"""

from __future__ import annotations

from typing import Any

import torch

STATES = ("reinitialized", "embeddings_kept")


def reinitialized(model: Any, seed: int, *, keep_embeddings: bool = False) -> Any:
    """A new model of the same configuration, on the same device, with weights drawn anew.

    They come from the distribution that pre-training starts from (transformers' own), and
    `seed` decides them. The classifier is `model`'s, which has not been trained either; with
    `keep_embeddings` so are the embeddings (words, positions, types and their LayerNorm).
    """
    torch.manual_seed(seed)
    fresh = type(model)(model.config)
    prefix = model.base_model_prefix
    kept = [name for name, _ in model.named_children() if name != prefix]
    kept += [f"{prefix}.embeddings"] if keep_embeddings else []
    for name in kept:
        fresh.get_submodule(name).load_state_dict(model.get_submodule(name).state_dict())
    return fresh.to(next(model.parameters()).device).eval()
