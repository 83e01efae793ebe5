"""Do the good weight masks of a task's seeds overlap? (Paper, section 5.1.)

The masks have millions of bits and stay in the cache, so that a record holds what their
agreement needs: of every parameter, how many weights each seed keeps, and how many are kept
by no seed, by one, ..., by all.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils.errors import UserError
from lottery_utils.masks import WeightMask
from replication.experiments.results import Count, about
from replication.experiments.shapes import Says, counts
from replication.store import Store
from replication.study import Study

if TYPE_CHECKING:  # pages read overlaps, and need no torch
    from replication.experiments.entry import Entry

GOOD_WEIGHTS = "good-weights.safetensors"  # a seed's mask in the cache

OfSeeds = Annotated[
    list[Count],
    Field(min_length=2),
    Says(lambda of: [("seeds", len(of)), ("pairs of seeds", math.comb(len(of), 2))]),
]


class Overlap(TypedDict):
    """How far the good weights of a task's seeds are the same."""

    votes: Annotated[
        dict[
            str,
            Annotated[list[Count], Field(min_length=3), Says(lambda of: [("seeds", len(of) - 1)])],
        ],
        about("By parameter: how many weights are kept by no seed, by one, and so on up to all."),
    ]
    kept: Annotated[
        dict[str, OfSeeds],
        about("By parameter: how many weights each seed keeps, in the order of made_from."),
    ]
    both: Annotated[
        list[Count],
        about(
            "How many weights both seeds of a pair keep: first and second, first and third, and "
            "so on.",
            min_length=1,
        ),
        counts("pairs of seeds"),
    ]


def compute(entry: Entry, made_from: dict[str, str]) -> Overlap:
    """The counts of the masks that each seed's magnitude pruning found.

    Raises `UserError` where one is no longer in the cache.
    """
    masks = kept_masks(entry.study, entry.task, made_from, entry.store)
    if masks is None:
        raise UserError(
            f"The good masks of weights of {entry.task} are no longer all in the cache: expected "
            "those that magnitude pruning left there; delete its records to have them made again."
        )
    first = entry.store.read(entry.study.key(entry.task, entry.study.seeds[0], "magnitude"))
    assert first is not None
    precision = first["provenance"]["training_precision"]
    entry.details.update(device="cpu", threads=1, training_precision=precision)
    return overlap_counts(masks)


def kept_masks(
    study: Study, task: str, made_from: dict[str, str], store: Store
) -> list[WeightMask] | None:
    """The masks whose sha256 `made_from` has by seed; None if one is not in the cache."""
    masks = []
    for seed, sha256 in made_from.items():
        path = store.scratch(study.key(task, int(seed), "magnitude"), GOOD_WEIGHTS)
        mask = WeightMask.load(path) if path.exists() else None
        if mask is None or mask.sha256() != sha256:
            return None
        masks.append(mask)
    return masks


def overlap_counts(masks: list[WeightMask]) -> Overlap:
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
