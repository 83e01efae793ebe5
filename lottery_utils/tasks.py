"""What GLUE is, as far as this project needs to know: one record per task.

A task says which sentences it has, what its labels mean, which metric the paper
reports (section 3) and how its files look in the official TSV layout. Nothing here
reads a file; `lottery_utils.data` does.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import NamedTuple

from lottery_utils.errors import UserError


class Example(NamedTuple):
    """One sentence or sentence pair. `label` indexes `Task.labels`."""

    sentence1: str
    sentence2: str | None
    label: int


@dataclass(frozen=True)
class TsvFile:
    """How a split is written in the official layout: its columns, and which ones matter.

    `sentence1`, `sentence2` and `label` name columns. Files without a header line (CoLA)
    have the same columns, only unwritten.
    """

    name: str
    columns: tuple[str, ...]
    sentence1: str
    sentence2: str | None = None
    label: str = "label"
    has_header: bool = True


@dataclass(frozen=True)
class Task:
    """A GLUE task.

    `labels` are the names in the order of the class indices that the GLUE release on the
    hub uses; `tsv_labels` are the same labels as the official TSV files spell them.
    `metric` names one of `lottery_utils.metrics.METRICS`. In the official layout the
    files lie in a folder called `name`.
    """

    name: str
    question: str
    labels: tuple[str, ...]
    tsv_labels: tuple[str, ...]
    metric: str
    train: TsvFile
    validation: TsvFile

    @property
    def is_pair(self) -> bool:
        return self.validation.sentence2 is not None


_COLA = ("source", "label", "original_judgement", "sentence")
_SST2 = ("sentence", "label")
_RTE = ("index", "sentence1", "sentence2", "label")

TASKS: dict[str, Task] = {
    "CoLA": Task(
        name="CoLA",
        question="Is this an acceptable English sentence?",
        labels=("unacceptable", "acceptable"),
        tsv_labels=("0", "1"),
        metric="matthews",
        train=TsvFile("train.tsv", _COLA, "sentence", has_header=False),
        validation=TsvFile("dev.tsv", _COLA, "sentence", has_header=False),
    ),
    "SST-2": Task(
        name="SST-2",
        question="Is this piece of a film review positive or negative?",
        labels=("negative", "positive"),
        tsv_labels=("0", "1"),
        metric="accuracy",
        train=TsvFile("train.tsv", _SST2, "sentence"),
        validation=TsvFile("dev.tsv", _SST2, "sentence"),
    ),
    "RTE": Task(
        name="RTE",
        question="Does the first text entail the second?",
        labels=("entailment", "not_entailment"),
        tsv_labels=("entailment", "not_entailment"),
        metric="accuracy",
        train=TsvFile("train.tsv", _RTE, "sentence1", "sentence2"),
        validation=TsvFile("dev.tsv", _RTE, "sentence1", "sentence2"),
    ),
}


def get_task(name: str) -> Task:
    """The task called `name`. Raises `UserError`, naming the nearest, if there is none."""
    if name in TASKS:
        return TASKS[name]
    folded = {known.casefold(): known for known in TASKS}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.4)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    raise UserError(f"Unknown task {name!r}: this edition knows {', '.join(TASKS)}{hint}")
