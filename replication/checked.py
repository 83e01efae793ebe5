"""From plain data, such as a YAML file holds, to a dataclass: every key and type checked."""

from __future__ import annotations

import difflib
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lottery_utils.errors import UserError


def build(cls: type, content: dict[str, Any], where: str, prefix: str = "") -> Any:
    """An instance of a (nested) dataclass from plain data.

    `where` names the source in messages, `prefix` the group that `content` is in. Raises
    `UserError` for an unknown key, naming its nearest neighbour, or a value of another type.
    """
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls)}
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.3)
            hint = f"did you mean {prefix + near[0]!r}?" if near else f"known: {sorted(known)}."
            raise UserError(f"{where}: unknown key {prefix + str(key)!r}; {hint}")
    values = {
        key: _convert(value, hints[key], where, prefix + key) for key, value in content.items()
    }
    return cls(**values)


_WANTED = {
    float: "a number",
    int: "a whole number",
    int | None: "a whole number or null",
    bool: "true or false",
    bool | Literal["cpu"]: "true, false or 'cpu'",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    tuple[int, ...]: "a list of whole numbers",
}


def _convert(value: Any, wanted: Any, where: str, key: str) -> Any:
    if is_dataclass(wanted) and isinstance(value, dict):
        return build(wanted, value, where, key + ".")  # type: ignore[arg-type]
    if get_origin(wanted) is dict and isinstance(value, dict):  # from names to a dataclass
        of_each = get_args(wanted)[1]
        return {str(k): _convert(v, of_each, where, f"{key}.{k}") for k, v in value.items()}
    for items in (tuple[str, ...], tuple[int, ...]):
        if wanted == items | None:
            return None if value is None else _convert(value, items, where, key)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if wanted is float and (is_int or isinstance(value, float | str)):
        try:  # YAML reads 1e-4, without a point, as a text
            return float(value)
        except ValueError:
            pass
    elif (
        (wanted is int and is_int)
        or (wanted == int | None and (is_int or value is None))
        or (wanted is bool and isinstance(value, bool))
        or (wanted == bool | Literal["cpu"] and (isinstance(value, bool) or value == "cpu"))
        or (wanted is str and isinstance(value, str))
    ):
        return value
    elif wanted in (tuple[str, ...], tuple[int, ...]) and isinstance(value, list | tuple):
        kind = str if wanted == tuple[str, ...] else int
        if all(isinstance(item, kind) and not isinstance(item, bool) for item in value):
            return tuple(value)
    expected = _WANTED.get(wanted, "a group of keys")
    raise UserError(f"{where}: {key} should be {expected}, not {value!r}.")
