"""Types of attention maps: the annotated ones, and how well classifiers sort unseen heads."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from lottery_utils.patterns.maps import TYPES, UNLABELLED, WEIGHTINGS, load_maps, shipped
from lottery_utils.patterns.sheets import draw
from lottery_utils.patterns.sorter import chosen
from lottery_utils.patterns.validation import read, weighted_f1
from replication.book.show import Figure, Table, number, percent, style, write_cells
from replication.paper import numbers
from replication.runs.records import as_count


def labels() -> Table:
    """How many annotated maps are of each type, and how well two looks at them agree."""
    columns = {}
    for weighting in WEIGHTINGS:
        maps = load_maps(shipped(weighting))
        twice = [m for m in maps if m.second != UNLABELLED]
        counts = [str(sum(m.label == i for m in maps)) for i in range(len(TYPES))]
        first, second = [m.label for m in twice], [m.second for m in twice]
        equal = np.mean(np.array(first) == second)
        kappa = number(cohen_kappa_score(first, second), 2)
        columns[f"{weighting} maps"] = [
            *counts,
            str(len(maps)),
            str(len(twice)),
            percent(float(equal)),
        ]
        columns[f"{weighting} maps"].append(kappa)
    rows = [*TYPES, "in all", "looked at twice", "the same label twice", "Cohen's kappa"]
    return Table(pd.DataFrame(columns, index=rows))


@style()
def gallery(weighting: str, n: int = 6) -> Figure:
    """Annotated maps of each type, the first `n` that come, of about the same size."""
    as_count(n, "n", most=20)
    maps = load_maps(shipped(weighting))
    rows = [(name, [m for m in maps if m.label == i]) for i, name in enumerate(TYPES)]
    rows = [(name, found) for name, found in rows if found]
    drawing, axes = plt.subplots(
        len(rows), n, figsize=(1.35 * n, 1.55 * len(rows)), squeeze=False, layout="constrained"
    )
    for line, (name, found) in zip(axes, rows, strict=True):
        clear = sorted(found, key=lambda m: not 14 <= len(m.values) <= 30)[:n]
        for axis in line[len(clear) :]:
            axis.set_visible(False)
        for axis, shown in zip(line, clear, strict=False):
            draw(axis, shown)
            axis.set_xlabel(f"layer {shown.layer + 1}, head {shown.head + 1}", fontsize=7)
        line[0].set_ylabel(name, fontsize=9)
    absent = [name for i, name in enumerate(TYPES) if not any(m.label == i for m in maps)]
    return Figure.of(
        drawing,
        f"Real {weighting} attention maps of the bundled backbone, by the type given to them. Rows "
        "are the tokens that attend, columns what they attend to; the darkest place of each map is "
        "its largest value. Orange marks: [CLS] and [SEP]; blue: punctuation."
        + (f" Of {len(maps)} maps none is {' or '.join(absent)}." if absent else ""),
        f"Small grey-scale maps in rows by type: {', '.join(name for name, _ in rows)}.",
    )


def validation() -> Table:
    """Weighted F1 of both classifiers on heads they have not seen, beside the paper's."""
    found, rows = read(), []
    for weighting in WEIGHTINGS:
        truth = [m.label for m in load_maps(shipped(weighting))]
        common = np.bincount(truth).argmax()
        rows.append(
            {
                "maps": f"{weighting} (n = {len(truth)})",
                "always the commonest": number(weighted_f1(truth, [common] * len(truth))),
                "tree": number(weighted_f1(truth, found[weighting]["tree"])),
                "network": number(weighted_f1(truth, found[weighting]["network"])),
                "sorts the maps": chosen(weighting),
                "paper's network, paper's maps": number(numbers.CLASSIFIER_F1[weighting], 2),
            }
        )
    return Table.of(rows)


@style()
def confusions() -> Figure:
    """What the better classifier takes each type for, on heads that it has not seen."""
    found = read()
    drawing, axes = plt.subplots(1, 2, figsize=(9, 3.9), sharey=True, layout="constrained")
    rights = []
    for axis, weighting in zip(axes, WEIGHTINGS, strict=True):
        truth = [m.label for m in load_maps(shipped(weighting))]
        better = chosen(weighting)
        table = confusion_matrix(truth, found[weighting][better], labels=range(len(TYPES)))
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
        write_cells(axis, [str(n) for n in table.flat], share < 0.5, fontsize=9)
        names = [name.replace("+", "\n+ ") for name in TYPES]
        axis.set_xticks(range(len(TYPES)), names, rotation=35, ha="right", fontsize=8)
        axis.set_yticks(range(len(TYPES)), names, fontsize=8)
        axis.set(title=f"{weighting} maps (n = {len(truth)})", xlabel=f"the {better} says")
        rights.append(f"{weighting}, {better}: {np.trace(table)} of {len(truth)} right")
    axes[0].set_ylabel("label")
    return Figure.of(
        drawing,
        "Labels against what the better of the two classifiers says of heads that it has not seen "
        "(cross-validation in five folds, all maps of a head in one fold). Numbers are maps; "
        "colours are shares of a row.",
        f"Confusion matrices of the better classifier. {'; '.join(rights)}.",
    )


def tree_rules(weighting: str) -> str:
    """The transparent classifier's decisions, as text."""
    from sklearn.tree import export_text

    from lottery_utils.patterns.tree import FEATURES, tree

    fitted = tree(load_maps(shipped(weighting)))
    names = [TYPES[i] for i in fitted.classes_]
    return str(export_text(fitted, feature_names=list(FEATURES), class_names=names))
