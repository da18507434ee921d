"""What was found so far, kept on the disk: a run that was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from d2l_nin.grading.submissions import Limits, Submission, files_beside

__all__ = ["Journal", "digest_of", "digest_of_checks"]


def digest_of_checks(package: str, limits: Limits) -> str:
    """Changes with the code that judges, and with what submissions may take.

    Checks stand on nets, layers and data: the whole package counts, and what it is
    installed with.
    """
    from importlib.metadata import version
    from importlib.util import find_spec

    found = hashlib.sha256(repr(limits).encode())
    for name in ("mxnet", "numpy"):
        found.update(f"{name} {version(name)}".encode())
    folders = {Path(__file__).parents[1], Path(find_spec(package).origin).parent}
    for path in sorted({file for folder in folders for file in folder.rglob("*.py")}):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def digest_of(submission: Submission) -> str:
    """Changes with a notebook, and with what lies beside it."""
    found = hashlib.sha256(f"{submission.student}\0{submission.trouble}".encode())
    if submission.trouble:
        return found.hexdigest()
    files = [submission.path]
    with suppress(OSError):
        files += files_beside(submission.path) if submission.beside else []
    for path in files:
        found.update(os.fsencode(path.name) + b"\0")
        with suppress(OSError), path.open("rb") as file:
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
