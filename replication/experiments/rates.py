"""Retrained tickets that did not train, tried again at half and at twice the learning rate.

Was the recipe to blame, or the subnetwork? What is found is reported beside a ticket's own score,
never instead of it (`replication/claims/plan.yaml`).
"""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.magnitude import good_weights, weight_ticket
from replication.experiments.parts import Part
from replication.experiments.results import Positive, Trained, about, named
from replication.experiments.shapes import UNTRAINED
from replication.experiments.tickets import Ticket, structured_ticket, ticket_masks

FACTORS = {"half": 0.5, "twice": 2.0}  # of the study's learning rate


class AtRate(Trained):
    """A ticket retrained at another learning rate."""

    learning_rate: Positive


OfKind = dict[str, Annotated[dict[str, Annotated[AtRate, named("predictions")]], named(*FACTORS)]]


class Rates(TypedDict):
    """Tickets that did not train, retrained at half and at twice the learning rate."""

    tickets: Annotated[
        dict[str, OfKind],
        about("By method (structured or magnitude), by kind of ticket, by rate."),
        UNTRAINED,
    ]


def parts(entry: Entry, made_from: dict[str, Any]) -> dict[str, Part]:
    """What `made_from["untrained"]` names, kinds of tickets by method, retrained at other rates.

    The tickets are those of the entry's records: the same masks, seed and recipe but for the rate.
    """
    return {
        f"{method} {kind} {name}": Part(AtRate, partial(_retrained, entry, method, kind, name))
        for method, kinds in made_from["untrained"].items()
        for kind in kinds
        for name in FACTORS
    }


def compute(entry: Entry, made_from: dict[str, Any]) -> Rates:
    """The scores of these tickets: `tickets`, by method, kind and rate."""
    return {
        "tickets": {
            method: {
                kind: {name: entry.parts[f"{method} {kind} {name}"] for name in FACTORS}
                for kind in kinds
            }
            for method, kinds in made_from["untrained"].items()
        }
    }


def _retrained(entry: Entry, method: str, kind: str, name: str) -> dict[str, Any]:
    """What a ticket scores after training at another rate than the study's."""
    begun, factor = time.monotonic(), FACTORS[name]
    ticket = TICKETS[method](entry, kind)
    start = ticket.start()
    with ticket.held(start):
        what = f"retrain: {method} {kind} {name} the rate"
        curve = entry.train_model(start, what, faster=factor)
    scores, undefined, answers = entry.measure(start)
    return {
        "learning_rate": factor * entry.study.recipe.learning_rate,
        "score": scores[entry.metric],
        "undefined": undefined,
        **answers,
        "loss": curve.loss,
        "seconds": round(time.monotonic() - begun, 2),
    }


def _structured(entry: Entry, kind: str) -> Ticket:
    good = StructuredMask.from_json(entry.results("search")["mask"])
    return structured_ticket(entry, ticket_masks(entry, good)[kind])


def _magnitude(entry: Entry, kind: str) -> Ticket:
    """Of the weights on record."""
    results = entry.results("magnitude")
    good = good_weights(entry, results["steps"])
    assert good.sha256() == results["tickets"]["good"]["mask_sha256"]
    return weight_ticket(entry, good, kind)


TICKETS = {"structured": _structured, "magnitude": _magnitude}
