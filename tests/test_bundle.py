"""The zip that students get."""

import ast
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from d2l_nin import cli
from d2l_nin.course.bundle import FOLDER, course_files, date_of, for_students
from d2l_nin.course.chapters import find_chapters, find_solutions
from d2l_nin.course.chapters import for_students as chapter_for_students
from d2l_nin.datasets import COURSE_PICTURES

ROOT = Path(__file__).parent.parent


def make(out):
    with cli.console.capture() as capture:
        result = CliRunner().invoke(cli.main, ["bundle", "--out", str(out)])
    assert result.exit_code == 0, result.output
    return capture.get()


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory):
    """The bundle, unzipped by the system's own rules: the path of what it makes."""
    folder = tmp_path_factory.mktemp("bundle")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        make(folder / "students.zip")
    finally:
        os.chdir(before)
    with zipfile.ZipFile(folder / "students.zip") as bundle:
        assert bundle.testzip() is None
        bundle.extractall(folder)
        for info in bundle.infolist():
            (folder / info.filename).chmod(info.external_attr >> 16 & 0o777)
    return folder / FOLDER


def files_in(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_it_holds_the_course(unzipped):
    files = files_in(unzipped)
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "d2l_nin").rglob("*.py")
    }  # fmt: skip
    chapters = {f"notebooks/{path.name}" for path in find_chapters(ROOT / "notebooks")}
    needed = {"README.md", "Makefile", "setup.sh", "pyproject.toml", "LICENSE",
              "requirements.lock", "environment.yml", "docs/nets.svg",
              "d2l_nin/data/fashion-mnist.zip", "d2l_nin/data/LICENSE"}  # fmt: skip
    assert needed | package | chapters <= files
    assert {f for f in files if re.fullmatch(r"notebooks/[^/]*", f)} == chapters
    assert os.access(unzipped / "setup.sh", os.X_OK)
    for picture in re.findall(
        r"\]\(([^)#]+\.svg)\)", (unzipped / "README.md").read_text()
    ):
        assert (unzipped / picture).exists()


def named_in(notebook):
    """What a chapter's strings and links name of all that stands beside it."""
    named = set()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = ast.parse(re.sub("^%.*", "", cell.source, flags=re.MULTILINE))
            named |= {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        else:
            named |= set(re.findall(r"\]\(([^)#]+)[)#]", cell.source))
    here = {path.name for path in (ROOT / "notebooks").iterdir()}
    return {n for n in named if isinstance(n, str) and n.split("/")[0] in here}


def test_it_holds_what_a_chapter_names(unzipped):
    chapters = find_chapters(ROOT / "notebooks")
    named = set().union(*(named_in(nbformat.read(p, as_version=4)) for p in chapters))
    # Chapter 06 names its pictures by the package's constant.
    named.add(COURSE_PICTURES.relative_to(ROOT / "notebooks").as_posix())
    for name in named:
        original, ours = ROOT / "notebooks" / name, unzipped / "notebooks" / name
        assert original.is_dir() == ours.is_dir(), name
        held = files_in(original) if original.is_dir() else {""}
        assert held, name
        for file in held:
            assert (ours / file).read_bytes() == (original / file).read_bytes()


def test_it_holds_nothing_else(unzipped):
    for name in files_in(unzipped):
        parts = name.split("/")
        assert parts[0] not in ("tests", ".ci", ".github", "build", ".git"), name
        assert "solutions" not in parts and "__pycache__" not in parts, name
        assert not name.endswith((".pyc", ".partial", ".log"))


def test_no_solution_stands_in_it(unzipped):
    text = "\n".join(
        (unzipped / name).read_text(encoding="utf-8", errors="replace")
        for name in files_in(unzipped)
        if not name.endswith(".zip")
    )
    assert "**Reasoning.**" not in text
    for path in find_solutions(ROOT / "notebooks"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.source.startswith("**Reasoning.**"):
                assert cell.source.splitlines()[0] not in text


def test_chapters_are_unanswered(unzipped):
    for path in find_chapters(unzipped / "notebooks"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.d2l_nin.chapter == path.name[:2]
        original = nbformat.read(ROOT / "notebooks" / path.name, as_version=4)
        assert "chapter" not in original.metadata.get("d2l_nin", {})
        assert [c.source for c in notebook.cells] == [c.source for c in original.cells]
        for cell in notebook.cells:
            if "exercise" in cell.metadata.get("tags", []):
                assert "answer = ..." in cell.source
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None


def test_an_answered_chapter_is_not_handed_out(tmp_path):
    cell = nbformat.v4.new_code_cell(
        "answer = 42\ncheck.ch01.number(answer)", metadata={"tags": ["exercise"]}
    )
    path = tmp_path / "01_a.ipynb"
    for source in ("answer = 42", "answer = ...\nanswer = 42", "x = 1"):
        cell.source = source
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        with pytest.raises(ValueError, match=r"expected 'answer = \.\.\.' once"):
            chapter_for_students(path)
    cell.source = "answer = ...  # how many?\ncheck.ch01.number(answer)"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert "how many?" in chapter_for_students(path)


def test_readme_is_for_students(unzipped):
    text = (unzipped / "README.md").read_text(encoding="utf-8")
    for word in ("make run", "make lab", "make doctor", "Fashion-MNIST", "**Predict**"):
        assert word in text
    assert text.index("make lab") < text.index("make run"), "what to do comes first"
    for word in (
        "make test",
        "pytest",
        "ruff",
        "Chromium",
        "grades.csv",
        "solutions",
        "make bundle",
        "make slides",
        "float16",
        "make bench",
        "CONTRIBUTING",
        "for those who",
    ):
        assert word not in text
    assert for_students("a\n<!-- for those who teach -->\nb\n<!-- for all -->\nc") == (
        "a\nc"
    )
    with pytest.raises(ValueError, match="there is no"):
        for_students("a <!-- for those who teach --> b")


def named_by(readme):
    """What a README names of files and folders: links, and paths between backquotes."""
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    found = set(re.findall(r"\]\(([^)#:]+)\)", readme))
    for span in [*blocks, *re.findall(r"`([^`\n]+)`", readme)]:
        found |= set(re.findall(r"[\w.-]*/[\w./-]*|[\w-]+\.[a-z]{2,5}\b", span))
        found |= {word for word in span.split() if word in ("Dockerfile", "postBuild")}
    of_files = ("/", ".yml", ".sh", ".py", ".md", ".ipynb", ".svg", ".csv", ".lock")
    return {word for word in found if "/" in word or word.endswith(of_files)}


def test_readme_for_students_names_nothing_that_they_have_not(unzipped):
    text = (unzipped / "README.md").read_text(encoding="utf-8")
    named = named_by(text)
    assert {"setup.sh", "environment.yml", "docs/nets.svg"} <= named
    made = ("build", ".venv")  # by the commands that README names
    for word in named:
        there = unzipped / word, unzipped / "notebooks" / word  # where the lab opens
        assert word.split("/")[0] in made or any(p.exists() for p in there), word
    for word in ("Binder", "Codespaces", "mxnet-cu", "cluster"):
        assert word not in text
    whole = named_by((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"binder/", ".devcontainer/", "tests/arm/trial.sh"} <= whole


def test_it_works_by_itself(unzipped):
    code = (
        "import d2l_nin, pathlib\n"
        "from d2l_nin import checks, datasets\n"
        "train, test = datasets.read_fashion_mnist()\n"
        "print(pathlib.Path(d2l_nin.__file__).parent, len(train[0]), len(test[0]))"
    )
    offline = os.pathsep.join([str(unzipped), str(ROOT / "tests" / "offline")])
    environment = {**os.environ, "PYTHONPATH": offline}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=unzipped.parent, env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == [str(unzipped / "d2l_nin"), "60000", "10000"], (
        done.stderr
    )


def run_make(folder, *arguments):
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_its_makefile_offers_what_works(unzipped):
    shown = run_make(unzipped).stdout
    offered = re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE)
    assert offered == ["help", "setup", "lab", "run", "doctor", "clean"]
    everything = re.findall(
        r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    for target in set(everything) - set(offered):
        done = run_make(unzipped, target)
        assert done.returncode == 0 and "is for those who teach" in done.stdout
    for target in ("lab", "run"):
        assert "setup.sh" in run_make(unzipped, "-n", target).stdout
    for target, said in (("lab", '"my venv/bin/python"'), ("clean", '"my venv" build')):
        assert said in run_make(unzipped, "-n", target, "VENV=my venv").stdout


def test_the_same_bytes_each_time(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    digests = set()
    for name in ("a.zip", "b.zip"):
        said = make(tmp_path / name)
        assert "chapters" in said
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        names = bundle.namelist()
        assert names == sorted(names)
        dates = {info.date_time for info in bundle.infolist()}
    assert dates == {date_of(ROOT)} and date_of(ROOT)[0] > 2020
    assert date_of(tmp_path)[:3] == time.gmtime()[:3], "not committed: today"
    assert list(tmp_path.glob("*.partial")) == []


def test_a_part_that_is_missing_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no LICENSE"):
        course_files(tmp_path)
