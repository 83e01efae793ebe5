"""The jobs of a study: what each computes, what it waits for and how much work it is.

One graph, for Snakemake as for the page that says how long a study takes on so many cards.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from replication.stages import FOLLOWUPS, PIPELINE, STAGES, in_file_name
from replication.study import Study

# Mean tokens per example, special ones included, of training and validation set under BERT's
# uncased vocabulary, cut at 128: the first 3,000 and 1,000 examples.
MEAN_TOKENS = {
    "CoLA": (11.3, 11.7),
    "SST-2": (13.1, 25.2),
    "MRPC": (53.4, 53.2),
    "STS-B": (28.0, 31.1),
    "QQP": (30.8, 31.0),
    "MNLI": (40.0, 39.1),
    "QNLI": (48.8, 50.7),
    "RTE": (66.6, 64.6),
    "WNLI": (37.1, 37.6),
}
# Operations per weight and token: two forward; backward two for the inputs and two for the weights.
OPERATIONS = {"training": 6, "importance": 4, "scoring": 2}
ENCODER_WEIGHTS = 12 * (4 * 768**2 + 2 * 768 * 3072)  # of BERT-base's linear maps
# What a graphics card is assumed to sustain: a third of the bf16 peak of data-centre cards of 2020
# to 2022. However little there is to do, a step takes a while to start, and so does a job.
ASSUMED_TFLOPS, STEP_SECONDS, START_SECONDS = 100, 0.03, 20
# A ticket of heads and MLPs trains faster than the full model, as they are gone. A search of
# BERT-base takes about 20 steps, one by magnitude about 10.
OF_HEADS, IMPORTANCE_PASSES, SCORING_PASSES = 0.6, 20, 10


Which = tuple[str, int, str]  # task, seed and stage of a record


class Job(NamedTuple):
    """What `lottery run STUDY` is given, the names of the jobs that it waits for, and the records
    that it makes, or makes a part of; the seconds that it takes a card with a model of BERT-base's
    size, and those of the longest chain of jobs that it begins.
    """

    arguments: tuple[str, ...]
    after: tuple[str, ...]
    records: tuple[Which, ...]
    seconds: float
    chain: float = 0.0

    @property
    def ticket(self) -> str | None:
        """The one part of its record that it makes, if it is of one alone."""
        return self.arguments[-1] if "--ticket" in self.arguments else None

    def minutes(self, device: str) -> int:
        """A generous limit; a training that hits it goes on from its checkpoint in the next try."""
        return 60 + int(self.seconds / (10 if device.startswith("cuda") else 1))


def jobs(study: Study, *, singly: bool) -> dict[str, Job]:
    """All of a study's jobs by name.

    `singly` each is one training or search (jobs/...), and what several of them found is gathered
    into a record by another (records/...), which takes a moment; else a job is an entry with all
    that it has, or what a task has of all seeds together (entries/...).
    """
    found = dict(_single(study) if singly else _entries(study))
    followers: dict[str, list[str]] = {name: [] for name in found}
    for name, job in found.items():
        for before in job.after:
            followers[before].append(name)

    @cache
    def chain(name: str) -> float:
        return found[name].seconds + max(map(chain, followers[name]), default=0.0)

    return {name: job._replace(chain=chain(name)) for name, job in found.items()}


def _entries(study: Study) -> Iterator[tuple[str, Job]]:
    of = {name: dict.fromkeys(study.entries(name)) for name in STAGES + FOLLOWUPS}
    over = {name for name in of if PIPELINE[name].compares_seeds}
    for task in study.tasks:
        own = {}
        for seed in study.seeds:
            records = [(task, seed, n) for n in of if n not in over and (task, seed) in of[n]]
            own[seed] = f"entries/{task}/seed-{seed}"
            seconds = sum(_seconds(study, task, stage) for *_, stage in records)
            which = ("--task", task, "--seed", str(seed))
            yield own[seed], Job(which, (), tuple(records), seconds)
        if records := [(*entry, n) for n in over for entry in of[n] if entry[0] == task]:
            seconds = sum(_seconds(study, task, stage) for *_, stage in records)
            after = tuple(own.values())
            yield f"entries/{task}/seeds", Job(("--task", task), after, tuple(records), seconds)


def _single(study: Study) -> Iterator[tuple[str, Job]]:
    for stage, about in PIPELINE.items():
        for task, seed in () if about.alone else study.entries(stage):
            before = [about.after] if about.after else []
            if "untrained" in about.made_from and "magnitude" in study.stages(task):
                before.append("magnitude")
            after = tuple(_done(task, seed, name) for name in before)
            if about.compares_seeds:  # one job waits for all seeds, and all of these for it
                after = (f"records/{task}/{before[0]}",)
                if seed == study.seeds[0]:
                    yield after[0], _of_all_seeds(study, task, before[0])
            which = ("--task", task, "--seed", str(seed), "--stage", stage)
            done, records = _done(task, seed, stage), ((task, seed, stage),)
            if not about.parts:
                yield done, Job(which, after, records, _seconds(study, task, stage))
                continue
            place = f"jobs/{task}/seed-{seed}/{stage}"
            names = {part: f"{place}-{in_file_name(part)}" for part in about.parts}
            for part, name in names.items():
                search = (names["search"],) if "search" in names and part != "search" else ()
                seconds = _seconds(study, task, stage, part)
                yield name, Job((*which, "--ticket", part), after + search, records, seconds)
            yield done, Job((*which, "--gather"), tuple(names.values()), records, 0.0)


def _of_all_seeds(study: Study, task: str, stage: str) -> Job:
    """Looks whether a stage's records are there of every seed."""
    after = tuple(_done(task, seed, stage) for seed in study.seeds)
    records = tuple((task, seed, stage) for seed in study.seeds)
    return Job(("--task", task, "--stage", stage, "--gather"), after, records, 0.0)


def _done(task: str, seed: int, stage: str) -> str:
    """The job after which a stage's record is there."""
    return f"{'records' if PIPELINE[stage].parts else 'jobs'}/{task}/seed-{seed}/{stage}"


def _seconds(study: Study, task: str, stage: str, part: str | None = None) -> float:
    """What a part of a stage takes, or without one all of it: passes over its tokens."""
    parts = PIPELINE[stage].parts
    if parts and part is None:
        return sum(_seconds(study, task, stage, one) for one in parts)
    caps, known = study.sizes(task), study.task(task).official_sizes or (10_000, 1_000)
    lengths = MEAN_TOKENS.get(task, (40.0, 40.0))

    def passes(kind: str, n: int, batch: int) -> float:
        split = 0 if kind == "training" else 1
        examples = min(known[split], caps[("train_size", "validation_size")[split]] or known[split])
        operations = OPERATIONS[kind] * ENCODER_WEIGHTS * examples * lengths[split]
        return n * max(operations / (ASSUMED_TFLOPS * 1e12), examples / batch * STEP_SECONDS)

    search = passes("importance", IMPORTANCE_PASSES, 64)
    if stage == "search":
        return search
    if part == "search" or stage in ("attention", "quirks", "choices"):
        return passes("scoring", SCORING_PASSES, 64)
    share = 1.0 if stage in ("finetune", "magnitude", "rates") else OF_HEADS
    training = share * passes("training", study.recipe.epochs, study.recipe.batch_size)
    return training + (search if stage == "sensitivity" else 0.0)


class Schedule(NamedTuple):
    """How long a study takes on so many cards, and which share of that time they are at work."""

    seconds: float
    busy: float


def simulate(jobs: Mapping[str, Job], cards: int) -> Schedule:
    """The jobs on so many cards.

    Of those that may begin, the one with the longest chain does first, as by Snakemake's
    priorities; each takes `START_SECONDS` more, but those that only gather take none at all.
    """
    waiting = {name: set(job.after) for name, job in jobs.items()}
    followers: dict[str, list[str]] = {name: [] for name in jobs}
    for name, job in jobs.items():
        for before in job.after:
            followers[before].append(name)
    ready = [(-jobs[name].chain, name) for name, left in waiting.items() if not left]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = busy = 0.0
    while ready or running:
        while ready and len(running) < cards:
            _, name = heapq.heappop(ready)
            gathers = name.startswith("records/")
            seconds = 0.0 if gathers else START_SECONDS + jobs[name].seconds
            busy += seconds
            heapq.heappush(running, (now + seconds, name))
        now, name = heapq.heappop(running)
        for follower in followers[name]:
            waiting[follower].discard(name)
            if not waiting[follower]:
                heapq.heappush(ready, (-jobs[follower].chain, follower))
    return Schedule(now, busy / (now * cards))
