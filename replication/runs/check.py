"""Whether a record holds what its stage writes: values of these types, masks of one shape.

That it is whole, in its place and of its own configuration, every reading checks
(`replication.store`). This goes by the types of `replication.runs.schema`, and so it imports
whatever computes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lottery_utils.errors import UserError
from lottery_utils.masks import StructuredMask
from replication.runs.schema import CONFIG, INPUTS, Record, results_type
from replication.stages import PIPELINE
from replication.store import Record as Read
from replication.study import SINCE


def problem(record: Read, text: bytes | str) -> str | None:
    """The first thing that is wrong with what a record holds, or None; `text` is its file's."""
    if record["stage"] not in PIPELINE:
        return f"there is no stage {record['stage']!r}"
    try:
        for kind in _types(record["stage"]):
            # In strict mode a text is no number; of JSON, lists are taken for tuples all the same.
            kind.validate_json(text, strict=True)
        # What it was made from is held to other records, and may be many.
        found = {name: of for name, of in record["results"].items() if name != "made_from"}
        shapes = {StructuredMask.from_json(mask).heads.shape for mask in _masks(found)}
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except UserError as error:
        return str(error).rstrip(".")
    if lacking := set(PIPELINE[record["stage"]].fields) - SINCE.keys() - record["config"].keys():
        return f"its config lacks {min(lacking)}"
    if ragged := _ragged(found):
        return f"the rows of {ragged} have several lengths"
    if record["stage"] == "search":
        shapes |= set(_shapes(found))
    return f"its masks have shapes {shapes}, of different models" if len(shapes) > 1 else None


def _ragged(value: Any, name: str = "results") -> str | None:
    """The name of the first table in what a stage found whose rows have several lengths."""
    if isinstance(value, dict):
        return next(filter(None, (_ragged(of, str(key)) for key, of in value.items())), None)
    if not (isinstance(value, list) and value and isinstance(value[0], dict | list)):
        return None
    if len({len(row) if isinstance(row, list) else 0 for row in value}) > 1:
        return name
    return next(filter(None, (_ragged(of, name) for of in value)), None)


def _shapes(found: Any) -> Iterator[tuple[int, ...]]:
    """The shapes (layers, heads) that a search's scores and removed components show.

    What is of another number of MLPs, or removed from where there is nothing, has none.
    """
    scores: list[Any] = [(found["importance"]["heads"], found["importance"]["mlps"], [], [])]
    scores += [
        (s["head_scores"], s["mlp_scores"], s["removed_heads"], s["removed_mlps"])
        for s in found["steps"]
    ]
    for heads, mlps, removed_heads, removed_mlps in scores:
        shape = len(heads), len(heads[0]) if heads else 0
        places = [*removed_heads, *((layer, 0) for layer in removed_mlps)]
        inside = all(x < shape[0] and y < shape[1] for x, y in places)
        yield shape if inside and len(mlps) == len(heads) else ()


@cache
def _types(name: str) -> list[TypeAdapter[Any]]:
    """What a record of this stage is, and what ties it to those that it starts from."""
    hints = get_type_hints(Record, include_extras=True)
    inputs = {key: kind for what in PIPELINE[name].made_from for key, kind in INPUTS[what].items()}
    if not inputs.keys() <= {"weights_sha256"}:
        made_from = inputs.get("good_weights") or TypedDict("made_from", inputs)  # type: ignore
        inputs = {"made_from": made_from}
    config = TypedDict("config", CONFIG, total=False)  # type: ignore
    whole = TypedDict("record", {**hints, "config": config, "results": results_type(name)})  # type: ignore
    tied = TypedDict("record", {"results": TypedDict("tied", inputs)})  # type: ignore  # noqa: UP013
    return [TypeAdapter(whole), TypeAdapter(tied)]


def _masks(value: Any) -> Iterator[Any]:
    """Every mask of heads and MLPs in what a stage found."""
    if (
        isinstance(value, dict)
        and isinstance(value.get("heads"), list)
        and isinstance(value.get("mlps"), str)
    ):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _masks(part)
