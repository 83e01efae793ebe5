"""The types of every head's attention maps, before and after fine-tuning (section 5.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lottery_utils.attention import attention_maps
from lottery_utils.encoder import encoder_shape
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS, AnnotatedMap, token_kinds
from lottery_utils.patterns.sorter import chosen, sorter
from replication.experiments.entry import Entry

ATTENTION_EXAMPLES = 100  # of the validation set, as many as the paper's


def compute(entry: Entry, _made_from: dict[str, Any]) -> dict[str, Any]:
    """Sort every head's attention maps into the five types, before and after fine-tuning.

    Of the first hundred validation examples, raw and norm-weighted; `counts` says how many
    maps of a head are of each type: [state][weighting], (layers, heads, types).
    """
    entry.progress.unit("attention maps")
    examples = entry.validation.first(ATTENTION_EXAMPLES)
    tokens = [token_kinds(entry.tokenizer.convert_ids_to_tokens(ids)) for ids in examples.input_ids]
    sorters = {weighting: sorter(weighting) for weighting in WEIGHTINGS}
    counts: dict[str, Any] = {}
    for state, of in (("pre-trained", entry.pretrained()), ("fine-tuned", entry.model)):
        found = {w: np.zeros((*encoder_shape(of), len(TYPES)), int) for w in WEIGHTINGS}
        batches = (examples.collate([i], entry.device) for i in range(len(examples)))
        for number, maps in enumerate(attention_maps(of, batches)):
            for weighting, total in found.items():
                values: Any = getattr(maps, weighting)
                of_heads = values.reshape(-1, *values.shape[-2:])
                shown = [
                    AnnotatedMap(one / max(one.max(), 1e-12), tokens[number]) for one in of_heads
                ]
                types = sorters[weighting](shown)
                total += np.eye(len(TYPES), dtype=int)[types].reshape(total.shape)
            entry.progress.at((number + 1) / len(examples), f", {state}, example {number + 1}")
        counts[state] = {weighting: total.tolist() for weighting, total in found.items()}
    return {
        "types": list(TYPES),
        "classifier": {weighting: chosen(weighting) for weighting in WEIGHTINGS},
        "examples": len(examples),
        "counts": counts,
    }
