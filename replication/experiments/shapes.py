"""What the values of a record have in common, as annotations of its types: sizes, above all.

A type says what its values say of the model, the task or the examples, each fact by a name;
`replication.runs.check` holds all facts of one name, in a record and between those of an entry, to
be the same. Where a value is checked without `Facts` as pydantic's context, nothing is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from reprlib import repr
from typing import Annotated, Any, TypeVar

from pydantic_core import core_schema

from lottery_utils import masks

T = TypeVar("T")
Said = Iterable[tuple[str, Any]]


class Facts(dict[str, Any]):
    """Facts by name; `most` has the largest index that was met in what a fact counts."""

    def __init__(self) -> None:
        self.most: dict[str, int] = {}

    def add(self, said: Said) -> None:
        """Raises `ValueError` where one is not what it was before."""
        for name, value in said:
            if self.setdefault(name, value) != value:
                raise ValueError(
                    f"{name}: {repr(value)} here, {repr(self[name])} before in the record"
                )

    def unlike(self, others: Mapping[str, Any], where: str) -> str | None:
        """The first fact that is another one among `others`, which are found `where`."""
        for name, value in self.items():
            if others.get(name, value) != value:
                return f"{name}: {repr(value)} here, {repr(others[name])} {where}"
        return None

    def outside(self, others: Mapping[str, Any]) -> str | None:
        """The first index beyond what there is, of what only `others` count too."""
        for name, index in self.most.items():
            if index >= (n := self.get(name, others.get(name, index + 1))):
                return f"{name}: {n} in all, but one has number {index}, counted from 0"
        return None


@dataclass(frozen=True)
class Says:
    """The facts that a value states; with `index` numbers that lie below what a fact counts."""

    said: Callable[[Any], Said]
    index: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.with_info_after_validator_function(self._noted, handler(source))

    def _noted(self, value: T, info: core_schema.ValidationInfo[Facts | None]) -> T:
        facts = info.context
        if facts is not None and self.index:
            for name, number in self.said(value):
                facts.most[name] = max(number, facts.most.get(name, number))
        elif facts is not None:
            facts.add(self.said(value))
        return value


def equals(name: str) -> Says:
    """That a value is itself the fact."""
    return Says(lambda value: [(name, value)])


def counts(name: str) -> Says:
    """That a list or text has as many entries as there are of something."""
    return Says(lambda value: [(name, len(value))])


LAYERS, HEADS, SEEDS = counts("layers"), counts("heads per layer"), counts("seeds")
UNTRAINED = Says(
    lambda of: [("tickets that did not train", {way: sorted(kinds) for way, kinds in of.items()})]
)
ByLayer = Annotated[list[T], LAYERS]
ByHead = Annotated[list[Annotated[list[T], HEADS]], LAYERS]


def _sizes(of: Iterable[masks.Rows]) -> Said:
    every = {(len(mask["heads"]), len(mask["mlps"]), *map(len, mask["heads"])) for mask in of}
    for layers, mlps, *rows in every:
        yield "layers", layers
        yield "layers", mlps
        yield from (("heads per layer", row) for row in rows)


Rows = Annotated[masks.Rows, Says(lambda mask: _sizes([mask]))]
OF_MASKS = Says(lambda by_seed: [("seeds", len(by_seed)), *_sizes(by_seed.values())])
