"""Reading GLUE's official TSV files and tables of your own, and saying what is wrong with one.

Fields of official files are never quoted. Byte-order marks and any system's line ends are read.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from lottery_utils.errors import UserError, reading, regular
from lottery_utils.tasks import Example, Task, TsvFiles, as_seen

# As many broken lines as the official files of QQP have, and some to spare.
MOST_BROKEN_LINES = 20
HIGHEST_GRADE = 5.0
LARGEST_OWN_GRADE = 1e9  # the squares of larger ones have no place in 32 bits
LONGEST_CELL = 2**31 - 1  # characters; Python's own limit is 131,072


def read_tsv(path: Path, task: Task, layout: TsvFiles) -> list[Example]:
    """All examples of one official TSV file, in file order. Raises `UserError` naming the line that
    has another number of columns than the header, an unknown label, an empty sentence, or a number
    that does not follow from the line before.
    """
    expected = f"the official GLUE file {path.name} of {task.name} in its folder {path.parent}"
    with reading(path, expected):
        text = regular(path).read_text(encoding="utf-8-sig")
    lines = text.removesuffix("\n").split("\n")
    header = layout.unwritten_header or tuple(lines[0].split("\t"))
    missing = [column for column in layout.columns if header.count(column) != 1]
    if missing:
        raise UserError(
            f"{path}, line 1: expected the header of the official {task.name} file, with one "
            f"column {' | '.join(missing)!r}, found {lines[0][:80]!r}; download the file again."
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
    if blank(sentence1) or (sentence2 is not None and blank(sentence2)):
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


def blank(text: str) -> bool:
    """Whether nothing of a text can be seen: spaces, also those without width, and controls."""
    return all(unicodedata.category(letter) in ("Cc", "Cf", "Zs", "Zl", "Zp") for letter in text)


def _grade(text: str) -> float:
    try:
        return float(text if "_" not in text else "")  # Python takes 1_000, nobody else does
    except ValueError:
        return math.nan


def read_csv(path: Path, task: Task) -> list[Example]:
    """All examples of a table with the columns sentence1, sentence2 (in pairs) and label: one of
    `task.labels` or a number. Raises `UserError` naming the line where something is missing, or
    where a quotation mark or a comma within a text would cut it.
    """
    wanted = ["sentence1", *(["sentence2"] if task.is_pair else []), "label"]
    expected = f"a table in UTF-8 with the columns {', '.join(wanted)}"
    with reading(path, expected), regular(path).open(encoding="utf-8-sig", newline="") as file:
        (_, header), *rows = _rows(path, file) or [(1, [])]
    columns = [name.strip() for name in header]
    if wrong := [name for name in wanted if columns.count(name) != 1]:
        found = ", ".join(f"{n} is {'there twice' if n in columns else 'missing'}" for n in wrong)
        raise UserError(
            f"{path}, line 1: expected the columns {', '.join(wanted)}; {found} in "
            f"{','.join(header)[:80]!r}."
        )
    places = [columns.index(name) for name in wanted]
    examples = []
    for line, row in rows:
        if len(row) < len(columns) or any(cell.strip() for cell in row[len(columns) :]):
            raise UserError(
                f"{path}, line {line}: expected {len(columns)} columns, found {len(row)}; fill "
                "each, if only with nothing between two commas, and put quotation marks around "
                "texts with a comma, with no space before them."
            )
        cells = [row[i].strip() for i in places]
        of_names = dict(zip(wanted, cells, strict=True))
        examples.append(_own_example(of_names, f"{path}, line {line}", task))
    if not examples:
        raise UserError(f"{path} has no examples: add lines below the header.")
    return examples


def _rows(path: Path, file: Iterable[str]) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line that it begins in."""
    reader, line, rows = csv.reader(file, strict=True), 1, []
    usual = csv.field_size_limit(LONGEST_CELL)
    try:
        for row in reader:
            rows += [(line, row)] if row else []
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {line}: this is no CSV ({error}): a quotation mark is not closed, or "
            'is in a text that has marks around it; write each one within such a text twice, "".'
        ) from error
    finally:
        csv.field_size_limit(usual)
    return rows


def _own_example(cells: dict[str, str], where: str, task: Task) -> Example:
    for name, cell in cells.items():
        if blank(cell):
            raise UserError(f"{where}: the column {name} is empty; fill it or drop the line.")
    text = cells["label"]
    sentences = cells["sentence1"], cells.get("sentence2")
    labels = [as_seen(label) for label in task.labels]
    if (seen := as_seen(text)) in labels:
        return Example(*sentences, labels.index(seen))
    if task.is_graded and abs(grade := _grade(text)) <= LARGEST_OWN_GRADE:
        return Example(*sentences, grade)
    expected = f"one of {', '.join(task.labels)}" if task.labels else "a number"
    raise UserError(f"{where}: the label {text!r} should be {expected}.")
