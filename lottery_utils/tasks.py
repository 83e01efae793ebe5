"""What GLUE is, as far as this project needs to know: one record per task.

Which sentences, labels and metrics it has, and how it is spelled in the official TSV files and on
the hub. Nothing here reads a file; `lottery_utils.data` does.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, NamedTuple

import pydantic.dataclasses
from pydantic import Field

from lottery_utils.errors import UserError


class Example(NamedTuple):
    """A sentence or pair; `label` indexes `Task.labels`, or is the grade itself (STS-B)."""

    sentence1: str
    sentence2: str | None
    label: float


@dataclass(frozen=True)
class TsvFiles:
    """How the official layout writes a task: columns by name, and its `labels` as spelled there.

    CoLA's files have no header line. `counter` counts the examples from 0, which shows lost lines;
    with `ragged` a few lines may be broken: QQP's official files have line feeds in questions.
    """

    sentence1: str
    sentence2: str | None = None
    label: str = "label"
    labels: tuple[str, ...] = ("0", "1")
    validation: str = "dev.tsv"
    unwritten_header: tuple[str, ...] = ()
    counter: str | None = None
    ragged: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        used = (self.counter, self.sentence1, self.sentence2, self.label)
        return tuple(column for column in used if column)


@dataclass(frozen=True)
class HubSplits:
    """Where the task is in the GLUE release on the hub: configuration, columns, split."""

    config: str
    sentence1: str = "sentence1"
    sentence2: str | None = "sentence2"
    validation: str = "validation"


@dataclass(frozen=True)
class Task:
    """A GLUE task, or one of your own.

    `labels` are the names in the order of the class indices that the GLUE release on the
    hub uses, and empty where answers are graded. Of the `metrics`, named as in
    `lottery_utils.metrics`, the first is reported; the search goes by `search_metric` where that
    is another. `official_sizes` are GLUE's numbers of training and validation examples.
    """

    name: str
    question: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...] = ("accuracy",)
    is_pair: bool = False
    files: TsvFiles | None = None
    hub: HubSplits | None = None
    official_sizes: tuple[int, int] | None = None
    search_metric: str = ""

    @property
    def metric(self) -> str:
        """The metric that pages report."""
        return self.metrics[0]

    @property
    def is_graded(self) -> bool:
        """Whether answers are numbers on a scale instead of classes."""
        return not self.labels

    @property
    def n_outputs(self) -> int:
        """How many numbers the classifier gives: one per class, or the grade."""
        return len(self.labels) or 1


_ENTAILMENT = ("entailment", "not_entailment")
_THREE_WAY = ("entailment", "neutral", "contradiction")
_COLA = ("source", "label", "original_judgement", "sentence")
_GLUE = (
    Task(
        "CoLA",
        "Is this an acceptable English sentence?",
        labels=("unacceptable", "acceptable"),
        metrics=("matthews",),
        files=TsvFiles("sentence", unwritten_header=_COLA),
        hub=HubSplits("cola", "sentence", None),
        official_sizes=(8551, 1043),
    ),
    Task(
        "SST-2",
        "Is this piece of a film review positive or negative?",
        labels=("negative", "positive"),
        files=TsvFiles("sentence"),
        hub=HubSplits("sst2", "sentence", None),
        official_sizes=(67349, 872),
    ),
    Task(
        "MRPC",
        "Do these two sentences from the news say the same?",
        labels=("not_equivalent", "equivalent"),
        metrics=("accuracy", "f1"),
        is_pair=True,
        files=TsvFiles("#1 String", "#2 String", "Quality"),
        hub=HubSplits("mrpc"),
        official_sizes=(3668, 408),
    ),
    Task(
        "STS-B",
        "How alike are these two sentences in meaning, from 0 to 5?",
        labels=(),
        metrics=("pearson", "spearman", "pearson_spearman"),
        is_pair=True,
        files=TsvFiles("sentence1", "sentence2", "score", labels=(), counter="index"),
        hub=HubSplits("stsb"),
        official_sizes=(5749, 1500),
        search_metric="pearson_spearman",
    ),
    Task(
        "QQP",
        "Do these two questions ask the same?",
        labels=("not_duplicate", "duplicate"),
        metrics=("accuracy", "f1"),
        is_pair=True,
        files=TsvFiles("question1", "question2", "is_duplicate", ragged=True),
        hub=HubSplits("qqp", "question1", "question2"),
        official_sizes=(363846, 40430),
    ),
    Task(
        "MNLI",
        "Does the first text entail the second, contradict it, or neither?",
        labels=_THREE_WAY,
        is_pair=True,
        files=TsvFiles(
            "sentence1", "sentence2", "gold_label", _THREE_WAY, "dev_matched.tsv", counter="index"
        ),
        hub=HubSplits("mnli", "premise", "hypothesis", "validation_matched"),
        official_sizes=(392702, 9815),
    ),
    Task(
        "QNLI",
        "Does the sentence hold the answer to the question?",
        labels=_ENTAILMENT,
        is_pair=True,
        files=TsvFiles("question", "sentence", labels=_ENTAILMENT, counter="index"),
        hub=HubSplits("qnli", "question", "sentence"),
        official_sizes=(104743, 5463),
    ),
    Task(
        "RTE",
        "Does the first text entail the second?",
        labels=_ENTAILMENT,
        is_pair=True,
        files=TsvFiles("sentence1", "sentence2", labels=_ENTAILMENT, counter="index"),
        hub=HubSplits("rte"),
        official_sizes=(2490, 277),
    ),
    Task(
        "WNLI",
        "Does the second sentence follow, once the pronoun of the first is understood?",
        labels=_ENTAILMENT[::-1],
        is_pair=True,
        files=TsvFiles("sentence1", "sentence2", counter="index"),
        hub=HubSplits("wnli"),
        official_sizes=(635, 71),
    ),
)
TASKS: Mapping[str, Task] = MappingProxyType({task.name: task for task in _GLUE})


# What a value should be is said in the words of a message that refuses another.
_Text = Annotated[str, Field(description="a text")]
_Texts = Annotated[tuple[str, ...], Field(description="a list of texts")]
_Flag = Annotated[bool, Field(strict=True, description="true or false")]


@pydantic.dataclasses.dataclass(frozen=True, config={"extra": "forbid"})
class OwnTask:
    """A task of your own, as a study file describes it; its data are `csv:DIR`."""

    question: _Text = "Which class is it?"
    labels: _Texts = ()
    metric: _Text = "accuracy"
    is_pair: _Flag = False

    def task(self, name: str) -> Task:
        return Task(name, self.question, self.labels, (self.metric,), self.is_pair)


def as_seen(label: str) -> str:
    """A label by which it is known however its letters are composed and spaced, which nobody
    sees."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def get_task(task: str | Task, known: Mapping[str, Task] = TASKS) -> Task:
    """The task called so; a task itself comes back as it is.

    Raises `UserError`, naming the nearest of those `known`, if there is none.
    """
    if isinstance(task, Task):
        return task
    task = str(task)  # papermill makes a number of 2024
    if task in known:
        return known[task]
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(task.casefold(), folded, n=1, cutoff=0.4)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    raise UserError(f"Unknown task {task!r}: this edition knows {', '.join(known)}{hint}")
