"""Attention types to look at (section 5.2): a gallery, confusions, and shares by head."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.patterns.maps import TYPES, WEIGHTINGS, load_maps, shipped
from lottery_utils.patterns.sheets import draw
from lottery_utils.patterns.sorter import chosen
from lottery_utils.patterns.validation import confusion, read
from replication.pages import pattern_tables
from replication.pages.pattern_tables import NO_ATTENTION, STATES, WHO
from replication.pages.show import STYLE, Figure, Note
from replication.paper import numbers
from replication.runs.recorded import Entries, seeds_text, task_name
from replication.store import Record

plt.style.use(STYLE)

TYPE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999")


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


def confusions() -> Figure:
    """What the better classifier takes each type for, on heads that it has not seen."""
    found = read()
    drawing, axes = plt.subplots(1, 2, figsize=(9, 3.9), sharey=True, layout="constrained")
    rights = []
    for axis, weighting in zip(axes, WEIGHTINGS, strict=True):
        truth = [m.label for m in load_maps(shipped(weighting))]
        better = chosen(weighting)
        table = confusion(truth, found[weighting][better])
        share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
        for (i, j), n in np.ndenumerate(table):
            colour = "white" if share[i, j] < 0.5 else "black"
            axis.text(j, i, str(n), ha="center", va="center", color=colour, fontsize=9)
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


def shares(entries: Entries, attention: dict[int, Record]) -> Figure | Note:
    """Types of super-survivors' maps and of all heads', here and in the paper."""
    if not attention:
        return NO_ATTENTION
    task = task_name(entries)
    bars: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for weighting in WEIGHTINGS:
        for state in STATES:
            ours = pattern_tables.shares(entries, attention, state, weighting)
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
    fine = pattern_tables.shares(entries, attention, "fine-tuned", "raw")
    texts = [f"{WHO[who]} {of['heterogeneous']:.0%} heterogeneous" for who, of in fine.items()]
    return Figure.of(
        drawing,
        f"Types of attention maps on {task}, sorted by the better of two classifiers: {n} "
        f"validation examples, {seeds_text(attention)}. Super-survivors and all heads are in the "
        "same intact model. The paper's super-survivors are in a pruned BERT-base, its other "
        "heads in the intact one, and its classifier was trained on other maps.",
        f"Stacked bars for {task}; raw maps of the fine-tuned model: {', '.join(texts)}.",
    )
