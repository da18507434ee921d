"""The exercises: every right answer is right, every wrong one is told why."""

import ast
import builtins
import re
from pathlib import Path

import nbformat
import pytest

from d2l_nin import checks
from d2l_nin.checks.exercise import FAILED, RIGHT, UNANSWERED
from d2l_nin.course.chapters import find_chapters
from tests.answers import Measured, answers_of
from tests.test_kinds import KINDS as DECLARATIONS

ROOT = Path(__file__).parent.parent
PATHS = {path.name[:2]: path for path in find_chapters(ROOT / "notebooks")}
SOLUTIONS = ROOT / "notebooks" / "solutions"
KINDS = ("on paper", "code", "predict", "open")
# A chapter of the new form has these instead, each at least once.
KINDS_2 = ("on paper", "code", "debug", "predict", "design", "claim")
HEADING = re.compile(r"^### Exercise (\d+) · (.+)$", re.MULTILINE)


def arguments(answer):
    """An answer of a bank as the arguments of a check."""
    return answer if isinstance(answer, Measured) else (answer,)


def read(path):
    return nbformat.read(path, as_version=4)


def headings(notebook):
    """The number and kind of each exercise."""
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return HEADING.findall(text)


def exercise_cells(notebook):
    return [
        cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])
    ]


def shown_by(cell) -> str:
    assert cell.outputs, f"`make notebooks` has not run this cell yet:\n{cell.source}"
    return cell.outputs[-1]["data"]["text/plain"]


def name_in(cell, chapter):
    return re.search(rf"check\.ch{chapter}\.(\w+)\(", cell.source).group(1)


def all_exercises(declared=False):
    """Those without a declaration have their answers in tests/answers."""
    return [
        pytest.param(chapter, name, id=f"{chapter}.{name}")
        for chapter in PATHS
        for name in checks.exercises_of(chapter)
        if declared or name in answers_of(chapter).RIGHT
    ]


@pytest.mark.parametrize("chapter", PATHS)
def test_a_chapter_has_five_to_eight_of_every_kind(chapter):
    notebook = read(PATHS[chapter])
    numbers = [int(number) for number, _ in headings(notebook)]
    kinds = [kind for _, kind in headings(notebook)]
    assert numbers == list(range(1, len(kinds) + 1))
    is_new = notebook.metadata.get("d2l_nin", {}).get("form") == 2
    expected = KINDS_2 if is_new else KINDS
    assert 5 <= len(kinds) <= 8 and set(kinds) == set(expected)
    assert kinds.count("code") >= 2
    names = [name_in(cell, chapter) for cell in exercise_cells(notebook)]
    assert len(names) == len(set(names)) == len(kinds)
    assert set(names) == set(checks.exercises_of(chapter))


@pytest.mark.parametrize("chapter, name", all_exercises(declared=True))
def test_an_exercise_is_declared_or_has_answers_here(chapter, name):
    declared = isinstance(checks.exercises_of(chapter)[name], DECLARATIONS)
    assert declared or name in answers_of(chapter).RIGHT


@pytest.mark.parametrize("chapter", PATHS)
def test_solutions_follow_the_exercises_and_are_right(chapter):
    chapter_text = read(PATHS[chapter])
    path = SOLUTIONS / PATHS[chapter].name
    assert path.exists(), "its solutions are missing"
    solutions = read(path)
    assert headings(solutions) == headings(chapter_text)
    asked = [c.source for c in chapter_text.cells if HEADING.match(c.source)]
    answered = [c.source for c in solutions.cells if HEADING.match(c.source)]
    assert answered == asked, "the question stands word for word in both"
    cells = exercise_cells(solutions)
    asked_for = [name_in(c, chapter) for c in exercise_cells(chapter_text)]
    assert [name_in(c, chapter) for c in cells] == asked_for
    for cell in cells:
        assert shown_by(cell).startswith("✓"), shown_by(cell)
    reasons = [c for c in solutions.cells if c.source.startswith("**Reasoning.**")]
    assert len(reasons) == len(cells)


@pytest.mark.parametrize("chapter", PATHS)
def test_chapters_ship_unanswered(chapter):
    for cell in exercise_cells(read(PATHS[chapter])):
        assert "answer = ..." in cell.source
        assert shown_by(cell).startswith("○"), cell.source


@pytest.mark.parametrize("chapter, name", all_exercises(declared=True))
def test_unanswered_is_told_kindly(chapter, name):
    exercise = checks.exercises_of(chapter)[name]

    def stub(X): ...

    for answer in (..., None, stub):
        verdict = exercise(answer)
        assert verdict.status == UNANSWERED
        assert exercise.hints[0] not in repr(verdict), "a hint follows an answer"
    assert len(set(exercise.hints)) >= 2 and exercise.remember.endswith(".")


@pytest.mark.parametrize("chapter, name", all_exercises())
def test_right_answers_are_right(chapter, name):
    exercise = checks.exercises_of(chapter)[name]
    answers = answers_of(chapter).RIGHT[name]
    for answer in answers:
        verdict = exercise.judge(*arguments(answer))
        assert verdict.status == RIGHT, verdict
    if callable(answers[0]):
        assert len(answers) >= 3


@pytest.mark.parametrize("chapter, name", all_exercises())
def test_wrong_answers_are_told_why(chapter, name):
    exercise = checks.exercises_of(chapter)[name]
    answers = answers_of(chapter).WRONG[name]
    code = callable(answers_of(chapter).RIGHT[name][0])
    assert len(answers) >= (8 if code else 2)
    said = []
    for answer, fragment in answers:
        verdict = exercise.judge(*arguments(answer))
        assert verdict.status not in (RIGHT, UNANSWERED), fragment
        assert fragment in repr(verdict), verdict
        said.append(verdict.lines)
    if code:  # each its own hint
        assert len(set(said)) == len(said)


def numbers_in(text) -> list[float]:
    """Every number, whole or not, with its sign and with commas after thousands."""
    found = re.findall(r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?", text)
    return [float(number.replace(",", "").replace("−", "-")) for number in found]


def test_numbers_are_found_however_they_are_written():
    text = "Came: 57,344, and −4.127 (not -3.5) of 3×3; [1, 2], 13640."
    assert numbers_in(text) == [57344, -4.127, -3.5, 3, 3, 1, 2, 13640]


@pytest.mark.parametrize(
    "chapter, name",
    [
        exercise
        for exercise in all_exercises()
        if isinstance(answers_of(exercise.values[0]).RIGHT[exercise.values[1]][0],
                      (int, float))
    ],
)  # fmt: skip
def test_what_comes_back_never_holds_the_answer(chapter, name):
    """Not the number itself; of one with decimals, nothing that rounds to it."""
    exercise = checks.exercises_of(chapter)[name]
    right = answers_of(chapter).RIGHT[name][0]
    near = 0.006 if isinstance(right, float) else 0
    for answer, _ in answers_of(chapter).WRONG[name]:
        exercise.num_wrong = 0
        for _ in range(5):
            text = repr(exercise(*arguments(answer)))
            assert all(abs(number - right) > near for number in numbers_in(text)), text


@pytest.mark.parametrize("chapter, name", all_exercises())
def test_nonsense_is_never_right(chapter, name):
    exercise = checks.exercises_of(chapter)[name]

    def raises(*_):
        raise RuntimeError("on purpose")

    for answer in ("", "nonsense", object(), [], {}, float("nan"), lambda *_: "x"):
        assert exercise.judge(answer).status not in (RIGHT, UNANSWERED)
    verdict = exercise.judge(raises)
    assert verdict.status not in (RIGHT, UNANSWERED)
    if callable(answers_of(chapter).RIGHT[name][0]):
        assert verdict.status == FAILED
        assert 'raise RuntimeError("on purpose")' in repr(verdict)


def free_names(tree) -> set[str]:
    """Names that are read in a cell and bound nowhere in it."""
    bound, read_ = set(dir(builtins)), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read_ if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return read_ - bound - imported_in(tree)


def imported_in(tree) -> set[str]:
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


@pytest.mark.parametrize("chapter", PATHS)
def test_exercises_need_only_imports(chapter):
    """So that a submission is graded without the training above its exercises."""
    imported = set()
    for cell in read(PATHS[chapter]).cells:
        if cell.cell_type == "code":
            tree = ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.MULTILINE))
            if "exercise" in cell.metadata.get("tags", []):
                assert free_names(tree) <= imported, cell.source
            imported |= imported_in(tree)


def test_a_name_from_above_is_seen():
    tree = ast.parse("import numpy\nx = [numpy.sqrt(y) for y in ys]\ndef f(a): a + x")
    assert free_names(tree) == {"ys"}
