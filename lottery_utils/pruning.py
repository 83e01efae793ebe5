"""A mask applied to a model: `masked` for a while, `remove` for good.

Both give the same function of the input (a property test holds them to 1e-5), because a
sublayer that has lost all it had adds nothing to the residual stream in either:

    attention:  LayerNorm(x + b_O + sum over kept heads of  W_O[h] context_h(x)),
                and LayerNorm(x) where no head is kept, the bias b_O going too;
    MLP:        LayerNorm(x + MLP(x)), or LayerNorm(x) where it is not kept.

Masks act through hooks and not through the model's own arguments: transformers 5 has no
head masks any more and silently ignores the argument.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from lottery_utils.encoder import EncoderLayer, encoder_layers, encoder_shape
from lottery_utils.masks import StructuredMask

Model = TypeVar("Model", bound=nn.Module)


@contextmanager
def masked(
    model: Model, mask: StructuredMask, *, keep_headless_bias: bool = False
) -> Iterator[Model]:
    """Within the block, `model` behaves as if the components outside `mask` were not there.

    Nothing is copied and no parameter changes. With `keep_headless_bias` a layer without
    heads still adds its output projection's bias, as multiplying attention by a mask alone
    would do (the authors' code). Raises `ValueError` if the mask is of another shape.
    """
    _check_shape(model, mask)
    device = next(model.parameters()).device
    heads = torch.tensor(mask.heads.tolist(), dtype=torch.float32, device=device)
    mlps = torch.tensor(mask.mlps.tolist(), dtype=torch.float32, device=device)
    headless = () if keep_headless_bias else np.flatnonzero(~mask.heads.any(axis=1)).tolist()
    with scaled(model, lambda layer: heads[layer], lambda layer: mlps[layer], headless):
        yield model


@contextmanager
def scaled(
    model: nn.Module,
    head_scale: Callable[[int], Tensor],
    mlp_scale: Callable[[int], Tensor],
    headless: Collection[int] = (),
    silent_attention: Collection[int] = (),
    silent_mlps: Collection[int] = (),
) -> Iterator[None]:
    """Within the block, multiply each head's context and each MLP's output.

    `head_scale(layer)` is a tensor of shape (heads,) or (batch, heads), `mlp_scale(layer)`
    one of shape () or (batch,). These are the mask variables xi and nu of the paper
    (section 3.3). For layers named in `headless` the output projection's bias is taken off
    again: by subtraction, so that gradients for the scales still flow at zero. The sublayers
    named in `silent_attention` and `silent_mlps` have to be scaled by zero: the gradient of what
    they compute is zero too, and is not sought.
    """
    with ExitStack() as hooks:
        for index, layer in enumerate(encoder_layers(model)):
            for handle in (
                layer.attention_output.register_forward_pre_hook(
                    _scale_heads(head_scale, index, silent=index in silent_attention)
                ),
                layer.mlp_output.register_forward_hook(
                    _scale_mlp(mlp_scale, index, silent=index in silent_mlps)
                ),
            ):
                hooks.callback(handle.remove)
            if index in headless:
                handle = layer.attention_output.register_forward_hook(_subtract_bias)
                hooks.callback(handle.remove)
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

    The copy has fewer parameters and costs less to run; `model` is left as it was. Raises
    `ValueError` if the mask is of another shape, `UserError` if `model` is not whole.
    """
    _check_shape(model, mask)
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
    """Cut the query, key and value maps' rows and the output projection's columns.

    That is all in most families: they divide what these maps give into heads by the size of a
    head, which stays the same.
    """
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
    """Stands where a module was: computes nothing, returns what it was told to."""

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
