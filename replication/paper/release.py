"""The authors' released results, read as they lie in their repository, and checked.

    masks/<setting>/<TASK>/seed_<S>/head_mask.npy      (12, 12) of zeros and ones
    masks/<setting>/<TASK>/seed_<S>/mlp_mask.npy       (12,)
        also of `heads_mlps_on_train` and `heads_mlps_hans`, where they are there
    experiment_analysis/evaluation/importance_pruning_evaluation.pdf    where it is there
    evaluate_masked/<setting>/baseline/results.json    {TASK: {metric: [mean, population std]}}
    evaluate_masked/freq_baseline/results.json         the same, without `baseline`

Scores may also be one table, `results.csv`, with the columns setting, task, metric, mean and
std_population. Nothing pickled is ever opened. Source: github.com/sai-prasanna/bert-experiments,
commit f02280f.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lottery_utils.errors import UserError, expanded, regular
from lottery_utils.masks import StructuredMask
from lottery_utils.tasks import TASKS
from replication.paper.figure import heights

SEEDS = (1337, 42, 86, 71, 166)
N_LAYERS, N_HEADS = 12, 12  # BERT-base
# The settings with masks, and which parts of a mask were saved.
SETTINGS = {
    "heads_mlps": ("heads", "mlps"),
    "heads": ("heads",),
    "mlps": ("mlps",),
    "heads_mlps_random": ("heads", "mlps"),
    "heads_mlps_bad_1": ("heads", "mlps"),
    "heads_mlps_super": ("heads", "mlps"),
    "heads_mlps_super_midling": ("heads", "mlps"),
    "heads_mlps_super_bizzaro": ("heads", "mlps"),
}
# Settings that are read where they are there, and of what: masks of the same fine-tuned models that
# were searched on as many training examples as there are dev examples, and masks of models trained
# on HANS (McCoy et al. 2019), on MNLI as two classes, and on both.
ON_TRAIN, HANS = "heads_mlps_on_train", "heads_mlps_hans"
HANS_DATA = ("HANS", "HANS_MNLI", "MNLI_TWO", "MNLI_TWO_HALF")
ALSO = {ON_TRAIN: tuple(TASKS), HANS: HANS_DATA}
# The settings that pages have scores of; the release has a few more.
TICKETS = (
    "head_mlp", "head_mlp_random", "head_mlp_bad_1",
    "global_magnitude", "global_random", "global_bad",
    "head_mlp_super", "head_mlp_super_midling", "head_mlp_super_bizzaro",
)  # fmt: skip
SCORED = (
    *("no_mask", "freq_baseline", "head", "mlp", "head_mlp_separate"),
    *(f"{ticket}{state}" for ticket in TICKETS for state in ("", "_retrained")),
)
FILES = {"heads": "head_mask.npy", "mlps": "mlp_mask.npy"}
SHAPES = {"heads": (N_LAYERS, N_HEADS), "mlps": (N_LAYERS,)}

# The figure of s-pruned subnetworks, where the authors have it, or beside the masks.
FIGURE = "importance_pruning_evaluation.pdf"
FIGURES = (f"experiment_analysis/evaluation/{FIGURE}", FIGURE)

Score = tuple[float, float]  # mean and population standard deviation over five seeds


@dataclass(frozen=True)
class Release:
    """What was read.

    `masks` by setting, task (of HANS, `HANS_DATA`) and seed; a part that a setting leaves alone is
    kept whole, and what `ALSO` names is not in every copy. `scores`
    by task, setting and metric. `drawn` has the heights of the bars in the figure of s-pruned
    subnetworks, by task, in points; empty without it. `sha256` of every file by its path in the
    release.
    """

    masks: dict[str, dict[str, dict[int, StructuredMask]]]
    scores: dict[str, dict[str, dict[str, Score]]]
    drawn: dict[str, dict[str, float]] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)


def read(directory: Path | str) -> Release:
    """Read and check a copy of the release.

    Raises `UserError`, which names the file, where something is missing, is not of the shape it
    should be, holds other values than zeros and ones, or was pickled.
    """
    root, sha256 = expanded(directory), dict[str, str]()
    if not (root / "masks").is_dir():
        raise UserError(
            f"{root} is not a copy of the release: expected the folders masks/ and "
            "evaluate_masked/ (or the table results.csv) of the authors' repository in it."
        )
    of_setting = dict.fromkeys(SETTINGS, tuple(TASKS))
    of_setting |= {also: of for also, of in ALSO.items() if (root / "masks" / also).is_dir()}
    masks = {
        setting: {task: dict(_masks(root, setting, task, sha256)) for task in tasks}
        for setting, tasks in of_setting.items()
    }
    figure, drawn = next((path for path in FIGURES if (root / path).is_file()), None), {}
    if figure:
        drawn, sha256[figure] = heights(root / figure), _sha256(root / figure)
    return Release(masks, _scores(root, sha256), drawn, sha256)


def digest(release: Release, task: str, setting: str) -> str:
    """One sha256 for all mask files of a setting and task: that of the lines which `sha256sum`
    prints for them, in the order of their paths, two spaces between digest and path."""
    start = f"masks/{setting}/{task}/"
    lines = sorted((p, d) for p, d in release.sha256.items() if p.startswith(start))
    return hashlib.sha256("".join(f"{d}  {p}\n" for p, d in lines).encode()).hexdigest()


def _masks(
    root: Path, setting: str, task: str, sha256: dict[str, str]
) -> Iterator[tuple[int, StructuredMask]]:
    for seed in SEEDS:
        folder = root / "masks" / setting / task / f"seed_{seed}"
        if not folder.is_dir():
            raise UserError(
                f"The release lacks {folder}: expected masks of the seeds "
                f"{', '.join(map(str, SEEDS))} for each task; fetch it whole."
            )
        parts = {part: np.ones(shape, bool) for part, shape in SHAPES.items()}
        for part in SETTINGS.get(setting, FILES):
            path = folder / FILES[part]
            parts[part] = _array(path, SHAPES[part])
            sha256[path.relative_to(root).as_posix()] = _sha256(path)
        yield seed, StructuredMask(**parts)


def _array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """One mask as bool, or `UserError`."""
    try:
        values = np.load(regular(path), allow_pickle=False)
    except OSError as error:
        raise UserError(
            f"The mask {path} cannot be read ({error.strerror or error}): expected an array of "
            f"shape {shape}; fetch it again."
        ) from error
    except Exception as error:  # numpy's for objects, for what is no array, for impossible sizes
        raise UserError(
            f"The mask {path} is not a plain array, but pickled or cut off: expected numbers of "
            f"shape {shape}, and nothing else is opened; fetch it again."
        ) from error
    if not isinstance(values, np.ndarray) or values.shape != shape:
        found = getattr(values, "shape", "no single array")
        raise UserError(
            f"The mask {path} has shape {found}: expected {shape}, one value for each of "
            "BERT-base's; fetch it again."
        )
    odd = [values.dtype]
    if values.dtype.kind in "biuf":
        odd = values[~np.isin(values, (0, 1))].tolist()
    if odd:
        raise UserError(
            f"The mask {path} holds {odd[0]}: expected zeros and ones only; fetch it again."
        )
    return values.astype(bool)


def _scores(root: Path, sha256: dict[str, str]) -> dict[str, dict[str, dict[str, Score]]]:
    """By task, setting and metric."""
    table, folder = root / "results.csv", root / "evaluate_masked"
    rows = _of_folders(folder, sha256, root) if folder.is_dir() else _of_table(table, sha256)
    found: dict[str, dict[str, dict[str, Score]]] = {task: {} for task in TASKS}
    for setting, task, metric, score, path in rows:
        if task not in found:
            raise UserError(f"{path} has scores of {task!r}: expected GLUE's nine tasks only.")
        if not all(map(math.isfinite, score)):
            raise UserError(
                f"{path}: {metric} of {task} under {setting} is {score[0]} ± {score[1]}: expected "
                "two numbers; fetch it again."
            )
        found[task].setdefault(setting, {})[metric] = score
    for task, of_task in found.items():
        lacking = [setting for setting in SCORED if setting not in of_task]
        if lacking:
            raise UserError(
                f"The scores in {folder if folder.is_dir() else table} lack {task} under "
                f"{', '.join(lacking)}: expected every task under every setting; fetch them again."
            )
    return found


Row = tuple[str, str, str, Score, Path]


def _of_folders(folder: Path, sha256: dict[str, str], root: Path) -> Iterator[Row]:
    paths = [*folder.glob("*/baseline/results.json"), *folder.glob("*/results.json")]
    for path in sorted(paths):
        setting = path.relative_to(folder).parts[0]
        try:
            content = json.loads(regular(path).read_text(encoding="utf-8"))
            rows: list[Row] = [
                (setting, task, metric, (float(score[0]), float(score[1])), path)
                for task, metrics in content.items()
                for metric, score in metrics.items()
            ]
        except Exception as error:  # JSON can be of any shape
            raise UserError(
                f"The scores {path} cannot be read: expected a mean and a standard deviation "
                "for each task and metric; fetch them again."
            ) from error
        sha256[path.relative_to(root).as_posix()] = _sha256(path)
        yield from rows


def _of_table(path: Path, sha256: dict[str, str]) -> Iterator[Row]:
    try:
        with regular(path).open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                score = (float(line["mean"]), float(line["std_population"]))
                yield line["setting"], line["task"], line["metric"], score, path
    except FileNotFoundError as error:
        raise UserError(
            f"The release has no scores: expected {path.parent / 'evaluate_masked'}, or a table "
            f"{path}; fetch it whole."
        ) from error
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UserError(
            f"The scores {path} cannot be read: expected the columns setting, task, metric, mean "
            "and std_population, the last two numbers; fetch them again."
        ) from error
    sha256[path.name] = _sha256(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
