"""All records of a study as one table: a row for every score, a CSV file to take away.

What the columns mean is written down once, in `record.columns.csv`, which the book shows.
Training curves, masks and importance scores are in the records alone, which
`replication.runs.schema` describes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.runs.records import STATES, task_of
from replication.runs.status import status, undone
from replication.stages import PIPELINE, STAGES, SWEPT
from replication.store import Key, Record, Store
from replication.study import Study

Row = dict[str, Any]  # with those of the table's columns that apply


@cache
def columns() -> dict[str, str]:
    """The table's columns in order, and what each means."""
    with Path(__file__).with_name("record.columns.csv").open(encoding="utf-8") as file:
        return {line["column"]: line["meaning"] for line in csv.DictReader(file)}


def to_csv(
    study: Study,
    store: Store,
    *,
    tasks: Collection[str] | None = None,
    seeds: Collection[int] | None = None,
) -> str:
    """The study's records as CSV: a header, commas, LF line ends, nothing where no value is.

    One row per score, by task, seed and stage. Every record in the study's folder is read, also of
    tasks and seeds that the study does not list; `tasks` and `seeds` choose among them. Raises
    `UserError` if a record is broken, or if there are no rows.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(), lineterminator="\n")
    writer.writeheader()
    header = text.tell()
    order = list(ROWS)
    keys = [key for key in store.keys(study.name) if key.stage in ROWS]
    with store.still():
        undone(study, store)  # reads all that is asked for, and says what cannot be read
        for key in sorted(keys, key=lambda key: (key.task, key.seed or 0, order.index(key.stage))):
            if tasks is not None and key.task not in tasks:
                continue
            record = store.read(key)
            if record is None:  # a link that leads nowhere
                continue
            full = _full_model(record, store.read(replace(key, stage="finetune")))
            common = {**_about(record, key), "status": _status(key, record, study, store)}
            for row in ROWS[key.stage](record["results"], full):
                if seeds is None or row.get("seed", key.seed) in seeds:
                    writer.writerow({name: _cell(value) for name, value in (common | row).items()})
    if text.tell() == header:
        raise UserError(
            f"There is nothing to export: {store.root / study.name} has no such records; compute "
            f"them with 'lottery run {study.name}'."
        )
    return text.getvalue()


def _full_model(record: Record, there: Record | None) -> Row:
    """What the record of the full model says, if it is of the one that `record` started from."""
    if there is None:
        return {}
    results = record["results"]
    weights = results.get("made_from", results).get("weights_sha256")
    if weights in (None, there["results"]["weights_sha256"]):
        return dict(there["results"])
    return {"metric": task_of(record).metric}


def _about(record: Record, key: Key) -> Row:
    """What all rows of a record have in common."""
    config, made = record["config"], record["provenance"]
    run = ("device", "threads", "training_precision", "created")
    return {
        **{name: record[name] for name in ("study", "task", "seed", "stage", "hash")},
        **{name: config.get(name) for name in ("backbone", "data", "variant")},
        **{name: config["recipe"].get(name) for name in SWEPT},
        **{name: made[name] for name in (*run, "lottery_utils", "commit", "torch", "transformers")},
        "stage_seconds": made["seconds"],
        "record": (key.folder / f"{key.stage}.json").as_posix(),
    }


def _status(key: Key, record: Record, study: Study, store: Store) -> str:
    if PIPELINE[key.stage].beside:  # the table of a folder that is not a study's own
        return "done" if record["hash"] == study.hash(key.stage, key.task) else "stale"
    if key.stage in STAGES and key.stage not in study.stages(key.task):
        return "stale"
    return status(study, key.task, key.seed or 0, key.stage, store)


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


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
        yield {
            **_validated(full, metric),
            **_full(value),
            "undefined": results["undefined"].get("full") if metric == results["metric"] else None,
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
        sizes = {"method": "structured", **_sizes_of(ticket["mask"])}
        for state in ("reinitialized", "embeddings_kept"):
            found = {"value": ticket[state]["score"], "undefined": ticket[state]["undefined"]}
            yield {**_validated(full), "ticket": kind, "state": state, **found, **sizes}


def _embeddings_rows(results: Row, full: Row) -> Iterator[Row]:
    for state in PIPELINE["embeddings"].parts:
        found = {"value": results[state]["score"], "undefined": results[state]["undefined"]}
        yield {**_validated(full), "ticket": "embeddings", "state": state, **found}


def _rates_rows(results: Row, full: Row) -> Iterator[Row]:
    for method, kinds in results["tickets"].items():
        for kind, of_rates in kinds.items():
            for again in of_rates.values():
                yield {
                    **_validated(full),
                    "method": method,
                    "ticket": kind,
                    "state": "retrained",
                    "learning_rate": again["learning_rate"],
                    "value": again["score"],
                    "undefined": again["undefined"],
                }


def _magnitude_rows(results: Row, full: Row) -> Iterator[Row]:
    common = {"method": "magnitude", "weights": results["weights"]["prunable"]}
    for step, row in _trials(results, full):
        yield {**row, **common, "weights_kept": step["n_kept"]}
    for _, row in _tickets(results, full):
        yield {**row, **common, "weights_kept": results["weights"]["kept"]}


def _trials(results: Row, full: Row) -> Iterator[tuple[Row, Row]]:
    """The steps of a search, each with what its row says whatever was removed."""
    common = {**_validated(full, results["metric"]), "ticket": "trial", "state": "pruned"}
    for number, step in enumerate(results["steps"], start=1):
        yield step, {**common, "step": number, "passed": step["passed"], "value": step["score"]}


def _tickets(results: Row, full: Row) -> Iterator[tuple[Row, Row]]:
    """The tickets in either state, each with what its row says whatever was removed."""
    for kind, ticket in results["tickets"].items():
        common = {**_validated(full), "ticket": kind, "parameters": ticket["parameters"]}
        for state in STATES:
            found = {"value": ticket[state], "undefined": ticket["undefined"].get(state)}
            yield ticket, {**common, "state": state, **found}


def _sweep_rows(results: Row, _full_model: Row) -> Iterator[Row]:
    for run in results["runs"]:
        yield {
            **_full(run["score"]),
            "split": "held-out",
            "metric": results["metric"],
            "majority": results["majority"],
            "train_examples": results["examples"]["fit"],
            "scored_examples": results["examples"]["held_out"],
            **{name: run[name] for name in ("seed", *SWEPT)},
        }


def _baselines_rows(results: Row, _full_model: Row) -> Iterator[Row]:
    common = _validated(results)
    yield {**common, "ticket": "bag_of_words", "value": results["bag_of_words"]}
    for seed, value in results["backbone"].items():
        yield {**common, **_full(value), "seed": int(seed)}


def _full(score: float) -> Row:
    return {"ticket": "full", "state": "fine-tuned", "value": score}


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
    "embeddings": _embeddings_rows,
    "sensitivity": _tickets_rows,
    "rates": _rates_rows,
    "sweep": _sweep_rows,
    "baselines": _baselines_rows,
}
