"""How much the quirks of the authors' code change, from the records of a study that measured it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from lottery_utils.agreement import overlap
from lottery_utils.masks import StructuredMask
from replication.pages.show import Note
from replication.store import Record

NOTHING = Note(
    "This is not measured here: it takes a study that asks for it (followups.sensitivity, "
    "followups.quirks) and its data.",
    "warning",
)


def searches(found: dict[tuple[str, int], Record]) -> pd.DataFrame | Note:
    """The search as the paper's text has it and as the code does it: do both keep the same?"""
    rows = {}
    for (task, seed), record in found.items():
        (own,) = record["results"]["made_from"]["masks"].values()
        theirs = record["results"]["tickets"]["as released"]
        ours, other = StructuredMask.from_json(own), StructuredMask.from_json(theirs["mask"])
        rows[f"{task}, seed {seed}"] = {
            "heads kept, text": str(ours.n_heads),
            "heads kept, code": str(other.n_heads),
            "kept by both": str((ours & other).n_heads),
            "overlap (Jaccard)": f"{overlap(ours.heads.ravel(), other.heads.ravel()):.2f}",
            "MLPs kept, text": str(ours.n_mlps),
            "MLPs kept, code": str(other.n_mlps),
        }
    if not rows:
        return NOTHING
    same = [row["overlap (Jaccard)"] == "1.00" for row in rows.values()]
    rows["the same heads"] = {"overlap (Jaccard)": f"{sum(same)} of {len(same)}"}
    return pd.DataFrame.from_dict(rows, orient="index").fillna("")


def random_tickets(found: dict[tuple[str, int], Record]) -> pd.DataFrame | Note:
    """Pruned random tickets of the good one's size, and drawn component by component."""
    rows = {}
    for name, results in _results(found):
        equal, alone = results["random"]["equal"], results["random"]["independent"]
        rows[name] = {
            "heads": str(equal["heads"][0]),
            "heads, drawn alone": f"{min(alone['heads'])} to {max(alone['heads'])}",
            "score, equal sizes": _mean_std(equal["scores"]),
            "score, drawn alone": _mean_std(alone["scores"]),
            "r of score and size": _correlation(alone),
        }
    return pd.DataFrame.from_dict(rows, orient="index") if rows else NOTHING


def transposed(found: dict[tuple[str, int], Record]) -> pd.DataFrame | Note:
    """Norm-weighted maps with the projection transposed: how many change their type, and which."""
    rows, total = {}, np.zeros((5, 5), int)
    types: list[str] = []
    for name, results in _results(found):
        counts = np.array(results["transposed"]["counts"])
        types, total = results["transposed"]["types"], total + counts
        rows[name] = _changed(counts)
    if not rows:
        return NOTHING
    table = {"all": _changed(total), **rows}
    for i, kind in enumerate(types):
        shares = total[i].sum(), total[:, i].sum()
        table[f"share of {kind}"] = {
            "maps": f"{total.sum():,}",
            "right": f"{shares[0] / total.sum():.1%}",
            "transposed": f"{shares[1] / total.sum():.1%}",
        }
    return pd.DataFrame.from_dict(table, orient="index").fillna("")


def _changed(counts: np.ndarray) -> dict[str, str]:
    changed = counts.sum() - np.trace(counts)
    return {"maps": f"{counts.sum():,}", "of another type": f"{changed / counts.sum():.1%}"}


def _results(found: dict[tuple[str, int], Record]) -> Iterator[tuple[str, dict[str, Any]]]:
    for (task, seed), record in found.items():
        yield f"{task}, seed {seed}", record["results"]


def _mean_std(scores: list[float]) -> str:
    return f"{np.mean(scores):.3f} ± {np.std(scores, ddof=1):.3f}"


def _correlation(drawn: dict[str, list[float]]) -> str:
    sizes, scores = drawn["heads"], drawn["scores"]
    if not np.ptp(sizes) or not np.ptp(scores):
        return "undefined"
    return f"{np.corrcoef(sizes, scores)[0, 1]:+.2f}"
