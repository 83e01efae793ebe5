"""How far long work has come, told line by line."""

from __future__ import annotations

import sys
import time


class Progress:
    """Reports on work that is made of `n_units` units of roughly equal length.

    Plain lines rather than a moving bar: they stay readable in a log, in a notebook and where two
    jobs write side by side. `unit(what)` begins a unit;
    `at(fraction, detail)` says how much of it is done.
    """

    def __init__(self, label: str, n_units: int, every: float = 10.0, quiet: bool = False) -> None:
        self.label, self.n_units, self.every, self.quiet = label, n_units, every, quiet
        self.begun = self.last = time.monotonic()
        self.n_done, self.what = -1, ""

    def unit(self, what: str) -> None:
        self.n_done += 1
        self.what = what
        self._say(0.0, "")

    def at(self, fraction: float, detail: str) -> None:
        if time.monotonic() - self.last >= self.every:
            self._say(fraction, detail)

    def wait(self, who: str) -> None:
        """Say who else is at this, at first and now and then, however quiet all else is."""
        quiet, self.quiet = self.quiet, False
        if self.what != (what := f"waiting for {who}"):
            self.what = what
            self._say(0.0, "")
        self.at(0.0, "")
        self.quiet = quiet

    def done(self, summary: str) -> None:
        self.say(f"done in {_clock(time.monotonic() - self.begun)} | {summary}")

    def say(self, what: str) -> None:
        self._print(f"{self.label} | {what}")

    def _say(self, fraction: float, detail: str) -> None:
        share = min(1.0, (max(self.n_done, 0) + fraction) / self.n_units)
        spent = time.monotonic() - self.begun
        to_go = f"about {_clock(spent / share - spent)} to go" if share > 0.02 else "just begun"
        self._print(f"{self.label} | {self.what}{detail} | {share:4.0%}, {to_go}")

    def _print(self, line: str) -> None:
        self.last = time.monotonic()
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
