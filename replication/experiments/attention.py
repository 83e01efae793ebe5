"""The types of every head's attention maps, before and after fine-tuning (section 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from lottery_utils.attention import attention_maps
from lottery_utils.batches import Encoded
from lottery_utils.encoder import encoder_shape
from lottery_utils.patterns import sorter
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS, AnnotatedMap, token_kinds
from replication.experiments.entry import Entry
from replication.experiments.results import Count, Text, about, named
from replication.experiments.shapes import HEADS, LAYERS, Says, equals

ATTENTION_EXAMPLES = 100  # of the validation set, as many as the paper's

Types = Annotated[
    list[Text],
    about("Their names, in the order of the counts.", min_length=len(TYPES), max_length=len(TYPES)),
]
OfHead = Annotated[
    list[Count],
    about("By type.", min_length=len(TYPES), max_length=len(TYPES)),
    Says(lambda counts: [("maps of a head", sum(counts))]),
]
OfLayer = Annotated[list[OfHead], about("By head.", min_length=1), HEADS]
OfModel = Annotated[
    list[OfLayer],
    LAYERS,
    about("How many of a head's maps are of each type, by layer.", min_length=1),
]


class Attention(TypedDict):
    """How many attention maps of each head are of each type."""

    types: Types
    classifier: Annotated[
        dict[str, sorter.Chosen],
        named(*WEIGHTINGS),
        about("Which one sorted the maps of each weighting."),
    ]
    examples: Annotated[
        Count,
        about("Of the validation set, a map of every head each."),
        equals("maps of a head"),
    ]
    counts: Annotated[
        dict[str, Annotated[dict[str, OfModel], named(*WEIGHTINGS)]],
        named("pre-trained", "fine-tuned"),
        about("Of raw attention weights, and of weights times the norms of what they move."),
    ]


def compute(entry: Entry, _made_from: dict[str, Any]) -> Attention:
    """Sort every head's attention maps into the five types, before and after fine-tuning.

    Of the first hundred validation examples, raw and norm-weighted; `counts` says how many
    maps of a head are of each type: [state][weighting], (layers, heads, types).
    """
    entry.progress.unit("attention maps")
    examples = entry.validation.first(ATTENTION_EXAMPLES)
    counts: dict[str, Any] = {}
    for state, of in (("pre-trained", entry.pretrained()), ("fine-tuned", entry.model)):
        found = {w: np.zeros((*encoder_shape(of), len(TYPES)), int) for w in WEIGHTINGS}
        for number, types in enumerate(types_of_maps(entry, of, examples, WEIGHTINGS), 1):
            for weighting, total in found.items():
                total += np.eye(len(TYPES), dtype=int)[types[weighting]].reshape(total.shape)
            entry.progress.at(number / len(examples), f", {state}, example {number}")
        counts[state] = {weighting: total.tolist() for weighting, total in found.items()}
    return {
        "types": list(TYPES),
        "classifier": {weighting: sorter.chosen(weighting) for weighting in WEIGHTINGS},
        "examples": len(examples),
        "counts": counts,
    }


def types_of_maps(
    entry: Entry, model: Any, examples: Encoded, weightings: Iterable[str], transposed: bool = False
) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """Of each example the types of every head's maps, int64 (layers * heads,), by weighting."""
    sorters = {weighting: sorter.sorter(weighting) for weighting in weightings}
    batches = (examples.collate([i], entry.device) for i in range(len(examples)))
    every = attention_maps(model, batches, transposed=transposed)
    for ids, maps in zip(examples.input_ids, every, strict=True):
        tokens = token_kinds(entry.tokenizer.convert_ids_to_tokens(ids))
        found = {}
        for weighting, sort in sorters.items():
            values: Any = getattr(maps, weighting)
            of_heads = values.reshape(-1, *values.shape[-2:])
            shown = [AnnotatedMap(one / max(one.max(), 1e-12), tokens) for one in of_heads]
            found[weighting] = np.asarray(sort(shown))
        yield found
