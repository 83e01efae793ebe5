"""A mask applied to a model: heads and MLPs by `masked` for a while, by `remove` for good; single
weights by `weights_masked` for a while, by `hold_zeros` in training.

`masked` and `remove` give the same function of the input (a property test holds them to 1e-5):

    attention:  LayerNorm(x + b_O + sum over kept heads of  W_O[h] context_h(x)),
                and LayerNorm(x) where no head is kept, the bias b_O going too;
    MLP:        LayerNorm(x + MLP(x)), or LayerNorm(x) where it is not kept.

Masks act through hooks: transformers 5 silently ignores its argument for head masks. Of single
weights, pruned ones are zeros (section 3.2), and a share of a head's survives (section 5.1).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from lottery_utils.encoder import EncoderLayer, encoder_layers, encoder_shape
from lottery_utils.masks import StructuredMask, WeightMask

Model = TypeVar("Model", bound=nn.Module)
# An encoder layer's linear maps.
MAPS = ("query", "key", "value", "attention_output", "mlp_input", "mlp_output")
# The mask that each model is under, in the blocks of `masked` that are open.
_around: WeakKeyDictionary[nn.Module, StructuredMask] = WeakKeyDictionary()


@contextmanager
def masked(
    model: Model, mask: StructuredMask, *, keep_headless_bias: bool = False
) -> Iterator[Model]:
    """Within the block, `model` behaves as if the components outside `mask` were not there; within
    another such block, those outside either mask.

    With `keep_headless_bias` a layer without heads still adds its output projection's bias, as in
    the authors' code. Raises `ValueError` if the mask is of another shape.
    """
    _check_shape(model, mask)
    device = next(model.parameters()).device
    heads = torch.tensor(mask.heads.tolist(), dtype=torch.float32, device=device)
    mlps = torch.tensor(mask.mlps.tolist(), dtype=torch.float32, device=device)
    around = _around.get(model)
    outer = around or StructuredMask.full(*mask.heads.shape)
    both = mask & outer
    emptied = outer.heads.any(axis=1) & ~both.heads.any(axis=1)
    headless = () if keep_headless_bias else np.flatnonzero(emptied).tolist()
    with scaled(model, lambda layer: heads[layer], lambda layer: mlps[layer], headless):
        _around[model] = both
        try:
            yield model
        finally:
            if around:
                _around[model] = around
            else:
                del _around[model]


@contextmanager
def scaled(
    model: nn.Module,
    head_scale: Callable[[int], Tensor],
    mlp_scale: Callable[[int], Tensor],
    headless: Collection[int] = (),
    silent_attention: Collection[int] = (),
    silent_mlps: Collection[int] = (),
) -> Iterator[None]:
    """Within the block, multiply each head's context and each MLP's output (section 3.3).

    `head_scale(layer)` is a tensor (heads,) or (batch, heads), `mlp_scale(layer)` one () or
    (batch,). For layers in `headless` the output projection's bias is subtracted again, so that
    gradients for the scales still flow at zero. Sublayers in `silent_attention` and `silent_mlps`
    have to be scaled by zero: no gradient of what they compute is sought.
    """
    with ExitStack() as hooks:
        for index, layer in enumerate(encoder_layers(model)):
            of_heads = _scale_heads(head_scale, index, silent=index in silent_attention)
            of_mlp = _scale_mlp(mlp_scale, index, silent=index in silent_mlps)
            hooks.callback(layer.attention_output.register_forward_pre_hook(of_heads).remove)
            hooks.callback(layer.mlp_output.register_forward_hook(of_mlp).remove)
            if index in headless:
                bias_off = layer.attention_output.register_forward_hook(_subtract_bias)
                hooks.callback(bias_off.remove)
        yield


def _scale_heads(
    scale: Callable[[int], Tensor], layer: int, *, silent: bool
) -> Callable[..., tuple[Tensor]]:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        (context,) = inputs  # (batch, tokens, heads x head size)
        if silent:
            context = context.detach()
        weights = scale(layer).to(context.dtype)
        per_head = context.reshape(*context.shape[:-1], weights.shape[-1], -1)
        if weights.dim() == 2:  # one scale per example
            weights = weights[:, None, :]
        return ((per_head * weights[..., None]).reshape(context.shape),)

    return hook


def _scale_mlp(
    scale: Callable[[int], Tensor], layer: int, *, silent: bool
) -> Callable[..., Tensor]:
    def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        weights = scale(layer).to(output.dtype)
        if silent:
            output = output.detach()
        adjusted: Tensor = output * (weights[:, None, None] if weights.dim() else weights)
        return adjusted

    return hook


def _subtract_bias(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    bias: Any = module.bias
    reduced: Tensor = output - bias.to(output.dtype)
    return reduced


def remove(model: Model, mask: StructuredMask) -> Model:
    """A smaller copy of `model` without the components outside `mask`.
    Raises `ValueError` if the mask is of another shape or `model` within a block of `masked`,
    whose hooks a copy would keep; `UserError` if `model` is not whole.
    """
    _check_shape(model, mask)
    if model in _around:
        raise ValueError(
            "a model within a block of `masked` cannot be cut: expected a model that nothing "
            "masks; leave the block, and remove with the intersection (`&`) of both masks"
        )
    smaller = copy.deepcopy(model)
    _, n_heads = encoder_shape(smaller)
    for layer, heads, keep_mlp in zip(encoder_layers(smaller), mask.heads, mask.mlps, strict=True):
        if not heads.any():
            _replace(layer.module, layer.family.headless)
        elif not heads.all():
            _keep_heads(layer, torch.as_tensor(np.flatnonzero(heads)), n_heads)
        if not keep_mlp:
            _replace(layer.module, layer.family.mlpless)
    return smaller


def _keep_heads(layer: EncoderLayer, kept: Tensor, n_heads: int) -> None:
    """Cut the query, key and value maps' rows and the output projection's columns."""
    projection = layer.attention_output
    channels = torch.arange(projection.in_features).view(n_heads, -1)[kept].flatten()
    for linear in (layer.query, layer.key, layer.value):
        linear.weight = _cut(linear.weight, 0, channels)
        linear.bias = _cut(linear.bias, 0, channels)
        linear.out_features = len(channels)
    projection.weight = _cut(projection.weight, 1, channels)
    projection.in_features = len(channels)
    if layer.family.attention:  # its bias has a row for each head of the whole model
        from lottery_utils import mpnet

        device = projection.weight.device
        mpnet.keep_heads(layer.module.get_submodule(layer.family.attention), kept.to(device))


def _cut(values: Tensor, axis: int, kept: Tensor) -> nn.Parameter:
    chosen = values.detach().index_select(axis, kept.to(values.device))
    return nn.Parameter(chosen, requires_grad=values.requires_grad)


def _replace(layer: nn.Module, results: dict[str, Any]) -> None:
    for path, result in results.items():
        layer.set_submodule(path, _Constant(result))


class _Constant(nn.Module):
    """Replaces a removed module: computes nothing, returns what it was given to return."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def forward(self, *_args: Any, **_kwargs: Any) -> Any:
        return self.result


def _check_shape(model: nn.Module, mask: StructuredMask) -> None:
    if mask.heads.shape != encoder_shape(model):
        raise ValueError(
            f"a mask of shape {mask.heads.shape} does not fit a model of {encoder_shape(model)} "
            "(layers, heads)"
        )


# Single weights


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that magnitude pruning may prune, named as in `named_parameters`: weights and
    biases of every layer's six linear maps, but as in the authors' code not the MLP's output bias.
    """
    layers, parameters = prunable_names(model), dict(model.named_parameters())
    return {name: parameters[name] for of in layers for names in of.values() for name in names}


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
    """Within the block, the weights outside `mask` are zero; whatever happens to masked parameters
    is undone. Raises `ValueError` if `mask` is of parameters that the model does not have.
    """
    with ExitStack() as originals:
        for name, parameter in _masked_parameters(model, mask).items():
            originals.callback(setattr, parameter, "data", parameter.data)
            parameter.data = parameter.data.masked_fill(_pruned(mask, name, parameter), 0)
        yield model


@contextmanager
def hold_zeros(model: Model, mask: WeightMask) -> Iterator[Model]:
    """Set the weights outside `mask` to zero; within the block, training leaves them there.

    Their gradients are zero as soon as they are complete, before clipping. An optimizer that brings
    a momentum from before may move them: `RuntimeError` at the end of the block. Raises
    `ValueError` if `mask` is of parameters that the model does not have.
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


# Where the weights that are left are: plain lists and dicts, fit for a record


def map_densities(model: nn.Module, mask: WeightMask) -> dict[str, list[float]]:
    """The share of weights kept of each of an encoder layer's six maps, layer by layer.

    A map's bias is among them where it is prunable. Raises `ValueError` if `mask` is not of the
    model's prunable parameters.
    """
    _check_fits(model, mask)
    layers = prunable_names(model)
    return {
        of_map: [_density(*(mask[name] for name in layer[of_map])) for layer in layers]
        for of_map in MAPS
    }


def head_densities(model: nn.Module, mask: WeightMask) -> list[list[float]]:
    """The share of weights kept of each head: (layers, heads).

    Rows of the query, key and value maps, biases included, and columns of the attention output.
    Raises `ValueError` as `map_densities` does.
    """
    _check_fits(model, mask)
    _, n_heads = encoder_shape(model)
    heads = []
    for layer in prunable_names(model):
        rows = [mask[name] for of_map in ("query", "key", "value") for name in layer[of_map]]
        columns = mask[layer["attention_output"][0]].T
        parts = [part.reshape(n_heads, -1) for part in (*rows, columns)]
        heads.append([_density(*of_head) for of_head in zip(*parts, strict=True)])
    return heads


def _density(*parts: Tensor) -> float:
    """Six decimals are plenty for a record, and keep it small."""
    kept = sum(int(part.count_nonzero()) for part in parts)
    return round(kept / sum(part.numel() for part in parts), 6)


def _check_fits(model: nn.Module, mask: WeightMask) -> None:
    if mask.shapes != {name: tuple(p.shape) for name, p in prunable(model).items()}:
        raise ValueError("the mask is not of this model's prunable parameters")
