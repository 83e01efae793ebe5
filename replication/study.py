"""A study: which BERT, which data, which tasks and seeds, and the recipe.

A study is a short YAML file, checked when it is read and frozen afterwards. Each stage of
the work depends on some of its fields; their hash says whether a record is still what the
study asks for. Fields that only say *where* things lie are not part of the hash.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lottery_utils.backbone import backbone_fingerprint
from lottery_utils.data import source_kind
from lottery_utils.errors import UserError
from lottery_utils.recipe import Recipe, SearchRule
from lottery_utils.tasks import OwnTask, add_task, get_task
from replication.checked import build
from replication.pipeline import (
    FOLLOWUPS,
    SINCE,
    STAGE_FIELDS,
    STAGES,
    STARTS_FROM,
    SWEPT,
    FollowUps,
)

__all__ = [
    "FOLLOWUPS", "STAGES", "STARTS_FROM", "SWEPT",
    "FollowUps", "Study",
]  # fmt: skip


def home() -> Path:
    """The folder that studies and results are looked for in.

    The current folder if it has studies/ (the repository's root, or a user's own), else the
    repository that this package lies in, so that notebooks run from their own folder too.
    """
    repository = Path(__file__).resolve().parents[1]
    here = Path()
    return (
        repository
        if not (here / "studies").is_dir() and (repository / "studies").is_dir()
        else here
    )


@dataclass(frozen=True)
class Study:
    """A validated study.

    `train_size` and `validation_size` cap the number of examples; None takes all there are
    (of the embedded corpus, its default sizes), and so it is of `whole_tasks`. With `held_out`
    every model is also scored on the validation examples that the cap leaves to nobody, which no
    search has seen, and its predictions are kept. `variant` is `paper` or `release`: the text
    of the paper, or what the authors' released code does. Heads and MLPs are always pruned,
    single weights on `magnitude_tasks` (None: on all): their tickets cannot be made smaller,
    so that they cost most of a study's time. Random and bad tickets have `draws` of their own for
    each task and kind (`independent`), or one stream for all (`shared`), as the first studies had.
    `own_tasks` describe tasks that are not GLUE's.
    """

    name: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    backbone: str = "bundled"
    data: str = "mini"
    train_size: int | None = None
    validation_size: int | None = None
    whole_tasks: tuple[str, ...] = ()
    held_out: bool = False
    recipe: Recipe = field(default_factory=Recipe)
    search: SearchRule = field(default_factory=SearchRule)
    variant: str = "paper"
    draws: str = "independent"
    magnitude_tasks: tuple[str, ...] | None = None
    followups: FollowUps = field(default_factory=FollowUps)
    own_tasks: dict[str, OwnTask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, own in self.own_tasks.items():
            _check_own_task(self, name, own)
            add_task(own.task(name))
        asked = (
            self.whole_tasks,
            self.magnitude_tasks,
            *(getattr(self.followups, what) for what in FOLLOWUPS),
        )
        for task in (*self.tasks, *(task for tasks in asked for task in tasks or ())):
            get_task(task)
        source_kind(self.data)
        _require(
            bool(re.fullmatch(r"\w[\w.-]*", self.name)), self, "name", "letters, digits, . _ -"
        )
        _require(self.backbone not in ("", "hub:"), self, "backbone", "bundled, hub:ID or a folder")
        for key, values in (("tasks", self.tasks), ("seeds", self.seeds)):
            _require(len(set(values)) == len(values), self, key, "different from each other")
        _require(bool(self.tasks), self, "tasks", "at least one task")
        _require(bool(self.seeds), self, "seeds", "at least one seed")
        _require(all(0 <= s < 2**32 for s in self.seeds), self, "seeds", "from 0 up to 2**32 - 1")
        for key, size in (
            ("train_size", self.train_size),
            ("validation_size", self.validation_size),
        ):
            _require(size is None or size > 0, self, key, "a positive number of examples, or null")
        _require(self.variant in ("paper", "release"), self, "variant", "'paper' or 'release'")
        draws = ("independent", "shared")
        _require(self.draws in draws, self, "draws", "'independent' or 'shared'")
        for key in ("learning_rate", "epochs", "batch_size", "clip_norm", "adam_epsilon"):
            value = getattr(self.recipe, key)
            _require(0 < value < math.inf, self, f"recipe.{key}", "a positive number")
        _require(0 <= self.recipe.weight_decay < math.inf, self, "recipe.weight_decay", "0 or more")
        _require(self.recipe.max_length >= 8, self, "recipe.max_length", "at least 8 tokens")
        for key in ("threshold", "head_step", "weight_step"):
            _require(
                0 < getattr(self.search, key) <= 1, self, f"search.{key}", "above 0, at most 1"
            )

    @classmethod
    def load(cls, study: str | Path, results_dir: str | Path = "results") -> Study:
        """Read a study from a YAML file, or by name: from studies/, or as derived before.

        Raises `UserError` for a missing file, broken YAML, an unknown key (naming its
        nearest neighbour) or a value that is not what its key wants.
        """
        name = str(study)
        studies = home() / "studies"
        places = [studies / f"{name}.yaml", home() / results_dir / name / "study.yaml"]
        path = Path(name) if name.endswith((".yaml", ".yml")) else None
        path = path or next((place for place in places if place.is_file()), None)
        if path is None:
            known = ", ".join(sorted(p.stem for p in studies.glob("*.yaml"))) or "none here"
            raise UserError(
                f"Unknown study {name!r}: expected a YAML file or the name of one in studies/ "
                f"({known})."
            )
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"Cannot read the study {path}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise UserError(f"Cannot read the study {path}: it is not UTF-8 text.") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{path}, line {mark.line + 1}" if mark else str(path)
            raise UserError(f"{place}: this is not valid YAML; mend it.") from error
        if not isinstance(content, dict):
            raise UserError(f"{path}: expected a study, that is lines of 'key: value'.")
        for key in ("tasks", "seeds"):
            if key not in content:
                raise UserError(f"{path}: the key {key!r} is missing; add a list of {key}.")
        if path.name == "study.yaml":  # beside records, perhaps from before there was the key
            content.setdefault("draws", "shared")
        built: Study = build(cls, {"name": path.stem, **content}, str(path))
        return built

    def override(self, changes: dict[str, Any]) -> Study:
        """This study with some fields changed, by dotted name (`recipe.learning_rate`).

        A change that changes numbers gives the study a name of its own,
        `<name>-<first 8 digits of its hash>`, so that its records never overwrite others.
        Narrowing `tasks` or `seeds`, or saying where data lie, does not.
        """
        content = self.to_dict()
        for key, value in changes.items():
            *parents, last = key.split(".")
            node = content
            for parent in parents:
                node = node.setdefault(parent, {})
                if not isinstance(node, dict):
                    raise UserError(f"Unknown study key {key!r}: {parent!r} has no keys below it.")
            node[last] = value
        changed: Study = build(Study, content, "the changed study")
        if changed.identity() == self.identity():
            return changed
        base = re.sub(r"-[0-9a-f]{8}$", "", self.name)
        return replace(changed, name=f"{base}-{_hash(changed.identity())[:8]}")

    def sizes(self, task: str) -> dict[str, int | None]:
        """At how many examples each split of a task is capped, as `data.load_examples` takes it."""
        whole = task in self.whole_tasks
        return {
            "train_size": None if whole else self.train_size,
            "validation_size": None if whole else self.validation_size,
        }

    def draw(self, task: str, seed: int, kind: str) -> int | list[int]:
        """What seeds the random draw of one kind of ticket, such as `random`."""
        if self.draws == "shared":
            return seed
        return [seed, *hashlib.sha256(f"{task} {kind}".encode()).digest()[:8]]

    def stages(self, task: str) -> tuple[str, ...]:
        """The stages that the study has for a task, in order."""
        weights_too = self.magnitude_tasks is None or task in self.magnitude_tasks
        return tuple(stage for stage in STAGES if stage != "magnitude" or weights_too)

    def followups_of(self, what: str) -> tuple[tuple[str, int], ...]:
        """The entries, (task, seed), that the study has a follow-up for."""
        tasks = getattr(self.followups, what)
        seeds = self.followups.seeds(what)
        return tuple(
            (task, seed)
            for task in self.tasks
            for seed in self.seeds
            if (tasks is None or task in tasks) and (seeds is None or seed in seeds)
        )

    def only(self, what: str, task: str) -> Study:
        """This study with one follow-up at most, and that of one task."""
        names = self.followups_of(what)
        wanted: dict[str, Any] = {**dict.fromkeys(FOLLOWUPS, ())}
        wanted[what] = (task,) if task in dict(names) else ()
        return replace(self, followups=replace(self.followups, **wanted))

    def identity(self, stage: str = "tickets") -> dict[str, Any]:
        """The fields that change a stage's numbers, as plain data, without places."""
        values = {**self.to_dict(), "data": source_kind(self.data)}
        values["backbone"] = backbone_fingerprint(self.backbone)
        if stage == "sweep":  # it tries many values, and holds out training data to compare them
            values["validation_size"] = None
            values["recipe"] = {k: v for k, v in values["recipe"].items() if k not in SWEPT}
        own = {"own_tasks": values["own_tasks"]} if self.own_tasks else {}
        asked = [n for n in STAGE_FIELDS[stage] if n not in SINCE or getattr(self, n) != SINCE[n]]
        return {name: values[name] for name in asked} | own

    def hash(self, stage: str) -> str:
        """A short hash of `identity(stage)`: equal where the numbers should be equal."""
        return _hash(self.identity(stage))[:16]

    def to_dict(self) -> dict[str, Any]:
        return _plain(asdict(self))

    def to_yaml(self) -> str:
        """The study as a file that `load` reads, without places: they differ by machine."""
        content = {**self.to_dict(), **self.identity()}
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Lists instead of tuples, as YAML has them."""
    return {
        k: list(v) if isinstance(v, tuple) else _plain(v) if isinstance(v, dict) else v
        for k, v in values.items()
    }


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_own_task(study: Study, name: str, own: OwnTask) -> None:
    key, n_labels = f"own_tasks.{name}", len(own.labels)
    rightly_named = bool(re.fullmatch(r"\w[\w.-]*", name))  # it becomes the name of a folder
    _require(rightly_named, study, f"own_tasks: the name {name!r}", "letters, digits, . _ -")
    distinct = n_labels != 1 and len(set(own.labels)) == n_labels
    _require(distinct, study, f"{key}.labels", "two or more different ones, or none for grades")
    metrics = ["accuracy", "matthews", *(["f1"] if n_labels == 2 else [])]
    metrics = metrics if own.labels else ["pearson", "spearman", "pearson_spearman"]
    expected = f"one of {', '.join(metrics)} (with {n_labels or 'grades instead of'} labels)"
    _require(own.metric in metrics, study, f"{key}.metric", expected)


def _require(holds: bool, study: Study, key: str, expected: str) -> None:
    if not holds:
        raise UserError(f"Study {study.name!r}: {key} should be {expected}.")
