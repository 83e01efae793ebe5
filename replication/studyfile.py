"""Reading a study's file, and the one sentence that refuses it.

YAML of keys and values, each key once; the message names the file, the line, the key and what was
expected there. Which keys there are, `replication.study` says.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import yaml
from pydantic import ValidationError

from lottery_utils.errors import UserError


class Source(NamedTuple):
    """What a study was read from, for messages, and in which line of it each key is."""

    name: str
    lines: Mapping[str, int] = {}

    def at(self, key: str) -> str:
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.name}, line {self.lines[key]}" if key else self.name


def read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """What a study's file says, and the line of each of its keys, by dotted name.

    Raises `UserError` where it is no readable YAML of keys and values, or gives a key twice.
    """
    lines: dict[str, int] = {}

    def note(node: yaml.Node | None, above: str = "") -> None:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name, line = f"{above}{key.value}", key.start_mark.line + 1
            if name in lines:
                raise UserError(
                    f"{path}, line {line}: the key {name!r} is given twice, and first in line "
                    f"{lines[name]}; keep one of them."
                )
            lines[name] = line
            note(value, f"{name}.")

    try:
        text = path.read_text(encoding="utf-8")
        note(yaml.compose(text, yaml.SafeLoader))
        content = yaml.safe_load(text)
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
    return content, lines


def refusal(error: ValidationError, given: Any, kind: Any, source: Source) -> str:
    """One sentence on the first thing wrong with what was `given` for a `kind`, such as `Study`:
    where it is, what was expected, what is there."""
    unknown = ("unexpected_keyword_argument", "invalid_key")
    first = min(error.errors(), key=lambda one: one["type"] not in unknown)
    fields, expected, value = dict[str, Any](), "", given
    place: list[str] = []
    for step in map(str, first["loc"]):
        if get_origin(kind) is dict:  # of names
            kind, expected = get_args(kind)[1], "a group of keys"
        elif fields := getattr(kind, "__pydantic_fields__", {}):
            kind = fields[step].annotation if step in fields else None
            expected = (step in fields and fields[step].description) or "a group of keys"
        else:
            break  # somewhere inside of the value
        place.append(step)
        value = value[step] if isinstance(value, dict) and step in value else first["input"]
    key = ".".join(place)
    if first["type"] == "missing":
        return f"{source.name}: the key {key!r} is missing; add a list of {key}."
    if first["type"] not in unknown:
        return f"{source.at(key)}: {key} should be {expected}, not {value!r}."
    *group, name = place
    near = difflib.get_close_matches(name, fields, n=1, cutoff=0.3)
    hint = f"did you mean {'.'.join([*group, *near])!r}?" if near else f"known: {sorted(fields)}."
    return f"{source.at(key)}: unknown key {key!r}; {hint}"
