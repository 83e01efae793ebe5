"""The hub, by a copy on disk in its layout, and tables of your own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from lottery_utils.data import load_examples, load_task
from lottery_utils.data.hub import _examples
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS, Example, Task

datasets = pytest.importorskip("datasets")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder laid out as nyu-mll/glue is: a configuration a task, parquet files, a README."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    configs = []
    for task in TASKS.values():
        assert task.hub is not None
        names = list(task.labels)
        features = datasets.Features(
            {
                task.hub.sentence1: datasets.Value("string"),
                **({task.hub.sentence2: datasets.Value("string")} if task.hub.sentence2 else {}),
                "label": datasets.ClassLabel(names=names) if names else datasets.Value("float32"),
                "idx": datasets.Value("int32"),
            }
        )
        files = []
        for split in ("train", task.hub.validation):
            rows = [_row(task, split, i) for i in range(4)]
            table = datasets.Dataset.from_list(rows, features=features)
            file = f"{task.hub.config}/{split}-00000-of-00001.parquet"
            (tmp_path / "glue" / task.hub.config).mkdir(parents=True, exist_ok=True)
            table.to_parquet(tmp_path / "glue" / file)
            files.append(f"  - split: {split}\n    path: {task.hub.config}/{split}-*\n")
        configs.append(f"- config_name: {task.hub.config}\n  data_files:\n{''.join(files)}")
    readme = f"---\nconfigs:\n{''.join(configs)}---\n"
    (tmp_path / "glue" / "README.md").write_text(readme, "utf-8")
    return f"hub:{tmp_path / 'glue'}"


def _row(task: Task, split: str, i: int) -> dict[str, Any]:
    assert task.hub is not None
    pair = {task.hub.sentence2: f"Second {i}."} if task.hub.sentence2 else {}
    label = i / 2 if task.is_graded else i % len(task.labels)
    return {task.hub.sentence1: f" First {split} {i}. ", **pair, "label": label, "idx": i}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_read_from_the_hubs_layout(hub: str, task: str) -> None:
    found = load_examples(task, hub)
    about = TASKS[task]
    assert about.hub is not None
    for split, name in (("train", "train"), ("validation", about.hub.validation)):
        assert found[split] == [
            Example(
                f"First {name} {i}.",
                f"Second {i}." if about.is_pair else None,
                i / 2 if about.is_graded else i % len(about.labels),
            )
            for i in range(4)
        ]
    assert load_task(task, hub)["train"].num_rows == 4
    assert len(load_examples(task, hub, train_size=2)["train"]) == 2


def test_labels_in_another_order_are_refused(hub: str) -> None:
    from dataclasses import replace

    turned = replace(TASKS["RTE"], labels=TASKS["RTE"].labels[::-1])
    with pytest.raises(UserError, match="labels of RTE on the hub are"):
        load_examples(turned, hub)


@pytest.mark.parametrize(
    ("task", "change", "what"),
    [
        ("RTE", {"label": -1}, "row 0: label -1 means no label"),
        ("RTE", {"label": None}, "row 0: the label None should be a class"),
        ("RTE", {"sentence1": None}, "row 0: the sentence1 is empty"),
        ("RTE", {"sentence2": " "}, "row 0: the sentence2 is empty"),
        ("STS-B", {"label": 7.5}, "row 0: the label 7.5 should be a grade from 0 to 5"),
        ("STS-B", {"label": float("nan")}, "should be a grade"),
        ("SST-2", {}, "there are no rows"),
    ],
)
def test_rows_that_cannot_be_used_are_named(task: str, change: dict[str, Any], what: str) -> None:
    about = TASKS[task]
    label = datasets.ClassLabel(names=list(about.labels))
    features = datasets.Features(
        sentence1=datasets.Value("string"),
        sentence2=datasets.Value("string"),
        sentence=datasets.Value("string"),
        label=datasets.Value("float32") if about.is_graded else label,
    )
    row = dict.fromkeys(("sentence1", "sentence2", "sentence"), "Text.") | {"label": 1}
    split = datasets.Dataset.from_list([row | change], features=features)
    split = split if change else split.select(())
    with pytest.raises(UserError, match=f"^here.*{what}"):
        _examples(split, about, "here")


def test_the_hubs_glue_is_never_a_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`datasets` would read the folder."""
    (tmp_path / "nyu-mll" / "glue").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"folder of that name is here too.*hub:\./nyu-mll/glue"):
        load_examples("RTE", "hub")


def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot load RTE \(rte\) from .*--data local:DIR"):
        load_examples("RTE", f"hub:{tmp_path / 'nothing'}")


@pytest.fixture
def trees() -> Task:
    return Task("Trees", "Is this about a tree?", ("no", "yes"))


def write(folder: Path, train: str, name: str = "Trees") -> str:
    (folder / name).mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation"):
        (folder / name / f"{split}.csv").write_text(train, "utf-8")
    return f"csv:{folder}"


@pytest.mark.parametrize(
    "written", ["Caf\u00e9 au lait", "Cafe\u0301  au\u00a0lait", " Caf\u00e9 au lait "]
)
@pytest.mark.parametrize(
    "label", ["Caf\u00e9 au lait", "Cafe\u0301 au  lait", "Caf\u00e9 au lait "]
)
def test_a_label_is_the_same_however_it_is_composed_and_spaced(
    tmp_path: Path, written: str, label: str
) -> None:
    task = Task("Trees", "?", ("no", label))
    found = load_examples(task, write(tmp_path, f"sentence1,label\nAn oak,{written}\n"))
    assert found["train"] == [Example("An oak", None, 1)]


def test_tables_of_your_own_are_csv_as_spreadsheets_write_it(trees: Task, tmp_path: Path) -> None:
    text = '\ufefflabel,note,sentence1\r\nyes,,"An oak, ""old"" and\ntall"\r\nno,x, A car \r\n'
    found = load_examples(trees, write(tmp_path, text))
    assert found["train"] == [
        Example('An oak, "old" and\ntall', None, 1),
        Example("A car", None, 0),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sentence1\nAn oak\n", "line 1: expected the columns sentence1, label; label is missing"),
        (
            "sentence1,label\nAn oak,perhaps\n",
            "line 2: the label 'perhaps' should be one of no, yes",
        ),
        ("sentence1,label\nAn oak,yes\n,no\n", "line 3: the column sentence1 is empty"),
        ("sentence1,label\n\u200b \u00a0,no\n", "line 2: the column sentence1 is empty"),
        ("sentence1,label\nAn oak,\n", "line 2: the column label is empty"),
        ("sentence1,label\nAn oak\n", "line 2: expected 2 columns, found 1"),
        ("sentence1,label,note,by\nOaks, yes,no\n", "line 2: expected 4 columns, found 3"),
        ("sentence1,label\n", "no examples"),
        ('sentence1,label\n"An oak,yes\n', "no CSV"),
        ("label,sentence1\nyes,Oaks, and elms\n", "line 2: expected 2 columns, found 3"),
        ('label,sentence1\nyes, "Oaks, elms"\n', "line 2: expected 2 columns, found 3"),
        ("label,sentence1,label\nyes,An oak,no\n", "line 1: .*label is there twice"),
        ('sentence1,label\nElm,yes\nOak,yes\n"An" oak,no\nAsh,no\n', "line 4: .*quotation"),
        ('sentence1,label\nElm,yes\n"An oak,no\n' + "Ash,no\n" * 30_000, "line 3: .*quotation"),
        ('sentence1,label\n"An \\"oak\\"",no\n', "line 2: .*quotation"),
        ('sentence1,label\n"two\nlines",yes\nAsh,perhaps\n', "line 4: the label 'perhaps'"),
    ],
)
def test_a_table_that_is_wrong_is_named_by_line(
    trees: Task, tmp_path: Path, text: str, what: str
) -> None:
    with pytest.raises(UserError, match=what):
        load_examples(trees, write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sentence1,label\nAn oak,yes,\n", "An oak"),
        ("sentence1, label,\nAn oak, yes,,\n", "An oak"),
        ('sentence1,label\n"' + "long " * 40_000 + '",yes\n', ("long " * 40_000).strip()),
    ],
    ids=["an empty cell at the end", "spaces", "a long text"],
)
def test_a_table_that_is_harmless_is_read(
    trees: Task, tmp_path: Path, text: str, sentence: str
) -> None:
    before = csv.field_size_limit(99_999)
    assert load_examples(trees, write(tmp_path, text))["train"] == [Example(sentence, None, 1)]
    assert csv.field_size_limit(before) == 99_999, "what others may have set stays"


@pytest.mark.parametrize("grade", ["inf", "1e300", "nan", "3,5", "1_000", "cold"])
def test_a_grade_is_a_number_that_can_be_squared(tmp_path: Path, grade: str) -> None:
    task = Task("Heat", "How warm?", (), ("pearson",))
    with pytest.raises(UserError, match="should be a number"):
        load_examples(task, write(tmp_path, f'sentence1,label\nice,"{grade}"\n', "Heat"))


def test_grades_of_your_own_are_any_numbers(tmp_path: Path) -> None:
    task = Task("Heat", "How warm?", (), ("pearson",), is_pair=True)
    source = write(tmp_path, "sentence1,sentence2,label\nice,snow,-3.5\n", "Heat")
    assert load_examples(task, source)["train"] == [Example("ice", "snow", -3.5)]


def test_a_task_of_your_own_is_only_in_your_tables(trees: Task, tmp_path: Path) -> None:
    (tmp_path / "Trees").mkdir()
    for source in (f"local:{tmp_path}", "hub"):
        with pytest.raises(UserError, match="not a task of GLUE"):
            load_examples(trees, source)
    with pytest.raises(UserError, match=r"no folder .*Nothing"):
        load_examples(Task("Nothing", "?", ("a", "b")), f"csv:{tmp_path}")
