"""What the prose says about the code: every key of a study, every message, every parameter."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import yaml
from conftest import REPOSITORY, library
from words import banned

from lottery_utils.encoder import FAMILIES
from lottery_utils.metrics import METRIC_LABELS
from replication.study import Study

BOOK = REPOSITORY / "book"
NEEDED = "has to be given"


def table(page: str, first_heading: str) -> list[list[str]]:
    """The rows, without the heading, of the list-table whose first column has this heading."""
    for block in re.findall(r"```\{list-table\}.*?\n(.*?)```", read(page), re.DOTALL):
        rows = [
            re.split(r"^  - ", row, flags=re.MULTILINE)
            for row in re.split(r"^\* - ", block, flags=re.MULTILINE)[1:]
        ]
        heading, *body = [[cell.strip() for cell in row] for row in rows]
        if heading[0] == first_heading:
            return body
    raise AssertionError(f"{page} has no table of {first_heading!r}")


def read(page: str) -> str:
    return (BOOK / page).read_text("utf-8")


def keys(cls: type, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key of a study with its type and default, groups taken apart."""
    hints = get_type_hints(cls)
    for field in fields(cls):
        wanted = hints[field.name]
        if is_dataclass(wanted):
            yield from keys(wanted, f"{prefix}{field.name}.")  # type: ignore[arg-type]
        elif get_origin(wanted) is dict and is_dataclass(get_args(wanted)[1]):
            yield from keys(get_args(wanted)[1], f"{prefix}{field.name}.NAME.")
        elif get_origin(wanted) is dict:
            yield f"{prefix}{field.name}.NAME", get_args(wanted)[1], ""
        else:
            yield prefix + field.name, wanted, field.default


def test_the_table_of_keys_is_the_studies() -> None:
    written = {key.strip("`"): said for key, _, said, _ in table("change.md", "Key")}
    known = {key: (kind, default) for key, kind, default in keys(Study)}
    assert list(written) == list(known)
    for key, (kind, default) in known.items():
        said = written[key]
        if key == "name":
            assert said == "the file's name"
        elif default is MISSING:
            assert said == NEEDED, key
        else:
            value = yaml.safe_load(said.strip("`"))
            value = tuple(value) if isinstance(value, list) else value
            value = float(value) if kind is float else value  # YAML reads 2e-5 as a text
            assert value == default, key


def test_the_table_of_parameters_is_the_notebooks() -> None:
    written = {
        name.strip("`"): re.findall(r"`(\w+)`", names)
        for name, names in table("change.md", "Notebook")
    }
    known = {}
    folder = REPOSITORY / "notebooks"
    for path in folder.rglob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        (cell,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
        name = path.relative_to(folder).with_suffix("").as_posix()
        known[name] = re.findall(r"^(\w+) *=", "".join(cell["source"]), re.MULTILINE)
    assert written == known


def test_the_tables_of_families_and_metrics_are_complete() -> None:
    assert [kind.strip("`") for _, kind, _ in table("own_bert.md", "Family")] == list(FAMILIES)
    assert [name.strip("`") for name, *_ in table("own_task.md", "`metric`")] == list(METRIC_LABELS)


def test_studies_on_pages_are_studies(tmp_path: Path) -> None:
    texts = re.findall(r"```yaml\n(.*?)```", "".join(map(read, PAGES)), re.DOTALL)
    assert len(texts) >= 2
    for text in texts:
        (tmp_path / "page.yaml").write_text(text, "utf-8")
        assert Study.load(tmp_path / "page.yaml").tasks


PAGES = sorted(
    path.relative_to(BOOK).as_posix() for path in (*BOOK.glob("*.md"), *BOOK.glob("course/*.md"))
)
QUOTE = re.compile(r"^> `(?:lottery|UserError): (.+?)`$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def messages() -> list[re.Pattern[str]]:
    """Every text of the library that could be a message; what it fills in may be anything."""
    found = []
    for path in library():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [
                part.value if isinstance(part, ast.Constant) else None
                for part in parts
                if isinstance(part, ast.Constant | ast.FormattedValue)
            ]
            fixed = "".join(text for text in texts if isinstance(text, str))
            if len(fixed.split()) >= 3:
                found.append(
                    re.compile("".join(re.escape(t) if isinstance(t, str) else ".+" for t in texts))
                )
    return found


def quoted(page: str) -> list[str]:
    """The messages that a page quotes: block quotes of code that begin as the command does."""
    unwrapped = re.sub(r"\n> (?!`)", " ", read(page))
    return QUOTE.findall(unwrapped)


@pytest.mark.parametrize("message", quoted("troubleshooting.md"))
def test_messages_on_the_page_are_the_codes(message: str, messages: list[re.Pattern[str]]) -> None:
    assert any(pattern.fullmatch(message) for pattern in messages)


def test_most_messages_are_found_on_the_page() -> None:
    assert len(quoted("troubleshooting.md")) >= 25


def test_links_of_files_exist() -> None:
    """Notebooks and studies that pages name."""
    for page in PAGES:
        for name in re.findall(r"\b(?:notebooks|studies)/[\w-]+\.(?:ipynb|yaml)", read(page)):
            if Path(name).stem not in ("mine", "sure", "howsure", "NAME"):
                assert (REPOSITORY / name).is_file(), f"{page}: {name}"


# Words


def prose(path: Path) -> str:
    """What a page's source says to readers."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return (
            re.sub(r"^```.*?^```", "", text, flags=re.M | re.S) if path.stem == "own_task" else text
        )
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


PROSE = [REPOSITORY / "README.md", *BOOK.rglob("*.md"), *REPOSITORY.glob("notebooks/**/*.ipynb")]


@pytest.mark.parametrize(
    "path",
    [p for p in PROSE if "report" not in p.parts and ".ipynb_checkpoints" not in p.parts],
    ids=lambda path: str(path.relative_to(REPOSITORY)),
)
def test_the_book_uses_the_words_of_the_field(path: Path) -> None:
    assert banned(prose(path)) == []


def test_a_banned_word_is_found() -> None:
    assert len(banned("A bar chart. The bar that a guesser passes, anew.")) == 3
    assert banned("`bar`, a stand-in; error bars\n```{container} beside\n:width: 9%\n9 %\n") == []
    assert len(banned("A share of 50%, 95% CI [41%, 59 %].")) == 3
