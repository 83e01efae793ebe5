"""Verdicts follow their rules, and every claim has a region."""

from __future__ import annotations

import numpy as np
import pytest

from lottery_utils.agreement.inference import pooled
from replication.claims.claim import WINS
from replication.claims.rules import (
    BY_MEAN,
    KEPT,
    NOT_EVERYWHERE,
    TOO_FEW,
    TOO_UNSURE,
    VERDICTS,
    PaperClaim,
    judge,
    paper_claims,
)

TASKS_USED = ["CoLA", "SST-2", "MRPC", "RTE"]
ABOVE = PaperClaim("above", "4.2", "Above.", "difference", low=0.0)
SURE = {task: [0.1 + 0.01 * i] for i, task in enumerate(TASKS_USED)}


def verdict(claim: PaperClaim, values: dict[str, list[float]]) -> str:
    (judged,) = judge([claim], {"difference": values}, TASKS_USED)
    return judged.verdict


def test_the_four_verdicts() -> None:
    shaky = {"CoLA": [0.5], "SST-2": [-0.3], "MRPC": [0.1], "RTE": [0.1]}  # three of four
    against = {task: [-v for v in values] for task, values in SURE.items()}
    few = {task: SURE[task] for task in TASKS_USED[:2]}
    found = [verdict(ABOVE, values) for values in (SURE, shaky, against, few)]
    assert tuple(found) == VERDICTS


def test_a_claim_about_most_tasks_needs_most_tasks() -> None:
    some_way = {"CoLA": [0.5], "SST-2": [0.6], "MRPC": [0.55], "RTE": [-0.01]}
    consistent = PaperClaim("c", "4.2", "", "difference", low=0.0, at_least=0.9)
    wide = {**some_way, "QQP": [0.5], "MNLI": [0.6], "QNLI": [0.55]}
    tasks = [*TASKS_USED, "QQP", "MNLI", "QNLI"]
    (plain,) = judge([ABOVE], {"difference": wide}, tasks)
    (strict,) = judge([consistent], {"difference": wide}, tasks)
    assert (plain.verdict, strict.verdict) == ("holds", "holds in part")


def test_equality_needs_certainty_within_its_margin() -> None:
    equal = PaperClaim("equal", "4.2", "", "difference", low=-0.03, high=0.03)
    close = {task: [0.001 * i] for i, task in enumerate(TASKS_USED)}
    mostly = {"CoLA": [0.02], "SST-2": [-0.02], "MRPC": [0.1], "RTE": [-0.1]}
    wild = {"CoLA": [0.2], "SST-2": [-0.2], "MRPC": [0.1], "RTE": [-0.1]}
    assert verdict(equal, close) == "holds"
    assert verdict(equal, mostly) == "holds in part", "the mean, and two tasks of four"
    assert verdict(equal, wild) == "cannot be tested", "the mean is 0, but no task's is"
    assert verdict(equal, SURE) == "does not hold"


def test_what_is_uncertain_is_called_so_and_not_refuted() -> None:
    bound = PaperClaim("kappa", "5.1", "", "difference", high=0.4)
    spread = {"CoLA": [0.3], "SST-2": [0.5], "MRPC": [0.45], "RTE": [0.41]}
    (judged,) = judge([bound], {"difference": spread}, TASKS_USED)
    assert (judged.verdict, judged.why) == ("cannot be tested", TOO_UNSURE)
    assert judged.found is not None and judged.found.mean > 0.4
    (few,) = judge([bound], {"difference": {"CoLA": [0.9]}}, TASKS_USED)
    assert (few.verdict, few.why) == ("cannot be tested", TOO_FEW)


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
    assert "WNLI" in judged.means and judged.verdict != "holds"


def test_one_task_is_judged_by_its_seeds() -> None:
    claim = PaperClaim("wnli", "3", "", "difference", high=0.05, tasks="WNLI")
    assert verdict(claim, {**SURE, "WNLI": [-0.1, 0.0, -0.05]}) == "holds"
    assert verdict(claim, {**SURE, "WNLI": [-0.1]}) == "cannot be tested"


def test_a_verdict_in_part_says_why() -> None:
    most = PaperClaim("most", "4.2", "", "difference", low=0.0, at_least=1.0)
    here = {f"task {i}": [0.1 + 0.001 * i] for i in range(20)}
    (sure,) = judge([most], {"difference": {**here, "odd": [-0.001]}}, [*here, "odd"])
    assert (sure.verdict, sure.why) == ("holds in part", NOT_EVERYWHERE)
    unsure = {"CoLA": [0.5], "SST-2": [0.3], "MRPC": [0.1], "RTE": [-0.3]}
    (leaning,) = judge([ABOVE], {"difference": unsure}, TASKS_USED)
    assert (leaning.verdict, leaning.why) == ("holds in part", BY_MEAN)


def test_rounding_is_no_spread() -> None:
    assert pooled({"a": [0.1], "b": [0.1], "c": [0.1]}, low=0.0).p == 0.125


def test_many_claims_make_each_harder() -> None:
    borderline = {"CoLA": [0.1], "SST-2": [0.3], "MRPC": [0.06], "RTE": [0.15]}
    (alone,) = judge([ABOVE], {"difference": borderline}, TASKS_USED)
    others = [PaperClaim(f"other {i}", "5.1", "", "noise", low=0.0) for i in range(9)]
    noise = {"CoLA": [0.5], "SST-2": [-0.3], "MRPC": [0.1], "RTE": [0.1]}
    measured = {"difference": borderline, "noise": noise}
    together = judge([ABOVE, *others], measured, TASKS_USED)[0]
    assert alone.verdict == "holds"
    assert together.verdict == "holds in part"
    assert alone.p is not None and together.p == pytest.approx(10 * alone.p)


def test_every_claim_is_unique_and_has_a_region() -> None:
    keys = [claim.key for claim in paper_claims()]
    assert len(set(keys)) == len(keys) >= 20
    for claim in paper_claims():
        assert claim.low < claim.high
        assert np.isfinite([claim.low, claim.high]).any(), claim.key
        assert claim.text.endswith(".") and claim.stated
    lows = {claim.key: claim.low for claim in paper_claims()}
    assert lows[KEPT["bad"]] == WINS, "what the claim about bad tickets asks for"
