"""Retrained tickets that did not train, tried again at half and at twice the learning rate.

Was the recipe to blame, or the subnetwork? What is found is reported beside a ticket's own score,
never instead of it (`replication/claims/plan.yaml`).
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import prunable
from lottery_utils.search import WeightStep, magnitude_search
from replication.experiments.entry import Entry
from replication.experiments.magnitude import weight_tickets
from replication.experiments.results import Positive, Trained, about, named
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
    ]


def compute(entry: Entry, made_from: dict[str, Any]) -> Rates:
    """Retrain what `made_from["untrained"]` names, kinds of tickets by method, at other rates.

    The tickets are those of the entry's records: the same masks, seed and recipe but for the rate.
    Gives `tickets`, by method, kind and rate.
    """
    journal = entry.journal("rates", made_from, kind=tuple[str, AtRate])
    done: dict[str, Any] = dict(journal.entries)
    found: dict[str, Any] = {}
    for method, kinds in made_from["untrained"].items():
        built = TICKETS[method](entry) if kinds else {}
        found[method] = {kind: {} for kind in kinds}
        for kind in kinds:
            for name, factor in FACTORS.items():
                place = f"{method} {kind} {name}"
                if place in done:
                    entry.progress.unit(f"{place} the rate, found in the journal")
                else:
                    done[place] = _retrained(entry, built[kind], place, factor)
                    journal.append([place, done[place]])
                found[method][kind][name] = done[place]
    return {"tickets": found}


def _retrained(entry: Entry, ticket: Ticket, what: str, factor: float) -> dict[str, Any]:
    """What a ticket scores after training at `factor` times the study's learning rate."""
    begun = time.monotonic()
    start = ticket.start()
    with ticket.held(start):
        curve = entry.train_model(start, f"retrain: {what} the rate", faster=factor)
    scores, undefined, answers = entry.measure(start)
    return {
        "learning_rate": factor * entry.study.recipe.learning_rate,
        "score": scores[entry.metric],
        "undefined": undefined,
        **answers,
        "loss": curve.loss,
        "seconds": round(time.monotonic() - begun, 2),
    }


def _structured(entry: Entry) -> dict[str, Ticket]:
    masks = ticket_masks(entry, StructuredMask.from_json(entry.results("search")["mask"]))
    return {kind: structured_ticket(entry, mask) for kind, mask in masks.items()}


def _magnitude(entry: Entry) -> dict[str, Ticket]:
    """Of the weights on record: the search takes its own steps again, which need no scoring."""
    results, rule = entry.results("magnitude"), entry.study.search

    def score(mask: WeightMask) -> float:
        raise AssertionError("all steps of the search are on record")

    good = magnitude_search(
        prunable(entry.model),
        results["full_score"],
        score,
        threshold=rule.threshold,
        fraction=rule.weight_step,
        variant=entry.study.variant,
        done=[WeightStep(**step) for step in results["steps"]],
    ).mask
    assert good.sha256() == results["tickets"]["good"]["mask_sha256"]
    return weight_tickets(entry, good)


TICKETS = {"structured": _structured, "magnitude": _magnitude}
