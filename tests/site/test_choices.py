"""Choose your own ticket: the edge of a ticket, what its record comes to, and the page."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import address
from conftest import masks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.experiments.choices import EACH_SIDE, chosen, edge, number_of
from replication.pages import choices
from replication.pages.choices import Choices
from replication.store import Store

PAGE = "book/report/choices.html"
IMPORTANCE = arrays(float, (3, 4), elements=st.floats(0, 1), unique=True)


@given(masks(), IMPORTANCE)
def test_the_edge_is_the_least_of_what_is_kept_and_the_most_of_the_rest(
    good: StructuredMask, importance: Any
) -> None:
    heads = edge(good, importance)
    kept = [head for head in heads if good.heads[head]]
    removed = [head for head in heads if not good.heads[head]]
    assert len(kept) == min(EACH_SIDE, good.n_heads)
    assert len(removed) == min(EACH_SIDE, good.heads.size - good.n_heads)
    assert [importance[h] for h in heads] == sorted((importance[h] for h in heads), reverse=True)
    for place in np.ndindex(*good.heads.shape):
        if place in heads:
            continue
        if good.heads[place]:
            assert all(importance[place] > importance[head] for head in kept)
        else:
            assert all(importance[place] < importance[head] for head in removed)


@given(masks(), IMPORTANCE, st.data())
def test_a_number_is_a_choice_and_back(
    good: StructuredMask, importance: Any, data: st.DataObject
) -> None:
    heads = edge(good, importance)
    number = data.draw(st.integers(0, 2 ** len(heads) - 1))
    mask = chosen(good, heads, number)
    assert number_of(mask, heads) == number
    assert chosen(good, heads, number_of(good, heads)) == good
    changed = np.argwhere(mask.heads != good.heads)
    assert {(int(layer), int(head)) for layer, head in changed} <= set(heads)
    assert (mask.mlps == good.mlps).all()


@pytest.fixture
def three() -> Choices:
    """Three heads of which the search kept the first; the second adds 0.1, the third nothing."""
    mask = StructuredMask(np.array([[1, 1, 0], [0, 1, 1]]), np.array([1, 0]))
    scores = [0.6, 0.7, 0.7, 0.8, 0.6, 0.7, 0.7, 0.8]
    results = {
        "metric": "accuracy",
        "full_score": 0.8,
        "heads": [[0, 1], [0, 2], [1, 0]],
        "importance": [0.3, 0.2, 0.1],
        "good": 1,
        "scores": scores,
        "made_from": {"masks": {"42": mask.to_json()}},
    }
    config = {"search": {"threshold": 0.9}, "data": "local"}
    address = {"task": "RTE", "study": "tiny", "seed": 42}
    return Choices({"results": results, "config": config, **address})


def test_what_heads_add_is_counted_in_every_setting(three: Choices) -> None:
    assert choices.gains(three) == pytest.approx(np.array([[0.1] * 4, [0.1] * 4, [0] * 4]))
    table = choices.by_head(three).frame
    assert list(table.loc["layer 1, head 2"]) == [
        "0.300", "kept", "+0.1000", "+0.100", "+0.100", "100 %"
    ]  # fmt: skip
    assert table.loc["layer 2, head 1", "helps in"] == "0 %"


def test_the_search_is_ranked_among_its_equals(three: Choices) -> None:
    assert list(three.equals) == [1, 2, 4]
    told = Counter(re.findall(r"\d+(?:\.\d+)?", repr(choices.finding(three))))
    # It kept one head and scores 0.7; of the two other choices of one head none scores higher, one
    # the same, one lower, 0.6 to 0.7; none reaches 0.9 times 0.8.
    assert Counter("1 0.700 2 0 1 1 0.600 0.700 0 0.720".split()) <= told
    assert [*choices.by_size(three).frame["pass the threshold"]] == ["0 %", "0 %", "33 %", "100 %"]
    assert re.findall(r"[+−-]\d\.\d+", choices.flatness(three).text) == ["+0.87", "+0.87"]


@pytest.mark.parametrize("good", [0, 7])
def test_a_ticket_without_equals_is_shown_too(three: Choices, good: int) -> None:
    """A search that kept no head of the edge, or all, leaves no other choice of as many."""
    three.results["good"] = good
    assert "no other choice" in repr(choices.finding(three))
    assert "nan" not in choices.flatness(three).text
    assert "nan" not in choices.by_size(three)._repr_html_()
    assert choices.plot(three).png


def test_what_is_not_on_record_is_one_sentence(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_run)
    monkeypatch.setenv("LOTTERY_COMPUTE", "no")
    with pytest.raises(UserError, match="The choices of RTE, seed 42, are not on record"):
        choices.load("tiny", "RTE", 42, Store())


# The page in a browser


def said(page: Any) -> str:
    return str(page.locator(".choices-said").inner_text())


def test_the_title_says_that_sentences_are_made_up(page: Any) -> None:
    assert "SST-2 (made-up sentences)" in page.locator("h1").first.inner_text()
    assert "made-up sentences" in page.locator("article p").first.inner_text()


def test_the_page_shows_the_recorded_score_of_a_choice(page: Any) -> None:
    record = choices.load("mini-choices", "SST-2", 1337, Store())
    number = record.results["good"]
    assert f"{record.scores[number]:.3f}, " in said(page)
    for place, button in enumerate(record.names):
        page.get_by_role("button", name=button, exact=True).click()
        number ^= 1 << place
        assert f": {page_metric(record)} {record.scores[number]:.3f}, " in said(page)
        kept = sum(number >> i & 1 for i in range(len(record.names)))
        assert said(page).startswith(f"You keep {kept} of {len(record.names)} heads")
    rows = page.locator(".choices-scroll tr").all_inner_texts()[1:]
    for place, row in enumerate(rows):
        assert f"{record.scores[number ^ 1 << place]:.3f}" in row


def page_metric(record: Choices) -> str:
    from lottery_utils.metrics import METRIC_LABELS

    return METRIC_LABELS[record.results["metric"]]


def test_a_choice_is_in_the_address_and_made_by_keyboard(page: Any, browser: Any) -> None:
    before = said(page)
    page.locator(".choices-grid button").last.focus()
    page.keyboard.press("Space")
    assert said(page) != before
    again = browser.new_page()
    again.goto(address(page), wait_until="load")
    assert said(again) == said(page)
    again.goto(f"{address(page).split('#')[0]}#keep=nonsense", wait_until="load")
    again.reload()
    assert said(again) == before, "an address of no choice shows the search's own"
    again.close()
    for name in ("none", "all 10", "the search's own"):
        page.get_by_role("button", name=name, exact=True).click()
    assert said(page) == before
