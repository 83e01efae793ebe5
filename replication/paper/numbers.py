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
    of_method = _section4()[
        "magnitude" if method == "magnitude" and "," in setting else "structured"
    ]
    mean, population_std = of_method[task][setting]
    return Score(mean, population_std * _TO_SAMPLE)


def scores(task: str, method: str) -> dict[str, Score]:
    """All that is published of a task and a method, by setting; empty for other tasks."""
    settings = _section4()[method].get(task)
    if settings is None:
        return {}
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


def _section4() -> dict[str, Any]:
    """By method, task and setting: a mean and a population standard deviation.

    Settings are the release's no_mask, freq_baseline, head_mlp, head_mlp_random and
    head_mlp_bad_1 (the bad tickets of the paper's figure); for magnitude global_magnitude,
    global_random and global_bad, whose bad tickets are what is left when the *largest* weights
    are removed.
    """
    return _numbers("paper_section4.json")


def _section5() -> dict[str, Any]:
    return _numbers("paper_section5.json")


@cache
def _numbers(name: str) -> dict[str, Any]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
