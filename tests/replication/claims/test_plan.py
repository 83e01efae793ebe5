"""The registered plan, on made-up answers of which the truth is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import RIGHT, SEEDS, STUDY, task_entries
from scipy import stats

from lottery_utils import metrics
from lottery_utils.errors import UserError
from replication.book.written import region
from replication.claims import plan
from replication.claims.claim import LEVEL, adjusted
from replication.claims.plan import Analysis, Estimate, PlanClaim, analysed, estimate, judge
from replication.claims.power import fewest
from replication.claims.retained import Retained, Ticket, example_weights, retained, weighted_scores
from replication.claims.trial import Trial, beside_the_plan
from replication.claims.verdicts import CONSISTENT, CONTRADICTED, INCONCLUSIVE, NO_DATA, SUPPORTED
from replication.experiments.answers import answers_text, did_not_train, read_answers
from replication.runs.records import STATES
from replication.stages import TICKET_STAGE
from replication.store import Store
from replication.study import Study

Bits = npt.NDArray[np.int64]


def analysis(**of_tasks: Any) -> Analysis:
    """The analysis of entries by task, as `SST_2=...`."""
    return analysed(STUDY, {name.replace("_", "-"): value for name, value in of_tasks.items()})


@pytest.fixture(scope="module")
def two_tasks() -> Analysis:
    return analysis(
        SST_2=task_entries("SST-2", magnitude=True), RTE=task_entries("RTE", held_out=0)
    )


def by_key(verdicts: list[plan.PlanVerdict]) -> dict[str, plan.PlanVerdict]:
    return {one.claim.key: one for one in verdicts}


def test_ten_claims_are_registered() -> None:
    claims = plan.load_plan()
    assert len(claims) == 10
    for claim in claims:
        assert {t.method for t in claim.tickets} == {claim.method} <= set(TICKET_STAGE)
        assert {t.kind for t in claim.tickets} <= set(RIGHT) and claim.low < claim.high


# Scores of examples drawn again


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_weighted_scores_are_scores_of_repeated_examples(data: st.DataObject) -> None:
    metric = data.draw(st.sampled_from(["accuracy", "matthews", "pearson"]))
    n = data.draw(st.integers(2, 12))
    values = st.integers(0, 1) if metric != "pearson" else st.sampled_from([0.0, 0.5, 2.25, 5.0])
    answers, labels = (
        np.array(data.draw(st.lists(values, min_size=n, max_size=n))) for _ in range(2)
    )
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    counts[0] += 1
    (found,) = weighted_scores(metric, answers, labels.astype(float), counts[None].astype(float))
    expected = metrics.score(metric, np.repeat(answers, counts), np.repeat(labels, counts))
    assert found == pytest.approx([expected], abs=1e-9)


def test_metrics_without_a_bootstrap_are_refused() -> None:
    with pytest.raises(UserError, match="no bootstrap for f1"):
        weighted_scores("f1", [0, 1], np.array([0.0, 1.0]), np.ones((1, 2)))
    with pytest.raises(UserError, match="no bootstrap for matthews"):
        weighted_scores("matthews", [0, 2], np.array([0.0, 2.0]), np.ones((1, 2)))


def test_draws_are_the_same_in_every_run_and_others_for_every_task() -> None:
    weights = example_weights(30, "CoLA held_out", 50)
    assert weights.shape == (51, 30) and (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 30).all() and weights[1:].std() > 0
    assert (example_weights(30, "CoLA held_out", 50) == weights).all()
    assert (example_weights(30, "SST-2 held_out", 50) != weights).any()


# Retained gain


@pytest.mark.parametrize("task", ["SST-2", "CoLA"])
def test_retained_gain_does_not_depend_on_what_classes_are_called(task: str) -> None:
    flipped = task_entries(task)
    for records in flipped.values():
        texts = [*records["tickets"]["results"]["tickets"].values()]
        answers = [records["finetune"]["results"]["predictions"]]
        answers += [one["answers"][state]["predictions"] for one in texts for state in STATES]
        for of_splits in (*answers, records["finetune"]["results"]["labels"]):
            for split, text in of_splits.items():
                of_splits[split] = text.translate(str.maketrans("01", "10"))
    one, other = (retained(task, e, "held_out") for e in (task_entries(task), flipped))
    for ticket, values in one.tickets.items():
        np.testing.assert_allclose(other.tickets[ticket], values, atol=1e-9)


def test_a_ticket_that_answers_like_the_full_model_retains_exactly_all() -> None:
    entries = task_entries("SST-2")
    for records in entries.values():
        tuned = records["finetune"]["results"]
        good = records["tickets"]["results"]["tickets"]["good"]["answers"]
        good["retrained"]["predictions"] = tuned["predictions"]
    shares = retained("SST-2", entries, "held_out").tickets
    assert (shares[Ticket("structured", "good", "retrained")] == 1).all()
    assert (shares[Ticket("structured", "bad", "retrained")][0] < 1).all()


def test_a_ticket_that_guesses_retains_nothing() -> None:
    def guess(seed: int, name: str, answers: Bits) -> Bits:
        return np.full_like(answers, 1) if name == "structured bad, retrained" else answers

    shares = retained("CoLA", task_entries("CoLA", change=guess), "held_out").tickets
    assert (shares[Ticket("structured", "bad", "retrained")] == 0).all()


def test_draws_are_those_of_the_ratio_but_for_gains_near_nothing() -> None:
    """Where the full model gains much, ratios drawn again spread as much; where it gains little,
    a few of them run away, and the first order does not."""
    for full, alike in ((0.9, True), (0.66, False)):
        entries = task_entries("SST-2", {**RIGHT, "full": full}, held_out=150)
        found = retained("SST-2", entries, "held_out")
        shares = found.tickets[Ticket("structured", "bad", "pruned")]
        true = read_answers(
            entries[SEEDS[0]]["finetune"]["results"]["labels"]["held_out"], graded=False
        )
        bad = [
            of["tickets"]["results"]["tickets"]["bad"]["answers"]["pruned"]["predictions"]
            for of in entries.values()
        ]
        answers = [read_answers(of["held_out"], graded=False) for of in bad]
        weights = example_weights(150, "SST-2 held_out")
        of_bad = weighted_scores("accuracy", answers, true.astype(float), weights)
        gain = found.full - found.majority
        plain = (of_bad - found.majority) / np.where(gain == 0, 1e-3, gain)
        np.testing.assert_allclose(shares[0], plain[0])
        if alike:
            assert shares.std(axis=0) == pytest.approx(plain.std(axis=0), rel=0.15)
        else:
            assert (shares.std(axis=0) < 0.7 * plain.std(axis=0)).any()


def test_seeds_of_other_examples_are_refused() -> None:
    entries = task_entries("SST-2")
    tuned = entries[SEEDS[1]]["finetune"]["results"]
    tuned["labels"] = {split: text[::-1] for split, text in tuned["labels"].items()}
    with pytest.raises(UserError, match="not scored on the same examples"):
        retained("SST-2", entries, "held_out")


# The estimate


def test_estimate_without_noise_of_examples_is_students_t_with_pooled_variance() -> None:
    seeds = {"a": np.array([0.1, 0.4, 0.4]), "b": np.array([1.0, 0.7, 0.7])}
    still = {
        task: np.vstack([values, np.full((20, 3), values.mean())]) for task, values in seeds.items()
    }
    found = estimate(still, {"a": 50, "b": 80})
    error = math.sqrt(np.mean([values.var(ddof=1) for values in seeds.values()]) / 6)
    assert found.mean == pytest.approx(0.55) and found.error == pytest.approx(error)
    assert found.freedom == pytest.approx(4)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 4) * error)
    assert found.p_above(0.3) == pytest.approx(stats.t.sf(0.25 / error, 4))


def test_estimate_without_noise_of_seeds_has_the_freedom_of_examples() -> None:
    rng = np.random.default_rng(0)
    drawn = 0.5 + 0.1 * rng.standard_normal((2000, 1))
    values = np.vstack([np.full((1, 3), 0.5), np.repeat(drawn, 3, axis=1)])
    found = estimate({"a": values}, {"a": 41})
    assert found.error == pytest.approx(drawn.std(ddof=1)) and found.freedom == pytest.approx(40)


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least two"):
        estimate({"a": np.ones((11, 1))}, {"a": 10})


@pytest.mark.parametrize("noise_of_seeds", [0.02, 0.2])
def test_the_interval_covers_the_truth_nineteen_times_in_twenty(noise_of_seeds: float) -> None:
    """Linear scores whose truth is 0.5, with noise of seeds, of examples and of both at once."""
    rng, n, covered, rejected = np.random.default_rng(7), 80, [], []
    weights = example_weights(n, "simulated", 200)
    for _ in range(600):
        values = {}
        for task in "abcde":
            of_seeds = noise_of_seeds * rng.standard_normal((3, 1))
            scores = 0.5 + of_seeds + rng.standard_normal(n) + 0.5 * rng.standard_normal((3, n))
            values[task] = weights @ scores.T / n
        found = estimate(values, dict.fromkeys(values, n))
        covered.append(found.low < 0.5 < found.high)
        rejected.append(found.p_above(0.5) < 0.05)
    assert 0.93 < np.mean(covered) < 0.995
    assert np.mean(rejected) < 0.07


# Verdicts


def measured(mean: float, spread: float, tasks: int = 3) -> dict[str, Retained]:
    """Tasks whose tickets all retain `mean`, give or take `spread` over seeds."""
    of_seeds = mean + spread * np.array([-1.0, 0.0, 1.0])
    values = np.vstack([of_seeds, np.tile(of_seeds, (10, 1))])
    tickets = {Ticket("structured", kind, "retrained"): values for kind in ("good", "bad")}
    one = Retained("accuracy", SEEDS, 100, values, values, tickets)
    return {f"task {i}": one for i in range(tasks)}


CLAIM = PlanClaim("bad-wins", "4.2", "", "structured: kept by bad, retrained", low=0.5)
FAILS = PlanClaim("fails", "4.2", "", "structured: kept by bad, retrained", high=0.5)
EQUAL = PlanClaim("equal", "4.2", "", "structured: kept by bad, retrained", low=0.9, high=1.1)
ABSENT = [
    PlanClaim(f"absent {i}", "4.2", "", "magnitude: kept by bad, retrained", low=0.5)
    for i in range(9)
]


@pytest.mark.parametrize(
    ("claim", "mean", "spread", "verdict"),
    [
        (CLAIM, 0.9, 0.1, SUPPORTED),
        (CLAIM, 0.1, 0.1, CONTRADICTED),
        (CLAIM, 0.55, 0.3, INCONCLUSIVE),
        (CLAIM, 0.45, 0.3, INCONCLUSIVE),
        (CLAIM, 0.68, 0.2, CONSISTENT),
        (CLAIM, 0.32, 0.2, INCONCLUSIVE),
        (FAILS, 0.9, 0.1, CONTRADICTED),
        (FAILS, 0.1, 0.1, SUPPORTED),
        (EQUAL, 1.0, 0.02, SUPPORTED),
        (EQUAL, 1.0, 0.2, INCONCLUSIVE),
        (EQUAL, 0.5, 0.1, CONTRADICTED),
        (EQUAL, 1.5, 0.1, CONTRADICTED),
    ],
)
def test_verdicts_flip_with_mean_and_spread(
    claim: PlanClaim, mean: float, spread: float, verdict: str
) -> None:
    found, *absent = judge([claim, *ABSENT], measured(mean, spread))
    assert found.verdict == verdict
    assert {one.verdict for one in absent} == {NO_DATA}
    assert "magnitude" in absent[0].why and absent[0].found is None


def test_claims_without_data_make_nothing_easier() -> None:
    """0.68 +- 0.2 is significant alone, and not among ten, whether the others have data or not."""
    assert judge([CLAIM], measured(0.68, 0.2))[0].verdict == SUPPORTED
    assert judge([CLAIM, *ABSENT], measured(0.68, 0.2))[0].verdict == CONSISTENT


def test_one_task_outside_is_enough_where_all_have_to_lie_inside() -> None:
    values = measured(0.95, 0.02, tasks=4) | {"other": measured(0.45, 0.02, tasks=1)["task 0"]}
    assert judge([CLAIM], values)[0].verdict == SUPPORTED
    (found,) = judge([replace(CLAIM, at_least=1.0)], values)
    assert found.verdict == INCONCLUSIVE and found.why.endswith("other does not")


@given(st.floats(0.2, 0.8), st.floats(0.01, 0.3))
@settings(max_examples=40, deadline=None)
def test_both_sides_of_one_bound_are_never_both_significant(mean: float, spread: float) -> None:
    (wins,), (fails,) = (judge([claim], measured(mean, spread)) for claim in (CLAIM, FAILS))
    assert wins.p is not None and fails.p is not None
    assert wins.p + fails.p == pytest.approx(1)
    assert wins.p == pytest.approx(fails.p_contrary)


def test_ties_are_inconclusive_and_exact_equality_is_not() -> None:
    difference = PlanClaim("d", "4.2", "", "structured: good minus bad, retrained", low=0.0)
    assert judge([difference], measured(0.7, 0.1))[0].verdict == INCONCLUSIVE
    assert judge([EQUAL], measured(1.0, 0.0))[0].verdict == SUPPORTED
    assert Estimate(0.0, 0.0, 0.0, 0.0, math.inf).p_above(0.0) == 1


# Whole analyses


def test_made_up_answers_get_the_verdicts_they_were_made_for(two_tasks: Analysis) -> None:
    found = by_key(two_tasks.verdicts())
    # Retained of a gain of about 0.4: good 0.88, random 0.62, bad 0.37, largest removed 0.12.
    for key in (
        "good-above-random",
        "good-above-bad",
        "random-above-bad",
        "random-above-bad-pruned",
    ):
        assert found[key].verdict == SUPPORTED
    assert found["no-losing-tickets"].verdict == CONTRADICTED
    assert found["m-bad-fails"].verdict == SUPPORTED
    assert list(found["m-bad-fails"].means) == ["SST-2"] and found["m-bad-fails"].n_examples == 500
    assert list(found["good-close"].means) == ["SST-2", "RTE"]
    assert found["good-close"].n_seeds == 3 and found["good-close"].n_examples == 900
    assert two_tasks.held_out == ["SST-2"], "RTE has no examples that the search did not see"


def test_missing_tasks_are_named_and_verdicts_provisional(two_tasks: Analysis) -> None:
    assert {task for task, _ in two_tasks.missing} == {"CoLA", "STS-B", "MRPC"}
    assert two_tasks.provisional and two_tasks.entered == ["SST-2", "RTE"]
    nothing = analysis()
    assert len(nothing.missing) == 15 and not nothing.seeds and not nothing.entered
    assert {one.verdict for one in nothing.verdicts()} == {NO_DATA}
    assert nothing.optimism() == {} and nothing.outcomes() == []


def test_a_task_under_way_takes_no_seed_from_those_that_are_in() -> None:
    found = analysis(
        SST_2=task_entries("SST-2"), RTE=task_entries("RTE", seeds=SEEDS[1:], held_out=0)
    )
    assert found.seeds == SEEDS and found.entered == ["SST-2"] and found.provisional
    assert f"{SEEDS[1]}, {SEEDS[2]}" in found.left_out["RTE"]
    assert ("RTE", SEEDS[0]) in found.missing


def test_only_seeds_that_all_tasks_have_are_judged() -> None:
    found = analysis(
        SST_2=task_entries("SST-2", seeds=SEEDS[:2]),
        RTE=task_entries("RTE", seeds=SEEDS[1:], held_out=0),
    )
    assert found.seeds == SEEDS[1:2] and found.entered == ["SST-2", "RTE"]
    assert found.scored["SST-2"].seeds == SEEDS[:2] and ("RTE", SEEDS[0]) in found.missing
    apart = analysis(
        SST_2=task_entries("SST-2", seeds=SEEDS[:1]), RTE=task_entries("RTE", seeds=SEEDS[1:])
    )
    assert apart.seeds == () and {one.verdict for one in apart.verdicts()} == {NO_DATA}


def test_a_single_seed_is_no_data() -> None:
    found = analysis(SST_2=task_entries("SST-2", seeds=SEEDS[:1]))
    first = found.verdicts()[0]
    assert first.verdict == NO_DATA and "single seed" in first.why
    assert first.means["SST-2"] > 0, "the mean can be shown all the same"
    assert found.optimism() == {}


@pytest.mark.parametrize(
    ("task", "full", "why"),
    [
        ("SST-2", 0.65, "less than 0.2"),
        ("SST-2", 0.8, ""),
        ("RTE", 0.62, "two standard errors"),
        ("RTE", 0.72, ""),
    ],
)
def test_tasks_enter_by_what_their_full_models_gain(task: str, full: float, why: str) -> None:
    entries = task_entries(task, {**RIGHT, "full": full}, n=300, held_out=0)
    found = analysed(STUDY, {task: entries})
    assert why in found.left_out.get(task, "") and (task in found.entered) == (not why)


def test_a_full_model_that_gains_nothing_is_no_data() -> None:
    def fail(seed: int, name: str, answers: Bits) -> Bits:
        return np.zeros_like(answers) if (name, seed) == ("full", SEEDS[0]) else answers

    found = analysis(SST_2=task_entries("SST-2", {**RIGHT, "full": 0.99}, change=fail))
    assert found.entered == ["SST-2"]
    first = found.verdicts()[0]
    assert first.verdict == NO_DATA and "gains nothing" in first.why


def test_how_tickets_ended() -> None:
    """One that gives one class did not train; one that guesses at random trained and lost."""

    def change(seed: int, name: str, answers: Bits) -> Bits:
        return np.ones_like(answers) if name == "structured bad, retrained" else answers

    found = analysis(SST_2=task_entries("SST-2", {**RIGHT, "random": 0.5}, change=change))
    ended = {(one.seed, one.kind): one.ended for one in found.outcomes()}
    assert ended == {
        (seed, kind): how
        for seed in SEEDS
        for kind, how in (("good", "won"), ("random", "lost"), ("bad", "did not train"))
    }
    assert all(one.retained < 0.1 for one in found.outcomes() if one.kind == "bad")


def test_grades_that_do_not_correlate_did_not_train() -> None:
    rng = np.random.default_rng(0)
    labels = rng.uniform(0, 5, 400)
    noise = rng.normal(size=400)
    assert did_not_train(noise, labels, graded=True)
    assert did_not_train(np.full(400, 2.5), labels, graded=True)
    assert did_not_train(-labels, labels, graded=True)
    assert not did_not_train(labels + 5 * noise, labels, graded=True)


@given(st.lists(st.integers(0, 12), min_size=1) | st.lists(st.floats(0, 5), min_size=1))
def test_answers_are_read_as_they_were_written(values: list[float]) -> None:
    graded = isinstance(values[0], float)
    if len(values) == 1 and not graded:  # a lone class above nine has no space to be told by
        values = [min(values[0], 9)]
    found = read_answers(answers_text(values), graded=graded)
    np.testing.assert_allclose(found, values, atol=5e-4)


def test_selecting_on_the_dev_set_is_measured() -> None:
    found = analysis(SST_2=task_entries("SST-2", lucky=0.08, n=4000, held_out=4000)).optimism()
    good, random = (found[Ticket("structured", kind, "pruned")] for kind in ("good", "random"))
    assert good.low > 0.1 and random.low < 0 < random.high


def test_a_study_without_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="held_out: true"):
        plan.analyse(Study.load("minilm-glue"), Store(tmp_path))


def test_scores_of_answers_on_record_are_the_scores_on_record(
    answered_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(answered_run)
    found = plan.analyse(Study.load("answered"), Store())
    assert list(found.entries) == ["CoLA", "STS-B"] and not found.missing
    for task, of_seeds in found.entries.items():
        tuned = of_seeds[42]["finetune"]["results"]
        seen, unseen = found.searched[task], found.scored[task]
        assert seen.full[0] == pytest.approx([tuned["score"]], abs=1e-4)
        assert seen.majority[0] == pytest.approx([tuned["majority"]], abs=1e-4)
        of_unseen = tuned.get("held_out", tuned["scores"])  # of STS-B here all were searched
        assert unseen.full[0] == pytest.approx([of_unseen[tuned["metric"]]], abs=1e-4)
        for method, stage in TICKET_STAGE.items():
            for kind, ticket in of_seeds[42][stage]["results"]["tickets"].items():
                for state in STATES:
                    share = seen.tickets[Ticket(method, kind, state)][0, 0]
                    gain = tuned["score"] - tuned["majority"]
                    expected = ticket[state] - tuned["majority"]
                    assert gain <= 0 or share * gain == pytest.approx(expected, abs=1e-3)
    assert found.held_out == ["CoLA"]
    assert {one.verdict for one in found.verdicts()} == {NO_DATA}
    assert len(found.outcomes()) == 2 * (3 + 4)


def test_the_papers_other_claims_are_a_family_of_their_own(trial: Trial) -> None:
    """On the records of another study: the same values and tests, under another correction."""
    scored: Any = dict.fromkeys(trial.learned)
    asked = Analysis(trial.study, trial.records, [], trial.study.seeds, scored, {}, {})
    found = beside_the_plan(asked, trial.release)
    registered = {one.claim.key: one for one in trial.ours}
    assert {one.claim.measure for one in found}.isdisjoint(c.measure for c in plan.load_plan())
    for one in found:
        assert one.values == registered[one.claim.key].values
        assert region(one.claim) == region(registered[one.claim.key].claim)
    raw = {one.claim.key: one.found.p for one in found if one.found}
    expected = adjusted([one.claim for one in found], raw)
    assert {one.claim.key: one.p for one in found if one.found} == {k: expected[k] for k in raw}


def test_the_seeds_needed_are_those_of_a_t_test_until_examples_are_too_few() -> None:
    claim = replace(plan.load_plan()[0], low=0.5, high=math.inf)
    seeds = np.array([0.5, 0.7, 0.6, 0.9])
    of_examples = np.random.default_rng(0).normal(0, 1, (2000, 1))
    certain = {"A": np.tile(seeds, (3, 1))}  # draws of examples that change nothing
    n = plan.seeds_needed(claim, certain, {"A": 400}, 10)
    assert n == fewest(seeds.mean() - 0.5, seeds.var(ddof=1), LEVEL / 10)
    noisy = {"A": np.vstack([seeds, seeds + 0.02 * of_examples])}
    more = plan.seeds_needed(claim, noisy, {"A": 400}, 10)
    assert n is not None and more is not None and more > n
    too_few = {"A": np.vstack([seeds, seeds + of_examples])}
    assert plan.seeds_needed(claim, too_few, {"A": 400}, 10) is None
