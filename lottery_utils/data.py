"""Where examples come from: the embedded corpus, or GLUE's official TSV files.

A source is named by a short text: `mini` for the embedded corpus, `local:DIR` for a folder
in the official layout (DIR/RTE/train.tsv, DIR/RTE/dev.tsv, ...). Whatever the source,
`load_task` gives a `datasets.DatasetDict` with the same columns, and `load_examples` the
same examples as plain tuples for machines where `datasets` is not installed.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lottery_utils import miniglue
from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, Task, TsvFile, get_task

if TYPE_CHECKING:
    from datasets import DatasetDict

SPLITS = ("train", "validation")
# What `mini` gives where no size is asked for: GLUE's small tasks are about this large.
MINI_SIZES = {"train": 2000, "validation": 400}


def source_kind(source: str) -> str:
    """`mini` or `local`: a source without the place it lies at.

    `local` alone is a source too, whose place is told later. Raises `UserError` for others.
    """
    kind, _, rest = source.partition(":")
    if source in ("mini", "local") or (kind == "local" and rest):
        return kind
    raise UserError(
        f"Unknown data source {source!r}: expected 'mini' (the embedded corpus) or 'local:DIR' "
        "(a folder with the official GLUE files, such as DIR/RTE/dev.tsv)."
    )


def load_examples(
    name: str,
    source: str,
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
) -> dict[str, list[Example]]:
    """The examples of task `name`, as `{"train": [...], "validation": [...]}`.

    A size caps its split: from files, that many examples are drawn once, by a fixed seed
    and in file order, so that every study with the same cap sees the same examples. `None`
    takes a file whole and the embedded corpus at `MINI_SIZES`. Raises `UserError` for an
    unknown task or source, a missing folder or file, or a line that is not as it should be.
    """
    task = get_task(name)
    sizes = {"train": train_size, "validation": validation_size}
    if source_kind(source) == "mini":
        wanted = {split: sizes[split] or MINI_SIZES[split] for split in SPLITS}
        return miniglue.generate(task.name, wanted["train"], wanted["validation"])
    folder = _local_folder(task, source)
    files = {"train": task.train, "validation": task.validation}
    return {s: _cap(read_tsv(folder / files[s].name, task, files[s]), sizes[s]) for s in SPLITS}


def load_task(
    name: str,
    source: str,
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
) -> DatasetDict:
    """The same examples as a `datasets.DatasetDict` with splits `train` and `validation`.

    Columns: `sentence1` (string), `sentence2` (string, None in single-sentence tasks),
    `label` (ClassLabel with the task's names) and `idx` (int64, position in its split).
    """
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    task = get_task(name)
    features = Features(
        sentence1=Value("string"),
        sentence2=Value("string"),
        label=ClassLabel(names=list(task.labels)),
        idx=Value("int64"),
    )
    splits = load_examples(name, source, train_size=train_size, validation_size=validation_size)
    return DatasetDict(
        {
            split: Dataset.from_list(
                [{**example._asdict(), "idx": i} for i, example in enumerate(examples)],
                features=features,
            )
            for split, examples in splits.items()
        }
    )


def fingerprint(splits: dict[str, list[Example]]) -> str:
    """A sha256 of the examples themselves, the same wherever the files lie."""
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(json.dumps([split, splits[split]], ensure_ascii=False).encode())
    return digest.hexdigest()


def read_tsv(path: Path, task: Task, layout: TsvFile) -> list[Example]:
    """All examples of one official TSV file, in file order.

    Fields are separated by tabs and never quoted: a quotation mark is text. Raises
    `UserError` naming the line that has another number of columns than the layout, an
    unknown label or an empty sentence.
    """
    try:
        # utf-8-sig drops a byte-order mark; line ends of any system are read alike.
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8 text")
        raise UserError(
            f"Cannot read {path}: {reason}; expected the official GLUE file {path.name} "
            f"of {task.name} in its folder {path.parent}."
        ) from error
    if layout.has_header and tuple(lines[0].split("\t")) != layout.columns:
        raise UserError(
            f"{path}, line 1: expected the header {' | '.join(layout.columns)!r} of the official "
            f"{task.name} file, found {lines[0][:80]!r}; download the file again."
        )
    first = 1 if layout.has_header else 0
    if lines[first:] in ([], [""]):
        raise UserError(f"{path} has no examples: the file is empty or cut off, get it again.")
    return [
        _parse_line(line, number, path, task, layout)
        for number, line in enumerate(lines[first:], start=first + 1)
    ]


def _parse_line(line: str, number: int, path: Path, task: Task, layout: TsvFile) -> Example:
    fields = line.split("\t")
    if len(fields) != len(layout.columns):
        raise UserError(
            f"{path}, line {number}: expected {len(layout.columns)} columns separated by tabs, "
            f"found {len(fields)}; the file is truncated or not the official one, get it again."
        )
    row = dict(zip(layout.columns, fields, strict=True))
    if row[layout.label] not in task.tsv_labels:
        raise UserError(
            f"{path}, line {number}: label {row[layout.label]!r} is none of "
            f"{', '.join(map(repr, task.tsv_labels))}; the file is damaged, download it again."
        )
    sentence1 = row[layout.sentence1].strip()
    sentence2 = row[layout.sentence2].strip() if layout.sentence2 else None
    if not sentence1 or sentence2 == "":
        raise UserError(
            f"{path}, line {number}: a sentence is empty; the file is damaged, download it again."
        )
    return Example(sentence1, sentence2, task.tsv_labels.index(row[layout.label]))


def _local_folder(task: Task, source: str) -> Path:
    _, _, place = source.partition(":")
    if not place:
        raise UserError(
            f"The study's {task.name} data are local files, and this run was not told where they "
            "are: add --data local:DIR (in a notebook, the parameter data)."
        )
    folder = Path(place).expanduser() / task.name
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}: expected the official GLUE layout, with train.tsv and "
            f"dev.tsv of {task.name} in it."
        )
    return folder


def _cap(examples: Sequence[Example], size: int | None) -> list[Example]:
    if size is None or size >= len(examples):
        return list(examples)
    chosen = sorted(random.Random(0).sample(range(len(examples)), size))
    return [examples[i] for i in chosen]
