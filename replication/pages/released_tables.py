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

from lottery_utils.agreement.inference import t_interval, welch_interval
from lottery_utils.agreement.over_seeds import OverSeeds
from replication.paper import records
from replication.paper.numbers import N_SEEDS, Score

pd.set_option("display.max_colwidth", None)  # sentences are shown whole

Results = Mapping[str, Mapping[str, Any]]  # of each task, as `replication.paper.records` loads it

METRIC = {"CoLA": "mcc", "STS-B": "pearson", "MNLI": "mnli_acc"}  # of the others: acc
UNLEARNED = ("WNLI",)
SETTINGS = {
    "structured": {"good": "head_mlp", "random": "head_mlp_random", "bad": "head_mlp_bad_1"},
    "magnitude": {"good": "global_magnitude", "random": "global_random", "bad": "global_bad"},
}
# What is left after each of the searches, and after both that search one part alone.
SEPARATE = {
    "full": "no_mask",
    "together": "head_mlp",
    "heads alone": "head",
    "MLPs alone": "mlp",
    "both masks found alone": "head_mlp_separate",
}
SURVIVORS = {
    "super-survivors": "head_mlp_super_retrained",
    "in between": "head_mlp_super_midling_retrained",
    "anti-survivors": "head_mlp_super_bizzaro_retrained",
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


def tickets(results: Results, state: str, method: str = "structured") -> pd.DataFrame:
    """Good, random and bad tickets of every task, `pruned` or `retrained`: mean ± sample standard
    deviation over five seeds."""
    suffix = {"pruned": "", "retrained": "_retrained"}[state]
    kinds = {f"{kind}, {state}": f"{s}{suffix}" for kind, s in SETTINGS[method].items()}
    table = scores(results, {"full": "no_mask", **kinds})
    guesses = [f"{score(results, task, 'freq_baseline').mean:.3f}" for task in results]
    table.insert(0, "majority", guesses)
    return table


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
    """How much the searches keep, heads and MLPs together or either alone."""
    rows = {}
    for task, found in results.items():
        masks, row = found["masks"], {}
        for part, name, total in (("heads", "heads", 144), ("mlps", "MLPs", 12)):
            for setting, how in (("heads_mlps", "together"), (part, "alone")):
                row[f"{name} of {total}, {how}"] = _range(masks[setting][part]["kept"])
        rows[task] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def scores(results: Results, settings: Mapping[str, str]) -> pd.DataFrame:
    """Scores of the release under these settings, columns by name: mean ± sample standard
    deviation over five seeds."""
    rows = {
        task: {name: _pm(score(results, task, setting)) for name, setting in settings.items()}
        for task in results
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def survivor_counts(results: Results) -> pd.DataFrame:
    """How many super-survivors there are, and who fills the places of anti-survivors."""
    rows = {}
    for task, found in results.items():
        heads, mlps = (
            OverSeeds.from_json(found["masks"]["heads_mlps"][part]) for part in ("heads", "mlps")
        )
        rows[task] = {
            "heads kept by all five": str(heads.n_all),
            "by none": str(heads.n_none),
            "MLPs kept by all": str(mlps.n_all),
            "by none ": str(mlps.n_none),
            "anti-survivors that survive with some seed": _filled(
                found["tickets"]["heads_mlps_super_bizzaro"]
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def sources(results_dir: str = "results") -> pd.DataFrame:
    """The records behind a page: when and by which code each was made, and from what."""
    rows = {}
    for task, record in records.load_records(results_dir).items():
        made, results = record["provenance"], record["results"]
        rows[task] = {
            "record": record["hash"],
            "made (UTC)": made["created"][:16].replace("T", " "),
            "code": made["commit"] or made["lottery_utils"],
            "sha256 of the good masks": results["sha256"][records.GOOD][:16],
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(f"{records.STUDY}/TASK/{records.STAGE}.json")


def _filled(anti: Mapping[str, Any]) -> str:
    """How many places of the anti-survivors' mask are taken by components that survive."""
    told = []
    for part, name in (("heads", "heads"), ("mlps", "MLPs")):
        by = anti[part]["kept_by"]
        others = by["some"][0] + by["all"][0]
        told.append(f"{others} of {anti[part]['kept'][0]} {name}")
    return ", ".join(told)


def _pm(found: Score) -> str:
    return f"{found.mean:.3f}\u00a0±\u00a0{found.std:.3f}"


def _signed(mean: float, low: float, high: float) -> str:
    return f"{mean:+.3f}" if np.isnan(low) else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _range(kept: Sequence[int]) -> str:
    return f"{np.mean(kept):.1f} ({min(kept)} to {max(kept)})"
