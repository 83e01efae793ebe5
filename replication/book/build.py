"""From a notebook and its parameters to an executed page of the book.

    python -m replication.book notebooks/sec3_methodology.ipynb page.ipynb task=RTE

papermill executes the notebook; the task and the data it was executed for join the page's title.
The page begins with its result. How it was made comes last: the command, the parameters, the code
that reads the records, and these, which `replication.book.provenance` lists.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from traitlets.config import Config

from lottery_utils.errors import UserError, expanded
from replication.book import contents
from replication.book.show import MISSING
from replication.files import alone, write_text
from replication.paper.records import STUDY as RELEASED
from replication.runs.data_card import (
    MADE_UP,
    card,
    describe,
    describe_all,
    encoder,
    fingerprints,
    in_words,
    place,
)
from replication.runs.records import resolve
from replication.store import Store
from replication.study import Study, derived_from
from replication.studyfile import parse

TEXTS = ("study", "task", "data", "backbone", "results_dir")  # parameters that are none else
HOW_MADE = "## How this page was made"
# A finding or a caption that does not say that its sentences are made up.
END = "</(?:figcaption|caption|p)>"
UNSAID = re.compile(
    rf'((?:<(?:fig)?caption>|<p class="lottery-finding">)(?:(?!made-up|{END}).)+)(?={END})',
    re.DOTALL | re.IGNORECASE,
)
MADE_BY = {"parameters", "injected-parameters", "setup"}  # cells that a page shows there


def tools() -> tuple[Any, Any]:
    """nbformat and papermill, imported when a page is made.

    Whoever imports nbformat imports jsonschema, and that, where this package lies beside it,
    compiles a grammar of web addresses for more than two seconds. No notebook needs it; it can be
    left out.
    """
    grammar = "rfc3987_syntax"
    left_out = sys.modules.setdefault(grammar, None) is None  # type: ignore[arg-type]
    import nbformat
    import papermill

    if left_out:
        del sys.modules[grammar]
    return nbformat, papermill


def build_page(
    notebook: Path, page: Path, parameters: dict[str, Any], *, of: Path | None = None
) -> None:
    """Execute `notebook` with `parameters` and write the result to `page` in one piece.

    `of` is the notebook that the page names, where the one to execute was made from it.
    """
    nbformat, papermill = tools()
    page.parent.mkdir(parents=True, exist_ok=True)
    draft = page.with_name(f".{page.name}")
    begun = time.monotonic()
    try:
        with private_kernel() as local:
            # The kernel has nothing to save: it need not be asked to end, and waited for.
            papermill.execute_notebook(
                notebook,
                draft,
                parameters,
                progress_bar=False,
                config=local,
                shutdown_kernel="immediate",
                request_save_on_cell_execute=False,  # a page is written whole, or not at all
            )
        executed = nbformat.read(draft, as_version=4)
    finally:
        draft.unlink(missing_ok=True)
    # Parameters are the reader's business, the machinery that injected them is not.
    executed.metadata.pop("papermill", None)
    for cell in executed.cells:
        cell.metadata.pop("papermill", None)
    result: list[Any] = []
    code: list[Any] = []
    for cell in executed.cells:
        tags = cell.metadata.get("tags", [])
        if parameters and "parameters" in tags:
            continue  # the defaults that the given ones stand in for
        (code if MADE_BY.intersection(tags) else result).append(cell)
    about = contents.parameters(notebook) | parameters
    shown = "".join(nbformat.writes(nbformat.v4.new_notebook(cells=result)))
    data, known_by, caution = about_data(about, shown)
    first, *rest = result[0].source.split("\n")
    # Also where the study, or its task, is the notebook's own.
    says = about.get("task") is not None or (MADE_UP in caution and "made-up" not in first)
    heading = [titled(first, about if says else parameters)]
    if caution and says:
        heading.append(f"\n*Data: {_plain(caution)}.*")
    elif caution and MADE_UP not in caution:  # of several tasks: after the result
        for cell in [cell for cell in result[1:] if cell.cell_type == "markdown"][:1]:
            cell.source = f"*Data: {_plain(caution)}.*\n\n{cell.source}"
    if MADE_UP in caution:
        for output in (out for cell in result for out in cell.get("outputs", ())):
            if shown := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = UNSAID.sub(r"\1 Made-up sentences.", shown)
    data = _plain(f"{data} {known_by}".strip())
    result[0].source = "\n".join([*heading, *rest])
    made = nbformat.v4.new_markdown_cell(
        how_made(of or notebook, parameters, time.monotonic() - begun, data)
    )
    last = len(result) - result[-1].source.startswith("provenance.Sources(")
    executed.cells = [*without_empty(result[:last]), made, *as_one(code), *result[last:]]
    write_text(page, nbformat.writes(executed))


def _plain(text: str) -> str:
    """A study's own words as MyST shows them, whatever they mean to it."""
    return re.sub(r"([\\`*_{}\[\]<>$#|])", r"\\\1", text)


def as_one(code: Sequence[Any]) -> list[Any]:
    """The code before a page's result as one cell that folds; none where a page shows none."""
    shown = [cell for cell in code if "remove-cell" not in cell.metadata.get("tags", [])]
    for first in shown[:1]:
        first.source = "\n\n".join(cell.source for cell in shown)
        first.outputs = [output for cell in shown for output in cell.outputs]
        first.metadata["tags"] = [*dict.fromkeys((*first.metadata["tags"], "hide-input"))]
    return shown[:1]


def without_empty(cells: Sequence[Any]) -> list[Any]:
    """A page's cells, with what is missing said once: a section all of whose results are missing
    is its heading and why, or if that was said before, nothing. What `provenance` says is none.

    Code that would fold and shows nothing is left out."""
    nbformat, _ = tools()
    sections: list[list[Any]] = [[]]
    for cell in cells:
        parts = [cell]
        if cell.cell_type == "markdown":
            texts = filter(None, re.split(r"(?m)^(?=## )", cell.source))
            parts = [nbformat.v4.new_markdown_cell(text, metadata=cell.metadata) for text in texts]
        for part in parts:
            if part.source.startswith("## "):
                sections.append([])
            sections[-1].append(part)
    said: set[str] = set()
    return [cell for section in sections for cell in _shown(section, said)]


def _shown(section: Sequence[Any], said: set[str]) -> list[Any]:
    """What a page shows of one section, after the reasons that it has `said`."""
    kept, empty, whole = [], False, not section[0].source.startswith("## ")
    for cell in section:
        if "hide-input" in cell.metadata.get("tags", []) and not cell.outputs:
            continue
        own = [] if cell.source.startswith("provenance.") else cell.get("outputs", [])
        texts = {"".join(output.get("data", {}).get("text/html", "")) for output in own}
        missing = bool(texts) and all(MISSING in text for text in texts)
        empty, whole = empty or missing, whole or (bool(texts) and not missing)
        if not missing or not texts <= said:
            kept.append(cell)
        said |= texts if missing else set()
    if whole or not empty:
        return kept
    heading, *rest = kept
    heading.source = heading.source.partition("\n")[0]
    why = [cell for cell in rest if cell.get("outputs")]
    return why if all(cell.source.startswith("provenance.") for cell in why) else [heading, *why]


def titled(heading: str, parameters: dict[str, Any]) -> str:
    """A page's heading with what it is about: `# Topic: SST-2 (GLUE)`."""
    study, task = parameters.get("study"), parameters.get("task")
    if not study or study == RELEASED:
        of = f" ({MADE_UP})" if parameters.get("data") == "mini" else ""
        return f"{heading}: {task}{of}" if task else heading
    overrides = {key: parameters.get(key) for key in ("data", "backbone")}
    store = Store(parameters.get("results_dir") or "results")
    of = in_words(resolve(str(study), store=store, **overrides))
    return f"{heading}: {task} ({of})" if task else f"{heading} ({of})"


def about_data(parameters: dict[str, Any], shown: str = "") -> tuple[str, str, str]:
    """What the data of a page's study, or of its task, are, the fingerprints of the examples, and
    what is to be said with its result where they are not all of GLUE's official files.

    Where the parameters name studies otherwise than by `study`, the data of each that has records.
    Of a study's tasks those count that the page has `shown`, if it has shown any.
    """

    def tasks(study: Study) -> list[str]:
        return [task for task in study.tasks if task in shown] or [*study.tasks]

    store = Store(parameters.get("results_dir") or "results")
    if parameters.get("study") == RELEASED:
        return "", "", ""
    if "study" in parameters:
        overrides = {k: parameters.get(k) for k in ("task", "data", "backbone")}
        study = resolve(str(parameters["study"]), store=store, **overrides)
        of_page = [task for task in tasks(study) if place(study, task, store).parent.is_dir()]
        if not of_page:  # nothing was made of any example
            return "", "", ""
        return (
            describe(study, of_page, store),
            fingerprints(study, of_page, store),
            not_official([(study, of_page)], store),
        )
    named = {v for one in parameters.values() for v in (one if isinstance(one, list) else [one])}
    named -= {RELEASED}
    known = [n for n in contents.studies() if n in named]
    known += [
        n
        for n in contents.studies()
        if derived_from(n) in named and (store.root / n / "study.yaml").is_file()
    ]
    studies = [(study, tasks(study)) for study in (Study.load(n, store.root) for n in known)]
    return describe_all(studies, store), "", not_official(studies, store)


def not_official(studies: Sequence[tuple[Study, Sequence[str]]], store: Store) -> str:
    """What a page says of its data at once: of one task, or of one kind of data, what they are
    where they are not GLUE's official files; of several tasks, of which they are not."""
    cards = [(study, card(study, task, store)) for study, of in studies for task in of]
    said = {one.caution for _, one in cards}
    if len(said) == 1:
        return said.pop()
    named: dict[str, dict[str, None]] = {}
    for study, one in cards:
        if one.caution and one.official and one.kind != "mini":
            named.setdefault(encoder(study.backbone), {})[one.task] = None
    texts = [f"{', '.join(of)} of {name}" for name, of in named.items()]
    end = "not GLUE's official files (see the end of this page)"
    return f"{'; '.join(texts)}: {end}" if texts else ""


def how_made(notebook: Path, parameters: dict[str, Any], seconds: float, data: str = "") -> str:
    """The last section of a page, as MyST: notebook, parameters, time, the way to repeat it, and
    folded what its `data` are.

    Links of the kind `data-notebook` are made by `book/_ext/provenance.py`.
    """
    path, repository = notebook.resolve(), Path(__file__).resolve().parents[2]
    inside = path.is_relative_to(repository)
    name = path.relative_to(repository).as_posix() if inside else path.name
    options = "".join(
        f" \\\n    -p {key} {shlex.quote(str(value))}" for key, value in parameters.items()
    )
    return (
        f"{HOW_MADE}\n\n"
        f'The notebook <span data-notebook="{name}">{name}</span>, executed by papermill '
        f"on {datetime.now(UTC):%Y-%m-%d} in {seconds:.0f} seconds. To make it again, or with "
        "other parameters ({doc}`/book/change`):\n\n"
        f"```bash\npapermill {name} page.ipynb{options}\n```\n\n"
        "If you use what is on this page: {doc}`/book/cite`."
        + (f"\n\n:::{{dropdown}} Which examples were used\n{data}\n:::" if data else "")
    )


@contextmanager
def private_kernel() -> Iterator[Config]:
    """A kernel that talks to us through files that only this user can read, not through open
    ports; in a folder of its own, as other pages may be made at the same time."""
    with tempfile.TemporaryDirectory() as sockets:
        yield Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})


def parse_parameters(pairs: Sequence[str]) -> dict[str, Any]:
    """Parameters as a command line gives them: `task=RTE seeds=[1337,42]`. Names stay texts, also
    where YAML takes one for a number or a truth value. Raises `UserError` for a name given twice.
    """
    found: dict[str, Any] = {}
    for name, value in (pair.split("=", 1) for pair in pairs):
        if name in found:
            raise UserError(f"The parameter {name!r} is given twice: keep one of them.")
        found[name] = _parameter(name, value)
    return found


def _parameter(name: str, value: str) -> Any:
    if value == "None":  # as papermill takes it
        return None
    return value if name in TEXTS else parse(value, name)[0]


def main(arguments: list[str]) -> int:
    """`NOTEBOOK PAGE [NAME=VALUE ...]`. Returns 1, after one sentence, where a cell failed."""
    parser = argparse.ArgumentParser("python -m replication.book", description=__doc__)
    parser.add_argument("notebook", type=expanded)
    parser.add_argument("page", type=expanded)
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    given = parser.parse_args(arguments)
    if not given.notebook.is_file():
        parser.error(f"there is no notebook {given.notebook}")
    for pair in given.parameters:
        if "=" not in pair:
            parser.error(f"a parameter should be NAME=VALUE, such as task=RTE, not {pair!r}")
    _, papermill = tools()
    try:
        parameters = parse_parameters(given.parameters)
        contents.refuse_unknown(parameters, contents.cell_of_parameters(given.notebook))
        with alone(given.page):  # its draft has one name
            build_page(given.notebook, given.page, parameters)
    except UserError as error:
        parser.error(str(error))
    except papermill.exceptions.PapermillExecutionError as error:
        print(f"{given.notebook}: {error.ename}: {error.evalue}", file=sys.stderr)
        return 1
    return 0
