"""MXNet's wheel for Linux on ARM, made to load by three links.

Its libmxnet.so asks for three of Arm's own libraries, which nothing installs. What it
takes from them is plain CBLAS, LAPACK, LAPACKE and libm. It looks for them in its own
folder first, so links there to the system's libraries, under Arm's names, are enough.

Imports nothing that is to be installed: setup.sh starts this file by itself.
"""

from __future__ import annotations

import importlib.util
import mmap
import os
import shutil
import sys
from pathlib import Path

__all__ = ["LINKS", "asked_for", "find", "libmxnet", "link", "to_install"]

# Which of the three stands for which does not matter to the loader, as it looks for a
# symbol in all that are loaded.
LINKS = {
    "libarmpl_lp64_mp.so": "libopenblas.so.0",
    "libamath.so": "liblapacke.so.3",
    "libastring.so": "libm.so.6",
}
NEEDED = (*LINKS.values(), "libgomp.so.1")  # the last under its own name
# Alpine's apk is not among them: MXNet has no wheel for musl.
COMMANDS = {
    "apt-get": "sudo apt-get install libopenblas0-pthread liblapacke libgomp1",
    "dnf": "sudo dnf install openblas-serial lapack libgomp",  # not tried by us
}
_DEBIAN = "lib/aarch64-linux-gnu"
USUAL = tuple(
    Path(root, folder)
    for root in ("/usr", "/", "/usr/local")
    for folder in (_DEBIAN, f"{_DEBIAN}/openblas-pthread", "lib64", "lib")
)


def libmxnet() -> Path | None:
    """Where the installed MXNet has its library; None without one."""
    spec = importlib.util.find_spec("mxnet")
    library = Path(spec.origin).parent / "libmxnet.so" if spec and spec.origin else None
    return library if library and library.is_file() else None


def asked_for(library: Path) -> list[str]:
    """Which of Arm's libraries this build of MXNet asks for; conda's asks for none."""
    with open(library, "rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with content:
        return [name for name in LINKS if content.find(b"\0%b\0" % name.encode()) >= 0]


def find(folders: tuple[Path, ...] = USUAL) -> dict[str, Path]:
    """From a library that is needed to where it is, for those that are there.

    Parameters
    ----------
    folders : tuple of Path
        Where to look, after the folders in LD_LIBRARY_PATH.
    """
    named = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    found = {}
    places = (*map(Path, named), *folders)
    for name in NEEDED:
        for folder in places:
            if (folder / name).exists():
                found[name] = (folder / name).absolute()
                break
    return found


def to_install(found: dict[str, Path]) -> str:
    """The one command for what is missing; empty where nothing is."""
    if all(name in found for name in NEEDED):
        return ""
    for manager, command in COMMANDS.items():
        if shutil.which(manager):
            return command
    return (
        "install OpenBLAS, LAPACKE and libgomp, or name their folder in LD_LIBRARY_PATH"
    )


def link(library: Path, found: dict[str, Path]) -> list[str]:
    """Make the links that `library` asks for and lacks, and say which those were.

    What is there and leads somewhere stays: it may be Arm's own.

    Raises
    ------
    FileNotFoundError
        A library that a link should lead to is not among `found`.
    """
    made = []
    for name in asked_for(library):
        path = library.with_name(name)
        if path.exists():
            continue
        if LINKS[name] not in found:
            raise FileNotFoundError(
                f"expected {LINKS[name]}, found none: {to_install(found)}"
            )
        if path.is_symlink():  # to a library that has gone
            path.unlink()
        path.symlink_to(found[LINKS[name]])
        made.append(name)
    return made


def main() -> int:
    """For setup.sh: before MXNet is installed look, afterwards make the links."""
    found, library = find(), libmxnet()
    if to_install(found):
        missing = ", ".join(name for name in NEEDED if name not in found)
        print(f"MXNet on ARM needs {missing}. Start again after:", file=sys.stderr)
        print(f"    {to_install(found)}", file=sys.stderr)
        return 1
    if library:
        for name in link(library, found):
            print(f"Linked {name} to {found[LINKS[name]]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
