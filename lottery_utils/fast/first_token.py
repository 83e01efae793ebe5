"""A forward pass without the part of the last layer that nobody reads.

The classifier reads the last layer at the first token only: keys and values are needed of all
tokens, everything else of one. Logits and gradients are the same up to rounding, dropout included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lottery_utils.encoder import last_layer


@contextmanager
def first_token_only(model: nn.Module) -> Iterator[None]:
    """Within the block, the last layer of `model` gives (batch, 1, hidden) instead of all tokens.

    For BERT's layers (BERT, RoBERTa, ELECTRA) and MPNet's, whole or pruned, under transformers'
    classifiers; hooks in the layer act as before. Others compute all tokens, and so do models in
    training that draw their dropout otherwise (not on a CPU, in chunks, or twice). The block must
    begin in the mode, training or evaluation, in which the model is called.
    """
    layer, family = last_layer(model)
    if family.calls is None or (model.training and _draws_otherwise(layer)):
        yield
        return
    forward: Any = {"bert": _bert_forward, "mpnet": _mpnet_forward}[family.calls]
    layer.forward = partial(forward, layer)  # before the class's own, until it is deleted
    try:
        yield
    finally:
        del layer.forward


def _draws_otherwise(layer: Any) -> bool:
    elsewhere = next(layer.parameters()).device.type != "cpu"
    checkpointed = getattr(layer, "gradient_checkpointing", False)
    chunked = getattr(layer, "chunk_size_feed_forward", 0)
    return bool(elsewhere or chunked or checkpointed)


def _bert_forward(
    layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """BERT's layer at the first token: (batch, 1, hidden) from (batch, tokens, hidden)."""
    # Of a slice with gaps, a linear map rounds differently with gradients and without.
    first = hidden[:, :1].contiguous()
    context = None  # of a layer that has lost its heads
    with _drawing_for(hidden.shape[1], layer):
        own = layer.attention.self
        if hasattr(own, "query"):
            context = _context(own, (own.query, own.key, own.value), first, hidden, attention_mask)
        found: Tensor = layer.feed_forward_chunk(layer.attention.output(context, first))
    return found


def _mpnet_forward(
    layer: Any,
    hidden: Tensor,
    attention_mask: Tensor | None,
    position_bias: Tensor,
    *_: Any,
    **__: Any,
) -> tuple[Tensor]:
    """MPNet's layer at the first token, in a tuple as MPNet has it."""
    from lottery_utils.mpnet import bias_of

    first, own = hidden[:, :1].contiguous(), layer.attention.attn
    with _drawing_for(hidden.shape[1], layer):
        attended: Any = None
        if hasattr(own, "q"):
            bias = bias_of(own, position_bias, attention_mask)
            attended = own.o(_context(own, (own.q, own.k, own.v), first, hidden, bias))
        attended = layer.attention.LayerNorm(layer.attention.dropout(attended) + first)
        return (layer.output(layer.intermediate(attended), attended),)


def _context(
    attention: Any,
    maps: tuple[nn.Module, nn.Module, nn.Module],
    first: Tensor,
    hidden: Tensor,
    attention_mask: Tensor | None,
) -> Tensor:
    """What the heads give the first token, `first` of `hidden`: (batch, 1, heads x head size).

    `maps` are of queries, keys and values; `attention_mask` (batch, heads or 1, from, to) is bool,
    or added to scores.
    """
    query, key, value = (
        _by_head(attention, linear(values))
        for linear, values in zip(maps, (first, hidden, hidden), strict=True)
    )
    of_first = None if attention_mask is None else attention_mask[:, :, :1]
    if attention.training:
        context = _with_dropout(attention, query, key, value, of_first, hidden.shape[1])
    else:
        if of_first is not None and of_first.dtype != torch.bool:
            of_first = of_first.to(query.dtype)
        context = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=of_first)
    return context.transpose(1, 2).flatten(2)


def _with_dropout(
    attention: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    of_first: Tensor | None,
    n_tokens: int,
) -> Tensor:
    scores = (query * attention.attention_head_size**-0.5) @ key.transpose(2, 3)
    if of_first is not None:
        is_bool = of_first.dtype == torch.bool
        scores = scores.masked_fill(~of_first, -math.inf) if is_bool else scores + of_first
    weights = _dropped(scores.softmax(-1), attention.dropout.p, n_tokens, axis=2)
    return weights @ value


def _by_head(attention: Any, values: Tensor) -> Tensor:
    """(batch, heads, tokens, head size) from (batch, tokens, heads x head size)."""
    return values.view(*values.shape[:2], -1, attention.attention_head_size).transpose(1, 2)


@contextmanager
def _drawing_for(n_tokens: int, layer: nn.Module) -> Iterator[None]:
    """Within the block, the dropouts of `layer` draw for `n_tokens` and are given the first."""
    dropouts = [m for m in layer.modules() if isinstance(m, nn.Dropout) and m.training]
    for module in dropouts:
        module.forward = partial(_dropped, p=module.p, n_tokens=n_tokens)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in dropouts:
            del module.forward


def _dropped(values: Tensor, p: float, n_tokens: int, axis: int = 1) -> Tensor:
    """`values` of the first token (size 1 along `axis`), as dropout over all tokens leaves them."""
    shape = [*values.shape[:axis], n_tokens, *values.shape[axis + 1 :]]
    return values * nn.functional.dropout(values.new_ones(shape), p).narrow(axis, 0, 1)
