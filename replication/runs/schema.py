"""The JSON Schema of a record, made from the types of what is written in it.

The table of stages says which there are, what each starts from and on which fields of a study it
depends; the type that its `compute` returns says what comes out.

    python -m replication.runs.schema FILE
"""

from __future__ import annotations

import argparse
import importlib
import json
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

from lottery_utils import masks
from lottery_utils.errors import expanded, in_one_sentence
from replication.experiments.machine import Run
from replication.experiments.results import BySeed, Sha256, Text, about
from replication.experiments.shapes import OF_MASKS, SEEDS, UNTRAINED, Rows
from replication.files import write_out
from replication.paper.results import Released
from replication.stages import PIPELINE, SWEPT, Stage
from replication.store import SCHEMA, Code
from replication.study import RELEASE_READING, SINCE, Study


class Provenance(Code, Run):
    """When, by what and how a record was computed."""


class Record(TypedDict):
    """What one stage of one task and seed was asked, what came out, and how.

    Fields may be added; those listed here are always there unless their description says
    otherwise. One block under allOf describes each stage.
    """

    schema: Annotated[
        int, about("The version of this layout.", json_schema_extra={"const": SCHEMA})
    ]
    study: Annotated[
        str, about("The study's name, which is also its folder's.", pattern=r"^\w[\w.-]*$")
    ]
    task: Annotated[Text, about("Of GLUE, such as SST-2, or one's own.")]
    seed: Annotated[Annotated[int, Field(ge=0)] | None, about("Null in a record across seeds.")]
    stage: Annotated[str, Field(json_schema_extra={"enum": [*PIPELINE]})]
    hash: Annotated[
        str, about("Of config: equal where the numbers should be.", pattern="^[0-9a-f]{16}$")
    ]
    config: Annotated[
        dict[str, Any], about("The study's fields that these numbers depend on; never a path.")
    ]
    results: Annotated[dict[str, Any], about("What came out; its fields depend on the stage.")]
    provenance: Provenance
    checksum: Annotated[
        Sha256, about("Over everything else in the record: the JSON text with sorted keys.")
    ]


# A study's fields, some as a record has them: where things lie it does not say.
CONFIG: dict[str, Any] = {
    **get_type_hints(Study, include_extras=True),
    "backbone": Annotated[
        Text, about("bundled, hub:ID, or local: and a fingerprint of the files.")
    ],
    "data": Annotated[Text, about("mini (the embedded corpus), local (GLUE's files) or csv.")],
    "whole_tasks": Annotated[
        list[str], about("Their sizes are not capped; absent where there are none.", min_length=1)
    ],
    "held_out": Annotated[
        Literal[True],
        about(
            "Answers are kept, and scores of examples that no search has seen; absent where not."
        ),
    ],
    "draws": Annotated[
        Literal["independent"],
        about("Tickets are drawn each by itself; absent from earlier records with one stream."),
    ],
    "release": Annotated[
        int,
        about(
            "The reading of the authors' code; absent where the variant is paper.",
            json_schema_extra={"const": RELEASE_READING},
        ),
    ],
}

# What ties a stage to those that it starts from, as `replication.runs.status.inputs` has it.
WEIGHTS, MASK = {"weights_sha256": Sha256}, {"mask": Rows}
KINDS = Annotated[
    dict[str, list[str]], about("By method, the tickets that did not train."), UNTRAINED
]
INPUTS: dict[str, dict[str, Any]] = {
    "weights": WEIGHTS,
    "mask": MASK,
    "masks": {"masks": Annotated[BySeed[masks.Rows], about("That the search found."), OF_MASKS]},
    "classifier": {"classifier_sha256": Annotated[Sha256, about("Of those of maps.")]},
    "good_weights": {
        "good_weights": Annotated[BySeed[Sha256], about("Of its good weights."), SEEDS]
    },
    "untrained": WEIGHTS | MASK | {"untrained": KINDS},
}


class _Schema(GenerateJsonSchema):
    """As pydantic writes it, but of what is written and not of what may be given."""

    def float_schema(self, schema: Any) -> dict[str, Any]:
        # JSON has no NaN, but Python's parser lets it through. 'Not above' rejects it; 'maximum'
        # would not, as no comparison with NaN holds.
        finite = {"minimum": -1e300, "not": {"exclusiveMinimum": 1e300}}
        return {**finite, **super().float_schema(schema)}

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        """Of a study's: all fields are written but those that a sweep varies, and more may be."""
        found = super().dataclass_schema(schema)
        required = [field for field in found["properties"] if field not in SWEPT]
        return {**found, "required": required, "additionalProperties": True}

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def results_type(name: str) -> Any:
    """What a stage writes: what its experiment's `compute` returns."""
    if name == "released":  # a command's
        return Released
    experiment = importlib.import_module(f"replication.experiments.{name}")
    return get_type_hints(experiment.compute, localns={"Entry": Any})["return"]


def record_schema() -> dict[str, Any]:
    """The schema (Draft 2020-12) of the records of all stages."""
    asked = [key for stage in PIPELINE.values() for key in stage.fields]
    fields = {key: CONFIG[key] for key in (*asked, "release")}
    inputs = {key: kind for kinds in INPUTS.values() for key, kind in kinds.items()}
    results = {f"{name} results": results_type(name) for name in PIPELINE}
    types = {"record": Record, **fields, **inputs, **results}
    found, shared = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter(kind)) for key, kind in types.items()],
        schema_generator=_Schema,
    )
    of: dict[str, Any] = {key: one for (key, _), one in found.items()}

    record = shared["$defs"].pop("Record")
    record["properties"]["config"]["properties"] = {key: of[key] for key in fields}

    def made_from(stage: Stage) -> dict[str, Any]:
        """What `replication.runs.run.compute` adds to what comes out."""
        several = {"minProperties": 2} if stage.compares_seeds else {"maxProperties": 1}
        parts = {
            key: of[key] | (several if key in ("masks", "good_weights") else {})
            for what in stage.made_from
            for key in INPUTS[what]
        }
        if parts.keys() <= {"weights_sha256"}:
            return _object(parts) if parts else {}
        return _object({"made_from": parts.get("good_weights", _object(parts))})

    def block(name: str, stage: Stage) -> dict[str, Any]:
        then = {
            "seed": {"type": "null" if stage.over_seeds else "integer"},
            "config": {"required": [key for key in stage.fields if key not in SINCE]},
            "results": of[f"{name} results"] | made_from(stage),
        }
        if name != "sweep":
            then["config"] |= {"properties": {"recipe": {"required": [*SWEPT]}}}
        return {"if": _object({"stage": {"const": name}}), "then": {"properties": then}}

    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:lottery-utils:record:{SCHEMA}",
        **record,
        "allOf": [block(name, stage) for name, stage in PIPELINE.items()],
        **shared,
    }


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [*fields], "properties": fields}


def as_text(value: Any, indent: str = "") -> str:
    """JSON for people: what fits into a line is on one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(indent + line) <= 100:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {as_text(one, inner)}" for key, one in value.items()]
    else:
        items = [as_text(one, inner) for one in value]
    body = ",\n".join(inner + item for item in items)
    return f"{line[0]}\n{body}\n{indent}{line[-1]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m replication.runs.schema", description=__doc__)
    parser.add_argument("file", type=expanded)
    with in_one_sentence():
        write_out(parser.parse_args().file, as_text(record_schema()) + "\n")
