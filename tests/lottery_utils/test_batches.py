"""Batches: every example once, little padding, nothing lost on the way to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lottery_utils.batches import Encoded, EvaluationBatches, encode, training_order
from lottery_utils.tasks import Example

PAD = 9


def encoded(lengths: list[int], pairs: bool = False) -> Encoded:
    """Examples of these lengths; example i consists of the token 100 + i, its label is i % 2."""
    return Encoded(
        input_ids=[[100 + i] * length for i, length in enumerate(lengths)],
        token_type_ids=[[0] + [1] * (length - 1) for length in lengths] if pairs else None,
        labels=[i % 2 for i in range(len(lengths))],
        pad_id=PAD,
    )


def padding(examples: Encoded, batches: list[list[int]]) -> int:
    """How many padding tokens these batches hold."""
    sizes = [[len(examples.input_ids[i]) for i in batch] for batch in batches]
    return sum(max(batch) * len(batch) - sum(batch) for batch in sizes)


lengths_of = st.lists(st.integers(1, 60), min_size=1, max_size=300)


@settings(deadline=None)
@given(lengths_of, st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_an_epoch_has_every_example_exactly_once(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    examples = encoded(lengths)
    batches = training_order(examples, batch_size, np.random.default_rng(seed))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    partial = [batch for batch in batches if len(batch) != batch_size]
    assert len(partial) <= 1
    assert all(0 < len(batch) < batch_size for batch in partial)


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    examples = encoded(np.random.default_rng(0).integers(3, 60, 500).tolist())

    def epochs(seed: int) -> list[list[list[int]]]:
        rng = np.random.default_rng(seed)
        return [training_order(examples, 16, rng) for _ in range(2)]

    assert epochs(1) == epochs(1)
    assert epochs(1) != epochs(2)
    first, second = epochs(1)
    together = [{frozenset(batch) for batch in epoch} for epoch in (first, second)]
    assert len(together[0] & together[1]) < len(first) / 2, "the same batches in another order"


def test_batches_do_not_come_in_order_of_length() -> None:
    examples = encoded(np.random.default_rng(0).integers(3, 60, 800).tolist())
    batches = training_order(examples, 16, np.random.default_rng(0))
    longest = [max(len(examples.input_ids[i]) for i in batch) for batch in batches]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.5


def test_bucketing_saves_most_of_the_padding() -> None:
    # Three buckets' worth, with many short and few long examples, as in real text.
    rng = np.random.default_rng(0)
    examples = encoded(np.minimum(3 + rng.exponential(20, 2400).astype(int), 128).tolist())
    order = rng.permutation(len(examples)).tolist()
    plain = [order[i : i + 16] for i in range(0, len(order), 16)]
    bucketed = training_order(examples, 16, np.random.default_rng(0))
    assert padding(examples, bucketed) < 0.2 * padding(examples, plain)


def test_a_batch_is_padded_to_its_own_longest() -> None:
    batch = encoded([2, 4, 1, 50], pairs=True).collate([2, 1, 0])
    assert batch["input_ids"].tolist() == [
        [102, PAD, PAD, PAD],
        [101, 101, 101, 101],
        [100, 100, PAD, PAD],
    ]
    assert batch["attention_mask"].tolist() == [[1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0]]
    assert batch["labels"].tolist() == [0, 1, 0]
    assert {values.dtype for values in batch.values()} == {torch.int64}


def test_grades_stay_numbers_and_classes_indices() -> None:
    grades = Encoded([[1], [2], [3]], None, [0.0, 2.5, 5.0], PAD).collate([2, 1, 0])["labels"]
    assert (grades.dtype, grades.tolist()) == (torch.float32, [5.0, 2.5, 0.0])
    classes = encoded([1, 1]).collate([1])
    assert classes["labels"].dtype == torch.int64
    assert set(classes) == {"input_ids", "attention_mask", "labels"}, "no token types are made"


@settings(deadline=None)
@given(lengths_of, st.integers(1, 40), st.booleans())
def test_evaluation_sees_every_example_exactly_once(
    lengths: list[int], batch_size: int, file_order: bool
) -> None:
    batches = EvaluationBatches(encoded(lengths), batch_size, file_order=file_order)
    seen = [i - 100 for batch in batches for i in batch["input_ids"][:, 0].tolist()]
    assert sorted(seen) == list(range(len(lengths)))
    widths = [batch["input_ids"].shape[1] for batch in batches]
    if file_order:
        assert seen == list(range(len(lengths)))
    else:
        assert widths == sorted(widths)
    assert len(batches) == len(widths) == -(-len(lengths) // batch_size)


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone: Any) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_backbone)


def test_pairs_are_told_apart_by_token_types(tokenizer: Any) -> None:
    found = encode(tokenizer, [Example("It rains .", "It is wet .", 3.8)], 128)
    tokens = tokenizer.convert_ids_to_tokens(found.input_ids[0])
    assert tokens == "[CLS] it rains . [SEP] it is wet . [SEP]".split()
    assert found.token_type_ids == [[0] * 5 + [1] * 5]
    assert (found.labels, found.pad_id) == ([3.8], tokenizer.pad_token_id)


def test_single_sentences_are_one_segment(tokenizer: Any) -> None:
    found = encode(tokenizer, [Example("It rains .", None, 0), Example("Wet .", None, 1)], 128)
    assert found.token_type_ids == [[0] * 5, [0] * 4]
    assert [len(row) for row in found.input_ids] == [5, 4]
    assert len(found) == 2


def test_text_is_cut_to_the_maximum_length(tokenizer: Any) -> None:
    long = Example("word " * 40, "other " * 40, 0)
    (row,) = encode(tokenizer, [long], 16).input_ids
    tokens = tokenizer.convert_ids_to_tokens(row)
    assert len(tokens) == 16
    assert (tokens[0], tokens[-1], tokens.count("[SEP]")) == ("[CLS]", "[SEP]", 2)


def test_no_examples_are_no_examples(tokenizer: Any) -> None:
    """A task scored whole leaves nothing that a study with `held_out` could score besides."""
    assert len(encode(tokenizer, [], max_length=16)) == 0
