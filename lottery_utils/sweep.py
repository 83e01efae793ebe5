"""How a recipe is chosen: a few learning rates, judged on held-out *training* data.

The validation set, on which masks are found and scores reported, is never looked at: the
last quarter of the training examples stands in for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lottery_utils.progress import Progress
from lottery_utils.store import Key, Store
from lottery_utils.study import Study

HELD_OUT = 0.25


def sweep_name(study: Study) -> str:
    """The folder of a study's sweep, beside the study's own."""
    return f"{study.name}-sweep"


def sweep(
    study: Study,
    learning_rates: Sequence[float],
    store: Store,
    *,
    device: str = "cpu",
    threads: int | None = None,
) -> None:
    """Write one record per task: the held-out score of every learning rate and seed.

    A task whose record is already there for this study, and these rates, is left as it is.
    """
    import torch

    from lottery_utils import metrics, stages, training
    from lottery_utils.batches import EvaluationBatches, encode

    if threads:
        torch.set_num_threads(threads)
    progress = Progress(
        sweep_name(study), len(study.tasks) * len(study.seeds) * len(learning_rates)
    )
    for task in study.tasks:
        key = Key(sweep_name(study), task, None, "sweep")
        record = store.read(key)
        tried = {run["learning_rate"] for run in record["results"]["runs"]} if record else set()
        if record and record["hash"] == study.hash("sweep") and tried == set(learning_rates):
            progress.n_done += len(study.seeds) * len(learning_rates)
            continue
        begun = time.monotonic()
        runs: list[dict[str, Any]] = []
        for seed in study.seeds:
            entry = stages.Entry(study, task, seed, store, torch.device(device), progress)
            examples = entry.splits["train"]
            n_fit = round(len(examples) * (1 - HELD_OUT))
            length = study.recipe.max_length
            fit = encode(entry.tokenizer, examples[:n_fit], length)
            held_out = encode(entry.tokenizer, examples[n_fit:], length)
            batches = EvaluationBatches(held_out, stages.EVALUATION_BATCH, device)
            for rate in learning_rates:
                progress.label = f"{sweep_name(study)} | {task} seed {seed}"
                progress.unit(f"learning rate {rate:g}")
                model = entry.pretrained()
                recipe = replace(study.recipe, learning_rate=rate)
                curve = training.finetune(model, fit, recipe, seed=seed, device=device)
                runs.append(
                    {
                        "learning_rate": rate,
                        "seed": seed,
                        "score": round(training.evaluate(model, batches, entry.metric), 6),
                        "last_loss": curve.loss[-1][1],
                    }
                )
        results = {
            "runs": runs,
            "metric": entry.metric,
            "majority": metrics.majority_baseline(entry.metric, held_out.labels),
            "examples": {"fit": len(fit), "held_out": len(held_out)},
        }
        run = stages.run_details(entry, time.monotonic() - begun)
        store.write(key, replace(study, name=sweep_name(study)), results, run)
    progress.done(f"records in {store.root / sweep_name(study)}")
