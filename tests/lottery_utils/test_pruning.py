"""A mask on a model: heads and MLPs, weights for a while, and zeros that training leaves alone.

That a mask is the same function as removal is tested for every family (test_encoder.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from conftest import masks
from families import N_HEADS, N_LAYERS, WHOLE, logits
from hypothesis import HealthCheck, given, settings
from torch import Tensor
from torch.nn.utils import prune

from lottery_utils.batches import Encoded
from lottery_utils.encoder import component_parameters, encoder_layers
from lottery_utils.masks import StructuredMask, WeightMask
from lottery_utils.pruning import (
    MAPS,
    head_densities,
    hold_zeros,
    map_densities,
    masked,
    prunable,
    remove,
    weights_masked,
)
from lottery_utils.recipe import Recipe
from lottery_utils.search import magnitude_step
from lottery_utils.training import finetune

Model = Any
Batches = list[dict[str, Tensor]]


def test_a_mask_ends_with_an_error_and_removal_leaves_the_model_alone(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    before = logits(model, batch)
    mask = WHOLE.without([(0, 0), *((1, h) for h in range(N_HEADS))], [2])
    with pytest.raises(RuntimeError, match="on purpose"), masked(model, mask):
        assert (logits(model, batch) - before).abs().max() > 1e-3
        raise RuntimeError("on purpose")
    remove(model, mask)
    torch.testing.assert_close(logits(model, batch), before, atol=0, rtol=0)


def test_a_headless_layer_keeps_its_bias_only_on_request(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    headless = WHOLE.without([(1, h) for h in range(N_HEADS)], [])
    with masked(model, headless):
        without_bias = logits(model, batch)
    with masked(model, headless, keep_headless_bias=True):
        with_bias = logits(model, batch)
    assert (with_bias - without_bias).abs().max() > 1e-4
    with torch.no_grad():
        model.bert.encoder.layer[1].attention.output.dense.weight.zero_()
    torch.testing.assert_close(logits(model, batch), with_bias, atol=1e-6, rtol=0)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outer=masks(), inner=masks())
def test_a_mask_within_another_leaves_what_both_keep(
    tiny_model: Callable[..., Model],
    tiny_batches: Batches,
    outer: StructuredMask,
    inner: StructuredMask,
) -> None:
    model, batch = tiny_model(), tiny_batches[0]
    whole = logits(model, batch)
    with masked(model, outer):
        alone = logits(model, batch)
        with masked(model, inner):
            both = logits(model, batch)
        torch.testing.assert_close(logits(model, batch), alone, atol=0, rtol=0)
    torch.testing.assert_close(logits(model, batch), whole, atol=0, rtol=0)
    expected = logits(remove(model, outer & inner), batch)
    torch.testing.assert_close(both, expected, atol=1e-5, rtol=0)


def test_what_is_frozen_stays_frozen(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()
    for number, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(number % 3 > 0)
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    small = remove(model, WHOLE.without([(0, 0), *((1, h) for h in range(N_HEADS))], [2]))
    after = {name: p.requires_grad for name, p in small.named_parameters()}
    assert after.items() <= before.items()


def test_a_masked_model_is_not_cut(tiny_model: Callable[..., Model]) -> None:
    model, every = tiny_model(), StructuredMask.full(N_LAYERS, N_HEADS)
    refused = pytest.raises(ValueError, match="within a block of `masked`")
    with masked(model, every), masked(model, every), refused:
        remove(model, every)
    assert remove(model, every) is not model, "after the block it is whole again"


def test_a_mask_of_another_shape_is_refused(tiny_model: Callable[..., Model]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        remove(tiny_model(), StructuredMask.full(2, 4))
    with (
        pytest.raises(ValueError, match="does not fit"),
        masked(tiny_model(), StructuredMask.full(3, 5)),
    ):
        pass


# Single weights


def half(model: Model) -> WeightMask:
    return magnitude_step(prunable(model), None, 0.5)


def examples(n: int = 48) -> Encoded:
    rng = np.random.default_rng(0)
    rows = [[1, *rng.integers(8, 60, rng.integers(3, 9)).tolist(), 2] for _ in range(n)]
    return Encoded(rows, None, rng.integers(0, 2, n).tolist(), pad_id=0)


def snapshot(model: Model) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in model.state_dict().items()}


def assert_same(model: Model, before: dict[str, Tensor]) -> None:
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name]), name


def assert_zero_outside(model: Model, mask: WeightMask) -> None:
    parameters = dict(model.named_parameters())
    for name, kept in mask.items():
        assert not parameters[name][~kept].any(), name


def test_six_maps_are_prunable_and_all_else_is_not(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()
    parameters = dict(model.named_parameters())
    found = prunable(model)
    assert all(parameters[name] is values for name, values in found.items())
    left = [name for name in parameters if name not in found]
    assert len(found) == N_LAYERS * 11
    for name in left:  # LayerNorms, the bias of the MLP's output, and what is outside the layers
        assert ".layer." not in name or "LayerNorm" in name or name.endswith("output.dense.bias")
    for layer in range(N_LAYERS):
        start = f"bert.encoder.layer.{layer}."
        assert start + "attention.output.dense.bias" in found
        assert start + "output.dense.bias" not in found


def test_weights_are_masked_for_a_while(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model, mask = tiny_model(), half(tiny_model())
    before, expected = snapshot(model), tiny_model()
    with torch.no_grad():
        for name, parameter in prunable(expected).items():
            parameter.mul_(mask[name])
    with weights_masked(model, mask) as same:
        assert same is model
        assert_zero_outside(model, mask)
        for batch in tiny_batches:
            assert torch.equal(logits(model, batch), logits(expected, batch))
    assert_same(model, before)


def test_masking_is_undone_after_an_error_or_a_change(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()
    before, mask = snapshot(model), half(model)
    identities = {name: id(p) for name, p in model.named_parameters()}
    with pytest.raises(RuntimeError, match="here"), weights_masked(model, mask):
        with torch.no_grad():
            for parameter in prunable(model).values():
                parameter.fill_(torch.nan)
        raise RuntimeError("here")
    assert_same(model, before)
    assert {name: id(p) for name, p in model.named_parameters()} == identities


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_training_is_what_torch_s_own_pruning_makes_of_it(
    tiny_model: Callable[..., Model], weight_decay: float
) -> None:
    """So zeros stay zeros, and nearly all that is kept learns."""
    model, reference = tiny_model(), tiny_model()
    mask, before = half(model), snapshot(model)
    # The norm that clipping divides by would be summed in another order, and rounded.
    unclipped = Recipe(
        learning_rate=3e-3, epochs=2, batch_size=8, clip_norm=1e9, weight_decay=weight_decay
    )
    for name in mask:
        path, _, part = name.rpartition(".")
        prune.custom_from_mask(reference.get_submodule(path), part, mask[name])
    with hold_zeros(model, mask):
        finetune(model, examples(), unclipped, seed=1)
    finetune(reference, examples(), unclipped, seed=1)
    for name in mask:
        path, _, part = name.rpartition(".")
        prune.remove(reference.get_submodule(path), part)
    expected = reference.state_dict()
    for name, values in model.state_dict().items():
        assert torch.equal(values, expected[name]), name
    assert_zero_outside(model, mask)
    moved = [(prunable(model)[name] != before[name])[kept] for name, kept in mask.items()]
    assert torch.cat(moved).float().mean() > 0.95


def test_gradients_are_zero_before_anything_reads_them_and_hooks_follow_a_model_that_moves(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model = tiny_model()
    mask, parameters = half(model), prunable(model)
    with hold_zeros(model, mask):
        model.double()  # exchanges the data of every parameter, as another device would
        model(**tiny_batches[0]).loss.backward()
        assert not any(parameters[name].grad[~kept].any() for name, kept in mask.items())
    model.zero_grad()
    model(**tiny_batches[0]).loss.backward()
    assert all(parameters[name].grad[~kept].any() for name, kept in mask.items())


def test_a_frozen_parameter_is_zeroed_too(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model().requires_grad_(False)
    mask = half(model)
    with hold_zeros(model, mask):
        assert_zero_outside(model, mask)


def test_an_optimizer_with_a_past_is_noticed(
    tiny_model: Callable[..., Model], tiny_batches: Batches
) -> None:
    model = tiny_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(**tiny_batches[0]).loss.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="no longer zero"), hold_zeros(model, half(model)):
        optimizer.step()


def test_a_mask_of_another_model_is_refused(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()
    before = snapshot(model)
    name = next(iter(prunable(model)))
    for mask in (
        WeightMask({"absent.weight": np.ones(3, bool)}),
        WeightMask({name: np.zeros((2, 2), bool)}),
    ):
        for act in (weights_masked, hold_zeros):
            with pytest.raises(ValueError, match="does not fit this model"), act(model, mask):
                pass
        for density in (map_densities, head_densities):
            with pytest.raises(ValueError, match="prunable parameters"):
                density(model, mask)
    assert_same(model, before)


def marked(model: Model, mark: Callable[[list[Any]], None]) -> WeightMask:
    """The mask of the weights that `mark` sets to one in an emptied copy of the layers."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        mark(encoder_layers(model))
    return WeightMask({name: values.detach() == 1 for name, values in prunable(model).items()})


def test_a_head_is_its_rows_and_columns(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()

    def mark(layers: list[Any]) -> None:
        size = model.config.hidden_size // N_HEADS
        channels = slice(2 * size, 3 * size)
        for linear in (layers[1].query, layers[1].key, layers[1].value):
            linear.weight[channels] = 1
            linear.bias[channels] = 1
        layers[1].attention_output.weight[:, channels] = 1

    mask = marked(model, mark)
    heads = np.zeros((N_LAYERS, N_HEADS))
    heads[1, 2] = 1
    assert mask.n_kept == component_parameters(model)["head"]
    assert head_densities(model, mask) == heads.tolist()
    assert [map_densities(model, mask)[name] for name in MAPS] == [[0, 0.25, 0]] * 3 + [
        [0, pytest.approx(8 * 32 / (33 * 32), abs=1e-6), 0],  # the bias belongs to no head
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_an_mlp_is_its_two_maps(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()

    def mark(layers: list[Any]) -> None:
        layers[2].mlp_input.weight.fill_(1)
        layers[2].mlp_input.bias.fill_(1)
        layers[0].mlp_output.weight[:16] = 1

    mask = marked(model, mark)
    assert map_densities(model, mask) == {
        **{name: [0, 0, 0] for name in MAPS[:4]},
        "mlp_input": [0, 0, 1],
        "mlp_output": [0.5, 0, 0],
    }
