"""The page on section 5.1: how far the good subnetworks of several seeds agree.

Whatever is claimed about agreement is compared with independent masks of the same sizes.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lottery_utils import agreement
from lottery_utils.agreement import chance
from replication.book.show import (
    LARGE,
    NO_MAGNITUDE,
    SEED_COLOURS,
    Figure,
    Finding,
    Note,
    Table,
    coloured,
    layer_map,
    style,
    write_cells,
)
from replication.book.written import by_chance, number, p_text, percent, within
from replication.pages.sec4_2_good_random_bad import BERT
from replication.paper import records as paper
from replication.runs.measured import (
    agreement_of_weights,
    equal_heads,
    good_masks,
    pairs_of_weights,
)
from replication.runs.records import METHOD_LABELS, TaskRecords

MISSING = Note(
    "How far the weight masks of these seeds overlap is not on record: the masks, too large for a "
    "record, were not at hand together. Where one machine has computed all of them and kept its "
    "cache, the command make book records their overlap.",
    "warning",
    missing=True,
)
ALMOST_NONE = 0.05  # of all heads: a search that removed no more says little of agreement
ONE_SEED = Note("Agreement needs at least two seeds; this page has one.", "warning", missing=True)
MLP_MAPS = ("mlp_input", "mlp_output")
PARTS = {"heads": "heads", "mlps": "MLPs"}
LABELS = {
    "some but not all": "survive with some seeds, but not all",
    "mean std": "mean standard deviation over seeds (sample)",
    "mean overlap": "overlap of two seeds (Jaccard)",
    "Fleiss' kappa": "Fleiss' kappa",
    "Krippendorff's alpha": "Krippendorff's alpha",
}


def finding(entries: TaskRecords) -> Finding:
    """How far the seeds agree, and whether by more than chance."""
    if len(entries) < 2:
        return Finding(ONE_SEED.text)
    heads = good_masks(entries, "heads")
    found = chance.against_chance("Fleiss' kappa", heads)
    always = f"Of {heads.shape[1]} heads, {heads.all(axis=0).sum()} survive with every seed"
    if math.isnan(found.observed):
        text = f"On {entries.title}, kappa is undefined: every seed keeps all heads, or none"
        return Finding(f"{text} (n = {len(entries)}).")
    where = "within" if found.low <= found.observed <= found.high else "above"
    where = "below" if found.observed < found.low else where
    text = (
        f"On {entries.title}, {len(entries)} seeds of {entries.model} agree on heads with a "
        f"Fleiss' kappa of {number(found.observed, 2)}, {where} chance (95 % of random masks: "
        f"{within(found.low, found.high, 2)})"
    )
    if np.ptp(heads.sum(axis=1)):
        cut = agreement.fleiss_kappa(equal_heads(entries)["cut"])
        text += f"; {_most(heads)} at most at their sizes; {number(cut, 2)} when cut to one size"
    text, more = f"{text}.", f"{always}. {_hardly_searched(heads)}"
    if entries.overlap:
        weights, _, by_matrix = agreement_of_weights(entries.overlap)
        of_weights, by_chance_ = (of["Fleiss' kappa"] for of in (weights, by_matrix))
        if not math.isnan(of_weights):
            more += (
                f"On single weights kappa is {number(of_weights, 2)} (by chance, matrix by "
                f"matrix: {number(by_chance_, 2)})."
            )
    return Finding(text, more=more.strip())


def _hardly_searched(heads: np.ndarray) -> str:
    """Which searches removed next to nothing."""
    sizes, n = heads.sum(axis=1), heads.shape[1]
    removed = [n - int(size) for size in sizes if n - size <= ALMOST_NONE * n]
    if not removed or not np.ptp(sizes):
        return ""
    reach = " to ".join(str(of) for of in dict.fromkeys((min(removed), max(removed))))
    return (
        f"{len(removed)} of {len(sizes)} searches removed almost nothing ({reach} of {n} heads). "
    )


def _most(heads: np.ndarray) -> str:
    """The highest kappa of masks of these sizes, that of nested ones."""
    sizes, n = heads.sum(axis=1), heads.shape[1]
    return number(agreement.fleiss_kappa(agreement.nested(sizes, n)), 2)


@style(LARGE)
def survival_map(entries: TaskRecords, method: str = "structured") -> Figure | Note | None:
    """The paper's figure 1: the mean over seeds, and below it the standard deviation, of what
    survives of every head and MLP: itself (0 or 1), or under magnitude pruning its weights."""
    if len(entries) < 2:
        return ONE_SEED if method == "structured" else None
    if not entries.has(method):
        return NO_MAGNITUDE
    n_layers = entries.results()[0]["layers"]
    kept = np.array(_kept(entries, method))  # (seeds, layers, heads and the MLP)
    mean, spread = kept.mean(axis=0), kept.std(axis=0, ddof=1)
    height = 0.4 if n_layers <= 6 else 0.28  # 12 layers fit on a screen, too
    drawing, axis = plt.subplots(figsize=(4.8, 0.75 + height * n_layers), layout="constrained")
    names = [str(x + 1) for x in range(mean.shape[1] - 1)]
    image = layer_map(axis, mean, columns=[*names, "MLP"])
    axis.axvline(len(names) - 0.5, color="white", linewidth=2)
    shown = [mean, spread] if n_layers <= 6 else [mean]  # what there is room for
    texts = [
        "\n".join(number(value, 2) for value in of).replace("0.", ".").replace("1.00", "1.0")
        for of in zip(*(values.flat for values in shown), strict=True)
    ]
    if len(names) <= 12:
        write_cells(axis, texts, mean < 0.5, linespacing=1)
        axis.set_xlabel("head (in a cell: mean, below it deviation)" if len(shown) > 1 else "head")
    else:
        drawing.colorbar(image, label="mean", location="top")
    task, what = entries.title, "whether each head survives"
    note = "a head survives, 1, or does not, 0"
    heads = good_masks(entries, "heads")
    kappa = number(agreement.fleiss_kappa(heads), 2)
    agreed = f"Fleiss' kappa of heads is {kappa} (at most {_most(heads)}). The"
    if method == "magnitude":
        what, note = "the share of each head's weights that survives", "MLP: the mean of both maps"
        agreed = "the"
    return Figure.of(
        drawing,
        f"On {task}, {agreed} standard deviation over seeds of {what} is "
        f"{number(spread[:, :-1].mean(), 2)} on average ({METHOD_LABELS[method]}, "
        f"n = {len(entries)}; {note}).",
        f"Heat map of what survives by layer and head, and of MLPs, for {task} under "
        f"{METHOD_LABELS[method]}: means from {mean.min():.2f} to {mean.max():.2f}.",
        "survival-weights" if method == "magnitude" else "survival",
    )


def _kept(entries: TaskRecords, method: str) -> list[np.ndarray]:
    """What each seed keeps of every head and, last, MLP: (layers, heads + 1)."""
    if method == "structured":
        return [np.column_stack([m.heads, m.mlps]).astype(float) for m in entries.masks.values()]
    good = [result["tickets"]["good"] for result in entries.results("magnitude")]
    return [
        np.column_stack(
            [g["head_densities"], np.mean([g["map_densities"][m] for m in MLP_MAPS], axis=0)]
        )
        for g in good
    ]


def agreement_table(entries: TaskRecords) -> Table | Note:
    """Each measure of agreement, for heads and MLPs, and chance with its 95 % range."""
    if len(entries) < 2:
        return ONE_SEED
    columns: dict[str, list[str]] = {}
    for part, name in PARTS.items():
        masks = good_masks(entries, part)
        kept = ", ".join(str(n) for n in masks.sum(axis=1))
        columns[name] = [f"{kept} of {masks.shape[1]}"]
        columns[f"{name}, by chance"] = [""]
        for statistic in LABELS:
            found = chance.against_chance(statistic, masks)
            columns[name].append(number(found.observed))
            columns[f"{name}, by chance"].append(by_chance(found))
        q = agreement.cochran_q(masks)
        undefined = math.isnan(q.statistic)
        text = "undefined" if undefined else f"{number(q.statistic, 2)} ({p_text(q.p_value)})"
        columns[name].append(text)
        columns[f"{name}, by chance"].append("")  # it tests sizes
    rows = ["kept, seed by seed", *LABELS.values(), "Cochran's Q"]
    return Table(pd.DataFrame(columns, index=rows))


EQUAL = {
    "cut": "the searches' masks, cut at the largest one's size",
    "top half": "the most important half in the full model, normalized by layer",
}


def equal_sizes(entries: TaskRecords) -> Table | Note:
    """Agreement about heads as the searches end, and at one size for all seeds, with chance and
    the most that kappa can be of masks of these sizes."""
    if len(entries) < 2:
        return ONE_SEED
    kinds = {"the searches' masks": good_masks(entries, "heads")}
    kinds |= {EQUAL[how]: masks for how, masks in equal_heads(entries).items()}
    rows = []
    for name, masks in kinds.items():
        found = chance.against_chance("Fleiss' kappa", masks)
        sizes = masks.sum(axis=1).tolist()
        row = {"": name, "heads": ", ".join(map(str, sizes if np.ptp(sizes) else sizes[:1]))}
        row |= {"kappa": number(found.observed), "by chance": by_chance(found)}
        most = agreement.fleiss_kappa(agreement.nested(sizes, masks.shape[1]))
        rows.append(row | {"at most": number(most)})
    return Table.of(rows)


def equal_density(entries: TaskRecords) -> Table | None:
    """Each pair of seeds' good masks of weights: kappa, and the most that it can be; None where
    the overlap of these masks is not recorded."""
    if entries.overlap is None:
        return None
    rows = [
        {
            "": f"{one} and {other}",
            "weights kept": " and ".join(percent(share, 1) for share in found.shares),
            "kappa": number(found.kappa),
            "at most": number(found.most),
        }
        for (one, other), found in pairs_of_weights(entries.overlap).items()
    ]
    return Table.of(
        rows,
        caption="Masks of weights differ in size too. Of two seeds that keep equally many, kappa "
        "can reach 1; of others, only the value in the last column.",
        label="pairs-of-seeds",
    )


@style(LARGE)
def layer_profile(entries: TaskRecords, release: paper.Results) -> Figure | Note:
    """The share of each layer's heads, and of the seeds the MLPs, that good subnetworks keep, from
    input to output, in this model and in BERT-base as released.

    The two differ in their weights, so that a single head has no counterpart; a layer has.
    """
    masks = [*entries.masks.values()]
    survival = {part: np.sum([getattr(mask, part) for mask in masks], 0) for part in PARTS}
    models = [(entries.model, len(masks), survival)]
    if entries.task in release:
        theirs = {part: paper.over_seeds(release, part)[entries.task].survival for part in PARTS}
        models.append((BERT.partition(",")[0], paper.N_SEEDS, theirs))
    drawing, axes = plt.subplots(2, 1, figsize=(4.8, 4.6), sharex=True, layout="constrained")
    most: list[str] = []
    profiles: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    for (name, n, kept), colour, line in zip(models, SEED_COLOURS, ("o-", "s--"), strict=False):
        for axis, (part, counts) in zip(axes, kept.items(), strict=True):
            of_layers = counts.reshape(len(counts), -1)
            profile = of_layers.sum(axis=1) / (n * of_layers.shape[1])  # counts first: exact ties
            depth = (np.arange(len(profile)) + 0.5) / len(profile)
            axis.plot(depth, profile, line, color=colour, ms=4, label=f"{name} (n = {n})")
            axis.set(ylabel=f"{PARTS[part]} kept", ylim=(-0.04, 1.04))
            axis.yaxis.set_major_formatter(lambda y, _: percent(y))
            profiles[part].append(profile)
        layer = int(np.argmax(profiles["heads"][-1]))
        most.append(f"layer {layer + 1} of {name} ({percent(profiles['heads'][-1][layer])})")
    axes[-1].set(xlabel="depth: each layer, from input to output", xticks=[], xlim=(0, 1))
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center")
    found = f"On {entries.title}, the largest share of heads survives in {' and '.join(most)}."
    return Figure.of(
        drawing,
        f"{found} {_alike(profiles)}Means over n seeds.",
        f"Two line plots of the heads and MLPs that are kept, by layer. {found}",
        "layers",
    )


def _alike(profiles: dict[str, list[np.ndarray]]) -> str:
    """How alike two models' profiles are, where they have as many layers."""
    if len({profile.shape for profile in profiles["heads"]}) > 1 or len(profiles["heads"]) < 2:
        return ""
    found = [f"{PARTS[part]} {number(spearman(*of), 2)}" for part, of in profiles.items()]
    n = len(profiles["heads"][0])
    return f"Spearman's correlation over {n} layers: {', '.join(found)}. "


@style(LARGE)
def importance_profile(entries: TaskRecords) -> Figure:
    """How flat importance is: heads in order of their share, and what the order is worth."""
    drawing, (left, right) = plt.subplots(2, 1, figsize=(4.8, 4.6), layout="constrained")
    halves, last = [], list[float]()
    for colour, seed, records in coloured(entries):
        found = records["search"]["results"]
        raw = np.array(found["importance"]["heads"])
        norms = np.sqrt((raw**2).sum(axis=1, keepdims=True))
        shares = np.sort((raw / np.where(norms > 0, norms, 1)).ravel())[::-1]
        shares = shares / shares.mean() if shares.any() else shares
        left.plot(np.arange(1, len(shares) + 1), shares, color=colour, label=f"seed {seed}")
        halves.append(shares[: len(shares) // 2].sum() / max(shares.sum(), 1e-12))
        last.append(_along_the_search(right, found["steps"], colour))
    left.axhline(1, color="0.5", linestyle=":", label="all the same")
    left.set(xlabel="heads, most important first", ylabel="importance\n(mean = 1)", ylim=(0, None))
    left.legend()
    right.axhline(0, color="0.5", linestyle=":")
    right.set(xlabel="step of the search", ylabel="rank correlation\nwith the start")
    right.set_ylim(-1.05, 1.05)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    task, n = entries.title, entries.results()[0]["examples"]["validation"]
    return Figure.of(
        drawing,
        f"On {task}, the more important half of the heads holds {percent(np.mean(halves))} of all "
        "importance, normalized by layer (above). The search's last scores correlate with the "
        f"first by {number(np.mean(last), 2)} (below; Spearman). Means, n = {len(entries)}; {n:,} "
        "validation examples.",
        f"Two line plots for {task}: importance by head in descending order (the "
        f"upper half of the heads holds {percent(np.mean(halves))} of it), and the rank "
        "correlation of later scores with the first.",
        "importance",
    )


def _along_the_search(axis: Axes, steps: list[dict[str, Any]], colour: str) -> float:
    """Draw how importance at each step ranks heads as the first did; return the last value."""
    scores = [np.ravel(np.array(step["head_scores"], float)) for step in steps]
    found = [spearman(scores[0], later) for later in scores]
    axis.plot(range(1, len(scores) + 1), found, "o-", ms=3, color=colour)
    return found[-1]


def rank_correlations(entries: TaskRecords) -> Table | Note:
    """Spearman's correlation of raw importance in the full model, for each pair of seeds."""
    if len(entries) < 2:
        return ONE_SEED
    rows = []
    for one, other in itertools.combinations(entries, 2):
        scores = [entries[seed]["search"]["results"]["importance"] for seed in (one, other)]
        row = {"seeds": f"{one} and {other}"}
        for part, name in PARTS.items():
            row[name] = number(spearman(*(np.ravel(of_seed[part]) for of_seed in scores)))
        rows.append(row)
    return Table.of(rows)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; NaN where one side is constant."""
    from scipy.stats import spearmanr

    return math.nan if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b).statistic)


def density_spread(entries: TaskRecords) -> Table | Note:
    """What the paper's "0.01 against 0.5" compares: two standard deviations of two things."""
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    if len(entries) < 2:
        return ONE_SEED
    good = [r["tickets"]["good"] for r in entries.results("magnitude")]
    densities = np.array([g["head_densities"] for g in good])
    survives = agreement.survival_std(good_masks(entries, "heads"))
    spreads = {
        "structured: the head survives, 0 or 1": survives,
        "magnitude: the share of its weights that survives": densities.std(axis=0, ddof=1),
    }
    return Table.of(
        {
            "": name,
            "mean std over seeds": number(float(spread.mean())),
            "largest of any head": number(float(spread.max())),
        }
        for name, spread in spreads.items()
    )


def like_with_like(entries: TaskRecords) -> Table | Note:
    """Structured and magnitude pruning on one scale: agreement counted in components.

    For weights, chance is given twice: for masks of the same sizes, and for masks of the same
    sizes in every matrix, which share the profile over layers but not the weights.
    """
    if not entries.has("magnitude"):
        return NO_MAGNITUDE
    if entries.overlap is None:
        return MISSING if len(entries) > 1 else ONE_SEED
    heads = good_masks(entries, "heads")
    observed, by_size, by_matrix = agreement_of_weights(entries.overlap)
    rows = []
    for statistic in ("some but not all", "mean std", "mean overlap", "Fleiss' kappa"):
        of_heads = chance.against_chance(statistic, heads)
        rows.append(
            {
                "": LABELS[statistic],
                "heads": number(of_heads.observed),
                "heads, by chance": by_chance(of_heads),
                "weights": number(observed[statistic]),
                "weights, by chance": number(by_size[statistic]),
                "the same matrix by matrix": number(by_matrix[statistic]),
            }
        )
    return Table.of(rows)
