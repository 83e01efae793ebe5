"""A task of your own: two tables and a study of ten lines, from `lottery run` to a page."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import running
from conftest import executed, make_workplace
from running import rewrite

from lottery_utils import training
from lottery_utils.data import load_examples
from lottery_utils.errors import UserError
from replication import cli
from replication.book.one_study import computed
from replication.book.show import Note, Table
from replication.pages import sec3_methodology, sec4_2_good_random_bad
from replication.runs import records
from replication.runs import run as machine
from replication.stages import STAGES
from replication.study import Study

STUDY = """\
backbone: {backbone}
data: csv:tables
tasks: [Trees, Warmth]
seeds: [1337]
recipe: {{learning_rate: 1.0e-3, epochs: 1, batch_size: 8}}
search: {{threshold: 1.0, head_step: 0.25, weight_step: 0.5}}
magnitude_tasks: [Warmth]
own_tasks:
  Trees: {{question: "Is it about a tree?", labels: ["no", "yes"]}}
  Warmth: {{question: "How warm is the second?", metric: spearman, is_pair: true}}
"""
SECRET = "xylophone"  # a word of the tables that no record and no page may repeat


def write_tables(folder: Path, seed: int = 0) -> None:
    """Trees: a sentence and its class. Warmth: a pair and its grade."""
    rng = random.Random(seed)
    for split, n in (("train", 48), ("validation", 24)):
        trees: list[dict[str, Any]] = []
        warmth: list[dict[str, Any]] = []
        for i in range(n):
            word = rng.choice(["oak", "birch", "willow"] if i % 2 else ["car", "stone", SECRET])
            trees.append(
                {"sentence1": f"There is a {word}, {i} of it", "label": "no yes".split()[i % 2]}
            )
            degrees = rng.randint(-40, 90) / 2
            sentences = {
                "sentence1": f"a {SECRET} number {i}",
                "sentence2": f"it has {degrees} degrees",
            }
            warmth.append({**sentences, "label": degrees})
        for name, rows in (("Trees", trees), ("Warmth", warmth)):
            write_table(folder / name / f"{split}.csv", rows)


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_backbone: Path) -> Path:
    """A folder in which `lottery run mine` was called: read it, never write."""
    folder = make_workplace(tmp_path_factory.mktemp("own") / "workplace", tiny_backbone)
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone)))
    (folder / "studies" / "mine.yaml").write_text(text, "utf-8")
    write_tables(folder / "tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["run", "mine", "--device", "cpu", "--threads", "1"]) == 0
    return folder


@pytest.fixture
def here(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, without caches, as the current folder: do with it what you like."""
    shutil.copytree(done, tmp_path / "here", ignore=shutil.ignore_patterns(".cache"))
    monkeypatch.chdir(tmp_path / "here")
    return Path.cwd()


def test_a_study_of_ten_lines_is_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(STUDY.splitlines()) == 10
    made = {p.relative_to(here / "results/mine").as_posix() for p in here.rglob("*/seed-*/*.json")}
    assert made == {
        f"{task}/seed-1337/{stage}.json"
        for task in ("Trees", "Warmth")
        for stage in STAGES
        if stage != "magnitude" or task == "Warmth"
    }
    assert cli.main(["status", "mine"]) == 0
    said = capsys.readouterr().out
    assert "Study mine: 7 of 7 records are done." in said
    assert re.search(r"^Trees .* done +- *$", said, re.MULTILINE)
    assert re.search(r"^Warmth .* done +done *$", said, re.MULTILINE)


def test_records_hold_the_tasks_scores_but_not_its_sentences(here: Path) -> None:
    trees = json.loads((here / "results/mine/Trees/seed-1337/finetune.json").read_text("utf-8"))
    assert trees["config"]["data"] == "csv"
    assert trees["config"]["own_tasks"]["Trees"]["labels"] == ["no", "yes"]
    assert trees["results"]["label_counts"] == {"train": [24, 24], "validation": [12, 12]}
    assert trees["results"]["majority"] == 0.5
    search = json.loads((here / "results/mine/Warmth/seed-1337/search.json").read_text("utf-8"))
    tuned = json.loads((here / "results/mine/Warmth/seed-1337/finetune.json").read_text("utf-8"))
    assert (search["results"]["metric"], [*tuned["results"]["scores"]]) == (
        "spearman",
        ["spearman"],
    )
    assert abs(tuned["results"]["majority"]) < 0.5, "a guesser of grades"
    for path in (here / "results").rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert SECRET not in text
            assert "tables" not in text, "no record says where the tables are"


def test_pages_have_numbers_of_a_task_of_your_own(here: Path) -> None:
    for task, methods in (("Trees", ["structured"]), ("Warmth", ["structured", "magnitude"])):
        entries = records.load("mine", task)[task]
        for method in methods:
            table = sec4_2_good_random_bad.tickets(entries, method)
            assert isinstance(table, Table)
            assert not table.frame.isna().any(axis=None)
        assert isinstance(sec3_methodology.examples(entries), Note), "they are nobody else's"
    warmth = sec3_methodology.setup(entries).frame["here"]
    assert warmth["Train examples"].startswith("48 pairs with a grade; ")
    assert warmth["Metric"] == "Spearman correlation"


def test_the_notebook_of_tickets_becomes_a_page_of_it(here: Path) -> None:
    asked = {"study": "mine", "task": "Trees"}
    cells, shown = executed("sec4_2_good_random_bad", here / "page.ipynb", **asked)
    assert cells[0].source.split("\n")[0].endswith(": Trees (own data, tiny)")
    assert "BERT-base" not in shown, "the paper has no such task"
    assert shown.count("<figure") >= 1
    assert "Magnitude pruning is not on record here" in shown
    assert "Made from 3 records" in shown
    assert SECRET not in shown


def test_its_records_are_read_where_neither_study_nor_tables_are(
    here: Path, capsys: pytest.CaptureFixture[str], tiny_backbone: Path
) -> None:
    shutil.rmtree(here / "tables")
    assert [*records.load("mine")["Warmth"]] == [1337], "the study names tables that are gone"
    assert not computed(Study.load("mine"))
    with pytest.raises(UserError, match="There is no folder nowhere"):
        records.load("mine", data="csv:nowhere")
    (here / "studies" / "mine.yaml").unlink()
    assert [*records.load("mine")["Warmth"]] == [1337]
    assert cli.main(["status", "mine"]) == 0
    assert "7 of 7 records" in capsys.readouterr().out
    shutil.rmtree(here / "results/mine/Trees")
    with pytest.raises(UserError, match=r"needs to know where they are: add --data csv:DIR"):
        records.load("mine", "Trees", device="cpu", backbone=str(tiny_backbone))


def test_other_tables_are_not_mixed_with_the_old_ones(here: Path) -> None:
    write_tables(here / "others", seed=1)
    for stage in ("search", "tickets"):
        (here / f"results/mine/Trees/seed-1337/{stage}.json").unlink()
    with pytest.raises(UserError, match="Trees files in others are not those"):
        records.load("mine", "Trees", data="csv:others")
    study = records.resolve("mine", data="csv:others")
    assert study.name == "mine", "where tables lie is no part of a study"


@pytest.mark.parametrize(
    ("removed", "asked"),
    [("search", ["--stage", "search"]), ("finetune", ["--seed", "7"])],
    ids=["one stage", "another seed"],
)
def test_other_tables_are_not_mixed_with_the_old_ones_by_a_job_of_its_own(
    here: Path, capsys: pytest.CaptureFixture[str], removed: str, asked: list[str]
) -> None:
    """A job of a cluster is of one stage or one seed, and its machine has files of its own."""
    write_tables(here / "others", seed=1)
    if removed == "search":
        (here / "results/mine/Trees/seed-1337/search.json").unlink()
    kept = {p: p.read_bytes() for p in here.glob("results/**/*") if p.is_file()}
    job = ["run", "mine", "--task", "Trees", "--data", "csv:others", *asked]
    assert cli.main([*job, "--device", "cpu", "--threads", "1"]) == 2
    assert "Trees files in others are not those" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in here.glob("results/**/*") if p.is_file()} == kept


def test_two_seeds_made_from_other_tables_are_not_one_study(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where one was copied from a folder of results that has its own."""
    job = ["run", "mine", "--task", "Trees", "--stage", "finetune", "--device", "cpu"]
    write_tables(here / "others", seed=1)
    more = ["--seed", "7", "--threads", "1", "--data", "csv:others", "--results-dir", "theirs"]
    assert cli.main([*job, *more]) == 0
    shutil.copytree(here / "theirs/mine/Trees/seed-7", here / "results/mine/Trees/seed-7")
    for command in (["status", "mine", "--seed", "1337", "--seed", "7"], ["export", "mine"]):
        assert cli.main(command) == 2
        assert "other examples than that of seed 1337" in capsys.readouterr().err


def test_a_table_of_scores_says_nothing_of_another_full_model(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = here / "studies" / "mine.yaml"
    study.write_text(study.read_text("utf-8") + "train_size: 16\n", "utf-8")
    job = ["run", "mine", "--task", "Trees", "--stage", "finetune", "--device", "cpu"]
    assert cli.main([*job, "--threads", "1"]) == 0
    capsys.readouterr()
    assert cli.main(["export", "mine", "--task", "Trees"]) == 0
    rows = [*csv.DictReader(io.StringIO(capsys.readouterr().out))]
    of = {row["stage"]: (row["status"], row["metric"], row["train_examples"]) for row in rows}
    assert of["finetune"] == ("done", "accuracy", "16")
    assert of["tickets"] == of["search"] == ("stale", "accuracy", "")


def test_tables_that_change_while_a_task_is_computed_are_not_mixed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables(here / "others", seed=1)
    shutil.rmtree(here / "results")
    kept = machine.drop_journals

    def changed(store: Any, key: Any) -> None:
        kept(store, key)
        if (key.seed, key.stage) == (1337, "tickets"):
            shutil.copytree(here / "others", here / "tables", dirs_exist_ok=True)

    monkeypatch.setattr(machine, "drop_journals", changed)
    job = ["run", "mine", "--task", "Trees", "--seed", "1337", "--seed", "7"]
    assert cli.main([*job, "--device", "cpu", "--threads", "1"]) == 2
    assert "Trees files in tables are not those" in capsys.readouterr().err
    assert not [*here.glob("results/mine/Trees/seed-7/*.json")]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_model_without_layers_is_of_the_same_tables_as_the_full_one(
    workplace: Path, tiny_backbone: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    write_tables(workplace / "tables")
    write_tables(workplace / "others", seed=1)
    more = "validation_size: 8\nheld_out: true\nfollowups: {embeddings: [Trees]}\n"
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone))) + more
    Path("studies/mine.yaml").write_text(text, "utf-8")
    job = ["run", "mine", "--task", "Trees", "--device", "cpu", "--threads", "1", "--stage"]
    assert cli.main([*job, "embeddings"]) == 0
    shutil.copy(f"others/Trees/{split}.csv", f"tables/Trees/{split}.csv")
    assert cli.main([*job, "finetune"]) == 2
    assert "Trees files in tables are not those" in capsys.readouterr().err


def test_a_sweep_and_baselines_of_other_tables_are_made_again(
    workplace: Path, tiny_backbone: Path
) -> None:
    """A sweep reads training examples alone."""
    write_tables(workplace / "tables")
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone)))
    Path("studies/mine.yaml").write_text(text, "utf-8")

    def made(what: str) -> str:
        rates = ["--rates", "1e-3"] if what == "sweep" else []
        job = [what, "mine", "--task", "Trees", *rates, "--device", "cpu", "--threads", "1"]
        assert cli.main(job) == 0
        return Path(f"results/mine-{what}/Trees/{what}.json").read_text("utf-8")

    first = {what: made(what) for what in ("sweep", "baselines")}
    assert {what: made(what) for what in first} == first
    write_tables(workplace / "others", seed=1)
    for split, changed in (("validation", {"baselines"}), ("train", {"baselines", "sweep"})):
        shutil.copy(f"others/Trees/{split}.csv", f"tables/Trees/{split}.csv")
        before, first = first, {what: made(what) for what in first}
        assert {what for what in first if first[what] != before[what]} == changed
    path = Path("results/mine-sweep/Trees/sweep.json")
    old = json.loads(path.read_text("utf-8"))
    del old["results"]["train_sha256"]
    rewrite(old, path)
    kept = path.read_text("utf-8")
    write_tables(workplace / "tables", seed=2)
    assert made("sweep") == kept, "what says nothing is not compared"


@pytest.mark.parametrize("split", ["validation", "train"])
def test_other_sentences_beyond_the_cap_are_not_mixed_with_the_old_ones(
    workplace: Path, tiny_backbone: Path, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    """Tickets are scored on sentences held out, or masks found on unseen ones: always the same."""
    write_tables(workplace / "tables")
    more = "train_size: 16\nvalidation_size: 8\nheld_out: true\n"
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone))) + more
    if split == "train":
        text += "followups: {sensitivity: [Trees]}\n"
    Path("studies/mine.yaml").write_text(text, "utf-8")
    job = ["run", "mine", "--task", "Trees", "--device", "cpu", "--threads", "1"]
    assert cli.main(job) == 0
    study = Study.load("mine")
    used = load_examples(study.task("Trees"), study.data, **study.sizes("Trees"))[split]
    path = Path("tables", "Trees", f"{split}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    for row in rows:
        row["sentence1"] += " rain" * (row["sentence1"] not in {one.sentence1 for one in used})
    write_table(path, rows)
    field = "held_out_sha256" if split == "validation" else "unseen_sha256"
    for last in (["--seed", "1337"], ["--stage", "tickets"], ["--seed", "7"]):
        if last[0] == "--stage":
            Path("results/mine/Trees/seed-1337/tickets.json").unlink()
        if split == "train" and last[0] != "--seed":
            continue  # a ticket reads no unseen examples
        assert cli.main([*job, *last]) == 2
        said = capsys.readouterr().err
        assert "Trees files in tables are not those" in said and field in said


def test_another_description_asks_for_other_records(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = here / "studies" / "mine.yaml"
    path.write_text(path.read_text("utf-8").replace('["no", "yes"]', '["yes", "no"]'), "utf-8")
    assert cli.main(["status", "mine"]) == 0
    said = capsys.readouterr().out
    assert "4 of 7 records are done" in said, "those of the other task"
    assert re.search(r"Trees +1337 +stale +stale +stale", said)
    assert re.search(r"Warmth +1337 +done +done +done", said)


@pytest.mark.parametrize("command", ["run", "baselines", "sweep"])
@pytest.mark.parametrize("where", ["last task", "unseen", "held out"])
def test_a_text_too_long_is_refused_before_anything_is_trained(
    workplace: Path, tiny_backbone: Path, capsys: Any, where: str, command: str
) -> None:
    """Wherever it is read: by the task that comes last, to find masks on, or to score."""
    task, split = ("Warmth" if where == "last task" else "Trees"), "train"
    more = "train_size: 16\nfollowups: {sensitivity: [Trees]}\n"
    if where == "held out":
        more, split = "validation_size: 8\nheld_out: true\n", "validation"
    write_tables(workplace / "tables")
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone))).replace(
        "epochs: 1", "epochs: 1, max_length: 5000"
    )
    Path("studies/mine.yaml").write_text(text + more, "utf-8")
    study = Study.load("mine")
    used = load_examples(study.task(task), study.data, **study.sizes(task))[split]
    known = {example.sentence1 for example in used} if where != "last task" else set()
    path = Path("tables", task, f"{split}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    for row in rows:
        row["sentence1"] += " rain" * 600 * (row["sentence1"] not in known)
    write_table(path, rows)
    rates = ["--rates", "1e-3"] if command == "sweep" else []
    read = where != "unseen" or command == "run"  # that finds masks on training data
    assert cli.main([command, "mine", *rates, "--device", "cpu", "--threads", "1"]) == 2 * read
    said = capsys.readouterr().err
    assert ("max_length should be at most" in said) == read
    assert bool([*Path("results").rglob("*.json")]) != read


@pytest.mark.parametrize("left", ["others", "none"])
def test_a_training_outlives_its_tables(
    workplace: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """What is recorded is all of the tables as they were at first."""
    write_tables(workplace / "tables")
    write_tables(workplace / "others", seed=1)
    more = "validation_size: 8\nheld_out: true\n"
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone))) + more
    Path("studies/mine.yaml").write_text(text, "utf-8")
    finetune = training.finetune

    def changed(*given: Any, **how: Any) -> Any:
        curve = finetune(*given, **how)
        shutil.rmtree("tables")
        if left == "others":
            shutil.copytree("others", "tables")
        return curve

    job = ["run", "mine", "--task", "Trees", "--stage", "finetune", "--device", "cpu"]
    made: list[dict[str, Any]] = []
    for where in ("usual", "changed"):
        if where == "changed":
            monkeypatch.setattr(training, "finetune", changed)
        assert cli.main([*job, "--threads", "1", "--results-dir", where]) == 0
        made.append(
            json.loads(Path(where, "mine/Trees/seed-1337/finetune.json").read_text("utf-8"))
        )
    assert made[0]["results"] == made[1]["results"]
    assert Path("usual/mine/Trees/data.yaml").exists()
    assert not Path("changed/mine/Trees/data.yaml").exists(), "it would be of other files"


def test_unseen_examples_are_read_with_the_others(workplace: Path, tiny_backbone: Path) -> None:
    write_tables(workplace / "tables")
    write_tables(workplace / "others", seed=1)
    more = "train_size: 20\nfollowups: {sensitivity: [Trees], sensitivity_seeds: [7]}\n"
    text = STUDY.format(backbone=json.dumps(str(tiny_backbone))).replace("[1337]", "[1337, 7]")
    Path("studies/mine.yaml").write_text(text + more, "utf-8")
    study, found = Study.load("mine"), []
    for changed in (False, True):
        entry = running.entry("Trees", 7, study)
        _ = entry.splits
        if changed:
            shutil.copytree("others", "tables", dirs_exist_ok=True)
        found.append((entry.unseen.input_ids, entry.unseen_sha256))
    assert found[0] == found[1]
    assert running.entry("Trees", 7, study).unseen.input_ids != found[0][0]


def test_baselines_of_all_seeds_are_of_the_same_tables(
    workplace: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(workplace / "tables")
    write_tables(workplace / "others", seed=1)
    Path("studies/mine.yaml").write_text(
        STUDY.format(backbone=json.dumps(str(tiny_backbone))).replace("[1337]", "[1337, 7]"),
        "utf-8",
    )
    finetune, seen = training.finetune, []

    def changed(model: Any, train: Any, *given: Any, **how: Any) -> Any:
        seen.append(train.input_ids)
        curve = finetune(model, train, *given, **how)
        shutil.copytree("others", "tables", dirs_exist_ok=True)
        return curve

    monkeypatch.setattr(training, "finetune", changed)
    job = ["baselines", "mine", "--task", "Trees", "--device", "cpu", "--threads", "1"]
    assert cli.main(job) == 0
    assert len(seen) == 2 and seen[0] == seen[1]
