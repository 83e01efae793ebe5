"""What the results of several experiments have in common, as types.

Each experiment says by a type what it writes; `replication.runs.schema` makes the records'
JSON Schema from these types and what they say of their fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import Field
from pydantic_core import core_schema
from typing_extensions import TypeAliasType, TypedDict

from replication.experiments.shapes import Rows, Says, counts, equals


def about(text: str, **limits: Any) -> Any:
    """What a field is, where its name does not say it."""
    return Field(description=text, **limits)


@dataclass(frozen=True)
class _Named:
    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "required": [*self.names]}

    def _checked(self, found: dict[str, Any]) -> dict[str, Any]:
        if lacking := [name for name in self.names if name not in found]:
            raise ValueError(f"{', '.join(lacking)} should be there")
        return found


def named(*names: str) -> Any:
    """The names that a dict has, and perhaps others."""
    return _Named(names)


Score = TypeAliasType(
    "Score",
    Annotated[
        float,
        Field(ge=-1, le=1),
        Says(lambda score: [("scores may be negative", True)] if score < 0 else []),
    ],
)
Share = TypeAliasType("Share", Annotated[float, Field(ge=0, le=1)])
Positive = TypeAliasType("Positive", Annotated[float, about("Zero or more.", ge=0)])
Count = TypeAliasType("Count", Annotated[int, Field(ge=0)])
Counts = TypeAliasType("Counts", Annotated[list[Count], Field(min_length=1)])
Scores = TypeAliasType(
    "Scores",
    Annotated[
        dict[str, Score],
        about("By metric.", min_length=1),
        Says(lambda scores: [("metrics", sorted(scores))]),
    ],
)
Sha256 = TypeAliasType("Sha256", Annotated[str, Field(pattern="^[0-9a-f]{64}$")])
Text = Annotated[str, Field(min_length=1)]
Metric = TypeAliasType(
    "Metric", Annotated[Text, about("As accuracy: the paper's for the task."), equals("metric")]
)
Loss = TypeAliasType(
    "Loss",
    Annotated[
        list[tuple[Count, Positive]],
        about("Of training: a step and the mean loss since the previous one.", min_length=1),
        Says(lambda loss: [("steps of training", [step for step, _ in loss])]),
    ],
)
Layer = Annotated[Count, Says(lambda layer: [("layers", layer)], index=True)]
Place = Annotated[
    tuple[Layer, Annotated[Count, Says(lambda head: [("heads per layer", head)], index=True)]],
    about("A layer and a head, counted from 0."),
]
Splits = named("train", "validation")

T = TypeVar("T")
NUMBERS = {"propertyNames": {"pattern": "^[0-9]+$"}}
BySeed = Annotated[dict[str, T], Field(min_length=1, json_schema_extra=NUMBERS)]


def _each(text: str) -> list[str]:
    """The answers in a text: separated by spaces, or a character each."""
    return text.split() if " " in text or "." in text else [*text]


def _answered(answers: dict[str, str]) -> Iterator[tuple[str, Any]]:
    yield "splits with answers", sorted(answers)
    for split, text in answers.items():
        yield f"{split} examples", len(_each(text))
        yield "answers are grades", "." in text


ANSWERS = "^([0-9]+( [0-9]+)*|-?[0-9]+[.][0-9]{3}( -?[0-9]+[.][0-9]{3})*)$"
Answers = TypeAliasType(
    "Answers",
    Annotated[
        dict[str, Annotated[str, Field(pattern=ANSWERS)]],
        about(
            "In studies with held_out: by split, the answer to each example in the order of the "
            "file. Classes are a digit each (with a space between where there are more than ten), "
            "grades have three decimals and a space between. held_out is there where examples of "
            "the validation set are left.",
            json_schema_extra={
                "required": ["validation"],
                "propertyNames": {"enum": ["validation", "held_out"]},
            },
        ),
        Says(_answered),
        Says(
            lambda answers: [
                ("labels", max(map(int, set(_each(text)))))
                for text in answers.values()
                if "." not in text
            ],
            index=True,
        ),
    ],
)


class Answered(TypedDict, total=False):
    """What a model answers, in studies with held_out."""

    predictions: Answers
    held_out: Annotated[Scores, about("Of validation examples that no search has seen, by metric.")]


class Trained(Answered):
    """A ticket trained from other weights than the pre-trained, or at another learning rate."""

    score: Score
    undefined: Annotated[Text | None, about("Why the score is undefined and counts as 0, or null.")]
    loss: Loss
    seconds: Annotated[Positive, about("That training and scoring took.")]


class State(TypedDict):
    """What a ticket answers in one state, pruned or retrained."""

    predictions: Answers
    held_out: NotRequired[Scores]


RADII = counts("radii")


class Landscape(TypedDict):
    """The loss around a retrained model, on the first examples of the validation set."""

    n_examples: NotRequired[
        Annotated[
            Count, about("That the loss is the mean of; absent from records where it is 200.")
        ]
    ]
    radii: Annotated[
        list[float],
        about(
            "Steps along a random direction; one of 1 moves every filter by its own length.",
            min_length=1,
        ),
        RADII,
    ]
    loss: Annotated[
        list[Annotated[list[Positive], Field(min_length=1), RADII]],
        about("By direction, the mean loss at each step.", min_length=1),
        counts("directions"),
    ]


class Scored(TypedDict):
    """A ticket, pruned and retrained."""

    pruned: Annotated[Score, about("The fine-tuned model under the mask, not trained further.")]
    retrained: Annotated[Score, about("The pre-trained model under the mask, fine-tuned.")]
    undefined: Annotated[
        dict[str, Text],
        about("Under pruned or retrained: why that score is undefined and counts as 0."),
    ]
    loss: Loss
    parameters: Annotated[Count, about("That are left, embeddings and classifier included.")]
    answers: NotRequired[Annotated[dict[str, State], named("pruned", "retrained")]]
    landscape: NotRequired[
        Annotated[
            Landscape,
            about(
                "Absent where it was not looked at: from random tickets, those of survivors and of "
                "single weights, and from records of earlier versions."
            ),
        ]
    ]
    seconds: Annotated[Positive, about("That scoring and retraining took.")]


class Masked(Scored):
    """A ticket of heads and MLPs, pruned and retrained."""

    mask: Rows
