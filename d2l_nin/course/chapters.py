"""Chapters as files: finding, executing, saving, turning into HTML."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from d2l_nin import memory
from d2l_nin.cost import RESULT_TYPE
from d2l_nin.course.folding import fold
from d2l_nin.course.settings import own_settings

__all__ = [
    "Execution",
    "chapter_runs",
    "drop_unanswered",
    "execute",
    "find_chapters",
    "find_solutions",
    "for_reading",
    "for_students",
    "longest_cells",
    "outputs_digest",
    "result_of",
    "save_chapter",
    "title_of",
    "titles_of",
    "update_readme",
    "write_text",
]

SOLUTIONS = "solutions"
# As JupyterLab stores it, which otherwise takes an opened notebook for a changed one.
KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    },
}
_ANSWERS = re.compile(r"^answer *= *(\S*)", re.MULTILINE)
# In a figure's HTML, the PNG for viewers that show no SVG.
_WITH_STILL = re.compile(r'width="\d+" src="data:image/png[^"]*" srcset="([^"]*)"')
_UNANSWERED = re.compile(r"○ [\w.]+: unanswered")
_PEAK_MEMORY = inspect.getsource(memory) + "\nprint(peak_mib())"


@dataclass
class Execution:
    """A chapter after it was run.

    Attributes
    ----------
    path : Path
        Where the chapter came from; that file is as it was.
    notebook : NotebookNode
        With its new outputs.
    seconds : float
    peak_mib : float
        Of the kernel's memory; 0 when it died.
    error : str
        What stopped it, with the cell's number; empty when nothing did.
    cell_seconds : list of float
        What each code cell took, as far as it came.
    """

    path: Path
    notebook: nbformat.NotebookNode
    seconds: float = 0.0
    peak_mib: float = 0
    error: str = ""
    cell_seconds: list[float] = field(default_factory=list)


def find_chapters(folder: Path, wanted: str = "") -> list[Path]:
    """The chapters in reading order, or those whose name begins with `wanted`.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    chapters = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    chosen = [path for path in chapters if path.name.startswith(wanted)]
    if not chosen:
        there = ", ".join(path.name[:2] for path in chapters) or "none"
        raise FileNotFoundError(
            f"{folder}: no chapter begins with '{wanted}'. There are: {there}."
        )
    return chosen


def find_solutions(folder: Path, wanted: str = "") -> list[Path]:
    """The solutions to chapters, in the folder below theirs; there may be none."""
    found = sorted((folder / SOLUTIONS).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in found if path.name.startswith(wanted)]


def title_of(notebook) -> str:
    """The first heading, without its mark."""
    match = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    if not match:
        raise ValueError("the first cell has no heading '# …'")
    return match.group(1)


def titles_of(folder: Path) -> list[tuple[Path, str]]:
    """The chapters with their titles; the file's name where there is none."""
    found = []
    for path in find_chapters(folder):
        try:
            found.append((path, title_of(nbformat.read(path, as_version=4))))
        except Exception:  # told when it is run
            found.append((path, path.stem))
    return found


def execute(path: Path, on_cell: Callable[[int, int], None]) -> Execution:
    """Run a chapter in a fresh kernel; stop at the first cell that fails.

    The kernel has settings of its own. Whatever goes wrong is the chapter's own error.

    Parameters
    ----------
    path : Path
    on_cell : function (cell, number of cells)
        Called before each code cell, counting from 1.
    """
    execution = Execution(path, nbformat.v4.new_notebook())
    start = time.perf_counter()
    try:
        execution.notebook = nbformat.read(path, as_version=4)
        with own_settings():
            _run_cells(execution, on_cell)
    except Exception as error:
        execution.error = execution.error or f"{type(error).__name__}: {error}"
    execution.seconds = execution.seconds or time.perf_counter() - start
    return execution


def _run_cells(execution: Execution, on_cell: Callable[[int, int], None]) -> None:
    cells = execution.notebook.cells
    code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
    for i in code:
        cells[i].outputs, cells[i].execution_count = [], None
    client = NotebookClient(
        execution.notebook,
        timeout=None,
        record_timing=False,
        kernel_name="python3",
        resources={"metadata": {"path": str(execution.path.parent)}},
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],  # no word about TCP on loopback
    )
    start = time.perf_counter()
    with client.setup_kernel():
        for number, i in enumerate(code, 1):
            on_cell(number, len(code))
            begin = time.perf_counter()
            try:
                client.execute_cell(cells[i], i)
            except CellExecutionError as error:
                execution.error = f"cell {number}: {error}"
                return
            except Exception as error:  # the kernel died, or answers no more
                name = type(error).__name__
                execution.error = f"cell {number}: {name}: {error}\n{cells[i].source}"
                return
            finally:
                execution.cell_seconds.append(time.perf_counter() - begin)
        execution.seconds = time.perf_counter() - start
        execution.peak_mib = _peak_memory(client)


def _peak_memory(client: NotebookClient) -> float:
    """The most memory the kernel ever held, asked in a cell that is not kept."""
    cell = nbformat.v4.new_code_cell(_PEAK_MEMORY)
    client.nb.cells.append(cell)
    try:
        client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
        return float(cell.outputs[0].text)
    finally:
        client.nb.cells.pop()


def result_of(notebook) -> dict | None:
    """What the chapter's net reached, from the cell that shows `cost.result`."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if RESULT_TYPE in output.get("data", {}):
                return dict(output.data[RESULT_TYPE])
    return None


def chapter_runs(folder: Path) -> dict:
    """Seconds and MiB of the run that made each chapter's stored outputs."""
    runs = {}
    for path in find_chapters(folder):
        run = nbformat.read(path, as_version=4).metadata.get("d2l_nin", {})
        runs[path.stem] = {
            "seconds": run.get("seconds"),
            "peak_mib": run.get("peak_mib"),
        }
    return runs


def outputs_digest(notebook) -> str:
    """SHA-256 over all outputs and execution counts, as they are stored."""
    stored = [
        [cell.execution_count, cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def longest_cells(executions: list[Execution], most: int = 20) -> list[tuple]:
    """The cells that took longest: (chapter, number, seconds, first line of code)."""
    rows = []
    for execution in executions:
        code = [c for c in execution.notebook.cells if c.cell_type == "code"]
        for number, (cell, took) in enumerate(zip(code, execution.cell_seconds), 1):
            first = next(iter(cell.source.strip().splitlines()), "")
            rows.append((execution.path.stem, number, took, first))
    return sorted(rows, key=lambda row: -row[2])[:most]


def save_chapter(execution: Execution) -> None:
    """Write a chapter back with its new outputs, and what the run took.

    The digest of the outputs goes with it, so that a stripped or hand-edited copy is
    told from one that was run.
    """
    notebook = execution.notebook
    fold(notebook)
    notebook.metadata.update(KERNEL)
    notebook.metadata.setdefault("d2l_nin", {}).update(
        outputs_sha256=outputs_digest(notebook),
        seconds=round(execution.seconds),
        peak_mib=round(execution.peak_mib),
    )
    partial = execution.path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    partial.replace(execution.path)


# --- what readers get ---------------------------------------------------------


def for_reading(notebook):
    """A copy for browsers: without what needs a kernel, figures as SVG alone."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)  # without scripts they show nothing
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = _WITH_STILL.sub(r'src="\1"', data["text/html"])
    return notebook


def drop_unanswered(notebook) -> None:
    """Take out what untouched exercises say: on a page nobody can answer them."""
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            cell.outputs = [
                output
                for output in cell.outputs
                if not _UNANSWERED.match(output.get("data", {}).get("text/plain", ""))
            ]


def for_students(path: Path) -> str:
    """A chapter as students get it: exercises unanswered, no outputs.

    An output that stands there already answers a prediction before it is asked. The
    metadata say which chapter it is, so that `grade` knows it by whatever name.

    Raises
    ------
    ValueError
        An exercise of the chapter is answered.
    """
    notebook = for_reading(nbformat.read(path, as_version=4))
    for cell in notebook.cells:
        is_exercise = "exercise" in cell.metadata.get("tags", [])
        if is_exercise and _ANSWERS.findall(cell.source) != ["..."]:
            raise ValueError(
                f"{path}: expected 'answer = ...' once in an exercise's cell, got\n"
                f"{cell.source}"
            )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    fold(notebook)
    notebook.metadata.update(KERNEL)
    ours = notebook.metadata.setdefault("d2l_nin", {})
    ours.pop("outputs_sha256", None)
    ours["chapter"] = path.name[:2]
    return nbformat.writes(notebook, version=4) + "\n"


# --- README ---------------------------------------------------------------------

_BEGIN, _END = "<!-- chapters: written by `make notebooks` -->", "<!-- end -->"


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, whatever the system's encoding.

    A system that knows only ASCII hands over the bytes of other file names as
    surrogates; here they become those bytes again.
    """
    path.write_text(text, encoding="utf-8", errors="surrogateescape")


def update_readme(readme: Path, folder: Path) -> None:
    """Write the table of chapters between its two marks in README.md.

    What stands in it comes from the committed notebooks: minutes and memory from their
    metadata, results from their outputs.
    """
    rows = [
        "| chapter | minutes | net | parameters | test accuracy | memory |",
        "|---|---|---|---|---|---|",
    ]
    for path in find_chapters(folder):
        notebook = nbformat.read(path, as_version=4)
        if "d2l_nin" not in notebook.metadata:
            raise ValueError(
                f"{path}: not run yet. Save its outputs with `make notebooks "
                f"CHAPTER={path.name[:2]}`."
            )
        run, result = notebook.metadata.d2l_nin, result_of(notebook)
        cells = ["–", "–", "–"]
        if result:
            cells = [
                result["net"],
                f"{result['num_params']:,}",
                f"{result['test_acc']:.1%}",
            ]
        link = f"[{path.name[:2]} {title_of(notebook)}]({folder.name}/{path.name})"
        memory = f"{run.peak_mib:,} MiB"
        rows.append(
            f"| {' | '.join([link, f'{run.seconds / 60:.1f}', *cells, memory])} |"
        )
    text = readme.read_text(encoding="utf-8")
    if _BEGIN not in text or _END not in text:
        raise ValueError(f"{readme}: the marks '{_BEGIN}' … '{_END}' are missing")
    before, rest = text.split(_BEGIN, 1)
    after = rest.split(_END, 1)[1]
    write_text(readme, "\n".join([before + _BEGIN, *rows, _END + after]))
