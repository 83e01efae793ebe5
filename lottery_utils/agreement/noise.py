"""Why do two searches keep different components: other examples, another seed, or both?

A model searched on two samples of examples gives two masks; the models of several seeds give two
sets of masks, bool (seeds, components), in the same order. Pairs of them differ in the examples
only, in the seed only, or in both.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, FloatArray, chance, checked

KINDS = ("examples", "seed", "both")
Pairs = list[tuple[int, int]]


class Noise(NamedTuple):
    """The mean of Fleiss' kappa over pairs of masks, and of independent masks of the same sizes
    the mean and the bounds of 95 % of a thousand draws; `limit` is the same mean of masks of these
    sizes that agree as far as such can. NaN where it is undefined of all pairs."""

    observed: float
    mean: float
    low: float
    high: float
    limit: float


def noises(ours: npt.ArrayLike, again: npt.ArrayLike, *, n_draws: int = 1000) -> dict[str, Noise]:
    """How far masks agree that differ in one of `KINDS`: `ours` and `again` are bool (seeds,
    components), masks of the same models on two samples. In "seed" both are of the first sample,
    in "both" one of each. The draws are seeded. Raises `ValueError` if the shapes differ."""
    kept = checked(np.concatenate([checked(ours), checked(again)]))
    n = len(kept) // 2
    if np.shape(ours) != np.shape(again):
        raise ValueError(f"expected masks of one shape, not {np.shape(ours)}, {np.shape(again)}")
    pairs = {
        "examples": [(i, n + i) for i in range(n)],
        "seed": [*itertools.combinations(range(n), 2)],
        "both": [(i, n + j) for i, j in itertools.permutations(range(n), 2)],
    }
    drawn = chance.random_masks(kept, np.random.default_rng(0), n_draws)
    return {kind: _noise(kept, drawn, pairs[kind]) for kind in KINDS}


def _noise(kept: BoolArray, drawn: BoolArray, pairs: Pairs) -> Noise:
    # Of two masks that both keep all, or nothing, kappa is undefined.
    sizes, n = kept.sum(axis=1), kept.shape[1]
    defined = [(a, b) for a, b in pairs if 0 < sizes[a] + sizes[b] < 2 * n]
    if not defined:
        return Noise(*[math.nan] * 5)

    def measure(masks: BoolArray) -> FloatArray:
        votes = (
            masks[:, [a for a, _ in defined]].astype(np.int8) + masks[:, [b for _, b in defined]]
        )
        counts = np.stack([(votes == k).sum(axis=-1) for k in range(3)], axis=-1)
        kappas: FloatArray = agreement.of_votes(counts)["Fleiss' kappa"]
        means: FloatArray = kappas.mean(axis=-1)
        return means

    found = chance.beside(measure, kept, drawn)
    return Noise(*found, limit=float(measure(agreement.nested(sizes, n)[None])[0]))
