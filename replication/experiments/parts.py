"""A stage's parts: trainings and searches that do not wait for each other, each a job of its own.

An experiment that has some names them in the table of stages and gives, beside `compute`, a
function `parts(entry, made_from)`: by name the type of what a part finds, and how to find it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from lottery_utils import data
from lottery_utils.errors import UserError
from replication.experiments.entry import Entry
from replication.files import alone
from replication.stages import in_file_name


class Part(NamedTuple):
    """The type of what a part finds, and the function that does."""

    found: Any
    find: Callable[[], Any]

    @property
    def kind(self) -> Any:
        """The type of its journal's line: how it was run, and what it found."""
        return tuple[dict[str, Any], self.found]  # type: ignore[name-defined]


def known(stage: str, entry: Any, made_from: Any) -> dict[str, Part]:
    """The parts of a stage by name, of no entry where only their types matter."""
    experiment = importlib.import_module(f"replication.experiments.{stage}")
    return experiment.parts(entry, made_from) if hasattr(experiment, "parts") else {}


class Parts(dict[str, Any]):
    """What the parts of a stage found, by name; with `gather` nothing is computed.

    A part is found when it is first asked for, by whoever is `alone` at it, and kept in a file of
    its own until the stage's record is written: other jobs, on whatever machine, may be at the
    others, and a run that is interrupted loses one at most. `runs` says how each was computed,
    `seconds` how long those took that were found elsewhere or before. Raises `UserError` for a
    part that the stage has not, or that was to be gathered and is not there.
    """

    def __init__(self, entry: Entry, stage: str, made_from: Any, gather: bool = False) -> None:
        super().__init__()
        self.entry, self.stage, self.made_from, self.gather = entry, stage, made_from, gather
        self.known = known(stage, entry, made_from)
        self.runs: list[Any] = []
        self.seconds = 0.0

    def __missing__(self, name: str) -> Any:
        entry = self.entry
        if name not in self.known:
            known = f"one of {', '.join(self.known)}" if self.known else "a stage that has some"
            raise UserError(f"{self.stage} has no ticket {name!r}: expected {known}.")
        part = self.known[name]
        suffix = f"-{in_file_name(name)}"
        path = entry.store.scratch(entry.key(self.stage), self.stage + suffix)
        with alone(path, entry.progress.wait):
            # What starts from no record is tied to its examples and seed by these alone.
            tied = self.made_from or (entry.task, entry.seed, data.fingerprint(entry.splits))
            opened = partial(entry.journal, self.stage, tied, name, part=suffix, kind=part.kind)
            journal = opened(look=True)  # who finds it done has no part in it
            if journal.entries:
                entry.progress.unit(f"{self.stage}, {name}: was computed before")
                self.seconds += journal.entries[0][0]["seconds"]
            elif self.gather:
                raise UserError(
                    f"The ticket {name!r} of {self.stage} is not in the cache: run "
                    f"'lottery run {entry.study.name} --task {entry.task} --seed {entry.seed} "
                    f"--stage {self.stage} --ticket {name!r}' first."
                )
            else:
                journal, begun = opened(), time.monotonic()
                found = part.find()
                seconds = round(time.monotonic() - begun, 2)
                run = {**entry.machine, "seconds": seconds, "runs": [*entry.runs]}
                journal.append([run, found])
        run, self[name] = journal.entries[0]
        entry.runs += run.get("runs", [])
        self.runs.append(run)
        return self[name]

    def run(self) -> dict[str, Any]:
        """Of the parts together: devices, threads and precision of those that computed them."""
        if not self.runs:
            return {}
        return {
            "device": " + ".join(dict.fromkeys(run["device"] for run in self.runs)),
            "threads": max(run["threads"] for run in self.runs),
            "training_precision": " + ".join(
                sorted({run["training_precision"] for run in self.runs})
            ),
        }
