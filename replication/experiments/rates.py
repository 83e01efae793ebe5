"""Retrained tickets that did not train, tried again at half and at twice the learning rate.

Was the recipe to blame, or the subnetwork? What is found is reported beside a ticket's own score,
never instead of it (`replication/claims/plan.yaml`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from lottery_utils.importance import Variant
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import prunable
from lottery_utils.search import WeightStep, magnitude_search
from replication.experiments.entry import Entry
from replication.experiments.stages import ticket_masks, weight_masks, weight_ticket
from replication.experiments.tickets import Ticket, structured_ticket
from replication.store import Journal

FACTORS = {"half": 0.5, "twice": 2.0}  # of the study's learning rate


def rates(entry: Entry, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Retrain what `inputs["untrained"]` names, kinds of tickets by method, at other rates.

    The tickets are those of the entry's records: the same masks, seed and recipe but for the rate.
    Gives `tickets`, by method, kind and rate.
    """
    stamp = f"{entry.study.hash('rates')} {inputs}"
    journal = Journal(entry.store.scratch(entry.key("rates"), "rates.jsonl"), stamp)
    done: dict[str, Any] = dict(journal.entries)
    found: dict[str, Any] = {}
    for method, kinds in inputs["untrained"].items():
        built = _tickets(entry, model, method, inputs) if kinds else {}
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


def _tickets(
    entry: Entry, model: Any, method: str, inputs: Mapping[str, Any]
) -> Mapping[str, Ticket]:
    if method == "structured":
        (good,) = inputs["masks"].values()
        masks = ticket_masks(entry, StructuredMask.from_json(good))
        return {kind: structured_ticket(entry, model, mask) for kind, mask in masks.items()}
    weights = weight_masks(entry, prunable(model), _good_weights(entry, model))
    return {kind: weight_ticket(entry, model, mask) for kind, mask in weights.items()}


def _good_weights(entry: Entry, model: Any) -> WeightMask:
    """The good weights on record: the search's own steps again, which need no scoring."""
    record = entry.store.read(entry.key("magnitude"))
    assert record is not None, "tickets of single weights are on record"
    results = record["results"]

    def score(mask: WeightMask) -> float:
        raise AssertionError("all steps of the search are on record")

    found = magnitude_search(
        prunable(model),
        results["full_score"],
        score,
        threshold=entry.study.search.threshold,
        fraction=entry.study.search.weight_step,
        variant=cast(Variant, entry.study.variant),
        done=[WeightStep.from_json(step) for step in results["steps"]],
    )
    assert found.mask.sha256() == results["tickets"]["good"]["mask_sha256"]
    return found.mask
