"""Whether the examples at hand are those that a study's records were made from."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lottery_utils import data
from lottery_utils.errors import UserError
from replication.store import Store
from replication.study import Study


def require_same_data(
    study: Study,
    task: str,
    store: Store,
    splits: Callable[[], dict[str, Any]],
    name: str = "data_sha256",
) -> None:
    """Records made from other examples than those at hand must not be mixed with new ones.

    `splits()` gives these, and is asked only where the task has a record, of whatever seed, that
    has their fingerprint under `name`. Raises `UserError` where they are others.
    """
    folders = (store.root / study.name / task).glob("seed-*")
    seeds = [int(at[1]) for f in folders if (at := re.fullmatch(r"seed-(\d+)", f.name))]
    keys = [study.key(task, seed, "finetune") for seed in sorted(seeds)]
    for key in [*keys, study.key(task, 0, "baselines")]:
        record, asked = store.read(key), partial(study.hash, key.stage, task)
        if record is None or record["hash"] != store.once(study, ("hash", key.stage, task), asked):
            continue
        if (known := record["results"].get(name)) is None:
            continue
        found = store.once(study, (task, name), lambda: data.fingerprint(splits()))
        if found != known:
            place = study.data.partition(":")[2] or study.data
            raise UserError(
                f"The {task} files in {place} are not those that the records of study "
                f"{study.name!r} were made from: give the same files, or another --results-dir."
            )
