"""Batches side by side: the same numbers, in the same order, whatever the number of threads."""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY, batch_for, tiny

from lottery_utils.fast.side_by_side import over_batches
from lottery_utils.fast.used_rows import only_used_rows
from lottery_utils.importance import Variant, score_and_importance, structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked
from lottery_utils.training import predict


def several(model: Any) -> list[dict[str, torch.Tensor]]:
    return [batch_for(model, (length, 2)) for length in (9, 3, 5, 7, 4)]


@EVERY_FAMILY
@pytest.mark.parametrize("variant", ["paper", "release"])
def test_numbers_do_not_depend_on_threads(family: str, variant: Variant) -> None:
    """The release's depend on the order of the batches, which threads keep."""
    model = tiny(family)
    mask = StructuredMask(np.arange(12).reshape(3, 4) % 3 > 0, np.array([True, False, True]))
    found = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        score, importance = score_and_importance(model, several(model), mask, "accuracy", variant)
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
    found = over_batches(model, batches, work)
    assert [length for length, *_ in found] == [9, 3, 5, 7], "in the order of the batches"
    assert len({model for _, model, _, _ in found} - {id(model)}) == 2
    assert all(n == 1 and same for _, _, n, same in found)
    assert torch.get_num_threads() == 2


def test_one_thread_needs_no_copy() -> None:
    torch.set_num_threads(1)
    model = tiny("bert")
    assert over_batches(model, several(model), lambda own, _: own is model) == [True] * 5


@pytest.mark.parametrize(("threads", "n_batches", "each"), [(4, 2, 2), (4, 3, 1), (8, 5, 2)])
def test_threads_are_shared_by_the_batches_in_work(threads: int, n_batches: int, each: int) -> None:
    torch.set_num_threads(threads)
    model = tiny("bert")
    found = over_batches(model, several(model)[:n_batches], lambda *_: torch.get_num_threads())
    assert found == [each] * n_batches
    assert over_batches(model, several(model)[:1], lambda *_: torch.get_num_threads()) == [threads]
    assert over_batches(model, [], lambda *_: 0) == []


def test_the_largest_batch_is_begun_first() -> None:
    torch.set_num_threads(2)
    model = tiny("bert")
    begun: list[int] = []

    def work(_: Any, batch: dict[str, torch.Tensor]) -> None:
        begun.append(batch["input_ids"].shape[1])
        time.sleep(0.05)

    over_batches(model, several(model), work)
    assert sorted(begun[:2]) == [7, 9] and sorted(begun[-2:]) == [3, 4]


def test_a_twin_has_the_hooks_and_rows_of_its_model_and_keeps_its_own() -> None:
    torch.set_num_threads(2)
    model = copy.deepcopy(tiny("bert"))
    called: list[bool] = []
    model.classifier.register_forward_hook(lambda *_: called.append(True))

    def work(own: Any, batch: dict[str, torch.Tensor]) -> Any:
        own.classifier.register_forward_hook(lambda *_: called.append(False))
        assert own.get_input_embeddings() is not model.get_input_embeddings()
        with torch.inference_mode():
            own(input_ids=batch["input_ids"])
        return own.get_input_embeddings()._whole[0].weight

    with only_used_rows(model, range(60)):
        whole = model.get_input_embeddings()._whole[0].weight
        found = over_batches(model, several(model)[:1] * 2, work)
    assert all(weight is whole for weight in found), "the whole matrix is not copied"
    assert called.count(True) == 2
    assert len(model.classifier._forward_hooks) == 1


def test_importance_needs_no_gradient_mode_of_the_caller() -> None:
    model, mask = tiny("bert"), StructuredMask.full(3, 4)
    expected = structured_importance(model, several(model), mask).heads
    for n in (1, 2):
        torch.set_num_threads(n)
        with torch.no_grad():
            assert (structured_importance(model, several(model), mask).heads == expected).all()


def test_what_goes_wrong_is_told_and_nothing_more_is_begun() -> None:
    torch.set_num_threads(2)
    model = tiny("bert")
    begun: list[int] = []

    def work(_: Any, batch: dict[str, torch.Tensor]) -> None:
        begun.append(batch["input_ids"].shape[1])
        if len(begun) == 1:
            raise ValueError("on purpose")
        time.sleep(0.2)

    with pytest.raises(ValueError, match="on purpose"):
        over_batches(model, several(model)[:1] + several(model) * 4, work)
    assert len(begun) < 21
    assert torch.get_num_threads() == 2
