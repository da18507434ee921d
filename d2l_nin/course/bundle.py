"""The zip that students get: the course without its solutions."""

from __future__ import annotations

import subprocess
import time
import zipfile
from pathlib import Path

__all__ = ["FOLDER", "course_files", "date_of", "for_students", "write_bundle"]

FOLDER = "d2l-nin"  # what unzipping makes
# All that is taken from the course as it is, besides the chapters.
TAKEN = (
    "LICENSE",
    "Dockerfile",
    ".dockerignore",
    "environment.yml",
    "environment-macos-arm64.yml",
    "pyproject.toml",
    "d2l_nin_numpy_names.pth",
    "requirements.lock",
    "setup.sh",
    "docs/nets.svg",
    "notebooks/pictures/*.png",
    "d2l_nin/**/*.py",
    "d2l_nin/data/*",
    "d2l_nin/templates/**/*.*",
)
_MAKEFILE = Path(__file__).parents[1] / "templates" / "students" / "Makefile"
_BEGIN, _END = "<!-- for those who teach -->", "<!-- for all -->"


def for_students(readme: str) -> str:
    """README.md without what stands in it for those who teach.

    Raises
    ------
    ValueError
        A part begins and does not end.
    """
    kept = []
    for i, part in enumerate(readme.split(_BEGIN)):
        if i and _END not in part:
            raise ValueError(f"README.md: after '{_BEGIN}' there is no '{_END}'")
        kept.append(part.split(_END, 1)[1].lstrip("\n") if i else part)
    return "".join(kept)


def course_files(root: Path) -> dict[str, bytes]:
    """What students get besides the chapters, by its path in the course.

    Raises
    ------
    FileNotFoundError
        A part of the course is not there.
    """
    files = {}
    for pattern in TAKEN:
        found = [path for path in root.glob(pattern) if path.is_file()]
        if not found:
            raise FileNotFoundError(f"{root}: there is no {pattern}")
        for path in found:
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    readme = (root / "README.md").read_text(encoding="utf-8")
    files["README.md"] = for_students(readme).encode()
    files["Makefile"] = _MAKEFILE.read_bytes()
    return files


def date_of(root: Path) -> tuple[int, int, int, int, int, int]:
    """When the course was last committed (UTC); today where that is not known."""
    command = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return (*time.gmtime(int(done.stdout))[:5], 0)  # a zip counts in 2 s
    except (OSError, ValueError, subprocess.CalledProcessError):
        return (*time.gmtime()[:3], 0, 0, 0)


def write_bundle(target: Path, files: dict[str, bytes], date: tuple) -> None:
    """Write a zip whose bytes depend on nothing but `files` and `date`.

    Parameters
    ----------
    target : Path
    files : dict
        What each file of the bundle holds.
    date : tuple
        Of all of them, from year to second; see `date_of`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for name in sorted(files):
            info = zipfile.ZipInfo(f"{FOLDER}/{name}", date)
            info.create_system = 3  # Unix, wherever it is made
            mode = 0o755 if name.endswith(".sh") else 0o644
            info.external_attr = (0o100000 | mode) << 16
            packed = name.endswith(".zip")
            info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            bundle.writestr(info, files[name])
    partial.replace(target)
