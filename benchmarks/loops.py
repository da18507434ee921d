"""What one process of the bench does; it prints its figures as JSON.

Imported after MXNet, this runs with MXNet's own threads and engine.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import mxnet as mx
import numpy
import psutil
from mxnet import autograd, gluon, init

from d2l_nin.cost import summary
from d2l_nin.datasets import load_fashion_mnist, read_characters
from d2l_nin.inception import inception_classroom
from d2l_nin.memory import peak_mib
from d2l_nin.nin import nin_classroom
from d2l_nin.resnet import resnet_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import fit

__all__ = ["main"]

NETS = {
    "nin": nin_classroom,
    "inception": inception_classroom,
    "resnet": resnet_classroom,
}
RECIPE = {"lr": 0.3, "label_smoothing": 0.05}


def _with_workers_mib() -> float:
    """Memory of this process at its peak, and of its loader processes as they are."""
    children = psutil.Process().children(recursive=True)
    return peak_mib() + sum(child.memory_info().rss for child in children) / 2**20


def _beginning_and_end(losses: list) -> list[float]:
    """The mean loss of the first and of the last tenth: it falls in a loop that trains.

    The accuracy does not tell it in so few steps: the running statistics of batch norm
    lag behind the weights.
    """
    tenth = max(1, len(losses) // 10)
    return [float(numpy.mean(part)) for part in (losses[:tenth], losses[-tenth:])]


def _this_course(job) -> dict:
    train_iter, test_iter = load_fashion_mnist(
        job["batch_size"], train_size=_take(job), seed=job["seed"]
    )
    net = nin_classroom()
    net.initialize(init.MSRAPrelu("in", 0))
    start = time.perf_counter()
    history = fit(net, train_iter, test_iter, **RECIPE, progress=False)
    return {
        "seconds": time.perf_counter() - start,
        "train_images_per_second": history.images_per_second,
        "accuracy": history.test_acc,
        "losses": _beginning_and_end(history.losses),
        "peak_mib": peak_mib(),
    }


def _take(job):
    return None if job["num_images"] == 60_000 else job["num_images"]


def _gluon_images() -> tuple:
    """Gluon's own data sets, from the files that the bench has written.

    They are the bytes that Zalando published, compressed again and found through
    MXNET_HOME; Gluon pins the compressed files, so its checksum is passed over, in this
    process only.
    """
    gluon.data.vision.datasets.check_sha1 = lambda *arguments: True
    mx.gluon.utils.check_sha1 = lambda *arguments: True
    return tuple(gluon.data.vision.FashionMNIST(train=t) for t in (True, False))


class _NoAnimator:
    """Instead of d2l's live plot, which draws into a notebook."""

    def __init__(self, *arguments, **named):
        self.points = []

    def add(self, x, y):
        self.points.append((x, y))


def _d2l(job) -> dict:
    """d2l 1.0.3: its loader and its `train_ch6`."""
    from d2l import mxnet as d2l

    _gluon_images()
    animators = []
    d2l.Animator = lambda *a, **k: animators.append(_NoAnimator()) or animators[-1]
    train_iter, test_iter = d2l.load_data_fashion_mnist(job["batch_size"])
    if job["num_images"] < 60_000:
        short = train_iter._dataset.take(job["num_images"])
        train_iter = gluon.data.DataLoader(
            short, job["batch_size"], shuffle=True,
            num_workers=d2l.get_dataloader_workers(),
        )  # fmt: skip
    net = nin_classroom()
    net.initialize(init.Xavier())
    if job["name"].endswith("hybridized"):
        net.hybridize()
    start = time.perf_counter()
    d2l.train_ch6(net, train_iter, test_iter, 1, 0.1, mx.cpu())
    seconds = time.perf_counter() - start
    *training, (_, (_, _, accuracy)) = animators[0].points
    return {
        "seconds": seconds,
        "accuracy": float(accuracy),
        "losses": _beginning_and_end([loss for _, (loss, _, _) in training]),
        "peak_mib": _with_workers_mib(),
    }


def _plain(job) -> dict:
    """The loop that a reader writes first."""
    train, test = _gluon_images()
    to_tensor = gluon.data.vision.transforms.ToTensor()
    train_iter = gluon.data.DataLoader(
        train.transform_first(to_tensor).take(job["num_images"]),
        job["batch_size"],
        shuffle=True,
    )
    test_iter = gluon.data.DataLoader(test.transform_first(to_tensor), 256)
    net = nin_classroom()
    net.initialize(init.Xavier())
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    start = time.perf_counter()
    losses = []
    for X, y in train_iter:
        with autograd.record():
            batch_loss = loss(net(X), y).mean()
        batch_loss.backward()
        trainer.step(1)
        losses.append(batch_loss.item())
    hits = num_samples = 0
    for X, y in test_iter:
        hits += (net(X).argmax(axis=1) == y.astype("int64")).sum().item()
        num_samples += len(y)
    return {
        "seconds": time.perf_counter() - start,
        "accuracy": hits / num_samples,
        "losses": _beginning_and_end(losses),
        "peak_mib": peak_mib(),
    }


def _goal(job) -> dict:
    start = time.perf_counter()
    train_iter, test_iter = load_fashion_mnist(128, seed=job["seed"])
    net = NETS[job["net"]]()
    net.initialize(init.MSRAPrelu("in", 0))
    read = time.perf_counter() - start
    history = fit(
        net, train_iter, test_iter, job["num_epochs"], job["lr"], label_smoothing=0.05,
        progress=False,
    )  # fmt: skip
    reached = [row for row in history.epochs if row["test_acc"] >= job["goal"]]
    return {
        **job,
        "epoch": reached[0]["epoch"] if reached else None,
        "seconds": read + reached[0]["seconds"] if reached else None,
        "accuracy": history.test_acc,
        "all_seconds": read + history.seconds,
        "peak_mib": peak_mib(),
    }


def _growth(job) -> dict:
    size, num_images = job.get("size", 28), job.get("num_images")
    if num_images is None:
        num_images = 2048 if size == 28 else max(256, 2048 * 28**2 // size**2)
    if "depth" in job:
        net = resnet_classroom(num_blocks=(job["depth"],) * 3)
    else:
        widths = [round(job.get("width", 1) * n) for n in (32, 64, 128)]
        net = nin_classroom(widths=widths)
    train_iter, _ = load_fashion_mnist(
        64, resize=None if size == 28 else size, train_size=num_images
    )
    net.initialize(init.MSRAPrelu("in", 0))
    history = fit(net, train_iter, num_epochs=3, lr=0.05, progress=False)
    seconds = numpy.diff([0, *(row["seconds"] for row in history.epochs)])
    table = summary(net, (1, 1, size, size))
    return {
        "macs": table.macs,
        "images": num_images,
        "seconds": float(min(seconds[1:])),  # the first epoch builds the graph
        "peak_mib": peak_mib(),
    }


def _characters(job) -> dict:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        read_characters({"train": job["num_images"]}, folder=Path(folder))
    return {"seconds": time.perf_counter() - start, "peak_mib": peak_mib()}


def main() -> None:
    """Do the job that stands as JSON in the last argument."""
    job = json.loads(sys.argv[-1])
    kinds = {
        "this course": _this_course,
        "d2l": _d2l,
        "d2l, hybridized": _d2l,
        "plain Gluon loop": _plain,
        "goal": _goal,
        "growth": _growth,
        "characters": _characters,
    }
    seed_everything(job.get("seed", 1))
    figures = kinds[job["name"]](job)
    if "num_images" in job and "seconds" in figures and job["name"] != "growth":
        figures["images_per_second"] = job["num_images"] / figures["seconds"]
    print(json.dumps(figures))
