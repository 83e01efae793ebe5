"""Where the parts of a BERT-shaped encoder are: another family of models is one more row here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from lottery_utils.errors import UserError


@dataclass(frozen=True)
class Family:
    """How a family names its parts: the list of `layers` in the base model, six `maps` in each.

    `headless` and `mlpless` say how to empty a sublayer: each module named there gives way to one
    that returns the constant beside it, and LayerNorm receives the layer's input plus zero.
    `calls` is how a layer calls its parts, where `first_token` knows it. `attention` is a module
    that needs to know which heads it still has.
    """

    layers: str
    maps: dict[str, str]
    headless: dict[str, Any]
    mlpless: dict[str, Any]
    calls: Literal["bert", "mpnet", None] = None
    attention: str = ""


# BERT's attention returns (context, attention map); the last module before the residual sum
# is a dropout, which for an empty sublayer must draw nothing either.
_BERT = Family(
    layers="encoder.layer",
    maps={
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "mlp_input": "intermediate.dense",
        "mlp_output": "output.dense",
    },
    headless={
        "attention.self": (None, None),
        "attention.output.dense": None,
        "attention.output.dropout": 0.0,
    },
    mlpless={"intermediate": None, "output.dense": None, "output.dropout": 0.0},
    calls="bert",
)
_DISTILBERT = Family(
    layers="transformer.layer",
    maps={
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "attention_output": "attention.out_lin",
        "mlp_input": "ffn.lin1",
        "mlp_output": "ffn.lin2",
    },
    headless={"attention": (0.0, None)},
    mlpless={"ffn": 0.0},
)
# BERT's layer with a bias by relative position, and the output map inside the attention.
_MPNET = replace(
    _BERT,
    maps={
        **_BERT.maps,
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "attention_output": "attention.attn.o",
    },
    headless={"attention.attn": (None,), "attention.dropout": 0.0},
    calls="mpnet",
    attention="attention.attn",
)
FAMILIES = {
    **dict.fromkeys(("bert", "roberta", "electra"), _BERT),
    "distilbert": _DISTILBERT,
    "mpnet": _MPNET,
}


@dataclass(frozen=True)
class EncoderLayer:
    """One transformer layer, its family, and its six linear maps. `attention_output` reads the
    heads' contexts side by side; `mlp_output` writes what the MLP adds to the residual stream.
    """

    module: nn.Module
    family: Family
    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attention_output: nn.Linear
    mlp_input: nn.Linear
    mlp_output: nn.Linear


def require_bert_shaped(model_type: str, where: str) -> None:
    """Raise `UserError` unless models of this type are in the table."""
    if model_type not in FAMILIES:
        raise UserError(
            f"{where} is a {model_type!r} model, which has no BERT-shaped encoder: expected one "
            f"of {', '.join(FAMILIES)}. Choose another backbone."
        )


def encoder_layers(model: nn.Module) -> list[EncoderLayer]:
    """The layers of a whole transformers model, bottom first.
    Raises `UserError` if anything was removed from it (`pruning.remove`).
    """
    layers, family = _modules(model)
    found = []
    for number, layer in enumerate(layers):
        try:
            maps = {name: layer.get_submodule(path) for name, path in family.maps.items()}
            whole = maps["attention_output"].in_features == maps["attention_output"].out_features
        except AttributeError:
            whole = False
        if not whole:
            raise UserError(
                f"Heads or MLPs were removed from layer {number} of this model: expected a whole "
                "one; load it again, or use 'masked', which leaves the model as it was."
            )
        found.append(EncoderLayer(layer, family, **maps))
    return found


def last_layer(model: nn.Module) -> tuple[nn.Module, Family]:
    """The topmost layer, whatever was removed from it, and its family."""
    layers, family = _modules(model)
    return layers[-1], family


def _modules(model: nn.Module) -> tuple[Any, Family]:
    config: Any = model.config
    require_bert_shaped(config.model_type, "This model")
    family = FAMILIES[config.model_type]
    base: Any = getattr(model, str(model.base_model_prefix))
    return base.get_submodule(family.layers), family


def component_parameters(model: nn.Module) -> dict[str, int]:
    """How many parameters one head and one MLP have, in a whole model's first layer.
    The bias of the output projection belongs to no head.
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


def positions(model: nn.Module) -> int:
    """How many tokens a text may have; some families leave out the places up to the padding's."""
    base: Any = getattr(model, str(model.base_model_prefix))
    places = base.embeddings.position_embeddings
    unused = -1 if places.padding_idx is None else places.padding_idx
    return int(places.num_embeddings) - unused - 1
