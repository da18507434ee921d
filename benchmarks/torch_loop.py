"""The classroom NiN in PyTorch, for the bench; a script on its own, without MXNet.

It runs under an interpreter that has PyTorch and prints its figures as JSON. Feed, net
and recipe are those of the course.
"""

import json
import runpy
import sys
import time
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional as F

# The course's own measure, without its package, which would want MXNet.
ROOT = Path(__file__).resolve().parents[1]
peak_mib = runpy.run_path(str(ROOT / "d2l_nin" / "memory.py"))["peak_mib"]


def block(channels_in, widths, kernel_size, stride, padding, last=False):
    """As `nin_block` with batch norm, as far as the last ReLU of the head."""
    layers = []
    windows = [(kernel_size, stride, padding), (1, 1, 0), (1, 1, 0)]
    for i, (width, window) in enumerate(zip(widths, windows)):
        bare = last and i == 2
        layers.append(nn.Conv2d(channels_in, width, *window, bias=bare))
        if not bare:
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
        channels_in = width
    return layers


def make_net():
    """Make the net of `nin_classroom()`."""
    net = nn.Sequential(
        *block(1, (32, 32, 32), 5, 2, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *block(32, (64, 64, 64), 3, 1, 1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *block(64, (128, 128, 128), 3, 1, 1),
        *block(128, (16, 16, 10), 3, 1, 1, last=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return net


def rate(step, num_steps, lr=0.3, warmup=0.15):
    """As `training.learning_rate`."""
    rise = round(num_steps * warmup)
    if step < rise:
        return lr * (step + 1) / rise
    return lr * (num_steps - step) / (num_steps - rise)


def beginning_and_end(losses):
    """As in `loops`."""
    tenth = max(1, len(losses) // 10)
    parts = losses[:tenth], losses[-tenth:]
    return [float(torch.stack(part).mean()) for part in parts]


def count_hits(net, feed, X, y):
    """How many images are recognized."""
    with torch.no_grad():
        return sum(
            int((net(feed(X[i : i + 1000])).argmax(1).numpy() == y[i : i + 1000]).sum())
            for i in range(0, len(X), 1000)
        )


def main():
    job = json.loads(sys.argv[-1])
    torch.manual_seed(job["seed"])
    data = numpy.load(f"{job['folder']}/images.npz")
    X, y = data["X"][: job["num_images"]], data["y"].astype(numpy.int64)
    X_test, y_test = data["X_test"], data["y_test"].astype(numpy.int64)
    last = job["name"].endswith("channels last")
    layout = torch.channels_last if last else torch.contiguous_format
    net = make_net().to(memory_format=layout)

    def feed(images):
        images = numpy.multiply(images, numpy.float32(1 / 255), dtype=numpy.float32)
        return torch.from_numpy(images[:, None]).to(memory_format=layout)

    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    optimizer = torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-4}, {"params": others}],
        lr=0.3,
        momentum=0.9,
        nesterov=True,
    )
    batch_size = job["batch_size"]
    num_steps = -(-len(X) // batch_size)
    start = time.perf_counter()
    order = numpy.random.default_rng(job["seed"]).permutation(len(X))
    losses = []
    for step in range(num_steps):
        rows = order[step * batch_size : (step + 1) * batch_size]
        for group in optimizer.param_groups:
            group["lr"] = rate(step, num_steps)
        loss = F.cross_entropy(
            net(feed(X[rows])), torch.from_numpy(y[rows]), label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    trained = time.perf_counter() - start
    net.eval()
    hits = count_hits(net, feed, X_test, y_test)
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "seconds": seconds,
                "images_per_second": len(X) / seconds,
                "train_images_per_second": len(X) / trained,
                "accuracy": hits / len(X_test),
                "losses": beginning_and_end(losses),
                "num_params": sum(p.numel() for p in net.parameters()),
                "peak_mib": peak_mib(),
                "version": torch.__version__,
                "threads": torch.get_num_threads(),
            }
        )
    )


if __name__ == "__main__":
    main()
