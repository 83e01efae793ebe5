"""The page on section 4.1 shows both searches as they are on record."""

from __future__ import annotations

import copy
from typing import Any

import by_hand
import numpy as np
import pytest
from by_hand import without_magnitude

from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from replication.book.show import NO_MAGNITUDE, Figure
from replication.book.written import percent
from replication.pages import sec4_1_good_subnetworks as page
from replication.runs.records import TaskRecords

SEEDS = (1337, 42)


def hollow(figure: Figure) -> list[tuple[float, float]]:
    """Where the markers of failed steps are."""
    lines = [line for axis in figure.drawing.axes for line in axis.lines]
    return [
        (float(x[0]), float(y[0]))
        for x, y in (line.get_data() for line in lines if line.get_markerfacecolor() == "w")
        if len(x)
    ]


def with_sizes(heads: list[int], mlps: list[int]) -> TaskRecords:
    """Entries made by hand whose good subnetworks keep so many of 8 heads and 2 MLPs."""
    entries: dict[int, Any] = {}
    for seed, (n_heads, n_mlps) in enumerate(zip(heads, mlps, strict=True)):
        mask = StructuredMask(np.arange(8).reshape(2, 4) < n_heads, np.arange(2) < n_mlps)
        entries[seed] = copy.deepcopy(by_hand.entries()[1337])
        entries[seed]["search"]["results"]["mask"] = mask.to_json()
    return TaskRecords(entries)


def test_the_finding_is_how_much_is_kept() -> None:
    text = repr(page.finding(with_sizes([4, 5, 4], [1, 1, 1])))
    _, low, high, _ = t_interval([0.5, 0.625, 0.5])
    assert f"with 54 % (95 % CI [{percent(low)}, {percent(high)}]) of the heads" in text
    assert "50 % (all equal) of the MLPs" in text and "(n = 3 seeds)" in text
    one = repr(page.finding(with_sizes([4], [1])))
    assert "with 50 % (no CI) of the heads" in one and "(n = 1 seed)" in one
    wide = repr(page.finding(with_sizes([0, 8], [0, 2])))
    assert "with 50 % (no CI) of the heads" in wide, "its interval leaves 0 to 1"
    assert page.finding(with_sizes([4], [1]), "magnitude") is None


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("CoLA", "Matthews correlation"),
        ("STS-B", "mean of Pearson and Spearman"),
        ("RTE", "accuracy"),
    ],
)
def test_both_curves_have_every_step_and_the_threshold(
    every: dict[str, TaskRecords], task: str, metric: str
) -> None:
    for stage, draw in (("search", page.search_curve), ("magnitude", page.weight_search_curve)):
        figure = draw(every[task])
        found = [records[stage]["results"] for records in every[task].values()]
        failed = [step["score"] for r in found for step in r["steps"] if not step["passed"]]
        assert sorted(y for _, y in hollow(figure)) == pytest.approx(sorted(failed))
        axes = figure.drawing.axes
        dashed = [line for axis in axes for line in axis.lines if line.get_linestyle() == "--"]
        share = every[task][42]["search"]["config"]["search"]["threshold"]
        assert [line.get_ydata()[0] for line in dashed] == pytest.approx(
            [share * r["full_score"] for r in found]
        )
        assert figure.drawing.get_supylabel() == metric
        assert [axis.get_title() for axis in axes] == ["seed 1337", "seed 42"]


def test_survivors_are_the_masks_and_their_mean(every: dict[str, TaskRecords]) -> None:
    entries = every["CoLA"]
    figure = page.survivors(entries)
    shown = [axis.images[0].get_array() for axis in figure.drawing.axes[:3]]
    masks = [
        StructuredMask.from_json(records["search"]["results"]["mask"])
        for records in entries.values()
    ]
    kept = [np.column_stack([mask.heads, mask.mlps]) for mask in masks]
    for image, expected in zip(shown, [*kept, np.mean(kept, axis=0)], strict=True):
        assert np.array_equal(image, expected)
    alone = page.survivors(entries.of_seeds([42])).drawing
    assert len([axis for axis in alone.axes if axis.images]) == 1


def test_densities_are_means_over_seeds(every: dict[str, TaskRecords]) -> None:
    figure = page.weight_densities(every["RTE"])
    left, right = figure.drawing.axes[:2]
    good = [r["magnitude"]["results"]["tickets"]["good"] for r in every["RTE"].values()]
    heads = np.mean([g["head_densities"] for g in good], axis=0)
    assert np.allclose(right.images[0].get_array(), heads)
    query = np.mean([g["map_densities"]["query"] for g in good], axis=0)
    assert np.allclose(left.images[0].get_array()[:, 0], query)
    assert left.texts[0].get_text() == f"{100 * query[0]:.0f}"


def test_sizes_are_the_masks(every: dict[str, TaskRecords]) -> None:
    table = page.sizes(every["CoLA"]).frame
    for seed in SEEDS:
        found = every["CoLA"][seed]["search"]["results"]
        mask = StructuredMask.from_json(found["mask"])
        row = table.loc[f"seed {seed}"]
        assert row["heads kept"] == f"{mask.n_heads} of 8"
        assert row["MLPs kept"] == f"{mask.n_mlps} of 2"


def test_weights_are_the_masks(every: dict[str, TaskRecords]) -> None:
    table = page.weights(every["STS-B"]).frame
    for seed in SEEDS:
        found = every["STS-B"][seed]["magnitude"]["results"]
        row = table.loc[f"seed {seed}"]
        assert row["share kept"] == percent(found["weights"]["density"], 1)
        assert row["good score"] == f"{found['tickets']['good']['pruned']:.3f}"


@pytest.mark.parametrize("seeds", [(), (42,)], ids=["no seed has it", "a seed lacks it"])
def test_without_magnitude_pruning_the_page_says_so(
    every: dict[str, TaskRecords], seeds: tuple[int, ...]
) -> None:
    fewer = without_magnitude(every["CoLA"], *seeds)
    assert page.weight_search_curve(fewer) is NO_MAGNITUDE
    assert page.weights(fewer) is None and page.weight_densities(fewer) is None
    assert len(page.sizes(fewer).frame) == 2
