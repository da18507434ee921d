"""What a reader sees of a chapter at first: ideas, and no answer before its question.

JupyterLab keeps three marks in a cell's metadata: `jupyter.source_hidden`,
`jupyter.outputs_hidden` (shown again as soon as the cell is run) and, at a heading,
`jp-MarkdownHeadingCollapsed`, which hides what follows up to the next one.
"""

from __future__ import annotations

import ast

__all__ = ["answers_prediction", "deeper_sections", "fold", "is_plumbing"]

_COLLAPSED = "jp-MarkdownHeadingCollapsed"


def is_plumbing(source: str) -> bool:
    """Whether code only imports, only draws or only verifies.

    Drawing is a call of `figures` or of a result's `plot`; verifying is a call of
    `verdict`, with the assignments and prints around it. A cell marked #@save or an
    exercise's is never plumbing.
    """
    if "#@save" in source or "check.ch" in source:
        return False
    code = "\n".join(ln for ln in source.splitlines() if not ln.startswith("%"))
    try:
        statements = ast.parse(code).body
    except SyntaxError:  # a magic within the code
        return False
    kinds = [_kind(statement) for statement in statements]
    if not kinds or None in kinds:
        return False
    if "verdict" in kinds:
        return set(kinds) <= {"import", "verdict", "assign", "print"}
    return set(kinds) in ({"import"}, {"draw"}, {"import", "draw"})


def _kind(statement: ast.stmt) -> str | None:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(statement, ast.Assign):
        return "assign"
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
            ("source_hidden", is_plumbing(cell.source)),
            ("outputs_hidden", answers),
        ):
            marks.pop(name, None)
            if folded:
                marks[name] = True
        if marks:
            cell.metadata["jupyter"] = marks
