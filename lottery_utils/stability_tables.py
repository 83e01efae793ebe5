"""How far the good subnetworks of several seeds agree, in numbers (paper, section 5.1).

Every table stands on records alone. Whatever is claimed about agreement is set beside what
independent masks of the same sizes would give.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, Chance
from lottery_utils.figure import Note
from lottery_utils.masks import StructuredMask
from lottery_utils.recorded import Entries, stage_results

ONE_SEED = Note("Agreement needs at least two seeds; this page has one.", "warning")
PARTS = {"heads": "heads", "mlps": "MLPs"}
LABELS = {
    "some but not all": "survive with some seeds, but not all",
    "mean std": "mean standard deviation over seeds (sample)",
    "mean overlap": "overlap of two seeds (Jaccard)",
    "Fleiss' kappa": "Fleiss' kappa",
    "Krippendorff's alpha": "Krippendorff's alpha",
}


def good_masks(entries: Entries, part: str) -> BoolArray:
    """The good masks of all seeds: bool (seeds, components), `part` being heads or mlps."""
    masks = [StructuredMask.from_json(r["mask"]) for r in stage_results(entries, "search")]
    return np.stack([getattr(mask, part).ravel() for mask in masks])


def agreement_table(entries: Entries) -> pd.DataFrame | Note:
    """Each measure of agreement, for heads and MLPs, beside chance with its 95 % range."""
    if len(entries) < 2:
        return ONE_SEED
    columns: dict[str, list[str]] = {}
    for part, name in PARTS.items():
        masks = good_masks(entries, part)
        columns[name] = [", ".join(str(n) for n in masks.sum(axis=1))]
        columns[f"{name}, by chance"] = [f"of {masks.shape[1]}"]
        for statistic in LABELS:
            found = agreement.against_chance(statistic, masks)
            columns[name].append(_number(found.observed))
            columns[f"{name}, by chance"].append(_range(found))
        q = agreement.cochran_q(masks)
        columns[name].append(f"{_number(q.statistic)} (p = {_number(q.p_value)})")
        columns[f"{name}, by chance"].append("tests sizes, not agreement")
    rows = ["kept, seed by seed", *LABELS.values(), "Cochran's Q"]
    return pd.DataFrame(columns, index=rows)


def rank_correlations(entries: Entries) -> pd.DataFrame | Note:
    """Spearman's correlation of importance in the full model, for each pair of seeds."""
    if len(entries) < 2:
        return ONE_SEED
    rows = []
    for one, other in itertools.combinations(entries, 2):
        scores = [entries[seed]["search"]["results"]["importance"] for seed in (one, other)]
        row = {"seeds": f"{one} and {other}"}
        for part, name in PARTS.items():
            row[name] = _number(spearman(*(np.ravel(of_seed[part]) for of_seed in scores)))
        rows.append(row)
    return pd.DataFrame(rows).set_index("seeds").rename_axis(None)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation; NaN where one side is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (a, b)]
    if any(np.ptp(values) == 0 for values in ranks):
        return math.nan
    return float(np.corrcoef(*ranks)[0, 1])


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def _range(chance: Chance) -> str:
    if math.isnan(chance.mean):
        return "undefined"
    return f"{chance.mean:.3f} [{chance.low:.3f}, {chance.high:.3f}]"
