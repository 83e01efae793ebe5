"""The published numbers that no record has: those of section 5.2, on attention maps.

Scores and masks are in the records of `replication.paper.records`. Shares of types are those that
the authors' notebook shows (github.com/sai-prasanna/bert-experiments, commit f02280f,
`experiment_analysis/head_classification.ipynb`).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

# Weighted F1 of the paper's classifier of attention maps, and Pearson's r between a map's being
# heterogeneous and its head's being a super-survivor, over all tasks.
CLASSIFIER_F1 = {"raw": 0.81, "normed": 0.74}
HETEROGENEOUS_R = {"raw": 0.015, "normed": 0.025}


def pattern_shares(task: str, state: str, who: str, weighting: str) -> dict[str, float] | None:
    """The share of each type among the paper's attention maps, or None where it has none.

    `state` is `pre-trained` or `fine-tuned`, `who` is `super` (super-survivors, in a pruned
    model) or `all` (heads of the intact one), `weighting` is `raw` or `normed`.
    """
    found = _section5()
    shares = found["patterns"].get(f"{state}, {who}, {task}")
    return dict(zip(found["types"], shares[weighting], strict=True)) if shares else None


@cache
def _section5() -> dict[str, Any]:
    text = Path(__file__).with_name("attention_types.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
