"""From the start of a notebook's kernel to its first figure, where it only reads records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.alternate import Prepared, Row, Setting, alternate

READING = (
    "from replication.pages import overview; from replication.runs import records; "
    "overview.plot(records.load('glue-small', None)).png"
)


def rows(setting: Setting) -> Iterator[Row]:
    """One row: the overview's first figure in a fresh Python."""

    def python(code: str) -> Prepared:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    yield Row(
        "start of a reading notebook",
        "a fresh Python to the first figure of the overview, from committed records",
        {"ours": "reads records only", "theirs": "imports torch and transformers first"},
        alternate(
            setting,
            {
                "ours": lambda: python(READING),
                "theirs": lambda: python(f"import torch, transformers; {READING}"),
            },
        ),
        "the same figure",
        {},
        {"goal_seconds": 2.5},
    )
