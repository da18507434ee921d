"""What a submission's process may do, and how it and all that it started is ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

__all__ = [
    "bring",
    "confine",
    "end_all",
    "family",
    "folder_in",
    "how_it_ended",
    "memory_of",
    "prctl",
]

FILE_BYTES = 256 * 2**20  # what a submission may write into one file
_LINUX = sys.platform == "linux"


def prctl(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _refuse_network(event: str, _) -> None:
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
                 "socket.getaddrinfo", "socket.gethostbyname"):  # fmt: skip
        raise PermissionError("there is no network while notebooks are graded")


def _cut_network() -> None:
    """For Python by an audit hook; for all programs where the system lets us."""
    if _LINUX:
        libc = ctypes.CDLL(None)
        new_user, new_net = 0x10000000, 0x40000000
        if libc.unshare(new_net) != 0:
            libc.unshare(new_user | new_net)
    sys.addaudithook(_refuse_network)


def confine(folder: Path, memory: int) -> None:
    """A session, limits, folders and no network: what a notebook gets."""
    import resource

    os.setsid()
    prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the one that watches
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    if _LINUX:  # against one huge piece; what is really used is looked at all the time
        addresses = 2 * memory + 2**30
        resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.chdir(folder)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MXNET_HOME",
                 "D2L_NIN_CACHE"):  # fmt: skip
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)
    _cut_network()


def bring(files, origin: Path, folder: Path) -> None:
    """Copy what lies beside a notebook to where it runs.

    Parameters
    ----------
    files : iterable of Path
        Below `origin`.
    origin, folder : Path
    """
    for path in files:
        target = folder / path.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            shutil.copyfile(path, target, follow_symlinks=False)


def folder_in(scratch: str) -> Path:
    """A new folder; a notebook, or one of us that ended, may have removed `scratch`."""
    os.makedirs(scratch, 0o700, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=scratch))


def memory_of(process: psutil.Process, alone: bool) -> int:
    """Bytes that a process uses; what it shares with others is shared out."""
    if alone or not _LINUX:
        return process.memory_info().rss
    return process.memory_full_info().pss


def how_it_ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {each.value: each.name for each in signal.Signals}  # not all have one
        return f"its process was ended by the signal {names.get(number, number)}."
    return f"its process ended itself with status {os.WEXITSTATUS(status)}."


def family(child: int) -> list[psutil.Process]:
    """A child and all that it started; its orphans are ours, as a subreaper's."""
    with contextlib.suppress(psutil.Error):
        if _LINUX:
            return psutil.Process().children(recursive=True)
        process = psutil.Process(child)
        return [process, *process.children(recursive=True)]
    return []


def end_all(child: int) -> None:
    """Kill a child, its session and whatever it started, until nothing is left."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        for process in family(child):
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not family(child):
            return
        time.sleep(0.01)
