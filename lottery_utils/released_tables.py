"""What the released BERT-base scores and masks say of tickets (sections 4.1, 4.2), in tables.

The release has means and standard deviations over five seeds, not the seeds' own scores. So two
settings of one task are compared without pairing (Welch), and all tasks together by the means of
each, which are pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lottery_utils import released
from lottery_utils.over_seeds import OverSeeds
from lottery_utils.paper import N_SEEDS, Score
from lottery_utils.statistics import t_interval, welch_interval

Results = Mapping[str, Mapping[str, Any]]  # of each task, as `lottery_utils.released` loads it

METRIC = {"CoLA": "mcc", "STS-B": "pearson", "MNLI": "mnli_acc"}  # of the others: acc
UNLEARNED = ("WNLI",)
SETTINGS = {
    "structured": {"good": "head_mlp", "random": "head_mlp_random", "bad": "head_mlp_bad_1"},
    "magnitude": {"good": "global_magnitude", "random": "global_random", "bad": "global_bad"},
}
SURVIVORS = {
    "super-survivors": "head_mlp_super",
    "in between": "head_mlp_super_midling",
    "anti-survivors": "head_mlp_super_bizzaro",
}
# What is compared: first minus second.
CONTRASTS = {
    "random minus bad, pruned": ("head_mlp_random", "head_mlp_bad_1"),
    "random minus bad, retrained": ("head_mlp_random_retrained", "head_mlp_bad_1_retrained"),
    "good minus random, retrained": ("head_mlp_retrained", "head_mlp_random_retrained"),
    "full minus good, retrained": ("no_mask", "head_mlp_retrained"),
    "full minus good weights, retrained": ("no_mask", "global_magnitude_retrained"),
}


def score(results: Results, task: str, setting: str) -> Score:
    """Mean and sample standard deviation over five seeds, by the metric of the paper's figures."""
    found = results[task]["scores"][setting][METRIC.get(task, "acc")]
    return Score(found["mean"], found["std"])


def tickets(results: Results, method: str = "structured") -> pd.DataFrame:
    """Every kind of ticket on every task: mean ± sample standard deviation over five seeds."""
    rows = {}
    for task in results:
        majority = score(results, task, "freq_baseline").mean
        row = {"majority": f"{majority:.3f}", "full": _pm(score(results, task, "no_mask"))}
        for state, suffix in (("pruned", ""), ("retrained", "_retrained")):
            for kind, setting in SETTINGS[method].items():
                row[f"{kind}, {state}"] = _pm(score(results, task, setting + suffix))
        rows[task] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def contrasts(results: Results, names: Sequence[str] = tuple(CONTRASTS)) -> pd.DataFrame:
    """Differences of means with 95 % intervals: task by task (Welch), and over the eight tasks
    that BERT learns (Student's t over tasks; how many of them are above zero)."""
    table: dict[str, dict[str, str]] = {name: {} for name in names}
    for name in names:
        means = []
        for task in results:
            one, other = (score(results, task, setting) for setting in CONTRASTS[name])
            table[name][task] = _signed(*welch_interval(one, other, N_SEEDS)[:3])
            if task not in UNLEARNED:
                means.append(one.mean - other.mean)
        over = t_interval(means)
        above = sum(value > 0 for value in means)
        label = f"over {len(means)} tasks (without {', '.join(UNLEARNED)})"
        table[name][label] = f"{_signed(*over[:3])}, {above} of {len(means)} above 0"
    return pd.DataFrame(table)


def sizes(results: Results) -> pd.DataFrame:
    """How much the searches keep, heads and MLPs together or either alone, and what it scores."""
    rows = {}
    for task, found in results.items():
        masks = found["masks"]
        row = {}
        for part, name, total in (("heads", "heads", 144), ("mlps", "MLPs", 12)):
            for setting, how in (("heads_mlps", "together"), (part, "alone")):
                row[f"{name}, {how} (of {total})"] = _range(masks[setting][part]["kept"])
        for label, setting in (
            ("score, together", "head_mlp"),
            ("heads alone", "head"),
            ("MLPs alone", "mlp"),
            ("both masks found alone", "head_mlp_separate"),
        ):
            row[label] = _pm(score(results, task, setting))
        rows[task] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def survivors(results: Results) -> pd.DataFrame:
    """Super-survivors and their opposites as tickets: how many there are, who fills the places of
    anti-survivors, and what the three score when retrained."""
    rows = {}
    for task, found in results.items():
        heads = OverSeeds.from_json(found["masks"]["heads_mlps"]["heads"])
        mlps = OverSeeds.from_json(found["masks"]["heads_mlps"]["mlps"])
        anti = found["tickets"]["heads_mlps_super_bizzaro"]
        row = {
            "heads that all five keep": str(heads.n_all),
            "that none keeps": str(heads.n_none),
            "MLPs that all keep": str(mlps.n_all),
            "MLPs that none keeps": str(mlps.n_none),
            "anti-survivors that some seed keeps": _filled(anti),
        }
        for name, setting in SURVIVORS.items():
            row[f"{name}, retrained"] = _pm(score(results, task, f"{setting}_retrained"))
        rows[task] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def sources(results_dir: str = "results") -> pd.DataFrame:
    """The records behind a page: when and by which code, and what was read."""
    rows = {}
    for task, record in released.load_records(results_dir).items():
        made, results = record["provenance"], record["results"]
        rows[f"{released.STUDY}/{task}/{released.STAGE}.json"] = {
            "made (UTC)": made["created"][:16].replace("T", " "),
            "code": made["commit"] or made["lottery_utils"],
            "read from": results["source"],
            "sha256 of the good masks": results["sha256"][released.GOOD][:16],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _filled(anti: Mapping[str, Any]) -> str:
    """How many places of the anti-survivors' mask are taken by components that survive."""
    told = []
    for part, name in (("heads", "heads"), ("mlps", "MLPs")):
        by = anti[part]["kept_by"]
        others = by["some"][0] + by["all"][0]
        told.append(f"{others} of {anti[part]['kept'][0]} {name}")
    return ", ".join(told)


def _pm(found: Score) -> str:
    return f"{found.mean:.3f} ± {found.std:.3f}"


def _signed(mean: float, low: float, high: float) -> str:
    return f"{mean:+.3f}" if np.isnan(low) else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _range(kept: Sequence[int]) -> str:
    return f"{np.mean(kept):.1f} ({min(kept)} to {max(kept)})"
