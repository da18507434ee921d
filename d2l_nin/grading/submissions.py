"""What was handed in: the files of a folder, and whose they are."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from d2l_nin.datasets.pictures import is_left_out

__all__ = ["Limits", "Submission", "files_beside", "find_submissions", "student_of"]

MOST_BYTES = 64 * 2**20  # of a notebook
MOST_BESIDE = 256 * 2**20  # bytes of the files beside one
_CHAPTER = re.compile(rb'"chapter"\s*:\s*"(\d\d_\w{1,100})"')  # in its metadata


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
    beside : bool
        Whether what lies beside it is the student's as well.
    """

    student: str
    file: str
    path: Path
    trouble: str = ""
    beside: bool = False


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes
    ----------
    seconds : float
        For one cell; all cells together may take ten times that.
    memory : int
        Bytes, of its process and all that it starts. A notebook whose metadata name a
        limit (`d2l_nin.limits.mib`) gets twice that, and never more than this.
    """

    seconds: float = 300
    memory: int = 3 * 2**30


def _shown(name: str) -> str:
    """A file's name that can be written, even if its bytes are no UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _trouble(path: Path) -> str:
    found = path.lstat()
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


def _files_in(folder: Path) -> Iterator[Path]:
    """All files below a folder, in order, without the hidden ones; no link is followed.

    Raises
    ------
    OSError
        A folder can't be read.
    """

    def fail(error):
        raise error

    for where, inner, names in os.walk(folder, onerror=fail):
        inner[:] = sorted(n for n in inner if not is_left_out(n))
        for name in sorted(n for n in names if not is_left_out(n)):
            yield Path(where, name)


def files_beside(notebook: Path) -> list[Path]:
    """The files that a notebook in a student's folder may read, up to a size in all."""
    found, size = [], 0
    for path in _files_in(notebook.parent):
        about = path.lstat()
        size += about.st_size
        if size > MOST_BESIDE:
            break
        if path != notebook and stat.S_ISREG(about.st_mode):
            found.append(path)
    return found


def _chapters_there() -> list[str]:
    """The names of the course's chapters, "02_network_in_network"."""
    notebooks = Path(__file__).parents[2] / "notebooks"
    return [path.stem for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))]


def _chapter_in(path: Path) -> list[str]:
    """The chapter that a notebook's metadata name, if they do; nothing is parsed."""
    with path.open("rb") as file:
        found = _CHAPTER.findall(file.read(MOST_BYTES))
    return [name.decode(errors="replace") for name in found[-1:]]


def student_of(stem: str, chapters) -> str:
    """A file's student: its name up to that of a chapter.

    A chapter is known by its number and the first word of its name. Any other word
    could be a student's ("team_01_ada"), and a number's last digits could be taken for
    a chapter's.

    Parameters
    ----------
    stem : str
        Without ".ipynb".
    chapters : iterable of str
        Names of chapters, "02_network_in_network".
    """
    for chapter in chapters:
        number, _, words = chapter.partition("_")
        first = re.escape(words.partition("_")[0])
        mark = re.compile(
            rf"[\s_.-]*(?:(?<![^\W_])ch(?:apter)?[\s_-]*)?(?<!\d){number}"
            rf"[\s_-]{first}(?![^\W\d_]).*$",
            re.IGNORECASE,
        )
        if mark.search(stem):
            return mark.sub("", stem) or stem
    return stem


def find_submissions(folder: Path, leave_out=()) -> Iterator[Submission]:
    """Everything that was handed in, in order of names.

    A file's student is its name up to that of the chapter: "ada_02_network_in_network
    .ipynb" is ada's, and so is "ada.ipynb". All notebooks in a folder are of the
    student that it is named after. Two ways to write the same letters are one student.

    Parameters
    ----------
    folder : Path
    leave_out : Paths
        Files and folders of the grader's own.
    """
    ours = {os.path.realpath(path) for path in leave_out}
    chapters = _chapters_there()
    for path in sorted(folder.iterdir()):
        if is_left_out(path.name) or os.path.realpath(path) in ours:
            continue
        try:
            yield from _entry(folder, path, chapters)
        except (OSError, RuntimeError, ValueError) as error:  # one bad entry is one row
            said = getattr(error, "strerror", None) or str(error)
            student = path.stem if path.suffix == ".ipynb" else path.name
            yield _submission(folder, path, student, f"it can't be read: {said}")


def _submission(folder: Path, path: Path, student: str, trouble="", beside=False):
    file = path.relative_to(folder).as_posix()
    student = unicodedata.normalize("NFC", _shown(student))
    return Submission(student, _shown(file), path, trouble, beside)


def _entry(folder: Path, path: Path, chapters) -> Iterator[Submission]:
    """What an entry of the folder of submissions holds."""
    if path.is_symlink() or not path.is_dir():
        trouble = _trouble(path)
        known = chapters if trouble else [*_chapter_in(path), *chapters]
        yield _submission(folder, path, student_of(path.stem, known), trouble)
        return
    files = list(_files_in(path))
    notebooks = [file for file in files if file.name.endswith(".ipynb")]
    for notebook in notebooks:
        trouble = _trouble(notebook)
        yield _submission(folder, notebook, path.name, trouble, beside=True)
    if not notebooks:
        trouble = f"no notebook among {len(files)} files" if files else "empty"
        name = _shown(f"{path.name}/")
        student = unicodedata.normalize("NFC", _shown(path.name))
        yield Submission(student, name, path, trouble)
