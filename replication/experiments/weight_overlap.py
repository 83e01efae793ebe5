"""Do the good weight masks of a task's seeds overlap? (Paper, section 5.1.)

The masks have millions of bits and stay in the cache, so that a record holds what their
agreement needs: of every parameter, how many weights each seed keeps, and how many are kept
by no seed, by one, ..., by all.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from lottery_utils.masks import WeightMask
from replication.store import Key, Record, Store
from replication.study import Study

STAGE = "weight_overlap"


def weight_overlap(study: Study, task: str, seeds: list[int], store: Store) -> Record | None:
    """The record of these seeds' overlap, computed first where it is missing.

    None where a seed has no good weights on record, or its mask is no longer in the cache.
    """
    found = {seed: store.read(Key(study.name, task, seed, "magnitude")) for seed in seeds}
    good = {str(seed): record for seed, record in found.items() if record is not None}
    if len(seeds) < 2 or len(good) < len(seeds):
        return None
    wanted = {s: r["results"]["tickets"]["good"]["mask_sha256"] for s, r in good.items()}
    precision = good[str(seeds[0])]["provenance"]["training_precision"]
    key = Key(study.name, task, None, STAGE)
    record = store.read(key)
    if record and record["hash"] == study.hash(STAGE) and record["results"]["made_from"] == wanted:
        return record
    begun, masks = time.monotonic(), []
    for seed in seeds:
        place = Key(study.name, task, seed, "magnitude")
        path = store.scratch(place, "good-weights.safetensors")
        mask = WeightMask.load(path) if path.exists() else None
        if mask is None or mask.sha256() != wanted[str(seed)]:
            return None
        masks.append(mask)
    results = {**overlap_counts(masks), "made_from": wanted}
    run = {"device": "cpu", "threads": 1, "training_precision": precision}
    run["seconds"] = round(time.monotonic() - begun, 2)
    return store.write(key, study, results, run)


def recorded_overlap(study: Study, task: str, seeds: list[int], store: Store) -> Record | None:
    """The record of these seeds' overlap as it lies there: None if it is of other masks or not
    there. Nothing is computed."""
    record = store.read(Key(study.name, task, None, STAGE))
    if record is None or record["hash"] != study.hash(STAGE):
        return None
    found = {seed: store.read(Key(study.name, task, seed, "magnitude")) for seed in seeds}
    wanted = {
        str(seed): good["results"]["tickets"]["good"]["mask_sha256"]
        for seed, good in found.items()
        if good is not None
    }
    return record if record["results"]["made_from"] == wanted else None


def overlap_counts(masks: list[WeightMask]) -> dict[str, Any]:
    """`votes` by parameter (seeds + 1,), `kept` by parameter (seeds,), and of each pair of
    masks how many weights `both` keep: pairs in the order of `itertools.combinations`.

    Raises `ValueError` if the masks are of other parameters.
    """
    votes, kept = {}, {}
    pairs = list(itertools.combinations(range(len(masks)), 2))
    both = np.zeros(len(pairs), int)
    if any(mask.shapes != masks[0].shapes for mask in masks):
        raise ValueError("the masks are of other parameters: names or shapes differ")
    for name in masks[0]:
        bits = np.stack([mask.flat(name) for mask in masks])
        votes[name] = np.bincount(bits.sum(axis=0), minlength=len(masks) + 1).tolist()
        kept[name] = bits.sum(axis=1).tolist()
        both += [int((bits[a] & bits[b]).sum()) for a, b in pairs]
    return {"votes": votes, "kept": kept, "both": both.tolist()}
