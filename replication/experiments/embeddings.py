"""What the pre-trained embeddings can do without the layers above them: a baseline for section 6.

All heads and MLPs are removed, so that each layer is its two LayerNorms, and the model is trained
by the study's recipe. As it is (`emptied`) the classifier reads a first token that no word can
reach: whatever the text, it gives one answer. `averaged` gives that token the mean of all tokens'
embeddings instead, so that it knows the words, but hardly their order.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, NotRequired

import numpy as np
from torch import Tensor, nn
from typing_extensions import TypedDict

from lottery_utils import data, pruning
from lottery_utils.encoder import encoder_shape
from lottery_utils.masks import StructuredMask
from replication.experiments.control import trained
from replication.experiments.entry import Entry
from replication.experiments.parts import Part
from replication.experiments.results import Sha256, Trained, about
from replication.stages import PIPELINE


class Embeddings(TypedDict):
    """Pre-trained embeddings and a classifier, all layers between them emptied and trained."""

    emptied: Annotated[Trained, about("All heads and MLPs removed.")]
    averaged: Annotated[Trained, about("The same, given the mean of a text's embeddings.")]
    data_sha256: NotRequired[
        Annotated[Sha256, about("As in finetune.json; absent from earlier records.")]
    ]
    held_out_sha256: NotRequired[Annotated[Sha256, about("The same.")]]


def parts(entry: Entry, _made_from: dict[str, Any]) -> dict[str, Part]:
    """Both models, by name."""

    def find(name: str) -> dict[str, Any]:
        model = entry.pretrained()
        shape = encoder_shape(model)
        nothing = StructuredMask(np.zeros(shape, bool), np.zeros(shape[0], bool))
        small = pruning.remove(model, nothing)
        if name == "averaged":
            average(small, entry.train.pad_id)
        return trained(entry, small, f"train the embeddings, {name}")

    return {name: Part(Trained, partial(find, name)) for name in PIPELINE["embeddings"].parts}


def compute(entry: Entry, _made_from: dict[str, Any]) -> Embeddings:
    """The scores of both, and of which examples."""
    found: Embeddings = {
        "emptied": entry.parts["emptied"],
        "averaged": entry.parts["averaged"],
        "data_sha256": data.fingerprint(entry.splits),
    }
    if entry.study.held_out:
        found["held_out_sha256"] = entry.held_out_sha256
    return found


def average(model: Any, pad_id: int) -> None:
    """From now on every token's embedding is the mean over its text, padding left out."""

    def mean(_module: nn.Module, args: Any, inputs: dict[str, Any], found: Tensor) -> Tensor:
        token_ids: Tensor = args[0] if args else inputs["input_ids"]
        real = (token_ids != pad_id)[..., None].to(found.dtype)
        return ((found * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)).expand_as(found)

    base = getattr(model, model.base_model_prefix)
    base.embeddings.register_forward_hook(mean, with_kwargs=True)
