"""The live exercises: every check knows the right answer from the usual wrong ones, and every
notebook can be done, and cannot be done by leaving a blank."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY

from lottery_utils.agreement.inference import t_interval
from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from lottery_utils.tasks import TASKS
from replication.book.show import Note
from replication.course import blanks, checks, lesson
from replication.course.checks import NotYet
from replication.course.lesson import Lesson
from replication.runs import records

EXERCISES = sorted((REPOSITORY / "notebooks" / "course").glob("exercise_*.ipynb"))
GRADIENTS = np.random.default_rng(0).normal(size=(20, 3, 4))
DIFFERENCES = [0.06, 0.02, -0.01]
OWN = np.array([0.5, 0.2, 0.1, 0.1, 0.1])
DRAWN = np.random.default_rng(0).normal([0.3, 0.2, 0.3, 0.1, 0.1], 0.02, (500, 5))


def lowest(scores: Any, kept: Any, n: int) -> Any:
    order = np.argsort(np.where(kept.heads, scores, np.inf), axis=None)[:n]
    return [divmod(int(place), scores.shape[1]) for place in order]


def p_value(score: float, others: Any) -> float:
    return (1 + sum(other >= score for other in others)) / (1 + len(others))


def shares(types: Any, heads: Any) -> Any:
    return np.bincount(types[:, heads].ravel(), minlength=5) / types[:, heads].size


def outside() -> Any:
    low, high = np.quantile(DRAWN, [0.025, 0.975], axis=0)
    return ~((low <= OWN) & (high >= OWN))


def norms(scores: Any) -> Any:
    return scores / np.linalg.norm(scores, axis=1, keepdims=True)


# A check of an answer, the right one, and wrong ones with what is said of each.
SCORES, MEASURED = np.arange(12.0).reshape(3, 4), np.array([0.3, -0.1, 0.2, 0.4])
CASES: dict[str, tuple[Callable[[Any], Note], Any, list[tuple[Any, str]]]] = {
    "importance": (
        lambda answer: checks.head_importance(answer, GRADIENTS),
        lambda g: np.abs(g).mean(0),
        [
            (lambda g: np.abs(g.mean(0)), "absolute value of the mean"),
            (lambda g: np.abs(g).sum(0), "grows with the number"),
            (lambda g: g.mean(0), "negative"),
            (lambda g: np.abs(g).mean(1), "shape"),
            (lambda g: (g**2).mean(0), "not the importance"),
            (lambda g: "high", "numbers, not str"),
        ],
    ),
    "by layer": (
        checks.by_layer,
        norms,
        [
            (lambda s: s / np.linalg.norm(s), "one norm"),
            (lambda s: s / s.sum(1, keepdims=True), "sum of a layer"),
            (lambda s: s, "not divided"),
        ],
    ),
    "rank correlation": (
        lambda answer: checks.rank_correlation(answer, SCORES, MEASURED, 1),
        0.4,  # ranks 0 1 2 3 and 2 0 1 3
        [(0.9, "not the rank correlation")],
    ),
    "least important": (
        checks.least_important,
        lowest,
        [
            (lambda s, k, n: lowest(s, StructuredMask.full(3, 4), n), "removed before"),
            (lambda s, k, n: lowest(np.where(k.heads, -s, np.inf), k, n), "most important"),
            (lambda s, k, n: lowest(s, k, n + 1), "3 heads are wanted"),
            (lambda s, k, n: 7, "list of (layer, head) pairs"),
        ],
    ),
    "passes": (
        checks.passes,
        lambda score, full: score >= 0.9 * full,
        [
            (lambda score, full: score >= 0.9, "should pass"),
            (lambda score, full: score > 0.9 * full, "should pass"),
            (lambda score, full: score >= full - 0.1, "should fail"),
        ],
    ),
    "random": (
        checks.random_like,
        lambda mask, rng: mask.random_like(int(rng.integers(1e9))),
        [
            (
                lambda mask, rng: StructuredMask(rng.random((3, 8)) < 0.25, mask.mlps),
                "gave masks of",
            ),
            (lambda mask, rng: mask.random_like(0), "all the same"),
            (lambda mask, rng: rng.permuted(mask.heads), "a StructuredMask"),
            (
                lambda mask, rng: StructuredMask(rng.permuted(mask.heads, axis=1), mask.mlps),
                "far more often",
            ),
        ],
    ),
    "p": (
        checks.p_value,
        p_value,
        [
            (lambda score, others: np.mean(np.array(others) >= score), "p of 0"),
            (lambda score, others: 1 - p_value(score, others), "should be 0.2"),
        ],
    ),
    "interval": (
        lambda answer: checks.interval(answer, DIFFERENCES),
        t_interval(DIFFERENCES)[1:3],
        [
            ((-0.016407, 0.063074), "1.96 is for many"),  # 0.023333 ± 1.96 * 0.020276
            ((0.0, 0.1), "not Student's"),
            ((0.1,), "shape"),
        ],
    ),
    "shares": (
        checks.shares,
        shares,
        [
            (lambda t, h: shares(t, h) * t[:, h].size, "counts"),
            (lambda t, h: shares(t, ~h), "not the shares"),
        ],
    ),
    "chance": (
        lambda answer: checks.beyond_chance(answer, OWN, DRAWN),
        outside(),
        [(~outside(), "other way round"), (np.ones(5, bool), "not the types")],
    ),
    "choice": (
        lambda answer: checks.choice(answer, "b", {"a": "no.", "c": "no."}),
        "B ",
        [("a", "Not a: no."), ("x", "no answer")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_right_answer_is_right(name: str) -> None:
    check, answer, _ = CASES[name]
    assert check(answer).text.startswith("Right.")


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [(name, answer, said) for name, (_, _, wrong) in CASES.items() for answer, said in wrong],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_answer_has_its_hint(name: str, answer: Any, said: str) -> None:
    with pytest.raises(NotYet) as error:
        CASES[name][0](answer)
    assert said in str(error.value) and "Hint: " in str(error.value)


@pytest.mark.parametrize("name", CASES)
def test_a_blank_is_a_blank_and_gives_nothing_away(name: str) -> None:
    of_a_function = callable(CASES[name][1])
    with pytest.raises(NotYet, match="still blank") as error:
        CASES[name][0]((lambda *_: None) if of_a_function else None)
    assert "Hint" not in str(error.value)


class Model:
    """A lesson of eight heads, each as important as its number; below half of them is too few."""

    full, full_score = StructuredMask.full(2, 4), 0.8
    prune, good = Lesson.prune, Lesson.good
    _recorded = True

    def importance(self, mask: StructuredMask) -> Any:
        return np.arange(8.0).reshape(2, 4)

    def score(self, mask: StructuredMask) -> float:
        return 0.7 + mask.n_heads / 80


def half(score: float, full_score: float) -> bool:
    return score >= 0.5 * full_score


def first(scores: Any, kept: StructuredMask, n: int) -> Any:
    return [(1, 3)] if kept.heads[1, 3] else lowest(scores, kept, n)


def left(*removed: tuple[int, int]) -> StructuredMask:
    return Model.full.without(list(removed), [])


MODEL: Any = Model()
SIX = left((0, 0), (0, 1))  # scores 0.775
RULE = MODEL.good()  # 0.72 is reached with two heads, and the last step would leave one


def test_a_right_loop_is_right_and_says_which_part_is_not() -> None:
    assert "2 of 8 heads" in checks.loop(RULE, MODEL, lowest, lesson.passes).text
    for choose, passes in ((first, lesson.passes), (lowest, lambda score, full: score > 0.77)):
        kept = MODEL.prune(choose, passes)
        found = checks.loop(kept, MODEL, choose, passes)
        assert found.text.startswith("Right.") and "not right yet" in found.text


@pytest.mark.parametrize(
    ("kept", "choose", "said"),
    [
        (SIX, lowest, "score the heads again"),
        (RULE.without([(1, 2)], []), lowest, "go back to the last"),
        ([1, 0], lowest, "a mask, not list"),
        (SIX, lambda *_: None, "finish those first"),
    ],
)
def test_a_wrong_loop_has_its_hint(kept: Any, choose: Any, said: str) -> None:
    with pytest.raises(NotYet, match=f"Hint: .*{said}|{said}.*Hint: "):
        checks.loop(kept, MODEL, choose, lesson.passes)


def run(notebook: Any, parameters: dict[str, Any]) -> list[str | None]:
    """Execute the code of an exercise in this process, whatever fails; of each check what it said
    where it failed."""
    names: dict[str, Any] = {}
    said: list[str | None] = []
    graded = [cell.id for cell in blanks.checks(notebook)]
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "remove-cell" in tags:
            continue
        error = None
        try:
            exec(compile(cell.source, str(tags), "exec"), names)
        except Exception as found:
            error = f"{type(found).__name__}: {found}"
        if "parameters" in tags:
            names |= parameters
        if cell.id in graded:
            said.append(error)
    return said


@pytest.fixture
def small(tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Parameters of a lesson on the tiny model."""
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(lesson, "kept", lambda: tmp_path)
    return {"backbone": str(tiny_backbone), "n_draws": 30, "n_examples": 3, "layer": 1}


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_can_be_done_and_not_by_leaving_blanks(
    path: Path, small: dict[str, Any]
) -> None:
    notebook = blanks.read(path)
    assert run(notebook, small) == [None] * len(blanks.answers(notebook))
    for error in run(blanks.handout(notebook), small):
        assert error and error.startswith("NotYet: ") and "still blank" in error


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_what_students_get_has_no_solutions(path: Path) -> None:
    notebook = blanks.read(path)
    given, key = blanks.handout(notebook), blanks.key(notebook)
    text = "\n".join(cell.source for cell in given.cells)
    for answer in blanks.answers(notebook):
        code, said = blanks.solution(answer.source)
        new = set(code.split("\n")) - set(blanks.blank(answer.source).split("\n"))
        assert new and said and not any(line in text for line in [*new, said] if line.strip())
        assert "SOLUTION" not in code
    assert "SOLUTION" not in text and "```{" not in text and "{doc}" not in text
    assert text.count("**Exercise: ") == len(blanks.answers(notebook)) > 2
    assert text.count(blanks.STUB) == len(blanks.answers(given))
    assert not re.search(r"\(\s*\)\.", text), "a link that vanished leaves nothing behind"
    answered = [cell.source for cell in blanks.answers(key)]
    assert answered == [cell.source for cell in blanks.answers(notebook)]
    assert len(key.cells) == len(given.cells)


def test_a_page_shows_blanks_and_folds_their_solutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, to = EXERCISES[1], tmp_path / "page.ipynb"
    monkeypatch.setattr(blanks, "build_page", lambda notebook, page, _: shutil.copy(notebook, page))
    blanks.page(path, to, tmp_path / "given.ipynb", {})
    notebook, shown = blanks.read(path), blanks.read(to)
    assert blanks.read(tmp_path / "given.ipynb").cells == blanks.handout(notebook).cells
    assert all(blanks.STUB in cell.source for cell in blanks.answers(shown))
    sources = [cell.source for cell in shown.cells]
    for answer, name in zip(blanks.answers(notebook), ("least", "passes", "loop"), strict=True):
        start = sources.index(f"```{{solution-start}} course-{name}\n:class: dropdown\n```")
        code, said = blanks.solution(answer.source)
        assert sources[start - 1].startswith("checks.") and f":label: course-{name}" in "".join(
            sources[:start]
        )
        assert sources[start + 1 : start + 3] == [code, f"{said}\n\n```{{solution-end}}\n```"]


def test_a_solution_that_fails_and_a_blank_that_passes_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = EXERCISES[0]
    n = len(blanks.answers(blanks.read(path)))
    found = ("NotYet", "It is blank.")
    for filled, left_open, said in (
        ([None] * n, [found] * n, None),
        ([*[None] * (n - 1), found], [found] * n, f"the solution of exercise {n} fails"),
        ([None] * n, [found, None, found], "exercise 2, left open, should be found out"),
        ([None] * n, [("NameError", "scores"), found, found], "says NameError"),
    ):
        outcomes = iter([filled, left_open])
        monkeypatch.setattr(blanks, "failures", lambda *_, of=outcomes: next(of))
        if said is None:
            assert f"{n} exercises" in blanks.check(path, {})
        else:
            with pytest.raises(UserError, match=said):
                blanks.check(path, {})


def test_answers_and_checks_have_to_pair_up() -> None:
    notebook = copy.deepcopy(blanks.read(EXERCISES[0]))
    blanks.answers(notebook)[0].source = "agreement = None"
    with pytest.raises(UserError, match="BEGIN SOLUTION"):
        blanks.handout(notebook)
    notebook.cells.remove(blanks.checks(notebook)[0])
    with pytest.raises(UserError, match="in turn"):
        blanks.checks(notebook)


def test_a_lesson_is_trained_once(workplace: Path, tiny_backbone: Path) -> None:
    said: list[str] = []
    first, again = (
        Lesson("CoLA", 42, str(tiny_backbone), n_train=32, n_validation=16, say=said.append)
        for _ in range(2)
    )
    assert [text.startswith("Fine-tuning") for text in said] == [True, False, False]
    assert first.full_score == again.full_score
    assert len(list(workplace.glob(".cache/course/*.safetensors"))) == 1
    assert first.gradients.shape == (16, *first.full.heads.shape)
    assert first.losses_without(0).shape == first.full.heads.shape[1:]
    for layer in (9, -1, "1", None):
        with pytest.raises(UserError, match="layer should be a whole number from 0 to"):
            first.losses_without(layer)  # type: ignore[arg-type]
    layer, head = 1, 2
    only = first.full.without([(layer, head)], [])
    assert first.losses_without(layer)[head] == pytest.approx(
        first._loss(only) - first._loss(first.full)
    )


def test_what_is_on_record_is_not_computed(
    workplace: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(**options: Any) -> Lesson:
        return Lesson("CoLA", 42, str(tiny_backbone), n_train=32, n_validation=16, **options)

    model, place = of(), workplace / "lesson.npz"
    model.record(place)
    for path in workplace.glob(".cache/course/*.safetensors"):
        path.unlink()
    monkeypatch.setattr(lesson.training, "finetune", None)  # whoever trains, fails
    recorded = of(find=lambda *_: place)
    assert recorded.full == model.full and recorded.full_score == model.full_score
    assert recorded.good() == model.good()
    np.testing.assert_array_equal(recorded.gradients, model.gradients)
    np.testing.assert_array_equal(recorded.attention_types(), model.attention_types())
    np.testing.assert_array_equal(
        recorded.random_scores(model.good()), model.random_scores(model.good())
    )
    for layer in range(len(model.full.heads)):
        np.testing.assert_array_equal(recorded.losses_without(layer), model.losses_without(layer))
    lower = recorded.prune(passes=lambda score, full: True)  # as with a wrong `passes`
    assert lower <= recorded.good()
    with pytest.raises(UserError, match="make course-cache TASK=CoLA SEEDS=42"):
        recorded.score(recorded.full.without([(0, 0), (1, 1)], []))


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "notebooks/course/lessons").glob("*.npz")), ids=lambda p: p.stem
)
def test_lessons_that_come_with_the_book_are_those_of_today(path: Path) -> None:
    task, _, seed = path.stem.rpartition("-")
    assert str(np.load(path)["of"]) == Lesson(task, int(seed), find=lambda *_: path)._weights.stem


def test_every_task_of_glue_has_retrained_tickets_for_exercise_3() -> None:
    for task in TASKS:
        entries = records.load("minilm-glue", task)[task]
        for kind in ("good", "random"):
            assert len(entries.scores(f"{kind}, retrained")) == 3


@pytest.mark.parametrize(
    "given",
    [{"task": 2024}, {"seed": 2.5}, {"seed": -1}, {"backbone_spec": None}, {"source": 2024}],
    ids=str,
)
def test_parameters_as_papermill_casts_them_are_one_sentence(
    workplace: Path, tiny_backbone: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"2024|seeds should be|None"):
        Lesson(**({"backbone_spec": str(tiny_backbone)} | given))
