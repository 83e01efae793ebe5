"""Where the surviving weights are: the density of a weight mask by map, head and MLP.

Under magnitude pruning a head or an MLP does not survive or die as such: a share of its
weights does (paper, sections 4.1 and 5.1). Plain lists and dicts, fit for a record.
"""

from __future__ import annotations

from torch import Tensor, nn

from lottery_utils.encoder import encoder_shape
from lottery_utils.masks import WeightMask
from lottery_utils.weight_pruning import MAPS, prunable, prunable_names


def map_densities(model: nn.Module, mask: WeightMask) -> dict[str, list[float]]:
    """The share of weights kept of each of an encoder layer's six maps, layer by layer.

    A map's weights are those of its matrix and of its bias, where that is prunable: the
    share over all is the mask's density. Raises `ValueError` if `mask` is not of the model's
    prunable parameters.
    """
    _check_fits(model, mask)
    layers = prunable_names(model)
    return {
        of_map: [_density(*(mask[name] for name in layer[of_map])) for layer in layers]
        for of_map in MAPS
    }


def head_densities(model: nn.Module, mask: WeightMask) -> list[list[float]]:
    """The share of weights kept of each head: (layers, heads).

    A head's weights are its rows of the query, key and value maps, biases included, and its
    columns of the attention output, whose bias belongs to no head. Raises `ValueError` as
    `map_densities` does.
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


def mlp_densities(model: nn.Module, mask: WeightMask) -> list[float]:
    """The share of weights kept of each MLP, in both its maps: (layers,).

    Raises `ValueError` as `map_densities` does.
    """
    _check_fits(model, mask)
    return [
        _density(*(mask[name] for of_map in ("mlp_input", "mlp_output") for name in layer[of_map]))
        for layer in prunable_names(model)
    ]


def _density(*parts: Tensor) -> float:
    """Six decimals are plenty for a record, and keep it small."""
    kept = sum(int(part.count_nonzero()) for part in parts)
    return round(kept / sum(part.numel() for part in parts), 6)


def _check_fits(model: nn.Module, mask: WeightMask) -> None:
    if mask.shapes != {name: tuple(p.shape) for name, p in prunable(model).items()}:
        raise ValueError("the mask is not of this model's prunable parameters")
