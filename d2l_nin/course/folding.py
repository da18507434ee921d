"""What a reader sees of a chapter at first: ideas, and no answer before its question.

JupyterLab keeps three marks in a cell's metadata: `jupyter.source_hidden`,
`jupyter.outputs_hidden` (shown again as soon as the cell is run) and, at a heading,
`jp-MarkdownHeadingCollapsed`, which hides what follows up to the next one.
"""

from __future__ import annotations

import ast
import copy

import nbformat

__all__ = [
    "answer_boxes",
    "answers_prediction",
    "boxed",
    "deeper_sections",
    "fold",
    "plumbing",
]

# What stands in an expression that computes nothing.
_LITERAL = (ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Dict, ast.Set,
            ast.UnaryOp, ast.USub, ast.Load)  # fmt: skip
_COLLAPSED = "jp-MarkdownHeadingCollapsed"


def plumbing(source: str) -> str:
    """What code is for that only imports, only draws or only verifies; else "".

    Drawing is a call of `figures` or of a result's `plot`, with names and literals
    that are assigned for it; verifying is a call of `verdict`, with the assignments
    and prints around it. A cell marked #@save or an exercise's is never plumbing.
    """
    if "#@save" in source or "check.ch" in source:
        return ""
    code = "\n".join(ln for ln in source.splitlines() if not ln.startswith("%"))
    try:
        statements = ast.parse(code).body
    except SyntaxError:  # a magic within the code
        return ""
    kinds = {_kind(statement) for statement in statements}
    if "verdict" in kinds:
        only = kinds <= {"import", "verdict", "assign", "name", "print"}
        return "it compares a number with its bound" if only else ""
    if "draw" in kinds and kinds <= {"import", "name", "draw"}:
        return "it draws the picture"
    return "imports" if kinds == {"import"} else ""


def _kind(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(statement, ast.Assign):
        inside = ast.walk(statement.value)
        return "name" if all(isinstance(n, _LITERAL) for n in inside) else "assign"
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return None
    called = statement.value.func
    if isinstance(called, ast.Name):
        return called.id if called.id in ("verdict", "print") else None
    if not isinstance(called, ast.Attribute):
        return None
    of_figures = isinstance(called.value, ast.Name) and called.value.id == "figures"
    return "draw" if of_figures or called.attr == "plot" else None


def answers_prediction(notebook) -> list[bool]:
    """For each cell, whether its output answers a *Predict* that stands above it.

    All outputs from the question to the next text do.
    """
    found, asked = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            asked = "**Predict" in cell.source
        found.append(asked and bool(cell.get("outputs")))
    return found


def answer_boxes(notebook) -> list[range]:
    """For each *Predict*, the cells from its first answer to its last."""
    found, within = [], False
    for i, answers in enumerate(answers_prediction(notebook)):
        if notebook.cells[i].cell_type == "markdown":
            within = False
        elif answers and within:
            found[-1] = range(found[-1].start, i + 1)
        elif answers:
            found.append(range(i, i + 1))
            within = True
    return found


def deeper_sections(notebook) -> list[range]:
    """The cells of each section of *Going deeper*, its heading's cell among them."""
    found, within = [], False
    for i, cell in enumerate(notebook.cells):
        first = cell.source.partition("\n")[0] if cell.cell_type == "markdown" else ""
        if first.startswith(("# ", "## ")):
            within = first == "## Going deeper"
        elif within and first.startswith("### "):
            found.append(range(i, i + 1))
        elif within and found:
            found[-1] = range(found[-1].start, i + 1)
    return found


def fold(notebook) -> None:
    """Mark in a notebook what is folded until a reader opens it, and nothing else."""
    optional = {section.start for section in deeper_sections(notebook)}
    for i, cell in enumerate(notebook.cells):
        cell.metadata.pop(_COLLAPSED, None)
        if i in optional:
            cell.metadata[_COLLAPSED] = True
    for cell, answers in zip(notebook.cells, answers_prediction(notebook)):
        if cell.cell_type != "code":
            continue
        marks = cell.metadata.pop("jupyter", {})
        for name, folded in (
            ("source_hidden", bool(plumbing(cell.source))),
            ("outputs_hidden", answers),
        ):
            marks.pop(name, None)
            if folded:
                marks[name] = True
        if marks:
            cell.metadata["jupyter"] = marks


# --- on a page ------------------------------------------------------------------------

# The first name is read by nbconvert, the second by MyST-NB.
_HTML = {"raw_mimetype": "text/html", "format": "text/html"}
_BOX = '<details class="course-{}"><summary>{}</summary>'


def boxed(notebook) -> None:
    """Put the beginnings and ends of boxes that open on a click between the cells.

    There is one for each section of *Going deeper*, below its first words, and one
    for all that answers a prediction. The code that leads to an answer stands before
    the box, which begins with that cell's output and ends with the first paragraph of
    the text below, where the answer is told in words.
    """
    _cut_answers(notebook)
    optional = [section for section in deeper_sections(notebook) if len(section) > 1]
    answers = [_with_words(notebook, box) for box in answer_boxes(notebook)]
    begins = {section[1]: ("deeper", "Read this section") for section in optional}
    asked = {box[0]: ("answer", "Your prediction first, then this") for box in answers}
    cells = []
    for i, cell in enumerate(notebook.cells):
        if i in begins:
            cells.append(_raw(_BOX.format(*begins[i])))
        if i in asked:
            if not plumbing(cell.source):
                code = copy.deepcopy(cell)
                code.outputs = []
                cells.append(code)
                cell = _only_output(cell)
            cells.append(_raw(_BOX.format(*asked[i])))
        cells.append(cell)
        ends = sum(i == box[-1] for box in [*answers, *optional])
        cells += [_raw("</details>") for _ in range(ends)]
    notebook.cells = cells


def _cut_answers(notebook) -> None:
    """Put the paragraph that follows a prediction's answer into a cell of its own."""
    for box in reversed(answer_boxes(notebook)):
        below = notebook.cells[box[-1] + 1 : box[-1] + 2]
        first, _, rest = below[0].source.partition("\n\n") if below else ("", "", "")
        told = not first.startswith("#") and "**Predict" not in first
        if told and rest and not first.endswith(":"):
            words = nbformat.v4.new_markdown_cell(first, metadata={"tells": True})
            below[0].source = rest
            notebook.cells.insert(box[-1] + 1, words)


def _with_words(notebook, box: range) -> range:
    below = notebook.cells[box[-1] + 1 : box[-1] + 2]
    tells = bool(below) and below[0].metadata.get("tells", False)
    return range(box.start, box.stop + tells)


def _raw(text: str):
    return nbformat.v4.new_raw_cell(text, metadata=_HTML)


def _only_output(cell):
    """The cell without its code; one mark is for nbconvert, the other for MyST-NB."""
    shown = copy.deepcopy(cell)
    shown.id = f"{cell.id}-output"
    shown.metadata["transient"] = {"remove_source": True}
    shown.metadata.setdefault("tags", []).append("remove-input")
    return shown
