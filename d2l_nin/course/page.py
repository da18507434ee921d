"""A chapter as one HTML file that loads nothing from anywhere, and the list of them."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from d2l_nin.course.chapters import (
    Execution,
    drop_unanswered,
    for_reading,
    title_of,
    write_text,
)
from d2l_nin.course.folding import boxed, fold, plumbing
from d2l_nin.course.formulas import to_mathml

__all__ = ["to_html", "write_executed", "write_index"]

TEMPLATES = Path(__file__).parents[1] / "templates"
STYLE = TEMPLATES / "chapter" / "page.css"
MATHS_FONT = TEMPLATES / "chapter" / "maths.woff"


class _MathML(IPythonRenderer):
    """Markdown to HTML with formulas as MathML, which browsers show by themselves."""

    def inline_math(self, text: str) -> str:
        return to_mathml(text.strip("$ "))

    def block_math(self, text: str) -> str:
        return to_mathml(text.strip("$ \n"), "block")

    def latex_environment(self, name: str, text: str) -> str:
        return to_mathml(rf"\begin{{{name}}}{text}\end{{{name}}}", "block")


def _markdown_to_html(context_or_text, text=None) -> str:
    source = context_or_text if text is None else text
    return MarkdownWithMath(renderer=_MathML(escape=False)).render(source)


def _style() -> str:
    """The page's style, with the font for formulas in it."""
    font = base64.b64encode(MATHS_FONT.read_bytes()).decode()
    return STYLE.read_text(encoding="utf-8").replace("MATHS_FONT", font)


def _contents(body: str) -> list[tuple[str, str]]:
    """The sections of a page: (id, text)."""
    found = re.findall(r'<h2 id="([^"]+)">(.*?)<a class="anchor-link"', body, re.DOTALL)
    return [(name, re.sub("<[^>]+>", "", text)) for name, text in found]


def to_html(notebook, others: list[tuple[str, str]] = (), here: str = "") -> str:
    """The chapter as one HTML file that loads nothing from anywhere.

    What answers a prediction is folded, and so are code that only imports, draws or
    verifies, and the sections of *Going deeper* below their first words.

    Parameters
    ----------
    notebook : NotebookNode
    others : list of (str, str)
        All chapters of the course, with file name and title; links lead to them.
    here : str
        Which of the file names is this chapter's.
    """
    notebook = for_reading(notebook)
    fold(notebook)
    drop_unanswered(notebook)
    boxed(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["plumbing"] = plumbing(cell.source)
    exporter = HTMLExporter(
        template_name="chapter",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"markdown2html": _markdown_to_html},
    )
    names = [name for name, _ in others]
    at = names.index(here) if here in names else None
    chapters = {
        "others": others,
        "here": here,
        "before": others[at - 1] if at else None,
        "after": others[at + 1] if at is not None and at + 1 < len(others) else None,
    }
    body, _ = exporter.from_notebook_node(
        notebook,
        {
            "metadata": {"name": title_of(notebook)},
            "page_style": _style(),
            "chapters": chapters,
        },
    )
    items = "".join(
        f'<li><a href="#{name}">{text}</a></li>' for name, text in _contents(body)
    )
    return body.replace("<!-- contents -->", f"<ol>{items}</ol>")


def write_executed(execution: Execution, out: Path, others=()) -> None:
    """Write a chapter as it was run, with seconds by cell, and its page, into `out`."""
    took = [round(seconds, 3) for seconds in execution.cell_seconds]
    notebook = execution.notebook
    notebook.metadata.setdefault("d2l_nin", {})["cell_seconds"] = took
    target = out / execution.path.name
    nbformat.write(notebook, target)
    if notebook.cells:
        page = target.with_suffix(".html")
        write_text(page, to_html(notebook, others, page.name))


def write_index(out: Path, others: list[tuple[str, str]]) -> None:
    """Write the list of the chapters whose pages are in `out`."""
    items = "\n".join(
        f'<li><a href="{html.escape(name)}">{html.escape(title)}</a></li>'
        for name, title in others
        if (out / name).exists()
    )
    text = (TEMPLATES / "chapter" / "contents.html").read_text(encoding="utf-8")
    page = text.replace("STYLE", _style()).replace("CHAPTERS", items)
    write_text(out / "index.html", page)
