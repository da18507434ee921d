"""MXNet with the course's settings: threads, engine, devices, seeds."""

from __future__ import annotations

import numbers
import os
import random
import sys
import tempfile
import warnings

import numpy

from d2l_nin import environment, numpy_names

__all__ = [
    "busy",
    "computes",
    "count_gpus",
    "real_number",
    "seed_everything",
    "try_all_gpus",
    "try_gpu",
    "whole_number",
]

numpy_names.give_back(numpy)
environment.choose_threads()

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


def busy(seconds: float = 0.25) -> float:
    """Cores that other processes keep busy, from a look at so many seconds.

    Zero where it can't be known, which is everywhere but on Linux.
    """
    return environment.Load().others(seconds)


def whole_number(name: str, value, least: int | None = None) -> int:
    """`value` as an int, or an error that names it, what was expected and what came."""
    if isinstance(value, bool) or not isinstance(value, (int, numpy.integer)):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return int(value)


def real_number(name: str, value) -> float:
    """`value` as a float, or an error that names it, what was expected and what came.

    NumPy's numbers, and arrays of one without a shape, are numbers.
    """
    if isinstance(value, numpy.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bool, numpy.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    return float(value)


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
    seed = whole_number("seed", seed)
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed: expected 0 ≤ seed < 2**31, got {seed}")
    random.seed(seed)
    numpy.random.seed(seed)  # Gluon's Orthogonal and Bilinear initializers use it
    mx.random.seed(seed)


def computes(device: mx.Context) -> str | None:
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


def count_gpus() -> int:
    """GPUs that MXNet sees; whether they work, `computes` tells."""
    try:
        return mx.context.num_gpus()
    except mx.base.MXNetError:  # a CUDA build on a machine without a driver
        return 0


def try_gpu(i: int = 0) -> mx.Context:
    """`mx.gpu(i)` if it really computes, otherwise `mx.cpu()` and one line why.

    As `d2l.try_gpu`, which only counts the GPUs.
    """
    if count_gpus() <= i:
        reason = _why_no_gpu() if i == 0 else f"there are only {count_gpus()}"
    else:
        reason = computes(mx.gpu(i))
        if reason is None:
            return mx.gpu(i)
    print(f"gpu({i}) is not used: {reason}. Using the CPU.")
    return mx.cpu()


def try_all_gpus() -> list[mx.Context]:
    """All GPUs that really compute, or `[mx.cpu()]` and one line why."""
    devices, reason = [], _why_no_gpu()
    for i in range(count_gpus()):
        failure = computes(mx.gpu(i))
        if failure is None:
            devices.append(mx.gpu(i))
        else:
            reason = f"gpu({i}): {failure}"
    if not devices:
        print(f"No GPU is used: {reason}. Using the CPU.")
    return devices or [mx.cpu()]
