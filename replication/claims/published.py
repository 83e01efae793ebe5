"""The same measures as of a study (`replication.claims.evidence`), of the paper's released numbers.

The release has mean scores over five seeds, so that every task has one value; whatever needs the
seeds' own scores, or what was not released, has no measure here. Of masks it has those of every
seed; what they come to is in the records of `replication.paper.records`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lottery_utils.tasks import TASKS
from replication.claims.claim import LEARNED, reaches
from replication.claims.evidence import (
    SURVIVORS,
    Measured,
    gather,
    learned,
    of_pairs,
    of_scores,
    of_shares,
)
from replication.paper import numbers, records

METHODS = {"structured": "bad", "magnitude": "largest_removed"}


def measure(results: records.Results) -> Measured:
    """All measures that the released numbers allow, of all nine tasks."""
    heads, mlps = (records.over_seeds(results, part) for part in ("heads", "mlps"))
    found: Measured = {}
    for task in TASKS:
        scores = of_scores(lambda s, m, task=task: [_score(results, task, s, m)], METHODS)  # type: ignore[misc]
        kappas = {
            f"kappa of {name}": [of[task].beside_chance["Fleiss' kappa"].observed]
            for name, of in (("heads", heads), ("MLPs", mlps))
        }
        named = (*scores, *kappas.items(), *_of_attention(task), *_of_survivors(results, task))
        gather(found, task, named)
    sharing = records.sharing_of(results).only(learned(found))
    pairs = {pair: (of.heads, of.mlps) for pair, of in sharing.pairs.items()}
    kept = {(a, b): [*zip(sharing.kept[a], sharing.kept[b], strict=True)] for a, b in pairs}
    return found | of_pairs(pairs, kept, sharing.n_heads)


def _of_survivors(results: records.Results, task: str) -> Iterator[tuple[str, list[float]]]:
    full, majority = (_score(results, task, name, "structured") for name in ("full", "majority"))
    tickets = (_score(results, task, f"{k}, retrained", "survivors") for k in ("super", "anti"))
    one, other = tickets
    if reaches(full - majority, LEARNED):
        yield SURVIVORS, [(one - other) / (full - majority)]


def _score(results: records.Results, task: str, setting: str, method: str) -> float:
    return records.scores(results, task, method)[setting].mean


def _of_attention(task: str) -> Iterator[tuple[str, list[float]]]:
    """Shares of types; super-survivors were seen in a pruned model, all heads in a whole one."""
    raw, normed, survivors = (
        numbers.pattern_shares(task, "fine-tuned", who, weighting)
        for who, weighting in (("all", "raw"), ("all", "normed"), ("super", "raw"))
    )
    return of_shares(raw, normed, survivors)
