"""Signal and gradient by block, plain and residual: writes `_static/live/depth.js`.

    .venv-site/bin/python site/depth.py

Five seeds of each net as it begins, and one seed after one epoch of 960 images.
"""

from __future__ import annotations

# Before MXNet, which reads its threads and its engine as it loads.
from d2l_nin import runtime

# isort: split

import json
from pathlib import Path

import mxnet as mx
import numpy
from mxnet import autograd, gluon

from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.resnet import resnet_cifar
from d2l_nin.training import fit

DEPTHS = (8, 14, 20, 32, 56)
KINDS = {"residual": "zero-pad", "plain": None}
SEEDS = range(5)
BATCH = 32
HEAD = 3  # average, flatten, dense
STEM = 3  # convolution, batch norm, ReLU
OUT = Path(__file__).parent / "_static/live/depth.js"


def made(depth: int, kind: str, seed: int):
    """A net that no image has been shown to."""
    runtime.seed_everything(seed)
    net = resnet_cifar(depth, shortcut=KINDS[kind])
    net.initialize(mx.init.MSRAPrelu("in", 0))
    return net


def signal_and_gradient(net, X, y) -> tuple[list[float], list[float]]:
    """Of the output of each block: its standard deviation, the loss's gradient there.

    The net is cut after each block, and the gradient handed on from cut to cut.

    Parameters
    ----------
    net : HybridSequential
        Of `resnet_cifar`.
    X : array (N, 1, 28, 28)
    y : array (N,)

    Returns
    -------
    (list of float, list of float)
        One number for each block; of the gradient the Euclidean norm.
    """
    layers = list(net)
    parts = [layers[:STEM], *[[block] for block in layers[STEM:-HEAD]], layers[-HEAD:]]
    inputs, outputs = [], []
    with autograd.record():
        for part in parts:
            X = X.detach()
            X.attach_grad()
            inputs.append(X)
            for layer in part:
                X = layer(X)
            outputs.append(X)
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(X, y).mean()
    loss.backward()
    for i in reversed(range(len(parts) - 1)):
        outputs[i].backward(inputs[i + 1].grad)
    signal = [float(numpy.std(one.asnumpy())) for one in outputs[1:-1]]
    grads = [one.grad.asnumpy() for one in inputs[2:]]
    return signal, [float(numpy.linalg.norm(grad)) for grad in grads]


def rounded(values) -> list:
    return [float(f"{value:.4g}") for value in values]


def main() -> None:
    train_iter, _ = load_fashion_mnist(BATCH, train_size=960, seed=0)
    X, y = next(iter(train_iter))
    runs = {}
    for depth in DEPTHS:
        for kind in KINDS:
            seeds = []
            for seed in SEEDS:
                net = made(depth, kind, seed)
                signal, gradient = signal_and_gradient(net, X, y)
                seeds.append({
                    "signal": rounded(signal), "gradient": rounded(gradient)
                })  # fmt: skip
            net = made(depth, kind, 0)
            train_iter.epoch = 0
            history = fit(net, train_iter, num_epochs=1, lr=0.1, progress=False)
            signal, gradient = signal_and_gradient(net, X, y)
            after = {"signal": rounded(signal), "gradient": rounded(gradient)}
            runs[f"{kind} {depth}"] = {"start": seeds, "after": [after]}
            print(depth, kind, history.train_loss, flush=True)
    text = json.dumps({"depths": DEPTHS, "runs": runs}, separators=(",", ":"))
    OUT.write_text(f"// Made by site/depth.py.\nconst DEPTH = {text};\n", "utf-8")


if __name__ == "__main__":
    main()
