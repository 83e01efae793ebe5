"""Figures and tables of the notebooks as Sphinx's own: with a number, and referred to by it.

A notebook shows a `<figure class="lottery-figure">` and, where it has a caption, a `<table>`
(`replication.book.show`). Every page counts its own from 1, so that prose which many pages share is
right on each of them. {numref}`label` finds a label on its own page, and
{numref}`book/report/minilm-glue/claims:label` one on another. Where this page lacks what the label
names, because a study has no such record, prose says "a figure that this page lacks", or nothing in
brackets.
"""

from __future__ import annotations

import html
import re
from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

ID = r'(?: id="(?P<label>[^"]+)")?'
FIGURE = re.compile(
    rf'<figure class="lottery-figure"{ID}>(?P<content><img[^>]*>)'
    r"<figcaption>(?P<caption>.*)</figcaption></figure>",
    re.DOTALL,
)
TABLE = re.compile(
    rf'(?:<div>\s*<style.*?</style>\s*)?<table{ID}[^>]*class="(?P<classes>[^"]*)"[^>]*>'
    r"<caption>(?P<caption>.*?)</caption>(?P<content>.*)</table>(?:\s*</div>)?",
    re.DOTALL,
)


def setup(app: Any) -> dict[str, bool]:
    app.add_transform(Numbered)
    app.connect("env-get-updated", _count_by_page, priority=900)  # after Sphinx has counted
    app.connect("missing-reference", _on_this_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Numbered(SphinxTransform):
    """Raw HTML becomes figures and tables, before labels are collected."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        for raw in list(self.document.findall(nodes.raw)):
            node = numbered(raw.astext()) if raw.get("format") == "html" else None
            if node is None:
                continue
            if label := node.attributes.pop("label", ""):
                node["ids"], node["names"] = [label], [place(self.env.docname, label)]
                self.document.note_explicit_target(node)
            else:
                self.document.set_id(node)
            raw.replace_self(node)


def numbered(shown: str) -> nodes.Element | None:
    """The node of a figure or of a table with a caption; None of any other HTML."""
    if found := FIGURE.fullmatch(shown.strip()):
        node: nodes.Element = nodes.figure(classes=["lottery-figure"])
        caption: nodes.TextElement = nodes.caption()
        content = nodes.raw("", found["content"], format="html")
        children = [content, caption]
    elif found := TABLE.fullmatch(shown.strip()):
        node = nodes.table(classes=found["classes"].split())
        caption = nodes.title()
        children = [caption, nodes.raw("", found["content"], format="html")]
    else:
        return None
    caption += nodes.Text(html.unescape(found["caption"]))
    node.extend(children)
    node["label"] = found["label"] or ""
    return node


def place(page: str, label: str) -> str:
    """The name of a label that is one of many: Sphinx's are of the whole book, in small letters."""
    return f"{page}:{label}".lower()


def _count_by_page(_app: Any, env: Any) -> list[str]:
    for kinds in env.toc_fignumbers.values():
        for kind in {"figure", "table"} & set(kinds):
            in_order = sorted(kinds[kind], key=kinds[kind].get)
            kinds[kind] = {name: (number,) for number, name in enumerate(in_order, 1)}
    return []


def _on_this_page(app: Any, env: Any, node: Any, content: nodes.Element) -> nodes.Element | None:
    if node.get("reftype") != "numref" or ":" in node["reftarget"]:
        return None
    page, target = node["refdoc"], place(node["refdoc"], node["reftarget"])
    found: nodes.Element | None = env.get_domain("std").resolve_xref(
        env, page, app.builder, "numref", target, node, content
    )
    if found is not None:
        return found
    siblings = node.parent.children
    at = siblings.index(node)
    before = "".join(of.astext() for of in siblings[:at]).rstrip()
    after = "".join(of.astext() for of in siblings[at + 1 :])
    if before.endswith(("(", ";")) and after.startswith(")"):  # without it the sentence is whole
        siblings[at - 1] = nodes.Text(siblings[at - 1].astext().rstrip()[:-1].rstrip())
        if before.endswith("("):
            siblings[at + 1] = nodes.Text(siblings[at + 1].astext()[1:])
        return nodes.inline()
    article = "A" if before[-1:] in ("", ".", ":", "?") else "a"
    return nodes.inline("", f"{article} figure that this page lacks")
