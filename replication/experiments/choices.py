"""Every choice among the heads at the edge of a ticket: a lottery small enough to score whole.

At the good ticket (section 4.1) five heads that it keeps have the lowest importance, and five that
it removed the highest: its edge, where the search might as well have decided otherwise. Each of the
1,024 ways to keep some of these ten is scored without training, everything else as in the good
ticket. If importance ranked heads well, it would make the search's own choice stand out.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from lottery_utils import pruning
from lottery_utils.errors import ReplayError
from lottery_utils.importance import score_and_importance
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.experiments.results import Count, Metric, Place, Positive, Score, about
from replication.experiments.shapes import Says, counts

EACH_SIDE = 5
EDGE = Says(lambda heads: [("heads at the edge", len(heads)), ("choices", 2 ** len(heads))])

Head = tuple[int, int]  # layer and head, from 0


class Choices(TypedDict):
    """Every choice among the heads at the edge of the good ticket, scored."""

    metric: Metric
    full_score: Annotated[Score, about("Of the fine-tuned model, unmasked.")]
    heads: Annotated[list[Place], about("The edge, by falling importance.", min_length=1), EDGE]
    importance: Annotated[
        list[Positive], about("Of these heads in the good ticket, normalized."), EDGE
    ]
    good: Annotated[
        Count,
        about("The number of the good ticket's own choice: bit i is set where head i is kept."),
        Says(lambda number: [("choices", number)], index=True),
    ]
    scores: Annotated[
        list[Score],
        about("Pruned, of every choice, in the order of their numbers.", min_length=2),
        counts("choices"),
    ]


def compute(entry: Entry, made_from: dict[str, Any]) -> Choices:
    """Score every choice among the heads at the good ticket's edge, pruned.

    Raises `ReplayError` where an interrupted run left too many scores.
    """
    (mask,) = made_from["masks"].values()
    good, model = StructuredMask.from_json(mask), entry.model
    entry.progress.unit("choices")
    _, importance = score_and_importance(
        model, entry.validation_batches, good, entry.search_metric, entry.study.variant
    )
    normalized = importance.normalized().heads
    heads = edge(good, normalized)
    # Another machine may rank heads otherwise: its scores are of other choices.
    journal = entry.journal("choices", made_from, heads, kind=Score)
    total = 2 ** len(heads)
    if len(journal.entries) > total:
        raise ReplayError(f"there are more scores than {total} choices")
    for number in range(len(journal.entries), total):
        entry.progress.at(number / total, f", choice {number + 1} of {total}")
        with pruning.masked(model, chosen(good, heads, number)):
            journal.append(entry.score(model))
    return {
        "metric": entry.metric,
        "full_score": entry.score(model),
        "heads": heads,
        "importance": [round(float(normalized[head]), 6) for head in heads],
        "good": number_of(good, heads),
        "scores": list(journal.entries),
    }


def edge(good: StructuredMask, importance: npt.NDArray[np.floating[Any]]) -> list[Head]:
    """The `EACH_SIDE` least important heads that `good` keeps and the most important it removed.

    `importance` (layers, heads) is that of the good ticket, in which removed heads have scores too.
    Highest first; fewer on a side that has not so many.
    """
    order = np.argsort(-importance, axis=None, kind="stable")
    places = [divmod(int(flat), importance.shape[1]) for flat in order]
    kept = [place for place in places if good.heads[place]]
    removed = [place for place in places if not good.heads[place]]
    beside = {*kept[-EACH_SIDE:], *removed[:EACH_SIDE]}
    return [place for place in places if place in beside]


def chosen(good: StructuredMask, heads: list[Head], number: int) -> StructuredMask:
    """`good` with head `i` of `heads` kept if bit `i` of `number` is set, else removed."""
    kept = good.heads.copy()
    for place, head in enumerate(heads):
        kept[head] = bool(number >> place & 1)
    return StructuredMask(kept, good.mlps)


def number_of(good: StructuredMask, heads: list[Head]) -> int:
    """The number by which `chosen` gives `good` itself."""
    return sum(int(good.heads[head]) << place for place, head in enumerate(heads))
