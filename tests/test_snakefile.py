"""The graph of the book, by dry runs: what is made again, and when."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

from replication.book import one_study
from replication.book.contents import pages
from replication.files import alone
from replication.journal import Journal
from replication.runs.jobs import jobs as graph
from replication.runs.stamps import clear_stale
from replication.runs.status import inputs
from replication.store import Store
from replication.study import Study

PAGE = "book/report/glue-small/CoLA/sec5_1_stability.ipynb"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """This repository with nothing built, and a study's records of its own: glue-small's."""
    for path in REPOSITORY.iterdir():
        if path.name not in (
            "results",
            "notebooks",
            "studies",
            "_build",
            ".snakemake",
            ".git",
            "book",
        ):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "book").mkdir()
    for path in (REPOSITORY / "book").iterdir():
        if path.name not in ("report", "index.ipynb", "course"):
            (tmp_path / "book" / path.name).symlink_to(path)
    made = shutil.ignore_patterns("exercise_*", "handouts")
    shutil.copytree(REPOSITORY / "book" / "course", tmp_path / "book" / "course", ignore=made)
    for name in ("notebooks", "studies"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    for path in (REPOSITORY / "results").iterdir():
        if path.name == "glue-small":
            shutil.copytree(path, tmp_path / "results" / path.name)
        elif path.name != "quick":
            (tmp_path / "results").mkdir(exist_ok=True)
            (tmp_path / "results" / path.name).symlink_to(path)
    return tmp_path


def dry_run(
    place: Path, study: str, *targets: str, how: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--nolock",
         "--config", f"study={study}", *how.split(), "--", *targets],
        cwd=place,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def planned(place: Path, study: str, *targets: str, how: str = "") -> dict[str, list[str]]:
    """The jobs of a dry run: rule -> first outputs."""
    answer = dry_run(place, study, *targets, how=how)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    jobs: dict[str, list[str]] = {}
    told = answer.stdout + answer.stderr
    for rule, output in re.findall(
        r"^(?:local)?rule (\w+):.*?^    output: (\S+)", told, re.M | re.S
    ):
        jobs.setdefault(rule, []).append(output.rstrip(","))
    return jobs


def test_the_book_is_made_of_every_page_of_the_contents(place: Path) -> None:
    jobs = planned(place, "quick")
    named = {f"{path}.ipynb" for path in pages(REPOSITORY / "_toc.yml")}
    assert {*jobs["page"], *jobs["exercise"]} == named
    assert jobs["book"] == ["_build/html/index.html"]
    assert {stamp.split("/")[2] for stamp in jobs["job"]} == {"quick"}, "others have their records"
    tables = set(re.findall(r"report/\S+?\.csv", (REPOSITORY / "book/data.md").read_text("utf-8")))
    assert set(jobs["table"]) == {f"book/{table}" for table in tables}


@pytest.mark.parametrize("study", ["1_000", "1e3"])
def test_a_study_is_not_another_whose_name_snakemake_reads(place: Path, study: str) -> None:
    (place / "mine").mkdir()
    (place / f"mine/{study}.yaml").write_text("tasks: [CoLA]\nseeds: [1]\n", "utf-8")
    answer = dry_run(place, study, "records")
    assert answer.returncode and f"LOTTERY_STUDY={study}" in answer.stdout + answer.stderr
    stamps = planned(place, f"mine/{study}.yaml", "records")["job"]
    assert {stamp.split("/")[2] for stamp in stamps} == {study}


def test_a_page_needs_the_stamps_of_its_task_and_a_stamp_its_records(place: Path) -> None:
    """Records are decided by hash; where some are gone, so are the stamps that stood for them."""
    entries = "_build/stamps/glue-small/entries"
    stamps = [f"{entries}/CoLA/{name}" for name in ("seed-1337", "seed-42", "seed-86", "seeds")]
    others = place / entries / "SST-2"
    others.mkdir(parents=True)
    (others / "seed-42").touch()
    planned_first = sorted(planned(place, "glue-small", PAGE).pop("job"))
    assert planned_first == sorted(stamps), "of its own task alone"
    for stamp in stamps:
        (place / stamp).parent.mkdir(exist_ok=True)
        (place / stamp).touch()
    assert planned(place, "glue-small", PAGE) == {"page": [PAGE]}
    (place / "results/glue-small/CoLA/seed-42/attention.json").unlink()
    again = planned(place, "glue-small", PAGE)
    assert again == {"job": [stamps[1], stamps[3]], "page": [PAGE]}
    assert (others / "seed-42").exists(), "of another task, whose records are there"


@pytest.mark.parametrize("how", ["-n --nolock", "--unlock"])
def test_a_second_snakemake_leaves_the_stamps_of_one_that_runs(place: Path, how: str) -> None:
    """Those of tickets, above all, whose record is not gathered yet: the first waits for them."""
    stamp = place / "_build/stamps/quick/jobs/CoLA/seed-1337/tickets-good"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *how.split(), "records",
               "--config", "study=quick", "singly=1"]  # fmt: skip
    with alone(place / "_build/stamps/quick/running"):
        answer = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert stamp.exists()


def test_a_dry_run_does_not_pass_for_one_that_runs(place: Path) -> None:
    """Beside one that seems to run, a real one would leave its own stale stamps where they are."""
    assert planned(place, "glue-small", "records")["job"]
    assert not (place / "_build/stamps").exists(), "where a lock would have been"


def test_a_ticket_that_waits_to_be_gathered_is_not_sent_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, folder = Study.load("glue-small"), place / "_build/stamps/glue-small"
    jobs = graph(study, singly=True)
    for name in jobs:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    monkeypatch.chdir(place)
    store, entry = Store(), ("CoLA", 42, "tickets")
    key = study.key(*entry)
    found, masks = (
        (store.read(key) or {})["results"]["tickets"],
        inputs(study, *entry, store, (42,)),
    )
    store.path(key).unlink()
    for ticket, of, written in (
        ("good", masks, found["good"]),
        ("random", masks, "what another version of the code found"),
        ("bad", "other masks", found["bad"]),
    ):
        path = store.scratch(key, f"tickets-{ticket}.jsonl")
        Journal(path, study.stamp("tickets", "CoLA", of, ticket)).append([{}, written])
    planned(place, "glue-small", "records", how="singly=1")
    left = {name for name in jobs if (folder / name).exists()}
    named = {f"jobs/CoLA/seed-42/tickets-{ticket}" for ticket in ("good", "random", "bad")}
    assert named & left == {"jobs/CoLA/seed-42/tickets-good"}
    assert "records/CoLA/seed-42/tickets" not in left


def test_who_runs_waits_for_who_only_looks(tmp_path: Path) -> None:
    """Else nobody is kept from the stamps of the one that runs."""
    run = """if True:
        import sys
        from pathlib import Path
        from replication.runs.stamps import clear_stale
        held = clear_stale(Path(sys.argv[1]), [], runs=True)
        sys.stdin.read()
        print(*Path(sys.argv[1]).glob(".running.lock"))
    """
    with alone(tmp_path / "clearing"), alone(tmp_path / "running"):
        command = [sys.executable, "-c", run, str(tmp_path)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        other = subprocess.Popen(command, text=True, **pipes)
        time.sleep(5)
    said, _ = other.communicate(timeout=60)
    assert ".running.lock" in said


def test_jobs_of_kubernetes_leave_stamps_where_they_are_looked_for(place: Path) -> None:
    """A dry run with the profile, its folder apart: a record that is gone is computed again."""
    profile = yaml.safe_load((place / "profiles/kubernetes/config.yaml").read_text("utf-8"))
    assert f"workdir={profile['default-storage-prefix']}" in profile["config"]
    for name in ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_fs"):
        pytest.importorskip(name, reason="the profile needs this plugin")
    study, folder = Study.load("glue-small"), place / "_build/stamps/glue-small"
    for name in graph(study, singly=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()

    def jobs() -> set[str]:
        command = [
            "-m",
            "snakemake",
            "--profile",
            "profiles/kubernetes",
            "-n",
            "--nolock",
            "records",
        ]
        apart = ["--default-storage-prefix", str(place), "--config", "study=glue-small"]
        settings = ["singly=1", "device=cuda", "threads=4", f"workdir={place}"]
        answer = subprocess.run(
            [sys.executable, *command, *apart, *settings],
            cwd=place,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        told = answer.stdout + answer.stderr
        return set(re.findall(r"output: \S+/glue-small/(\S+) \(", told))

    first = jobs()
    (place / "results/glue-small/CoLA/seed-42/attention.json").unlink()
    assert jobs() - first == {"jobs/CoLA/seed-42/attention"}


def test_snakemake_keeps_others_from_its_stamps_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "stale").touch()
    hold = """if True:
        import sys
        from pathlib import Path
        from replication.runs.stamps import clear_stale
        held = clear_stale(Path(sys.argv[1]), ["stale"], runs=sys.argv[2] == "run")
        print("ready", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", hold, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    for what, left in (("look", False), ("run", True)):
        with subprocess.Popen([*command, what], **pipes) as other:
            assert other.stdout and other.stdout.readline()
            (tmp_path / "stale").touch()
            clear_stale(tmp_path, ["stale"], runs=False)
            other.communicate()
        assert (tmp_path / "stale").exists() == left
    clear_stale(tmp_path, ["stale"], runs=False)
    assert not (tmp_path / "stale").exists(), "nobody runs any more"


def test_a_page_of_committed_records_is_made_again_when_they_or_its_notebook_change(
    place: Path,
) -> None:
    assert planned(place, "quick", PAGE) == {"page": [PAGE]}, "it asks for nothing of quick"
    derived = "results/glue-small-0123abcd/CoLA/seed-42"  # as with other draws of its tickets
    shutil.copytree(place / "results/glue-small/CoLA/seed-42", place / derived)
    page = place / PAGE
    page.parent.mkdir(parents=True)
    page.write_text("{}", "utf-8")
    assert planned(place, "quick", PAGE) == {}
    for wrong in (time.time() + 1e6, 0):  # by a clock that was ahead, or none: all seems older
        os.utime(page, (wrong, wrong))
        assert planned(place, "quick", PAGE) == {"page": [PAGE]}
    page.write_text("{}", "utf-8")
    sources = (
        "notebooks/sec5_1_stability.ipynb",
        "results/glue-small/CoLA/seed-42/search.json",
        f"{derived}/tickets.json",
        "studies/glue-small.yaml",
    )
    for source in map(place.joinpath, sources):
        made, later = page.stat().st_mtime, page.stat().st_mtime + 10
        os.utime(source, (later, later))
        assert planned(place, "quick", PAGE) == {"page": [PAGE]}, source
        os.utime(source, (made - 10, made - 10))


def test_elsewhere_a_job_is_one_training_and_records_are_gathered_here(place: Path) -> None:
    """The jobs are those of `replication.runs.jobs`, which names what each of them waits for."""
    study = Study.load("mpnet-glue")
    jobs = planned(place, "mpnet-glue", "records", how="singly=1 device=cuda")
    names = {f"_build/stamps/mpnet-glue/{name}": name for name in graph(study, singly=True)}
    assert {names[stamp] for rule in ("job", "record") for stamp in jobs[rule]} == {*names.values()}
    assert {stamp.split("/")[3] for stamp in jobs["record"]} == {"records"}
    assert set(jobs) == {"job", "record"}, "no page"


STUDY = """\
backbone: bundled
data: mini
tasks: [RTE]
seeds: [7]
magnitude_tasks: []
"""


@pytest.mark.parametrize(("given", "computes"), [("mine.yaml", True), ("glue-small", False)])
def test_a_book_of_one_study_has_its_pages_and_those_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch, given: str, computes: bool
) -> None:
    """glue-small's files are not at hand: what is on record is shown, and nothing computed."""
    (place / "mine.yaml").write_text(STUDY, "utf-8")
    monkeypatch.chdir(place)
    site = one_study.write(given, Store())
    monkeypatch.setenv("HOME", str(place))
    jobs = planned(place, given, how=f"site=~/{site}")
    assert set(jobs["page"]) == {f"{path}.ipynb" for path in pages(site / "_toc.yml")}
    assert jobs["book"] == [f"{place}/{site}/_build/html/index.html"]
    assert set(jobs) == {"page", "book", *(["job"] if computes else [])}
    assert all("/mine/" in stamp for stamp in jobs.get("job", []))


@pytest.mark.parametrize("given", ["1_000", "it's/2024_11_26.yaml"])
def test_make_hands_over_a_study_as_it_is_called(place: Path, given: str) -> None:
    """Snakemake makes a number of what looks like one, and a shell has quotation marks."""
    file = place / (given if given.endswith(".yaml") else f"named/{given}.yaml")
    file.parent.mkdir()
    file.write_text(STUDY, "utf-8")
    if given == "1_000":
        shutil.rmtree(place / "studies")
        file.parent.rename(place / "studies")
    programs = place / "bin"
    programs.mkdir()
    for program, command in {"python": "", "snakemake": "-m snakemake --summary"}.items():
        (programs / program).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        (programs / program).chmod(0o755)
    answer = subprocess.run(
        ["make", "book", f"STUDY={given}", f"BIN={programs}", "-o", "setup"],
        cwd=place,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"_build/books/{file.stem}/_build/html" in answer.stdout
    assert f"_build/stamps/{file.stem}/" in answer.stdout
