"""The page of errata: small computations that each show one point, from records alone.

The first half is about what the authors released, the second about how much the quirks of their
code change, in a study that measured it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import chdtrc
from scipy.stats import spearmanr

from lottery_utils import agreement
from lottery_utils.masks import StructuredMask
from lottery_utils.tasks import TASKS
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, style
from replication.book.written import number, p_cell, p_text, percent, plus_minus, points
from replication.claims.claim import LEVEL
from replication.pages.released.released_tickets import random_minus_bad
from replication.paper import numbers
from replication.paper.records import UNLEARNED, Results, Score, over_seeds, score, scores
from replication.runs.records import TaskRecords
from replication.store import Store, home
from replication.study import Study

Every = Mapping[str, TaskRecords]  # of a study, by task
NOTHING = Note(
    "This is not measured here: it takes a study that asks for it (followups.sensitivity, "
    "followups.quirks) and its data.",
    "warning",
)


NO_FIGURE = Note(
    "The copy of the release that was read has no figure of s-pruned subnetworks "
    "(importance_pruning_evaluation.pdf); lottery released DIR reads it where it is."
)


LEAST_P = 1e-16  # below which a p value is written, and drawn, as smaller


def finding(results: Results) -> Finding:
    """The three points that concern conclusions of the paper, in numbers: one, then the others."""
    q = _kappa_and_q(results)
    drawn = [of["drawn"] for of in results.values() if of.get("drawn")]
    same = sum(of["good, retrained"] == of["random, retrained"] for of in drawn)
    parts = []
    if drawn:
        equal = [task for task in results if _are_equal(scores(results, task))]
        told = f" (on {', '.join(equal)} the same score, too)" if equal else ""
        parts.append(
            f"The paper's figure draws good tickets in place of random ones: on {same} of "
            f"{len(drawn)} tasks the two have the same height{told}."
        )
    if len(q) > 1:
        of = random_minus_bad(results)["retrained"]
        way = "below" if of.low > 0 else "above" if of.high < 0 else "not significantly below"
        parts.append(
            f"Retrained bad tickets are {way} random ones: random minus bad is {points(of)} of "
            f"retained gain (95 % CI, n = {of.n} tasks)."
        )
    if q:
        task, _, kappa, p_value = max(q, key=lambda row: row[2])
        parts.append(
            f"Cochran's Q does not test agreement: where seeds agree best ({task}, kappa "
            f"{number(kappa, 2)}), {p_text(p_value)}."
        )
    first, *others = parts or ["This release has nothing of the three main points below."]
    return Finding(first, more=" ".join(others))


def what_q_tests() -> Table:
    """Cochran's Q and Fleiss' kappa of three made-up cases of five masks over 144 heads."""
    rng = np.random.default_rng(0)
    half = np.arange(144) < 72
    unrelated = np.stack([rng.permutation(half) for _ in range(5)])
    nested = np.stack([np.arange(144) < n for n in (60, 66, 72, 78, 84)])
    nearly = np.stack([half] * 5)
    nearly[0, [0, 100]] = False, True  # two of 144 heads exchanged, so that Q is defined
    cases = {
        "of one size, drawn at random": unrelated,
        "of one size, nearly equal": nearly,
        "nested, of 60 to 84 heads": nested,
    }
    rows = []
    for name, masks in cases.items():
        q = agreement.cochran_q(masks)
        kappa = number(agreement.fleiss_kappa(masks))
        row = {"": name, "Fleiss' kappa": kappa, "Q": number(q.statistic, 2)}
        rows.append({**row, "p of Q": p_cell(q.p_value)})
    return Table.of(rows)


@style(LARGE)
def kappa_and_q(results: Results) -> Figure:
    """Fleiss' kappa of each task against the p value of Cochran's Q: two different questions."""
    drawing, axis = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
    said = []
    found = sorted(_kappa_and_q(results), key=lambda row: row[2])
    for i, (task, _, kappa, p_value) in enumerate(found):
        y = max(p_value, LEAST_P)
        marker = "o" if p_value >= LEAST_P else "v"
        axis.plot(kappa, y, marker, color=COLOURS["good"], ms=7)
        up = 4 if p_value > LEVEL else -11  # away from the line
        side = {"xytext": (7, up)} if i % 2 else {"xytext": (-7, up), "ha": "right"}
        axis.annotate(task, (kappa, y), textcoords="offset points", **side)
        said.append(f"{task} kappa {number(kappa, 2)} and p {_p(p_value)}")
    axis.axhline(LEVEL, color="0.5", linestyle=":", zorder=0)
    axis.annotate(
        f"p = {LEVEL}",
        (1, LEVEL),
        (0, -13),
        axis.get_yaxis_transform(),
        "offset points",
        ha="right",
        color="0.4",
    )
    axis.set(yscale="log", xlabel="Fleiss' kappa of heads", ylabel="p of Cochran's Q")
    axis.set_yticks([1, 1e-4, 1e-8, 1e-12, LEAST_P], ["1", "1e-4", "1e-8", "1e-12", "< 1e-16"])
    axis.minorticks_off()
    axis.set_ylim(LEAST_P / 30, 30)
    axis.margins(x=0.2)
    rho, p = spearmanr(*zip(*((kappa, p) for _, _, kappa, p in found), strict=True))
    best, _, _, p_best = found[-1]
    return Figure.of(
        drawing,
        f"Where seeds agree best ({best}), Cochran's Q has {p_text(p_best)}. Over the {len(said)} "
        f"tasks that BERT-base learns (five seeds each), its p and kappa correlate by "
        f"{number(rho, 2)} (Spearman, {'inconclusive, ' if p >= LEVEL else ''}{p_text(p)}).",
        f"Scatter plot: {', '.join(said)}.",
        "kappa-and-q",
    )


def most_frequent_types() -> Table:
    """The most frequent type of the raw maps of super-survivors, by the released shares."""
    every = {t: numbers.pattern_shares(t, "fine-tuned", "super", "raw") for t in TASKS}
    return Table.of(
        {
            "": task,
            "most frequent": max(shares, key=shares.__getitem__),
            "its share": percent(max(shares.values()), 1),
            "heterogeneous": percent(shares["heterogeneous"], 1),
        }
        for task, shares in every.items()
        if shares
    )


def random_sizes(results: Results) -> Table:
    """By how many heads and MLPs the released random tickets differ from the good ones.

    Each component is kept independently with the good one's share p, so that of n components
    the number kept has a standard deviation of sqrt(n p (1 - p)).
    """
    rows = []
    for task, found in results.items():
        row = {"": task}
        for part, name, n in (("heads", "heads", 144), ("mlps", "MLPs", 12)):
            of_part = found["tickets"]["heads_mlps_random"][part]
            good = np.array(of_part["good"])
            apart, share = np.array(of_part["kept"]) - good, good / n
            spread = np.sqrt(n * share * (1 - share)).mean()
            row[f"{name}, random minus good, seed by seed"] = ", ".join(
                number(d, 0, signed=True) for d in apart
            )
            row[f"expected spread of {name}"] = number(spread, 1)
        rows.append(row)
    return Table.of(rows)


def drawn_bars(results: Results) -> Table | Note:
    """The bars of good and of random tickets, retrained, in the paper's figure, and the scores."""
    rows = []
    for task, found in results.items():
        bars = found.get("drawn")
        if not bars:
            return NO_FIGURE
        full, good, random = (
            score(results, task, setting).mean
            for setting in ("no_mask", "head_mlp_retrained", "head_mlp_random_retrained")
        )
        rows.append(
            {
                "": task,
                "height of good, points": number(bars["good, retrained"], 2),
                "height of random, points": number(bars["random, retrained"], 2),
                "score at random's height": number(bars["random, retrained"] / bars["full"] * full),
                "released, good": number(good),
                "released, random": number(random),
            }
        )
    return Table.of(rows)


def draws() -> Table:
    """Which of the studies that come with the book draw each ticket by itself."""
    found = [Study.load(path) for path in sorted((home() / "studies").glob("*.yaml"))]
    return Table.of(
        {
            "": study.name,
            "random and bad tickets": "independent streams"
            if study.draws == "independent"
            else "one stream for each seed",
        }
        for study in found
    )


def searches(every: Every) -> Table | Note:
    """The search as the paper's text has it and as the code does it: do both keep the same?"""
    rows = []
    for name, results in _measured(every, "sensitivity").items():
        (own,) = results["made_from"]["masks"].values()
        theirs = results["tickets"]["as released"]
        ours, other = StructuredMask.from_json(own), StructuredMask.from_json(theirs["mask"])
        overlap = agreement.overlap(ours.heads.ravel(), other.heads.ravel())
        rows.append(
            {
                "": name,
                "heads, text and code": f"{ours.n_heads} and {other.n_heads}",
                "kept by both": str((ours & other).n_heads),
                "overlap (Jaccard)": number(overlap, 2),
                "MLPs, text and code": f"{ours.n_mlps} and {other.n_mlps}",
            }
        )
    if not rows:
        return NOTHING
    same = [row["overlap (Jaccard)"] == "1.00" for row in rows]
    last = {"": "the same heads", "overlap (Jaccard)": f"{sum(same)} of {len(same)}"}
    return Table.of([*rows, last])


def _are_equal(of_task: Mapping[str, Score]) -> bool:
    """Whether good and random tickets, retrained, were released with the same mean score."""
    return of_task["good, retrained"].mean == of_task["random, retrained"].mean


def repeated(every: Every, study: Study, store: Store) -> Note | None:
    """Which searches of `searches` were repeated with `variant: release` as it is now, and whether
    they found the same."""
    again, said = study.override({"variant": "release"}), []
    for task, entries in every.items():
        for seed, older in entries.stage("sensitivity").items():
            if record := store.read(again.key(task, seed, "search")):
                same = (
                    record["results"]["mask"] == older["results"]["tickets"]["as released"]["mask"]
                )
                said.append(f"{task}, seed {seed} ({'the same' if same else 'another'} mask)")
    return (
        Note(f"Repeated on the code as it is now, models fine-tuned again: {'; '.join(said)}.")
        if said
        else None
    )


def random_tickets(every: Every) -> Table | Note:
    """Pruned random tickets of the good one's size, and drawn component by component."""
    rows = []
    for name, results in _measured(every, "quirks").items():
        random = results["random"]
        equal, alone = random["equal"], random["independent"]
        rows.append(
            {
                "": name,
                "heads": str(equal["heads"][0]),
                "heads, drawn alone": f"{min(alone['heads'])} to {max(alone['heads'])}",
                "score, equal sizes": plus_minus(
                    np.mean(equal["scores"]), np.std(equal["scores"], ddof=1)
                ),
                "score, drawn alone": plus_minus(
                    np.mean(alone["scores"]), np.std(alone["scores"], ddof=1)
                ),
                "r of score and heads": _correlation(alone["heads"], alone["scores"]),
                "r of score and MLPs": _correlation(alone["mlps"], alone["scores"]),
            }
        )
    return Table.of(rows) if rows else NOTHING


def transposed(every: Every) -> Table | Note:
    """Norm-weighted maps with the projection transposed: how many change their type, and which."""
    found = {name: of["transposed"] for name, of in _measured(every, "quirks").items()}
    if not found:
        return NOTHING
    by_entry = {name: np.array(of["counts"]) for name, of in found.items()}
    whole = np.sum([*by_entry.values()], axis=0)
    types = next(iter(found.values()))["types"]
    rows: list[dict[str, Any]] = []
    for name, counts in {"all": whole, **by_entry}.items():
        changed = (counts.sum() - np.trace(counts)) / counts.sum()
        rows.append({"": name, "maps": f"{counts.sum():,}", "of another type": percent(changed, 1)})
    for i, kind in enumerate(types):
        right, other = (counts.sum() / whole.sum() for counts in (whole[i], whole[:, i]))
        row = {"": f"share of {kind}", "maps": f"{whole.sum():,}"}
        rows.append({**row, "right": percent(right, 1), "transposed": percent(other, 1)})
    return Table.of(rows)


def _measured(every: Every, stage: str) -> dict[str, dict[str, Any]]:
    """What a stage found, by the name of the entry, in the order of tasks and seeds."""
    return {
        f"{task}, seed {seed}": record["results"]
        for task, of_task in every.items()
        for seed, record in of_task.stage(stage).items()
    }


def _kappa_and_q(results: Results) -> list[tuple[str, list[int], float, float]]:
    """Of each task that BERT-base learns: heads kept by seed, kappa, and the p value of Q.

    It is computed from Q: rounded to 0, as in records, it has no place on a logarithmic axis.
    """
    return [
        (
            task,
            of.kept,
            of.beside_chance["Fleiss' kappa"].observed,
            float(chdtrc(len(of.kept) - 1, of.q.statistic)),
        )
        for task, of in over_seeds(results, "heads").items()
        if task not in UNLEARNED
    ]


def _p(value: float) -> str:
    """A p value to two digits, however small."""
    return f"{value:.2g}" if value >= LEAST_P else "< 1e-16"


def _correlation(sizes: list[float], scores: list[float]) -> str:
    if not np.ptp(sizes) or not np.ptp(scores):
        return "undefined"
    return number(np.corrcoef(sizes, scores)[0, 1], 2, signed=True)
