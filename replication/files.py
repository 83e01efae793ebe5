"""Files that are written in one piece, by one run at a time, and what killed runs leave of them.

Whoever writes a file is `alone` at it: a lock file beside it, .NAME.lock, is held and says by whom.
The kernel lets go of it when a process ends in whatever way, so that a lock file which nobody holds
is the mark of a killed run; who takes it over clears the drafts that were left beside it.

The lock is flock(2). Between machines it holds wherever the file system passes it on to its
server: NFS (Linux turns it into a lock of the whole file there; version 3 needs lockd), Lustre with
`-o flock`, CephFS, GPFS. It does not with `local_lock=flock` or `-o localflock`: there, give two
machines different entries.
"""

from __future__ import annotations

import fcntl
import glob
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lottery_utils.errors import UserError, advice, named, regular

SAID_AFTER = 5.0
_held: set[Path] = set()  # by this process


class BusyError(Exception):
    """Somebody else is at a file; who, in words."""


def refuse(who: str) -> None:
    """What not to wait means: raises `BusyError`."""
    raise BusyError(who)


@contextmanager
def alone(path: Path, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Be the only one, on whatever machine, who writes `path` (and what goes with it).

    `wait(who)` is called twice a second with who else is at it: a process, its host and
    since when; by default it is said once, on stderr, after `SAID_AFTER` seconds. `refuse` does
    not wait. Whoever holds a lock may ask for it again. What a killed
    run left of `path` is cleared first, and at the end the lock file goes too. Raises `UserError`
    where there can be no lock.
    """
    path = real(path)
    if path in _held:
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    wait = wait or _say_in_time(path)
    with clear_disk_errors(lock):
        while (file := _taken(lock)) is None:
            wait(_holder(lock))
            time.sleep(0.5)
    _held.add(path)
    try:
        with clear_disk_errors(lock):
            since = datetime.now(UTC).isoformat(" ", "seconds")
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()} on {platform.node()}, since {since}".encode())
            for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
                draft.unlink(missing_ok=True)
        yield
    finally:
        _held.discard(path)
        lock.unlink(missing_ok=True)  # while it is held: who waits for it then sees that it is gone
        os.close(file)


def _say_in_time(path: Path) -> Callable[[str], None]:
    """Says once, on stderr, who is waited for, where that takes longer than a moment."""
    begun, said = time.monotonic(), False

    def wait(who: str) -> None:
        nonlocal said
        if not said and time.monotonic() - begun >= SAID_AFTER:
            said = True
            print(f"Waiting for {who}, to write {path}.", file=sys.stderr, flush=True)

    return wait


def real(path: Path) -> Path:
    """Where a file lies that is to be written: behind links, which stay. Raises `UserError` for
    what is no file, and must not become one."""
    with clear_disk_errors(path):
        if path.exists() and not path.is_file():
            what = "folder" if path.is_dir() else "device or a pipe"
            raise UserError(f"{path} is a {what}: expected the name of a file to write.")
        return Path(os.path.realpath(path))


def _taken(lock: Path) -> int | None:
    """The lock file, open and held; None where somebody else holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(regular(lock), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held it until now may have unlinked it: then it is no longer the lock of this name.
        if os.path.samestat(os.fstat(file), lock.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8") or "another run"
    except (OSError, ValueError):
        return "another run"


def clear(folder: Path, also: Callable[[Path], None] = lambda path: None) -> None:
    """Remove what killed runs left in a folder, but nothing that somebody is at, or that may not be
    removed: who only reads what is done here needs no more.

    `also(path)` removes what goes with a file that a killed run was at.
    """
    for lock in folder.glob(".*.lock"):
        path = folder / lock.name[1:].removesuffix(".lock")
        with suppress(BusyError, UserError), alone(path, refuse):
            also(path)


@contextmanager
def in_one_piece(path: Path) -> Iterator[Path]:
    """A draft to write, which becomes `path` at the end if all goes well and else vanishes.

    A reader sees the old content or the new, never a half.
    """
    path = real(path)
    with alone(path), clear_disk_errors(path):
        # Where locks do not hold, drafts of two machines must still have two names.
        name = f".{path.name}.{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}.draft"
        draft = path.with_name(name)
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file in one piece. Raises `UserError` where that fails."""
    with in_one_piece(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_out(path: Path, text: str) -> None:
    """The same where a user says: a device or a pipe is written into."""
    with clear_disk_errors(path):
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
            return
    write_text(path, text)


@contextmanager
def clear_disk_errors(path: Path) -> Iterator[None]:
    """An error of the disk as one sentence, a `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Cannot write {named(error, path)}: {error.strerror}; {advice(error)}, then run the "
            "same command again, it goes on where it stopped."
        ) from error
