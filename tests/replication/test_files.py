"""Files: whole or not at all, by one process at a time, and what killed ones left is cleared."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lottery_utils.errors import UserError
from replication.files import BusyError, alone, clear, in_one_piece, refuse, write_out, write_text
from replication.progress import Progress

AT_IT = """
import sys, time
from pathlib import Path
from replication.files import in_one_piece
with in_one_piece(Path(sys.argv[1])) as draft:
    draft.write_text("half")
    print("at it", flush=True)
    time.sleep(60)
"""
COUNT = """
import sys
from pathlib import Path
from replication.files import alone, write_text
path = Path(sys.argv[1])
for _ in range(20):
    with alone(path):
        write_text(path, str(int(path.read_text()) + 1))
"""


def start(code: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.json"
    other = start(AT_IT, path)
    assert other.stdout and other.stdout.readline() == "at it\n"
    told = []
    said = f"process {other.pid} on .*, since 20"
    with pytest.raises(BusyError, match=said), alone(path, refuse):
        pytest.fail("two at once")
    clear(path.parent)
    assert len(list(path.parent.iterdir())) == 2, "a lock and a draft of one who is at it"

    def wait(who: str) -> None:
        told.append(who)
        other.send_signal(signal.SIGKILL)

    with alone(path, wait):
        other.wait()
        assert len(told) <= 2
        assert [file.name for file in path.parent.iterdir()] == [".record.json.lock"]
    assert list(path.parent.iterdir()) == []


def test_who_waits_for_long_says_for_whom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.yaml"
    for after, times in ((0.0, 1), (60.0, 0)):
        monkeypatch.setattr("replication.files.SAID_AFTER", after)
        other = start(AT_IT, path)
        assert other.stdout and other.stdout.readline() == "at it\n"
        ends = threading.Timer(1.8, other.kill)
        ends.start()
        with alone(path):
            said = capsys.readouterr().err
        other.wait()
        assert said.count(f"process {other.pid} on ") == said.count(str(path)) == times
        assert said.count("\n") == times, "once"


def test_who_is_quiet_waits_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("study", 1, quiet=True)
    progress.unit("search")
    progress.wait("process 7")
    progress.wait("process 7")
    progress.say("done")
    assert capsys.readouterr().err.splitlines() == [
        "study | waiting for process 7 |   0%, just begun"
    ]


def test_a_folder_is_cleared_of_what_nobody_is_at(tmp_path: Path) -> None:
    path = tmp_path / "[1]" / "record.json"
    write_text(path, "whole")
    other = start(AT_IT, path)
    assert other.stdout and other.stdout.readline() == "at it\n"
    other.kill()
    other.wait()
    assert len(list(path.parent.iterdir())) == 3
    seen: list[Path] = []
    clear(path.parent, seen.append)
    assert seen == [path]
    assert list(path.parent.iterdir()) == [path] and path.read_text() == "whole"
    clear(tmp_path / "there is none")


def test_who_may_not_clear_a_folder_may_read_it(tmp_path: Path) -> None:
    lock = tmp_path / ".record.json.lock"
    lock.mkdir()  # as little to be opened as somebody else's lock file
    seen: list[Path] = []
    clear(tmp_path, seen.append)
    assert lock.exists() and not seen


def test_nothing_is_lost_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    several = [start(COUNT, path) for _ in range(3)]
    assert [process.wait() for process in several] == [0, 0, 0]
    assert path.read_text() == "60"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_whose_file_went_meanwhile_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who held it is done, and takes its file away, just before we would hold that file."""
    lock, said = tmp_path / ".file.lock", []
    take = fcntl.flock

    def late(*asked: Any) -> None:
        monkeypatch.undo()
        lock.unlink()
        take(*asked)

    monkeypatch.setattr(fcntl, "flock", late)
    with alone(tmp_path / "file", said.append):
        assert lock.exists(), "others have to find it"
    assert said == ["another run"]


def test_who_is_alone_may_ask_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with alone(tmp_path / "file"):
        with alone(Path("file"), refuse):
            pass
        assert (tmp_path / ".file.lock").exists(), "still"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, error: type[Exception]) -> None:
    path = tmp_path / "file"
    write_text(path, "before")
    with pytest.raises((KeyboardInterrupt, UserError)), in_one_piece(path) as draft:
        draft.write_text("half")
        assert path.read_text() == "before"
        raise error
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_what_it_names_is_written(tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "folder" / "file"
    file.parent.mkdir()
    link.symlink_to(file)
    write_text(link, "whole")
    assert link.is_symlink() and file.read_text() == "whole"
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_pipe_or_device_is_written_into_where_a_user_says_so(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    write_out(pipe, "whole")
    assert pipe.is_fifo() and os.read(reader, 9) == b"whole"
    os.close(reader)
    with pytest.raises(UserError, match="is a device or a pipe"), in_one_piece(pipe):
        pytest.fail("it would be replaced")


@pytest.mark.parametrize("name", [".", "", "/", "folder"])
def test_a_folder_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(UserError, match="is a folder: expected the name of a file"):
        write_text(Path(name), "whole")


def test_drafts_have_names_of_their_own(tmp_path: Path) -> None:
    """Host, process and chance: where locks do not hold, two machines still have two drafts."""
    names = set()
    for _ in range(2):
        with in_one_piece(tmp_path / "file") as draft:
            draft.write_text("")
            names.add(draft.name)
    assert len(names) == 2 and all(f"-{os.getpid()}-" in name for name in names)
