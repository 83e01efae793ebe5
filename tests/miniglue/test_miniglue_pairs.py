"""MRPC, QQP and STS-B in the embedded corpus: alternations and grades."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

import miniglue
from miniglue import alternations as say
from miniglue import synonyms
from miniglue.grammar import Draw, Example
from miniglue.mrpc import wording as mrpc_wording
from miniglue.qqp import wording as qqp_wording
from miniglue.spelling import Verb
from miniglue.stsb.grading import Part, graded

any_pair_task = pytest.mark.parametrize("task", ("MRPC", "QQP", "STS-B"))


@cache
def corpus(task: str) -> dict[str, list[Example]]:
    return miniglue.generate(task, 2000, 400)


# --- Labels


def test_grades_cover_the_scale_evenly() -> None:
    grades = [example.label for example in corpus("STS-B")["train"]]
    assert all(isinstance(grade, float) and 0 <= grade <= 5 for grade in grades)
    bands = Counter(map(int, grades))
    assert set(bands) == set(range(6)) and max(bands.values()) - min(bands.values()) <= 2
    assert len(set(grades)) >= 10


@any_pair_task
def test_no_pair_is_a_sentence_and_itself(task: str) -> None:
    for example in corpus(task)["train"] + corpus(task)["validation"]:
        assert example.sentence1.lower() != str(example.sentence2).lower()


@any_pair_task
def test_order_of_the_two_sentences_says_nothing(task: str) -> None:
    """Turned round, no pair that was drawn has another label."""
    pairs = {(e.sentence1, e.sentence2): e.label for e in corpus(task)["train"]}
    for (one, other), label in pairs.items():
        assert pairs.get((str(other), one), label) == label


# --- Ways of saying one thing


PRAISE = Verb("praise", "praises", "praised", "praised", "praising")


def test_near_misses_are_made_of_the_same_sentences() -> None:
    """Every side is in one paraphrase and in one near miss: alone it tells nothing."""
    truth, lie = say.transitive("Ann", PRAISE, "Bob"), say.transitive("Bob", PRAISE, "Ann")
    same, different = say.two(Draw("x", all_words=True), truth, lie)
    assert {frozenset(pair) for pair in same} == {frozenset(truth), frozenset(lie)}
    assert Counter(s for pair in same for s in pair) == Counter(s for p in different for s in p)
    assert {s for pair in different for s in pair} == {*truth, *lie}
    assert all(len(set(pair) & set(truth)) == 1 for pair in different)


def test_passive_turns_the_sentence_and_keeps_the_roles() -> None:
    assert say.transitive("Ann", PRAISE, "Bob") == ("Ann praised Bob", "Bob was praised by Ann")
    assert say.clefts("Ann", PRAISE, "Bob") == (
        "it was Ann who praised Bob",
        "it was Bob who was praised by Ann",
    )


def test_sequence_and_sale_say_the_same_from_both_ends() -> None:
    assert say.sequence("Ann sang", "Bob left")[:2] == (
        "Ann sang before Bob left",
        "Bob left after Ann sang",
    )
    assert say.sale("Ann", ("sold", "bought"), "a boat", "Bob") == (
        "Ann sold a boat to Bob",
        "Bob bought a boat from Ann",
    )


def test_a_lie_is_never_a_rewording_of_the_truth() -> None:
    slots = [[("a", "A"), ("b", "B"), ("c", "C")], [("1", "one"), ("2", "two"), ("3", "three")]]
    meaning = {word: cluster[0] for slot in slots for cluster in slot for word in cluster}

    def ways(first: str, second: str) -> say.Ways:
        return (f"{first} {second}", f"then {first} {second}")

    def meant(text: str) -> list[str]:
        return [meaning[word] for word in text.split()[-2:]]

    draw = Draw("x", all_words=True)
    for _ in range(200):
        truth, lie = say.reworded(draw, ways, *slots)
        assert meant(truth[0]) == meant(truth[1]) != meant(lie[0]) == meant(lie[1])
        assert truth[0].split()[0] == "then" or truth[1].split()[0] == "then"


SLOTS = {
    f"{module.__name__.split('.')[-2]}: {name}": clusters
    for module in (synonyms, mrpc_wording, qqp_wording)
    for name, clusters in vars(module).items()
    if name in ("PERSONS", "NUMBERS", "FATES", "DEALINGS", "WHEN", "FIGURES", "CHANGES", "SHARES",
                "SEASONS", "ASKING", "GOALS", "PLACES", "PRODUCTS", "LIMITS", "AMOUNTS", "USERS",
                "TASKS", "DURATIONS", "CROWDS", "OCCASIONS")
}  # fmt: skip
for number, domain in enumerate(synonyms.DOMAINS):
    SLOTS |= {f"deeds {number}": domain.deeds, f"things {number}": domain.things}


@pytest.mark.parametrize("slot", SLOTS)
def test_no_word_means_two_things_in_one_slot(slot: str) -> None:
    """If it did, a near miss could be true."""
    counted = Counter(word for cluster in SLOTS[slot] for word in cluster)
    assert set(counted.values()) == {1}
    assert all(len(cluster) > 1 for cluster in SLOTS[slot])


# --- Grades


def test_a_grade_is_the_weight_of_what_is_kept() -> None:
    parts = [
        Part(1.2, ("cook", "chef"), ("guard",), ("poet",)),
        Part(2.0, ("mends",), ("buys",), ("reads",)),
        Part(1.2, ("cars",), ("vans",), ("poems",)),
        Part(0.6, ("now",), ("soon",), ("often",)),
    ]
    weights = {word: part.weight for part in parts for word in part.words}

    def ways(*parts: str) -> say.Ways:
        return (" ".join(parts), "so " + " ".join(parts))

    def backwards(*parts: str) -> say.Ways:
        return (" ".join(reversed(parts)), " ".join((*reversed(parts), "so")))

    draw = Draw("x", all_words=True)
    seen = set()
    for _ in range(100):
        for pair in graded(draw, parts, ways, [(2.6, backwards)]):
            retold = str(pair.sentence2).lower().rstrip(".").split()
            turned = retold[0] == "now"
            assert pair.sentence1 != pair.sentence2
            kept = sum(weights.get(word, 0) for word in retold)
            assert pair.label == (2.6 if turned else pytest.approx(kept))
            assert not turned or kept == pytest.approx(5)
            seen.add(pair.label)
    assert {0.0, 0.6, 1.2, 1.8, 2.0, 2.4, 2.6, 3.0, 3.2, 3.8, 4.4, 5.0} == seen
