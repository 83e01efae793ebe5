"""What the good subnetworks of different tasks share, in numbers (paper, section 5.3).

Two masks share the more, the larger they are, and the more they keep in the same layers.
So every count is set beside two kinds of chance: masks of the same sizes, and masks of the
same sizes in every layer.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, Chance
from lottery_utils.figure import Note
from lottery_utils.recorded import Entries
from lottery_utils.stability_tables import PARTS, good_masks

Every = dict[str, Entries]
ONE_TASK = Note("What tasks share needs at least two tasks; this study has one.", "warning")
# What GLUE asks about: one sentence, whether two mean the same, whether one follows.
KINDS_OF_TASK = {
    "one sentence": ("CoLA", "SST-2"),
    "same meaning": ("MRPC", "STS-B", "QQP"),
    "inference": ("MNLI", "QNLI", "RTE", "WNLI"),
}


@dataclass(frozen=True)
class Shared:
    """What two tasks share, seed by seed: beside chance by size, and by layer profile."""

    by_size: list[Chance]
    by_layer: list[Chance]

    @property
    def observed(self) -> npt.NDArray[np.float64]:
        """How many components both keep: float64 (seeds,)."""
        return np.array([found.observed for found in self.by_size])

    @property
    def excess(self) -> npt.NDArray[np.float64]:
        """How many more than masks of the same layer profile share: float64 (seeds,)."""
        return np.array([found.observed - found.mean for found in self.by_layer])

    @property
    def beyond(self) -> int:
        """In how many seeds more is shared than the layer profile explains (97.5 %)."""
        return sum(found.observed > found.high for found in self.by_layer)


def comparable(every: Every) -> Every:
    """The tasks that have every seed which any task has: those of a study that is under way."""
    seeds = {seed for entries in every.values() for seed in entries}
    return {task: entries for task, entries in every.items() if set(entries) == seeds}


def between(one: Entries, other: Entries, part: str) -> Shared:
    """What two tasks share with each seed that both have; `part` is heads or mlps.

    An MLP is alone in its layer, so that for `mlps` the layer profile is the mask itself,
    and chance is by size both times. Without a seed that both have, nothing is known.
    """
    seeds = [seed for seed in one if seed in other]
    if not seeds:
        return Shared([], [])
    masks = [good_masks({s: entries[s] for s in seeds}, part) for entries in (one, other)]
    n_layers = next(iter(one.values()))["finetune"]["results"]["layers"]
    layers = np.repeat(np.arange(n_layers), masks[0].shape[1] // n_layers)
    pairs = list(zip(*masks, strict=True))
    by_size = [agreement.shared(a, b) for a, b in pairs]
    return Shared(
        by_size, by_size if part == "mlps" else [agreement.shared(a, b, layers) for a, b in pairs]
    )


def pairs_table(every: Every) -> pd.DataFrame | Note:
    """Each pair of tasks: heads and MLPs that both keep, means over seeds, beside chance."""
    if len(every) < 2:
        return ONE_TASK
    rows = []
    for one, other in itertools.combinations(every, 2):
        heads, mlps = (between(every[one], every[other], part) for part in PARTS)
        rows.append(
            {
                "tasks": f"{one} and {other}",
                "heads shared": _mean_std(heads.observed),
                "by chance, same sizes": f"{np.mean([c.mean for c in heads.by_size]):.1f}",
                "same sizes in each layer": f"{np.mean([c.mean for c in heads.by_layer]):.1f}",
                "seeds beyond that": f"{heads.beyond} of {len(heads.by_layer)}",
                "MLPs shared": _mean_std(mlps.observed),
                "MLPs by chance": f"{np.mean([c.mean for c in mlps.by_size]):.1f}",
            }
        )
    return pd.DataFrame(rows).set_index("tasks").rename_axis(None)


def super_survivors(entries: Entries, part: str = "heads") -> BoolArray:
    """The components that every seed keeps: bool (components,)."""
    kept: BoolArray = np.all(good_masks(entries, part), axis=0)
    return kept


def super_survivor_table(every: Every) -> pd.DataFrame | Note:
    """How many heads survive with every seed, and how many of them two tasks share."""
    if len(every) < 2:
        return ONE_TASK
    if any(len(entries) < 2 for entries in every.values()):
        return Note("Super-survivors need at least two seeds of every task.", "warning")
    kept = {task: super_survivors(entries) for task, entries in every.items()}
    rows = {
        task: {
            "super-survivors": str(int(mask.sum())),
            **{
                f"shared with {other}": "" if other == task else _beside_chance(mask, kept[other])
                for other in every
            },
        }
        for task, mask in kept.items()
    }
    return pd.DataFrame(rows).T


def kinds_table(every: Every) -> pd.DataFrame | Note:
    """Do tasks of one kind share more? Heads beyond the layer profile, within and between kinds."""
    kind_of = {task: kind for kind, tasks in KINDS_OF_TASK.items() for task in tasks}
    tasks = [task for task in every if task in kind_of]
    if len(tasks) < 4:
        return Note("Kinds of tasks are compared where a study has at least four of GLUE's.")
    excess = {
        pair: float(between(every[pair[0]], every[pair[1]], "heads").excess.mean())
        for pair in itertools.combinations(tasks, 2)
    }
    labels = np.array([kind_of[task] for task in tasks])
    observed = _within_minus_between(excess, tasks, labels)
    rng = np.random.default_rng(0)
    draws = [_within_minus_between(excess, tasks, rng.permutation(labels)) for _ in range(2000)]
    same = [value for (a, b), value in excess.items() if kind_of[a] == kind_of[b]]
    other = [value for (a, b), value in excess.items() if kind_of[a] != kind_of[b]]
    return pd.DataFrame(
        {
            "heads shared beyond the layer profile": {
                f"pairs of one kind (n = {len(same)})": f"{np.mean(same):.2f}",
                f"pairs of two kinds (n = {len(other)})": f"{np.mean(other):.2f}",
                "difference": f"{observed:.2f}",
                "share of 2,000 random assignments of kinds with as large a difference": (
                    f"{np.mean(np.array(draws) >= observed - 1e-12):.3f}"
                ),
            }
        }
    )


def _within_minus_between(
    excess: dict[tuple[str, str], float], tasks: list[str], labels: npt.NDArray[np.str_]
) -> float:
    kind = dict(zip(tasks, labels, strict=True))
    same = [value for (a, b), value in excess.items() if kind[a] == kind[b]]
    other = [value for (a, b), value in excess.items() if kind[a] != kind[b]]
    return float(np.mean(same) - np.mean(other)) if same and other else 0.0


def _beside_chance(one: BoolArray, other: BoolArray) -> str:
    found = agreement.shared(one, other)
    return f"{found.observed:.0f} (chance {found.mean:.1f} [{found.low:.0f}, {found.high:.0f}])"


def _mean_std(values: npt.NDArray[np.float64]) -> str:
    if len(values) == 1:
        return f"{values[0]:.0f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
