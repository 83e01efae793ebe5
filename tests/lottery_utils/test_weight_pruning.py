"""Weight masks on a model: zeros for a while, zeros that training leaves alone, densities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import prune

from lottery_utils.batches import Encoded
from lottery_utils.encoder import component_parameters, encoder_layers
from lottery_utils.masks import WeightMask
from lottery_utils.pruning import (
    MAPS,
    head_densities,
    hold_zeros,
    map_densities,
    prunable,
    weights_masked,
)
from lottery_utils.recipe import Recipe
from lottery_utils.search import magnitude_step
from lottery_utils.training import finetune

Model = Any
N_LAYERS, N_HEADS = 3, 4
RECIPE = Recipe(learning_rate=3e-3, epochs=2, batch_size=8)


def logits(model: Model, batch: dict[str, Tensor]) -> Tensor:
    with torch.inference_mode():
        result: Tensor = model(**{k: v for k, v in batch.items() if k != "labels"}).logits
    return result


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
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
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
def test_fine_tuning_leaves_zeros_at_zero(
    tiny_model: Callable[..., Model], weight_decay: float
) -> None:
    model = tiny_model()
    mask, before = half(model), snapshot(model)
    with hold_zeros(model, mask):
        assert_zero_outside(model, mask)
        recipe = replace(RECIPE, weight_decay=weight_decay)
        finetune(model, examples(), recipe, seed=0, evaluate=lambda: 0.0)
    assert_zero_outside(model, mask)
    parameters = prunable(model)
    moved = [(parameters[name] != before[name])[kept] for name, kept in mask.items()]
    assert torch.cat(moved).float().mean() > 0.95  # nearly all that is kept has learned


def test_momentum_and_accumulated_gradients_leave_zeros_at_zero(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model = tiny_model()
    mask = half(model)
    with hold_zeros(model, mask):
        optimizer = torch.optim.SGD(
            model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1
        )
        for _ in range(3):
            for batch in tiny_batches:
                model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
    assert_zero_outside(model, mask)


def test_training_is_what_torch_s_own_pruning_makes_of_it(
    tiny_model: Callable[..., Model],
) -> None:
    model, reference = tiny_model(), tiny_model()
    mask = half(model)
    # The norm that clipping divides by would be summed in another order, and rounded.
    unclipped = replace(RECIPE, clip_norm=1e9, weight_decay=0.1)
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


def test_clipping_sees_the_kept_weights_only(
    tiny_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model()
    mask, names = half(model), {id(p): name for name, p in model.named_parameters()}
    real_clip, seen = torch.nn.utils.clip_grad_norm_, []

    def clip(parameters: Any, max_norm: float) -> Any:
        parameters = list(parameters)
        gradients = {names.get(id(p)): p.grad for p in parameters}
        for name, kept in mask.items():
            assert not gradients[name][~kept].any()
            assert gradients[name][kept].any()
        seen.append(max_norm)
        return real_clip(parameters, max_norm)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)
    with hold_zeros(model, mask):
        finetune(model, examples(), RECIPE, seed=0)
    assert len(seen) == 12


def test_hooks_end_with_the_block_and_follow_a_model_that_moves(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
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


def test_a_frozen_parameter_is_zeroed_too(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
) -> None:
    model = tiny_model().requires_grad_(False)
    mask = half(model)
    with hold_zeros(model, mask):
        assert_zero_outside(model, mask)


def test_an_optimizer_with_a_past_is_noticed(
    tiny_model: Callable[..., Model], tiny_batches: list[dict[str, Tensor]]
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


def test_densities_add_up_to_the_mask_s(tiny_model: Callable[..., Model]) -> None:
    model = tiny_model()
    mask = half(model)
    sizes = {
        name: [
            linear.weight.numel() + (linear.bias.numel() if name != "mlp_output" else 0)
            for linear in (getattr(layer, name) for layer in encoder_layers(model))
        ]
        for name in MAPS
    }
    by_map = map_densities(model, mask)
    total = sum(np.dot(by_map[name], sizes[name]) for name in MAPS)
    assert total == pytest.approx(mask.n_kept, abs=0.5)
    # Heads and MLPs, and the attention outputs' biases, which belong to neither.
    each = component_parameters(model)
    biases = [mask[f"bert.encoder.layer.{i}.attention.output.dense.bias"] for i in range(N_LAYERS)]
    of_heads = np.sum(head_densities(model, mask)) * each["head"]
    of_mlps = sum(np.dot(by_map[name], sizes[name]) for name in MAPS[4:])
    assert of_heads + of_mlps + sum(int(b.sum()) for b in biases) == pytest.approx(
        mask.n_kept, abs=0.5
    )
