"""From a study to its records: computed once, the same again, and resumed where they stopped."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, make_backbone
from hypothesis import given as fuzzed
from hypothesis import strategies as st
from running import change, entry, flip_mlps, record, without_seconds

import miniglue
from lottery_utils import data, metrics, pruning, training
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import hold_zeros, prunable, weights_masked
from lottery_utils.search import largest_removed
from lottery_utils.tasks import get_task
from replication.experiments import finetune, magnitude, search, tickets
from replication.experiments.weight_overlap import GOOD_WEIGHTS
from replication.progress import Progress
from replication.runs import records, run
from replication.runs import status as fresh
from replication.stages import STAGES
from replication.store import Key, Record, Store
from replication.study import Study

TASK, SEED = "CoLA", 1337  # the entry that most of these tests compute
DONE = dict.fromkeys(STAGES, "done")
NO_RUNS = dict.fromkeys(STAGES, 0)
TASKS, SEEDS = ("CoLA", "STS-B", "RTE"), (1337, 42)


def tiny(**changes: Any) -> Study:
    """The study of the current folder, narrowed to one entry."""
    return replace(Study.load("tiny"), tasks=(TASK,), seeds=(SEED,), **changes)


def ensure(study: Study) -> dict[str, Record]:
    run.ensure(study, Store(), device="cpu", threads=1, quiet=True)
    return read(study)


def read(study: Study) -> dict[str, Record]:
    return {stage: record(stage, TASK, SEED, study.name) for stage in STAGES}


def status(study: Study) -> dict[str, str]:
    return {s: fresh.status(study, TASK, SEED, s, Store()) for s in study.stages(TASK)}


def record_path(stage: str) -> Path:
    return Store().path(Key("tiny", TASK, SEED, stage))


def numbers(entry: dict[str, Record]) -> dict[str, Any]:
    """All that was found out, without how long it took."""
    return {stage: without_seconds(record["results"]) for stage, record in entry.items()}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each stage has run since."""
    counts = dict(NO_RUNS)

    def count(experiment: Any, stage: str) -> None:
        compute = experiment.compute

        def counted(*args: Any) -> Any:
            counts[stage] += 1
            return compute(*args)

        monkeypatch.setattr(experiment, "compute", counted)

    for experiment, stage in zip((finetune, search, tickets, magnitude), STAGES, strict=True):
        count(experiment, stage)
    return counts


def interrupt_at(n: int, run: Callable[..., Any]) -> Callable[..., Any]:
    """`run`, but the n-th call (from 1) is interrupted halfway: after its work, before its end."""
    seen = iter(range(1, n + 1))

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        if next(seen) == n:
            raise KeyboardInterrupt
        return result

    return interrupted


def test_no_record_names_a_place(tiny_run: Path, tiny_backbone: Path) -> None:
    for path in tiny_run.glob("results/**/*"):
        if path.is_file():
            text = path.read_text("utf-8")
            for place in (tiny_run, tiny_backbone, Path.home(), Path.cwd()):
                assert f"{place}/" not in text
                assert f'{place}"' not in text


def test_the_same_seed_gives_the_same_numbers(finished: Path, workplace: Path) -> None:
    first = numbers(ensure(tiny()))  # computed here, in `workplace`
    kept = Store(finished / "results").root
    for stage in STAGES:
        stored = json.loads((kept / "tiny" / TASK / f"seed-{SEED}" / f"{stage}.json").read_text())
        assert without_seconds(stored["results"]) == first[stage]


def put(content: bytes | None) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content) if content is not None else path.unlink()


def of_another_seed(path: Path) -> None:
    shutil.copy(path.parent.with_name("seed-42") / path.name, path)


@pytest.mark.parametrize("damage", [put(None), put(b""), put(b"not weights"), of_another_seed])
def test_a_checkpoint_that_is_not_the_records_is_made_again(
    finished: Path, calls: dict[str, int], damage: Callable[[Path], object]
) -> None:
    before = numbers(read(tiny()))
    record_path("search").unlink()
    damage(Store().cache / "tiny" / TASK / f"seed-{SEED}" / "finetuned.safetensors")
    assert numbers(ensure(tiny())) == before
    assert calls == {**NO_RUNS, "finetune": 1, "search": 1}


def test_what_is_done_is_not_done_again(finished: Path, calls: dict[str, int]) -> None:
    """Also where the caches are lost."""
    before = {path: path.read_bytes() for path in finished.glob("results/**/*.json")}
    assert len(before) == len(TASKS) * len(SEEDS) * len(STAGES)
    shutil.rmtree(finished / ".cache")
    run.ensure(Study.load("tiny"), Store())
    assert calls == NO_RUNS
    assert {path: path.read_bytes() for path in finished.glob("results/**/*.json")} == before


@dataclass(frozen=True)
class Cut:
    """Where a stage is interrupted: in the n-th call of what a module calls for each unit of work.

    `left` is how many calls the stage then still makes, if its search has so many steps.
    """

    stage: str
    module: Any
    name: str
    at: int
    left: Callable[[int], int]


CUTS = {
    # The full model, the mask at which the search goes on, and each new trial: once each.
    "search": Cut("search", search, "score_and_importance", 4, lambda steps: 2 + steps - 2),
    "random ticket": Cut("tickets", training, "finetune", 2, lambda steps: 2),
    "weights": Cut("magnitude", magnitude, "weights_masked", 3, lambda steps: steps - 2 + 4),
    # Random, bad and largest removed; no search.
    "random weights": Cut("magnitude", magnitude, "hold_zeros", 2, lambda steps: 3),
}


@pytest.mark.parametrize("where", CUTS)
def test_an_interrupted_stage_goes_on_where_it_stopped(
    finished: Path, monkeypatch: pytest.MonkeyPatch, calls: dict[str, int], where: str
) -> None:
    cut, before = CUTS[where], numbers(read(tiny()))
    work = getattr(cut.module, cut.name)
    record_path(cut.stage).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(cut.module, cut.name, interrupt_at(cut.at, work))
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    assert status(tiny())[cut.stage] == "missing"
    done = []
    monkeypatch.setattr(cut.module, cut.name, lambda *a, **k: (done.append(1), work(*a, **k))[1])
    assert numbers(ensure(tiny())) == before
    n_steps = len(before[cut.stage].get("steps", []))
    assert n_steps > 3 or cut.stage == "tickets"
    assert len(done) == cut.left(n_steps)
    assert calls == {**NO_RUNS, cut.stage: 2}
    assert not list(Store().cache.rglob("*.jsonl"))


def test_a_journal_is_of_one_study_and_of_what_its_stage_starts_from(finished: Path) -> None:
    of = entry(TASK, SEED)
    released = replace(of, study=replace(of.study, variant="release"))
    for stage in ("search", "magnitude", "tickets", "control"):
        stamps = {one.journal(stage, of_what).stamp for one in (of, released) for of_what in "ab"}
        assert len(stamps) == 4


def fake_journal(
    results: dict[str, Any], weights: str, edit: Callable[[list[Any]], object]
) -> None:
    """A journal of the search on record, whole and with checksums, but changed."""
    journal = entry(TASK, SEED).journal("search", weights)
    steps = results["steps"][:]
    edit(steps)
    for step in steps:
        journal.append(step)


@pytest.mark.parametrize(
    "edit",
    [
        lambda steps: steps.insert(1, steps[0]),
        lambda steps: steps.pop(0),
        lambda steps: steps.reverse(),
        lambda steps: steps.__setitem__(0, {**steps[0], "passed": not steps[0]["passed"]}),
        lambda steps: steps.__setitem__(0, {**steps[0], "removed_heads": [[0, 0]]}),
        lambda steps: steps.__setitem__(1, {**steps[1], "score": "0.5"}),
        lambda steps: steps.__setitem__(1, "no step"),
        lambda steps: steps.append(steps[-1]),
    ],
)
def test_a_journal_whose_steps_do_not_follow_is_begun_again(
    finished: Path, capsys: pytest.CaptureFixture[str], edit: Callable[[list[Any]], object]
) -> None:
    before = numbers(read(tiny()))
    fake_journal(before["search"], before["finetune"]["weights_sha256"], edit)
    record_path("search").unlink()
    run.ensure(tiny(), Store(), device="cpu", threads=1)
    said = capsys.readouterr().err
    assert "search is begun again" in said or "broken lines of" in said
    assert numbers(read(tiny())) == before
    assert not list(Store().cache.rglob("*.jsonl"))


def test_a_run_that_waits_says_so_once_and_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress("tiny | CoLA seed 1337", 2, every=3600)
    for _ in range(5):
        progress.wait("process 7 on a-host")
    assert capsys.readouterr().err.count("waiting for process 7 on a-host") == 1
    progress.every = 0
    progress.wait("process 7 on a-host")
    assert "waiting for process 7" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_too_little_memory_is_one_sentence(
    finished: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise error

    record_path("search").unlink()
    for where in ("safetensors.torch.load_file", "lottery_utils.backbone.load_backbone"):
        with monkeypatch.context() as patch:
            patch.setattr(where, fail)
            with pytest.raises(UserError, match="There is not enough memory"):
                ensure(tiny())


def test_weights_that_another_run_replaced_meanwhile_are_not_searched(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stage started from is looked at again before its record is written."""
    look = search.score_and_importance

    def replaced(*args: Any, **options: Any) -> Any:
        change("finetune", TASK, SEED, lambda results: results.update(weights_sha256="0" * 64))
        return look(*args, **options)

    record_path("search").unlink()
    monkeypatch.setattr(search, "score_and_importance", replaced)
    with pytest.raises(UserError, match="no longer on record: another run has replaced it"):
        ensure(tiny())
    assert not record_path("search").exists()


def test_what_was_made_from_other_weights_is_stale(finished: Path) -> None:
    change("finetune", TASK, SEED, lambda results: results.update(weights_sha256="0" * 64))
    assert status(tiny()) == {**dict.fromkeys(STAGES, "stale"), "finetune": "done"}
    change("search", TASK, SEED, lambda results: results.update(weights_sha256="0" * 64))
    of_one_mask = {**DONE, "tickets": "stale", "magnitude": "stale"}
    assert status(tiny()) == of_one_mask, "the search came to the same mask of other weights"


def test_tickets_of_another_mask_are_stale(finished: Path) -> None:
    change("search", TASK, SEED, flip_mlps)
    assert status(tiny()) == {**DONE, "tickets": "stale"}, "magnitude pruning knows no such mask"


def test_other_settings_make_records_stale(finished: Path) -> None:
    study = tiny()
    after_training = {**dict.fromkeys(STAGES, "stale"), "finetune": "done"}
    assert status(replace(study, variant="release")) == after_training
    assert status(replace(study, search=replace(study.search, weight_step=0.4))) == after_training
    assert status(replace(study, train_size=32)) == dict.fromkeys(STAGES, "stale")
    assert status(replace(study, backbone="bundled")) == dict.fromkeys(STAGES, "stale")
    assert status(replace(study, name="other")) == dict.fromkeys(STAGES, "missing")
    shutil.rmtree(record_path("finetune").parent)
    assert status(study) == dict.fromkeys(STAGES, "missing")


def test_a_record_of_another_seed_is_not_taken_for_this_ones(finished: Path) -> None:
    folder = record_path("finetune").parent
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("seed-42"), folder)
    with pytest.raises(UserError):
        ensure(tiny())


def glue_files(folder: Path, n_train: int) -> str:
    """Embedded sentences in the official layout, and the source that names them."""
    target = folder / TASK
    target.mkdir(parents=True)
    for split, name in (("train", "train.tsv"), ("validation", "dev.tsv")):
        examples = miniglue.generate(TASK, n_train, 40)[split]
        lines = [f"x\t{example.label}\t\t{example.sentence1}\n" for example in examples]
        (target / name).write_text("".join(lines), "utf-8")
    return f"local:{folder}"


@pytest.fixture
def from_files(workplace: Path) -> Iterator[Study]:
    """An entry whose data are files, done."""
    study = replace(tiny(), data=glue_files(workplace / "glue", 64))
    ensure(study)
    yield study


def test_local_files_may_move_but_not_change(from_files: Study, tmp_path: Path) -> None:
    before = numbers(read(from_files))
    (tmp_path / "workplace" / "glue").rename(tmp_path / "moved")
    moved = replace(from_files, data=f"local:{tmp_path / 'moved'}")
    assert numbers(ensure(moved)) == before
    assert before["finetune"]["data_sha256"] == data.fingerprint(
        data.load_examples(TASK, moved.data, train_size=64, validation_size=40)
    )
    other = replace(from_files, data=glue_files(tmp_path / "other", 63))
    with pytest.raises(UserError, match=r"CoLA files in .*other are not those.*--results-dir"):
        ensure(other)


def test_records_from_files_are_read_without_the_files(
    from_files: Study, calls: dict[str, int]
) -> None:
    shutil.rmtree("glue")
    ensure(replace(from_files, data="local"))
    assert calls == NO_RUNS


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        ("[1337, 42]", (1337, 42)),
        ("7", (7,)),
        (7, (7,)),
        ([1, 2], (1, 2)),
        ((3,), (3,)),
        (None, (1337, 42)),
    ],
)
def test_seeds_may_be_a_list_a_number_or_their_text(
    workplace: Path, given: Any, seeds: tuple[int, ...]
) -> None:
    assert records.resolve("tiny", seeds=given).seeds == seeds


@pytest.mark.parametrize(
    "given", ["", "all", "[1, two]", [], "[", [1.5], [True], "1, 2", {}, [-1], [2**32]]
)
def test_other_seeds_are_refused(workplace: Path, given: Any) -> None:
    with pytest.raises(UserError, match="seeds should be whole numbers"):
        records.resolve("tiny", seeds=given)


@pytest.mark.parametrize(
    "given", [{"task": ""}, {"task": ["RTE", ""]}, {"data": ""}, {"backbone": ""}]
)
def test_what_is_empty_is_not_what_is_left_out(workplace: Path, given: Any) -> None:
    with pytest.raises(UserError, match=f"{next(iter(given))} is empty"):
        records.resolve("tiny", **given)


@fuzzed(names=st.lists(st.text("ab2-", min_size=1), min_size=1), years=st.integers(0, 3000))
def test_names_may_be_a_list_one_or_their_text(names: list[str], years: int) -> None:
    assert records.as_names(names, "studies") == names
    assert records.as_names(json.dumps(names), "studies") == names
    assert records.as_names(years, "studies") == records.as_names([years], "x") == [str(years)]
    assert records.as_names(names[0], "studies") == [names[0]]


@pytest.mark.parametrize("given", [None, [], "", 2.5, {"a": 1}, [None], [[1]], "[", "[]", "[a: "])
def test_what_are_no_names_is_one_sentence(given: Any) -> None:
    with pytest.raises(UserError):
        records.as_names(given, "studies")


def test_nothing_is_computed_where_that_is_forbidden(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOTTERY_COMPUTE", "no")
    with pytest.raises(UserError, match="Nothing of CoLA is on record"):
        records.load("tiny", "CoLA")
    assert not Path("results").exists()


def test_choosing_tasks_and_seeds_keeps_the_study(workplace: Path) -> None:
    chosen = records.resolve("tiny", task="RTE", seeds=[5])
    assert (chosen.name, chosen.tasks, chosen.seeds) == ("tiny", ("RTE",), (5,))
    assert records.resolve("tiny", task=["CoLA", "RTE"]).tasks == ("CoLA", "RTE")
    assert records.resolve(chosen) == chosen
    with pytest.raises(UserError, match="did you mean 'SST-2'"):
        records.resolve("tiny", task="SST2")


def test_a_derived_study_on_a_local_backbone_can_go_on(workplace: Path, tmp_path: Path) -> None:
    other = str(make_backbone(tmp_path / "other", seed=3))
    derived = records.resolve("tiny", task=TASK, seeds=SEED, backbone=other)
    ensure(derived)
    assert status(records.resolve(derived.name)) == DONE, "its records can be read"
    Store().path(Key(derived.name, TASK, SEED, "tickets")).unlink()
    told = records.resolve(derived.name, backbone=other)
    assert told.name == derived.name
    ensure(told)
    assert status(told) == DONE
    Store().path(Key(derived.name, TASK, SEED, "tickets")).unlink()
    with pytest.raises(UserError, match="backbone"):
        ensure(records.resolve(derived.name))


def test_recorded_scores_are_the_masks_scores(finished: Path) -> None:
    """The record's masks on the checkpoint give the record's scores, by the study's rule."""
    rule, scores = Study.load("tiny").search, set()
    for task, seed in itertools.product(TASKS, SEEDS):
        of = entry(task, seed)
        full, search, tickets = map(of.results, ("finetune", "search", "tickets"))
        model = of.saved_model()
        assert of.score(model) == full["score"]
        kept = StructuredMask.full(full["layers"], full["heads_per_layer"])
        for step in search["steps"]:
            trial = kept.without([tuple(h) for h in step["removed_heads"]], step["removed_mlps"])
            with pruning.masked(model, trial):
                assert of.score(model, of.search_metric) == step["score"]
            assert step["passed"] == (step["score"] >= rule.threshold * search["full_score"])
            kept = trial if step["passed"] else kept
        assert search["mask"] == tickets["tickets"]["good"]["mask"] == kept.to_json()
        for ticket in tickets["tickets"].values():
            smaller = pruning.remove(model, StructuredMask.from_json(ticket["mask"]))
            assert of.score(smaller) == ticket["pruned"]
            assert sum(p.numel() for p in smaller.parameters()) == ticket["parameters"]
            scores.add(ticket["pruned"])
    assert len(scores) > 3, "tickets that all score the same would prove nothing"


def test_tickets_are_drawn_by_the_seed_and_retrained_from_the_backbone(finished: Path) -> None:
    """Made again from the parts: the record holds what its description says."""
    of = entry(TASK, SEED)
    good = StructuredMask.from_json(of.results("search")["mask"])
    tickets = of.results("tickets")["tickets"]
    assert tickets["random"]["mask"] == good.random_like(of.draw("random")).to_json()
    assert tickets["bad"]["mask"] == good.bad_like(of.draw("bad")).to_json()
    smaller = pruning.remove(of.pretrained(), good.bad_like(of.draw("bad")))
    curve = training.finetune(smaller, of.train, of.study.recipe, seed=SEED)
    assert of.score(smaller) == tickets["bad"]["retrained"]
    assert [list(point) for point in curve.loss] == tickets["bad"]["loss"]


@pytest.mark.parametrize("task", [TASK, "STS-B"])
def test_answers_are_kept_example_by_example(
    workplace: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the file, and the scores are theirs; those held out were never searched."""
    held = data.load_examples(task, "mini", validation_size=90)["validation"][-50:]
    monkeypatch.setattr(data, "left_out_examples", lambda *_: held)
    study = replace(tiny(held_out=True), tasks=(task,))
    of = entry(task, SEED, study)
    model = of.pretrained()
    found = of.measure(model)
    for split, encoded in (("validation", of.validation), ("held_out", of.held_out)):
        with torch.no_grad():
            by_hand = []
            for i in range(len(encoded)):
                batch = encoded.collate([i])
                batch.pop("labels")
                out = model(**batch).logits[0]
                by_hand.append(out.argmax().item() if len(out) > 1 else out.item())
        text = found.answers["predictions"][split]
        kept = [float(v) for v in (text.split() if task == "STS-B" else text)]
        np.testing.assert_allclose(kept, by_hand, atol=6e-4)
        scores = found.scores if split == "validation" else found.answers["held_out"]
        for metric, value in scores.items():
            assert value == pytest.approx(metrics.score(metric, kept, encoded.labels), abs=1e-3)
    assert replace(of, study=replace(study, held_out=False)).measure(model).answers == {}


def test_a_model_that_learned_nothing_is_warned_about(tiny_run: Path) -> None:
    learned = set()
    for path in tiny_run.glob("results/tiny/*/*/finetune.json"):
        full = json.loads(path.read_text("utf-8"))["results"]
        learned.add(full["score"] > max(full["majority"], 0))
        for stage in ("search", "magnitude"):
            found = json.loads(path.with_name(f"{stage}.json").read_text("utf-8"))["results"]
            assert (found["warning"] is None) == (full["score"] > max(full["majority"], 0))
    assert learned == {True, False}


# Metrics


@pytest.mark.parametrize("task", TASKS)
def test_the_full_model_is_scored_by_all_metrics(finished: Path, task: str) -> None:
    about, of = get_task(task), entry(task, SEED)
    full = of.results("finetune")
    assert tuple(full["scores"]) == about.metrics
    assert (full["metric"], full["score"]) == (about.metric, full["scores"][about.metric])
    assert full["curve"]["scores"] == [full["score"]], "after the one epoch"
    for stage in ("search", "magnitude"):
        results = of.results(stage)
        assert results["metric"] == (about.search_metric or about.metric)
        assert results["full_score"] == full["scores"][results["metric"]]


def test_a_score_that_is_undefined_counts_as_0_and_says_so(tiny_run: Path) -> None:
    n_undefined = 0
    for path in tiny_run.glob("results/tiny/*/*/*.json"):
        for ticket in json.loads(path.read_text("utf-8"))["results"].get("tickets", {}).values():
            for state, why in ticket["undefined"].items():
                n_undefined += 1
                assert ticket[state] == 0
                assert why == "all predictions are the same"
    assert n_undefined, "without one this would prove nothing"


def test_a_full_model_without_a_defined_score_says_so(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "undefined", lambda *_: "all predictions are the same")
    study = replace(tiny(), magnitude_tasks=(), train_size=8)
    run.ensure(study, Store(), device="cpu", threads=1, quiet=True)
    found = records.load(study)[TASK][SEED]
    assert found["finetune"]["results"]["undefined"] == {"full": "all predictions are the same"}
    assert found["finetune"]["results"]["score"] == 0
    share = f"{100 * study.search.threshold:.0f} %"
    warning = f"The full model's score is not above zero: {share} of it is no threshold."
    assert found["search"]["results"]["warning"] == warning
    bad = found["tickets"]["results"]["tickets"]["bad"]
    assert set(bad["undefined"]) == {"pruned", "retrained"}


# Magnitude pruning


def test_magnitude_records_are_what_their_masks_give(finished: Path) -> None:
    """The good mask of the cache and its rivals, made again, give the record's scores."""
    rule, scores = Study.load("tiny").search, set()
    for task, seed in itertools.product(TASKS, SEEDS):
        of = entry(task, seed)
        results, model = of.results("magnitude"), of.saved_model()
        good = WeightMask.load(of.store.scratch(of.key("magnitude"), GOOD_WEIGHTS))
        sizes = {"prunable": good.size, "kept": good.n_kept, "density": good.density}
        assert results["weights"] == sizes
        n_kept = good.size
        for step in results["steps"]:
            assert step["n_kept"] == n_kept - max(1, round(rule.weight_step * n_kept))
            assert step["passed"] == (step["score"] >= rule.threshold * results["full_score"])
            n_kept = step["n_kept"] if step["passed"] else n_kept
        assert good.n_kept == n_kept
        masks = {
            "good": good,
            "random": good.random_like(of.draw("random weights")),
            "bad": good.bad_like(of.draw("bad weights")),
            "largest_removed": largest_removed(prunable(model), good.n_kept),
        }
        assert tuple(masks) == tuple(results["tickets"])
        for kind, mask in masks.items():
            ticket = results["tickets"][kind]
            assert ticket["mask_sha256"] == mask.sha256()
            with weights_masked(model, mask):
                assert of.score(model) == ticket["pruned"]
            scores.add(ticket["pruned"])
    assert len(scores) > 3, "tickets that all score the same would prove nothing"


def test_magnitude_tickets_are_retrained_from_the_backbone_with_zeros_held(finished: Path) -> None:
    every = [entry(task, seed) for task, seed in itertools.product(TASKS, SEEDS)]
    of = next(e for e in every if 0 < e.results("magnitude")["weights"]["density"] < 1)
    good = WeightMask.load(of.store.scratch(of.key("magnitude"), GOOD_WEIGHTS))
    ticket = of.results("magnitude")["tickets"]["random"]
    start = of.pretrained()
    with hold_zeros(start, good.random_like(of.draw("random weights"))):
        curve = training.finetune(start, of.train, of.study.recipe, seed=of.seed)
    assert of.score(start) == ticket["retrained"]
    assert [list(point) for point in curve.loss] == ticket["loss"]


def test_tolerance_for_ties_changes_no_committed_search() -> None:
    """Every step on record passed, or failed, as the comparison with a tolerance says."""
    n = 0
    for path in sorted((REPOSITORY / "results").glob("*/*/seed-*/search.json")):
        record = json.loads(path.read_text("utf-8"))
        threshold, found = record["config"]["search"]["threshold"], record["results"]
        for step in found["steps"]:
            passed = metrics.passes(step["score"], found["full_score"], threshold)
            assert passed == step["passed"], path
            n += 1
    assert n > 400
