"""GLUE from the Hugging Face hub, or from a copy in the hub's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lottery_utils.data.files import HIGHEST_GRADE, blank
from lottery_utils.errors import UserError, expanded
from lottery_utils.tasks import Example, Task

GLUE = "nyu-mll/glue"


def load_from_hub(task: Task, place: str = "") -> dict[str, list[Example]]:
    """The training and validation examples of `task` from `place`: what `datasets.load_dataset`
    takes, by default the hub's GLUE. No code is fetched, only tables. Raises `UserError` where it
    cannot be loaded, or where its labels are in another order than `task`'s.
    """
    place = str(expanded(place)) if place.startswith("~") else place or GLUE
    if task.hub is None:
        raise UserError(f"{task.name} is not a task of GLUE on the hub: take --data csv:DIR.")
    if place == GLUE and Path(place).exists():  # which would be read instead
        raise UserError(
            f"The hub's {place!r} is asked for, and a folder of that name is here too: for the "
            f"folder, take --data hub:./{place}; for the hub's, another working directory."
        )
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UserError(
            "Loading GLUE from the hub needs the package datasets: install it with 'pip install "
            "datasets', or take --data local:DIR."
        ) from error
    try:
        splits = load_dataset(place, task.hub.config)
    except Exception as error:  # whatever the network, the disk or the format can do
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UserError(
            f"Cannot load {task.name} ({task.hub.config}) from {place!r} on the hub: "
            f"{reason.rstrip('.')}. Check the connection, or take --data local:DIR."
        ) from error
    names = {"train": "train", "validation": task.hub.validation}
    where = f"The data of {task.name} ({task.hub.config}) in {place!r}"
    return {
        split: _examples(splits.get(name), task, f"{where}, split {name!r}")
        for split, name in names.items()
    }


def _examples(split: Any, task: Task, where: str) -> list[Example]:
    """The rows of one `datasets.Dataset`. Text is stripped, as from files."""
    assert task.hub is not None
    hub = task.hub
    columns = [name for name in (hub.sentence1, hub.sentence2, "label") if name]
    lacking = [name for name in columns if split is None or name not in split.features]
    if lacking or not len(split):
        missing = f"the column {lacking[0]!r} is missing" if lacking else "there are no rows"
        raise UserError(f"{where}: {missing}; expected the layout of {GLUE}.")
    names = getattr(split.features["label"], "names", ())
    if tuple(names) != task.labels:
        raise UserError(
            f"The labels of {task.name} on the hub are {list(names)}, where "
            f"{list(task.labels)} were expected: this is not the GLUE release that is known here."
        )
    found = []
    for number, row in enumerate(zip(*(split[name] for name in columns), strict=True)):
        *sentences, label = row
        texts = [text.strip() if isinstance(text, str) else "" for text in sentences]
        if empty := [name for name, text in zip(columns, texts, strict=False) if blank(text)]:
            raise UserError(
                f"{where}, row {number}: the {empty[0]} is empty; fill it or drop the row."
            )
        if label == -1 and not task.is_graded:
            raise UserError(
                f"{where}, row {number}: label -1 means no label; take a split that has labels, "
                "as GLUE's train and validation have."
            )
        grades = task.is_graded and isinstance(label, int | float) and 0 <= label <= HIGHEST_GRADE
        if not grades and label not in range(len(task.labels)):
            expected = f"a grade from 0 to {HIGHEST_GRADE:g}" if task.is_graded else "a class"
            raise UserError(f"{where}, row {number}: the label {label!r} should be {expected}.")
        found.append(Example(texts[0], texts[1] if hub.sentence2 else None, label))
    return found
