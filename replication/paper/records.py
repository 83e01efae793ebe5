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

from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.agreement.sharing import Pair, Seeds, Sharing
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS
from replication.paper.release import N_HEADS, N_LAYERS, SEEDS, SETTINGS, Release, digest, read
from replication.paper.released import MeanScore, Released
from replication.store import Key, Record, Store
from replication.study import FollowUps, Study

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
    from replication.experiments.entry import Progress  # it wants torch, and readers do not

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
    masks: Any = {
        setting: {
            part: OverSeeds.of(_stack(found.masks[setting][task], part)).to_json()
            for part in SETTINGS[setting]
        }
        for setting in SEARCHED
    }
    tickets: Any = {
        setting: dict(_beside_good(found.masks[setting][task], found.masks[GOOD][task]))
        for setting in SETTINGS
        if setting not in SEARCHED
    }
    return {
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
        "sha256": {setting: digest(found, task, setting) for setting in SETTINGS}
        | {p: d for p, d in found.sha256.items() if not p.startswith("masks/")},
    }


def _sample(mean: float, population_std: float) -> MeanScore:
    return {"mean": round(mean, 9), "std": round(population_std * _TO_SAMPLE, 9)}


def _stack(masks: Seeds, part: str) -> npt.NDArray[np.bool_]:
    return np.stack([getattr(mask, part) for mask in masks.values()])


def _beside_good(masks: Seeds, good: Seeds) -> Iterator[tuple[str, Any]]:
    """A kind of ticket beside the good one, seed by seed: what it keeps, and of that how much
    the good one keeps too, or all, some or none of the five good ones."""
    yield "different_masks", len(set(masks.values()))
    for part in ("heads", "mlps"):
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


def sharing_of(results: Results) -> Sharing:
    """What the tasks share, from their records."""
    heads = over_seeds(results, "heads")
    return Sharing(
        SEEDS,
        N_LAYERS * N_HEADS,
        {task: found.kept for task, found in heads.items()},
        {task: found.n_all for task, found in heads.items()},
        {
            (one, other): Pair.from_json(results[one]["shared_with"][other])
            for one, other in itertools.combinations(results, 2)
        },
    )
