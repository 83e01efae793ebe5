"""Studies: mistakes are named, and a hash changes exactly when numbers may."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, make_backbone

from lottery_utils.errors import UserError
from lottery_utils.recipe import Recipe
from lottery_utils.tasks import TASKS
from replication.stages import FOLLOWUPS, PIPELINE, STAGES, SWEPT
from replication.store import Store
from replication.study import Study

MINIMAL = "tasks: [RTE]\nseeds: [1]\n"
OWN = """\
tasks: [Trees]
seeds: [1]
data: csv
own_tasks:
  Trees: {labels: ["no", "yes"]}
"""
GRADED = OWN.replace('{labels: ["no", "yes"]}', "{metric: spearman, is_pair: true}")


@pytest.fixture
def quick() -> Study:
    """A study like the repository's own `quick`, whose recipe may change."""
    recipe = Recipe(learning_rate=1e-4, epochs=3, batch_size=32)
    return Study("quick", ("SST-2", "CoLA"), (1337, 42), train_size=1000, recipe=recipe)


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_quick_needs_no_download_and_follows_the_paper() -> None:
    study = Study.load("quick")
    assert (study.backbone, study.data, study.variant) == ("bundled", "mini", "paper")
    assert (study.search.threshold, study.search.head_step) == (0.9, 0.1)
    assert len(study.seeds) >= 2, "one seed has no spread"


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "studies").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_study_of_the_repository_loads(path: Path) -> None:
    study = Study.load(path)
    assert study.name == path.stem
    assert Study.load(path.stem) == study
    assert all(re.fullmatch("[0-9a-f]{16}", study.hash(stage)) for stage in STAGES)


def test_what_a_file_leaves_out_is_the_papers(tmp_path: Path) -> None:
    study = Study.load(write(tmp_path, MINIMAL))
    assert study == Study("mine", ("RTE",), (1,))
    assert study.recipe == Recipe(learning_rate=2e-5, epochs=3, batch_size=32, max_length=128)


@pytest.mark.parametrize("spelling", ["1e-4", "1.0e-4", "0.0001", '"1e-4"'])
def test_a_rate_may_be_written_in_any_way(tmp_path: Path, spelling: str) -> None:
    path = write(tmp_path, f"{MINIMAL}recipe: {{learning_rate: {spelling}}}\n")
    assert Study.load(path).recipe.learning_rate == 1e-4


WIDE = "\U00020000" * 80  # letters of four bytes
# What a study of two lines is given besides, and what is said of it.
ADDED = {
    "trian_size: 5": "unknown key 'trian_size'; did you mean 'train_size'?",
    "recipe: {learning_rat: 1}": "'recipe.learning_rat'; did you mean 'recipe.learning_rate'?",
    "xyzzy: 1": "unknown key 'xyzzy'; known: ",
    "1: 2": "unknown key '1'",
    "train_size: 1.5": "train_size should be a positive whole number of examples, or null, not 1.5",
    "validation_size: 0": "validation_size should be a positive whole number of examples",
    "recipe: fast": "recipe should be a group of keys, not 'fast'",
    "recipe: {epochs: 0}": "recipe.epochs should be a positive whole number, not 0",
    "recipe: {epochs: 2.5}": "recipe.epochs should be a positive whole number, not 2.5",
    "recipe: {bf16: 1}": "recipe.bf16 should be true, false or 'cpu', not 1",
    "recipe: {learning_rate: high}": "learning_rate should be a positive number, not 'high'",
    "recipe: {learning_rate: -1}": "learning_rate should be a positive number",
    "recipe: {learning_rate: .nan}": "learning_rate should be a positive number",
    "recipe: {max_length: 4}": "recipe.max_length should be at least 8 tokens",
    "search: {threshold: 1.1}": "search.threshold should be a number above 0, at most 1",
    "search: {head_step: 0}": "search.head_step should be a number above 0, at most 1",
    "search: {weight_step: 0}": "search.weight_step should be a number above 0, at most 1",
    "variant: papr": "variant should be 'paper' or 'release'",
    "draws: lots": "draws should be 'independent' or 'shared'",
    "whole_tasks: [RTEE]": "did you mean 'RTE'",
    "data: 7": "data should be a text, not 7",
    "data: nowhere": "Unknown data source 'nowhere'",
    "name: a/b": "name should be letters, digits",
    f"name: {'a' * 300}": "name should be letters, digits, . _ -, at most 80, not 'aaa",
    "recipe: {lr: 3}": "unknown key 'recipe.lr'; known: ['adam_epsilon', 'batch_size', ",
    f"recipe: {{epochs: 1{'0' * 30}}}": "recipe.epochs should be a positive whole number",
    "train_size: 0123": "line 3: '0123' should be a number in plain decimal digits",
    "train_size: 1:30": "line 3: '1:30' should be a number in plain decimal digits",
    f"train_size: 1{'0' * 5000}": "line 3: '1000",
    f"train_size: {'[' * 3000}": "nested too deeply",
    "train_size: 2024-13-45": "line 3: '2024-13-45' is not of the kind",
    "train_size: !!int x": "line 3: 'x' is not of the kind",
    "!!bool x: 1": "line 3: 'x' is not of the kind",
    "backbone: a\0b": "line 3: this is not valid YAML (a character that",
    "recipe: {epochs: 3]": "line 3: this is not valid YAML (expected ',' or '}', but got ']')",
    "data_notes: 5": "line 3: data_notes should be a text for each task, not 5",
    "data_notes: {RTE: [a]}": "line 3: data_notes.RTE should be a text, not ['a']",
    f"name: {WIDE}": "name should be shorter: a name of at most 200 bytes",
    f"own_tasks: {{{WIDE}: {{}}}}": "own_tasks should be shorter: a name of at most 200 bytes",
    "backbone: hub:some/model@": "backbone should be bundled, hub:ID, hub:ID@COMMIT or a folder",
    "backbone: &a [*a]": "backbone should be a text, not [[",
    "own_tasks: {2024: {}}": "the name 2024 should be a text: put quotation",
    "magnitude_tasks: RTE": "magnitude_tasks should be a list of texts",
    "magnitude_tasks: [RTEE]": "did you mean 'RTE'",
    "own_tasks: [Trees]": "own_tasks should be a group of keys",
    "followups: {survivor: [RTE]}": "'followups.survivor'; did you mean 'followups.survivors'",
    "followups: {xyzzy: [RTE]}": "unknown key 'followups.xyzzy'; known: ",
    "followups: {control: [RTEE]}": "did you mean 'RTE'?",
    "followups: {control: RTE}": "followups.control should be a list of texts, not 'RTE'",
    "followups: {control_seeds: [one]}": "control_seeds should be a list of whole numbers",
    "followups: {control_seeds: 1}": "a list of whole numbers, or one for each task, not 1",
    "followups: {control_seeds: {RTEE: [1]}}": "did you mean 'RTE'",
    "followups: {control_seeds: [1, 9]}": "line 3: followups.control_seeds should be some of the",
    "followups: {sensitivity_seeds: [-1]}": "of the study's seeds, 1, and -1 is none of them",
    "followups: {quirks_seeds: {RTE: [9]}}": "line 3: followups.quirks_seeds.RTE should be some of",
}
# Other files, whole.
FILES = {
    "": "expected a study",
    "- tasks": "expected a study, that is lines of 'key: value'",
    "seeds: [1]": "the key 'tasks' is missing",
    "tasks: []\nseeds: [1]": "tasks should be at least one task",
    "tasks: RTE\nseeds: [1]": "tasks should be a list of texts, not 'RTE'",
    "tasks: [RTE]\nseeds: 1": "a list of whole numbers from 0 up to 2**32 - 1, not 1",
    "tasks: [RTE]\nseeds: [1.5]": "seeds should be a list of whole numbers",
    "tasks: [SST2]\nseeds: [1]": "did you mean 'SST-2'",
}
# A task of one's own: what is written instead of what, and what is said of it.
LABELS, TWO = '["no", "yes"]', "own_tasks.Trees.labels should be two or more different ones"
METRIC = "own_tasks.Trees.metric should be one of accuracy, matthews"
CHANGED = [
    ("own_tasks", "tasks_of_mine", "unknown key 'tasks_of_mine'"),
    ("[Trees]", "[Tree]", "did you mean 'Trees'"),
    ("Trees", "RTE", "'RTE' belongs to a task of GLUE"),
    ("tasks: [Trees]", "tasks: [Trees, tREES]", "tasks should be different also where"),
    ("Trees", "../up", "own_tasks: the name '../up' should be letters, digits"),
    ("Trees", "Study.yaml", "own_tasks: the name 'Study.yaml' should be another"),
    ("own_tasks:", "own_tasks:\n  Bushes: yes", "own_tasks.Bushes should be a group of keys"),
    ("labels:", "label:", "unknown key 'own_tasks.Trees.label'; did you mean"),
    ("labels: [", "labels: [1, ", "own_tasks.Trees.labels should be a list"),
    (LABELS, '["yes"]', TWO),
    (LABELS, '["yes", "yes"]', TWO),
    (LABELS, '["yes", " yes"]', TWO),
    (LABELS, '["yes", " "]', TWO),
    (LABELS, '["caf\u00e9", "cafe\u0301"]', TWO),
    ("labels:", "metric: acuracy, labels:", f"{METRIC}, f1 (with 2 labels)"),
    ("labels:", "metric: pearson, labels:", f"{METRIC}, f1 (with 2 labels)"),
    (f"labels: {LABELS}", "metric: f1, labels: [a, b, c]", f"{METRIC} (with 3 labels)"),
    (f"labels: {LABELS}", "is_pair: true", "pearson_spearman (with grades instead of labels)"),
]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        *[(f"{MINIMAL}{text}\n", what) for text, what in ADDED.items()],
        *FILES.items(),
        *[(OWN.replace(old, new), what) for old, new, what in CHANGED],
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(UserError, match=re.escape(what)):
        Study.load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (MINIMAL + "trian_size: 5\n", r"mine\.yaml, line 3: unknown key"),
        (MINIMAL + "recipe:\n  epochs: 2\n  batch_size: 0\n", r"line 5: recipe\.batch_size should"),
        (MINIMAL + "recipe: {learning_rate: true}\n", r"line 3: .* a positive number, not True"),
        ("seeds: [1, 1]\ntasks: [RTE]\n", r"line 1: seeds should be different"),
        ("seeds: [1]\ntasks: [RTE, SST2]\n", r"line 2: Unknown task 'SST2'"),
        (OWN.replace('["no", "yes"]', '["yes"]'), r"line 5: own_tasks\.Trees\.labels should be"),
    ],
)
def test_a_mistake_is_said_with_its_line(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(UserError, match=place):
        Study.load(write(tmp_path, text))


@pytest.mark.parametrize("half", [r'question: "\ud83d"', r'"\ud800": 1'])
def test_half_a_character_is_refused_before_anything_runs(tmp_path: Path, half: str) -> None:
    with pytest.raises(UserError, match=r"line 3: .*ud8.* has half of a"):
        Study.load(write(tmp_path, f"{MINIMAL}{half}\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + "seeds: [2]\n", "line 3: the key 'seeds' is given twice, and first in line 2"),
        (OWN + "own_tasks: {Bushes: {}}\n", "line 6: the key 'own_tasks' is given twice"),
        (MINIMAL + "recipe: {epochs: 1, epochs: 2}\n", "line 3: the key 'recipe.epochs' is given"),
    ],
)
def test_a_key_given_twice_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        Study.load(write(tmp_path, text))


def test_names_with_dots_are_not_groups_of_keys(tmp_path: Path) -> None:
    """`a.labels` is a task, and no key of the task `a`."""
    two, three = "{labels: [x, y]}", "{labels: [u, v, w]}"
    own = f"own_tasks: {{a: {two}, a.labels: {three}, a.b.c: {two}, a.b.d: {three}}}\n"
    tasks = "tasks: [a, a.labels, a.b.c, a.b.d]\nseeds: [1]\ndata: csv\n"
    study = Study.load(write(tmp_path, tasks + own))
    assert [len(study.task(name).labels) for name in study.tasks] == [2, 3, 2, 3]
    other = {"labels": ["p", "q"]}
    changed = study.override({"own_tasks.a.b.c.question": "?", "own_tasks.a.b.d": other})
    assert [name for name, own in changed.own_tasks.items() if own.question == "?"] == ["a.b.c"]
    assert changed.own_tasks["a.b.d"].labels == ("p", "q")
    assert changed.own_tasks.keys() == study.own_tasks.keys()


def test_keys_may_be_merged(tmp_path: Path) -> None:
    assert Study.load(write(tmp_path, f"{MINIMAL}<<: {{train_size: 5}}\n")).train_size == 5


def test_an_unknown_study_is_answered_with_the_known_ones(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"Unknown study 'quik'.*\(tiny\)"):
        Study.load("quik")
    with pytest.raises(UserError, match=r"Cannot read the study nowhere\.yaml: No such file"):
        Study.load("nowhere.yaml")


def test_a_file_may_end_in_yml_and_lie_at_home(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workplace / "studies", MINIMAL, "short.yml")
    assert Study.load("short").name == "short"
    monkeypatch.setenv("HOME", str(workplace))
    assert Study.load("~/studies/short.yml") == Study.load("short")
    with pytest.raises(UserError, match=r"Unknown study 'shrt'.*\(short, tiny\)"):
        Study.load("shrt")
    for name in ("~nobody-of-that-name/x.yaml", "a" * 300):
        with pytest.raises(UserError):
            Study.load(name)


@pytest.mark.parametrize("target", ["nowhere.yaml", "done.yaml", "."])
def test_a_studys_file_that_cannot_be_read_is_not_passed_over(workplace: Path, target: str) -> None:
    """The copy beside its records may be of another day."""
    Study.load("tiny").override({"name": "done"}).keep(Path("results"))
    assert Study.load("done").name == "done"
    Path("studies/done.yaml").symlink_to(target)
    with pytest.raises(UserError, match=r"Cannot read the study studies/done\.yaml: "):
        Study.load("done")


def test_two_files_of_one_name_are_not_chosen_between(workplace: Path) -> None:
    write(workplace / "studies", MINIMAL, "tiny.yml")
    with pytest.raises(UserError, match=r"tiny\.yaml and studies/tiny\.yml are studies of one"):
        Study.load("tiny")
    assert Study.load("studies/tiny.yml") == Study.load(write(workplace, MINIMAL, "tiny.yaml"))


def test_studies_that_a_broken_link_leads_to_are_not_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("studies").symlink_to("unmounted")
    with pytest.raises(UserError, match=r"Unknown study 'quick'.*\(none here\)"):
        Study.load("quick")


def test_studies_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Study.load("quick") == Study.load(REPOSITORY / "studies" / "quick.yaml")


NOT_NUMBERS: list[dict[str, Any]] = [
    {"name": "other"},
    {"tasks": ["RTE"]},
    {"seeds": [1, 2, 3]},
    {"magnitude_tasks": []},
    {"magnitude_tasks": ["RTE"]},
    {"followups.survivors": ["RTE"]},
]
EVERYWHERE: list[dict[str, Any]] = [
    {"backbone": "hub:google-bert/bert-base-uncased"},
    {"data": "local:some/where"},
    {"train_size": 999},
    {"validation_size": 10},
    {"recipe.learning_rate": 2e-4},
    {"recipe.epochs": 4},
    {"recipe.batch_size": 16},
    {"recipe.max_length": 64},
    {"recipe.weight_decay": 0.1},
    {"recipe.adam_epsilon": 1e-6},
    {"recipe.clip_norm": 2.0},
    {"recipe.bf16": False},
    {"recipe.bf16": "cpu"},
    {"whole_tasks": ["SST-2"]},
    {"held_out": True},
]
AFTER_TRAINING: list[dict[str, Any]] = [
    {"search.threshold": 0.8},
    {"search.head_step": 0.2},
    {"search.weight_step": 0.2},
    {"variant": "release"},
]


def hashes(study: Study) -> dict[str, str]:
    return {stage: study.hash(stage) for stage in STAGES}


@pytest.mark.parametrize("change", NOT_NUMBERS, ids=str)
def test_names_and_choices_leave_every_hash(quick: Study, change: dict[str, Any]) -> None:
    assert hashes(quick.override(change)) == hashes(quick)


@pytest.mark.parametrize("change", EVERYWHERE, ids=str)
def test_what_training_depends_on_changes_every_hash(quick: Study, change: dict[str, Any]) -> None:
    before, after = hashes(quick), hashes(quick.override(change))
    assert all(before[stage] != after[stage] for stage in STAGES)


@pytest.mark.parametrize("change", AFTER_TRAINING, ids=str)
def test_the_search_rule_leaves_the_fine_tuning(quick: Study, change: dict[str, Any]) -> None:
    before, after = hashes(quick), hashes(quick.override(change))
    changed = {stage for stage in STAGES if before[stage] != after[stage]}
    assert changed == {"search", "tickets", "magnitude"}
    assert quick.override(change).hash("sweep") == quick.hash("sweep")
    assert quick.override(change).hash("baselines") == quick.hash("baselines")


def test_how_tickets_are_drawn_leaves_the_search(quick: Study) -> None:
    before, after = hashes(quick), hashes(quick.override({"draws": "shared"}))
    changed = {stage for stage in STAGES if before[stage] != after[stage]}
    assert changed == {"tickets", "magnitude"}


def test_each_task_and_kind_of_ticket_has_draws_of_its_own(quick: Study) -> None:
    asked = [(t, s, k) for t in ("CoLA", "RTE") for s in (1, 2) for k in ("random", "bad")]
    found = [quick.draw(*one) for one in asked]
    assert all(found[i] != found[j] for i in range(len(found)) for j in range(i))
    assert found == [quick.draw(*one) for one in asked], "the same every time"
    shared = quick.override({"draws": "shared"})
    assert {shared.draw(*one) for one in asked} == {1, 2}, "as the first studies had it"


def test_a_study_from_before_there_were_draws_keeps_its_hashes(tmp_path: Path) -> None:
    """Beside records lie study files that do not name them; studies of old say so."""
    (tmp_path / "mine").mkdir()
    kept = write(tmp_path / "mine", MINIMAL).rename(tmp_path / "mine" / "study.yaml")
    assert Study.load(kept).draws == "shared"
    assert Study.load(write(tmp_path, MINIMAL)).draws == "independent"
    assert "draws" not in Study.load("minilm-glue").identity("tickets")


def test_another_reading_of_the_authors_code_is_another_search(
    quick: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    released = quick.override({"variant": "release"})
    before, paper = hashes(released), hashes(quick)
    assert Study.load(write(tmp_path, released.to_yaml())).variant == "release"
    monkeypatch.setattr("replication.study.RELEASE_READING", 3)
    changed = {stage for stage in STAGES if before[stage] != released.hash(stage)}
    assert changed == {"search", "tickets", "magnitude"}
    assert hashes(quick) == paper, "studies of the paper's text are as they were"


def test_some_tasks_are_taken_whole() -> None:
    study = Study("mine", ("RTE", "CoLA"), (1,), train_size=9, whole_tasks=("RTE",))
    assert study.sizes("RTE") == {"train_size": None, "validation_size": None}
    assert study.sizes("CoLA") == {"train_size": 9, "validation_size": None}


def test_every_stage_starts_from_one_before_it() -> None:
    order = [*PIPELINE]
    for name, stage in PIPELINE.items():
        assert stage.after is None or order.index(stage.after) < order.index(name)
        assert bool(stage.after) == bool(stage.made_from)
    assert STAGES[0] == "finetune", "all others need its weights"
    assert tuple(name for name in order if not PIPELINE[name].alone) == STAGES + FOLLOWUPS


@pytest.mark.parametrize(
    ("magnitude_tasks", "has_it"),
    [(None, {"SST-2", "CoLA"}), ((), set()), (("CoLA", "RTE"), {"CoLA"})],
)
def test_a_study_says_which_tasks_are_pruned_by_magnitude(
    quick: Study, magnitude_tasks: tuple[str, ...] | None, has_it: set[str]
) -> None:
    study = replace(quick, magnitude_tasks=magnitude_tasks)
    for task in study.tasks:
        without = tuple(stage for stage in STAGES if stage != "magnitude")
        assert study.stages(task) == (STAGES if task in has_it else without)


def test_a_task_of_your_own_takes_ten_lines(tmp_path: Path) -> None:
    study = Study.load(write(tmp_path, OWN))
    assert (study.tasks, study.data) == (("Trees",), "csv")
    task = study.task("Trees")
    assert (task.labels, task.metric, task.is_pair, task.is_graded) == (
        ("no", "yes"),
        "accuracy",
        False,
        False,
    )
    graded = Study.load(write(tmp_path, GRADED))
    task = graded.task("Trees")
    assert (task.metric, task.is_pair, task.is_graded) == ("spearman", True, True)
    assert graded.own_tasks["Trees"].labels == ()
    assert study.task("Trees").labels == ("no", "yes"), "each study has its own"
    assert "Trees" not in TASKS


def test_a_task_of_your_own_is_part_of_the_hash(tmp_path: Path) -> None:
    study = Study.load(write(tmp_path, OWN))
    assert hashes(study.override({"data": f"csv:{tmp_path}"})) == hashes(study)
    turned = study.override({"own_tasks.Trees.labels": ["yes", "no"]})
    assert turned.name.startswith("mine-")
    assert all(turned.hash(stage) != study.hash(stage) for stage in STAGES)
    asked = study.override({"own_tasks.Trees.question": "Which?"})
    assert asked == replace(study, own_tasks=asked.own_tasks) != study, "what people read"
    assert hashes(asked) == hashes(study)
    more = study.override({"own_tasks.Shrubs.labels": ["a", "b"]})
    assert all(more.hash(stage, "Trees") == study.hash(stage, "Trees") for stage in STAGES)
    assert all(turned.hash(stage, "Trees") != study.hash(stage, "Trees") for stage in STAGES)
    assert "own_tasks" not in more.identity("search", "RTE")
    without = {key: value for key, value in study.identity().items() if key != "own_tasks"}
    plain = replace(study, tasks=("RTE",), own_tasks={})
    assert plain.identity() == without, "studies of GLUE are as they were"


def test_a_sweep_depends_on_the_training_data_but_not_on_what_it_chooses(quick: Study) -> None:
    """It holds out training data, and does not look at the validation set."""
    chosen = [f"recipe.{name}" for name in SWEPT]
    others = ("train_size", "recipe.max_length", "recipe.clip_norm")
    for key in (*chosen, "validation_size", *others):
        same = quick.override({key: 9}).hash("sweep") == quick.hash("sweep")
        assert same == (key not in others), key


def test_a_local_backbone_is_its_weights_and_not_its_path(
    quick: Study, tiny_backbone: Path, tmp_path: Path
) -> None:
    same = make_backbone(tmp_path / "elsewhere", seed=0)
    other = make_backbone(tmp_path / "other", seed=1)
    first, moved, different = (
        quick.override({"backbone": str(folder)}) for folder in (tiny_backbone, same, other)
    )
    assert hashes(first) == hashes(moved)
    assert first.name == moved.name
    assert hashes(first)["finetune"] != hashes(different)["finetune"]
    assert str(tiny_backbone) not in str(first.identity())


def test_a_backbone_can_be_named_in_place_of_one_that_is_not_here(
    quick: Study, tiny_backbone: Path
) -> None:
    gone, here = (replace(quick, backbone=name) for name in ("gone", str(tiny_backbone)))
    change = {"backbone": "bundled"}
    assert gone.override(change) == here.override(change) != quick
    with pytest.raises(UserError, match="'gone', which is not here"):
        gone.override({"backbone": str(tiny_backbone)})
    with pytest.raises(UserError, match="Unknown backbone 'gone'"):
        gone.override({"recipe.epochs": 1})


def test_what_changes_numbers_gets_a_name_of_its_own(quick: Study) -> None:
    derived = [quick.override(change) for change in EVERYWHERE + AFTER_TRAINING]
    assert all(re.fullmatch(r"quick-[0-9a-f]{8}", study.name) for study in derived)
    assert len({study.name for study in derived}) == len(derived)
    assert quick.name == "quick"
    twice = quick.override({"train_size": 10}).override({"recipe.epochs": 1})
    assert twice == quick.override({"recipe.epochs": 1, "train_size": 10})


def test_the_values_a_study_has_already_change_nothing(quick: Study) -> None:
    assert quick.override({"recipe.epochs": 3, "data": "mini", "train_size": 1000}) == quick
    assert quick.override({}) == quick


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"recipe.epoch": 1}, "unknown key 'recipe.epoch'; did you mean 'recipe.epochs'?"),
        ({"recip.epochs": 1}, "unknown key 'recip'; did you mean 'recipe'?"),
        ({"seeds.first": 1}, "'seeds' has no keys below it"),
    ],
)
def test_a_wrong_change_is_named(quick: Study, change: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=re.escape(what)):
        quick.override(change)


def test_a_study_kept_without_places_is_still_the_same_study(
    tmp_path: Path, quick: Study, tiny_backbone: Path
) -> None:
    places = {"data": f"local:{tmp_path}", "backbone": str(tiny_backbone)}
    study = quick.override(places)
    text = study.to_yaml()
    assert str(tmp_path) not in text and str(tiny_backbone) not in text
    again = Study.load(write(tmp_path, text))
    assert (again.name, again.data, again.recipe) == (study.name, "local", study.recipe)
    assert hashes(again) == hashes(study), "its records can be read where its folders are not"
    told = again.override(places)
    assert (told.name, hashes(told)) == (study.name, hashes(study))


def test_a_name_that_ends_like_a_changed_studys_is_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    for name in ("mine-20241126", "a-deadbeef"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(MINIMAL, "utf-8")
        with pytest.raises(UserError, match=f"{name}.*expected another, such as"):
            Study.load(path)
    kept = tmp_path / "run-20241126" / "study.yaml"  # in a folder of one's own, of any name
    kept.parent.mkdir()
    kept.write_text(f"name: mine\n{MINIMAL}", "utf-8")
    assert Study.load(kept).name == "mine"


def test_a_path_that_is_not_utf8_is_one_sentence_or_does_no_harm(quick: Study) -> None:
    latin1 = b"f\xfcr".decode("utf-8", "surrogateescape")
    for key in ("backbone", "data"):
        with pytest.raises(UserError, match=f"{key} should be a text in UTF-8"):
            quick.override({key: f"csv:{latin1}"})
    assert Store(latin1).cache != Store("other").cache
