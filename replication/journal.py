"""What an unfinished stage has done so far."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lottery_utils.errors import regular
from replication.files import clear_disk_errors, write_text


class Journal:
    """The entries of an unfinished stage, a line each, in the cache.

    A line is JSON: its number, a checksum over it and all lines before it, and the entry. The first
    has `stamp`, whatever the others depend on; with another one a journal starts empty. Of the
    others it has those that follow line by line, up to the first that was cut off by a crash,
    doubled, left out, swapped or changed. Where they are not all of the type `kind`, another
    version of the code wrote them, and it starts empty too. `dropped` lines are lost.

    `runs` are those that had a part in it: `by` says who opens it, beside what others have done.
    Opening it writes it anew, with what it has; with `look` the file stays as it lies. Only who is
    `alone` at a record, as `replication.runs.run.compute` is, may open its journals.
    Raises `UserError` where it cannot be read or written.
    """

    def __init__(
        self, path: Path, stamp: str, kind: Any = Any, *, look: bool = False, by: Any = None
    ) -> None:
        self.path, self.stamp = path, stamp
        with clear_disk_errors(path):
            content = regular(path).read_bytes() if path.exists() else b""
        lines = content.splitlines(keepends=True)
        found: list[Any] = []
        self._digest = ""
        for line in lines:
            try:
                entry = json.loads(line)[2]
                if self._line(len(found), entry).encode() != line:
                    break
            except (ValueError, TypeError, LookupError, RecursionError):
                break
            found.append(entry)
        self.dropped = len(lines) - len(found)
        header = found[0] if found else [stamp, []]  # of earlier versions the stamp alone
        was, runs = header if isinstance(header, list) else (header, [])
        if was != stamp:
            found, self.dropped = [], 0
        try:
            TypeAdapter(list[kind]).validate_json(json.dumps(found[1:]), strict=True)
        except ValidationError:
            found, self.dropped = [], len(lines)
        self._digest, self.entries = "", found[1:]
        self.runs = runs if self.entries else []
        if not look:
            self.runs += [by] if by not in [None, *self.runs] else []
            whole = [self._line(n, e) for n, e in enumerate([[stamp, self.runs], *self.entries])]
            write_text(path, "".join(whole))

    def append(self, entry: Any) -> None:
        with clear_disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(self._line(len(self.entries) + 1, entry))
        self.entries.append(entry)

    def _line(self, number: int, entry: Any) -> str:
        """The line of an entry, which follows the one before."""
        text = json.dumps(entry)
        content = f"{self._digest} {number} {text}"
        self._digest = hashlib.sha256(content.encode()).hexdigest()[:16]
        return f'[{number}, "{self._digest}", {text}]\n'
