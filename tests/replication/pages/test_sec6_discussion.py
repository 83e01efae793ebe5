"""The page on section 6: tickets without pre-training."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
from by_hand import control, embeddings, entries
from conftest import REPOSITORY

from replication.claims.eligible import answerable
from replication.claims.retained import Split, Ticket
from replication.claims.retained import retained as measured
from replication.pages import sec6_discussion as page
from replication.runs.records import TaskRecords, on_record
from replication.store import Store
from replication.study import Study


def test_the_control_and_what_it_says() -> None:
    """The full model gains 0.4: the bad ticket retains half of it with pre-training, and a quarter
    without; the embeddings without layers three eighths."""
    found = entries(control=control(), embeddings=embeddings(0.65))
    table = page.table(found).frame
    assert table.loc["bad, seed 42", "nothing pre-trained"] == "0.600 (25 %)"
    assert table.loc["bad, seed 42", "counts"] == "yes"
    assert table.loc["mean of embeddings, seed 42", "only embeddings pre-trained"].startswith(
        "0.65"
    )
    text = repr(page.finding(found))
    assert "retain 25 % of the full model's gain without pre-training, and 50 % with it" in text
    assert "(n = 2 of 2 seeds)" in text
    assert "2 of 2 retain at least half" in text, "0.1 is half of 0.2"
    assert "retains 38 % (n = 2)" in text
    one = repr(page.finding(entries(control={42: control()[42]})))
    assert "too few for a finding: it retains 25 % of" in one and "(n = 1 of 2 seeds)" in one
    figure = page.plot(found)
    lines = figure.drawing.axes[0].lines
    for ticket, start in enumerate((0.8, 0.7, 0.7)):  # good, random, bad with pre-training
        heights = [line.get_ydata()[0] for line in lines[6 * ticket : 6 * ticket + 6]]
        assert heights == pytest.approx([start, start, 0.65, 0.65, 0.6, 0.6])


def test_what_is_held_out_from_the_search_is_what_a_finding_is_about() -> None:
    """Of the records at the paper's size, as the registered plan measures them."""
    study = Study.load("mpnet-glue")
    found = on_record(study, Store(REPOSITORY / "results"), ["control", "embeddings"])["SST-2"]
    splits: tuple[Split, ...] = ("validation", "held_out")
    for split in splits:
        plan = measured("SST-2", found, split).tickets[Ticket("structured", "bad", "retrained")][0]
        here = [page.retained(found, seed, "bad", "retrained", split) for seed in found]
        assert here == pytest.approx(plan.tolist(), abs=1e-5)
    for seed, record in found.stage("control").items():
        labels = found[seed]["finetune"]["results"]["labels"]["held_out"]
        of = record["results"]["tickets"]["bad"]["reinitialized"]
        right = np.mean([*map(str.__eq__, of["predictions"]["held_out"], labels)])
        score = page.score(found, seed, "bad", "reinitialized", "held_out")
        assert score == pytest.approx(right, abs=1e-6)
    assert "472 examples held out from the search" in page.finding(found).text


def test_a_model_that_gains_nothing_has_nothing_to_retain() -> None:
    """Its score is the majority's: no share of it is a number, and the page says so."""
    found = entries(majority=0.9, control=control(), embeddings=embeddings(0.65))
    assert "gains anything over the majority baseline" in repr(page.finding(found))
    assert page.table(found).frame.loc["bad, seed 42", "nothing pre-trained"] == "0.600"
    assert page.plot(found).caption


def test_seeds_without_a_bad_ticket_to_explain_do_not_count() -> None:
    learned = entries(majority=0.75, control=control())  # bad tickets fall below this baseline
    assert "On SST-2, the control is uninformative" in repr(page.finding(learned))
    assert "uninformative" in page.plot(learned).caption
    assert "uninformative" not in page.plot(entries(control=control())).caption
    assert {*page.table(learned).frame["counts"]} == {"no"}
    assert all(line.get_alpha() == 0.3 for line in page.plot(learned).drawing.axes[0].lines[:18])
    assert "no control of theirs is on record" in repr(page.finding(without_one()))


def without_one() -> TaskRecords:
    """Both seeds count, and only a third one's control is on record."""
    found = entries(control=control())
    found.entries[7] = copy.deepcopy(found[42])
    found[7]["tickets"]["results"]["tickets"]["bad"]["retrained"] = 0.5
    for seed in (1337, 42):
        del found[seed]["control"]
    return found


def test_without_a_control_the_page_says_how_to_make_it() -> None:
    for show in (page.table, page.plot):
        note = show(entries())
        assert note is page.NO_CONTROL and "--set followups." in note.text
    said = repr(page.finding(entries()))
    assert "(seeds 1337, 42), but no control of theirs is on record" in said
    assert page.finding(entries(majority=0.75)) is page.NO_CONTROL, "there is nothing to explain"


def test_a_control_from_another_machine_than_its_tickets_is_named() -> None:
    found = entries(control=control(), embeddings=embeddings(0.65))
    assert "another machine" not in repr(page.finding(found))
    found[42]["tickets"]["provenance"]["device"] = "NVIDIA H200"
    said = repr(page.finding(found))
    assert "For seed 42 the control was trained on another machine (a processor) than" in said
    assert "the tickets (NVIDIA H200)" in said


def test_a_control_of_some_seeds_says_which_are_there() -> None:
    whole, part = (entries(control=control(), embeddings=embeddings(0.65)) for _ in range(2))
    assert "Counted: seeds 1337, 42, " in repr(page.finding(whole))
    assert "Provisional" not in repr(page.finding(whole))
    del part[1337]["control"]
    said = repr(page.finding(part))
    assert "(n = 1 of 2 seeds)" in said and "Counted: seed 42, " in said
    assert said.startswith("Provisional: on SST-2, ")
    assert "No control of seed 1337 is on record yet" in said
    assert "good, seed 1337" not in page.table(part).frame.index
    assert "n = 1 seed" in page.plot(part).caption
    del part[42]["control"]
    assert [*page.table(part).frame.index] == [
        f"mean of embeddings, seed {seed}" for seed in (1337, 42)
    ]


def test_at_the_papers_size_the_control_is_asked_for_where_the_rule_says() -> None:
    """Of the one task that was registered, on which every seed counts."""
    study, store = Study.load("mpnet-glue"), Store(REPOSITORY / "results")
    records = on_record(study, store)
    others = {(t, seed) for t, of in records.items() for seed in answerable(of) if t != "SST-2"}
    assert others == {("STS-B", 1337), ("STS-B", 166), ("MRPC", 166)}, "as section 6 says"
    of_task = records["SST-2"]
    assert [*study.entries("control")] == [("SST-2", seed) for seed in answerable(of_task)]
    assert answerable(of_task) == [*study.seeds]
    for seed, record in of_task.stage("finetune").items():
        assert record["results"]["examples"]["train"] == 2000, f"as section 6 says: {seed}"


def test_the_control_is_asked_for_wherever_its_rule_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seed 1337 was chosen before the rule."""
    monkeypatch.chdir(REPOSITORY)
    study = Study.load("minilm-glue")
    records = on_record(study, Store(REPOSITORY / "results"))
    wanted = {(task, seed) for task, of_task in records.items() for seed in answerable(of_task)}
    assert {entry for entry in study.entries("control") if entry[1] != 1337} == wanted
    assert not {seed for _, seed in wanted} & {1337}


def test_seeds_beyond_the_study_are_counted_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    store, study = Store(REPOSITORY / "results"), Study.load("minilm-glue")
    sst2, mnli = (TaskRecords.of(study, t, store, ["control"]) for t in ("SST-2", "MNLI"))
    assert page.further(page.with_others(study, sst2, store), sst2) is None
    every = page.with_others(study, mnli, store)
    note = page.further(every, mnli)
    assert note is not None
    assert "71: 42 %, does not count" in note.text
    assert "166: 23 %, does not count" in note.text
    assert "1337:" not in note.text
    of_good = {s for s, told in zip(every, every.contrasted(), strict=True) if not told}
    assert {3, 4} <= of_good and 71 not in of_good
    for seed in {*every} - {*study.seeds}:
        found = re.search(rf" {seed}: [^;]*", note.text)
        assert found and ("the good one" in found[0]) == (seed in of_good)
    assert f"of {len(every)} seeds" in page.finding(every).text
    assert set(mnli) < set(every)
    fewer = page.with_others(study, mnli.of_seeds([1337]), store)
    assert not set(fewer) & {42, 86}, "the study's own seeds are no further ones"


def test_seeds_are_added_by_their_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, and none after two count; page and prose say how many were tried."""
    monkeypatch.chdir(REPOSITORY)
    store, study = Store(REPOSITORY / "results"), Study.load("minilm-glue")
    tried = {}
    for task in ("MNLI", "CoLA", "STS-B"):
        every = page.with_others(study, TaskRecords.of(study, task, store), store)
        order = (71, 166, 1, 2, 3, 4, 5)
        more = [seed for seed in order if seed in every]
        assert {*every} == {*study.seeds, *more} and more == [*order[: len(more)]]
        assert len(answerable(every.of_seeds({*study.seeds, *more[:-1]}))) < 2
        tried[task] = len(every)
    assert tried == {"MNLI": 10, "CoLA": 10, "STS-B": 10}
