"""The step where a batch is split: over several devices, over several processes."""

from __future__ import annotations

import mxnet as mx
import numpy
from mxnet import autograd

from d2l_nin.layers import check_initialized
from d2l_nin.runtime import computes
from d2l_nin.training.evaluate import _devices_of, _trained_in
from d2l_nin.training.workers import Workers


class Team:
    """All devices that take part in a step.

    Parameters
    ----------
    net : Block
    workers : Workers, optional
        The other processes of the job.
    """

    def __init__(self, net, workers: Workers | None = None):
        self.net, self.workers, self.devices = net, workers, _devices_of(net)
        self.rank = workers.rank if workers is not None else 0
        self.num_workers = workers.num_workers if workers is not None else 1

    @property
    def is_one(self) -> bool:
        """Whether a batch stays whole."""
        return len(self.devices) == 1 and self.workers is None

    @property
    def kvstore(self) -> str | None:
        """Where the trainer sums gradients: between workers, it is done before."""
        return "device" if len(self.devices) > 1 and self.workers is None else None

    def split(self, X, y) -> list[tuple]:
        """(X, y, weight) for each device of this worker, as even as it goes.

        A device that would get nothing repeats the first sample with weight 0, so that
        its gradients are zeros and not those of the batch before.
        """
        num_parts, parts = len(self.devices) * self.num_workers, []
        for i, device in enumerate(self.devices, self.rank * len(self.devices)):
            low, high = (len(X) * j // num_parts for j in (i, i + 1))
            rows, weight = (slice(low, high), 1.0) if high > low else (slice(1), 0.0)
            parts.append((X[rows].as_in_ctx(device), y[rows].as_in_ctx(device), weight))
        return parts

    def train_epoch(self, net, train_iter, loss_fn, trainer, run) -> None:
        """As `loop.train_epoch`, with each batch split."""
        for X, y in train_iter:
            parts = self.split(X, y)
            trainer.set_learning_rate(run.learning_rate)
            with autograd.record():
                results = [
                    [weight * part for part in loss_fn(net(X_part), y_part)]
                    for X_part, y_part, weight in parts
                ]
            losses, hits = zip(*results)
            autograd.backward(losses)
            self.share_gradients()
            trainer.step(len(X))
            seen = sum(len(y_part) for _, y_part, weight in parts if weight)
            run.stepped(losses, hits, seen)

    def take_over_weights(self) -> None:
        """Give this worker the weights of the first: the others add zeros to them."""
        if self.workers is None:
            return
        trained = _trained_in(self.net)
        weights = [p.data(self.devices[0]).asnumpy() for p in trained]
        own = numpy.float32(self.rank == 0)
        for parameter, value in zip(
            trained, self.workers.sum([own * w for w in weights])
        ):
            parameter.set_data(mx.np.array(value, dtype=parameter.dtype))

    def share_gradients(self) -> None:
        """Replace each gradient by its sum over all devices of all workers."""
        if self.workers is None:
            return  # the trainer sums over devices
        trained = _trained_in(self.net)
        own = [
            sum(g.asnumpy().astype("float32") for g in p.list_grad()) for p in trained
        ]
        for parameter, total in zip(trained, self.workers.sum(own)):
            for gradient in parameter.list_grad():
                gradient[:] = mx.np.array(total, dtype=gradient.dtype, ctx=gradient.ctx)


def move(net, devices: list) -> None:
    """Put the parameters on `devices`; tell those on which nothing can be computed."""
    if not isinstance(devices, (list, tuple)) or not devices:
        raise TypeError(
            f"devices: expected a list such as [mx.gpu(0), mx.gpu(1)], got {devices!r}"
        )
    for device in devices:
        if not isinstance(device, mx.Context):
            raise TypeError(f"devices: expected contexts, got {device!r}")
        why = computes(device)
        if why is not None:
            raise ValueError(f"devices: {device} does not compute: {why}")
    if len(set(devices)) < len(devices):
        raise ValueError(f"devices: expected each once, got {devices}")
    check_initialized(net)
    net.collect_params().reset_ctx(list(devices))


def find_workers(kvstore: str | None, checkpoint) -> Workers | None:
    """The other processes of the job, if there is to be one."""
    if kvstore is None:
        return None
    if kvstore != "dist_sync":
        raise ValueError(f"kvstore: expected 'dist_sync' or None, got {kvstore!r}")
    if checkpoint is not None:
        raise ValueError("checkpoint: expected None together with kvstore='dist_sync'")
    return Workers()
