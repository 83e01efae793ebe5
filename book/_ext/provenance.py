"""From a page to what it was made from: its records and its notebook lie in the site, linked.

Notebooks mark what they name (`data-record`, `data-notebook`: `replication.book.provenance` and
`replication.book.build`); only here is known where a page is, and so what leads from it to a file.
The notebook of a page of a study, or of one of its tasks, has these as its defaults.
Where `_config.yml` names the repository, a notebook can also be opened in Colab or Binder, and
edited.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import product
from pathlib import Path
from typing import Any

from replication.book.contents import Page

HEADING = "how-this-page-was-made"
RECORD = re.compile(r'<span data-record="([^"]+)">(.*?)</span>')
NOTEBOOK = re.compile(r'<span data-notebook="([^"]+)">(.*?)</span>')
CAPTION = re.compile(r"((?:</p>)?)\s*</figcaption>\s*</figure>")


def setup(app: Any) -> dict[str, bool]:
    app.connect("html-page-context", _link)
    app.connect("build-finished", _copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def place(notebook: str, page: Page | None) -> str:
    """Where the site has a notebook (a path in the repository) as the page was made from it."""
    folder, _, name = notebook.partition("/")
    return "/".join([folder, *(page.parameters.values() if page else ()), name])


def as_given(notebook: str, page: Page) -> str:
    """A notebook's JSON text with a page's study and task as the defaults of its parameters."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            text = "".join(cell["source"])
            for name, value in page.parameters.items():
                given = json.dumps(value, ensure_ascii=False)
                default = rf'^({name} = )("[^"]*"|None)'
                text = re.sub(default, lambda m, given=given: m[1] + given, text, flags=re.M)
            cell["source"] = text.splitlines(keepends=True)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def linked(body: str, up: str, repository: str, branch: str, page: Page | None = None) -> str:
    """A page's HTML with its marks as links; `up` leads from the page to the site's root."""
    body = RECORD.sub(rf'<a href="{up}records/\1">\2</a>', body)

    def notebook(mark: re.Match[str]) -> str:
        path, shown = mark.groups()
        links = [f'<a href="{up}{place(path, page)}" download>{shown}</a>']
        links += [f'<a href="{url}">{name}</a>' for name, url in launch(path, repository, branch)]
        return links[0] + (f" ({', '.join(links[1:])})" if links[1:] else "")

    body = NOTEBOOK.sub(notebook, body)
    if f'id="{HEADING}"' in body:
        made = f' <a class="figure-made" href="#{HEADING}">How it was made</a>'
        body = CAPTION.sub(rf"{made}\1</figcaption></figure>", body)
    return body


def launch(path: str, repository: str, branch: str) -> list[tuple[str, str]]:
    """Where a notebook of a repository on GitHub can be opened and edited: names and addresses."""
    if not repository.startswith("https://github.com/"):
        return []
    place = repository.removeprefix("https://github.com/").strip("/")
    return [
        ("open in Colab", f"https://colab.research.google.com/github/{place}/blob/{branch}/{path}"),
        ("open in Binder", f"https://mybinder.org/v2/gh/{place}/{branch}?labpath={path}"),
        ("edit", f"{repository.rstrip('/')}/edit/{branch}/{path}"),
    ]


def buttons(path: str, repository: str, branch: str) -> list[dict[str, Any]]:
    """The button at a page's top that opens its notebook elsewhere, as the theme takes it."""
    links = [
        {"type": "link", "text": name.capitalize(), "url": url, "tooltip": path}
        for name, url in launch(path, repository, branch)
    ]
    if not links:
        return []
    names = {"label": "launch-buttons", "tooltip": "Run this page"}
    return [{"type": "group", "icon": "fas fa-rocket", "buttons": links, **names}]


def _link(app: Any, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    if "body" in context:
        options = app.config.html_theme_options
        where = options.get("repository_url") or "", options.get("repository_branch") or "main"
        up = "" if app.builder.name == "singlehtml" else "../" * page.count("/")
        made = Page.of(page)
        context["body"] = linked(context["body"], up, *where, _one_of(app, made))
        if made and "header_buttons" in context:
            context["header_buttons"] += buttons(f"notebooks/{made.notebook}.ipynb", *where)


def _one_of(app: Any, page: Page | None) -> Page | None:
    """The page, but where all pages are one, which has one notebook of each name."""
    return None if app.builder.name == "singlehtml" else page


def _copy(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    root, pages = (
        Path(app.srcdir),
        [p for name in sorted(app.env.found_docs) if (p := Page.of(name))],
    )
    for page in pages:
        notebook = f"notebooks/{page.notebook}.ipynb"
        copy = Path(app.outdir, place(notebook, _one_of(app, page)))
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(as_given((root / notebook).read_text("utf-8"), page), "utf-8")
    found = set()
    for study in {study for page in pages for study in page.studies}:
        # With its sweep, and studies derived from it.
        for name, kind in product((study, f"{study}-*"), ("json", "yaml")):
            found.update(root.glob(f"results/{name}/**/[!.]*.{kind}"))
    for path in found:
        copy = Path(app.outdir, "records", path.relative_to(root / "results"))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
