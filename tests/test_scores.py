"""Points for answers, and the tables that learning platforms import."""

import csv
import os
import zipfile
from datetime import datetime, timedelta

import nbformat
import pytest
from click.testing import CliRunner

from d2l_nin import cli
from d2l_nin.grading.scores import Rules, read_roster, read_rules, score, table_for

NAMES = ["ch01.number", "ch01.plus_one", "ch02.claim"]
DUE = datetime(2026, 12, 1, 12).astimezone()
RULES = """
[points]
default = 2
ch02.claim = 3
[partial]
ch02.claim = 0.5
[due]
02 = 2026-12-01 12:00   ; noon
[late]
per day = 0.25
"""


def rules_of(tmp_path, text):
    path = tmp_path / "rules.ini"
    path.write_text(text)
    return read_rules(path, NAMES)


def entry(file, **statuses):
    states = {n.replace("_", ".", 1): {"status": s} for n, s in statuses.items()}
    return {"file": file, "states": states}


def at(**times):
    return lambda file: times[file[0]]


def test_without_rules_each_right_answer_is_a_point():
    entries = [entry("a", ch01_number="right", ch01_plus_one="wrong")]
    came = score(entries, at(a=DUE), Rules())
    assert came == {"ch01.number": 1.0, "ch01.plus_one": 0.0}


@pytest.mark.parametrize(
    ("late", "share"),
    [(timedelta(0), 1), (timedelta(seconds=1), 0.75), (timedelta(days=1), 0.75),
     (timedelta(days=1, seconds=1), 0.5), (timedelta(days=9), 0)],
)  # fmt: skip
def test_each_day_that_began_costs(tmp_path, late, share):
    entries = [entry("a", ch01_number="right", ch02_claim="right")]
    came = score(entries, at(a=DUE + late), rules_of(tmp_path, RULES))
    assert came == {"ch01.number": 2, "ch02.claim": 3 * share}


@pytest.mark.parametrize(
    ("status", "points"), [("right", 3), ("wrong", 1.5), ("failed", 0),
                           ("unanswered", 0)],
)  # fmt: skip
def test_partial_credit_is_for_answers(tmp_path, status, points):
    came = score([entry("a", ch02_claim=status)], at(a=DUE), rules_of(tmp_path, RULES))
    assert came == {"ch02.claim": points}


@pytest.mark.parametrize(("counts", "points"), [("best", 1), ("last", 0)])
def test_a_second_submission_is_handled_as_told(tmp_path, counts, points):
    rules = rules_of(tmp_path, f"[second]\ncounts = {counts}")
    entries = [entry("b", ch02_claim="wrong"), entry("a", ch02_claim="right")]
    came = score(entries, at(a=DUE, b=DUE + timedelta(hours=1)), rules)
    assert came == {"ch02.claim": points}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[point]\n",
            "expected one of due, late, partial, points, second, got 'point'",
        ),
        ("[points]\nch02.clam = 1", "ch02.claim, default, got 'ch02.clam'"),
        ("[points]\nch02.claim = two", "expected a number from 0, got 'two'"),
        ("[points]\nch02.claim = nan", "expected a number from 0, got 'nan'"),
        ("[partial]\nch02.claim = 2", "from 0, at most 1, got '2'"),
        (
            "[due]\n07 = 2026-12-01",
            "[due]: a chapter: expected one of 01, 02, got '07'",
        ),
        ("[due]\n02 = tomorrow", "a date and a time such as 2026-12-01 23:59"),
        ("[late]\nper week = 1", "expected one of per day, got 'per week'"),
        ("[second]\ncounts = first", "expected one of best, last, got 'first'"),
        ("ch02.claim = 1", "no section headers"),
    ],
)
def test_rules_that_can_not_be_read_say_why(tmp_path, text, said):
    with pytest.raises(ValueError, match=r"rules\.ini") as caught:
        rules_of(tmp_path, text)
    assert said in str(caught.value)


POINTS = {"ada": {"ch01.number": 1, "ch02.claim": 2.5}, "bob": {"ch01.number": 0}}
WORTH = {"ch01.number": 1, "ch02.claim": 3}


def test_what_moodle_imports():
    rows, strangers = table_for("moodle", POINTS, WORTH, {})
    assert rows == [["Username", "Exercises 01", "Exercises 02"],
                    ["ada", "1", "2.5"], ["bob", "0", ""]]  # fmt: skip
    assert not strangers


def test_what_canvas_imports():
    rows, _ = table_for("canvas", POINTS, WORTH, {})
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section",
         "Exercises 01", "Exercises 02"],
        ["Points Possible", "", "", "", "", "1", "3"],
        ["ada", "", "", "ada", "", "1", "2.5"],
        ["bob", "", "", "bob", "", "0", ""],
    ]  # fmt: skip


def test_a_roster_gives_a_platform_s_own_names(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("\ufeffFirst name,Email address\nAda,Ada@school.org\n", "utf-8")
    roster = read_roster(path, "moodle")
    rows, strangers = table_for("moodle", POINTS, WORTH, roster)
    assert rows[0][0] == "Email address" and rows[1:] == [
        ["Ada@school.org", "1", "2.5"]
    ]
    assert strangers == ["bob"]
    with pytest.raises(ValueError, match="expected a table with one of the columns"):
        read_roster(path, "canvas")


def test_the_command_writes_all_of_it(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out" / "grades.csv"
    folder.mkdir()
    sources = [
        "from tests import tiny as check",
        "answer = 42\ncheck.ch01.number(answer)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "ada.ipynb")
    os.utime(folder / "ada.ipynb", (0, DUE.timestamp() + 1))
    rules = tmp_path / "rules.ini"
    rules.write_text("[points]\ndefault = 4\n[due]\n01 = 2026-12-01 12:00\n"
                     "[late]\nper day = 0.25\n")  # fmt: skip
    command = ["grade", str(folder), "--out", str(out), "--checks", "tests.tiny",
               "--format", "canvas", "--rules", str(rules), "--zip"]  # fmt: skip
    done = CliRunner().invoke(cli.main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    with out.open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["ch01.number"] == "right" and row["points"] == "3"
    with out.with_name("grades_canvas.csv").open(encoding="utf-8") as file:
        assert next(row for row in csv.reader(file) if row[0] == "ada")[-1] == "3"
    with zipfile.ZipFile(out.with_name("grades_reports.zip")) as file:
        assert file.namelist() == ["ada.html"]


def test_wrong_rules_are_told_before_anything_runs(tmp_path):
    (tmp_path / "ada.ipynb").write_text("{}")
    (tmp_path / "rules.ini").write_text("[nonsense]")
    command = ["grade", str(tmp_path), "--out", str(tmp_path / "out" / "grades.csv"),
               "--checks", "tests.tiny"]  # fmt: skip
    wrong = [["--rules", str(tmp_path / "rules.ini")],
             ["--roster", str(tmp_path / "rules.ini")]]  # fmt: skip
    for options, said in zip(wrong, ("a section", "--format moodle or canvas")):
        done = CliRunner().invoke(cli.main, command + options)
        assert done.exit_code and said in done.output
        assert not (tmp_path / "out").exists()
