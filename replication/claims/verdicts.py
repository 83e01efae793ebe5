"""The five words in which every page judges a claim, and the one rule behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from replication.claims.claim import LEVEL

SUPPORTED, CONSISTENT = "supported", "consistent, not significant"
INCONCLUSIVE, CONTRADICTED, NO_DATA = "inconclusive", "contradicted", "no data"
VERDICTS = (SUPPORTED, CONSISTENT, INCONCLUSIVE, CONTRADICTED, NO_DATA)


def verdict(raw: float, p: float, contrary: float, outside: Sequence[str] = ()) -> tuple[str, str]:
    """The word, and why it is not the one that the mean alone would give.

    `raw` is the one-sided p value of lying inside the claim's region, `p` the same after Holm's
    correction, `contrary` the corrected one of lying outside. `outside` names the tasks whose own
    means lie elsewhere, where these are more than the claim allows.
    """
    if contrary < LEVEL:
        return CONTRADICTED, ""
    # The 95 % CI lies inside the region only where the test before correction is significant.
    if raw >= LEVEL:
        return INCONCLUSIVE, ""
    if outside:
        does = "does" if len(outside) == 1 else "do"
        return INCONCLUSIVE, f"the mean lies in the region, {' and '.join(outside)} {does} not"
    return (SUPPORTED, "") if p < LEVEL else (CONSISTENT, "")


def counted(words: Iterable[str]) -> str:
    """How many of which verdict: `1 supported; 2 inconclusive`."""
    found = Counter(words)
    return "; ".join(f"{found[word]} {word}" for word in VERDICTS if found[word])
