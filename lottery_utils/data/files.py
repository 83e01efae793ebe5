"""Reading GLUE's official TSV files and tables of your own, and saying what is wrong with one.

Fields of official files are never quoted. Byte-order marks and any system's line ends are read.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, Task, TsvFiles

# As many broken lines as the official files of QQP have, and some to spare.
MOST_BROKEN_LINES = 20
HIGHEST_GRADE = 5.0


def read_tsv(path: Path, task: Task, layout: TsvFiles) -> list[Example]:
    """All examples of one official TSV file, in file order. Raises `UserError` naming the line that
    has another number of columns than the header, an unknown label, an empty sentence, or a number
    that does not follow from the line before.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is not UTF-8 text")
        raise UserError(
            f"Cannot read {path}: {reason}; expected the official GLUE file {path.name} "
            f"of {task.name} in its folder {path.parent}."
        ) from error
    lines = text.removesuffix("\n").split("\n")
    header = layout.unwritten_header or tuple(lines[0].split("\t"))
    missing = [column for column in layout.columns if column not in header]
    if missing:
        raise UserError(
            f"{path}, line 1: expected the header of the official {task.name} file, with a column "
            f"{' | '.join(missing)!r}, found {lines[0][:80]!r}; download the file again."
        )
    first = 0 if layout.unwritten_header else 1
    if lines[first:] in ([], [""]):
        raise UserError(f"{path} has no examples: the file is empty or cut off, get it again.")
    examples: list[Example] = []
    broken = 0
    for number, line in enumerate(lines[first:], start=first + 1):
        fields = line.split("\t")
        if len(fields) == len(header):
            row = dict(zip(header, fields, strict=True))
            examples.append(
                _official_example(row, len(examples), f"{path}, line {number}", task, layout)
            )
            continue
        broken += 1
        # What is cut off at the end of a file is never one of the lines known to be broken.
        if not layout.ragged or broken > MOST_BROKEN_LINES or number == len(lines):
            raise UserError(
                f"{path}, line {number}: expected {len(header)} columns separated by tabs, found "
                f"{len(fields)}; the file is truncated or not the official one, get it again."
            )
    return examples


def _official_example(
    row: dict[str, str], place: int, where: str, task: Task, layout: TsvFiles
) -> Example:
    if layout.counter and row[layout.counter] != str(place):
        raise UserError(
            f"{where}: its {layout.counter} is {row[layout.counter]!r} where {place} should "
            "follow; lines are missing, doubled or in another order, get the file again."
        )
    sentence1 = row[layout.sentence1].strip()
    sentence2 = row[layout.sentence2].strip() if layout.sentence2 else None
    if not sentence1 or sentence2 == "":
        raise UserError(f"{where}: a sentence is empty; the file is damaged, download it again.")
    text = row[layout.label]
    if task.is_graded:
        expected = f"no number from 0 to {HIGHEST_GRADE:g}"
        if 0 <= (grade := _grade(text)) <= HIGHEST_GRADE:
            return Example(sentence1, sentence2, grade)
    else:
        expected = f"none of {', '.join(map(repr, layout.labels))}"
        if text in layout.labels:
            return Example(sentence1, sentence2, layout.labels.index(text))
    raise UserError(
        f"{where}: label {text!r} is {expected}; the file is damaged, download it again."
    )


def _grade(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def read_csv(path: Path, task: Task) -> list[Example]:
    """All examples of a table with the columns sentence1, sentence2 (in pairs) and label: one of
    `task.labels` or a number. Raises `UserError` naming the line where something is missing.
    """
    wanted = ["sentence1", *(["sentence2"] if task.is_pair else []), "label"]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError(
                    f"{path}, line 1: expected the columns {', '.join(wanted)}; "
                    f"{', '.join(missing)} is missing."
                )
            examples = []
            for row in reader:
                examples.append(_own_example(row, wanted, f"{path}, line {reader.line_num}", task))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or f"it is no CSV in UTF-8 ({error})"
        raise UserError(
            f"Cannot read {path}: {reason}; expected a table with the columns {', '.join(wanted)}."
        ) from error
    if not examples:
        raise UserError(f"{path} has no examples: add lines below the header.")
    return examples


def _own_example(row: dict[str, str | None], wanted: list[str], where: str, task: Task) -> Example:
    for name in wanted:
        if not (row[name] or "").strip():
            raise UserError(f"{where}: the column {name} is empty; fill it or drop the line.")
    first, *others = ((row[name] or "").strip() for name in wanted)
    text = others[-1]
    second = others[0] if task.is_pair else None
    if text in task.labels:
        return Example(first, second, task.labels.index(text))
    if task.is_graded and math.isfinite(grade := _grade(text)):
        return Example(first, second, grade)
    expected = f"one of {', '.join(task.labels)}" if task.labels else "a number"
    raise UserError(f"{where}: the label {text!r} should be {expected}.")
