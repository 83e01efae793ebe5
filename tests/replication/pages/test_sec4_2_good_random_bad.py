"""The page on section 4.2: what tickets retain, here and in other models, and what they score."""

from __future__ import annotations

import copy
from dataclasses import replace

import by_hand
import numpy as np
import pytest
from words import length

from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from replication.book.show import Figure
from replication.book.written import MINUS, estimate, number, percent
from replication.pages import sec4_2_good_random_bad as page
from replication.paper import records
from replication.runs.records import KINDS, TaskRecords, on_record
from replication.store import Store
from replication.study import Study

STAGE = {"structured": "tickets", "magnitude": "magnitude"}


def scores(entries: TaskRecords, method: str, kind: str, state: str) -> list[float]:
    return [
        records[STAGE[method]]["results"]["tickets"][kind][state] for records in entries.values()
    ]


def with_scores(of_seeds: dict[int, dict[str, float]], majority: float = 0.5) -> TaskRecords:
    """Entries made by hand: by seed, what the full model and the retrained tickets score."""
    entries = copy.deepcopy(by_hand.entries(majority=majority))
    for seed, scores in of_seeds.items():
        stages = entries.entries.setdefault(seed, copy.deepcopy(entries[1337]))
        stages["finetune"]["results"]["score"] = scores["full"]
        for kind, ticket in stages["tickets"]["results"]["tickets"].items():
            ticket["retrained"] = scores[kind]
    return entries.of_seeds([*of_seeds])


THREE = {
    1337: {"full": 0.9, "good": 0.86, "random": 0.7, "bad": 0.54},
    42: {"full": 0.9, "good": 0.86, "random": 0.74, "bad": 0.54},
    86: {"full": 0.9, "good": 0.82, "random": 0.66, "bad": 0.5},
}


def test_the_finding_is_what_each_ticket_retains_and_whether_it_wins() -> None:
    text = repr(page.finding(with_scores(THREE)))
    for kind, shares, said in (
        ("bad ticket of MiniLM-L6 retains", [0.1, 0.1, 0.0], "loses"),
        ("random ticket retains", [0.5, 0.6, 0.4], "inconclusive"),
        ("good ticket retains", [0.9, 0.9, 0.8], "wins"),
    ):
        mean, low, high, n = t_interval(shares)
        interval = f"[{percent(low)}, {percent(high)}]".replace("-", MINUS)
        assert (
            f"{kind} {percent(mean)} (95 % CI {interval}, n = {n} seeds: {said})"
            in text.replace(" of the gain from fine-tuning", "")
        )


def test_a_row_says_over_how_many_seeds_its_means_are() -> None:
    of = page.Retained("A", 3, values={"good": [1, 1, 1], "bad": [0.4, 0.5]})
    assert of.seeds == "good: n = 3,\nothers: n = 2"
    assert replace(of, values={}).seeds == replace(of, values={"good": [1, 1, 1]}).seeds == "n = 3"


def test_a_finding_on_made_up_sentences_says_so() -> None:
    entries = with_scores(THREE)
    assert "made-up" not in repr(page.finding(entries))
    for stages in entries.entries.values():
        stages["search"]["config"] = stages["search"]["config"] | {"data": "mini"}
    assert "On SST-2 (made-up sentences), " in repr(page.finding(entries))


def test_the_finding_gives_no_interval_that_cannot_be() -> None:
    one = repr(page.finding(with_scores(THREE).of_seeds([86])))
    assert "fine-tuning (no CI, n = 1 seed: inconclusive)" in one
    # No score is above 1: none retains more than 125 % of a gain of 0.4.
    two = with_scores({s: THREE[s] for s in (42, 86)})
    said = repr(page.finding(two))
    assert (
        "random ticket retains 50 % (95 % CI beyond the possible range, n = 2 seeds: inconclusive)"
        in said
    )


def test_what_cannot_be_retained_is_not_given() -> None:
    nothing = with_scores(THREE, majority=0.85)
    assert "undefined for MiniLM-L6 on SST-2" in repr(page.finding(nothing))
    assert "0.900" in repr(page.finding(nothing)) and "0.850" in repr(page.finding(nothing))
    assert page.ticket_plot(nothing, {}) is None
    assert isinstance(page.score_plot(nothing), Figure)
    assert page.finding(nothing, "magnitude") is None
    assert page.tickets(nothing, "magnitude") is None


def test_seeds_whose_bad_ticket_repeats_the_good_one_are_left_out() -> None:
    entries = with_scores(THREE)
    assert page.left_out(entries) is None
    for seeds, said in (
        ([42], "n = 2 seeds: inconclusive"),
        (list(THREE), "Not tested: bad, random."),
    ):
        for seed in seeds:
            mask = StructuredMask(np.ones((2, 4)), np.ones(2)).to_json()
            entries[seed]["search"]["results"]["mask"] = mask
        assert said in repr(page.finding(entries))
        if len(seeds) == 1:  # 0.36 and 0.32 of a gain of 0.4
            assert "the same 2 seeds of the bad ticket, the good one retains 85 %." in repr(
                page.finding(entries)
            )
        note = page.left_out(entries)
        assert note and all(f"seed {seed} (8 of 8 heads)" in note.text for seed in seeds)


@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_every_model_is_a_row_of_seeds_and_means(
    every: dict[str, TaskRecords], method: str
) -> None:
    store, models = Store(), ["minilm-glue", "mpnet-glue"]
    own = on_record(Study.load("minilm-glue"), store)["SST-2"]
    beside, release = page.other_models(own, models, store)
    figure = page.ticket_plot(own, release, method, beside)
    axis = figure.drawing.axes[0]
    rows = [own, *(of for of in beside if of.has(method))]
    models = [page.of_entries(of, method) for of in rows]
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        *(f"{of.name}\nn = {len(of_study)}" for of, of_study in zip(models, rows, strict=True)),
        "BERT-base,\nas released\nn = 5",
    ]
    drawn = [[*line.get_xdata()] for line in axis.lines]
    for model in models:
        for kind in KINDS[method]:
            assert [*model.values[kind]] in drawn
            assert [pytest.approx(np.mean(model.values[kind]))] in drawn
    published = records.scores(release, "SST-2", method)
    gain = published["full"].mean - published["majority"].mean
    good = (published["good, retrained"].mean - published["majority"].mean) / gain
    assert [pytest.approx(good)] in drawn
    assert length(figure.caption) <= 40


def test_other_data_are_compared_with_nothing(every: dict[str, TaskRecords]) -> None:
    """Of made-up sentences no accuracy is shown where GLUE's are."""
    assert page.other_models(every["CoLA"], ["minilm-glue", "mpnet-glue"], Store()) == ([], {})
    assert page.other_models(by_hand.entries(), ["no-such-study"], Store())[0] == []


@pytest.mark.parametrize("task", ["CoLA", "STS-B", "RTE"])
@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_every_score_is_drawn(every: dict[str, TaskRecords], method: str, task: str) -> None:
    axis = page.score_plot(every[task], method).drawing.axes[0]
    drawn = [[*line.get_xdata()] for line in axis.lines]
    for kind in KINDS[method]:
        for state in ("pruned", "retrained"):
            assert scores(every[task], method, kind, state) in drawn
    full = np.mean([r["finetune"]["results"]["score"] for r in every[task].values()])
    assert axis.lines[0].get_xdata()[0] == pytest.approx(full)


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_ticket_table_pairs_scores_by_seed(every: dict[str, TaskRecords], method: str) -> None:
    entries = every["STS-B"]
    table = page.tickets(entries, method)
    table = table.frame
    names = {kind: kind for kind in ("good", "random", "bad")}
    if method == "magnitude":
        names["largest_removed"] = "bad (largest removed)"
    assert list(table.index) == ["full model"] + [
        f"{name}, {state}" for state in ("retrained", "pruned") for name in names.values()
    ]
    stage = "tickets" if method == "structured" else "magnitude"
    for kind, state in (("bad", "pruned"), ("good", "retrained"), ([*names][-1], "pruned")):
        scores = [e[stage]["results"]["tickets"][kind][state] for e in entries.values()]
        full = [e["finetune"]["results"]["score"] for e in entries.values()]
        differences = [of_full - score for of_full, score in zip(full, scores, strict=True)]
        row = table.loc[f"{names[kind]}, {state}"]
        assert row["score"] == estimate(scores, (-1, 1))
        assert row["full minus ticket"] == f"{number(np.mean(differences))} (n = 2)"
    assert table.loc["full model", "full minus ticket"] == ""
    assert table.loc["random, pruned", "random minus ticket"] == ""
