"""What a study asks for beyond its entries: for each follow-up its tasks, and seeds of its own.

What each of them computes, `replication.stages` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from dataclasses import make_dataclass
from typing import Annotated, Any, TypeVar

import pydantic.dataclasses
from pydantic import Field

from lottery_utils.recipe import STRICT
from replication.stages import FOLLOWUPS, PIPELINE

T = TypeVar("T")

# What a value should be is said in the words of a message that refuses another.
SomeNames = Annotated[tuple[str, ...] | None, Field(description="a list of texts")]
_Whole = Annotated[int, Field(strict=True)]
_SomeSeeds = Annotated[
    tuple[_Whole, ...] | dict[str, tuple[_Whole, ...]] | None,
    Field(description="a list of whole numbers, or one for each task"),
]

# For each stage that is asked for, its tasks, and its seeds where it has its own.
_Asked: Any = make_dataclass(
    "_Asked",
    [
        key
        for name in FOLLOWUPS
        for key in (
            (name, "SomeNames", ()),
            *([(f"{name}_seeds", "_SomeSeeds", None)] if PIPELINE[name].own_seeds else []),
        )
    ],
    namespace={"__module__": __name__},
    frozen=True,
)


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class FollowUps(_Asked):  # type: ignore[misc]
    """For which tasks a study has each stage that is asked for; None means all of its tasks.

    `survivors` are tickets of survivors over seeds (section 5.1), `attention` the types of
    attention maps (5.2), `control` trains tickets without pre-training and `embeddings` a model
    without layers (6), `sensitivity` searches again by other rules (4.1), `quirks` measures what
    the authors' code does otherwise than their text, `choices` scores every choice among heads at
    the edge of a ticket, `rates` retrains tickets that did not train at other learning rates;
    `control`, `sensitivity` and `quirks` for such of the study's seeds as `control_seeds` and so on
    name, for all tasks or task by task (None: all).
    """

    def seeds(self, what: str, task: str) -> tuple[int, ...] | None:
        """For which of a study's seeds a follow-up of a task is asked for; None means all."""
        chosen: Any = getattr(self, f"{what}_seeds", None)
        found: tuple[int, ...] | None = chosen.get(task, ()) if isinstance(chosen, dict) else chosen
        return found

    def beyond(self, seeds: Collection[int]) -> Iterator[tuple[str, int]]:
        """The seeds that a follow-up names and that are none of these, by key."""
        for what in FOLLOWUPS:
            chosen = getattr(self, f"{what}_seeds", None) or ()
            of = chosen if isinstance(chosen, dict) else {"": chosen}
            for task, named in of.items():
                key = f"followups.{what}_seeds.{task}".rstrip(".")
                yield from ((key, seed) for seed in named if seed not in seeds)

    def joined(self, other: FollowUps, without: Set[str] = frozenset()) -> FollowUps:
        """Whatever either asks for, but nothing of the tasks `without`."""
        joined: dict[str, Any] = {}
        for what in FOLLOWUPS:
            joined[what] = both(getattr(self, what), getattr(other, what), without)
            if PIPELINE[what].own_seeds:
                # The seeds of a follow-up that no task has say nothing.
                asks = [f for f in (self, other) if getattr(f, what) != ()]
                seeds = [getattr(f, f"{what}_seeds") for f in asks]
                joined[f"{what}_seeds"] = _both_seeds(seeds[0], seeds[-1]) if seeds else None
        return FollowUps(**joined)


def both(
    first: tuple[T, ...] | None, second: tuple[T, ...] | None, dropped: Set[T] = frozenset()
) -> tuple[T, ...] | None:
    return None if first is None or second is None else union(first, second, dropped)


def _both_seeds(first: Any, second: Any) -> Any:
    """Seeds that either asks for; of one list for all tasks and one for each, a list for all."""
    if isinstance(first, dict) and isinstance(second, dict):
        every = {**first, **second}
        return {task: union(first.get(task, ()), second.get(task, ())) for task in every}
    one, other = (sum(of.values(), ()) if isinstance(of, dict) else of for of in (first, second))
    return both(one, other)


def union(
    first: tuple[T, ...], second: tuple[T, ...], dropped: Set[T] = frozenset()
) -> tuple[T, ...]:
    return tuple(value for value in dict.fromkeys((*first, *second)) if value not in dropped)
