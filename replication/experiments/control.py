"""Tickets of a model that has never been pre-trained: the control for section 6.

If a bad ticket trains well only because of pre-training, it should not without; if it still
does, the task is easy for any model of that size.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import torch
from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.masks import Rows, StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.results import Trained, about, named
from replication.experiments.tickets import ticket_masks

STATES = ("reinitialized", "embeddings_kept")


class Unpretrained(TypedDict):
    """A ticket trained from weights that were never pre-trained."""

    mask: Rows
    reinitialized: Annotated[Trained, about("All weights drawn anew.")]
    embeddings_kept: Annotated[Trained, about("All weights drawn anew but the embeddings.")]


class Control(TypedDict):
    """The tickets trained from weights that were never pre-trained."""

    tickets: Annotated[dict[str, Unpretrained], named("good", "random", "bad")]


def compute(entry: Entry, made_from: dict[str, Any]) -> Control:
    """Train the good, random and bad ticket from weights that were never pre-trained.

    In the state `reinitialized` all weights are drawn anew; in `embeddings_kept` all but
    the embeddings. Recipe, seed and masks are those of the retrained tickets.
    """
    (good,) = made_from["masks"].values()
    masks = ticket_masks(entry, StructuredMask.from_json(good))
    journal = entry.journal("control", made_from, kind=tuple[str, str, Trained])
    done: dict[str, Any] = {f"{kind} {state}": value for kind, state, value in journal.entries}
    found: dict[str, Any] = {}
    for kind, mask in masks.items():
        found[kind] = {"mask": mask.to_json()}
        for state in STATES:
            name = f"{kind} {state}"
            if name not in done:
                begun = time.monotonic()
                start = reinitialized(
                    entry.pretrained(), entry.seed, keep_embeddings=state == "embeddings_kept"
                )
                small = pruning.remove(start, mask)
                text = state.replace("_", " ")
                curve = entry.train_model(small, f"train the {kind} ticket, {text}")
                scores, why, answers = entry.measure(small)
                done[name] = {
                    "score": scores[entry.metric],
                    "undefined": why,
                    **answers,
                    "loss": curve.loss,
                    "seconds": round(time.monotonic() - begun, 2),
                }
                journal.append([kind, state, done[name]])
            else:
                entry.progress.unit(f"{name} ticket, found in the journal")
            found[kind][state] = done[name]
    return {"tickets": found}


def reinitialized(model: Any, seed: int, *, keep_embeddings: bool = False) -> Any:
    """A new model of the same configuration, on the same device, with weights drawn anew.

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
