"""Random masks of several seeds and tasks, of 4 layers x 6 heads."""

from __future__ import annotations

import numpy as np

from lottery_utils.masks import StructuredMask

SEEDS = (1337, 42, 86)
N_LAYERS, N_HEADS = 4, 6


def random_masks(seed: int, n: int = 3) -> dict[int, StructuredMask]:
    rng = np.random.default_rng(seed)
    return {
        s: StructuredMask(rng.random((N_LAYERS, N_HEADS)) < 0.6, rng.random(N_LAYERS) < 0.5)
        for s in SEEDS[:n]
    }


def study(*tasks: str, n_seeds: int = 3) -> dict[str, dict[int, StructuredMask]]:
    return {task: random_masks(i, n_seeds) for i, task in enumerate(tasks)}
