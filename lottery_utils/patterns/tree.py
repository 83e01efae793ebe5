"""Numbers that say what an attention map looks like, and a small tree of them (section 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.patterns.maps import CLS, PUNCTUATION, SEP, AnnotatedMap

FloatArray = npt.NDArray[np.float64]
FEATURES = {
    "band": "attention to the token itself and its nearest two on either side, less their share",
    "diagonal": "the same along the strongest single diagonal at most three off the main one",
    "column": "attention to the one token that gets most",
    "columns": "attention to the five tokens that get most, less their share",
    "special": "attention to [CLS] and [SEP]",
    "punctuation": "attention to punctuation",
    "block": "how much more attention a token of the same sentence gets than one of the other",
    "entropy": "of rows, from 0 (one token gets all) to 1 (all get the same)",
    "on_diagonal": "rows with a third of their largest value or more beside the diagonal",
    "in_column": "rows with a third of their largest value or more in the strongest column",
    "dark_diagonal": "the mean darkness of the strongest diagonal",
    "dark_column": "the mean darkness of the strongest column",
}


def features(shown: AnnotatedMap) -> FloatArray:
    """The `FEATURES` of a map, in their order: float64 (features,). Attention is counted in rows
    that add up to 1; darkness is that of the map as it is.
    """
    values = np.asarray(shown.values, float)
    n = len(values)
    sums = values.sum(axis=1, keepdims=True)
    rows = np.where(sums > 0, values / np.where(sums > 0, sums, 1), 1 / n)
    places = np.subtract.outer(np.arange(n), np.arange(n))
    near = np.abs(places) <= 2
    shifts = [s for s in range(-3, 4) if abs(s) < n]
    diagonals = [np.diagonal(rows, s) for s in shifts]
    strongest = int(np.argmax([d.sum() / n for d in diagonals]))
    dark = np.diagonal(values, shifts[strongest])
    of_columns = np.sort(rows.mean(axis=0))[::-1]
    column = values[:, int(rows.mean(axis=0).argmax())]
    largest = np.maximum(values.max(axis=1), 1e-12)
    kinds = shown.tokens if len(shown.tokens) == n else np.zeros(n, np.uint8)
    inner = rows.copy()
    inner[:, kinds == CLS] = 0  # a column there would count as half a diagonal for row 0
    beside = np.where(np.abs(places) <= 3, values, 0).max(axis=1)
    entropy = -(rows * np.log(np.maximum(rows, 1e-12))).sum(axis=1).mean() / np.log(max(n, 2))
    return np.array(
        [
            (inner * near).sum() / n - near.mean(),
            diagonals[strongest].sum() / n - 1 / n,
            of_columns[0],
            of_columns[:5].sum() - min(5, n) / n,
            rows[:, (kinds == CLS) | (kinds == SEP)].sum() / n,
            rows[:, kinds == PUNCTUATION].sum() / n,
            _block_contrast(rows, kinds),
            entropy,
            (beside >= largest / 3).mean(),
            (column >= largest / 3).mean(),
            dark.mean(),
            column.mean(),
        ]
    )


def _block_contrast(rows: FloatArray, kinds: npt.NDArray[np.uint8]) -> float:
    """Attention within a sentence less that across, per token and times their number.

    0 for a single sentence. Special tokens belong to neither.
    """
    sentence = np.cumsum(np.concatenate([[0], (kinds == SEP)[:-1]]))
    inside = ~np.isin(kinds, (CLS, SEP))
    if len(np.unique(sentence[inside])) < 2:
        return 0.0
    same = np.equal.outer(sentence[inside], sentence[inside])
    part = rows[np.ix_(inside, inside)]
    return float((part[same].mean() - part[~same].mean()) * len(rows))


def tree(maps: Sequence[AnnotatedMap]) -> Any:
    """A decision tree of depth 4 with at least 5 maps a leaf, fitted to labelled maps; it predicts
    labels from features (maps, features).
    """
    from sklearn.tree import DecisionTreeClassifier

    found = DecisionTreeClassifier(max_depth=4, min_samples_leaf=5, random_state=0)
    return found.fit(np.stack([features(m) for m in maps]), [m.label for m in maps])
