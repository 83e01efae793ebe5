"""What a subnetwork is: a mask over heads and MLPs, or over single weights, and nothing else.

A mask is data, not a model. Good, random and bad tickets (paper, section 4.2) are functions from
masks to masks; `lottery_utils.pruning` has how a mask acts on a model. torch is imported only where
a tensor is asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils.errors import UserError, expanded, regular, writing

if TYPE_CHECKING:
    from torch import Tensor

BoolArray = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]
Shape = tuple[int, ...]
_BITS = {"0": False, "1": True, 0: False, 1: True}  # as text, or as a list of numbers
Seed = int | Sequence[int]  # what NumPy's generators take
_Row = Annotated[str, Field(pattern="^[01]+$")]


class Rows(TypedDict):
    """A mask as text, 1 = kept and 0 = removed.

    heads: one text a layer, one character a head. mlps: one character a layer.
    """

    heads: Annotated[list[_Row], Field(min_length=1)]
    mlps: _Row


@dataclass(frozen=True, eq=False)
class StructuredMask:
    """Which heads, bool (layers, heads per layer), and which MLPs, bool (layers,), are kept.
    Read-only copies. Raises `ValueError` for other shapes or other than zeros and ones.
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
        """Exactly as many heads and MLPs as here, drawn from the whole model (section 4.2).

        The authors' code keeps each component with the good mask's proportion, by itself.
        """
        rng = np.random.default_rng(seed)
        return StructuredMask(
            _sample(np.ones_like(self.heads), self.n_heads, rng),
            _sample(np.ones_like(self.mlps), self.n_mlps, rng),
        )

    def bad_like(self, seed: Seed) -> StructuredMask:
        """What is not kept here, brought to this number of heads and of MLPs (section 4.2):
        filled up with some that are kept here, or sampled.
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
        kept_mlps[mlps] = False
        return StructuredMask(kept_heads, kept_mlps)

    def to_json(self) -> Rows:
        """Rows of zeros and ones, readable in a record."""
        *heads, mlps = ("".join(map(str, row.astype(int))) for row in (*self.heads, self.mlps))
        return {"heads": heads, "mlps": mlps}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StructuredMask:
        """The inverse of `to_json`. Raises `UserError` where the text is not a mask."""
        try:
            if not isinstance(data["heads"], list) or not all(data["heads"]):
                raise ValueError("heads are no list of rows")
            heads = np.array([[_BITS[bit] for bit in row] for row in data["heads"]])
            return cls(heads, np.array([_BITS[bit] for bit in data["mlps"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f'This is not a mask ({error}): expected {{"heads": ["101", ...], '
                '"mlps": "11..."}, one row of zeros and ones per layer.'
            ) from error

    def save(self, path: Path | str) -> None:
        """Write the mask as JSON. Raises `UserError` where that fails."""
        with writing(path):
            text = json.dumps(self.to_json(), indent=1) + "\n"
            expanded(path).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> StructuredMask:
        """Read what `save` wrote. Raises `UserError` for a missing or broken file."""
        try:
            data = json.loads(regular(expanded(path)).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"Cannot read a mask from {path}: {error}.") from error
        return cls.from_json(data)


def _as_bool(values: npt.ArrayLike, name: str) -> BoolArray:
    array = np.asarray(values)
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold only zeros and ones")
    kept: BoolArray = array.astype(bool)  # always a copy, so that nobody else can change it
    kept.setflags(write=False)
    return kept


def _sample(allowed: BoolArray, n: int, rng: np.random.Generator) -> BoolArray:
    """`n` of the places where `allowed` is True."""
    chosen = np.zeros(allowed.size, bool)
    chosen[rng.choice(np.flatnonzero(allowed), size=n, replace=False)] = True
    return chosen.reshape(allowed.shape)


def _opposite(kept: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The complement of `kept`, filled up or thinned out to the size of `kept`."""
    n, n_others = int(kept.sum()), int((~kept).sum())
    if n < n_others:
        return _sample(~kept, n, rng)
    return ~kept | _sample(kept, n - n_others, rng)


class WeightMask(Mapping[str, "Tensor"]):
    """Which weights of each named parameter are kept: an immutable mapping of masks.

    Eight weights share a byte: the 85 million of BERT-base's encoder take 11 MB. `mask[name]` is a
    new bool tensor on the CPU, of the parameter's shape. Names are in alphabetical order.
    """

    def __init__(self, kept: Mapping[str, Tensor | BoolArray]) -> None:
        """Copy bool tensors on any device, or bool arrays. `ValueError` for other types."""
        self._shapes: dict[str, Shape] = {}
        self._bits: dict[str, Bits] = {}
        for name in sorted(kept):
            values = kept[name]
            array = np.asarray(values if isinstance(values, np.ndarray) else values.cpu())
            if array.dtype != bool:
                raise ValueError(f"the mask of {name} holds {array.dtype}, not bool")
            self._shapes[name] = array.shape
            self._bits[name] = np.packbits(array)

    @classmethod
    def full(cls, parameters: Mapping[str, Tensor]) -> WeightMask:
        """Every weight of these parameters is kept."""
        return cls({name: np.ones(tuple(p.shape), bool) for name, p in parameters.items()})

    def __getitem__(self, name: str) -> Tensor:
        import torch

        return torch.from_numpy(self.flat(name).reshape(self._shapes[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._bits)

    def __len__(self) -> int:
        return len(self._bits)

    def flat(self, name: str) -> BoolArray:
        """The mask of one parameter as a new bool array (weights,)."""
        unpacked = np.unpackbits(self._bits[name], count=math.prod(self._shapes[name]))
        kept: BoolArray = unpacked.view(bool)
        return kept

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every parameter."""
        return dict(self._shapes)

    @property
    def size(self) -> int:
        """How many weights there are, kept or not."""
        return sum(map(math.prod, self._shapes.values()))

    @property
    def n_kept(self) -> int:
        """How many weights are kept, in the whole model."""
        return sum(map(_count, self._bits.values()))

    @property
    def density(self) -> float:
        """The share of weights that is kept; 1 where there are no weights at all."""
        return self.n_kept / self.size if self.size else 1.0

    def random_like(self, seed: Seed) -> WeightMask:
        """As many weights as here, drawn from all of them at once (section 4.2)."""
        return _sample_weights(self._complete(), self.n_kept, np.random.default_rng(seed))

    def bad_like(self, seed: Seed) -> WeightMask:
        """What is not kept here, brought to this size as in `StructuredMask` (the authors' code has
        `search.largest_removed`).
        """
        rng, others = np.random.default_rng(seed), self._complete() - self
        if self.n_kept < others.n_kept:
            return _sample_weights(others, self.n_kept, rng)
        return others | _sample_weights(self, self.n_kept - others.n_kept, rng)

    def __and__(self, other: WeightMask) -> WeightMask:
        """What both keep. Raises `ValueError` if names or shapes differ."""
        return self._combine(other, np.bitwise_and)

    def __or__(self, other: WeightMask) -> WeightMask:
        """What either keeps. Raises `ValueError` if names or shapes differ."""
        return self._combine(other, np.bitwise_or)

    def __sub__(self, other: WeightMask) -> WeightMask:
        """What is kept here but not in `other`. Raises `ValueError` as `&` does."""
        return self._combine(other, lambda here, there: here & ~there)

    def __le__(self, other: WeightMask) -> bool:
        """Whether every weight kept here is kept in `other` too."""
        return (self - other).n_kept == 0

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, WeightMask)
            and self._shapes == other._shapes
            and all(np.array_equal(self._bits[name], other._bits[name]) for name in self)
        )

    def __hash__(self) -> int:
        return hash(self.sha256())

    def __repr__(self) -> str:
        return f"WeightMask({self.n_kept} of {self.size} weights)"

    def sha256(self) -> str:
        """A fingerprint of names, shapes and bits: equal for equal masks only."""
        digest = hashlib.sha256(json.dumps(self._shapes).encode())
        for bits in self._bits.values():
            digest.update(bits.tobytes())
        return digest.hexdigest()

    def save(self, path: Path | str) -> None:
        """Write the packed bits as safetensors. Raises `UserError` where that fails."""
        from safetensors.numpy import save  # save_file leaves drafts where it is killed

        facts = {"shapes": json.dumps(self._shapes), "sha256": self.sha256()}
        with writing(path):
            expanded(path).write_bytes(save(self._bits, metadata=facts))

    @classmethod
    def load(cls, path: Path | str) -> WeightMask:
        """Read what `save` wrote. Raises `UserError` for a missing or broken file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(regular(expanded(path)), framework="numpy") as file:
                facts = file.metadata()
                shapes = {name: tuple(shape) for name, shape in json.loads(facts["shapes"]).items()}
                mask = cls._of(shapes, {name: file.get_tensor(name) for name in shapes})
            if mask.sha256() != facts["sha256"]:
                raise ValueError("its bits are not those that were saved")
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"Cannot read a weight mask from {path} ({error}): expected a file that "
                "WeightMask.save wrote; delete it and make it again."
            ) from error
        return mask

    @classmethod
    def _of(cls, shapes: dict[str, Shape], bits: dict[str, Bits]) -> WeightMask:
        mask = cls({})
        mask._shapes, mask._bits = shapes, bits
        return mask

    def _complete(self) -> WeightMask:
        return WeightMask({name: np.ones(shape, bool) for name, shape in self._shapes.items()})

    def _combine(self, other: WeightMask, operation: Callable[[Bits, Bits], Any]) -> WeightMask:
        if self._shapes != other._shapes:
            raise ValueError("these masks are of different parameters: names or shapes differ")
        bits = {name: operation(self._bits[name], other._bits[name]) for name in self}
        return self._of(self._shapes, bits)


def _count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum())


def _sample_weights(allowed: WeightMask, n: int, rng: np.random.Generator) -> WeightMask:
    """`n` of the weights kept in `allowed`, every choice being equally likely: first how many of
    each parameter, then which, without a list of millions of places.
    """
    places = {name: _count(allowed._bits[name]) for name in allowed}
    counts = rng.multivariate_hypergeometric(list(places.values()), n)
    chosen = {}
    for (name, shape), count in zip(allowed.shapes.items(), counts, strict=True):
        taken = np.zeros(places[name], bool)
        taken[:count] = True
        rng.shuffle(taken)
        kept = allowed.flat(name)
        kept[kept] = taken
        chosen[name] = kept.reshape(shape)
    return WeightMask(chosen)
