"""Sides timed in turn: in every round each side runs once, so that a slow minute hits all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import torch

Prepared = Callable[[], object]
T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """How the cases are run. `small` makes all tiny: that tests the cases, and times nothing."""

    threads: int
    device: torch.device
    rounds: int = 5
    small: bool = False
    say: Callable[[str], None] = print


@dataclass(frozen=True)
class Row:
    """What a case measured: seconds of each side by round, `ours` first.

    `goals` are the least ratios aimed at, by side; `checked` says what was found to be equal;
    `facts` are further numbers, among them `profile`: where each side's time goes.
    """

    case: str
    what: str
    sides: dict[str, str]
    seconds: dict[str, list[float]]
    checked: str
    goals: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def ratios(self, side: str) -> list[float]:
        """How many times as long `side` took as ours, in each round."""
        pairs = zip(self.seconds[side], self.seconds["ours"], strict=True)
        return [theirs / ours for theirs, ours in pairs]

    def ratio(self, side: str) -> float:
        return statistics.median(self.ratios(side))

    def to_json(self) -> dict[str, Any]:
        rounded = {side: [round(s, 5) for s in times] for side, times in self.seconds.items()}
        others = [side for side in self.sides if side != "ours" and "ours" in self.sides]
        ratios = {
            side: [round(f(self.ratios(side)), 3) for f in (statistics.median, min, max)]
            for side in others
        }
        return {**asdict(self), "seconds": rounded, "ratios": ratios}


def alternate(
    setting: Setting, sides: dict[str, Callable[[], Prepared]], *, warm: bool = True
) -> dict[str, list[float]]:
    """Seconds of each side by round; what `sides[name]()` returns is timed, making it is not.

    The order turns from round to round. With `warm` each side first runs once untimed, but for a
    small setting, which times nothing.
    """
    names = list(sides)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1 if warm and not setting.small else 0, setting.rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            took, _ = timed(setting.device, sides[name]())
            if number >= 0:
                seconds[name].append(took)
        if number >= 0:
            told = ", ".join(f"{name} {seconds[name][-1]:.3g} s" for name in names)
            setting.say(f"  round {number + 1} of {setting.rounds}: {told}")
    return seconds


def timed(device: torch.device, work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that `work` takes, until the device is done with it, and what it gives."""
    gc.collect()
    _finish(device)
    begun = time.perf_counter()
    found = work()
    _finish(device)
    return time.perf_counter() - begun, found


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
