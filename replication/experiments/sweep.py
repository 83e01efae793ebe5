"""How a recipe is chosen: a small grid, judged on held-out *training* data.

The validation set, on which masks are found and scores reported, is never looked at: the
last quarter of the training examples stands in for it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from replication.experiments.progress import Progress
from replication.store import Key, Record, Store
from replication.study import SWEPT, Study

HELD_OUT = 0.25
Grid = Mapping[str, Sequence[float]]


def sweep_name(study: Study) -> str:
    """The folder of a study's sweep, beside the study's own."""
    return f"{study.name}-sweep"


def sweep(
    study: Study, grid: Grid, store: Store, *, device: str = "cpu", threads: int | None = None
) -> None:
    """Write one record per task: the held-out score of every recipe of the grid, by seed.

    `grid` gives the values to try of `learning_rate`, `batch_size` and `epochs`; the rest
    of the recipe is the study's. A task whose record already answers this is left alone.
    """
    from lottery_utils import data, metrics, training
    from lottery_utils.batches import EvaluationBatches, encode
    from replication.experiments.entry import EVALUATION_BATCH, Entry, prepare_device, run_details

    chosen = prepare_device(device, threads)
    combinations: list[dict[str, Any]] = [
        dict(zip(SWEPT, values, strict=True))
        for values in itertools.product(*(grid[name] for name in SWEPT))
    ]
    # As studies, so that a value that makes no sense is refused before anything runs.
    recipes = [replace(study, recipe=replace(study.recipe, **v)).recipe for v in combinations]
    todo = [task for task in study.tasks if not _answered(study, task, combinations, store)]
    progress = Progress(sweep_name(study), len(todo) * len(study.seeds) * len(combinations))
    for task in todo:
        begun = time.monotonic()
        runs: list[dict[str, Any]] = []
        for seed in study.seeds:
            progress.label = f"{sweep_name(study)} | {task} seed {seed}"
            entry = Entry(study, task, seed, store, chosen, progress)
            examples, length = entry.splits["train"], study.recipe.max_length
            n_fit = round(len(examples) * (1 - HELD_OUT))
            fit = encode(entry.tokenizer, examples[:n_fit], length)
            held_out = encode(entry.tokenizer, examples[n_fit:], length)
            batches = EvaluationBatches(held_out, EVALUATION_BATCH, chosen)
            for values, recipe in zip(combinations, recipes, strict=True):
                progress.unit(", ".join(f"{name} {value:g}" for name, value in values.items()))
                model = entry.pretrained()
                curve = training.finetune(model, fit, recipe, seed=seed, device=chosen)
                score = training.evaluate(model, batches, entry.metric)
                last_loss = curve.loss[-1][1]
                runs.append({**values, "seed": seed, "score": round(score, 6), "loss": last_loss})
        results = {
            "runs": runs,
            "metric": entry.metric,
            "majority": metrics.majority_baseline(entry.metric, held_out.labels),
            "examples": {"fit": len(fit), "held_out": len(held_out)},
            "data_sha256": data.fingerprint(entry.splits),
        }
        run = run_details(entry, time.monotonic() - begun)
        key = Key(sweep_name(study), task, None, "sweep")
        store.write(key, replace(study, name=sweep_name(study)), results, run)
    progress.done(f"records in {store.root / sweep_name(study)}")


def _answered(study: Study, task: str, grid: list[dict[str, Any]], store: Store) -> bool:
    record: Record | None = store.read(Key(sweep_name(study), task, None, "sweep"))
    if record is None or record["hash"] != study.hash("sweep"):
        return False
    tried = [({k: run[k] for k in SWEPT}, run["seed"]) for run in record["results"]["runs"]]
    return all((values, seed) in tried for values in grid for seed in study.seeds)
