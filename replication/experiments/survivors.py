"""Super-survivors, which all seeds keep, and anti-survivors as tickets (section 5.1)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils.agreement.survivors import survivors as survivors_of
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.results import Count, Masked, about, named
from replication.experiments.tickets import score_tickets, structured_ticket

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
    seeds: Annotated[list[Count], Field(min_length=2), about("Whose masks were compared.")]


def compute(entry: Entry, made_from: dict[str, Any]) -> Survivors:
    """Score super-survivors, those in between and anti-survivors, pruned and retrained.

    The masks are the same for all seeds of the task; the models are this seed's.
    """
    # One draw serves all seeds, which share the masks.
    draw = 0 if entry.study.draws == "shared" else entry.study.draw(entry.task, 0, "survivors")
    found = survivors_of([StructuredMask.from_json(m) for m in made_from["masks"].values()], draw)
    tickets = {k: structured_ticket(entry, s.mask) for k, s in found.items()}
    journal = entry.journal("survivors", made_from, kind=tuple[str, Masked])
    scored = score_tickets(entry, tickets, journal)
    return {
        "tickets": {kind: scored[kind] | found[kind].to_json() for kind in found},
        "seeds": [int(seed) for seed in made_from["masks"]],
    }
