"""The fine-tuned weights of an entry: too large for a record, kept in the cache."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from lottery_utils import backbone
from lottery_utils.errors import UserError
from replication.experiments.entry import Entry


def save_checkpoint(entry: Entry, model: Any) -> None:
    """Write the weights in one piece. Raises `UserError` where that fails."""
    from safetensors.torch import save_file

    path, draft = entry.checkpoint, entry.checkpoint.with_suffix(f".{os.getpid()}")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    try:
        save_file(weights, draft)
        draft.replace(path)
    except Exception as error:  # safetensors has an exception of its own for a full disk
        draft.unlink(missing_ok=True)
        raise UserError(
            f"Cannot write the checkpoint {path}: {error}; free some space and run again."
        ) from error


def load_checkpoint(entry: Entry, weights_sha256: str) -> Any | None:
    """The fine-tuned model from the cache, or None if it is not there or not the one asked for."""
    from safetensors.torch import load_file

    if not entry.checkpoint.exists():
        return None
    model = entry.pretrained()
    # A cache may hold anything: what does not fit is made again.
    with contextlib.suppress(Exception):
        model.load_state_dict(load_file(entry.checkpoint))
    return model.eval() if backbone.weights_sha256(model) == weights_sha256 else None
