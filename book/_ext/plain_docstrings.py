"""The library's docstrings and signatures, as Sphinx wants them.

Docstrings are plain text: something in `backticks` is code, and an indented block stands as
it was typed. Everything else (paragraphs, lists, *emphasis*) means the same to Sphinx.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy.typing as npt
from sphinx.util.typing import stringify_annotation

CODE_OR_SPECIAL = re.compile(r"`+([^`]+)`+|([|\\])")
# What Python makes of the two array types when it evaluates annotations, and of defaults that
# have no literal form, is longer than what the source says.
ARRAY_LIKE = stringify_annotation(npt.ArrayLike, "smart")
ARRAY = re.compile(r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[(.*?)\]\]")
OURS = ("lottery_utils", "replication", "miniglue")
NO_LITERAL = re.compile(r"= <[^,]*>(?=[,)])")


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}


def to_rst(text: str) -> str:
    """Paragraphs with code and signs marked up, indented blocks as literal blocks."""
    blocks: list[str] = []
    literal = False
    for block in re.split(r"\n(?:[ ]*\n)+", text.strip("\n")):
        indented = block.startswith("  ")
        if indented and not literal:
            blocks.append(".. code-block:: text")
        blocks.append(block if indented else CODE_OR_SPECIAL.sub(_marked_up, block))
        literal = indented
    return "\n\n".join(blocks) + "\n"


def _marked_up(found: re.Match[str]) -> str:
    code, sign = found.groups()
    return f"``{code}``" if code else f"\\{sign}"


def shortened(signature: str) -> str:
    """A signature or an annotation with the names that a reader knows."""
    signature = signature.replace(ARRAY_LIKE, "~numpy.typing.ArrayLike")
    return NO_LITERAL.sub("= ...", ARRAY.sub(r"~numpy.typing.NDArray[\1]", signature))


def _docstring(_app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: Any) -> None:
    lines[:] = to_rst("\n".join(lines)).split("\n")


def _signature(
    _app: Any, _what: str, _name: str, _obj: Any, _options: Any, signature: Any, returned: Any
) -> tuple[Any, Any]:
    return signature and shortened(signature), returned and shortened(returned)


def _skip(_app: Any, _what: str, _name: str, obj: Any, _skip: bool, _options: Any) -> bool | None:
    """Leave out what is documented elsewhere: fields of tuples, classes of other libraries."""
    is_field = (inspect.getdoc(obj) or "").startswith("Alias for field number")
    is_foreign = inspect.isclass(obj) and not obj.__module__.startswith(OURS)
    return True if is_field or is_foreign else None
