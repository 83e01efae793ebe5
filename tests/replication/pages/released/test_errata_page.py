"""The page on errata: the released records, and quirks against records made by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES
from lottery_utils.tasks import TASKS
from replication.book.show import Note
from replication.book.written import plus_minus
from replication.pages.released import errata
from replication.paper import records as release
from replication.runs import records
from replication.runs.records import TaskRecords
from replication.store import Store
from replication.study import Study

OURS = StructuredMask(np.array([[1, 1, 0, 0], [1, 0, 0, 0]]), np.array([1, 0]))
THEIRS = StructuredMask(np.array([[1, 0, 1, 0], [1, 1, 0, 0]]), np.array([1, 1]))


def searched(theirs: StructuredMask) -> dict[str, Any]:
    return {
        "results": {
            "made_from": {"masks": {"42": OURS.to_json()}},
            "tickets": {"as released": {"mask": theirs.to_json()}},
        }
    }


def measured(counts: list[list[int]]) -> dict[str, Any]:
    equal = {"scores": [0.6, 0.8], "heads": [3, 3], "mlps": [1, 1]}
    alone = {"scores": [0.5, 0.9], "heads": [2, 5], "mlps": [2, 0]}
    types = {"types": [*TYPES], "examples": 2, "counts": counts}
    return {"results": {"random": {"equal": equal, "independent": alone}, "transposed": types}}


def test_searches_are_compared_head_by_head() -> None:
    found = TaskRecords(
        {42: {"sensitivity": searched(THEIRS)}, 1337: {"sensitivity": searched(OURS)}}
    )
    table = errata.searches({"RTE": found})
    row = table.frame.loc["RTE, seed 42"]
    assert [*row] == ["3 and 4", "2", "0.40", "1 and 2"]
    assert table.frame.loc["the same heads", "overlap (Jaccard)"] == "1 of 2"


def test_of_the_three_points_only_the_bias_can_matter_in_the_recorded_searches() -> None:
    study = Study.load("minilm-glue")
    n_found = 0
    for task in study.followups.sensitivity or ():
        entries = TaskRecords.of(study, task, Store(), ["sensitivity"])
        for record in entries.stage("sensitivity").values():
            found = record["results"]["tickets"]["as released"]["mask"]
            mask = StructuredMask.from_json(found)
            assert mask.heads.any(axis=1).all() and mask.n_mlps
            assert int(study.search.head_step * mask.heads.size) == 7
            n_found += 1
    assert n_found == 6


@pytest.mark.parametrize(("mask", "said"), [(THEIRS, "the same"), (OURS, "another")])
def test_a_search_that_was_repeated_is_compared(mask: StructuredMask, said: str) -> None:
    study = Study.load("minilm-glue")
    record = {"results": {"mask": mask.to_json()}}
    found = {study.override({"variant": "release"}).key("RTE", 42, "search"): record}
    every = {"RTE": TaskRecords({s: {"sensitivity": searched(THEIRS)} for s in (42, 86)})}
    note = errata.repeated(every, study, SimpleNamespace(read=found.get))  # type: ignore[arg-type]
    assert note and note.text.endswith(f"RTE, seed 42 ({said} mask).")
    assert errata.repeated({}, study, Store()) is None


def test_random_tickets_of_both_kinds() -> None:
    table = errata.random_tickets({"RTE": TaskRecords({42: {"quirks": measured([[1] * 5] * 5)}})})
    row = table.frame.loc["RTE, seed 42"]
    scores = plus_minus(0.7, 0.02**0.5), plus_minus(0.7, 0.08**0.5)
    assert [*row] == ["3", "2 to 5", *scores, "+1.00", "−1.00"]


def test_types_that_change_are_off_the_diagonal() -> None:
    counts = np.diag([10, 0, 0, 0, 20])
    counts[0, 4] = 10
    table = errata.transposed({"RTE": TaskRecords({42: {"quirks": measured(counts.tolist())}})})
    assert (
        table.frame.loc["all", "of another type"]
        == table.frame.loc["RTE, seed 42", "of another type"]
    )
    assert table.frame.loc["all", "of another type"] == "25.0 %"
    assert table.frame.loc[f"share of {TYPES[0]}", "right"] == "50.0 %"
    assert table.frame.loc[f"share of {TYPES[0]}", "transposed"] == "25.0 %"


@pytest.mark.parametrize("table", ["searches", "random_tickets", "transposed"])
def test_without_records_the_page_says_so(table: str, tmp_path: Path) -> None:
    nothing = records.on_record(Study.load("minilm-glue"), Store(tmp_path), ["quirks"])
    assert nothing == {}
    assert isinstance(getattr(errata, table)(nothing), Note)


def test_the_figure_draws_good_tickets_twice(ours: release.Results) -> None:
    table = errata.drawn_bars(ours).frame
    assert [*table.index] == [*TASKS]
    assert (table["height of good, points"] == table["height of random, points"]).all()
    assert [*table.loc["MRPC"]] == ["124.88", "124.88", "0.773", "0.773", "0.679"]
    assert (table["score at random's height"] == table["released, good"]).all()


def heads(results: release.Results) -> dict[str, OverSeeds]:
    """The heads' agreement on the tasks that BERT-base learned."""
    every = release.over_seeds(results, "heads")
    return {task: of for task, of in every.items() if task not in release.UNLEARNED}


def test_the_finding_has_the_numbers_of_the_release(ours: release.Results) -> None:
    found = repr(errata.finding(ours))
    assert (
        "on 9 of 9 tasks" in found
        and "not significantly below random ones: random minus bad is +5.9 points" in found
        and "n = 8" in found
    )
    agreed = {task: of.beside_chance["Fleiss' kappa"].observed for task, of in heads(ours).items()}
    best = max(agreed, key=lambda task: agreed[task])
    assert f"({best}, kappa {agreed[best]:.2f})" in found and "p < 0.001" in found
    two = {task: {k: v for k, v in ours[task].items() if k != "drawn"} for task in ("RTE", "WNLI")}
    fewer = repr(errata.finding(two))
    assert "0 of 0" not in fewer and "Retrained" not in fewer and "(RTE, kappa" in fewer


def test_every_study_says_how_it_draws() -> None:
    table = errata.draws().frame.iloc[:, 0]
    assert {*table[table == "one stream for each seed"].index} == {
        "glue-small",
        "mini-choices",
        "minilm-glue",
    }
    assert table["mpnet-glue"] == "independent streams"


def test_what_the_page_says_of_the_release_is_in_the_records(ours: release.Results) -> None:
    of_heads = heads(ours)
    points = [
        line
        for line in errata.kappa_and_q(ours).drawing.axes[0].lines
        if line.get_marker() in ("o", "v")
    ]
    assert all(line.get_ydata()[0] > 0 for line in points), "all have a place on this axis"
    drawn = sorted((line.get_xdata()[0], line.get_ydata()[0] > 0.05) for line in points)
    assert drawn == sorted(
        (of.beside_chance["Fleiss' kappa"].observed, of.q.p_value > 0.05)
        for of in of_heads.values()
    )
    made_up = errata.what_q_tests().frame
    assert [*made_up["p of Q"]] == ["1.000", "1.000", "< 0.001"]
    assert (errata.most_frequent_types().frame["most frequent"] == "heterogeneous").sum() == 5
    empty = [kept for kept in release.over_seeds(ours, "heads")["WNLI"].kept if kept == 0]
    assert len(empty) == 4 and [*release.UNLEARNED] == ["WNLI"]
    assert [*errata.random_sizes(ours).frame.index] == [*TASKS]
