"""The ticket explorer: what its script draws, from records (`book/_static/explorer.js`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lottery_utils.errors import UserError
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import scripted
from replication.runs import records
from replication.runs.data_card import in_words
from replication.runs.records import STATES, Stages, tickets_of
from replication.store import Store
from replication.study import Study

DIGITS = 3  # of importance scores and densities, which are between 0 and 1


@dataclass(frozen=True)
class Explorer:
    """The explorer as one HTML element; without scripts it says where the numbers are."""

    studies: dict[str, Any]

    def _repr_html_(self) -> str:
        return scripted(
            "ticket_explorer",
            "lottery-explorer",
            self.studies,
            "This page is drawn by a script, and scripts are switched off. The same numbers are in "
            "the tables of the pages on sections 4.1 and 4.2.",
        )

    def __repr__(self) -> str:
        told = [f"{name} ({', '.join(of['tasks'])})" for name, of in self.studies.items()]
        return f"The tickets of {'; '.join(told)}"


def gather(studies: object, store: Store) -> Explorer:
    """All entries on record: `explorer.studies[study]["tasks"][task][seed]`, see `entry`.

    Raises `UserError` for unknown studies, and where there is nothing to show.
    """
    found: dict[str, Any] = {}
    names = records.as_names(studies, "studies")
    for name in names:
        study = Study.load(name, store.root)
        tasks = {
            task: {str(seed): entry(stages) for seed, stages in seeds.items()}
            for task, seeds in records.on_record(study, store, ["survivors"]).items()
        }
        if tasks:
            found[name] = {"words": words(study), "tasks": tasks}
    if not found:
        raise UserError(
            f"None of the studies {', '.join(names)} has a complete entry in {store.root}: "
            "expected one at least; 'lottery run STUDY' makes them."
        )
    return Explorer(found)


def words(study: Study) -> str:
    """A study as the page's list names it: data, encoder, training examples."""
    size = f", {study.train_size:,} training examples" if study.train_size else ""
    return f"{in_words(study)}{size}"


def entry(stages: Stages) -> dict[str, Any]:
    """One task and seed: `metric`, `full`, `majority`, and by method its search and tickets.

    A step has the heads and MLPs it tried to remove, as rows of numbers from 0 (layer, head) and
    (layer), its score, and the importance (layers, heads + 1) it went by, the MLP's last.
    """
    search = stages["search"]["results"]
    tickets = dict(tickets_of(stages))
    if "survivors" in stages:
        tickets |= stages["survivors"]["results"]["tickets"]
    found: dict[str, Any] = {
        "metric": METRIC_LABELS[search["metric"]],
        "full": search["full_score"],
        "majority": search["majority"],
        "threshold": stages["search"]["config"]["search"]["threshold"],
        "structured": {
            "steps": [_structured_step(step) for step in search["steps"]],
            "tickets": {kind: _structured_ticket(of) for kind, of in tickets.items()},
        },
    }
    if "magnitude" in stages:
        results = stages["magnitude"]["results"]
        found["magnitude"] = {
            "steps": [
                {"density": round(s["density"], 4), "score": s["score"], "passed": s["passed"]}
                for s in results["steps"]
            ],
            "tickets": {kind: _magnitude_ticket(of) for kind, of in results["tickets"].items()},
        }
    return found


def _structured_step(step: dict[str, Any]) -> dict[str, Any]:
    importance = zip(step["head_scores"], step["mlp_scores"], strict=True)
    return {
        "phase": step["phase"],
        "heads": step["removed_heads"],
        "mlps": step["removed_mlps"],
        "score": step["score"],
        "passed": step["passed"],
        "importance": [_rounded([*heads, mlp]) for heads, mlp in importance],
    }


def _structured_ticket(ticket: dict[str, Any]) -> dict[str, Any]:
    mask = ticket["mask"]
    kept = [f"{heads}{mlp}" for heads, mlp in zip(mask["heads"], mask["mlps"], strict=True)]
    return {"kept": kept, **_scores(ticket)}


def _magnitude_ticket(ticket: dict[str, Any]) -> dict[str, Any]:
    maps = ticket["map_densities"]  # both of an MLP's have the same number of weights
    mlps = [sum(both) / 2 for both in zip(maps["mlp_input"], maps["mlp_output"], strict=True)]
    heads = ticket["head_densities"]
    density = [_rounded([*row, mlp]) for row, mlp in zip(heads, mlps, strict=True)]
    return {"density": density, **_scores(ticket)}


def _scores(ticket: dict[str, Any]) -> dict[str, float]:
    return {state: ticket[state] for state in STATES}


def _rounded(row: list[float]) -> list[float]:
    return [round(value, DIGITS) for value in row]
