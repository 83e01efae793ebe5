"""One status and one way to compute for every stage of the table, also for a new one."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import make_backbone
from running import record

from lottery_utils import pruning, training
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.experiments.entry import Entry
from replication.runs import run
from replication.runs import status as fresh
from replication.runs.records import TaskRecords
from replication.stages import PIPELINE, Stage
from replication.store import Store
from replication.study import Study

TASK, SEED = "STS-B", 42


def first_layer(entry: Entry, made_from: dict[str, Any]) -> dict[str, Any]:
    """An experiment as its file would have it: the good ticket without the heads of layer 0."""
    good = StructuredMask.from_json(made_from["mask"])
    entry.progress.unit("prune layer 0")
    mask = good.without([(0, head) for head in range(good.heads.shape[1])], [])
    with pruning.masked(entry.model, mask):
        return {"mask": mask.to_json(), "score": entry.score(entry.model)}


@pytest.fixture
def layer_0(monkeypatch: pytest.MonkeyPatch) -> str:
    """A new experiment: one file in replication/experiments/ and one row of the table."""
    file: Any = ModuleType("replication.experiments.layer_0")
    file.compute = first_layer
    monkeypatch.setitem(sys.modules, file.__name__, file)
    row = Stage("search", made_from=("weights", "mask"), alone=True)
    monkeypatch.setitem(PIPELINE, "layer_0", row)
    return "layer_0"


def test_a_new_experiment_is_one_file_and_one_row(finished: Any, layer_0: str) -> None:
    study, store = replace(Study.load("tiny"), tasks=(TASK,), seeds=(SEED,)), Store()
    before = {path: path.read_bytes() for path in finished.glob("results/**/*.json")}

    def status(study: Study = study) -> str:
        return fresh.status(study, TASK, SEED, layer_0, store)

    def ensure(study: Study = study) -> None:
        run.ensure(study, store, [layer_0], device="cpu", threads=1, quiet=True)

    assert status() == "missing"
    ensure()
    assert status() == "done"
    record = store.read(study.key(TASK, SEED, layer_0))
    search = store.read(study.key(TASK, SEED, "search"))
    found = search["results"]
    assert record["results"]["made_from"] == {
        name: found[name] for name in ("weights_sha256", "mask")
    }
    assert record["config"] == study.identity("search"), "the fields that its row names"
    assert record["results"]["mask"]["heads"][0] == "0000"
    path = store.path(study.key(TASK, SEED, layer_0))
    written = path.read_bytes()
    ensure()
    assert path.read_bytes() == written, "what is done is not done again"
    assert status(replace(study, train_size=32)) == "stale"
    store.path(study.key(TASK, SEED, "search")).unlink()
    assert status() == "stale", "it was made from the search"
    run.ensure(study, store, device="cpu", threads=1, quiet=True)
    assert status() == "done", "the same search again"
    others = {p: p.read_bytes() for p in before if p.stem != "search"}
    assert others == {p: before[p] for p in others}, "no other record has changed"


def test_an_overlap_is_a_stage_like_the_others(finished: Any) -> None:
    study, store = replace(Study.load("tiny"), tasks=(TASK,)), Store()
    assert fresh.status(study, TASK, SEED, "weight_overlap", store) == "missing"
    run.ensure(study, store, ["weight_overlap"], device="cpu", quiet=True)
    assert {fresh.status(study, TASK, seed, "weight_overlap", store) for seed in study.seeds} == {
        "done"
    }
    assert TaskRecords.of(study, TASK, store, ["weight_overlap"]).overlap is not None
    fewer = replace(study, seeds=(SEED,))
    assert fresh.status(fewer, TASK, SEED, "weight_overlap", store) == "stale", (
        "it is of both seeds"
    )
    assert fresh.wanted(fewer, ["weight_overlap"]) == [], "and one has none"


def test_a_finished_training_is_not_done_again_where_its_record_could_not_be_written(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = replace(Study.load("tiny"), tasks=(TASK,), seeds=(SEED,))
    usual, trained = training.finetune, list[int]()

    def counted(*args: Any, **options: Any) -> Any:
        trained.append(1)
        return usual(*args, **options)

    def results(failing: Any = None) -> Any:
        """Of the full model, or none where the disk is full."""
        with pytest.MonkeyPatch.context() as patch:
            if failing:
                patch.setattr(failing, "keep", full)
                with pytest.raises(UserError, match="full"):
                    run.ensure(study, Store(), ["finetune"], device="cpu", threads=1, quiet=True)
                return None
            run.ensure(study, Store(), ["finetune"], device="cpu", threads=1, quiet=True)
        return record("finetune", TASK, SEED)["results"]

    def full(*args: Any) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(training, "finetune", counted)
    undisturbed = results()
    shutil.rmtree("results")
    shutil.rmtree(".cache")
    results(failing=Study)
    assert results() == undisturbed and len(trained) == 2
    assert not [*Path(".cache").rglob("*.jsonl")]
    shutil.rmtree("results")
    results(failing=Study)
    (checkpoint,) = Path(".cache").rglob("finetuned.safetensors")
    checkpoint.unlink()  # without it the journal is worth nothing
    assert results() == undisturbed and len(trained) == 4


@pytest.mark.parametrize(("stage", "during"), [("finetune", "fine_tune"), ("tickets", "measure")])
def test_a_backbone_that_is_replaced_meanwhile_is_not_taken_for_the_former(
    workplace: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch, stage: str, during: str
) -> None:
    own = workplace / "own"
    shutil.copytree(tiny_backbone, own)
    study = replace(Study.load("tiny"), backbone=str(own), tasks=(TASK,), seeds=(SEED,))

    def ensure(*stages: str) -> None:
        run.ensure(study, Store(), stages, device="cpu", threads=1, quiet=True)

    if stage == "tickets":
        ensure("finetune", "search")
    usual: Any = getattr(Entry, during)

    def then_replaced(*args: Any) -> Any:
        found = usual(*args)
        shutil.rmtree(own)
        make_backbone(own, seed=1)
        return found

    monkeypatch.setattr(Entry, during, then_replaced)
    with pytest.raises(UserError, match="were changed while this ran"):
        ensure(stage)
    assert Store().read(study.key(TASK, SEED, stage)) is None
    for journal in workplace.rglob("tickets*.jsonl"):
        assert len(journal.read_text("utf-8").splitlines()) == 1, "nothing but its stamp"
