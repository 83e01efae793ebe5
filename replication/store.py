"""Where records live: results/<study>/<task>/seed-<n>/<stage>.json.

A record is a small JSON file that answers for itself: what was asked (`config` and its
hash), what came out (`results`), how (`provenance`) and a checksum over all of it. Records
are written in one piece or not at all. What is too large or too short-lived for a record
(checkpoints, the steps of an unfinished search) lies in a cache that can be deleted.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

import lottery_utils
from lottery_utils.errors import UserError, expanded, reading, refuse_empty, regular
from replication.files import clear_disk_errors, write_text

SCHEMA = 1
_FIELDS = {*"schema study task seed stage hash config results provenance".split()}
Record = dict[str, Any]
T = TypeVar("T")
# No text has a line break in JSON, so that a bracket before one is never part of a text.
_NUMBERS = re.compile(r'\[\n([^\[\]{}"]*)\]')
_PLACE = re.compile(r"(?P<task>[^/]+)/(seed-(?P<seed>\d+)/)?(?P<stage>\w+)\.json")


def home() -> Path:
    """The folder that studies and results are looked for in.

    The current folder if it has studies/ (the repository's root, or a user's own), else the
    repository that this package lies in, so that notebooks run from their own folder too.
    """
    repository = Path(__file__).resolve().parents[1]
    here = Path()
    own = (here / "studies").is_dir() or (here / "studies").is_symlink()  # also one to nowhere
    return repository if not own and (repository / "studies").is_dir() else here


@dataclass(frozen=True)
class Key:
    """One record's address. `seed` is None for records across seeds."""

    study: str
    task: str
    seed: int | None
    stage: str

    @property
    def folder(self) -> Path:
        parts = [self.study, self.task]
        return Path(*parts, *([f"seed-{self.seed}"] if self.seed is not None else []))


class Store:
    """Reads and writes records below `root`, and scratch files below `cache`.

    `seen` holds what has been read, so that a page can name it; a file is read again only
    where it has changed since. `problem` says of a record and its text what else is wrong.
    While the store is `still` no file is looked at twice.
    """

    def __init__(
        self,
        root: Path | str | int = "results",
        cache: Path | str | int = ".cache",
        problem: Callable[[Record, bytes], str | None] = lambda record, text: None,
    ) -> None:
        refuse_empty("results_dir", root)
        self.problem = problem
        self.root = home() / expanded(root)
        # Two stores with different roots must not mix their checkpoints.
        try:
            resolved = self.root.resolve()
        except (RuntimeError, OSError) as error:  # of a link to itself, before Python 3.13
            raise UserError(
                f"{self.root} is a link that leads back to itself: expected a folder of records."
            ) from error
        place = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:8]
        self.cache = home() / expanded(cache) / place
        self.seen: dict[Path, Record] = {}
        self._stamps: dict[Path, tuple[int, int, int]] = {}
        self._found: dict[int, tuple[object, dict[Any, Any]]] | None = None

    @contextmanager
    def still(self) -> Iterator[None]:
        """Within, records are taken to stay as they are: what `once` finds of them is kept."""
        before, collecting = self._found, gc.isenabled()
        self._found = {} if before is None else before
        gc.disable()  # what is read has no cycles, and looking for some takes a fifth of the time
        try:
            yield
        finally:
            self._found = before
            if collecting:
                gc.enable()

    def once(self, of: object, key: tuple[Any, ...], find: Callable[[], T]) -> T:
        """What `find()` says under this key of an object; asked but once while all is `still`."""
        if self._found is None:
            return find()
        _, found = self._found.setdefault(id(of), (of, {}))  # held, so that its id stays its own
        if key not in found:
            found[key] = find()
        value: T = found[key]
        return value

    def path(self, key: Key) -> Path:
        return self.root / key.folder / f"{key.stage}.json"

    def keys(self, study: str) -> list[Key]:
        """Where the records in a study's folder are, in the order of their paths."""
        folder = self.root / study
        with reading(folder):
            found = []
            for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
                at = Path(place).relative_to(folder)
                # A folder with the name of a record is no record, and a file with that of a seed
                # no folder of records: reading says so.
                found += [at / name for name in folders + files]
                found += [at / name / "finetune.json" for name in files if at.parts]
                if len(at.parts) > 1:  # records lie no deeper; links may lead back up
                    folders.clear()
        paths = sorted(path.as_posix() for path in found)
        return [
            Key(study, at["task"], int(at["seed"]) if at["seed"] else None, at["stage"])
            for at in map(_PLACE.fullmatch, paths)
            if at
        ]

    def read(self, key: Key) -> Record | None:
        """The record at `key`, or None. Raises `UserError` if the file is not a whole record."""
        path = self.path(key)
        try:
            stat = path.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if self._stamps.get(path) == stamp:
                return self.seen[path]
            content = regular(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = error.strerror
            if isinstance(error, NotADirectoryError):
                why = f"{next(p for p in reversed(path.parents) if not p.is_dir())} is no folder"
            raise UserError(
                f"The record {path} cannot be read ({why}): expected {self.root} to be a folder of "
                "records; remove what is in its place, or check --results-dir."
            ) from error
        try:
            record = json.loads(content)
            fits = record["checksum"] == checksum(record)
        except (ValueError, KeyError, TypeError, RecursionError):
            fits = False
        if not fits:
            raise _broken(path, "its checksum does not fit its content, or a number is none")
        if lacking := _FIELDS - record.keys():
            raise _broken(path, f"{min(lacking)} is missing")
        if record["schema"] != SCHEMA:
            raise UserError(
                f"The record {path} has schema {record['schema']}, and this version reads schema "
                f"{SCHEMA}: use the version of lottery_utils it names, or delete it."
            )
        address = [record[name] for name in ("study", "task", "seed", "stage")]
        if address != [key.study, key.task, key.seed, key.stage]:
            raise UserError(
                f"The record {path} belongs to {'/'.join(map(str, address))}: it was copied or "
                "moved here by hand; delete it to have the right one computed."
            )
        if record["hash"] != sha256(record["config"])[:16]:
            raise _broken(path, "its hash does not fit its config")
        if problem := self.problem(record, content):
            raise _broken(path, problem)
        self.seen[path] = record
        self._stamps[path] = stamp
        return self.seen[path]

    def write(
        self,
        key: Key,
        hash: str,
        config: dict[str, Any],
        results: Mapping[str, Any],
        run: Mapping[str, Any],
    ) -> Record:
        """Write a record, atomically, and return it.

        `config` is what was asked and `hash` its hash; `run` says how it was computed.
        """
        record: Record = {
            "schema": SCHEMA,
            "study": key.study,
            "task": key.task,
            "seed": key.seed,
            "stage": key.stage,
            "hash": hash,
            "config": config,
            "results": results,
            "provenance": {**provenance(), **run},
        }
        try:
            # Through text once, so that what is returned is what a later read would give.
            record = json.loads(json.dumps(record, allow_nan=False))
        except ValueError as error:
            raise UserError(
                f"The {key.stage} of {key.folder} came to something that is no number (NaN) and "
                "is not recorded: a training that went astray wants a smaller learning rate."
            ) from error
        record["checksum"] = checksum(record)
        write_text(self.path(key), text_of(record))
        if self.read(key) != record:
            raise _broken(self.path(key), "it is not what was written to it just now")
        return record

    def scratch(self, key: Key, name: str) -> Path:
        """A path in the cache for this entry; its folder exists."""
        folder = self.cache / key.folder
        with clear_disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def _refuse(error: OSError) -> None:
    """A folder that may not be read is not an empty one."""
    if not isinstance(error, FileNotFoundError):
        raise error


def text_of(record: Record) -> str:
    """A record as its file has it: indented, and a list of numbers in one line.

    With a line for each number, records take half as much space again, and nobody can read them.
    """
    text = json.dumps(record, indent=1, ensure_ascii=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def checksum(record: Record) -> str:
    """sha256 over everything in a record but the checksum itself."""
    content = {name: value for name, value in record.items() if name != "checksum"}
    return sha256(content)


def sha256(content: Any) -> str:
    """Of the JSON text with sorted keys. Raises `ValueError` for NaN, which JSON does not have."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _broken(path: Path, why: str) -> UserError:
    return UserError(
        f"The record {path} is broken ({why}): restore it from version control, or delete it to "
        "have it computed again."
    )


class Libraries(TypedDict):
    """By which code and with which libraries something was computed."""

    lottery_utils: str
    commit: Annotated[
        str | None,
        Field(description="With a + where files were changed since; null outside version control."),
    ]
    python: str
    torch: str
    transformers: str
    numpy: str


class Code(Libraries):
    """The same, and when."""

    created: Annotated[
        str,
        Field(pattern=r"^\d{4}-\d\d-\d\dT", json_schema_extra={"format": "date-time"}),
    ]


def provenance() -> Code:
    """When, by which code and with which libraries something was computed."""
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), **code()}


@cache
def code() -> Libraries:
    """The code that was imported, whatever becomes of its files while it is at work."""
    return {
        "lottery_utils": lottery_utils.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "transformers": metadata.version("transformers"),
        "numpy": metadata.version("numpy"),
    }


def _commit() -> str | None:
    """The commit of the code, with a + where files were changed since; None outside git."""
    root = Path(lottery_utils.__file__).parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
