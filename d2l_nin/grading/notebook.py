"""One submission while it runs, in a process of its own: its cells, and judging."""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from d2l_nin.grading.dataflow import (
    Names,
    definitions_of,
    imported_by,
    names_of,
    needed_cells,
)

__all__ = ["Checks", "NotANotebook", "make_shell", "read_cells", "run_notebook"]

MOST_CHARACTERS = 20_000  # of a cell; of a line of a verdict a tenth
_CATCH = "__answer_of__"
_CHECK = re.compile(r"\bch(\d\d)\.(\w+)\s*\(")
# What looking at a cell may raise: it is no Python, or too deep for `ast`.
_NOT_UNDERSTOOD = (SyntaxError, ValueError, RecursionError, MemoryError)


class NotANotebook(Exception):
    """A file can't be read as a notebook; says why."""


def read_cells(raw: bytes) -> list[str]:
    """The sources of a notebook's code cells, of format 3 or 4.

    Raises
    ------
    NotANotebook
    """
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"not a notebook: {error}") from None
    try:
        if "worksheets" in content:
            content = content["worksheets"][0]
        sources = [
            cell["input"] if "input" in cell else cell["source"]
            for cell in content["cells"]
            if cell["cell_type"] == "code"
        ]
        return ["".join(source) for source in sources]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise NotANotebook("not a notebook: it has no list of cells") from None


class _CatchAnswers(ast.NodeTransformer):
    """Turns `check.ch02.output_size(answer)` into a call that notes the arguments."""

    def __init__(self, known):
        self.known = known

    def visit_Call(self, node):
        self.generic_visit(node)
        name = _called_check(node)
        if name not in self.known:
            return node
        call = ast.Call(
            func=ast.Name(id=_CATCH, ctx=ast.Load()),
            args=[ast.Constant(name), *node.args],
            keywords=node.keywords,
        )
        return ast.fix_missing_locations(ast.copy_location(call, node))


def _called_check(node: ast.Call) -> str:
    """What a call of a check names: "ch02.padding"; other calls give other names."""
    if not isinstance(node.func, ast.Attribute):
        return ""
    owner = node.func.value
    return f"{getattr(owner, 'attr', getattr(owner, 'id', ''))}.{node.func.attr}"


@dataclass
class _Cell:
    source: str
    names: Names = field(default_factory=Names)
    tree: ast.Module | None = None  # None if it is no Python
    checks: list = field(default_factory=list)
    definitions: str = ""  # what is left of the source, its lines where they were
    unanswered: bool = False


def _understand(source: str, transform, known) -> _Cell:
    """A cell with its names and the checks it calls."""
    cell = _Cell(source)
    try:
        plain = transform(source)
        tree = ast.parse(plain)
        cell.definitions = _only(definitions_of(tree), plain)
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        calls = [c for c in calls if _called_check(c) in known]
        cell.checks = list(map(_called_check, calls))
        cell.unanswered = _is_left_open(tree, calls)
        cell.tree = _CatchAnswers(known).visit(tree)
    except _NOT_UNDERSTOOD:
        found = (f"ch{chapter}.{name}" for chapter, name in _CHECK.findall(source))
        cell.checks = [name for name in found if name in known]
    return cell


def _only(statements, source: str) -> str:
    """A source with other statements' lines left blank."""
    kept = {n for s in statements for n in range(s.lineno, s.end_lineno + 1)}
    lines = source.splitlines()
    return "\n".join(line if n in kept else "" for n, line in enumerate(lines, 1))


def _is_left_open(tree: ast.Module, calls: list[ast.Call]) -> bool:
    """Whether a cell says `answer = ...`, and its checks get nothing but that."""
    if not all(c.args and getattr(c.args[0], "id", "") == "answer" for c in calls):
        return False
    stores = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "answer"
              and not isinstance(n.ctx, ast.Load)]  # fmt: skip
    dots = [
        s for s in tree.body
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
        and s.targets[0].id == "answer"
        and isinstance(s.value, ast.Constant) and s.value.value is ...
    ]  # fmt: skip
    named = any(getattr(n, "name", "") == "answer" for n in ast.walk(tree))
    return len(stores) == len(dots) == 1 and not named


class Checks:
    """A copy of the checks that no import in a notebook reaches.

    Parameters
    ----------
    package : str
        "d2l_nin.checks", or another that has `exercises_of` and modules ch01, ….
    """

    def __init__(self, package: str):
        importlib.import_module(package)

        def is_ours(name):
            return f"{name}.".startswith((f"{package}.", "d2l_nin.checks."))

        public = {name: sys.modules.pop(name) for name in [*sys.modules]
                  if is_ours(name)}  # fmt: skip
        copy = importlib.import_module(package)
        self.verdict = sys.modules["d2l_nin.checks.exercise"].Verdict
        self.modules = [m for name, m in sys.modules.items() if is_ours(name)]
        sys.modules.update(public)
        for name, module in public.items():
            parent, _, last = name.rpartition(".")
            setattr(sys.modules[parent], last, module)
        chapters = [n[2:] for n in vars(copy) if re.fullmatch(r"ch\d\d", n)]
        self.by_name = {
            exercise.name: exercise
            for chapter in sorted(chapters)
            for exercise in copy.exercises_of(chapter).values()
        }


class _Notebook:
    """One submission while it runs, in the child."""

    def __init__(self, sources, shell, checks, pristine, tell):
        self.shell, self.checks, self.pristine, self.tell = (
            shell, checks, pristine, tell
        )  # fmt: skip
        self.cells = [
            _understand(source, shell.transform_cell, checks.by_name)
            for source in sources
        ]
        parsed = [cell for cell in self.cells if cell.tree]
        imported = frozenset().union(*(imported_by(cell.tree) for cell in parsed))
        for cell in parsed:
            # The parser lets slips like `def f(a, a)` pass. Such a cell has no names,
            # as one that it refuses.
            with contextlib.suppress(*_NOT_UNDERSTOOD):
                cell.names = names_of(cell.tree, imported)
        self.caught, self.ran, self.deadly = {}, set(), {}
        self.catch_answers = _CatchAnswers(checks.by_name)
        shell.user_ns[_CATCH] = self._catch

    def last_calls(self) -> dict[str, int]:
        """Each exercise that is called, and the last cell that does."""
        return {name: i for i, cell in enumerate(self.cells) for name in cell.checks}

    def _catch(self, name, *arguments, **named):
        self.caught[name] = arguments, named
        return self.checks.verdict(name, "right", ())

    def _run(self, i: int, definitions: bool = False):
        """Run a cell, or what it defines; its error or None."""
        self.tell({"cell": i})
        self.ran |= {(i, True), (i, definitions)}
        cell = self.cells[i]
        source = cell.definitions if definitions else cell.source
        # Each time: IPython drops it after a cell that is too deep for it.
        self.shell.ast_transformers[:] = [self.catch_answers]
        try:
            result = self.shell.run_cell(source, silent=True)
        except RecursionError as error:  # the compiler's, which IPython does not expect
            return error
        self.shell.user_ns[_CATCH] = self._catch
        return result.error_before_exec or result.error_in_exec

    def answer(self, name: str, target: int, whole: bool) -> dict:
        """Run what an exercise needs, and judge."""
        if self.cells[target].unanswered and not whole:
            self.caught[name] = (...,), {}
            return self._judge(name)
        all_before = [(i, False) for i in range(target)]
        wanted = all_before if whole else needed_cells(
            [cell.names for cell in self.cells], target
        )  # fmt: skip
        for i, definitions in wanted:
            if i in self.deadly:
                return self._failed(f"It needs cell {i + 1}: {self.deadly[i]}")
            if (i, definitions) in self.ran:
                continue
            error = self._run(i, definitions)
            if error is not None and wanted != all_before:
                return self._again_whole(name, target)
        error = self._run(target)
        if name in self.caught:
            return self._judge(name)
        if isinstance(error, NameError) and not whole:
            return self._again_whole(name, target)
        if error is None:
            return self._failed("The cell ended before it called the check.")
        return self._failed(
            "Its cell raised an error:", f"{type(error).__name__}: {error}"
        )

    def _again_whole(self, name: str, target: int) -> dict:
        self.tell({"whole": True})
        self.ran = set()
        self.caught.pop(name, None)
        return self.answer(name, target, whole=True)

    def _failed(self, *lines: str) -> dict:
        return {"status": "failed", "lines": lines}

    def _judge(self, name: str) -> dict:
        arguments, named = self.caught.pop(name)
        self.pristine.put_back()
        try:
            verdict = self.checks.by_name[name].judge(*arguments, **named)
        except TypeError as error:
            return self._failed("The check can't be called like this:", str(error))
        changed = self.pristine.changes()
        if changed:
            self.pristine.put_back()
            return self._failed(f"The answer changes {changed[0]} while it is checked.")
        return {"status": verdict.status, "lines": list(verdict.lines)}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + " …"


def run_notebook(path: Path, shell, checks, pristine, task: dict, tell) -> None:
    """Answer every exercise of a notebook that `task` does not call done."""
    tell({"cell": -1})
    try:
        sources = read_cells(path.read_bytes())
    except NotANotebook as error:
        tell({"note": str(error), "end": True})
        return
    except OSError as error:
        tell({"note": f"it can't be read: {error.strerror}", "end": True})
        return
    notebook = _Notebook(sources, shell, checks, pristine, tell)
    notebook.deadly = {int(i): reason for i, reason in task["deadly"].items()}
    calls = notebook.last_calls()
    tell({"calls": {name: _cut(sources[i], MOST_CHARACTERS)
                    for name, i in calls.items()}})  # fmt: skip
    for name, i in calls.items():
        if name in task["done"]:
            continue
        tell({"begin": name, "whole": task["whole"]})
        state = notebook.answer(name, i, task["whole"])
        state["lines"] = [_cut(x, MOST_CHARACTERS // 10) for x in state["lines"]]
        tell({"name": name, "state": state})
    if not calls:
        tell({"note": "no call of a check was found in it"})
    tell({"end": True})


def make_shell():
    """An IPython without history, whose figures are drawn nowhere."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """`%matplotlib inline` asks for it."""

        def showtraceback(self, *_, **__):
            """Nobody looks, and to make one takes long."""

        showsyntaxerror = showindentationerror = showtraceback

        def _tee(self, channel):
            """IPython 9 would keep all that is printed."""
            return contextlib.nullcontext()

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = Shell.instance(config=config)
    shell.user_ns["exit"] = shell.user_ns["quit"] = sys.exit
    return shell
