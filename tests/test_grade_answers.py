"""Grading: what is right however it is written, and what nobody gets past."""

import csv
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from d2l_nin import cli
from d2l_nin.grading.cells import is_left_open
from d2l_nin.grading.found import Found
from d2l_nin.grading.grade import grade_all
from d2l_nin.grading.journal import Journal, digest_of, digest_of_checks
from d2l_nin.grading.pristine import Pristine
from d2l_nin.grading.submissions import Limits, find_submissions
from tests.test_grade import DENSE, FIRST, PLUS, RIGHT, ROOT, TINY, write

EXERCISES, DEEPER = HEADINGS = "# Exercises", "# Going deeper"
ANSWER = "answer = sum(parts)\ncheck.ch01.number(answer)"


def handed_in(path, *cells):
    """A notebook of code cells, and headings."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    made = [(text if c in HEADINGS else code)(c) for c in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


def grade_folder(folder, seconds=5):
    """What was found, by student: its note, and the states of its exercises."""
    journal = Journal(folder.with_name("journal"), "")
    submissions = find_submissions(folder)
    found = {
        submission.student: came
        for submission, came in grade_all(
            submissions, journal, Limits(seconds, 600 << 20), 2, TINY, folder
        )
    }
    journal.close()
    return found


# Cells above the exercises, without which the answer is not 42. None of them can be
# told from the names that the answer's cell reads.
ABOVE = {
    "appends in a comprehension": ["parts = []", "[parts.append(p) for p in (40, 2)]"],
    "appends in a function": ["parts = []\ndef run(s):\n    parts.append(s)",
                              "for s in (40, 2):\n    run(s)"],
    "steps": ["from mxnet import init\n"
              "net = nn.Dense(1, use_bias=False)\nnet.initialize(init.Constant(41))\n"
              "X = np.ones((1, 1))\ntrainer = gluon.Trainer(net.collect_params(), "
              "'sgd', {'learning_rate': 1})",
              "with autograd.record():\n    loss = -net(X).sum()",
              "loss.backward(); trainer.step(1)",
              "parts = [int(net(X).item())]"],
    "shuffles": ["import random\nparts = [0, 42, 1]", "random.seed(0)",
                 "random.shuffle(parts)\nparts.sort()", "parts.pop(0); parts.pop(0)"],
    "another name": ["parts = [40]", "other = parts", "other.append(2)"],
    "runs a magic": ["%%time\nparts = [42]"],
    "a name from nowhere": ["exec('par' + 'ts = [42]')"],
    "draws": ["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
              "parts = [42]"],
    "trains for long": ["import time\ntime.sleep(1)\nparts = [42]"],
    "the last output": ["42", "parts = [_]"],
    "asks the verdict": ["parts = [n for n in range(40, 44) if "
                         "check.ch01.number(n).is_right]"],
}  # fmt: skip


@pytest.fixture(scope="module")
def with_cells_above(tmp_path_factory):
    folder = tmp_path_factory.mktemp("above") / "in"
    for name, cells in ABOVE.items():
        handed_in(folder / f"{name}.ipynb", FIRST, *cells, EXERCISES, ANSWER, PLUS)
    return grade_folder(folder)


@pytest.mark.parametrize("name", ABOVE)
def test_what_stands_above_the_exercises_counts(with_cells_above, name):
    found = with_cells_above[name]
    assert {n: s["status"] for n, s in found["states"].items()} == {
        "ch01.number": "right", "ch01.plus_one": "right"
    }, found  # fmt: skip
    assert found["whole"], "it is only known when the notebook has run whole"


def test_what_comes_after_the_exercises_is_not_run_for_them(tmp_path):
    """Only where a check may be called there, the notebook runs whole."""
    for name, more in (("ann", "1 / 0"), ("bob", "1 / 0\ncheck.ch01.plus_one")):
        cells = [FIRST, EXERCISES, RIGHT, PLUS, DEEPER, more]
        handed_in(tmp_path / "in" / f"{name}.ipynb", *cells)
    found = grade_folder(tmp_path / "in")
    for one in found.values():
        assert {s["status"] for s in one["states"].values()} == {"right"}, found
    assert [found[name]["whole"] for name in ("ann", "bob")] == [False, True]


def test_a_notebook_in_which_every_cell_has_a_magic_is_graded(tmp_path):
    cells = ["%%time\n" + FIRST, EXERCISES, "%%capture\n" + RIGHT, "%%time\n" + PLUS]
    handed_in(tmp_path / "in" / "ann.ipynb", *cells)
    (found,) = grade_folder(tmp_path / "in").values()
    assert [s["status"] for s in found["states"].values()] == ["right"] * 2, found


def test_a_function_from_above_needs_no_run_of_what_is_above(tmp_path):
    above = [
        "import math\n\ndef parts_of(n):\n    return [math.ceil(n)]",
        "math.sqrt(-1)",
    ]
    answer = "parts = parts_of(41.5)\n" + ANSWER
    handed_in(tmp_path / "in" / "ann.ipynb", FIRST, *above, EXERCISES, answer, PLUS)
    (found,) = grade_folder(tmp_path / "in").values()
    assert {s["status"] for s in found["states"].values()} == {"right"}, found
    assert not found["whole"]


WAYS = {
    "time": ["%%time\n" + RIGHT],
    "capture": ["%%capture\n" + RIGHT],
    "time of a line": ["%time check.ch01.number(42)"],
    "its own name": ["from tests.tiny.ch01 import number\nnumber(42)"],
    "an alias": ["n = check.ch01.number", "n(42)"],
    "a module of another name": ["import tests.tiny.ch01 as one\none.number(42)"],
    "in a function": ["def ask():\n    return check.ch01.number(42)", "ask()"],
    "by getattr": ["getattr(getattr(check, 'ch01'), 'num' + 'ber')(42)"],
    "by keyword": ["check.ch01.number(answer=42)"],
    "a copy above": [RIGHT, "answer = ...\ncheck.ch01.number(answer)"],
    "a copy below": ["answer = ...\ncheck.ch01.number(answer)", RIGHT],
    "a wrong copy below": [RIGHT, "answer = 41\ncheck.ch01.number(answer)"],
    "above the exercises": ["c = check.ch01", "c.number(42)", EXERCISES,
                            "answer = ...\ncheck.ch01.number(answer)"],
    "in a thread": ["import threading\n"
                    "t = threading.Thread(target=check.ch01.number, args=(42,))\n"
                    "t.start(); t.join()"],
    "beside a loop": ["while True:\n    pass", RIGHT],
    "below a loop": [EXERCISES, "while True:\n    pass", RIGHT],
    "a loop above": ["while True:\n    pass", EXERCISES, RIGHT],
}  # fmt: skip


@pytest.fixture(scope="module")
def in_many_ways(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ways") / "in"
    for name, cells in WAYS.items():
        handed_in(folder / f"{name}.ipynb", FIRST, *cells)
    return grade_folder(folder, 3)


@pytest.mark.parametrize("name", WAYS)
def test_whatever_calls_a_check_counts(in_many_ways, name):
    found = in_many_ways[name]
    assert found["states"]["ch01.number"]["status"] == "right", found


@pytest.mark.parametrize(
    "source, is_open",
    [
        ("answer = ...  # a number\ncheck.ch01.number(answer)", True),
        ("answer = ...\nm = None\nif answer is not ...:\n    m = f()\n"
         "check.ch01.number(answer, m)", True),
        ("check.ch01.number(...)", True),
        ("check.ch01.number()", True),
        ("answer = ...\nif x:\n    answer = 3\ncheck.ch01.number(answer)", False),
        ("def answer(x):\n    ...\ncheck.ch01.number(answer)", False),
        ("check.ch01.number(answer)", False),
        ("answer = ...\ncheck.ch01.number(answer or x)", False),
        ("from x import y as answer\nanswer = ...\ncheck.ch01.number(answer)", False),
        ("answer = = 3\ncheck.ch01.number(answer)", False),
        ("answer = ...", False),
    ],
)  # fmt: skip
def test_cells_that_are_left_open(source, is_open):
    assert is_left_open(source, lambda text: text) is is_open


def test_a_quick_pass_settles_only_right_and_unanswered():
    words = {
        "mentions": {"a": [3], "b": [4]}, "open": [4], "may call": [3, 4],
        "quick": [3, 5], "exercises": ["a", "b", "c"], "sources": {"3": "", "4": ""},
    }  # fmt: skip
    left_open = {"status": "unanswered", "lines": []}

    def after(status_a, *messages):
        found = Found()
        for message in (words, {"cell": 3}, *messages,
                        {"name": "a", "state": {"status": status_a, "lines": []}},
                        {"cell": 4},
                        {"name": "b", "state": left_open}):  # fmt: skip
            found.hear(message)
        return found

    assert after("right").is_settled(), "c was taken out of the notebook"
    for status in ("wrong", "failed", "too slow", "killed", "unanswered"):
        assert not after(status).is_settled()
        assert "a" not in after(status).states
    assert not after("right", {"error": "x", "in": 3}).is_settled(), "c may be there"


HOSTILE = {
    "ignores signals": "import signal, time\nfor s in range(1, 65):\n    try:\n"
    "        signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError):\n"
    "        pass\nwhile True:\n    time.sleep(1)",
    "writes 5 GB": "with open('large', 'wb') as f:\n    f.truncate(5 * 2**30)\n"
    "    f.seek(5 * 2**30)\n    f.write(b'x')\nanswer = 41\n"
    "check.ch01.number(answer)",
    "is equal to all": "class Any(int):\n"
    "    __eq__ = __le__ = __ge__ = lambda *_: True\n"
    "    __ne__ = __lt__ = __gt__ = lambda *_: False\n    __hash__ = int.__hash__\n"
    "answer = Any(41)\ncheck.ch01.number(answer)",
    "writes tokens": "import os, secrets\nfor d in range(100):\n    try:\n"
    "        os.write(d, (secrets.token_hex(16) + ' {\"name\": \"ch01.number\", "
    "\"state\": {\"status\": \"right\", \"lines\": []}, \"end\": true}\\n').encode())\n"
    "    except OSError:\n        pass\nanswer = 41\ncheck.ch01.number(answer)",
    "removes its home": "import os, shutil\nshutil.rmtree(os.environ['HOME'])\n"
    "answer = 41\ncheck.ch01.number(answer)",
    "patches numpy": "import numpy\nnumpy.isclose = numpy.allclose = lambda *_, **__: "
    "True\nnumpy.testing.assert_allclose = lambda *_, **__: None\n"
    "answer = lambda X: X + 2\ncheck.ch01.plus_one(answer)",
    "patches the verdict": "from d2l_nin.checks.exercise import Verdict, Exercise\n"
    "Verdict.status = Exercise.judge = property(lambda self: 'right')\n"
    "answer = 41\ncheck.ch01.number(answer)",
    "kills in the answer": "import os\nanswer = lambda X: os._exit(0)\n"
    "check.ch01.plus_one(answer)",
    "kills its parents in the answer": "import os\nanswer = lambda X: os.kill("
    "os.getppid(), 9)\ncheck.ch01.plus_one(answer)",
    "hangs in the answer": "import signal\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ndef answer(X):\n"
    "    while True:\n        pass\ncheck.ch01.plus_one(answer)",
    "blocks the pipe": "import os\nfor d in range(3, 100):\n    try:\n"
    "        os.close(d)\n    except OSError:\n        pass\n"
    "answer = 41\ncheck.ch01.number(answer)",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "in"
    for name, cell in HOSTILE.items():
        handed_in(folder / f"{name}.ipynb", FIRST, cell, DENSE)
    return grade_folder(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mischief_is_right(hostile, name):
    states = dict(hostile[name]["states"])
    dense = states.pop("ch01.dense", {"status": "missing"})
    assert all(state["status"] != "right" for state in states.values()), states
    assert dense["status"] == "right" or name == "blocks the pipe", hostile[name]


def test_what_only_putting_modules_back_stops(hostile, tmp_path, monkeypatch):
    """Without `Pristine` the very same submission would be right."""
    state = hostile["patches numpy"]["states"]["ch01.plus_one"]
    assert state["status"] == "wrong"
    assert "changed numpy." in state["lines"][-1]

    import numpy

    from tests.tiny import ch01

    pristine = Pristine()
    try:
        exec(HOSTILE["patches numpy"].partition("answer")[0], {})
        verdict = ch01.plus_one.judge(lambda X: X + 2)
    finally:
        pristine.put_back()
    assert verdict.is_right, "a check that stands on a patched numpy believes anything"
    assert not numpy.allclose(1, 2)


# --- what lies beside a notebook -------------------------------------------------


@pytest.mark.parametrize("paths", [str(ROOT), f":{ROOT}", f"{ROOT}:."])
def test_nothing_is_imported_from_the_submissions(tmp_path, paths):
    folder = tmp_path / "in"
    folder.mkdir()
    mark = tmp_path / "mark"
    for name in ("csv", "click", "numpy", "json", "selectors", "psutil", "jinja2",
                 "mxnet", "rich", "matplotlib", "IPython", "string", "pathlib",
                 "fnmatch"):  # fmt: skip
        code = f"with open({str(mark)!r}, 'a') as f:\n    f.write({name!r})\n1 / 0"
        (folder / f"{name}.py").write_text(code)
    handed_in(folder / "ada.ipynb", FIRST, RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "d2l_nin", "grade", ".", "--out",
         str(tmp_path / "grades.csv"), "--checks", TINY, "--jobs", "1"],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert not mark.exists(), mark.read_text()
    assert done.returncode == 0, done.stderr
    with (tmp_path / "grades.csv").open() as file:
        rows = {row["student"]: row["ch01.number"] for row in csv.DictReader(file)}
    assert rows["ada"] == "right"


def test_files_beside_a_notebook_are_there_or_told(tmp_path):
    uses = ("from helpers import FORTY\nimport random\n"
            "answer = FORTY + int(open('data/two.txt').read())\n"
            "check.ch01.number(answer)")  # fmt: skip
    lazy = "def answer(X):\n    import helpers\n    return X + helpers.ONE\n"
    lazy += "check.ch01.plus_one(answer)"
    folder = tmp_path / "in"
    notebook = handed_in(folder / "ada" / "a.ipynb", FIRST, EXERCISES, uses, lazy)
    (folder / "ada" / "helpers.py").write_text("FORTY = 40\nONE = 1")
    (folder / "ada" / "random.py").write_text("raise SystemExit")
    (folder / "ada" / "data").mkdir()
    (folder / "ada" / "data" / "two.txt").write_text("2")
    (folder / "ada" / "link").symlink_to("/etc/passwd")
    handed_in(folder / "bob.ipynb", FIRST, "from helpers import FORTY", EXERCISES,
              "answer = FORTY + 2\ncheck.ch01.number(answer)")  # fmt: skip
    found = grade_folder(folder)
    assert [s["status"] for s in found["ada"]["states"].values()] == ["right"] * 2, (
        found["ada"]
    )
    lines = "\n".join(found["bob"]["states"]["ch01.number"]["lines"])
    assert "NameError: name 'FORTY'" in lines
    assert "Above it, in code cell 2: ModuleNotFoundError: No module named" in lines
    assert "handed in beside" in lines
    submission = next(s for s in find_submissions(folder) if s.path == notebook)
    before = digest_of(submission)
    (folder / "ada" / "data" / "two.txt").write_text("3")
    assert digest_of(submission) != before, "its data decide as well"


def test_the_digest_covers_what_checks_stand_on(tmp_path, monkeypatch):
    from d2l_nin.grading import journal

    read = []
    reads = Path.read_bytes
    monkeypatch.setattr(
        journal.Path, "read_bytes", lambda path: read.append(path) or reads(path)
    )
    first = digest_of_checks("d2l_nin.checks", Limits())
    names = {str(path.relative_to(ROOT / "d2l_nin")) for path in read}
    assert {"layers.py", "inception/modules.py", "grading/watch.py"} <= names
    assert any(name.startswith("datasets") for name in names)
    monkeypatch.setattr(
        journal.Path, "read_bytes",
        lambda path: reads(path) + (b"#" if path.name == "layers.py" else b""),
    )  # fmt: skip
    assert digest_of_checks("d2l_nin.checks", Limits()) != first


# --- names and entries -----------------------------------------------------------


def test_two_forms_of_a_name_are_one_student(tmp_path):
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, f"Zoë_0{1 + (form == 'NFD')}")
        write(tmp_path / f"{unicodedata.normalize(form, 'Zoë')}" / f"{name}.ipynb")
    found = list(find_submissions(tmp_path))
    assert {s.student for s in found} == {"Zoë"} and len({s.file for s in found}) == 2


def test_one_bad_entry_is_one_row(tmp_path):
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    os.mkfifo(tmp_path / "fifo.ipynb")
    (tmp_path / "zero.ipynb").symlink_to("/dev/zero")
    for raw in (b"caf\xe9.ipynb", b"caf\xe8.ipynb"):
        (tmp_path / os.fsdecode(raw)).write_text("")
    write(tmp_path / "zed.ipynb", FIRST)
    found = {s.file: s.trouble for s in find_submissions(tmp_path)}
    assert found.pop("zed.ipynb") == "", "those behind it are graded"
    assert found.pop("caf\\xe9.ipynb") == found.pop("caf\\xe8.ipynb") == ""
    assert found.pop("fifo.ipynb") == "not a file"
    assert set(found.values()) == {"a link, not a file"} and len(found) == 4


def test_an_entry_that_fails_is_told(tmp_path, monkeypatch):
    from d2l_nin.grading import submissions

    entry = submissions._entry

    def fails(folder, path, chapters):
        if path.name == "bad":
            raise RecursionError("too deep")
        return entry(folder, path, chapters)

    monkeypatch.setattr(submissions, "_entry", fails)
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
    found = {s.student: s.trouble for s in find_submissions(tmp_path)}
    assert found == {"bad": "it can't be read: too deep", "good": "empty"}


def test_a_table_for_excel(tmp_path):
    handed_in(tmp_path / "in" / "Zoë.ipynb", "1 + 1")
    out = tmp_path / "grades.csv"
    command = ["grade", str(tmp_path / "in"), "--out", str(out), "--checks", TINY]
    for option, mark in (["--bom"], b"\xef\xbb\xbf"), ([], b""):
        result = CliRunner().invoke(cli.main, [*command, *option])
        assert result.exit_code == 0, result.output
        assert out.read_bytes().startswith(mark + b"student,")
        assert "Zoë" in out.read_text("utf-8")
    assert "Excel" in CliRunner().invoke(cli.main, ["grade", "-h"]).output


def test_a_terminal_of_ascii_only(tmp_path):
    handed_in(tmp_path / "in" / "Zoë – Ω.ipynb", FIRST, RIGHT)
    out = tmp_path / "grades.csv"
    done = subprocess.run(
        [sys.executable, "-m", "d2l_nin", "grade", str(tmp_path / "in"), "--out",
         str(out), "--checks", TINY],
        cwd=ROOT, capture_output=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0",
             "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.isascii()
    assert "Zoë – Ω,right" in out.read_text("utf-8")
    assert len(list((tmp_path / "grades_reports").iterdir())) == 1
