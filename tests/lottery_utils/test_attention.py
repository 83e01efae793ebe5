"""Attention maps against the tensors that they avoid, made from the model's own projection."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from families import EVERY_FAMILY, N_HEADS, N_LAYERS, WHOLE, batch_for, tiny
from torch import Tensor

from lottery_utils.attention import Maps, attention_maps
from lottery_utils.encoder import encoder_layers
from lottery_utils.pruning import masked

LENGTHS = (7, 5, 3)


def naive(model: Any, batch: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """For each layer a_ij f(x_j) in full, (batch, heads, i, j, hidden), and what the layer's
    output projection really gave, (batch, tokens, hidden).
    """
    values, outputs = [], []
    with torch.no_grad():
        handles = [
            handle
            for layer in encoder_layers(model)
            for handle in (
                layer.value.register_forward_hook(lambda m, i, o: values.append(o)),
                layer.attention_output.register_forward_hook(lambda m, i, o: outputs.append(o)),
            )
        ]
        model.set_attn_implementation("eager")
        inputs = {k: v for k, v in batch.items() if k != "labels"}
        attentions = model(**inputs, output_attentions=True).attentions
        for handle in handles:
            handle.remove()
        full = []
        for layer, value, weights in zip(encoder_layers(model), values, attentions, strict=True):
            size = value.shape[-1] // N_HEADS
            moved = []
            for head in range(N_HEADS):
                columns = slice(head * size, (head + 1) * size)
                f = value[..., columns] @ layer.attention_output.weight[:, columns].T
                moved.append(weights[:, head, :, :, None] * f[:, None, :, :])
            full.append(torch.stack(moved, dim=1))
    return full, outputs


@EVERY_FAMILY
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_norms_are_those_of_the_naive_tensor(family: str, attention: str) -> None:
    model = tiny(family, attention)
    batch = batch_for(model, LENGTHS)
    kernel = model.config._attn_implementation
    found = list(attention_maps(model, [batch]))
    assert model.config._attn_implementation == kernel, "as it was"
    full, outputs = naive(model, batch)
    model.set_attn_implementation(kernel)
    for layer in range(N_LAYERS):
        # The slices of all heads and tokens add up to what the model computes: f is right.
        bias = encoder_layers(model)[layer].attention_output.bias
        whole = full[layer].sum(dim=(1, 3)) + bias
        for i, n in enumerate(LENGTHS):
            torch.testing.assert_close(whole[i, :n], outputs[layer][i, :n], atol=1e-5, rtol=1e-5)
            expected = full[layer][i].norm(dim=-1)[:, :n, :n].detach().numpy()
            np.testing.assert_allclose(found[i].normed[layer], expected, atol=1e-5)


@EVERY_FAMILY
def test_maps_have_no_padding(family: str) -> None:
    """An example alone has the maps that it has beside longer ones."""
    model = tiny(family)
    batch = batch_for(model, LENGTHS)
    together = list(attention_maps(model, [batch]))
    for i, n in enumerate(LENGTHS):
        assert together[i].raw.shape == together[i].normed.shape == (N_LAYERS, N_HEADS, n, n)
        np.testing.assert_allclose(together[i].raw.sum(axis=-1), 1, atol=1e-5)
        alone = {name: values[i : i + 1, :n] for name, values in batch.items() if name != "labels"}
        (single,) = attention_maps(model, [alone])
        np.testing.assert_allclose(single.raw, together[i].raw, atol=1e-5)
        np.testing.assert_allclose(single.normed, together[i].normed, atol=1e-5)


def test_token_types_are_passed_on(tiny_model: Any, tiny_batches: list[dict[str, Tensor]]) -> None:
    model = tiny_model()
    kept = list(attention_maps(model, tiny_batches))
    assert [maps.raw.shape[-1] for maps in kept] == [7, 5, 3, 4, 6, 5]
    plain = [{k: v for k, v in b.items() if k != "token_type_ids"} for b in tiny_batches]
    without: list[Maps] = list(attention_maps(model, plain))
    assert np.abs(without[0].raw - kept[0].raw).max() > 1e-3


def test_a_masked_model_can_be_read(tiny_model: Any, tiny_batches: list[dict[str, Tensor]]) -> None:
    model = tiny_model().train()
    before = [maps.raw for maps in attention_maps(model, tiny_batches)]
    with masked(model, WHOLE.without([(0, 1), (0, 2)], [1])):
        after = [maps.raw for maps in attention_maps(model, tiny_batches)]
    np.testing.assert_allclose(after[0][0], before[0][0], atol=1e-6)
    assert np.abs(after[0][2] - before[0][2]).max() > 1e-4
    assert model.training, "as it was"
    assert model.config._attn_implementation == "sdpa"


def test_left_padding_is_refused(tiny_model: Any, tiny_batches: list[dict[str, Tensor]]) -> None:
    turned = [
        {name: values.flip(-1) for name, values in tiny_batches[0].items() if name != "labels"}
    ]
    with pytest.raises(ValueError, match="padded on the right"):
        list(attention_maps(tiny_model(), turned))


@EVERY_FAMILY
def test_the_authors_reading_is_that_of_the_transposed_projection(family: str) -> None:
    model = tiny(family)
    batch = batch_for(model, LENGTHS)
    theirs = list(attention_maps(model, [batch], transposed=True))
    ours = list(attention_maps(model, [batch]))
    other = copy.deepcopy(model)
    weight = encoder_layers(other)[0].attention_output.weight
    weight.data = weight.data.T.contiguous()
    turned = list(attention_maps(other, [batch]))
    for i in range(len(LENGTHS)):
        np.testing.assert_allclose(theirs[i].raw, ours[i].raw, atol=1e-6)
        # Above the first layer the other model computes something else.
        np.testing.assert_allclose(theirs[i].normed[0], turned[i].normed[0], atol=1e-5)
        assert not np.allclose(theirs[i].normed[0], ours[i].normed[0], atol=1e-3)
