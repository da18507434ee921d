"""What this machine offers, what is wrong, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from typing import NamedTuple

import numpy
import psutil

from d2l_nin import environment, numpy_names
from d2l_nin.course import arm

__all__ = ["Finding", "examine"]

AGAIN = "make clean setup"


class Finding(NamedTuple):
    """One row: what was looked at, what was found, and how to mend it if it is wrong.

    `mend` is empty when all is well; `fatal` says whether the chapters fail with it.
    """

    subject: str
    found: str
    mend: str = ""
    fatal: bool = False


def _python() -> Finding:
    found = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if not (3, 9) <= sys.version_info[:2] < (3, 15) or sys.maxsize < 2**32:
        return Finding("Python", found, "use a 64-bit Python, 3.9 to 3.14", True)
    return Finding("Python", found)


def _numpy() -> Finding:
    """Judged by what MXNet looks up, whatever the version; `runtime` gave it back."""
    numpy_names.give_back(numpy)
    lacking = [
        name for name in numpy_names.stand_ins(numpy) if not hasattr(numpy, name)
    ]
    if lacking:
        found = f"{numpy.__version__}, without {', '.join(lacking)}"
        return Finding("numpy", found, f"MXNet can't load with it: {AGAIN}", True)
    return Finding("numpy", numpy.__version__)


def _arm() -> list[Finding]:
    """Nothing where the installed MXNet asks for none of Arm's libraries."""
    library = arm.libmxnet()
    asked = arm.asked_for(library) if library else []
    if not asked:
        return []
    lacking = [name for name in asked if not library.with_name(name).exists()]
    if not lacking:
        return [Finding("ARM", f"linked: {', '.join(asked)}")]
    install = arm.to_install(arm.find())
    mend = f"{install}; then {AGAIN}" if install else AGAIN
    return [Finding("ARM", f"MXNet lacks {', '.join(lacking)}", mend, True)]


def _mxnet() -> Finding:
    try:
        from d2l_nin.runtime import mx as mxnet
    except Exception as error:  # whatever keeps it from loading is the finding
        return Finding("MXNet", f"{type(error).__name__}: {error}", AGAIN, True)
    if mxnet.__version__ != "1.9.1":
        return Finding("MXNet", mxnet.__version__, f"expected 1.9.1: {AGAIN}")
    return Finding("MXNet", "1.9.1")


def _d2l() -> Finding:
    try:
        version = importlib.metadata.version("d2l")
    except importlib.metadata.PackageNotFoundError:
        return Finding("d2l", "not installed", AGAIN, True)
    return Finding("d2l", version, "" if version == "1.0.3" else f"not 1.0.3: {AGAIN}")


def _import_order() -> Finding:
    if environment.IMPORTED_TOO_LATE:
        return Finding(
            "Import order",
            "mxnet came first",
            "import d2l_nin before mxnet, then restart the kernel",
        )
    return Finding("Import order", "d2l_nin came first")


def _threads() -> Finding:
    threads, cores = os.environ.get("OMP_NUM_THREADS"), environment.num_cores()
    found = f"{threads or 'not set'}, {cores} cores to compute on"
    if threads == str(cores):
        return Finding("Threads", found)
    if threads == environment.CHOSEN:
        return Finding("Threads", f"{found}; others compute: that many are faster")
    return Finding("Threads", found, f"unset OMP_NUM_THREADS, or set it to {cores}")


def _load() -> Finding:
    """Told, not judged wrong: it comes and goes."""
    taken = environment.Load().others(0.5)
    mend = "training is slower: close other programs and notebooks that compute"
    return Finding("Load", f"others keep {taken:.1f} cores busy", mend * (taken >= 0.5))


def _engine() -> Finding:
    engine = os.environ.get("MXNET_ENGINE_TYPE", "ThreadedEnginePerDevice (default)")
    if engine != "NaiveEngine" and not environment.has_gpu_build():
        return Finding(
            "Engine", engine, "on a CPU unset MXNET_ENGINE_TYPE: faster and repeatable"
        )
    return Finding("Engine", engine)


def _gpus() -> list[Finding]:
    try:
        from d2l_nin import runtime
    except Exception:  # told by _mxnet
        return []
    if not runtime.mx.runtime.Features().is_enabled("CUDA"):
        return [Finding("GPU", "none: this MXNet is built for CPUs")]
    findings = []
    for i in range(runtime.count_gpus()):
        reason = runtime.computes(runtime.mx.gpu(i))
        mend = "match the driver and the CUDA version of the mxnet-cu package"
        findings.append(
            Finding(f"GPU {i}", "computes")
            if reason is None
            else Finding(f"GPU {i}", f"does not compute: {reason}", mend)
        )
    return findings or [Finding("GPU", "MXNet sees none", "check with nvidia-smi")]


def _memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    low = memory.available < 1.5 * 2**30
    return Finding("Memory", found, "close programs: chapters take 1.5 GiB" * low)


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 2**30
    return Finding("Disk", f"{free:.1f} GiB free here", "free 1 GiB" * (free < 1))


def _data() -> Finding:
    try:
        from d2l_nin import datasets
    except Exception:  # told by _mxnet
        return Finding("Data", "not looked at", "mend MXNet first")
    try:
        (X, _), (X_test, _) = datasets.read_fashion_mnist()
    except (OSError, ValueError) as error:
        return Finding("Data", str(error), "install the package again", True)
    return Finding("Data", f"Fashion-MNIST, {len(X) + len(X_test):,} images, verified")


def examine() -> list[Finding]:
    """Look at everything; nothing is changed."""
    return [
        _python(),
        _numpy(),
        *_arm(),
        _mxnet(),
        _d2l(),
        _import_order(),
        _threads(),
        _load(),
        _engine(),
        *_gpus(),
        _memory(),
        _disk(),
        _data(),
    ]
