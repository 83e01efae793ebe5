"""What the slides show of the records: figures that can be read from the last row, and sentences.

Each becomes a file NAME.html. No number of a record is written on a slide by hand.
"""

from __future__ import annotations

import argparse
import html
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.text import Text

from lottery_utils.errors import expanded, in_one_sentence
from replication.book.claim_rows import badge
from replication.book.show import COLOURS, Figure, Note, in_percent, style
from replication.book.written import OF_MEAN, OF_SEED, percent
from replication.claims.claim import WINS
from replication.claims.trial import PAPER, Trial, over_seeds, put_on_trial, sides
from replication.claims.wins import outcomes
from replication.pages import patterns, sec3_methodology
from replication.pages import sec4_1_good_subnetworks as search
from replication.pages import sec6_discussion as control
from replication.pages.released import released_stability
from replication.paper import records as release
from replication.paper.records import N_SEEDS
from replication.runs import records
from replication.runs.data_card import card
from replication.runs.records import TICKETS

SMALL, LARGE = "minilm-glue", "mpnet-glue"
TASK, SEED = "SST-2", 1337
CLAIMS = (  # those of the last slides
    "s-good-close",
    "no-losing-tickets",
    "bad-below-random-pruned",
    "bad-below-random-retrained",
    "s-masks-unstable",
    "not-heterogeneous",
)
POINTS = 15  # the smallest type of a figure: 21 pixels on a slide of 1280 by 720


class Said(Note):
    """A sentence or a table as HTML, not in a box."""

    def _repr_html_(self) -> str:
        return self.text


def projected(figure: Figure, width: float, height: float) -> Figure:
    """The same figure for a projector: so many hundred pixels of a slide, with large type."""
    drawing = figure.drawing
    drawing.set_size_inches(width, height)
    for axis in drawing.axes:
        if legend := axis.get_legend():  # outside, where it covers nothing
            legend.remove()
            drawing.legend(*axis.get_legend_handles_labels(), loc="outside right upper")
    for text in drawing.findobj(Text):
        text.set_fontsize(max(POINTS, text.get_fontsize() * 1.4))
    for line in drawing.findobj(Line2D):
        line.set_markersize(line.get_markersize() * 1.5)
        line.set_linewidth(line.get_linewidth() * 1.5)
    for axis in drawing.axes:
        axis.tick_params(labelsize=POINTS)
    return Figure(drawing, figure.caption, figure.alt, font=POINTS)


def reach(numbers: Iterable[int]) -> str:
    """How many: `3`, or `1 to 3`."""
    found = sorted({*numbers})
    return " to ".join(str(n) for n in dict.fromkeys((found[0], found[-1])))


@cache
def trial(study: str = SMALL) -> Trial:
    return put_on_trial(study)


@style()
def models() -> Figure:
    """What the three kinds retain in each model, over its tasks: the first page's numbers."""
    shown = sides(trial()) | sides(trial(LARGE))  # a model of three tasks or more
    drawing, axis = plt.subplots(layout="constrained")
    said, rows = [], []
    for row, name in enumerate(sorted(shown, key=lambda name: name == PAPER)):
        for up, (kind, judged) in zip((-0.25, 0.0, 0.25), shown[name].items(), strict=True):
            found, means, colour = judged.found, [*judged.means.values()], COLOURS[kind]
            assert found is not None
            axis.plot(means, [row + up] * len(means), "o", color=colour, ms=4, alpha=0.45)
            axis.plot([found.low, found.high], [row + up] * 2, color=colour, lw=2)
            axis.plot(found.mean, row + up, "D", color=colour, ms=7, label="" if row else kind)
            said.append(f"{name}, {kind}: {percent(found.mean)}")
        n = reach(of.found.n for of in shown[name].values() if of.found)
        rows.append("\n".join([*name.split(", "), f"{n} tasks"]))
    finish(axis, rows)
    return Figure.of(
        drawing,
        "Diamonds: means over the tasks that each model learned, with 95 % CI over tasks. "
        "Dots: single tasks.",
        f"Dot plot of retained gain by model and kind of ticket. {'; '.join(said)}.",
    )


@style()
def tasks(side: str) -> Figure:
    """What the three kinds retain on every task that a side has learned."""
    found = {kind: over_seeds(trial(), side, kind) for kind in TICKETS}
    names = sorted(found["bad"], key=lambda task: -found["bad"][task].mean)
    drawing, axis = plt.subplots(layout="constrained")
    for row, task in enumerate(names):
        for up, kind in zip((-0.25, 0.0, 0.25), TICKETS, strict=True):
            of, values, colour = found[kind][task], seeds(side, kind)[task], COLOURS[kind]
            if side == PAPER:
                axis.plot([of.low, of.high], [row + up] * 2, color=colour, lw=2)
            else:
                axis.plot(values, [row + up] * len(values), "o", color=colour, ms=4, alpha=0.6)
            axis.plot(of.mean, row + up, "D", color=colour, ms=5, label="" if row else kind)
    finish(axis, names)
    n = reach([N_SEEDS] if side == PAPER else map(len, seeds(side, "bad").values()))
    how = "lines: 95 % CI over" if side == PAPER else "dots:"
    bad = [f"{task} {percent(found['bad'][task].mean)}" for task in names]
    return Figure.of(
        drawing,
        f"{side}. Diamonds: means, {how} {n} seeds.",
        f"Dot plot of retained gain by task and ticket, {side}; bad: {'; '.join(bad)}.",
    )


def seeds(side: str, kind: str) -> dict[str, list[float]]:
    """What one kind of ticket retains in a side, by task: a value for each seed on record."""
    return sides(trial())[side][kind].values


@style()
def start() -> Figure:
    """Good tickets trained from three kinds of weights, on every task that has this control."""
    entries = {
        t: of for t, of in records.load(SMALL, also=["control"]).items() if of.stage("control")
    }
    drawing, axis = plt.subplots(layout="constrained")
    said = []
    for row, (task, of) in enumerate(entries.items()):
        for (state, label), marker in zip(control.STATES.items(), "os^", strict=True):
            kept = [control.retained(of, seed, "good", state) for seed in of.stage("control")]
            look = {"color": COLOURS["good"], "ms": 7, "label": "" if row else label}
            look["mfc"] = COLOURS["good"] if marker == "o" else "white"
            axis.plot(kept, [row] * len(kept), marker, **look)
            said.append(f"{task}, {label}: {percent(np.mean(kept))}")
    finish(axis, [*entries], OF_SEED)
    n = reach(len(of.stage("control")) for of in entries.values())
    return Figure.of(
        drawing,
        f"Good tickets of MiniLM-L6 on GLUE, {n} seeds a task.",
        f"Dot plot of retained gain by task and kind of weights. {'; '.join(said)}.",
    )


def finish(axis: matplotlib.axes.Axes, rows: Sequence[str], label: str = OF_MEAN) -> None:
    axis.axvline(WINS, color="0.5", lw=1, ls="--", zorder=0)
    axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(-0.6, 1.5)  # the same on all slides; a wide interval runs out of the picture
    in_percent(axis.xaxis)
    axis.set_xlabel(label)
    axis.figure.legend(loc="outside right upper")


def won(side: str) -> Said:
    """On how many tasks bad tickets win and lose, by their intervals over seeds."""
    found = over_seeds(trial(), side)
    words = ("win on", "lose on", "are inconclusive on")
    rows = [
        f"<li><strong>{word}</strong> {len(of)}{': ' if of else ''}{', '.join(of)}</li>"
        for word, of in zip(words, outcomes(found).values(), strict=True)
    ]
    return Said(f"<p>Of {len(found)} tasks, bad tickets</p><ul>{''.join(rows)}</ul>")


def data() -> Said:
    """How many examples the small model was trained on, and of which tasks not GLUE's files."""
    cards = [card(trial().study, task, trial().store) for task in trial().learned]
    parts = ", ".join(one.task for one in cards if not one.has_official_sizes)
    n = max(one.used["train"] or 0 for one in cards)
    return Said(
        f"<p>At most {n:,} training examples a task. {parts}: cut or sampled from GLUE's files, as "
        "their pages say.</p>"
    )


def below() -> Said:
    """On how many tasks the released bad tickets score below the random ones."""
    found = release.load()
    of = [release.scores(found, task) for task in over_seeds(trial(), PAPER)]
    rows = []
    for state in ("pruned", "retrained"):
        n = sum(one[f"bad, {state}"].mean < one[f"random, {state}"].mean for one in of)
        rows.append(f"<li><strong>{state}</strong>: on {n} of {len(of)} tasks</li>")
    return Said(f"<p>Bad scores below random, by the means:</p><ul>{''.join(rows)}</ul>")


def verdicts() -> Said:
    """The verdicts of some claims, for the small model and as released."""
    both = zip(trial().ours, trial().theirs, strict=True)
    rows = [
        f"<tr><td>{html.escape(ours.claim.text)}</td>"
        + "".join(f"<td>{badge(one._replace(why=''))}</td>" for one in (ours, theirs))
        + "</tr>"
        for ours, theirs in both
        if ours.claim.key in CLAIMS
    ]
    head = f"<tr><th>The paper</th><th>MiniLM-L6, GLUE</th><th>{PAPER}</th></tr>"
    return Said(f'<table class="verdicts">{head}{"".join(rows)}</table>')


def maps() -> Figure:
    """A few maps of each type, their names in full."""
    figure = patterns.gallery("raw", 4)
    for axis in figure.drawing.axes:
        axis.set_xlabel("")
        axis.set_ylabel(axis.get_ylabel().replace("-\n", ""), rotation=0, ha="right", va="center")
    return projected(figure, 7.6, 5.4)


def one_seed() -> records.TaskRecords:
    return records.load(SMALL, TASK)[TASK].of_seeds([SEED])


FIGURES: dict[str, Callable[[], Figure | Note]] = {
    "importance": lambda: projected(sec3_methodology.importance(one_seed()), 11, 4.4),
    "search": lambda: projected(search.search_curve(one_seed()), 11.5, 4.4),
    "models": lambda: projected(models(), 11.5, 4.6),
    "small": lambda: projected(tasks(trial().name), 7.6, 5.2),
    "small_won": lambda: won(trial().name),
    "data": data,
    "released": lambda: projected(tasks(PAPER), 7.6, 5.2),
    "released_won": lambda: won(PAPER),
    "below": below,
    "start": lambda: projected(start(), 11.5, 4.4),
    "kappa": lambda: projected(released_stability.kappa_plot(release.load()), 11.5, 4.4),
    "maps": maps,
    "verdicts": verdicts,
}


def main(folder: Path) -> None:
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / f"{name}.html").write_text(draw()._repr_html_(), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=expanded)
    with in_one_sentence():
        main(parser.parse_args().folder)
