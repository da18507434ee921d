"""What was handed in: the files of a folder, and whose they are."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Limits", "Submission", "find_submissions"]

MOST_BYTES = 64 * 2**20  # of a notebook
# A chapter's number and the first word of its name. Any other word could be a student's
# ("team_01_ada"), and a number's last digits could be taken for a chapter's.
_CHAPTER = re.compile(
    r"[\s_.-]*(?:(?<![^\W_])ch(?:apter)?[\s_-]*)?(?<!\d)\d\d"
    r"[\s_-](?:one|network|global|inception|resnet|your)(?![^\W\d_]).*$",
    re.IGNORECASE,
)


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
