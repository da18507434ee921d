"""Floor 3: a script that runs submitted notebooks, each in a child of its own.

`grade` starts it: `python -m d2l_nin.grade_one SETTINGS`. It loads MXNet once, and
forks a child for each request that comes as a line of JSON on standard input. While
a child runs, this process watches its time, memory and processes. When a child dies
in one exercise, the next one goes on behind it.

The child runs the cells that an exercise needs, catches what the check was called
with, puts back whatever the notebook has changed in modules, and lets a copy of the
checks judge that no import in the notebook reaches. What it finds comes back through
a pipe, marked with a token.

This protects from mistakes and mischief: loops that never end, floods, `os._exit`,
eaten memory, redefined checks. It does not protect from code written to break out:
it runs under your account, may read what you may read, and might search the memory
of its own process for the token. Grade what you can't trust in a container.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import importlib
import json
import os
import re
import secrets
import select
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from d2l_nin.dataflow import (
    Names,
    definitions_of,
    imported_by,
    names_of,
    needed_cells,
)
from d2l_nin.pristine import Pristine

FILE_BYTES = 256 * 2**20  # what a submission may write into one file
MOST_PROCESSES = 32
MOST_CHARACTERS = 20_000  # of a cell; of a line of a verdict a tenth
WHOLE_TAKES = 10  # times the seconds, for a notebook that runs whole
_CATCH = "__answer_of__"
_LINUX = sys.platform == "linux"
_CHECK = re.compile(r"\bch(\d\d)\.(\w+)\s*\(")
# What looking at a cell may raise: it is no Python, or too deep for `ast`.
_NOT_UNDERSTOOD = (SyntaxError, ValueError, RecursionError, MemoryError)


# --- what a child is allowed -----------------------------------------------------


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _refuse_network(event: str, _) -> None:
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
                 "socket.getaddrinfo", "socket.gethostbyname"):  # fmt: skip
        raise PermissionError("there is no network while notebooks are graded")


def _cut_network() -> None:
    """For Python by an audit hook; for all programs where the system lets us."""
    if _LINUX:
        libc = ctypes.CDLL(None)
        new_user, new_net = 0x10000000, 0x40000000
        if libc.unshare(new_net) != 0:
            libc.unshare(new_user | new_net)
    sys.addaudithook(_refuse_network)


def _confine(folder: Path, memory: int) -> None:
    """A session, limits, folders and no network: what a notebook gets."""
    import resource

    os.setsid()
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the one that watches
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    if _LINUX:  # against one huge piece; what is really used is looked at all the time
        addresses = 2 * memory + 2**30
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.chdir(folder)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MXNET_HOME",
                 "D2L_NIN_CACHE"):  # fmt: skip
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)
    _cut_network()


# --- a notebook's cells ----------------------------------------------------------


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
    """Turns `check.ch02.padding(answer)` into a call that only notes the arguments."""

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


# --- judging, in the child -------------------------------------------------------


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


# --- watching, in the parent -----------------------------------------------------


@dataclass
class _Progress:
    """What a child has told so far."""

    calls: dict = field(default_factory=dict)
    states: dict = field(default_factory=dict)
    name: str = ""
    cell: int = -1
    note: str = ""
    broke: str = ""
    ended: bool = False
    deadline: float = 0.0


class Watcher:
    """Runs submissions in children and watches them.

    Parameters
    ----------
    settings : dict
        checks (package), seconds, memory (bytes), whole (bool).
    requests, answers : int
        The descriptors that go to `grade`.
    """

    def __init__(self, settings: dict, requests: int, answers: int):
        self.settings, self.requests, self.answers = settings, requests, answers
        self.checks = Checks(settings["checks"])
        self.shell = _make_shell()
        self.pristine = Pristine(self.checks.modules)
        self.peak = 0
        self._show_life()

    def grade(self, path: str) -> dict:
        """Run one submission to its end, in as many children as it takes."""
        start, self.peak = time.perf_counter(), 0
        states, deadly, calls, note = {}, {}, {}, ""
        while True:
            task = {"done": list(states), "deadly": deadly,
                    "whole": self.settings["whole"]}  # fmt: skip
            progress, reason = self._one_child(path, task)
            states.update(progress.states)
            calls.update(progress.calls)
            note = progress.note or note
            if progress.ended:
                break
            if not progress.name or progress.name in states:
                note = note or f"it could not be read: {reason}"
                break
            where = f"In cell {progress.cell + 1} of the notebook's code cells:"
            states[progress.name] = {"status": "killed", "lines": [where, reason]}
            deadly[progress.cell] = reason
        for name, source in calls.items():
            states.setdefault(name, {"status": "killed", "lines": [note]})
            states[name]["source"] = source
        return {
            "states": states,
            "note": note,
            "seconds": round(time.perf_counter() - start, 2),
            "peak_mib": self.peak >> 20,
        }

    def _one_child(self, path: str, task: dict) -> tuple[_Progress, str]:
        folder = _folder_in(self.settings["scratch"])
        token = secrets.token_hex(16)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(reading)
                self._in_child(Path(path), folder, writing, token, task)
                status = 0
            finally:
                os._exit(status)
        os.close(writing)
        progress = _Progress(deadline=time.monotonic() + self.settings["seconds"])
        try:
            reason = self._watch(child, reading, token, progress)
        finally:
            _end_all(child)
            os.close(reading)
            shutil.rmtree(folder, ignore_errors=True)
        return progress, reason

    def _in_child(self, path, folder, writing, token, task) -> None:
        for descriptor in (self.requests, self.answers):
            os.close(descriptor)
        _confine(folder, self.settings["memory"])

        def tell(message: dict) -> None:
            line = f"{token} {json.dumps(message)}\n".encode()
            while line:
                line = line[os.write(writing, line) :]

        try:
            run_notebook(path, self.shell, self.checks, self.pristine, task, tell)
        except Exception as error:
            tell({"broke": f"{type(error).__name__}: {error}"})

    def _watch(self, child: int, reading: int, token: str, progress) -> str:
        """Follow a child to its end; why it was ended, or why it ended."""
        unread, next_look, next_sign = b"", 0.0, 0.0
        while True:
            ready, _, _ = select.select([reading, self.requests], [], [], 0.05)
            if self.requests in ready:  # nothing comes while we are busy: it is closed
                raise SystemExit(1)
            if reading in ready:
                piece = os.read(reading, 1 << 16)
                *lines, unread = (unread + piece).split(b"\n")
                unread = unread[-(1 << 22) :]
                for line in lines:
                    self._note(line, token.encode(), progress)
                if progress.ended:
                    return ""
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                self._drain(reading, unread, token, progress)
                return progress.broke or _how_it_ended(status)
            now = time.monotonic()
            if now > next_sign:
                next_sign = now + 1
                self._show_life()
            if now > progress.deadline:
                return "stopped, as it took too long. Does a loop never end?"
            if now > next_look:
                next_look = now + 0.05
                reason = self._look(child)
                if reason:
                    return reason

    def _show_life(self) -> None:
        """Tell `grade` that it does not wait in vain: a blank, which JSON skips."""
        with contextlib.suppress(BrokenPipeError):  # then `requests` is closed as well
            os.write(self.answers, b" ")

    def _drain(self, reading, unread, token, progress) -> None:
        """What a child wrote before it died."""
        while select.select([reading], [], [], 0)[0]:
            piece = os.read(reading, 1 << 16)
            if not piece:
                break
            *lines, unread = (unread + piece).split(b"\n")
            for line in lines:
                self._note(line, token.encode(), progress)

    def _note(self, line: bytes, token: bytes, progress: _Progress) -> None:
        mark, _, text = line.partition(b" ")
        if mark != token:
            return
        message = json.loads(text)
        progress.calls = message.get("calls", progress.calls)
        progress.cell = message.get("cell", progress.cell)
        progress.note = message.get("note", progress.note)
        progress.broke = message.get("broke", "")
        progress.ended = message.get("end", False)
        if "begin" in message:
            progress.name = message["begin"]
        if "begin" in message or "whole" in message:
            seconds = self.settings["seconds"]
            seconds *= WHOLE_TAKES if message["whole"] else 1
            progress.deadline = time.monotonic() + seconds
        if "state" in message:
            progress.states[message["name"]] = message["state"]

    def _look(self, child: int) -> str:
        """Why memory or processes of a child are too many; empty when they aren't."""
        total, processes = 0, _family(child)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += _memory(process, alone=len(processes) == 1)
        self.peak = max(self.peak, total)
        if total > self.settings["memory"]:
            most = self.settings["memory"] >> 20
            return f"stopped, as it took more than {most:,} MiB of memory."
        if len(processes) > MOST_PROCESSES:
            return f"stopped, as it started more than {MOST_PROCESSES} processes."
        return ""


def _folder_in(scratch: str) -> Path:
    """A new folder; a notebook, or one of us that ended, may have removed `scratch`."""
    os.makedirs(scratch, 0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=scratch))


def _memory(process: psutil.Process, alone: bool) -> int:
    """Bytes that a process uses; what it shares with others is shared out."""
    if alone or not _LINUX:
        return process.memory_info().rss
    return process.memory_full_info().pss


def _how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {each.value: each.name for each in signal.Signals}  # not all have one
        return f"its process was ended by the signal {names.get(number, number)}."
    return f"its process ended itself with status {os.WEXITSTATUS(status)}."


def _family(child: int) -> list[psutil.Process]:
    """A child and all that it started; its orphans are ours, as a subreaper's."""
    with contextlib.suppress(psutil.Error):
        if _LINUX:
            return psutil.Process().children(recursive=True)
        process = psutil.Process(child)
        return [process, *process.children(recursive=True)]
    return []


def _end_all(child: int) -> None:
    """Kill a child, its session and whatever it started, until nothing is left."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        family = _family(child)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not _family(child):
            return
        time.sleep(0.01)


def _make_shell():
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


def main() -> None:
    """Answer each line on standard input, {"path": …}, with one of what was found."""
    settings = json.loads(sys.argv[1])
    home = _folder_in(settings["scratch"])
    os.environ["HOME"] = os.environ["IPYTHONDIR"] = str(home)
    try:
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot

        _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        # Not 0 and 1: no stray print shall find these.
        requests, answers = os.dup(0), os.dup(1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        watcher = Watcher(settings, requests, answers)
        lines = open(requests, "rb", buffering=0)  # noqa: SIM115
        out = open(answers, "wb")  # noqa: SIM115
        for line in lines:
            try:
                found = watcher.grade(json.loads(line)["path"])
            except Exception as error:  # it must not cost the submissions behind it
                error = f"{type(error).__name__}: {error}"
                note = f"the process that watches it failed: {error}"
                found = {"states": {}, "note": note, "seconds": 0, "peak_mib": 0,
                         "again": True}  # fmt: skip
            out.write(json.dumps(found).encode() + b"\n")
            out.flush()
    finally:
        shutil.rmtree(home, ignore_errors=True)
        with contextlib.suppress(OSError):  # the last one, if `grade` was killed
            os.rmdir(settings["scratch"])


if __name__ == "__main__":
    main()
