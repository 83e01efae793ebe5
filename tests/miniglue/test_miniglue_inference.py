"""The embedded MNLI, QNLI, WNLI and RTE are right by their own logic."""

from __future__ import annotations

from collections import defaultdict

import pytest

from miniglue.grammar import Draw
from miniglue.inference.operators import OPERATORS
from miniglue.inference.quantities import PERMISSIONS, QUANTITIES, QUANTITIES_AND_KINDS
from miniglue.inference.roles import ROLES
from miniglue.inference.scenes import SCALES, SCENES
from miniglue.inference.senses import SENSES
from miniglue.inference.verdicts import Clause, Inference, monotone, settled
from miniglue.qnli.answers import crossed
from miniglue.wnli import people, things
from miniglue.wnli.schemas import ABOUT_PEOPLE, ABOUT_THINGS

SHARED = OPERATORS + ROLES + QUANTITIES_AND_KINDS + SENSES

any_inference = pytest.mark.parametrize("inference", SHARED, ids=lambda one: one.__name__)


@any_inference
def test_verdicts_exclude_each_other(inference: Inference) -> None:
    """No pair has two verdicts, and none repeats its premise."""
    draw = Draw(inference.__name__, all_words=True)
    for _ in range(100):
        entailed, neutral, contradicted = map(set, inference(draw))
        assert entailed and neutral and contradicted
        assert not (entailed & neutral or entailed & contradicted or neutral & contradicted)
        assert all(premise != said for premise, said in entailed | neutral | contradicted)


def test_a_settled_clause_turns_with_its_negation() -> None:
    clause, other = Clause("it rains", "it does not"), Clause("it snows", "it snows not")
    verdicts = settled(clause, true="rain", false="sun", unsettled=["fog"], other=other)
    assert set(verdicts.entailed) == {("rain", "it rains"), ("sun", "it does not")}
    assert set(verdicts.contradicted) == {("rain", "it does not"), ("sun", "it rains")}
    assert set(verdicts.neutral) == {
        *(("fog", said) for said in clause),
        *((premise, said) for premise in ("rain", "sun") for said in other),
    }


def test_monotone_is_true_of_sets() -> None:
    """The table holds for all sets: those who laughed, the young nurses, the nurses."""
    worlds = [(young, old) for young in (0, 1, 2) for old in (0, 1, 2)]  # how many laughed
    holds = {
        "some young nurses": lambda young, old: young > 0,
        "some nurses": lambda young, old: young + old > 0,
        "no young nurses": lambda young, old: young == 0,
        "no nurses": lambda young, old: young + old == 0,
    }
    verdicts = monotone("some", "no", "young nurses", "nurses")
    for pairs, possible in zip(verdicts, ({True}, {True, False}, {False}), strict=True):
        for premise, hypothesis in pairs:
            told = [world for world in worlds if holds[premise](*world)]
            assert {holds[hypothesis](*world) for world in told} == possible


def test_quantities_are_true_of_numbers() -> None:
    holds = {
        "all of the": lambda n: n == 10,
        "some of the": lambda n: n > 0,
        "most of the": lambda n: n > 5,
        "none of the": lambda n: n == 0,
        "not all of the": lambda n: n < 10,
        "at least half of the": lambda n: n >= 5,
    }
    for pairs, possible in zip(QUANTITIES, ({True}, {True, False}, {False}), strict=True):
        for premise, hypothesis in pairs:
            told = [n for n in range(11) if holds[premise](n)]
            assert {holds[hypothesis](n) for n in told} == possible, (premise, hypothesis)


def test_permissions_are_true_of_worlds() -> None:
    """A rule leaves some courses open: doing it, leaving it, or both (Kripke 1963)."""
    worlds = [{"do"}, {"leave"}, {"do", "leave"}]
    holds = {
        "must": lambda world: "leave" not in world,
        "may": lambda world: "do" in world,
        "must not": lambda world: "do" not in world,
        "need not": lambda world: "leave" in world,
    }
    for pairs, possible in zip(PERMISSIONS, ({True}, {True, False}, {False}), strict=True):
        for premise, hypothesis in pairs:
            told = [world for world in worlds if holds[premise](world)]
            assert {holds[hypothesis](world) for world in told} == possible, (premise, hypothesis)


def test_word_lists_say_everything_once() -> None:
    qualities = [word for scale in SCALES for end in scale for word in end]
    activities = [words for scene in SCENES for words in (*scene.seen, scene.implies)]
    for words in (qualities, activities):
        assert len(words) == len(set(words))


def test_every_question_and_every_sentence_occurs_with_either_label() -> None:
    group = crossed(("who is it?", "it is Mary"), ("when is it?", "it is now"))
    labels = defaultdict(set)
    for question, told, label in group:
        labels[question].add(label)
        labels[told].add(label)
    assert len(labels) == 4
    assert all(seen == {0, 1} for seen in labels.values())


@pytest.mark.parametrize("phenomenon", [people, things], ids=lambda one: one.__name__)
def test_schemas_are_minimal_pairs(phenomenon: object) -> None:
    """Both endings with both candidates; the ending alone decides which candidate is right."""
    draw = Draw("schemas", all_words=True)
    for _ in range(200):
        group = phenomenon(draw)  # type: ignore[operator]
        assert [example.label for example in group] == [1, 0, 0, 1]
        assert len({example.sentence1 for example in group}) == 2
        assert len({example.sentence2 for example in group}) == 4


def test_each_schema_has_two_endings_and_its_candidates_once() -> None:
    schemas = [*ABOUT_PEOPLE, *(about.schema for about in ABOUT_THINGS)]
    assert len({schema.start for schema in schemas}) == len(schemas)
    for schema in schemas:
        assert schema.picks_a != schema.picks_b
        assert schema.start.count("{a}") == schema.start.count("{b}") == 1
