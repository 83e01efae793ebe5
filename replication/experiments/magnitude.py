"""Single weights, pruned by magnitude, and their tickets (section 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
from lottery_utils.search import SearchResult, WeightStep, largest_removed, magnitude_search
from replication.experiments.entry import Entry
from replication.experiments.parts import Part
from replication.experiments.results import Count, Score, Scored, Sha256, Share, about, named
from replication.experiments.search import Outcome, outcome
from replication.experiments.shapes import ByHead, ByLayer
from replication.experiments.tickets import Ticket, scored
from replication.experiments.weight_overlap import GOOD_WEIGHTS
from replication.files import in_one_piece
from replication.stages import PIPELINE

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
        dict[str, ByLayer[Share]],
        named(*MAPS),
        about("Share of weights kept of each map of an encoder layer, by layer."),
    ]
    head_densities: Annotated[ByHead[Share], about("Share of weights kept of each head, by layer.")]


class WeightSearch(TypedDict):
    """What the search by magnitude found."""

    steps: list[WeightTrial]
    weights: Weights


class Magnitude(Outcome, WeightSearch):
    """Single weights, searched and scored as tickets."""

    tickets: Annotated[dict[str, OfWeights], named("good", "random", "bad", "largest_removed")]


def parts(entry: Entry, _made_from: dict[str, Any]) -> dict[str, Part]:
    """The search for the good weights of the fine-tuned model by magnitude, and its tickets.

    Besides good, random and bad there is `largest_removed`, the bad ticket of the authors'
    code. Weights outside a mask are held at zero in retraining. The masks themselves are
    too large for a record: the good one is kept in the cache, and all are reproducible.
    """

    def find(kind: str) -> dict[str, Any]:
        good = good_weights(entry, entry.parts["search"]["steps"])
        return scored(entry, kind, weight_ticket(entry, good, kind))

    search, *kinds = PIPELINE["magnitude"].parts
    tickets = {kind: Part(OfWeights, partial(find, kind)) for kind in kinds}
    return {search: Part(WeightSearch, partial(search_weights, entry)), **tickets}


def compute(entry: Entry, _made_from: dict[str, Any]) -> Magnitude:
    """What the search found, and the scores of the four tickets."""
    search, *kinds = PIPELINE["magnitude"].parts
    found: WeightSearch = entry.parts[search]
    return {
        **outcome(entry, entry.results("finetune")),
        **found,
        "tickets": {kind: entry.parts[kind] for kind in kinds},
    }


def search_weights(entry: Entry) -> WeightSearch:
    """Find the good weights, and keep their mask in the cache."""
    model, full = entry.model, entry.results("finetune")
    entry.progress.unit("magnitude search")
    journal = entry.journal("magnitude", full["weights_sha256"], kind=WeightTrial)

    def score(mask: WeightMask) -> float:
        with weights_masked(model, mask):
            return entry.score(model, entry.search_metric)

    def on_step(step: WeightStep) -> None:
        journal.append(step.to_json())
        text = f", {step.density:.0%} of the weights left, score {step.score:.3f}"
        entry.progress.at(1 - step.density, text)

    found = _search(entry, score, journal.entries, on_step)
    good = found.mask
    with in_one_piece(entry.store.scratch(entry.key("magnitude"), GOOD_WEIGHTS)) as draft:
        good.save(draft)
    steps: Any = [step.to_json() for step in found.steps]
    return {
        "steps": steps,
        "weights": {"prunable": good.size, "kept": good.n_kept, "density": good.density},
    }


def good_weights(entry: Entry, steps: list[Any]) -> WeightMask:
    """The mask that these steps led to: the search takes them again, which needs no scoring."""

    def score(mask: WeightMask) -> float:
        raise AssertionError("all steps of the search are there")

    return _search(entry, score, steps).mask


def _search(
    entry: Entry,
    score: Callable[[WeightMask], float],
    done: list[Any],
    on_step: Callable[[WeightStep], None] = lambda step: None,
) -> SearchResult[WeightMask, WeightStep]:
    return magnitude_search(
        prunable(entry.model),
        entry.results("finetune")["scores"][entry.search_metric],
        score,
        threshold=entry.study.search.threshold,
        fraction=entry.study.search.weight_step,
        variant=entry.study.variant,
        done=[WeightStep(**step) for step in done],
        on_step=on_step,
    )


def weight_ticket(entry: Entry, good: WeightMask, kind: str) -> Ticket:
    """One of the tickets of a seed's good weights: all others are zero, and held there."""
    model = entry.model
    make: dict[str, Callable[[], WeightMask]] = {
        "good": lambda: good,
        "random": lambda: good.random_like(entry.draw("random weights")),
        "bad": lambda: good.bad_like(entry.draw("bad weights")),
        "largest_removed": lambda: largest_removed(prunable(model), good.n_kept),
    }
    mask = make[kind]()
    whole = sum(p.numel() for p in model.parameters())
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
