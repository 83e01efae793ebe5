"""The slides of the course, a Sphinx project of their own:

python book/course/slides/figures.py book/report/slides
sphinx-build -b revealjs book/course/slides _build/html/slides
"""

from typing import Any

from sphinx_revealjs._ext.notes import revealjs_notes

project = "When BERT Plays the Lottery: slides"
language = "en"
extensions = ["myst_parser", "sphinx_revealjs"]
myst_enable_extensions = ["attrs_block", "colon_fence"]
html_copy_source = False

revealjs_style_theme = "white"  # its font comes with it; some other themes ask a host for theirs
revealjs_static_path = ["slides.css"]
revealjs_css_files = ["slides.css"]
revealjs_script_plugins = [{"name": "RevealNotes", "src": "revealjs/plugin/notes/notes.js"}]
revealjs_script_conf = {
    "width": 1280,
    "height": 720,
    "margin": 0.04,
    "controlsLayout": "edges",
    "hash": True,
    "slideNumber": "c/t",
    "transition": "none",
}


def setup(app: Any) -> None:
    """Speaker notes with their paragraphs; the extension itself writes them as one line of text."""
    write = (
        lambda writer, node: writer.body.append('<aside class="notes">'),
        lambda writer, node: writer.body.append("</aside>\n"),
    )
    app.add_node(revealjs_notes, override=True, html=write, revealjs=write)
