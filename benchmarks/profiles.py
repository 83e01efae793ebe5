"""Where the time of a side goes: the few operations that take most of it."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable

from torch.profiler import ProfilerActivity
from torch.profiler import profile as torch_profile

TOP = 6
Profile = list[tuple[str, float]]


def of_operations(work: Callable[[], object]) -> Profile:
    """The tensor operations of `work` that took most, with their shares of all, in percent.

    `work` is to begin no Python threads: the profiler would see nothing of them.
    """
    with torch_profile(activities=[ProfilerActivity.CPU]) as found:
        work()
    took = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    return _top(took)


def of_functions(work: Callable[[], object]) -> Profile:
    """The Python and native functions of `work` that took most, in percent of all."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    stats: dict[tuple[str, int, str], tuple[float, ...]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    return _top({name.strip("<>{}"): own for (_, _, name), (_, _, own, *_) in stats.items()})


def _top(took: dict[str, float]) -> Profile:
    whole = sum(took.values()) or 1.0
    order = sorted(took, key=lambda name: -took[name])[:TOP]
    return [(name, round(100 * took[name] / whole, 1)) for name in order]
