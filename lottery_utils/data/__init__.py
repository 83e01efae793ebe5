"""Where examples come from: the embedded corpus, GLUE's files, GLUE on the hub, or your own.

A source is named by a short text:

    mini        the embedded corpus, nothing to download
    hub         GLUE on the Hugging Face hub (nyu-mll/glue), through `datasets`
    hub:PLACE   the same from a copy: another repository, or a folder in the hub's layout
    local:DIR   GLUE's official TSV files (DIR/RTE/train.tsv, DIR/RTE/dev.tsv, ...)
    csv:DIR     tables of your own (DIR/NAME/train.csv, DIR/NAME/validation.csv)

Whatever the source, `load_task` gives a `datasets.DatasetDict` with the same columns, and
`load_examples` the same examples as plain tuples, without `datasets` but for the hub.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import miniglue
from lottery_utils.data.files import read_csv, read_tsv
from lottery_utils.data.hub import load_from_hub
from lottery_utils.errors import UserError, expanded, reading
from lottery_utils.tasks import Example, Task, get_task
from miniglue.grammar import MiniGlueError

if TYPE_CHECKING:
    from datasets import DatasetDict

SPLITS = ("train", "validation")
# What `mini` gives where no size is asked for: GLUE's small tasks are about this large.
MINI_SIZES = {"train": 2000, "validation": 400}


def source_kind(source: str) -> str:
    """`mini`, `hub`, `local` or `csv`: a source without its place, which may be given later.

    Raises `UserError` for others.
    """
    kind, colon, rest = source.partition(":")
    if source == "mini" or (kind in ("hub", "local", "csv") and bool(rest) == bool(colon)):
        return kind
    raise UserError(
        f"Unknown data source {source!r}: expected 'mini' (the embedded corpus), 'hub' (GLUE by "
        "download), 'local:DIR' (a folder with the official GLUE files, such as DIR/RTE/dev.tsv) "
        "or 'csv:DIR' (tables of your own)."
    )


def load_examples(
    name: str | Task,
    source: str,
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
) -> dict[str, list[Example]]:
    """The examples of a task, as `{"train": [...], "validation": [...]}`.

    A size caps its split: from files, that many examples are drawn by a fixed seed, in file order.
    `None` takes a file whole and the embedded corpus at `MINI_SIZES`. Raises `UserError` for an
    unknown task or source, a missing folder or file, or a line that is not as it should be.
    """
    task = get_task(name)
    sizes, kind = {"train": train_size, "validation": validation_size}, source_kind(source)
    if kind == "mini":
        return _embedded(task, {split: sizes[split] or MINI_SIZES[split] for split in SPLITS})
    read = {"local": _official, "hub": load_from_hub, "csv": _own_tables}[kind]
    whole = read(task, source.partition(":")[2])
    return {split: _cap(whole[split], sizes[split]) for split in SPLITS}


def left_out_examples(name: str | Task, source: str, validation_size: int | None) -> list[Example]:
    """The validation examples beyond a cap of `validation_size`, in file order: none without a cap,
    and none of the embedded corpus, which is made to size.
    """
    if validation_size is None or source_kind(source) == "mini":
        return []
    whole = load_examples(name, source)["validation"]
    taken = set(_places(len(whole), validation_size))
    return [example for i, example in enumerate(whole) if i not in taken]


def unseen_examples(
    name: str | Task, source: str, n: int, seen: dict[str, list[Example]]
) -> list[Example]:
    """Up to `n` training examples that are in neither split of `seen` (from `load_examples`), drawn
    by a fixed seed; fewer, or none, where the file has no more.
    """
    known = {example[:2] for split in SPLITS for example in seen[split]}  # the sentences
    size = None
    if source_kind(source) == "mini":
        size = max(len(seen["train"]), MINI_SIZES["train"]) + 2 * n
    others = load_examples(name, source, train_size=size)["train"]
    return _cap([example for example in others if example[:2] not in known], n)


def load_task(
    name: str | Task,
    source: str,
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
) -> DatasetDict:
    """The same examples as a `datasets.DatasetDict` with splits `train` and `validation`.

    Columns: `sentence1`, `sentence2` (string; None in single-sentence tasks), `label` (ClassLabel
    with the task's names; float32 for grades) and `idx` (int64, position in its split).
    """
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    task = get_task(name)
    features = Features(
        sentence1=Value("string"),
        sentence2=Value("string"),
        label=Value("float32") if task.is_graded else ClassLabel(names=list(task.labels)),
        idx=Value("int64"),
    )
    splits = load_examples(name, source, train_size=train_size, validation_size=validation_size)
    found = DatasetDict()
    for split, examples in splits.items():
        rows = [{**example._asdict(), "idx": i} for i, example in enumerate(examples)]
        found[split] = Dataset.from_list(rows, features=features)
    return found


def fingerprint(splits: dict[str, list[Example]]) -> str:
    """A sha256 of the examples themselves, the same wherever the files lie."""
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(json.dumps([split, splits[split]], ensure_ascii=False).encode())
    return digest.hexdigest()


def _embedded(task: Task, sizes: dict[str, int]) -> dict[str, list[Example]]:
    """The embedded corpus knows nothing of this package: its tuples become ours."""
    try:
        drawn = miniglue.generate(task.name, sizes["train"], sizes["validation"])
    except MiniGlueError as error:
        raise UserError(str(error)) from error
    return {split: [Example(*example) for example in drawn[split]] for split in SPLITS}


def _official(task: Task, place: str) -> dict[str, list[Example]]:
    folder = _folder(task, place, "local", "the official GLUE layout, with train.tsv and dev.tsv")
    if not task.files:
        raise UserError(
            f"{task.name} is not a task of GLUE and has no official files: take --data csv:DIR."
        )
    files = {"train": "train.tsv", "validation": task.files.validation}
    return {split: read_tsv(folder / name, task, task.files) for split, name in files.items()}


def _own_tables(task: Task, place: str) -> dict[str, list[Example]]:
    folder = _folder(task, place, "csv", "your own tables, with train.csv and validation.csv")
    return {split: read_csv(folder / f"{split}.csv", task) for split in SPLITS}


def _folder(task: Task, place: str, kind: str, expected: str) -> Path:
    if not place:
        raise UserError(
            f"The study's {task.name} data are files of this machine, and this run needs to know "
            f"where they are: add --data {kind}:DIR (in a notebook, the parameter data)."
        )
    folder = expanded(place) / task.name
    with reading(folder):
        if not folder.is_dir():
            raise UserError(
                f"There is no folder {folder}: expected {expected} of {task.name} in it."
            )
    return folder


def _cap(examples: Sequence[Example], size: int | None) -> list[Example]:
    return [examples[i] for i in _places(len(examples), size)]


def _places(n: int, size: int | None) -> Sequence[int]:
    """Which of `n` examples a cap of `size` takes."""
    if size is None or size >= n:
        return range(n)
    return sorted(random.Random(0).sample(range(n), size))
