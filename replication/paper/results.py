"""What a record of the paper's own BERT-base holds, as types (`replication.paper.records`)."""

from __future__ import annotations

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from replication.experiments.results import (
    Count,
    Counts,
    Positive,
    Score,
    Sha256,
    Share,
    about,
    named,
)
from replication.experiments.shapes import HEADS, LAYERS, SEEDS, equals

Chance = Annotated[dict[str, float | None], named("observed", "mean", "low", "high")]
Chances = Annotated[
    tuple[Positive, Positive, Positive, Positive],
    about("What was observed, and the mean and the bounds of 95 % of what chance gives."),
]
Noise = Annotated[dict[str, float | None], named("observed", "mean", "low", "high", "limit")]
OfPair = dict[str, Annotated[list[Chances], about("Seed by seed."), SEEDS]]


class MeanScore(TypedDict):
    mean: Score
    std: Annotated[Positive, about("Of the sample.")]


class GoodMasks(TypedDict):
    """The good masks of all seeds, of heads or of MLPs, summed up."""

    kept: Annotated[Counts, about("Components that each seed keeps."), SEEDS]
    survival: Annotated[
        list[Count | Annotated[Counts, HEADS]],
        about("How many seeds keep each head, by layer, or each MLP."),
        LAYERS,
    ]
    beside_chance: Annotated[
        dict[str, Chance],
        about("By measure of agreement, with random masks of the same size; null where undefined."),
    ]
    cochran_q: Annotated[dict[str, float | None], named("statistic", "p_value")]
    kappa_by_layer: Annotated[
        Chance | None,
        about("Fleiss' kappa of heads, with random masks of the same sizes in every layer."),
    ]


class BesideGood(TypedDict):
    """A ticket's components beside the good one's, seed by seed."""

    kept: Annotated[Counts, about("Of the ticket."), SEEDS]
    good: Annotated[Counts, about("Of the good one."), SEEDS]
    both: Annotated[Counts, about("Of both."), SEEDS]
    kept_by: Annotated[
        dict[str, Annotated[Counts, SEEDS]],
        named("all", "some", "none"),
        about("Of the ticket, how many the good masks of all, some or no seeds keep."),
    ]


class ReleasedTicket(TypedDict):
    different_masks: Annotated[Count, about("Over the seeds.")]
    heads: BesideGood
    mlps: BesideGood


class SharedWith(TypedDict):
    """What the good masks of two tasks share."""

    heads: Annotated[
        OfPair,
        named("by_size", "by_layer"),
        about("Beside masks of the same sizes and of the same sizes in every layer."),
    ]
    mlps: Annotated[
        list[Chances], about("Seed by seed, with random masks of the same sizes."), SEEDS
    ]
    survivors: Annotated[Chances, about("Heads that all seeds of both keep.")]
    overlap: Annotated[list[Share], about("Jaccard's index of heads, seed by seed."), SEEDS]


class OnTrain(TypedDict):
    """Masks of the same models from training examples, beside those from dev examples."""

    kept: Annotated[Counts, about("Components that each seed keeps."), SEEDS]
    noise: Annotated[
        dict[str, Noise],
        named("examples", "seed", "both"),
        about(
            "Mean Fleiss' kappa of two masks that differ in the examples searched on, in the seed "
            "or in both, with chance; limit is that of nested masks of these sizes."
        ),
    ]


class OfHans(TypedDict):
    """Masks of models trained on other data: agreement over seeds, and what they share."""

    heads: GoodMasks
    mlps: GoodMasks
    shared_with: Annotated[
        dict[str, SharedWith], about("With MNLI's good masks, and those of the data before.")
    ]


class Released(TypedDict):
    """What the masks and scores come to that the paper's authors released."""

    source: Annotated[str, about("Where the files come from.")]
    seeds: Annotated[list[Count], about("In the order of every list over seeds."), SEEDS]
    layers: Annotated[Count, equals("layers")]
    heads_per_layer: Annotated[Count, equals("heads per layer")]
    scores: Annotated[
        dict[str, dict[str, MeanScore]], about("By the release's setting and metric.")
    ]
    masks: Annotated[dict[str, dict[str, GoodMasks]], about("By setting and part, heads or mlps.")]
    tickets: Annotated[dict[str, ReleasedTicket], about("By setting.")]
    shared_with: Annotated[dict[str, SharedWith], about("By each later task of GLUE's nine.")]
    on_train: NotRequired[
        Annotated[dict[str, OnTrain], about("By part, where the release at hand has them.")]
    ]
    hans: NotRequired[
        Annotated[dict[str, OfHans], about("By training data; in MNLI's record only.")]
    ]
    drawn: NotRequired[
        Annotated[
            dict[str, Positive],
            about("Heights in points of the bars in the authors' figure of s-pruned subnetworks."),
        ]
    ]
    sha256: Annotated[
        dict[str, Sha256],
        about(
            "Of the files read: one for all masks of a setting (over the lines that sha256sum "
            "prints), one for each file of scores."
        ),
    ]
