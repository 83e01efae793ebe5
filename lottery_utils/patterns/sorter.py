"""The classifier that sorts attention maps into types: for raw and norm-weighted maps each, the
network or the tree, whichever is better on unseen annotated maps (`validation`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lottery_utils.patterns import validation
from lottery_utils.patterns.maps import WEIGHTINGS, AnnotatedMap, load_maps, network_file, shipped
from lottery_utils.patterns.tree import features, tree

Chosen = Literal["network", "tree"]
Sorter = Callable[[Sequence[AnnotatedMap]], npt.NDArray[Any]]


@cache
def chosen(weighting: str) -> Chosen:
    """`network` or `tree`: which of them sorts `raw` or `normed` maps better."""
    better: Chosen = validation.read()[weighting]["better"]
    return better


def sorter(weighting: str) -> Sorter:
    """A function from maps to indices of `TYPES`, int64 (maps,)."""
    if chosen(weighting) == "tree":
        fitted = tree(load_maps(shipped(weighting)))

        def by_tree(maps: Sequence[AnnotatedMap]) -> npt.NDArray[Any]:
            found: npt.NDArray[Any] = fitted.predict(np.stack([features(m) for m in maps]))
            return found

        return by_tree
    from lottery_utils.patterns import network

    trained = network.load(weighting)
    return lambda maps: network.classify(trained, [m.values for m in maps])


@cache
def sorter_sha256() -> str:
    """What identifies both classifiers in a record: which they are, and what they learned from."""
    digest = hashlib.sha256()
    for weighting in WEIGHTINGS:
        learned = network_file if chosen(weighting) == "network" else shipped
        digest.update(chosen(weighting).encode())
        digest.update(learned(weighting).read_bytes())
    return digest.hexdigest()
