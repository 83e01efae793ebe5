"""What a notebook shows: figures, tables and notes, in one style, with numbers written one way.

Captions and alternative texts are made with the figure, so that both name the task, the
units and the number of seeds it was really drawn from.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from replication.book.written import percent
from replication.runs.records import KIND_LABELS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.image import AxesImage


T = TypeVar("T")
# Okabe and Ito's palette: told apart by readers with any common colour vision.
COLOURS = {
    "full": "#000000",
    "good": "#0072B2",
    "random": "#E69F00",
    "bad": "#D55E00",
    "super": "#0072B2",
    "in_between": "#E69F00",
    "anti": "#D55E00",
    "largest_removed": "#CC79A7",
    "majority": "#7F7F7F",
}
# None of a ticket; after Okabe and Ito, and Tol.
SEED_COLOURS = ("#009E73", "#882255", "#56B4E9", "#332288", "#999933", "#CC79A7", "#000000")


MISSING = " lottery-missing"  # class of a note that stands for what there is not
LARGE = 11.5  # points: 11 px on a phone, in a figure that is at most WIDEST
WIDEST = 4.95  # inches, with its margins


@contextmanager
def style(font: float = 10) -> Iterator[None]:
    """The look of every figure, for as long as one is drawn: `@style()` above what draws it.

    `font` is the size of its text in points. A page shows 100 px of a figure to the inch, and a
    phone 350 px of any figure.
    """
    import matplotlib.style

    look = Path(__file__).with_name("lottery.mplstyle")
    sizes = {"font.size": font, "axes.titlesize": font + 1}
    with matplotlib.style.context([look, sizes]):
        yield


@dataclass(frozen=True)
class Figure:
    """A drawn figure as one HTML element; notebooks and the book show it as it is.

    `drawing` is the Matplotlib figure: what it shows can be read from its axes. The book numbers
    it, and prose refers to it by its `label`: {numref}`label` (`book/_ext/numbered.py`).
    """

    drawing: MatplotlibFigure = field(repr=False)
    caption: str
    alt: str
    label: str = ""
    font: float = 10

    @classmethod
    def of(cls, drawing: MatplotlibFigure, caption: str, alt: str, label: str = "") -> Figure:
        import matplotlib.pyplot as plt

        plt.close(drawing)  # a notebook shows what stays open a second time
        return cls(drawing, caption, alt, label, plt.rcParams["font.size"])

    @cached_property
    def png(self) -> bytes:
        buffer = io.BytesIO()
        with style(self.font):  # ticks get their size when they are drawn
            self.drawing.savefig(buffer, format="png", facecolor="white")
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode()
        wide = int.from_bytes(self.png[16:20], "big")  # as a PNG's header says; drawn at 150 dpi
        return (
            f'<figure class="lottery-figure"{named_by(self.label)}>'
            f'<img alt="{html.escape(self.alt)}" width="{wide * 100 // 150}" '
            f'src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.caption)}"
            "</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


@dataclass(frozen=True)
class Table:
    """A table, its cells shown whole; `frame` has what they say. With `links`, cells are HTML.

    With a caption the book numbers it, and prose refers to it by its `label`, as to a figure.
    """

    frame: pd.DataFrame
    classes: str = ""
    links: bool = False
    caption: str = ""
    label: str = ""

    @classmethod
    def of(
        cls,
        rows: Iterable[Mapping[str, Any]],
        name: str | None = None,
        *,
        caption: str = "",
        label: str = "",
    ) -> Table:
        """A row from each mapping: its first entry names the row, the others are cells by column.

        A cell that a row lacks is empty. `name` is what the rows' names are.
        """
        import pandas as pd  # which figures do not need: it takes a third of a second

        frame = pd.DataFrame(list(rows)).fillna("")
        frame = frame.set_index(frame.columns[0]).rename_axis(name)
        return cls(frame, caption=caption, label=label)

    def _repr_html_(self) -> str:
        import pandas as pd

        # What the rows' names are belongs above them, not into a row of its own.
        frame, name = self.frame, self.frame.index.name
        if name is not None:
            frame = frame.rename_axis(index=None, columns=str(name))
        with pd.option_context("display.max_colwidth", None):
            shown = str(
                frame.to_html(
                    classes=self.classes or None,
                    escape=not self.links,
                    border=0 if self.classes else 1,
                    notebook=not self.classes,
                )
            )
        if not self.caption:
            return shown
        head, tag, rest = shown.partition("<table")
        attributes, _, rows = rest.partition(">")
        caption = f"<caption>{html.escape(self.caption)}</caption>"
        return f"{head}{tag}{named_by(self.label)}{attributes}>{caption}{rows}"

    def __repr__(self) -> str:
        return repr(self.frame)


def named_by(label: str) -> str:
    """The attribute by which an element is linked to; none without a label."""
    return f' id="{html.escape(label)}"' if label else ""


@dataclass(frozen=True)
class Folded:
    """A table to look things up in, under a line that unfolds it."""

    summary: str
    table: Table

    def _repr_html_(self) -> str:
        return (
            f'<details class="lottery-folded"><summary>{html.escape(self.summary)}</summary>'
            f"{self.table._repr_html_()}</details>"
        )

    def __repr__(self) -> str:
        return f"{self.summary}\n{self.table!r}"


def captioned(found: Any, caption: str, label: str = "") -> Any:
    """A table with its caption, and the label by which prose refers to it; a note, or nothing, as
    it is."""
    return replace(found, caption=caption, label=label) if hasattr(found, "caption") else found


def folded(found: Any, summary: str) -> Any:
    """A table to look things up in, under a line that unfolds it; a note, or nothing, as it is."""
    return Folded(summary, found) if isinstance(found, Table) else found


@dataclass(frozen=True)
class Note:
    """A sentence or two in the page's own voice; `kind` is `note` or `warning`. One that is
    `missing` says why there is nothing to show."""

    text: str
    kind: str = "note"
    missing: bool = False

    def _repr_html_(self) -> str:
        title = self.kind.capitalize()
        return (
            f'<div class="admonition {self.kind}{MISSING * self.missing}">'
            f'<p class="admonition-title">{title}</p>'
            f"<p>{html.escape(self.text)}</p></div>"
        )

    def __repr__(self) -> str:
        return f"{self.kind.capitalize()}: {self.text}"


@dataclass(frozen=True)
class Finding:
    """What a page found, with its numbers, 95 % CI and n: the first thing that it says.

    At most 40 words; what else it found is `more`, a paragraph below. `links` are addresses by
    words of either that lead there.
    """

    text: str
    links: Mapping[str, str] = field(default_factory=dict)
    more: str = ""

    def _repr_html_(self) -> str:
        text = f'<p class="lottery-finding">{html.escape(self.text)}</p>'
        text += f"<p>{html.escape(self.more)}</p>" if self.more else ""
        for words, address in self.links.items():
            link = f'<a href="{html.escape(address)}">{html.escape(words)}</a>'
            text = text.replace(html.escape(words), link, 1)
        return text

    def __repr__(self) -> str:
        return f"{self.text} {self.more}".rstrip()


NO_MAGNITUDE = Note(
    "Magnitude pruning is not on record here. The command lottery run adds it; where the study "
    "leaves it out, with the option --set magnitude_tasks=null.",
    missing=True,
)


def coloured(of_seeds: Mapping[int, T]) -> Iterator[tuple[str, int, T]]:
    """A colour for each seed, the seed, and what is mapped to it."""
    for colour, (seed, of_seed) in zip(cycle(SEED_COLOURS), of_seeds.items(), strict=False):
        yield colour, seed, of_seed


def gains(
    axis: Axes,
    rows: Mapping[str, Mapping[str, Sequence[float]]],
    kinds: Sequence[str],
    threshold: float,
    hollow: Collection[tuple[str, str, int]] = (),
) -> None:
    """Draw what tickets retain of the full model's gain: a row for each of `rows`, and in it for
    each kind its seeds as points above their mean as a stroke; right of `threshold` a ticket wins.

    `hollow` points are named by row, kind and place.
    """
    step = 0.8 / len(kinds)
    for place, (name, of) in enumerate(rows.items()):
        for i, kind in enumerate(kinds):
            values, colour = of.get(kind, ()), COLOURS[kind]
            y = place + step * (i - (len(kinds) - 1) / 2)
            for n, value in enumerate(values):
                face = "white" if (name, kind, n) in hollow else colour
                axis.plot(value, y, "o", color=colour, mfc=face, ms=5)
            if len(values) > 1:
                mean = float(np.mean(values))
                axis.plot([mean] * 2, [y - step / 2, y + step / 2], color=colour, lw=2.5)
        if place:
            axis.axhline(place - 0.5, color="0.88", lw=1, zorder=0)
    for kind in kinds:
        axis.plot([], [], "o", color=COLOURS[kind], label=KIND_LABELS[kind])
    axis.axvline(threshold, color="0.5", lw=1, ls="--", zorder=0)
    axis.axvline(1, color=COLOURS["full"], lw=1, zorder=0)
    axis.set_yticks(range(len(rows)), [*rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.locator_params(axis="x", nbins=6)
    in_percent(axis.xaxis)


def in_percent(axis: Axis) -> None:
    """Write an axis of retained gain, or of another share, in percent, as all texts do."""
    axis.set_major_formatter(lambda share, _: percent(share))


def layer_map(
    axis: Axes,
    values: npt.NDArray[Any],
    title: str = "",
    *,
    limits: tuple[float, float] = (0, 1),
    columns: Sequence[str] | None = None,
) -> AxesImage:
    """Draw `values` (layers, columns), the lowest layer at the bottom; yellow is high.

    Columns are heads, numbered from 1 (every other one where there are many), unless named.
    """
    n_layers, n_columns = values.shape
    image = axis.imshow(
        values, cmap="cividis", vmin=limits[0], vmax=limits[1], origin="lower", aspect="auto"
    )
    places = range(0, n_columns, 1 if columns or n_columns <= 8 else 2)
    axis.set_xticks(places, columns or [str(x + 1) for x in places])
    axis.set_yticks(range(n_layers), [str(y + 1) for y in range(n_layers)])
    axis.set(ylabel="layer", title=title, **({} if columns else {"xlabel": "head"}))
    return image


def component_map(
    axis: Axes,
    heads: npt.NDArray[Any],
    mlps: npt.NDArray[Any],
    title: str,
    limits: tuple[float, float] = (0, 1),
) -> AxesImage:
    """A `layer_map` of heads (layers, heads) with the MLPs (layers,) as its last column."""
    image = layer_map(axis, np.column_stack([heads, mlps]), title, limits=limits)
    n = heads.shape[1]
    places = [int(x) for x in axis.get_xticks() if x < n]
    axis.set_xticks([*places, n], [*(str(x + 1) for x in places), "MLP"])
    axis.axvline(n - 0.5, color="white", linewidth=2)
    return image


def write_cells(
    axis: Axes,
    texts: Sequence[str],
    dark: npt.NDArray[np.bool_],
    linespacing: float = 1.2,
) -> None:
    """Write a text into each cell of a map, row by row, in white where `dark` (rows, columns)."""
    for text, ((y, x), is_dark) in zip(texts, np.ndenumerate(dark), strict=True):
        colour = "white" if is_dark else "black"
        axis.text(
            x, y, text, ha="center", va="center", color=colour, fontsize=LARGE,
            linespacing=linespacing,
        )  # fmt: skip


def scripted(name: str, classes: str, data: Any, otherwise: str) -> str:
    """The element that a script draws in, and its data; without scripts, what to read instead.

    The name is its id, with an underscore: a heading's never has one, so that no title takes it.
    """
    # "</script>" inside of a string would end the element.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div id="{name}" class="{classes}"><noscript><p>{otherwise}</p></noscript></div>'
        f'<script type="application/json" id="{name}-data">{text}</script>'
    )
