"""A study: which BERT, which data, which tasks and seeds, which recipe, and what else is asked.

It is a short YAML file, checked when it is read and frozen afterwards. Each stage of the work
(`replication.stages`) depends on some of its fields; their hash says whether a record is still what
the study asks for. Fields that only say *where* things lie are not part of the hash.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic.dataclasses
import yaml
from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, model_validator

from lottery_utils.backbone import backbone_fingerprint
from lottery_utils.data import source_kind
from lottery_utils.errors import UserError, expanded, reading
from lottery_utils.recipe import STRICT, Recipe, SearchRule
from lottery_utils.tasks import TASKS, OwnTask, Task, as_seen, get_task
from replication.files import alone, real, write_text
from replication.followups import FollowUps, SomeNames, both, union
from replication.stages import FOLLOWUPS, PIPELINE, SWEPT
from replication.store import Key, home, sha256
from replication.studyfile import Source, read, refusal

T = TypeVar("T")

SUFFIXES = (".yaml", ".yml")  # of studies' files
LONGEST_NAME = 200  # bytes: file systems take 255, and what is derived has more in its name
# Fields that came after the first records: at these values they say nothing new, and a hash of
# them is the one from before.
SINCE = {"whole_tasks": (), "held_out": False, "draws": "shared"}
# The reading of `variant: release` that hashes of its searches name: the second since 2026-11-26.
# The first took the bias of a layer without heads away, went on with heads when MLPs had run out,
# and took one head in phase 2 where half a step is none.
RELEASE_READING = 2

# The types of a study's fields. What a value should be is said in the words of a message that
# refuses another.
_Text = Annotated[str, Field(description="a text")]
_Name = Annotated[
    str,
    Field(pattern=r"^\w[\w.-]*$", max_length=80, description="letters, digits, . _ -, at most 80"),
]
_Names = Annotated[tuple[str, ...], Field(description="a list of texts")]
_Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
_Seeds = Annotated[
    tuple[_Seed, ...], Field(description="a list of whole numbers from 0 up to 2**32 - 1")
]
_Size = Annotated[
    Annotated[int, Field(strict=True, gt=0)] | None,
    Field(description="a positive whole number of examples, or null"),
]
_Flag = Annotated[bool, Field(strict=True, description="true or false")]
_Variant = Annotated[Literal["paper", "release"], Field(description="'paper' or 'release'")]
_Notes = Annotated[dict[str, str], Field(description="a text for each task")]
_Draws = Annotated[Literal["independent", "shared"], Field(description="'independent' or 'shared'")]


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
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
    `own_tasks` describe tasks that are not GLUE's; `data_notes` say how the examples of a task were
    chosen that are not those of GLUE's official files. A value that makes no sense raises
    `UserError`.
    """

    name: _Name
    tasks: _Names
    seeds: _Seeds
    backbone: _Text = "bundled"
    data: _Text = "mini"
    train_size: _Size = None
    validation_size: _Size = None
    whole_tasks: _Names = ()
    held_out: _Flag = False
    recipe: Recipe = field(default_factory=Recipe)
    search: SearchRule = field(default_factory=SearchRule)
    variant: _Variant = "paper"
    draws: _Draws = "independent"
    magnitude_tasks: SomeNames = None
    followups: FollowUps = field(default_factory=FollowUps)
    own_tasks: dict[str, OwnTask] = field(default_factory=dict)
    data_notes: _Notes = field(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, given: Any, build: Callable[[Any], Study], info: ValidationInfo) -> Study:
        """The study, or one sentence on what is wrong with what was given."""
        source: Source | None = info.context
        try:
            study = build(given)
        except ValidationError as error:
            raise UserError(refusal(error, given, cls, source or Source("The study"))) from None
        source = source or Source(f"Study {study.name!r}")
        for key, expected in study._mistakes():
            raise UserError(f"{source.at(key)}: {key} should be {expected}.")
        for key, names in study._named().items():
            for name in names:
                try:
                    study.task(name)
                except UserError as error:
                    raise UserError(f"{source.at(key)}: {error}") from None
        source_kind(study.data)
        return study

    def _named(self) -> dict[str, tuple[str, ...]]:
        """The tasks that each key names."""
        asked = {f"followups.{what}": getattr(self.followups, what) or () for what in FOLLOWUPS}
        others = {"whole_tasks": self.whole_tasks, "magnitude_tasks": self.magnitude_tasks or ()}
        notes = {"data_notes": tuple(self.data_notes)}
        for key in (f"{what}_seeds" for what in FOLLOWUPS):
            if isinstance(seeds := getattr(self.followups, key, None), dict):
                asked[f"followups.{key}"] = tuple(seeds)
        return {"tasks": self.tasks, **others, **notes, **asked}

    def _mistakes(self) -> Iterator[tuple[str, str]]:
        """What types cannot say: a key, and what it should be instead."""
        for what, names in (("name", (self.name,)), ("own_tasks", tuple(self.own_tasks))):
            if any(len(os.fsencode(name)) > LONGEST_NAME for name in names):
                yield what, f"shorter: a name of at most {LONGEST_NAME} bytes, as UTF-8 has it"
        for what in ("name", "backbone", "data"):
            if re.search("[\ud800-\udfff]", getattr(self, what)):
                yield what, "a text in UTF-8"  # not that of a path in Latin-1
        if re.fullmatch("|hub:(@.*|.*@)?", self.backbone):
            yield "backbone", "bundled, hub:ID, hub:ID@COMMIT or a folder"
        if self.followups.rates != () and not self.held_out:
            yield "followups.rates", "[] unless held_out is true: only then are predictions kept"
        for key, values in (("tasks", self.tasks), ("seeds", self.seeds)):
            if not values:
                yield key, f"at least one {key[:-1]}"
            if len(set(values)) < len(values):
                yield key, "different from each other"
        if len({as_seen(task).casefold() for task in self.tasks}) < len(set(self.tasks)):
            yield "tasks", "different also where upper and lower case are one, as for some folders"
        for name, own in self.own_tasks.items():
            key, n_labels = f"own_tasks.{name}", len(own.labels)
            if name in TASKS:
                raise UserError(
                    f"The name {name!r} belongs to a task of GLUE: give your own task another one."
                )
            if not re.fullmatch(r"\w[\w.-]{,79}", name):  # it becomes the name of a folder
                yield f"own_tasks: the name {name!r}", "letters, digits, . _ -, at most 80"
            if name.lower() == "study.yaml":  # which lies beside the tasks' folders
                yield f"own_tasks: the name {name!r}", "another: it is that of a file of results"
            if n_labels == 1 or len({*map(as_seen, own.labels)} - {""}) < n_labels:
                yield f"{key}.labels", "two or more different ones, or none for grades"
            metrics = ["accuracy", "matthews", *(["f1"] if n_labels == 2 else [])]
            metrics = metrics if own.labels else ["pearson", "spearman", "pearson_spearman"]
            if own.metric not in metrics:
                how = f"(with {n_labels or 'grades instead of'} labels)"
                yield f"{key}.metric", f"one of {', '.join(metrics)} {how}"

    def require_own_seeds(self, at: Callable[[str], str], also: Collection[int] = ()) -> None:
        """Raises `UserError` where a follow-up is of seeds that are neither the study's nor `also`:
        it would ask for nothing. `at` says where a key was read."""
        own = dict.fromkeys((*self.seeds, *also))
        for key, seed in self.followups.beyond(own):
            raise UserError(
                f"{at(key)}: {key} should be some of the study's seeds, "
                f"{', '.join(map(str, own))}, and {seed} is none of them."
            )

    @classmethod
    def load(cls, study: str | Path, results_dir: str | Path = "results") -> Study:
        """Read a study from a YAML file, or by name: from studies/, or as derived before.

        Raises `UserError` for a missing file, or two of the name, broken YAML, a key given twice,
        an unknown key (naming its nearest neighbour) or a value that is not what its key wants.
        """
        name = str(study)
        studies = home() / "studies"
        named = [studies / f"{name}{suffix}" for suffix in SUFFIXES]
        beside = home() / expanded(results_dir) / name / "study.yaml"
        path = expanded(name) if name.endswith(SUFFIXES) else None
        with reading(studies):
            # One that cannot be read, as a link to nowhere, is no reason to take another.
            there = [place for place in named if place.exists() or place.is_symlink()]
            path = path or next(iter(there), beside if beside.is_file() else None)
        if path in there[:1] and there[1:]:
            raise UserError(
                f"{there[0]} and {there[1]} are studies of one name: give one of them another, or "
                "the path of the one that is meant."
            )
        if path is None:
            names = {p.stem for suffix in SUFFIXES for p in studies.glob(f"*{suffix}")}
            known = ", ".join(sorted(names)) or "none here"
            raise UserError(
                f"Unknown study {name!r}: expected a YAML file or the name of one in studies/ "
                f"({known})."
            )
        content, lines = read(path)
        if path.name == "study.yaml":  # beside records, perhaps from before there was the key
            content.setdefault("draws", "shared")
        found = _STUDY.validate_python(
            {"name": path.stem, **content}, context=Source(str(path), lines)
        )
        if path.name != "study.yaml":  # one that was narrowed is kept with seeds that it has not
            found.require_own_seeds(Source(str(path), lines).at)
        kept = path.name == "study.yaml" and found.name == path.absolute().parent.name
        derived = re.search(r"-([0-9a-f]{8})$", found.name)
        changed = derived and not found.hash("tickets").startswith(derived[1])
        if (path == beside and not kept) or (kept and changed):
            raise UserError(
                f"{path} is not the study that was derived as {path.absolute().parent.name!r}: it "
                "has been changed since, or the reading of the release has; restore it or derive "
                "it again, or copy it to a file of another name, as a study of your own."
            )
        if changed:
            raise UserError(
                f"{path}: the name {found.name!r} ends in a dash and 8 digits of a hash, as names "
                f"of changed studies do; expected another, such as {found.name.replace('-', '_')!r}"
                "."
            )
        return found

    def override(self, changes: dict[str, Any]) -> Study:
        """This study with some fields changed, by dotted name (`recipe.learning_rate`).

        A change that changes numbers gives the study a name of its own,
        `<name>-<first 8 digits of its hash>`, so that its records never overwrite others.
        Narrowing `tasks` or `seeds`, or saying where data lie, does not.
        """
        content = self.to_dict()
        for key, value in changes.items():
            steps, node = key.split("."), content
            while len(steps) > 1 and ".".join(steps) not in node:
                # A task's name may have dots of its own.
                n = next((n for n in range(len(steps), 0, -1) if ".".join(steps[:n]) in node), 1)
                parent, steps = ".".join(steps[:n]), steps[n:]
                node = node.setdefault(parent, {})
                if not isinstance(node, dict):
                    raise UserError(f"Unknown study key {key!r}: {parent!r} has no keys below it.")
            node[".".join(steps)] = value
        changed = _STUDY.validate_python(content, context=Source("the changed study"))
        identity = changed.identity()
        try:
            if identity == self.identity():
                return changed
        except UserError as error:  # its own backbone is a folder that is not here: is it this one?
            if identity["backbone"].startswith("local:"):
                raise UserError(
                    f"Whether {changed.backbone!r} is the backbone of the study {self.name} cannot "
                    f"be told without that, {self.backbone!r}, which is not here: expected its "
                    "folder; name the one that you have in the study's file."
                ) from error
        return replace(changed, name=f"{derived_from(self.name)}-{sha256(identity)[:8]}")

    def task(self, name: str) -> Task:
        """A task of GLUE or of the study's own. Raises `UserError`, naming the nearest."""
        own = {name: own.task(name) for name, own in self.own_tasks.items()}
        return get_task(name, {**TASKS, **own})

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
        """The stages that the study has for a task without being asked, in order."""
        every = (name for name, stage in PIPELINE.items() if not (stage.asked or stage.alone))
        return tuple(name for name in every if task in self._tasks(name, (task,)))

    def _tasks(self, name: str, every: tuple[str, ...]) -> tuple[str, ...]:
        """The tasks that the study names for a stage; `every` where it does not choose."""
        chosen = self.magnitude_tasks if name == "magnitude" else None
        if PIPELINE[name].asked:
            chosen = getattr(self.followups, name)
        return every if chosen is None else chosen

    def entries(self, name: str) -> tuple[tuple[str, int], ...]:
        """The entries, (task, seed), that the study has a stage for; over seeds, the first.

        None of a stage that compares seeds, where there is one alone.
        """
        if PIPELINE[name].compares_seeds and len(self.seeds) < 2:
            return ()
        tasks = self._tasks(name, self.tasks)
        return tuple(
            (task, seed)
            for task in self.tasks
            for seed in (self.seeds[:1] if PIPELINE[name].over_seeds else self.seeds)
            if task in tasks
            and ((seeds := self.followups.seeds(name, task)) is None or seed in seeds)
        )

    def only(self, what: str, task: str) -> Study:
        """This study with one follow-up at most, and that of one task."""
        wanted: dict[str, Any] = {**dict.fromkeys(FOLLOWUPS, ())}
        wanted[what] = (task,) if task in dict(self.entries(what)) else ()
        return replace(self, followups=replace(self.followups, **wanted))

    def folder(self, stage: str) -> str:
        """The name of the folder in which a stage's records lie: mostly the study's own."""
        return f"{self.name}-{stage}" if PIPELINE[stage].beside else self.name

    def key(self, task: str, seed: int, stage: str) -> Key:
        """Where a record is; over seeds, any of them will do."""
        return Key(self.folder(stage), task, None if PIPELINE[stage].over_seeds else seed, stage)

    def identity(self, stage: str = "tickets", task: str | None = None) -> dict[str, Any]:
        """The fields that change a stage's numbers, as plain data, without places: of all tasks, or
        of one that has nothing to do with the study's other ones."""
        values = self._anywhere()
        if stage == "sweep":  # it tries many values, and holds out training data to compare them
            values["validation_size"] = None
            values["recipe"] = {k: v for k, v in values["recipe"].items() if k not in SWEPT}
        described = {
            name: {key: value for key, value in of.items() if key != "question"}  # for people
            for name, of in values["own_tasks"].items()
            if task in (None, name)
        }
        own = {"own_tasks": described} if described else {}
        fields = PIPELINE[stage].fields
        asked = [n for n in fields if n not in SINCE or getattr(self, n) != SINCE[n]]
        found = {name: values[name] for name in asked} | own
        return found | ({"release": RELEASE_READING} if found.get("variant") == "release" else {})

    def hash(self, stage: str, task: str | None = None) -> str:
        """A short hash of `identity`: equal where the numbers should be equal."""
        return sha256(self.identity(stage, task))[:16]

    def stamp(self, stage: str, task: str, *of: object) -> str:
        """What a journal of a stage depends on: this study, and whatever else it is `of`."""
        return " ".join(map(str, (self.hash(stage, task), *of)))

    def to_dict(self) -> dict[str, Any]:
        return _plain(asdict(self))

    def _anywhere(self) -> dict[str, Any]:
        """All fields as plain data, without places."""
        places = {"data": source_kind(self.data), "backbone": backbone_fingerprint(self.backbone)}
        return self.to_dict() | places

    def to_yaml(self) -> str:
        """The study as a file that `load` reads, without places: they differ by machine."""
        return yaml.safe_dump(self._anywhere(), sort_keys=False, allow_unicode=True)

    def keep(self, root: Path) -> None:
        """Keep the study beside its records, so that a derived one can be asked for by name."""
        path = root / self.name / "study.yaml"
        with alone(path):
            before = Study.load(path) if path.exists() else None
            text = self._joined(before).to_yaml()
            if not before or text != before.to_yaml():
                write_text(path, text)

    def check_kept(self, root: Path) -> None:
        """Raise `UserError` where `keep` would, before what takes long."""
        path = real(root / self.name / "study.yaml")
        self._joined(Study.load(path) if path.exists() else None)

    def _joined(self, before: Study | None) -> Study:
        """A narrowed study must not forget what was run before."""
        if not before:
            return self
        dropped = before.own_tasks.keys() - self.own_tasks.keys()  # no longer described
        return replace(
            self,
            tasks=union(before.tasks, self.tasks, dropped),
            seeds=union(before.seeds, self.seeds),
            magnitude_tasks=both(before.magnitude_tasks, self.magnitude_tasks, dropped),
            followups=before.followups.joined(self.followups, dropped),
        )


_STUDY = TypeAdapter(Study)


def derived_from(name: str) -> str:
    """The study that one of this name was derived from, or its own name."""
    return re.sub(r"-[0-9a-f]{8}$", "", name)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Lists instead of tuples, as YAML has them."""
    return {
        k: list(v) if isinstance(v, tuple) else _plain(v) if isinstance(v, dict) else v
        for k, v in values.items()
    }
