"""The same measures as of a study (`replication.claims.evidence`), of the paper's released numbers.

The release has mean scores over five seeds, so that every task has one value; whatever needs the
seeds' own scores, or what was not released, has no measure here. Of masks it has those of every
seed; what they come to is in the records of `replication.paper.records`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lottery_utils.agreement.inference import jackknifed
from lottery_utils.tasks import TASKS
from replication.claims.evidence import Measured, learned, of_scores
from replication.paper import numbers, records

METHODS = {"structured": "bad", "magnitude": "largest_removed"}


def measure(results_dir: str = "results") -> Measured:
    """All measures that the released numbers allow, of all nine tasks.

    Where the release is not on record in `results_dir`, those that come with the book serve.
    """
    results = records.load(results_dir if records.on_record(results_dir) else records.BOOK)
    heads = records.over_seeds(results, "heads")
    found: Measured = {}
    for task in TASKS:
        scores = of_scores(lambda s, m, task=task: [_score(results, task, s, m)], METHODS)  # type: ignore[misc]
        kappa = [heads[task].beside_chance["Fleiss' kappa"].observed]
        for name, values in (*scores, ("kappa of heads", kappa), *_of_attention(task)):
            found.setdefault(name, {})[task] = values
    sharing = records.sharing_of(results).only(learned(found))
    pairs = {pair: float(of.heads.excess.mean()) for pair, of in sharing.pairs.items()}
    found["heads shared beyond layers"] = jackknifed(pairs)
    return found


def _score(results: records.Results, task: str, setting: str, method: str) -> float:
    """To four decimals, as the scores were at hand when the verdicts were first given."""
    return round(records.scores(results, task, method)[setting].mean, 4)


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
