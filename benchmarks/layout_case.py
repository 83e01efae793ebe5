"""How a study's jobs are best laid out over the cores: many of one thread, or one of many."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks import shapes
from benchmarks.alternate import Prepared, Row, Setting, alternate
from lottery_utils.recipe import Recipe

RECIPE = Recipe(learning_rate=2e-5, batch_size=16, epochs=1)


def rows(setting: Setting) -> Iterator[Row]:
    """One row: as many pieces of work as cores, by one job after another or all at once."""
    cores = setting.threads
    n = 16 if setting.small else 400

    def at_once(jobs: int) -> Prepared:
        def work() -> None:
            command = [sys.executable, "-m", "benchmarks.layout_case"]
            arguments = [str(cores // jobs), str(cores // jobs), str(n)]
            running = [subprocess.Popen([*command, *arguments]) for _ in range(jobs)]
            if sum(process.wait() for process in running):
                raise RuntimeError("a job of the layout failed")

        return work

    layouts = {"ours": cores, "theirs": 1}
    between = [jobs for jobs in range(2, cores) if cores % jobs == 0]
    layouts |= {f"{jobs} jobs": jobs for jobs in between}
    yield Row(
        "a study's throughput",
        f"{cores} fine-tunings of {n} examples of SST-2's shape, each with a scoring pass, on "
        f"{cores} cores, start of the jobs included",
        {
            name: f"{jobs} at a time, {cores // jobs} thread{'s' if jobs < cores else ''} each"
            for name, jobs in layouts.items()
        },
        alternate(
            setting,
            {name: partial(at_once, jobs) for name, jobs in layouts.items()},
            warm=False,
        ),
        "the same work in every layout",
        {"theirs": 1.0},
    )


def _job(threads: int, pieces: int, n: int) -> None:
    import torch

    from lottery_utils import backbone, training
    from lottery_utils.batches import EvaluationBatches

    torch.set_num_threads(threads)
    encoded = shapes.draw("SST-2", n)
    for seed in range(pieces):
        model, _ = backbone.load_backbone("bundled", "SST-2", seed=seed)
        training.finetune(model, encoded, RECIPE, seed=seed)
        predicted, _ = training.predict(model, EvaluationBatches(encoded, 64))
        assert np.isfinite(predicted).all()


if __name__ == "__main__":
    _job(*map(int, sys.argv[1:]))
