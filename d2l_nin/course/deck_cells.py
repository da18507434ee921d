"""The cells that a deck shows: taken from its chapter, put together as a notebook."""

from __future__ import annotations

import ast
import copy
import difflib
import re
import textwrap
from pathlib import Path

import nbformat

from d2l_nin.course.chapters import for_reading
from d2l_nin.course.deck import Piece, Script, Slide

__all__ = ["as_notebook"]


def _part_of(source: str, options: dict) -> str:
    """One definition or some lines of a cell's code.

    Raises
    ------
    LookupError
        The cell has none such.
    """
    lines = source.split("\n")
    if name := options.get("def"):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        tree = ast.parse(re.sub(r"^([%!])", r"#\1", source, flags=re.MULTILINE))
        found = [n for n in ast.walk(tree) if isinstance(n, kinds) and n.name == name]
        if not found:
            raise LookupError(f"defines no '{name}'")
        starts = [found[0].lineno, *(d.lineno for d in found[0].decorator_list)]
        lines = lines[min(starts) - 1 : found[0].end_lineno]
    if wanted := options.get("lines"):
        first, last = _bounds(wanted, len(lines))
        lines = lines[first - 1 : last]
    return textwrap.dedent("\n".join(lines))


def _bounds(wanted: str, most: int) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", wanted)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= most:
        raise LookupError(f"has {most} lines here, and no '{wanted}'")
    return first, last


def _drawn(outputs: list) -> list:
    """The figures and tables, without what was printed beside them."""
    return [output for output in outputs if "text/html" in output.get("data", {})]


def _nth(outputs: list, wanted: str | None) -> list:
    """All outputs, or the one of this number, counted from 1."""
    if wanted is None:
        return outputs
    if wanted not in map(str, range(1, len(outputs) + 1)):
        raise LookupError(f"has {len(outputs)} outputs, and no '{wanted}'")
    return [outputs[int(wanted) - 1]]


def _marked(html: str, first: str) -> str:
    """A table with the rows marked that begin with the text `first`."""

    def begins(cell: str) -> bool:
        return re.sub(r"<.*?>", "", cell).strip().startswith(first)

    def mark(row: re.Match) -> str:
        # pandas puts the number of the row in front.
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row[0], re.DOTALL)[:2]
        new = '<tr class="marked"' if any(map(begins, cells)) else "<tr"
        return row[0].replace("<tr", new, 1)

    marked = re.sub(r"<tr.*?</tr>", mark, html, flags=re.DOTALL)
    if marked == html:
        raise LookupError(f"has no row that begins with '{first}'")
    return marked


class Cells:
    """The cells of a chapter, as the pieces of its deck show them."""

    def __init__(self, deck: Script, path: Path):
        if not path.is_file():
            raise deck.error(1, f"its chapter is missing: {path}")
        self.deck, self.path = deck, path
        self.notebook = for_reading(nbformat.read(path, as_version=4))
        self.by_id = {cell.id: cell for cell in self.notebook.cells}

    def show(self, piece: Piece):
        """A new cell for `piece`: a part of the chapter's, or Markdown.

        Raises
        ------
        DeckError
            The chapter has no such cell, or the cell no such part or no output.
        """
        if piece.kind == "text":
            return nbformat.v4.new_markdown_cell(piece.source)
        if piece.source not in self.by_id:
            near = difflib.get_close_matches(piece.source, self.by_id, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise self.deck.error(
                piece.line, f"{self.path} has no cell '{piece.source}'{hint}"
            )
        cell = copy.deepcopy(self.by_id[piece.source])
        cell.metadata = nbformat.from_dict({})
        try:
            return self._shown(cell, piece)
        except (LookupError, SyntaxError) as error:
            raise self.deck.error(
                piece.line, f"cell '{piece.source}' {error}"
            ) from None

    def _shown(self, cell, piece: Piece):
        if cell.cell_type != "code":
            if piece.kind != "cell":
                raise LookupError(f"is text, and has no {piece.kind}")
            return nbformat.v4.new_markdown_cell(cell.source)
        if piece.kind == "code":
            cell.outputs = []
            cell.source = _part_of(cell.source, piece.options)
            num_lines = cell.source.count("\n") + 1
            for step in re.split(r"[|,]", piece.options.get("steps", "1")):
                _bounds(step, num_lines)
        elif not cell.outputs:
            raise LookupError(
                "has no stored output: 'make notebooks CHAPTER="
                f"{self.path.name[:2]}' stores them"
            )
        elif self.deck.settings.get("form") == "2":
            cell.outputs = _drawn(cell.outputs) or cell.outputs
        cell.outputs = _nth(cell.outputs, piece.options.get("nth"))
        if first := piece.options.get("mark"):
            tables = [o for o in cell.outputs if "text/html" in o.get("data", {})]
            for output in tables:
                html = output.data["text/html"]
                output.data["text/html"] = _marked(html, first.replace("_", " "))
            if not tables:
                raise LookupError("has no table to mark a row in")
        return cell


def _kind(cell, kind: str):
    cell.metadata.slideshow = {"slide_type": kind}
    return cell


def _for_rise(piece: Piece, cells: Cells):
    cell = cells.show(piece)
    if piece.kind == "code" and cell.source != cells.by_id[piece.source].source:
        # A part of a cell does not run.
        cell = nbformat.v4.new_markdown_cell(f"```python\n{cell.source}\n```")
    elif piece.kind == "output":
        cell.metadata.jupyter = {"source_hidden": True}
    return _kind(cell, "-" if piece.fragment is None else "fragment")


def _for_page(piece: Piece, cells: Cells):
    """A cell with the HTML before and after it in its `deck` metadata."""
    cell = cells.show(piece)
    if piece.kind == "output":
        cell.metadata.tags = ["output"]
    kind, fragment = piece.kind, ""
    if piece.fragment is not None:
        kind += " fragment"
        fragment = f' data-fragment-index="{piece.fragment}"'
    cell.metadata.deck = {
        "cell": piece.source if piece.kind != "text" else "",
        "before": f'<div class="piece {kind}"{fragment}>',
        "after": "</div>",
        "steps": piece.options.get("steps", ""),
        "first_step": piece.first_step,
    }
    return _kind(cell, "-")


# What stands between two pieces, by the columns that they are in.
_BETWEEN = {
    ("", "left"): '<div class="columns" style="--left: {left}fr; --right: {right}fr">'
    '<div class="column">',
    ("left", "right"): '</div><div class="column">',
    ("right", ""): "</div></div>",
}


def _surround(slide: Slide, body: list, footer: str) -> None:
    """Put the HTML of a slide's frame around its cells."""
    shares = {"left": slide.left, "right": 100 - slide.left}
    column, before = "", '<div class="body">'
    for piece, cell in zip(slide.pieces, body):
        if piece.column != column:
            before += _BETWEEN[column, piece.column].format(**shares)
        cell.metadata.deck.before = before + cell.metadata.deck.before
        column, before = piece.column, ""
    body[-1].metadata.deck.after += _BETWEEN.get((column, ""), "") + "</div>" + footer


def _with_code_before(slide: Slide, body: list, cells: Cells, seen: set) -> list:
    """The cells of a slide, each after the chapter's code that it needs to run."""
    ordered = [cell for cell in cells.notebook.cells if cell.cell_type == "code"]
    ids = [cell.id for cell in ordered]
    result = []
    for piece, shown in zip(slide.pieces, body):
        if piece.source in ids and piece.kind != "text":
            whole = shown.cell_type == "code"
            last = ids.index(piece.source) + (not whole)
            for cell in ordered[:last]:
                if cell.id not in seen:
                    result.append(_kind(copy.deepcopy(cell), "skip"))
                    result[-1].outputs = []
                    seen.add(cell.id)
            seen.add(piece.source)
        result.append(shown)
    return result


def as_notebook(deck: Script, chapter: Path, to_be_run: bool = False):
    """The deck as a notebook with `slideshow` metadata.

    Parameters
    ----------
    deck : Script
    chapter : Path
        The notebook that it shows cells of.
    to_be_run : bool
        For JupyterLab-RISE: with the chapter's other code, which the slides skip. If
        not, for nbconvert: each cell carries the HTML that surrounds it on its slide.

    Raises
    ------
    DeckError
        The chapter has not what the deck shows.
    """
    cells = Cells(deck, chapter)
    name = f"{chapter.stem[:2]} · {deck.title}"
    shown, seen = [], set()
    for number, slide in enumerate(deck.slides, 1):
        make = _for_rise if to_be_run else _for_page
        body = [make(piece, cells) for piece in slide.pieces]
        if to_be_run:
            body = _with_code_before(slide, body, cells, seen)
        else:
            footer = f"{name}</span><span>{number} / {len(deck.slides)}"
            _surround(slide, body, f"<footer><span>{footer}</span></footer>")
        notes = f"**{slide.minutes} min.** {slide.notes}"
        shown += [
            _kind(nbformat.v4.new_markdown_cell(slide.title), "slide"),
            *body,
            _kind(nbformat.v4.new_markdown_cell(notes), "notes"),
        ]
    for i, cell in enumerate(shown):
        cell.id = f"deck-{i}"
    kept = cells.notebook.metadata
    metadata = {name: kept[name] for name in ("kernelspec",) if name in kept}
    return nbformat.v4.new_notebook(cells=shown, metadata=metadata)
