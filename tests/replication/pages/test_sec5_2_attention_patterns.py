"""The page on section 5.2, and the measures of attention maps that claims use too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from by_hand import attention, entries

from lottery_utils.patterns.maps import TYPES
from replication.book.written import number
from replication.pages import sec5_2_attention_patterns as page
from replication.runs import measured


def test_shares_of_super_survivors_and_of_all_heads() -> None:
    # Heads 0 and 4 survive with both seeds.
    records = entries(attention=attention([100, 0, 0, 0, 50, 0, 0, 0]))
    found = measured.shares(records, "fine-tuned", "raw")
    assert found["super"]["heterogeneous"] == 0.75
    assert found["all"]["heterogeneous"] == 150 / 800
    assert found["all"]["vertical"] == 650 / 800
    every = {"SST-2": records}
    table = page.table(every)
    assert table is not None
    assert table.frame.loc["fine-tuned, raw, super-survivors", "heterogeneous"] == "75 % (35 %)"
    figure = page.figure(every)
    assert figure is not None
    raw = figure.drawing.axes[0]
    slopes = {lines.get_label(): lines[0].get_ydata().tolist() for lines in raw.containers}
    assert slopes == {
        name: pytest.approx([found["all"][name], found["super"][name]]) for name in TYPES
    }
    (ends,) = raw.containers[-1][2]
    for (_, low), (_, high), share in zip(
        *ends.get_segments(), slopes["heterogeneous"], strict=True
    ):
        assert 0 <= low <= share <= high <= 1


def test_the_finding_of_a_task_says_what_its_interval_allows() -> None:
    found = repr(page.finding({"SST-2": entries(attention=attention([100, 0, 0, 0, 50, 0, 0, 0]))}))
    assert "75 % of super-survivors' raw attention maps" in found and "19 % of all heads'" in found
    assert "(r = +0." in found and "above 0, uncorrected, n = 2 of 8 heads)" in found
    assert "classifiers tested" not in found
    other = entries(attention=attention([100, 0, 0, 0, 50, 0, 0, 0]))
    for record in other.stage("finetune").values():
        record["config"]["backbone"] = "mpnet"
    assert "tested on maps of MiniLM-L6, not of MPNet-base" in repr(page.finding({"SST-2": other}))
    undecided = attention([10, 10, 0, 0, 0, 10, 10, 0])
    assert ", inconclusive, n = " in repr(page.finding({"SST-2": entries(attention=undecided)}))
    one = entries(attention=attention([9] * 4 + [1] * 4)).of_seeds([42])
    assert "With one seed" in repr(page.finding({"SST-2": one}))
    assert "r is undefined" in repr(page.finding({"SST-2": entries(attention=attention([0] * 8))}))
    assert repr(page.finding({})) == repr(page.finding({"SST-2": entries()})) == page.NO_ATTENTION


def test_an_interval_that_is_printed_with_a_zero_is_just_above_it() -> None:
    near, clear, around = (page.Related(0.1, low, 0.2).said for low in (0.0004, 0.05, -0.0004))
    assert "[+0.000, +0.200], just above 0, uncorrected" in near
    assert ", above 0, uncorrected" in clear and "above" not in around


def test_several_tasks_are_compared_by_the_same_numbers() -> None:
    hits = {"SST-2": [100, 0, 0, 0, 50, 0, 0, 0], "CoLA": [90, 9, 0, 0, 0, 0, 9, 0]}
    every = {task: entries(task, attention=attention(of)) for task, of in hits.items()}
    table, figure = page.association(every), page.figure(every)
    assert table is not None and figure is not None
    r = [page.related(of)["raw", "fine-tuned"] for of in every.values()]
    assert [*table.frame["r, raw maps [95 % CI]"]] == [*map(str, r)]
    assert f"r = {number(np.mean([of.r for of in r]), signed=True)}" in repr(page.finding(every))
    assert "over 2 tasks" in repr(page.finding(every))
    drawn = [
        line.get_xdata()[0] for line in figure.drawing.axes[0].lines if len(line.get_xdata()) == 1
    ]
    shares = [measured.shares(of, "fine-tuned", "raw") for of in every.values()]
    wanted = [of[who]["heterogeneous"] for of in reversed(shares) for who in ("all", "super")]
    assert drawn == pytest.approx(wanted)
    same = {task: entries(task, attention=attention([0] * 8)) for task in hits}
    assert "Fewer than two tasks" in repr(page.finding(same))


def test_phi_is_pearsons_r_over_single_maps() -> None:
    rng = np.random.default_rng(0)
    chosen = rng.random(12) < 0.4
    counts = rng.multinomial(30, np.full(len(TYPES), 1 / len(TYPES)), size=12)
    inside = np.repeat(chosen, counts.sum(axis=1)).astype(float)
    hits = np.concatenate([np.arange(c.sum()) < c[-1] for c in counts]).astype(float)
    assert measured.phi(chosen, counts) == pytest.approx(np.corrcoef(inside, hits)[0, 1])
    assert math.isnan(measured.phi(np.ones(12, bool), counts))


def test_the_interval_over_heads_is_as_wide_as_eight_heads_make_it() -> None:
    def interval(n: int) -> tuple[float, float]:
        of = entries(attention=attention([n, 0, n // 2, 0, n, 0, 0, n], n))
        found = page.related(of)["raw", "fine-tuned"]
        return found.low, found.high

    few, many = interval(10), interval(1000)
    assert many == pytest.approx(few, abs=0.02), "more maps of the same heads are no more heads"
    assert few[1] - few[0] > 0.3


def test_without_sorted_maps_the_page_says_how_to_make_them() -> None:
    assert "--set followups." in repr(page.finding({"SST-2": entries()}))
    for show in (page.figure, page.table, page.association):
        assert show({"SST-2": entries()}) is None
