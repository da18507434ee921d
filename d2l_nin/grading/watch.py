"""A script that runs submitted notebooks, each in a child of its own.

`grade` starts it: `python -m d2l_nin.grading.watch SETTINGS`. It loads MXNet once, and
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

import contextlib
import json
import os
import secrets
import select
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from d2l_nin.grading.notebook import Checks, make_shell, run_notebook
from d2l_nin.grading.pristine import Pristine
from d2l_nin.grading.sandbox import (
    confine,
    end_all,
    family,
    folder_in,
    how_it_ended,
    memory_of,
    prctl,
)

__all__ = ["Watcher"]

MOST_PROCESSES = 32
WHOLE_TAKES = 10  # times the seconds, for a notebook that runs whole


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
        self.shell = make_shell()
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
        folder = folder_in(self.settings["scratch"])
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
            end_all(child)
            os.close(reading)
            shutil.rmtree(folder, ignore_errors=True)
        return progress, reason

    def _in_child(self, path, folder, writing, token, task) -> None:
        for descriptor in (self.requests, self.answers):
            os.close(descriptor)
        confine(folder, self.settings["memory"])

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
                return progress.broke or how_it_ended(status)
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
        total, processes = 0, family(child)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += memory_of(process, alone=len(processes) == 1)
        self.peak = max(self.peak, total)
        if total > self.settings["memory"]:
            most = self.settings["memory"] >> 20
            return f"stopped, as it took more than {most:,} MiB of memory."
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
