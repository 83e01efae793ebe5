"""Super-survivors, which all seeds keep, and anti-survivors as tickets (section 5.1)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils.agreement.survivors import survivors as survivors_of
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.parts import Part
from replication.experiments.results import Count, Masked, about, named
from replication.experiments.shapes import SEEDS
from replication.experiments.tickets import scored, structured_ticket
from replication.stages import PIPELINE

ByKeepers = named("all", "some", "none")


class Survivor(Masked):
    """A ticket of survivors, pruned and retrained."""

    heads_from: Annotated[
        dict[str, Count],
        ByKeepers,
        about("How many of its heads are kept by all seeds, by some and by none."),
    ]
    mlps_from: Annotated[dict[str, Count], ByKeepers, about("The same of its MLPs.")]


class Survivors(TypedDict):
    """Heads and MLPs that all seeds keep, that some keep and that none keeps, as tickets of one
    size, pruned and retrained."""

    tickets: Annotated[dict[str, Survivor], named("super", "in_between", "anti")]
    seeds: Annotated[list[Count], Field(min_length=2), about("Whose masks were compared."), SEEDS]


def parts(entry: Entry, made_from: dict[str, Any]) -> dict[str, Part]:
    """Super-survivors, those in between and anti-survivors, pruned and retrained.

    The masks are the same for all seeds of the task; the models are this seed's.
    """

    def find(kind: str) -> dict[str, Any]:
        # One draw serves all seeds, which share the masks.
        draw = 0 if entry.study.draws == "shared" else entry.study.draw(entry.task, 0, "survivors")
        masks = [StructuredMask.from_json(mask) for mask in made_from["masks"].values()]
        found = survivors_of(masks, draw)[kind]
        return scored(entry, kind, structured_ticket(entry, found.mask)) | found.to_json()

    return {kind: Part(Survivor, partial(find, kind)) for kind in PIPELINE["survivors"].parts}


def compute(entry: Entry, made_from: dict[str, Any]) -> Survivors:
    """The scores of the three tickets."""
    return {
        "tickets": {kind: entry.parts[kind] for kind in PIPELINE["survivors"].parts},
        "seeds": [int(seed) for seed in made_from["masks"]],
    }
