"""What pages read from the records of one task: small questions with one answer each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import meaningless
from replication.store import Record

# The records of one task: entries[seed][stage].
Entries = dict[int, dict[str, Record]]
TICKETS = ("good", "random", "bad")
# By method: the record its tickets are in, and the kinds of tickets it has.
TICKET_STAGE = {"structured": "tickets", "magnitude": "magnitude"}
KINDS = {"structured": TICKETS, "magnitude": (*TICKETS, "largest_removed")}
# How a page calls each kind.
KIND_LABELS = {"largest_removed": "bad (largest removed)"}
METHOD_LABELS = {"structured": "structured pruning", "magnitude": "magnitude pruning"}


def stage_results(entries: Entries, stage: str = "finetune") -> list[dict[str, Any]]:
    return [records[stage]["results"] for records in entries.values()]


def config(entries: Entries) -> dict[str, Any]:
    config: dict[str, Any] = next(iter(entries.values()))["search"]["config"]
    return config


def task_name(entries: Entries) -> str:
    return str(next(iter(entries.values()))["finetune"]["task"])


def seeds_text(seeds: Collection[int]) -> str:
    listed = ", ".join(map(str, seeds))
    return f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''} ({listed})"


def masks_of(entries: Entries) -> dict[int, StructuredMask]:
    """The good mask of heads and MLPs that each seed's search found."""
    return {
        seed: StructuredMask.from_json(records["search"]["results"]["mask"])
        for seed, records in entries.items()
    }


def warning(records: dict[str, Record]) -> str | None:
    """Why the rule of the search says nothing about one seed's full model, or None if it does.

    From the scores, since records of earlier versions warn of less.
    """
    full = records["finetune"]["results"]
    threshold = records["search"]["config"]["search"]["threshold"]
    return meaningless(full["score"], full["majority"], threshold)


def has_method(entries: Entries, method: str) -> bool:
    """Whether tickets of this method are recorded for every seed."""
    return all(TICKET_STAGE[method] in records for records in entries.values())


def tickets_of(records: dict[str, Record], method: str = "structured") -> dict[str, Any]:
    """One seed's tickets by kind."""
    tickets: dict[str, Any] = records[TICKET_STAGE[method]]["results"]["tickets"]
    return tickets


def ticket_scores(
    entries: Entries, kind: str, state: str, method: str = "structured"
) -> list[float]:
    return [tickets_of(records, method)[kind][state] for records in entries.values()]


def share_left(tuned: dict[str, Any], n_heads: int, n_mlps: int) -> float:
    """Percent of the parameters of all heads and MLPs."""
    each = tuned["component_parameters"]
    every = tuned["layers"] * (tuned["heads_per_layer"] * each["head"] + each["mlp"])
    left: int = n_heads * each["head"] + n_mlps * each["mlp"]
    return 100 * left / float(every)


def sizes_text(entries: Entries) -> str:
    texts = []
    for seed, records in entries.items():
        mask = StructuredMask.from_json(records["search"]["results"]["mask"])
        texts.append(
            f"seed {seed} keeps {mask.n_heads} of {mask.heads.size} heads and {mask.n_mlps} of "
            f"{mask.mlps.size} MLPs"
        )
    return "; ".join(texts) + "."
