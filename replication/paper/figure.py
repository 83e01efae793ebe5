"""The heights of the bars in the authors' figure of s-pruned subnetworks, read from its PDF.

Nine panels, one a task, each with a bar for each of `BARS`, from left to right. Heights are in
points (1/72 inch) and start at a score of 0, so that those of one panel compare as scores do.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from lottery_utils.errors import UserError

PANELS = ("MNLI", "QNLI", "RTE", "MRPC", "QQP", "SST-2", "CoLA", "STS-B", "WNLI")
BARS = (
    "majority", "full", "good, pruned", "good, retrained", "random, pruned", "random, retrained",
    "bad, pruned", "bad, retrained",
)  # fmt: skip
# A bar as Matplotlib writes it: filled with a pattern, from its lower left corner around.
BAR = re.compile(
    rb"/Pattern cs /H\d+ scn\s+([\d.]+) ([\d.]+) m\s+[\d.]+ \2 l\s+[\d.]+ ([\d.]+) l\s+\1 \3 l"
)


def heights(path: Path) -> dict[str, dict[str, float]]:
    """By task and bar, in points. Raises `UserError` where the file is not that figure."""
    try:
        streams = re.findall(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL)
        pages = [zlib.decompressobj().decompress(stream) for stream in streams]
    except (OSError, zlib.error) as error:
        raise UserError(f"The figure {path} cannot be read ({error}); fetch it again.") from error
    found = [float(bar[2]) - float(bar[1]) for page in pages for bar in BAR.findall(page)]
    n = len(BARS)
    if len(found) < n * len(PANELS):
        raise UserError(
            f"The figure {path} has {len(found)} bars: expected {n} in each of {len(PANELS)} "
            "panels, as in the authors' figure of s-pruned subnetworks; fetch it again."
        )
    return {
        task: {bar: round(height, 4) for bar, height in zip(BARS, found[n * i :], strict=False)}
        for i, task in enumerate(PANELS)
    }
