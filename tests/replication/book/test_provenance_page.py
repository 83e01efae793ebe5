"""A page says what it was made from, how much of its study that is, and what it cannot bear."""

from __future__ import annotations

from pathlib import Path

import pytest
from by_hand import with_warnings

from lottery_utils.errors import UserError
from replication.book import provenance
from replication.book.provenance import Sources
from replication.runs import records
from replication.runs.records import TaskRecords
from replication.stages import STAGES
from replication.store import Key, Store
from replication.study import Study

SEEDS = (1337, 42)


def all_of(entries: TaskRecords) -> Sources:
    store = Store()
    records = [record for stages in entries.values() for record in stages.values()]
    store.seen = {Path(str(i)): record for i, record in enumerate(records)}
    return Sources(store)


def test_sources_list_every_record(every: dict[str, TaskRecords]) -> None:
    html = all_of(every["STS-B"])._repr_html_()
    for seed in SEEDS:
        for stage in STAGES:
            assert f"tiny/STS-B/seed-{seed}/{stage}.json" in html
            assert every["STS-B"][seed][stage]["hash"] in html
    assert "Made from 8 records, computed 2" in html
    size = every["STS-B"][42]["finetune"]["config"]["train_size"]
    assert f"; {size:,} training examples a task</summary>" in html
    assert f"tiny/STS-B/seed-42/{STAGES[0]}.json" in repr(all_of(every["STS-B"]))


def test_sources_count_the_records_of_each_machine(every: dict[str, TaskRecords]) -> None:
    made = all_of(every["STS-B"])
    assert " on cpu; " in made.summary
    first, *_ = made.records
    card = first | {"provenance": first["provenance"] | {"device": "NVIDIA H200"}}
    made.records[0] = card
    assert " on cpu (7) and NVIDIA H200 (1); " in made.summary


def test_sources_are_what_was_read(every: dict[str, TaskRecords], tiny_run: Path) -> None:
    store = Store(tiny_run / "results")
    assert Sources(store).summary == "no records"
    records.load(Study.load(tiny_run / "studies" / "tiny.yaml"), "RTE", [42], store=store)
    read = {row.split(" | ")[0] for row in repr(Sources(store)).splitlines()}
    assert read == {f"tiny/RTE/seed-42/{stage}.json" for stage in STAGES}


def test_a_page_lacks_only_what_it_shows(finished: Path) -> None:
    shown = ("finetune", "search", "tickets")
    assert provenance.standing("tiny") is None
    Store().path(Key("tiny", "STS-B", 42, "magnitude")).unlink()
    assert provenance.standing("tiny", stages=shown) is None
    lacking = provenance.standing("tiny")
    assert lacking is not None and "STS-B: seed 42 (magnitude)" in lacking.text
    assert "6 of 6" in lacking.text and "of heads and MLPs" in lacking.text, "what is counted"
    for stage in shown:
        Store().path(Key("tiny", "CoLA", 42, stage)).unlink()
    lacking = provenance.standing("tiny", stages=shown)
    assert lacking is not None and "5 of 6" in lacking.text
    assert "Missing: CoLA: seed 42. " in lacking.text


def test_a_meaningless_rule_is_a_warning(every: dict[str, TaskRecords]) -> None:
    warned = provenance.warnings(with_warnings(every, {42})["CoLA"])
    assert warned.kind == "warning"
    assert "Seed 42: The full model" in warned.text
    assert "Seed 1337" not in warned.text
    assert provenance.warnings(with_warnings(every, set())["CoLA"]) is None


def test_undefined_scores_of_the_control_and_of_embeddings_count() -> None:
    def counted(*also: str) -> str:
        entries = records.load("minilm-glue", "CoLA", [1337], also=list(also))["CoLA"]
        note = provenance.warnings(entries)
        return note.text if note else ""

    assert counted() == ""
    assert "(8 scores: all predictions are the same)" in counted("control", "embeddings")
    assert "(embeddings without a mean, mean of embeddings: " in counted("embeddings")


def test_an_undefined_score_is_a_sentence(every: dict[str, TaskRecords]) -> None:
    entries = with_warnings(every, set())["CoLA"]
    why = "all predictions are the same"
    entries[42]["finetune"]["results"]["undefined"] = {"full": why}
    entries[42]["tickets"]["results"]["tickets"]["bad"]["undefined"] = {"retrained": why}
    largest = entries[42]["magnitude"]["results"]["tickets"]["largest_removed"]
    largest["undefined"] = {"pruned": why}
    note = provenance.warnings(entries)
    assert (note.kind, note.text) == (
        "warning",
        f"Seed 42: Matthews correlation is undefined and counted as 0 (full model, "
        f"bad retrained, bad (largest removed) pruned: {why}).",
    )
    largest["undefined"]["retrained"] = why
    assert f"(4 scores: {why})" in provenance.warnings(entries).text, "one reason, once"
    alone = provenance.warnings(
        {s: {k: r for k, r in e.items() if k != "magnitude"} for s, e in entries.items()}
    )
    assert "largest removed" not in alone.text
    assert "bad retrained" in alone.text


def test_a_user_error_is_one_sentence_in_a_notebook(workplace: Path) -> None:
    with pytest.raises(UserError) as caught:
        records.load("tiny", "SST2")
    (line,) = caught.value._render_traceback_()
    assert line.startswith("UserError: Unknown task 'SST2'")
