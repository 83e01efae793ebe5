"""Journals: what was done, as far as it is certain, and never anything else."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.journal import Journal

ENTRIES = [{"step": n, "score": n / 7, "heads": [[n, n + 1]], "passed": n < 6} for n in range(7)]
Lines = list[bytes]


def written(path: Path, entries: list[Any] = ENTRIES, stamp: str = "stamp") -> Lines:
    path.unlink(missing_ok=True)
    journal = Journal(path, stamp)
    for entry in entries:
        journal.append(entry)
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda file: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_goes_on_where_it_stopped(path: Path) -> None:
    written(path, [{"step": 1}, ["good", {"score": 0.5}]])
    again = Journal(path, "stamp")
    assert (again.entries, again.dropped) == ([{"step": 1}, ["good", {"score": 0.5}]], 0)
    again.append({"step": 3})
    assert Journal(path, "stamp").entries == again.entries
    assert list(path.parent.iterdir()) == [path]


def test_starts_anew_with_another_stamp(path: Path) -> None:
    written(path)
    other = Journal(path, "other")
    assert (other.entries, other.dropped) == ([], 0)
    other.append({"step": 7})
    assert Journal(path, "stamp").entries == []


def test_starts_anew_from_entries_of_another_kind(path: Path) -> None:
    written(path, [0.5, 1, 0.25])
    assert Journal(path, "stamp", float).entries == [0.5, 1, 0.25]
    found = Journal(path, "stamp", tuple[str, float])
    assert (found.entries, found.dropped) == ([], 4)


@pytest.mark.parametrize(
    "content",
    [b"", b'"sta', b"[1]\n[2]\n", b"\0\0\0", b"\xff\n", b'"stamp"\n{"step": 1}\n', b"[" * 100_000],
)
def test_starts_anew_from_garbage_and_from_what_earlier_versions_wrote(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    assert Journal(path, "stamp").entries == []
    assert written(path) == written(path)


def doubled(lines: Lines, n: int) -> Lines:
    return [*lines[: n + 1], *lines[n:]]


def left_out(lines: Lines, n: int) -> Lines:
    return lines[:n] + lines[n + 1 :]


def swapped(lines: Lines, n: int) -> Lines:
    return [*lines[:n], *reversed(lines[n : n + 2]), *lines[n + 2 :]]


def cut(lines: Lines, n: int) -> Lines:
    return [*lines[:n], lines[n][: len(lines[n]) // 2]]


def cut_in_the_middle(lines: Lines, n: int) -> Lines:
    return [*lines[:n], lines[n][: len(lines[n]) // 2], *lines[n + 1 :]]


def emptied(lines: Lines, n: int) -> Lines:
    return [*lines[:n], b"\n", *lines[n + 1 :]]


def zeroed(lines: Lines, n: int) -> Lines:
    return [*lines[:n], b"\0" * len(lines[n]), *lines[n + 1 :]]


def changed(old: bytes, new: bytes) -> Callable[[Lines, int], Lines]:
    def change(lines: Lines, n: int) -> Lines:
        return [line.replace(old, new) if i == n else line for i, line in enumerate(lines)]

    return change


def interleaved(lines: Lines, n: int) -> Lines:
    """As two runs write that know nothing of each other."""
    return [line for i, line in enumerate(lines) for _ in range(2 if i >= n else 1)]


DAMAGES: list[Callable[[Lines, int], Lines]] = [
    doubled,
    left_out,
    swapped,
    cut,
    cut_in_the_middle,
    emptied,
    zeroed,
    interleaved,
    changed(b"0.", b"1."),
    changed(b"true", b"false"),
    changed(b"]]", b"],[0,0]]"),
]


@pytest.mark.parametrize("n", range(len(ENTRIES) + 1))
@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_journal_only_what_comes_before_is_taken(
    path: Path, damage: Callable[[Lines, int], Lines], n: int
) -> None:
    lines = written(path)
    broken = damage(lines, n)
    path.write_bytes(b"".join(broken))
    found = Journal(path, "stamp")
    same = [one == other for one, other in zip(lines, broken, strict=False)]
    n_whole = [*same, False].index(False)
    assert found.entries == ENTRIES[: max(n_whole - 1, 0)], "the first line is the stamp"
    assert (found.dropped == 0) == (broken == lines[: len(broken)])
    found.append("next")
    assert Journal(path, "stamp").entries == found.entries, "and it goes on from there"


@pytest.mark.parametrize("n", range(2, len(ENTRIES) + 1))
def test_lines_of_another_journal_do_not_follow(path: Path, n: int) -> None:
    """Each is whole, and of the right number: only what came before it is not what it was."""
    others, lines = written(path, ENTRIES[::-1]), written(path)
    path.write_bytes(b"".join([*lines[:n], *others[n:]]))
    assert Journal(path, "stamp").entries == ENTRIES[: n - 1]


@settings(max_examples=int(os.environ.get("LOTTERY_FUZZ", "30")), deadline=None)
@given(
    seed=st.integers(0, 2**32), entries=st.lists(st.integers() | st.text(max_size=5), max_size=5)
)
def test_whatever_becomes_of_a_journal_what_it_has_was_done(
    tmp_path_factory: pytest.TempPathFactory, seed: int, entries: list[Any]
) -> None:
    """Bytes changed, lost and put in, lines of another journal: a beginning of what was done."""
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    other = written(path, ["other", *entries], stamp="other")
    content, rng = bytearray(b"".join(written(path, entries))), random.Random(seed)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(content) + 1)
        new = rng.choice([b"", rng.randbytes(3), rng.choice(other), bytes(content)])
        content[at : at + rng.randrange(len(content))] = new
    path.write_bytes(content)
    assert Journal(path, "stamp").entries in [entries[:n] for n in range(len(entries) + 1)]


def test_a_line_says_its_number(path: Path) -> None:
    numbers = [json.loads(line)[0] for line in written(path)]
    assert numbers == list(range(len(ENTRIES) + 1))
