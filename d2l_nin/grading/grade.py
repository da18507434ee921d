"""Grading a folder of submitted notebooks.

Each is run by `watch`, in a process of its own; what protects from whom is said
there. What comes back goes to a journal beside the table at once, so that a run that
was interrupted goes on, and nothing piles up in memory.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from d2l_nin.grading.journal import Journal, digest_of
from d2l_nin.grading.submissions import Limits, Submission

__all__ = ["grade_all", "safe_path"]

MOST_SILENT = 60  # seconds; the process that watches gives a sign of life each second


class _Runner:
    """A process of `watch`, which takes one submission after the other.

    Parameters
    ----------
    package : str
    limits : Limits
    scratch : str
        A folder for all that it writes.
    path : list of str
        Where it finds Python's modules.
    """

    def __init__(self, package: str, limits: Limits, scratch: str, path: list):
        settings = {"checks": package, "seconds": limits.seconds, "scratch": scratch,
                    "memory": limits.memory}  # fmt: skip
        self._command = [sys.executable, "-m", "d2l_nin.grading.watch"]
        self._command.append(json.dumps(settings))
        # As many notebooks run at a time as there are cores: each gets one.
        self._environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            "D2L_NIN_LIVE": "0", "MPLBACKEND": "agg",
            "PYTHONPATH": os.pathsep.join(path),
        }  # fmt: skip
        self.task, self._said, self._last = None, b"", 0.0
        self._process = self._started()
        self._is_up = False  # it says the first word when it can take tasks

    def _started(self) -> subprocess.Popen:
        # Not in the folder of submissions: what lies there is not to be imported.
        return subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True, cwd=os.sep,
        )  # fmt: skip

    @property
    def answers(self):
        """The stream on which it says what it found."""
        return self._process.stdout

    def give(self, task) -> None:
        self.task, self._said, self._last = task, b"", time.monotonic()
        path = os.path.abspath(task[0].path)
        request = json.dumps({"path": path, "beside": task[0].beside})
        # One that is dead is noticed when it should answer.
        with suppress(BrokenPipeError):
            self._process.stdin.write(request.encode() + b"\n")
            self._process.stdin.flush()

    def hear(self) -> bool:
        """Read what it says; whether it is done, or has ended."""
        piece = os.read(self.answers.fileno(), 1 << 16)
        self._said += piece
        self._last = time.monotonic()
        self._is_up = self._is_up or piece != b""
        return not piece or piece.endswith(b"\n")

    def is_silent(self, now: float) -> bool:
        """Whether there was no sign of life for too long, as when it was stopped."""
        return self._is_up and now - self._last > MOST_SILENT

    def take(self) -> dict:
        """What was found; if the process itself ended or hangs, that, and a new starts.

        Raises
        ------
        RuntimeError
            It does not even start.
        """
        if self._said.endswith(b"\n"):
            return json.loads(self._said)
        hangs = self.is_silent(time.monotonic())
        self.stop()
        if not self._is_up:
            raise RuntimeError("the process that grades stopped; its words are above")
        self._process, self._is_up = self._started(), False
        note = "it ended the process that watches it"
        if hangs:
            note = f"it stopped the process that watches it: silent for {MOST_SILENT} s"
        return {"states": {}, "note": note, "seconds": 0, "peak_mib": 0}

    def stop(self) -> None:
        """Let it end what it runs, and wait for that."""
        self._process.send_signal(signal.SIGCONT)  # if it was stopped, it can't end
        with suppress(OSError):
            self._process.stdin.close()  # it ends what it runs, and itself
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            family = psutil.Process(self._process.pid).children(recursive=True)
            for process in [*family, self._process]:
                with suppress(psutil.Error):
                    process.kill()
            self._process.wait()
        self.answers.close()


def safe_path(submissions: Path | None) -> list[str]:
    """Where modules are looked for, without what lies in the folder of submissions.

    Parameters
    ----------
    submissions : Path or None
    """
    entries = [os.path.abspath(entry) for entry in sys.path]
    if submissions is None:
        return entries
    there = os.path.realpath(submissions)
    return [
        entry for entry in entries
        if os.path.commonpath([os.path.realpath(entry), there]) != there
    ]  # fmt: skip


class _Runners:
    """As many processes as run at a time, each with one submission.

    Parameters
    ----------
    journal : Journal
    make : function () -> _Runner
    """

    def __init__(self, journal: Journal, make):
        self.journal, self.make = journal, make
        self.idle, self.busy = [], selectors.DefaultSelector()

    def num_busy(self) -> int:
        return len(self.busy.get_map())

    def give(self, submission: Submission, digest: str) -> None:
        """Start with a submission."""
        runner = self.idle.pop() if self.idle else self.make()
        runner.give((submission, digest))
        self.busy.register(runner.answers, selectors.EVENT_READ, runner)

    def done(self) -> Iterator[tuple[Submission, dict]]:
        """Those that are done within a second."""
        now = time.monotonic()  # before, so that whoever stops us makes nobody late
        heard = {key.data for key, _ in self.busy.select(1)}
        for key in list(self.busy.get_map().values()):
            runner = key.data
            if not (runner.hear() if runner in heard else runner.is_silent(now)):
                continue
            self.busy.unregister(key.fileobj)
            submission, digest = runner.task
            found = runner.take()
            self.idle.append(runner)
            self.journal.add(submission, "" if "again" in found else digest, found)
            yield submission, found

    def stop(self) -> None:
        for runner in [*self.idle, *(k.data for k in self.busy.get_map().values())]:
            runner.stop()
        self.busy.close()


def grade_all(
    submissions, journal: Journal, limits: Limits, jobs: int,
    package: str = "d2l_nin.checks", folder: Path | None = None,
) -> Iterator[tuple[Submission, dict | None]]:  # fmt: skip
    """Run the submissions that the journal does not hold; yields each when it is done.

    Parameters
    ----------
    submissions : iterable of Submission
    journal : Journal
    limits : Limits
    jobs : int
        How many run at a time.
    package : str
        Where the checks are.
    folder : Path
        Of the submissions: no module is imported from there.

    Yields
    ------
    submission, found
        `found` is None for one that the journal held already.
    """
    # One folder for all that they write: gone at the end, even if they were killed.
    scratch, path = tempfile.mkdtemp(prefix="grading-"), safe_path(folder)
    runners = _Runners(journal, lambda: _Runner(package, limits, scratch, path))
    try:
        for submission in submissions:
            digest = digest_of(submission)
            if journal.holds(submission, digest):
                yield submission, None
            elif submission.trouble:
                found = {"states": {}, "note": submission.trouble, "seconds": 0}
                journal.add(submission, digest, found)
                yield submission, found
            else:
                while runners.num_busy() == jobs:
                    yield from runners.done()
                runners.give(submission, digest)
        while runners.num_busy():
            yield from runners.done()
    finally:
        runners.stop()
        shutil.rmtree(scratch, ignore_errors=True)
