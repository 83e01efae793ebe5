"""How to fine-tune and when to stop pruning, with the paper's values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune. The defaults are the paper's (section 3), but for `bf16`.

    With `bf16` training runs in bfloat16 on graphics cards that can; `cpu` says that it should
    on processors that compute in it too (AVX512-BF16, AMX).
    """

    learning_rate: float = 2e-5
    epochs: int = 3
    batch_size: int = 32
    max_length: int = 128
    weight_decay: float = 0.0
    adam_epsilon: float = 1e-8
    clip_norm: float = 1.0
    bf16: bool | Literal["cpu"] = True


@dataclass(frozen=True)
class SearchRule:
    """When to stop pruning, and how much to remove at a time (section 4.1).

    `head_step` is a share of all heads, `weight_step` one of the weights that remain.
    """

    threshold: float = 0.9
    head_step: float = 0.1
    weight_step: float = 0.1
