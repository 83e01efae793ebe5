"""Types of attention maps: the annotated ones, and how well classifiers sort unseen heads."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from lottery_utils.patterns.maps import TYPES, UNLABELLED, WEIGHTINGS, load_maps, shipped
from lottery_utils.patterns.sheets import draw
from lottery_utils.patterns.sorter import chosen
from lottery_utils.patterns.validation import read, weighted_f1
from lottery_utils.tasks import TASKS
from replication.book.show import LARGE, Figure, Finding, Table, style, write_cells
from replication.book.written import number, percent, within
from replication.paper import numbers
from replication.runs.records import as_count

INITIALS = ("V", "D", "V+D", "B", "H")  # of the types


def finding(n_draws: int = 500) -> Finding:
    """How well the better classifier sorts unseen heads, with an interval over heads."""
    parts = []
    for weighting in WEIGHTINGS:
        maps, better = load_maps(shipped(weighting)), chosen(weighting)
        truth, found = np.array([m.label for m in maps]), np.array(read()[weighting][better])
        heads = np.unique([(m.layer, m.head) for m in maps], axis=0, return_inverse=True)[1]
        of_head = [np.flatnonzero(heads.ravel() == head) for head in np.unique(heads)]
        rng, n = np.random.default_rng(0), len(of_head)
        drawn = [
            np.concatenate([of_head[i] for i in rng.integers(n, size=n)]) for _ in range(n_draws)
        ]
        low, high = np.quantile([_f1(truth[at], found[at]) for at in drawn], [0.025, 0.975])
        parts.append(
            f"{number(_f1(truth, found), 2)} (95 % CI {within(low, high, 2)}, "
            f"n = {len(maps)} maps of {n} heads)"
        )
    paper = " and ".join(number(value, 2) for value in numbers.CLASSIFIER_F1.values())
    raw, normed = parts
    return Finding(
        f"On heads that it has not seen, the better classifier reaches a weighted F1 on raw maps "
        f"of {raw}.",
        more=f"On norm-weighted maps it is {normed}. The paper reports {paper} for maps of "
        "BERT-base.",
    )


def labels() -> Table:
    """How many annotated maps are of each type and of which data, and how well two looks agree."""
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
            str(sum(m.task in TASKS for m in maps)),
            str(sum(m.task not in TASKS for m in maps)),  # "mini RTE"
            str(sum(m.state == "fine-tuned" for m in maps)),
            str(len(twice)),
            percent(float(equal)),
        ]
        columns[f"{weighting} maps"].append(kappa)
    data = ("of GLUE's sentences", "of made-up sentences", "of fine-tuned models")
    rows = [*TYPES, "in all", *data, "looked at twice", "the same label twice", "Cohen's kappa"]
    return Table(pd.DataFrame(columns, index=rows))


@style(LARGE)
def gallery(weighting: str, n: int = 4) -> Figure:
    """Annotated maps of each type, the first `n` that come, of about the same size."""
    as_count(n, "n", most=20)
    maps = load_maps(shipped(weighting))
    rows = [(name, [m for m in maps if m.label == i]) for i, name in enumerate(TYPES)]
    rows = [(name, found) for name, found in rows if found]
    drawing, axes = plt.subplots(
        len(rows), n, figsize=(0.4 + 1.1 * n, 1.25 * len(rows)), squeeze=False, layout="constrained"
    )
    for line, (name, found) in zip(axes, rows, strict=True):
        clear = sorted(found, key=lambda m: not 14 <= len(m.values) <= 30)[:n]
        for axis in line[len(clear) :]:
            axis.set_visible(False)
        for axis, shown in zip(line, clear, strict=False):
            draw(axis, shown)
            axis.set_xlabel(f"{shown.layer + 1}, {shown.head + 1}")
        line[0].set_ylabel(name.replace("+", "\n+ ").replace("hetero", "hetero-\n"))
    absent = [name for i, name in enumerate(TYPES) if not any(m.label == i for m in maps)]
    return Figure.of(
        drawing,
        f"Of {len(maps)} labelled {weighting} maps of MiniLM-L6, "
        + (f"none is {' or '.join(absent)}" if absent else "some are of every type")
        + ". By layer and head: rows are tokens that attend, columns what they attend to, dark is "
        "much. Orange: [CLS] and [SEP]; blue: punctuation.",
        f"Small grey-scale maps in rows by type: {', '.join(name for name, _ in rows)}.",
        weighting,
    )


def validation() -> Table:
    """Weighted F1 of both classifiers on heads they have not seen, and the paper's."""
    found, rows = read(), []
    for weighting in WEIGHTINGS:
        truth = [m.label for m in load_maps(shipped(weighting))]
        common = np.bincount(truth).argmax()
        rows.append(
            {
                "maps": f"{weighting} (n = {len(truth)})",
                "most frequent type": number(weighted_f1(truth, [common] * len(truth))),
                "tree": number(weighted_f1(truth, found[weighting]["tree"])),
                "network": number(weighted_f1(truth, found[weighting]["network"])),
                "sorts the maps": chosen(weighting),
                "paper's network and maps": number(numbers.CLASSIFIER_F1[weighting], 2),
            }
        )
    return Table.of(rows)


@style(LARGE)
def confusions() -> Figure:
    """What the better classifier takes each type for, on heads that it has not seen."""
    found = read()
    drawing, axes = plt.subplots(1, 2, figsize=(4.8, 3.2), sharey=True, layout="constrained")
    rights = []
    for axis, weighting in zip(axes, WEIGHTINGS, strict=True):
        truth = [m.label for m in load_maps(shipped(weighting))]
        better = chosen(weighting)
        table = confusion_matrix(truth, found[weighting][better], labels=range(len(TYPES)))
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
        write_cells(axis, [str(n) for n in table.flat], share < 0.5)
        axis.set_xticks(range(len(TYPES)), INITIALS)
        names = [name.replace("+", "+\n").replace("hetero", "hetero-\n") for name in TYPES]
        named = [f"{name} ({i})" for name, i in zip(names, INITIALS, strict=True)]
        axis.set_yticks(range(len(TYPES)), named)
        axis.set(title=f"{weighting} (n = {len(truth)})", xlabel=f"the {better} says")
        rights.append(f"{np.trace(table)} of {len(truth)} {weighting}")
    return Figure.of(
        drawing,
        f"The better classifier is right on {' and '.join(rights)} maps of unseen heads "
        "(five-fold cross-validation, all maps of a head in one fold). Colours: shares of a row.",
        f"Confusion matrices of the better classifier: right on {' and '.join(rights)} maps.",
        "confusions",
    )


def _f1(truth: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> float:
    return weighted_f1(truth.tolist(), found.tolist())


def tree_rules(weighting: str) -> str:
    """The transparent classifier's decisions, as text."""
    from sklearn.tree import export_text

    from lottery_utils.patterns.tree import FEATURES, tree

    fitted = tree(load_maps(shipped(weighting)))
    names = [TYPES[i] for i in fitted.classes_]
    return str(export_text(fitted, feature_names=list(FEATURES), class_names=names))
