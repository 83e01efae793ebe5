"""The page that compares three models: units, intervals, and what it says while records lack."""

from __future__ import annotations

import copy
import itertools
import re
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import by_hand
import numpy as np
import pytest
from scipy import stats

from lottery_utils.agreement.inference import t_interval
from replication.book.show import Figure, Note, Table
from replication.book.written import MINUS
from replication.claims.wins import Shares, of_records, of_release
from replication.pages import sizes
from replication.pages.parts import size_curve
from replication.pages.sizes import Side
from replication.paper import records
from replication.store import Key, Store
from replication.study import Study


def side(name: str, n: int = 100, **tasks: list[float]) -> Side:
    """Of each task what bad tickets retain, seed by seed; good ones retain all."""
    return Side(name, {t: Shares({"good": [1.0] * len(v), "random": v, "bad": v}, n)
                       for t, v in tasks.items()})  # fmt: skip


def compared(**sides: Any) -> Any:
    nothing = Side("nothing", {})
    of = {"small": nothing, "large": nothing, "released": nothing} | sides
    of.setdefault("curve", dict.fromkeys(sizes.TRAIN_SIZES, nothing))
    of |= {"elsewhere": {}, "curve_computed": {}} | of
    models = (of["small"], of["large"], of["released"])
    wanted = SimpleNamespace(tasks=("SST-2", "RTE"))
    return SimpleNamespace(**of, models=models, wanted=wanted, curve_tasks=("SST-2", "RTE"))


def test_each_seed_is_measured_in_its_own_gain() -> None:
    entries = by_hand.entries()
    found = of_records(entries)
    for kind, share in {"good": 0.3 / 0.4, "random": 0.5, "bad": 0.5}.items():
        assert found.retained[kind] == pytest.approx([share, share])
    changed = copy.deepcopy(entries)
    changed[42]["finetune"]["results"]["score"] = 0.7
    again = of_records(changed)
    assert again.retained["bad"] == pytest.approx([0.5, 1.0])
    for score, n in ((0.6, 2), (0.599, 1)):  # a gain of 0.1 is enough, by float64 too
        changed[42]["finetune"]["results"]["score"] = score
        assert of_records(changed).n == n


def test_an_interval_beyond_what_scores_can_be_is_not_printed() -> None:
    found = of_records(by_hand.entries())
    assert found.possible == pytest.approx((-0.5 / 0.4, 0.5 / 0.4)), "accuracies of 0 and 1"
    for values, said in (
        ([0.4, 0.5], "45 % ["),
        ([0.1, 0.9], "50 % (no CI), 2 seeds"),
    ):
        one = Side(
            "small", {"SST-2": replace(found, retained=dict.fromkeys(found.retained, values))}
        )
        assert sizes.wins(compared(small=one)).frame.loc["SST-2", "small"].startswith(said)


def test_a_seed_whose_bad_ticket_is_mostly_the_good_one_does_not_count() -> None:
    entries = by_hand.entries()
    mask = entries[42]["search"]["results"]["mask"]
    entries[42]["search"]["results"]["mask"] = {**mask, "heads": [[1, 1, 1, 1], [1, 1, 0, 0]]}
    assert of_records(entries).n == 1


def test_the_interval_is_over_seeds_and_its_tasks_are_fixed() -> None:
    one, other = [0.2, 0.4, 0.9], [0.5, 0.5, 0.8]
    of = side("model", A=one, B=other)
    single = sizes.mean_over(of, ["A"], "bad")
    assert single[:3] == pytest.approx(t_interval(one)[:3])
    both = sizes.mean_over(of, ["A", "B"], "bad")
    assert both.mean == pytest.approx(np.mean([np.mean(one), np.mean(other)]))
    of_means = np.array([np.var(one, ddof=1), np.var(other, ddof=1)]) / 3
    freedom = of_means.sum() ** 2 / (of_means**2 / 2).sum()
    half = stats.t.ppf(0.975, freedom) * np.sqrt(of_means.sum()) / 2
    assert both.high - both.mean == pytest.approx(half), "each task has its own variance"
    apart = side("model", A=[v + 5 for v in one], B=other)  # what tasks differ by is no spread
    wide = sizes.mean_over(apart, ["A", "B"], "bad")
    assert wide.high - wide.low == pytest.approx(both.high - both.low)
    assert np.isnan(sizes.mean_over(side("model", A=[0.3]), ["A"], "bad").low)


def test_a_mean_over_tasks_has_no_interval_beyond_what_is_possible() -> None:
    small = side("small", A=[0.1, 0.9], RTE=[0.5, 0.6])
    wide = {t: replace(of, possible=(-5.0, 5.0)) for t, of in small.tasks.items()}
    narrow = {t: replace(of, possible=(-0.1, 1.1)) for t, of in small.tasks.items()}
    wide["SST-2"], narrow["SST-2"] = wide.pop("A"), narrow.pop("A")
    for tasks, said in ((wide, "52 % ["), (narrow, "52 % (no CI)")):
        three = dict.fromkeys(("small", "large", "released"), Side("small", tasks))
        assert sizes.table(compared(**three)).frame["bad"].iloc[0].startswith(said)
        assert f"small {said}" in sizes.finding(compared(**three)).text


def test_wins_are_counted_where_the_interval_clears_one_half() -> None:
    values = {"A": [0.9, 0.9, 0.91], "B": [0.1, 0.1, 0.11], "C": [0.1, 0.9, 0.9], "D": [0.9]}
    table = sizes.wins(compared(small=side("small", **values))).frame
    words = [cell.split(": ")[1] for cell in table["small"]]
    assert [cell.split(": ")[0].split(", ")[-1] for cell in table["small"]] == (
        ["3 seeds"] * 3 + ["1 seed"]
    )
    assert words == ["wins", "loses", "inconclusive", "inconclusive"]


def test_released_means_have_their_own_errors(ours: records.Results) -> None:
    found = of_release(ours)
    assert set(found) == {t for t in ours if t != "WNLI"}
    of = records.scores(ours, "SST-2")
    full, majority, bad = (of[name] for name in ("full", "majority", "bad, retrained"))
    share = (bad.mean - majority.mean) / (full.mean - majority.mean)
    assert found["SST-2"].retained["bad"] == [pytest.approx(share)]
    error = np.hypot(bad.std, share * full.std) / (full.mean - majority.mean) / np.sqrt(5)
    assert found["SST-2"].errors["bad"] == pytest.approx(error)


def test_without_the_large_model_the_question_is_open() -> None:
    small = side("small", **{"SST-2": [0.4, 0.5]})
    assert "open" in repr(sizes.finding(compared(small=small, released=small)))
    some = sizes.finding(compared(small=small, large=small, released=small))
    assert some.text.startswith("Provisional: on SST-2") and "Without RTE" in some.more
    assert "45 % [" in some.text and "2 seeds in small" in some.more
    single = side("one", **{"SST-2": [0.4]})
    alone = sizes.finding(compared(small=single, large=single, released=single))
    assert "40 % (no CI)" in alone.text and "1 seed in one" in alone.more
    whole = side("large", **{"SST-2": [0.4, 0.5], "RTE": [0.4, 0.5]})
    said = repr(sizes.finding(compared(small=small, large=whole, released=small)))
    assert not said.startswith("Provisional")


def test_the_figure_has_every_seed_of_one_kind() -> None:
    small = side("small", **{"SST-2": [0.4, 0.5]})
    large = side("large", **{"SST-2": [0.6], "RTE": [0.1, 0.3]})
    for kind, expected in (("bad", [0.1, 0.3, 0.4, 0.5, 0.6]), ("good", [1.0] * 5)):
        figure = sizes.plot(compared(small=small, large=large), kind)
        assert isinstance(figure, Figure)
        (axis,) = figure.drawing.axes
        points = [line.get_xdata() for line in axis.lines if line.get_marker() in ("o", "s", "D")]
        assert sorted(float(x) for of in points for x in of) == expected
    assert isinstance(sizes.plot(compared()), Note)


def test_the_curve_shows_every_size_on_record() -> None:
    curve = {
        size: side("", size or 67349, **{"SST-2": [0.1, 0.3]} if size != 4000 else {})
        for size in sizes.TRAIN_SIZES
    }
    figure = size_curve.curve(compared(curve=curve))
    assert isinstance(figure, Figure)
    (axis,) = figure.drawing.axes
    (bad,) = (line for line in axis.lines if line.get_label() == "bad")
    assert [*bad.get_xdata()] == [500, 1000, 2000, 67349]
    table = size_curve.curve_table(compared(curve=curve))
    assert isinstance(table, Table)
    assert "4,000" not in table.frame


def test_labels_of_two_sizes_do_not_overlap() -> None:
    curve = dict.fromkeys(sizes.TRAIN_SIZES, Side("", {}))
    for size in (500, 2000):
        curve[size] = side("", size, **{"SST-2": [0.2, 0.4]})
    curve[4000] = side("", 4000, **{"SST-2": [0.2, 0.4]})
    curve[4000].tasks["RTE"] = side("", 3668, **{"RTE": [0.2]}).tasks["RTE"]
    drawn = size_curve.curve(compared(curve=curve))
    assert isinstance(drawn, Figure)
    labels = [label.get_text() for label in drawn.drawing.axes[-1].get_xticklabels()]
    assert labels == ["500", "2,000", "4,000"]


def test_another_draw_of_the_same_models_is_said() -> None:
    curve = dict.fromkeys(sizes.TRAIN_SIZES, Side("", {}))
    small = side("small", 500, **{"SST-2": [0.1, 0.9], "RTE": [0.5]})
    curve[500] = side("", 500, **{"SST-2": [0.7, 0.8]})
    curve[1000] = side("", 1000, **{"SST-2": [0.3, 0.3]})  # of other models
    note = size_curve.redrawn(compared(small=small, curve=curve))
    assert note and "SST-2 with 500 examples: 10 %, 90 % (inconclusive) in" in note.text
    assert "1,000" not in note.text
    assert size_curve.redrawn(compared(small=small)) is None


def test_a_change_is_measured_on_the_tasks_that_both_sides_have() -> None:
    curve = dict.fromkeys(sizes.TRAIN_SIZES, Side("", {}))
    curve[2000] = side("", **{"SST-2": [0.2, 0.4]})
    large = side("large", **{"SST-2": [0.6, 0.8], "RTE": [0.1, 0.1]})
    rows = sizes.explained(compared(curve=curve, large=large)).frame
    assert rows["tasks"].tolist() == ["not computed yet", "SST-2", "not computed yet"]
    # Welch's t of two means with alike standard errors of 0.1: two degrees of freedom.
    reach = round(100 * 4.30265 * np.sqrt(2) * 0.1)
    points = rows["difference in percentage points, 95 % CI"].iloc[1]
    assert points == f"+40 [{MINUS}{reach - 40}, +{40 + reach}]"


def test_more_data_is_as_much_as_there_is_on_record() -> None:
    curve = dict.fromkeys(sizes.TRAIN_SIZES, Side("", {}))
    curve[500] = side("", 500, **{"SST-2": [0.2, 0.4]})
    assert "500 examples to all" in sizes.explained(compared(curve=curve)).frame.index[0]
    for size in (1000, 4000):
        curve[size] = side("", size, **{"SST-2": [0.6, 0.8]})
    rows = sizes.explained(compared(curve=curve)).frame
    assert "500 examples to 4,000" in rows.index[0]
    assert rows["tasks"].iloc[0] == "SST-2"


def test_the_page_reads_what_is_on_record(ours: records.Results) -> None:
    found = sizes.Compared(
        "minilm-glue", "mpnet-glue", "minilm-size", "minilm-size-card", ours, Store("results")
    )
    assert found.small.tasks
    again, everything = found.elsewhere.values()
    assert [*found.elsewhere] == [4000, None] and everything is found.curve[None]
    assert again.tasks["MRPC"] is everything.tasks["MRPC"], "it has fewer examples than 4,000"
    assert again.tasks["SST-2"] is not everything.tasks["SST-2"]
    said = size_curve.so_far(found).text
    for size, side in found.curve.items():
        study = Study.load("minilm-size").override({"train_size": size})
        keys = [study.key(task, seed, "tickets") for task, seed in study.entries("tickets")]
        n = sum(Store().read(key) is not None for key in keys)
        counted = ", ".join(f"{task} {of.n}" for task, of in side.tasks.items())
        runs = f"{n} of {len(keys)} runs, of which count: {counted or 'none'}"
        assert f"{sizes.name_of(size)} examples: {runs if n else 'none'}" in said


def test_sizes_of_one_machine_are_not_joined_with_those_of_another() -> None:
    curve = {n: side("", n or 67349, **{"SST-2": [0.7, 0.9]}) for n in (500, 2000, 4000, None)}
    again = side("", 4000, **{"SST-2": [0.6, 0.8]})
    of = compared(curve=curve, elsewhere={4000: again, None: curve[None]})
    figure = size_curve.curve(of)
    assert isinstance(figure, Figure)
    (axis,) = figure.drawing.axes
    joined = [[*line.get_xdata()] for line in axis.lines if line.get_marker() == "None"]
    assert [500, 2000, 4000] in joined and [4000, 67349] in joined
    assert not any({500, 67349} <= {*x} for x in joined if x != [0, 1])
    table = size_curve.curve_table(of)
    assert isinstance(table, Table)
    row = table.frame.loc["SST-2"]
    assert row["4,000"].startswith("80 %") and row["4,000, there"].startswith("70 %")
    assert "all, there" in row and "all" not in row
    rows = sizes.explained(of).frame
    said = sizes.still_open(of)
    assert "Of 3 comparisons" in said.text and "none shows a difference" in said.text
    before_after = {name: (row["before"], row["after"]) for name, row in rows.iterrows()
                    if "MPNet" not in str(name)}  # fmt: skip
    assert [*before_after.values()] == [("80 %", "80 %"), ("80 %", "70 %"), ("70 %", "80 %")]


def test_the_answer_on_data_is_by_size_where_two_seeds_count() -> None:
    curve = {500: [0.1, 0.9], 1000: [0.8, 0.81], 2000: [0.9], 4000: [0.1, 0.11], None: [0.8, 0.81]}
    sides = {n: side("", n or 9999, **{"SST-2": of}) for n, of in curve.items()}
    found = size_curve.more_data(compared(curve=sides, elsewhere={None: sides[None]}))
    assert "wins on SST-2 with 1,000 / all there; loses on SST-2 with 4,000" in found.text
    assert found.more.startswith("Inconclusive: SST-2 with 500.")
    assert "2,000" not in repr(found) and "RTE" not in repr(found)
    assert "open" in size_curve.more_data(compared()).text


def test_a_difference_whose_interval_leaves_out_zero_is_named() -> None:
    curve = dict.fromkeys(sizes.TRAIN_SIZES, side("", **{"SST-2": [0.1, 0.11], "RTE": [0.5, 0.6]}))
    same = side("", **{"SST-2": [0.8, 0.81]})
    same.tasks["RTE"] = curve[4000].tasks["RTE"]
    of = compared(curve=curve, elsewhere={4000: same, None: same})
    (machine,) = (change for change in sizes.changes(of) if change.name.startswith("the machine"))
    assert machine.tasks == ["SST-2"], "of the other task both sides are the same runs"
    assert machine.apart.mean == pytest.approx(0.7) and machine.apart.low > 0
    assert f"one shows a difference: {machine.name}" in sizes.still_open(of).text


def test_a_point_of_one_seed_is_on_no_line() -> None:
    curve = {500: side("", 500, **{"SST-2": [0.1]}), 1000: side("", 1000, **{"SST-2": [0.2, 0.4]})}
    figure = size_curve.curve(compared(curve=curve))
    assert isinstance(figure, Figure)
    (bad,) = (line for line in figure.drawing.axes[0].lines if line.get_label() == "bad")
    assert [*bad.get_xdata()] == [1000]


def test_what_machines_computed_is_said_where_they_are_several() -> None:
    of = compared()
    of.again_size, of.again_computed = 4000, Counter({"a card in bf16": 2})
    of.curve_computed = {500: Counter({"a processor in fp32": 3}), 4000: Counter()}
    assert size_curve.machines(of) is None
    of.curve_computed[4000] = Counter({"a processor in fp32": 2, "a card in bf16": 1})
    said = size_curve.machines(of)
    assert said and "500, 4,000 (2 runs) on a processor in fp32" in said.text
    assert "4,000 (1 run), 4,000 again on a card in bf16" in said.text
    of.elsewhere = {4000: of.curve[4000]}
    said = size_curve.machines(of)
    assert said and "500, 4,000 (2 runs, counted as there) on a processor" in said.text
    curve = {n: side("", n, **{"SST-2": [0.7, 0.8]}) for n in (500, 1000, 4000)}
    of.curve, of.elsewhere = curve, {4000: curve[4000]}
    figure = size_curve.curve(of)
    assert isinstance(figure, Figure) and "another machine (2 runs apart)." in figure.caption


def test_machines_are_counted_from_the_records() -> None:
    study, store = Study.load("minilm-size-card"), Store("results")
    found = sizes.computed_by(study, store)
    assert found.total() == len(study.entries("tickets"))
    record = store.read(study.key("SST-2", 42, "tickets"))
    assert record
    (only,) = found
    assert all(str(record["provenance"][of]) in only for of in ("device", "training_precision"))


def test_tickets_that_gave_one_answer_are_named() -> None:
    store = Store()
    study = replace(Study.load("mpnet-glue"), tasks=("CoLA", "SST-2"))
    found = " ".join(sizes.untrained(study, store))
    for task, seed in itertools.product(study.tasks, (1337, 42)):
        record = store.read(Key(study.name, task, seed, "tickets"))
        assert record
        for kind, ticket in record["results"]["tickets"].items():
            texts = ticket["answers"]["retrained"]["predictions"].values()
            single = len(set("".join(texts))) == 1
            assert bool(re.search(rf"{task} seed {seed} \([^)]*{kind}", found)) == single
    assert found


def test_a_task_of_one_seed_is_not_among_the_common_ones() -> None:
    sides = [side("a", SST_2=[0.5, 0.6], RTE=[0.4]), side("b", SST_2=[0.5, 0.6], RTE=[0.3, 0.2])]
    assert sizes.common(sides, ["RTE", "SST_2"]) == ["SST_2"]
