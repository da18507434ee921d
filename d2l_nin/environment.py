"""Floor 0: threads and engine, put into the environment before MXNet is loaded.

MXNet reads both once, while it loads. This module does not import it.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import sys
from pathlib import Path

import psutil

__all__ = ["IMPORTED_TOO_LATE", "has_gpu_build", "num_cores"]


def num_cores(
    cgroup: Path = Path("/sys/fs/cgroup/cpu.max"),
    cgroup_v1: Path = Path("/sys/fs/cgroup/cpu"),
) -> int:
    """Cores that this process may compute on.

    The smallest of the physical cores (two hardware threads of one core share one
    multiplier), the processors that the scheduler grants, and a container's quota.

    Parameters
    ----------
    cgroup : Path
        The file in which Linux keeps a container's quota: "QUOTA PERIOD", in µs.
    cgroup_v1 : Path
        The folder in which older ones keep it, in two files; -1 is no quota.
    """
    limits = [os.cpu_count() or 1, psutil.cpu_count(logical=False) or math.inf]
    if hasattr(os, "sched_getaffinity"):
        limits.append(len(os.sched_getaffinity(0)))
    files_v1 = [cgroup_v1 / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
    for files in ([cgroup], files_v1):
        try:
            texts = " ".join(file.read_text() for file in files).split()
            quota, period = map(int, texts)
        except (OSError, ValueError):  # no such file, or "max": no quota
            continue
        if quota > 0 and period > 0:
            limits.append(max(1, round(quota / period)))
    return int(min(limits))


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


def _configure() -> None:
    """Put threads and engine into the environment, where MXNet looks for them."""
    # MXNet alone takes half of the processors it sees.
    os.environ.setdefault("OMP_NUM_THREADS", str(num_cores()))
    # On a CPU the threaded engine only adds hand-overs between threads, and it sums
    # gradients in an order that changes from run to run. A GPU needs it.
    if not has_gpu_build():
        os.environ.setdefault("MXNET_ENGINE_TYPE", "NaiveEngine")


IMPORTED_TOO_LATE = "mxnet" in sys.modules
if IMPORTED_TOO_LATE:
    print(
        "d2l_nin: mxnet was imported first, so its threads and engine stay as they "
        "are (slower, not repeatable). Import d2l_nin before mxnet and restart.",
        file=sys.stderr,
    )
else:
    _configure()
