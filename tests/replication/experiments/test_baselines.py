"""Baselines of a study's tasks, and the page of the embedded corpus that shows them."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from running import put

import miniglue
from lottery_utils.errors import UserError
from lottery_utils.metrics import score
from lottery_utils.tasks import Example, OwnTask, get_task
from replication import cli
from replication.experiments import baselines, entry, unfinished
from replication.experiments.entry import Entry
from replication.pages import corpus
from replication.runs.status import status
from replication.store import Key, Record, Store, code
from replication.study import Study

BASELINES = ["baselines", "tiny", "--task", "RTE", "--device", "cpu", "--threads", "1"]
WORDS = "red blue green old new big small round flat long".split()


def examples(n: int, seed: int, label: Callable[[list[str], list[str]], float]) -> list[Example]:
    """Pairs of random words, labelled by a rule."""
    rng = random.Random(seed)
    pairs = [(rng.sample(WORDS, 4), rng.sample(WORDS, 4)) for _ in range(n)]
    return [Example(" ".join(a), " ".join(b), label(a, b)) for a, b in pairs]


@pytest.mark.parametrize(
    ("rule", "is_known"),
    [
        (lambda a, b: int("red" in a), True),
        (lambda a, b: int("red" in b), True),
        (lambda a, b: int(len({*a} & {*b}) > 1), True),
        (lambda a, b: int(a[0] < a[1]), False),
    ],
    ids=["a word of the first", "a word of the second", "words of both", "order"],
)
def test_a_bag_of_words_knows_words_but_not_their_order(
    rule: Callable[[list[str], list[str]], float], is_known: bool
) -> None:
    task = OwnTask(labels=("no", "yes"), is_pair=True).task("Rule")
    train, validation = examples(600, 0, rule), examples(200, 1, rule)
    labels = [example.label for example in validation]
    found = score("accuracy", baselines.bag_of_words(task, train, validation), labels)
    assert (found > 0.95) == is_known
    assert is_known or found < 0.65


def test_a_bag_of_words_grades_pairs() -> None:
    task = OwnTask(metric="pearson", is_pair=True).task("Alike")
    train, validation = (examples(300, s, lambda a, b: len({*a} & {*b}) * 1.25) for s in (0, 1))
    predictions = baselines.bag_of_words(task, train, validation)
    assert predictions.shape == (300,)
    assert score("pearson", predictions, [e.label for e in validation]) > 0.95


def test_a_single_sentence_and_words_never_seen() -> None:
    task = OwnTask(labels=("no", "yes")).task("Red")
    train = [Example(word, None, int(word == "red")) for word in WORDS * 5]
    found = baselines.bag_of_words(task, train, [Example("xyzzy", None, 0)])
    assert found.tolist() == [0]


def test_a_table_of_one_class_is_answered_with_it() -> None:
    task = OwnTask(labels=("no", "yes")).task("Red")
    train = [Example("red", None, 1)] * 3
    assert baselines.bag_of_words(task, train, [Example("blue", None, 0)] * 2).tolist() == [1, 1]


def test_examples_that_no_answer_can_score_on_are_refused() -> None:
    same = [Example("red", "blue", 2.5)] * 4
    entry: Any = SimpleNamespace(
        about=OwnTask(metric="pearson", is_pair=True).task("Alike"),
        splits={"train": [*same, Example("red", "red", 5.0)], "validation": same},
    )
    with pytest.raises(UserError, match=r"4 validation .* Alike .*all labels are the same"):
        baselines.compute(entry, {})


def record(task: str, results_dir: str = "results") -> Record:
    found = Store(results_dir).read(Key("tiny-baselines", task, None, "baselines"))
    assert found is not None
    return found


def test_the_backbone_scores_what_the_study_records(finished: Path) -> None:
    """Same recipe, same seed: the score of the fine-tuning record, and the same guesser's."""
    arguments = [*BASELINES, "--task", "STS-B", "--seed", "42"]
    assert cli.main(arguments) == 0
    for task in ("RTE", "STS-B"):
        found, full = record(task), Store().read(Key("tiny", task, 42, "finetune"))
        results, expected = found["results"], full["results"]
        assert results["backbone"] == {"42": expected["score"]}
        for name in ("majority", "metric", "data_sha256", "examples"):
            assert results[name] == expected[name]
        assert -1 <= results["bag_of_words"] <= 1
        splits = miniglue.generate(task, 64, 40)
        words = baselines.bag_of_words(get_task(task), splits["train"], splits["validation"])
        labels = [example.label for example in splits["validation"]]
        again = round(score(get_task(task).metric, words, labels), 6)
        assert results["bag_of_words"] == again
    assert not list((finished / "results" / "tiny").glob("*/baselines.json"))
    kept = Study.load("tiny-baselines")
    assert (kept.tasks, kept.seeds) == (("RTE", "STS-B"), (42,))


def test_baselines_are_made_once_and_again_for_other_questions(workplace: Path) -> None:
    def run(*arguments: str) -> str:
        assert cli.main([*BASELINES, "--set", "train_size=16", *arguments]) == 0
        (path,) = (workplace / "results").glob("*-baselines/RTE/baselines.json")
        return path.read_text("utf-8")

    both = run()
    assert set(json.loads(both)["results"]["backbone"]) == {"1337", "42"}
    assert run("--seed", "42") == both, "that is answered already"
    other = json.loads(run("--seed", "7"))
    scores = json.loads(both)["results"]["backbone"]
    assert {**other["results"]["backbone"], **scores} == other["results"]["backbone"]
    assert set(other["results"]["backbone"]) == {"1337", "42", "7"}, "the seed is added"
    seconds = [record["provenance"]["seconds"] for record in (json.loads(both), other)]
    assert seconds[0] < seconds[1], "the time of all trainings"
    (path,) = (workplace / "results").glob("*-baselines/RTE/baselines.json")
    stale = json.loads(path.read_text("utf-8"))
    name = stale["study"].removesuffix("-baselines")
    study = replace(Study.load("tiny"), name=name, train_size=16, seeds=(7,), tasks=("RTE",))
    assert status(study, "RTE", 7, "baselines", Store()) == "done"
    longer = replace(study, recipe=replace(study.recipe, epochs=2))
    assert status(longer, "RTE", 7, "baselines", Store()) == "stale"
    assert status(replace(study, seeds=(8,)), "RTE", 8, "baselines", Store()) == "stale"
    pruned = replace(study, search=replace(study.search, threshold=0.5), magnitude_tasks=())
    assert status(pruned, "RTE", 7, "baselines", Store()) == "done", "pruning has no part in it"


def test_baselines_that_are_interrupted_go_on(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, seeds = Entry.train_model, list[int]()

    def train_model(self: Entry, model: Any, what: str) -> Any:
        seeds.append(self.seed)
        if len(seeds) == 2:
            raise KeyboardInterrupt
        return train(self, model, what)

    monkeypatch.setattr(Entry, "train_model", train_model)
    command = [*BASELINES, "--set", "train_size=16"]
    assert (cli.main(command), cli.main(command)) == (130, 0)
    assert seeds == [1337, 42, 42], "the first is not trained again"


def test_a_record_names_every_run_that_had_a_part_in_it(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted within a training and gone on with by other code; seeds added by yet another."""
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    keep = unfinished.Unfinished.keep
    command, known = [*BASELINES, "--set", "train_size=16"], code()

    def commits(now: str, *arguments: str) -> list[str] | None:
        monkeypatch.setattr(entry, "code", lambda: {**known, "commit": now})
        assert cli.main([*command, *arguments]) == 0
        (path,) = Path("results").rglob("baselines.json")
        made = json.loads(path.read_text("utf-8"))["provenance"]
        assert {one["torch"] for one in made.get("runs", [])} <= {made["torch"]}
        return [one["commit"] for one in made["runs"]] if "runs" in made else None

    def killed(self: unfinished.Unfinished, state: Any) -> None:
        keep(self, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(entry, "code", lambda: {**known, "commit": "a"})
        patch.setattr(unfinished.Unfinished, "keep", killed)
        assert cli.main([*command, "--seed", "42"]) == 130
    assert sorted(commits("b", "--seed", "42") or []) == ["a", "b"]
    assert sorted(commits("c", "--seed", "7") or []) == ["a", "b", "c"]
    shutil.rmtree("results")
    assert commits("d") is None, "it was one run alone"


def test_a_training_that_is_not_gone_on_with_is_named_and_leaves_nothing(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With other threads it begins again, and its record takes the old state with it."""
    monkeypatch.setattr(unfinished, "EVERY", 0.0)
    keep = unfinished.Unfinished.keep

    def killed(self: unfinished.Unfinished, state: Any) -> None:
        keep(self, state)
        raise KeyboardInterrupt

    command = [*BASELINES, "--set", "train_size=16", "--threads"]
    with monkeypatch.context() as patch:
        patch.setattr(unfinished.Unfinished, "keep", killed)
        assert cli.main([*command, "2"]) == 130
        assert "begins again" not in capsys.readouterr().err
        assert cli.main([*command, "2"]) == 130
        assert "goes on from step 1" in capsys.readouterr().err
    assert len([*Path(".cache").rglob("*.training")]) == 1
    assert cli.main([*command, "1"]) == 0
    (said,) = re.findall("begins again.*", capsys.readouterr().err)
    assert "cpu, 2 threads, fp32" in said
    assert not [*Path(".cache").rglob("*.training")]


def test_seeds_on_other_data_are_not_added(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seeds(seed: str) -> set[str]:
        assert cli.main([*BASELINES, "--set", "train_size=16", "--seed", seed]) == 0
        (path,) = (workplace / "results").glob("*-baselines/RTE/baselines.json")
        return set(json.loads(path.read_text("utf-8"))["results"]["backbone"])

    assert seeds("1") == {"1"}
    assert seeds("2") == {"1", "2"}
    monkeypatch.setattr("lottery_utils.data.fingerprint", lambda splits: "0" * 64)
    assert seeds("3") == {"3"}


# The page


@pytest.fixture
def written(workplace: Path) -> dict[str, Record]:
    """Records as `lottery baselines` writes them, with known scores."""
    known = {
        "CoLA": ("matthews", 0.0, 0.25, (0.55, 0.65)),
        "STS-B": ("pearson", 0.02, 0.7, (0.75, 0.75)),
        "RTE": ("accuracy", 0.5, 0.75, (0.8, 0.9)),
    }
    for task, (metric, majority, words, backbone) in known.items():
        results: dict[str, Any] = {
            "metric": metric,
            "majority": majority,
            "bag_of_words": words,
            "backbone": dict(zip(("1337", "42"), backbone, strict=True)),
            "examples": {"train": 64, "validation": 40},
        }
        put(Study.load("tiny"), task, None, "baselines", results)
    return corpus.load("tiny", Store())


def test_the_table_says_which_aims_are_met(written: dict[str, Record]) -> None:
    table = corpus.table(written).frame
    assert list(table.index) == ["CoLA", "STS-B", "RTE"]
    assert table["backbone"].tolist() == ["0.600", "0.750", "0.850"], "means over seeds"
    assert table["backbone minus bag of words"].tolist() == ["+0.350", "+0.050", "+0.100"]
    assert table["bag of words low enough"].tolist() == ["yes", "no", "yes"]
    assert table["backbone 0.10 above"].tolist() == ["yes", "no", "yes"]
    found = repr(corpus.finding(written))
    assert "0.10 on 2 of 3 tasks of made-up sentences (means over 2 seeds)" in found
    assert "below their ceiling on 2." in found


def test_missing_baselines_say_how_to_make_them(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"results/tiny-baselines.*'lottery baselines tiny'"):
        corpus.load("tiny", Store())


@pytest.mark.parametrize("task", miniglue.TASKS_COVERED)
def test_ten_sentences_of_each_task_are_shown(task: str) -> None:
    table, about = corpus.sentences(task).frame, get_task(task)
    assert list(table.columns) == (["first", "second"] if about.is_pair else ["sentence"])
    assert len(table) == 10
    assert not table.isna().any(axis=None)
    if about.is_graded:
        assert np.ptp([float(label) for label in table.index]) > 0
    else:
        assert set(table.index) <= set(about.labels)
    validation = miniglue.generate(task, 1, 400)["validation"]
    assert table.iloc[0].tolist()[0] == validation[0].sentence1
