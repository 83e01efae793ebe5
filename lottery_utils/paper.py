"""The published numbers that pages set beside ours.

Source: the dev scores that the authors released with their code
(github.com/sai-prasanna/bert-experiments, commit f02280f, `evaluate_masked/*/results.json`),
means and *population* standard deviations over the seeds 1337, 42, 86, 71 and 166. The
paper's figures, and `published` below, use the sample standard deviation.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

N_SEEDS = 5
N_HEADS = 144  # of BERT-base, in 12 layers
_TO_SAMPLE = math.sqrt(N_SEEDS / (N_SEEDS - 1))  # from population to sample deviation
# Section 5.2: weighted F1 of its classifier of attention maps, and Pearson's r between a map's
# being heterogeneous and its head's being a super-survivor, over all tasks.
CLASSIFIER_F1 = {"raw": 0.81, "normed": 0.74}
HETEROGENEOUS_R = {"raw": 0.015, "normed": 0.025}
CITATION = "Prasanna, Rogers and Rumshisky (2020), BERT-base, released dev scores"


class Score(NamedTuple):
    """A mean over five seeds and the sample standard deviation over them."""

    mean: float
    std: float


def published(task: str, setting: str, method: str = "structured") -> Score:
    """The paper's BERT-base score of a task (CoLA: Matthews correlation; STS-B: Pearson;
    MNLI: matched accuracy; else accuracy).

    `setting` is `full`, `majority`, or a ticket such as `good, pruned` of the `method`,
    `structured` or `magnitude`. Raises `KeyError` for others, such as a task of your own.
    """
    of_method = _STRUCTURED if method == "structured" or "," not in setting else _MAGNITUDE
    mean, population_std = of_method[task][setting]
    return Score(mean, population_std * _TO_SAMPLE)


def scores(task: str, method: str) -> dict[str, Score]:
    """All that is published of a task and a method, by setting; empty for other tasks."""
    if task not in _STRUCTURED:
        return {}
    settings = _STRUCTURED[task] if method == "structured" else _MAGNITUDE[task]
    return {s: published(task, s, method) for s in ("full", "majority", *settings)}


def survivors(task: str) -> dict[str, Score]:
    """The paper's scores of tickets of survivors, such as `super, pruned`; empty for others.

    Source: `head_mlp_super`, `head_mlp_super_midling` and `head_mlp_super_bizzaro`.
    """
    found = _section5()["survivors"].get(task, {})
    return {s: Score(mean, std * _TO_SAMPLE) for s, (mean, std) in found.items()}


def pattern_shares(task: str, state: str, who: str, weighting: str) -> dict[str, float] | None:
    """The share of each type among the paper's attention maps, or None where it has none.

    `state` is `pre-trained` or `fine-tuned`, `who` is `super` (super-survivors, in a pruned
    model) or `all` (heads of the intact one), `weighting` is `raw` or `normed`.
    """
    shares = _section5()["patterns"].get(f"{state}, {who}, {task}")
    return dict(zip(_section5()["types"], shares[weighting], strict=True)) if shares else None


def of_masks(task: str, what: str, n_seeds: int | None = None) -> float | None:
    """A figure of the released masks of a task, or None where there is none.

    `what` is `heads_kept` or `mlps_kept` (of 144 and of 12, means over five seeds), `kappa`
    (Fleiss', of heads), or `some_but_not_all` or `super_survivors`: the share of heads that
    survive with some seeds only, or with all, for `n_seeds` from 2 to 5 (with fewer than five
    the mean over all choices of that many). Source: `masks/heads_mlps` of the release.
    """
    found = _section5()["masks"].get(task, {}).get(what)
    if isinstance(found, dict):
        found = found.get(str(n_seeds))
    return None if found is None else float(found)


@cache
def _section5() -> dict[str, Any]:
    text = Path(__file__).with_name("paper_section5.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


# (mean, population standard deviation). Settings are the release's no_mask, freq_baseline,
# head_mlp, head_mlp_random and head_mlp_bad_1 (the bad tickets of the paper's figure).
_STRUCTURED: dict[str, dict[str, tuple[float, float]]] = {
    "CoLA": {
        "full": (0.5604, 0.0055),
        "majority": (0.0000, 0.0000),
        "good, pruned": (0.5112, 0.0067),
        "good, retrained": (0.5045, 0.0389),
        "random, pruned": (0.4321, 0.0949),
        "random, retrained": (0.4175, 0.2094),
        "bad, pruned": (0.3360, 0.0803),
        "bad, retrained": (0.4060, 0.0939),
    },
    "SST-2": {
        "full": (0.9257, 0.0030),
        "majority": (0.5092, 0.0000),
        "good, pruned": (0.8420, 0.0050),
        "good, retrained": (0.8736, 0.0626),
        "random, pruned": (0.6890, 0.1187),
        "random, retrained": (0.8938, 0.0132),
        "bad, pruned": (0.6161, 0.1313),
        "bad, retrained": (0.8583, 0.0508),
    },
    "MRPC": {
        "full": (0.8392, 0.0077),
        "majority": (0.6838, 0.0000),
        "good, pruned": (0.7706, 0.0106),
        "good, retrained": (0.7725, 0.0505),
        "random, pruned": (0.4828, 0.2065),
        "random, retrained": (0.6789, 0.1842),
        "bad, pruned": (0.4314, 0.1337),
        "bad, retrained": (0.6770, 0.1269),
    },
    "STS-B": {
        "full": (0.8865, 0.0044),
        "majority": (0.0243, 0.0000),
        "good, pruned": (0.8008, 0.0091),
        "good, retrained": (0.7521, 0.2037),
        "random, pruned": (0.5301, 0.2265),
        "random, retrained": (0.7912, 0.0717),
        "bad, pruned": (0.3244, 0.3375),
        "bad, retrained": (0.6072, 0.1850),
    },
    "QQP": {
        "full": (0.9092, 0.0020),
        "majority": (0.6318, 0.0000),
        "good, pruned": (0.8308, 0.0054),
        "good, retrained": (0.8870, 0.0095),
        "random, pruned": (0.7416, 0.0645),
        "random, retrained": (0.8763, 0.0280),
        "bad, pruned": (0.6793, 0.0550),
        "bad, retrained": (0.8198, 0.0965),
    },
    "MNLI": {
        "full": (0.8448, 0.0019),
        "majority": (0.3545, 0.0000),
        "good, pruned": (0.7642, 0.0028),
        "good, retrained": (0.7952, 0.0363),
        "random, pruned": (0.6403, 0.1694),
        "random, retrained": (0.7900, 0.0706),
        "bad, pruned": (0.5983, 0.1131),
        "bad, retrained": (0.8032, 0.0406),
    },
    "QNLI": {
        "full": (0.9153, 0.0011),
        "majority": (0.5054, 0.0000),
        "good, pruned": (0.8288, 0.0040),
        "good, retrained": (0.8869, 0.0196),
        "random, pruned": (0.6877, 0.1056),
        "random, retrained": (0.8416, 0.0442),
        "bad, pruned": (0.6280, 0.0517),
        "bad, retrained": (0.7656, 0.1031),
    },
    "RTE": {
        "full": (0.6325, 0.0277),
        "majority": (0.5271, 0.0000),
        "good, pruned": (0.5740, 0.0312),
        "good, retrained": (0.5755, 0.0552),
        "random, pruned": (0.5069, 0.0338),
        "random, retrained": (0.5646, 0.0484),
        "bad, pruned": (0.4917, 0.0324),
        "bad, retrained": (0.5877, 0.0331),
    },
    "WNLI": {
        "full": (0.3380, 0.0496),
        "majority": (0.5634, 0.0000),
        "good, pruned": (0.5380, 0.0507),
        "good, retrained": (0.5380, 0.0507),
        "random, pruned": (0.5380, 0.0507),
        "random, retrained": (0.5380, 0.0507),
        "bad, pruned": (0.5380, 0.0507),
        "bad, retrained": (0.5380, 0.0507),
    },
}

# The release's global_magnitude, global_random and global_bad: its bad tickets are what is
# left when the *largest* weights are removed.
_MAGNITUDE: dict[str, dict[str, tuple[float, float]]] = {
    "CoLA": {
        "good, pruned": (0.5170, 0.0069),
        "good, retrained": (0.5439, 0.0135),
        "random, pruned": (0.0228, 0.0251),
        "random, retrained": (0.1574, 0.0552),
        "largest_removed, pruned": (0.0000, 0.0000),
        "largest_removed, retrained": (0.0247, 0.0292),
    },
    "SST-2": {
        "good, pruned": (0.8463, 0.0070),
        "good, retrained": (0.9154, 0.0041),
        "random, pruned": (0.5466, 0.0842),
        "random, retrained": (0.8291, 0.0046),
        "largest_removed, pruned": (0.4945, 0.0073),
        "largest_removed, retrained": (0.8161, 0.0036),
    },
    "MRPC": {
        "good, pruned": (0.7789, 0.0179),
        "good, retrained": (0.8402, 0.0088),
        "random, pruned": (0.3897, 0.1471),
        "random, retrained": (0.7034, 0.0128),
        "largest_removed, pruned": (0.3897, 0.1471),
        "largest_removed, retrained": (0.6755, 0.0075),
    },
    "STS-B": {
        "good, pruned": (0.8227, 0.0158),
        "good, retrained": (0.8795, 0.0040),
        "random, pruned": (0.0768, 0.0400),
        "random, retrained": (0.2355, 0.0282),
        "largest_removed, pruned": (0.0540, 0.0586),
        "largest_removed, retrained": (0.0819, 0.0030),
    },
    "QQP": {
        "good, pruned": (0.8329, 0.0049),
        "good, retrained": (0.9068, 0.0019),
        "random, pruned": (0.6318, 0.0000),
        "random, retrained": (0.8562, 0.0025),
        "largest_removed, pruned": (0.6318, 0.0000),
        "largest_removed, retrained": (0.7752, 0.0010),
    },
    "MNLI": {
        "good, pruned": (0.7792, 0.0033),
        "good, retrained": (0.8390, 0.0009),
        "random, pruned": (0.3268, 0.0117),
        "random, retrained": (0.7557, 0.0034),
        "largest_removed, pruned": (0.3182, 0.0000),
        "largest_removed, retrained": (0.6193, 0.0023),
    },
    "QNLI": {
        "good, pruned": (0.8389, 0.0075),
        "good, retrained": (0.9085, 0.0034),
        "random, pruned": (0.5084, 0.0160),
        "random, retrained": (0.8088, 0.0076),
        "largest_removed, pruned": (0.5071, 0.0201),
        "largest_removed, retrained": (0.6068, 0.0006),
    },
    "RTE": {
        "good, pruned": (0.6130, 0.0132),
        "good, retrained": (0.6144, 0.0149),
        "random, pruned": (0.4744, 0.0029),
        "random, retrained": (0.5610, 0.0162),
        "largest_removed, pruned": (0.4946, 0.0265),
        "largest_removed, retrained": (0.4946, 0.0265),
    },
    "WNLI": {
        "good, pruned": (0.4845, 0.0876),
        "good, retrained": (0.4113, 0.0969),
        "random, pruned": (0.5070, 0.0696),
        "random, retrained": (0.4704, 0.1075),
        "largest_removed, pruned": (0.5296, 0.0493),
        "largest_removed, retrained": (0.4901, 0.0965),
    },
}
