"""A forward pass without the part of the last layer that nobody reads.

The classifier reads the last layer at the first token only. That token attends to all
others, so keys and values are needed of all, but queries, what follows the attention, and
the MLP of the last layer are needed for one token instead of all. The logits, and all
gradients, are the same up to rounding: in training, dropout is drawn for all tokens and
used for the first, so that a seed drops what it drops with the whole layer.
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

    For models whose layers are BERT's (BERT, RoBERTa, ELECTRA), whole or with components
    removed, with one of transformers' classifiers on top. Hooks in the layer act as before.
    Other families compute all tokens as always, and so do models in training that draw their
    dropout otherwise: on any device but a CPU inside the kernel of attention, with chunked
    MLPs chunk by chunk, with gradient checkpointing twice. The block must begin in the mode,
    training or evaluation, in which the model is called.
    """
    layer, family = last_layer(model)
    if not family.is_bert_layer or (model.training and _draws_otherwise(layer)):
        yield
        return
    layer.forward = partial(_forward, layer)  # before the class's own, until it is deleted
    try:
        yield
    finally:
        del layer.forward


def _draws_otherwise(layer: Any) -> bool:
    elsewhere = next(layer.parameters()).device.type != "cpu"
    checkpointed = getattr(layer, "gradient_checkpointing", False)
    return bool(elsewhere or layer.chunk_size_feed_forward or checkpointed)


def _forward(
    layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """BERT's layer at the first token: (batch, 1, hidden) from (batch, tokens, hidden).

    What else layers are given (caches, another encoder's states) encoders do not use.
    """
    # Of a slice with gaps, a linear map rounds differently with gradients and without.
    first = hidden[:, :1].contiguous()
    context = None  # of a layer that has lost its heads
    with _drawing_for(hidden.shape[1], layer):
        if hasattr(layer.attention.self, "query"):
            attend = _context_in_training if layer.training else _context
            context = attend(layer.attention.self, first, hidden, attention_mask)
        found: Tensor = layer.feed_forward_chunk(layer.attention.output(context, first))
    return found


def _context(
    attention: Any, first: Tensor, hidden: Tensor, attention_mask: Tensor | None
) -> Tensor:
    context = nn.functional.scaled_dot_product_attention(
        _by_head(attention, attention.query(first)),
        _by_head(attention, attention.key(hidden)),
        _by_head(attention, attention.value(hidden)),
        attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
    )
    return context.transpose(1, 2).flatten(2)


def _context_in_training(
    attention: Any, first: Tensor, hidden: Tensor, attention_mask: Tensor | None
) -> Tensor:
    query = _by_head(attention, attention.query(first)) * attention.attention_head_size**-0.5
    scores = query @ _by_head(attention, attention.key(hidden)).transpose(2, 3)
    if attention_mask is not None:
        of_first = attention_mask[:, :, :1]  # what may be seen, or what is to be added
        is_bool = of_first.dtype == torch.bool
        scores = scores.masked_fill(~of_first, -math.inf) if is_bool else scores + of_first
    weights = _dropped(scores.softmax(-1), attention.dropout.p, hidden.shape[1], axis=2)
    context = weights @ _by_head(attention, attention.value(hidden))
    return context.transpose(1, 2).flatten(2)


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
