"""Attention types (section 5.2): features of maps, the classifiers, and how good they are."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maps import noise

from lottery_utils.errors import UserError
from lottery_utils.patterns import network, validation
from lottery_utils.patterns.maps import (
    CLS,
    PUNCTUATION,
    SEP,
    TYPES,
    UNLABELLED,
    WEIGHTINGS,
    WORD,
    AnnotatedMap,
    load_maps,
    shipped,
)
from lottery_utils.patterns.tree import FEATURES, features, tree
from lottery_utils.patterns.validation import folds, weighted_f1

EVERY_WEIGHTING = pytest.mark.parametrize("weighting", WEIGHTINGS)
FloatArray = npt.NDArray[np.float32]


def column(n: int, place: int) -> FloatArray:
    values = np.zeros((n, n), np.float32)
    values[:, place] = 1
    return values


def drawn(seed: int = 0, n_maps: int = 48) -> list[AnnotatedMap]:
    """Ideal maps of mixed sizes, columns (vertical) and diagonals by turns, a little noisy."""
    rng, found = np.random.default_rng(seed), []
    for i in range(n_maps):
        n = int(rng.integers(5, 13))
        ideal = column(n, int(rng.integers(n))) if i % 2 else np.eye(n, k=int(rng.integers(-1, 2)))
        values = (0.9 * ideal + 0.1 * noise(n, i)).astype(np.float32)
        label = TYPES.index("vertical" if i % 2 else "diagonal")
        found.append(AnnotatedMap(values / values.max(), layer=i % 5, head=i % 3, label=label))
    return found


# Features


def named(values: npt.ArrayLike, kinds: npt.ArrayLike = ()) -> dict[str, float]:
    tokens = np.asarray(kinds, np.uint8)
    found = features(AnnotatedMap(np.asarray(values, np.float32), tokens))
    return dict(zip(FEATURES, found.tolist(), strict=True))


def test_features_of_a_diagonal() -> None:
    """Ten tokens, 44 of 100 places at most two off the diagonal."""
    expected = {"band": 1 - 0.44, "diagonal": 0.9, "column": 0.1, "columns": 0.0, "entropy": 0.0}
    expected |= {"on_diagonal": 1.0, "in_column": 0.1, "dark_diagonal": 1.0, "dark_column": 0.1}
    expected |= {"special": 0.0, "punctuation": 0.0, "block": 0.0}
    assert named(np.eye(10)) == pytest.approx(expected, abs=1e-6)
    # One off the main diagonal: the last row is empty, and counts as uniform.
    beside = named(np.eye(10, k=1))
    assert beside["diagonal"] == pytest.approx(0.9 - 0.1)
    assert beside["dark_diagonal"] == pytest.approx(1.0)
    assert beside["entropy"] == pytest.approx(0.1)
    # Four off is no diagonal for the eye; the nine empty places of a row are not dark.
    assert named(np.eye(10, k=4))["dark_diagonal"] == 0


def test_features_of_a_column() -> None:
    kinds = [CLS, WORD, WORD, PUNCTUATION, WORD, WORD, WORD, WORD, WORD, SEP]
    found = named(0.5 * column(10, 3), kinds)
    expected = {"band": 0.5 - 0.44, "diagonal": 0.0, "column": 1.0, "columns": 0.5, "entropy": 0.0}
    # Rows 0 to 6 are within three of it, 1 to 5 within two; the first diagonal of ten that
    # crosses it, three below the main one, has seven places.
    expected |= {"on_diagonal": 0.7, "in_column": 1.0, "dark_diagonal": 0.5 / 7}
    expected |= {"dark_column": 0.5, "special": 0.0, "punctuation": 1.0, "block": 0.0}
    assert found == pytest.approx(expected, abs=1e-6)
    assert named(column(10, 9), kinds)["special"] == pytest.approx(1)
    at_cls = named(column(10, 0), kinds)
    assert at_cls["special"] == pytest.approx(1)
    assert at_cls["band"] == pytest.approx(-0.44), "a column at [CLS] is no part of a diagonal"


def test_features_of_a_block() -> None:
    """[CLS] a a a [SEP] b b b b [SEP]: each token looks at all of its sentence."""
    kinds = [CLS, WORD, WORD, WORD, SEP, WORD, WORD, WORD, WORD, SEP]
    values = np.zeros((10, 10))
    values[:5, :5], values[5:, 5:] = 1, 1
    found = named(values, kinds)
    # A fifth for a token of the same sentence, nothing for another, times ten tokens.
    assert found["block"] == pytest.approx(2)
    assert found["entropy"] == pytest.approx(np.log(5) / np.log(10))
    assert found["special"] == pytest.approx((5 * 0.4 + 5 * 0.2) / 10)
    values[[0, 4, 9]] = 1  # special tokens belong to no sentence
    assert named(values, kinds)["block"] == pytest.approx(2)
    values[[0, 4, 9]] = 0
    across = named(1 - values, kinds)
    assert across["block"] == pytest.approx(-2)
    assert named(values, [CLS, *[WORD] * 8, SEP])["block"] == 0, "one sentence has no blocks"


@pytest.mark.parametrize(("share", "counts"), [(0.3, 0), (0.4, 1)])
def test_a_third_of_the_largest_is_seen(share: float, counts: int) -> None:
    """A weak diagonal under a column, whose last four rows are near; and the other way round."""
    assert named(share * np.eye(10) + column(10, 9))["on_diagonal"] == 0.4 + 0.6 * counts
    assert named(np.eye(10) + share * column(10, 9))["in_column"] == 0.1 + 0.9 * counts


# Classifiers


@pytest.fixture(scope="module")
def net() -> network.PatternNet:
    """A network that has learned two types from ideal maps, in many small and large steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "BATCH", 8)
        patch.setattr(network, "RATE", 4e-3)
        return network.train(drawn(), epochs=30)


sizes = st.integers(3, 40)


@settings(max_examples=25, deadline=None)
@given(sizes, st.lists(sizes, min_size=1, max_size=3), st.integers(0, 1000))
def test_a_map_alone_is_a_map_among_larger_ones(
    net: network.PatternNet, n: int, others: list[int], seed: int
) -> None:
    shown = noise(n, seed)
    with torch.inference_mode():
        (alone,) = net(*network.padded([shown]))
        among = net(*network.padded([shown, *(noise(m, m) for m in others)]))[0]
    torch.testing.assert_close(among, alone, atol=1e-5, rtol=1e-5)


def test_ideal_maps_are_learned(net: network.PatternNet) -> None:
    new = drawn(seed=1, n_maps=60)
    labels = [m.label for m in new]
    assert (network.classify(net, [m.values for m in new]) == labels).mean() > 0.9
    answers = tree(drawn()).predict(np.stack([features(m) for m in new]))
    assert (answers == labels).mean() > 0.95


def test_answers_come_in_the_order_of_the_maps(net: network.PatternNet) -> None:
    maps = [m.values for m in drawn(seed=2, n_maps=20)]
    assert len({len(values) for values in maps}) > 5
    alone = [int(network.classify(net, [values])[0]) for values in maps]
    assert len(set(alone)) > 1
    for batch in (256, 3):
        found = network.classify(net, maps, batch)
        assert found.dtype == np.int64
        assert found.tolist() == alone
    # How dark a map is as a whole is not its type.
    assert network.classify(net, [values / 100 for values in maps]).tolist() == alone
    assert network.classify(net, []).tolist() == []


def test_a_seed_decides_the_training() -> None:
    first, again, other = (
        network.train(drawn(n_maps=8), seed=seed, epochs=1).state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(values, again[name]) for name, values in first.items())
    assert not all(torch.equal(values, other[name]) for name, values in first.items())
    with pytest.raises(ValueError, match="needs labelled maps"):
        network.train([])


def test_a_missing_or_broken_network_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "network_file", lambda weighting: tmp_path / weighting)
    (tmp_path / "normed").write_bytes(b"weights")
    for weighting in WEIGHTINGS:
        with pytest.raises(UserError, match=f"{weighting} .*: train it with"):
            network.load(weighting)


# Scores


def test_folds_never_split_a_head_and_have_all_types() -> None:
    rng = np.random.default_rng(0)
    heads = [(layer, head) for layer in range(4) for head in range(12) for _ in range(3)]
    labels = rng.integers(4, size=len(heads))
    maps = [
        AnnotatedMap(noise(3), layer=layer, head=head, label=int(label))
        for (layer, head), label in zip(heads, labels, strict=True)
    ]
    found = folds(maps)
    assert len(set(zip(heads, found.tolist(), strict=True))) == len(set(heads))
    assert np.bincount(found, minlength=5).min() >= 0.7 * len(maps) / 5
    for label in range(4):  # about as frequent in each fold as in all
        shares = [(labels[found == fold] == label).mean() for fold in range(5)]
        assert np.abs(np.array(shares) - (labels == label).mean()).max() < 0.15
    assert folds(maps).tolist() == found.tolist() != folds(maps, seed=1).tolist()


def test_each_map_is_judged_without_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[AnnotatedMap]] = []
    trained = network.train

    def spy(maps: list[AnnotatedMap], **options: Any) -> network.PatternNet:
        seen.append(maps)
        return trained(maps, **options)

    monkeypatch.setattr(network, "train", spy)
    maps = drawn(n_maps=60)
    found = validation.validate(maps, epochs=1)
    assert found["fold"] == folds(maps).tolist()
    for fold, chosen in enumerate(seen):
        held_out = {
            (m.layer, m.head) for m, f in zip(maps, found["fold"], strict=True) if f == fold
        }
        assert held_out
        assert not held_out & {(m.layer, m.head) for m in chosen}
    labels = [m.label for m in maps]
    assert weighted_f1(labels, found["tree"]) > 0.95, "answers are at the places of their maps"
    assert len(found["network"]) == len(maps)


def test_scores_by_hand() -> None:
    labels, predicted = [0, 0, 0, 1, 1, 4], [0, 0, 1, 1, 0, 3]
    # F1 of type 0 is 2/3 (2 of 3 found, 2 of 3 right), of 1 is 1/2, of 4 is 0.
    assert weighted_f1(labels, predicted) == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 0) / 6)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"raw": 1}', "other maps"])
def test_predictions_of_other_maps_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    record = tmp_path / "validation.json"
    monkeypatch.setattr(validation, "RECORD", record)
    if content == "other maps":
        content = json.dumps({w: {"network": [0]} for w in WEIGHTINGS})
    if content is not None:
        record.write_text(content)
    with pytest.raises(UserError, match=r"validation\.json for these maps: make it with"):
        validation.read()


# What comes with the package


@EVERY_WEIGHTING
def test_shipped_maps(weighting: str) -> None:
    maps = load_maps(shipped(weighting))
    assert len(maps) >= 400
    assert sum(m.second != UNLABELLED for m in maps) == 100
    for shown in maps:
        assert shown.values.shape == (len(shown.tokens),) * 2
        assert shown.values.min() >= 0
        assert shown.values.max() == 1
        assert shown.label < len(TYPES)
        assert shown.second < len(TYPES) or shown.second == UNLABELLED
        assert shown.tokens[0] == CLS
        assert shown.tokens[-1] == SEP
        assert set(shown.tokens.tolist()) <= {WORD, CLS, SEP, PUNCTUATION}
        assert shown.task
        assert shown.state in ("pre-trained", "fine-tuned")
    assert sum(shipped(w).stat().st_size for w in WEIGHTINGS) < 5e6


@EVERY_WEIGHTING
def test_shipped_predictions_are_of_the_shipped_maps(weighting: str) -> None:
    maps = load_maps(shipped(weighting))
    record = validation.read()[weighting]
    assert record["fold"] == folds(maps).tolist()
    for name in ("network", "tree"):
        assert len(record[name]) == len(maps)
        assert set(record[name]) <= set(range(len(TYPES)))
    # The tree is quick to fit again, so that other maps, labels or features would show.
    for fold in set(record["fold"]):
        seen = [m for m, f in zip(maps, record["fold"], strict=True) if f != fold]
        unseen = [i for i, f in enumerate(record["fold"]) if f == fold]
        answers = tree(seen).predict(np.stack([features(maps[i]) for i in unseen]))
        assert answers.tolist() == [record["tree"][i] for i in unseen]
    scores = {k: weighted_f1([m.label for m in maps], record[k]) for k in ("network", "tree")}
    assert record["better"] == max(scores, key=lambda name: scores[name])


@EVERY_WEIGHTING
def test_shipped_networks_know_the_shipped_maps(weighting: str) -> None:
    maps = load_maps(shipped(weighting))
    labels = np.array([m.label for m in maps])
    found = network.classify(network.load(weighting), [m.values for m in maps])
    ((_, most_frequent),) = Counter(labels.tolist()).most_common(1)
    assert (found != labels).sum() < (len(maps) - most_frequent) / 2
