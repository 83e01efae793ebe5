"""All choices among the heads at a ticket's edge, every one scored (`book/_static/choices.js`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.book.show import COLOURS, LARGE, Figure, Finding, Note, Table, scripted, style
from replication.book.written import number, percent
from replication.runs import records
from replication.runs.records import in_title
from replication.store import Record, Store


@dataclass(frozen=True)
class Choices:
    """A record of `replication.experiments.choices`, read.

    `scores` (choices,); `kept` bool (choices, heads): what each choice keeps of the edge.
    """

    record: Record

    @property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = self.record["results"]
        return results

    @property
    def title(self) -> str:
        return in_title(self.record["task"], self.record["config"])

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        return np.array(self.results["scores"])

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        numbers = np.arange(len(self.results["scores"]))
        return (numbers[:, None] >> np.arange(len(self.results["heads"])) & 1).astype(bool)

    @property
    def threshold(self) -> float:
        """What a step of the search had to score."""
        share: float = self.record["config"]["search"]["threshold"]
        return share * float(self.results["full_score"])

    @property
    def names(self) -> list[str]:
        return [f"layer {layer + 1}, head {head + 1}" for layer, head in self.results["heads"]]

    @property
    def equals(self) -> npt.NDArray[np.intp]:
        """The numbers of all choices of as many heads as the good ticket keeps of its edge."""
        sizes = self.kept.sum(axis=1)
        return np.flatnonzero(sizes == sizes[self.results["good"]])

    def _repr_html_(self) -> str:
        results, (mask,) = self.results, self.results["made_from"]["masks"].values()
        data = {
            **{name: results[name] for name in ("heads", "importance", "good", "full_score")},
            "scores": [round(score, 4) for score in results["scores"]],
            "threshold": self.threshold,
            "metric": METRIC_LABELS[results["metric"]],
            "rows": StructuredMask.from_json(mask).to_json()["heads"],
        }
        return scripted(
            "lottery_choices",
            "lottery-choices",
            data,
            "Choosing needs a script, and scripts are switched off. The figures and tables below "
            "say the same.",
        )

    def __repr__(self) -> str:
        return f"{len(self.scores):,} choices among {len(self.names)} heads, every one scored"


def finding(choices: Choices) -> Finding:
    """How the search's own choice does among all others of its size."""
    scores, equals = choices.scores, choices.equals
    own = scores[choices.results["good"]]
    others = scores[equals[equals != choices.results["good"]]]
    above, same = int((others > own).sum()), int((others == own).sum())
    passing = int((others >= choices.threshold).sum())
    n_kept = choices.kept[choices.results["good"]].sum()
    kept = f"On {choices.title}, the search kept {n_kept} of these heads"
    if not len(others):
        return Finding(f"{kept} and scores {own:.3f}: there is no other choice of as many.")
    return Finding(
        f"{kept} and scores {own:.3f}. Of the {len(others)} other choices of as many heads, "
        f"{above} score higher, {same} the same and {len(others) - above - same} lower.",
        more=f"They score {others.min():.3f} to {others.max():.3f}, and {passing} of them pass the "
        f"threshold of {choices.threshold:.3f}. One task and one seed: no CI.",
    )


def by_size(choices: Choices) -> Table:
    """The scores of all choices, by how many heads of the edge they keep."""
    of_sizes = pd.Series(choices.scores).groupby(choices.kept.sum(axis=1))
    rows = (
        {
            "": size,
            "choices": len(of),
            "lowest": number(of.min()),
            "median": number(of.median()),
            "highest": number(of.max()),
            "pass the threshold": percent((of >= choices.threshold).mean()),
        }
        for size, of in of_sizes
    )
    return Table.of(rows, "heads kept")


def gains(choices: Choices) -> npt.NDArray[np.float64]:
    """(heads, choices / 2): what keeping each head adds, in each setting of all the others."""
    numbers = np.arange(len(choices.scores))
    found = []
    for place in range(len(choices.names)):
        without = numbers[~choices.kept[:, place]]
        found.append(choices.scores[without | 1 << place] - choices.scores[without])
    return np.array(found)


def by_head(choices: Choices) -> Table:
    """Of every head: its importance, what the search did, and what it adds to the score."""
    results, of_heads = choices.results, gains(choices)
    return Table.of(
        {
            "": name,
            "importance": number(results["importance"][place]),
            "the search": "kept" if results["good"] >> place & 1 else "removed",
            "adds on average": number(of.mean(), 4, signed=True),
            "adds at worst": number(of.min(), signed=True),
            "adds at best": number(of.max(), signed=True),
            "helps in": percent(np.mean(of > 0)),
        }
        for place, (name, of) in enumerate(zip(choices.names, of_heads, strict=True))
    )


def flatness(choices: Choices) -> Note:
    """Does importance predict what a head adds, and how well does its sum rank the choices?"""
    from scipy.stats import spearmanr

    added = gains(choices).mean(axis=1)
    importance = np.array(choices.results["importance"])
    of_heads = spearmanr(importance, added).statistic
    text = (
        f"Spearman's rank correlation of a head's importance and what it adds on average is "
        f"{number(of_heads, 2, signed=True)} (n = {len(added)} heads)"
    )
    if len(choices.equals) == 1:
        return Note(f"{text}. There is one choice of the good ticket's size alone.")
    summed = choices.kept[choices.equals] @ importance
    of_choices = spearmanr(summed, choices.scores[choices.equals]).statistic
    return Note(
        f"{text}. That of a choice's summed importance and its score is "
        f"{number(of_choices, 2, signed=True)} "
        f"(n = {len(choices.equals)} choices of the good ticket's size)."
    )


@style(LARGE)
def plot(choices: Choices) -> Figure:
    """Every choice as a dot, by its number of heads and its score."""
    sizes, scores, own = choices.kept.sum(axis=1), choices.scores, choices.results["good"]
    aside = np.random.default_rng(0).uniform(-0.3, 0.3, len(scores))
    drawing, axis = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
    axis.plot(sizes + aside, scores, ".", ms=3, color="0.55", label="a choice")
    axis.plot(sizes[own], scores[own], "D", ms=8, color=COLOURS["good"], label="the search's own")
    axis.axhline(choices.results["full_score"], color=COLOURS["full"], lw=1, label="full model")
    axis.axhline(choices.threshold, color=COLOURS["bad"], lw=1, ls="--", label="threshold")
    axis.set_xticks(range(len(choices.names) + 1))
    axis.set_xlabel(f"heads kept of the {len(choices.names)} at the edge")
    metric = METRIC_LABELS[choices.results["metric"]]
    axis.set_ylabel(metric)
    drawing.legend(loc="outside upper center", ncols=2)
    passing = f"{int((scores >= choices.threshold).sum()):,}"
    return Figure.of(
        drawing,
        f"{passing} of {len(scores):,} choices among {len(choices.names)} heads at the edge of one "
        f"good ticket, {choices.title}, seed {choices.record['seed']}, pass the "
        f"threshold: {metric} on the validation set, not retrained. Dots are spread sideways.",
        f"Dot plot of {len(scores):,} scores from {scores.min():.3f} to {scores.max():.3f} against "
        f"the number of heads kept; the search's own choice of {sizes[own]} heads scores "
        f"{scores[own]:.3f}, the full model {choices.results['full_score']:.3f}.",
        "choices",
    )


def load(study: str, task: str, seed: int, store: Store) -> Choices:
    """The record of one entry, computed first where it is missing. Raises `UserError` as
    `records.resolve` does."""
    asked = {"followups.choices": [task]}
    chosen = records.resolve(study, task=task, seeds=[seed], changes=asked, store=store)
    every = records.load(chosen, also=["choices"], store=store)
    found = every[chosen.tasks[0]].stage("choices") if every else {}
    if seed not in found:
        raise UserError(
            f"The choices of {task}, seed {seed}, are not on record in {store.root / chosen.name}:"
            f" expected choices.json there; 'lottery run {chosen.name} --task {task} --seed {seed} "
            f"--set followups.choices=[{task}]' makes it where the data are at hand."
        )
    return Choices(found[seed])
