"""The stamps that Snakemake's jobs leave, which say nothing once their records are gone; and what
it made while a clock was ahead."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from replication.files import BusyError, alone, refuse
from replication.runs.jobs import Job
from replication.runs.status import in_cache, undone
from replication.store import Store
from replication.study import Study


def stale(jobs: Mapping[str, Job], study: Study, store: Store) -> list[str]:
    """The jobs whose records are gone or out of date; but no ticket that waits in the cache for its
    record to be gathered, which is not computed again."""
    left = set(undone(study, store))

    def waits(job: Job) -> bool:
        return job.ticket is not None and in_cache(study, *job.records[0], job.ticket, store)

    return [n for n, job in jobs.items() if left.intersection(job.records) and not waits(job)]


def clear_stale(folder: Path, stale: Iterable[str], *, runs: bool) -> ExitStack:
    """Remove these stamps, unless another Snakemake computes by them: it waits for its stamps.

    Where this one `runs` too, and does not only look, no other removes any for as long as what is
    returned is kept.
    """
    held = ExitStack()
    found = [path for name in stale if (path := folder / name).exists()]
    if found or runs:
        # Who only looks is at it for a moment, which who runs can wait for.
        with alone(folder / "clearing"), suppress(BusyError):
            held.enter_context(alone(folder / "running", refuse))
            for path in found:
                path.unlink(missing_ok=True)
            if not runs:
                held.close()
    return held


def of_no_time(paths: Iterable[str]) -> None:
    """Let these files, where a clock that was ahead made them, be older than all that they are made
    from: records that have changed since would seem older. So with 0, which Snakemake passes over.
    """
    for path in map(Path, paths):
        if path.is_file() and not 0 < path.stat().st_mtime < time.time() + 60:  # servers' differ
            os.utime(path, (1, 1))
