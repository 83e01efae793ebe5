"""Reading a task of your own from CSV tables, as a spreadsheet writes them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, Task


def read_csv(path: Path, task: Task) -> list[Example]:
    """All examples of a table with the columns sentence1, sentence2 (in pairs) and label.

    Labels are spelled as `task.labels` are; grades are numbers. Other columns are passed
    over. Raises `UserError` naming the line where something is missing or unknown.
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
                examples.append(_example(row, wanted, f"{path}, line {reader.line_num}", task))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or f"it is no CSV in UTF-8 ({error})"
        raise UserError(
            f"Cannot read {path}: {reason}; expected a table with the columns {', '.join(wanted)}."
        ) from error
    if not examples:
        raise UserError(f"{path} has no examples: add lines below the header.")
    return examples


def _example(row: dict[str, str | None], wanted: list[str], where: str, task: Task) -> Example:
    for name in wanted:
        if not (row[name] or "").strip():
            raise UserError(f"{where}: the column {name} is empty; fill it or drop the line.")
    first, *others = ((row[name] or "").strip() for name in wanted)
    text = others[-1]
    second = others[0] if task.is_pair else None
    if text in task.labels:
        return Example(first, second, task.labels.index(text))
    expected = f"one of {', '.join(task.labels)}" if task.labels else "a number"
    try:
        grade = float(text) if task.is_graded else math.nan
    except ValueError:
        grade = math.nan
    if not math.isfinite(grade):
        raise UserError(f"{where}: the label {text!r} should be {expected}.")
    return Example(first, second, grade)
