"""A chapter 07 is a notebook and a file of checks; nothing else is touched."""

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from d2l_nin.course import bundle

ROOT = Path(__file__).parent.parent
CHECKS = '''"""Chapter 07: a toy."""

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import Wrong, as_whole_number


@exercise("Count.", "Count on your fingers.", remember="Six times nine is not it.")
def toys(answer):
    """How many?"""
    came = as_whole_number(answer)
    if came != 42:
        raise Wrong("another number", f"{came}")
'''


def chapter():
    """A notebook in the form of the others, with one exercise."""
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    notebook = nbformat.v4.new_notebook(
        cells=[
            text("# Toys\n\nHow many are there?"),
            code("%matplotlib inline\nfrom d2l_nin import checks as check\n6 * 7"),
            text("## Exercises\n\nCount them."),
            code(
                "answer = ...\ncheck.ch07.toys(answer)", metadata={"tags": ["exercise"]}
            ),
        ]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course with chapter 07 alone; its package is a copy with checks for it."""
    folder = tmp_path_factory.mktemp("course")
    unread = shutil.ignore_patterns("__pycache__", "data")
    shutil.copytree(ROOT / "d2l_nin", folder / "d2l_nin", ignore=unread)
    (folder / "d2l_nin" / "data").symlink_to(ROOT / "d2l_nin" / "data")
    (folder / "docs").symlink_to(ROOT / "docs")
    for name in bundle.TAKEN:  # its patterns are of folders, which are copied whole
        if "/" not in name:
            (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "README.md", folder)
    (folder / "notebooks").mkdir()
    shutil.copytree(ROOT / "notebooks" / "pictures", folder / "notebooks" / "pictures")
    nbformat.write(chapter(), folder / "notebooks" / "07_toys.ipynb")
    (folder / "d2l_nin" / "checks" / "ch07.py").write_text(CHECKS)
    more = CHECKS.replace("toys", "dolls")
    (folder / "d2l_nin" / "checks" / "ch07_more.py").write_text(more)
    return folder


def start(course, *command):
    offline = ROOT / "tests" / "offline"
    path = os.pathsep.join([str(course), str(offline)])
    done = subprocess.run(
        [sys.executable, *command], cwd=course, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_run_saved_and_compared(course):
    said = start(course, "-m", "d2l_nin", "run")
    assert "07_toys" in said and (course / "build" / "07_toys.html").exists()
    start(course, "-m", "d2l_nin", "notebooks")
    path = course / "notebooks" / "07_toys.ipynb"
    saved = nbformat.read(path, as_version=4)
    assert "○" in saved.cells[3].outputs[-1]["data"]["text/plain"]
    assert "[07 Toys](notebooks/07_toys.ipynb)" in (course / "README.md").read_text()
    said = start(course, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider",
                 str(path))  # fmt: skip
    assert "2 passed" in said


def test_its_checks_go_on_in_a_second_file(course):
    shown = "print(*checks.exercises_of('07'), checks.ch07.dolls.judge(42))"
    said = start(course, "-c", f"from d2l_nin import checks; {shown}")
    assert said.startswith("toys dolls ✓ ch07.dolls: right")


def test_it_is_handed_out(course):
    start(course, "-m", "d2l_nin", "bundle")
    with zipfile.ZipFile(course / "build" / "d2l-nin-students.zip") as bundle:
        names = bundle.namelist()
    assert "d2l-nin/notebooks/07_toys.ipynb" in names
    assert {f"d2l-nin/d2l_nin/checks/ch07{m}.py" for m in ("", "_more")} <= {*names}


def test_it_is_graded(course, tmp_path):
    for student, answer in (("ada", "42"), ("bob", "41"), ("eve", "...")):
        notebook = chapter()
        notebook.cells[3].source = f"answer = {answer}\ncheck.ch07.toys(answer)"
        (tmp_path / "handed" / student).mkdir(parents=True)
        nbformat.write(notebook, tmp_path / "handed" / student / "07_toys.ipynb")
    table = tmp_path / "grades.csv"
    start(course, "-m", "d2l_nin", "grade", str(tmp_path / "handed"), "--out",
          str(table))  # fmt: skip
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [next(v for k, v in row.items() if "toys" in k) for row in rows] == [
        "right", "wrong", "unanswered",
    ]  # fmt: skip


def test_it_has_slides(course):
    (ROOT / "build" / "node").mkdir(parents=True, exist_ok=True)
    (course / "build").mkdir(exist_ok=True)
    (course / "slides").mkdir()
    deck = "# Toys\n\nHow many?\n\nNotes (2 min):\nCount. **Ask:** How many?\n"
    (course / "slides" / "07_toys.md").write_text(deck)
    (course / "build" / "node").symlink_to(ROOT / "build" / "node")
    assert "07_toys: 1 slides" in start(course, "-m", "d2l_nin", "slides")
    assert "Toys" in (course / "build" / "slides" / "index.html").read_text()
