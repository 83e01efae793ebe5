"""Section 5.3: what tasks share is counted from their masks, and chance from their sizes."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from lottery_utils import sharing_plots, sharing_tables
from lottery_utils.figure import Figure, Note
from lottery_utils.masks import StructuredMask
from lottery_utils.recorded import Entries
from lottery_utils.sharing_tables import KINDS_OF_TASK, ONE_TASK, between
from lottery_utils.tasks import TASKS

Masks = dict[str, list[StructuredMask]]
SEEDS = (1337, 42, 86)
N_LAYERS, N_HEADS = 4, 6


def entries_of(masks: list[StructuredMask]) -> Entries:
    """As much of a task's records as these pages read."""
    tuned: dict[str, Any] = {"results": {"layers": N_LAYERS}}
    return {
        seed: {"finetune": tuned, "search": {"results": {"mask": mask.to_json()}}}
        for seed, mask in zip(SEEDS, masks, strict=False)
    }


def random_masks(seed: int, n: int = 3) -> list[StructuredMask]:
    rng = np.random.default_rng(seed)
    return [
        StructuredMask(rng.random((N_LAYERS, N_HEADS)) < 0.6, rng.random(N_LAYERS) < 0.5)
        for _ in range(n)
    ]


def study(*tasks: str, n_seeds: int = 3) -> dict[str, Entries]:
    return {task: entries_of(random_masks(i, n_seeds)) for i, task in enumerate(tasks)}


def test_what_two_tasks_share_is_what_both_keep() -> None:
    one, other = random_masks(0), random_masks(1)
    found = between(entries_of(one), entries_of(other), "heads")
    assert found.observed.tolist() == [(a & b).n_heads for a, b in zip(one, other, strict=True)]
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        assert found.by_size[i].mean == pytest.approx(a.n_heads * b.n_heads / 24)
        of_layers = (a.heads.sum(axis=1) * b.heads.sum(axis=1) / N_HEADS).sum()
        assert found.by_layer[i].mean == pytest.approx(of_layers)
        assert found.excess[i] == pytest.approx(found.observed[i] - of_layers)
    mlps = between(entries_of(one), entries_of(other), "mlps")
    assert mlps.observed.tolist() == [(a & b).n_mlps for a, b in zip(one, other, strict=True)]
    assert mlps.by_layer == mlps.by_size


def test_only_seeds_that_both_have_are_compared() -> None:
    one, other = entries_of(random_masks(0)), entries_of(random_masks(1))
    del other[42]
    assert len(between(one, other, "heads").by_size) == 2


def test_the_same_heads_are_beyond_the_layers_and_other_heads_are_not() -> None:
    half = np.tile([1, 1, 1, 0, 0, 0], (N_LAYERS, 1)).astype(bool)
    mask = StructuredMask(half, np.ones(N_LAYERS, bool))
    turned = StructuredMask(half[:, ::-1], np.ones(N_LAYERS, bool))
    same = between(entries_of([mask]), entries_of([mask]), "heads")
    assert (same.observed[0], same.excess[0], same.beyond) == (12, pytest.approx(6), 1)
    none = between(entries_of([mask]), entries_of([turned]), "heads")
    assert (none.observed[0], none.excess[0], none.beyond) == (0, pytest.approx(-6), 0)


def test_the_same_layers_alone_are_not_beyond_the_layers() -> None:
    """Two masks of the lower layers share all, more than by size, and all by their layers."""
    lower = StructuredMask(np.arange(N_LAYERS)[:, None].repeat(N_HEADS, 1) < 2, np.ones(N_LAYERS))
    found = between(entries_of([lower]), entries_of([lower]), "heads")
    assert found.by_size[0].observed > found.by_size[0].high
    assert (found.excess[0], found.beyond) == (pytest.approx(0), 0)


def test_the_table_has_every_pair() -> None:
    every = study("CoLA", "RTE", "WNLI")
    table = sharing_tables.pairs_table(every)
    assert isinstance(table, pd.DataFrame)
    assert [*table.index] == ["CoLA and RTE", "CoLA and WNLI", "RTE and WNLI"]
    found = between(every["CoLA"], every["RTE"], "heads")
    mean, std = found.observed.mean(), found.observed.std(ddof=1)
    assert table.loc["CoLA and RTE", "heads shared"] == f"{mean:.1f} ± {std:.1f}"
    assert table.loc["CoLA and RTE", "seeds beyond that"] == f"{found.beyond} of 3"


def test_super_survivors_are_kept_by_every_seed() -> None:
    every = study("CoLA", "RTE")
    masks = random_masks(0)
    assert sharing_tables.super_survivors(every["CoLA"]).tolist() == [
        bool(kept) for kept in (masks[0] & masks[1] & masks[2]).heads.ravel()
    ]
    table = sharing_tables.super_survivor_table(every)
    assert isinstance(table, pd.DataFrame)
    kept = [sharing_tables.super_survivors(every[task]) for task in ("CoLA", "RTE")]
    assert table.loc["CoLA", "super-survivors"] == str(kept[0].sum())
    assert table.loc["CoLA", "shared with RTE"].startswith(f"{(kept[0] & kept[1]).sum()} (chance")
    assert table.loc["CoLA", "shared with CoLA"] == ""


def test_few_tasks_or_seeds_are_said_to_be_few() -> None:
    alone = study("CoLA")
    assert sharing_tables.pairs_table(alone) is ONE_TASK
    assert sharing_plots.shared_heads(alone) is ONE_TASK
    three = study("CoLA", "RTE", "WNLI", n_seeds=1)
    for say in (
        sharing_tables.super_survivor_table,
        sharing_tables.kinds_table,
        sharing_plots.task_tree,
    ):
        assert isinstance(say(three), Note)
    assert isinstance(sharing_plots.shared_heads(three), Figure)


def alike(kinds: bool) -> dict[str, Entries]:
    """Nine tasks: of one kind the same masks, or each its own."""
    kind_of = {task: i for i, tasks in enumerate(KINDS_OF_TASK.values()) for task in tasks}
    numbers = kind_of if kinds else {task: i for i, task in enumerate(kind_of)}
    return {task: entries_of(random_masks(numbers[task])) for task in kind_of}


def test_kinds_are_glues() -> None:
    named = [*itertools.chain(*KINDS_OF_TASK.values())]
    assert sorted(named) == sorted(TASKS)
    assert all(not TASKS[task].is_pair for task in KINDS_OF_TASK["one sentence"])


def test_kinds_are_found_where_they_are_and_not_where_not() -> None:
    shares = []
    for kinds in (True, False):
        table = sharing_tables.kinds_table(alike(kinds))
        assert isinstance(table, pd.DataFrame)
        shares.append(float(table.iloc[-1, 0]))
    assert shares[0] < 0.01
    assert shares[1] > 0.05


def test_a_tree_joins_tasks_of_the_same_masks() -> None:
    drawn = sharing_plots.task_tree(alike(True), n_draws=20)
    assert isinstance(drawn, Figure)
    assert "CoLA with SST-2" in drawn.alt
    assert "MRPC with QQP with STS-B" in drawn.alt
    assert "20 resamples" in drawn.caption


def test_the_map_says_what_exceeds_the_layers() -> None:
    every = study("CoLA", "RTE", "WNLI")
    drawn = sharing_plots.shared_heads(every)
    assert isinstance(drawn, Figure)
    found: npt.NDArray[np.float64] = np.array(
        [
            between(every[a], every[b], "heads").excess.mean()
            for a, b in itertools.combinations(every, 2)
        ]
    )
    said = re.search(r"between ([-+.\d]+) and ([-+.\d]+) heads", drawn.alt)
    assert said is not None
    assert said[1] == f"{found.min():+.1f}" and said[2] == f"{found.max():+.1f}"
    assert "of 24; means over 3 seeds (1337, 42, 86)" in drawn.caption
