"""Batches side by side: the same numbers, in the same order, whatever the number of threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from test_encoder import EVERY_FAMILY, batch_for, tiny

from lottery_utils.importance import score_and_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked
from lottery_utils.side_by_side import over_batches
from lottery_utils.training import predict


def several(model: Any) -> list[dict[str, torch.Tensor]]:
    return [batch_for(model, (length, 2)) for length in (9, 3, 5, 7, 4)]


@EVERY_FAMILY
def test_numbers_do_not_depend_on_threads(family: str) -> None:
    model = tiny(family)
    mask = StructuredMask(np.arange(12).reshape(3, 4) % 3 > 0, np.array([True, False, True]))
    found = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        score, importance = score_and_importance(model, several(model), mask, "accuracy")
        with masked(model, mask):
            answers, labels = predict(model, several(model))
        numbers = (importance.heads, importance.mlps, answers, labels)
        found.append((score, importance.n_tokens, *(array.tobytes() for array in numbers)))
    assert found[0] == found[1] == found[2]


def test_every_thread_has_modules_of_its_own_and_the_same_weights() -> None:
    torch.set_num_threads(2)
    model = tiny("bert")
    both_here = threading.Barrier(2, timeout=20)  # passes only if two work at the same time

    def work(own: Any, batch: dict[str, torch.Tensor]) -> tuple[int, int, int, bool]:
        both_here.wait()
        weights = [p.data_ptr() for p in own.parameters()]
        same = weights == [p.data_ptr() for p in model.parameters()]
        return batch["input_ids"].shape[1], id(own), torch.get_num_threads(), same

    batches = several(model)[:4]
    found = list(over_batches(model, batches, work))
    assert [length for length, *_ in found] == [9, 3, 5, 7], "in the order of the batches"
    assert len({model for _, model, _, _ in found} - {id(model)}) == 2
    assert all(n == 1 and same for _, _, n, same in found)
    assert torch.get_num_threads() == 2


def test_one_thread_needs_no_copy() -> None:
    torch.set_num_threads(1)
    model = tiny("bert")
    assert list(over_batches(model, several(model), lambda own, _: own is model)) == [True] * 5


def test_what_goes_wrong_is_told_and_threads_are_as_before() -> None:
    torch.set_num_threads(2)
    model = tiny("bert")

    def work(_: Any, batch: dict[str, torch.Tensor]) -> None:
        if batch["input_ids"].shape[1] == 5:
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        list(over_batches(model, several(model), work))
    assert torch.get_num_threads() == 2
