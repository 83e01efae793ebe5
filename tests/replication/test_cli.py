"""The `lottery` command: what it says, where, and with which exit status."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import refused

from lottery_utils import training
from replication import cli
from replication.runs import run
from replication.store import Key, Store
from replication.study import Study

ONE_ENTRY = ["--task", "CoLA", "--seed", "1337"]
SWEEP = ["sweep", "tiny", "--task", "CoLA", "--seed", "1337", "--rates", "1e-3", "3e-3"]


def test_run_then_status(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "tiny", *ONE_ENTRY]) == 0
    said = capsys.readouterr().out
    assert said.count("missing") == 4
    assert "0 of 4 records are done.\nTo compute the rest: 'lottery run'" in said

    assert cli.main(["run", "tiny", *ONE_ENTRY, "--device", "cpu", "--threads", "1"]) == 0
    said = capsys.readouterr()
    *warned, last = said.out.splitlines()
    assert last == "Study tiny: all records are in results/tiny."
    (search,) = workplace.glob("results/tiny/CoLA/seed-1337/search.json")
    warning = json.loads(search.read_text("utf-8"))["results"]["warning"]
    assert warning, "so small a model learns nothing"
    assert warned == [f"CoLA, seed 1337: {warning}"]
    for part in ("fine-tune", "search", "retrain the bad ticket", "to go", "done in"):
        assert part in said.err, "progress goes to stderr"
    for part in ("magnitude search", "retrain the largest_removed ticket"):
        assert part in said.err
    assert len(list(workplace.glob("results/tiny/CoLA/seed-1337/*.json"))) == 4

    assert cli.main(["status", "tiny", *ONE_ENTRY]) == 0
    said = capsys.readouterr().out
    assert said.count(" done") == 4 + 1
    assert "4 of 4 records are done.\n" in said
    assert "To compute the rest" not in said

    assert cli.main(["run", "tiny", *ONE_ENTRY]) == 0
    assert capsys.readouterr().err == "", "nothing was left to do"


def test_status_lists_every_entry(tiny_run: Path, finished: Path, capsys: Any) -> None:
    assert cli.main(["status", "tiny"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:7]] == [
        [task, seed] for task in ("CoLA", "STS-B", "RTE") for seed in ("1337", "42")
    ]
    assert lines[-1] == "Study tiny: 24 of 24 records are done."
    assert cli.main(["status", "tiny", "--set", "variant=release", "--seed", "42"]) == 0
    assert "0 of 12 records are done" in capsys.readouterr().out


def test_status_has_a_dash_where_there_is_nothing_to_do(finished: Path, capsys: Any) -> None:
    def rows(choice: str) -> list[list[str]]:
        assert cli.main(["status", "tiny", "--set", f"magnitude_tasks={choice}"]) == 0
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    some = rows("[RTE]")
    assert some[0][-1] == "magnitude"
    assert [row[-1] for row in some[1:7]] == ["-"] * 4 + ["done"] * 2
    assert some[7] == "Study tiny: 20 of 20 records are done.".split()
    none = rows("[]")
    assert none[0] == ["task", "seed", "finetune", "search", "tickets"]
    assert none[7] == "Study tiny: 18 of 18 records are done.".split()


def test_what_changes_numbers_goes_to_a_folder_of_its_own(
    workplace: Path, tiny_backbone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*ONE_ENTRY, "--set", "train_size=16", "--set", "recipe.learning_rate=1e-3"]
    assert cli.main(["run", "tiny", *options, "--backbone", str(tiny_backbone)]) == 0
    name = capsys.readouterr().out.split()[1].rstrip(":")
    assert name.startswith("tiny-")
    assert [p.name for p in (workplace / "results").iterdir()] == [name]
    kept = Study.load(name)
    assert (kept.train_size, kept.recipe.learning_rate) == (16, 1e-3)


def test_records_can_be_kept_elsewhere(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    assert cli.main(["status", "tiny", "--results-dir", str(elsewhere)]) == 0
    assert "0 of 24" in capsys.readouterr().out
    (finished / "results").rename(elsewhere)
    assert cli.main(["status", "tiny", "--results-dir", str(elsewhere)]) == 0
    assert "24 of 24" in capsys.readouterr().out


def sweep_record() -> dict[str, Any]:
    record = Store().read(Key("tiny-sweep", "CoLA", None, "sweep"))
    assert record is not None
    return record


def test_a_sweep_scores_rates_on_held_out_training_data(workplace: Path) -> None:
    assert cli.main([*SWEEP, "--device", "cpu"]) == 0
    results = sweep_record()["results"]
    assert [(run["learning_rate"], run["seed"]) for run in results["runs"]] == [
        (1e-3, 1337),
        (3e-3, 1337),
    ]
    assert results["examples"] == {"fit": 48, "held_out": 16}
    assert {(run["batch_size"], run["epochs"]) for run in results["runs"]} == {(4, 1)}
    assert len({run["loss"] for run in results["runs"]}) == 2
    assert "learning_rate" not in sweep_record()["config"]["recipe"]


def test_a_sweep_is_made_once_and_again_for_other_questions(workplace: Path) -> None:
    common = ["--device", "cpu", "--set", "train_size=16"]
    path = workplace / "results"

    def sweep(*arguments: str) -> str:
        assert cli.main([*arguments, *common]) == 0
        (record,) = path.glob("*-sweep/CoLA/sweep.json")
        return record.read_text("utf-8")

    first = sweep(*SWEEP)
    assert sweep(*SWEEP) == first
    other_seed = [argument.replace("1337", "42") for argument in SWEEP]
    assert {run["seed"] for run in json.loads(sweep(*other_seed))["results"]["runs"]} == {42}
    rates = json.loads(sweep(*other_seed, "1e-2"))["results"]["runs"]
    assert [run["learning_rate"] for run in rates] == [1e-3, 3e-3, 1e-2]
    grid = json.loads(sweep(*SWEEP, "--batch-sizes", "4", "8", "--epochs", "1", "2"))
    tried = [(r["learning_rate"], r["batch_size"], r["epochs"]) for r in grid["results"]["runs"]]
    assert sorted(tried) == list(itertools.product((1e-3, 3e-3), (4, 8), (1, 2)))


def test_what_may_stay_is_not_said_to_be_replaced(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search that is gone comes out the same, and so its tickets count again."""
    (tickets,) = Path("results").glob("tiny/CoLA/seed-1337/tickets.json")
    before = tickets.read_bytes()
    tickets.with_name("search.json").unlink()
    assert cli.main(["run", "tiny", *ONE_ENTRY, "--device", "cpu", "--threads", "1"]) == 0
    assert tickets.read_bytes() == before
    said = capsys.readouterr().err
    assert "tickets.json where the search, which is computed first, comes out otherwise" in said
    assert "from another" not in said


def test_what_is_replaced_is_said_before_it_is(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other settings of a file, other seeds, other recipes: each once, in one sentence."""

    def said(*command: str) -> str:
        """What the command says first, and never again."""
        before = {path: path.read_bytes() for path in Path("results").rglob("*.json")}
        assert cli.main([*command, "--device", "cpu", "--threads", "1"]) == 0
        lines = [one for one in capsys.readouterr().err.splitlines() if "are replaced (" in one]
        assert len(lines) <= 1
        lost = [path for path, text in before.items() if path.read_bytes() != text]
        assert bool(lost) == bool(lines)
        return "".join(lines).partition("): ")[2].replace("results/tiny", "")

    survivors = ["run", "tiny", "--task", "CoLA", "--set", "followups={survivors: [CoLA]}"]
    assert said(*survivors) == "", "nothing was there"
    assert said(*survivors, "--seed", "42", "--seed", "7") == (
        "/CoLA/seed-42/survivors.json from the seeds 1337, 42"
    )
    assert said(*SWEEP) == "", "nothing was there"
    assert said(*SWEEP[:5], "42", "--rates", "1e-3") == "-sweep/CoLA/sweep.json from the seeds 1337"
    assert said(*SWEEP[:5], "42", "--rates", "3e-3") == "-sweep/CoLA/sweep.json of other recipes"
    path = Path("studies/tiny.yaml")
    path.write_text(path.read_text("utf-8").replace("threshold: 1.0", "threshold: 0.9"), "utf-8")
    assert said("run", "tiny", *ONE_ENTRY) == (
        "/CoLA/seed-1337/search.json and 2 more with other settings"
    )


def test_a_sweep_that_is_interrupted_goes_on(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = training.finetune, list[float]()

    def finetune(model: Any, examples: Any, recipe: Any, **how: Any) -> Any:
        calls.append(recipe.learning_rate)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(model, examples, recipe, **how)

    monkeypatch.setattr(training, "finetune", finetune)
    command = [*SWEEP, "--device", "cpu", "--set", "train_size=16"]
    assert cli.main(command) == 130
    assert cli.main(command) == 0
    assert calls == [1e-3, 3e-3, 3e-3], "the first is not trained again"
    (record,) = Path("results").glob("*-sweep/CoLA/sweep.json")
    runs = json.loads(record.read_text("utf-8"))["results"]["runs"]
    assert [run["learning_rate"] for run in runs] == [1e-3, 3e-3]
    assert not [*Path(".cache").rglob("sweep*.jsonl")]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", "tiny", "--task", "cola"], "Unknown task 'cola'.*did you mean 'CoLA'"),
        (["run", "tinny"], "Unknown study 'tinny'.*tiny"),
        (["run", "tiny", "--set", "recipe.epoch=1"], "did you mean 'recipe.epochs'"),
        (
            ["run", "tiny", "--set", "recipe.epochs=many"],
            "should be a positive whole number, not 'many'",
        ),
        (["run", "tiny", "--data", "gleu"], "Unknown data source 'gleu'"),
        (["run", "tiny", "--data", "local:nowhere"], "no folder nowhere/CoLA"),
        (["run", "tiny", "--backbone", "nowhere"], "Unknown backbone 'nowhere'"),
        (["run", "tiny", "--seed", "-1"], "seed"),
        (["run", "tiny", *ONE_ENTRY, "--threads", "0"], "threads"),
        ([*SWEEP, "--device", "gpu"], "device 'gpu' cannot be used here"),
        ([*SWEEP, "-1"], "rate"),
        ([*SWEEP, "--batch-sizes", "0"], "batch"),
        ([*SWEEP, "--epochs", "0"], "epochs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_2(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    assert re.search(what, refused(capsys, *arguments))


@pytest.mark.parametrize("what", ["control", "sensitivity", "quirks"])
def test_seeds_that_the_study_has_not_ask_for_nothing_and_are_refused(
    workplace: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    for seeds in ("[9]", "[1337, -1]", "{CoLA: [9]}"):
        for change in (f"followups.{what}_seeds={seeds}", f"followups={{{what}_seeds: {seeds}}}"):
            said = refused(capsys, "run", "tiny", "--set", change)
            assert "some of the study's seeds, 1337, 42, and" in said
    asked = f"followups={{{what}: [CoLA], {what}_seeds: {{CoLA: [9]}}}}"
    for seeds in (["--seed", "9"], ["--set", "seeds=[9]"], ["--seed", "42", "--seed", "9"]):
        assert cli.main(["status", "tiny", "--task", "CoLA", *seeds, "--set", asked]) == 0
        assert f"{what}".ljust(16) + "  0 of 1 done" in capsys.readouterr().out
    narrowed = asked.replace("[9]", "[1337, 42]")
    assert cli.main(["status", "tiny", "--seed", "42", "--set", narrowed]) == 0


@pytest.mark.parametrize("change", ["recipe.epochs", "recipe.epochs=[1"])
def test_a_change_that_cannot_be_read_is_a_mistake_of_usage(
    workplace: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "tiny", "--set", change])
    assert stopped.value.code == 2
    assert change in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("device", ["gpu", "meta", "mps:7", "cpu:3", "xla", "cuda:99"])
def test_a_device_that_computes_nothing_is_one_line(
    workplace: Path, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    """`meta` makes tensors without numbers, and a second CPU is the first."""
    assert f"device {device!r} cannot be used here" in refused(
        capsys, "run", "tiny", "--device", device
    )
    assert not Path("results").exists()


def test_training_that_diverges_is_one_line(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["--set", "recipe.learning_rate=1e30", "--set", "train_size=16"]
    line = refused(capsys, "run", "tiny", *ONE_ENTRY, *changes)
    assert line.startswith("lottery: Training diverged") and "choose a smaller one" in line
    left = [path for path in workplace.glob("results/*/CoLA/**/*") if path.is_file()]
    assert not left, "no record of a failure, and no lock"


def test_an_interruption_says_how_to_go_on(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "ensure", interrupt)
    assert cli.main(["run", "tiny"]) == 130
    assert capsys.readouterr().err == "lottery: interrupted; the same command goes on from here.\n"


def test_the_command_works_from_a_shell(finished: Path) -> None:
    command = [str(Path(sys.executable).with_name("lottery"))]
    if not Path(command[0]).exists():
        command = [sys.executable, "-m", "replication.cli"]

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd=finished, env=os.environ
        )

    good = call("status", "tiny")
    assert (good.returncode, good.stderr) == (0, "")
    assert "24 of 24 records are done" in good.stdout
    bad = call("run", "tiny", "--task", "RTEE")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("lottery: Unknown task 'RTEE'")
    assert bad.stderr.count("\n") == 1


def test_a_terminal_without_letters_gets_the_table(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (
        "data: csv\ntasks: [Gef\u00fchl]\nseeds: [1]\nown_tasks: {Gef\u00fchl: {labels: [a, b]}}\n"
    )
    (workplace / "studies" / "gef.yaml").write_text(own, "utf-8")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    assert cli.main(["status", "gef", "--set", "backbone=bundled"]) == 0
    sys.stdout.flush()
    assert b"Gef?hl" in written.getvalue()


def test_records_lie_at_home_where_they_should(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(finished))
    assert cli.main(["status", "tiny", "--results-dir=~/results"]) == 0
    assert "24 of 24 records are done" in capsys.readouterr().out
    assert cli.main(["export", "tiny", "--results-dir=~/results", "--out=~/all.csv"]) == 0
    assert (finished / "all.csv").is_file()
    assert not (finished / "~").exists()


def test_what_may_not_be_read_is_one_line(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root tests may read everything, the system says no by proxy."""

    def refuse(path: Any, *_args: Any, **_kwargs: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    for at in ("scandir", "stat", "open"):
        with monkeypatch.context() as patch:
            patch.setattr(io if at == "open" else os, at, refuse)
            assert "Permission denied" in refused(capsys, "export", "tiny")


def test_whoever_has_read_enough_hears_no_complaint(workplace: Path) -> None:
    """`lottery status | head -1`: the pipe is closed while, or before, we write to it."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "replication.cli", "status", "tiny"]
    told = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("to", ["stdout", "stderr"])
def test_work_that_nobody_reads_of_ends_as_not_done(to: str, finished: Path) -> None:
    """`lottery run STUDY 2>&1 | head -1` ends where progress cannot be printed."""
    reader, writer = os.pipe()
    os.close(reader)
    again = [] if to == "stdout" else ["--set", "train_size=16"]
    command = [sys.executable, "-m", "replication.cli", "run", "tiny", *ONE_ENTRY, *again]
    pipes: dict[str, Any] = {"stdout": writer, "stderr": subprocess.PIPE}
    if to == "stderr":
        pipes["stderr"] = writer
    ended = subprocess.run(command, **pipes, text=True, check=False)
    os.close(writer)
    assert ended.returncode == 141
    assert (ended.stderr or "").count("\n") == (to == "stdout")


def test_output_that_cannot_be_written_is_one_sentence(workplace: Path) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("there is no /dev/full here: a disk that is always full")
    command = [sys.executable, "-m", "replication.cli", "status", "tiny"]
    buffered = {name: of for name, of in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=buffered, check=False
        )
    assert told.returncode == 2
    assert told.stderr.count("\n") == 1 and "what this command prints: No space" in told.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--set", "train_size=5", "--set", "train_size=6"],
        ["--set", "recipe.epochs=2", "--set", "recipe={epochs: 3}"],
        ["--data", "mini", "--set", "data=mini"],
    ],
)
def test_a_key_that_is_given_twice_is_refused(
    workplace: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert "is given twice" in refused(capsys, "status", "tiny", *options)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        *((c, o) for c in ("run", "export", "fetch") for o in ("--data", "--backbone", "--task")),
        *(("run", o) for o in ("--device", "--cache-dir", "--results-dir", "--stage", "--ticket")),
        ("export", "--out"),
    ],
)
def test_an_option_of_nothing_is_refused(
    workplace: Path, capsys: pytest.CaptureFixture[str], command: str, option: str
) -> None:
    """Of a shell's variable that is not set: not the same as no option."""
    assert refused(capsys, command, "tiny", option, "").startswith(f"lottery: {option} is empty")
    assert "STUDY is empty" in refused(capsys, command, "")
    assert sorted(path.name for path in workplace.iterdir()) == ["studies"]


def test_one_ticket_is_computed_or_gathered_and_not_both(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "tiny", "--stage", "tickets", "--ticket", "good", "--gather"]
    assert cli.main(asked) == 2
    assert "exclude each other" in capsys.readouterr().err
