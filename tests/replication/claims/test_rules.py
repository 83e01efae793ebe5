"""Verdicts follow their rules, and every claim has a region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lottery_utils.agreement.inference import pooled
from replication.book.written import region
from replication.claims.claim import LEVEL, WINS, Claim, reaches
from replication.claims.rules import (
    COULD_NOT_FAIL,
    KEPT,
    NOT_LEARNED,
    NOT_MEASURED,
    TOO_FEW,
    PaperClaim,
    judge,
    paper_claims,
)
from replication.claims.verdicts import (
    CONSISTENT,
    CONTRADICTED,
    INCONCLUSIVE,
    NO_DATA,
    SUPPORTED,
    VERDICTS,
    counted,
    verdict,
)

TASKS_USED = ["CoLA", "SST-2", "MRPC", "RTE"]
ABOVE = PaperClaim("above", "4.2", "Above.", "difference", low=0.0)
SURE = {task: [0.1 + 0.01 * i] for i, task in enumerate(TASKS_USED)}


def word(claim: PaperClaim, values: dict[str, list[float]]) -> str:
    (judged,) = judge([claim], {"difference": values}, TASKS_USED)
    return judged.verdict


def test_the_five_verdicts() -> None:
    shaky = {"CoLA": [0.5], "SST-2": [-0.3], "MRPC": [0.1], "RTE": [0.1]}  # three of four
    against = {task: [-v for v in values] for task, values in SURE.items()}
    assert word(ABOVE, SURE) == SUPPORTED
    assert word(ABOVE, shaky) == INCONCLUSIVE, "a mean inside the region alone"
    assert word(ABOVE, against) == CONTRADICTED
    assert word(ABOVE, {}) == NO_DATA
    others = [PaperClaim(f"other {i}", "5.1", "", "nothing", low=0.0) for i in range(5000)]
    assert judge([ABOVE, *others], {"difference": SURE}, TASKS_USED)[0].verdict == CONSISTENT


@given(raw=st.floats(0, 1), more=st.floats(1, 30), contrary=st.floats(0, 1), odd=st.booleans())
def test_a_word_is_never_more_than_its_p_values_allow(
    raw: float, more: float, contrary: float, odd: bool
) -> None:
    p = min(1.0, raw * more)
    said, why = verdict(raw, p, contrary, ["CoLA"] if odd else [])
    assert said in VERDICTS
    assert (said == CONTRADICTED) == (contrary < LEVEL)
    if said in (SUPPORTED, CONSISTENT):
        assert raw < LEVEL and not odd and (p < LEVEL) == (said == SUPPORTED)
    assert bool(why) == (odd and raw < LEVEL <= contrary)


def test_both_sides_are_corrected_alike() -> None:
    """What is certain of one claim alone may be left open in a family, on either side."""
    others = [PaperClaim(f"other {i}", "5.1", "", "nothing", low=0.0) for i in range(30)]
    some = {"CoLA": [0.1], "SST-2": [0.3], "MRPC": [0.06], "RTE": [0.15]}
    against = {task: [-v for v in values] for task, values in some.items()}
    assert word(ABOVE, against) == CONTRADICTED
    family = judge([ABOVE, *others], {"difference": against}, TASKS_USED)[0]
    assert family.verdict == INCONCLUSIVE and family.p_contrary is not None
    mirrored = judge([ABOVE, *others], {"difference": some}, TASKS_USED)[0]
    assert family.p_contrary == pytest.approx(mirrored.p)


def test_claims_that_were_added_are_a_family_of_their_own() -> None:
    later = [
        PaperClaim(f"later {i}", "5.1", "", "difference", low=0.0, added="2026-11-26")
        for i in range(9)
    ]
    (alone,) = judge([ABOVE], {"difference": SURE}, TASKS_USED)
    first, *added = judge([ABOVE, *later], {"difference": SURE}, TASKS_USED)
    assert alone.p is not None
    assert (first.p, first.p_contrary) == (alone.p, alone.p_contrary)
    assert [one.p for one in added] == pytest.approx([9 * alone.p] * 9)


def test_verdicts_are_counted_in_their_order() -> None:
    assert counted([INCONCLUSIVE, SUPPORTED, INCONCLUSIVE]) == "1 supported; 2 inconclusive"


def test_without_data_the_reason_is_named() -> None:
    for measured, why in (
        ({}, NOT_MEASURED),
        ({"difference": {}}, COULD_NOT_FAIL),
        ({"difference": {"WNLI": [0.1]}}, NOT_LEARNED),
    ):
        (judged,) = judge([ABOVE], measured, TASKS_USED)
        assert (judged.verdict, judged.why) == (NO_DATA, why)


def test_a_claim_about_most_tasks_needs_most_tasks() -> None:
    some_way = {"CoLA": [0.5], "SST-2": [0.6], "MRPC": [0.55], "RTE": [-0.01]}
    consistent = PaperClaim("c", "4.2", "", "difference", low=0.0, at_least=0.9)
    wide = {**some_way, "QQP": [0.5], "MNLI": [0.6], "QNLI": [0.55]}
    tasks = [*TASKS_USED, "QQP", "MNLI", "QNLI"]
    (plain,) = judge([ABOVE], {"difference": wide}, tasks)
    (strict,) = judge([consistent], {"difference": wide}, tasks)
    assert (plain.verdict, strict.verdict) == (SUPPORTED, INCONCLUSIVE)
    assert "RTE" in strict.why and "CoLA" not in strict.why


def test_equality_needs_certainty_within_its_margin() -> None:
    equal = PaperClaim("equal", "4.2", "", "difference", low=-0.03, high=0.03)
    close = {task: [0.001 * i] for i, task in enumerate(TASKS_USED)}
    wild = {"CoLA": [0.2], "SST-2": [-0.2], "MRPC": [0.1], "RTE": [-0.1]}
    assert word(equal, close) == SUPPORTED
    assert word(equal, wild) == INCONCLUSIVE, "the mean is 0, but the interval is wide"
    assert word(equal, SURE) == CONTRADICTED


def test_what_is_uncertain_is_called_so_and_not_refuted() -> None:
    bound = PaperClaim("kappa", "5.1", "", "difference", high=0.4)
    spread = {"CoLA": [0.3], "SST-2": [0.5], "MRPC": [0.45], "RTE": [0.41]}
    (judged,) = judge([bound], {"difference": spread}, TASKS_USED)
    assert (judged.verdict, judged.why) == (INCONCLUSIVE, "")
    assert judged.found is not None and judged.found.mean > 0.4
    (few,) = judge([bound], {"difference": {"CoLA": [0.9]}}, TASKS_USED)
    assert (few.verdict, few.why) == (INCONCLUSIVE, TOO_FEW)


def test_what_cannot_be_tested_does_not_make_the_rest_easier() -> None:
    others = [PaperClaim(f"other {i}", "5.1", "", "nothing", low=0.0) for i in range(9)]
    (alone,) = judge([ABOVE], {"difference": SURE}, TASKS_USED)
    first = judge([ABOVE, *others], {"difference": SURE}, TASKS_USED)[0]
    assert alone.p is not None and first.p == pytest.approx(10 * alone.p)


def test_tasks_that_were_not_learned_do_not_count() -> None:
    values = {**SURE, "WNLI": [-9.0]}
    (judged,) = judge([ABOVE], {"difference": values}, TASKS_USED)
    assert set(judged.means) == set(TASKS_USED)
    everywhere = PaperClaim("all", "5.1", "", "difference", low=0.0, tasks="all")
    (judged,) = judge([everywhere], {"difference": values}, TASKS_USED)
    assert "WNLI" in judged.means and judged.verdict != SUPPORTED


def test_one_task_is_judged_by_its_seeds() -> None:
    claim = PaperClaim("wnli", "3", "", "difference", high=0.05, tasks="WNLI")
    assert word(claim, {**SURE, "WNLI": [-0.1, 0.0, -0.05]}) == SUPPORTED
    assert word(claim, {**SURE, "WNLI": [-0.1]}) == NO_DATA


def test_rounding_is_no_spread() -> None:
    assert pooled({"a": [0.1], "b": [0.1], "c": [0.1]}, low=0.0).p == 0.125


def test_every_claim_is_unique_and_has_a_region() -> None:
    keys = [claim.key for claim in paper_claims()]
    first = [claim for claim in paper_claims() if not claim.added]
    assert len(first) == 27, "what was registered: nothing joins it or leaves it"
    assert {claim.beside for claim in paper_claims()} - {""} <= {claim.key for claim in first}
    assert len(set(keys)) == len(keys) >= 20
    for claim in paper_claims():
        assert claim.low < claim.high
        assert np.isfinite([claim.low, claim.high]).any(), claim.key
        assert claim.text.endswith(".") and claim.stated
    lows = {claim.key: claim.low for claim in paper_claims()}
    assert lows[KEPT["bad"]] == WINS, "what the claim about bad tickets asks for"


def test_what_reaches_a_threshold_passes_by_float64_too() -> None:
    assert 0.725 - 0.625 < 0.1 and reaches(0.725 - 0.625, 0.1)
    assert not reaches(0.0999, 0.1)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"low": 0.5}, "above 0.5"),
        ({"high": 0.4, "at_least": 0.75}, "below 0.4, on 75 % of the tasks"),
        ({"low": -0.1, "high": 0.1, "at_least": 1.0}, "−0.1 to 0.1, on every task"),
    ],
)
def test_a_region_in_words(bounds: dict[str, float], words: str) -> None:
    assert region(Claim("k", "4.2", "text", "measure", **bounds)) == words
