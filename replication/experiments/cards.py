"""Which card a run computes on: one that no other run on this machine has."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from lottery_utils.errors import regular

PLACE = "lottery-cards"  # in the machine's own folder for temporary files, not on a shared disk
_held: dict[str, IO[str]] = {}  # by this process; the kernel lets go of them when it ends


def take(cards: Sequence[str], folder: Path | None = None) -> int:
    """The place of the first of `cards`, named by what they are wherever they are seen, that no
    other process holds; it is held until this process ends. Where others hold all, the first.
    """
    folder = folder or Path(tempfile.gettempdir()) / PLACE
    with suppress(OSError):  # others' runs take part
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
    for place, card in enumerate(cards):
        if card in _held:
            return place
    for place, card in enumerate(cards):
        with suppress(OSError):  # somebody else has it, or the folder cannot be used
            path = folder / f"{card}.lock"
            path.touch(0o666)
            file = regular(path).open()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _held[card] = file
            return place
    return 0
