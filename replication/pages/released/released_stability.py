"""How far the five seeds of the released BERT-base agree on what to keep, from records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils import agreement
from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.inference import Interval, t_interval
from lottery_utils.agreement.noise import Noise
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, component_map, style
from replication.book.written import (
    beside_chance,
    estimate,
    interval,
    number,
    p_text,
    percent,
    within,
)
from replication.pages.sec5_1_stability import ONE_SEED
from replication.paper.records import GOOD, UNLEARNED, Results, hans_of, noise_of, over_seeds
from replication.paper.release import SEEDS
from replication.runs.measured import equal_heads, good_masks, kappa_at_one_density
from replication.runs.records import TaskRecords

AGREEMENT = {"heads kept": "share of heads kept", "kappa": "kappa of heads"}


PARTS = {"heads": "heads", "mlps": "MLPs"}


def finding(results: Results) -> Finding:
    """How far five seeds agree about heads, over the tasks that BERT-base learns."""
    found = {t: of for t, of in over_seeds(results, "heads").items() if t not in UNLEARNED}
    if len(found) < 2:
        return Finding("Fewer than two tasks of this release were learned: nothing to average.")
    kappas = [of.beside_chance["Fleiss' kappa"] for of in found.values()]
    layered = [of.by_layer for of in found.values() if of.by_layer is not None]
    mean = t_interval([kappa.observed for kappa in kappas])
    return Finding(
        f"Five seeds of BERT-base agree about heads with a mean kappa of {number(mean.mean, 2)} "
        f"(95 % CI {within(mean.low, mean.high, 2)}, n = {mean.n} tasks; 1 is the same mask).",
        more=f"Kappa is above chance on {_beyond(kappas)} tasks for masks of the same sizes, and "
        f"on {_beyond(layered)} for masks with as many heads in each layer.",
    )


@style(LARGE)
def survival_maps(results: Results) -> Figure:
    """How many of the five seeds keep each head and MLP, a map for each task."""
    heads, mlps = (over_seeds(results, part) for part in PARTS)
    drawing, axes = plt.subplots(
        3, 3, figsize=(4.8, 5.4), sharex=True, sharey=True, layout="constrained"
    )
    for axis, task in zip(axes.flat, results, strict=True):
        kept = heads[task].survival, mlps[task].survival
        image = component_map(axis, *kept, task, (0, len(SEEDS)))
        axis.set(xlabel="", ylabel="")
        axis.set_xticks([0, 5, 12], ["1", "6", "MLP"])
        axis.set_yticks([0, 5, 11], ["1", "6", "12"])
    drawing.supxlabel("head, and MLP")
    drawing.supylabel("layer")
    drawing.colorbar(image, ax=axes, label="seeds that keep it", shrink=0.6, location="top")
    listed = "; ".join(
        f"{t} {of.n_all} with all and {of.n_none} with none" for t, of in heads.items()
    )
    return Figure.of(
        drawing,
        "Most heads of BERT-base survive with some of five seeds, not all: how many keep each head "
        "and MLP, as released. On WNLI four seeds keep nothing, one every head.",
        f"Nine maps of 12 layers by 12 heads and an MLP. Of 144 heads survive: {listed}.",
        "maps",
    )


@style(LARGE)
def kappa_plot(results: Results) -> Figure:
    """Fleiss' kappa of heads and of MLPs on every task, and two kinds of chance."""
    tasks = [task for task in results if task not in UNLEARNED]
    drawing, axes = plt.subplots(1, 2, figsize=(4.8, 3.7), sharey=True, layout="constrained")
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
    drawing.legend(loc="outside lower center", ncols=2)
    return Figure.of(
        drawing,
        "Five seeds agree about heads beyond chance, about MLPs mostly not: Fleiss' kappa of the "
        f"released masks, n = {len(tasks)} tasks. Bands: 95 % of a thousand sets of random masks. "
        "WNLI's masks are all or nothing.",
        f"Dot plots of kappa: {', '.join(said)}.",
        "kappa",
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
        "the same by chance, for masks of the same sizes": percent(by_chance, 1),
        "heads that survive with all seeds": _share(survival == n),
        "heads that survive with none": _share(survival == 0),
        "tasks with a kappa above chance, same sizes (97.5 %)": _beyond(kappas),
        "tasks with a kappa above chance, same layers (97.5 %)": _beyond(layered),
    }
    return Table.of({"": name, f"{len(found)} tasks": text} for name, text in rows.items())


def agreement_table(results: Results, part: str = "heads", setting: str = GOOD) -> Table:
    """Each task's kappa, what chance gives (95 % of masks of the same sizes, and of the same sizes
    in each layer), and the most that it can be of masks of these sizes."""
    rows = []
    for task, found in over_seeds(results, part, setting).items():
        kappa = found.beside_chance["Fleiss' kappa"]
        row = {
            "": task,
            f"{PARTS[part]} kept": ", ".join(map(str, found.kept)),
            "kappa": number(kappa.observed),
            "chance, same sizes": within(kappa.low, kappa.high),
        }
        if layered := found.by_layer:
            row["same layers"] = within(layered.low, layered.high)
        rows.append({**row, "kappa at most": number(found.most)})
    return Table.of(rows)


def paper_measures(results: Results) -> Table:
    """What the paper reports: heads that survive with some seeds but not all, and Cochran's Q."""
    return Table.of(
        {
            "": task,
            "heads that survive with some seeds, not all [chance]": beside_chance(
                some.observed, some
            ),
            "Cochran's Q": f"{number(found.q.statistic, 2)} ({p_text(found.q.p_value)})",
        }
        for task, found in over_seeds(results, "heads").items()
        for some in [found.beside_chance["some but not all"]]
    )


# What two masks differ in.
NOISES = {
    "examples": "other examples, same model",
    "seed": "other seed, same examples",
    "both": "other seed and other examples",
}
NO_TRAIN = Note(
    "The copy of the release that was read has no masks from training examples (the folder "
    "masks/heads_mlps_on_train); lottery released DIR reads them where they are."
)
NO_HANS = Note(
    "The copy of the release that was read has no masks of models trained on HANS (the folder "
    "masks/heads_mlps_hans); lottery released DIR reads them where they are."
)


def noise_reading(results: Results) -> Finding | Note:
    """Whether other examples change a mask of heads as far as another seed does, with numbers."""
    found = _noise(results, "heads")
    if not found:
        return NO_TRAIN
    means = {kind: estimate([of.observed for of in found[kind]]) for kind in NOISES}
    apart = _difference(found, "examples", "seed")
    than = "less than" if apart.low > 0 else "more than" if apart.high < 0 else ""
    if than:
        first = "Searching the same model on other examples changes which heads survive "
        first += f"{than} another seed does"
    else:
        first = "Whether other examples or another seed change more heads is inconclusive"
    return Finding(
        f"{first}: mean kappas differ by {interval(apart)} (95 % CI, n = {len(found['seed'])} "
        "tasks).",
        more=f"Mean kappa of two masks is {means['examples']} with other examples, "
        f"{means['seed']} with another seed, {means['both']} with both.",
    )


def noise_table(results: Results, part: str = "heads") -> Table | Note:
    """Search noise, seed noise and both: mean kappa over tasks, chance, and the most."""
    found = _noise(results, part)
    if not found:
        return NO_TRAIN
    rows: list[dict[str, str]] = [
        {
            "": label,
            f"kappa of {PARTS[part]} [95 % CI]": estimate([n.observed for n in found[kind]]),
            "by chance": number(np.mean([n.mean for n in found[kind]])),
            "at most, these sizes": number(np.mean([n.limit for n in found[kind]])),
            "tasks above chance": _beyond(found[kind]),
        }
        for kind, label in NOISES.items()
    ]
    places = {"first minus second": ("examples", "seed"), "second minus third": ("seed", "both")}
    for name, (one, other) in places.items():
        apart = interval(_difference(found, one, other))
        rows.append({"": name, f"kappa of {PARTS[part]} [95 % CI]": apart})
    return Table.of(rows)


def noise_by_task(results: Results, part: str = "heads") -> Table | Note:
    """The same task by task, and the range of 95 % of independent masks of these sizes."""
    found = noise_of(results, part)
    if not found:
        return NO_TRAIN
    return Table.of(
        {"": task}
        | {
            label: f"{number(of[kind].observed)} {within(of[kind].low, of[kind].high)}"
            for kind, label in NOISES.items()
        }
        for task, of in found.items()
        if task not in UNLEARNED
    )


@style(LARGE)
def noise_plot(results: Results) -> Figure | Note:
    """Kappa of two masks that differ in examples, in the seed or in both: tasks, mean, interval."""
    if not noise_of(results, "heads"):
        return NO_TRAIN
    drawing, axes = plt.subplots(
        1, 2, figsize=(4.8, 3.3), sharex=True, sharey=True, layout="constrained"
    )
    said = []
    for axis, (part, name) in zip(axes, PARTS.items(), strict=True):
        found = _noise(results, part)
        for y, kind in enumerate(reversed(NOISES)):
            of = found[kind]
            values = [n.observed for n in of]
            mean = t_interval(values)
            low, high = np.mean([n.low for n in of]), np.mean([n.high for n in of])
            axis.plot([low, high], [y, y], color="0.85", linewidth=10, solid_capstyle="butt")
            axis.plot(values, [y] * len(values), "|", color="0.4", ms=10)
            axis.plot([mean.low, mean.high], [y, y], color=COLOURS["good"], linewidth=2)
            axis.plot(mean.mean, y, "o", color=COLOURS["good"])
            axis.plot(np.mean([n.limit for n in of]), y, "D", color="black", mfc="none", ms=6)
            said.append(f"{name}, {NOISES[kind]}: {interval(mean)}")
        axis.axvline(0, color="0.5", linestyle=":")
        axis.set(xlabel="mean kappa", title=name, ylim=(-0.6, 2.6))
        axis.set_yticks(range(len(NOISES)), ["both", "other\nseed", "other\nexamples"])
    axes[0].plot([], [], "|", color="0.4", ms=10, label="task")
    axes[0].plot([], [], "o-", color=COLOURS["good"], label="mean, 95 % CI")
    axes[0].plot([], [], color="0.85", linewidth=8, label="chance")
    axes[0].plot([], [], "D", color="black", mfc="none", label="at most, these sizes")
    drawing.legend(loc="outside lower center", ncols=2)
    heads = _noise(results, "heads")
    means = [number(np.mean([n.observed for n in heads[kind]]), 2) for kind in NOISES]
    return Figure.of(
        drawing,
        f"Masks of heads of BERT-base agree with a mean kappa of {', '.join(means)}, where they "
        "differ in the examples searched on, in the seed, or in both (1: equal masks; "
        f"n = {len(of)} tasks, 95 % CI).",
        f"Dot plots of kappa. {'; '.join(said)}.",
        "noise",
    )


def hans_table(results: Results) -> Table | Note:
    """How far seeds agree about heads when BERT-base was trained on HANS or on MNLI in two classes,
    and on MNLI as it is."""
    found = hans_of(results)
    if found is None:
        return NO_HANS
    rows = []
    for data, of in found[0].items():
        kappa = of.beside_chance["Fleiss' kappa"]
        row = {
            "": data,
            "heads kept": ", ".join(map(str, of.kept)),
            "Fleiss' kappa [by chance, same sizes]": beside_chance(kappa.observed, kappa),
            "kappa at most": number(of.most),
        }
        if of.by_layer:
            row["kappa by chance, same layers"] = within(of.by_layer.low, of.by_layer.high)
        row["heads kept by all five"] = str(of.n_all)
        rows.append(row)
    return Table.of(rows)


def _noise(results: Results, part: str) -> dict[str, list[Noise]]:
    """By kind, of each task that BERT-base learns; empty where nothing was read."""
    found = noise_of(results, part)
    learned = [of for task, of in found.items() if task not in UNLEARNED]
    return {kind: [of[kind] for of in learned] for kind in NOISES} if learned else {}


def _difference(found: Mapping[str, Sequence[Noise]], one: str, other: str) -> Interval:
    pairs = zip(found[one], found[other], strict=True)
    return t_interval([a.observed - b.observed for a, b in pairs])


def _share(which: np.ndarray) -> str:
    return f"{percent(which.mean(), 1)} ({which.sum():,} of {which.size:,})"


def _beyond(found: Sequence[Chance | Noise]) -> str:
    return f"{sum(c.observed > c.high for c in found)} of {len(found)}"


def equal_sizes_by_task(every: Mapping[str, TaskRecords]) -> Table | Note:
    """Kappa as the searches end and at one size, of every task of a study that has two seeds, and
    of pairs of seeds whose masks of weights are of one density; means over tasks with intervals."""
    found = _at_one_size(every)
    if not found:
        return ONE_SEED
    rows = [{"": task} | {name: number(x) for name, x in of.items()} for task, of in found.items()]
    means = {name: estimate(values) for name, values in _defined(found).items()}
    return Table.of([*rows, {"": "mean [95 % CI over tasks]", **means}])


def equal_sizes_reading(every: Mapping[str, TaskRecords]) -> Note:
    """What becomes of the agreement about heads at one size, in numbers."""
    values = _defined(_at_one_size(every))
    if not values:
        return ONE_SEED
    said = {name: f"{estimate(of)}, n = {len(of)}" for name, of in values.items()}
    heads = "; ".join(f"{name} {text}" for name, text in said.items() if name.startswith("heads"))
    return Note(
        f"Mean kappa over tasks (95 % CI): {heads}. The sizes at which searches end allow "
        f"{said['at most']} at most."
    )


def _at_one_size(every: Mapping[str, TaskRecords]) -> dict[str, dict[str, float]]:
    """Kappas by task and by what is compared, NaN where undefined."""
    found = {}
    for task, of in every.items():
        if len(of) < 2:
            continue
        heads = good_masks(of, "heads")
        nested = agreement.nested(heads.sum(axis=1), heads.shape[1])
        kinds = {"heads as found": heads, "at most": nested}
        kinds |= {f"heads, {how}": masks for how, masks in equal_heads(of).items()}
        found[task] = {name: agreement.fleiss_kappa(masks) for name, masks in kinds.items()}
        found[task]["weights, one density"] = kappa_at_one_density(of.overlap)
    return found


def _defined(found: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of all tasks that have one, by what is compared."""
    values: dict[str, list[float]] = {}
    for of in found.values():
        for name, value in of.items():
            if not math.isnan(value):
                values.setdefault(name, []).append(value)
    return values
