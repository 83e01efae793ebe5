"""A study as jobs: the graph, its schedule, and one training at a time giving the same records."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import running
from hypothesis import given, settings
from hypothesis import strategies as st
from running import without_seconds

from replication.cli import main
from replication.experiments import embeddings, unfinished
from replication.experiments.parts import Parts
from replication.followups import FollowUps
from replication.runs.jobs import START_SECONDS, Job, jobs, simulate
from replication.runs.status import in_cache
from replication.stages import PIPELINE, STAGES
from replication.store import Store
from replication.study import Study

PAPER = Study.load("bert-base-glue")
EVERYTHING = replace(
    PAPER,
    held_out=True,
    followups=FollowUps(**{name: None for name, stage in PIPELINE.items() if stage.asked}),
)


@pytest.mark.parametrize("singly", [False, True])
def test_every_record_has_its_jobs_and_every_job_waits_for_what_it_starts_from(
    singly: bool,
) -> None:
    found = jobs(EVERYTHING, singly=singly)
    asked = {(*entry, name) for name in PIPELINE for entry in EVERYTHING.entries(name)}
    made = {of for job in found.values() for of in job.records}
    assert made == {of for of in asked if not PIPELINE[of[2]].alone}
    for job in found.values():
        for before in job.after:
            assert found[before].chain >= found[before].seconds + job.chain
    if not singly:
        return
    for name, job in found.items():
        stage = job.records[0][2]
        after = PIPELINE[stage].after
        before = {of[2] for one in job.after for of in found[one].records}
        assert before <= {stage, after, "magnitude"} and (not after or before)
        if PIPELINE[stage].compares_seeds and name.startswith("jobs/"):
            assert {of[1] for one in job.after for of in found[one].records} == {*PAPER.seeds}


def test_the_table_names_the_parts_that_an_experiment_has() -> None:
    made_from = {"mask": {}, "masks": {"1": {}}}
    for name, stage in PIPELINE.items():
        if name == "released":
            continue
        experiment: Any = importlib.import_module(f"replication.experiments.{name}")
        if stage.parts:
            assert (*experiment.parts(None, made_from),) == stage.parts, name
        else:
            assert not hasattr(experiment, "parts") or name == "rates", name


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100), st.sets(st.integers(0, 20))), min_size=1), st.data())
def test_a_schedule_keeps_within_what_any_list_schedule_does(
    drawn: list[tuple[int, set[int]]], data: st.DataObject
) -> None:
    """No shorter than the longest chain, nor than all cards busy; no longer than both together."""
    graph: dict[str, Job] = {}
    for place, (seconds, befores) in enumerate(drawn):
        after = tuple(f"jobs/{before}" for before in sorted(befores) if before < place)
        graph[f"jobs/{place}"] = Job((), after, (), float(seconds))
    longest: dict[str, float] = {}
    for name, job in graph.items():
        begun = max((longest[before] for before in job.after), default=0.0)
        longest[name] = begun + job.seconds + START_SECONDS
    cards = data.draw(st.integers(1, 8))
    total = sum(job.seconds + START_SECONDS for job in graph.values())
    found = simulate(graph, cards)
    assert max(*longest.values(), total / cards) <= found.seconds + 1e-6
    assert found.seconds <= total / cards + max(longest.values()) + 1e-6
    assert found.busy == pytest.approx(total / (found.seconds * cards))


def test_more_cards_are_used_where_a_job_is_one_training() -> None:
    single, whole = (jobs(PAPER, singly=singly) for singly in (True, False))
    assert simulate(whole, 100).seconds > 5 * simulate(single, 100).seconds
    assert simulate(single, 1).busy == pytest.approx(1)


def test_jobs_one_by_one_give_the_records_of_one_run(
    workplace: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Also where a ticket's training is killed within an epoch, and then goes on."""
    study = Study.load("tiny")
    mine = {
        name: job
        for name, job in jobs(study, singly=True).items()
        if job.records[0][:2] == ("CoLA", 42)
    }

    def lottery(name: str) -> int:
        options = ["--device", "cpu", "--threads", "1", "--cache-dir", "elsewhere"]
        return main(["run", "tiny", *mine[name].arguments, *options])

    at = "jobs/CoLA/seed-42"
    assert lottery(f"{at}/finetune") == lottery(f"{at}/search") == 0
    assert lottery(f"{at}/tickets-bad") == 0
    assert lottery("records/CoLA/seed-42/tickets") == 2, "two tickets are not there"
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    keep = unfinished.Unfinished.keep

    def killed(self: Any, state: Any) -> None:
        keep(self, state)
        if state()["step"] == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr(unfinished.Unfinished, "keep", killed)
    assert lottery(f"{at}/tickets-good") == 130
    monkeypatch.setattr(unfinished.Unfinished, "keep", keep)
    assert lottery(f"{at}/tickets-good") == 0
    assert "goes on from step 9" in capsys.readouterr().err
    (journal,) = Path("elsewhere").rglob("tickets-good*.jsonl")
    file, before = Path("studies/tiny.yaml"), journal.read_bytes()
    text = file.read_text("utf-8")
    file.write_text(f"{text}draws: shared\n", "utf-8")
    assert lottery("records/CoLA/seed-42/tickets") == 2, "with these settings none is"
    file.write_text(text, "utf-8")
    assert journal.read_bytes() == before, "who gathers takes nothing away"
    for name in mine:
        assert lottery(name) == 0, name
    ours, theirs = Store(), Store(tiny_run / "results")
    for stage in STAGES:
        key = study.key("CoLA", 42, stage)
        found, expected = ours.read(key), theirs.read(key)
        assert found and expected and found["hash"] == expected["hash"]
        assert without_seconds(found["results"]) == without_seconds(expected["results"]), stage
        assert found["provenance"]["seconds"] > 0
    left = {path.name for path in Path("elsewhere").rglob("*") if path.is_file()}
    assert left == {"finetuned.safetensors", "good-weights.safetensors"}
    assert not Path(".cache").exists() and not [*Path("results").rglob(".*")]


def test_a_part_that_starts_from_no_record_is_found_in_the_cache(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the examples of the full model: of others, or without it, only computing can tell."""
    found = {"score": 0.5, "undefined": None, "loss": [[1, 0.5]], "seconds": 1.0}
    monkeypatch.setattr(embeddings, "trained", lambda *_: found)
    study = Study.load("tiny")
    _ = Parts(running.entry("CoLA", 42), "embeddings", {})["emptied"]

    def waits(part: str) -> bool:
        return in_cache(study, "CoLA", 42, "embeddings", part, Store())

    assert waits("emptied") and not waits("averaged")
    running.change("finetune", "CoLA", 42, lambda of: of.update(data_sha256="1" * 64))
    assert not waits("emptied")
    Store().path(study.key("CoLA", 42, "finetune")).unlink()
    assert not waits("emptied")


def test_a_part_that_a_stage_has_not_is_refused_in_a_sentence(finished: Path, capsys: Any) -> None:
    Store().path(Study.load("tiny").key("CoLA", 42, "tickets")).unlink()
    which = ["run", "tiny", "--task", "CoLA", "--seed", "42", "--device", "cpu"]
    for options in (
        ["--stage", "tickets", "--ticket", "largest_removed"],
        ["--stage", "survivors"],
        ["--stage", "released"],
        ["--ticket", "good"],
    ):
        assert main([*which, *options]) == 2, options
        assert capsys.readouterr().err.count("expected") == 1


def test_what_is_gathered_is_never_computed(
    finished: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stage without tickets the job that gathers only looks whether its record is there."""
    monkeypatch.setattr("replication.runs.run.compute", lambda *_: pytest.fail("it computes"))
    which = ["run", "tiny", "--task", "CoLA", "--seed", "42", "--device", "cpu", "--gather"]
    for stage in ("search", "finetune"):
        assert main([*which, "--stage", stage]) == 0, "it is on record"
        Store().path(Study.load("tiny").key("CoLA", 42, stage)).unlink()
        assert main([*which, "--stage", stage]) == 2
        assert f"--task CoLA --seed 42 --stage {stage}' first" in capsys.readouterr().err
