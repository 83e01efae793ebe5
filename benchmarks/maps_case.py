"""Norm-weighted attention maps, against the tensor of every pair's vector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.magnitude_case import random_bert
from benchmarks.profiles import of_operations
from lottery_utils.attention import attention_maps
from lottery_utils.encoder import encoder_layers, encoder_shape

N_TOKENS = 128


def rows(setting: Setting) -> Iterator[Row]:
    """One row: one example of 128 tokens through a model of BERT-base's shape."""
    model = random_bert(setting.small).eval().to(setting.device)
    n = 12 if setting.small else N_TOKENS
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, model.config.vocab_size, (1, n), generator=generator)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    batch = {name: values.to(setting.device) for name, values in batch.items()}
    found: dict[str, Any] = {}

    def ours() -> Prepared:
        return lambda: found.update(ours=next(attention_maps(model, [batch])).normed)

    def theirs() -> Prepared:
        return lambda: found.update(theirs=naive(model, batch))

    seconds = alternate(setting, {"ours": ours, "theirs": theirs})
    gap = float(np.abs(found["ours"] - found["theirs"]).max())
    if gap > 1e-5:
        raise AssertionError(f"the two maps are {gap:.1e} apart")
    n_layers, n_heads = encoder_shape(model)
    yield Row(
        "norm-weighted maps",
        f"one example of {n} tokens, {n_layers} layers x {n_heads} heads, forward pass included",
        {
            "ours": "a number times a norm",
            "theirs": f"the vectors of all pairs, ({n}, {n}, {model.config.hidden_size}) per head",
        },
        seconds,
        f"the same maps within {gap:.0e}",
        {"theirs": 20.0},
        {"profile": {"ours": of_operations(ours()), "theirs": of_operations(theirs())}},
    )


@torch.inference_mode()
def naive(model: Any, batch: dict[str, torch.Tensor]) -> Any:
    """The norms of a_ij f(x_j) from the vectors themselves: (layers, heads, tokens, tokens)."""
    values: list[torch.Tensor] = []
    layers = encoder_layers(model)
    _, n_heads = encoder_shape(model)
    hooks = [
        layer.value.register_forward_hook(lambda module, inputs, output: values.append(output))
        for layer in layers
    ]
    kernel = model.config._attn_implementation
    model.set_attn_implementation("eager")
    attentions = model(**batch, output_attentions=True).attentions
    model.set_attn_implementation(kernel)
    for hook in hooks:
        hook.remove()
    maps = []
    for layer, raw, value in zip(layers, attentions, values, strict=True):
        per_head = value[0].view(value.shape[1], n_heads, -1)
        weight = layer.attention_output.weight.view(-1, n_heads, per_head.shape[-1])
        moved = torch.einsum("nhs,khs->hnk", per_head, weight)  # f(x_j)
        maps.append((raw[0][..., None] * moved[:, None]).norm(dim=-1))
    return torch.stack(maps).cpu().numpy()
