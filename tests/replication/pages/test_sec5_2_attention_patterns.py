"""The page on section 5.2, and the measures of attention maps that claims use too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from by_hand import attention, entries

from lottery_utils.patterns.maps import TYPES
from replication.pages import sec5_2_attention_patterns as page
from replication.runs import measured


def test_shares_of_super_survivors_and_of_all_heads() -> None:
    # Heads 0 and 4 survive with both seeds.
    records = entries(attention=attention([100, 0, 0, 0, 50, 0, 0, 0]))
    found = measured.shares(records, "fine-tuned", "raw")
    assert found["super"]["heterogeneous"] == 0.75
    assert found["all"]["heterogeneous"] == 150 / 800
    assert found["all"]["vertical"] == 650 / 800
    table = page.shares_table(records)
    assert table.frame.loc["raw, fine-tuned, super-survivors", "heterogeneous"] == "75% (35%)"
    figure = page.shares(records)
    raw = figure.drawing.axes[0]
    names = [label.get_text() for label in raw.get_yticklabels()]
    row = names.index("fine-tuned, super-survivors, here")
    of_row = {bars.get_label(): bars[row].get_width() for bars in raw.containers}
    assert of_row == pytest.approx(found["super"])


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
        table = page.association(entries(attention=attention([n, 0, n // 2, 0, n, 0, 0, n], n)))
        low, high = (
            table.frame.loc["raw, fine-tuned", "95 % interval over heads"].strip("[]").split(",")
        )
        return float(low), float(high)

    few, many = interval(10), interval(1000)
    assert many == pytest.approx(few, abs=0.02), "more maps of the same heads are no more heads"
    assert few[1] - few[0] > 0.3


def test_without_sorted_maps_the_page_says_how_to_make_them() -> None:
    for show in (page.shares, page.shares_table, page.association):
        note = show(entries())
        assert note is page.NO_ATTENTION and "--set followups." in note.text
