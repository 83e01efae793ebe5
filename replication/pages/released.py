"""The pages on the released BERT-base, from records: its tickets, and how far its seeds agree.

The release has means and standard deviations over five seeds, not the seeds' own scores. So two
settings of one task are compared without pairing (Welch), and all tasks together by the means of
each, which are pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.inference import (
    Pooled,
    jackknifed,
    pooled,
    t_interval,
    welch_interval,
)
from replication.claims import published
from replication.claims.evidence import Measured, measure
from replication.claims.trial import put_on_trial
from replication.pages.show import (
    COLOURS,
    Figure,
    Note,
    Table,
    beside_chance,
    component_map,
    number,
    p_text,
    plus_minus,
    style,
    within,
)
from replication.pages.tickets import places
from replication.paper import records
from replication.paper.records import (
    GOOD,
    KINDS,
    METRIC,
    N_SEEDS,
    UNLEARNED,
    Results,
    over_seeds,
    score,
)
from replication.paper.release import SEEDS
from replication.runs.records import KIND_LABELS, seeds_text
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
EQUAL = 0.03  # of a metric: the margin of the claims page for equal means
# What a study and the release are compared by: what a column is called, and the measure it has.
TICKETS = {kind: f"structured: kept by {kind}, retrained" for kind in ("good", "random", "bad")}
AGREEMENT = {"heads kept": "share of heads kept", "kappa": "kappa of heads"}


EQUALS = f"Good weights, retrained, equal the full model, to within {EQUAL}."
# What the paper says, and the difference it rests on: above 0, or within `EQUAL` of it.
SENTENCES = {
    "Without training, bad tickets are below random ones.": "random minus bad, pruned",
    "Retrained, bad tickets are below random ones.": "random minus bad, retrained",
    "Retrained, good tickets are above random ones.": "good minus random, retrained",
    "Good heads and MLPs, retrained, fall short.": "full minus good, retrained",
    EQUALS: "full minus good weights, retrained",
}


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
        for name, kind in zip(("good", "random", "bad"), KINDS[method], strict=True):
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
            row[name] = _signed(*welch_interval(one, other, N_SEEDS)[:3])
        rows.append(row)
    last = {"": f"over {len(results) - len(UNLEARNED)} tasks (without {', '.join(UNLEARNED)})"}
    for name in names:
        means = [*_differences(results, name).values()]
        above = f"{sum(value > 0 for value in means)} of {len(means)} above 0"
        last[name] = f"{_signed(*t_interval(means)[:3])}, {above}"
    return Table.of([*rows, last])


def sentences(results: Results) -> Table:
    """Every sentence with its mean over the tasks that BERT-base learns, and whether it follows.

    It follows if the whole 95 % interval (Student's, over tasks) lies where the sentence wants
    it, and its contrary does if the whole interval lies elsewhere.
    """
    rows = []
    for text, contrast in SENTENCES.items():
        means = _differences(results, contrast)
        found = pooled({task: [mean] for task, mean in means.items()})
        above = f", above 0 on {sum(v > 0 for v in means.values())} of {len(means)}"
        low, high = (-EQUAL, EQUAL) if text == EQUALS else (0.0, np.inf)
        rows.append({"": text, **_follows(contrast, found, low, high, above)})
    learned = {t: o for t, o in over_seeds(results, "heads").items() if t not in UNLEARNED}
    kappas = [of.beside_chance["Fleiss' kappa"] for of in learned.values()]
    layered = [of.by_layer for of in learned.values() if of.by_layer]
    above_chance, beyond = (sum(of.observed > of.high for of in a) for a in (kappas, layered))
    rows.append(
        {
            "": "Seeds agree about heads more than masks of these sizes do by chance.",
            "measured": "Fleiss' kappa, task by task",
            "found": f"mean {number(np.mean([of.observed for of in kappas]))}, above chance on "
            f"{above_chance} of {len(kappas)}, and beyond layers on {beyond} of {len(layered)}",
            "follows": _verdict(above_chance == len(kappas), above_chance == 0),
        }
    )
    pairs = records.sharing_of(results).only(learned).pairs
    excess = pooled(jackknifed({pair: float(of.heads.excess.mean()) for pair, of in pairs.items()}))
    row = _follows("heads shared by two tasks, beyond chance", excess, 0.0, np.inf)
    return Table.of([*rows, {"": "Tasks share heads beyond what their layers explain.", **row}])


def beside(
    results: Results,
    measures: Mapping[str, str],
    study: str = "minilm-glue",
    store: Store | None = None,
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
    most = max((tuple(of_task.entries) for of_task in trial.records.values()), key=len)
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


def _follows(
    measured: str, found: Pooled, low: float, high: float, and_more: str = ""
) -> dict[str, str]:
    inside = low < found.low and found.high < high
    outside = found.high <= low or found.low >= high
    text = _signed(found.mean, found.low, found.high) + and_more
    return {"measured": measured, "found": text, "follows": _verdict(inside, outside)}


def _verdict(inside: bool, outside: bool) -> str:
    return "yes" if inside else "no, the contrary" if outside else "not shown"


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


def _signed(mean: float, low: float, high: float) -> str:
    text = number(mean, signed=True)
    return text if np.isnan(low) else f"{text} {within(low, high, signed=True)}"


PARTS = {"heads": "heads", "mlps": "MLPs"}


@style()
def survival_maps(results: Results) -> Figure:
    """How many of the five seeds keep each head and MLP, a map for each task."""
    heads, mlps = (over_seeds(results, part) for part in PARTS)
    drawing, axes = plt.subplots(3, 3, figsize=(9.5, 9.3), layout="constrained")
    for axis, task in zip(axes.flat, results, strict=True):
        kept = heads[task].survival, mlps[task].survival
        image = component_map(axis, *kept, task, (0, len(SEEDS)))
        axis.label_outer()
    drawing.colorbar(image, ax=axes, label="seeds that keep it, of five", shrink=0.6)
    told = "; ".join(
        f"{t} {of.n_all} with all and {of.n_none} with none" for t, of in heads.items()
    )
    return Figure.of(
        drawing,
        "How many seeds keep each head and MLP (last column) of BERT-base, as released: "
        f"{seeds_text(SEEDS)}, searches over heads and MLPs together. On WNLI four seeds keep "
        "nothing and one keeps every head.",
        f"Nine maps of 12 layers by 12 heads and an MLP. Of 144 heads survive: {told}.",
    )


@style()
def kappa_plot(results: Results) -> Figure:
    """Fleiss' kappa of heads and of MLPs on every task, beside two kinds of chance."""
    tasks = [task for task in results if task not in UNLEARNED]
    drawing, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    said = []
    for axis, (part, name) in zip(axes, PARTS.items(), strict=True):
        found = over_seeds(results, part)
        for y, task in enumerate(reversed(tasks)):
            kappa, layered = found[task].beside_chance["Fleiss' kappa"], found[task].by_layer
            axis.plot([kappa.low, kappa.high], [y, y], color="0.75", linewidth=6)
            if layered is not None:
                axis.plot([layered.low, layered.high], [y - 0.2] * 2, color="#E69F00", linewidth=3)
            axis.plot(kappa.observed, y, "o", color=COLOURS["good"])
            said.append(f"{task} {name} {number(kappa.observed, 2)}")
        axis.axvline(0, color="0.5", linestyle=":")
        axis.set(xlabel="Fleiss' kappa", title=name)
        axis.set_yticks(range(len(tasks)), tasks[::-1])
    axes[0].plot([], [], "o", color=COLOURS["good"], label="five seeds")
    axes[0].plot([], [], color="0.75", linewidth=6, label="chance, same sizes")
    axes[0].plot([], [], color="#E69F00", linewidth=3, label="chance, same layers")
    drawing.legend(loc="outside lower center", ncols=3, fontsize=8)
    return Figure.of(
        drawing,
        "How far five seeds agree about the heads (left) and MLPs (right) of BERT-base, by task: "
        "Fleiss' kappa of the released masks, 1 for equal masks. Bands: 95 % of a thousand sets of "
        "random masks. WNLI is left out, its masks are all or nothing.",
        f"Dot plots of kappa: {', '.join(said)}.",
    )


def pooled_table(results: Results) -> Table:
    """What the paper states of all heads together, over the eight tasks that BERT learns."""
    found = [of for task, of in over_seeds(results, "heads").items() if task not in UNLEARNED]
    survival, n = np.stack([of.survival for of in found]), len(SEEDS)
    std = np.sqrt(survival * (n - survival) / n / (n - 1))
    by_chance = float(np.mean([of.beside_chance["some but not all"].mean for of in found]))
    kappas = [of.beside_chance["Fleiss' kappa"] for of in found]
    layered = [of.by_layer for of in found if of.by_layer is not None]
    rows = {
        "heads with a standard deviation of 0.45 to 0.55, to two decimals": _share(
            (std.round(2) >= 0.45) & (std.round(2) <= 0.55)
        ),
        "heads that survive with some seeds, but not all": _share((survival > 0) & (survival < n)),
        "the same by chance, for masks of the same sizes": f"{by_chance:.1%}",
        "heads that survive with all seeds": _share(survival == n),
        "heads that survive with none": _share(survival == 0),
        "tasks with a kappa above chance, same sizes (97.5 %)": _beyond(kappas),
        "tasks with a kappa above chance, same layers (97.5 %)": _beyond(layered),
    }
    return Table.of({"": name, f"{len(found)} tasks": text} for name, text in rows.items())


def agreement_table(results: Results, part: str = "heads", setting: str = GOOD) -> Table:
    """Each task's agreement beside chance: mean and 95 % range of masks of the same sizes."""
    rows = []
    for task, found in over_seeds(results, part, setting).items():
        kappa, some = (found.beside_chance[s] for s in ("Fleiss' kappa", "some but not all"))
        row = {
            "": task,
            f"{PARTS[part]} kept": ", ".join(map(str, found.kept)),
            "some but not all": beside_chance(some.observed, some),
            "Fleiss' kappa": beside_chance(kappa.observed, kappa),
            "alpha": number(found.beside_chance["Krippendorff's alpha"].observed),
            "Q": f"{number(found.q.statistic, 2)} ({p_text(found.q.p_value)})",
        }
        if layered := found.by_layer:
            row["kappa, same layers"] = within(layered.low, layered.high)
        rows.append(row)
    return Table.of(rows)


def _share(which: np.ndarray) -> str:
    return f"{which.mean():.1%} ({which.sum():,} of {which.size:,})"


def _beyond(found: Sequence[Chance]) -> str:
    return f"{sum(c.observed > c.high for c in found)} of {len(found)}"
