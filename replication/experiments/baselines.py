"""What a task asks for: a guesser, a bag of words and the fine-tuned backbone, side by side.

The bag of words knows which words are in each sentence, but not their order. What it cannot
do and the backbone can is what a task needs structure for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.tasks import Example, Task, get_task
from replication.experiments.progress import Progress
from replication.store import Key, Record, Store
from replication.study import Study


def baselines_name(study: Study) -> str:
    """The folder of a study's baselines, beside the study's own."""
    return f"{study.name}-baselines"


def read_baselines(study: Study, store: Store) -> dict[str, Record]:
    """The record of each task that has one."""
    found = {t: store.read(Key(baselines_name(study), t, None, "baselines")) for t in study.tasks}
    return {task: record for task, record in found.items() if record is not None}


def baselines(
    study: Study, store: Store, *, device: str = "auto", threads: int | None = None
) -> None:
    """Write one record per task: what each of the three scores on the validation set.

    The backbone is fine-tuned by the study's recipe with each of its seeds; seeds that a
    task's record already answers for are not repeated.
    """
    from lottery_utils import data, metrics
    from replication.experiments.entry import Entry, prepare_device, run_details

    chosen, found = prepare_device(device, threads), read_baselines(study, store)
    todo = [task for task in study.tasks if not _answered(study, found, task)]
    missing = [s for task in todo for s in study.seeds if str(s) not in _known(study, found, task)]
    progress = Progress(baselines_name(study), len(missing))
    for name in todo:
        begun, task = time.monotonic(), get_task(name)
        scores = _known(study, found, name)
        splits = Entry(study, name, study.seeds[0], store, chosen, progress).splits
        if scores and found[name]["results"]["data_sha256"] != data.fingerprint(splits):
            scores = {}  # other files: their scores would not be of one question
        before = found[name]["provenance"]["seconds"] if scores else 0.0
        for seed in (seed for seed in study.seeds if str(seed) not in scores):
            progress.label = f"{baselines_name(study)} | {name} seed {seed}"
            entry = Entry(study, name, seed, store, chosen, progress)
            model = entry.pretrained()
            entry.train_model(model, "fine-tune")
            scores[str(seed)] = entry.score(model)
        train, validation = splits["train"], splits["validation"]
        labels = [example.label for example in validation]
        guess = metrics.majority_baseline(task.metric, labels, graded=task.is_graded)
        words = bag_of_words(task, train, validation)
        results: dict[str, Any] = {
            "metric": task.metric,
            "majority": guess,
            "bag_of_words": round(metrics.score(task.metric, words, labels), 6),
            "backbone": scores,
            "examples": {"train": len(train), "validation": len(validation)},
            "data_sha256": data.fingerprint(splits),
        }
        key = Key(baselines_name(study), name, None, "baselines")
        run = run_details(entry, before + time.monotonic() - begun)
        store.write(key, replace(study, name=baselines_name(study)), results, run)
    progress.done(f"records in {store.root / baselines_name(study)}")


def bag_of_words(
    task: Task, train: Sequence[Example], validation: Sequence[Example]
) -> npt.NDArray[Any]:
    """Predictions (n,) for `validation` by a linear model of word counts.

    Logistic regression, or ridge regression of grades, on how often each word of `train` is
    in either sentence; in pairs also on the counts that both share and those that differ,
    and on how many of both there are. The default regularization, nothing tuned.
    """
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


def _answered(study: Study, found: dict[str, Record], task: str) -> bool:
    return set(map(str, study.seeds)) <= set(_known(study, found, task))


def _known(study: Study, found: dict[str, Record], task: str) -> dict[str, float]:
    """The backbone's scores by seed, if the task's record was made for the same question."""
    fits = task in found and found[task]["hash"] == study.hash("baselines")
    return dict(found[task]["results"]["backbone"]) if fits else {}
