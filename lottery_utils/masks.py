"""What a subnetwork is: a mask over the heads and MLPs of an encoder, and nothing else.
(`WeightMask`, from `lottery_utils.weight_masks`, is its counterpart for single weights.)

A mask is data, not a model: two small boolean arrays, True where a component is kept.
Good, random and bad tickets (paper, section 4.2) are functions from masks to masks; how a
mask acts on a model is the business of `lottery_utils.pruning`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.errors import UserError
from lottery_utils.weight_masks import WeightMask

__all__ = ["StructuredMask", "WeightMask"]

BoolArray = npt.NDArray[np.bool_]
Seed = int | Sequence[int]  # what NumPy's generators take


@dataclass(frozen=True, eq=False)
class StructuredMask:
    """Which heads and which MLPs are kept.

    `heads` is bool (layers, heads per layer), `mlps` is bool (layers,). Both are copied
    and made read-only. Raises `ValueError` for other shapes or for values that are
    neither True, False, 0 nor 1.
    """

    heads: BoolArray
    mlps: BoolArray

    def __post_init__(self) -> None:
        heads, mlps = _as_bool(self.heads, "heads"), _as_bool(self.mlps, "mlps")
        if heads.ndim != 2 or mlps.shape != heads.shape[:1]:
            raise ValueError(
                f"a mask needs heads of shape (layers, heads) and mlps of shape (layers,), "
                f"not {heads.shape} and {mlps.shape}"
            )
        object.__setattr__(self, "heads", heads)
        object.__setattr__(self, "mlps", mlps)

    @classmethod
    def full(cls, n_layers: int, n_heads: int) -> StructuredMask:
        """The whole model: everything is kept."""
        return cls(np.ones((n_layers, n_heads), bool), np.ones(n_layers, bool))

    @property
    def n_heads(self) -> int:
        """How many heads are kept, in the whole model."""
        return int(self.heads.sum())

    @property
    def n_mlps(self) -> int:
        """How many MLPs are kept."""
        return int(self.mlps.sum())

    def random_like(self, seed: Seed) -> StructuredMask:
        """As many heads and MLPs as here, drawn from the whole model (section 4.2).

        The sizes are exactly equal. The authors' code keeps each component independently
        with the good mask's proportion, so that its random tickets differ in size.
        """
        rng = np.random.default_rng(seed)
        return StructuredMask(
            _sample(np.ones_like(self.heads), self.n_heads, rng),
            _sample(np.ones_like(self.mlps), self.n_mlps, rng),
        )

    def bad_like(self, seed: Seed) -> StructuredMask:
        """What is not kept here, brought to exactly this size (section 4.2).

        Where the complement is too small, the rest is drawn from the components kept here;
        where it is too large, it is sampled. Heads and MLPs are treated separately.
        """
        rng = np.random.default_rng(seed)
        return StructuredMask(_opposite(self.heads, rng), _opposite(self.mlps, rng))

    def __and__(self, other: StructuredMask) -> StructuredMask:
        """What both keep. Raises `ValueError` if they are of different shapes."""
        self._check_shape(other)
        return StructuredMask(self.heads & other.heads, self.mlps & other.mlps)

    def __le__(self, other: StructuredMask) -> bool:
        """Whether every component kept here is kept in `other` too."""
        self._check_shape(other)
        return bool((self.heads <= other.heads).all() and (self.mlps <= other.mlps).all())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StructuredMask)
            and np.array_equal(self.heads, other.heads)
            and np.array_equal(self.mlps, other.mlps)
        )

    def __hash__(self) -> int:
        return hash((self.heads.shape, self.heads.tobytes(), self.mlps.tobytes()))

    def _check_shape(self, other: StructuredMask) -> None:
        if self.heads.shape != other.heads.shape:
            raise ValueError(f"masks of shapes {self.heads.shape} and {other.heads.shape} differ")

    def without(self, heads: list[tuple[int, int]], mlps: list[int]) -> StructuredMask:
        """This mask with some (layer, head) pairs and some layers' MLPs taken away."""
        kept_heads, kept_mlps = self.heads.copy(), self.mlps.copy()
        for layer, head in heads:
            kept_heads[layer, head] = False
        for layer in mlps:
            kept_mlps[layer] = False
        return StructuredMask(kept_heads, kept_mlps)

    def to_json(self) -> dict[str, Any]:
        """Rows of zeros and ones, readable in a record: {"heads": ["101", ...], "mlps": "11"}."""
        return {"heads": [_bits(row) for row in self.heads], "mlps": _bits(self.mlps)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StructuredMask:
        """The inverse of `to_json`. Raises `UserError` where the text is not a mask."""
        try:
            rows = [[int(bit) for bit in row] for row in data["heads"]]
            return cls(np.array(rows), np.array([int(bit) for bit in data["mlps"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f'This is not a mask ({error}): expected {{"heads": ["101", ...], '
                '"mlps": "11..."}, one row of zeros and ones per layer.'
            ) from error

    def save(self, path: Path | str) -> None:
        """Write the mask as JSON."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> StructuredMask:
        """Read what `save` wrote. Raises `UserError` for a missing or broken file."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"Cannot read a mask from {path}: {error}.") from error
        return cls.from_json(data)


def _as_bool(values: npt.ArrayLike, name: str) -> BoolArray:
    array = np.asarray(values)
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold only zeros and ones")
    kept: BoolArray = array.astype(bool)  # always a copy, so that nobody else can change it
    kept.setflags(write=False)
    return kept


def _bits(row: BoolArray) -> str:
    return "".join("1" if kept else "0" for kept in row)


def _sample(allowed: BoolArray, n: int, rng: np.random.Generator) -> BoolArray:
    """`n` of the places where `allowed` is True."""
    chosen = np.zeros(allowed.size, bool)
    chosen[rng.choice(np.flatnonzero(allowed), size=n, replace=False)] = True
    return chosen.reshape(allowed.shape)


def _opposite(kept: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The complement of `kept`, filled up or thinned out to the size of `kept`."""
    complement = ~kept
    missing = int(kept.sum()) - int(complement.sum())
    if missing >= 0:
        return complement | _sample(kept, missing, rng)
    return _sample(complement, int(kept.sum()), rng)
