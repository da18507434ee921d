"""Threads and engine, put into the environment before MXNet is loaded.

MXNet reads both once, while it loads. This module does not import it.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import sys
import time
from pathlib import Path, PurePosixPath

import psutil

__all__ = [
    "CHOSEN",
    "IMPORTED_TOO_LATE",
    "Load",
    "choose_threads",
    "has_gpu_build",
    "num_cores",
    "num_threads",
]


def num_cores(root: Path = Path("/")) -> int:
    """Cores that this process may compute on.

    The smallest of the physical cores (two hardware threads of one core share one
    multiplier), the processors that the scheduler grants, and the quotas of all control
    groups that the process is in, as a container has them.

    Parameters
    ----------
    root : Path
        Where Linux keeps proc and sys.
    """
    limits = [os.cpu_count() or 1, psutil.cpu_count(logical=False) or math.inf]
    limits.append(len(_processors()))
    limits += [max(1, round(quota)) for quota in _quotas(root)]
    return int(min(limits))


def _processors() -> set[int]:
    """The numbers of the processors that the scheduler grants."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _quotas(root: Path) -> list[float]:
    """Processors that the control groups around this process grant, each that has some.

    A group's limit holds for all groups inside it. A container often sees its own group
    as the root, while `/proc/self/cgroup` names it as its host does: folders that are
    not there are passed over. "max" and -1 are no quota.
    """
    mounts = root / "sys" / "fs" / "cgroup"
    v1, v2 = ("cpu.cfs_quota_us", "cpu.cfs_period_us"), ("cpu.max",)
    hierarchies = {"": ((mounts, mounts / "unified"), v2),
                   "cpu": ((mounts / "cpu", mounts / "cpu,cpuacct"), v1)}  # fmt: skip
    groups = {"": {PurePosixPath("/")}, "cpu": {PurePosixPath("/")}}
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in groups.keys() & set(controllers.split(",")):
            own = PurePosixPath(path)
            groups[name] |= {group for group in (own, *own.parents)
                             if ".." not in group.parts}  # fmt: skip
    quotas = []
    for name, (folders, files) in hierarchies.items():
        for folder in folders:
            for group in groups[name]:
                here = folder / group.relative_to("/")
                words = " ".join(_text(here / file) for file in files).split()
                if len(words) == 2 and all(map(str.isdigit, words)):
                    quota, period = map(int, words)
                    quotas += [quota / period] if quota and period else []
    return quotas


def _text(path: Path) -> str:
    """What is in a file; nothing where it can't be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


class Load:
    """How many cores other processes keep busy, from when it is made on.

    Linux counts how long each processor has computed, and for whom. Elsewhere nothing
    is known, and others are taken to be idle.

    Parameters
    ----------
    proc : Path
        Where Linux keeps its counters.
    """

    def __init__(self, proc: Path = Path("/proc")):
        self.proc, self.since = proc, time.monotonic()
        self.before = self._counters()

    def _counters(self) -> tuple[float, float]:
        """Time passed, and time in which others computed: ticks of one processor."""
        passed = busy = 0
        processors = {f"cpu{number}" for number in _processors()} or {"cpu"}
        for line in _text(self.proc / "stat").splitlines():
            name, *fields = line.split()
            if name in processors:
                # user, nice, system, idle, iowait, irq, softirq, steal; what follows is
                # in user as well.
                ticks = [int(field) for field in fields[:8]]
                passed += sum(ticks)
                busy += sum(ticks) - sum(ticks[3:5])
        # The name of the process, in brackets, may hold spaces.
        own = _text(self.proc / "self" / "stat").rpartition(")")[2].split()[11:13]
        return passed / len(processors), busy - sum(map(int, own))

    def others(self, seconds: float = 0.25) -> float:
        """Cores that others have kept busy since then, which is so long ago at least.

        Counters tick a hundred times a second, so that a shorter time tells little.
        """
        time.sleep(max(0.0, self.since + seconds - time.monotonic()))
        passed, busy = (now - then for now, then in zip(self._counters(), self.before))
        return max(0.0, busy / passed) if passed > 0 else 0.0

    def threads(self) -> int:
        """As many threads as there are cores without work, and at least one.

        Measured on two cores: a second thread gains as long as others take less than
        about 0.6 of a core. Two threads beside a process that takes a core train at
        less than half the speed of one thread: they wait for each other all the time.
        """
        idle = round(len(_processors()) - self.others())
        return max(1, min(num_cores(), idle))


def num_threads() -> int | None:
    """Threads that MXNet computes with; None where this package did not load it."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return None if IMPORTED_TOO_LATE or not first.isdigit() else int(first)


def choose_threads() -> None:
    """Choose the threads of this process and of those that it starts, once and for all.

    What the user has set in the environment wins. A number that changed later would
    change the last digits of every sum, and MXNet does not survive it. So neighbours
    that begin to compute later meet these threads: they wait for each other in short
    turns, which loses little on an idle machine and never collapses on a busy one.
    `python -m benchmarks.neighbours` measures it.
    """
    global CHOSEN
    if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    if IMPORTED_TOO_LATE or "OMP_NUM_THREADS" in os.environ:
        return
    threads, cores = 1, num_cores()
    if cores > 1:
        threads = _AT_IMPORT.threads()
        if threads < cores:  # a short burst, such as a page being drawn, does not count
            threads = max(threads, Load().threads())
    # MXNet alone takes half of the processors it sees.
    os.environ["OMP_NUM_THREADS"] = CHOSEN = str(threads)


def has_gpu_build(
    drivers: tuple[Path, ...] = (Path("/dev/nvidiactl"), Path("/dev/dxg")),
) -> bool:
    """Whether the installed MXNet is a CUDA build and a driver is loaded.

    Asked before MXNet is imported, so it can't be asked of MXNet.

    Parameters
    ----------
    drivers : tuple of Path
        One of them is there when a driver is loaded: NVIDIA's own on Linux, or
        Windows's in WSL2.
    """
    names = (d.metadata["Name"] or "" for d in importlib.metadata.distributions())
    return any(driver.exists() for driver in drivers) and any(
        name.lower().startswith("mxnet-cu") for name in names
    )


# How often a thread of libgomp looks whether the others are done before it sleeps.
# Its own number is 300,000, some milliseconds in which it keeps a core for nothing.
SPIN_COUNT = 10_000
CHOSEN: str | None = None  # the threads that `choose_threads` came to
_AT_IMPORT = Load()  # NumPy and others load while it looks
IMPORTED_TOO_LATE = "mxnet" in sys.modules
if IMPORTED_TOO_LATE:
    print(
        "d2l_nin: mxnet was imported first, so its threads and engine stay as they "
        "are (slower, not repeatable). Import d2l_nin before mxnet and restart.",
        file=sys.stderr,
    )
elif not has_gpu_build():
    # On a CPU the threaded engine only adds hand-overs between threads, and it sums
    # gradients in an order that changes from run to run. A GPU needs it.
    os.environ.setdefault("MXNET_ENGINE_TYPE", "NaiveEngine")
