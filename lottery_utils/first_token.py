"""Scoring without the part of the last layer that nobody reads.

The classifier reads the last layer at the first token only. That token attends to all
others, so keys and values are needed of all, but queries, what follows the attention, and
the MLP of the last layer are needed for one token instead of all. The logits, and the
gradients of the masks, are the same up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from lottery_utils.encoder import last_layer


@contextmanager
def first_token_only(model: nn.Module) -> Iterator[None]:
    """Within the block, the last layer of `model` gives (batch, 1, hidden) instead of all tokens.

    For models whose layers are BERT's (BERT, RoBERTa, ELECTRA), whole or with components
    removed, with one of transformers' classifiers on top. Hooks in the layer act as before.
    Other families compute all tokens as always, and so do models in training mode: dropout
    for one token would be drawn otherwise, and a seed would no longer give the run it gave.
    """
    layer, family = last_layer(model)
    if model.training or not family.is_bert_layer:
        yield
        return
    layer.forward = partial(_forward, layer)  # before the class's own, until it is deleted
    try:
        yield
    finally:
        del layer.forward


def _forward(
    layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
) -> Tensor:
    """BERT's layer at the first token: (batch, 1, hidden) from (batch, tokens, hidden).

    What else layers are given (caches, another encoder's states) encoders do not use.
    """
    # Of a slice with gaps, a linear map rounds differently with gradients and without.
    first = hidden[:, :1].contiguous()
    context = None  # of a layer that has lost its heads
    if hasattr(layer.attention.self, "query"):
        context = _context(layer.attention.self, first, hidden, attention_mask)
    found: Tensor = layer.feed_forward_chunk(layer.attention.output(context, first))
    return found


def _context(
    attention: Any, first: Tensor, hidden: Tensor, attention_mask: Tensor | None
) -> Tensor:
    def by_head(values: Tensor) -> Tensor:
        return values.view(*values.shape[:2], -1, attention.attention_head_size).transpose(1, 2)

    context = nn.functional.scaled_dot_product_attention(
        by_head(attention.query(first)),
        by_head(attention.key(hidden)),
        by_head(attention.value(hidden)),
        attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
    )
    return context.transpose(1, 2).flatten(2)
