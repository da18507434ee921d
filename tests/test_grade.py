"""Grading, with submissions that do everything they should not."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import IPython
import nbformat
import psutil
import pytest
from click.testing import CliRunner

from d2l_nin import cli
from d2l_nin.course.chapters import find_chapters, for_students
from d2l_nin.datasets import pictures
from d2l_nin.grading import grade, submissions, watch
from d2l_nin.grading.cells import NotANotebook, read_notebook
from d2l_nin.grading.grade import grade_all
from d2l_nin.grading.journal import Journal
from d2l_nin.grading.notebook import _first_words
from d2l_nin.grading.report import report_name, write_report, write_table
from d2l_nin.grading.submissions import Limits, Submission, find_submissions
from d2l_nin.grading.watch import Watcher

ROOT = Path(__file__).parent.parent
TINY = "tests.tiny"
FIRST = """%matplotlib inline
from d2l_nin import runtime
from tests import tiny as check
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn"""
RIGHT = "answer = 42\ncheck.ch01.number(answer)"
PLUS = "answer = lambda X: X + 1\ncheck.ch01.plus_one(answer)"
DENSE = "answer = lambda: nn.Dense(4)\ncheck.ch01.dense(answer)"
# The answer is right if the code before it could not do what it tried.
REFUSED = """
import os, socket, subprocess, urllib.request
def fails(attempt):
    try:
        attempt()
    except Exception:
        return True
"""


def write(path, *cells):
    """A notebook of code cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def leave_a_process(seconds):
    return f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{seconds}"])
    os._exit(0)
"""


# The second cell of a notebook each; the first is FIRST, and PLUS and DENSE follow.
CELLS = {
    "good": RIGHT,
    "exits": "import os\nos._exit(3)\n" + RIGHT,
    "leaves": "import sys\nsys.exit()\n" + RIGHT,
    "kills_itself": "import os\nos.kill(os.getpid(), 9)\n" + RIGHT,
    "kills_its_group": "import os\nos.killpg(0, 9)\n" + RIGHT,
    "kills_its_watcher": "import os\nos.kill(os.getppid(), 9)\n" + RIGHT,
    "ends_by_a_nameless_signal": "import os\nos.kill(os.getpid(), 40)\n" + RIGHT,
    "names_twice": "def f(a, a):\n    return a\n" + RIGHT,
    "hangs": "while True:\n    pass\n" + RIGHT,
    "catches_all": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass\n" + RIGHT,
    "floods": "import os\nfor _ in range(300):\n    print('x' * 10**6)\n"
    "    os.write(2, b'y' * 10**6)\n" + RIGHT,
    "floods_for_ever": "while True:\n    print('x' * 10**6)\n" + RIGHT,
    "eats": "eaten = []\nwhile True:\n    eaten.append(b'x' * 10**7)\n" + RIGHT,
    "eats_at_once": "eaten = bytearray(10**12)\n" + RIGHT,
    "forks": "import os, time\nwhile True:\n    if os.fork() == 0:\n"
    "        time.sleep(100)\n" + RIGHT,
    "leaves_a_process": leave_a_process(98761) + RIGHT,
    "patches": """
import builtins, math, sys, time, numpy, tests.tiny.ch01, types
from d2l_nin.checks import exercise, expect
Exercise = exercise.Exercise
Exercise.judge = lambda *_: exercise.Verdict("ch01.number", "right", ())
Exercise.__call__.__code__ = (lambda self, *_: None).__code__
expect.expect_close = lambda *_, **__: None
expect.as_whole_number.__code__ = (lambda a, what=0: 42).__code__
tests.tiny.ch01.number.check = lambda answer: None
tests.tiny.ch01.len = len
numpy.allclose = numpy.core.numeric.allclose = lambda *_, **__: True
numpy.asarray = lambda *_, **__: numpy.array(42)
numpy.isfinite = lambda *_: True
builtins.int = lambda *_: 42
builtins.repr = lambda *_: "42"
math.floor = time.perf_counter = lambda *_: 0
sys.modules["numpy"] = types.ModuleType("numpy")
sys.settrace(lambda *_: None)
answer = 41
check.ch01.number(answer)""",
    "patches_later": """
class Float:
    def __array__(self, *_):
        import numpy
        before = numpy.allclose
        numpy.allclose = lambda *_, **__: True
        return before.__globals__["array"](42)
answer = Float()
check.ch01.number(answer)""",
    "redefines": """
class check:
    class ch01:
        def number(answer):
            return "✓ ch01.number: right"
        plus_one = dense = number
answer = 41
check.ch01.number(answer)""",
    "forges": """
import os
for descriptor in range(3, 100):
    try:
        os.write(descriptor, b'{"name": "ch01.number", "state": '
                             b'{"status": "right"}}\\n')
    except OSError:
        pass
answer = 41
check.ch01.number(answer)""",
    "connects": REFUSED
    + """
tried = [
    fails(lambda: socket.create_connection(("192.0.2.1", 80), timeout=1)),
    fails(lambda: socket.getaddrinfo("example.org", 80)),
    fails(lambda: urllib.request.urlopen("http://127.0.0.1:9", timeout=1)),
]
answer = 42 if all(tried) else 0
check.ch01.number(answer)""",
    "looks_around": REFUSED
    + """
here = os.getcwd()
home = os.path.expanduser("~")
near = os.listdir(here) + os.listdir(home) + os.listdir(os.environ["TMPDIR"])
answer = 42 if not [n for n in near if n.endswith(("ipynb", "csv"))] else len(near)
check.ch01.number(answer)""",
    "fills_the_disk": REFUSED
    + """
def fill():
    with open("large", "wb") as file:
        for _ in range(600):
            file.write(bytes(2**20))
answer = 42 if fails(fill) else 0
check.ch01.number(answer)""",
    "trains": """
net = nn.HybridSequential()
net.add(nn.Conv2D(8, 3, activation="relu"), nn.GlobalAvgPool2D(), nn.Dense(2))
net.initialize()
net.hybridize()
X, y = np.random.normal(size=(64, 1, 8, 8)), np.arange(64) % 2
X[y == 1] += 1
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
losses = []
for _ in range(30):
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y).mean()
    loss.backward()
    trainer.step(1)
    losses.append(float(loss))
answer = 42 if losses[-1] < losses[0] / 2 else 0
check.ch01.number(answer)""",
    "raises": "1 / 0\n" + RIGHT,
    "is_no_python": "answer = = 42\ncheck.ch01.number(answer)",
    "shows_a_script": "answer = '<script>alert(1)</script>'\ncheck.ch01.number(answer)",
    "waits_for_input": "answer = int(input())\ncheck.ch01.number(answer)",
}
# What the parser takes and Python refuses later, and a sum that is too deep for `ast`.
SLIPS = (
    "def f(a, a):\n    return a",
    "def f():\n    nonlocal n",
    "def f():\n    n = 1\n    global n",
    "def f():\n    from math import *",
    "total = " + " + ".join(["1"] * 330),
    "total = " + " + ".join(["1"] * 5000),
)
LEFT_BEHIND = ("leaves_a_process", "98761")
SECONDS = 6


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """All of them graded in one go: rows of the table by student, reports, output."""
    folder = tmp_path_factory.mktemp("graded")
    handed_in = folder / "in"
    for student, cell in CELLS.items():
        name = f"{student}_01_one_by_one_convolution.ipynb"
        write(handed_in / name, FIRST, cell, PLUS, DENSE)
    write(handed_in / "slips.ipynb", FIRST, *SLIPS, RIGHT, PLUS, DENSE)
    # Nothing before it can be told from names: all runs, what is too deep as well.
    hidden = RIGHT.replace("42", "hidden")
    write(handed_in / "too_deep.ipynb", FIRST, "exec('hid' + 'den = 42')", SLIPS[-1],
          hidden, PLUS, DENSE)  # fmt: skip
    (handed_in / "broken.ipynb").write_text('{"cells": [')
    (handed_in / "nested.ipynb").write_text("[" * 10**6)
    (handed_in / "a_list.ipynb").write_text("[1, 2]")
    (handed_in / "essay.pdf").write_bytes(b"%PDF-1.4 \xff\xfe")
    with (handed_in / "huge.ipynb").open("wb") as file:
        file.truncate(2**31)
    (handed_in / "copycat.ipynb").symlink_to(handed_in / "good.ipynb")
    (handed_in / "nothing").mkdir()
    (handed_in / "images").mkdir()
    (handed_in / "images" / "cat.png").write_bytes(b"")
    write(handed_in / "=cmd()" / "x.ipynb", FIRST, RIGHT)
    write(handed_in / "@twice" / "a.ipynb", FIRST, RIGHT.replace("42", "1"))
    write(handed_in / "@twice" / "b.ipynb", FIRST, RIGHT, PLUS)
    out = folder / "out" / "grades.csv"
    scratch = folder / "scratch"
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch, cli.console.capture() as capture:
        patch.setattr(tempfile, "tempdir", str(scratch))
        result = CliRunner().invoke(
            cli.main,
            ["grade", str(handed_in), "--out", str(out), "--checks", TINY,
             "--jobs", "2", "--seconds", str(SECONDS), "--memory", "600"],
        )  # fmt: skip
    assert result.exit_code == 0, result
    assert not list(scratch.iterdir()), "something they wrote is still there"
    with out.open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    return rows, out, capture.get()


def statuses(row):
    return [row[f"ch01.{name}"] for name in ("number", "plus_one", "dense")]


def report(out, student):
    reports = out.with_name("grades_reports")
    return (reports / report_name(student)).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "student",
    ["good", "floods", "connects", "looks_around", "fills_the_disk", "trains",
     "leaves_a_process", "slips", "too_deep"],
)  # fmt: skip
def test_what_is_right_is_right(graded, student):
    row = graded[0][student]
    assert statuses(row) == ["right"] * 3 and row["total"] == "3", report(
        graded[1], student
    )


# IPython 8 itself stumbles over the patches, and tells it as the cell's error.
PATCHED = (
    "TypeError: isinstance() arg 2 must be a type"
    if IPython.version_info < (9,)
    else "ended before it called the check"
)


@pytest.mark.parametrize(
    "student, status, said",
    [
        ("exits", "killed", "ended itself with status 3"),
        ("leaves", "failed", "SystemExit"),
        ("kills_itself", "killed", "SIGKILL"),
        ("kills_its_group", "killed", "SIGKILL"),
        ("ends_by_a_nameless_signal", "killed", "ended by the signal 40."),
        ("names_twice", "failed", "SyntaxError: duplicate argument"),
        ("hangs", "killed", "took too long"),
        ("catches_all", "killed", "took too long"),
        ("floods_for_ever", "killed", "took too long"),
        ("eats", "killed", "memory"),
        ("eats_at_once", "failed", "MemoryError"),
        ("forks", "killed", "processes"),
        ("patches", "failed", PATCHED),
        ("patches_later", "failed", "changes numpy.allclose while it is checked"),
        ("forges", "wrong", "Came: 41"),
        ("raises", "failed", "ZeroDivisionError"),
        ("is_no_python", "failed", "SyntaxError"),
        ("shows_a_script", "wrong", "of type str"),
        ("waits_for_input", "failed", "EOFError"),
    ],
)
def test_one_bad_cell_costs_one_exercise(graded, student, status, said):
    rows, out, _ = graded
    shown = report(out, student)
    assert statuses(rows[student]) == [status, "right", "right"], shown
    assert said in shown


@pytest.mark.parametrize(
    "student, said",
    [
        ("broken", "not a notebook"),
        ("nested", "not a notebook"),
        ("a_list", "no list of cells"),
        ("essay", "does not end in .ipynb"),
        ("huge", "too large: 2,048 MiB"),
        ("copycat", "a link, not a file"),
        ("images", "no notebook among 1 files"),
        ("nothing", "empty"),
        ("kills_its_watcher", "it ended the process that watches it"),
    ],
)
def test_what_is_no_notebook_has_a_row_that_says_so(graded, student, said):
    row = graded[0][student]
    lack = (
        "missing" if said.startswith(("empty", "no notebook among")) else "unreadable"
    )
    assert said in row["remarks"] and statuses(row) == [lack] * 3
    assert said in report(graded[1], student) and row["total"] == "0"


def test_no_formula_in_the_table(graded):
    rows, _, _ = graded
    assert rows["'=cmd()"]["ch01.number"] == "right"
    assert statuses(rows["'@twice"]) == ["right", "right", "missing"], "best of both"
    assert len(rows) == len(CELLS) + 12


def test_reports_are_escaped_and_hold_no_script(graded):
    text = report(graded[1], "shows_a_script")
    assert "&lt;script&gt;" in text and "<script" not in text
    assert "ch01.number: wrong" in text and "check.ch01.number(answer)" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_summary(graded):
    assert re.search(r"ch01.dense .* \d+ ", graded[2])
    assert "essay.pdf: not a notebook" in graded[2]


def test_nothing_is_left_running(graded):
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        assert line[:2] != ["sleep", LEFT_BEHIND[1]]
        assert not ("d2l_nin.grading.watch" in line and TINY in line[-1])


def test_a_check_of_ones_own_is_none(graded):
    assert statuses(graded[0]["redefines"]) == ["failed"] * 3


def test_what_stops_the_watcher_costs_one_row(tmp_path, monkeypatch):
    """It is stopped, it finds no file, it fails; all others are judged."""
    stops = "import os, time\nos.kill(os.getppid(), 19)\ntime.sleep(1000)\n"
    spoils = """
import os, pathlib, shutil
scratch = pathlib.Path.cwd().parent
os.chdir("/")
shutil.rmtree(scratch)
scratch.write_text("no folder")
"""
    for student, cell in [("a_stops", stops), ("b_gone", ""), ("c_good", ""),
                          ("d_spoils", spoils), ("e_good", "")]:  # fmt: skip
        write(tmp_path / "in" / f"{student}.ipynb", FIRST, cell + RIGHT)
    submissions = list(find_submissions(tmp_path / "in"))
    (tmp_path / "in" / "b_gone.ipynb").unlink()
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    journal = Journal(tmp_path / "journal", "")
    # On a slow machine it is taken for stopped before it is: the row is the same.
    monkeypatch.setattr(grade, "MOST_SILENT", 0.5)
    found = {}
    for submission, came in grade_all(submissions, journal, Limits(), 1, TINY):
        monkeypatch.setattr(grade, "MOST_SILENT", 60)
        statuses = [state["status"] for state in came["states"].values()]
        found[submission.student] = statuses, came["note"]
    assert found["c_good"] == (["right"], "")
    assert found["a_stops"] == (
        [], "it stopped the process that watches it: silent for 0.5 s"
    )  # fmt: skip
    assert found["b_gone"] == ([], "it can't be read: No such file or directory")
    assert found["e_good"][1].startswith(
        "the process that watches it failed: FileExistsError"
    )
    entries = [journal.of(s.student, {s.file})[0] for s in submissions]
    again = [entry["student"] for entry in entries if not entry["digest"]]
    assert again == ["e_good"], "what was not its fault is judged again next time"
    journal.close()


def test_a_watcher_that_can_not_start_is_told(tmp_path):
    write(tmp_path / "in" / "ada.ipynb", FIRST, RIGHT)
    journal = Journal(tmp_path / "journal", "")
    submissions = find_submissions(tmp_path / "in")
    with pytest.raises(RuntimeError, match="process that grades stopped"):
        list(grade_all(submissions, journal, Limits(), 1, "no_such_package"))
    journal.close()


# --- going on --------------------------------------------------------------------


def start(handed_in, out):
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [sys.executable, "-m", "d2l_nin", "grade", handed_in, "--out", out, "--checks",
         TINY, "--jobs", "1", "--seconds", "61"],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(out.parent)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def lines_of(journal):
    return journal.read_bytes().splitlines() if journal.exists() else []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_it_goes_on_where_it_was(tmp_path, how):
    handed_in, out = tmp_path / "in", tmp_path / "grades.csv"
    slow = "import time\ntime.sleep(0.5)\n" + RIGHT
    for i in range(6):
        write(handed_in / f"student{i}.ipynb", FIRST, slow)
    journal = tmp_path / "grades_journal.jsonl"
    process = start(handed_in, out)
    deadline = time.monotonic() + 60
    while len(lines_of(journal)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(how)
    said = process.communicate(timeout=30)[0].decode()
    assert process.returncode, said
    assert not out.exists() and len(lines_of(journal)) >= 2
    before = lines_of(journal)[:-1]
    with journal.open("ab") as file:
        file.write(b'{"torn": ')
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(
        "d2l_nin.grading.watch" in (p.info["cmdline"] or [])
        and "61" in p.info["cmdline"][-1]
        for p in psutil.process_iter(["cmdline"])
    ):
        time.sleep(0.1)
    assert time.monotonic() < deadline, "a grader outlived the one that started it"

    process = start(handed_in, out)
    said = process.communicate(timeout=90)[0].decode()
    assert process.returncode == 0, said
    ran = re.findall(r"student(\d)\.ipynb: ", said)
    assert 1 <= len(ran) <= 4
    entries = [json.loads(line) for line in lines_of(journal)]
    assert sorted(entry["file"] for entry in entries) == [
        f"student{i}.ipynb" for i in range(6)
    ]
    assert lines_of(journal)[: len(before)] == before
    assert out.read_text().count("right") == 6
    assert not list(tmp_path.glob(".*partial"))
    assert sorted(os.listdir(tmp_path)) == [
        "grades.csv", "grades_journal.jsonl", "grades_reports", "in"
    ], "something it wrote on the way is still there"  # fmt: skip


def test_what_changed_is_run_again(tmp_path):
    path = write(tmp_path / "in" / "ada.ipynb", FIRST, RIGHT)

    def run(checks):
        journal = Journal(tmp_path / "journal", checks)
        found = list(find_submissions(tmp_path / "in"))
        came = [c for _, c in grade_all(found, journal, Limits(), 1, TINY)]
        entries = journal.of("ada", {"ada.ipynb"})
        journal.close()
        return came[0] is not None, entries[0]["states"]["ch01.number"]["status"]

    assert run("a") == (True, "right")
    assert run("a") == (False, "right")
    assert run("b") == (True, "right"), "other checks"
    write(path, FIRST, "answer = 1\ncheck.ch01.number(answer)")
    assert run("b") == (True, "wrong")
    assert run("b") == (False, "wrong")


def test_two_hundred_do_not_grow(tmp_path):
    for i in range(200):
        path = tmp_path / "in" / f"student{i:03}.ipynb"
        if i % 4 == 0:
            write(path, FIRST, "print('x' * 10**7)\n" + RIGHT, "#" * 10**5)
        elif i % 4 == 1:
            write(path, "1 + 1")
        else:
            path.write_text("x" * 10**6)
    journal = Journal(tmp_path / "journal", "")
    me, resident = psutil.Process(), []
    submissions = find_submissions(tmp_path / "in")
    for _ in grade_all(submissions, journal, Limits(), 2, TINY):
        resident.append(me.memory_info().rss)
    assert len(resident) == 200
    assert resident[-1] - resident[40] < 4 * 2**20
    journal.close()


# --- parts -----------------------------------------------------------------------


def test_the_table_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "grades.csv"
    path.write_text("before")

    def rows():
        yield "ada", [], 0
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_table(path, ["ch01.number"], rows())
    assert path.read_text() == "before"
    write_table(path, ["ch01.number"], [("Zoë", [], 0), ("-1", [], 1.5)])
    assert path.read_text("utf-8").splitlines() == [
        "student,ch01.number,total,points,remarks",
        "Zoë,missing,0,0,", "'-1,missing,0,1.5,"
    ]  # fmt: skip


def test_reports_of_strange_names(tmp_path):
    names = ["../../etc", "a/b", "a_b", "<b>", "x" * 300, "\ud800".encode(
        "utf-8", "replace").decode()]  # fmt: skip
    for name in names:
        write_report(tmp_path / "reports", name, [], [])
    assert len(list((tmp_path / "reports").iterdir())) == len(names)
    assert list(tmp_path.iterdir()) == [tmp_path / "reports"]


@pytest.mark.parametrize(
    "name, student",
    [
        ("ada_02_network_in_network.ipynb", "ada"),
        ("Ada Lovelace 01_one_by_one (1).ipynb", "Ada Lovelace"),
        ("ada-ch03-global.ipynb", "ada"),
        ("ada.ipynb", "ada"),
        ("02_network_in_network.ipynb", "02_network_in_network"),
        ("s1234567_05_resnet.ipynb", "s1234567"),
        ("12345678_ada_02_network_in_network.ipynb", "12345678_ada"),
        ("12345699_bob_02_network_in_network.ipynb", "12345699_bob"),
        ("s20231234_ada.ipynb", "s20231234_ada"),
        ("20231234_network.ipynb", "20231234_network"),
        (
            "Ada Lovelace_1234567_assignsubmission_file_06_your_own_data.ipynb",
            "Ada Lovelace_1234567_assignsubmission_file",
        ),
        ("Ada_1234567_assignsubmission.ipynb", "Ada_1234567_assignsubmission"),
        ("ada_02_nin.ipynb", "ada_02_nin"),
        ("team_01_ada.ipynb", "team_01_ada"),
        ("team_01_oneill.ipynb", "team_01_oneill"),
        ("Koch_02_network_in_network.ipynb", "Koch"),
        ("Bach02-network.ipynb", "Bach"),
    ],
)
def test_students_of_files(tmp_path, name, student):
    (tmp_path / name).write_text("")
    assert [s.student for s in find_submissions(tmp_path)] == [student]


def test_every_chapter_is_known_by_its_name(tmp_path):
    for path in find_chapters(ROOT / "notebooks"):
        (tmp_path / f"ada_{path.name}").write_text("")
    assert {s.student for s in find_submissions(tmp_path)} == {"ada"}


@pytest.mark.parametrize("left", sorted(pictures.LEFT_BEHIND))
def test_what_programs_leave_behind_is_no_student(tmp_path, left):
    (tmp_path / "ada.ipynb").write_text("")
    (tmp_path / left.title()).mkdir()
    (tmp_path / left.title() / "ada.ipynb").write_text("")
    assert [s.student for s in find_submissions(tmp_path)] == ["ada"]


def test_the_two_lists_of_what_is_left_behind_are_one():
    assert submissions.is_left_out is pictures.is_left_out


def test_folders_of_students(tmp_path):
    for name in ("ada/01/a.ipynb", "ada/.ipynb_checkpoints/a.ipynb", "ada/data.csv",
                 "bob/b.ipynb", ".git/x.ipynb", "out.csv"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    found = list(find_submissions(tmp_path, [tmp_path / "out.csv"]))
    assert found == [
        Submission("ada", "ada/01/a.ipynb", tmp_path / "ada/01/a.ipynb", beside=True),
        Submission("bob", "bob/b.ipynb", tmp_path / "bob/b.ipynb", beside=True),
    ]


def test_a_file_that_is_gone_before_it_is_looked_at(tmp_path):
    for student in ("ada", "bob"):
        (tmp_path / f"{student}.ipynb").write_text("")
    submissions = find_submissions(tmp_path)
    assert next(submissions).trouble == ""
    (tmp_path / "bob.ipynb").unlink()
    assert next(submissions).trouble == "it can't be read: No such file or directory"


def test_old_notebooks_are_read():
    old = {
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\n", "a"]}]}]
    }
    assert read_notebook(json.dumps(old).encode()).sources == ["a = 1\na"]
    with pytest.raises(NotANotebook):
        read_notebook(b'{"cells": [{"cell_type": "code", "source": 3}]}')


@pytest.mark.parametrize(
    "ours, mib, chapter",
    [
        ({}, 0, ""),
        ({"chapter": "02", "limits": {"seconds": 60, "mib": 512.5}}, 512.5, "02"),
        ({"chapter": 2, "limits": 3}, 0, ""),
        ({"chapter": "022", "limits": {"mib": -1}}, 0, ""),
        ({"limits": {"mib": "1024"}}, 0, ""),
    ],
)
def test_metadata_are_believed_where_they_make_sense(ours, mib, chapter):
    notebook = {"cells": [], "metadata": {"d2l_nin": ours}}
    contents = read_notebook(json.dumps(notebook).encode())
    assert (contents.mib, contents.chapter) == (mib, chapter)


def test_a_chapter_s_own_memory_stops_it_at_twice_as_much(monkeypatch):
    monkeypatch.setattr(watch, "family", lambda pid: [psutil.Process(pid)])
    watcher = Watcher.__new__(Watcher)
    watcher.settings, watcher.peak = {"memory": 2**50}, 0
    for mib, said in ((0.5, "it took more than 1 MiB"), (2**20, ""), (0, "")):
        found = SimpleNamespace(first_words={"mib": mib})
        assert said in watcher._look(SimpleNamespace(pid=os.getpid(), found=found))
    assert watcher.peak > 0


def test_a_chapter_that_was_handed_out_says_which_it_is(tmp_path):
    """None of its calls does, so that it might have called the checks of any."""
    called = nbformat.v4.new_code_cell("from d2l_nin.checks import *\none_of_them()")
    path = tmp_path / "02_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[called]), path)
    checks = SimpleNamespace(
        chapters=["01", "02"], by_name={"ch01.one": None, "ch02.two": None}
    )
    for text, found in (
        (path.read_text(encoding="utf-8"), ["ch01.one", "ch02.two"]),
        (for_students(path), ["ch02.two"]),
    ):
        contents = read_notebook(text.encode())
        assert _first_words(contents, None, checks)["exercises"] == found
