"""What a page says of its data: counted in files, compared with GLUE's own numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lottery_utils.errors import UserError
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import TASKS
from replication.runs import data_card
from replication.store import Store
from replication.study import Study

SIZES = {"train": 635, "validation": 71}


def wnli(folder: Path, train: int = SIZES["train"], validation: int = SIZES["validation"]) -> str:
    """Made-up files in WNLI's official layout, with that many examples."""
    (folder / "WNLI").mkdir(parents=True)
    for name, n in (("train", train), ("dev", validation)):
        rows = "".join(f"{i}\tIt fits {i}.\tIt is {i}.\t{i % 2}\n" for i in range(n))
        text = f"index\tsentence1\tsentence2\tlabel\n{rows}"
        (folder / "WNLI" / f"{name}.tsv").write_text(text, "utf-8")
    return f"local:{folder}"


def study(data: str, **fields: object) -> Study:
    return Study("carded", tasks=("WNLI",), seeds=(1,), data=data, **fields)  # type: ignore[arg-type]


def test_files_of_the_official_sizes_are_called_no_more_than_that(tmp_path: Path) -> None:
    store, of = Store(tmp_path / "results"), study(wnli(tmp_path / "glue"))
    assert not data_card.card(of, "WNLI", store).has_official_sizes, "nobody has counted yet"
    card = data_card.keep(of, "WNLI", store)
    assert card.has_official_sizes
    assert "as many examples as GLUE's official ones" in str(card), "nothing else was compared"
    assert card.files == SIZES == dict(zip(SIZES, TASKS["WNLI"].official_sizes or (), strict=True))
    elsewhere = data_card.card(replace(of, data="local"), "WNLI", store)  # without the files
    assert (elsewhere.files, str(elsewhere)) == (SIZES, str(card))


@pytest.mark.parametrize(("train", "validation"), [(634, 71), (635, 72), (71, 635)])
def test_other_sizes_are_not_and_the_study_says_why(
    tmp_path: Path, train: int, validation: int
) -> None:
    store, source = Store(tmp_path / "results"), wnli(tmp_path / "glue", train, validation)
    of = study(source, train_size=50, data_notes={"WNLI": "cut from the training file"})
    text = str(data_card.keep(of, "WNLI", store))
    assert text.startswith("GLUE, but not its official files")
    assert text.endswith("cut from the training file")
    for n in (train, validation, 635, 71, 50):
        assert f"{n} " in text
    assert "not known" in str(data_card.card(replace(of, data_notes={}), "WNLI", store))


def test_examples_that_are_held_out_are_not_passed_over(tmp_path: Path) -> None:
    store, source = Store(tmp_path / "results"), wnli(tmp_path / "glue")
    for capped in (True, False):
        of = study(source, validation_size=50 if capped else None, held_out=True)
        card = data_card.keep(of, "WNLI", store)
        for text in (str(card), card.capped()):
            assert ("other dev examples are held out" in text) == capped
        rest = data_card.card(replace(of, held_out=False), "WNLI", store)
        assert "held out" not in f"{rest} {rest.capped()}"


def test_made_up_sentences_are_never_glue(tmp_path: Path) -> None:
    of, store = replace(Study.load("quick"), tasks=("SST-2", "RTE")), Store(tmp_path)
    assert data_card.describe(of, of.tasks, store) == (
        "Data: made-up sentences (mini-GLUE), not GLUE."
    )


def test_cards_of_other_files_than_the_records_are_refused(tmp_path: Path) -> None:
    store, of = Store(tmp_path / "results"), study(wnli(tmp_path / "glue"))
    made = {"config": of.identity("finetune", "WNLI"), "results": {"data_sha256": "0" * 64}}
    with pytest.raises(UserError, match=r"the files in local:.* are not what they were"):
        data_card.keep(of, "WNLI", store, made)
    for setting in ({"train_size": 50}, {"train_size": 50, "recipe": Recipe(epochs=9)}):
        with pytest.raises(UserError, match=r"the train_size of the study is not what it was"):
            data_card.keep(replace(of, **setting), "WNLI", store, made)
    with pytest.raises(UserError, match=r"the files in"):
        data_card.keep(replace(of, recipe=Recipe(epochs=9)), "WNLI", store, made)
    assert not list((tmp_path / "results").rglob("data.yaml"))


def test_the_full_study_says_of_three_tasks_that_they_have_other_sizes() -> None:
    full, store = Study.load("minilm-glue"), Store()
    cards = {task: data_card.card(full, task, store) for task in full.tasks}
    other = {task for task, card in cards.items() if not card.has_official_sizes}
    assert other == set(full.data_notes) == {"QQP", "MNLI", "QNLI"}
    text = data_card.describe(full, full.tasks, store)
    assert all(text.count(task) >= 1 for task in full.tasks)
    assert "official ones (at most 1,000 training and 400 dev examples are used)" in text


def test_examples_are_known_by_the_fingerprint_on_their_card() -> None:
    full, store = Study.load("minilm-glue"), Store()
    kept = yaml.safe_load((store.root / full.name / "RTE" / data_card.FILE).read_text("utf-8"))
    said = data_card.fingerprints(full, ["RTE", "WNLI"], store)
    assert f"RTE {kept['used_sha256'][:12]}, WNLI " in said
    assert data_card.fingerprints(Study.load("quick"), ["SST-2"], store) == ""


@pytest.mark.parametrize("text", ["", "[", "5", "files: {train: many}", "files: {train: 5}"])
def test_a_damaged_card_is_one_sentence(text: str, tmp_path: Path) -> None:
    study, store = Study.load("minilm-glue"), Store(tmp_path)
    place = tmp_path / "minilm-glue" / "RTE" / "data.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    with pytest.raises(UserError, match=r"data\.yaml should hold"):
        data_card.card(study, "RTE", store)


def test_notes_on_data_are_no_part_of_any_hash() -> None:
    full = Study.load("minilm-glue")
    silent = replace(full, data_notes={})
    assert silent.hash("tickets") == full.hash("tickets")
    with pytest.raises(UserError, match=r"data_notes|Unknown task"):
        replace(full, data_notes={"SST-3": "x"})


def test_how_many_examples_trained_a_model_is_counted_and_not_what_was_asked_for() -> None:
    """A study that caps tasks at 2,000 examples takes some whole."""
    capped, whole, masks = (
        {"config": {"train_size": 2000}, "results": results}
        for results in ({"examples": {"train": 2000}}, {"examples": {"train": 3668}}, {})
    )
    assert data_card.trained_on([capped, whole, masks]) == "2,000 to 3,668"
    assert data_card.trained_on([masks]) == "2,000"
    everything = {"config": {"train_size": None}, "results": {"examples": 100}}
    assert data_card.trained_on([everything]) == ""
