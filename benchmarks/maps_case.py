"""Norm-weighted attention maps, against the tensor of every pair's vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.alternate import Prepared, Row, Setting, alternate
from benchmarks.magnitude_case import random_bert
from benchmarks.profiles import of_operations
from lottery_utils.attention import FloatArray, attention_maps, head_gram, value_norms
from lottery_utils.encoder import encoder_layers, encoder_shape

N_TOKENS = 128


def rows(setting: Setting) -> Iterator[Row]:
    """The norming alone, from attention and values that are there; and with the forward pass."""
    model = random_bert(setting.small).eval().to(setting.device)
    n = 12 if setting.small else N_TOKENS
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, model.config.vocab_size, (1, n), generator=generator)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    batch = {name: values.to(setting.device) for name, values in batch.items()}
    seen = read(model, batch)
    n_layers, n_heads = encoder_shape(model)
    size = model.config.hidden_size
    from_seen: dict[str, Callable[[], FloatArray]] = {
        "ours": partial(normed, model, *seen),
        "theirs": partial(naive, model, *seen),
    }
    whole: dict[str, Callable[[], FloatArray]] = {
        "ours": lambda: next(attention_maps(model, [batch])).normed,
        "theirs": lambda: naive(model, *read(model, batch)),
    }
    for case, works in (
        ("norm-weighted maps", from_seen),
        ("norm-weighted maps, with the forward pass", whole),
    ):
        gap = float(np.abs(works["ours"]() - works["theirs"]()).max())
        if gap > 1e-5:
            raise AssertionError(f"the two maps are {gap:.1e} apart")
        prepared: dict[str, Callable[[], Prepared]] = {
            name: partial(_as_it_is, work) for name, work in works.items()
        }
        alone = works is from_seen
        yield Row(
            case,
            f"one example of {n} tokens, {n_layers} layers x {n_heads} heads"
            + (", raw maps and values given" if alone else ""),
            {
                "ours": "a number times a norm",
                "theirs": f"the vectors of all pairs, ({n}, {n}, {size}) per head",
            },
            alternate(setting, prepared),
            f"the same maps within {gap:.0e}",
            {"theirs": 20.0} if alone else {},
            {"profile": {name: of_operations(work) for name, work in works.items()}}
            if alone
            else {},
        )


def _as_it_is(work: Prepared) -> Prepared:
    return work


@torch.inference_mode()
def read(model: Any, batch: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Of each layer the raw maps, (heads, tokens, tokens), and the values, (tokens, hidden)."""
    values: list[Tensor] = []
    hooks = [
        layer.value.register_forward_hook(lambda module, inputs, output: values.append(output[0]))
        for layer in encoder_layers(model)
    ]
    kernel = model.config._attn_implementation
    model.set_attn_implementation("eager")
    attentions = model(**batch, output_attentions=True).attentions
    model.set_attn_implementation(kernel)
    for hook in hooks:
        hook.remove()
    return [raw[0] for raw in attentions], values


@torch.inference_mode()
def normed(model: Any, attentions: list[Tensor], values: list[Tensor]) -> FloatArray:
    """The library's way: (layers, heads, tokens, tokens)."""
    _, n_heads = encoder_shape(model)
    maps = [
        raw * value_norms(value[None], head_gram(layer.attention_output, n_heads))[0, :, None]
        for layer, raw, value in zip(encoder_layers(model), attentions, values, strict=True)
    ]
    return torch.stack(maps).cpu().numpy()


@torch.inference_mode()
def naive(model: Any, attentions: list[Tensor], values: list[Tensor]) -> FloatArray:
    """The norms of a_ij f(x_j) from the vectors themselves: (layers, heads, tokens, tokens)."""
    _, n_heads = encoder_shape(model)
    maps = []
    for layer, raw, value in zip(encoder_layers(model), attentions, values, strict=True):
        per_head = value.view(len(value), n_heads, -1)
        weight = layer.attention_output.weight.view(-1, n_heads, per_head.shape[-1])
        moved = torch.einsum("nhs,khs->hnk", per_head, weight)  # f(x_j)
        maps.append((raw[..., None] * moved[:, None]).norm(dim=-1))
    return torch.stack(maps).cpu().numpy()
