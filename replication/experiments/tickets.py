"""The good, random and bad ticket, each scored twice: pruned and retrained (section 4.2).

Pruned: the fine-tuned model under a mask. Retrained: the pre-trained weights under the same
mask, fine-tuned by the same recipe and seed. How a mask acts on a model differs: heads and
MLPs are removed, single weights are held at zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.batches import EvaluationBatches
from lottery_utils.errors import ReplayError
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import EVALUATION_BATCH, Entry
from replication.experiments.landscape import RADII, loss_along
from replication.experiments.results import Masked, named
from replication.journal import Journal


class Tickets(TypedDict):
    """The good, a random and a bad subnetwork of one size, pruned and retrained."""

    tickets: Annotated[dict[str, Masked], named("good", "random", "bad")]


@dataclass(frozen=True)
class Ticket:
    """What to score: two ways to look at one subnetwork.

    `pruned()` is a context within which the fine-tuned model acts as the subnetwork.
    `start()` gives the model to retrain, and within `held(model)` its training stays inside
    the subnetwork. `facts` go into the record beside the scores, and so does what `look`
    finds at the retrained model.
    """

    facts: dict[str, Any]
    pruned: Callable[[], AbstractContextManager[Any]]
    start: Callable[[], Any]
    held: Callable[[Any], AbstractContextManager[Any]] = nullcontext
    look: Callable[[Any], dict[str, Any]] = lambda model: {}


def compute(entry: Entry, made_from: dict[str, Any]) -> Tickets:
    """Score the good, random and bad ticket of a structured search, pruned and retrained.

    For retraining, everything outside the mask is physically removed.
    """
    masks = ticket_masks(entry, StructuredMask.from_json(made_from["mask"]))
    built = {
        kind: structured_ticket(entry, mask, landscape=kind != "random")
        for kind, mask in masks.items()
    }
    journal = entry.journal("tickets", *made_from.values(), kind=tuple[str, Masked])
    return {"tickets": score_tickets(entry, built, journal)}


def ticket_masks(entry: Entry, good: StructuredMask) -> dict[str, StructuredMask]:
    """The masks of a seed's three tickets, by kind."""
    return {
        "good": good,
        "random": good.random_like(entry.draw("random")),
        "bad": good.bad_like(entry.draw("bad")),
    }


LANDSCAPE_EXAMPLES = 100  # of the validation set: every point of a curve passes over them


def structured_ticket(entry: Entry, mask: StructuredMask, *, landscape: bool = False) -> Ticket:
    """A subnetwork of heads and MLPs: masked to score it pruned, removed to retrain it.

    With `landscape` its record has the loss around the retrained model, for section 6.
    """

    model = entry.model

    def look(retrained: Any) -> dict[str, Any]:
        examples = entry.validation.first(LANDSCAPE_EXAMPLES)
        batches = EvaluationBatches(examples, EVALUATION_BATCH, entry.device)
        losses = loss_along(retrained, batches, seed=entry.seed)
        about = {"n_examples": len(examples), "radii": list(RADII)}
        return {"landscape": {**about, "loss": losses}}

    return Ticket(
        {
            "mask": mask.to_json(),
            "parameters": sum(p.numel() for p in pruning.remove(model, mask).parameters()),
        },
        pruned=lambda: pruning.masked(model, mask),
        start=lambda: pruning.remove(entry.pretrained(), mask),
        look=look if landscape else lambda retrained: {},
    )


def score_tickets(entry: Entry, tickets: dict[str, Ticket], journal: Journal) -> dict[str, Any]:
    """For each kind of ticket its scores and training loss, as a record holds them.

    Tickets in the journal are taken as they are; new ones are appended to it, so that an
    interrupted stage loses one ticket at most. Raises `ReplayError` where it has other tickets.
    """
    finished: dict[str, Any] = dict(journal.entries)
    for kind, found in finished.items():
        facts = tickets[kind].facts if kind in tickets else None
        if facts is None or {key: found[key] for key in facts} != facts:
            raise ReplayError(f"{kind} is not a ticket of this stage")
    for kind, ticket in tickets.items():
        if kind in finished:
            entry.progress.unit(f"{kind} ticket, found in the journal")
            continue
        begun = time.monotonic()
        with ticket.pruned():
            pruned = entry.measure(entry.model)
        start = ticket.start()
        with ticket.held(start):
            curve = entry.train_model(start, f"retrain the {kind} ticket")
        states = {"pruned": pruned, "retrained": entry.measure(start)}
        answers = {state: found.answers for state, found in states.items() if found.answers}
        finished[kind] = {
            **ticket.facts,
            **{state: found.scores[entry.metric] for state, found in states.items()},
            "undefined": {s: found.undefined for s, found in states.items() if found.undefined},
            "loss": curve.loss,
            **({"answers": answers} if answers else {}),
            **ticket.look(start),
            "seconds": round(time.monotonic() - begun, 2),
        }
        journal.append([kind, finished[kind]])
    return {kind: finished[kind] for kind in tickets}
