"""How well the classifiers of attention maps do on heads that they have not seen.

    python -m lottery_utils.patterns.validation      writes labelled/validation.json, beside it

Stratified cross-validation with five folds; all maps of one (layer, head) are in one fold. Only
predictions are recorded: scores follow from them and from the labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.errors import UserError, in_one_sentence
from lottery_utils.patterns.maps import UNLABELLED, WEIGHTINGS, AnnotatedMap, load_maps, shipped
from lottery_utils.patterns.tree import features, tree

N_FOLDS = 5
RECORD = Path(__file__).parent / "labelled" / "validation.json"
Labels = npt.NDArray[np.int64]


def folds(maps: Sequence[AnnotatedMap], seed: int = 0) -> Labels:
    """The fold of each map (maps,): heads are never split, types spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = [m.label for m in maps]
    heads = [100 * m.layer + m.head for m in maps]
    split = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    found = np.zeros(len(maps), np.int64)
    for number, (_, held_out) in enumerate(split.split(labels, labels, heads)):
        found[held_out] = number
    return found


def validate(maps: Sequence[AnnotatedMap], *, epochs: int | None = None) -> dict[str, Any]:
    """For each map its fold and what network and tree say of it, trained on the other folds for
    `epochs`; and which of the two is `better`, by weighted F1.
    """
    from lottery_utils.patterns import network

    of_map = folds(maps)
    said = {"network": np.zeros(len(maps), np.int64), "tree": np.zeros(len(maps), np.int64)}
    for fold in range(N_FOLDS):
        seen = [m for m, f in zip(maps, of_map, strict=True) if f != fold]
        unseen = [m for m, f in zip(maps, of_map, strict=True) if f == fold]
        places = np.flatnonzero(of_map == fold)
        net = network.train(seen, seed=fold, epochs=epochs or network.EPOCHS)
        said["network"][places] = network.classify(net, [m.values for m in unseen])
        said["tree"][places] = tree(seen).predict(np.stack([features(m) for m in unseen]))
    truth = [m.label for m in maps]
    scores = {name: weighted_f1(truth, labels) for name, labels in said.items()}
    better = max(scores, key=lambda name: scores[name])  # the network, if they are equal
    of_folds = {"fold": of_map.tolist(), "better": better}
    return {**of_folds, **{name: v.tolist() for name, v in said.items()}}


def weighted_f1(labels: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """F1 of each type, weighted by how often it occurs among `labels`, as in the paper."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="weighted", zero_division=0))


def read() -> dict[str, Any]:
    """The recorded predictions by `raw` and `normed`. Raises `UserError` if they are missing
    or belong to other maps.
    """
    try:
        found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
        sizes = {w: len(load_maps(shipped(w))) for w in WEIGHTINGS}
        fits = all(len(found[w]["network"]) == n for w, n in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise UserError(
            f"There is no {RECORD} for these maps: make it with "
            "'python -m lottery_utils.patterns.validation'."
        )
    return found


def main() -> None:
    """Cross-validate on the shipped maps, print the scores and write the record."""
    from sklearn.metrics import cohen_kappa_score

    record = {}
    for weighting in WEIGHTINGS:
        maps = load_maps(shipped(weighting))
        record[weighting] = found = validate(maps)
        labels = [m.label for m in maps]
        twice = [m for m in maps if m.second != UNLABELLED]
        kappa = cohen_kappa_score([m.label for m in twice], [m.second for m in twice])
        print(f"{weighting}: {len(maps)} maps, Cohen's kappa of two looks {kappa:.3f}")
        for name in ("network", "tree"):
            print(f"  {name}: weighted F1 {weighted_f1(labels, found[name]):.3f}", flush=True)
    RECORD.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with in_one_sentence():
        main()
