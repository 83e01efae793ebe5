"""From a study to its records: computed once, the same again, and resumed where they stopped."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_backbone

import miniglue
from lottery_utils import data, metrics, pruning, training
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import hold_zeros, prunable, weights_masked
from lottery_utils.search import largest_removed
from lottery_utils.tasks import get_task
from replication.experiments import finetune, magnitude, search, tickets
from replication.experiments.entry import Entry
from replication.runs import records, run
from replication.runs.records import KINDS
from replication.store import Key, Record, Store, checksum
from replication.study import STAGES, Study

TASK, SEED = "CoLA", 1337  # the entry that most of these tests compute
DONE = dict.fromkeys(STAGES, "done")
NO_RUNS = dict.fromkeys(STAGES, 0)
TASKS, SEEDS = ("CoLA", "STS-B", "RTE"), (1337, 42)


def tiny(**changes: Any) -> Study:
    """The study of the current folder, narrowed to one entry."""
    return replace(Study.load("tiny"), tasks=(TASK,), seeds=(SEED,), **changes)


def ensure(study: Study, store: Store | None = None) -> dict[str, Record]:
    store = store or Store()
    run.ensure(study, store, device="cpu", threads=1, quiet=True)
    return read(study, store)


def read(study: Study, store: Store | None = None) -> dict[str, Record]:
    found = {}
    for stage in STAGES:
        record = (store or Store()).read(Key(study.name, TASK, SEED, stage))
        assert record is not None
        found[stage] = record
    return found


def status(study: Study) -> dict[str, str]:
    return {s: run.status(study, TASK, SEED, s, Store()) for s in study.stages(TASK)}


def record_path(stage: str) -> Path:
    return Store().path(Key("tiny", TASK, SEED, stage))


def numbers(entry: dict[str, Record]) -> dict[str, Any]:
    """All that was found out, without how long it took."""
    return {stage: without_seconds(record["results"]) for stage, record in entry.items()}


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


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


def test_an_entry_gives_a_record_for_each_stage(workplace: Path) -> None:
    study = tiny()
    assert status(study) == dict.fromkeys(STAGES, "missing")
    found = ensure(study)
    assert status(study) == DONE
    written = {p.relative_to(workplace).as_posix() for p in workplace.glob("results/**/*.json")}
    assert written == {f"results/tiny/{TASK}/seed-{SEED}/{stage}.json" for stage in STAGES}
    tuned = found["finetune"]["results"]
    assert tuned["examples"] == {"train": 64, "validation": 40}
    assert (tuned["layers"], tuned["heads_per_layer"]) == (2, 4)
    assert len(tuned["curve"]["scores"]) == study.recipe.epochs
    assert tuned["curve"]["loss"][-1][0] == 16
    assert tuned["curve"]["scores"][-1] == tuned["score"]
    assert sum(tuned["label_counts"]["train"]) == 64


def test_no_record_names_a_place(tiny_run: Path, tiny_backbone: Path) -> None:
    for path in tiny_run.glob("results/**/*"):
        if path.is_file():
            text = path.read_text("utf-8")
            for place in (tiny_run, tiny_backbone, Path.home(), Path.cwd()):
                assert f"{place}/" not in text
                assert f'{place}"' not in text


def test_what_is_done_is_not_done_again(finished: Path, calls: dict[str, int]) -> None:
    before = {path: path.read_bytes() for path in finished.glob("results/**/*.json")}
    assert len(before) == len(TASKS) * len(SEEDS) * len(STAGES)
    run.ensure(Study.load("tiny"), Store())
    assert calls == NO_RUNS
    assert {path: path.read_bytes() for path in finished.glob("results/**/*.json")} == before


def test_the_same_seed_gives_the_same_numbers(finished: Path, workplace: Path) -> None:
    first = numbers(ensure(tiny()))  # computed here, in `workplace`
    kept = Store(finished / "results").root
    for stage in STAGES:
        stored = json.loads((kept / "tiny" / TASK / f"seed-{SEED}" / f"{stage}.json").read_text())
        assert without_seconds(stored["results"]) == first[stage]


def test_another_seed_gives_other_numbers(finished: Path) -> None:
    one, other = (Store().read(Key("tiny", TASK, seed, "finetune")) for seed in (1337, 42))
    assert one is not None
    assert other is not None
    assert one["results"]["weights_sha256"] != other["results"]["weights_sha256"]
    assert one["results"]["data_sha256"] == other["results"]["data_sha256"]


def test_a_lost_search_is_made_again_from_the_checkpoint(
    finished: Path, calls: dict[str, int]
) -> None:
    before = numbers(read(tiny()))
    record_path("search").unlink()
    assert status(tiny()) == {**DONE, "search": "missing", "tickets": "stale"}
    assert numbers(ensure(tiny())) == before
    assert calls == {**NO_RUNS, "search": 1}


def test_a_lost_checkpoint_is_made_again(finished: Path, calls: dict[str, int]) -> None:
    before = numbers(read(tiny()))
    record_path("search").unlink()
    shutil.rmtree(Store().cache)
    assert numbers(ensure(tiny())) == before
    assert calls == {**NO_RUNS, "finetune": 1, "search": 1}


@pytest.mark.parametrize("damage", [b"", b"not weights"])
def test_a_damaged_checkpoint_is_made_again(
    finished: Path, calls: dict[str, int], damage: bytes
) -> None:
    before = numbers(read(tiny()))
    record_path("tickets").unlink()
    (Store().cache / "tiny" / TASK / f"seed-{SEED}" / "finetuned.safetensors").write_bytes(damage)
    assert numbers(ensure(tiny())) == before
    assert calls == {**NO_RUNS, "finetune": 1, "tickets": 1}


def test_another_models_checkpoint_is_not_taken(finished: Path, calls: dict[str, int]) -> None:
    before = numbers(read(tiny()))
    record_path("search").unlink()
    folder = Store().cache / "tiny" / TASK
    shutil.copy(
        folder / "seed-42" / "finetuned.safetensors",
        folder / f"seed-{SEED}" / "finetuned.safetensors",
    )
    assert numbers(ensure(tiny())) == before
    assert calls["finetune"] == 1


def test_lost_caches_alone_cost_nothing(finished: Path, calls: dict[str, int]) -> None:
    shutil.rmtree(finished / ".cache")
    ensure(tiny())
    assert calls == NO_RUNS


def test_a_finished_ticket_is_not_trained_again(
    workplace: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch, calls: dict[str, int]
) -> None:
    train = training.finetune
    with monkeypatch.context() as patch:
        # Calls: the full model, the good ticket, and the random one, which is cut off.
        patch.setattr(training, "finetune", interrupt_at(3, train))
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    assert status(tiny()) == {**DONE, "tickets": "missing", "magnitude": "missing"}
    trained = []
    monkeypatch.setattr(
        training, "finetune", lambda *a, **k: (trained.append(1), train(*a, **k))[1]
    )
    resumed = numbers(ensure(tiny()))
    assert len(trained) == 2 + 4, "the random and the bad ticket, then those of magnitude"
    assert calls == {"finetune": 1, "search": 1, "tickets": 2, "magnitude": 1}
    monkeypatch.chdir(tiny_run)
    assert resumed == numbers(read(tiny()))


def test_finished_steps_of_a_search_are_not_scored_again(
    workplace: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch, calls: dict[str, int]
) -> None:
    examine, asked = search.score_and_importance, iter(range(100))

    def at_most_three(*args: Any, **kwargs: Any) -> Any:
        if next(asked) == 3:  # the full model and two steps
            raise KeyboardInterrupt
        return examine(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(search, "score_and_importance", at_most_three)
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    assert status(tiny()) == {**dict.fromkeys(STAGES, "missing"), "finetune": "done"}
    scored = []
    monkeypatch.setattr(
        search, "score_and_importance", lambda *a, **k: (scored.append(1), examine(*a, **k))[1]
    )
    found = ensure(tiny())
    n_steps = len(found["search"]["results"]["steps"])
    assert n_steps > 2
    # The full model, the mask at which the search goes on, and each new trial: once each.
    assert len(scored) == 2 + n_steps - 2
    assert calls["finetune"] == 1
    monkeypatch.chdir(tiny_run)
    assert numbers(found) == numbers(read(tiny()))


def test_nothing_is_left_over_when_all_is_done(tiny_run: Path) -> None:
    kept = {path.name for path in (tiny_run / ".cache").rglob("*") if path.is_file()}
    assert kept == {"finetuned.safetensors", "good-weights.safetensors"}
    assert not [p for p in (tiny_run / "results").rglob("*") if p.name.startswith(".")]


def change(stage: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """A whole record with other results, as another machine might have written it."""
    path = record_path(stage)
    record = json.loads(path.read_text("utf-8"))
    edit(record["results"])
    record["checksum"] = checksum(record)
    path.write_text(json.dumps(record), "utf-8")


def test_what_was_made_from_other_weights_is_stale(finished: Path) -> None:
    change("finetune", lambda results: results.update(weights_sha256="0" * 64))
    assert status(tiny()) == {**dict.fromkeys(STAGES, "stale"), "finetune": "done"}


def test_tickets_of_another_mask_are_stale(finished: Path) -> None:
    def flip(results: dict[str, Any]) -> None:
        kept = results["mask"]["mlps"]
        results["mask"]["mlps"] = kept.translate(str.maketrans("01", "10"))

    change("search", flip)
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


def test_lost_fine_tuning_makes_what_follows_stale_until_it_is_back(
    finished: Path, calls: dict[str, int]
) -> None:
    record_path("finetune").unlink()
    assert status(tiny()) == {**dict.fromkeys(STAGES, "stale"), "finetune": "missing"}
    ensure(tiny())
    assert status(tiny()) == DONE
    assert calls == {**NO_RUNS, "finetune": 1}


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


def test_the_embedded_corpus_in_files_gives_the_same_numbers(
    from_files: Study, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = numbers(read(from_files))
    monkeypatch.chdir(tiny_run)
    assert found == numbers(read(tiny()))


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


@pytest.mark.parametrize("given", ["", "all", "[1, two]", [], "[", [1.5], [True], "1, 2", {}])
def test_other_seeds_are_refused(workplace: Path, given: Any) -> None:
    with pytest.raises(UserError, match="seeds should be whole numbers"):
        records.resolve("tiny", seeds=given)


def test_a_negative_seed_is_refused(workplace: Path) -> None:
    with pytest.raises(UserError, match="seed"):
        ensure(replace(records.resolve("tiny", seeds=[-1]), tasks=(TASK,)))


def test_choosing_tasks_and_seeds_keeps_the_study(workplace: Path) -> None:
    chosen = records.resolve("tiny", task="RTE", seeds=[5])
    assert (chosen.name, chosen.tasks, chosen.seeds) == ("tiny", ("RTE",), (5,))
    assert records.resolve("tiny", task=["CoLA", "RTE"]).tasks == ("CoLA", "RTE")
    assert records.resolve(chosen) == chosen
    with pytest.raises(UserError, match="did you mean 'SST-2'"):
        records.resolve("tiny", task="SST2")


def test_what_changes_numbers_derives_a_study_that_can_be_asked_for(
    workplace: Path, tmp_path: Path
) -> None:
    derived = records.resolve("tiny", task=TASK, seeds=SEED, changes={"train_size": 32})
    assert derived.name.startswith("tiny-")
    ensure(derived)
    again = records.resolve(derived.name)
    assert again.name == derived.name
    assert status(again) == DONE
    other = str(make_backbone(tmp_path / "other", seed=3))
    assert records.resolve("tiny", backbone=other).name not in ("tiny", derived.name)
    assert records.resolve("tiny", data="local:x").name not in ("tiny", derived.name)


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


def test_load_gives_the_records_of_a_page(finished: Path, calls: dict[str, int]) -> None:
    found = records.load("tiny", ["STS-B", "RTE"], "[42]")
    assert {task: list(entries) for task, entries in found.items()} == {"STS-B": [42], "RTE": [42]}
    assert set(found["RTE"][42]) == set(STAGES)
    assert found["RTE"][42]["search"]["task"] == "RTE"
    assert calls == NO_RUNS


def test_load_computes_what_is_missing(workplace: Path) -> None:
    found = records.load("tiny", TASK, SEED, device="cpu")
    assert numbers(found[TASK][SEED]) == numbers(read(tiny()))


def test_an_unusable_device_is_one_sentence(workplace: Path) -> None:
    for device in ("gpu", "cuda:99"):
        with pytest.raises(UserError, match=f"device '{device}' cannot be used here"):
            run.ensure(tiny(), Store(), device=device, quiet=True)


@pytest.mark.parametrize("task", TASKS)
def test_rivals_have_exactly_the_good_tickets_size(tiny_run: Path, task: str) -> None:
    store = Store(tiny_run / "results")
    for seed in SEEDS:
        search, tickets, magnitude = (
            store.read(Key("tiny", task, seed, s)) for s in ("search", "tickets", "magnitude")
        )
        assert search is not None
        assert tickets is not None
        assert magnitude is not None
        good = StructuredMask.from_json(search["results"]["mask"])
        assert tickets["results"]["tickets"]["good"]["mask"] == search["results"]["mask"]
        for kind, ticket in tickets["results"]["tickets"].items():
            mask = StructuredMask.from_json(ticket["mask"])
            assert (mask.n_heads, mask.n_mlps) == (good.n_heads, good.n_mlps), kind
        weights = magnitude["results"]["tickets"]
        assert tuple(weights) == KINDS["magnitude"]
        assert len({ticket["parameters"] for ticket in weights.values()}) == 1


def test_the_search_keeps_to_its_rule(tiny_run: Path) -> None:
    for path in tiny_run.glob("results/tiny/*/*/search.json"):
        record = json.loads(path.read_text("utf-8"))
        found, threshold = record["results"], record["config"]["search"]["threshold"]
        mask = StructuredMask.full(2, 4)
        for step in found["steps"]:
            trial = mask.without([tuple(h) for h in step["removed_heads"]], step["removed_mlps"])
            assert (trial.n_heads, trial.n_mlps) == (step["n_heads"], step["n_mlps"])
            assert step["passed"] == (step["score"] >= threshold * found["full_score"])
            mask = trial if step["passed"] else mask
        assert mask == StructuredMask.from_json(found["mask"])
    for path in tiny_run.glob("results/tiny/*/*/magnitude.json"):
        record = json.loads(path.read_text("utf-8"))
        found, rule = record["results"], record["config"]["search"]
        n_kept = found["weights"]["prunable"]
        for step in found["steps"]:
            assert step["n_kept"] == n_kept - max(1, round(rule["weight_step"] * n_kept))
            assert step["passed"] == (step["score"] >= rule["threshold"] * found["full_score"])
            n_kept = step["n_kept"] if step["passed"] else n_kept
        assert n_kept == found["weights"]["kept"]


def test_recorded_scores_are_the_masks_scores(finished: Path) -> None:
    """The record's masks on the checkpoint give the record's scores."""
    import torch

    from replication.experiments.entry import Progress

    study, store, scores = Study.load("tiny"), Store(), set()
    for task, seed in itertools.product(study.tasks, study.seeds):
        progress = Progress("test", 1, quiet=True)
        entry = Entry(study, task, seed, store, torch.device("cpu"), progress)
        tuned, tickets = (store.read(entry.key(stage)) for stage in ("finetune", "tickets"))
        assert tuned is not None
        assert tickets is not None
        model = entry.saved_model()
        assert model is not None
        assert entry.score(model) == tuned["results"]["score"]
        for ticket in tickets["results"]["tickets"].values():
            smaller = pruning.remove(model, StructuredMask.from_json(ticket["mask"]))
            assert entry.score(smaller) == ticket["pruned"]
            assert sum(p.numel() for p in smaller.parameters()) == ticket["parameters"]
            scores.add(ticket["pruned"])
    assert len(scores) > 3, "tickets that all score the same would prove nothing"


def test_every_trial_of_a_search_is_scored_as_the_masked_model(finished: Path) -> None:
    """Score and importance come from one pass; the score is that of the trial all the same."""
    import torch

    from replication.experiments.entry import Progress

    study, store, scores = Study.load("tiny"), Store(), set()
    for task in study.tasks:
        progress = Progress("test", 1, quiet=True)
        entry = Entry(study, task, SEED, store, torch.device("cpu"), progress)
        tuned, found = (store.read(entry.key(stage)) for stage in ("finetune", "search"))
        assert tuned is not None and found is not None
        model = entry.saved_model()
        kept = StructuredMask.full(tuned["results"]["layers"], tuned["results"]["heads_per_layer"])
        for step in found["results"]["steps"]:
            heads = [(layer, head) for layer, head in step["removed_heads"]]
            trial = kept.without(heads, step["removed_mlps"])
            with pruning.masked(model, trial):
                assert entry.score(model, entry.search_metric) == step["score"]
            scores.add((task, step["score"]))
            kept = trial if step["passed"] else kept
    assert len(scores) > len(study.tasks), "trials that all score the same would prove nothing"


def test_tickets_are_drawn_by_the_seed_and_retrained_from_the_backbone(finished: Path) -> None:
    """Made again from the parts: the record holds what its description says."""
    import torch

    from replication.experiments.entry import Progress

    progress = Progress("test", 1, quiet=True)
    entry = Entry(tiny(), TASK, SEED, Store(), torch.device("cpu"), progress)
    found = read(tiny())
    good = StructuredMask.from_json(found["search"]["results"]["mask"])
    tickets = found["tickets"]["results"]["tickets"]
    assert tickets["random"]["mask"] == good.random_like(entry.draw("random")).to_json()
    assert tickets["bad"]["mask"] == good.bad_like(entry.draw("bad")).to_json()
    smaller = pruning.remove(entry.pretrained(), good.bad_like(entry.draw("bad")))
    recipe = entry.study.recipe
    curve = training.finetune(smaller, entry.train, recipe, seed=SEED)
    assert entry.score(smaller) == tickets["bad"]["retrained"]
    assert [list(point) for point in curve.loss] == tickets["bad"]["loss"]


@pytest.mark.parametrize("task", [TASK, "STS-B"])
def test_answers_are_kept_example_by_example(
    workplace: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the file, and the scores are theirs; those held out were never searched."""
    import torch

    from lottery_utils import data, metrics
    from replication.experiments.entry import Progress

    held = data.load_examples(task, "mini", validation_size=90)["validation"][-50:]
    monkeypatch.setattr(data, "left_out_examples", lambda *_: held)
    study = replace(tiny(held_out=True), tasks=(task,))
    entry = Entry(study, task, SEED, Store(), torch.device("cpu"), Progress("", 1, quiet=True))
    model = entry.pretrained()
    found = entry.measure(model)
    for split, encoded in (("validation", entry.validation), ("held_out", entry.held_out)):
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
    assert replace(entry, study=replace(study, held_out=False)).measure(model).answers == {}


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
def test_the_full_model_is_scored_by_all_metrics(tiny_run: Path, task: str) -> None:
    about = get_task(task)
    full, search, magnitude = (
        json.loads((tiny_run / f"results/tiny/{task}/seed-42/{stage}.json").read_text("utf-8"))
        for stage in ("finetune", "search", "magnitude")
    )
    scores = full["results"]["scores"]
    assert tuple(scores) == about.metrics
    assert (full["results"]["metric"], full["results"]["score"]) == (
        about.metric,
        scores[about.metric],
    )
    for record in (search, magnitude):
        assert record["results"]["metric"] == (about.search_metric or about.metric)
        assert record["results"]["full_score"] == scores[record["results"]["metric"]]


def test_grades_are_searched_by_one_metric_and_reported_by_another(tiny_run: Path) -> None:
    folder = tiny_run / "results/tiny/STS-B/seed-42"
    search, tickets = (
        json.loads((folder / f"{stage}.json").read_text("utf-8"))["results"]
        for stage in ("search", "tickets")
    )
    last = [step["score"] for step in search["steps"] if step["passed"]][-1]
    assert search["metric"] == "pearson_spearman"
    assert tickets["tickets"]["good"]["pruned"] != last, "Pearson alone is another number"


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
    warning = f"The full model's score is not above zero: {share} of it is no bar to pass."
    assert found["search"]["results"]["warning"] == warning
    bad = found["tickets"]["results"]["tickets"]["bad"]
    assert set(bad["undefined"]) == {"pruned", "retrained"}


# Magnitude pruning


def test_an_interrupted_magnitude_search_goes_on_where_it_stopped(
    finished: Path, monkeypatch: pytest.MonkeyPatch, calls: dict[str, int]
) -> None:
    before = numbers(read(tiny()))
    record_path("magnitude").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(magnitude, "weights_masked", interrupt_at(3, weights_masked))
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    assert status(tiny()) == {**DONE, "magnitude": "missing"}
    scored = []
    monkeypatch.setattr(
        magnitude, "weights_masked", lambda *a: (scored.append(1), weights_masked(*a))[1]
    )
    assert numbers(ensure(tiny())) == before
    n_steps = len(before["magnitude"]["steps"])
    assert n_steps > 3
    assert len(scored) == n_steps - 2 + len(KINDS["magnitude"])
    assert calls == {**NO_RUNS, "magnitude": 2}


def test_finished_tickets_of_magnitude_are_not_trained_again(
    finished: Path, monkeypatch: pytest.MonkeyPatch, calls: dict[str, int]
) -> None:
    before = numbers(read(tiny()))
    record_path("magnitude").unlink()
    train = training.finetune
    with monkeypatch.context() as patch:
        # Calls: the good ticket, and the random one, which is cut off.
        patch.setattr(training, "finetune", interrupt_at(2, train))
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    trained, scored = [], []
    monkeypatch.setattr(
        training, "finetune", lambda *a, **k: (trained.append(1), train(*a, **k))[1]
    )
    monkeypatch.setattr(
        magnitude, "weights_masked", lambda *a: (scored.append(1), weights_masked(*a))[1]
    )
    assert numbers(ensure(tiny())) == before
    assert len(trained) == len(scored) == 3, "random, bad and largest removed; no search"
    assert calls == {**NO_RUNS, "magnitude": 2}
    assert not list(Store().cache.rglob("*.jsonl"))


def test_a_journal_of_another_model_is_not_gone_on_with(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted, then asked for with other weights: every step is scored anew."""
    record_path("magnitude").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(magnitude, "weights_masked", interrupt_at(3, weights_masked))
        with pytest.raises(KeyboardInterrupt):
            ensure(tiny())
    journal = Store().cache / "tiny" / TASK / f"seed-{SEED}" / "magnitude.jsonl"
    stamp, *steps = journal.read_text("utf-8").splitlines()
    assert len(steps) == 2
    wrong = json.dumps({**json.loads(steps[0]), "score": 0.123})
    other = json.dumps(json.loads(stamp)[:-1] + "x")
    journal.write_text("\n".join([other, wrong, ""]), "utf-8")
    assert 0.123 not in [s["score"] for s in ensure(tiny())["magnitude"]["results"]["steps"]]


def test_a_study_without_magnitude_pruning_has_no_record_of_it(
    finished: Path, calls: dict[str, int]
) -> None:
    before = numbers(read(tiny()))
    record_path("magnitude").unlink()
    without = tiny(magnitude_tasks=())
    assert status(without) == {stage: "done" for stage in STAGES if stage != "magnitude"}
    assert set(records.load(without)[TASK][SEED]) == set(status(without))
    assert calls == NO_RUNS
    assert not record_path("magnitude").exists()
    other = tiny(magnitude_tasks=("STS-B",))
    assert status(other) == status(without)
    wanted = tiny(magnitude_tasks=(TASK,))
    assert status(wanted) == {**DONE, "magnitude": "missing"}
    assert numbers(ensure(wanted)) == before
    assert calls == {**NO_RUNS, "magnitude": 1}


def test_magnitude_records_are_what_their_masks_give(finished: Path) -> None:
    """The good mask of the cache and its rivals, made again, give the record's scores."""
    import torch

    from replication.experiments.entry import Progress

    study, store, scores = Study.load("tiny"), Store(), set()
    for task, seed in itertools.product(study.tasks, study.seeds):
        progress = Progress("test", 1, quiet=True)
        entry = Entry(study, task, seed, store, torch.device("cpu"), progress)
        found = store.read(entry.key("magnitude"))
        assert found is not None
        results = found["results"]
        model = entry.saved_model()
        assert model is not None
        good = WeightMask.load(store.scratch(entry.key("magnitude"), "good-weights.safetensors"))
        assert results["weights"] == {
            "prunable": good.size,
            "kept": good.n_kept,
            "density": good.density,
        }
        passed = [step["n_kept"] for step in results["steps"] if step["passed"]]
        assert good.n_kept == (passed[-1] if passed else good.size)
        masks = {
            "good": good,
            "random": good.random_like(entry.draw("random weights")),
            "bad": good.bad_like(entry.draw("bad weights")),
            "largest_removed": largest_removed(prunable(model), good.n_kept),
        }
        assert tuple(masks) == tuple(results["tickets"])
        for kind, mask in masks.items():
            ticket = results["tickets"][kind]
            assert ticket["mask_sha256"] == mask.sha256()
            with weights_masked(model, mask):
                assert entry.score(model) == ticket["pruned"]
            scores.add(ticket["pruned"])
    assert len(scores) > 3, "tickets that all score the same would prove nothing"


def test_magnitude_tickets_are_retrained_from_the_backbone_with_zeros_held(finished: Path) -> None:
    import torch

    from replication.experiments.entry import Progress

    progress = Progress("test", 1, quiet=True)
    study = Study.load("tiny")
    for task, seed in itertools.product(study.tasks, study.seeds):
        entry = Entry(study, task, seed, Store(), torch.device("cpu"), progress)
        found = Store().read(entry.key("magnitude"))
        assert found is not None
        if 0 < found["results"]["weights"]["density"] < 1:
            break
    good = WeightMask.load(Store().scratch(entry.key("magnitude"), "good-weights.safetensors"))
    ticket = found["results"]["tickets"]["random"]
    assert 0 < good.n_kept < good.size
    start = entry.pretrained()
    with hold_zeros(start, good.random_like(entry.draw("random weights"))):
        curve = training.finetune(start, entry.train, entry.study.recipe, seed=seed)
    assert entry.score(start) == ticket["retrained"]
    assert [list(point) for point in curve.loss] == ticket["loss"]
