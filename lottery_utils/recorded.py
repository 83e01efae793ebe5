"""What pages read from the records of one task: small questions with one answer each."""

from __future__ import annotations

from typing import Any

from lottery_utils.masks import StructuredMask
from lottery_utils.store import Record

# The records of one task: entries[seed][stage].
Entries = dict[int, dict[str, Record]]
TICKETS = ("good", "random", "bad")


def stage_results(entries: Entries, stage: str = "finetune") -> list[dict[str, Any]]:
    return [records[stage]["results"] for records in entries.values()]


def config(entries: Entries) -> dict[str, Any]:
    config: dict[str, Any] = next(iter(entries.values()))["search"]["config"]
    return config


def task_name(entries: Entries) -> str:
    return str(next(iter(entries.values()))["finetune"]["task"])


def seeds_text(entries: Entries) -> str:
    listed = ", ".join(map(str, entries))
    return f"{len(entries)} seed{'s' if len(entries) > 1 else ''} ({listed})"


def ticket_scores(entries: Entries, kind: str, state: str) -> list[float]:
    return [r["tickets"]["results"]["tickets"][kind][state] for r in entries.values()]


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
