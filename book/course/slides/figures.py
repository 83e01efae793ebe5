"""What the slides show of the records: figures that can be read from the last row, and sentences.

Each becomes a file NAME.html. No number of a record is written on a slide by hand.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.text import Text

from replication.book.claim_rows import badge
from replication.book.show import COLOURS, Figure, Note, style
from replication.claims.claim import WINS
from replication.claims.trial import PAPER, put_on_trial
from replication.claims.verdicts import INCONCLUSIVE
from replication.claims.wins import outcome
from replication.pages import patterns, released_stability, sec3_methodology
from replication.pages import sec4_1_good_subnetworks as search
from replication.pages import sec6_discussion as control
from replication.pages.sizes import Compared, Side, mean_over
from replication.paper import records as release
from replication.runs import records
from replication.runs.records import TICKETS
from replication.store import Store

SMALL, LARGE, CURVE = "minilm-glue", "mpnet-glue", "minilm-size"
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


def compared() -> Compared:
    return Compared(SMALL, LARGE, CURVE, release.load(), Store())


def seeds(side: Side) -> str:
    """How many seeds the tasks of a model have."""
    numbers = sorted({release.N_SEEDS if of.errors else of.n for of in side.tasks.values()})
    return " to ".join(str(n) for n in dict.fromkeys((numbers[0], numbers[-1])))


@style()
def models() -> Figure:
    """What the three kinds retain in three models, on average over the tasks that each learned."""
    sides = [side for side in compared().models if side.tasks]
    drawing, axis = plt.subplots(layout="constrained")
    said, rows = [], []
    for row, side in enumerate(sides):
        n = f"{len(side.tasks)} tasks" if len(side.tasks) > 1 else "1 task"
        rows.append(f"{side.name.split(',')[0]}\n{n}, {seeds(side)} seeds")
        for up, kind in zip((-0.25, 0.0, 0.25), TICKETS, strict=True):
            found, colour = mean_over(side, [*side.tasks], kind), COLOURS[kind]
            single = [float(np.mean(of.retained[kind])) for of in side.tasks.values()]
            axis.plot(single, [row + up] * len(single), "o", color=colour, ms=4, alpha=0.45)
            axis.plot([found.low, found.high], [row + up] * 2, color=colour, lw=2)
            axis.plot(found.mean, row + up, "D", color=colour, ms=7, label="" if row else kind)
            said.append(f"{side.name}, {kind}: {found.mean:.0%}")
    finish(axis, rows)
    return Figure.of(
        drawing,
        "Diamonds: means over the tasks that each model learned, with 95 % CI over seeds. "
        "Dots: single tasks.",
        f"Dot plot of retained gain by model and kind of ticket. {'; '.join(said)}.",
    )


@style()
def tasks(side: Side) -> Figure:
    """What the three kinds retain on every task that a model has learned."""
    names = sorted(side.tasks, key=lambda task: -float(np.mean(side.tasks[task].retained["bad"])))
    drawing, axis = plt.subplots(layout="constrained")
    for row, task in enumerate(names):
        for up, kind in zip((-0.25, 0.0, 0.25), TICKETS, strict=True):
            found, values = mean_over(side, [task], kind), side.tasks[task].retained[kind]
            if side.tasks[task].errors:
                axis.plot([found.low, found.high], [row + up] * 2, color=COLOURS[kind], lw=2)
            else:
                axis.plot(
                    values, [row + up] * len(values), "o", color=COLOURS[kind], ms=4, alpha=0.6
                )
            axis.plot(
                found.mean, row + up, "D", color=COLOURS[kind], ms=5, label="" if row else kind
            )
    finish(axis, names)
    how = "lines: 95 % CI over" if side.tasks[names[0]].errors else "dots:"
    bad = [f"{task} {np.mean(side.tasks[task].retained['bad']):.0%}" for task in names]
    return Figure.of(
        drawing,
        f"{side.name}. Diamonds: means, {how} {seeds(side)} seeds.",
        f"Dot plot of retained gain by task and ticket, {side.name}; bad: {'; '.join(bad)}.",
    )


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
            said.append(f"{task}, {label}: {np.mean(kept):.0%}")
    finish(axis, [*entries])
    n = sorted({len(of.stage("control")) for of in entries.values()})
    return Figure.of(
        drawing,
        f"Good tickets of MiniLM-L6 on GLUE, {' to '.join(map(str, n))} seeds a task.",
        f"Dot plot of retained gain by task and kind of weights. {'; '.join(said)}.",
    )


def finish(axis: matplotlib.axes.Axes, rows: Sequence[str]) -> None:
    axis.axvline(WINS, color="0.5", lw=1, ls="--", zorder=0)
    axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(-0.6, 1.5)  # the same on all slides; a wide interval runs out of the picture
    axis.set_xlabel("retained gain (1: full model, 0: majority baseline)")
    axis.figure.legend(loc="outside right upper")


def won(side: Side) -> Said:
    """On how many tasks bad tickets win and lose, by their intervals over seeds."""
    by: dict[str, list[str]] = {"wins": [], "loses": [], INCONCLUSIVE: []}
    for task in side.tasks:
        by[outcome(mean_over(side, [task], "bad"))].append(task)
    words = ("win on", "lose on", "are inconclusive on")
    rows = [
        f"<li><strong>{word}</strong> {len(of)}{': ' if of else ''}{', '.join(of)}</li>"
        for word, of in zip(words, by.values(), strict=True)
    ]
    return Said(f"<p>Of {len(side.tasks)} tasks, bad tickets</p><ul>{''.join(rows)}</ul>")


def below() -> Said:
    """On how many tasks the released bad tickets score below the random ones."""
    found = release.load()
    of = [release.scores(found, task) for task in compared().released.tasks]
    rows = []
    for state in ("pruned", "retrained"):
        n = sum(one[f"bad, {state}"].mean < one[f"random, {state}"].mean for one in of)
        rows.append(f"<li><strong>{state}</strong>: on {n} of {len(of)} tasks</li>")
    return Said(f"<p>Bad scores below random, by the means:</p><ul>{''.join(rows)}</ul>")


def verdicts() -> Said:
    """The verdicts of some claims, for the small model and as released."""
    trial = put_on_trial(SMALL)
    rows = [
        f"<tr><td>{html.escape(ours.claim.text)}</td>"
        + "".join(f"<td>{badge(one._replace(why=''))}</td>" for one in (ours, theirs))
        + "</tr>"
        for ours, theirs in zip(trial.ours, trial.theirs, strict=True)
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
    "small": lambda: projected(tasks(compared().small), 7.6, 5.2),
    "small_won": lambda: won(compared().small),
    "released": lambda: projected(tasks(compared().released), 7.6, 5.2),
    "released_won": lambda: won(compared().released),
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
    main(Path(sys.argv[1]))
