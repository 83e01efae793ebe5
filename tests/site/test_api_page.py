"""The pages on the library: complete, built from docstrings, and with an example that runs."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from browsing import SITE, missing
from conftest import REPOSITORY, library, module_at
from test_site import targets

BOOK = REPOSITORY / "book"
# The method is documented in full. Of the rest, what a page in book/api/ names.
SCRIPTS = {"lottery_utils.data.glue_metric", "lottery_utils.patterns.sheets"}


def documented() -> dict[str, str]:
    """Module -> page, for every module that a page in book/api/ documents."""
    found: dict[str, str] = {}
    for page in sorted((BOOK / "api").glob("*.md")):
        for name in re.findall(r"^\.\. automodule:: (\S+)$", page.read_text("utf-8"), re.M):
            assert name not in found, f"{name} is on two pages"
            found[name] = f"book/api/{page.stem}"
    return found


every_module = pytest.mark.parametrize("name", documented())


def public_names(module: ModuleType) -> list[str]:
    """The functions and classes that a module defines for others, and their public methods."""
    found = []
    for name, value in vars(module).items():
        is_ours = getattr(value, "__module__", None) == module.__name__ and callable(value)
        # The decorator of a cached function has no source of its own.
        if not is_ours or name.startswith("_") or not hasattr(value, "__qualname__"):
            continue
        found.append(name)
        if inspect.isclass(value):
            methods = (key for key, item in vars(value).items() if inspect.getdoc(item))
            found += [f"{name}.{key}" for key in methods if is_method(vars(value)[key], key)]
    return found


def is_method(value: Any, name: str) -> bool:
    kinds = (staticmethod, classmethod, property)
    return not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, kinds))


def test_every_module_of_the_method_is_on_a_page() -> None:
    paths = [path.relative_to(REPOSITORY).with_suffix("") for path in library()]
    modules = {".".join(path.parts) for path in paths if path.name != "__init__"}
    method = {name for name in modules if name.startswith("lottery_utils.")}
    assert method - SCRIPTS <= set(documented()), "name it in book/api/"


@every_module
def test_every_public_name_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)
    names = [n for n in public_names(module) if "." not in n]
    assert names
    assert not [n for n in names if not inspect.getdoc(getattr(module, n))]


@every_module
def test_every_public_name_is_on_its_page(name: str) -> None:
    if not (SITE / "index.html").is_file():
        missing("there is no built site: run 'make book'")
    anchors = targets(SITE / f"{documented()[name]}.html").anchors
    expected = [f"{name}.{public}" for public in public_names(importlib.import_module(name))]
    assert not [anchor for anchor in expected if anchor not in anchors]


def test_the_example_runs(tiny_backbone: Path) -> None:
    text = (BOOK / "api.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    for whole, small in (('"bundled"', f'"{tiny_backbone}"'), ('"mini"', '"mini", **sizes')):
        assert whole in example
        example = example.replace(whole, small)
    names: dict[str, Any] = {"sizes": {"train_size": 32, "validation_size": 16}}
    exec(example, names)
    found = names["found"]
    assert found.steps
    assert found.mask <= names["everything"]
    if found.full_score > 0:
        assert names["score"](found.mask) >= 0.9 * found.full_score


# From the library's plain docstrings to Sphinx


@cache
def extension() -> Any:
    return module_at(BOOK / "_ext" / "plain_docstrings.py")


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("A `mask` of |dL/dxi|.", r"A ``mask`` of \|dL/dxi\|."),
        ("`a|b` and ``c``", "``a|b`` and ``c``"),
        ("Text `over\nlines`, *meant*.", "Text ``over\nlines``, *meant*."),
        (
            "As:\n\n    a | `b`\n\n    c\n\nThen `d`.",
            "As:\n\n.. code-block:: text\n\n    a | `b`\n\n    c\n\nThen ``d``.",
        ),
        ("- one\n  more\n- two", "- one\n  more\n- two"),
    ],
)
def test_docstrings_become_restructured_text(plain: str, expected: str) -> None:
    assert extension().to_rst(plain) == expected + "\n"


def test_signatures_are_as_short_as_in_the_source() -> None:
    import numpy as np
    import numpy.typing as npt
    from sphinx.util.typing import stringify_annotation

    def shortened(annotation: Any) -> str:
        text: str = extension().shortened(stringify_annotation(annotation, "smart"))
        return text

    assert shortened(npt.NDArray[np.float64]) == "~numpy.typing.NDArray[~numpy.float64]"
    assert shortened(npt.ArrayLike) == "~numpy.typing.ArrayLike"
    assert extension().shortened("(a: int = <factory>, b=1)") == "(a: int = ..., b=1)"
    assert extension().shortened("(a: x = <class 'x.y'>)") == "(a: x = ...)"
