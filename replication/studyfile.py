"""Reading a study's file, and the one sentence that refuses it.

YAML of keys and values, each key once; the message names the file, the line, the key and what was
expected there. Which keys there are, `replication.study` says.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import yaml
from pydantic import ValidationError
from yaml.constructor import SafeConstructor

from lottery_utils.errors import UserError, regular

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MERGED = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")  # the keys << and =
_HALF = re.compile("[\ud800-\udfff]")
_UNPLAIN = re.compile(r".*:|[-+]?0[0-9_bx]|.{60}")
SHORT = reprlib.Repr()  # values in messages; a file may hold large ones
SHORT.maxstring = SHORT.maxother = 80


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

    Raises `UserError` where it cannot be read, or as `parse` does.
    """
    try:
        text = regular(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read the study {path}: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"Cannot read the study {path}: it is not UTF-8 text.") from error
    content, lines = parse(text, str(path))
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a study, that is lines of 'key: value'.")
    return content, lines


def parse(text: str, name: str) -> tuple[Any, dict[str, int]]:
    """What a YAML text says that messages call `name`, and the line of each key, by dotted name.

    Raises `UserError` where it is no YAML, gives a key twice, or has a number that YAML reads
    otherwise than people do: 0123 as 83, 1:30 as 90.
    """
    lines: dict[str, int] = {}
    seen = set()

    def check(node: yaml.Node) -> None:
        if _HALF.search(node.value):
            raise UserError(
                f"{name}, line {node.start_mark.line + 1}: {node.value!a} has half of a "
                "character (a surrogate), which no file can hold: expected the character itself."
            )
        try:
            SafeConstructor().construct_object(node)
        except Exception as error:  # a tag, or the look of a date: exceptions of all kinds
            raise UserError(
                f"{name}, line {node.start_mark.line + 1}: {SHORT.repr(node.value)} is not of the "
                "kind that it is marked as, or looks like: expected a text or a number; put "
                "quotation marks around it, if it is a text."
            ) from error

    def note(node: yaml.Node, above: str = "") -> None:
        line = node.start_mark.line + 1
        if node in seen:  # by an alias
            return
        seen.add(node)
        if isinstance(node, yaml.ScalarNode):
            check(node)
        if node.tag in _NUMBERS and _UNPLAIN.match(node.value):
            number = SHORT.repr(node.value)
            raise UserError(
                f"{name}, line {line}: {number} should be a number in plain decimal digits, "
                "without a 0 before them; or put quotation marks around it, if it is a name."
            )
        if isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                note(value, f"{above}{i}.")
        own: dict[str, int] = {}
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag not in _MERGED:
                check(key)
            place, line = f"{above}{key.value}", key.start_mark.line + 1
            if place in own:
                raise UserError(
                    f"{name}, line {line}: the key {place!r} is given twice, and first in line "
                    f"{own[place]}; keep one of them."
                )
            own[place] = lines[place] = line
            note(value, f"{place}.")

    try:
        if root := yaml.compose(text, yaml.SafeLoader):
            note(root)
        return yaml.safe_load(text), lines
    except UserError:
        raise
    except RecursionError as error:
        raise UserError(f"{name}: this is nested too deeply; write it flat.") from error
    except Exception as error:  # groups with a tag have exceptions of all kinds too
        mark = getattr(error, "problem_mark", None)
        n_before = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise UserError(
            f"{name}, line {n_before + 1}: this is not valid YAML ({problem}): expected lines of "
            "'key: value', with every bracket and quotation mark closed."
        ) from error


def refusal(error: ValidationError, given: Any, kind: Any, source: Source) -> str:
    """One sentence on the first thing wrong with what was `given` for a `kind`, such as `Study`:
    where it is, what was expected, what is there."""
    unknown = ("unexpected_keyword_argument", "invalid_key")
    first = min(error.errors(), key=lambda one: one["type"] not in unknown)
    fields, expected, value = dict[str, Any](), "", given
    place: list[str] = []
    for step in map(str, first["loc"]):
        if get_origin(kind) is dict:  # of names
            kind = get_args(kind)[1]
            expected = "a text" if kind is str else "a group of keys"
        elif fields := getattr(kind, "__pydantic_fields__", {}):
            kind = fields[step].annotation if step in fields else None
            expected = (step in fields and fields[step].description) or "a group of keys"
        else:
            break  # somewhere inside of the value
        place.append(step)
        value = value[step] if isinstance(value, dict) and step in value else first["input"]
    key = ".".join(place)
    if first["loc"][-1:] == ("[key]",):
        return (
            f"{source.at(key)}: the name {value} should be a text: put quotation marks around it."
        )
    if first["type"] == "missing":
        return f"{source.name}: the key {key!r} is missing; add a list of {key}."
    if first["type"] not in unknown:
        return f"{source.at(key)}: {key} should be {expected}, not {SHORT.repr(value)}."
    *group, name = place
    near = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {'.'.join([*group, *near])!r}?" if near else f"known: {sorted(fields)}."
    return f"{source.at(key)}: unknown key {key!r}; {hint}"
