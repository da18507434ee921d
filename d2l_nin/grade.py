"""Floor 3: grading a folder of submitted notebooks.

Each is run by `grade_one`, in a process of its own; what protects from whom is said
there. What comes back goes to a journal beside the table at once, so that a run that
was interrupted goes on, and nothing piles up in memory.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from jinja2 import Environment

__all__ = [
    "Journal",
    "Limits",
    "Submission",
    "best",
    "chapters_of",
    "digest_of_checks",
    "find_submissions",
    "grade_all",
    "report_name",
    "write_report",
    "write_table",
]

MOST_BYTES = 64 * 2**20  # of a notebook
MOST_SILENT = 60  # seconds; the process that watches gives a sign of life each second
MISSING, UNREADABLE, RIGHT = "missing", "unreadable", "right"
# From worst to best, when an exercise is handed in twice.
_ORDER = (MISSING, "unanswered", "killed", "failed", "too slow", "wrong", RIGHT)
# A chapter's number and the first word of its name. Any other word could be a student's
# ("team_01_ada"), and a number's last digits could be taken for a chapter's.
_CHAPTER = re.compile(
    r"[\s_.-]*(?:(?<![^\W_])ch(?:apter)?[\s_-]*)?(?<!\d)\d\d"
    r"[\s_-](?:one|network|global|inception|resnet|your)(?![^\W\d_]).*$",
    re.IGNORECASE,
)
_TEMPLATE = Path(__file__).parent / "templates" / "grade" / "report.html.j2"


@dataclass(frozen=True)
class Submission:
    """A file that a student handed in, or the lack of one.

    Attributes
    ----------
    student : str
    file : str
        Its path in the folder of submissions.
    path : Path
    trouble : str
        Why it can't be run; empty when it can be tried.
    """

    student: str
    file: str
    path: Path
    trouble: str = ""


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    seconds : float
        For one exercise and the cells that it needs.
    memory : int
        Bytes, of its process and all that it starts.
    whole : bool
        Run all cells, not only those that an exercise needs.
    """

    seconds: float = 120
    memory: int = 3 * 2**30
    whole: bool = False


# --- what was handed in ----------------------------------------------------------


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in ("__MACOSX", "Thumbs.db")


def _shown(name: str) -> str:
    """A file's name that can be written, even if its bytes are no UTF-8."""
    return os.fsencode(name).decode(errors="replace")


def _trouble(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError as error:
        return f"it can't be read: {error.strerror}"
    if stat.S_ISLNK(found.st_mode):
        return "a link, not a file"
    if not stat.S_ISREG(found.st_mode):
        return "not a file"
    if path.suffix != ".ipynb":
        return "not a notebook: its name does not end in .ipynb"
    if found.st_size > MOST_BYTES:
        size, most = found.st_size >> 20, MOST_BYTES >> 20
        return f"too large: {size:,} MiB, the most is {most} MiB"
    return ""


def _in_folder(folder: Path) -> tuple[list[Path], int]:
    """The notebooks in a student's folder, and how many other files there are."""
    notebooks, others = [], 0
    for where, inner, names in os.walk(folder):  # it follows no links
        inner[:] = sorted(n for n in inner if not _is_hidden(Path(n)))
        for name in sorted(n for n in names if not _is_hidden(Path(n))):
            if name.endswith(".ipynb"):
                notebooks.append(Path(where, name))
            else:
                others += 1
    return notebooks, others


def find_submissions(folder: Path, leave_out=()) -> Iterator[Submission]:
    """Everything that was handed in, in order of names.

    A file's student is its name up to that of the chapter: "ada_02_network_in_network
    .ipynb" is ada's, and so is "ada.ipynb". A chapter is known by its number and the
    first word of its name: "ada_02_nin.ipynb" is of "ada_02_nin". All notebooks in a
    folder are of the student that it is named after.

    Parameters
    ----------
    folder : Path
    leave_out : Paths
        Files and folders of the grader's own.
    """
    ours = {Path(path).resolve() for path in leave_out}
    for path in sorted(folder.iterdir()):
        if _is_hidden(path) or path.resolve() in ours:
            continue
        if path.is_symlink() or not path.is_dir():
            student = _CHAPTER.sub("", path.stem) or path.stem
            yield Submission(_shown(student), _shown(path.name), path, _trouble(path))
            continue
        notebooks, others = _in_folder(path)
        for notebook in notebooks:
            file = _shown(notebook.relative_to(folder).as_posix())
            yield Submission(_shown(path.name), file, notebook, _trouble(notebook))
        if not notebooks:
            trouble = f"no notebook among {others} files" if others else "empty"
            yield Submission(_shown(path.name), _shown(f"{path.name}/"), path, trouble)


# --- the journal -----------------------------------------------------------------


def digest_of_checks(package: str, limits: Limits) -> str:
    """Changes with the code that judges, and with what submissions may take."""
    from importlib.util import find_spec

    found = hashlib.sha256(repr(limits).encode())
    folder = Path(find_spec(package).origin).parent
    here = Path(__file__).parent
    code = [*here.glob("grade*.py"), here / "pristine.py", here / "dataflow.py",
            *{*folder.rglob("*.py"), *(here / "checks").glob("*.py")}]  # fmt: skip
    for path in sorted(code):
        found.update(path.read_bytes())
    return found.hexdigest()


def _digest_of(submission: Submission) -> str:
    found = hashlib.sha256(f"{submission.student}\0{submission.trouble}".encode())
    if not submission.trouble:
        with suppress(OSError), submission.path.open("rb") as file:
            while piece := file.read(1 << 20):
                found.update(piece)
    return found.hexdigest()


class Journal:
    """What was found, one line of JSON for each submission; survives any interruption.

    Parameters
    ----------
    path : Path
    checks : str
        The digest of what judges: lines of another one are not used.
    """

    def __init__(self, path: Path, checks: str):
        self.path, self.checks = path, checks
        self._places = {}  # of each file: the digest of what it held, and where
        self._by_student = {}
        size = 0
        if path.exists():
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):  # else it was being written
                        self._know(line, size)
                        size += len(line)
        self._file = path.open("ab")
        self._file.truncate(size)

    def _know(self, line: bytes, place: int) -> None:
        with suppress(ValueError, KeyError):
            entry = json.loads(line)
            if entry["checks"] == self.checks:
                self._places[entry["file"]] = entry["digest"], place
                self._by_student.setdefault(entry["student"], {})[entry["file"]] = 0

    def holds(self, submission: Submission, digest: str) -> bool:
        """Whether it knows what was found in this file, as the file is now."""
        return self._places.get(submission.file, ("",))[0] == digest

    def add(self, submission: Submission, digest: str, found: dict) -> None:
        """Keep what was found; it is on the disk when this returns.

        Parameters
        ----------
        submission : Submission
        digest : str
            Of what was judged; empty if it shall be judged again the next time.
        found : dict
        """
        entry = {"checks": self.checks, "student": submission.student,
                 "file": submission.file, "digest": digest, **found}  # fmt: skip
        line = json.dumps(entry).encode() + b"\n"
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._know(line, place)

    def of(self, student: str, files) -> list[dict]:
        """What was found in a student's files, of those that are still there."""
        entries = []
        with self.path.open("rb") as file:
            for name in sorted(self._by_student.get(student, {})):
                if name in files:
                    file.seek(self._places[name][1])
                    entries.append(json.loads(file.readline()))
        return entries

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


# --- the processes ---------------------------------------------------------------


class _Runner:
    """A process of `grade_one`, which takes one submission after the other."""

    def __init__(self, package: str, limits: Limits, scratch: str):
        settings = {"checks": package, "seconds": limits.seconds, "scratch": scratch,
                    "memory": limits.memory, "whole": limits.whole}  # fmt: skip
        self._command = [sys.executable, "-m", "d2l_nin.grade_one"]
        self._command.append(json.dumps(settings))
        # As many notebooks run at a time as there are cores: each gets one.
        self._environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            "D2L_NIN_LIVE": "0", "MPLBACKEND": "agg",
        }  # fmt: skip
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.answers = self._process.stdout
        self._is_up = False  # it says the first word when it can take tasks

    def give(self, task) -> None:
        self.task, self._said, self._last = task, b"", time.monotonic()
        request = json.dumps({"path": str(task[0].path.resolve())})
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
        self._start()
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


def grade_all(
    submissions, journal: Journal, limits: Limits, jobs: int,
    package: str = "d2l_nin.checks",
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

    Yields
    ------
    submission, found
        `found` is None for one that the journal held already.
    """
    idle, busy = [], selectors.DefaultSelector()
    # One folder for all that they write: gone at the end, even if they were killed.
    scratch = tempfile.mkdtemp(prefix="grading-")

    def wait():
        """Those that are done within a second."""
        now = time.monotonic()  # before, so that whoever stops us makes nobody late
        heard = {key.data for key, _ in busy.select(1)}
        for key in list(busy.get_map().values()):
            runner = key.data
            if not (runner.hear() if runner in heard else runner.is_silent(now)):
                continue
            busy.unregister(key.fileobj)
            submission, digest = runner.task
            found = runner.take()
            idle.append(runner)
            journal.add(submission, "" if "again" in found else digest, found)
            yield submission, found

    try:
        for submission in submissions:
            digest = _digest_of(submission)
            if journal.holds(submission, digest):
                yield submission, None
            elif submission.trouble:
                found = {"states": {}, "note": submission.trouble, "seconds": 0}
                journal.add(submission, digest, found)
                yield submission, found
            else:
                while len(busy.get_map()) == jobs:
                    yield from wait()
                runner = idle.pop() if idle else _Runner(package, limits, scratch)
                runner.give((submission, digest))
                busy.register(runner.answers, selectors.EVENT_READ, runner)
        while busy.get_map():
            yield from wait()
    finally:
        for runner in [*idle, *(key.data for key in busy.get_map().values())]:
            runner.stop()
        busy.close()
        shutil.rmtree(scratch, ignore_errors=True)


# --- the table and the reports ---------------------------------------------------


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text


def chapters_of(checks) -> list[str]:
    """The chapters that a package of checks has modules for: "01", …"""
    return sorted(n[2:] for n in vars(checks) if re.fullmatch(r"ch\d\d", n))


def best(entries: list[dict]) -> dict[str, str]:
    """The status of each exercise; the best, if it was handed in twice."""
    found = {}
    for entry in entries:
        for name, state in entry["states"].items():
            statuses = [found.get(name, MISSING), state["status"]]
            found[name] = max(statuses, key=_ORDER.index)
    return found


def write_table(path: Path, columns: list[str], rows) -> None:
    """Write the table; the file is either as it was, or whole.

    Parameters
    ----------
    path : Path
    columns : list of str
        The exercises.
    rows : iterable of (student, entries of the journal)
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8", errors="replace", newline="") as file:
        table = csv.writer(file)
        table.writerow(["student", *columns, "total", "remarks"])
        for student, entries in rows:
            came = best(entries)
            lost = any(e["note"] and not e["states"] and e["file"][-1] != "/"
                       for e in entries)  # fmt: skip
            lack = UNREADABLE if lost else MISSING
            statuses = [came.get(name, lack) for name in columns]
            remarks = "; ".join(
                f"{entry['file']}: {entry['note']}"
                for entry in entries
                if entry["note"]
            )
            table.writerow(
                [_safe(student), *statuses, statuses.count(RIGHT), _safe(remarks)]
            )
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def report_name(student: str) -> str:
    """The file of a student's report; no two students share one."""
    plain = re.sub(r"[^\w -]", "_", student)[:80]
    if plain != student:
        plain += "_" + hashlib.sha256(student.encode()).hexdigest()[:8]
    return f"{plain}.html"


def write_report(folder: Path, student: str, entries, columns) -> None:
    """One HTML page for a student, which holds no script and loads nothing."""
    came = best(entries)
    page = Environment(autoescape=True).from_string(
        _TEMPLATE.read_text(encoding="utf-8")
    )
    text = page.render(
        student=student, files=entries, num_exercises=len(columns),
        num_right=[came.get(name) for name in columns].count(RIGHT),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / report_name(student)
    partial = target.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(target)
