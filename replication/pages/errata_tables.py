"""Small computations behind the page of errata: each shows one point, from records alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lottery_utils import agreement
from lottery_utils.agreement.over_seeds import OverSeeds
from lottery_utils.tasks import TASKS
from replication.pages.released_stability import over_seeds
from replication.pages.released_tables import UNLEARNED, Results, score
from replication.paper import numbers


def random_sizes(results: Results) -> pd.DataFrame:
    """By how many heads and MLPs the released random tickets differ from the good ones.

    Each component is kept independently with the good one's share p, so that of n components
    the number kept has a standard deviation of sqrt(n p (1 - p)).
    """
    rows = {}
    for task, found in results.items():
        row = {}
        for part, name, n in (("heads", "heads", 144), ("mlps", "MLPs", 12)):
            of_part = found["tickets"]["heads_mlps_random"][part]
            good = np.array(of_part["good"])
            apart = np.array(of_part["kept"]) - good
            share = good / n
            row[f"{name}, random minus good, seed by seed"] = ", ".join(f"{d:+d}" for d in apart)
            row[f"expected spread of {name}"] = f"{np.sqrt(n * share * (1 - share)).mean():.1f}"
        rows[task] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def what_q_tests() -> pd.DataFrame:
    """Cochran's Q and Fleiss' kappa of three made-up cases of five masks over 144 heads."""
    rng = np.random.default_rng(0)
    half = np.arange(144) < 72
    unrelated = np.stack([rng.permutation(half) for _ in range(5)])
    nested = np.stack([np.arange(144) < n for n in (60, 66, 72, 78, 84)])
    nearly = np.stack([half] * 5)
    nearly[0, [0, 100]] = False, True  # two of 144 heads exchanged, so that Q is defined
    rows = {}
    for name, masks in (
        ("of one size, drawn at random", unrelated),
        ("of one size, all but equal", nearly),
        ("nested, of 60 to 84 heads", nested),
    ):
        q = agreement.cochran_q(masks)
        rows[name] = {
            "Fleiss' kappa": f"{agreement.fleiss_kappa(masks):.3f}",
            "Q": f"{q.statistic:.2f}",
            "p of Q": f"{q.p_value:.3f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def agreement_and_q(results: Results) -> pd.DataFrame:
    """Tasks in the order of their kappa, with what Q says of them."""
    found = {t: of for t, of in over_seeds(results, "heads").items() if t not in UNLEARNED}

    def kappa(of: OverSeeds) -> float:
        return of.beside_chance["Fleiss' kappa"].observed

    ordered = sorted(found, key=lambda task: -kappa(found[task]))
    rows = {
        task: {
            "heads kept, smallest and largest": f"{min(found[task].kept)}, {max(found[task].kept)}",
            "Fleiss' kappa": f"{kappa(found[task]):.6f}",
            "p of Q": f"{found[task].q.p_value:.2g}",
        }
        for task in ordered
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def different_masks(results: Results) -> pd.DataFrame:
    """How many different masks the five seeds have, of each kind of survivors."""
    kinds = {
        "super-survivors": "heads_mlps_super",
        "in between": "heads_mlps_super_midling",
        "anti-survivors": "heads_mlps_super_bizzaro",
    }
    rows = {
        task: {name: found["tickets"][of]["different_masks"] for name, of in kinds.items()}
        for task, found in results.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def unlearned(results: Results) -> pd.DataFrame:
    """WNLI: the full model below the majority, and good masks that keep nothing, or every head."""
    rows = {}
    for task in UNLEARNED:
        heads, mlps = (over_seeds(results, part)[task] for part in ("heads", "mlps"))
        rows[task] = {
            "majority": f"{score(results, task, 'freq_baseline').mean:.3f}",
            "full": "{:.3f} ± {:.3f}".format(*score(results, task, "no_mask")),
            "good, pruned": "{:.3f} ± {:.3f}".format(*score(results, task, "head_mlp")),
            "heads kept": ", ".join(map(str, heads.kept)),
            "MLPs kept": ", ".join(map(str, mlps.kept)),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def most_frequent_types() -> pd.DataFrame:
    """The most frequent type of the raw maps of super-survivors, by the released shares."""
    rows = {}
    for task in TASKS:
        shares = numbers.pattern_shares(task, "fine-tuned", "super", "raw")
        if shares:
            ordered = sorted(shares, key=lambda name: -shares[name])
            rows[task] = {
                "most frequent": ordered[0],
                "its share": f"{shares[ordered[0]]:.1%}",
                "heterogeneous": f"{shares['heterogeneous']:.1%}",
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def sizes_of_magnitude() -> pd.DataFrame:
    """What is left after steps that each remove a tenth of the weights that are still there."""
    return pd.DataFrame(
        {"weights left": {f"{n} steps": f"{0.9**n:.1%}" for n in (1, 3, 5, 7, 9, 10)}}
    ).rename(index={"1 steps": "1 step"})
