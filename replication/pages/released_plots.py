"""The released scores of BERT-base, drawn: tickets of all tasks at a glance (section 4.2)."""

from __future__ import annotations

import matplotlib.pyplot as plt

from replication.pages.released_stability import over_seeds
from replication.pages.released_tables import METRIC, SETTINGS, UNLEARNED, Results, score
from replication.pages.show import COLOURS, Figure, style
from replication.paper.numbers import N_SEEDS

METRIC_NAMES = {"mcc": "Matthews correlation", "pearson": "Pearson's r"}


@style()
def tickets(results: Results, method: str = "structured") -> Figure:
    """Good, random and bad tickets of every task, pruned and retrained, with their spread."""
    drawing, axes = plt.subplots(3, 3, figsize=(9.5, 8.6), layout="constrained")
    said = []
    for axis, task in zip(axes.flat, results, strict=True):
        axis.axhline(score(results, task, "no_mask").mean, color=COLOURS["full"], linewidth=1)
        guess = score(results, task, "freq_baseline").mean
        axis.axhline(guess, color=COLOURS["majority"], linestyle=":")
        for place, (kind, setting) in enumerate(SETTINGS[method].items()):
            for x, suffix in enumerate(("", "_retrained")):
                mean, std = score(results, task, setting + suffix)
                axis.errorbar(
                    x + (place - 1) * 0.16, mean, std, fmt="osX"[place], color=COLOURS[kind], ms=6
                )
            axis.plot([], [], "osX"[place], color=COLOURS[kind], label=kind)
        axis.set_xticks((0, 1), ("pruned", "retrained"))
        metric = METRIC_NAMES.get(METRIC.get(task, ""), "accuracy")
        axis.set(xlim=(-0.5, 1.5), ylim=(-0.1, 1), title=task, ylabel=metric)
        good, bad = (
            score(results, task, f"{SETTINGS[method][k]}_retrained") for k in ("good", "bad")
        )
        said.append(f"{task}: good {good.mean:.3f}, bad {bad.mean:.3f} retrained")
    axes.flat[0].legend(fontsize=8, loc="lower right")
    return Figure.of(
        drawing,
        "BERT-base on the nine tasks of GLUE, scores that the paper's authors released: tickets of "
        f"heads and MLPs, means over {N_SEEDS} seeds with one sample standard deviation to each "
        "side. Solid line: the full model; dotted: the majority baseline. On WNLI the good "
        "subnetworks of four seeds hold nothing.",
        f"Nine dot plots of good, random and bad tickets. {'; '.join(said)}.",
    )


@style()
def kappa_and_q(results: Results) -> Figure:
    """Fleiss' kappa of each task against the p value of Cochran's Q: two different questions."""
    found = {t: of for t, of in over_seeds(results, "heads").items() if t not in UNLEARNED}
    drawing, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    said = []
    for task, of in found.items():
        kappa, p_value = of.beside_chance["Fleiss' kappa"].observed, of.q.p_value
        axis.plot(kappa, p_value, "o", color=COLOURS["good"])
        axis.annotate(task, (kappa, p_value), (5, 4), textcoords="offset points", fontsize=9)
        said.append(f"{task} kappa {kappa:.2f} and p {p_value:.1g}")
    axis.axhline(0.05, color="0.5", linestyle=":", label="p = 0.05")
    axis.set(yscale="log", xlabel="Fleiss' kappa of heads", ylabel="p of Cochran's Q")
    axis.legend(loc="lower left", fontsize=8)
    return Figure.of(
        drawing,
        "Each of the eight tasks that BERT-base learns: how far five seeds agree about heads "
        "(Fleiss' kappa, 1 for equal masks) against the p value of Cochran's Q, on a logarithmic "
        "scale. Were Q a test of agreement, points would rise to the right.",
        f"Scatter plot: {', '.join(said)}.",
    )
