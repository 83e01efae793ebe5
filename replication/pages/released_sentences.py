"""Which of the paper's sentences its own released numbers support, when they are tested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from lottery_utils.agreement.inference import Pooled, jackknifed, pooled
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.agreement.sharing import Sharing
from replication.pages.released_stability import over_seeds
from replication.pages.released_tables import CONTRASTS, UNLEARNED, Results, score
from replication.paper import records

EQUAL = 0.03  # of a metric: the margin of the claims page for equal means


class Sentence(NamedTuple):
    """What the paper says, the difference it rests on, and the bounds in which that has to lie."""

    text: str
    contrast: str
    low: float = 0.0
    high: float = np.inf


SENTENCES = (
    Sentence("Without training, bad tickets are below random ones.", "random minus bad, pruned"),
    Sentence("Retrained, bad tickets are below random ones.", "random minus bad, retrained"),
    Sentence("Retrained, good tickets are above random ones.", "good minus random, retrained"),
    Sentence("Good heads and MLPs, retrained, fall short.", "full minus good, retrained"),
    Sentence(
        f"Good weights, retrained, equal the full model, to within {EQUAL}.",
        "full minus good weights, retrained",
        -EQUAL,
        EQUAL,
    ),
)


def table(results: Results) -> pd.DataFrame:
    """Every sentence with its mean over the tasks that BERT-base learns, and whether it follows.

    It follows if the whole 95 % interval (Student's, over tasks) lies where the sentence wants
    it, and its contrary does if the whole interval lies elsewhere.
    """
    rows = {}
    for sentence in SENTENCES:
        means = {task: [value] for task, value in _differences(results, sentence.contrast)}
        rows[sentence.text] = _row(
            sentence.contrast, pooled(means), sentence.low, sentence.high, list(means.values())
        )
    kappas = [found.beside_chance["Fleiss' kappa"] for found in _learned(results).values()]
    layered = [found.by_layer for found in _learned(results).values() if found.by_layer]
    above = sum(of.observed > of.high for of in kappas)
    beyond = sum(of.observed > of.high for of in layered)
    rows["Seeds agree about heads more than masks of these sizes do by chance."] = {
        "measured": "Fleiss' kappa, task by task",
        "found": f"mean {np.mean([of.observed for of in kappas]):.3f}, above chance on {above} of "
        f"{len(kappas)}, and beyond layers on {beyond} of {len(layered)}",
        "follows": _verdict(above == len(kappas), above == 0),
    }
    shared = beyond_layers(results)
    rows["Tasks share heads beyond what their layers explain."] = _row(
        "heads shared by two tasks, beyond chance", shared, 0.0, np.inf
    )
    return pd.DataFrame.from_dict(rows, orient="index")


def beyond_layers(results: Results) -> Pooled:
    """How many heads two learned tasks share beyond their layer profiles: the mean over pairs,
    with an interval from the jackknife over tasks."""
    sharing: Sharing = records.sharing_of(results).only(list(_learned(results)))
    return pooled(jackknifed({p: float(of.heads.excess.mean()) for p, of in sharing.pairs.items()}))


def _differences(results: Results, contrast: str) -> Iterator[tuple[str, float]]:
    one, other = CONTRASTS[contrast]
    for task in results:
        if task not in UNLEARNED:
            yield task, score(results, task, one).mean - score(results, task, other).mean


def _learned(results: Results) -> dict[str, OverSeeds]:
    return {t: of for t, of in over_seeds(results, "heads").items() if t not in UNLEARNED}


def _row(
    measured: str, found: Pooled, low: float, high: float, values: list[list[float]] | None = None
) -> dict[str, str]:
    text = f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    if values is not None:
        text += f", above 0 on {sum(v > 0 for (v,) in values)} of {len(values)}"
    inside = low < found.low and found.high < high
    outside = found.high <= low or found.low >= high
    return {"measured": measured, "found": text, "follows": _verdict(inside, outside)}


def _verdict(inside: bool, outside: bool) -> str:
    return "yes" if inside else "no, the contrary" if outside else "not shown"
