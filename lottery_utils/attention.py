"""Attention maps of every head: raw, and weighted by the norms of what they move.

A raw map says how strongly token i attends to token j, a_ij. What j contributes to i is
a_ij f(x_j), where f is the head's value map followed by its slice of the output projection
(Kobayashi et al. 2020). Its norm is a_ij times the norm of f(x_j), one number for each token and
head (paper, section 5.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lottery_utils.encoder import encoder_layers, encoder_shape

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Maps:
    """The maps of one example, without padding: float32 (layers, heads, tokens, tokens).

    `raw[l, h, i, j]` is how much i attends to j; `normed` is that times the norm of f(x_j).
    """

    raw: FloatArray
    normed: FloatArray


def attention_maps(
    model: nn.Module, batches: Iterable[dict[str, Tensor]], *, transposed: bool = False
) -> Iterator[Maps]:
    """The maps of every example in `batches`, in their order, in evaluation mode.

    `batches` are dicts of tensors on the model's device, padded on the right: `input_ids` and
    `attention_mask` (batch, tokens) and whatever else the model takes. It attends eagerly, as
    other kernels return no maps. With `transposed` a head's columns of the output projection are
    its rows, as in the authors' code. Raises `ValueError` if tokens are padded on the left,
    `UserError` if heads or MLPs were removed.
    """
    for batch in batches:
        lengths = batch["attention_mask"].sum(dim=1).tolist()
        if any(not row[:n].all() for row, n in zip(batch["attention_mask"], lengths, strict=True)):
            raise ValueError("attention maps need batches that are padded on the right")
        with _reading(model, transposed) as norms, torch.inference_mode():
            inputs = {name: values for name, values in batch.items() if name != "labels"}
            found: Any = model(**inputs, output_attentions=True)
            raw = torch.stack(found.attentions, dim=1)  # (batch, layers, heads, tokens, tokens)
            normed = raw * torch.stack(norms, dim=1)[:, :, :, None, :]
        for i, n in enumerate(lengths):
            yield Maps(*(maps[i, :, :, :n, :n].float().cpu().numpy() for maps in (raw, normed)))


@contextmanager
def _reading(model: Any, transposed: bool) -> Iterator[list[Tensor]]:
    """Eager attention and evaluation mode; the list fills, layer by layer, with the norms of
    f(x_j): (batch, heads, tokens).
    """
    _, n_heads = encoder_shape(model)
    norms: list[Tensor] = []
    training, kernel = model.training, model.config._attn_implementation
    with ExitStack() as stack:
        for layer in encoder_layers(model):
            gram = head_gram(layer.attention_output, n_heads, transposed)

            def hook(_module: nn.Module, _inputs: Any, values: Tensor, gram: Tensor = gram) -> None:
                norms.append(value_norms(values, gram))

            stack.callback(layer.value.register_forward_hook(hook).remove)
        model.eval()
        model.set_attn_implementation("eager")
        stack.callback(model.set_attn_implementation, kernel)
        stack.callback(model.train, training)
        yield norms


def value_norms(values: Tensor, gram: Tensor) -> Tensor:
    """The norms of f(x_j): (batch, heads, tokens), from what a layer's value map gives.

    `values` is (batch, tokens, heads x head size), `gram` what `head_gram` gives of the output
    projection W: |W v|^2 = v' (W' W) v.
    """
    of_heads = values.reshape(*values.shape[:-1], len(gram), -1)
    squares = torch.einsum("bnhs,hst,bnht->bhn", of_heads, gram, of_heads)
    return squares.clamp(min=0).sqrt()


def head_gram(projection: nn.Linear, n_heads: int, transposed: bool = False) -> Tensor:
    """W' W of each head's columns (`transposed`: rows) of W: (heads, head size, head size)."""
    weight = projection.weight.detach()
    slices = (weight.T if transposed else weight).reshape(len(weight), n_heads, -1)
    return torch.einsum("khs,kht->hst", slices, slices)
