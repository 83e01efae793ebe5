"""The state of an unfinished training, kept in the cache so that a killed one goes on."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from replication.files import in_one_piece, real

EVERY = 600.0  # seconds; of BERT-base it is 1.3 GB


class Unfinished:
    """The file of a training at `place`, by what `of` says that it is and `on` what it runs.

    Only who is alone at what the training is for may use it. Raises `UserError` where the disk
    fails, or what is there is no file.
    """

    def __init__(self, place: Path, of: tuple[Any, ...], on: tuple[Any, ...] = ()) -> None:
        self.path = place.with_name(
            f"{place.name}-{_short(of)}-{_short((*on, torch.__version__))}.training"
        )
        self.last = time.monotonic()

    def state(self) -> dict[str, Any] | None:
        """How it stood; None where it was not begun, or what is there is broken."""
        return _read(self.path)

    def elsewhere(self) -> Iterator[dict[str, Any]]:
        """How it stood on other machines, which come to other numbers."""
        same = f"{self.path.name.rpartition('-')[0]}-*.training"
        others = {*self.path.parent.glob(same)} - {self.path}
        return (state for path in others if (state := _read(path)))

    def keep(self, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state, now and then."""
        if time.monotonic() - self.last >= EVERY:
            with in_one_piece(self.path) as draft, draft.open("wb") as file:
                try:
                    torch.save(state(), file)
                except RuntimeError as error:  # torch's own words for what the disk said
                    raise error.__context__ or error from None
            self.last = time.monotonic()

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)


def _short(of: tuple[Any, ...]) -> str:
    return hashlib.sha256(str(of).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any] | None:
    real(path)
    try:
        with zipfile.ZipFile(path) as file:
            intact = file.testzip() is None  # torch.load does not look at the checksums
        if intact:
            state: dict[str, Any] = torch.load(path, "cpu", weights_only=True)
            return state
    except Exception:  # what is damaged fails in many ways; the training begins again
        pass
    return None
