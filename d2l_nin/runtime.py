"""Floor 0: threads, engine, devices and seeds.

Importing this module sets MXNet's environment, then imports MXNet.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import psutil

__all__ = [
    "IMPORTED_TOO_LATE",
    "num_cores",
    "seed_everything",
    "try_all_gpus",
    "try_gpu",
]


def num_cores(
    cgroup: Path = Path("/sys/fs/cgroup/cpu.max"),
) -> int:
    """Cores that this process may compute on.

    The smallest of the physical cores (two hardware threads of one core share one
    multiplier), the processors that the scheduler grants, and a container's quota.

    Parameters
    ----------
    cgroup : Path
        The file in which Linux keeps a container's quota: "QUOTA PERIOD", in µs.
    """
    limits = [os.cpu_count() or 1, psutil.cpu_count(logical=False) or math.inf]
    if hasattr(os, "sched_getaffinity"):
        limits.append(len(os.sched_getaffinity(0)))
    try:
        quota, period = cgroup.read_text().split()
        limits.append(max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no quota
        pass
    return int(min(limits))


def _has_gpu_build() -> bool:
    """Whether the installed MXNet is a CUDA build and a driver is loaded.

    Asked before MXNet is imported, so it can't be asked of MXNet.
    """
    names = (d.metadata["Name"] or "" for d in importlib.metadata.distributions())
    return Path("/dev/nvidiactl").exists() and any(
        name.lower().startswith("mxnet-cu") for name in names
    )


def _configure() -> None:
    """Put threads and engine into the environment, where MXNet looks for them."""
    # MXNet alone takes half of the processors it sees.
    os.environ.setdefault("OMP_NUM_THREADS", str(num_cores()))
    # On a CPU the threaded engine only adds hand-overs between threads, and it sums
    # gradients in an order that changes from run to run. A GPU needs it.
    if not _has_gpu_build():
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

# MXNet 1.9.1 and d2l 1.0.3 use names that numpy, distutils and pkg_resources have
# since declared obsolete. A reader can do nothing about it.
for _module in (r"mxnet(\.|$)", r"d2l(\.|$)"):
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=_module)

import mxnet as mx  # noqa: E402  (the environment had to be set first)
from mxnet import npx  # noqa: E402

npx.set_np()


def _start_engine() -> None:
    """Start MXNet's engine without its line about not being the default engine.

    It is written from C++ straight to file descriptor 2, with a time in it, and would
    stand in the output of some later cell.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            mx.nd.zeros(1).wait_to_read()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        caught.seek(0)
        for line in caught.read().decode(errors="replace").splitlines():
            if "MXNet start using engine" not in line:
                print(line, file=sys.stderr)


_start_engine()


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet (weights, dropout) on all devices.

    Data iterators of this course have a `seed` of their own. On one machine with one
    number of threads the same seed gives the same bits; another machine may round
    differently, and training carries that on.

    Parameters
    ----------
    seed : int
        From 0 to 2**31 - 1.

    Raises
    ------
    ValueError, TypeError
        When `seed` is outside that range or no integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, numpy.integer)):
        raise TypeError(f"seed: expected an integer, got {seed!r}")
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed: expected 0 ≤ seed < 2**31, got {seed}")
    seed = int(seed)
    random.seed(seed)
    numpy.random.seed(seed)  # Gluon's Orthogonal and Bilinear initializers use it
    mx.random.seed(seed)


def _computes(device: mx.Context) -> str | None:
    """Compute on `device`; None when the result is right, else the reason."""
    try:
        X = mx.np.ones((2, 3), ctx=device)
        result = float(mx.np.dot(X, X.T).sum().item())
    except mx.base.MXNetError as error:
        return str(error).strip().splitlines()[-1]
    return None if result == 12.0 else f"2×3 times 3×2 ones summed to {result}, not 12"


def _why_no_gpu() -> str:
    if not mx.runtime.Features().is_enabled("CUDA"):
        return "this build of MXNet has no CUDA"
    return "MXNet sees no GPU"


def _count_gpus() -> int:
    try:
        return mx.context.num_gpus()
    except mx.base.MXNetError:  # a CUDA build on a machine without a driver
        return 0


def try_gpu(i: int = 0) -> mx.Context:
    """`mx.gpu(i)` if it really computes, otherwise `mx.cpu()` and one line why.

    As `d2l.try_gpu`, which only counts the GPUs.
    """
    if _count_gpus() <= i:
        reason = _why_no_gpu() if i == 0 else f"there are only {_count_gpus()}"
    else:
        reason = _computes(mx.gpu(i))
        if reason is None:
            return mx.gpu(i)
    print(f"gpu({i}) is not used: {reason}. Using the CPU.")
    return mx.cpu()


def try_all_gpus() -> list[mx.Context]:
    """All GPUs that really compute, or `[mx.cpu()]` and one line why."""
    devices, reason = [], _why_no_gpu()
    for i in range(_count_gpus()):
        failure = _computes(mx.gpu(i))
        if failure is None:
            devices.append(mx.gpu(i))
        else:
            reason = f"gpu({i}): {failure}"
    if not devices:
        print(f"No GPU is used: {reason}. Using the CPU.")
    return devices or [mx.cpu()]
