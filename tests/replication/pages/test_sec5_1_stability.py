"""The page on section 5.1: what it says of agreement is what the records' masks say."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from lottery_utils.agreement import chance, fleiss_kappa
from lottery_utils.masks import StructuredMask
from replication.book.show import Figure
from replication.book.written import MINUS, percent
from replication.claims.trial import Trial
from replication.pages import sec5_1_stability as page
from replication.pages.released import released_stability
from replication.pages.sec5_1_stability import ONE_SEED
from replication.paper import records as paper
from replication.runs.measured import equal_heads, good_masks, pairs_of_weights
from replication.runs.records import TaskRecords, load
from replication.store import Store

TASK, SEEDS = "STS-B", [1337, 42]


def test_the_table_says_what_the_masks_say(every: dict[str, TaskRecords]) -> None:
    entries = every[TASK]
    table = page.agreement_table(entries)
    heads = good_masks(entries, "heads")
    overlap = chance.against_chance("mean overlap", heads)
    row = table.frame.loc["overlap of two seeds (Jaccard)"]
    assert row["heads"] == f"{overlap.observed:.3f}"
    assert row["heads, by chance"].startswith(f"{overlap.mean:.3f} [{overlap.low:.3f}, ")
    assert table.frame.loc["kept, seed by seed", "heads"] == (
        f"{', '.join(map(str, heads.sum(axis=1)))} of {heads.shape[1]}"
    )
    assert "nan" not in table._repr_html_().lower()


def test_heads_of_one_size_come_from_the_searches(every: dict[str, TaskRecords]) -> None:
    for of_task in every.values():
        good, equal = good_masks(of_task, "heads"), equal_heads(of_task)
        assert {*equal["cut"].sum(axis=1)} == {good.sum(axis=1).max()}
        assert (equal["cut"] >= good).all(), "a cut mask is from an earlier step of the same search"
        assert {*equal["top half"].sum(axis=1)} == {good.shape[1] // 2}
        for top, of_seed in zip(equal["top half"], of_task.values(), strict=True):
            scores = np.ravel(of_seed["search"]["results"]["steps"][0]["head_scores"])
            assert scores[top].min() >= scores[~top].max()


def test_kappa_at_one_size_stands_beside_the_most_that_sizes_allow(trial: Trial) -> None:
    records = trial.records
    table = released_stability.equal_sizes_by_task(records).frame
    assert [table.loc[task, "at most"] for task in ("STS-B", "CoLA")] == ["0.352", "0.037"]
    last = table.iloc[-1]
    assert str(last["heads, top half"]).startswith("0.539 [")
    told = released_stability.equal_sizes_reading(records).text
    assert all(str(last[name]) in told for name in table if name.startswith("heads"))
    of_task = page.equal_sizes(records["STS-B"]).frame
    assert [*of_task["heads"]] == ["14, 49, 44", "49", "36"]
    assert [*of_task["kappa"]] == [*table.loc["STS-B"].iloc[[0, 2, 3]]]
    assert [*of_task["at most"]] == ["0.352", "1.000", "1.000"]


def test_pairs_of_weights_have_the_kappa_of_their_masks() -> None:
    """Three masks by hand, of 6, 6 and 4 of 10 weights."""
    masks = np.zeros((3, 10), bool)
    masks[0, :6] = masks[1, 1:7] = masks[2, :4] = True
    results = {
        "votes": {"all": np.bincount(masks.sum(axis=0), minlength=4).tolist()},
        "kept": {"all": masks.sum(axis=1).tolist()},
        "both": [int((masks[a] & masks[b]).sum()) for a, b in ((0, 1), (0, 2), (1, 2))],
        "made_from": dict.fromkeys(("1", "2", "3")),
    }
    overlap = {"results": results}
    found = pairs_of_weights(overlap)
    assert found["1", "2"].kappa == pytest.approx(fleiss_kappa(masks[:2]))
    assert found["2", "3"].kappa == pytest.approx(fleiss_kappa(masks[1:]))
    assert found["1", "2"].most == 1 and found["1", "3"].most == found["1", "3"].kappa
    table = page.equal_density(TaskRecords({}, overlap)).frame
    assert [*table["weights kept"]] == [
        "60.0 % and 60.0 %",
        "60.0 % and 40.0 %",
        "60.0 % and 40.0 %",
    ]


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_map_has_the_means_and_deviations_of_both_methods(
    every: dict[str, TaskRecords], method: str
) -> None:
    figure, of_task = page.survival_map(every[TASK], method), every[TASK]
    shown = figure.drawing.axes[0].images[0].get_array()
    if method == "structured":
        kept = good_masks(of_task, "heads").reshape(2, *shown[:, :-1].shape).astype(float)
        assert shown[:, -1].tolist() == good_masks(of_task, "mlps").mean(axis=0).tolist()
    else:
        good = [r["tickets"]["good"] for r in of_task.results("magnitude")]
        kept = np.array([g["head_densities"] for g in good])
        of_mlps = [
            np.add(g["map_densities"]["mlp_input"], g["map_densities"]["mlp_output"]) / 2
            for g in good
        ]
        assert np.allclose(shown[:, -1], np.mean(of_mlps, axis=0))
    assert np.allclose(shown[:, :-1], kept.mean(axis=0))
    first, text = kept[:, 0, 0], figure.drawing.axes[0].texts[0].get_text()
    expected = f"{first.mean():.2f}\n{first.std(ddof=1):.2f}".replace("0.", ".")
    assert text == expected.replace("1.00", "1.0")
    assert f"is {kept.std(axis=0, ddof=1).mean():.2f} on average" in figure.caption


def test_the_finding_sets_kappa_against_chance(every: dict[str, TaskRecords]) -> None:
    of_task = TaskRecords(dict(every[TASK]))
    found = chance.against_chance("Fleiss' kappa", good_masks(of_task, "heads"))
    text = repr(page.finding(of_task))
    assert f"kappa of {found.observed:.2f}".replace("-", MINUS) in text
    inside = found.low <= found.observed <= found.high
    assert ("within chance" in text) == inside
    assert "single weights" not in text, "their overlap is not on record"
    assert repr(page.finding(of_task.of_seeds([42]))) == ONE_SEED.text
    for stages in of_task.values():
        every_head = StructuredMask(np.ones((2, 4)), np.ones(2)).to_json()
        stages["search"] = copy.deepcopy(stages["search"])
        stages["search"]["results"]["mask"] = every_head
    assert "kappa is undefined" in repr(page.finding(of_task))


def test_kappas_of_the_finding_are_the_tables() -> None:
    of_task = load("minilm-glue", "SST-2", also=["weight_overlap"])["SST-2"]
    text = repr(page.finding(of_task))
    assert "kappa of 0.33, above chance" in text and "kappa is 0.94" in text
    assert "almost nothing" not in text
    assert "Of 72 heads, 13 survive with every seed" in text


def test_searches_that_removed_almost_nothing_are_said() -> None:
    of_task = load("minilm-glue", "CoLA")["CoLA"]
    text = repr(page.finding(of_task))
    assert ". 2 of 3 searches removed almost nothing (3 of 72 heads)." in text
    table = page.equal_sizes(of_task).frame
    assert [*table.index][-1].endswith("normalized by layer")
    assert f"; {float(table['at most'].iloc[0]):.2f} at most at their sizes; " in text
    assert f"; {float(table['kappa'].iloc[1]):.2f} when cut to one size" in text


def test_the_profile_is_importance_in_order_and_how_long_the_order_lasts(
    every: dict[str, TaskRecords],
) -> None:
    figure = page.importance_profile(every[TASK])
    assert "normalized by layer" in figure.caption
    left, right = figure.drawing.axes
    for line, later, records in zip(left.lines, right.lines, every[TASK].values(), strict=False):
        raw = np.array(records["search"]["results"]["importance"]["heads"])
        expected = np.sort((raw / np.linalg.norm(raw, axis=1, keepdims=True)).ravel())[::-1]
        assert np.allclose(line.get_ydata(), expected / expected.mean())
        assert later.get_ydata()[0] == pytest.approx(1)
        assert len(later.get_ydata()) == len(records["search"]["results"]["steps"])


def test_layers_are_drawn_with_the_papers() -> None:
    of_task, release = load("mpnet-glue", "SST-2")["SST-2"], paper.beside(Store(), ["SST-2"])
    figure = page.layer_profile(of_task, release)
    theirs = release["SST-2"]["masks"][paper.GOOD]["heads"]["survival"]
    masks = [*of_task.masks.values()]
    expected = [
        np.sum([mask.heads.sum(axis=1) for mask in masks], axis=0) / (len(masks) * 12),
        np.sum(theirs, axis=1) / (paper.N_SEEDS * 12),
    ]
    drawn = [line.get_ydata() for line in figure.drawing.axes[0].lines]
    assert np.allclose(drawn, expected)
    assert f"heads {page.spearman(*expected):.2f}, MLPs" in figure.caption
    tops = [f"layer {np.argmax(of) + 1} of" for of in expected]
    shares = [f"({percent(max(of))})" for of in expected]
    assert all(said in figure.caption for said in (*tops, *shares))
    smaller = load("minilm-glue", "SST-2")["SST-2"]  # 6 layers: nothing to correlate with 12
    assert "correlation" not in page.layer_profile(smaller, release).caption


def test_ranks_are_scipys(every: dict[str, TaskRecords]) -> None:
    entries = every[TASK]
    from scipy.stats import spearmanr

    scores = [entries[s]["search"]["results"]["importance"]["heads"] for s in SEEDS]
    table = page.rank_correlations(entries)
    expected = spearmanr(np.ravel(scores[0]), np.ravel(scores[1])).statistic
    assert table.frame.loc["1337 and 42", "heads"] == f"{expected:.3f}"
    assert np.isnan(page.spearman(np.ones(4), np.arange(4)))


def test_one_seed_agrees_with_nobody(every: dict[str, TaskRecords]) -> None:
    entries = every[TASK]
    one = entries.of_seeds([42])
    for say in (
        page.agreement_table,
        page.equal_sizes,
        page.rank_correlations,
        page.density_spread,
        page.survival_map,
    ):
        assert say(one) is ONE_SEED
    assert isinstance(page.importance_profile(one), Figure)
