"""One ticket, scored twice: pruned and retrained (paper, section 4.2).

Pruned: the fine-tuned model under a mask. Retrained: the pre-trained weights under the same
mask, fine-tuned by the same recipe and seed. What a mask is, and how it acts on a model, is
the caller's business: single weights are held at zero, heads and MLPs are removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from lottery_utils.entry import Entry
from lottery_utils.store import Journal


@dataclass(frozen=True)
class Ticket:
    """What to score: two ways to look at one subnetwork.

    `pruned()` is a context within which the fine-tuned model acts as the subnetwork.
    `start()` gives the model to retrain, and within `held(model)` its training stays inside
    the subnetwork. `facts` go into the record beside the scores.
    """

    facts: dict[str, Any]
    pruned: Callable[[], AbstractContextManager[Any]]
    start: Callable[[], Any]
    held: Callable[[Any], AbstractContextManager[Any]] = nullcontext


def score_tickets(
    entry: Entry, model: Any, tickets: dict[str, Ticket], journal: Journal
) -> dict[str, dict[str, Any]]:
    """For each kind of ticket its scores and training loss, as a record holds them.

    `model` is the fine-tuned one. Tickets in the journal are taken as they are; new ones are
    appended to it, so that an interrupted stage loses one ticket at most.
    """
    finished: dict[str, Any] = dict(journal.entries)
    for kind, ticket in tickets.items():
        if kind in finished:
            entry.progress.unit(f"{kind} ticket, found in the journal")
            continue
        begun = time.monotonic()
        with ticket.pruned():
            pruned, reason = entry.measure(model)
        start = ticket.start()
        with ticket.held(start):
            curve = entry.train_model(start, f"retrain the {kind} ticket")
        retrained, other_reason = entry.measure(start)
        undefined = {"pruned": reason, "retrained": other_reason}
        finished[kind] = {
            **ticket.facts,
            "pruned": pruned[entry.metric],
            "retrained": retrained[entry.metric],
            "undefined": {state: why for state, why in undefined.items() if why},
            "loss": curve.loss,
            "seconds": round(time.monotonic() - begun, 2),
        }
        journal.append([kind, finished[kind]])
    return {kind: finished[kind] for kind in tickets}
