"""The page on section 3 shows what the records hold: the set-up, the training, the importance."""

from __future__ import annotations

import copy
from pathlib import Path

import by_hand
import numpy as np

from replication.book.show import Note
from replication.pages import sec3_methodology as page
from replication.runs.records import TaskRecords

SEEDS = (1337, 42)


def test_the_curves_are_the_records(every: dict[str, TaskRecords]) -> None:
    entries = every["STS-B"]
    figure = page.fine_tuning_curves(entries)
    loss, score = figure.drawing.axes
    for line, scores, records in zip(loss.lines, score.lines, entries.values(), strict=False):
        curve = records["finetune"]["results"]["curve"]
        assert np.column_stack(line.get_data()).tolist() == curve["loss"]
        assert [*scores.get_ydata()] == curve["scores"]
    assert score.lines[-1].get_ydata()[0] == entries[42]["finetune"]["results"]["majority"]


def test_the_finding_is_the_mean_score_with_its_interval() -> None:
    found = by_hand.entries()
    for seed, score in zip((1337, 42), (0.81, 0.83), strict=True):
        found[seed]["finetune"]["results"]["score"] = score
    text = repr(page.finding(found))
    assert "Fine-tuned on 100 examples of SST-2, MiniLM-L6 reaches a mean accuracy of 0.820" in text
    assert "(95 % CI [0.693, 0.947], n = 2 seeds)" in text and "baseline scores 0.500" in text
    assert "(no CI, n = 1 seed)" in repr(page.finding(found.of_seeds([42])))
    found[42]["finetune"]["results"]["score"] = 0.99
    assert "(no CI, n = 2 seeds)" in repr(page.finding(found)), "it leaves 0 to 1"


def test_every_seed_is_drawn(every: dict[str, TaskRecords]) -> None:
    many = TaskRecords({seed: every["STS-B"][SEEDS[seed % 2]] for seed in range(9)})
    names = page.fine_tuning_curves(many).drawing.axes[0].get_legend_handles_labels()[1]
    assert names == [*(f"seed {seed}" for seed in many), "majority"]
    assert len(page.importance(every["RTE"].of_seeds([42])).drawing.axes) == 3, "two, and a scale"


def test_importance_is_that_of_the_full_model(every: dict[str, TaskRecords]) -> None:
    figure = page.importance(every["CoLA"])
    axes = figure.drawing.axes
    for (heads, mlps), records in zip((axes[:2], axes[2:4]), every["CoLA"].values(), strict=True):
        first = records["search"]["results"]["steps"][0]
        assert heads.images[0].get_array().tolist() == first["head_scores"]
        assert [bar.get_width() for bar in mlps.patches] == first["mlp_scores"]


def test_the_setup_is_the_records(every: dict[str, TaskRecords]) -> None:
    facts = page.setup(every["RTE"]).frame["here"]
    assert "entail" in facts["Question"]
    assert facts["Train examples"].startswith("32 entailment, 32 not_entailment; ")
    assert facts["Seeds"] == "1337, 42"
    assert "learning rate 0.001, epochs 1, batch 4" in facts["Recipe"]
    assert facts["Backbone"].startswith("local:")
    assert facts["Majority baseline"] == "0.500"
    graded = page.setup(every["STS-B"]).frame["here"]
    assert graded["Train examples"].startswith("64 pairs with a grade; ")
    assert graded["Metric"] == "Pearson correlation"


def test_examples_are_those_that_were_trained_on(every: dict[str, TaskRecords]) -> None:
    from lottery_utils.data import load_examples

    shown_here = page.examples(every["RTE"])
    assert sorted(shown_here.frame.index) == ["entailment"] * 2 + ["not_entailment"] * 2
    train = load_examples("RTE", "mini", train_size=64, validation_size=40)["train"]
    assert set(shown_here.frame["sentence"]) <= {example.sentence1 for example in train}
    assert list(page.examples(every["CoLA"]).frame.columns) == ["sentence"]
    graded = page.examples(every["STS-B"]).frame
    train = load_examples("STS-B", "mini", train_size=64)["train"]
    grades = {(e.sentence1, e.sentence2): e.label for e in train}
    assert set(graded.index) == {f"about {grade}" for grade in range(6)}
    pairs = zip(graded["sentence"], graded["second sentence"], strict=True)
    assert [f"about {round(grades[pair])}" for pair in pairs] == [*graded.index]


def test_sentences_from_files_are_not_shown(every: dict[str, TaskRecords]) -> None:
    entries = copy.deepcopy(every["STS-B"])
    for stages in entries.values():
        stages["finetune"]["config"]["data"] = "local"
    note = page.examples(entries)
    assert isinstance(note, Note)
    assert "not part of this book" in note._repr_html_()


def test_the_setup_names_no_place(every: dict[str, TaskRecords], tiny_run: Path) -> None:
    for entries in every.values():
        assert str(tiny_run.parent) not in page.setup(entries)._repr_html_()
