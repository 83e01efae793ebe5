"""The released BERT-base's tickets, from records.

The release has means and standard deviations over five seeds, not the seeds' own scores. So two
settings of one task are compared without pairing (Welch), and all tasks together by the means of
each, which are pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MultipleLocator

from lottery_utils.agreement.inference import Interval, t_interval, welch_interval
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, in_percent, style
from replication.book.written import (
    OF_MEAN,
    amount,
    has_ci,
    interval,
    number,
    p_cell,
    percent,
    plus_minus,
    points,
    reach,
    share,
)
from replication.claims import published, wins
from replication.claims.claim import WINS
from replication.claims.evidence import Measured, learned, measure
from replication.claims.rules import judge, paper_claims
from replication.claims.trial import put_on_trial
from replication.claims.verdicts import INCONCLUSIVE
from replication.paper import records
from replication.paper.records import KINDS, METRIC, N_SEEDS, UNLEARNED, Results, over_seeds, score
from replication.runs.data_card import encoder
from replication.runs.records import KIND_LABELS, STATES, TICKETS, seeds_text
from replication.store import Store

MARKERS = {"good": "o", "random": "s", "bad": "^"}
METRIC_NAMES = {"mcc": "Matthews correlation", "pearson": "Pearson's r"}
# The full model, and what each search keeps; both searches of one part, put together.
SEPARATE = {
    "full": "no_mask",
    "together": "head_mlp",
    "heads alone": "head",
    "MLPs alone": "mlp",
    "both masks found alone": "head_mlp_separate",
}
SURVIVORS = {KIND_LABELS[kind]: f"{of}_retrained" for kind, of in KINDS["survivors"].items()}
# What is compared: first minus second.
CONTRASTS = {
    "random minus bad, pruned": ("head_mlp_random", "head_mlp_bad_1"),
    "random minus bad, retrained": ("head_mlp_random_retrained", "head_mlp_bad_1_retrained"),
    "good minus random, retrained": ("head_mlp_retrained", "head_mlp_random_retrained"),
    "full minus good, retrained": ("no_mask", "head_mlp_retrained"),
    "full minus good weights, retrained": ("no_mask", "global_magnitude_retrained"),
}
# What a study and the release are compared by: what a column is called, and the measure it has.
RETAINED = {kind: f"structured: kept by {kind}, retrained" for kind in TICKETS}


# The claims that are about what this page shows, by their keys on the page on all claims.
SENTENCES = (
    "bad-below-random-pruned",
    "bad-below-random-pruned-gains",
    "bad-below-random-retrained",
    "bad-below-random-retrained-gains",
    "good-above-random",
    "good-above-bad",
    "m-good-equals-full",
    "super-above-anti",
    "tasks-share-heads",
)


def finding(results: Results) -> Finding:
    """What retrained tickets keep, and whether bad ones are below random ones, over tasks."""
    of_tasks = wins.of_release(results)
    if len(of_tasks) < 2:
        return Finding("Fewer than two tasks of this release were learned: nothing to average.")
    kept = {k: t_interval([of.retained[k][0] for of in of_tasks.values()]) for k in TICKETS}
    parts = []
    for state, found in random_minus_bad(results).items():
        clear = "" if found.low > 0 or found.high < 0 else ", not significant"
        parts.append(f"{points(found)} {state}{clear}")
    bad, low, high = (percent(value) for value in kept["bad"][:3])
    outcome = wins.outcome(kept["bad"])
    means = "inconclusive against" if outcome == INCONCLUSIVE else f"it {outcome} by"
    return Finding(
        f"Retrained, BERT-base's bad tickets keep {bad} of the gain from fine-tuning (95 % CI "
        f"[{low}, {high}], n = {kept['bad'].n} tasks: {means} the {percent(WINS)} threshold).",
        more=f"Random ones keep {share(kept['random'])}, good ones {share(kept['good'])}. "
        "Random tickets minus bad ones, in retained gain (95 % CIs, not corrected): "
        f"{'; '.join(parts)}.",
    )


def random_minus_bad(results: Results) -> dict[str, Interval]:
    """By state, how much more of the same task's gain random tickets retain than bad ones: the mean
    over the tasks that were learned, since differences of scores would mix metrics."""
    measured = published.measure(results)
    of = {state: measured[f"structured: random minus bad, {state}, in gains"] for state in STATES}
    return {state: t_interval([value for (value,) in by.values()]) for state, by in of.items()}


@style(LARGE)
def plot(results: Results) -> Figure:
    """What good, random and bad tickets retain of each task's gain when they are retrained."""
    of_tasks = wins.of_release(results)
    drawing, axis = plt.subplots(figsize=(4.8, 3.7), layout="constrained")
    said, beyond = [], []
    for y, (task, of) in enumerate(reversed(of_tasks.items())):
        for shift, (kind, marker) in zip((0.25, 0, -0.25), MARKERS.items(), strict=True):
            found = wins.mean_over([of], kind)
            half = found.high - found.mean if has_ci(found, of.possible) else None
            beyond += [f"{task}, {kind}"] * (half is None)
            axis.errorbar(found.mean, y + shift, xerr=half, fmt=marker, color=COLOURS[kind], ms=6)
        good, bad = (number(of.retained[kind][0], 2) for kind in ("good", "bad"))
        said.append(f"{task}: good {good}, bad {bad}")
    for kind, marker in MARKERS.items():
        axis.plot([], [], marker, color=COLOURS[kind], label=kind)
    axis.axvline(WINS, color="0.4", linestyle="--", label="wins")
    axis.axvline(1, color="0.4", linewidth=0.8, label="full model")
    axis.set_yticks(range(len(of_tasks)), [*reversed(of_tasks)])
    axis.set(xlabel=OF_MEAN, xlim=(-0.6, 1.4))
    axis.xaxis.set_major_locator(MultipleLocator(0.5))
    in_percent(axis.xaxis)
    drawing.legend(loc="outside lower center", ncols=3, columnspacing=1)
    won = {
        kind: sum(wins.outcome(wins.mean_over([of], kind)) == "wins" for of in of_tasks.values())
        for kind in TICKETS
    }
    left_out = f"; beyond the possible range, not drawn: {', '.join(beyond)}" if beyond else ""
    return Figure.of(
        drawing,
        f"By 95 % CIs over {N_SEEDS} seeds, retrained good tickets of BERT-base win on "
        f"{won['good']} of {len(of_tasks)} tasks, random ones on {won['random']}, bad ones on "
        f"{won['bad']} (two of MRPC's leave the axis{left_out}).",
        f"Dot plot of retained gain. {'; '.join(said)}.",
        "retained",
    )


def tickets(results: Results, state: str, method: str = "structured") -> Table:
    """Good, random and bad tickets of every task, `pruned` or `retrained`: mean ± sample standard
    deviation over five seeds."""
    rows = []
    for task in results:
        of, row = records.scores(results, task, method), {"": task}
        for name, kind in zip(TICKETS, KINDS[method], strict=True):
            row[name] = plus_minus(*of[f"{kind}, {state}"])
        rows.append(row)
    return Table.of(rows, state)


def full_models(results: Results) -> Table:
    """The full models of every task, and the majority baseline."""
    found = {task: records.scores(results, task) for task in results}
    return Table.of(
        {
            "": task,
            "full model": plus_minus(*of["full"]),
            "majority baseline": number(of["majority"].mean),
            "metric": METRIC_NAMES.get(METRIC.get(task, ""), "accuracy"),
        }
        for task, of in found.items()
    )


def scores(results: Results, settings: Mapping[str, str]) -> Table:
    """Scores of the release under these settings, columns by name: mean ± sample standard
    deviation over five seeds."""
    return Table.of(
        {"": task, **{name: plus_minus(*score(results, task, s)) for name, s in settings.items()}}
        for task in results
    )


def contrasts(results: Results, names: Sequence[str] = tuple(CONTRASTS)) -> Table:
    """Differences of means with 95 % intervals: task by task (Welch), and over the eight tasks
    that BERT learns (Student's t over tasks; how many of them are above zero)."""
    rows = []
    for task in results:
        row = {"": task}
        for name in names:
            one, other = (score(results, task, setting) for setting in CONTRASTS[name])
            row[name] = interval(welch_interval(one, other, N_SEEDS), signed=True)
        rows.append(row)
    n = len(results) - len(UNLEARNED)
    last = {"": f"raw scores of several metrics, {n} tasks (without {', '.join(UNLEARNED)})"}
    for name in names:
        means = [*_differences(results, name).values()]
        above = f"{sum(value > 0 for value in means)} of {len(means)} above 0"
        last[name] = f"{interval(t_interval(means), signed=True)}, {above}"
    return Table.of([*rows, last])


def sentences(results: Results) -> Table:
    """The claims about tickets, judged on the released scores as on the page on all claims."""
    measured = published.measure(results)
    judged = {one.claim.key: one for one in judge(paper_claims(), measured, learned(measured))}
    rows = []
    for one in map(judged.__getitem__, SENTENCES):
        assert one.found is not None and one.p is not None
        unit = one.claim.unit
        inside = f", inside on {sum(map(one.claim.holds_at, one.means.values()))} of {one.found.n}"
        rows.append(
            {
                "": one.claim.text + (f" (added {one.claim.added})" if one.claim.added else ""),
                "found": f"{amount(one.found.mean, unit)} {reach(*one.found[1:3], unit)}{inside}",
                "adjusted p": p_cell(one.p),
                "verdict": one.verdict + (f" ({one.why})" if one.why else ""),
            }
        )
    return Table.of(rows)


def beside(
    results: Results,
    measures: Mapping[str, str],
    study: str,
    store: Store,
) -> Table | Note:
    """Means over seeds of these measures, of the release and of a study: two rows for each task
    that the study learned, without cells that have no value.

    What a ticket keeps is its gain over the majority baseline as a share of the full model's.
    """
    trial = put_on_trial(study, store)
    if not trial.records:
        return Note(f"The study {study} has nothing on record yet.")
    theirs = published.measure(results)
    theirs["share of heads kept"] = {
        task: [kept / of.survival.size for kept in of.kept]
        for task, of in over_seeds(results, "heads").items()
    }
    ours = encoder(trial.study.backbone)
    both = {"BERT-base": theirs, ours: measure(trial.records, results)}
    tasks = [task for task in results if task in trial.learned]
    if not tasks:
        return Note(f"The study {study} has learned none of these tasks yet.")
    most = max((tuple(of_task) for of_task in trial.records.values()), key=len)
    rows = (
        {"": f"{task}, {model}"}
        | {name: _mean(found, measured, task) for name, measured in measures.items()}
        for task in tasks
        for model, found in both.items()
    )
    return Table.of(rows, f"{ours}: {seeds_text(most)}")


def sizes(results: Results) -> Table:
    """How much the searches keep, heads and MLPs together or either alone."""
    rows = []
    for task, found in results.items():
        row = {"": task}
        for part, name, total in (("heads", "heads", 144), ("mlps", "MLPs", 12)):
            for setting, how in (("heads_mlps", "together"), (part, "alone")):
                kept = found["masks"][setting][part]["kept"]
                mean = number(np.mean(kept), 1)
                row[f"{name} of {total}, {how}"] = f"{mean} ({min(kept)} to {max(kept)})"
        rows.append(row)
    return Table.of(rows)


def survivor_counts(results: Results) -> Table:
    """How many super-survivors there are, and who fills the places of anti-survivors."""
    heads, mlps = (over_seeds(results, part) for part in ("heads", "mlps"))
    return Table.of(
        {
            "": task,
            "heads kept by all five": str(heads[task].n_all),
            "by none": str(heads[task].n_none),
            "MLPs kept by all": str(mlps[task].n_all),
            "by none ": str(mlps[task].n_none),
            "anti-survivors that survive with some seed, or with every": _filled(
                found["tickets"]["heads_mlps_super_bizzaro"]
            ),
        }
        for task, found in results.items()
    )


def _differences(results: Results, contrast: str) -> dict[str, float]:
    """First minus second of a contrast, in each task that BERT-base learns."""
    one, other = CONTRASTS[contrast]
    return {
        task: score(results, task, one).mean - score(results, task, other).mean
        for task in results
        if task not in UNLEARNED
    }


def _filled(anti: Mapping[str, Any]) -> str:
    """How many places of the anti-survivors' mask are taken by components that survive, and how
    many of these by super-survivors."""
    found = []
    for part, name in (("heads", "heads"), ("mlps", "MLPs")):
        by = anti[part]["kept_by"]
        super_too = f" ({by['all'][0]} with every)" if by["all"][0] else ""
        taken = by["some"][0] + by["all"][0]
        found.append(f"{taken} of {anti[part]['kept'][0]} {name}{super_too}")
    return ", ".join(found)


def _mean(found: Measured, name: str, task: str) -> str:
    values = found.get(name, {}).get(task)
    if not values:
        return ""
    mean = float(np.mean(values))
    return percent(mean) if "kept" in name else number(mean, 2)
