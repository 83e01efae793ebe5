"""Whether the examples at hand are those that a study's records were made from."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lottery_utils import data
from lottery_utils.errors import UserError
from replication.stages import PIPELINE
from replication.store import Store
from replication.study import Study

# Stages whose records say from which examples they were made, by which field.
KNOWN_BY = {
    "data_sha256": ("finetune",),
    "held_out_sha256": ("finetune",),
    "unseen_sha256": ("sensitivity",),  # of the ticket whose masks were found on them
}


def require_same_data(
    study: Study,
    task: str,
    store: Store,
    splits: Callable[[], dict[str, Any]],
    field: str = "data_sha256",
) -> None:
    """Records made from other examples than those at hand must not be mixed with new ones.

    `splits()` gives these, and is asked only where the task has a record that knows its own, of
    whatever seed, by this `field`. Raises `UserError` where they are others.
    """
    folders = (store.root / study.name / task).glob("seed-*")
    seeds = [int(at[1]) for f in folders if (at := re.fullmatch(r"seed-(\d+)", f.name))]
    for stage in KNOWN_BY[field]:
        wanted = store.once(study, ("hash", stage, task), partial(study.hash, stage, task))
        for seed in [0] if PIPELINE[stage].over_seeds else sorted(seeds):
            record = store.read(study.key(task, seed, stage))
            if record is None or record["hash"] != wanted:
                continue
            results = record["results"]
            of_tickets = results.get("tickets", {}).values()
            for known in [of[field] for of in (results, *of_tickets) if field in of]:
                found = store.once(study, (task, field), lambda: data.fingerprint(splits()))
                if found != known:
                    place = study.data.partition(":")[2] or study.data
                    raise UserError(
                        f"The {task} files in {place} are not those that the records of study "
                        f"{study.name!r} were made from ({store.path(study.key(task, seed, stage))}"
                        f" has another {field}): give the same files, or another --results-dir."
                    )


def beyond_validation(study: Study, task: str) -> dict[str, Any]:
    """The validation examples that the study's cap leaves to nobody, as splits."""
    size = study.sizes(task)["validation_size"]
    left = data.left_out_examples(study.task(task), study.data, size)
    return {"train": [], "validation": left}


def beyond_training(study: Study, task: str, splits: dict[str, Any]) -> dict[str, Any]:
    """As many training examples as the validation set of `splits` has, but none of these."""
    n = len(splits["validation"])
    left = data.unseen_examples(study.task(task), study.data, n, splits)
    return {"train": left, "validation": []}
