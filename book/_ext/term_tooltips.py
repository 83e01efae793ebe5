"""A link to a term of the glossary shows the first sentence of its definition when pointed at."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

GLOSSARY = "book/glossary"


def setup(app: Any) -> dict[str, bool]:
    app.connect("doctree-resolved", _explain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def definitions(glossary: nodes.document) -> dict[str, str]:
    """The first sentence of every definition, by the anchor of each of its terms."""
    found = {}
    for listed in glossary.findall(addnodes.glossary):
        for item in listed.findall(nodes.definition_list_item):
            (definition,) = item.findall(nodes.definition)
            text = " ".join(definition.astext().split())
            first = re.split(r"(?<=[.!?]) (?=[A-Z])", text)[0]
            for term in item.findall(nodes.term):
                found.update(dict.fromkeys(term["ids"], first))
    return found


def _explain(app: Any, doctree: nodes.document, page: str) -> None:
    if GLOSSARY not in app.env.found_docs:
        return
    texts = definitions(app.env.get_doctree(GLOSSARY))
    for reference in doctree.findall(nodes.reference):
        anchor = reference.get("refid") or reference.get("refuri", "").partition("#")[2]
        if anchor in texts:
            reference["reftitle"] = texts[anchor]
