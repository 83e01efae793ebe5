"""What a task asks for: majority baseline, bag of words and fine-tuned backbone, side by side.

The bag of words knows which words are in each sentence, but not their order. What it cannot
do and the backbone can is what a task needs structure for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from lottery_utils import data, metrics
from lottery_utils.errors import UserError
from lottery_utils.tasks import Example, Task
from replication.experiments.entry import Entry
from replication.experiments.results import BySeed, Count, Metric, Score, Sha256, Splits, about


class Baselines(TypedDict):
    """What the majority baseline, a bag of words and the fine-tuned backbone score."""

    metric: Metric
    majority: Score
    bag_of_words: Annotated[Score, about("Of a linear model of word counts.")]
    backbone: Annotated[BySeed[Score], about("The full model's score, by seed.")]
    examples: Annotated[dict[str, Count], Splits]
    data_sha256: Sha256


def compute(entry: Entry, _made_from: dict[str, Any]) -> Baselines:
    """What each of the three scores on the validation set.

    The backbone is fine-tuned by the study's recipe with each of its seeds; seeds that the
    task's record already answers for are not repeated. Raises `UserError` where the validation
    set's labels leave the metric undefined, whatever the answers.
    """
    begun, task, splits = time.monotonic(), entry.about, entry.splits
    train, validation = splits["train"], splits["validation"]
    labels = [example.label for example in validation]
    if why := metrics.undefined(task.metric, labels, labels):
        raise UserError(
            f"The {len(validation)} validation examples of {task.name} give no score to any "
            f"answers ({why}): expected examples of several labels."
        )
    before = entry.store.read(entry.key("baselines"))
    scores: dict[str, float] = {}
    if (
        before is not None
        and before["hash"] == entry.study.hash("baselines", entry.task)
        and before["results"]["data_sha256"] == data.fingerprint(splits)
    ):  # of other files, the scores would not be of one question
        scores |= before["results"]["backbone"]
        made = before["provenance"]
        entry.runs += made.get("runs", [{name: made[name] for name in entry.by}])
    journal = entry.journal("baselines", data.fingerprint(splits), kind=tuple[str, Score])
    scores |= dict(journal.entries)
    spent, label = (
        before["provenance"]["seconds"] if before and scores else 0.0,
        entry.progress.label,
    )
    words = bag_of_words(task, train, validation)
    for seed in entry.study.seeds:
        entry.progress.label = f"{label} seed {seed}"
        if str(seed) in scores:
            entry.progress.unit("was computed before")
            continue
        of_seed = replace(entry, seed=seed)
        of_seed.splits = splits  # whatever the files are by now
        model = of_seed.pretrained()
        of_seed.train_model(model, "fine-tune")
        journal.append((str(seed), of_seed.score(model)))
        scores |= journal.entries[-1:]
    entry.details["seconds"] = round(spent + time.monotonic() - begun, 2)
    return {
        "metric": task.metric,
        "majority": metrics.majority_baseline(task.metric, labels, graded=task.is_graded),
        "bag_of_words": round(metrics.score(task.metric, words, labels), 6),
        "backbone": scores,
        "examples": {"train": len(train), "validation": len(validation)},
        "data_sha256": data.fingerprint(splits),
    }


def bag_of_words(
    task: Task, train: Sequence[Example], validation: Sequence[Example]
) -> npt.NDArray[Any]:
    """Predictions (n,) for `validation` by a linear model of word counts.

    Logistic regression, or ridge regression of grades, on how often each word of `train` is
    in either sentence; in pairs also on the counts that both share and those that differ,
    and on how many of both there are. The default regularization, nothing tuned. Where all of
    `train` is of one class, so are the predictions.
    """
    classes = {example.label for example in train}
    if len(classes) == 1:
        return np.full(len(validation), classes.pop())
    from scipy.sparse import csr_array, hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    sides = [[e.sentence1 for e in train], [e.sentence2 or "" for e in train]]
    counter = CountVectorizer(token_pattern=r"\S+").fit([*sides[0], *sides[1]])

    def features(examples: Sequence[Example]) -> Any:
        first = counter.transform([e.sentence1 for e in examples])
        if not task.is_pair:
            return first
        second = counter.transform([e.sentence2 or "" for e in examples])
        shared, differing = first.minimum(second), abs(first - second)
        sums = [np.asarray(counts.sum(axis=1)).reshape(-1, 1) for counts in (shared, differing)]
        return hstack([first, second, shared, differing, *map(csr_array, sums)]).tocsr()

    model = Ridge() if task.is_graded else LogisticRegression(max_iter=2000)
    model.fit(features(train), [example.label for example in train])
    predictions: npt.NDArray[Any] = model.predict(features(validation))
    return predictions
