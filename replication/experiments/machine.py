"""On what a run computes: of several cards one that no other has; and what a record says of it."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated, Literal, NotRequired

import torch
from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils import training
from lottery_utils.errors import UserError, regular
from lottery_utils.recipe import Recipe
from replication.experiments.results import Positive, Text, about
from replication.store import Libraries

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


def prepare_device(name: str, threads: int | None = None) -> torch.device:
    """The device called `name`, `auto` being a GPU if there is one; sets the CPU threads too.

    Of several cards it is one that no other run on this machine holds, if there is one. Raises
    `UserError` for a device that is not there.
    """
    if threads is not None:
        if not 1 <= threads < 2**16:
            raise UserError(f"The number of threads should be from 1 to 65,535, not {threads}.")
        torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and torch.cuda.is_available():
        cards = range(torch.cuda.device_count())
        name = f"cuda:{take([str(torch.cuda.get_device_properties(n).uuid) for n in cards])}"
        torch.cuda.set_device(name)
    try:
        device = torch.device(name)
        computes = (torch.ones(2, device=device) * 2).tolist() == [2, 2]  # `meta` has no numbers
    except torch.OutOfMemoryError:  # which the machine says well
        raise
    except Exception:  # each kind of device has errors of its own
        computes = False
    if not computes or (device.type == "cpu" and device.index):
        raise UserError(
            f"The device {name!r} cannot be used here: expected 'auto', 'cpu', 'cuda' where there "
            "is a GPU, or 'mps' on a Mac."
        )
    return device


class Machine(TypedDict):
    """On what a stage was computed."""

    device: Annotated[Text, about("cpu, mps (Apple's GPU), or the name of the GPU.")]
    threads: Annotated[int, Field(ge=1)]
    training_precision: Annotated[
        Literal["fp32", "bf16", "bf16 + fp32"],
        about("Scores and searches are always fp32; both where parts were trained in either."),
    ]


class OneRun(Libraries, Machine):
    """One of several runs that had a part in a record."""


class Run(Machine):
    """How a stage was computed."""

    runs: NotRequired[
        Annotated[
            list[OneRun],
            about("Where several runs, interrupted or side by side, had a part: each of them."),
        ]
    ]
    seconds: Annotated[Positive, about("That the whole stage took.")]


def this_machine(device: torch.device, recipe: Recipe) -> Machine:
    """What computes, as provenance has it."""
    kind = device.type
    return {
        "device": torch.cuda.get_device_name(device) if kind == "cuda" else kind,
        "threads": torch.get_num_threads(),
        "training_precision": "bf16" if training.uses_bf16(device, recipe) else "fp32",
    }
