"""Records: in one piece or not at all, and never silently changed."""

from __future__ import annotations

import errno
import json
import math
import resource
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import running
import torch
from hypothesis import given
from hypothesis import strategies as st

import lottery_utils
from lottery_utils.errors import UserError
from lottery_utils.tasks import OwnTask
from replication.experiments.unfinished import Unfinished
from replication.files import write_text
from replication.followups import FollowUps
from replication.journal import Journal
from replication.store import Key, Record, Store, provenance, text_of
from replication.store import code as imported
from replication.study import Study

KEY = Key("mine", "RTE", 1, "finetune")
STUDY = Study("mine", ("RTE",), (1,), data="local:/some/where")
RESULTS = {"score": 0.123456, "curve": [[1, 0.5]], "text": "ein Maß"}
RUN = {"device": "cpu", "threads": 1, "seconds": 1.5}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results", tmp_path / "cache")


def write(store: Store, key: Key, study: Study, results: Record, run: Record) -> Record:
    """A study's record, and the study beside it."""
    keep(store, study)
    return store.write(key, study.hash(key.stage), study.identity(key.stage), results, run)


def keep(store: Store, study: Study) -> None:
    study.keep(store.root)


def full_disk(*_args: Any, **_kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def files(store: Store) -> set[str]:
    return {p.relative_to(store.root).as_posix() for p in store.root.rglob("*") if p.is_file()}


def test_a_record_comes_back_as_it_was_written(store: Store) -> None:
    assert store.read(KEY) is None
    written = write(store, KEY, STUDY, RESULTS, RUN)
    assert store.read(KEY) == written
    assert written["results"] == RESULTS
    assert (written["study"], written["task"], written["seed"], written["stage"]) == (
        "mine",
        "RTE",
        1,
        "finetune",
    )
    assert written["hash"] == STUDY.hash("finetune")
    assert written["config"] == STUDY.identity("finetune")
    assert files(store) == {"mine/study.yaml", "mine/RTE/seed-1/finetune.json"}
    text = store.path(KEY).read_text("utf-8")
    assert text.endswith("}\n") and text.count("\n") > 10 and "ein Maß" in text


def test_a_store_knows_what_it_has_read_and_reads_a_file_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(KEY, stage="search")
    for key in (KEY, other):
        write(store, key, STUDY, RESULTS, RUN)
    again = Store(store.root, store.cache)
    assert again.seen == {}
    first = again.read(KEY)
    assert list(again.seen) == [store.path(KEY)]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: pytest.fail("read again"))
        assert again.read(KEY) == first
    write(store, KEY, STUDY, {"score": 1}, RUN)
    changed = again.read(KEY)
    assert changed is not None and changed["results"] == {"score": 1}


def test_a_record_says_how_it_was_made_but_not_where(store: Store, tmp_path: Path) -> None:
    record = write(store, KEY, STUDY, RESULTS, RUN)
    assert RUN.items() <= record["provenance"].items()
    for name in ("created", "lottery_utils", "python", "torch", "transformers", "numpy"):
        assert record["provenance"][name]
    for path in store.root.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert "/some/where" not in text
            assert str(tmp_path) not in text
            assert str(Path.cwd()) not in text


def drop_the_checksum(content: bytes) -> bytes:
    record = json.loads(content)
    del record["checksum"]
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.replace(b"0.123456", b"0.123457"),
        lambda content: content[: len(content) // 2],
        drop_the_checksum,
        lambda content: b"",
        lambda content: b"[]",
        lambda content: b"null",
        lambda content: content.replace(b'"RTE"', b'"CoLA"'),
        lambda content: content.replace(b"RTE", b"R\xffE", 1),
        lambda content: b"<<<<<<< HEAD\n" + content,
    ],
)
def test_damage_is_noticed(store: Store, damage: Callable[[bytes], bytes]) -> None:
    write(store, KEY, STUDY, RESULTS, RUN)
    path = store.path(KEY)
    before = path.read_bytes()
    path.write_bytes(damage(before))
    assert path.read_bytes() != before
    with pytest.raises(UserError, match=r"finetune\.json is broken.*restore it.*delete it"):
        store.read(KEY)


def test_another_schema_is_named(store: Store) -> None:
    record = write(store, KEY, STUDY, RESULTS, RUN)
    record["schema"] = 99
    running.rewrite(record, store.path(KEY))
    with pytest.raises(UserError, match=r"has schema 99, and this version reads schema 1"):
        store.read(KEY)


def test_a_checksum_does_not_depend_on_layout_or_order(store: Store) -> None:
    record = write(store, KEY, STUDY, RESULTS, RUN)
    turned: Record = dict(reversed(record.items()))
    store.path(KEY).write_text(json.dumps(turned, indent=7), "utf-8")
    assert store.read(KEY) == record


NUMBER = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
JSON = st.recursive(
    NUMBER | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
)


@given(st.dictionaries(st.text(), JSON))
def test_the_layout_changes_no_content(record: Record) -> None:
    assert json.loads(text_of(record)) == record


@given(st.lists(NUMBER, min_size=1))
def test_a_list_of_numbers_takes_one_line(numbers: list[float | bool | None]) -> None:
    assert text_of({"scores": numbers}).splitlines()[1] == f' "scores": {json.dumps(numbers)}'


def test_a_full_disk_is_one_sentence(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.jsonl", "stamp")
    opened = Path.open

    def open_on_full_disk(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return opened(path, mode, *args, **kwargs) if mode[0] == "r" else full_disk()

    monkeypatch.setattr(Path, "open", open_on_full_disk)
    what = "Cannot write .*: No space left on device; free some space"
    with pytest.raises(UserError, match=what):
        write(store, KEY, STUDY, RESULTS, RUN)
    with pytest.raises(UserError, match=what):
        journal.append({"step": 1})
    assert journal.entries == [], "what was not written down did not happen"


def test_what_cannot_be_read_back_is_one_sentence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "replication.store.write_text",
        lambda path, text: write_text(path, text.replace("0.123456", "0.123457")),
    )
    with pytest.raises(UserError, match=r"finetune\.json is broken"):
        write(store, KEY, STUDY, RESULTS, RUN)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_is_not_recorded(store: Store, number: float) -> None:
    with pytest.raises(UserError, match=r"finetune of mine.RTE.seed-1 came to .* no number"):
        write(store, KEY, STUDY, {"loss": [number]}, RUN)
    assert store.read(KEY) is None


def rewritten(store: Store, edit: Callable[[Record], object]) -> None:
    record = write(store, KEY, STUDY, RESULTS, RUN)
    edit(record)
    running.rewrite(record, store.path(KEY))


@pytest.mark.parametrize("field", ["schema", "seed", "hash", "config", "results", "provenance"])
def test_what_a_record_lacks_is_named(store: Store, field: str) -> None:
    rewritten(store, lambda record: record.pop(field))
    with pytest.raises(UserError, match=f"is broken .{field} is missing"):
        store.read(KEY)


def test_a_derived_study_is_held_to_its_name(store: Store, workplace: Path) -> None:
    derived = Study.load("tiny").override({"train_size": 32})
    keep(store, derived)
    assert Study.load(derived.name, store.root).train_size == 32
    path = store.root / derived.name / "study.yaml"
    path.write_text(path.read_text("utf-8").replace("train_size: 32", "train_size: 33"), "utf-8")
    for asked in (derived.name, path):
        with pytest.raises(UserError, match="is not the study that was derived as 'tiny-"):
            Study.load(asked, store.root)


@pytest.mark.parametrize("given", ["", None, True, 1000.0, ["results"]])
def test_what_is_no_path_names_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    """Papermill makes None of the word, and 1000.0 of 1e3."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"should be the path of a file or folder|is empty"):
        Store(given)
    assert Store(2024).root.name == "2024"


def test_a_folder_that_is_a_link_to_itself_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match=r"leads back to itself|Cannot"):
        Store(tmp_path / "loop").read(KEY)


def test_a_damaged_state_of_a_training_is_none(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "tickets", ("good",))
    kept.last = -1e9
    kept.keep(lambda: {"step": 3, "weights": torch.zeros(4)})
    whole = kept.path.read_bytes()
    assert (kept.state() or {})["step"] == 3
    for at in range(0, len(whole), 7):
        for bit in (1, 8, 64):
            kept.path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            found = kept.state()
            assert found is None or found["step"] == 3


def test_a_full_disk_is_one_sentence_while_a_model_trains(tmp_path: Path) -> None:
    kept = Unfinished(tmp_path / "tickets", ("good",))
    kept.last = -1e9
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match="Cannot write"):
            kept.keep(lambda: {"weights": torch.zeros(10**6)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "file" / "results", tmp_path / "file" / "cache")
    with pytest.raises(UserError, match=r"Cannot write .*: Not a directory"):
        write(store, KEY, STUDY, RESULTS, RUN)
    with pytest.raises(UserError, match=r"Cannot write .*: Not a directory"):
        store.scratch(KEY, "checkpoint")


def test_a_study_is_kept_beside_its_records(store: Store) -> None:
    write(store, KEY, STUDY, RESULTS, RUN)
    path = store.root / "mine" / "study.yaml"
    assert Study.load(path) == replace(STUDY, data="local")


def test_a_narrowed_study_does_not_forget_what_was_run_before(store: Store) -> None:
    keep(store, replace(STUDY, tasks=("RTE",), seeds=(1,)))
    keep(store, replace(STUDY, tasks=("CoLA",), seeds=(2, 1)))
    kept = Study.load(store.root / "mine" / "study.yaml")
    assert (kept.tasks, kept.seeds) == (("RTE", "CoLA"), (1, 2))


def test_magnitude_pruning_that_was_run_before_is_not_forgotten(store: Store) -> None:
    for chosen, kept in (
        ((), ()),
        (("RTE",), ("RTE",)),
        ((), ("RTE",)),
        (("CoLA", "RTE"), ("RTE", "CoLA")),
        (None, None),
        (("RTE",), None),
    ):
        keep(store, replace(STUDY, magnitude_tasks=chosen))
        assert Study.load(store.root / "mine" / "study.yaml").magnitude_tasks == kept


def test_followups_that_were_asked_before_are_not_forgotten(store: Store) -> None:
    def kept(*asked: FollowUps) -> FollowUps:
        for followups in asked:
            keep(store, replace(STUDY, followups=followups))
        return Study.load(store.root / "mine" / "study.yaml").followups

    first = FollowUps(survivors=("RTE",), control=("RTE",), control_seeds=(1,))
    assert kept(first, FollowUps()) == first, "nothing asked, nothing lost, no seeds added"
    both = kept(FollowUps(survivors=None, control=("CoLA",), control_seeds=(2,)))
    assert both == FollowUps(survivors=None, control=("RTE", "CoLA"), control_seeds=(1, 2))
    assert kept(FollowUps(control=("RTE",))).control_seeds is None, "all seeds"
    other = kept(FollowUps(sensitivity=("RTE",), sensitivity_seeds=(3,)))
    assert (other.sensitivity_seeds, other.control_seeds) == ((3,), None), "each its own seeds"


def own(*names: str) -> Study:
    labels = {name: OwnTask(labels=("no", "yes")) for name in names}
    return replace(STUDY, data="csv", tasks=("RTE", *names), own_tasks=labels)


def test_a_task_of_your_own_that_a_study_drops_is_dropped(store: Store) -> None:
    """What is left must be a study that can be read without it."""
    keep(store, replace(own("Trees", "Bushes"), magnitude_tasks=("Trees", "Bushes")))
    keep(store, replace(own("Bushes"), seeds=(2,), magnitude_tasks=("Bushes",)))
    kept = Study.load(store.root / "mine" / "study.yaml")
    assert (kept.tasks, kept.seeds) == (("RTE", "Bushes"), (1, 2))
    assert (set(kept.own_tasks), kept.magnitude_tasks) == ({"Bushes"}, ("Bushes",))


def test_a_task_of_your_own_may_change(store: Store) -> None:
    """The definition at hand counts."""
    keep(store, own("Trees"))
    changed = replace(own("Trees"), own_tasks={"Trees": OwnTask(labels=("bush", "tree"))})
    keep(store, changed)
    assert Study.load(store.root / "mine" / "study.yaml") == changed


def test_stores_with_different_roots_share_no_scratch_files(tmp_path: Path) -> None:
    first, second = (Store(tmp_path / name, tmp_path / "cache") for name in ("a", "b"))
    assert first.scratch(KEY, "checkpoint") != second.scratch(KEY, "checkpoint")
    assert first.scratch(KEY, "checkpoint").parent.is_dir()
    assert tmp_path / "cache" in first.scratch(KEY, "checkpoint").parents


def test_a_root_is_the_same_however_it_is_written(workplace: Path) -> None:
    assert Store("results").scratch(KEY, "x").resolve() == (
        Store(workplace / "results").scratch(KEY, "x").resolve()
    )


def test_results_that_are_no_folder_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match=r"cannot be read.*results to be a folder of records"):
        Store(tmp_path / "results").read(KEY)


def test_a_record_names_the_commit_and_marks_code_that_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code.py"
    code.write_text("")
    monkeypatch.setattr(lottery_utils, "__file__", str(code))
    now = imported.__wrapped__  # as a run that begins now has it
    assert now()["commit"] is None, "outside version control"
    who = ["-c", "user.name=one", "-c", "user.email=one@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    commit = now()["commit"]
    assert commit and not set(commit) - set("0123456789abcdef")
    code.write_text("changed")
    assert now()["commit"] == commit + "+"
    assert provenance()["commit"] == imported()["commit"], "of what was imported"
