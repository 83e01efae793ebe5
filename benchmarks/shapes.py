"""Token sequences of the shape of GLUE's tasks, made here, so that a fresh clone can time them.

What a pass costs depends on how many tokens there are, how they spread over examples, and (for
the embedding matrix) how many different ones occur; not on what they say. Lengths are drawn from
the percentiles of the real task under BERT's uncased vocabulary, and word pieces by Zipf's law,
which gives half as many different ones again as the real sentences have (6,386 in 1,600 examples
of SST-2's shape against 4,147): no favour to a side that trains only the pieces that occur.
"""

from __future__ import annotations

import numpy as np

from lottery_utils.batches import Encoded

# Tokens per example, special ones included, cut at 128: every fifth percentile of CoLA's
# validation set, SST-2's first 20,000 training examples and RTE's training set.
PERCENTILES = {
    "CoLA": "5 6 7 8 8 9 9 9 10 10 10 11 11 12 13 14 15 16 18 21 35",
    "SST-2": "3 4 4 5 5 6 7 7 8 9 10 11 13 14 16 18 20 23 27 33 66",
    "RTE": "13 29 33 37 40 43 45 47 50 53 56 59 62 67 72 85 103 120 128 128 128",
}
PAIRS = {"RTE"}
VOCABULARY = range(1996, 30522)  # BERT's uncased vocabulary from its first whole word on
CLS, SEP, PAD = 101, 102, 0


def draw(task: str, n: int, *, seed: int = 0) -> Encoded:
    """`n` examples of two classes with the lengths of `task`: random word pieces, random labels."""
    rng = np.random.default_rng(seed)
    percentiles = np.array(PERCENTILES[task].split(), float)
    places = np.linspace(0, 1, len(percentiles))
    lengths = np.interp(rng.random(n), places, percentiles).round().astype(int)
    ids, types = [], []
    for length in lengths:
        pieces = _zipf(rng, length - (3 if task in PAIRS else 2))
        first = len(pieces) // 2 if task in PAIRS else len(pieces)
        pair = [*pieces[first:], SEP] if task in PAIRS else []
        ids.append([CLS, *pieces[:first], SEP, *pair])
        types.append([0] * (first + 2) + [1] * len(pair))
    return Encoded(ids, types, rng.integers(2, size=n).tolist(), PAD)


def within_vocabulary(encoded: Encoded, size: int) -> Encoded:
    """The same examples with word pieces that a model of `size` of them has."""
    ids = [[i % size for i in row] for row in encoded.input_ids]
    return Encoded(ids, encoded.token_type_ids, encoded.labels, encoded.pad_id)


def _zipf(rng: np.random.Generator, n: int) -> list[int]:
    """Word pieces, the r-th most frequent with a probability of 1 / (r + 2.7)."""
    top = np.log((len(VOCABULARY) + 2.7) / 2.7)
    ranks = (2.7 * np.exp(rng.random(n) * top) - 2.7).astype(int)
    return [VOCABULARY[rank] for rank in np.minimum(ranks, len(VOCABULARY) - 1)]
