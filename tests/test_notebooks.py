"""The committed chapters, and whether what watches over them would notice."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import nbformat
import pytest
from nbval.plugin import IPyNbCell

from d2l_nin.cost import RESULT_TYPE
from d2l_nin.course import chapters
from d2l_nin.course.chapters import execute, find_chapters, result_of, update_readme
from d2l_nin.course.folding import fold
from tests import DRAWN_BY, rules

ROOT = Path(__file__).parent.parent
PATHS = find_chapters(ROOT / "notebooks")
IDS = [path.stem for path in PATHS]


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_committed_chapters_keep_the_rules(path):
    assert rules.faults(read(path)) == []


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_each_notebook_is_small_enough_to_look_at_on_the_web(path):
    assert path.stat().st_size <= rules.MOST_BYTES


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_chapters_keep_their_form(path):
    notebook = read(path)
    headings = [
        line[3:]
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    ]
    assert chapters.title_of(notebook)
    if notebook.metadata.get("d2l_nin", {}).get("form") == 2:
        assert "The code" in headings
        assert headings[-4:] == ["Summary", "Exercises", "Going deeper", "Sources"]
    else:
        for part in ("The idea in a picture", "The idea in one formula", "The code"):
            assert part in headings
        assert headings[-3:] == ["Summary", "Exercises", "Sources"]
    assert "**Running time:**" in notebook.cells[0].source
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert text.lower().count("predict") >= 3
    (summary,) = (c.source for c in notebook.cells if c.source.startswith("## Summary"))
    assert summary.count("\n* ") <= 5


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_chapters_stay_in_their_limits(path):
    notebook = read(path)
    run, limits = notebook.metadata.get("d2l_nin", {}), rules.limits_of(notebook)
    assert "seconds" in run, "`make notebooks` has not run it yet"
    assert run.seconds <= limits["seconds"] and run.peak_mib <= limits["mib"]


def test_limits_are_the_notebook_s_or_the_default():
    notebook = nbformat.v4.new_notebook()
    assert rules.limits_of(notebook) == {"seconds": 300, "mib": 1536}
    notebook.metadata.d2l_nin = {"limits": {"seconds": 60}}
    assert rules.limits_of(notebook) == {"seconds": 60, "mib": 1536}


def test_the_new_form_s_limits_are_held():
    """Each at its bound and one above; what follows the exercises is not counted."""

    def chapter(*cells):
        notebook = nbformat.v4.new_notebook(metadata={"d2l_nin": {"form": 2}})
        notebook.cells = [*cells, heading, *cells]
        return notebook

    heading = nbformat.v4.new_markdown_cell("## Exercises")

    def code(source, shown=""):
        output = nbformat.v4.new_output("stream", text=shown)
        return nbformat.v4.new_code_cell(source, outputs=[output])

    text = nbformat.v4.new_markdown_cell
    verdict = 'verdict("a", 1, ">", 0)\nexperiment.verdict("b", 1, ">", 0)'
    held = {
        "cells": ([text("a")] * 45, [text("a")] * 46),
        "words": ([text("a " * 1800)], [text("a " * 1801)]),
        "lines of code": ([code("a\n" * 15)], [code("a\n" * 16)]),
        "lines shown": ([code("a", "b\n" * 15)], [code("a", "b\n" * 16)]),
        "verdicts": ([code(verdict)] * 3, [code(verdict)] * 4),
    }
    for what, (most, more) in held.items():
        assert rules.faults_of_form(chapter(*most)) == []
        (fault,) = rules.faults_of_form(chapter(*more))
        assert f" {what}, at most {rules.MOST[what]}" in fault
    for metadata in ({"tags": ["slide-only"]}, {"slideshow": {"slide_type": "slide"}}):
        cell = text("a", metadata=metadata)
        assert rules.faults_of_form(chapter(cell)) == ["cell 1 is tagged for slides"]
        assert "cell 1 is tagged for slides" in rules.faults(chapter(cell))


def test_a_heading_that_does_not_fold_is_noticed():
    text = nbformat.v4.new_markdown_cell
    notebook = nbformat.v4.new_notebook(cells=[text("## Going deeper\n\n### 1 · One")])
    (fault,) = rules.faults_of_folding(notebook)
    assert "cell 1: a heading within a cell" in fault
    notebook.cells = [text("## Going deeper"), text("### 1 · One")]
    (fault,) = rules.faults_of_folding(notebook)
    assert "cell 2 is not folded" in fault
    fold(notebook)
    assert rules.faults_of_folding(notebook) == []
    for gap in ("READING", "FEW-READING", "The reading follows."):
        notebook.cells[1].source = f"### 1 · One\n\n{gap}"
        (fault,) = rules.faults_of_folding(notebook)
        assert "cell 2: a word stands where a text was to come" in fault


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_saved_definitions_are_the_package_s(path):
    definitions = rules.saved_definitions(read(path))
    for name, source in definitions.items():
        definition = rules.home_of(name)
        assert definition, f"{name} of {path.name} is nowhere in the package"
        assert not rules.differs(source, definition), f"{name} in {path.name}"
        code = [line for line in rules.without_docstring(source).splitlines() if line]
        assert len(code) <= 10, f"{name} is longer than a reader would write it"
        harmed = source.rstrip() + "\n    pass"
        assert rules.differs(harmed, definition), "the comparison notices nothing"


def test_most_chapters_show_code_of_the_package():
    assert sum(bool(rules.saved_definitions(read(path))) for path in PATHS) >= 4


def test_readme_table_is_what_the_command_writes(tmp_path):
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    copied = tmp_path / "README.md"
    copied.write_text(written, encoding="utf-8")
    update_readme(copied, ROOT / "notebooks")
    assert copied.read_text(encoding="utf-8") == written
    assert "02_network_in_network.ipynb" in written
    picture = (ROOT / "docs" / "nets.svg").read_text(encoding="utf-8")
    command = "from d2l_nin.cli import readme_picture; print(readme_picture().svg)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True)
    drawn = done.stdout.decode("utf-8").removesuffix("\n")  # as in a fresh process
    number, glyph = r"-?\d+\.?\d*", r"DejaVuSans-[\w-]+"
    pair = [re.sub(glyph, "", svg) for svg in (picture, drawn)]
    assert re.sub(number, "", pair[0]) == re.sub(number, "", pair[1])
    found = [list(map(float, re.findall(number, svg))) for svg in pair]
    assert found[0] == pytest.approx(found[1], abs=0.05)  # of a point
    assert picture == drawn or matplotlib.__version__ != DRAWN_BY


def test_two_chapters_say_the_same_of_the_same_run():
    chapters = {path.stem: read(path) for path in PATHS}
    assert rules.contradictions(chapters) == []


HISTORY = """\
 epoch  train_loss  train_acc  test_acc  seconds
     1       0.754      0.813     0.853   48.106
     2       0.534      0.897     0.907  102.881
"""


def with_history(notebook):
    """A copy in which a cell shows how a run went."""
    copied = copy.deepcopy(notebook)
    shown = nbformat.v4.new_output("stream", text=HISTORY)
    copied.cells.append(nbformat.v4.new_code_cell("history", outputs=[shown]))
    return copied


def test_another_sitting_s_seconds_are_seen():
    """A kept run of a busy day: the same losses, ten times the seconds."""
    first = with_history(read(PATHS[IDS.index("02_network_in_network")]))
    other = copy.deepcopy(first)
    assert rules.contradictions({"02": first, "03": other}) == []
    seconds = next(iter(rules.histories_of(first).values()))
    for cell in rules.code_cells(other):
        for output in cell.outputs:
            holder = output if "text" in output else output.get("data", {})
            kind = "text" if "text" in output else "text/plain"
            if seconds[-1] in holder.get(kind, ""):
                holder[kind] = holder[kind].replace(seconds[-1], "126.280")
    (fault,) = rules.contradictions({"02": first, "03": other})
    assert seconds[-1] in fault and "126.280" in fault
    other = copy.deepcopy(first)
    for cell in rules.code_cells(other):
        for output in cell.outputs:
            if RESULT_TYPE in output.get("data", {}):
                output.data[RESULT_TYPE]["seconds"] *= 10
    assert len(rules.contradictions({"02": first, "03": other})) == 1


def test_chapter_02_reached_ninety_percent():
    assert result_of(read(PATHS[IDS.index("02_network_in_network")]))["test_acc"] >= 0.9


# --- tests of the tests ---------------------------------------------------------


def stripped(notebook):
    notebook = copy.deepcopy(notebook)
    for cell in rules.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    return notebook


def falsify(output):
    """Change one character of one output; False if it has no text."""
    if output.output_type == "stream":
        output.text = output.text.replace("e", "3", 1) + "1"
        return True
    for kind in ("text/html", "text/plain"):
        if kind in output.get("data", {}):
            output.data[kind] += "1"
            return True
    return False


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_a_stripped_copy_fails(path):
    found = rules.faults(stripped(read(path)))
    assert any("execution counts" in fault for fault in found)
    only_outputs = copy.deepcopy(read(path))
    for cell in rules.code_cells(only_outputs):
        cell.outputs = []
    assert any("last `make notebooks`" in fault for fault in rules.faults(only_outputs))


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_any_falsified_output_fails(path):
    """By our rules, and by nbval's own comparison where the cell is compared."""

    class Quiet:
        skip_compare = ("metadata", "traceback", "text/latex", "image/png",
                        "output_type", "name", "execution_count")  # fmt: skip

    compared = shown = 0
    original = read(path)
    for i, cell in enumerate(original.cells):
        if cell.cell_type != "code" or not cell.outputs:
            continue
        shown += 1
        harmed = copy.deepcopy(original)
        assert falsify(harmed.cells[i].outputs[0])
        assert rules.faults(harmed), f"cell {i}: nobody notices"
        if rules.is_ignored(cell):
            continue
        item = IPyNbCell.__new__(IPyNbCell)
        item.parent, item.colors = Quiet, _Colours
        item.sanitize = lambda text: text
        item.format_output_compare = lambda *arguments: None  # the verdict is enough
        assert item.compare_outputs(cell.outputs, cell.outputs, Quiet.skip_compare)
        assert not item.compare_outputs(
            harmed.cells[i].outputs, cell.outputs, Quiet.skip_compare
        )
        compared += 1
    assert compared >= min(10, shown / 2), "hardly anything that it shows is compared"


class _Colours:
    def __getattr__(self, name):
        return ""


_Colours = _Colours()


def nbval(path, *options):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider",
         *options, str(path)],
        capture_output=True, text=True, cwd=path.parent,
        env={**os.environ, "PYTHONPATH": os.environ["PYTHONPATH"]},
    )  # fmt: skip


def small_notebook(*sources):
    """Cells of a chapter that run in a moment."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Small")]
        + [nbformat.v4.new_code_cell(source) for source in sources]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


@pytest.fixture(scope="module")
def head_of_chapter(tmp_path_factory):
    """The first cells of chapter 02, which take seconds, as a notebook of their own."""
    notebook = read(PATHS[IDS.index("02_network_in_network")])
    last = next(
        i for i, cell in enumerate(notebook.cells) if "blk(X).shape" in cell.source
    )
    notebook.cells = notebook.cells[: last + 1]
    path = tmp_path_factory.mktemp("head") / "head.ipynb"
    nbformat.write(notebook, path)
    return path, notebook


def test_nbval_itself_passes_the_true_and_fails_the_falsified(
    head_of_chapter, pytestconfig
):
    path, notebook = head_of_chapter
    left_out = "--nbval-sanitize-with", pytestconfig.option.nbval_sanitize_with
    assert nbval(path, *left_out).returncode == 0
    harmed = copy.deepcopy(notebook)
    for cell in rules.code_cells(harmed):
        if "(2, 96, 54, 54)" in rules.text_of(cell):
            cell.outputs[0].text = cell.outputs[0].text.replace("54)", "53)")
    nbformat.write(harmed, path)
    done = nbval(path, *left_out)
    assert done.returncode == 1 and "1 failed" in done.stdout


def test_of_a_verdict_only_its_number_may_differ(tmp_path):
    line = "✓ accuracy: measured 0.912, at least 0.9\n  rules out: guessing\n"
    stored = [
        line.replace("0.912", "0.907"),  # the only one that passes
        line.replace("✓", "✗"),
        line.replace("0.9\n", "0.8\n"),
        line.replace("guessing", "luck"),
        line.replace("measured", "around"),
    ]
    notebook = small_notebook(*[f"print({line!r}, end='')"] * len(stored))
    for i, (cell, text) in enumerate(zip(rules.code_cells(notebook), stored)):
        cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        cell.execution_count = i + 1
    path = tmp_path / "verdict.ipynb"
    nbformat.write(notebook, path)
    said = nbval(path, f"--nbval-sanitize-with={ROOT / 'tests/verdicts.cfg'}").stdout
    failed = [
        i for i in range(len(stored)) if f"FAILED verdict.ipynb::Cell {i}" in said
    ]
    assert failed == [1, 2, 3, 4], said


def test_another_matplotlib_may_draw_other_bytes_and_say_nothing_else(tmp_path):
    code = 'from IPython.display import HTML\nHTML(\'<img alt="{}" src="{}{}">\')'
    start = "data:image/svg+xml;base64,"
    notebook = small_notebook(
        *[code.format("a curve that falls", start, "drawn by one version")] * 2
    )
    for i, (cell, alt) in enumerate(
        zip(rules.code_cells(notebook), ("a curve that falls", "a curve that rises"))
    ):
        shown = {
            "text/html": f'<img alt="{alt}" src="{start}by another">',
            "text/plain": "<IPython.core.display.HTML object>",
        }
        cell.outputs = [
            nbformat.v4.new_output("execute_result", data=shown, execution_count=i + 1)
        ]
        cell.execution_count = i + 1
    path = tmp_path / "figures.ipynb"
    nbformat.write(notebook, path)
    for name, failed in (
        ("verdicts_and_figures", "1 failed"),
        ("verdicts", "2 failed"),
    ):
        said = nbval(path, f"--nbval-sanitize-with={ROOT / 'tests' / name}.cfg").stdout
        assert failed in said


def test_an_ignored_cell_without_verdict_is_a_fault():
    notebook = read(PATHS[IDS.index("02_network_in_network")])
    cells = rules.code_cells(notebook)
    i = next(i for i, cell in enumerate(cells) if rules.is_ignored(cell))
    cells[i + 1].outputs[0].text = "some words\n"
    assert any("no verdict follows" in fault for fault in rules.faults(notebook))


def test_a_stored_verdict_that_fails_is_a_fault():
    """Another line of the same cell may say True."""
    notebook = read(PATHS[IDS.index("02_network_in_network")])
    cells = rules.code_cells(notebook)
    i = next(i for i, cell in enumerate(cells) if rules.is_ignored(cell))
    cells[i + 1].outputs[0].text = "test accuracy ≥ 0.90: False\nfaster: True\n"
    faults = rules.faults(notebook)
    assert any(fault.endswith("fails: test accuracy ≥ 0.90: False") for fault in faults)


def test_too_many_ignored_cells_are_a_fault():
    notebook = read(PATHS[IDS.index("02_network_in_network")])
    for cell in rules.code_cells(notebook):
        cell.metadata["tags"] = [rules.IGNORED]
    assert any("are not compared" in fault for fault in rules.faults(notebook))


def test_kernels_have_no_network(tmp_path):
    """The guard that chapters are tested under really stops a connection."""
    path = tmp_path / "01_small.ipynb"
    nbformat.write(
        small_notebook(
            "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
        ),
        path,
    )
    execution = execute(path, lambda cell, num_cells: None)
    assert "the network is cut in tests" in execution.error
    nbformat.write(
        small_notebook("import socket; socket.getaddrinfo('example.org', 80)"), path
    )
    execution = execute(path, lambda cell, num_cells: None)
    assert "the network is cut in tests" in execution.error


def test_nbval_s_kernels_have_no_network_either(tmp_path):
    path = tmp_path / "small.ipynb"
    connect = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    nbformat.write(small_notebook(connect), path)
    done = nbval(path)
    assert done.returncode == 1 and "the network is cut in tests" in done.stdout
    nbformat.write(small_notebook("import socket"), path)
    assert nbval(path).returncode == 0


def test_metadata_holds_nothing_of_a_machine():
    for path in PATHS:
        text = path.read_text(encoding="utf-8")
        assert "/home/" not in text and "/Users/" not in text
        stored = json.loads(text)["metadata"]
        assert stored["kernelspec"] == chapters.KERNEL["kernelspec"]
        version = {"version": stored["language_info"]["version"]}
        language = {**chapters.KERNEL["language_info"], **version}
        assert stored["language_info"] == language
