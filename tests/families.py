"""Tiny random models of every family, for tests that hold for each of them.

What a model computes under a mask is written out here without hooks and without the table of
names, so that it can be compared with what the package does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from conftest import randomized
from torch import Tensor

from lottery_utils import mpnet
from lottery_utils.encoder import encoder_layers
from lottery_utils.masks import StructuredMask

Model = Any
N_LAYERS, N_HEADS, SIZE = 3, 4, 32
WHOLE = StructuredMask.full(N_LAYERS, N_HEADS)
CLASSES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "electra": "Electra",
    "distilbert": "DistilBert",
    "mpnet": "MPNet",
}
# Where each family keeps the two maps whose outputs are added to the residual stream.
_BERT = ("encoder.layer.{}.attention.output.dense", "encoder.layer.{}.output.dense")
OUTPUTS = {
    "bert": _BERT,
    "roberta": _BERT,
    "electra": _BERT,
    "distilbert": ("transformer.layer.{}.attention.out_lin", "transformer.layer.{}.ffn.lin2"),
    "mpnet": ("encoder.layer.{}.attention.attn.o", "encoder.layer.{}.output.dense"),
}
EVERY_FAMILY = pytest.mark.parametrize("family", CLASSES)


def configuration(family: str, **values: Any) -> Any:
    shape = {"vocab_size": 300, "max_position_embeddings": 64, "type_vocab_size": 2}
    if family == "distilbert":
        shape |= {"n_layers": N_LAYERS, "n_heads": N_HEADS, "dim": SIZE, "hidden_dim": 2 * SIZE}
    else:
        shape |= {"num_hidden_layers": N_LAYERS, "num_attention_heads": N_HEADS}
        shape |= {"hidden_size": SIZE, "intermediate_size": 2 * SIZE}
    if family == "electra":
        shape["embedding_size"] = 16  # not the hidden size, as in ELECTRA itself
    return getattr(transformers, f"{CLASSES[family]}Config")(**shape, **values)


@cache
def tiny(family: str, attention: str = "sdpa", num_labels: int = 2) -> Model:
    """A random classifier in evaluation mode, biases and LayerNorms included. Do not change it."""
    config = configuration(family, num_labels=num_labels)
    config._attn_implementation = "eager" if family == "mpnet" else attention
    torch.manual_seed(0)
    model = randomized(getattr(transformers, f"{CLASSES[family]}ForSequenceClassification")(config))
    if family == "mpnet":
        model.mpnet.encoder.relative_attention_bias.weight.data.normal_(0.0, 2.0)
        if attention == "sdpa":  # ours: transformers has none
            for layer in encoder_layers(model):
                mpnet.adapt(layer.module.attention.attn)
    return model


def batch_for(model: Model, lengths: tuple[int, ...] = (7, 5, 3)) -> dict[str, Tensor]:
    """Examples of these lengths, padded by the family's own padding token."""
    generator = torch.Generator().manual_seed(0)
    attended = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.randint(5, 60, attended.shape, generator=generator)
    labels = torch.arange(len(lengths)) % 2
    return {
        "input_ids": ids.where(attended, torch.tensor(model.config.pad_token_id)),
        "attention_mask": attended.long(),
        "labels": labels.float() * 4.5 if model.config.num_labels == 1 else labels,
    }


def logits(model: Model, batch: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        result: Tensor = model(**{k: v for k, v in batch.items() if k != "labels"}).logits
    return result


def singles(batches: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    """The same examples one by one, without padding."""
    return [
        {k: v[i : i + 1, :n] if v.dim() == 2 else v[i : i + 1] for k, v in batch.items()}
        for batch in batches
        for i, n in enumerate(batch["attention_mask"].sum(1).tolist())
    ]


def gradients_by_hand(
    model: Model,
    example: dict[str, Tensor],
    mask: StructuredMask,
    *,
    keep_headless_bias: bool = False,
) -> npt.NDArray[np.float32]:
    """dL/dxi of one example by scaling the weights: no hooks, and the model's own loss.

    Multiplying a head's context by xi is multiplying its columns of the output projection.
    """
    heads = torch.tensor(mask.heads.tolist(), dtype=torch.float32, requires_grad=True)
    mlps = torch.tensor(mask.mlps.tolist(), dtype=torch.float32, requires_grad=True)
    parameters, changed = dict(model.named_parameters()), {}
    attention, mlp = (f"{model.base_model_prefix}.{p}" for p in OUTPUTS[model.config.model_type])
    for i in range(N_LAYERS):
        name = attention.format(i)
        columns = heads[i].repeat_interleave(SIZE // N_HEADS)
        changed[f"{name}.weight"] = parameters[f"{name}.weight"] * columns
        # A layer without heads adds nothing, its bias included, but in the authors' code.
        if not (mask.heads[i].any() or keep_headless_bias):
            changed[f"{name}.bias"] = torch.zeros_like(parameters[f"{name}.bias"])
        for part in ("weight", "bias"):
            name = f"{mlp.format(i)}.{part}"
            changed[name] = parameters[name] * mlps[i]
    loss = torch.func.functional_call(model, changed, kwargs=example).loss
    of_heads, of_mlps = torch.autograd.grad(loss, (heads, mlps))
    return np.column_stack([of_heads.numpy(), of_mlps.numpy()])
