"""The tables of subnetworks and tickets, each made from records alone, as pandas data frames.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import NO_MAGNITUDE, Note
from replication.runs.recorded import (
    KIND_LABELS,
    KINDS,
    TICKETS,
    Entries,
    has_method,
    ticket_scores,
    tickets_of,
    warning,
)


def overview(records: dict[str, Entries], method: str = "structured") -> pd.DataFrame | Note:
    """One line per task: the mean over seeds of everything that matters.

    Where the bar of the search tells nothing of some model, a column says of how many it does.
    """
    rows = []
    warned = any(warning(stages) for entries in records.values() for stages in entries.values())
    for task, entries in records.items():
        if not has_method(entries, method):
            continue
        results = [r["finetune"]["results"] for r in entries.values()]
        row: dict[str, object] = {
            "task": task,
            "metric": METRIC_LABELS[results[0]["metric"]],
            "majority": round(results[0]["majority"], 3),
            "full": round(float(np.mean([r["score"] for r in results])), 3),
            **({"the bar tells": _told(entries)} if warned else {}),
            **_kept(entries, method),
        }
        for state in ("retrained", "pruned"):  # the question of the paper's title first
            for kind in KINDS[method]:
                mean = float(np.mean(ticket_scores(entries, kind, state, method)))
                row[f"{KIND_LABELS.get(kind, kind)}, {state}"] = round(mean, 3)
        rows.append(row)
    if not rows:
        return NO_MAGNITUDE
    return pd.DataFrame(rows).set_index("task").rename_axis(None)


def _told(entries: Entries) -> str:
    n, told = len(entries), sum(warning(stages) is None for stages in entries.values())
    return "" if told == n else f"with {told} of {n} seeds" if told else "nothing"


def _kept(entries: Entries, method: str) -> dict[str, str]:
    """How much of the model the good ticket is, on average over seeds."""
    if method == "magnitude":
        found = [r["magnitude"]["results"]["weights"]["density"] for r in entries.values()]
        return {"weights kept": f"{np.mean(found):.1%}"}
    masks = [StructuredMask.from_json(r["search"]["results"]["mask"]) for r in entries.values()]
    return {
        "heads kept": f"{np.mean([m.n_heads for m in masks]):.1f} of {masks[0].heads.size}",
        "MLPs kept": f"{np.mean([m.n_mlps for m in masks]):.1f} of {masks[0].mlps.size}",
    }


def verdicts(records: dict[str, Entries], method: str = "structured") -> pd.DataFrame:
    """How often, over tasks and seeds, the scores stood in the order that the paper reports.

    Entries whose full model learned nothing are left out: there no order means anything.
    """
    seen: dict[str, list[bool]] = {}
    for entries in records.values():
        for stages in entries.values():
            if warning(stages) or not has_method(entries, method):
                continue
            full = stages["finetune"]["results"]["score"]
            good, random, bad = (tickets_of(stages, method)[kind] for kind in TICKETS)
            for claim, holds in {
                "pruned: good above random": good["pruned"] > random["pruned"],
                "pruned: random above bad": random["pruned"] > bad["pruned"],
                "retrained: good reaches 90 % of full": good["retrained"] >= 0.9 * full,
                "retrained: random reaches 90 % of full": random["retrained"] >= 0.9 * full,
                "retrained: bad reaches 90 % of full": bad["retrained"] >= 0.9 * full,
                "retrained: random above bad": random["retrained"] > bad["retrained"],
                "bad: retrained above pruned": bad["retrained"] > bad["pruned"],
            }.items():
                seen.setdefault(claim, []).append(holds)
    rows = [{"seen": f"{sum(held)} of {len(held)}", "claim": claim} for claim, held in seen.items()]
    return pd.DataFrame(rows, columns=["claim", "seen"]).set_index("claim").rename_axis(None)
