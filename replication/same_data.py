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
    "data_sha256": ("finetune", "embeddings"),
    "held_out_sha256": ("finetune", "embeddings"),
    "unseen_sha256": ("sensitivity",),  # of the ticket whose masks were found on them
}

# Those that are made again where the files at hand are others, as nothing starts from them.
MADE_AGAIN = {"sweep": "train_sha256", "baselines": "data_sha256"}


def made_from_others(study: Study, task: str, stage: str, store: Store) -> bool:
    """Whether the record of one of these says that it was made from other examples than those in
    the files at hand."""
    record = store.read(study.key(task, 0, stage))
    known = record and record["results"].get(MADE_AGAIN[stage])  # records of before may not say it
    if not known or not study.data.partition(":")[2]:
        return False
    splits = data.load_examples(study.task(task), study.data, **study.sizes(task))
    return data.fingerprint(in_training(splits) if stage == "sweep" else splits) != str(known)


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


def in_training(splits: dict[str, Any]) -> dict[str, Any]:
    """The training examples alone, as splits."""
    return {"train": splits["train"], "validation": []}


def beyond_validation(study: Study, task: str) -> dict[str, Any]:
    """The validation examples that the study's cap leaves to nobody, as splits."""
    size = study.sizes(task)["validation_size"]
    left = data.left_out_examples(study.task(task), study.data, size)
    return {"train": [], "validation": left}


def beyond_training(study: Study, task: str, splits: dict[str, Any]) -> dict[str, Any]:
    """As many training examples as the validation set of `splits` has, but none of these."""
    n = len(splits["validation"])
    left = data.unseen_examples(study.task(task), study.data, n, splits)
    return in_training({"train": left})
