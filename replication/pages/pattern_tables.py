"""Attention types in numbers (section 5.2): labels, classifiers, and who attends how."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lottery_utils.agreement.sharing import survive_all
from lottery_utils.patterns.maps import TYPES, UNLABELLED, WEIGHTINGS, load_maps, shipped
from lottery_utils.patterns.sorter import chosen
from lottery_utils.patterns.validation import cohens_kappa, read, weighted_f1
from replication.pages.show import Note
from replication.paper import numbers
from replication.runs.recorded import Entries, masks_of, task_name
from replication.store import Record

Counts = npt.NDArray[np.int64]
STATES = ("pre-trained", "fine-tuned")
WHO = {"super": "super-survivors", "all": "all heads"}
NO_ATTENTION = Note(
    "The attention maps of this task are not sorted into types here: a study has to ask for it "
    "(lottery run STUDY --set followups.attention=null)."
)


def labels() -> pd.DataFrame:
    """How many annotated maps are of each type, and how well two looks at them agree."""
    columns = {}
    for weighting in WEIGHTINGS:
        maps = load_maps(shipped(weighting))
        twice = [m for m in maps if m.second != UNLABELLED]
        counts = [str(sum(m.label == i for m in maps)) for i in range(len(TYPES))]
        first, second = [m.label for m in twice], [m.second for m in twice]
        equal = np.mean(np.array(first) == second)
        kappa = f"{cohens_kappa(first, second):.2f}"
        columns[f"{weighting} maps"] = [*counts, str(len(maps)), str(len(twice)), f"{equal:.0%}"]
        columns[f"{weighting} maps"].append(kappa)
    rows = [*TYPES, "in all", "looked at twice", "the same label twice", "Cohen's kappa"]
    return pd.DataFrame(columns, index=rows)


def validation() -> pd.DataFrame:
    """Weighted F1 of both classifiers on heads they have not seen, beside the paper's."""
    found, rows = read(), []
    for weighting in WEIGHTINGS:
        truth = [m.label for m in load_maps(shipped(weighting))]
        common = np.bincount(truth).argmax()
        rows.append(
            {
                "maps": f"{weighting} (n = {len(truth)})",
                "always the commonest": f"{weighted_f1(truth, [common] * len(truth)):.3f}",
                "tree": f"{weighted_f1(truth, found[weighting]['tree']):.3f}",
                "network": f"{weighted_f1(truth, found[weighting]['network']):.3f}",
                "sorts the maps": chosen(weighting),
                "paper's network, paper's maps": f"{numbers.CLASSIFIER_F1[weighting]:.2f}",
            }
        )
    return pd.DataFrame(rows).set_index("maps").rename_axis(None)


def tree_rules(weighting: str) -> str:
    """The transparent classifier's decisions, as text."""
    from sklearn.tree import export_text

    from lottery_utils.patterns.tree import FEATURES, tree

    fitted = tree(load_maps(shipped(weighting)))
    names = [TYPES[i] for i in fitted.classes_]
    return str(export_text(fitted, feature_names=list(FEATURES), class_names=names))


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


def shares_table(entries: Entries, attention: dict[int, Record]) -> pd.DataFrame | Note:
    """The same as a table, the paper's BERT-base in brackets."""
    if not attention:
        return NO_ATTENTION
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            for who, of_types in shares(entries, attention, state, weighting).items():
                theirs = numbers.pattern_shares(task_name(entries), state, who, weighting)
                row: dict[str, str] = {"": f"{weighting}, {state}, {WHO[who]}"}
                for name, share in of_types.items():
                    row[name] = f"{share:.0%}" + (f" ({theirs[name]:.0%})" if theirs else "")
                rows.append(row)
    return pd.DataFrame(rows).set_index("").rename_axis(None)


def association(
    entries: Entries, attention: dict[int, Record], *, n_draws: int = 2000, seed: int = 0
) -> pd.DataFrame | Note:
    """Do super-survivors attend heterogeneously? Pearson's r over maps, and how sure it is.

    The interval draws heads with replacement, because all maps of a head are of one kind: to
    count maps as if each were a head of its own makes any r look certain.
    """
    if not attention:
        return NO_ATTENTION
    chosen = survive_all(masks_of(entries))
    rng = np.random.default_rng(seed)
    rows = []
    for weighting in WEIGHTINGS:
        for state in STATES:
            by_head = counts(attention, state, weighting)
            found = phi(chosen, by_head)
            draws = rng.integers(len(chosen), size=(n_draws, len(chosen)))
            again = np.array([phi(chosen[heads], by_head[heads]) for heads in draws])
            low, high = np.nanquantile(again, [0.025, 0.975]) if not math.isnan(found) else (0, 0)
            row: dict[str, Any] = {"": f"{weighting}, {state}"}
            row["r"] = "undefined" if math.isnan(found) else f"{found:+.3f}"
            row["95 % interval over heads"] = (
                "undefined" if math.isnan(found) else f"[{low:+.3f}, {high:+.3f}]"
            )
            row["heads"] = f"{int(chosen.sum())} super-survivors of {len(chosen)}"
            row["maps"] = f"{int(by_head.sum()):,}"
            of_paper = f"{numbers.HETEROGENEOUS_R[weighting]:+.3f}" if state == "fine-tuned" else ""
            row["paper, over all tasks"] = of_paper
            rows.append(row)
    return pd.DataFrame(rows).set_index("").rename_axis(None)


def phi(chosen: npt.NDArray[np.bool_], by_head: Counts) -> float:
    """Pearson's r of two yes-or-no questions about a map: is its head among `chosen` (heads,),
    and is it heterogeneous? `by_head` is (heads, types). NaN where either has one answer only.
    """
    n, hits = by_head.sum(), by_head[:, TYPES.index("heterogeneous")]
    inside, yes = by_head[chosen].sum() / n, hits.sum() / n
    both = hits[chosen].sum() / n
    spread = inside * (1 - inside) * yes * (1 - yes)
    return float((both - inside * yes) / math.sqrt(spread)) if spread > 0 else math.nan
