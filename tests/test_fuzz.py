"""Whatever a file holds, reading it gives what it says or one sentence: never a traceback.

LOTTERY_FUZZ=3000 tries as many inputs of each kind; without it few, of which each is another.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lottery_utils.data import load_examples
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.patterns.maps import load_maps
from lottery_utils.tasks import TASKS, Task
from replication.paper.release import _array
from replication.study import Study

fuzz = settings(
    max_examples=int(os.environ.get("LOTTERY_FUZZ", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),  # one folder serves all examples
)


def damaged(*whole: str | bytes, pieces: tuple[str, ...] = ()) -> st.SearchStrategy[bytes]:
    """Files that were whole, with some places cut out or written over; or any bytes at all."""
    files = [text.encode() if isinstance(text, str) else text for text in whole]
    written = st.one_of(
        st.sampled_from([piece.encode() for piece in pieces] or [b""]),
        st.text(max_size=6).map(lambda text: text.encode(errors="replace")),
        st.binary(max_size=4),
    )
    edit = st.tuples(st.integers(0, 2**16), st.integers(0, 8), written)

    def apply(file: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for place, n, new in edits:
            place %= len(file) + 1
            file = file[:place] + new + file[place + n :]
        return file

    edited = st.builds(apply, st.sampled_from(files), st.lists(edit, max_size=5))
    return st.one_of(edited, edited, edited, st.binary(max_size=200))


@contextlib.contextmanager
def refused_at_most() -> Iterator[None]:
    """Nothing is raised in here but a sentence."""
    try:
        yield
    except UserError as error:
        assert str(error)


STUDIES = (
    """\
backbone: bundled
data: mini
tasks: [RTE, CoLA]
seeds: [1, 42]
train_size: 100
recipe: {learning_rate: 1.0e-4, epochs: 2, bf16: cpu}
search: &rule
  threshold: 0.9
variant: paper
magnitude_tasks: [RTE]
followups: {control: [CoLA], control_seeds: [1]}
""",
    """\
data: csv
tasks: [Trees]
seeds: [1]
own_tasks:
  Trees: {labels: ["no", "yes"], metric: f1}
whole_tasks: [Trees]
held_out: true
followups: {rates: [Trees]}
""",
)
YAML = (
    *("1e400", "0123", "1:30", "0x1F", "9" * 5000, "2024-13-45", "2024-01-01", ".nan", ".inf"),
    *("[" * 400, "{a: " * 400, "[a, b]", "{a: 1}", "null", "on", "~", "''", "\u0301", "\ufeff"),
    *("&a [*a]", "*rule", "!!binary x", "!!int x", "!!bool x", "!!timestamp x", "!!set {a}"),
    *("\nseeds: [3]", "\ntasks: [2024]", "\nname: " + "a" * 300, "\n2024: 1", "\n<<: *rule"),
    *("\nbackbone: {a: 1}", "\nrecipe: 5", "\nfollowups: [a]", "\nown_tasks: {on: {}}", "\t"),
    *("? [a]", "---", "-1"),
)


@fuzz
@given(content=damaged(*STUDIES, pieces=YAML))
def test_studies(content: bytes, folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_bytes(content)
    with refused_at_most():
        study = Study.load(path)
        path.write_text(study.to_yaml(), encoding="utf-8")
        assert Study.load(path).hash("tickets") == study.hash("tickets")


TABLE = 'sentence1,sentence2,label\nAn oak,"A tree, old",yes\n"He said ""no""","two\nlines",no\n'
CELLS = ('"', '""', ",", "\n", "\r", "\0", "yes", "no", "1e999", "-3.5", "label", "x" * 140_000)


@fuzz
@given(content=damaged(TABLE, pieces=CELLS), graded=st.booleans(), pair=st.booleans())
def test_own_tables(content: bytes, graded: bool, pair: bool, folder: Path) -> None:
    task = Task("Trees", "?", () if graded else ("no", "yes"), ("accuracy",), is_pair=pair)
    read(task, f"csv:{folder}", folder, ("train.csv", "validation.csv"), content)


TSV = {
    "SST-2": 'sentence\tlabel\na good film\t1\n" unbalanced\t0\n',
    "RTE": "index\tsentence1\tsentence2\tlabel\n0\tIt rains.\tIt is wet.\tentailment\n",
    "STS-B": "index\tsentence1\tsentence2\tscore\n0\tA.\tB.\t3.8\n",
    "QQP": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tWhy?\tHow?\t0\n",
    "CoLA": "gj04\t1\t\tFine.\ngj04\t0\t*\tNot fine.\n",
}


@pytest.mark.parametrize("task", TSV)
@fuzz
@given(data=st.data())
def test_official_files(task: str, data: st.DataObject, folder: Path) -> None:
    content = data.draw(damaged(TSV[task], pieces=("\t", "\n", "\r\n", "\ufeff", "nan", "1_0")))
    layout = TASKS[task].files
    assert layout is not None
    read(TASKS[task], f"local:{folder}", folder, ("train.tsv", layout.validation), content)


def read(task: Task, source: str, folder: Path, names: tuple[str, ...], content: bytes) -> None:
    """Both splits of a task from this content: what is read can be trained on."""
    (folder / task.name).mkdir(exist_ok=True)
    for name in names:
        (folder / task.name / name).write_bytes(content)
    with refused_at_most():
        for example in load_examples(task, source)["train"]:
            assert example.sentence1.strip()
            assert (example.sentence2 is not None) == task.is_pair
            assert abs(example.label) <= 1e9 if task.is_graded else example.label in (0, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("01", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@fuzz
@given(
    data=JSON | st.fixed_dictionaries({"heads": JSON, "mlps": JSON}),
    text=damaged('{"heads": ["10", "11"], "mlps": "01"}', pieces=("0.9", "[" * 9000, "NaN", "2")),
)
def test_masks(data: Any, text: bytes, folder: Path) -> None:
    with refused_at_most():
        mask = StructuredMask.from_json(data)
        assert StructuredMask.from_json(mask.to_json()) == mask
        assert mask.heads.size
    (folder / "mask.json").write_bytes(text)
    with refused_at_most():
        StructuredMask.load(folder / "mask.json")


@fuzz
@given(data=st.data())
def test_weight_masks(data: st.DataObject, folder: Path) -> None:
    path = folder / "mask.safetensors"
    WeightMask({"a": np.array([[True, False, True]]), "b": np.ones(9, bool)}).save(path)
    whole = path.read_bytes()
    content = data.draw(damaged(whole, pieces=('"shapes":"[1]"', "{}", "[]")))
    path.write_bytes(content)
    with refused_at_most():
        assert WeightMask.load(path).size == 12


def saved(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


ARRAYS = (
    np.eye(12),
    np.eye(12, dtype=complex),
    np.eye(3),
    np.array([["a"] * 12] * 12),
    np.zeros((12, 12), [("a", int)]),
    np.full((12, 12), np.datetime64("2024")),
    np.array([[None] * 12] * 12),
    np.array(1),
    np.zeros((0, 0)),
)
ARRAY_PIECES = ("PK\x03\x04", "(99999999999, 99)", "(-1, 12)", "'O'", "'<c16'", "True", "}", "0.9")


def as_map(path: Path) -> Any:
    (path.parent / "labels.tsv").write_text(f"{path.name}\tblock\n", encoding="utf-8")
    return load_maps(path.parent)


@pytest.mark.parametrize("reader", [lambda path: _array(path, (12, 12)), as_map, load_maps])
@fuzz
@given(content=damaged(*map(saved, ARRAYS), pieces=ARRAY_PIECES))
@pytest.mark.filterwarnings("ignore")
def test_arrays(reader: Callable[[Path], Any], content: bytes, folder: Path) -> None:
    path = folder / "head_mask.npy"
    path.write_bytes(content)
    with refused_at_most():
        reader(path)


@fuzz
@given(content=damaged(json.dumps({"SST-2": {"acc": [0.9, 0.1]}}), pieces=("1e999", "[" * 9000)))
def test_released_scores(content: bytes, folder: Path) -> None:
    from replication.paper.release import _scores

    (folder / "evaluate_masked" / "no_mask").mkdir(parents=True, exist_ok=True)
    (folder / "evaluate_masked" / "no_mask" / "results.json").write_bytes(content)
    with pytest.raises(UserError):  # it is never whole
        _scores(folder, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")
