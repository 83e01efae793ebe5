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
from functools import partial
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.batches import EvaluationBatches
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import EVALUATION_BATCH, Entry
from replication.experiments.landscape import RADII, loss_along
from replication.experiments.parts import Part
from replication.experiments.results import Masked, named
from replication.stages import PIPELINE


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


def parts(entry: Entry, made_from: dict[str, Any]) -> dict[str, Part]:
    """The good, random and bad ticket of a structured search, pruned and retrained.

    For retraining, everything outside the mask is physically removed.
    """

    def find(kind: str) -> dict[str, Any]:
        mask = ticket_masks(entry, StructuredMask.from_json(made_from["mask"]))[kind]
        return scored(entry, kind, structured_ticket(entry, mask, landscape=kind != "random"))

    return {kind: Part(Masked, partial(find, kind)) for kind in PIPELINE["tickets"].parts}


def compute(entry: Entry, _made_from: dict[str, Any]) -> Tickets:
    """The scores of the three tickets."""
    return {"tickets": {kind: entry.parts[kind] for kind in PIPELINE["tickets"].parts}}


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


def scored(entry: Entry, kind: str, ticket: Ticket) -> dict[str, Any]:
    """A ticket's scores, pruned and retrained, and its training loss, as a record holds them."""
    begun = time.monotonic()
    with ticket.pruned():
        pruned = entry.measure(entry.model)
    start = ticket.start()
    with ticket.held(start):
        curve = entry.train_model(start, f"retrain the {kind} ticket")
    states = {"pruned": pruned, "retrained": entry.measure(start)}
    answers = {state: found.answers for state, found in states.items() if found.answers}
    return {
        **ticket.facts,
        **{state: found.scores[entry.metric] for state, found in states.items()},
        "undefined": {s: found.undefined for s, found in states.items() if found.undefined},
        "loss": curve.loss,
        **({"answers": answers} if answers else {}),
        **ticket.look(start),
        "seconds": round(time.monotonic() - begun, 2),
    }
