"""The follow-ups at work: each takes an entry, its fine-tuned model and what it is made from,
and gives the `results` of its record. `replication.runs.followups` decides what has to run.
"""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np

from lottery_utils import pruning
from lottery_utils.agreement.survivors import survivors as survivors_of
from lottery_utils.attention import attention_maps
from lottery_utils.encoder import encoder_shape
from lottery_utils.importance import Variant, score_and_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES, WEIGHTINGS, AnnotatedMap, token_kinds
from lottery_utils.patterns.sorter import chosen, sorter
from replication.experiments.choices import score_choices
from replication.experiments.control import STATES, reinitialized
from replication.experiments.entry import Entry
from replication.experiments.quirks import random_scores, types_by_transpose
from replication.experiments.sensitivity import RULES, search_by
from replication.experiments.stages import ticket_masks
from replication.experiments.tickets import score_tickets, structured_ticket
from replication.store import Journal

ATTENTION_EXAMPLES = 100  # of the validation set, as many as the paper's


def survivors(entry: Entry, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Score super-survivors, those in between and anti-survivors, pruned and retrained.

    The masks are the same for all seeds of the task; the models are this seed's.
    """
    # One draw serves all seeds, which share the masks.
    draw = 0 if entry.study.draws == "shared" else entry.study.draw(entry.task, 0, "survivors")
    found = survivors_of([StructuredMask.from_json(m) for m in inputs["masks"].values()], draw)
    tickets = {k: structured_ticket(entry, model, s.mask) for k, s in found.items()}
    scored = score_tickets(entry, model, tickets, _journal(entry, "survivors", inputs))
    return {
        "tickets": {kind: {**scored[kind], **found[kind].to_json()} for kind in found},
        "seeds": [int(seed) for seed in inputs["masks"]],
    }


def control(entry: Entry, _model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Train the good, random and bad ticket from weights that were never pre-trained.

    In the state `reinitialized` all weights are drawn anew; in `embeddings_kept` all but
    the embeddings. Recipe, seed and masks are those of the retrained tickets.
    """
    (good,) = inputs["masks"].values()
    masks = ticket_masks(entry, StructuredMask.from_json(good))
    journal = _journal(entry, "control", inputs)
    done: dict[str, Any] = {f"{kind} {state}": value for kind, state, value in journal.entries}
    found: dict[str, Any] = {}
    for kind, mask in masks.items():
        found[kind] = {"mask": mask.to_json()}
        for state in STATES:
            name = f"{kind} {state}"
            if name not in done:
                begun = time.monotonic()
                start = reinitialized(
                    entry.pretrained(), entry.seed, keep_embeddings=state == "embeddings_kept"
                )
                small = pruning.remove(start, mask)
                text = state.replace("_", " ")
                curve = entry.train_model(small, f"train the {kind} ticket, {text}")
                scores, why, answers = entry.measure(small)
                done[name] = {
                    "score": scores[entry.metric],
                    "undefined": why,
                    **answers,
                    "loss": curve.loss,
                    "seconds": round(time.monotonic() - begun, 2),
                }
                journal.append([kind, state, done[name]])
            else:
                entry.progress.unit(f"{name} ticket, found in the journal")
            found[kind][state] = done[name]
    return {"tickets": found}


def attention(entry: Entry, model: Any, _inputs: dict[str, Any]) -> dict[str, Any]:
    """Sort every head's attention maps into the five types, before and after fine-tuning.

    Of the first hundred validation examples, raw and norm-weighted; `counts` says how many
    maps of a head are of each type: [state][weighting], (layers, heads, types).
    """
    entry.progress.unit("attention maps")
    examples = entry.validation.first(ATTENTION_EXAMPLES)
    tokens = [token_kinds(entry.tokenizer.convert_ids_to_tokens(ids)) for ids in examples.input_ids]
    sorters = {weighting: sorter(weighting) for weighting in WEIGHTINGS}
    counts: dict[str, Any] = {}
    for state, of in (("pre-trained", entry.pretrained()), ("fine-tuned", model)):
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


def sensitivity(entry: Entry, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Search again, each time with one thing changed, and score what is found (section 4.1)."""
    masks = _journal(entry, "sensitivity", inputs)
    found = dict(masks.entries)
    for name, rule in RULES.items():
        entry.progress.unit(f"search, {name}")
        if name not in found:
            found[name] = search_by(entry, model, rule)
            masks.append([name, found[name]])
    tickets = {
        name: structured_ticket(entry, model, StructuredMask.from_json(one["mask"]))
        for name, one in found.items()
    }
    scored = score_tickets(
        entry, model, tickets, _journal(entry, "sensitivity", inputs, "-tickets")
    )
    return {"tickets": {name: {**scored[name], "steps": found[name]["steps"]} for name in RULES}}


def quirks(entry: Entry, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Measure what two quirks of the authors' code change: random tickets of unequal size, and
    norm-weighted maps of the transposed output projection."""
    (good,) = inputs["masks"].values()
    entry.progress.unit("quirks")
    return {
        "random": random_scores(entry, model, StructuredMask.from_json(good)),
        "transposed": types_by_transpose(entry, model, entry.validation.first(ATTENTION_EXAMPLES)),
    }


def choices(entry: Entry, model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Score every choice among the heads at the good ticket's edge, pruned."""
    (mask,) = inputs["masks"].values()
    good, variant = StructuredMask.from_json(mask), cast(Variant, entry.study.variant)
    entry.progress.unit("choices")
    _, importance = score_and_importance(
        model, entry.validation_batches, good, entry.search_metric, variant
    )
    journal = _journal(entry, "choices", inputs)
    return score_choices(entry, model, good, importance.normalized().heads, journal)


def _journal(entry: Entry, what: str, inputs: dict[str, Any], part: str = "") -> Journal:
    stamp = f"{entry.study.hash(what)} {inputs}"
    return Journal(entry.store.scratch(entry.key(what), f"{what}{part}.jsonl"), stamp)


COMPUTE = {
    "survivors": survivors,
    "control": control,
    "attention": attention,
    "sensitivity": sensitivity,
    "quirks": quirks,
    "choices": choices,
}
