"""Contact sheets: many attention maps on a page, numbered, for somebody to label by eye.

python -m lottery_utils.patterns.sheets raw sheets/          48 maps a sheet, from the first
python -m lottery_utils.patterns.sheets raw sheets/ --order 7   the same maps, shuffled
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lottery_utils.errors import expanded, in_one_sentence
from lottery_utils.patterns import maps as kinds
from lottery_utils.patterns.maps import WEIGHTINGS, AnnotatedMap, load_maps, shipped

ROWS, COLUMNS = 6, 8
# Special tokens and punctuation are marked on the edges, as maps carry no words.
EDGE = {kinds.CLS: "#D55E00", kinds.SEP: "#D55E00", kinds.PUNCTUATION: "#0072B2"}


def draw(axis: Axes, shown: AnnotatedMap, title: str = "") -> None:
    """One map: rows are the tokens that attend, columns what they attend to; dark is much."""
    axis.imshow(shown.values, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    n = len(shown.values)
    for place, kind in enumerate(shown.tokens.tolist()):
        if kind in EDGE:
            axis.plot(place, -1.2, "v", color=EDGE[kind], ms=2.5, clip_on=False)
            axis.plot(-1.2, place, ">", color=EDGE[kind], ms=2.5, clip_on=False)
    axis.set(xticks=[], yticks=[], xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))
    axis.set_title(title, fontsize=8, pad=5)


def contact_sheet(maps: Sequence[AnnotatedMap], numbers: Sequence[int]) -> Figure:
    """Up to 48 maps on a page, each under its number."""
    sheet, axes = plt.subplots(ROWS, COLUMNS, figsize=(15, 11.8), dpi=100)
    for axis in axes.flat[len(maps) :]:
        axis.set_visible(False)
    for axis, shown, number in zip(axes.flat, maps, numbers, strict=False):
        draw(axis, shown, str(number))
    sheet.subplots_adjust(left=0.015, right=0.99, bottom=0.01, top=0.975, wspace=0.1, hspace=0.17)
    return sheet


def main() -> None:
    """Draw the contact sheets of a file of maps into a folder, as PNG files."""
    parser = argparse.ArgumentParser(prog="sheets", description=__doc__)
    parser.add_argument("maps", help="raw, normed, or a file of maps")
    parser.add_argument("out", type=expanded, help="the folder for the sheets")
    parser.add_argument("--order", type=int, help="shuffle by this seed: a second, blind look")
    options = parser.parse_args()
    maps = load_maps(shipped(options.maps) if options.maps in WEIGHTINGS else options.maps)
    order = np.arange(len(maps))
    if options.order is not None:
        order = np.random.default_rng(options.order).permutation(order)
    options.out.mkdir(parents=True, exist_ok=True)
    size = ROWS * COLUMNS
    for start in range(0, len(order), size):
        numbers = order[start : start + size].tolist()
        sheet = contact_sheet([maps[i] for i in numbers], numbers)
        sheet.savefig(options.out / f"{Path(options.maps).stem}-{start // size + 1:02}.png")
        plt.close(sheet)


if __name__ == "__main__":
    with in_one_sentence():
        main()
