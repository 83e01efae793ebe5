"""How far the good subnetworks of several seeds agree, in numbers (paper, section 5.1).

Every table stands on records alone. Whatever is claimed about agreement is set beside what
independent masks of the same sizes would give.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from lottery_utils import agreement
from lottery_utils.agreement import BoolArray, chance
from lottery_utils.agreement.chance import Chance
from lottery_utils.agreement.inference import p_text
from lottery_utils.masks import StructuredMask
from replication.experiments.weight_overlap import MISSING
from replication.pages.show import Note
from replication.runs.recorded import NO_MAGNITUDE, Entries, has_method, stage_results
from replication.store import Record

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
            found = chance.against_chance(statistic, masks)
            columns[name].append(_number(found.observed))
            columns[f"{name}, by chance"].append(_range(found))
        q = agreement.cochran_q(masks)
        undefined = math.isnan(q.statistic)
        text = "undefined" if undefined else f"{q.statistic:.2f} ({p_text(q.p_value)})"
        columns[name].append(text)
        columns[f"{name}, by chance"].append("tests sizes, not agreement")
    rows = ["kept, seed by seed", *LABELS.values(), "Cochran's Q"]
    return pd.DataFrame(columns, index=rows)


def like_with_like(entries: Entries, overlap: Record | None) -> pd.DataFrame | Note:
    """Structured and magnitude pruning on one scale: agreement counted in components.

    For weights, chance is told twice: for masks of the same sizes, and for masks of the same
    sizes in every matrix, which share the profile over layers but not the weights.
    """
    if overlap is None:
        return MISSING
    heads = good_masks(entries, "heads")
    results = overlap["results"]
    by_name = [np.array(of_name, float) for of_name in results["votes"].values()]
    kept = np.array([*results["kept"].values()], float)  # (parameters, seeds)
    sizes = np.array([of_name.sum() for of_name in by_name])
    observed = agreement.of_votes(sum(by_name))
    expected = chance.expected_votes(kept.sum(axis=0) / sizes.sum(), int(sizes.sum()))
    shaped = sum(
        chance.expected_votes(of_name / size, int(size))
        for of_name, size in zip(kept, sizes, strict=True)
    )
    both = np.array(results["both"])
    observed["mean overlap"] = _jaccard(kept.sum(axis=0), both)
    pairs = list(itertools.combinations(range(kept.shape[1]), 2))
    shares = kept / sizes[:, None]
    by_size = [kept[:, a].sum() * kept[:, b].sum() / sizes.sum() for a, b in pairs]
    by_shape = [(shares[:, a] * shares[:, b]) @ sizes for a, b in pairs]
    chances = (
        {**agreement.of_votes(expected), "mean overlap": _jaccard(kept.sum(axis=0), by_size)},
        {**agreement.of_votes(shaped), "mean overlap": _jaccard(kept.sum(axis=0), by_shape)},
    )
    rows = []
    for statistic in ("some but not all", "mean std", "mean overlap", "Fleiss' kappa"):
        of_heads = chance.against_chance(statistic, heads)
        rows.append(
            {
                "": LABELS[statistic],
                "heads": _number(of_heads.observed),
                "heads, by chance": _range(of_heads),
                "weights": _number(observed[statistic]),
                "weights, by chance": _number(chances[0][statistic]),
                "the same matrix by matrix": _number(chances[1][statistic]),
            }
        )
    return pd.DataFrame(rows).set_index("").rename_axis(None)


def _jaccard(sizes: npt.ArrayLike, both: npt.ArrayLike) -> float:
    """The mean over pairs of what both keep, of what either keeps; of equal nothings it is 1."""
    pairs = itertools.combinations(np.asarray(sizes, float), 2)
    shared = np.asarray(both, float)
    either = [(n, a + b - n) for n, (a, b) in zip(shared, pairs, strict=True)]
    return float(np.mean([n / union if union else 1.0 for n, union in either]))


def density_spread(entries: Entries) -> pd.DataFrame | Note:
    """What the paper's "0.01 against 0.5" compares: two standard deviations of two things."""
    if not has_method(entries, "magnitude"):
        return NO_MAGNITUDE
    if len(entries) < 2:
        return ONE_SEED
    good = [r["tickets"]["good"] for r in stage_results(entries, "magnitude")]
    densities = np.array([g["head_densities"] for g in good])
    survives = agreement.survival_std(good_masks(entries, "heads"))
    rows = {
        "structured: the head survives, 0 or 1": survives,
        "magnitude: the share of its weights that survives": densities.std(axis=0, ddof=1),
    }
    return pd.DataFrame(
        {
            "mean std over seeds": {name: _number(float(v.mean())) for name, v in rows.items()},
            "largest of any head": {name: _number(float(v.max())) for name, v in rows.items()},
        }
    )


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
