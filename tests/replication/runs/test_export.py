"""The records as one table, and the schema that describes a record."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import running
from conftest import REPOSITORY, printed_by
from running import refused, rewrite
from test_followups import SEED, TASK, follow_up

from lottery_utils import data
from lottery_utils.masks import StructuredMask
from replication import cli
from replication.experiments.control import STATES
from replication.followups import FollowUps
from replication.runs import table as export
from replication.runs.records import by_task
from replication.runs.run import ensure
from replication.runs.schema import record_schema
from replication.stages import FOLLOWUPS, PIPELINE, STAGES
from replication.store import SCHEMA, Key, Record, Store
from replication.study import Study

COMMITTED = sorted((REPOSITORY / "results").glob("*/**/*.json"))
PACKAGE = Path(export.__file__).parent


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def exported(**chosen: Any) -> list[dict[str, str]]:
    return table(export.to_csv(Study.load("tiny"), Store(), **chosen))


def record(stage: str, task: str = "CoLA", seed: int = 42) -> Record:
    return running.record(stage, task, seed)


@pytest.fixture(scope="module")
def followed_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """The tiny run with all follow-ups of one task: read it, never write."""
    return follow_up(tiny_run, tmp_path_factory.mktemp("followed") / "run")


# The table


def sizes(mask: dict[str, Any]) -> tuple[str, str, str, str]:
    kept = StructuredMask.from_json(mask)
    return str(kept.n_heads), "8", str(kept.n_mlps), "2"


def test_every_score_of_every_record_is_a_row(
    followed_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its value, and how much is left: of heads and MLPs, or of weights."""
    monkeypatch.chdir(followed_run)
    expected: Counter[tuple[Any, ...]] = Counter()
    nothing = ("",) * 4
    for path in followed_run.glob("results/tiny/*/*/*.json"):
        found = json.loads(path.read_text("utf-8"))
        stage, results = found["stage"], found["results"]
        place = (path.relative_to(followed_run / "results").as_posix(), stage)
        if stage not in export.ROWS:
            assert "tickets" not in results, "what trains tickets has rows"
            continue
        for value in results.get("scores", {}).values():
            expected[*place, "full", "fine-tuned", value, "8", "8", "2", "2", ""] += 1
        for step in results.get("steps", []):
            of_weights = stage == "magnitude"
            left = nothing if of_weights else (str(step["n_heads"]), "8", str(step["n_mlps"]), "2")
            weights = str(step["n_kept"]) if of_weights else ""
            expected[*place, "trial", "pruned", step["score"], *left, weights] += 1
        for kind, ticket in results.get("tickets", {}).items():
            left = sizes(ticket["mask"]) if "mask" in ticket else nothing
            weights = str(results["weights"]["kept"]) if stage == "magnitude" else ""
            for state in STATES if stage == "control" else ("pruned", "retrained"):
                value = ticket[state]["score"] if stage == "control" else ticket[state]
                expected[*place, kind, state, value, *left, weights] += 1
        for state in ("emptied", "averaged") if stage == "embeddings" else ():
            expected[*place, "embeddings", state, results[state]["score"], *nothing, ""] += 1
    rows = exported()
    names = ("heads_kept", "heads", "mlps_kept", "mlps", "weights_kept")
    place_of = ("record", "stage", "ticket", "state")
    assert expected == Counter(
        (*map(row.get, place_of), float(row["value"]), *map(row.get, names)) for row in rows
    )
    assert {row["method"] for row in rows if row["stage"] == "control"} == {"structured"}


def test_a_row_says_what_its_record_says(finished: Path) -> None:
    (row,) = (
        row
        for row in exported(tasks=["CoLA"], seeds=[42])
        if (row["stage"], row["ticket"], row["state"]) == ("tickets", "random", "retrained")
    )
    tuned, tickets = record("finetune"), record("tickets")
    ticket = tickets["results"]["tickets"]["random"]
    mask = StructuredMask.from_json(ticket["mask"])
    assert float(row["value"]) == ticket["retrained"]
    assert float(row["majority"]) == tuned["results"]["majority"]
    assert (row["metric"], row["method"], row["split"]) == ("matthews", "structured", "validation")
    assert (int(row["heads_kept"]), int(row["heads"])) == (mask.n_heads, 8)
    assert (int(row["mlps_kept"]), int(row["mlps"])) == (mask.n_mlps, 2)
    assert int(row["parameters"]) == ticket["parameters"]
    assert (row["train_examples"], row["scored_examples"]) == ("64", "40")
    assert (row["batch_size"], row["epochs"], row["variant"]) == ("4", "1", "paper")
    assert (row["hash"], row["status"]) == (tickets["hash"], "done")
    assert float(row["stage_seconds"]) == tickets["provenance"]["seconds"]
    assert row["record"] == "tiny/CoLA/seed-42/tickets.json"
    assert (finished / "results" / row["record"]).is_file()


def test_the_full_model_and_the_trials_of_its_search(finished: Path) -> None:
    rows = exported(tasks=["CoLA"], seeds=[42])
    tuned, results = rows[0], record("finetune")["results"]
    assert float(tuned["value"]) == results["score"]
    assert (tuned["heads_kept"], tuned["mlps_kept"], tuned["method"]) == ("8", "2", "")
    trials = [row for row in rows if (row["stage"], row["ticket"]) == ("search", "trial")]
    steps = record("search")["results"]["steps"]
    assert [int(row["step"]) for row in trials] == list(range(1, len(steps) + 1))
    assert [row["passed"] for row in trials] == [str(step["passed"]).lower() for step in steps]
    assert [row["phase"] for row in trials] == [step["phase"] for step in steps]


def test_rows_of_magnitude_pruning_count_weights(finished: Path) -> None:
    rows = [row for row in exported(tasks=["CoLA"], seeds=[42]) if row["stage"] == "magnitude"]
    results, whole = record("magnitude")["results"], record("finetune")["results"]["parameters"]
    assert {(row["method"], row["phase"]) for row in rows} == {("magnitude", "")}
    assert {int(row["weights"]) for row in rows} == {results["weights"]["prunable"]}
    for row in rows[len(results["steps"]) :]:
        removed = int(row["weights"]) - int(row["weights_kept"])
        assert int(row["parameters"]) == whole - removed


def test_every_metric_is_a_row_and_the_guesser_knows_one(finished: Path) -> None:
    changed = record("finetune")
    main, score = changed["results"]["metric"], changed["results"]["score"]
    changed["results"]["scores"] = {main: score, "f1": 0.25}
    changed["results"]["undefined"] = {"full": "all predictions are the same"}
    rewrite(changed)
    tickets = record("tickets")
    for ticket in tickets["results"]["tickets"].values():
        ticket["undefined"] = {"pruned": "all predictions are the same"}
    rewrite(tickets)
    searched = record("search")
    searched["results"]["metric"] = "f1"
    rewrite(searched)
    rows = exported(tasks=["CoLA"], seeds=[42])
    found = [
        (row["metric"], row["value"], row["majority"], row["undefined"])
        for row in rows
        if row["stage"] == "finetune"
    ]
    majority = str(changed["results"]["majority"])
    assert found == [
        (main, str(score), majority, "all predictions are the same"),
        ("f1", "0.25", "", ""),
    ]
    assert {(row["metric"], row["majority"]) for row in rows if row["stage"] == "search"} == {
        ("f1", "")
    }
    assert {(row["state"], row["undefined"]) for row in rows if row["stage"] == "tickets"} == {
        ("pruned", "all predictions are the same"),
        ("retrained", ""),
    }


def test_tasks_and_seeds_choose_rows(finished: Path) -> None:
    everything = exported()
    assert [(row["task"], row["seed"]) for row in everything] == sorted(
        ((row["task"], row["seed"]) for row in everything), key=lambda r: (r[0], int(r[1]))
    )
    one = exported(tasks=["RTE"], seeds=[1337])
    assert one == [row for row in everything if (row["task"], row["seed"]) == ("RTE", "1337")]
    assert {row["stage"] for row in one} == set(STAGES)


def test_records_outside_the_lists_of_the_study_are_exported_too(finished: Path) -> None:
    narrow = Study.load("tiny").override({"tasks": ["RTE"], "seeds": [42]})
    assert table(export.to_csv(narrow, Store())) == exported()


def test_rows_of_records_made_for_other_settings_are_marked(finished: Path) -> None:
    path = finished / "studies" / "tiny.yaml"
    path.write_text(path.read_text("utf-8").replace("head_step: 0.25", "head_step: 0.5"), "utf-8")
    found = {row["stage"]: row["status"] for row in exported()}
    assert found == {stage: "done" if stage == "finetune" else "stale" for stage in STAGES}


def test_rows_of_a_stage_that_the_study_has_no_more_are_marked(finished: Path) -> None:
    with (finished / "studies" / "tiny.yaml").open("a", encoding="utf-8") as file:
        file.write("magnitude_tasks: []\n")
    found = {row["stage"]: row["status"] for row in exported()}
    assert found == {stage: "stale" if stage == "magnitude" else "done" for stage in STAGES}


def test_a_lost_full_model_leaves_cells_empty(finished: Path) -> None:
    Store().path(Key("tiny", "CoLA", 42, "finetune")).unlink()
    rows = exported(tasks=["CoLA"], seeds=[42])
    assert {(row["majority"], row["status"]) for row in rows} == {("", "stale")}
    assert all(row["value"] for row in rows)


def test_a_sweep_has_a_row_for_every_run() -> None:
    store = Store(REPOSITORY / "results")
    study = Study.load("quick-sweep", REPOSITORY / "results")
    rows = table(export.to_csv(study, store, tasks=["SST-2"]))
    sweep = store.read(Key("quick-sweep", "SST-2", None, "sweep"))
    runs = sweep["results"]["runs"]
    for name, column in (("score", "value"), ("learning_rate", "learning_rate"), ("seed", "seed")):
        assert [float(row[column]) for row in rows] == [run[name] for run in runs]
    assert {(row["split"], row["state"]) for row in rows} == {("held-out", "fine-tuned")}
    assert {row["record"] for row in rows} == {"quick-sweep/SST-2/sweep.json"}
    one = table(export.to_csv(study, store, tasks=["SST-2"], seeds=[42]))
    assert one == [row for row in rows if row["seed"] == "42"]


@pytest.fixture
def baselines(finished: Path) -> Record:
    """A record of the stage `baselines`, computed here for one task and seed."""
    study = replace(Study.load("tiny"), tasks=("CoLA",), seeds=(42,))
    ensure(study, Store(), ["baselines"], device="cpu", threads=1)
    return by_task(study, "baselines", Store())["CoLA"]


def test_baselines_have_a_row_for_each_score(baselines: Record) -> None:
    study = replace(Study.load("tiny"), name="tiny-baselines")
    words, full = table(export.to_csv(study, Store()))
    results = baselines["results"]
    assert (words["ticket"], words["seed"], words["state"]) == ("bag_of_words", "", "")
    assert float(words["value"]) == results["bag_of_words"]
    assert (full["ticket"], full["seed"], full["state"]) == ("full", "42", "fine-tuned")
    assert float(full["value"]) == results["backbone"]["42"]
    assert {row["status"] for row in (words, full)} == {"done"}
    assert (full["metric"], full["train_examples"], full["scored_examples"]) == (
        "matthews",
        "64",
        "40",
    )
    assert {float(row["majority"]) for row in (words, full)} == {results["majority"]}


def test_an_undefined_score_of_the_control_says_why(
    followed_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(followed_run)
    results = record("control", TASK, SEED)["results"]
    results["tickets"]["bad"]["reinitialized"]["undefined"] = "all predictions are the same"
    said = [row["undefined"] for row in export.ROWS["control"](results, {})]
    assert said == [*[None] * 4, "all predictions are the same", None]


def test_rows_of_follow_ups_are_marked_as_such(
    followed_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(followed_run)

    def found(**changes: Any) -> set[tuple[str, str]]:
        rows = table(export.to_csv(replace(Study.load("tiny"), **changes), Store()))
        return {(row["stage"], row["status"]) for row in rows if row["stage"] in FOLLOWUPS}

    whats = {what for what in FOLLOWUPS if what in export.ROWS} - {"rates"}
    assert found() == {(what, "done") for what in whats}, "asked for or not"
    of_more_seeds = {(what, "stale" if what == "survivors" else "done") for what in whats}
    assert found(seeds=(1337, 42, 7)) == of_more_seeds
    pruned = {what for what in whats if "variant" in PIPELINE[what].fields}
    of_release = {(what, "stale" if what in pruned else "done") for what in whats}
    assert found(variant="release") == of_release
    assert {"survivors", "control"} <= pruned and "embeddings" not in pruned


VALUES: dict[str, Callable[[str], bool]] = {
    "text": lambda cell: True,
    "integer": lambda cell: str(int(cell)) == cell,
    "number": lambda cell: math.isfinite(float(cell)),
    "true/false": lambda cell: cell in ("true", "false"),
}


def documented() -> list[dict[str, str]]:
    return table((PACKAGE / "record.columns.csv").read_text("utf-8"))


def test_columns_are_documented_and_used(finished: Path) -> None:
    tickets = record("tickets")
    for ticket in tickets["results"]["tickets"].values():
        ticket["undefined"] = {"pruned": "all predictions are the same"}
    rewrite(tickets)
    rows = exported()
    assert list(rows[0]) == [line["column"] for line in documented()]
    for line in documented():
        assert line["meaning"].endswith(".")
        cells = [row[line["column"]] for row in rows if row[line["column"]]]
        assert cells, f"{line['column']} is always empty"
        assert all(map(VALUES[line["values"]], cells)), line["column"]


def test_every_stage_is_exported_and_described() -> None:
    described = [block["if"]["properties"]["stage"]["const"] for block in schema()["allOf"]]
    assert described == schema()["properties"]["stage"]["enum"]
    assert [stage for stage in described if stage in export.ROWS] == list(export.ROWS)
    assert set(described) >= {*STAGES, *FOLLOWUPS, *(path.stem for path in COMMITTED)}
    stages = {row["column"]: row["meaning"] for row in documented()}["stage"]
    assert re.findall(r"`(\w+)`", stages) == list(export.ROWS)


# The command


def test_the_command_prints_or_writes_the_table(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", "tiny", "--task", "RTE", "--seed", "42"]) == 0
    said = capsys.readouterr().out
    assert table(said) == exported(tasks=["RTE"], seeds=[42])
    assert cli.main(["export", "tiny", "--out", "new/folder/records.csv"]) == 0
    assert capsys.readouterr().out == ""
    content = (finished / "new" / "folder" / "records.csv").read_bytes()
    assert table(content.decode()) == exported()
    assert b"\r" not in content


def test_nothing_to_export_is_a_mistake(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "lottery run tiny" in refused(capsys, "export", "tiny", "--out", "records.csv")
    assert not (workplace / "records.csv").exists()


def test_exporting_needs_no_torch() -> None:
    code = "import sys, replication.cli, replication.runs.table; print('torch' in sys.modules)"
    assert printed_by(code) == "False"


# The schema


schema = cache(record_schema)


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


def mistakes(value: Record) -> list[str]:
    """Where a record does not follow the schema."""
    found = validator().iter_errors(value)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def test_the_schema_is_valid_and_of_the_version_that_is_written() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_records_follow_the_schema(followed_run: Path) -> None:
    paths = sorted(followed_run.glob("results/**/*.json"))
    assert {path.stem for path in paths} >= {*STAGES, *FOLLOWUPS} - {"rates"}  # see test_rates
    for path in paths:
        assert mistakes(json.loads(path.read_text("utf-8"))) == [], path


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_committed_records_follow_the_schema(path: Path) -> None:
    assert mistakes(json.loads(path.read_text("utf-8"))) == []


@pytest.fixture
def samples(baselines: Record, followed_run: Path) -> dict[str, Record]:
    """A record of every stage."""
    (sweep, *_) = [path for path in COMMITTED if path.stem == "sweep"]
    followed = followed_run / f"results/tiny/{TASK}/seed-{SEED}"
    found = {
        **{stage: record(stage) for stage in STAGES},
        **{
            what: json.loads((followed / f"{what}.json").read_text("utf-8"))
            for what in FOLLOWUPS
            if what != "rates"
        },
        "sweep": json.loads(sweep.read_text("utf-8")),
        "baselines": baselines,
    }
    return {stage: shortened(sample) for stage, sample in found.items()}


@pytest.mark.parametrize("task", ["CoLA", "STS-B"])
def test_records_with_answers_follow_the_schema(
    workplace: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a study with `held_out`: the full model, tickets and the control keep what they answer."""
    left = data.load_examples(task, "mini", validation_size=50)["validation"][-10:]
    monkeypatch.setattr(data, "left_out_examples", lambda *_: left)
    study = Study.load("tiny").override(
        {
            "held_out": True,
            "recipe.bf16": "cpu",
            "whole_tasks": ["RTE"],
            "magnitude_tasks": [],
            "train_size": 8,
        }
    )
    study = replace(study, tasks=(task,), seeds=(SEED,), followups=FollowUps(control=(task,)))
    ensure(study, Store(), device="cpu", threads=1, quiet=True)
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in workplace.rglob("*/*.json")}
    assert {*found} == {"finetune", "search", "tickets", "control"}
    assert [mistakes(one) for one in found.values()] == [[]] * 4
    full, tickets = (found[stage]["results"] for stage in ("finetune", "tickets"))
    answers = tickets["tickets"]["good"]["answers"]
    trained = found["control"]["results"]["tickets"]["bad"]["embeddings_kept"]
    for of in (full, answers["pruned"], answers["retrained"], trained):
        assert {*of["predictions"]} == {"validation", "held_out"}
        assert {*of["held_out"]} == {*full["scores"]}
    assert {*full["labels"]} == {"validation", "held_out"}
    for wrong in ("", "01 x", "0.5 1", None):
        for stage, of in (("finetune", full), ("tickets", answers["retrained"])):
            before = of["predictions"]["validation"]
            of["predictions"]["validation"] = wrong
            assert mistakes(found[stage]), wrong
            of["predictions"]["validation"] = before
    del answers["retrained"]["predictions"]["validation"]
    full["held_out"] = {"accuracy": 1.5}
    assert mistakes(found["tickets"]) and mistakes(found["finetune"])


def shortened(value: Any) -> Any:
    """A record with no more than two items in any list, five of plain ones: it is soon checked."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        nested = any(isinstance(item, dict | list) for item in value)
        return [shortened(item) for item in value[: 2 if nested else 5]]
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a record; of a list's items only the first."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in ((*path, k), *places(v, (*path, k)))]
    if isinstance(value, list) and value:
        return [(*path, 0), *places(value[0], (*path, 0))]
    return []


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


# Their keys are metrics, what may be undefined, seeds: some of a choice, not fixed fields.
OPEN = (("scores",), ("undefined",), ("backbone",))
OPTIONAL = {
    "landscape",
    "n_examples",
    "draws",
    "held_out_sha256",
    "unseen_sha256",
    "train_sha256",
}


def test_no_field_may_be_missing_but_those_said_to_be_optional(
    samples: dict[str, Record],
) -> None:
    for stage, sample in samples.items():
        assert mistakes(sample) == []
        for path in places(sample):
            if isinstance(path[-1], str) and path[-2:-1] not in OPEN:
                changed = copy.deepcopy(sample)
                del at(changed, path[:-1])[path[-1]]
                valid = validator().is_valid(changed)
                optional = path[-1] in OPTIONAL or path == ("provenance", "runs")
                optional |= stage == "embeddings" and path[-1] == "data_sha256"
                assert valid == optional, f"{stage} without {path}"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, "0.5", True], ids=str)
def test_every_number_is_a_finite_number(samples: dict[str, Record], wrong: Any) -> None:
    for stage, sample in samples.items():
        for path in places(sample):
            value = at(sample, path)
            if isinstance(value, int | float) and not isinstance(value, bool):
                changed = copy.deepcopy(sample)
                at(changed, path[:-1])[path[-1]] = wrong
                assert not validator().is_valid(changed), f"{stage} with {wrong} at {path}"


def test_nothing_may_be_null_that_has_a_value(samples: dict[str, Record]) -> None:
    nullable = {"train_size", "validation_size", "warning", "commit"}
    for stage, sample in samples.items():
        for path in places(sample):
            if path[-1] == "undefined" and isinstance(at(sample, path), str):
                continue  # why the one score of a model is undefined, or null
            if path[-1] not in nullable and at(sample, path) is not None:
                changed = copy.deepcopy(sample)
                at(changed, path[:-1])[path[-1]] = None
                assert not validator().is_valid(changed), f"{stage} with null at {path}"


def test_attention_counts_five_types(samples: dict[str, Record]) -> None:
    for too_few in ("counts", "types"):
        changed = copy.deepcopy(samples["attention"])
        found = changed["results"][too_few]
        (found if too_few == "types" else found["fine-tuned"]["raw"][0][0]).pop()
        assert mistakes(changed)


def test_fields_may_be_added(samples: dict[str, Record]) -> None:
    for sample in samples.values():
        for part in (sample, sample["results"], sample["config"], sample["provenance"]):
            part["added"] = {"later": 1}
        assert mistakes(sample) == []
