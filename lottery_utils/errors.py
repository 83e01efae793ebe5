"""A user's mistake, which the command line prints to exit with status 2; a replay that fails; how
paths are taken, and what is at them is read and written."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENXIO)  # of writing


class UserError(Exception):
    """Something the user can mend: a wrong name, a broken file, missing weights."""

    def _render_traceback_(self) -> list[str]:
        # IPython and papermill ask an exception how to show itself: a sentence is enough.
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """What a user can mend ends the program with a sentence on stderr, and status 1."""
    try:
        yield
    except UserError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"Cannot read or write {error.filename}: {error.strerror}.")


class ReplayError(ValueError):
    """What an interrupted search or stage is said to have done is not what it would have done."""


def expanded(path: Path | str | int) -> Path:
    """A path as it was given, with `~` for the home folder; papermill makes a number of 2024.

    Raises `UserError` where there is no such home, or no system has such a path; and for None or
    1000.0, which papermill makes of the words None and 1e3.
    """
    if isinstance(path, bool) or not isinstance(path, str | int | Path) or "\0" in str(path):
        raise UserError(f"{str(path)!r} should be the path of a file or folder.")
    try:
        return Path(str(path)).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"There is no home folder for {str(path)!r}: expected a path such as ~/here, or one "
            "without ~."
        ) from error


def regular(path: Path) -> Path:
    """The path of a file that is to be read, which may be missing. Raises `OSError`, as reading
    does, where a folder is, or a pipe or a device, which a reader would wait for without end.
    """
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.ENXIO, "it is a pipe or a device, no file", str(path))
    return path


@contextmanager
def reading(
    what: Path | str, expected: str = "a file or folder that you may read"
) -> Iterator[None]:
    """What cannot be read in here, or is no UTF-8 text, is a `UserError` that names it."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        place = getattr(error, "filename", None) or what
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"Cannot read {place}: {reason}; expected {expected}.") from error


@contextmanager
def writing(what: Path | str) -> Iterator[None]:
    """What cannot be written in here is a `UserError` that names it."""
    try:
        yield
    except OSError as error:
        why = f"{error.strerror}; {advice(error)}"
        raise UserError(f"Cannot write {named(error, what)}: {why}.") from error


def refuse_empty(name: str, value: object) -> None:
    """Raise `UserError` for an empty text, as of a shell's variable that is not set: what is empty
    is not what is left out."""
    if "" in (value if isinstance(value, list | tuple) else [str(value)]):
        raise UserError(
            f"{name} is empty: expected a value; where a variable of the shell is meant, set it."
        )


def named(error: OSError, what: Path | str) -> Path | str:
    """What is in the way of writing `what`: perhaps a folder of its path, or its lock."""
    return error.filename if error.errno in _IN_THE_WAY and error.filename else what


def advice(error: OSError) -> str:
    """What to do where something cannot be written."""
    mend = "remove what is there, or " if error.errno in _IN_THE_WAY else ""
    mend = "free some space, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else mend
    return f"{mend}choose another place"
