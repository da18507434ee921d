"""Every command and every line of Python in what is written about the course.

Python runs. Commands are understood: what they name is there, the options are parsed,
and nothing is installed, trained or built.
"""

import ast
import doctest
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy
import pytest

import d2l_nin
from d2l_nin import checks, cli

ROOT = Path(__file__).parent.parent
BINDER = ROOT / "binder"
PAGES = ("README.md", "CONTRIBUTING.md")
INLINE = re.compile(
    r"`((?:PYTHON=\S+ )?(?:make|(?:\.venv/bin/)?python|pytest|conda|docker)"
    r"(?: [^`]*)?)`"
)
STANDS_FOR = {"SUBMISSIONS/": "notebooks/"}  # a folder that is there
MODULES = [
    module.name
    for module in pkgutil.walk_packages(d2l_nin.__path__, "d2l_nin.")
    if not module.name.endswith("__main__")
]


def blocks(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands():
    """Each command in a block or between backquotes, by the page it stands in."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            for line in block.splitlines():
                found += [(page, part) for part in line.split(" && ")]
        text = (ROOT / page).read_text(encoding="utf-8")
        found += [(page, line) for line in INLINE.findall(text)]
    for path in sorted((ROOT / "d2l_nin").rglob("*.py")):
        lines = re.findall(r"`(python -m [^`]*)`", path.read_text(encoding="utf-8"))
        found += [(path.name, line) for line in lines]
    return sorted({(page, line) for page, line in found if line.split("#")[0].strip()})


@pytest.mark.parametrize(("page", "line"), commands())
def test_each_command_is_one(page, line):
    """What it names is there, and its options are understood; make shows its steps."""
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line, comments=True)]
    while "=" in words[0]:
        words = words[1:]
    program, *arguments = words
    if program == "make":
        done = subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    elif program == "sh":
        assert (ROOT / arguments[0]).is_file()
    elif program == "pytest":
        assert all((ROOT / word).exists() for word in arguments if "/" in word)
    elif program == "conda":  # not there
        files = [word for word in arguments if word.endswith(".yml")]
        assert files or arguments == ["activate", "d2l-nin"], line
        assert all((ROOT / file).exists() or BINDER.joinpath(file).exists()
                   for file in files)  # fmt: skip
    elif program == "docker":  # not there either
        assert arguments[0] in ("build", "run") and "d2l-nin" in arguments
    elif arguments and arguments[0] == "-m":
        assert program in (".venv/bin/python", "python"), line
        understood(*arguments[1:])
    else:
        assert program == "python", line
        assert not arguments or (ROOT / arguments[0]).is_file()


def understood(module, *arguments):
    """Such a module is there, and understands these arguments; nothing is done."""
    assert importlib.util.find_spec(module), module
    if module == "d2l_nin" and arguments:
        command = cli.main.commands[arguments[0]]
        # Below the group, as when it is called: click keeps a command's first help
        # option, and without the group that one knows no -h.
        group = click.Context(cli.main, **cli.main.context_settings)
        if arguments[1:]:  # not only its name
            words = list(arguments[1:])
            command.make_context(arguments[0], words, parent=group).close()
    if module == "d2l_nin.checks" and arguments[1:]:  # it only prints
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True,
            text=True,
        )  # fmt: skip
        told = done.stderr.startswith(f"Declare ch{arguments[1]}.{arguments[2]}")
        assert (done.returncode == 0 and done.stdout) or told, done.stderr


def test_commands_that_are_none_are_seen():
    assert len(commands()) > 20
    for line in ("make nothing", "sh nowhere.sh", ".venv/bin/python -m d2l_nin no"):
        with pytest.raises((AssertionError, KeyError)):
            test_each_command_is_one("README.md", line)


def python_blocks():
    return [block for page in PAGES for block in blocks(page, "python")]


@pytest.mark.parametrize("source", python_blocks())
def test_each_line_of_python_runs(source, tmp_path, monkeypatch):
    """On a small net. There is no GPU here, and no float16 without one: both stand in
    for what a CPU has."""
    from mxnet import init, np
    from mxnet.gluon import nn

    from d2l_nin import runtime
    from d2l_nin.datasets import ArrayIter
    from d2l_nin.training import fit

    monkeypatch.chdir(tmp_path)
    X = numpy.arange(8 * 28 * 28, dtype="uint8").reshape(8, 28, 28)
    train_iter = ArrayIter(X, numpy.arange(8) % 2, 4, classes=("a", "b"))
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3), nn.GlobalAvgPool2D(), nn.Flatten())
    if "initialize" not in source:
        net.initialize(init.MSRAPrelu("in", 0))
    names = {"fit": fit, "init": init, "mx": runtime.mx, "net": net, "np": np,
             "runtime": runtime, "test_iter": train_iter,
             "train_iter": train_iter}  # fmt: skip
    exec(source.replace("mx.gpu(", "mx.cpu(").replace("float16", "float32"), names)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def written():
    """The pages, and each docstring of the package."""
    for page in PAGES:
        yield page, (ROOT / page).read_text(encoding="utf-8")
    for path in sorted((ROOT / "d2l_nin").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                yield path.name, ast.get_docstring(node) or ""


def test_checks_and_modules_that_are_named_are_there():
    named = 0
    for where, text in written():
        for chapter, name in re.findall(r"check\.ch(\d\d)\.(\w+)", text):
            assert name in checks.exercises_of(chapter), (where, name)
            named += 1
        for module, names in re.findall(r"from (d2l_nin[\w.]*) import (\w+)", text):
            assert hasattr(importlib.import_module(module), names), (where, names)
    assert named >= 2


def test_conda_is_told_what_setup_does_and_pyproject_names_its_file():
    steps = (ROOT / "README.md").read_text(encoding="utf-8")
    steps = steps[steps.index("With conda") : steps.index("## Chapters")]
    for line in ("pip install --no-deps --no-build-isolation -e .", "course/lab.py"):
        assert line in steps
    names = re.findall(r"[\w.]+\.pth", (ROOT / "pyproject.toml").read_text())
    assert names and all((ROOT / name).is_file() for name in names)
