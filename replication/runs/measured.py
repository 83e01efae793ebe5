"""Numbers that pages and claims take from the masks and attention maps of one task's records."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lottery_utils.agreement import BoolArray
from lottery_utils.agreement.sharing import survive_all
from lottery_utils.masks import StructuredMask
from lottery_utils.patterns.maps import TYPES
from replication.runs.recorded import Entries, masks_of, stage_results
from replication.store import Record

Counts = npt.NDArray[np.int64]


def good_masks(entries: Entries, part: str) -> BoolArray:
    """The good masks of all seeds: bool (seeds, components), `part` being heads or mlps."""
    masks = [StructuredMask.from_json(r["mask"]) for r in stage_results(entries, "search")]
    return np.stack([getattr(mask, part).ravel() for mask in masks])


def counts(attention: dict[int, Record], state: str, weighting: str) -> Counts:
    """Maps of each type by head, over all seeds: int64 (heads, types)."""
    found = [r["results"]["counts"][state][weighting] for r in attention.values()]
    total: Counts = np.array(found).sum(axis=0).reshape(-1, len(TYPES))
    return total


def shares(
    entries: Entries, attention: dict[int, Record], state: str, weighting: str
) -> dict[str, dict[str, float]]:
    """The share of each type, for super-survivors (if there are any) and for all heads."""
    by_head, chosen = counts(attention, state, weighting), survive_all(masks_of(entries))
    found = {}
    for who, heads in (("super", chosen), ("all", np.ones_like(chosen))):
        if heads.any():
            total = by_head[heads].sum(axis=0)
            found[who] = dict(zip(TYPES, (total / total.sum()).tolist(), strict=True))
    return found


def phi(chosen: npt.NDArray[np.bool_], by_head: Counts) -> float:
    """Pearson's r of two yes-or-no questions about a map: is its head among `chosen` (heads,),
    and is it heterogeneous? `by_head` is (heads, types). NaN where either has one answer only.
    """
    n, hits = by_head.sum(), by_head[:, TYPES.index("heterogeneous")]
    inside, yes = by_head[chosen].sum() / n, hits.sum() / n
    both = hits[chosen].sum() / n
    spread = inside * (1 - inside) * yes * (1 - yes)
    return float((both - inside * yes) / math.sqrt(spread)) if spread > 0 else math.nan
