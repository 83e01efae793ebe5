"""The paper's own BERT-base as records: what its released masks and scores come to.

`lottery released DIR` reads a copy of the authors' results (`replication.paper.release`) and
writes one record per task, with our statistics of the masks and the sha256 of what was read. The
masks are theirs and are not kept; the scores are facts, and are. Whatever pages say of BERT-base
comes from these records.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lottery_utils.agreement.noise import KINDS as NOISES
from lottery_utils.agreement.noise import Noise, noises
from lottery_utils.agreement.over_seeds import OverSeeds, floats, plain
from lottery_utils.agreement.sharing import PARTS, Pair, Seeds, Sharing
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS
from replication.followups import FollowUps
from replication.paper.release import (
    HANS,
    HANS_DATA,
    N_HEADS,
    N_LAYERS,
    ON_TRAIN,
    SEEDS,
    SETTINGS,
    Release,
    digest,
    read,
)
from replication.paper.results import MeanScore, OnTrain, Released
from replication.progress import Progress
from replication.store import Key, Record, Store
from replication.study import Study

STUDY, STAGE = "bert-base-released", "released"
GOOD = "heads_mlps"
SEARCHED = (GOOD, "heads", "mlps")  # the settings whose masks a search found, seed by seed
SOURCE = "github.com/sai-prasanna/bert-experiments, commit f02280f"
N_SEEDS = len(SEEDS)
BOOK = Path(__file__).resolve().parents[2] / "results"  # the records that come with the book
_TO_SAMPLE = math.sqrt(N_SEEDS / (N_SEEDS - 1))  # from population to sample deviation

Results = Mapping[str, Mapping[str, Any]]  # of each task, what its record holds
METRIC = {"CoLA": "mcc", "STS-B": "pearson", "MNLI": "mnli_acc"}  # of the others: acc
UNLEARNED = ("WNLI",)
# What the release calls the tickets of each method. The bad ones of heads and MLPs are those of
# the paper's figure, those of weights what is left when the largest weights are removed.
KINDS = {
    "structured": {"good": "head_mlp", "random": "head_mlp_random", "bad": "head_mlp_bad_1"},
    "magnitude": {
        "good": "global_magnitude",
        "random": "global_random",
        "largest_removed": "global_bad",
    },
    "survivors": {
        "super": "head_mlp_super",
        "in_between": "head_mlp_super_midling",
        "anti": "head_mlp_super_bizzaro",
    },
}
STATES = {"pruned": "", "retrained": "_retrained"}


class Score(NamedTuple):
    """A mean over five seeds and the sample standard deviation over them."""

    mean: float
    std: float


def study() -> Study:
    """The study that the release is of: the paper's recipe, read as its code reads it."""
    theirs = Study.load("bert-base-glue")
    return replace(
        theirs,
        name=STUDY,
        variant="release",
        recipe=replace(theirs.recipe, bf16=False),
        followups=FollowUps(),
    )


def released(directory: Path | str, store: Store) -> None:
    """Read the release in `directory` and write its nine records.

    Raises `UserError` where the release is not as it should be; nothing is written then.
    """

    found, chosen = read(directory), study()
    good = found.masks[GOOD]
    sharing = Sharing.of(good)
    progress = Progress(STUDY, len(TASKS))
    for task in TASKS:
        begun = time.monotonic()
        progress.unit(task)
        results = of_task(found, task, sharing)
        run = {"device": "cpu", "threads": 1, "training_precision": "fp32"}
        run["seconds"] = round(time.monotonic() - begun, 2)
        chosen.keep(store.root)
        key = Key(STUDY, task, None, STAGE)
        store.write(key, chosen.hash(STAGE), chosen.identity(STAGE), results, run)
    progress.done(f"records in {store.root / STUDY}")


def of_task(found: Release, task: str, sharing: Sharing) -> Released:
    """What a task's record holds: scores, masks over seeds, and what it shares with later tasks."""
    shared: Any = {b: pair.to_json() for (a, b), pair in sharing.pairs.items() if a == task}
    good = found.masks[GOOD][task]
    masks: Any = {s: _over_seeds(found.masks[s][task], SETTINGS[s]) for s in SEARCHED}
    tickets: Any = {
        setting: dict(_beside_good(found.masks[setting][task], good))
        for setting in SETTINGS
        if setting not in SEARCHED
    }
    there = [setting for setting in (*SETTINGS, ON_TRAIN) if setting in found.masks]
    results: Released = {
        "source": SOURCE,
        "seeds": list(SEEDS),
        "layers": N_LAYERS,
        "heads_per_layer": N_HEADS,
        "scores": {
            setting: {metric: _sample(*score) for metric, score in of_setting.items()}
            for setting, of_setting in found.scores[task].items()
        },
        "masks": masks,
        "tickets": tickets,
        "shared_with": shared,
        "sha256": {setting: digest(found, task, setting) for setting in there}
        | {p: d for p, d in found.sha256.items() if not p.startswith("masks/")},
    }
    if on_train := found.masks.get(ON_TRAIN):
        results["on_train"] = {part: _on_train(good, on_train[task], part) for part in PARTS}
    if task == "MNLI" and (hans := found.masks.get(HANS)):
        results["hans"] = dict(_of_hans(good, hans))
        results["sha256"] |= {f"{HANS}/{data}": digest(found, data, HANS) for data in hans}
    if found.drawn:
        results["drawn"] = found.drawn[task]
    return results


def _sample(mean: float, population_std: float) -> MeanScore:
    return {"mean": round(mean, 9), "std": round(population_std * _TO_SAMPLE, 9)}


def _stack(masks: Seeds, part: str) -> npt.NDArray[np.bool_]:
    return np.stack([getattr(mask, part) for mask in masks.values()])


def _over_seeds(masks: Seeds, parts: Iterable[str]) -> dict[str, Any]:
    return {part: OverSeeds.of(_stack(masks, part)).to_json() for part in parts}


def _on_train(good: Seeds, on_train: Seeds, part: str) -> OnTrain:
    """The masks from training examples beside the good ones, which are from dev examples."""
    dev, train = (_stack(masks, part).reshape(N_SEEDS, -1) for masks in (good, on_train))
    found = noises(dev, train)
    return {
        "kept": train.sum(axis=1).tolist(),
        "noise": {kind: plain(noise) for kind, noise in found.items()},
    }


def _of_hans(mnli: Seeds, hans: Mapping[str, Seeds]) -> Iterator[tuple[str, Any]]:
    pairs = Sharing.of({"MNLI": mnli, **hans}).pairs
    for data, masks in hans.items():
        shared = {one: pair.to_json() for (one, other), pair in pairs.items() if other == data}
        yield data, {**_over_seeds(masks, PARTS), "shared_with": shared}


def _beside_good(masks: Seeds, good: Seeds) -> Iterator[tuple[str, Any]]:
    """A kind of ticket beside the good one, seed by seed: what it keeps, and of that how much
    the good one keeps too, or all, some or none of the five good ones."""
    yield "different_masks", len(set(masks.values()))
    for part in PARTS:
        votes = _stack(good, part).sum(axis=0)
        kinds = {"all": votes == len(SEEDS), "none": votes == 0}
        kinds["some"] = ~kinds["all"] & ~kinds["none"]
        pairs = [(getattr(masks[s], part), getattr(good[s], part)) for s in masks]
        yield (
            part,
            {
                "kept": [int(mask.sum()) for mask, _ in pairs],
                "good": [int(own.sum()) for _, own in pairs],
                "both": [int((mask & own).sum()) for mask, own in pairs],
                "kept_by": {
                    name: [int((mask & of_kind).sum()) for mask, _ in pairs]
                    for name, of_kind in kinds.items()
                },
            },
        )


def load(store: Store | None = None) -> dict[str, dict[str, Any]]:
    """The results of every task on record. Raises `UserError` where a record is missing."""
    return {task: record["results"] for task, record in load_records(store).items()}


def load_records(store: Store | None = None) -> dict[str, Record]:
    """The records themselves, of all nine tasks. Raises `UserError` where one is missing."""
    store, found = store or Store(), dict[str, Record]()
    for task in TASKS:
        record = store.read(Key(STUDY, task, None, STAGE))
        if record is None:
            raise UserError(
                f"There is no record of {task} in {store.root / STUDY}: expected what the command "
                "lottery released DIR writes from a copy of the authors' repository; run it."
            )
        found[task] = record
    return found


def beside(store: Store, tasks: Iterable[str] = tuple(TASKS)) -> dict[str, dict[str, Any]]:
    """The results of some tasks, as `load` has them of all, to set beside those of a study.

    Where `store` has none, those that come with the book; tasks that are not the paper's are left
    out.
    """
    book, keys = Store(BOOK), {task: Key(STUDY, task, None, STAGE) for task in tasks}
    found = {task: store.read(key) or book.read(key) for task, key in keys.items()}
    store.seen.update(book.seen)
    return {task: record["results"] for task, record in found.items() if record}


def score(results: Results, task: str, setting: str) -> Score:
    """A score by the release's name of its setting and the metric of the paper's figures (CoLA:
    Matthews correlation; STS-B: Pearson; MNLI: matched accuracy; else accuracy)."""
    found = results[task]["scores"][setting][METRIC.get(task, "acc")]
    return Score(found["mean"], found["std"])


def scores(results: Results, task: str, method: str = "structured") -> dict[str, Score]:
    """All scores of a task's tickets, by such names as `good, pruned`, with `full` and `majority`.

    `method` is one of `KINDS`. Empty where the task is not among the results.
    """
    if task not in results:
        return {}
    named = {"full": "no_mask", "majority": "freq_baseline"} | {
        f"{kind}, {state}": setting + suffix
        for kind, setting in KINDS[method].items()
        for state, suffix in STATES.items()
    }
    return {name: score(results, task, setting) for name, setting in named.items()}


def over_seeds(results: Results, part: str, setting: str = GOOD) -> dict[str, OverSeeds]:
    """The masks of every task over seeds; `part` is heads or mlps."""
    return {t: OverSeeds.from_json(found["masks"][setting][part]) for t, found in results.items()}


def noise_of(results: Results, part: str) -> dict[str, dict[str, Noise]]:
    """By task that has masks from training examples, how far two masks of `part` agree that differ
    in the examples, in the seed, or in both; empty where the release read had none."""
    return {
        task: {kind: Noise(*floats(of["on_train"][part]["noise"][kind])) for kind in NOISES}
        for task, of in results.items()
        if "on_train" in of
    }


def hans_of(results: Results) -> tuple[dict[str, OverSeeds], Sharing] | None:
    """The heads of models trained on HANS and on MNLI as two classes: agreement over seeds, that
    of MNLI's good masks first, and what all share. None where the release read had no such masks.
    """
    of_mnli = results.get("MNLI", {})
    if "hans" not in of_mnli:
        return None
    own = {"MNLI": of_mnli["masks"][GOOD], **{d: of_mnli["hans"][d] for d in HANS_DATA}}
    heads = {data: OverSeeds.from_json(found["heads"]) for data, found in own.items()}
    pairs = {
        (one, data): Pair.from_json(pair)
        for data in HANS_DATA
        for one, pair in of_mnli["hans"][data]["shared_with"].items()
    }
    return heads, _sharing(heads, pairs)


def sharing_of(results: Results) -> Sharing:
    """What the tasks share, from their records."""
    pairs = {
        (one, other): Pair.from_json(results[one]["shared_with"][other])
        for one, other in itertools.combinations(results, 2)
    }
    return _sharing(over_seeds(results, "heads"), pairs)


def learned(results: Results) -> Results:
    """Those of the tasks that BERT-base learns."""
    return {task: of_task for task, of_task in results.items() if task not in UNLEARNED}


def _sharing(heads: Mapping[str, OverSeeds], pairs: Mapping[tuple[str, str], Pair]) -> Sharing:
    kept = {name: found.kept for name, found in heads.items()}
    n_super = {name: found.n_all for name, found in heads.items()}
    return Sharing(SEEDS, N_LAYERS * N_HEADS, kept, n_super, pairs)
