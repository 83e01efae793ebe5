"""How to fine-tune and when to stop pruning. A field's description is what a refusal says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):  # pydantic would take true for 1
        raise ValueError("not a number")
    return value


# Texts are taken too: YAML reads 1e-4, without a point, as one.
_Number = BeforeValidator(_no_bool)
_Positive = Annotated[
    float, Field(gt=0, allow_inf_nan=False, description="a positive number"), _Number
]
_Count = Annotated[int, Field(strict=True, gt=0, lt=2**31, description="a positive whole number")]
_Length = Annotated[int, Field(strict=True, ge=8, lt=2**31, description="at least 8 tokens")]
_Decay = Annotated[
    float, Field(ge=0, allow_inf_nan=False, description="a number, 0 or more"), _Number
]
_Precision = Annotated[
    Annotated[bool, Field(strict=True)] | Literal["cpu"], Field(description="true, false or 'cpu'")
]
_Share = Annotated[float, Field(gt=0, le=1, description="a number above 0, at most 1"), _Number]


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """How to fine-tune; the defaults are the paper's (section 3), but for `bf16`: bfloat16 on
    graphics cards that can. `cpu` asks for it also on processors that can (AVX512-BF16, AMX).
    """

    learning_rate: _Positive = 2e-5
    epochs: _Count = 3
    batch_size: _Count = 32
    max_length: _Length = 128
    weight_decay: _Decay = 0.0
    adam_epsilon: _Positive = 1e-8
    clip_norm: _Positive = 1.0
    bf16: _Precision = True


@dataclass(frozen=True, config=STRICT)
class SearchRule:
    """When to stop pruning; shares of all heads, and of the weights that remain, per step (4.1)."""

    threshold: _Share = 0.9
    head_step: _Share = 0.1
    weight_step: _Share = 0.1
