"""MPNet's attention: BERT's, with a bias by relative position that all layers share.

transformers adds it in an attention without fused kernels. Here it is a fused kernel's additive
mask, and a layer that has lost heads takes the rows of those that it still has.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.models.mpnet.modeling_mpnet import MPNetSelfAttention


def adapt(attention: Any) -> None:
    """Have a layer's `MPNetSelfAttention` compute as here; its parameters stay what they are."""
    # By its class, so that copies of the module, shallow or deep, compute on their own parts.
    attention.__class__ = FusedAttention


def bias_of(attention: Any, position_bias: Tensor, mask: Tensor | None) -> Tensor:
    """What is added to the scores of the heads that `attention` has: (batch, heads, from, to), from
    the bias of all heads of the whole model and a mask (batch, 1, from, to), 0 where one may look.
    """
    kept = getattr(attention, "kept_heads", None)
    bias = position_bias if kept is None else position_bias[:, kept]
    return bias if mask is None else bias + mask


def keep_heads(attention: Any, kept: Tensor) -> None:
    """Tell an attention whose maps were cut which heads of the whole model it still has."""
    adapt(attention)
    attention.num_attention_heads = len(kept)
    attention.all_head_size = len(kept) * attention.attention_head_size
    attention.register_buffer("kept_heads", kept, persistent=False)


class FusedAttention(MPNetSelfAttention):  # type: ignore[misc]
    """The same numbers up to rounding; maps are returned by computing as transformers does.

    No faster than transformers' within what was measured (benchmarks); records were made with it.
    """

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
        output_attentions: bool = False,
        **_: Any,
    ) -> tuple[Tensor, ...]:
        if output_attentions or position_bias is None:
            found: tuple[Tensor, ...] = super().forward(
                hidden_states, attention_mask, position_bias, output_attentions
            )
            return found
        shape = (*hidden_states.shape[:-1], -1, self.attention_head_size)
        query, key, value = (
            linear(hidden_states).view(shape).transpose(1, 2) for linear in (self.q, self.k, self.v)
        )
        context = nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias_of(self, position_bias, attention_mask).to(query.dtype),
            dropout_p=self.dropout.p if self.training else 0.0,
        )
        return (self.o(context.transpose(1, 2).flatten(2)),)
