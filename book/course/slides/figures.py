"""The figures of the slides: drawn from committed records by the functions that draw the book's.

Each becomes a file NAME.html, as a notebook shows it, with its caption and alternative text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

from replication.book.show import Figure, Note
from replication.pages import (
    patterns,
    released_stability,
    released_tickets,
    sec3_methodology,
    sec4_1_good_subnetworks,
    sec4_2_good_random_bad,
    sec6_discussion,
)
from replication.paper import records as release
from replication.runs import records
from replication.runs.records import TaskRecords
from replication.store import Store

STUDY, TASK, SEED = "glue-small", "SST-2", 1337


def entries() -> TaskRecords:
    return records.load(STUDY, TASK, also=["control"])[TASK]


FIGURES: dict[str, Callable[[], Figure | Note]] = {
    "importance": lambda: sec3_methodology.importance(entries().of_seeds([SEED])),
    "search": lambda: sec4_1_good_subnetworks.search_curve(entries()),
    "tickets": lambda: sec4_2_good_random_bad.ticket_plot(
        entries(), release.beside(Store(), [TASK])
    ),
    "released_tickets": lambda: released_tickets.plot(release.load()),
    "control": lambda: sec6_discussion.plot(entries()),
    "released_kappa": lambda: released_stability.kappa_plot(release.load()),
    "maps": lambda: patterns.gallery("raw", 5),
}


def main(folder: Path) -> None:
    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / f"{name}.html").write_text(draw()._repr_html_(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
