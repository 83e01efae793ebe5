"""The stamps that Snakemake's jobs leave, which say nothing once their records are gone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from replication.files import BusyError, alone, refuse

_running = ExitStack()  # closed by the end of this process


def clear_stale(folder: Path, stale: Iterable[str], *, runs: bool) -> None:
    """Remove these stamps, unless another Snakemake computes by them: it waits for its stamps.

    Where this one `runs` too, and does not only look, no other removes any until it ends.
    """
    found = [path for name in stale if (path := folder / name).exists()]
    if not found and not runs:
        return
    with ExitStack() as now:
        try:
            (_running if runs else now).enter_context(alone(folder / "running", refuse))
        except BusyError:
            return
        for path in found:
            path.unlink(missing_ok=True)
