"""The rules for committed notebooks, as functions that tests can also break."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import itertools
import pkgutil
import re
import textwrap

import d2l_nin
from d2l_nin.course.chapters import outputs_digest, result_of
from d2l_nin.course.folding import fold

IGNORED = "nbval-ignore-output"
# The most of a chapter's code cells whose output nbval doesn't compare.
MOST_IGNORED = 0.25
# What a chapter of the new form (`metadata.d2l_nin.form == 2`) may take before its
# exercises.
MOST = {"cells": 45, "words": 1800, "lines of code": 15, "lines shown": 15,
        "verdicts": 6}  # fmt: skip
# What a chapter may take on two cores where its metadata (`d2l_nin.limits`) name
# nothing else.
LIMITS = {"seconds": 300, "mib": 1536}
# What a committed notebook may take on a disk, its figures included.
MOST_BYTES = 3 * 2**19  # 1.5 MiB


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_ignored(cell) -> bool:
    return (
        IGNORED in cell.metadata.get("tags", [])
        or "NBVAL_IGNORE_OUTPUT" in cell.source
        or "NBVAL_SKIP" in cell.source
    )


def text_of(cell) -> str:
    """All that a cell printed or showed as text."""
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text", ""))
        parts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


def faults(notebook) -> list[str]:
    """What is wrong with a committed notebook; empty when nothing is."""
    found = []
    cells = code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        found.append(f"execution counts are {counts}, not 1 … {len(cells)}")
    recorded = notebook.metadata.get("d2l_nin", {}).get("outputs_sha256")
    if recorded != outputs_digest(notebook):
        found.append("the outputs are not those of the last `make notebooks`")
    if not cells or not cells[0].source.startswith("%matplotlib inline"):
        found.append("the first code cell does not begin with %matplotlib inline")
    found += [
        f"code cell {cell.execution_count} {fault}"
        for cell in cells
        for fault in _faults_of_cell(cell)
    ]
    found += _without_verdict(cells)
    if notebook.metadata.get("d2l_nin", {}).get("form") == 2:
        found += faults_of_form(notebook)
    return found


def _faults_of_cell(cell) -> list[str]:
    images = re.findall(r"<img[^>]*>", "".join(
        output.get("data", {}).get("text/html", "") for output in cell.outputs
    ))  # fmt: skip
    described = all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    # Beside the SVG in the HTML it is for viewers that drop HTML; alone, it is not.
    only_png = any(
        "image/png" in data and "text/html" not in data
        for data in (output.get("data", {}) for output in cell.outputs)
    )
    long = "#@save" not in cell.source and len(cell.source.splitlines()) > 30
    faults = {
        "ends with a semicolon": cell.source.rstrip().endswith(";"),
        "holds an error": any(o.output_type == "error" for o in cell.outputs),
        "holds something from stderr": any(
            output.get("name") == "stderr" for output in cell.outputs
        ),
        "holds the rest of a progress bar": re.search(
            r"\d+%\|[█▏ ]|\r|it/s", text_of(cell)
        ),
        "has a picture without alt text": not described,
        "has a PNG, which nbval does not compare": only_png,
        "is longer than 30 lines": long,
    }
    return [fault for fault, there in faults.items() if there]


def _without_verdict(cells) -> list[str]:
    """Ignored cells must be few, and a compared one with a verdict must follow each.

    A verdict is one or more lines that end in True; in such a cell none may say False.
    """
    found = []
    ignored = [i for i, cell in enumerate(cells) if is_ignored(cell)]
    if len(ignored) > MOST_IGNORED * len(cells):
        found.append(f"{len(ignored)} of {len(cells)} code cells are not compared")
    for i in ignored:
        after = cells[i + 1] if i + 1 < len(cells) else None
        if after is None or is_ignored(after) or not _verdicts(after, "True"):
            found.append(f"code cell {i + 1} is not compared and no verdict follows")
            continue
        for line in _verdicts(after, "False"):
            found.append(f"code cell {i + 2} stored a verdict that fails: {line}")
    return found


def _verdicts(cell, value: str) -> list[str]:
    """The lines of a cell that say this, their spaces evened out.

    They end in it, or `d2l_nin.experiment.verdict` has set its mark before them.
    """
    mark = {"True": "✓", "False": "✗"}[value]
    lines = (" ".join(line.split()) for line in text_of(cell).splitlines())
    return [
        line for line in lines if line.endswith(f": {value}") or line.startswith(mark)
    ]


def without_docstring(source: str) -> str:
    """A definition as text, its docstring cut out."""
    tree = ast.parse(source).body[0]
    if ast.get_docstring(tree) is None:
        return source
    node = tree.body[0]
    lines = source.splitlines()
    return "\n".join(lines[: node.lineno - 1] + lines[node.end_lineno :])


def saved_definitions(notebook) -> dict[str, str]:
    """The definitions in cells marked #@save, by name."""
    return {
        ast.parse(cell.source).body[0].name: cell.source
        for cell in code_cells(notebook)
        if "#@save" in cell.source
    }


def differs(source: str, definition) -> bool:
    """Whether a saved cell's code is not the package's; docstrings may differ."""
    packaged = textwrap.dedent(inspect.getsource(definition))
    shown = source.replace("  #@save", "").rstrip()
    return without_docstring(shown) != without_docstring(packaged.rstrip())


def home_of(name: str):
    """The package's own definition of this name, in whatever module it is; or None."""
    for module in pkgutil.walk_packages(d2l_nin.__path__, "d2l_nin."):
        if module.name.endswith("__main__"):
            continue
        found = getattr(importlib.import_module(module.name), name, None)
        if getattr(found, "__module__", None) == module.name:
            return found
    return None


def limits_of(notebook) -> dict:
    """Seconds and MiB that a chapter may take."""
    return {**LIMITS, **notebook.metadata.get("d2l_nin", {}).get("limits", {})}


def main_line(notebook) -> list:
    """The cells before the exercises."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(
            "^## Exercises", cell.source, re.MULTILINE
        ):
            return cells
        cells.append(cell)
    return cells


def _calls_of(name: str, source: str) -> int:
    """How often this function is called, by its own name or as an attribute."""
    tree = ast.parse(re.sub("^[%!].*", "", source, flags=re.MULTILINE))
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(name in (getattr(f, "id", ""), getattr(f, "attr", "")) for f in called)


def faults_of_form(notebook) -> list[str]:
    """What a chapter of the new form has too much of; empty when nothing is."""
    cells = main_line(notebook)
    code = [cell for cell in cells if cell.cell_type == "code"]
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    shown = [
        len("".join(text).splitlines())
        for cell in code
        for output in cell.outputs
        for text in (
            output.get("text", ""),
            output.get("data", {}).get("text/plain", ""),
        )
    ]
    counts = {
        "cells": len(cells),
        "words": words,
        "lines of code": max((len(c.source.splitlines()) for c in code), default=0),
        "lines shown": max(shown, default=0),
        "verdicts": sum(_calls_of("verdict", cell.source) for cell in code),
    }
    found = [
        f"{count} {what}, at most {MOST[what]}"
        for what, count in counts.items()
        if count > MOST[what]
    ]
    for i, cell in enumerate(cells, 1):
        tags = cell.metadata.get("tags", [])
        if "slideshow" in cell.metadata or any(t.startswith("slide") for t in tags):
            found.append(f"cell {i} is tagged for slides")
    return found + faults_of_folding(notebook)


def faults_of_folding(notebook) -> list[str]:
    """Headings that can't be folded, other marks than `make notebooks` sets, gaps."""
    found, deeper, marked = [], False, copy.deepcopy(notebook)
    fold(marked)
    for i, (cell, other) in enumerate(zip(notebook.cells, marked.cells), 1):
        text = cell.source if cell.cell_type == "markdown" else ""
        if re.search(r"^[A-Z-]{4,}$|^The (reading|answer) follows", text, re.M):
            found.append(f"cell {i}: a word stands where a text was to come")
        deeper = deeper or text.startswith("## Going deeper")
        if deeper and re.search("\n##+ ", text):
            found.append(f"cell {i}: a heading within a cell folds nothing; split it")
        if cell.metadata != other.metadata:
            found.append(f"cell {i} is not folded as `make notebooks` folds it")
    return found


def histories_of(notebook) -> dict[tuple, tuple]:
    """From what each shown history says of a run, epoch by epoch, to its seconds."""
    found = {}
    for cell in code_cells(notebook):
        lines = [line.split() for line in text_of(cell).splitlines() if line.strip()]
        for i, head in enumerate(lines):
            if head[:2] == ["epoch", "train_loss"] and head[-1] == "seconds":
                after = lines[i + 1 :]
                rows = list(itertools.takewhile(lambda row: row[0].isdigit(), after))
                run = tuple(tuple(row[:-1]) for row in rows)
                found[run] = tuple(row[-1] for row in rows)
    return found


def contradictions(notebooks: dict) -> list[str]:
    """Where two chapters, by name, say different things of the same run.

    Runs whose losses and accuracies agree in all epochs are the same; so are the
    results of nets of the same name.
    """
    found, said = [], {}
    for name, notebook in notebooks.items():
        runs = dict(histories_of(notebook))
        if result := result_of(notebook):
            runs[result["net"]] = tuple(sorted(result.items()))
        for run, what in runs.items():
            first, before = said.setdefault(run, (name, what))
            if before != what:
                found.append(f"{first} says {before}, {name} says {what} of {run}")
    return found
