"""Tickets that did not train, tried again at other learning rates."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from lottery_utils import data
from lottery_utils.errors import UserError
from replication.experiments import rates
from replication.experiments.answers import read_answers, untrained
from replication.experiments.entry import Entry
from replication.experiments.parts import Parts
from replication.followups import FollowUps
from replication.progress import Progress
from replication.runs import run, table
from replication.runs import status as fresh
from replication.runs.schema import record_schema
from replication.store import Key, Store
from replication.study import Study

SEED = 42
UNTRAINED = {"structured": ["bad"], "magnitude": ["random", "largest_removed"]}


@pytest.fixture
def entry(answered_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    folder = tmp_path / "answered"
    shutil.copytree(answered_run, folder, ignore=shutil.ignore_patterns(".cache"))
    monkeypatch.chdir(folder)
    more = data.load_examples("CoLA", "mini", validation_size=90)["validation"][-50:]
    monkeypatch.setattr(data, "left_out_examples", lambda *_: more)
    study = Study.load("answered")
    return Entry(study, "CoLA", SEED, Store(), torch.device("cpu"), Progress("t", 9, quiet=True))


def read(stage: str, task: str = "CoLA") -> dict[str, Any]:
    found = Store().read(Key("answered", task, SEED, stage))
    return found["results"]  # type: ignore[no-any-return]


def computed(entry: Entry, kinds: dict[str, list[str]]) -> dict[str, Any]:
    """What the stage finds of these tickets, by method."""
    made_from = {"untrained": kinds}
    entry.parts = Parts(entry, "rates", made_from)
    return dict(rates.compute(entry, made_from))


def test_what_did_not_train_is_retrained_at_both_rates(entry: Entry) -> None:
    found = computed(entry, UNTRAINED)["tickets"]
    assert {method: [*kinds] for method, kinds in found.items()} == UNTRAINED
    for kinds in found.values():
        for of_rates in kinds.values():
            assert [one["learning_rate"] for one in of_rates.values()] == [5e-4, 2e-3]
            for one in of_rates.values():
                n = {split: len(text) for split, text in one["predictions"].items()}
                assert n == {"validation": 40, "held_out": 50}
                assert set(one["held_out"]) == {"matthews"}
    half, twice = (found["structured"]["bad"][name]["loss"] for name in rates.FACTORS)
    assert half != twice


def test_at_the_rate_of_the_study_it_is_the_ticket_on_record(
    entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Masks, seed, recipe and examples are those of the record: only the rate is another."""
    monkeypatch.setattr(rates, "FACTORS", {"same": 1.0})
    found = computed(entry, UNTRAINED)["tickets"]
    for method, stage in (("structured", "tickets"), ("magnitude", "magnitude")):
        for kind in UNTRAINED[method]:
            one, known = found[method][kind]["same"], read(stage)["tickets"][kind]
            assert one["score"] == known["retrained"]
            assert [*map(list, one["loss"])] == known["loss"]
            assert one["predictions"] == known["answers"]["retrained"]["predictions"]


def test_an_interrupted_stage_goes_on(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, trained = computed(entry, UNTRAINED), []
    kept = sorted(entry.store.scratch(entry.key("rates"), "").glob("rates-*.jsonl"))
    assert len(kept) == 6
    for path in kept[:2]:
        path.unlink()
    train = Entry.train_model
    monkeypatch.setattr(
        Entry, "train_model", lambda *a, **k: (trained.append(a[2]), train(*a, **k))[1]
    )

    def without_times(results: dict[str, Any]) -> list[Any]:
        kinds = [kind for of_method in results["tickets"].values() for kind in of_method.values()]
        every = [{**one, "seconds": 0} for kind in kinds for one in kind.values()]
        return json.loads(json.dumps(every))  # type: ignore[no-any-return]

    assert without_times(computed(entry, UNTRAINED)) == without_times(whole)
    assert len(trained) == 2


def test_nothing_untrained_is_an_empty_record(entry: Entry) -> None:
    nothing: dict[str, list[str]] = {"structured": [], "magnitude": []}
    found = computed(entry, nothing)
    assert found == {"tickets": {"structured": {}, "magnitude": {}}}


@pytest.mark.parametrize("task", ["CoLA", "STS-B"])
def test_untrained_tickets_are_found_on_record(entry: Entry, task: str) -> None:
    graded, labels = task == "STS-B", read("finetune", task)["labels"]
    for stage in ("tickets", "magnitude"):
        tickets = read(stage, task)["tickets"]
        failed = untrained(tickets, labels, graded=graded)
        for kind, ticket in tickets.items():
            texts = ticket["answers"]["retrained"]["predictions"]
            answers = [float(a) for t in texts.values() for a in read_answers(t, graded=graded)]
            if not graded:
                assert (kind in failed) == (len(set(answers)) == 1)
            elif ticket["retrained"] < 0:
                assert kind in failed


def test_the_stage_follows_what_is_on_record(entry: Entry) -> None:
    """As `lottery run` makes it: of both methods, up to date, in the table of scores."""
    study = replace(entry.study, tasks=("CoLA",), followups=FollowUps(rates=None))
    run.ensure(study, Store(), ["rates"], device="cpu", threads=1, quiet=True)
    labels = read("finetune")["labels"]
    expected = {
        method: list(untrained(read(stage)["tickets"], labels, graded=False))
        for method, stage in (("structured", "tickets"), ("magnitude", "magnitude"))
    }
    results = read("rates")
    assert results["made_from"]["untrained"] == expected
    assert {m: [*kinds] for m, kinds in results["tickets"].items()} == expected
    assert fresh.status(study, "CoLA", SEED, "rates", Store()) == "done"
    jsonschema.validate(Store().read(Key("answered", "CoLA", SEED, "rates")), record_schema())
    rows = [*table.ROWS["rates"](results, {})]
    assert len(rows) == 2 * sum(map(len, expected.values())) > 0


def test_a_study_without_answers_is_refused() -> None:
    """Before anything is computed."""
    with pytest.raises(UserError, match=r"followups\.rates should be .* held_out is true"):
        Study("mine", ("CoLA",), (1,), followups=FollowUps(rates=("CoLA",)))
