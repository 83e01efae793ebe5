"""A weight mask applied to a model: `weights_masked` for a while, `hold_zeros` in training.

Single weights cannot be taken out of a matrix, so that pruned ones are zeros, and a ticket
costs as much to run as the full model (paper, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from lottery_utils.encoder import encoder_layers
from lottery_utils.masks import WeightMask

Model = TypeVar("Model", bound=nn.Module)

MAPS = ("query", "key", "value", "attention_output", "mlp_input", "mlp_output")


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that magnitude pruning may prune, named as in `named_parameters`.

    As in the authors' code: weights and biases of every encoder layer's six linear maps, but
    not the bias of the MLP's output. Embeddings, LayerNorms and the classifier stay whole.
    """
    parameters = dict(model.named_parameters())
    names = [
        name for layer in prunable_names(model) for of_map in layer.values() for name in of_map
    ]
    return {name: parameters[name] for name in names}


def prunable_names(model: nn.Module) -> list[dict[str, list[str]]]:
    """For each layer, bottom first: the prunable parameters' names of each of its `MAPS`."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    layers = []
    for layer in encoder_layers(model):
        of_layer = {}
        for of_map in MAPS:
            linear: nn.Linear = getattr(layer, of_map)
            parts = [linear.weight] if of_map == "mlp_output" else [linear.weight, linear.bias]
            of_layer[of_map] = [names[id(part)] for part in parts]
        layers.append(of_layer)
    return layers


@contextmanager
def weights_masked(model: Model, mask: WeightMask) -> Iterator[Model]:
    """Within the block, the weights outside `mask` are zero; afterwards all is as it was.

    The masked parameters are copies: whatever happens to them within the block is undone.
    Raises `ValueError` if `mask` is of parameters that the model does not have.
    """
    with ExitStack() as originals:
        for name, parameter in _masked_parameters(model, mask).items():
            originals.callback(setattr, parameter, "data", parameter.data)
            parameter.data = parameter.data.masked_fill(_pruned(mask, name, parameter), 0)
        yield model


@contextmanager
def hold_zeros(model: Model, mask: WeightMask) -> Iterator[Model]:
    """Set the weights outside `mask` to zero; within the block, training leaves them there.

    Their gradients are set to zero as soon as they are complete, before anything reads them:
    clipping measures the kept weights only. An optimizer that starts within the block then
    never moves them, with momentum and weight decay too, for all it knows of them is zero.
    One that brings a momentum from before might: that is a `RuntimeError` at the end of the
    block. Raises `ValueError` if `mask` is of parameters that the model does not have.
    """
    parameters = _masked_parameters(model, mask)
    with ExitStack() as hooks:
        for name, parameter in parameters.items():
            pruned = _pruned(mask, name, parameter)
            parameter.data.masked_fill_(pruned, 0)
            if parameter.requires_grad:
                hook = parameter.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                    _zero_gradient(pruned)
                )
                hooks.callback(hook.remove)
        yield model
    for name, parameter in parameters.items():
        if parameter.data[_pruned(mask, name, parameter)].any():
            raise RuntimeError(f"pruned weights of {name} are no longer zero after training")


def _zero_gradient(pruned: Tensor) -> Callable[[Tensor], None]:
    def hook(parameter: Tensor) -> None:
        nonlocal pruned
        if parameter.grad is not None:
            pruned = pruned.to(parameter.device)  # training may have moved the model
            parameter.grad.masked_fill_(pruned, 0)

    return hook


def _pruned(mask: WeightMask, name: str, parameter: Tensor) -> Tensor:
    return mask[name].to(parameter.device).logical_not_()


def _masked_parameters(model: nn.Module, mask: WeightMask) -> dict[str, nn.Parameter]:
    parameters = dict(model.named_parameters())
    for name, shape in mask.shapes.items():
        if name not in parameters or parameters[name].shape != torch.Size(shape):
            raise ValueError(f"the mask does not fit this model: it has no {name} of shape {shape}")
    return {name: parameters[name] for name in mask}
