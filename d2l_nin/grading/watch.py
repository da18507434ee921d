"""A script that runs submitted notebooks, each in a child of its own.

`grade` starts it: `python -m d2l_nin.grading.watch SETTINGS`. It loads MXNet once, and
forks a child for each request that comes as a line of JSON on standard input. While
a child runs, this process watches its time, memory and processes. When a child dies
in one cell, the next child leaves that cell out.

First a quick pass runs the cells below "Exercises", and of those above what they
import and define. Where that does not settle everything, the whole notebook runs, in
order. A cell that takes too long is interrupted, as its author would have to, and the
next one goes on. What the child finds comes back through a pipe, marked with a token.

This protects from mistakes and mischief: loops that never end, floods, `os._exit`,
eaten memory, redefined checks. It does not protect from code written to break out:
it runs under your account, may read what you may read, and might search the memory
of its own process for the token. Grade what you can't trust in a container.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil

from d2l_nin.grading.found import Found
from d2l_nin.grading.judge import Checks
from d2l_nin.grading.notebook import make_shell, run_notebook
from d2l_nin.grading.pristine import Pristine
from d2l_nin.grading.sandbox import (
    bring,
    confine,
    end_all,
    family,
    folder_in,
    how_it_ended,
    memory_of,
    prctl,
)
from d2l_nin.grading.submissions import files_beside

__all__ = ["Watcher"]

MOST_PROCESSES = 32
ALL_TAKE = 10  # times the seconds of a cell, for all passes together
GRACE = 2  # seconds for a cell to end that was interrupted
TOO_LONG = "stopped, as it took too long. Does a loop never end?"


class _OutOfTime(Exception):
    """All passes together took too long."""


class _Child:
    """The process of one pass, and how far it is."""

    def __init__(self, pid: int, reading: int, found: Found, seconds: float):
        self.pid, self.reading, self.found = pid, reading, found
        self.token, self.unread = b"", b""
        self.seconds, self.deadline = seconds, time.monotonic() + seconds
        self.interrupted = False

    def begin_cell(self) -> None:
        """Give the next cell its time."""
        self.deadline = time.monotonic() + self.seconds
        self.interrupted = False

    def read(self) -> bool:
        """Take in what it wrote; False at its end."""
        piece = os.read(self.reading, 1 << 16)
        *lines, unread = (self.unread + piece).split(b"\n")
        self.unread = unread[-(1 << 22) :]
        for line in lines:
            mark, _, text = line.partition(b" ")
            if mark == self.token:
                self.found.hear(json.loads(text))
                self.begin_cell()
        return piece != b""

    def read_rest(self) -> None:
        """Take in what it had written when it ended."""
        while select.select([self.reading], [], [], 0)[0] and self.read():
            """There may be more."""

    def is_late(self) -> bool:
        """Whether it has to be killed; a cell that is late is interrupted first."""
        if time.monotonic() < self.deadline:
            return False
        if self.interrupted or self.found.cell < 0:
            return True
        self.interrupted, self.deadline = True, time.monotonic() + GRACE
        self.found.stopped[self.found.cell] = TOO_LONG
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        return False


class Watcher:
    """Runs submissions in children and watches them.

    Parameters
    ----------
    settings : dict
        checks (package), seconds, memory (bytes), scratch.
    requests, answers : int
        The descriptors that go to `grade`.
    """

    def __init__(self, settings: dict, requests: int, answers: int):
        self.settings, self.requests, self.answers = settings, requests, answers
        self.checks = Checks(settings["checks"])
        self.shell = make_shell()
        self.pristine = Pristine(self.checks.modules)
        self.peak, self.over = 0, 0.0
        self._show_life()

    def grade(self, path: str, beside: bool) -> dict:
        """Run one submission to its end, in as many children as it takes."""
        start, self.peak = time.perf_counter(), 0
        self.over = time.monotonic() + ALL_TAKE * self.settings["seconds"]
        found = Found()
        with contextlib.suppress(_OutOfTime):
            self._passes(Path(path), beside, found)
        return {
            **found.result(),
            "whole": found.whole,
            "seconds": round(time.perf_counter() - start, 2),
            "peak_mib": self.peak >> 20,
        }

    def _passes(self, path: Path, beside: bool, found: Found) -> None:
        for whole in (False, True):
            if whole:
                if found.is_settled():
                    return
                found.begin_whole()
            while not self._one_child(path, beside, found):
                """A cell ended it; it is left out."""

    def _one_child(self, path: Path, beside: bool, found: Found) -> bool:
        """Run a pass; whether it came to its end."""
        folder = folder_in(self.settings["scratch"])
        found.cell, found.ended, found.broke = -1, False, ""
        task = {"whole": found.whole, "skip": [*found.stopped]}
        token = secrets.token_hex(16)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reading)
                self._in_child(path, beside, folder, (writing, token), task)
            finally:
                os._exit(0)
        os.close(writing)
        child = _Child(pid, reading, found, self.settings["seconds"])
        child.token = token.encode()
        try:
            reason = self._watch(child)
        finally:
            end_all(pid)
            os.close(reading)
            shutil.rmtree(folder, ignore_errors=True)
        if not found.ended and found.cell < 0:
            found.note = found.note or f"it could not be read: {reason}"
        elif not found.ended:
            found.stopped[found.cell] = reason
        return found.ended or found.cell < 0

    def _in_child(self, path, beside, folder, where, task) -> None:
        writing, token = where
        for descriptor in (self.requests, self.answers):
            os.close(descriptor)
        confine(folder, self.settings["memory"])
        dumps, write = json.dumps, os.write  # the notebook may replace them

        def tell(message: dict) -> None:
            line = f"{token} {dumps(message)}\n".encode()
            while line:
                line = line[write(writing, line) :]

        try:
            if beside:
                bring(files_beside(path), path.parent, folder)
            run_notebook(path, self.shell, self.checks, self.pristine, task, tell)
        except Exception as error:
            tell({"broke": f"{type(error).__name__}: {error}"})

    def _watch(self, child: _Child) -> str:
        """Follow a child to its end; why it was ended, or why it ended."""
        next_look = next_sign = 0.0
        while True:
            streams = [child.reading, self.requests]
            ready, _, _ = select.select(streams, [], [], 0.05)
            if self.requests in ready:  # nothing comes while we are busy: it is closed
                raise SystemExit(1)
            if child.reading in ready:
                child.read()
                if child.found.ended:
                    return ""
            done, status = os.waitpid(child.pid, os.WNOHANG)
            if done:
                child.read_rest()
                return child.found.broke or how_it_ended(status)
            now = time.monotonic()
            self._check_all_time(child.found)
            if child.is_late():
                return TOO_LONG
            if now > next_sign:
                next_sign = now + 1
                self._show_life()
            if now > next_look:
                next_look = now + 0.05
                reason = self._look(child)
                if reason:
                    return reason

    def _check_all_time(self, found: Found) -> None:
        if time.monotonic() > self.over:
            found.note = "all its cells together took too long"
            raise _OutOfTime

    def _show_life(self) -> None:
        """Tell `grade` that it does not wait in vain: a blank, which JSON skips."""
        with contextlib.suppress(BrokenPipeError):  # then `requests` is closed as well
            os.write(self.answers, b" ")

    def _look(self, child: _Child) -> str:
        """Why memory or processes of a child are too many; empty when they aren't."""
        total, processes = 0, family(child.pid)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += memory_of(process, alone=len(processes) == 1)
        self.peak = max(self.peak, total)
        most = self.settings["memory"]
        asked = child.found.first_words.get("mib")
        if asked:  # a chapter's own limit is for the chapter; an answer may need more
            most = min(most, int(2 * asked * 2**20))
        if total > most:
            return f"stopped, as it took more than {most >> 20:,} MiB of memory."
        if len(processes) > MOST_PROCESSES:
            return f"stopped, as it started more than {MOST_PROCESSES} processes."
        return ""


def main() -> None:
    """Answer each line on standard input, {"path": …}, with one of what was found."""
    settings = json.loads(sys.argv[1])
    home = folder_in(settings["scratch"])
    os.environ["HOME"] = os.environ["IPYTHONDIR"] = str(home)
    try:
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot

        prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        # Not 0 and 1: no stray print shall find these.
        requests, answers = os.dup(0), os.dup(1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        watcher = Watcher(settings, requests, answers)
        lines = open(requests, "rb", buffering=0)  # noqa: SIM115
        out = open(answers, "wb")  # noqa: SIM115
        for line in lines:
            try:
                found = watcher.grade(**json.loads(line))
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
