"""What two quirks of the authors' code change, measured on a fine-tuned model.

Their random tickets keep every component by itself with the good one's share, so that they differ
in size; the paper's text says that they are of the good one's size (section 4.2). And their
norm-weighted attention maps take rows of the output projection where a head's columns are meant
(section 5.2). A third quirk, the search itself, is a rule of `replication.experiments.sensitivity`.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES
from replication.experiments.attention import ATTENTION_EXAMPLES, Types, types_of_maps
from replication.experiments.entry import Entry
from replication.experiments.results import Count, Counts, Score, about, named
from replication.experiments.shapes import counts

N_DRAWS = 20
DRAWS = counts("draws")


class Drawn(TypedDict):
    scores: Annotated[list[Score], Field(min_length=1), DRAWS]
    heads: Annotated[Counts, DRAWS]
    mlps: Annotated[Counts, DRAWS]


class Transposed(TypedDict):
    types: Annotated[Types, counts("types")]
    examples: Count
    counts: Annotated[
        list[Annotated[Counts, counts("types")]],
        counts("types"),
        about(
            "Norm-weighted maps by their type (rows) and by that of the map with the projection "
            "transposed (columns).",
            max_length=len(TYPES),
        ),
    ]


class Quirks(TypedDict):
    """What two quirks of the authors' code change."""

    random: Annotated[
        dict[str, Drawn],
        named("equal", "independent"),
        about(
            "Pruned scores and sizes of random tickets: all of the good one's size, or each "
            "component drawn by itself."
        ),
    ]
    transposed: Transposed


def compute(entry: Entry, made_from: dict[str, Any]) -> Quirks:
    """Measure what two quirks of the authors' code change: random tickets of unequal size, and
    norm-weighted maps of the transposed output projection."""
    (good,) = made_from["masks"].values()
    entry.progress.unit("quirks")
    return {
        "random": random_scores(entry, entry.model, StructuredMask.from_json(good)),
        "transposed": types_by_transpose(
            entry, entry.model, entry.validation.first(ATTENTION_EXAMPLES)
        ),
    }


def independent_like(mask: StructuredMask, seed: int) -> StructuredMask:
    """A random ticket as the authors' code draws it: each head and each MLP is kept by itself
    with the share of heads, or of MLPs, that `mask` keeps."""
    rng = np.random.default_rng(seed)
    return StructuredMask(
        rng.random(mask.heads.shape) < mask.heads.mean(),
        rng.random(mask.mlps.shape) < mask.mlps.mean(),
    )


def random_scores(entry: Entry, model: Any, good: StructuredMask) -> dict[str, Drawn]:
    """Pruned scores of random tickets of the good one's size, and of independent draws.

    By kind, `equal` or `independent`: `scores`, `heads` and `mlps` of `N_DRAWS` tickets each.
    """
    kinds = {
        "equal": [good.random_like(seed) for seed in range(N_DRAWS)],
        "independent": [independent_like(good, seed) for seed in range(N_DRAWS)],
    }
    found: dict[str, Drawn] = {}
    for place, (kind, masks) in enumerate(kinds.items()):
        scores = []
        for number, mask in enumerate(masks):
            entry.progress.at((place + number / N_DRAWS) / 3, f", random ticket {number + 1}")
            with pruning.masked(model, mask):
                scores.append(entry.score(model))
        found[kind] = {
            "scores": scores,
            "heads": [mask.n_heads for mask in masks],
            "mlps": [mask.n_mlps for mask in masks],
        }
    return found


def types_by_transpose(entry: Entry, model: Any, examples: Any) -> Transposed:
    """The types of norm-weighted maps, right and with the projection transposed: `counts` has a
    row for each type of the right map and a column for each of the other, over all heads."""
    by_way = []
    for place, transposed in enumerate((False, True)):
        types = []
        for found in types_of_maps(entry, model, examples, ["normed"], transposed):
            types.append(found["normed"])
            done = (2 + (place + len(types) / len(examples)) / 2) / 3
            entry.progress.at(done, f", maps of example {len(types)}")
        by_way.append(np.concatenate(types))
    counts = np.zeros((len(TYPES), len(TYPES)), int)
    np.add.at(counts, tuple(by_way), 1)
    return {"types": list(TYPES), "examples": len(examples), "counts": counts.tolist()}
