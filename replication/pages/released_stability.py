"""How far the five seeds of the released BERT-base agree on what to keep, from records."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from lottery_utils.agreement.chance import Chance
from replication.book.show import (
    COLOURS,
    Figure,
    Table,
    beside_chance,
    component_map,
    number,
    p_text,
    style,
    within,
)
from replication.paper.records import (
    GOOD,
    UNLEARNED,
    Results,
    over_seeds,
)
from replication.paper.release import SEEDS
from replication.runs.records import seeds_text

AGREEMENT = {"heads kept": "share of heads kept", "kappa": "kappa of heads"}


PARTS = {"heads": "heads", "mlps": "MLPs"}


@style()
def survival_maps(results: Results) -> Figure:
    """How many of the five seeds keep each head and MLP, a map for each task."""
    heads, mlps = (over_seeds(results, part) for part in PARTS)
    drawing, axes = plt.subplots(3, 3, figsize=(9.5, 9.3), layout="constrained")
    for axis, task in zip(axes.flat, results, strict=True):
        kept = heads[task].survival, mlps[task].survival
        image = component_map(axis, *kept, task, (0, len(SEEDS)))
        axis.label_outer()
    drawing.colorbar(image, ax=axes, label="seeds that keep it, of five", shrink=0.6)
    told = "; ".join(
        f"{t} {of.n_all} with all and {of.n_none} with none" for t, of in heads.items()
    )
    return Figure.of(
        drawing,
        "How many seeds keep each head and MLP (last column) of BERT-base, as released: "
        f"{seeds_text(SEEDS)}, searches over heads and MLPs together. On WNLI four seeds keep "
        "nothing and one keeps every head.",
        f"Nine maps of 12 layers by 12 heads and an MLP. Of 144 heads survive: {told}.",
    )


@style()
def kappa_plot(results: Results) -> Figure:
    """Fleiss' kappa of heads and of MLPs on every task, beside two kinds of chance."""
    tasks = [task for task in results if task not in UNLEARNED]
    drawing, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    said = []
    for axis, (part, name) in zip(axes, PARTS.items(), strict=True):
        found = over_seeds(results, part)
        for y, task in enumerate(reversed(tasks)):
            kappa, layered = found[task].beside_chance["Fleiss' kappa"], found[task].by_layer
            axis.plot([kappa.low, kappa.high], [y, y], color="0.75", linewidth=6)
            if layered is not None:
                axis.plot([layered.low, layered.high], [y - 0.2] * 2, color="#E69F00", linewidth=3)
            axis.plot(kappa.observed, y, "o", color=COLOURS["good"])
            said.append(f"{task} {name} {number(kappa.observed, 2)}")
        axis.axvline(0, color="0.5", linestyle=":")
        axis.set(xlabel="Fleiss' kappa", title=name)
        axis.set_yticks(range(len(tasks)), tasks[::-1])
    axes[0].plot([], [], "o", color=COLOURS["good"], label="five seeds")
    axes[0].plot([], [], color="0.75", linewidth=6, label="chance, same sizes")
    axes[0].plot([], [], color="#E69F00", linewidth=3, label="chance, same layers")
    drawing.legend(loc="outside lower center", ncols=3, fontsize=8)
    return Figure.of(
        drawing,
        "How far five seeds agree about the heads (left) and MLPs (right) of BERT-base, by task: "
        "Fleiss' kappa of the released masks, 1 for equal masks. Bands: 95 % of a thousand sets of "
        "random masks. WNLI is left out, its masks are all or nothing.",
        f"Dot plots of kappa: {', '.join(said)}.",
    )


def pooled_table(results: Results) -> Table:
    """What the paper states of all heads together, over the eight tasks that BERT learns."""
    found = [of for task, of in over_seeds(results, "heads").items() if task not in UNLEARNED]
    survival, n = np.stack([of.survival for of in found]), len(SEEDS)
    std = np.sqrt(survival * (n - survival) / n / (n - 1))
    by_chance = float(np.mean([of.beside_chance["some but not all"].mean for of in found]))
    kappas = [of.beside_chance["Fleiss' kappa"] for of in found]
    layered = [of.by_layer for of in found if of.by_layer is not None]
    rows = {
        "heads with a standard deviation of 0.45 to 0.55, to two decimals": _share(
            (std.round(2) >= 0.45) & (std.round(2) <= 0.55)
        ),
        "heads that survive with some seeds, but not all": _share((survival > 0) & (survival < n)),
        "the same by chance, for masks of the same sizes": f"{by_chance:.1%}",
        "heads that survive with all seeds": _share(survival == n),
        "heads that survive with none": _share(survival == 0),
        "tasks with a kappa above chance, same sizes (97.5 %)": _beyond(kappas),
        "tasks with a kappa above chance, same layers (97.5 %)": _beyond(layered),
    }
    return Table.of({"": name, f"{len(found)} tasks": text} for name, text in rows.items())


def agreement_table(results: Results, part: str = "heads", setting: str = GOOD) -> Table:
    """Each task's agreement beside chance: mean and 95 % range of masks of the same sizes."""
    rows = []
    for task, found in over_seeds(results, part, setting).items():
        kappa, some = (found.beside_chance[s] for s in ("Fleiss' kappa", "some but not all"))
        row = {
            "": task,
            f"{PARTS[part]} kept": ", ".join(map(str, found.kept)),
            "some but not all": beside_chance(some.observed, some),
            "Fleiss' kappa": beside_chance(kappa.observed, kappa),
            "alpha": number(found.beside_chance["Krippendorff's alpha"].observed),
            "Q": f"{number(found.q.statistic, 2)} ({p_text(found.q.p_value)})",
        }
        if layered := found.by_layer:
            row["kappa, same layers"] = within(layered.low, layered.high)
        rows.append(row)
    return Table.of(rows)


def _share(which: np.ndarray) -> str:
    return f"{which.mean():.1%} ({which.sum():,} of {which.size:,})"


def _beyond(found: Sequence[Chance]) -> str:
    return f"{sum(c.observed > c.high for c in found)} of {len(found)}"
