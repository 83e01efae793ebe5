"""Records of what no stage writes, though their checksum fits, are refused in one sentence."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import refused

from lottery_utils.errors import UserError
from lottery_utils.tasks import get_task
from replication import cli
from replication.runs.check import problem
from replication.runs.status import status
from replication.stages import PIPELINE
from replication.store import Record, Store, checksum, sha256
from replication.study import Study

SEARCH = "results/tiny/CoLA/seed-1337/search.json"
TICKETS = "results/tiny/CoLA/seed-1337/tickets.json"


def rewrite(path: Path, edit: Callable[[Record], object]) -> None:
    record = json.loads(path.read_text("utf-8"))
    edit(record)
    if "checksum" in record:
        record["checksum"] = checksum(record)
    path.write_text(json.dumps(record), "utf-8")


def of_mask(change: Callable[[dict[str, Any]], object]) -> Callable[[Record], object]:
    return lambda record: change(record["results"]["mask"])


def configured(record: Record, config: Any) -> None:
    """The record with another configuration, and the hash that fits it."""
    record.update(config=config, hash=sha256(config)[:16])


WRONG: dict[str, Callable[[Record], object]] = {
    "a text for a score": lambda r: r["results"].update(full_score="0.5"),
    "a score above one": lambda r: r["results"].update(full_score=1.5),
    "a score within a list": lambda r: r["results"]["steps"][1].update(score=[0.5]),
    "a place with three numbers": lambda r: r["results"]["steps"][0].update(
        removed_heads=[[0, 0, 0]]
    ),
    "no steps": lambda r: r["results"].pop("steps"),
    "a text for a flag": lambda r: r["results"]["steps"][0].update(passed="yes"),
    "a mask with a two": of_mask(lambda mask: mask.update(mlps="12")),
    "a mask with a row of another length": of_mask(lambda mask: mask["heads"].append("1")),
    "a mask with a layer less": of_mask(lambda mask: mask["heads"].pop()),
    "scores of heads in rows of several lengths": lambda r: r["results"]["importance"]["heads"][
        -1
    ].pop(),
    "a head removed where there is none": lambda r: r["results"]["steps"][0][
        "removed_heads"
    ].append([99, 99]),
    "scores of a layer less": lambda r: r["results"]["steps"][0]["mlp_scores"].pop(),
    "scores of heads in rows of several lengths, in a step": lambda r: r["results"]["steps"][-1][
        "head_scores"
    ][-1].pop(),
    "an empty configuration": lambda r: configured(r, {}),
    "a configuration that is a list": lambda r: configured(r, []),
    "data of a wrong type": lambda r: configured(r, {**r["config"], "data": {}}),
    "a size of a wrong type": lambda r: configured(r, {**r["config"], "train_size": "all"}),
    "no recipe": lambda r: configured(r, {**r["config"], "recipe": None}),
    "other settings": lambda r: r["config"]["search"].update(threshold=0.1),
    "no configuration": lambda r: r.pop("config"),
    "results of nothing": lambda r: r.update(results=None),
    "no provenance": lambda r: r["provenance"].pop("device"),
    "no checksum": lambda r: r.pop("checksum"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("command", ["status", "export"])
def test_a_record_that_no_stage_writes_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], what: str, command: str
) -> None:
    rewrite(finished / SEARCH, WRONG[what])
    told = refused(capsys, command, "tiny")
    assert "search.json is broken (" in told and "delete it to have it computed again" in told


def test_a_record_in_another_encoding_is_said_to_be_no_json(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished / SEARCH).write_text((finished / SEARCH).read_text("utf-8"), "utf-8-sig")
    assert "is broken (Invalid JSON" in refused(capsys, "status", "tiny")


@pytest.mark.parametrize("command", ["status", "export"])
@pytest.mark.parametrize("field", ["layers", "heads_per_layer"])
def test_a_model_of_another_shape_than_its_search_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], command: str, field: str
) -> None:
    path = finished / SEARCH.replace("search", "finetune")
    rewrite(path, lambda r: r["results"].update({field: 99}))
    told = refused(capsys, command, "tiny")
    assert "search.json" in told and "99 in finetune.json" in told
    with pytest.raises(UserError, match="of models of different shapes"):  # pages, by themselves
        status(Study.load("tiny"), "CoLA", 1337, "search", Store())


@pytest.mark.parametrize("stage", ["finetune", "tickets", "magnitude"])
@pytest.mark.parametrize("command", ["status", "export"])
def test_a_folder_with_the_name_of_a_record_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], command: str, stage: str
) -> None:
    path = finished / SEARCH.replace("search", stage)
    path.unlink()
    path.mkdir()
    assert f"{stage}.json cannot be read (" in refused(capsys, command, "tiny")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    path = finished / SEARCH
    rewrite(path, lambda r: r["results"].update(full_score=0.123456))
    path.write_text(path.read_text("utf-8").replace("0.123456", number), "utf-8")
    assert "a number is none" in refused(capsys, "status", "tiny")


def test_a_ticket_that_is_missing_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(finished / TICKETS, lambda r: r["results"]["tickets"].pop("bad"))
    assert "bad should be there" in refused(capsys, "export", "tiny")


def spoil(value: Any, rng: random.Random) -> Any:
    """Something in a record, or the whole of it, made anything."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoil(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], *([spoil(value[at], rng)] if rng.random() < 0.9 else [])]
    return rng.choice([None, "", "0.5", -1, 2, 0.5, 1e300, [], {}, True, [[value]], {"a": value}])


@settings(
    max_examples=int(os.environ.get("LOTTERY_FUZZ", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32), stage=st.sampled_from(["finetune", "search", "tickets"]))
def test_whatever_is_in_a_record_is_read_or_refused_in_one_sentence(
    finished: Path, capsys: pytest.CaptureFixture[str], seed: int, stage: str
) -> None:
    path = finished / SEARCH.replace("search", stage)
    before = path.read_text("utf-8")
    try:
        path.write_text(json.dumps(spoil(json.loads(before), random.Random(seed))), "utf-8")
        rewrite_checksum(path)
        for command in ("status", "export"):
            code = cli.main([command, "tiny", "--task", "CoLA", "--seed", "1337"])
            told = capsys.readouterr().err
            assert (code, told.count("\n")) in ((0, 0), (2, 1))
    finally:
        path.write_text(before, "utf-8")


def rewrite_checksum(path: Path) -> None:
    record = json.loads(path.read_text("utf-8"))
    if isinstance(record, dict):
        rewrite(path, lambda record: None)


def test_what_stages_write_is_not_refused(tiny_run: Path, answered_run: Path) -> None:
    kept = [tiny_run / "results", answered_run / "results", REPOSITORY / "results"]
    paths = [path for root in kept for path in root.rglob("*.json")]
    assert len(paths) > 200
    texts = {path: path.read_bytes() for path in paths}
    wrong = {path: problem(json.loads(text), text) for path, text in texts.items()}
    assert not {path: why for path, why in wrong.items() if why}


# Real records, each held to the full model of its entry.

ENTRIES: dict[Path, dict[str, Path]] = {}
for committed in sorted(REPOSITORY.glob("results/*/*/**/*.json"), key=lambda p: p.stem):
    ENTRIES.setdefault(committed.parent, {})[committed.stem] = committed
MPNET = REPOSITORY / "results/mpnet-glue/CoLA/seed-42"
CHOICES = REPOSITORY / "results/mini-choices/SST-2/seed-1337"
MINILM = REPOSITORY / "results/minilm-glue/SST-2/seed-42"
# All stages whose results have arrays; a sweep may try any number of recipes.
WITH_ARRAYS = sorted({*PIPELINE} - {"sweep", "baselines"})


def wrong_of(folder: Path, stage: str, edit: Callable[[Any], object]) -> str | None:
    """What is wrong with the first wrong record of an entry one of whose results were edited."""
    full: dict[object, Any] = {}
    for name, path in sorted(ENTRIES[folder].items(), key=lambda item: item[0] != "finetune"):
        record = json.loads(path.read_bytes())
        if name == stage:
            edit(record["results"])
        if wrong := problem(record, json.dumps(record), full):
            return wrong
    return None


def of_ticket(edit: Callable[[Any], object], kind: str = "bad") -> Callable[[Any], object]:
    return lambda results: edit(results["tickets"][kind])


def without_first(texts: dict[str, str], name: str) -> None:
    texts[name] = texts[name][1:]


def less_a_layer(mask: dict[str, Any]) -> None:
    """A mask that is one, of a model with a layer less."""
    mask["heads"].pop()
    without_first(mask, "mlps")


def whole(mask: dict[str, Any]) -> None:
    """The mask of a model that keeps all heads."""
    mask["heads"] = [len(row) * "1" for row in mask["heads"]]


UNLIKE: dict[str, tuple[Path, str, Callable[[Any], object]]] = {
    "a metric of no task": (MPNET, "finetune", lambda r: r.update(metric="x")),
    "a score by a metric of no task": (MPNET, "finetune", lambda r: r["scores"].update(x=0.5)),
    "no score by the task's metric": (MPNET, "finetune", lambda r: r.update(scores={"f1": 0.5})),
    "a metric of another task": (MINILM, "search", lambda r: r.update(metric="f1")),
    "an accuracy below zero": (MINILM, "magnitude", lambda r: r["steps"][0].update(score=-0.5)),
    "a label too many": (MPNET, "finetune", lambda r: r["label_counts"]["train"].append(0)),
    "labels of other examples": (MPNET, "finetune", lambda r: r["examples"].update(train=1)),
    "an epoch less": (MPNET, "finetune", lambda r: r["curve"]["scores"].pop()),
    "no predictions": (MPNET, "finetune", lambda r: r.pop("predictions")),
    "no predictions of a ticket": (MPNET, "tickets", of_ticket(lambda t: t.pop("answers"))),
    "no scores of what is held out": (
        MPNET,
        "tickets",
        of_ticket(lambda t: t["answers"]["pruned"].pop("held_out")),
    ),
    "a prediction less": (
        MPNET,
        "tickets",
        of_ticket(lambda t: without_first(t["answers"]["pruned"]["predictions"], "validation")),
    ),
    "a class that the task has not": (
        MPNET,
        "finetune",
        lambda r: r["predictions"].update(validation="2" + r["predictions"]["validation"][1:]),
    ),
    "a mask of a layer less": (MPNET, "tickets", of_ticket(lambda t: less_a_layer(t["mask"]))),
    "what the search found of a layer less": (MPNET, "search", lambda r: less_a_layer(r["mask"])),
    "a layer less of densities": (
        MINILM,
        "magnitude",
        of_ticket(lambda t: t["map_densities"]["key"].pop()),
    ),
    "a layer less of attention maps": (
        MPNET,
        "attention",
        lambda r: r["counts"]["fine-tuned"]["raw"].pop(),
    ),
    "a search without its last step": (MINILM, "search", lambda r: r["steps"].pop()),
    "weights of another step": (MINILM, "magnitude", lambda r: r["weights"].update(kept=1)),
    "a seed less": (MINILM, "survivors", lambda r: r["seeds"].pop()),
    "a score unlike that by its metric": (MINILM, "finetune", lambda r: r.update(score=0.1)),
    "a full score unlike the full model's": (
        MINILM,
        "magnitude",
        lambda r: r.update(full_score=r["full_score"] + 1e-6),
    ),
    "a head that is at the edge twice": (
        CHOICES,
        "choices",
        lambda r: r["heads"].__setitem__(0, r["heads"][1]),
    ),
    "heads of another edge": (CHOICES, "choices", lambda r: r["heads"].__setitem__(0, [0, 2])),
    "heads in another order": (CHOICES, "choices", lambda r: r["importance"].reverse()),
    "a good choice that the ticket is not": (CHOICES, "choices", lambda r: r.update(good=315)),
    "labels counted wrongly": (
        MPNET,
        "finetune",
        lambda r: r["label_counts"]["validation"].reverse(),
    ),
    "a majority that its labels do not give": (MPNET, "finetune", lambda r: r.update(majority=0.5)),
    "a majority that its counts do not give": (
        MINILM,
        "finetune",
        lambda r: r.update(majority=0.6),
    ),
    "a majority of other labels": (MINILM, "search", lambda r: r.update(majority=0.6)),
    "a full score of zero": (CHOICES, "choices", lambda r: r.update(full_score=0.0)),
    "a score unlike the last epoch's": (
        MINILM,
        "finetune",
        lambda r: r["curve"].update(scores=[0.1] * len(r["curve"]["scores"])),
    ),
    "a good ticket that no search found": (
        MINILM,
        "tickets",
        lambda r: r["tickets"]["good"].update(mask=r["tickets"]["bad"]["mask"]),
    ),
    "a good ticket without pre-training that no search found": (
        MINILM,
        "control",
        lambda r: r["tickets"]["good"].update(mask=r["tickets"]["bad"]["mask"]),
    ),
    "a bad ticket of another size": (MINILM, "tickets", of_ticket(lambda t: whole(t["mask"]))),
    "survivors of another size": (
        MINILM,
        "survivors",
        of_ticket(lambda t: whole(t["mask"]), "anti"),
    ),
}


@pytest.mark.parametrize("what", UNLIKE)
def test_a_record_unlike_its_model_or_task_is_refused(what: str) -> None:
    folder, stage, edit = UNLIKE[what]
    assert wrong_of(folder, stage, lambda results: None) is None
    assert wrong_of(folder, stage, edit)


@settings(max_examples=int(os.environ.get("LOTTERY_FUZZ", "60")), deadline=None)
@given(data=st.data())
def test_no_score_changes_without_its_answers_nor_they_without_it(data: st.DataObject) -> None:
    stage = data.draw(st.sampled_from(["finetune", "tickets"]))
    mpnet = [f for f, of in ENTRIES.items() if MPNET.parents[1] in f.parents and stage in of]
    folder = data.draw(st.sampled_from(mpnet))

    def edit(results: Any) -> None:
        model, name, said = results, "score", results
        if stage == "tickets":
            model = results["tickets"][data.draw(st.sampled_from(["good", "random", "bad"]))]
            name = data.draw(st.sampled_from(["pruned", "retrained"]))
            said = model["answers"][name]
        split = data.draw(st.sampled_from(sorted(said["predictions"])))
        answers = said["predictions"][split]
        if not data.draw(st.booleans()):
            first = "10"[int(answers[0])] + answers[1:] if "." not in answers else None
            said["predictions"][split] = first or " ".join(answers.split()[::-1])
        elif split == "validation":
            model[name] -= 0.01
        else:
            said["held_out"][get_task(folder.parent.name).metric] -= 0.01

    assert wrong_of(folder, stage, edit)


def arrays(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value has lists, masks and predictions."""
    if isinstance(value, list) or (isinstance(value, str) and re.fullmatch("[01]{2,}", value)):
        yield place
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from arrays(part, (*place, key))


@settings(max_examples=int(os.environ.get("LOTTERY_FUZZ", "60")), deadline=None)
@given(data=st.data())
def test_no_array_of_a_record_may_be_longer_or_shorter(data: st.DataObject) -> None:
    stage = data.draw(st.sampled_from(WITH_ARRAYS))
    folder = data.draw(st.sampled_from([f for f, of in ENTRIES.items() if stage in of]))

    def edit(results: Any) -> None:
        *place, last = data.draw(st.sampled_from([*arrays(results)]))
        for key in place:
            results = results[key]
        array = results[last]
        shorter = data.draw(st.booleans()) and len(array) > 0
        more = array[-1:] or [0]
        results[last] = array[:-1] if shorter else array + more

    assert wrong_of(folder, stage, edit)
