"""Single weights, pruned by magnitude, and their tickets (section 4.1)."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict

from lottery_utils.masks import WeightMask
from lottery_utils.pruning import (
    head_densities,
    hold_zeros,
    map_densities,
    prunable,
    weights_masked,
)
from lottery_utils.search import WeightStep, largest_removed, magnitude_search
from replication.experiments.entry import Entry
from replication.experiments.results import Count, Score, Scored, Sha256, Share, about, named
from replication.experiments.search import Outcome, outcome
from replication.experiments.tickets import Ticket, score_tickets
from replication.experiments.weight_overlap import GOOD_WEIGHTS

MAPS = ("query", "key", "value", "attention_output", "mlp_input", "mlp_output")


class WeightTrial(TypedDict):
    """One trial of the search by magnitude."""

    n_kept: Count
    density: Share
    score: Score
    passed: bool


class Weights(TypedDict):
    """How many weights may be pruned, and how many the good ticket keeps, as all others do."""

    prunable: Count
    kept: Count
    density: Share


class OfWeights(Scored):
    """A ticket of single weights, pruned and retrained. Its mask is too large for a record."""

    mask_sha256: Sha256
    map_densities: Annotated[
        dict[str, list[Share]],
        named(*MAPS),
        about("Share of weights kept of each map of an encoder layer, by layer."),
    ]
    head_densities: Annotated[
        list[list[Share]], about("Share of weights kept of each head, by layer.")
    ]


class Magnitude(Outcome):
    """Single weights, searched and scored as tickets."""

    steps: list[WeightTrial]
    weights: Weights
    tickets: Annotated[dict[str, OfWeights], named("good", "random", "bad", "largest_removed")]


def compute(entry: Entry, _made_from: dict[str, Any]) -> Magnitude:
    """Find the good weights of the fine-tuned model by magnitude, and score its tickets.

    Besides good, random and bad there is `largest_removed`, the bad ticket of the authors'
    code. Weights outside a mask are held at zero in retraining. The masks themselves are
    too large for a record: the good one is kept in the cache, and all are reproducible.
    """
    model, full = entry.model, entry.results("finetune")
    entry.progress.unit("magnitude search")
    parameters = prunable(model)
    journal = entry.journal("magnitude", full["weights_sha256"], kind=WeightTrial)

    def score(mask: WeightMask) -> float:
        with weights_masked(model, mask):
            return entry.score(model, entry.search_metric)

    def on_step(step: WeightStep) -> None:
        journal.append(step.to_json())
        text = f", {step.density:.0%} of the weights left, score {step.score:.3f}"
        entry.progress.at(1 - step.density, text)

    found = magnitude_search(
        parameters,
        full["scores"][entry.search_metric],
        score,
        threshold=entry.study.search.threshold,
        fraction=entry.study.search.weight_step,
        variant=entry.study.variant,
        done=[WeightStep(**step) for step in journal.entries],
        on_step=on_step,
    )
    good = found.mask
    good.save(entry.store.scratch(entry.key("magnitude"), GOOD_WEIGHTS))
    scored = score_tickets(
        entry,
        weight_tickets(entry, good),
        entry.journal(
            "magnitude",
            full["weights_sha256"],
            good.sha256(),
            part="-tickets",
            kind=tuple[str, OfWeights],
        ),
    )
    steps: Any = [step.to_json() for step in found.steps]
    return {
        **outcome(entry, full),
        "steps": steps,
        "weights": {"prunable": good.size, "kept": good.n_kept, "density": good.density},
        "tickets": scored,
    }


def weight_tickets(entry: Entry, good: WeightMask) -> dict[str, Ticket]:
    """The four tickets of a seed's good weights, by kind: all others are zero, and held there."""
    model = entry.model
    whole = sum(p.numel() for p in model.parameters())

    def of_weights(mask: WeightMask) -> Ticket:
        return Ticket(
            {
                "mask_sha256": mask.sha256(),
                "parameters": whole - mask.size + mask.n_kept,
                "map_densities": map_densities(model, mask),
                "head_densities": head_densities(model, mask),
            },
            pruned=lambda: weights_masked(model, mask),
            start=entry.pretrained,
            held=lambda start: hold_zeros(start, mask),
        )

    masks = {
        "good": good,
        "random": good.random_like(entry.draw("random weights")),
        "bad": good.bad_like(entry.draw("bad weights")),
        "largest_removed": largest_removed(prunable(model), good.n_kept),
    }
    return {kind: of_weights(mask) for kind, mask in masks.items()}
