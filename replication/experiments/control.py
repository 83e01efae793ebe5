"""Tickets of a model that has never been pre-trained: the control for section 6.

If a bad ticket trains well only because of pre-training, it should not without; if it still
does, the task is easy for any model of that size.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any

import torch
from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.parts import Part
from replication.experiments.results import Trained, about, named
from replication.experiments.shapes import Rows
from replication.experiments.tickets import ticket_masks
from replication.stages import PIPELINE

STATES = tuple(dict.fromkeys(name.split()[1] for name in PIPELINE["control"].parts))


class Unpretrained(TypedDict):
    """A ticket trained from weights that were never pre-trained."""

    mask: Rows
    reinitialized: Annotated[Trained, about("All weights drawn at random.")]
    embeddings_kept: Annotated[Trained, about("All weights but the embeddings drawn at random.")]


class Control(TypedDict):
    """The tickets trained from weights that were never pre-trained."""

    tickets: Annotated[dict[str, Unpretrained], named("good", "random", "bad")]


def parts(entry: Entry, made_from: dict[str, Any]) -> dict[str, Part]:
    """The good, random and bad ticket, trained from weights that were never pre-trained.

    In the state `reinitialized` all weights are drawn at random; in `embeddings_kept` all but
    the embeddings. Recipe, seed and masks are those of the retrained tickets.
    """

    def find(name: str) -> dict[str, Any]:
        kind, state = name.split()
        start = reinitialized(
            entry.pretrained(), entry.seed, keep_embeddings=state == "embeddings_kept"
        )
        small = pruning.remove(start, _masks(entry, made_from)[kind])
        return trained(entry, small, f"train the {kind} ticket, {state.replace('_', ' ')}")

    return {name: Part(Trained, partial(find, name)) for name in PIPELINE["control"].parts}


def compute(entry: Entry, made_from: dict[str, Any]) -> Control:
    """The scores of the three tickets in both states."""
    found: dict[str, Any] = {
        kind: {"mask": mask.to_json()} for kind, mask in _masks(entry, made_from).items()
    }
    for name in PIPELINE["control"].parts:
        kind, state = name.split()
        found[kind][state] = entry.parts[name]
    return {"tickets": found}


def trained(entry: Entry, model: Any, what: str) -> dict[str, Any]:
    """What a model scores after training by the study's recipe, as a record holds it."""
    begun = time.monotonic()
    curve = entry.train_model(model, what)
    scores, why, answers = entry.measure(model)
    return {
        "score": scores[entry.metric],
        "undefined": why,
        **answers,
        "loss": curve.loss,
        "seconds": round(time.monotonic() - begun, 2),
    }


def _masks(entry: Entry, made_from: dict[str, Any]) -> dict[str, StructuredMask]:
    (good,) = made_from["masks"].values()
    return ticket_masks(entry, StructuredMask.from_json(good))


def reinitialized(model: Any, seed: int, *, keep_embeddings: bool = False) -> Any:
    """A new model of the same configuration, on the same device, with random weights.

    They come from the distribution that pre-training starts from (transformers' own), and
    `seed` decides them. The classifier is `model`'s, which has not been trained either; with
    `keep_embeddings` so are the embeddings (words, positions, types and their LayerNorm).
    """
    torch.manual_seed(seed)
    fresh = type(model)(model.config)
    prefix = model.base_model_prefix
    kept = [name for name, _ in model.named_children() if name != prefix]
    kept += [f"{prefix}.embeddings"] if keep_embeddings else []
    for name in kept:
        fresh.get_submodule(name).load_state_dict(model.get_submodule(name).state_dict())
    return fresh.to(next(model.parameters()).device).eval()
