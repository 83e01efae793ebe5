"""The page on the claims: its tables, its figure, and who wins."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from lottery_utils.agreement.inference import Interval, t_interval
from replication.book.claim_rows import strip
from replication.book.provenance import standing
from replication.book.show import Note, Table
from replication.book.written import MINUS, number, percent
from replication.claims.rules import KEPT, kept, paper_claims, registered
from replication.claims.trial import PAPER, Trial, by_own_gain, over_seeds, put_on_trial, stricter
from replication.claims.verdicts import CONSISTENT, CONTRADICTED, INCONCLUSIVE, NO_DATA, SUPPORTED
from replication.claims.wins import outcome
from replication.pages import claims, sec4_2_good_random_bad
from replication.runs.status import missing


def as_float(text: str) -> float:
    return float(text.replace(MINUS, "-"))


def test_what_the_verdicts_rest_on(trial: Trial) -> None:
    assert [*claims.basis(trial).frame["which"]] == [
        ", ".join(trial.learned),
        "MRPC, RTE, WNLI",
        "CoLA seed 1337, CoLA seed 86, STS-B seed 42, QQP seed 1337",
        "CoLA seed 42",  # of QQP's seed 86 a gain of 0.725 - 0.625 is enough
        "CoLA seed 1337, CoLA seed 86",
    ]


def test_a_partial_study_says_what_is_missing() -> None:
    trial = put_on_trial("mini-glue")
    lacking = standing("mini-glue")
    assert lacking and lacking.kind == "warning" and standing("glue-small") is None
    assert claims.basis(trial).frame["which"].iloc[0] == "none"
    assert {j.verdict for j in trial.ours} == {NO_DATA}
    said = repr(claims.finding(trial))
    assert "provisional" in said and "bad subnetworks retain" in said, "of the release"
    assert said.count(" tasks)") == 1, "an average of the release alone"
    for make in (claims.flatness, claims.kept_by_task):
        assert isinstance(make(trial), Note)
    assert isinstance(claims.kept_by_task(trial, PAPER), Table)
    rows = claims.verdicts(trial).rows
    drawn = [row["key"] for row in rows if "<svg" in row["estimate, 95 % CI"]]
    first = registered(trial.theirs)
    assert drawn == [one.claim.key for one in first if one.found], "those of the release alone"


def test_the_page_begins_with_counts_and_the_titles_claim(trial: Trial) -> None:
    text = repr(claims.finding(trial))
    for judged in (trial.ours, trial.theirs):
        words = [one.verdict for one in registered(judged)]
        counts = f"{words.count(SUPPORTED)} and contradicts {words.count(CONTRADICTED)}"
        assert f" supports {counts}" in text
        found = kept(judged)["bad"].found
        assert (
            found and f"{percent(found.mean)} [{percent(found.low)}, {percent(found.high)}]" in text
        )
        assert f"({found.n} tasks)" in text
    assert ("provisional" in text) == bool(missing(trial.study, trial.store))


def test_how_often_sizes_alone_keep_kappa_low_is_counted_in_the_masks(trial: Trial) -> None:
    text = claims.between_tasks_at_most(trial).text
    every = [trial.records[task].masks for task in trial.learned]
    most = []
    for one, other in itertools.combinations(every, 2):
        for seed in one:
            small, large = sorted((one[seed].n_heads, other[seed].n_heads))
            n, share = one[seed].heads.size, (small + large) / (2 * one[seed].heads.size)
            most.append(1 - (large - small) / n / (2 * share * (1 - share)))
    (claim,) = (one.claim for one in trial.ours if one.claim.key == "tasks-differ")
    below = sum(limit < claim.high for limit in most)
    assert below, "else the page need not speak of it"
    assert f"{below} of {len(most)} comparisons in {trial.name} and " in text
    assert f"{number(np.mean(most), 2)} ({trial.name}; found" in text
    released = re.search(rf" and (\d+) of (\d+) comparisons in {PAPER}", text)
    assert released and int(released[2]) == 28 * 5, "eight tasks, five seeds"
    assert f" kappa below {claim.high:g}" in text


def test_what_no_layer_retains_is_of_learned_seeds_in_their_own_gain(trial: Trial) -> None:
    of_seeds = trial.records["SST-2"].values()
    shares = []
    for stages in of_seeds:
        full, alone = (stages[name]["results"] for name in ("finetune", "embeddings"))
        gain = full["score"] - full["majority"]
        shares.append((alone["averaged"]["score"] - full["majority"]) / gain)
    text = claims.without_layers(trial).text
    assert f"SST-2 {percent(np.mean(shares))} [" in text
    assert "MRPC" not in text, "it is not learned"


@pytest.mark.parametrize(
    ("found", "verdict", "in_a_family"),
    [
        ({"p": 0.004}, SUPPORTED, f"{CONSISTENT}, p = 0.084"),
        ({"p_outside": 0.004}, CONTRADICTED, f"{INCONCLUSIVE}, p = 1.000"),
    ],
)
def test_additions_are_judged_as_one_family_too(
    trial: Trial, found: dict[str, float], verdict: str, in_a_family: str
) -> None:
    """One more family of twenty claims of one day undoes what p = 0.004 shows alone."""
    (one,) = (j for j in trial.ours if j.claim.key == "good-above-random")
    assert one.found is not None
    told = one._replace(found=one.found._replace(**{"p": 0.999, **found}), verdict=verdict)
    others = [
        told._replace(claim=replace(one.claim, key=f"later {i}"), found=None, verdict=NO_DATA)
        for i in range(20)
    ]
    alone = claims.in_one_family(replace(trial, ours=[told]))
    assert alone.text.endswith("would change: none.")
    both = claims.in_one_family(replace(trial, ours=[told, *others]))
    assert f"{one.claim.text[:-1]} ({in_a_family}, instead of {verdict})" in both.text


def test_the_table_names_numbers_verdicts_and_sections(small_trial: Trial) -> None:
    both = [claims.verdicts(small_trial, added=of)._repr_html_() for of in (False, True)]
    shown = "".join(both)
    keys = [claim.key for claim in paper_claims()]
    assert re.findall(r'<tbody id="([^"]+)"', shown) == sorted(
        keys, key=lambda key: bool({c.key: c.added for c in paper_claims()}[key])
    )
    assert 'href="#no-losing-tickets"' not in both[0]
    assert '<dt>Repeats</dt><dd><a href="#bad-below-random-pruned">' in both[1]
    assert 'href="../../sec4_2.html"' in shown
    assert 'class="verdict verdict-inconclusive"' in shown
    assert "8 tasks" in shown, "of the released numbers"
    some = claims.verdicts(small_trial, "4.1", "3").rows
    assert [row["key"] for row in some] == ["sizes", "wnli-not-learned"]
    (rule,) = [row["rule"] for row in some if row["key"] == "sizes"]
    means = {j.claim.key: j.means for j in small_trial.ours}["sizes"]
    assert [*means] == ["SST-2", "CoLA"]
    for task, mean in means.items():
        assert f"{task} {number(mean)}" in rule
    assert f"{MINUS}0.15 to 0.15, on 75 % of the tasks" in rule and "within 15 points" in rule


def test_pseudo_values_of_pairs_of_tasks_are_not_called_the_tasks_own(trial: Trial) -> None:
    rows = {
        row["key"]: row for of in (False, True) for row in claims.verdicts(trial, added=of).rows
    }
    for key in ("tasks-share-heads", "tasks-share-mlps", "tasks-differ"):
        (one,) = (j for j in trial.ours if j.claim.key == key)
        assert one.found is not None
        cells = f"{rows[key]}"
        assert "<dt>Jackknife pseudo-values</dt>" in cells and f"over {one.found.n} tasks" in cells
        assert "By task" not in cells and "inside on" not in cells
    assert "By task" in f"{rows['sizes']}" and "inside on" in f"{rows['sizes']}"


def test_a_strip_has_both_estimates_in_the_claims_unit(trial: Trial) -> None:
    keys = [one.claim.key for one in trial.ours]
    pair = [of[keys.index("no-losing-tickets")] for of in (trial.ours, trial.theirs)]
    ends = [0.0, 1.0]  # 192 pixels are a retained gain of 1, from 14 on
    shown = strip(pair, ends)
    dots = [float(x) for x in re.findall(r'cx="([\d.]+)"', shown)]
    assert dots == [pytest.approx(14 + 192 * of.found.mean, abs=0.1) for of in pair if of.found]
    ((left, width),) = re.findall(r'x="([\d.]+)" y="2" width="([\d.]+)"', shown)
    assert (float(left), float(width)) == pytest.approx((14 + 192 * 0.5, 96)), "above 0.5"
    assert len(re.findall(r"M[\d.]+ (?:10|22)H", shown)) == 2, "an interval for each"
    wide = [of[keys.index("m-masks-stable")] for of in (trial.ours, trial.theirs)]
    assert wide[0].found and wide[0].found.high > 1, "more than kappa can be"
    assert not re.findall(r"M[\d.]+ 10H", strip(wide, ends))
    assert "no CI: it would exceed" in strip(wide, ends)
    assert strip([one._replace(found=None) for one in pair], ends) == ""


def test_the_table_of_other_readings_lists_what_they_change(trial: Trial) -> None:
    rows = claims.readings(trial)
    every = zip(trial.ours, stricter(trial), by_own_gain(trial), strict=True)
    changed = [
        ours.claim.key
        for ours, *others in every
        if any(ours.verdict != other.verdict for other in others) and not ours.claim.added
    ]
    named = [key_of(name) for name in rows.frame.index]
    assert named == [key for key in changed if key != "wnli-not-learned"]


def test_by_its_own_gain_a_seed_is_measured_by_its_own_full_model(trial: Trial) -> None:
    of, key = trial.records["QQP"], "s-good-close"
    (mean,), (own,) = (
        [one.values["QQP"] for one in judged if one.claim.key == key]
        for judged in (trial.ours, by_own_gain(trial))
    )
    good, full, majority = (
        np.array(of.scores(name)) for name in ("good, retrained", "full", "majority")
    )
    assert own == pytest.approx((good - majority) / (full - majority))
    assert mean == pytest.approx((good - majority) / (full - majority).mean())
    kept_of = {one.claim.key: one.values for one in by_own_gain(trial)}[key]["CoLA"]
    assert len(kept_of) == 2, "of seed 42 the full model gains too little to be a unit"


def test_flatness_sees_the_width(trial: Trial) -> None:
    table = claims.flatness(trial)
    (row,) = table.frame.index
    of_seeds = trial.records["SST-2"].results("search")
    widths = []
    for results in of_seeds:
        low, middle, high = np.quantile(results["importance"]["heads"], [0.25, 0.5, 0.75])
        widths.append((high - low) / middle)
    assert table.frame.loc[row, "SST-2"] == f"{np.mean(widths):.2f}"


def test_bad_tickets_win_where_they_keep_half(trial: Trial) -> None:
    released = claims.kept_by_task(trial, PAPER).frame
    shares = {task: as_float(share.split("%")[0]) / 100 for task, share in released["bad"].items()}
    # Of MRPC the released bad ticket scores less than the majority baseline (0.677 and 0.684).
    assert len(shares) == 8 and shares["MRPC"] < 0 < 0.5 < shares["RTE"]
    ours = claims.kept_by_task(trial).frame["bad"]
    assert "(1 of 3 seeds)" in ours["CoLA"], "with two seeds the bad ticket is mostly the good one"
    assert "seeds" not in ours["SST-2"]
    assert "would win on 7 (CoLA 72 %," in repr(claims.bad_wins(trial))
    assert "would win on 2 (SST-2 57 %, QQP 56 %)." in repr(claims.bad_wins(trial))
    found = over_seeds(trial, PAPER)
    assert {t: round(of.mean, 2) for t, of in found.items()} == shares
    assert {t: outcome(of) for t, of in found.items()} == dict(released["the bad ticket"].items())


def test_a_win_needs_its_interval(trial: Trial) -> None:
    found = {
        "A": Interval(0.6, 0.51, 0.69, 3),
        "B": Interval(0.6, 0.49, 0.71, 3),
        "C": Interval(0.2, 0.1, 0.3, 3),
        "D": Interval(0.9, math.nan, math.nan, 1),
    }
    told, by_mean = claims.won(found)
    assert "win on 1 (A 60 %)" in told and "lose on 1 (C 20 %)" in told
    assert "inconclusive on 2 " in told and "one seed" in told
    assert by_mean.endswith("win on 3 (A 60 %, B 60 %, D 90 %)")


def key_of(link: str) -> str:
    """The claim whose row a cell links to."""
    found = re.match(r'<a href="#([\w-]+)">\d+\. ', link)
    assert found
    return found[1]


def test_every_claim_has_its_power_or_says_why_not(trial: Trial) -> None:
    table = claims.power(trial).table.frame
    assert [key_of(name) for name in table.index] == [one.claim.key for one in trial.ours]
    blank = (table[["tasks needed", "seeds a task needed"]] == "–").any(axis=1)
    assert table["remark"][blank].ne("").all()
    assert table["remark"][~blank].eq("").all()
    untested = [one.found is None for one in trial.ours]
    assert (table["tasks needed"][untested] == "–").all() and any(untested)
    never = [name for name, cell in table["remark"].items() if "heads are too few" in cell]
    assert [key_of(name) for name in never] == ["r-raw", "r-normed"]


def test_a_task_page_says_what_the_trial_says(trial: Trial) -> None:
    """The same seeds and the same measure: two pages must not tell two stories."""
    table = claims.kept_by_task(trial)
    for task in trial.learned:
        of_task = sec4_2_good_random_bad.of_entries(trial.records[task])
        said = repr(sec4_2_good_random_bad.finding(trial.records[task]))
        said = said.replace(" of the gain from fine-tuning", "")
        for kind in KEPT:
            cell = str(table.frame.loc[task, kind])
            found = of_task.found[kind]
            assert cell.startswith(f"{percent(found.mean)}")
            n = sum(trial.records[task].contrasted()) if kind != "good" else 3
            assert found.n == min(n, len(trial.records[task]))
            expected = t_interval(kept(trial.ours)[kind].values[task])
            assert found == pytest.approx(expected, nan_ok=True)
            assert f"{percent(found.mean)} (" in said and f": {outcome(found)})" in said
    assert "undefined" in repr(sec4_2_good_random_bad.finding(trial.records["WNLI"]))
