"""A user's mistake, which the command line prints to exit with status 2; a replay that fails; how
paths are taken, and what is at them is read and written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can mend: a wrong name, a broken file, missing weights."""

    def _render_traceback_(self) -> list[str]:
        # IPython and papermill ask an exception how to show itself: a sentence is enough.
        return [f"{type(self).__name__}: {self}"]


class ReplayError(ValueError):
    """What an interrupted search or stage is said to have done is not what it would have done."""


def expanded(path: Path | str | int) -> Path:
    """A path as it was given, with `~` for the home folder; papermill makes a number of 2024.

    Raises `UserError` where there is no such home, or no system has such a path.
    """
    if "\0" in str(path):
        raise UserError(f"{str(path)!r} should be the path of a file or folder.")
    try:
        return Path(str(path)).expanduser()
    except RuntimeError as error:
        raise UserError(
            f"There is no home folder for {str(path)!r}: expected a path such as ~/here, or one "
            "without ~."
        ) from error


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
        full = "free some space, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise UserError(
            f"Cannot write {what}: {error.strerror}; {full}choose another place."
        ) from error
