"""What each claim is judged by, measured in a study's records: a value per task and seed.

A measure is one number with a plain meaning, such as "random minus bad, retrained". Measures of
scores are the same for a study and for the paper's released means
(`replication.claims.published`), so they ask for scores by name and do not care where these come
from.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils import agreement
from lottery_utils.agreement.inference import jackknifed
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.agreement.sharing import Seeds, Shared, between, survive_all
from lottery_utils.patterns.maps import TYPES
from replication.claims.claim import LEARNED, WINS, reaches
from replication.claims.eligible import answerable, learned_seeds
from replication.paper import records
from replication.runs.measured import (
    Counts,
    counts,
    equal_heads,
    kappa_at_one_density,
    phi,
    rise,
    shares,
)
from replication.runs.records import KINDS, STATES, TICKETS, TaskRecords, tickets_of

Measured = dict[str, dict[str, list[float]]]  # of each measure, of each task: a value per seed
# Scores of a task by setting and method: "full", "majority", or such as "good, retrained".
Scores = Callable[[str, str], list[float]]
# Measures of pairs of tasks: their values of a task are jackknife pseudo-values, none of its own.
OF_PAIRS = (
    "heads shared beyond layers",
    "MLPs shared beyond chance",
    "kappa of heads between tasks",
)
# What it is measured in, beside the stages of every entry.
MEASURED = ("attention", "control", "embeddings", "survivors", "weight_overlap")
SURVIVORS = "survivors: super minus anti, retrained, in gains"
GAINS = "in gains"  # of the full model of the same task and seed
STEP = 0.2  # at which the loss around tickets is compared, in lengths of each filter
AS_FLAT = 0.07  # nats, a tenth of a fair coin's loss: apart by less, two tickets are as flat


def of_scores(
    scores: Scores,
    methods: Mapping[str, str],
    contrasted: Sequence[bool] | None = None,
    removed: Sequence[bool] | None = None,
    *,
    own_gain: bool = False,
) -> Iterator[tuple[str, list[float]]]:
    """The measures of one task that need scores alone, each with its values over seeds.

    `methods` maps the method, `structured` or `magnitude`, to its kind of bad ticket. What a
    ticket "keeps" is its gain over the majority baseline, as a share of the full model's mean
    gain (`own_gain`: of that of the same seed, which has to be `LEARNED` or more): 1 is all that
    fine-tuning learned, 0 is nothing. Random and bad structured tickets
    count for the `contrasted` seeds only (None: all), in which they are not mostly the good one.
    Magnitude pruning counts for the seeds in which it `removed` anything (None: all). Measures
    `GAINS` are contrasts as shares of the same seed's gain, of seeds that gain `LEARNED`.
    """
    full = np.array(scores("full", "structured"))
    majority = np.array(scores("majority", "structured"))
    gain = float(np.mean(full - majority))
    yield "full minus majority", (full - majority).tolist()
    told = np.ones(len(full), bool) if contrasted is None else np.array(contrasted, bool)
    some = np.ones(len(full), bool) if removed is None else np.array(removed, bool)
    usable = np.array([reaches(of_seed, LEARNED) for of_seed in full - majority], bool)
    unit = np.where(usable, full - majority, np.nan)
    whole = unit if own_gain else np.full_like(full, gain if gain > 0 else math.nan)
    kept: dict[tuple[str, str], Any] = {}
    for method, bad in methods.items():
        seeds = told if method == "structured" else some
        all_good = some if method == "magnitude" else np.ones_like(some)
        for kind, name in {"good": "good", "random": "random", "bad": bad}.items():
            retrained = np.array(scores(f"{name}, retrained", method))
            of_kind = (retrained - majority) / whole
            kept[method, kind] = of_kind
            chosen = of_kind[all_good if kind == "good" else seeds]
            yield f"{method}: kept by {kind}, retrained", chosen.tolist()
            if kind == "good":
                loss = retrained - full
                yield f"{method}: good minus full, retrained", loss[all_good].tolist()
                share = (loss / unit)[all_good & usable]
                yield f"{method}: good minus full, retrained, {GAINS}", share.tolist()
                good = retrained
            else:
                share = ((good - retrained) / unit)[seeds & usable]
                yield f"{method}: good minus {kind}, retrained, {GAINS}", share.tolist()
        for state in STATES:
            random, worse = (np.array(scores(f"{k}, {state}", method)) for k in ("random", bad))
            yield f"{method}: random minus bad, {state}", (random - worse)[seeds].tolist()
            share = ((random - worse) / unit)[seeds & usable]
            yield f"{method}: random minus bad, {state}, {GAINS}", share.tolist()
    if len(methods) == 2:
        for kind in TICKETS[1:]:
            difference = kept["structured", kind] - kept["magnitude", kind]
            yield f"structured minus magnitude: kept by {kind}", difference[told & some].tolist()


def kept_by_kind(
    of_task: TaskRecords, method: str, removed: Sequence[bool] | None = None
) -> dict[str, list[float]]:
    """What retrained tickets of one method keep, by kind as records name it, seed by seed."""
    found: dict[str, list[float]] = {}
    for bad in KINDS[method][2:]:
        of = dict(of_scores(of_task.scores, {method: bad}, of_task.contrasted(), removed))
        for kind, name in {"good": "good", "random": "random", "bad": bad}.items():
            found[name] = of[f"{method}: kept by {kind}, retrained"]
    return found


def measure(
    every: Mapping[str, TaskRecords],
    theirs: records.Results,
    *,
    strict: bool = False,
    own_gain: bool = False,
) -> Measured:
    """All measures that a study's records allow, of all tasks that have them.

    `theirs` are the results of the release that some measures compare with.
    `strict` leaves out the seeds whose full model gained less than `LEARNED`, and of magnitude
    pruning those in which nothing was removed, so that every ticket is the full model. With
    `own_gain` tickets keep a share of the same seed's gain instead of the mean gain.
    """
    found: Measured = {}
    if strict:
        every = {task: of_task.of_seeds(learned_seeds(of_task)) for task, of_task in every.items()}
        every = {task: of_task for task, of_task in every.items() if of_task}
    for task, of_task in every.items():
        methods, removed = {"structured": "bad"}, None
        if of_task.has("magnitude"):
            methods["magnitude"] = "largest_removed"
            removed = of_task.weights_removed() if strict else None
        if strict and not all(removed or []):
            of_task = replace(of_task, overlap=None)
        sources = (
            of_scores(of_task.scores, methods, of_task.contrasted(), removed, own_gain=own_gain),
            of_masks(of_task, records.over_seeds(theirs, "heads").get(task)),
            of_attention(of_task),
            of_control(of_task),
            of_survivors(of_task),
            of_landscape(of_task),
        )
        gather(found, task, itertools.chain(*sources))
    return found | between_tasks({task: every[task].masks for task in learned(found)})


def gather(found: Measured, task: str, values: Iterable[tuple[str, list[float]]]) -> None:
    """Put one task's measures among those `found`; what is undefined is left out, and a measure
    that no task has a value for is there without any."""
    for name, of_seeds in values:
        of_tasks = found.setdefault(name, {})
        if finite := [value for value in of_seeds if not math.isnan(value)]:
            of_tasks[task] = finite


def of_masks(of_task: TaskRecords, theirs: OverSeeds | None) -> Iterator[tuple[str, list[float]]]:
    """Sizes, stability and importance: section 4.1 and 5.1 of the paper, `theirs` its masks."""
    searches = of_task.results("search")
    masks = of_task.masks.values()
    yield "share of heads kept", [m.n_heads / m.heads.size for m in masks]
    yield "share of MLPs kept", [m.n_mlps / m.mlps.size for m in masks]
    if theirs is not None:
        share = float(np.mean(theirs.kept)) / theirs.survival.size
        yield (
            "share of heads kept, minus the paper's",
            [m.n_heads / m.heads.size - share for m in masks],
        )
    # Of the full model, normalized by layers as the search does it.
    yield "spread of importance", [_spread(r["steps"][0]["head_scores"]) for r in searches]
    if len(of_task) < 2:
        return
    heads = np.stack([mask.heads.ravel() for mask in masks])
    if theirs is not None and len(heads) <= len(theirs.kept):
        some, every = _of_fewer(theirs, len(heads))
        yield "some but not all, minus the paper's", [agreement.some_but_not_all(heads) - some]
        yield "share of super-survivors, minus the paper's", [heads.all(axis=0).mean() - every]
        never = float(1 - heads.any(axis=0).mean()) - (1 - some - every)
        yield "share of heads that never survive, minus the paper's", [never]
    kappa = agreement.of_votes(agreement.votes(heads))["Fleiss' kappa"]  # as of weights
    yield "kappa of heads", [kappa]
    for how, cut in equal_heads(of_task).items():
        at_one_size = agreement.of_votes(agreement.votes(cut))["Fleiss' kappa"]
        yield f"kappa of heads at one size, {how}", [at_one_size]
    mlps = np.stack([mask.mlps for mask in masks])
    yield "kappa of MLPs", [agreement.of_votes(agreement.votes(mlps))["Fleiss' kappa"]]
    if of_task.overlap is not None:
        votes = of_task.overlap["results"]["votes"].values()
        weights = agreement.of_votes(sum(np.array(v, float) for v in votes))["Fleiss' kappa"]
        yield "kappa of weights", [weights]
        yield "kappa of weights at one density", [kappa_at_one_density(of_task.overlap)]
        yield "kappa of weights minus kappa of heads", [weights - kappa]


def of_attention(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Types of attention maps: section 5.2. One value for a task, over all of its seeds."""
    entries = of_task.of_seeds(of_task.stage("attention"))
    if not entries:
        return

    def of(weighting: str, who: str, state: str = "fine-tuned") -> dict[str, float] | None:
        return shares(entries, state, weighting).get(who)

    before, after = (counts(entries, state, "raw") for state in ("pre-trained", "fine-tuned"))
    moved = np.abs(after - before).sum(axis=1) / (2 * before.sum(axis=1))  # of each head
    yield "share of maps that changed type, at least", [float(moved.mean())]
    chosen, several = survive_all(entries.masks), len(entries) > 1
    mostly = several and _could_be_mostly(chosen, counts(entries, "fine-tuned", "raw"))
    survivors = of("raw", "super") if several else None
    yield from of_shares(of("raw", "all"), of("normed", "all"), survivors, mostly=mostly)
    if not several:
        return
    for weighting in ("raw", "normed"):
        yield (
            f"r of heterogeneous and super-survivor, {weighting}",
            [phi(chosen, counts(entries, "fine-tuned", weighting))],
        )


def of_shares(
    raw: dict[str, float] | None,
    normed: dict[str, float] | None,
    survivors: dict[str, float] | None,
    *,
    mostly: bool = True,
) -> Iterator[tuple[str, list[float]]]:
    """Measures of shares of types: of all heads' maps, raw and normed, and of super-survivors' raw
    ones. `mostly` says whether these could be mostly heterogeneous."""
    if raw and normed:
        turned = raw["vertical+diagonal"] - normed["vertical+diagonal"]
        by_norms = min(turned, normed["diagonal"] - raw["diagonal"])
        yield "vertical+diagonal to diagonal by norms", [by_norms]
        yield "vertical, raw minus by norms", [raw["vertical"] - normed["vertical"]]
    if raw and survivors:
        share = survivors["heterogeneous"]
        yield "heterogeneous among super-survivors", [share] if mostly else []
        for name in ("block", "vertical"):  # that no head has: there is neither more nor fewer
            more = [survivors[name] - raw[name]] if raw[name] else []
            yield f"{name}, super-survivors minus all", more


def between_tasks(every: Mapping[str, Seeds]) -> Measured:
    """What the good masks of two tasks share, a jackknifed value of each task."""
    pairs: dict[tuple[str, str], tuple[Shared, Shared]] = {}
    kept: dict[tuple[str, str], list[tuple[int, int]]] = {}
    size = 0
    for pair in itertools.combinations(every, 2):
        one, other = (every[task] for task in pair)
        both = between(one, other, "heads"), between(one, other, "mlps")
        if both[0].by_size:
            pairs[pair] = both
            kept[pair] = [(one[s].n_heads, other[s].n_heads) for s in one if s in other]
            size = next(iter(one.values())).heads.size
    return of_pairs(pairs, kept, size)


def of_pairs(
    pairs: Mapping[tuple[str, str], tuple[Shared, Shared]],
    kept: Mapping[tuple[str, str], Sequence[tuple[int, int]]],
    size: int,
) -> Measured:
    """The measures of pairs of tasks: heads and MLPs that both keep, and seed by seed how many of
    `size` heads either keeps. Without three tasks there are none."""

    def kappa(of_pair: tuple[str, str]) -> float:
        """Fleiss' kappa of the two masks, the mean over seeds of those that have one."""
        found = []
        for (a, b), both in zip(kept[of_pair], pairs[of_pair][0].observed, strict=True):
            share = (a + b) / (2 * size)
            if 0 < share < 1:
                found.append(1 - (a + b - 2 * both) / size / (2 * share * (1 - share)))
        return float(np.mean(found)) if found else math.nan

    of = (
        {p: float(h.excess.mean()) for p, (h, _) in pairs.items()},
        {p: float(m.excess.mean()) for p, (_, m) in pairs.items()},
        {p: k for p in pairs if not math.isnan(k := kappa(p))},
    )
    by_name = zip(OF_PAIRS, of, strict=True)
    return {name: found for name, of_pair in by_name if (found := jackknifed(of_pair))}


def _of_fewer(found: OverSeeds, n_seeds: int) -> tuple[float, float]:
    """The shares of components that survive with some but not all of `n_seeds` seeds, and with
    all of them: means over all choices of that many of the seeds that there are."""
    n = len(found.kept)
    every, none = (
        float(np.mean([comb(int(kept), n_seeds) for kept in of.flat]) / comb(n, n_seeds))
        for of in (found.survival, n - found.survival)
    )
    return 1 - every - none, every


def _could_be_mostly(chosen: npt.NDArray[np.bool_], by_head: Counts) -> bool:
    """Whether as many heads as are `chosen`, the most heterogeneous ones, have mostly such maps."""
    most = np.sort(by_head[:, TYPES.index("heterogeneous")])[::-1][: int(chosen.sum())]
    return bool(2 * most.sum() > by_head.sum(axis=1)[0] * len(most))


def _spread(scores: list[list[float]]) -> float:
    """Between which bounds the middle half of the heads lies, on a scale from 0 to 1."""
    values = np.ravel(scores)
    if not np.ptp(values):
        return 0.0
    low, high = np.quantile((values - values.min()) / np.ptp(values), [0.25, 0.75])
    return float(high - low)


def of_control(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Does the bad ticket gain more than half as much without pre-training as with it?

    Its gain without, minus half of its gain with it, as a share of the full model's mean gain.
    Only of seeds where it trains well with it: else there is nothing to explain.
    """
    if not of_task.stage("control"):
        return
    guess = float(np.mean(of_task.scores("majority")))
    gain = float(np.mean(of_task.scores("full"))) - guess
    values = []
    for record, told in zip(of_task.values(), of_task.contrasted(), strict=True):
        control = record.get("control")
        if control is None or not told or gain <= 0:
            continue
        with_it = tickets_of(record)["bad"]["retrained"] - guess
        if not reaches(with_it, WINS * gain):
            continue
        without = control["results"]["tickets"]["bad"]["reinitialized"]["score"] - guess
        values.append(float((without - with_it / 2) / gain))
    yield "bad without pre-training, minus half of with", values


def embeddings_alone(of_task: TaskRecords) -> list[float]:
    """What the mean of the pre-trained embeddings, without any layer, retains of the gain of the
    full model, of seeds that gain `LEARNED`."""
    values = []
    for seed in learned_seeds(of_task):
        stages, full = of_task[seed], of_task[seed]["finetune"]["results"]
        if "embeddings" in stages:
            above = stages["embeddings"]["results"]["averaged"]["score"] - full["majority"]
            values.append(float(above / (full["score"] - full["majority"])))
    return values


def of_survivors(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """Super-survivors against anti-survivors as tickets, of seeds that gain `LEARNED`."""
    some = of_task.of_seeds(learned_seeds(of_task)) if of_task else of_task
    values = []
    for record in some.values():
        if "survivors" in record:
            tickets, full = record["survivors"]["results"]["tickets"], record["finetune"]["results"]
            gap = tickets["super"]["retrained"] - tickets["anti"]["retrained"]
            values.append(gap / (full["score"] - full["majority"]))
    if of_task.stage("survivors"):
        yield SURVIVORS, values


def of_landscape(of_task: TaskRecords) -> Iterator[tuple[str, list[float]]]:
    """By how much more the loss rises around the bad ticket than around the good one, in nats.

    Only of seeds on which both train well, since the loss around a ticket that learned nothing is
    flat, and on which the loss changes at all: else any two tickets would be as flat.
    """
    values = []
    for seed in answerable(of_task):
        tickets, full = tickets_of(of_task[seed]), of_task[seed]["finetune"]["results"]
        least = full["majority"] + WINS * (full["score"] - full["majority"])
        good, bad = (rise(tickets[kind], STEP) for kind in ("good", "bad"))
        if reaches(tickets["good"]["retrained"], least) and max(abs(good), abs(bad)) >= AS_FLAT:
            values.append(bad - good)
    yield f"rise of loss at a step of {STEP}: bad minus good", values


def learned(measured: Measured) -> list[str]:
    """The tasks on which the full model beats the majority baseline by `LEARNED`, on average.

    Where nothing was learned, no ticket can lose anything: such tasks are left out of all
    claims about what tickets keep.
    """
    gains = measured.get("full minus majority", {})
    return [task for task, of in gains.items() if reaches(float(np.mean(of)), LEARNED)]
