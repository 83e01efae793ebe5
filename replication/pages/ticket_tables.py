"""The tables of subnetworks and tickets, each made from records alone, as pandas data frames.

`method` is `structured` (heads and MLPs) or `magnitude` (single weights).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lottery_utils.agreement.inference import t_interval
from lottery_utils.masks import StructuredMask
from lottery_utils.metrics import METRIC_LABELS
from replication.pages.show import Note
from replication.runs.recorded import (
    KIND_LABELS,
    KINDS,
    NO_MAGNITUDE,
    TICKETS,
    Entries,
    has_method,
    ticket_scores,
    tickets_of,
    warning,
)


def sizes(entries: Entries) -> pd.DataFrame:
    """The good subnetwork of each seed: how much of the model it is, and what it scores."""
    rows = []
    for seed, records in entries.items():
        found = records["search"]["results"]
        mask = StructuredMask.from_json(found["mask"])
        good, full = tickets_of(records)["good"], records["finetune"]["results"]["score"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "heads kept": f"{mask.n_heads} of {mask.heads.size}",
                "MLPs kept": f"{mask.n_mlps} of {mask.mlps.size}",
                "parameters kept (M)": round(good["parameters"] / 1e6, 2),
                "full score": round(full, 3),
                "good score": round(good["pruned"], 3),
                "share of full": _share(good["pruned"], full),
                "steps tried": len(found["steps"]),
            }
        )
    return pd.DataFrame(rows).set_index("seed").rename_axis(None)


def weights(entries: Entries) -> pd.DataFrame | Note:
    """The good weights of each seed under magnitude pruning: how many, and what they score."""
    if not has_method(entries, "magnitude"):
        return NO_MAGNITUDE
    rows = []
    for seed, records in entries.items():
        found = records["magnitude"]["results"]
        good, full = found["tickets"]["good"], records["finetune"]["results"]["score"]
        rows.append(
            {
                "seed": f"seed {seed}",
                "weights kept (M)": f"{found['weights']['kept'] / 1e6:.2f} of "
                f"{found['weights']['prunable'] / 1e6:.2f}",
                "share kept": f"{found['weights']['density']:.1%}",
                "full score": round(full, 3),
                "good score": round(good["pruned"], 3),
                "share of full": _share(good["pruned"], full),
                "steps tried": len(found["steps"]),
            }
        )
    return pd.DataFrame(rows).set_index("seed").rename_axis(None)


def tickets(entries: Entries, method: str = "structured") -> pd.DataFrame | Note:
    """Mean scores over seeds with 95 % Student t intervals, and differences paired by seed."""
    if not has_method(entries, method):
        return NO_MAGNITUDE
    full = [records["finetune"]["results"]["score"] for records in entries.values()]
    rows = [{"ticket": "full model", "score": str(t_interval(full))}]
    for state in ("pruned", "retrained"):
        by_kind = {k: np.array(ticket_scores(entries, k, state, method)) for k in KINDS[method]}
        for kind, values in by_kind.items():
            name = f"{KIND_LABELS.get(kind, kind)}, {state}"
            row = {"ticket": name, "score": str(t_interval(values.tolist()))}
            row["full minus this"] = str(t_interval((np.array(full) - values).tolist()))
            if kind != "random":
                row["random minus this"] = str(t_interval((by_kind["random"] - values).tolist()))
            rows.append(row)
    return pd.DataFrame(rows).fillna("").set_index("ticket").rename_axis(None)


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


def _share(score: float, full: float) -> str:
    return f"{score / full:.0%}" if full > 0 else "undefined"
