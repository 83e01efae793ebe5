"""The structured search by other rules: what depends on a choice that the paper made once?

Each rule changes one thing of the study's own search: the share of the score to be kept, the share
of heads that go at a time, the reading of the method (`variant`), or the examples on which masks
are found. The last asks what it buys to find masks on the very dev set that then scores them: it
takes training examples that the model was not fine-tuned on, as it knows the others by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from lottery_utils.batches import EvaluationBatches
from lottery_utils.encoder import encoder_shape
from lottery_utils.importance import score_and_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.search import structured_search
from replication.experiments.entry import EVALUATION_BATCH, Entry
from replication.experiments.parts import Part
from replication.experiments.results import Count, Masked, Sha256, about, named
from replication.experiments.shapes import Rows
from replication.experiments.tickets import scored, structured_ticket


@dataclass(frozen=True)
class Rule:
    """What is changed of the study's search; None leaves it as it is.

    With `on_training_data` scores and importance come from as many unseen training examples as
    the validation set has, and the threshold is a share of the full model's score on those.
    """

    threshold: float | None = None
    head_step: float | None = None
    variant: Literal["release"] | None = None
    on_training_data: bool = False


RULES = {
    "threshold 0.8": Rule(threshold=0.8),
    "threshold 0.85": Rule(threshold=0.85),
    "threshold 0.95": Rule(threshold=0.95),
    "steps of 5 %": Rule(head_step=0.05),
    "steps of 20 %": Rule(head_step=0.2),
    "as released": Rule(variant="release"),
    "masks from training data": Rule(on_training_data=True),
}


class Found(Masked):
    """A ticket that a search by another rule found, pruned and retrained."""

    steps: Annotated[Count, about("How many trials the search took.")]
    unseen_sha256: NotRequired[
        Annotated[Sha256, about("Of the examples searched on, where they are training examples.")]
    ]


class Sensitivity(TypedDict):
    """The search made again by other rules, one thing changed each time."""

    tickets: Annotated[dict[str, Found], named(*RULES)]


def parts(entry: Entry, made_from: dict[str, Any]) -> dict[str, Part]:
    """Search again, each time with one thing changed, and score what is found (section 4.1)."""

    def find(name: str) -> dict[str, Any]:
        entry.progress.say(f"search, {name}")
        found = search_by(entry, entry.model, RULES[name])
        ticket = structured_ticket(entry, StructuredMask.from_json(found["mask"]))
        of = {"unseen_sha256": entry.unseen_sha256} if RULES[name].on_training_data else {}
        return scored(entry, name, ticket) | {"steps": found["steps"]} | of

    return {name: Part(Found, partial(find, name)) for name in RULES}


def compute(entry: Entry, _made_from: dict[str, Any]) -> Sensitivity:
    """The scores of the tickets that the other rules find."""
    return {"tickets": {name: entry.parts[name] for name in RULES}}


class Searched(TypedDict):
    """What a search by another rule found."""

    mask: Rows
    steps: Count


def search_by(entry: Entry, model: Any, rule: Rule) -> Searched:
    """The good `mask` of the fine-tuned `model` by another rule, and its search's `steps`.

    Raises `UserError` if it asks for training examples that were not seen, and all were.
    """
    own = entry.study.search
    variant = rule.variant or entry.study.variant
    examples = entry.unseen if rule.on_training_data else entry.validation
    released = variant == "release"
    batches = EvaluationBatches(examples, EVALUATION_BATCH, entry.device, file_order=released)
    metric = entry.search_metric
    look = cache(lambda mask: score_and_importance(model, batches, mask, metric, variant))
    everything = StructuredMask.full(*encoder_shape(model))
    found = structured_search(
        everything,
        look(everything)[0],
        lambda mask: look(mask)[0],
        lambda mask: look(mask)[1],
        threshold=rule.threshold or own.threshold,
        head_step=rule.head_step or own.head_step,
        variant=variant,
    )
    return {"mask": found.mask.to_json(), "steps": len(found.steps)}
