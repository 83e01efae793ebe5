"""A mask for a while and a mask for good are the same function of the input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import masks
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked, remove

Model = Any
N_LAYERS, N_HEADS = 3, 4


def logits(model: Model, batch: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        result: Tensor = model(**{k: v for k, v in batch.items() if k != "labels"}).logits
    return result


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(mask=masks())
def test_masked_equals_removed(
    tiny_model: Callable[..., Model],
    tiny_batches: list[dict[str, Tensor]],
    attention: str,
    mask: StructuredMask,
) -> None:
    model = tiny_model(attn=attention)
    smaller = remove(model, mask)
    for batch in tiny_batches:
        with masked(model, mask):
            expected = logits(model, batch)
        torch.testing.assert_close(logits(smaller, batch), expected, atol=1e-5, rtol=0)


def test_a_mask_ends_with_its_block_and_removal_leaves_the_model_alone(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    before = logits(model, batch)
    mask = StructuredMask.full(N_LAYERS, N_HEADS).without([(0, 0), (1, 2)], [2])
    with masked(model, mask):
        assert (logits(model, batch) - before).abs().max() > 1e-3
    remove(model, mask)
    torch.testing.assert_close(logits(model, batch), before, atol=0, rtol=0)


def test_a_mask_ends_with_its_block_after_an_error_too(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    before = logits(model, batch)
    with pytest.raises(RuntimeError), masked(model, StructuredMask(np.zeros((3, 4)), np.zeros(3))):
        raise RuntimeError
    torch.testing.assert_close(logits(model, batch), before, atol=0, rtol=0)


def test_masking_a_head_is_zeroing_its_columns_of_the_output_projection(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    with masked(model, StructuredMask.full(N_LAYERS, N_HEADS).without([(1, 2)], [])):
        by_mask = logits(model, batch)
    size = model.config.hidden_size // N_HEADS
    with torch.no_grad():
        projection = model.bert.encoder.layer[1].attention.output.dense
        projection.weight[:, 2 * size : 3 * size] = 0
    torch.testing.assert_close(logits(model, batch), by_mask, atol=1e-6, rtol=0)


def test_masking_an_mlp_is_zeroing_its_output_map(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    with masked(model, StructuredMask.full(N_LAYERS, N_HEADS).without([], [0])):
        by_mask = logits(model, batch)
    with torch.no_grad():
        model.bert.encoder.layer[0].output.dense.weight.zero_()
        model.bert.encoder.layer[0].output.dense.bias.zero_()
    torch.testing.assert_close(logits(model, batch), by_mask, atol=1e-6, rtol=0)


def test_a_headless_layer_keeps_its_bias_only_on_request(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    headless = StructuredMask.full(N_LAYERS, N_HEADS).without([(1, h) for h in range(N_HEADS)], [])
    with masked(model, headless):
        without_bias = logits(model, batch)
    with masked(model, headless, keep_headless_bias=True):
        with_bias = logits(model, batch)
    assert (with_bias - without_bias).abs().max() > 1e-4
    with torch.no_grad():
        model.bert.encoder.layer[1].attention.output.dense.weight.zero_()
    torch.testing.assert_close(logits(model, batch), with_bias, atol=1e-6, rtol=0)


def test_removal_makes_the_model_smaller_by_what_was_removed(
    tiny_model: Callable[..., Model],
) -> None:
    from lottery_utils.encoder import component_parameters

    model = tiny_model()
    each = component_parameters(model)
    smaller = remove(model, StructuredMask.full(N_LAYERS, N_HEADS).without([(0, 1), (2, 3)], [1]))
    sizes = [sum(p.numel() for p in m.parameters()) for m in (model, smaller)]
    assert sizes[0] - sizes[1] == 2 * each["head"] + each["mlp"]


def test_a_removed_model_trains(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    mask = StructuredMask(np.zeros((3, 4)), np.zeros(3)).heads.copy()
    mask[2, :2] = True
    smaller = remove(tiny_model(), StructuredMask(mask, [0, 0, 1]))
    loss = smaller(**tiny_batches[0]).loss
    loss.backward()
    moved = [p for p in smaller.bert.encoder.parameters() if p.grad is not None and p.grad.any()]
    # Three LayerNorm pairs of emptied sublayers and the whole of what is left.
    assert len(moved) > 10


def test_a_mask_of_another_shape_is_refused(tiny_model: Callable[..., Model]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        remove(tiny_model(), StructuredMask.full(2, 4))
    with (
        pytest.raises(ValueError, match="does not fit"),
        masked(tiny_model(), StructuredMask.full(3, 5)),
    ):
        pass
