"""Whether the examples at hand are those that a study's records were made from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lottery_utils import data
from lottery_utils.errors import UserError
from replication.store import Store
from replication.study import Study


def require_same_data(
    study: Study, task: str, store: Store, splits: Callable[[], dict[str, Any]]
) -> None:
    """Records made from other examples than those at hand must not be mixed with new ones.

    `splits()` gives these, and is asked only where the task has a record, of whatever seed. Raises
    `UserError` where they are others.
    """
    wanted = store.once(study, ("hash", "finetune", task), lambda: study.hash("finetune", task))
    folders = (store.root / study.name / task).glob("seed-*")
    seeds = [int(at[1]) for f in folders if (at := re.fullmatch(r"seed-(\d+)", f.name))]
    for key in (study.key(task, seed, "finetune") for seed in sorted(seeds)):
        record = store.read(key)
        if record is None or record["hash"] != wanted:
            continue
        found = store.once(study, (task, "data"), lambda: data.fingerprint(splits()))
        if found != record["results"]["data_sha256"]:
            place = study.data.partition(":")[2] or study.data
            raise UserError(
                f"The {task} files in {place} are not those that the records of study "
                f"{study.name!r} were made from: give the same files, or another --results-dir."
            )
