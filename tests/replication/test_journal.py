"""Journals: what was done, as far as it is certain, and never anything else."""

from __future__ import annotations

import json
import os
from itertools import takewhile
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


def test_who_had_a_part_in_it_is_known(path: Path) -> None:
    Journal(path, "stamp", by="neither, as it did nothing")
    Journal(path, "stamp", by="one").append(0.5)
    assert Journal(path, "stamp", by="other").runs == ["one", "other"]
    assert Journal(path, "stamp", by="one").runs == ["one", "other"]
    assert Journal(path, "stamp", by="a third", look=True).runs == ["one", "other"]
    assert Journal(path, "another", by="one").runs == ["one"]


def test_what_earlier_versions_wrote_who_did_not_say_who_goes_on(path: Path) -> None:
    """Hours of a study hang on it."""
    journal = Journal(path, "stamp")
    journal._digest = ""
    path.write_text("".join(journal._line(n, of) for n, of in enumerate(["stamp", 0.5, 0.25])))
    again = Journal(path, "stamp", float, by="one")
    assert (again.entries, again.runs, again.dropped) == ([0.5, 0.25], ["one"], 0)


def test_who_only_looks_leaves_it_as_it_lies(path: Path) -> None:
    written(path)
    with path.open("ab") as file:
        file.write(b"[broken")
    before = path.read_bytes()
    assert Journal(path, "other", look=True).entries == []
    assert Journal(path, "stamp", look=True).entries == ENTRIES
    assert path.read_bytes() == before
    path.unlink()
    assert Journal(path, "stamp", look=True).entries == [] and not path.exists()


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


def test_a_line_says_its_number(path: Path) -> None:
    numbers = [json.loads(line)[0] for line in written(path)]
    assert numbers == list(range(len(ENTRIES) + 1))


def _common(one: Lines, other: Lines) -> Lines:
    """The lines that both begin with."""
    return [a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))]


@settings(max_examples=int(os.environ.get("LOTTERY_FUZZ", "150")), deadline=None)
@given(data=st.data(), entries=st.lists(st.integers() | st.text(max_size=5), max_size=5))
def test_of_a_damaged_journal_only_what_comes_before_is_taken(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, entries: list[Any]
) -> None:
    """Bytes changed, lost or put in, and lines doubled, left out, swapped, or of another journal
    that are whole and of the right number: of one journal or the other each line that is as it was
    is taken, up to there, and never a mixture."""
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    other, lines = written(path, ["other", *entries]), written(path, entries)
    pieces = st.sampled_from([*lines, *other, b"", b"\n", b"\0" * 9]) | st.binary(max_size=3)
    broken = data.draw(st.lists(st.sampled_from([*lines, *other]), max_size=8) | st.just(lines))
    content = b"".join(broken)
    for _ in range(data.draw(st.integers(0, 3))):
        at, n = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 9))
        content = content[:at] + data.draw(pieces) + content[at + n :]
    path.write_bytes(content)
    found = Journal(path, "stamp")
    broken = content.splitlines(keepends=True)
    whole = max(_common(lines, broken), _common(other, broken), key=len)
    of = entries if whole == lines[: len(whole)] else ["other", *entries]
    assert found.entries == of[: max(len(whole) - 1, 0)], "the first line is the stamp"
    assert found.dropped == len(broken) - len(whole)
    found.append("next")
    assert Journal(path, "stamp").entries == found.entries, "and it goes on from there"
