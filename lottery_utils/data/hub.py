"""GLUE from the Hugging Face hub, or from a copy in the hub's layout."""

from __future__ import annotations

from typing import Any

from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, Task

GLUE = "nyu-mll/glue"


def load_from_hub(task: Task, place: str = "") -> dict[str, list[Example]]:
    """The training and validation examples of `task` from `place`: what `datasets.load_dataset`
    takes, by default the hub's GLUE. No code is fetched, only tables. Raises `UserError` where it
    cannot be loaded, or where its labels are in another order than `task`'s.
    """
    place = place or GLUE
    if task.hub is None:
        raise UserError(f"{task.name} is not a task of GLUE on the hub: take --data csv:DIR.")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UserError(
            "Loading GLUE from the hub needs the package datasets: install it with 'pip install "
            "datasets', or take --data local:DIR."
        ) from error
    try:
        splits = load_dataset(place, task.hub.config)
        return {
            "train": _examples(splits["train"], task),
            "validation": _examples(splits[task.hub.validation], task),
        }
    except UserError:
        raise
    except Exception as error:  # whatever the network, the disk or the format can do
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UserError(
            f"Cannot load {task.name} ({task.hub.config}) from {place!r} on the hub: "
            f"{reason.rstrip('.')}. Check the connection, or take --data local:DIR."
        ) from error


def _examples(split: Any, task: Task) -> list[Example]:
    """The rows of one `datasets.Dataset`. Text is stripped, as from files."""
    assert task.hub is not None
    names = getattr(split.features["label"], "names", ())
    if tuple(names) != task.labels:
        raise UserError(
            f"The labels of {task.name} on the hub are {list(names)}, where "
            f"{list(task.labels)} were expected: this is not the GLUE release that is known here."
        )
    first = [text.strip() for text in split[task.hub.sentence1]]
    second = [text.strip() for text in split[task.hub.sentence2]] if task.hub.sentence2 else None
    return [
        Example(first[i], second[i] if second else None, label)
        for i, label in enumerate(split["label"])
    ]
