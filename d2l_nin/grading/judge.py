"""Judging an answer beside the notebook that gave it.

Whatever calls a check while a notebook runs comes here: `Judge` puts itself in the
place of `Exercise.judge`, which every check goes through, under whatever name it was
imported. The process is copied; in the copy all that the notebook has changed in
modules is put back, and a copy of the checks judges that no import in the notebook
reaches. The notebook itself goes on as if nobody had looked.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import json
import os
import re
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from d2l_nin.grading.pristine import Pristine
from d2l_nin.grading.sandbox import how_it_ended, prctl

__all__ = ["Checks", "Judge"]

MOST_CHARACTERS = 2_000  # of a line of a verdict
_IPYTHONS = ("builtins.exit", "builtins.quit")  # it changes them while a cell runs
_GRACE = 5  # seconds that a check may take beyond its limit


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
        self.modules = [m for name, m in sys.modules.items() if is_ours(name)]
        sys.modules.update(public)
        for name, module in public.items():
            parent, _, last = name.rpartition(".")
            setattr(sys.modules[parent], last, module)
        self.public = public["d2l_nin.checks.exercise"].Exercise
        self.verdict = public["d2l_nin.checks.exercise"].Verdict
        self.chapters = sorted(n[2:] for n in vars(copy) if re.fullmatch(r"ch\d\d", n))
        self.by_name = {
            exercise.name: exercise
            for chapter in self.chapters
            for exercise in copy.exercises_of(chapter).values()
        }


class Judge:
    """Hears every call of a check in a notebook, and has it judged in a copy.

    Parameters
    ----------
    checks : Checks
    pristine : Pristine
    on_verdict : function (name, state)
        Called in the notebook's process.
    really : bool
        Call the check itself as well, as in the student's notebook, so that what it
        does to an answer is done.
    """

    def __init__(self, checks: Checks, pristine: Pristine, on_verdict, really: bool):
        self.checks, self.pristine, self.really = checks, pristine, really
        self.on_verdict = on_verdict
        public = checks.public
        self._before = public.judge, public.__call__
        self._code = public.__call__.__code__
        self._right, self._folder = set(), os.getcwd()

    def listen(self) -> None:
        """Take the place of `Exercise.judge`, whatever a notebook has put there."""

        def judge(exercise, *arguments, **named):
            return self._hear(exercise, arguments, named)

        public, (_, call) = self.checks.public, self._before
        call.__code__ = self._code
        public.judge, public.__call__ = judge, call

    def _hear(self, exercise, arguments, named):
        state = {"status": "right", "lines": []}
        if exercise.name not in self._right and exercise.name in self.checks.by_name:
            state = self._apart(exercise.name, arguments, named)
            self.on_verdict(exercise.name, state)
            if state["status"] == "right":
                self._right.add(exercise.name)
        if self.really and state["status"] != "killed":
            return self._before[0](exercise, *arguments, **named)
        return self.checks.verdict(exercise.name, state["status"], (*state["lines"],))

    def _apart(self, name: str, arguments, named) -> dict:
        """Judge in a copy of this process; what it does there stays there."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the notebook
                os.close(reading)
                said = json.dumps(self._judge(name, arguments, named)).encode()
                while said:
                    said = said[os.write(writing, said) :]
            finally:
                os._exit(0)
        os.close(writing)
        status = 0
        try:
            seconds = self.checks.by_name[name].seconds + _GRACE
            said, in_time = _read(reading, time.monotonic() + seconds)
        finally:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                status = os.waitpid(child, 0)[1]
        with suppress(ValueError):
            return json.loads(said)
        if not in_time:
            return {"status": "too slow", "lines": [f"Stopped after {seconds:g} s."]}
        lines = ["While the answer was tried:", how_it_ended(status)]
        return {"status": "killed", "lines": lines}

    def _judge(self, name: str, arguments, named) -> dict:
        self.checks.public.judge = self._before[0]
        changed = [n for n in self.pristine.changes() if n not in _IPYTHONS]
        self.pristine.put_back()
        _last_on_the_path(self._folder)
        try:
            verdict = self.checks.by_name[name].judge(*arguments, **named)
        except TypeError as error:
            lines = ["The check can't be called like this:", str(error)]
            return {"status": "failed", "lines": lines}
        lines = [line[:MOST_CHARACTERS] for line in verdict.lines]
        changes = self.pristine.changes()
        if changes:
            said = f"The answer changes {changes[0]} while it is checked."
            return {"status": "failed", "lines": [said]}
        if changed and verdict.status not in ("right", "unanswered"):
            lines.append(f"The notebook has changed {changed[0]}; it was put back.")
        return {"status": verdict.status, "lines": lines}


def _read(reading: int, deadline: float) -> tuple[bytes, bool]:
    """(what was written until it was closed, whether that was in time)."""
    said = b""
    while select.select([reading], [], [], max(deadline - time.monotonic(), 0))[0]:
        piece = os.read(reading, 1 << 16)
        if not piece:
            return said, True
        said += piece
    return said, False


def _last_on_the_path(folder: str) -> None:
    """A student's modules are found, but none takes the place of one that is installed.

    A check may import more than it has until now: `csv.py` in the student's folder
    must not be what it gets.
    """
    others = [entry for entry in sys.path if entry not in ("", folder)]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if Path(file).parent == Path(folder) and (
            importlib.machinery.PathFinder.find_spec(name, others)
        ):
            del sys.modules[name]
    sys.path[:] = [*others, folder]
    importlib.invalidate_caches()
