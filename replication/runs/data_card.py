"""What a study's data are: of GLUE's sizes, sampled or cut from the training file, and how many.

Beside the records of a task lies its card, `data.yaml`: how many examples the files had that they
were made from, before any cap, and the fingerprint of those that were used. `lottery run` writes
it, and `lottery data` for records that have none. What counts cannot say, such as that a dev set
was cut from the training file, is in the study's `data_notes`.

Nobody has a fingerprint of GLUE's whole files. So of files at hand only the numbers of examples are
compared with GLUE's, and the card says no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated

import yaml
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from lottery_utils import data
from lottery_utils.errors import UserError, regular
from replication.experiments.results import Count, Sha256, Splits
from replication.files import write_text
from replication.store import Record, Store
from replication.study import Study
from replication.studyfile import parse

FILE = "data.yaml"
ENCODERS = {"bundled": "MiniLM-L6", "mpnet": "MPNet-base"}
SPLITS = {"train": "training", "validation": "dev"}
CHOOSE = ("data", "train_size", "validation_size", "whole_tasks", "own_tasks")  # the examples
MADE_UP = "made-up sentences"  # the data of `mini`


@dataclass(frozen=True)
class DataCard:
    """What the examples of one task are. `files` counts those in the files, `used` caps them, both
    by split; `files` is None where nobody counted. `official` are GLUE's own numbers."""

    task: str
    kind: str
    files: dict[str, int] | None
    used: dict[str, int | None]
    official: dict[str, int] | None
    note: str = ""
    fingerprint: str = ""  # sha256 of the examples used
    held_out: bool = False  # whether dev examples beyond the cap are kept to be scored on

    @property
    def has_official_sizes(self) -> bool:
        """Whether the files have as many examples as GLUE's official ones."""
        return self.files is not None and self.files == self.official

    def __str__(self) -> str:
        """What the data are, in one clause that needs no other."""
        if self.kind == "mini":
            return f"{MADE_UP} (mini-GLUE), not GLUE"
        if self.kind == "csv":
            return f"own files{self._sizes()}"
        if self.files is None:
            return "files whose examples were not counted"
        if self.has_official_sizes:
            return f"{self._of_official_sizes()}{self._sizes()}"
        if self.note:
            return f"GLUE, but not its official files{self._sizes()}: {self.note}"
        return f"files of other sizes than GLUE's{self._sizes()}: how they were chosen is not known"

    @property
    def caution(self) -> str:
        """What a page says of its data before its result: nothing of files of GLUE's sizes."""
        if self.has_official_sizes:
            return ""
        return f"not GLUE's official files: {self.note}" if self.note else str(self)

    def _of_official_sizes(self) -> str:
        if self.kind == "hub":
            return "GLUE's files from the hub"
        return "files with as many examples as GLUE's official ones"

    def capped(self) -> str:
        """The same of files of GLUE's sizes, with how many examples are used at most: a text that
        several tasks can share."""
        caps = {split: n for split, n in self.used.items() if n}
        most = f" (at most {_counted(caps)} examples are used{self._rest()})" if caps else ""
        return f"{self._of_official_sizes()}{most}" if self.has_official_sizes else str(self)

    def _sizes(self) -> str:
        """How many examples the files have, what GLUE has instead, and how many are used."""
        if self.files is None:
            return ""
        texts = [f"{_counted(self.files)} examples"]
        if self.official and not self.has_official_sizes:
            texts.append(f"GLUE has {_counted(self.official)}")
        used = {
            split: min(self.files[split], n or self.files[split]) for split, n in self.used.items()
        }
        if used != self.files:
            texts.append(f"{_counted(used)} are used{self._rest()}")
        return f" ({'; '.join(texts)})"

    def _rest(self) -> str:
        """What becomes of the dev examples that the cap leaves."""
        kept = self.held_out and self.used.get("validation")
        return "; the other dev examples are held out" if kept else ""


def _counted(of: dict[str, int]) -> str:
    return " and ".join(f"{of[split]:,} {name}" for split, name in SPLITS.items() if split in of)


def card(study: Study, task: str, store: Store) -> DataCard:
    """The card of a task, from what lies beside its records; nothing is read but that."""
    about, kind = study.task(task), data.source_kind(study.data)
    sizes, path = study.sizes(task), place(study, task, store)
    kept = _read(path) if path.exists() else _Kept()
    files = kept.get("files")
    official = (
        dict(zip(SPLITS, about.official_sizes, strict=True)) if about.official_sizes else None
    )
    if kind == "hub":
        files = official
    used = {split: sizes[f"{split}_size"] for split in SPLITS}
    note, fingerprint = study.data_notes.get(task, ""), kept.get("used_sha256", "")
    return DataCard(task, kind, files, used, official, note, fingerprint, study.held_out)


class _Kept(TypedDict, total=False):
    files: Annotated[dict[str, Count], Splits]
    used_sha256: Sha256


def _read(path: Path) -> _Kept:
    try:
        text = regular(path).read_text("utf-8")
        return TypeAdapter(_Kept).validate_python(parse(text, str(path))[0], strict=True)
    except (OSError, ValueError, UserError) as error:
        raise UserError(
            f"{path} should hold the counts of a task's files, and cannot be read: restore it "
            "from version control, or delete it and count again with 'lottery data'."
        ) from error


def keep(study: Study, task: str, store: Store, made: Record | None = None) -> DataCard:
    """Count the examples of the files at hand and write the card.

    Raises `UserError` where these are not those that a record was `made` from, as the files or what
    the study takes of them are others.
    """
    about = study.task(task)
    whole = data.load_examples(about, study.data)
    used = data.fingerprint(data.load_examples(about, study.data, **study.sizes(task)))
    if made and made["results"]["data_sha256"] != used:
        before, now = made["config"], study.identity("finetune", task)
        settings = [name for name in CHOOSE if before.get(name) != now.get(name)]
        what = f"{' and '.join(settings)} of the study" if settings else f"files in {study.data}"
        now_others = "is not what it was" if len(settings) == 1 else "are not what they were"
        raise UserError(
            f"The {task} records of study {study.name!r} were made from other examples, as the "
            f"{what} {now_others}: put that back, or delete the records to have them made again."
        )
    content = {"files": {split: len(whole[split]) for split in SPLITS}, "used_sha256": used}
    write_text(place(study, task, store), yaml.safe_dump(content, sort_keys=False))
    return card(study, task, store)


def in_words(study: Study) -> str:
    """Data and encoder in two or three words, as a page's title has them: `GLUE, MPNet-base`."""
    words = data_in_words(study)
    own = encoder(study.backbone).removeprefix("a ")
    return f"{words}, {own}" if study.backbone != "bundled" else words


def trained_on(records: Iterable[Record]) -> str:
    """On how many examples of a task models were fine-tuned, at least and at most: as counted, or
    where no record has a count, as many as were asked for. Empty where neither is known."""
    every = list(records)
    counted = [record["results"].get("examples") for record in every]
    found = {of["train"] for of in counted if isinstance(of, dict) and "train" in of}
    found = found or {record["config"]["train_size"] for record in every} - {None}
    return " to ".join(f"{n:,}" for n in sorted({min(found), max(found)})) if found else ""


def model_and_data(study: Study) -> str:
    """The same as a sentence or a legend has them: `MiniLM-L6 on GLUE`."""
    return f"{encoder(study.backbone)} on {data_in_words(study)}"


def data_in_words(study: Study) -> str:
    """GLUE, made-up sentences or own data."""
    kind = data.source_kind(study.data)
    if kind == "mini":
        return MADE_UP
    own = kind == "csv" or not any(study.task(task).official_sizes for task in study.tasks)
    return "own data" if own else "GLUE"


def encoder(backbone: str) -> str:
    """A backbone's name for readers; `hub:google-bert/bert-base-uncased` is bert-base-uncased.

    Of a folder records know a fingerprint (`local:...`), and not the name.
    """
    if re.fullmatch("local:[0-9a-f]{16}", backbone):
        return "a custom encoder"
    return ENCODERS.get(backbone) or PurePath(backbone.partition("@")[0]).name


def describe(study: Study, tasks: Sequence[str], store: Store) -> str:
    """What the data of these tasks are, in a sentence that a page can begin with."""
    cards = [card(study, task, store) for task in tasks]
    return f"Data: {cards[0]}." if len(cards) == 1 else f"Data: {_by_text(cards)}"


def describe_all(studies: Sequence[tuple[Study, Sequence[str]]], store: Store) -> str:
    """The same of a page that is not about one study alone: by model and data, of those of each
    study's tasks that have something on record."""
    cards: dict[str, list[DataCard]] = {}
    for one, of_page in studies:
        tasks = [task for task in of_page if place(one, task, store).parent.is_dir()]
        cards.setdefault(model_and_data(one), []).extend(card(one, task, store) for task in tasks)
    said = [f"{name}: {_by_text(of)}" for name, of in cards.items() if of]
    return f"Data. {' '.join(said)}" if said else ""


def _by_text(cards: Sequence[DataCard]) -> str:
    """What is said of several tasks, once for all of which it is."""
    of_texts: dict[str, dict[str, None]] = {}
    for one in cards:
        of_texts.setdefault(one.capped(), {})[one.task] = None
    if len(of_texts) == 1:
        return f"{next(iter(of_texts))}."
    return " ".join(f"{', '.join(of)}: {text}." for text, of in of_texts.items())


def fingerprints(study: Study, tasks: Sequence[str], store: Store) -> str:
    """By which the examples of these tasks are known, as far as somebody counted them."""
    known = {one.task: one.fingerprint for one in (card(study, task, store) for task in tasks)}
    said = [f"{task} {sha256[:12]}" for task, sha256 in known.items() if sha256]
    return f"Fingerprints (sha256) of the examples used: {', '.join(said)}." if said else ""


def place(study: Study, task: str, store: Store) -> Path:
    """The card's file."""
    return store.root / study.name / task / FILE
