"""The same measures as of a study (`replication.claims.evidence`), of the paper's released numbers.

The release has mean scores over five seeds, so that every task has one value; whatever needs the
seeds' own scores, or what was not released, has no measure here. Of masks it has those of every
seed; what they come to is in the records of `replication.paper.records`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from lottery_utils.agreement.inference import jackknifed
from lottery_utils.tasks import TASKS
from replication.claims.evidence import Measured, learned, of_scores
from replication.paper import numbers, records

METHODS = {"structured": "bad", "magnitude": "largest_removed"}


def measure(results_dir: str = "results") -> Measured:
    """All measures that the released numbers allow, of all nine tasks."""
    found: Measured = {}
    for task in TASKS:
        scores = of_scores(lambda s, m, task=task: [numbers.published(task, s, m).mean], METHODS)  # type: ignore[misc]
        for name, values in itertools.chain(scores, _of_masks(task), _of_attention(task)):
            found.setdefault(name, {})[task] = values
    if records.on_record(results_dir):
        sharing = records.sharing_of(records.load(results_dir)).only(learned(found))
        pairs = {pair: float(of.heads.excess.mean()) for pair, of in sharing.pairs.items()}
        found["heads shared beyond layers"] = jackknifed(pairs)
    return found


def _of_masks(task: str) -> Iterator[tuple[str, list[float]]]:
    value = numbers.of_masks(task, "kappa", numbers.N_SEEDS)
    if value is not None:
        yield "kappa of heads", [value]


def _of_attention(task: str) -> Iterator[tuple[str, list[float]]]:
    """Shares of types; super-survivors were seen in a pruned model, all heads in a whole one."""
    raw, normed, survivors = (
        numbers.pattern_shares(task, "fine-tuned", who, weighting)
        for who, weighting in (("all", "raw"), ("all", "normed"), ("super", "raw"))
    )
    if raw and normed:
        turned = raw["vertical+diagonal"] - normed["vertical+diagonal"]
        yield (
            "vertical+diagonal to diagonal by norms",
            [min(turned, normed["diagonal"] - raw["diagonal"])],
        )
    if raw and survivors:
        yield "heterogeneous among super-survivors", [survivors["heterogeneous"]]
        for name in ("block", "vertical"):
            if raw[name]:
                yield f"{name}, super-survivors minus all", [survivors[name] - raw[name]]
