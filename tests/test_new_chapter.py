"""A chapter 07 is a notebook and a file of checks; nothing else is touched."""

import csv
import os
import re
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

from d2l_nin.checks.kinds import Function
'''
EXERCISE = '''

@Function(
    cases=lambda rng: [(int(n),) for n in rng.integers(2, 9, 4)],
    mistakes={{"One of the {name} is left out.": lambda n: n - 1}},
    hints=("Count.", "Count on your fingers."),
    remember="Every one counts.",
)
def {name}(n):
    """How many of n {name} there are."""
    return n
'''
KINDS = {
    "toys": "code", "balls": "code", "bears": "on paper", "cars": "debug",
    "kites": "predict", "tops": "design", "dolls": "claim",
}  # fmt: skip


def chapter(answer="...", reasons=False):
    """A notebook in the form of the others; with reasons, its solutions."""
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    asked = "Predict how many there are, predict it again, and predict it twice."
    cells = [
        text(f"# Toys\n\n**Running time:** none. {asked}"),
        code("%matplotlib inline\nfrom d2l_nin import checks as check\n6 * 7"),
        text("## The code\n\nThere is none."),
        text("## Summary\n\n* Toys are counted."),
        text("## Exercises\n\nCount them."),
    ]
    for number, (name, kind) in enumerate(KINDS.items(), 1):
        cells.append(text(f"### Exercise {number} · {kind}\n\nHow many {name}?"))
        source = f"answer = {answer}\ncheck.ch07.{name}(answer)"
        cells.append(code(source, metadata={"tags": ["exercise"]}))
        cells += [text("**Reasoning.** Each is one.")] if reasons else []
    cells += [text("## Going deeper"), text("## Sources\n\nNone.")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata.d2l_nin = {"form": 2}
    return notebook


def checks_of(*names):
    return CHECKS + "".join(EXERCISE.format(name=name) for name in names)


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
    (folder / "notebooks" / "solutions").mkdir()
    nbformat.write(chapter(), folder / "notebooks" / "07_toys.ipynb")
    solutions = chapter("lambda n: n", reasons=True)
    nbformat.write(solutions, folder / "notebooks" / "solutions" / "07_toys.ipynb")
    *names, last = KINDS
    (folder / "d2l_nin" / "checks" / "ch07.py").write_text(checks_of(*names))
    (folder / "d2l_nin" / "checks" / "ch07_more.py").write_text(checks_of(last))
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
    assert "○" in saved.cells[6].outputs[-1]["data"]["text/plain"]
    assert "[07 Toys](notebooks/07_toys.ipynb)" in (course / "README.md").read_text()
    said = start(course, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider",
                 str(path))  # fmt: skip
    assert "8 passed" in said


def test_the_course_s_own_tests_take_it_as_it_is(course):
    """After `notebooks`: nothing is in `tests` for it, and all that is there passes."""
    unread = shutil.ignore_patterns("__pycache__", "test_new_chapter.py")
    shutil.copytree(ROOT / "tests", course / "tests", ignore=unread)
    shutil.copy(ROOT / "conftest.py", course)
    assert not (course / "tests" / "answers" / "ch07.py").exists()
    files = [f"tests/test_{name}.py" for name in ("exercises", "kinds", "notebooks")]
    pytest_here = "-m", "pytest", "-q", "-p", "no:cacheprovider"
    collected = start(course, *pytest_here, "--collect-only", *files)
    for name in ("told_kindly[07.toys]", "passes[07.dolls]", "rules[07_toys]"):
        assert name in collected
    said = start(course, *pytest_here, *files, "-k", "07")
    assert "failed" not in said and int(re.search(r"(\d+) passed", said)[1]) > 40


def test_its_checks_go_on_in_a_second_file(course):
    shown = "*checks.exercises_of('07'), checks.ch07.dolls.judge(lambda n: n)"
    said = start(course, "-c", f"from d2l_nin import checks; print({shown})")
    assert said.startswith(f"{' '.join(KINDS)} ✓ ch07.dolls: right")


def test_it_is_handed_out(course):
    start(course, "-m", "d2l_nin", "bundle")
    with zipfile.ZipFile(course / "build" / "d2l-nin-students.zip") as bundle:
        names = bundle.namelist()
    assert "d2l-nin/notebooks/07_toys.ipynb" in names
    assert {f"d2l-nin/d2l_nin/checks/ch07{m}.py" for m in ("", "_more")} <= {*names}


def test_it_is_graded(course, tmp_path):
    answers = {"ada": "lambda n: n", "bob": "lambda n: n - 1", "eve": "..."}
    for student, answer in answers.items():
        (tmp_path / "handed" / student).mkdir(parents=True)
        path = tmp_path / "handed" / student / "07_toys.ipynb"
        nbformat.write(chapter(answer), path)
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
