"""What a study's records and the released numbers are measured by, and judged with."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

from lottery_utils import agreement
from lottery_utils.agreement.inference import jackknifed
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.masks import StructuredMask
from lottery_utils.tasks import TASKS
from replication.claims import published
from replication.claims.eligible import learned_seeds
from replication.claims.evidence import (
    _of_fewer,
    between_tasks,
    learned,
    measure,
    of_scores,
)
from replication.claims.rules import judge, paper_claims
from replication.claims.trial import Trial, stricter
from replication.claims.verdicts import INCONCLUSIVE
from replication.paper.records import Results

BLOCK = "block, super-survivors minus all"


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


def test_contrasts_in_gains_are_shares_of_the_same_seed() -> None:
    table = {
        "full": [0.725, 0.725, 0.70], "majority": [0.625, 0.525, 0.625],
        "good, pruned": [0.7] * 3, "good, retrained": [0.725, 0.625, 0.7],
        "random, pruned": [0.7] * 3, "random, retrained": [0.675, 0.625, 0.7],
        "bad, pruned": [0.65] * 3, "bad, retrained": [0.625, 0.575, 0.6],
    }  # fmt: skip
    found = dict(of_scores(lambda setting, method: table[setting], {"structured": "bad"}))
    # 0.725 - 0.625 is a gain of 0.1; the third seed gains too little to count.
    share = {"good minus bad": [1.0, 0.25], "random minus bad": [0.5, 0.25]}
    for contrast, values in share.items():
        name = f"structured: {contrast}, retrained, in gains"
        assert found[name] == pytest.approx(values)
    assert found["structured: good minus full, retrained, in gains"] == pytest.approx([0, -0.5])


def test_masks_of_two_tasks_agree_by_fleiss_kappa() -> None:
    rng = np.random.default_rng(0)
    masks = {
        task: {
            seed: StructuredMask(rng.random((3, 4)) < 0.6, rng.random(3) < 0.6) for seed in (1, 2)
        }
        for task in ("A", "B", "C")
    }
    found = between_tasks(masks)
    by_hand: dict[tuple[str, str], float] = {}
    for a, b in itertools.combinations(masks, 2):
        pairs = [np.stack([masks[task][s].heads.ravel() for task in (a, b)]) for s in (1, 2)]
        by_hand[a, b] = float(np.mean([agreement.fleiss_kappa(pair) for pair in pairs]))
    expected = {task: pytest.approx(of) for task, of in jackknifed(by_hand).items()}
    assert found["kappa of heads between tasks"] == expected
    assert between_tasks({"A": masks["A"], "B": masks["B"]}) == {}, "two tasks are one pair"


def test_a_stricter_reading_leaves_out_what_can_hardly_tell(trial: Trial) -> None:
    cola = trial.records["CoLA"]
    removed = dict(zip(cola.entries, cola.weights_removed(), strict=True))
    assert removed == {1337: False, 42: True, 86: False}
    gains = dict(zip(cola.entries, cola.scores("full"), strict=True))  # the baseline scores 0
    assert [seed for seed, gain in gains.items() if gain >= 0.1] == learned_seeds(cola)
    plain, strict = (measure({"CoLA": cola}, {}, strict=s) for s in (False, True))
    kept = "magnitude: kept by bad, retrained"
    assert len(plain[kept]["CoLA"]) == 3
    assert not strict[kept], "one seed learned too little, of the others nothing was removed"
    assert len(strict["share of heads kept"]["CoLA"]) == len(learned_seeds(cola)) == 2
    assert "kappa of weights" in plain and "kappa of weights" not in strict
    strictly = {one.claim.key: one for one in stricter(trial)}
    for ours in trial.ours:
        if "CoLA" in ours.means and ours.claim.measure.startswith("magnitude: "):
            assert "CoLA" not in strictly[ours.claim.key].means


def test_what_could_not_have_been_otherwise_is_not_told(small_trial: Trial) -> None:
    of_task = copy.deepcopy(small_trial.records["SST-2"])
    name = "heterogeneous among super-survivors"
    for record in of_task.stage("attention").values():
        for layer in record["results"]["counts"]["fine-tuned"]["raw"]:
            for of_head in layer:
                of_head[:] = [0, 0, 0, 0, sum(of_head)]
    all_of_them = measure({"SST-2": of_task}, {})
    assert all_of_them[name]["SST-2"] == [1.0]
    for record in of_task.stage("attention").values():
        for layer in record["results"]["counts"]["fine-tuned"]["raw"]:
            for of_head in layer:
                of_head[:] = [sum(of_head) - 1, 0, 0, 0, 1]
    assert not measure({"SST-2": of_task}, {})[name]


def test_the_released_numbers_are_judged_by_the_same_rules(ours: Results) -> None:
    measured = published.measure(ours)
    assert learned(measured) == [task for task in TASKS if task != "WNLI"]
    judged = {j.claim.key: j for j in judge(paper_claims(), measured, learned(measured))}
    # By hand, from the release's results: the mean over eight tasks of random minus bad.
    random = [0.4175, 0.8938, 0.6789, 0.7912, 0.8763, 0.7900, 0.8416, 0.5646]
    bad = [0.4060, 0.8583, 0.6770, 0.6072, 0.8198, 0.8032, 0.7656, 0.5877]
    retrained = judged["bad-below-random-retrained"]
    assert retrained.found is not None
    by_hand = np.mean(np.subtract(random, bad))  # of four decimals
    assert retrained.found.mean == pytest.approx(by_hand, abs=1e-4)
    assert retrained.found.inside == 6 / 8  # MNLI and RTE are the other way round
    assert retrained.verdict == INCONCLUSIVE


def test_every_measure_that_a_claim_names_is_made(small_trial: Trial) -> None:
    # What tasks share needs three of them: a task stands in for a third here.
    records = {**small_trial.records, "MRPC": small_trial.records["SST-2"]}
    made = measure(records, small_trial.release)
    assert made.keys() >= {claim.measure for claim in paper_claims()} - {
        "kappa of weights between tasks",
        "rise of loss: without pre-training minus with it",
    }
    assert made[BLOCK] == {}, "the classifiers find no block map in this backbone"
    of_task = copy.deepcopy(records["SST-2"])
    for record in of_task.stage("attention").values():
        of_types = record["results"]["counts"]["fine-tuned"]["raw"][0][0]
        of_types[:] = [0, 0, 0, sum(of_types), 0]
    assert measure({"SST-2": of_task}, {})[BLOCK]["SST-2"], (
        "with block maps there is something to say"
    )


def test_fewer_seeds_are_all_choices_of_them() -> None:
    masks = np.random.default_rng(0).random((5, 3, 4)) < 0.6
    for n in range(2, 6):
        chosen = [masks[[*seeds]].reshape(n, -1) for seeds in itertools.combinations(range(5), n)]
        every = [of.all(axis=0).mean() for of in chosen]
        some = [(of.any(axis=0) & ~of.all(axis=0)).mean() for of in chosen]
        found = _of_fewer(OverSeeds.of(masks), n)
        assert found == pytest.approx((np.mean(some), np.mean(every)))
