"""The pages on types of attention: annotated maps, how well classifiers sort unseen heads, and
which types super-survivors have, beside all heads (section 5.2).
"""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from lottery_utils.agreement.sharing import survive_all
from lottery_utils.patterns.maps import TYPES, UNLABELLED, WEIGHTINGS, load_maps, shipped
from lottery_utils.patterns.sheets import draw
from lottery_utils.patterns.sorter import chosen
from lottery_utils.patterns.validation import read, weighted_f1
from replication.pages.show import Figure, Note, Table, number, percent, style, within, write_cells
from replication.paper import numbers
from replication.runs import measured
from replication.runs.measured import counts, phi
from replication.runs.records import Entries, masks_of, seeds_text, task_name
from replication.store import Record

TYPE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999")
STATES = ("pre-trained", "fine-tuned")
WHO = {"super": "super-survivors", "all": "all heads"}
NO_ATTENTION = Note(
    "The attention maps of this task are not sorted into types here: a study has to ask for it "
    "(lottery run STUDY --set followups.attention=null)."
)


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
    """Annotated maps of each type, the first that come, of about the same size."""
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


@style()
def shares(entries: Entries, attention: dict[int, Record]) -> Figure | Note:
    """Types of super-survivors' maps and of all heads', here and in the paper."""
    if not attention:
        return NO_ATTENTION
    task = task_name(entries)
    bars: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for weighting in WEIGHTINGS:
        for state in STATES:
            ours = measured.shares(entries, attention, state, weighting)
            for who in WHO:
                theirs = numbers.pattern_shares(task, state, who, weighting)
                found = (("here", ours.get(who)), ("paper", theirs))
                bars.setdefault(weighting, []).extend(
                    (f"{state}, {WHO[who]}, {where}", of) for where, of in found if of
                )
    drawing, axes = plt.subplots(
        1, 2, figsize=(10, 0.9 + 0.33 * max(map(len, bars.values()))), sharey=True,
        layout="constrained",
    )  # fmt: skip
    for axis, (weighting, rows) in zip(axes, bars.items(), strict=True):
        left = np.zeros(len(rows))
        places = np.arange(len(rows))[::-1]
        for name, colour in zip(TYPES, TYPE_COLOURS, strict=True):
            width = np.array([of[name] for _, of in rows])
            axis.barh(places, width, 0.75, left=left, color=colour, label=name)
            left += width
        axis.set_yticks(places, [label for label, _ in rows], fontsize=8)
        axis.set(title=f"{weighting} maps", xlabel="share of maps", xlim=(0, 1))
    handles, names = axes[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=5, fontsize=8)
    n = next(iter(attention.values()))["results"]["examples"]
    fine = measured.shares(entries, attention, "fine-tuned", "raw")
    texts = [f"{WHO[who]} {of['heterogeneous']:.0%} heterogeneous" for who, of in fine.items()]
    return Figure.of(
        drawing,
        f"Types of attention maps on {task}, sorted by the better of two classifiers: {n} "
        f"validation examples, {seeds_text(attention)}. Super-survivors and all heads are in the "
        "same intact model. The paper's super-survivors are in a pruned BERT-base, its other "
        "heads in the intact one, and its classifier was trained on other maps.",
        f"Stacked bars for {task}; raw maps of the fine-tuned model: {', '.join(texts)}.",
    )


def shares_table(entries: Entries, attention: dict[int, Record]) -> Table | Note:
    """The same as a table, the paper's BERT-base in brackets."""
    if not attention:
        return NO_ATTENTION
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            for who, of_types in measured.shares(entries, attention, state, weighting).items():
                theirs = numbers.pattern_shares(task_name(entries), state, who, weighting)
                row: dict[str, str] = {"": f"{weighting}, {state}, {WHO[who]}"}
                for name, share in of_types.items():
                    row[name] = percent(share) + (f" ({percent(theirs[name])})" if theirs else "")
                rows.append(row)
    return Table.of(rows)


def association(
    entries: Entries, attention: dict[int, Record], *, n_draws: int = 2000, seed: int = 0
) -> Table | Note:
    """Do super-survivors attend heterogeneously? Pearson's r over maps, and how sure it is.

    The interval draws heads with replacement, because all maps of a head are of one kind: to
    count maps as if each were a head of its own makes any r look certain.
    """
    if not attention:
        return NO_ATTENTION
    survivors = survive_all(masks_of(entries))
    rng = np.random.default_rng(seed)
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            by_head = counts(attention, state, weighting)
            r = phi(survivors, by_head)
            draws = rng.integers(len(survivors), size=(n_draws, len(survivors)))
            again = np.array([phi(survivors[heads], by_head[heads]) for heads in draws])
            interval = "undefined"
            if not math.isnan(r):
                interval = within(*np.nanquantile(again, [0.025, 0.975]), signed=True)
            theirs = number(numbers.HETEROGENEOUS_R[weighting], signed=True)
            rows.append(
                {
                    "": f"{weighting}, {state}",
                    "r": number(r, signed=True),
                    "95 % interval over heads": interval,
                    "heads": f"{int(survivors.sum())} super-survivors of {len(survivors)}",
                    "maps": f"{int(by_head.sum()):,}",
                    "paper, over all tasks": theirs if state == "fine-tuned" else "",
                }
            )
    return Table.of(rows)
