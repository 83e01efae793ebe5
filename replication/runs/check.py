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
from lottery_utils.recipe import Recipe, SearchRule
from replication.runs.schema import INPUTS, Record, results_type
from replication.stages import PIPELINE
from replication.store import Record as Read
from replication.study import SINCE

# What a record's configuration says of training and search, where it does.
SETTINGS: dict[str, TypeAdapter[Any]] = {
    "recipe": TypeAdapter(Recipe),
    "search": TypeAdapter(SearchRule),
}


def problem(record: Read, text: bytes | str) -> str | None:
    """The first thing that is wrong with what a record holds, or None; `text` is its file's."""
    if record["stage"] not in PIPELINE:
        return f"there is no stage {record['stage']!r}"
    stage, config = PIPELINE[record["stage"]], record["config"]
    if lacking := set(stage.fields) - SINCE.keys() - config.keys():
        return f"its config lacks {min(lacking)}"
    try:
        for name, kind in SETTINGS.items():
            kind.validate_python(config.get(name, {}))
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
    if record["stage"] == "search":
        shapes |= set(_shapes(found))
    return f"its masks have shapes {shapes}, of different models" if len(shapes) > 1 else None


def _shapes(found: Any) -> Iterator[tuple[int, ...]]:
    """The shapes (layers, heads) that a search's scores and removed components show.

    What is ragged, or of another number of MLPs, or removed from where there is nothing, has none.
    """
    scores: list[Any] = [(found["importance"]["heads"], found["importance"]["mlps"], [], [])]
    scores += [
        (s["head_scores"], s["mlp_scores"], s["removed_heads"], s["removed_mlps"])
        for s in found["steps"]
    ]
    for heads, mlps, removed_heads, removed_mlps in scores:
        widths = {len(row) for row in heads}
        places = [*removed_heads, *((layer, 0) for layer in removed_mlps)]
        fits = len(widths) == 1 and len(mlps) == len(heads)
        inside = fits and all(0 <= x < len(heads) and 0 <= y < min(widths) for x, y in places)
        yield (len(heads), *widths) if inside else ()


@cache
def _types(name: str) -> list[TypeAdapter[Any]]:
    """What a record of this stage is, and what ties it to those that it starts from."""
    hints = get_type_hints(Record, include_extras=True)
    inputs = {key: kind for what in PIPELINE[name].made_from for key, kind in INPUTS[what].items()}
    if not inputs.keys() <= {"weights_sha256"}:
        made_from = inputs.get("good_weights") or TypedDict("made_from", inputs)  # type: ignore
        inputs = {"made_from": made_from}
    whole = TypedDict("record", {**hints, "results": results_type(name)})  # type: ignore
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
