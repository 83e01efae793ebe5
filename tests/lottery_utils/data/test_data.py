"""Reading examples: from files as GLUE's really are, and from files that are damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from lottery_utils.data import (
    MINI_SIZES,
    fingerprint,
    left_out_examples,
    load_examples,
    load_task,
    source_kind,
)
from lottery_utils.errors import UserError
from lottery_utils.tasks import TASKS, Example

SST2_HEADER = "sentence\tlabel"
RTE_HEADER = "index\tsentence1\tsentence2\tlabel"
STSB_HEADER = "index\tsentence1\tsentence2\tscore"


def write_task(root: Path, task: str, train: str | bytes, dev: str | bytes | None = None) -> str:
    """Files in the official layout; returns the source that names them."""
    folder = root / task
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("train.tsv", train), ("dev.tsv", train if dev is None else dev)):
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return f"local:{root}"


def sst2(*lines: str, end: str = "\n") -> str:
    return "\n".join([SST2_HEADER, *lines]) + end


def test_fields_are_never_quoted(tmp_path: Path) -> None:
    source = write_task(tmp_path, "SST-2", sst2('" unbalanced\t0', 'a "b" c\t1', "it 's\t1"))
    assert load_examples("SST-2", source)["train"] == [
        Example('" unbalanced', None, 0),
        Example('a "b" c', None, 1),
        Example("it 's", None, 1),
    ]


@pytest.mark.parametrize(
    "content",
    [
        sst2("good\t1", "bad\t0"),
        sst2("good\t1", "bad\t0", end=""),
        "\ufeff" + sst2("good\t1", "bad\t0"),
        sst2("good\t1", "bad\t0").replace("\n", "\r\n"),
        sst2("good \t1", " bad\t0"),
    ],
    ids=["plain", "no newline at the end", "byte-order mark", "CRLF", "spaces"],
)
def test_files_of_any_system_read_alike(tmp_path: Path, content: str) -> None:
    found = load_examples("SST-2", write_task(tmp_path, "SST-2", content))
    assert found["train"] == [Example("good", None, 1), Example("bad", None, 0)]


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    # str.splitlines would break the line at each of these, and GLUE has some of them.
    odd = "one\u2028two\x0bthree\x85four"
    source = write_task(tmp_path, "SST-2", sst2(f"{odd}\t1"))
    assert load_examples("SST-2", source)["train"] == [Example(odd, None, 1)]


def rte(*numbers: int) -> str:
    return "\n".join([RTE_HEADER, *(f"{n}\tIt rains.\tIt is wet.\tentailment" for n in numbers)])


@pytest.mark.parametrize(
    ("task", "content", "line", "what"),
    [
        ("SST-2", sst2("good\t1", "ba", end=""), 3, "expected 2 columns.* found 1"),
        ("SST-2", sst2("good\t1\tmore"), 2, "expected 2 columns.* found 3"),
        ("SST-2", sst2("good\t1", "", "bad\t0"), 3, "found 1"),
        ("SST-2", sst2("good\t1", ""), 3, "found 1"),
        ("SST-2", sst2("good\t1", "fine\t2"), 3, "label '2' is none of '0', '1'"),
        ("SST-2", sst2("good\t1", "  \t0"), 3, "a sentence is empty"),
        ("SST-2", "text\tlabel\ngood\t1\n", 1, "the header.*column 'sentence', found 'text"),
        ("SST-2", "good\t1\n", 1, r"expected the header.*'sentence \| label'"),
        ("SST-2", "", 1, "expected the header"),
        ("CoLA", "gj04\t1\t\tFine.\ngj04\t1\t\n", 2, "expected 4 columns.* found 3"),
        ("RTE", f"{RTE_HEADER}\n0\t\tIt is wet.\tentailment\n", 2, "a sentence is empty"),
        ("RTE", f"{RTE_HEADER}\n0\tIt rains.\t\tentailment\n", 2, "a sentence is empty"),
        *(
            ("STS-B", f"{STSB_HEADER}\n0\tA.\tB.\t{grade}\n", 2, f"'{grade}' is no number from 0")
            for grade in ("6", "-1", "nan", "much", "")
        ),
        *(  # lines that were shuffled or lost
            ("RTE", rte(*numbers), line, "its index is .* lines are missing")
            for numbers, line in (((0, 2, 1), 3), ((0, 1, 3), 4), ((0, 0, 1), 3), ((1, 2, 3), 2))
        ),
    ],
)
def test_damage_is_named_by_file_and_line(
    tmp_path: Path, task: str, content: str, line: int, what: str
) -> None:
    with pytest.raises(UserError, match=rf"train\.tsv, line {line}: .*{what}"):
        load_examples(task, write_task(tmp_path, task, content))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (SST2_HEADER.encode(), r"train\.tsv.*no examples"),
        (sst2("caf\u00e9\t1").encode("latin-1"), r"train\.tsv: it is not UTF-8 text"),
    ],
)
def test_a_file_that_is_empty_or_no_text_is_named(
    tmp_path: Path, content: bytes, what: str
) -> None:
    with pytest.raises(UserError, match=what):
        load_examples("SST-2", write_task(tmp_path, "SST-2", content))


@pytest.mark.parametrize(
    ("task", "header", "line", "label"),
    [
        ("CoLA", "gj04\t0\t*\tB.", "gj04\t1\t\tA.", 1),  # no header
        ("RTE", RTE_HEADER, "0\tA.\tB.\tentailment", 0),
        ("MRPC", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "1\t7\t8\tA.\tB.", 1),
        ("QQP", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "9\t1\t2\tA.\tB.\t0", 0),
        ("QNLI", "index\tquestion\tsentence\tlabel", "0\tA.\tB.\tnot_entailment", 1),
        ("WNLI", RTE_HEADER, "0\tA.\tB.\t1", 1),
        (
            "STS-B",
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
            "0\tnews\tx\t2012\t1\tnone\tnone\tA.\tB.\t3.800",
            3.8,
        ),
    ],
)
def test_every_layout(tmp_path: Path, task: str, header: str, line: str, label: float) -> None:
    found = load_examples(task, write_task(tmp_path, task, f"{header}\n{line}\n"))["train"]
    if task == "CoLA":
        assert found == [Example("B.", None, 0), Example("A.", None, label)]
    else:
        assert found == [Example("A.", "B.", label)]


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    source = write_task(tmp_path, "SST-2", sst2("good\t1"))
    (tmp_path / "SST-2" / "dev.tsv").unlink()
    with pytest.raises(UserError, match=r"SST-2/dev\.tsv: No such file"):
        load_examples("SST-2", source)
    with pytest.raises(UserError, match=r"no folder .*/RTE.*official GLUE layout"):
        load_examples("RTE", source)
    with pytest.raises(UserError, match="--data local:DIR"):
        load_examples("RTE", "local")


def test_a_source_has_a_kind_without_its_place() -> None:
    sources = ("mini", "local", "local:/some/where", "hub", "hub:me/glue", "csv", "csv:my data")
    assert [source_kind(source) for source in sources] == [
        *("mini", "local", "local", "hub", "hub", "csv", "csv")
    ]
    for wrong in ("", "Mini", "local:", "hub:", "mini:x", "glue", "/some/where"):
        with pytest.raises(UserError, match=r"Unknown data source.*'mini'.*'local:DIR'"):
            source_kind(wrong)


def test_a_cap_draws_the_same_examples_in_file_order_and_leaves_the_rest(tmp_path: Path) -> None:
    source = write_task(tmp_path, "SST-2", sst2(*(f"sentence {i}\t{i % 2}" for i in range(100))))
    whole = load_examples("SST-2", source)
    capped = load_examples("SST-2", source, train_size=30)
    assert capped == load_examples("SST-2", source, train_size=30)
    places = [whole["train"].index(example) for example in capped["train"]]
    assert len(places) == 30
    assert places == sorted(set(places))
    assert places != list(range(30)), "the first lines are no sample"
    assert capped["validation"] == whole["validation"]
    assert load_examples("SST-2", source, validation_size=500) == whole
    (taken,) = load_examples("SST-2", source, validation_size=1)["validation"]
    left = left_out_examples("SST-2", source, 1)
    assert left == [example for example in whole["validation"] if example != taken]
    for place, size in (source, None), (source, 100), ("mini", 10):  # which is made to size
        assert left_out_examples("SST-2", place, size) == []


def test_a_dataset_looks_the_same_whatever_its_source(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    local = load_task("SST-2", write_task(tmp_path, "SST-2", sst2("good\t1", "bad\t0")))
    mini = load_task("SST-2", "mini", train_size=4)
    pairs = load_task("RTE", "mini", train_size=4, validation_size=2)
    assert {split: len(rows) for split, rows in pairs.items()} == {"train": 4, "validation": 2}
    assert len(mini["validation"]) == MINI_SIZES["validation"]
    for split in ("train", "validation"):
        assert local[split].column_names == ["sentence1", "sentence2", "label", "idx"]
        assert local[split].features == mini[split].features
    assert local["train"].features["label"].names == ["negative", "positive"]
    assert pairs["train"].features["label"].names == ["entailment", "not_entailment"]
    assert local["train"][1] == {"sentence1": "bad", "sentence2": None, "label": 0, "idx": 1}
    assert pairs["train"][0]["sentence2"]


def test_a_fingerprint_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    lines = ("good\t1", "bad\t0")
    first = load_examples("SST-2", write_task(tmp_path / "a", "SST-2", sst2(*lines)))
    second = load_examples("SST-2", write_task(tmp_path / "b", "SST-2", sst2(*lines, end="")))
    assert fingerprint(first) == fingerprint(second)
    others = [
        (sst2("good\t1", "bad\t1"), None),
        (sst2("bad\t0", "good\t1"), None),
        (sst2("good\t1", "Bad\t0"), None),
        (sst2(*lines), sst2("good\t1")),
        (sst2("good\t1"), sst2(*lines)),
    ]
    prints = {fingerprint(first)}
    for number, (train, dev) in enumerate(others):
        source = write_task(tmp_path / f"other-{number}", "SST-2", train, dev)
        prints.add(fingerprint(load_examples("SST-2", source)))
    assert len(prints) == len(others) + 1


@pytest.mark.parametrize("task", ["CoLA", "SST-2", "MRPC", "STS-B", "RTE", "WNLI"])
def test_official_files_are_read_whole(glue_dir: Path, task: str) -> None:
    found = load_examples(task, f"local:{glue_dir}")
    assert (len(found["train"]), len(found["validation"])) == TASKS[task].official_sizes
    for examples in found.values():
        labels = {example.label for example in examples}
        assert len(labels) > 10 if TASKS[task].is_graded else labels == {0, 1}


@pytest.mark.parametrize("task", ["QQP", "MNLI", "QNLI"])
def test_files_in_the_official_layout_are_read_line_by_line(glue_dir: Path, task: str) -> None:
    found = load_examples(task, f"local:{glue_dir}")
    layout = TASKS[task].files
    assert layout is not None
    for split, name in (("train", "train.tsv"), ("validation", layout.validation)):
        n_lines = (glue_dir / task / name).read_text("utf-8").rstrip("\n").count("\n")
        assert len(found[split]) == n_lines
        assert {example.label for example in found[split]} == set(range(len(TASKS[task].labels)))


MNLI_DEV = (
    "index promptID pairID genre sentence1_binary_parse sentence2_binary_parse sentence1_parse "
    "sentence2_parse sentence1 sentence2 label1 label2 label3 label4 label5 gold_label"
).split()


@pytest.mark.parametrize("annotators", [1, 5], ids=["twelve columns", "sixteen columns"])
def test_mnli_has_columns_that_are_passed_over(tmp_path: Path, annotators: int) -> None:
    columns = [c for c in MNLI_DEV if c[:5] != "label" or int(c[5:]) <= annotators]
    values = {"sentence1": 'He said "no".', "sentence2": "He spoke.", "gold_label": "neutral"}
    line = "\t".join({"index": "0", **values}.get(column, "contradiction") for column in columns)
    (tmp_path / "MNLI").mkdir()
    for name in ("train.tsv", "dev_matched.tsv"):
        (tmp_path / "MNLI" / name).write_text("\t".join(columns) + f"\n{line}", "utf-8")
    found = load_examples("MNLI", f"local:{tmp_path}")
    assert found["validation"] == [Example('He said "no".', "He spoke.", 1)]


QQP_HEADER = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"


def test_questions_broken_over_two_lines_are_left_out(tmp_path: Path) -> None:
    lines = [QQP_HEADER, "0\t1\t2\tWhy?\tHow?\t0", "1\t3\t4\tWho", "is it?\tWho?\t1"]
    lines += ["2\t5\t6\tWhen?\tWhen is it?\t1"]
    found = load_examples("QQP", write_task(tmp_path, "QQP", "\n".join(lines)))
    assert [example.sentence1 for example in found["train"]] == ["Why?", "When?"]


def test_a_cut_off_file_is_not_taken_for_a_broken_question(tmp_path: Path) -> None:
    lines = [QQP_HEADER, "0\t1\t2\tWhy?\tHow?\t0", "1\t3\t4\tWho"]
    with pytest.raises(UserError, match=r"line 3: expected 6 columns.*truncated"):
        load_examples("QQP", write_task(tmp_path, "QQP", "\n".join(lines)))
    lines[1:] = [f"{i}\t1\t2" for i in range(30)] + ["30\t1\t2\tWhy?\tHow?\t0"]
    with pytest.raises(UserError, match="line 22: expected 6 columns"):
        load_examples("QQP", write_task(tmp_path, "QQP", "\n".join(lines)))
