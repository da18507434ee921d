"""`python -m benchmarks.neighbours`: training beside others that compute.

Two threads that wait for each other lose far more to a neighbour than the core that
it takes: whoever waits keeps a core from whoever should be waited for. The table has
images a second of the classroom NiN for some numbers of threads and of looks that a
thread takes before it sleeps: on an idle machine, beside one and two programs that
take a core each, and of two trainings at once. The numbers are given, not chosen by
the load, as if the neighbours had begun after the import.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from rich.table import Table

from benchmarks import measure
from d2l_nin.course.console import console
from d2l_nin.environment import SPIN_COUNT, num_cores

__all__ = ["main"]

TURNS, SECONDS = 3, 4
CHOICES = {  # all cores, where nothing else is said
    "one thread": {"OMP_NUM_THREADS": "1"},
    "300,000 looks, as libgomp does": {"GOMP_SPINCOUNT": "300000"},
    f"{SPIN_COUNT:,} looks, the course's": {},
    "1,000 looks": {"GOMP_SPINCOUNT": "1000"},
    "asleep at once": {"GOMP_SPINCOUNT": "0"},
    "bound to the cores": {"OMP_PROC_BIND": "close"},
}
BESIDE = {"idle": 0, "one neighbour": 1, "two neighbours": 2, "two trainings": -1}


def train() -> None:
    """Train for a few seconds and print images a second."""
    from mxnet import autograd, gluon, init, np

    from d2l_nin.nin import nin_classroom

    net, loss_fn = nin_classroom(), gluon.loss.SoftmaxCrossEntropyLoss()
    net.initialize(init.MSRAPrelu("in", 0))
    net.hybridize()
    X, y = np.random.uniform(size=(128, 1, 28, 28)), np.zeros(128)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})

    def steps(seconds: float) -> float:
        start, count = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            with autograd.record():
                loss = loss_fn(net(X), y)
            loss.backward()
            trainer.step(len(X))
            loss.wait_to_read()
            count += len(X)
        return count / (time.monotonic() - start)

    steps(0.5)  # the first ones set up memory
    print(steps(SECONDS))


def start(code: str, **choice: str) -> subprocess.Popen:
    """A process with all cores for threads, unless it is chosen otherwise."""
    threads = {"OMP_NUM_THREADS": str(num_cores())}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
        env={**measure.clean_environment(), **threads, **choice},
    )  # fmt: skip


def speed(choice: dict, beside: int) -> float:
    """Images a second beside so many programs; -1 is another training."""
    ours = "import d2l_nin; from benchmarks import neighbours; neighbours.train()"
    busy = [start("while True: pass") for _ in range(max(beside, 0))]
    trainings = [start(ours, **choice) for _ in range(2 if beside < 0 else 1)]
    try:
        found = [float(training.communicate()[0]) for training in trainings]
    finally:
        for process in (*busy, *trainings):
            process.kill()
            process.wait()
    return median(found)


def main() -> None:
    """Measure all choices in turns and print medians and ranges."""
    measure.check_idle()
    found = {(name, who): [] for name in CHOICES for who in BESIDE}
    for _ in range(TURNS):
        for name, who in found:
            found[name, who].append(speed(CHOICES[name], BESIDE[who]))
    table = Table("threads", *BESIDE, title="Images a second, median (range)")
    for name in CHOICES:
        cells = [found[name, who] for who in BESIDE]
        texts = [f"{median(c):,.0f} ({min(c):,.0f}–{max(c):,.0f})" for c in cells]
        table.add_row(name, *texts)
    console.print(table)


if __name__ == "__main__":
    main()
