"""Attention maps with a label: the five types of Kovaleva et al. (2019), seen by eye.

A map says where heads look, and which places are special tokens or punctuation, never a word.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lottery_utils.errors import UserError, expanded, reading, regular

FloatArray = npt.NDArray[np.float32]
TYPES = ("vertical", "diagonal", "vertical+diagonal", "block", "heterogeneous")
UNLABELLED = 255
# What a token is, as far as a map may know.
WORD, CLS, SEP, PUNCTUATION = range(4)
UNKNOWN = 255  # stands in a file for the kinds of a map that has none
WEIGHTINGS = ("raw", "normed")
# What a file says of each map, beside its values and tokens.
FACTS: dict[str, Any] = {
    **dict.fromkeys(("layer", "head", "label", "second"), np.uint8),
    **dict.fromkeys(("task", "state"), str),
}


@dataclass(frozen=True)
class AnnotatedMap:
    """One map: `values` is float32 (tokens, tokens), its largest value 1; row i says where i looks.

    `tokens` is uint8 (tokens,), a kind of token each, or empty if unknown. `label` and the second
    look's `second` are indices of `TYPES`, or `UNLABELLED`.
    """

    values: FloatArray
    tokens: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    layer: int = 0
    head: int = 0
    task: str = ""
    state: str = ""
    label: int = UNLABELLED
    second: int = UNLABELLED


def shipped(weighting: str) -> Path:
    """The file of the maps that come with this package, `raw` or `normed`."""
    return Path(__file__).parent / "labelled" / f"{weighting}.npz"


def network_file(weighting: str) -> Path:
    """The weights of the network trained on them (`lottery_utils.patterns.network`)."""
    return shipped(weighting).with_suffix(".safetensors")


def token_kinds(tokens: Sequence[str]) -> npt.NDArray[np.uint8]:
    """What each word piece of BERT's or RoBERTa's is, as far as a map may know: uint8 (tokens,)."""
    special = {"[CLS]": CLS, "<s>": CLS, "[SEP]": SEP, "</s>": SEP}
    return np.array([special.get(t, _written(t.lstrip("\u0120"))) for t in tokens], np.uint8)


def _written(piece: str) -> int:
    return PUNCTUATION if piece and set(piece) <= set(string.punctuation) else WORD


def save_maps(maps: Sequence[AnnotatedMap], path: Path | str) -> None:
    """Write maps as one file of small unsigned integers (values in 255ths)."""
    kinds = [m.tokens if len(m.tokens) else np.full(len(m.values), UNKNOWN) for m in maps]
    facts: dict[str, Any] = {
        name: np.array([getattr(m, name) for m in maps], kind) for name, kind in FACTS.items()
    }
    np.savez_compressed(
        path,
        size=np.array([len(m.values) for m in maps], np.uint16),
        values=np.concatenate([np.round(255 * m.values).astype(np.uint8).ravel() for m in maps]),
        tokens=np.concatenate(kinds).astype(np.uint8),
        **facts,
    )


def load_maps(path: Path | str) -> list[AnnotatedMap]:
    """Read what `save_maps` wrote, or a folder in the layout of the paper's authors. Raises
    `UserError` for a missing, broken or foreign file.
    """
    path = expanded(path)
    if path.is_dir():
        return _load_folder(path)
    try:
        with np.load(regular(path), allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        sizes = data["size"].astype(int)
        values = np.split(data["values"], np.cumsum(sizes**2)[:-1])
        tokens = np.split(data["tokens"], np.cumsum(sizes)[:-1])
        return [
            AnnotatedMap(
                (values[i].reshape(n, n) / 255).astype(np.float32),
                tokens[i][tokens[i] != UNKNOWN],
                **{name: data[name][i].item() for name in FACTS},
            )
            for i, n in enumerate(sizes.tolist())
        ]
    except Exception as error:  # zip files have exceptions of their own
        raise UserError(
            f"Cannot read annotated maps from {path} ({error}): expected a file written by "
            "lottery_utils.patterns.maps.save_maps, or a folder of .npy files with labels.tsv."
        ) from error


def _load_folder(folder: Path) -> list[AnnotatedMap]:
    """A folder of .npy files, and one .tsv file whose lines are a map's name and its label."""
    tables = sorted(folder.glob("*.tsv"))
    if len(tables) != 1:
        raise UserError(
            f"{folder} should hold one .tsv file of names and labels; it has {len(tables)}."
        )
    found = []
    with reading(tables[0]):
        lines = regular(tables[0]).read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        place = f"{tables[0]}, line {number}"
        name, _, label = (part.strip('" ') for part in line.partition("\t"))
        if label not in TYPES:
            raise UserError(
                f"{place}: expected the name of a map, a tab and one of {', '.join(TYPES)}."
            )
        found.append(replace(_load_map(folder, name, place), label=TYPES.index(label)))
    if not found:
        raise UserError(f"{tables[0]} is empty: expected a line for each map.")
    return found


def _load_map(folder: Path, name: str, place: str) -> AnnotatedMap:
    path = folder / (name if name.endswith(".npy") else f"{name}.npy")
    try:
        values = np.load(regular(path), allow_pickle=False).astype(np.float32)
        if values.ndim != 2 or len(values) != values.shape[1] or not np.isfinite(values).all():
            raise ValueError(f"its shape is {values.shape}, or it holds other than numbers")
        return AnnotatedMap(values / max(values.max(), 1e-12))
    except Exception as error:  # files of another kind have exceptions of their own
        raise UserError(
            f"{place}: cannot read the map {path} ({error}): expected a square of finite numbers."
        ) from error
