"""BERT-base as released beside a study of this book: the same measures of the same tasks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from replication.claims import published
from replication.claims.evidence import Measured, measure
from replication.claims.trial import put_on_trial
from replication.pages.released_stability import over_seeds
from replication.pages.released_tables import Results
from replication.pages.show import Note
from replication.runs.recorded import seeds_text

# What a column is called, and which measure it has.
TICKETS = {kind: f"structured: kept by {kind}, retrained" for kind in ("good", "random", "bad")}
AGREEMENT = {"heads kept": "share of heads kept", "kappa": "kappa of heads"}


def table(
    results: Results,
    measures: Mapping[str, str],
    study: str = "minilm-glue",
    results_dir: str = "results",
) -> pd.DataFrame | Note:
    """Means over seeds of these measures, task by task, of both; empty cells where one has none.

    What a ticket keeps is its gain over the majority baseline as a share of the full model's;
    where that has learned nothing, nothing can be kept, and the task is left out.
    """
    trial = put_on_trial(study, results_dir)
    if not trial.records:
        return Note(f"The study {study} has nothing on record yet.")
    ours, theirs = measure(trial.records), _theirs(results, results_dir)
    tasks = [task for task in results if task in trial.learned]
    rows = {}
    for task in tasks:
        row = {}
        for name, measured in measures.items():
            row[f"{name}, BERT-base"] = _mean(theirs, measured, task)
            row[f"{name}, {study}"] = _mean(ours, measured, task)
        rows[task] = row
    if not rows:
        return Note(f"The study {study} has learned none of these tasks yet.")
    table = pd.DataFrame.from_dict(rows, orient="index")
    (most,) = {max((tuple(r.entries) for r in trial.records.values()), key=len)}
    return table.rename_axis(f"{study}: {seeds_text(most)}")


def _theirs(results: Results, results_dir: str) -> Measured:
    found = published.measure(results_dir)
    found["share of heads kept"] = {
        task: [kept / of.survival.size for kept in of.kept]
        for task, of in over_seeds(results, "heads").items()
    }
    return found


def _mean(found: Measured, name: str, task: str) -> str:
    values = found.get(name, {}).get(task)
    return f"{np.mean(values):.2f}" if values else ""
