"""Verdicts follow their rules, and every claim has something to be measured by."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest

from lottery_utils.agreement.inference import pooled
from lottery_utils.patterns.maps import TYPES
from lottery_utils.tasks import TASKS
from replication.claims import published
from replication.claims.evidence import learned, learned_seeds, measure, of_scores
from replication.claims.rules import (
    BY_MEAN,
    CLAIMS,
    NOT_EVERYWHERE,
    TOO_FEW,
    TOO_UNSURE,
    VERDICTS,
    Claim,
    judge,
)
from replication.claims.trial import Trial, put_on_trial, stricter
from replication.pages import claims, claims_tables
from replication.pages.provenance import standing
from replication.pages.show import Table

BLOCK = "block, super-survivors minus all"
TASKS_USED = ["CoLA", "SST-2", "MRPC", "RTE"]
ABOVE = Claim("above", "4.2", "Above.", "so", "difference", low=0.0)
SURE = {task: [0.1 + 0.01 * i] for i, task in enumerate(TASKS_USED)}


@pytest.fixture(scope="module")
def small_trial() -> Trial:
    """Two tasks of real GLUE: whatever is measured at all is measured there."""
    return put_on_trial("glue-small")


def verdict(claim: Claim, values: dict[str, list[float]]) -> str:
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
    consistent = Claim("c", "4.2", "", "", "difference", low=0.0, at_least=0.9)
    wide = {**some_way, "QQP": [0.5], "MNLI": [0.6], "QNLI": [0.55]}
    tasks = [*TASKS_USED, "QQP", "MNLI", "QNLI"]
    (plain,) = judge([ABOVE], {"difference": wide}, tasks)
    (strict,) = judge([consistent], {"difference": wide}, tasks)
    assert (plain.verdict, strict.verdict) == ("holds", "holds in part")


def test_equality_needs_certainty_within_its_margin() -> None:
    equal = Claim("equal", "4.2", "", "", "difference", low=-0.03, high=0.03)
    close = {task: [0.001 * i] for i, task in enumerate(TASKS_USED)}
    mostly = {"CoLA": [0.02], "SST-2": [-0.02], "MRPC": [0.1], "RTE": [-0.1]}
    wild = {"CoLA": [0.2], "SST-2": [-0.2], "MRPC": [0.1], "RTE": [-0.1]}
    assert verdict(equal, close) == "holds"
    assert verdict(equal, mostly) == "holds in part", "the mean, and two tasks of four"
    assert verdict(equal, wild) == "cannot be tested", "the mean is 0, but no task's is"
    assert verdict(equal, SURE) == "does not hold"


def test_what_is_uncertain_is_called_so_and_not_refuted() -> None:
    bound = Claim("kappa", "5.1", "", "", "difference", high=0.4)
    spread = {"CoLA": [0.3], "SST-2": [0.5], "MRPC": [0.45], "RTE": [0.41]}
    (judged,) = judge([bound], {"difference": spread}, TASKS_USED)
    assert (judged.verdict, judged.why) == ("cannot be tested", TOO_UNSURE)
    assert judged.found is not None and judged.found.mean > 0.4
    (few,) = judge([bound], {"difference": {"CoLA": [0.9]}}, TASKS_USED)
    assert (few.verdict, few.why) == ("cannot be tested", TOO_FEW)


def test_what_cannot_be_tested_does_not_make_the_rest_easier() -> None:
    others = [Claim(f"other {i}", "5.1", "", "", "nothing", low=0.0) for i in range(9)]
    (alone,) = judge([ABOVE], {"difference": SURE}, TASKS_USED)
    first = judge([ABOVE, *others], {"difference": SURE}, TASKS_USED)[0]
    assert alone.p is not None and first.p == pytest.approx(10 * alone.p)


def test_tasks_that_were_not_learned_do_not_count() -> None:
    values = {**SURE, "WNLI": [-9.0]}
    (judged,) = judge([ABOVE], {"difference": values}, TASKS_USED)
    assert set(judged.means) == set(TASKS_USED)
    everywhere = Claim("all", "5.1", "", "", "difference", low=0.0, tasks="all")
    (judged,) = judge([everywhere], {"difference": values}, TASKS_USED)
    assert "WNLI" in judged.means and judged.verdict != "holds"


def test_one_task_is_judged_by_its_seeds() -> None:
    claim = Claim("wnli", "3", "", "", "difference", high=0.05, tasks="WNLI")
    assert verdict(claim, {**SURE, "WNLI": [-0.1, 0.0, -0.05]}) == "holds"
    assert verdict(claim, {**SURE, "WNLI": [-0.1]}) == "cannot be tested"


def test_a_verdict_in_part_says_why() -> None:
    most = Claim("most", "4.2", "", "", "difference", low=0.0, at_least=1.0)
    here = {f"task {i}": [0.1 + 0.001 * i] for i in range(20)}
    (sure,) = judge([most], {"difference": {**here, "odd": [-0.001]}}, [*here, "odd"])
    assert (sure.verdict, sure.why) == ("holds in part", NOT_EVERYWHERE)
    unsure = {"CoLA": [0.5], "SST-2": [0.3], "MRPC": [0.1], "RTE": [-0.3]}
    (leaning,) = judge([ABOVE], {"difference": unsure}, TASKS_USED)
    assert (leaning.verdict, leaning.why) == ("holds in part", BY_MEAN)
    assert claims.certainty([sure, leaning]) == (
        "; 1 of the 2 that hold in part do so by their mean, not for certain"
    )
    assert claims.certainty([sure]) == ""


def test_rounding_is_no_spread() -> None:
    assert pooled({"a": [0.1], "b": [0.1], "c": [0.1]}, low=0.0).p == 0.125


def test_many_claims_make_each_harder() -> None:
    borderline = {"CoLA": [0.1], "SST-2": [0.3], "MRPC": [0.06], "RTE": [0.15]}
    (alone,) = judge([ABOVE], {"difference": borderline}, TASKS_USED)
    others = [Claim(f"other {i}", "5.1", "", "", "noise", low=0.0) for i in range(9)]
    noise = {"CoLA": [0.5], "SST-2": [-0.3], "MRPC": [0.1], "RTE": [0.1]}
    measured = {"difference": borderline, "noise": noise}
    together = judge([ABOVE, *others], measured, TASKS_USED)[0]
    assert alone.verdict == "holds"
    assert together.verdict == "holds in part"
    assert alone.p is not None and together.p == pytest.approx(10 * alone.p)


def test_what_is_kept_is_a_share_of_what_the_full_model_gained() -> None:
    table = {
        "full": [0.9, 0.7], "majority": [0.5, 0.5],
        "good, pruned": [0.8, 0.7], "good, retrained": [0.8, 0.8],
        "random, pruned": [0.5, 0.6], "random, retrained": [0.65, 0.5],
        "bad, pruned": [0.4, 0.4], "bad, retrained": [0.5, 0.35],
    }  # fmt: skip
    found = dict(of_scores(lambda setting, method: table[setting], {"structured": "bad"}))
    assert found["structured: kept by random, retrained"] == pytest.approx([0.5, 0.0])
    assert found["structured: random minus bad, pruned"] == pytest.approx([0.1, 0.2])
    assert found["structured: kept by good, retrained"] == pytest.approx([1.0, 1.0])
    assert not any("magnitude" in name for name in found)
    methods = {"structured": "bad"}
    only = dict(of_scores(lambda setting, method: table[setting], methods, [False, True]))
    assert only["structured: kept by random, retrained"] == pytest.approx([0.0])
    assert len(only["structured: kept by good, retrained"]) == 2, "a large good one is good"


def test_a_stricter_reading_leaves_out_what_can_hardly_tell() -> None:
    trial = put_on_trial("minilm-glue")
    cola = trial.records["CoLA"]
    removed = dict(zip(cola.entries, cola.weights_removed(), strict=True))
    assert removed == {1337: False, 42: True, 86: False}
    gains = dict(zip(cola.entries, cola.scores("full"), strict=True))  # the baseline scores 0
    assert [seed for seed, gain in gains.items() if gain >= 0.1] == learned_seeds(cola)
    plain, strict = (measure({"CoLA": cola}, strict=s) for s in (False, True))
    kept = "magnitude: kept by bad, retrained"
    assert len(plain[kept]["CoLA"]) == 3
    assert kept not in strict, "one seed learned too little, of the others nothing was removed"
    assert len(strict["share of heads kept"]["CoLA"]) == len(learned_seeds(cola)) == 2
    assert "kappa of weights" in plain and "kappa of weights" not in strict
    told = claims.tasks_learned(trial).text
    assert "removed nothing (CoLA seed 1337, CoLA seed 86)" in told
    strictly = {one.claim.key: one for one in stricter(trial)}
    for ours in trial.ours:
        if "CoLA" in ours.means and ours.claim.measure.startswith("magnitude: "):
            assert "CoLA" not in strictly[ours.claim.key].means
    rows = claims_tables.stricter(trial)
    assert isinstance(rows, Table)
    changed = [o.claim.key for o in trial.ours if strictly[o.claim.key].verdict != o.verdict]
    named = [name.split(" ")[1] for name in rows.frame.index]
    assert named == [key for key in changed if key != "wnli-not-learned"]


def test_what_could_not_have_been_otherwise_is_not_told(small_trial: Trial) -> None:
    of_task = copy.deepcopy(small_trial.records["SST-2"])
    name = "heterogeneous among super-survivors"
    for record in of_task.attention.values():
        for layer in record["results"]["counts"]["fine-tuned"]["raw"]:
            for of_head in layer:
                of_head[:] = [0, 0, 0, 0, sum(of_head)]
    all_of_them = measure({"SST-2": of_task})
    assert all_of_them[name]["SST-2"] == [1.0]
    for record in of_task.attention.values():
        for layer in record["results"]["counts"]["fine-tuned"]["raw"]:
            for of_head in layer:
                of_head[:] = [sum(of_head) - 1, 0, 0, 0, 1]
    assert name not in measure({"SST-2": of_task})


def test_every_claim_is_unique_and_has_a_region() -> None:
    keys = [claim.key for claim in CLAIMS]
    assert len(set(keys)) == len(keys) >= 20
    for claim in CLAIMS:
        assert claim.low < claim.high
        assert np.isfinite([claim.low, claim.high]).any(), claim.key
        assert claim.text.endswith(".") and claim.stated


def test_the_released_numbers_are_judged_by_the_same_rules() -> None:
    measured = published.measure()
    assert learned(measured) == [task for task in TASKS if task != "WNLI"]
    judged = {j.claim.key: j for j in judge(CLAIMS, measured, learned(measured))}
    # By hand, from the release's results: the mean over eight tasks of random minus bad.
    random = [0.4175, 0.8938, 0.6789, 0.7912, 0.8763, 0.7900, 0.8416, 0.5646]
    bad = [0.4060, 0.8583, 0.6770, 0.6072, 0.8198, 0.8032, 0.7656, 0.5877]
    retrained = judged["bad-below-random-retrained"]
    assert retrained.found is not None
    assert retrained.found.mean == pytest.approx(np.mean(np.subtract(random, bad)))
    assert retrained.found.inside == 6 / 8  # MNLI and RTE are the other way round
    assert retrained.verdict == "holds in part"


def test_every_measure_that_a_claim_names_is_made(small_trial: Trial) -> None:
    # What tasks share needs three of them: a task stands in for a third here.
    records = {**small_trial.records, "MRPC": small_trial.records["SST-2"]}
    made = measure(records)
    assert made.keys() >= {claim.measure for claim in CLAIMS} - {BLOCK}
    assert not made.get(BLOCK), "the classifiers find no block map in this backbone"
    of_task = copy.deepcopy(records["SST-2"])
    for record in of_task.attention.values():
        of_types = record["results"]["counts"]["fine-tuned"]["raw"][0][0]
        of_types[:] = [0, 0, 0, sum(of_types), 0]
    assert measure({"SST-2": of_task})[BLOCK]["SST-2"], "with block maps there is something to say"


def test_a_partial_study_says_what_is_missing(small_trial: Trial) -> None:
    trial = put_on_trial("mini-glue")
    note = standing("mini-glue")
    assert note.kind == "warning"
    assert note.text.startswith("0 of 18 entries")
    assert "Missing: all of CoLA, SST-2" in note.text
    assert "no task yet" in claims.tasks_learned(trial).text
    assert all(j.verdict == "cannot be tested" for j in trial.ours)
    shown = claims.plot(trial)
    assert "up to 0 tasks" in shown.caption
    assert "m-good-equals-full cannot be tested here, holds as released" in shown.alt
    assert standing("glue-small").kind == "note"
    told = claims.tasks_learned(small_trial).text
    assert "on SST-2, CoLA" in told
    assert "mostly the same: CoLA seed 1337, CoLA seed 42, CoLA seed 86" in told


def test_a_record_of_other_settings_is_not_evidence(tmp_path: Path) -> None:
    import shutil

    shutil.copytree("results/glue-small", tmp_path / "glue-small")
    study = tmp_path / "glue-small" / "study.yaml"
    text = study.read_text("utf-8")
    assert "learning_rate: 0.0001" in text
    other = tmp_path / "other.yaml"
    other.write_text(
        text.replace("learning_rate: 0.0001", "learning_rate: 0.0002"), encoding="utf-8"
    )
    assert not put_on_trial(str(other), str(tmp_path)).records


def test_the_table_names_numbers_verdicts_and_sections(small_trial: Trial) -> None:
    table = claims_tables.table(small_trial)
    shown = table._repr_html_()
    assert shown.count("<tr>") + shown.count("<tr ") >= len(CLAIMS)
    assert 'href="../../sec4_2.html"' in shown
    assert 'class="verdict verdict-cannot-be-tested"' in shown
    assert "8 tasks" in shown, "of the released numbers"
    assert len(claims_tables.rules(small_trial)) == len(CLAIMS)
    of_tasks = claims_tables.by_task(small_trial)
    assert isinstance(of_tasks, Table)
    assert list(of_tasks.frame.columns) == ["SST-2", "CoLA"]
    rows = re.findall(r'id="(tasks-[^"]+)"', of_tasks._repr_html_())
    assert re.findall(r'href="#(tasks-[^"]+)"', shown) == rows, "each claim leads to its own row"
    assert len(rows) == len(CLAIMS)


def test_figures_in_the_reasons_are_those_of_the_labels_and_of_a_bell_curve() -> None:
    labels = {}
    for weighting in ("raw", "normed"):
        with np.load(
            f"lottery_utils/patterns/labelled/{weighting}.npz", allow_pickle=False
        ) as maps:
            labels[weighting] = maps["label"]
    assert len(labels["raw"]) == len(labels["normed"]) == 432
    assert not (labels["raw"] == TYPES.index("block")).any()
    assert not (labels["normed"] == TYPES.index("vertical+diagonal")).any()
    drawn = np.random.default_rng(0).normal(1, 0.001, (4000, 72))
    low, high = np.quantile(drawn, [0.25, 0.75], axis=1)
    assert float(np.mean((high - low) / np.ptp(drawn, axis=1))) == pytest.approx(0.28, abs=0.005)
