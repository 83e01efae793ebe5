"""Where the parts of a BERT-shaped encoder are: a small table of module names.

Everything that touches the inside of a model (masks, removal, importance) goes through
`encoder_layers`, so that another family of models is one more row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from lottery_utils.errors import UserError


@dataclass(frozen=True)
class EncoderLayer:
    """One transformer layer: the module itself and the six linear maps in it.

    `attention_output` reads the heads' contexts side by side, (batch, tokens,
    heads x head size); `mlp_output` writes what the MLP adds to the residual stream.
    """

    module: Any
    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attention_output: nn.Linear
    mlp_input: nn.Linear
    mlp_output: nn.Linear


# BERT, RoBERTa and ELECTRA share one layer: these are the paths of its linear maps.
_BERT_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attention_output": "attention.output.dense",
    "mlp_input": "intermediate.dense",
    "mlp_output": "output.dense",
}
FAMILIES: dict[str, dict[str, str]] = {
    "bert": _BERT_LAYER,
    "roberta": _BERT_LAYER,
    "electra": _BERT_LAYER,
}


def require_bert_shaped(model_type: str, where: str) -> None:
    """Raise `UserError` unless models of this type are in the table."""
    if model_type not in FAMILIES:
        raise UserError(
            f"{where} is a {model_type!r} model, which has no BERT-shaped encoder: expected one "
            f"of {', '.join(FAMILIES)}. Choose another backbone."
        )


def encoder_layers(model: nn.Module) -> list[EncoderLayer]:
    """The layers of a transformers model, bottom first.

    Layers whose attention or MLP was removed (`pruning.remove`) no longer have these maps
    and raise `AttributeError`: masks act on whole models.
    """
    config: Any = model.config
    require_bert_shaped(config.model_type, "This model")
    base: Any = getattr(model, str(model.base_model_prefix))
    paths = FAMILIES[config.model_type]
    return [
        EncoderLayer(layer, **{name: layer.get_submodule(path) for name, path in paths.items()})
        for layer in base.encoder.layer
    ]


def component_parameters(model: nn.Module) -> dict[str, int]:
    """How many parameters one head and one MLP have, in a whole model's first layer.

    A head's are its rows of the query, key and value maps and its columns of the output
    projection; that projection's bias belongs to no head.
    """
    layer = encoder_layers(model)[0]
    _, n_heads = encoder_shape(model)
    maps = (layer.query, layer.key, layer.value)
    of_heads = sum(m.weight.numel() + m.bias.numel() for m in maps)
    of_heads += layer.attention_output.weight.numel()
    of_mlp = sum(m.weight.numel() + m.bias.numel() for m in (layer.mlp_input, layer.mlp_output))
    return {"head": of_heads // n_heads, "mlp": of_mlp}


def encoder_shape(model: nn.Module) -> tuple[int, int]:
    """(number of layers, heads per layer) of the whole model."""
    config: Any = model.config
    return int(config.num_hidden_layers), int(config.num_attention_heads)
