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

from lottery_utils.agreement.inference import t_interval, welch_interval
from replication.book.show import (
    COLOURS,
    Figure,
    Note,
    Table,
    interval,
    number,
    p_cell,
    plus_minus,
    style,
)
from replication.claims import published
from replication.claims.evidence import Measured, learned, measure
from replication.claims.rules import judge, paper_claims
from replication.claims.trial import put_on_trial
from replication.pages.sec4_2_good_random_bad import places
from replication.paper import records
from replication.paper.records import (
    KINDS,
    METRIC,
    N_SEEDS,
    UNLEARNED,
    Results,
    over_seeds,
    score,
)
from replication.runs.records import KIND_LABELS, TICKETS, seeds_text
from replication.store import Store

METRIC_NAMES = {"mcc": "Matthews correlation", "pearson": "Pearson's r"}
# What is left after each of the searches, and after both that search one part alone.
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


@style()
def plot(results: Results) -> Figure:
    """Good, random and bad tickets of every task, pruned and retrained, with their spread."""
    drawing, axes = plt.subplots(3, 3, figsize=(9.5, 8.6), layout="constrained")
    said = []
    for axis, task in zip(axes.flat, results, strict=True):
        of = records.scores(results, task)
        full, majority = of["full"].mean, of["majority"].mean
        for x, kind, state, marker in places(axis, [*KINDS["structured"]], full, majority):
            mean, std = of[f"{kind}, {state}"]
            axis.errorbar(x, mean, std, fmt=marker, color=COLOURS[kind], ms=6)
        metric = METRIC_NAMES.get(METRIC.get(task, ""), "accuracy")
        axis.set(ylim=(-0.1, 1), title=task, ylabel=metric)
        good, bad = (number(of[f"{kind}, retrained"].mean) for kind in ("good", "bad"))
        said.append(f"{task}: good {good}, bad {bad} retrained")
    handles, names = axes.flat[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=8)
    return Figure.of(
        drawing,
        "BERT-base on the nine tasks of GLUE, as released: tickets of heads and MLPs, means over "
        f"{N_SEEDS} seeds with one sample standard deviation to each side. On WNLI the good "
        "subnetworks of four seeds hold nothing.",
        f"Nine dot plots of good, random and bad tickets. {'; '.join(said)}.",
    )


def tickets(results: Results, state: str, method: str = "structured") -> Table:
    """Good, random and bad tickets of every task, `pruned` or `retrained`: mean ± sample standard
    deviation over five seeds."""
    rows = []
    for task in results:
        of = records.scores(results, task, method)
        row = {"": task, "majority": number(of["majority"].mean), "full": plus_minus(*of["full"])}
        for name, kind in zip(TICKETS, KINDS[method], strict=True):
            row[f"{name}, {state}"] = plus_minus(*of[f"{kind}, {state}"])
        rows.append(row)
    return Table.of(rows)


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
    last = {"": f"over {len(results) - len(UNLEARNED)} tasks (without {', '.join(UNLEARNED)})"}
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
        inside = f", inside on {sum(map(one.claim.holds_at, one.means.values()))} of {one.found.n}"
        rows.append(
            {
                "": one.claim.text + (f" (added {one.claim.added})" if one.claim.added else ""),
                "measured": one.claim.measure,
                "found": interval(one.found, signed=True) + inside,
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
    """Means over seeds of these measures, task by task, of the release and of a study; empty
    cells where one has none.

    What a ticket keeps is its gain over the majority baseline as a share of the full model's;
    where that has learned nothing, nothing can be kept, and the task is left out.
    """
    trial = put_on_trial(study, store)
    if not trial.records:
        return Note(f"The study {study} has nothing on record yet.")
    theirs = published.measure(results)
    theirs["share of heads kept"] = {
        task: [kept / of.survival.size for kept in of.kept]
        for task, of in over_seeds(results, "heads").items()
    }
    both = {"BERT-base": theirs, study: measure(trial.records, results)}
    tasks = [task for task in results if task in trial.learned]
    if not tasks:
        return Note(f"The study {study} has learned none of these tasks yet.")
    most = max((tuple(of_task) for of_task in trial.records.values()), key=len)
    rows = (
        {"": task}
        | {
            f"{name}, {model}": _mean(found, measured, task)
            for name, measured in measures.items()
            for model, found in both.items()
        }
        for task in tasks
    )
    return Table.of(rows, f"{study}: {seeds_text(most)}")


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
            "anti-survivors that survive with some seed": _filled(
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
    """How many places of the anti-survivors' mask are taken by components that survive."""
    told = []
    for part, name in (("heads", "heads"), ("mlps", "MLPs")):
        by = anti[part]["kept_by"]
        told.append(f"{by['some'][0] + by['all'][0]} of {anti[part]['kept'][0]} {name}")
    return ", ".join(told)


def _mean(found: Measured, name: str, task: str) -> str:
    values = found.get(name, {}).get(task)
    return number(float(np.mean(values)), 2) if values else ""
