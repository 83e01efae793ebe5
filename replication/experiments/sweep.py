"""How a recipe is chosen: a small grid, judged on held-out *training* data.

The validation set, on which masks are found and scores reported, is never looked at: a quarter
of the training examples replaces it, the last one, or of your own tables one drawn at random.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from lottery_utils.data import source_kind
from lottery_utils.errors import UserError
from lottery_utils.tasks import Example
from replication.experiments.results import Count, Metric, Positive, Score, Sha256, about, named
from replication.same_data import in_training
from replication.stages import SWEPT
from replication.study import Study

if TYPE_CHECKING:  # pages read the name of a sweep's folder here, and need no torch
    from replication.experiments.entry import Entry

HELD_OUT = 0.25
Grid = Mapping[str, Sequence[float]]


class Tried(TypedDict):
    learning_rate: Positive
    batch_size: Count
    epochs: Count
    seed: Count
    score: Score
    loss: Annotated[Positive, about("Mean training loss at the end.")]


class Sweep(TypedDict):
    """Recipes tried on held-out training data."""

    runs: Annotated[list[Tried], Field(min_length=1)]
    metric: Metric
    majority: Score
    examples: Annotated[dict[str, Count], named("fit", "held_out")]
    data_sha256: Sha256
    train_sha256: NotRequired[
        Annotated[Sha256, about("Of the training examples alone; absent from earlier records.")]
    ]


def recipes(study: Study, grid: Grid) -> list[dict[str, float]]:
    """Every combination of the values that `grid` gives for `learning_rate` and so on.

    Raises `UserError` for a value that makes no sense, before anything runs.
    """
    combinations = itertools.product(*(grid[name] for name in SWEPT))
    found = [dict(zip(SWEPT, values, strict=True)) for values in combinations]
    for values in found:
        study.override({f"recipe.{name}": value for name, value in values.items()})
    return found


def _split(entry: Entry) -> tuple[list[Example], list[Example]]:
    """The training examples in two parts, to train on and to judge by. Errors as for `compute`."""
    examples = entry.splits["train"]
    n, n_fit = len(examples), round(len(examples) * (1 - HELD_OUT))
    judges = set(range(n_fit, n))
    if source_kind(entry.study.data) == "csv":  # which may be sorted, unlike the corpus and GLUE
        judges = set(random.Random(0).sample(range(n), n - n_fit))
    fit = [example for i, example in enumerate(examples) if i not in judges]
    held_out = [examples[i] for i in sorted(judges)]
    task = entry.about
    if not fit or not held_out:
        raise UserError(
            f"{n} training examples of {task.name} are too few to hold a quarter of them out: "
            "expected 3 or more."
        )
    if len({example.label for example in held_out}) == 1:
        one, more = ("grade", "grades") if task.is_graded else ("class", "classes")
        raise UserError(
            f"The {len(held_out)} held-out training examples of {task.name} are all of one {one} "
            f"and cannot judge a recipe: expected more examples, of several {more}."
        )
    return fit, held_out


def compute(entry: Entry, _made_from: dict[str, Any]) -> Sweep:
    """The held-out score of every recipe that was asked for, by seed.

    The rest of the recipe is the study's. Raises `UserError` where there are too few examples to
    hold some out, or those are all of one class or grade.
    """
    from lottery_utils import data, metrics, training
    from lottery_utils.batches import EvaluationBatches, encode
    from replication.experiments.entry import EVALUATION_BATCH

    runs: list[Any] = []
    label, length = entry.progress.label, entry.study.recipe.max_length
    train_sha256 = data.fingerprint(in_training(entry.splits))
    journal = entry.journal("sweep", train_sha256, kind=Tried)
    fit, held_out = (encode(entry.tokenizer, part, length) for part in _split(entry))
    batches = EvaluationBatches(held_out, EVALUATION_BATCH, entry.device)
    for seed in entry.study.seeds:
        entry.progress.label = f"{label} seed {seed}"
        of_seed = replace(entry, seed=seed)
        for values in entry.asked:
            what = ", ".join(f"{name} {value:g}" for name, value in values.items())
            tried = {**values, "seed": seed}
            done = [run for run in journal.entries if tried.items() <= run.items()]
            entry.progress.unit(f"{what}: was tried before" if done else what)
            if not done:
                model, recipe = of_seed.pretrained(), replace(entry.study.recipe, **values)
                curve = training.finetune(model, fit, recipe, seed=seed, device=entry.device)
                score = round(training.evaluate(model, batches, entry.metric), 6)
                journal.append(tried | {"score": score, "loss": curve.loss[-1][1]})
            runs += done or journal.entries[-1:]
    return {
        "runs": runs,
        "metric": entry.metric,
        "majority": metrics.majority_baseline(entry.metric, held_out.labels),
        "examples": {"fit": len(fit), "held_out": len(held_out)},
        "data_sha256": data.fingerprint(entry.splits),
        "train_sha256": train_sha256,
    }
