"""How fast the course is, beside what readers would use instead.

Every measurement is a process of its own, the contestants take turns, and each time
stands with its range. The process prints one line of JSON; see `measure`.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import psutil
from mxnet import np

from d2l_nin.cost import summary
from d2l_nin.datasets import read_fashion_mnist
from d2l_nin.nin import nin_classroom

__all__ = [
    "CONTESTANTS",
    "GOALS",
    "Busy",
    "busy_share",
    "check_idle",
    "clean_environment",
    "compare",
    "growth",
    "has_torch",
    "measure",
    "run_all",
    "time_to_accuracy",
]

BATCH_SIZES = (64, 128, 256)
NUM_IMAGES = 60_000
ROOT = Path(__file__).resolve().parents[1]
MOST_BUSY = 0.08  # of all processors, by others, while we do nothing

# The contestants: all train the classroom NiN for one epoch and take its accuracy.
# MXNet's two foreign loops import it before this package, so they run with the threads
# and the engine that readers would get.
_OURS = "from benchmarks import loops; loops.main()"
_FOREIGN = f"import mxnet; {_OURS}"
CONTESTANTS = {
    "this course": _OURS,
    "d2l": _FOREIGN,
    "d2l, hybridized": _FOREIGN,
    "plain Gluon loop": _FOREIGN,
    "PyTorch": None,
    "PyTorch, channels last": None,
}
# Net, number of epochs, peak rate, and the accuracy to be reached.
GOALS = (
    ("nin", 2, 0.3, 0.90),
    ("inception", 2, 0.2, 0.90),
    ("resnet", 2, 0.3, 0.90),
    ("resnet", 4, 0.3, 0.92),
)
SEEDS = (1, 2, 3)


class Busy(RuntimeError):
    """Something else computes on this machine."""


def busy_share(seconds: float = 2.0) -> float:
    """The share of all processors that is busy while this process sleeps."""
    return psutil.cpu_percent(interval=seconds) / 100


def check_idle(anyway: bool = False) -> float:
    """The busy share, or an error if it is too high to measure ratios.

    Raises
    ------
    Busy
        Unless `anyway`.
    """
    busy = busy_share()
    if busy > MOST_BUSY and not anyway:
        raise Busy(
            f"{busy:.0%} of the processors are busy with something else (at most "
            f"{MOST_BUSY:.0%} is idle enough): ratios would mean nothing. Close what "
            "computes, or measure with --anyway, which marks the table."
        )
    return busy


def has_torch(python: Path) -> bool:
    """Whether this interpreter is there and can import PyTorch."""
    try:
        done = subprocess.run([str(python), "-c", "import torch"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def clean_environment() -> dict:
    """Without what importing the course has set, so that defaults are defaults.

    Wherever the bench was started, its processes find these modules.
    """
    ours = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "MXNET_ENGINE_TYPE")
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    path = os.pathsep.join(filter(None, [kept.get("PYTHONPATH"), str(ROOT)]))
    return {**kept, "PYTHONPATH": path}


def measure(name: str, torch_python: Path | None = None, **job) -> dict:
    """Run one job in a process of its own; the figures that it prints, as a dict.

    Parameters
    ----------
    name : str
        A contestant, or what `loops` knows else.
    torch_python : Path, optional
        The interpreter that has PyTorch.
    **job
        What the process gets, as JSON.

    Raises
    ------
    RuntimeError
        The process failed; with its last words.
    """
    job = {"name": name, **job}
    if name.startswith("PyTorch"):
        script = Path(__file__).with_name("torch_loop.py")
        command = [str(torch_python), str(script)]
    else:
        command = [sys.executable, "-c", CONTESTANTS.get(name, _OURS)]
    done = subprocess.run(
        [*command, json.dumps(job)],
        capture_output=True,
        text=True,
        env={**clean_environment(), "MXNET_HOME": job.get("folder", "")},
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(
    names: list[str],
    folder: Path,
    torch_python: Path | None,
    *,
    num_images: int = NUM_IMAGES,
    repetitions: int = 3,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[tuple[str, dict]]:
    """Let contestants take turns at one epoch of the classroom NiN.

    The course and PyTorch use their best batch size, found first on 10,000 images; the
    other loops have 256, d2l's own.

    Yields
    ------
    (str, dict)
        A contestant and one of its runs, as soon as it is over: images_per_second (of
        training and evaluation together), accuracy, losses (at the beginning and at the
        end), peak_mib and batch_size.
    """
    common = {"folder": str(folder.resolve()), "torch_python": torch_python}
    best = {}
    for name in names:
        best[name] = 256
        if name == "this course" or name.startswith("PyTorch"):
            speed = {}
            for batch_size in BATCH_SIZES:
                tell(f"{name}, batch size {batch_size}")
                figures = measure(
                    name, batch_size=batch_size, num_images=10_000, seed=1, **common
                )
                speed[batch_size] = figures["images_per_second"]
            best[name] = max(speed, key=speed.get)
    for repetition in range(repetitions):
        for name in names:
            tell(f"{name}, {repetition + 1} of {repetitions}")
            figures = measure(
                name,
                batch_size=best[name],
                num_images=num_images,
                seed=repetition + 1,
                **common,
            )
            yield name, {**figures, "batch_size": best[name]}


def time_to_accuracy(
    tell=lambda text: None, seeds=SEEDS, goals=GOALS
) -> Iterator[dict]:
    """Seconds until a net's accuracy on the test images is first at its goal.

    Reading the data, training and evaluation count; importing does not.

    Yields
    ------
    dict
        One for each net, goal and seed; `seconds` and `epoch` are None where the goal
        was not reached.
    """
    for net, num_epochs, lr, goal in goals:
        for seed in seeds:
            tell(f"{net} to {goal:.0%}, seed {seed}")
            yield measure(
                "goal", net=net, num_epochs=num_epochs, lr=lr, goal=goal, seed=seed
            )


def growth(tell=lambda text: None) -> Iterator[tuple[str, dict]]:
    """Time of a training step and peak memory as one size of the job grows.

    Yields
    ------
    (str, dict)
        What grows, and a row with value, macs (of one image), images, seconds (for all
        images, training) and peak_mib.
    """
    cases = {
        "images": [{"num_images": n} for n in (1024, 2048, 4096, 8192)],
        "width": [{"width": k} for k in (0.5, 1, 2, 4)],
        "depth": [{"depth": n} for n in (1, 2, 4, 8)],
        "input size": [{"size": n} for n in (28, 56, 112, 224)],
    }
    for what, jobs in cases.items():
        for job in jobs:
            (value,) = job.values()
            tell(f"{what} {value}")
            yield what, {"value": value, **measure("growth", **job)}


def sgemm_peak(size: int = 2048, repetitions: int = 12) -> float:
    """The best multiply-adds a second of one matrix product in float32."""
    a = np.random.uniform(size=(size, size)).astype("float32")
    best = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        np.dot(a, a).wait_to_read()
        best = min(best, time.perf_counter() - start)
    return size**3 / best


def write_images(folder: Path) -> None:
    """Fashion-MNIST as plain arrays for PyTorch, and as the files that Gluon reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (X, y), (X_test, y_test) = read_fashion_mnist()
    numpy.savez(folder / "images.npz", X=X, y=y, X_test=X_test, y_test=y_test)
    gluon = folder / "datasets" / "fashion-mnist"
    gluon.mkdir(parents=True, exist_ok=True)
    for split, arrays in (("train", (X, y)), ("t10k", (X_test, y_test))):
        for kind, array in zip(("images-idx3", "labels-idx1"), arrays):
            sizes = (0x800 + array.ndim, *array.shape)
            header = b"".join(n.to_bytes(4, "big") for n in sizes)
            packed = gzip.compress(header + array.tobytes(), compresslevel=1)
            (gluon / f"{split}-{kind}-ubyte.gz").write_bytes(packed)


def run_all(
    found: dict,
    build: Path,
    torch_python: Path | None,
    *,
    repetitions: int,
    num_images: int,
    part: str = "all",
    tell: Callable[[str], None],
    keep: Callable[[dict], None],
) -> None:
    """Measure and put into `found`: "peak", "loops", "goals", "growth".

    After each measurement `keep` gets `found`, so that a contestant which fails late
    takes nothing of the others along.
    """
    found["peak"] = 2 * sgemm_peak()
    found["net"] = {"macs": summary(nin_classroom(), (1, 1, 28, 28)).macs}
    if part in ("all", "loops"):
        folder = build / "bench-data"
        write_images(folder)
        names = [n for n in CONTESTANTS if torch_python or not n.startswith("PyTorch")]
        found["loops"] = {}
        for name, run in compare(
            names, folder, torch_python,
            num_images=num_images, repetitions=repetitions, tell=tell,
        ):  # fmt: skip
            found["loops"].setdefault(name, []).append(run)
            keep(found)
    if part in ("all", "goals"):
        found["goals"] = []
        for row in time_to_accuracy(tell):
            found["goals"].append(row)
            keep(found)
    if part in ("all", "growth"):
        found["growth"] = {}
        for what, row in growth(tell):
            found["growth"].setdefault(what, []).append(row)
            keep(found)
        found["characters"] = []
        for _ in range(repetitions):
            tell("drawing characters")
            found["characters"].append(measure("characters", num_images=6200))
            keep(found)
