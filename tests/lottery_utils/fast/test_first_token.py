"""The last layer cut short to the first token: the same answers, and it is really cut."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from conftest import masks
from families import EVERY_FAMILY, batch_for, tiny
from hypothesis import given, settings
from torch import Tensor

from lottery_utils.batches import Encoded
from lottery_utils.encoder import encoder_layers, last_layer
from lottery_utils.fast.first_token import first_token_only
from lottery_utils.importance import structured_importance
from lottery_utils.masks import StructuredMask
from lottery_utils.pruning import masked, remove
from lottery_utils.recipe import Recipe
from lottery_utils.training import finetune, predict


def logits(model: Any, lengths: tuple[int, ...] = (7, 5, 3)) -> Tensor:
    inputs = {name: rows for name, rows in batch_for(model, lengths).items() if name != "labels"}
    found: Tensor = model(**inputs).logits.detach()
    return found


@EVERY_FAMILY
@given(mask=masks())
@settings(max_examples=15, deadline=None)
def test_logits_are_those_of_all_tokens(family: str, mask: StructuredMask) -> None:
    model = tiny(family)
    smaller = remove(model, mask)
    with masked(model, mask):
        expected = logits(model)
        with first_token_only(model):
            assert torch.allclose(logits(model), expected, atol=1e-5)
    with first_token_only(smaller):
        assert torch.allclose(logits(smaller), expected, atol=1e-5)


@EVERY_FAMILY
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [(4, 4), (1, 6), (1,)])
def test_with_and_without_padding(family: str, kernel: str, lengths: tuple[int, ...]) -> None:
    model = tiny(family, kernel)
    expected = logits(model, lengths)
    with first_token_only(model):
        assert torch.allclose(logits(model, lengths), expected, atol=1e-5)


@EVERY_FAMILY
def test_everything_is_as_before_afterwards(family: str) -> None:
    model = tiny(family)
    layer, _ = last_layer(model)
    with pytest.raises(RuntimeError, match="on purpose"), first_token_only(model):
        raise RuntimeError("on purpose")
    assert "forward" not in vars(layer)


def trained(model: Any, lengths: tuple[int, ...], seed: int, how: Any) -> dict[str, Tensor]:
    """The logits of a forward pass in training mode, and the gradient of every parameter."""
    batch = batch_for(model, lengths)
    labels = batch.pop("labels")
    fresh = copy.deepcopy(model).train()
    torch.manual_seed(seed)
    with how(fresh):
        logits = fresh(**batch).logits
    loss = torch.nn.functional.cross_entropy(logits, labels)
    found = torch.autograd.grad(loss, list(fresh.parameters()), materialize_grads=True)
    gradients = dict(zip((name for name, _ in fresh.named_parameters()), found, strict=True))
    drawn_next = torch.rand(1)  # differs where more or less was drawn
    return {"logits": logits.detach(), "drawn next": drawn_next, **gradients}


def assert_trained_alike(model: Any, lengths: tuple[int, ...], seed: int) -> None:
    """With all tokens and with the first alone."""
    expected = trained(model, lengths, seed, lambda _: nullcontext())
    found = trained(model, lengths, seed, first_token_only)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert torch.allclose(found[name], values, atol=1e-5), name


@EVERY_FAMILY
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [(4, 4, 4), (1, 6, 3), (1,), (40, 33)])
@pytest.mark.parametrize("seed", [1, 2])
def test_training_draws_the_same_dropout(
    family: str, kernel: str, lengths: tuple[int, ...], seed: int
) -> None:
    assert_trained_alike(tiny(family, kernel), lengths, seed)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "mpnet"])
@pytest.mark.parametrize("rates", [(0.4, 0.1), (0.0, 0.3), (0.3, 0.0), (0.0, 0.0), (0.2, 1.0)])
def test_each_dropout_has_its_own_rate(family: str, rates: tuple[float, float]) -> None:
    model = copy.deepcopy(tiny(family))
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rates[0] if name.endswith(("self.dropout", "attn.dropout")) else rates[1]
    assert_trained_alike(model, (6, 4, 5), seed=3)


@EVERY_FAMILY
@given(mask=masks())
@settings(max_examples=10, deadline=None)
def test_training_of_what_a_mask_leaves(family: str, mask: StructuredMask) -> None:
    assert_trained_alike(remove(tiny(family), mask), (7, 5, 3), seed=1)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "mpnet"])
def test_the_last_layer_computes_one_token(family: str) -> None:
    encoded = Encoded([[2, 7, 9, 3], [2, 8, 3]], None, [0, 1], pad_id=1)
    model = copy.deepcopy(tiny(family))
    seen: list[tuple[int, ...]] = []
    top = encoder_layers(model)[-1]
    for part in (top.query, top.attention_output, top.mlp_output):
        part.register_forward_hook(lambda *call: seen.append(call[-1].shape))
    finetune(model, encoded, Recipe(batch_size=2, epochs=1), seed=1)
    predict(model, [encoded.collate([0, 1])])
    structured_importance(model, [encoded.collate([0, 1])])
    assert [shape[:2] for shape in seen] == [(2, 1)] * 9
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize("otherwise", ["gpu", "chunks", "checkpoints"])
def test_what_draws_its_dropout_otherwise_computes_all_tokens(otherwise: str) -> None:
    model = copy.deepcopy(tiny("bert")).train()
    layer, _ = last_layer(model)
    if otherwise == "gpu":
        model.to("meta")
    elif otherwise == "chunks":
        layer.chunk_size_feed_forward = 2
    else:
        layer.gradient_checkpointing = True
    with first_token_only(model):
        assert "forward" not in vars(layer)
    model.eval()
    with first_token_only(model):
        assert "forward" in vars(layer)
