"""From a record's results to rows of the table of scores: one for every score, by stage.

A row is a dict with those keys of the table's columns that apply (`replication.runs.table`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lottery_utils.masks import StructuredMask
from replication.study import SWEPT

Row = dict[str, Any]


def _validated(full: Row, metric: str | None = None) -> Row:
    """What a score on the validation set has from the full model's results."""
    sizes, metric = full.get("examples", {}), metric or full.get("metric")
    return {
        "split": "validation",
        "metric": metric,
        "majority": full.get("majority") if metric == full.get("metric") else None,
        "train_examples": sizes.get("train"),
        "scored_examples": sizes.get("validation"),
    }


def _finetune_rows(results: Row, full: Row) -> Iterator[Row]:
    n_layers = results["layers"]
    n_heads = n_layers * results["heads_per_layer"]
    for metric, value in {results["metric"]: results["score"], **results["scores"]}.items():
        main = metric == results["metric"]
        yield {
            **_validated(full, metric),
            "ticket": "full",
            "state": "fine-tuned",
            "value": value,
            "undefined": results["undefined"].get("full") if main else None,
            **_sizes(n_heads, n_heads, n_layers, n_layers),
            "parameters": results["parameters"],
        }


def _search_rows(results: Row, full: Row) -> Iterator[Row]:
    mask = StructuredMask.from_json(results["mask"])
    for step, row in _trials(results, full):
        sizes = _sizes(step["n_heads"], mask.heads.size, step["n_mlps"], mask.mlps.size)
        yield {**row, "method": "structured", "phase": step["phase"], **sizes}


def _tickets_rows(results: Row, full: Row) -> Iterator[Row]:
    for ticket, row in _tickets(results, full):
        yield {**row, "method": "structured", **_sizes_of(ticket["mask"])}


def _control_rows(results: Row, full: Row) -> Iterator[Row]:
    for kind, ticket in results["tickets"].items():
        for state in ("reinitialized", "embeddings_kept"):
            yield {
                **_validated(full),
                "method": "structured",
                "ticket": kind,
                "state": state,
                "value": ticket[state]["score"],
                "undefined": ticket[state]["undefined"],
                **_sizes_of(ticket["mask"]),
            }


def _magnitude_rows(results: Row, full: Row) -> Iterator[Row]:
    common = {"method": "magnitude", "weights": results["weights"]["prunable"]}
    for step, row in _trials(results, full):
        yield {**row, **common, "weights_kept": step["n_kept"]}
    for _, row in _tickets(results, full):
        yield {**row, **common, "weights_kept": results["weights"]["kept"]}


def _trials(results: Row, full: Row) -> Iterator[tuple[Row, Row]]:
    """The steps of a search, each with what its row says whatever was removed."""
    for number, step in enumerate(results["steps"], start=1):
        yield (
            step,
            {
                **_validated(full, results["metric"]),
                "ticket": "trial",
                "state": "pruned",
                "step": number,
                "passed": step["passed"],
                "value": step["score"],
            },
        )


def _tickets(results: Row, full: Row) -> Iterator[tuple[Row, Row]]:
    """The tickets in either state, each with what its row says whatever was removed."""
    for kind, ticket in results["tickets"].items():
        for state in ("pruned", "retrained"):
            yield (
                ticket,
                {
                    **_validated(full),
                    "ticket": kind,
                    "state": state,
                    "value": ticket[state],
                    "undefined": ticket["undefined"].get(state),
                    "parameters": ticket["parameters"],
                },
            )


def _sweep_rows(results: Row, _full: Row) -> Iterator[Row]:
    for run in results["runs"]:
        yield {
            "ticket": "full",
            "state": "fine-tuned",
            "split": "held-out",
            "metric": results["metric"],
            "value": run["score"],
            "majority": results["majority"],
            "train_examples": results["examples"]["fit"],
            "scored_examples": results["examples"]["held_out"],
            **{name: run[name] for name in ("seed", *SWEPT)},
        }


def _baselines_rows(results: Row, _full: Row) -> Iterator[Row]:
    common = _validated(results)
    yield {**common, "ticket": "bag_of_words", "value": results["bag_of_words"]}
    for seed, value in results["backbone"].items():
        full = {"ticket": "full", "state": "fine-tuned", "value": value}
        yield {**common, **full, "seed": int(seed)}


def _sizes(heads_kept: int, heads: int, mlps_kept: int, mlps: int) -> Row:
    return {"heads_kept": heads_kept, "heads": heads, "mlps_kept": mlps_kept, "mlps": mlps}


def _sizes_of(mask: Row) -> Row:
    """Of a record's mask of heads and MLPs."""
    kept = StructuredMask.from_json(mask)
    return _sizes(kept.n_heads, kept.heads.size, kept.n_mlps, kept.mlps.size)


# How each stage's results become rows; it is also given those of the seed's full model.
ROWS: dict[str, Callable[[Row, Row], Iterator[Row]]] = {
    "finetune": _finetune_rows,
    "search": _search_rows,
    "tickets": _tickets_rows,
    "magnitude": _magnitude_rows,
    "survivors": _tickets_rows,
    "control": _control_rows,
    "sensitivity": _tickets_rows,
    "sweep": _sweep_rows,
    "baselines": _baselines_rows,
}
