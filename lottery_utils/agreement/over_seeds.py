"""What the masks of several seeds come to, small enough for a record (paper, section 5.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement import CochranQ, chance
from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.noise import Noise


@dataclass(frozen=True)
class OverSeeds:
    """One part of a model, heads or MLPs: (layers, heads) or (layers,), under several seeds' masks.

    `kept` has how many components each seed keeps, `survival` how many seeds keep each, int64;
    `by_layer` is `chance.kappa_by_layer`, None for MLPs. NaN is undefined.
    """

    kept: list[int]
    survival: npt.NDArray[np.int64]
    beside_chance: Mapping[str, Chance]
    q: CochranQ
    by_layer: Chance | None = None

    @classmethod
    def of(cls, masks: npt.ArrayLike) -> OverSeeds:
        """From bool (seeds, layers, heads) or (seeds, layers)."""
        kept = np.asarray(masks, bool)
        flat = kept.reshape(len(kept), -1)
        return cls(
            flat.sum(axis=1).tolist(),
            kept.sum(axis=0),
            {name: chance.against_chance(name, flat) for name in chance.STATISTICS},
            agreement.cochran_q(flat),
            chance.kappa_by_layer(kept) if kept.ndim == 3 else None,
        )

    @property
    def n_all(self) -> int:
        """How many components survive with every seed."""
        return int((self.survival == len(self.kept)).sum())

    @property
    def n_none(self) -> int:
        """How many survive with none."""
        return int((self.survival == 0).sum())

    @property
    def most(self) -> float:
        """The most that Fleiss' kappa can be of masks of these sizes."""
        return agreement.fleiss_kappa(agreement.nested(self.kept, self.survival.size))

    def to_json(self) -> dict[str, Any]:
        """Plain data, nine decimals, None for what is undefined."""
        return {
            "kept": self.kept,
            "survival": self.survival.tolist(),
            "beside_chance": {name: plain(found) for name, found in self.beside_chance.items()},
            "cochran_q": plain(self.q),
            "kappa_by_layer": self.by_layer and plain(self.by_layer),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> OverSeeds:
        """The inverse of `to_json`."""
        layered = found["kappa_by_layer"]
        return cls(
            found["kept"],
            np.array(found["survival"]),
            {name: Chance(*floats(of)) for name, of in found["beside_chance"].items()},
            CochranQ(*floats(found["cochran_q"])),
            layered and Chance(*floats(layered)),
        )


def plain(found: Chance | CochranQ | Noise) -> dict[str, float | None]:
    """Named numbers for a record: nine decimals, None for what is undefined."""
    values = found._asdict().items()
    return {name: None if math.isnan(value) else round(value, 9) for name, value in values}


def floats(values: Mapping[str, float | None]) -> list[float]:
    """The inverse of `plain`, without the names."""
    return [math.nan if value is None else value for value in values.values()]
