"""What a notebook shows: a figure with a caption that can be read alone, or a note.

Captions and alternative texts are made with the figure, so that both name the task, the
units and the number of seeds it was really drawn from.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

# Okabe and Ito's palette: told apart by readers with any common colour vision.
COLOURS = {
    "full": "#000000",
    "good": "#0072B2",
    "random": "#E69F00",
    "bad": "#D55E00",
    "largest_removed": "#CC79A7",
    "majority": "#7F7F7F",
}
SEED_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "figure.dpi": 100,
    "font.size": 10,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "savefig.dpi": 150,
}


@dataclass(frozen=True)
class Figure:
    """A drawn figure as one HTML element; notebooks and the book show it as it is."""

    png: bytes
    caption: str
    alt: str

    @classmethod
    def of(cls, drawing: MatplotlibFigure, caption: str, alt: str) -> Figure:
        import matplotlib.pyplot as plt

        buffer = io.BytesIO()
        drawing.savefig(buffer, format="png", facecolor="white")
        plt.close(drawing)
        return cls(buffer.getvalue(), caption, alt)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode()
        return (
            f'<figure class="lottery-figure"><img alt="{html.escape(self.alt)}" '
            f'src="data:image/png;base64,{data}"><figcaption>{html.escape(self.caption)}'
            "</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


@dataclass(frozen=True)
class Note:
    """A sentence or two in the page's own voice; `kind` is `note` or `warning`."""

    text: str
    kind: str = "note"

    def _repr_html_(self) -> str:
        title = self.kind.capitalize()
        return (
            f'<div class="admonition {self.kind}"><p class="admonition-title">{title}</p>'
            f"<p>{html.escape(self.text)}</p></div>"
        )

    def __repr__(self) -> str:
        return f"{self.kind.capitalize()}: {self.text}"
