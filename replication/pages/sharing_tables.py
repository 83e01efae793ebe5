"""What the good subnetworks of different tasks share, in numbers (paper, section 5.3)."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd

from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.sharing import Sharing
from replication.pages.show import Note
from replication.runs.recorded import Entries, masks_of, warning

ONE_TASK = Note("What tasks share needs at least two tasks; this study has one.", "warning")
# What GLUE asks about: one sentence, whether two mean the same, whether one follows.
KINDS_OF_TASK = {
    "one sentence": ("CoLA", "SST-2"),
    "same meaning": ("MRPC", "STS-B", "QQP"),
    "inference": ("MNLI", "QNLI", "RTE", "WNLI"),
}


def comparable(every: dict[str, Entries]) -> dict[str, Entries]:
    """The tasks that have every seed which any task has, and of which the search tells something.

    Others are under way, or their full models learned too little for a good subnetwork.
    """
    seeds = {seed for entries in every.values() for seed in entries}
    return {
        task: entries
        for task, entries in every.items()
        if set(entries) == seeds and not any(map(warning, entries.values()))
    }


def compared(every: dict[str, Entries]) -> Note:
    """Which tasks are compared here, and which are left out because nothing can be told of them."""
    left_out = [task for task in every if task not in comparable(every)]
    text = f"Compared here: {', '.join(comparable(every)) or 'no task'}."
    if left_out:
        text += " Left out, because seeds are missing or the search's bar tells nothing of a model "
        text += f"that hardly beats the majority baseline: {', '.join(left_out)}."
    return Note(text)


def recorded(every: dict[str, Entries]) -> Sharing:
    """What the tasks of a study share, of those that can be compared."""
    return Sharing.of({task: masks_of(entries) for task, entries in comparable(every).items()})


def pairs_table(sharing: Sharing) -> pd.DataFrame | Note:
    """Each pair of tasks: heads and MLPs that both keep, means over seeds, beside chance."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    rows = []
    for (one, other), pair in sharing.pairs.items():
        heads, mlps = pair.heads, pair.mlps
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


def super_survivor_table(sharing: Sharing) -> pd.DataFrame | Note:
    """How many heads survive with every seed, and how many of them two tasks share."""
    if len(sharing.tasks) < 2:
        return ONE_TASK
    if len(sharing.seeds) < 2:
        return Note("Super-survivors need at least two seeds of every task.", "warning")
    rows = {
        task: {
            "super-survivors": str(sharing.n_super[task]),
            **{
                f"shared with {other}": ""
                if other == task
                else _beside_chance(sharing.of_pair(task, other).survivors)
                for other in sharing.tasks
            },
        }
        for task in sharing.tasks
    }
    return pd.DataFrame(rows).T


def kinds_table(sharing: Sharing) -> pd.DataFrame | Note:
    """Do tasks of one kind share more? Heads beyond the layer profile, within and between kinds."""
    kind_of = {task: kind for kind, tasks in KINDS_OF_TASK.items() for task in tasks}
    tasks = [task for task in sharing.tasks if task in kind_of]
    if len(tasks) < 4:
        return Note("Kinds of tasks are compared where a study has at least four of GLUE's.")
    excess = {
        pair: float(sharing.of_pair(*pair).heads.excess.mean())
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


def _beside_chance(found: Chance) -> str:
    return f"{found.observed:.0f} (chance {found.mean:.1f} [{found.low:.0f}, {found.high:.0f}])"


def _mean_std(values: npt.NDArray[np.float64]) -> str:
    if len(values) == 1:
        return f"{values[0]:.0f}"
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
