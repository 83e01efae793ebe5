"""The benchmarks: every case runs, small, and says what it should; nothing here is timed."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import entries, growth_case, search_case, shapes, training_case
from benchmarks.alternate import Row, Setting, alternate
from lottery_utils.errors import UserError
from lottery_utils.importance import Importance
from replication import cli
from replication.book.show import Figure, Note, Table
from replication.pages import cost, speed

SMALL = Setting(1, torch.device("cpu"), rounds=1, small=True, say=lambda text: None)


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> Iterator[None]:
    """Each timing starts with a garbage collection, which would look through what torch and
    transformers, once imported, keep for good: half a second, a hundred times."""
    from transformers import BertForSequenceClassification, Trainer  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every case, run small, and read again as the page reads it."""
    path = tmp_path_factory.mktemp("benchmarks") / "cpu.json"
    for case in bench.CASES:
        bench.run(case, SMALL, path)
    return speed.load(path.parent)["cpu"]


def test_every_case_gives_rows(rows: dict[str, Any]) -> None:
    assert {row["bench"] for row in rows.values()} == set(bench.CASES)
    for row in rows.values():
        assert set(row["seconds"]) == set(row["sides"])
        assert all(s > 0 for times in row["seconds"].values() for s in times)
        assert set(row["goals"]) <= set(row["sides"]) - {"ours"}
        if row["ratios"]:
            assert row["checked"], f"{row['case']} compares what it did not check"


def test_page_shows_every_row_and_says_what_was_not_measured(rows: dict[str, Any]) -> None:
    def shown(found: Table | Note) -> pd.DataFrame:
        assert isinstance(found, Table)
        return found.frame

    compared = [row["case"] for row in rows.values() for _ in row["ratios"]]
    assert list(shown(speed.table(rows)).index) == compared
    assert len(shown(speed.checks(rows))) == len(set(compared))
    assert isinstance(cost.growth(rows), Figure)
    drawn = speed.ratios(rows)
    assert isinstance(drawn, Figure)
    middles = [ratio[0] for row in rows.values() for ratio in row["ratios"].values()]
    points = [line for line in drawn.drawing.axes[0].lines if line.get_marker() == "o"]
    aims = [
        of for row in rows.values() for side, of in row["ratios"].items() if side in row["goals"]
    ]
    assert [line.get_xdata()[0] for line in points[::-1][-len(aims) :]] == [of[0] for of in aims]
    n_faster = sum(ratio > 1 for ratio in middles)
    assert f"In {n_faster} of {len(middles)} comparisons" in repr(speed.finding(rows))
    assert speed.finding({}) is speed.ratios({}) is speed.MISSING
    often = {case: row for case, row in rows.items() if row["bench"] == "growth"}
    often = {case: {**row, "run": {**row["run"], "rounds": 7}} for case, row in often.items()}
    assert "1 rounds in which" in speed.circumstances(rows | often).text, "of comparisons alone"
    assert "7 rounds (forecast: 1)." in cost.circumstances(rows | often).text
    assert speed.circumstances({}) is cost.circumstances({}) is speed.MISSING
    here, card = shown(cost.on_paper(rows)).to_numpy()
    facts = next(row["facts"] for row in rows.values() if "hours" in row["facts"])
    assert [*here] == [f"{facts['total_hours']:,.0f}", f"{100 * facts['total_hours'] / 24:,.0f}"]
    assert card[0] == f"{facts['operations'] / 100e12 / 3600:,.0f}"
    assert shown(cost.forecast(rows)).index[-1] == "nine tasks"
    only = {case: row for case, row in rows.items() if row["bench"] == "notebook"}
    for show in (
        speed.profiles,
        cost.growth_table,
        cost.forecast,
        speed.bucketing,
        cost.forecast_checks,
        cost.forecast_assumptions,
        cost.on_paper,
    ):
        assert len(shown(show(rows)))
        assert show(only) is speed.MISSING
    assert cost.growth(only) is speed.MISSING
    assert isinstance(speed.gpu({"cpu": only}), Note)
    assert isinstance(speed.gpu({"gpu": rows}), Table)


def test_profiles_are_those_of_the_three_largest_wins(rows: dict[str, Any]) -> None:
    shown = speed.profiles(rows)
    assert isinstance(shown, Table)
    profiled = {c: r["ratios"]["theirs"][0] for c, r in rows.items() if "profile" in r["facts"]}
    largest = sorted(profiled, key=lambda case: -profiled[case])[:3]
    assert list(dict.fromkeys(shown.frame.index.get_level_values("case"))) == largest


def test_ratio_is_theirs_over_ours_by_round() -> None:
    seconds = {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 4.0, 16.0]}
    row = Row("a", "b", {"ours": "", "theirs": ""}, seconds, "c")
    assert row.ratios("theirs") == [3.0, 2.0, 4.0]
    assert row.to_json()["ratios"] == {"theirs": [3.0, 2.0, 4.0]}


def test_sides_take_turns_and_only_their_work_is_timed() -> None:
    seen: list[str] = []

    def side(name: str) -> Any:
        seen.append(f"make {name}")
        return lambda: seen.append(name)

    setting = Setting(1, torch.device("cpu"), rounds=2, say=lambda text: None)
    found = alternate(setting, {"a": lambda: side("a"), "b": lambda: side("b")})
    assert {name: len(times) for name, times in found.items()} == {"a": 2, "b": 2}
    worked = [name for name in seen if not name.startswith("make")]
    assert worked == ["b", "a", "a", "b", "b", "a"], "a warm-up, then each first in turn"


def test_search_that_finds_another_mask_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    real = search_case.examine_padded

    def turned(*arguments: Any) -> Any:
        answers, labels, found = real(*arguments)
        return answers, labels, Importance(-found.heads, -found.mlps, 1, 1)

    monkeypatch.setattr(search_case, "examine_padded", turned)
    with pytest.raises(AssertionError, match="different masks"):
        list(search_case.rows(SMALL))


def test_losses_that_differ_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_case, "losses_apart", lambda *arguments: (1e-3, 20))
    with pytest.raises(AssertionError, match="apart"):
        next(training_case.rows(SMALL))


def test_shapes_have_the_lengths_of_their_task() -> None:
    drawn = shapes.draw("RTE", 2000)
    lengths = np.array([len(row) for row in drawn.input_ids])
    percentiles = np.array(shapes.PERCENTILES["RTE"].split(), float)
    assert np.abs(np.percentile(lengths, np.arange(0, 101, 5)) - percentiles).max() <= 6
    assert drawn.token_type_ids is not None
    for ids, types in zip(drawn.input_ids, drawn.token_type_ids, strict=True):
        assert len(ids) == len(types) and ids.count(shapes.SEP) == 2
    assert shapes.draw("SST-2", 5) == shapes.draw("SST-2", 5) != shapes.draw("SST-2", 5, seed=1)


def test_exponent_of_a_square_is_two() -> None:
    assert growth_case.exponent((1, 2, 4), [3.0, 12.0, 48.0]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["walk"], "no benchmark 'walk'"), (["maps", "--device", "xyz"], "'xyz' cannot be used")],
)
def test_wrong_arguments_are_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '{"a": {}}', '{"a": 1}'])
def test_broken_file_or_none_is_one_sentence(content: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run 'make bench'"):
        speed.load(tmp_path)
    (tmp_path / "cpu.json").write_text(content)
    with pytest.raises(UserError, match="is broken"):
        speed.load(tmp_path)


def test_rows_of_another_run_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps({"old": {"case": "old"}}))
    bench.run("maps", SMALL, path)
    old, *new = json.loads(path.read_text())
    assert old == "old" and new


def test_a_study_of_many_entries_is_done_and_has_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries.lay_out(tmp_path, 18)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status", "grown"]) == cli.main(["export", "grown", "--out", "rows.csv"]) == 0
    assert "72 of 72 records are done" in capsys.readouterr().out
    table = pd.read_csv("rows.csv")
    assert table["record"].nunique() == 72 and set(table["status"]) == {"done"}
