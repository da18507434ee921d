"""The training loop."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from pathlib import Path

import mxnet as mx
import numpy
from mxnet import autograd, gluon
from mxnet.gluon import HybridBlock

from d2l_nin.layers import check_initialized
from d2l_nin.runtime import computes
from d2l_nin.training.evaluate import (
    _check_labels,
    _check_scores,
    _devices_of,
    _dtype_of,
    _first,
    _put,
    _trained_in,
    evaluate_accuracy,
)
from d2l_nin.training.history import History, TrainingDiverged, TrainingInterrupted
from d2l_nin.training.progress import _make_view
from d2l_nin.training.resume import _identity, restore, save_or_warn
from d2l_nin.training.workers import Workers

# Steps between two looks at the losses. Each look waits for the device, so it is not
# taken at every step; a loss that became NaN is found at most so many steps later.
STEPS_PER_LOOK = 32


class _Objective(HybridBlock):
    """Summed cross-entropy with smoothed labels, and hits, of one batch."""

    def __init__(self, label_smoothing: float):
        super().__init__()
        self.label_smoothing = label_smoothing

    def hybrid_forward(self, F, scores, y):
        log_p = F.npx.log_softmax(scores.astype("float32"), axis=-1)
        loss = -F.npx.pick(log_p, y, axis=-1)
        if self.label_smoothing:
            uniform = -F.np.mean(log_p, axis=-1)
            loss = (1 - self.label_smoothing) * loss + self.label_smoothing * uniform
        best = F.np.argmax(scores, axis=-1).astype("float32")
        return F.np.sum(loss), F.np.sum(best == y.astype("float32"))


def learning_rate(step: int, num_steps: int, lr: float, warmup=0.15, decay=True):
    """The rate of step 0 … num_steps - 1: a linear rise, then a linear fall to 0.

    Parameters
    ----------
    step, num_steps : int
    lr : float
        The peak.
    warmup : float
        Share of all steps that the rise takes.
    decay : bool
        Whether it falls afterwards or stays at the peak.

    Returns
    -------
    float
    """
    rise = round(num_steps * warmup)
    if step < rise:
        return lr * (step + 1) / rise
    return lr * (num_steps - step) / (num_steps - rise) if decay else lr


def _split(X, y, devices: list, rank: int = 0, num_workers: int = 1) -> list[tuple]:
    """(X, y, weight) for each device of this worker, as even as it goes.

    A device that would get nothing repeats the first sample with weight 0, so that
    its gradients are zeros and not those of the batch before.
    """
    num_parts = len(devices) * num_workers
    if num_parts == 1:
        return [(X.as_in_ctx(devices[0]), y.as_in_ctx(devices[0]), 1.0)]
    parts = []
    for i, device in enumerate(devices, start=rank * len(devices)):
        low, high = (len(X) * j // num_parts for j in (i, i + 1))
        rows, weight = (slice(low, high), 1.0) if high > low else (slice(0, 1), 0.0)
        parts.append((X[rows].as_in_ctx(device), y[rows].as_in_ctx(device), weight))
    return parts


class _Run:
    """One run of `fit`: what is needed for a step, and the record of the steps."""

    def __init__(
        self,
        net,
        train_iter,
        num_steps,
        objective,
        aux_weight,
        trainer,
        lr_at,
        view,
        workers=None,
    ):
        self.aux_weight, self.dtype = aux_weight, _dtype_of(net)
        self.workers = workers
        self.rank = workers.rank if workers is not None else 0
        self.num_workers = workers.num_workers if workers is not None else 1
        self.net, self.train_iter, self.num_steps = net, train_iter, num_steps
        self.objective, self.trainer, self.lr_at = objective, trainer, lr_at
        self.view, self.devices = view, _devices_of(net)
        self.history, self.start = History(), time.perf_counter()
        self.step_number, self.num_classes = 0, None
        self.pending: list[tuple] = []  # results of steps, still on the device
        self.seed: int | None = None

    def train_epoch(self, on_step: Callable | None) -> None:
        start = time.perf_counter()
        self.loss, self.hits, self.num_samples = 0.0, 0, 0
        for batch, (X, y) in enumerate(self.train_iter):
            self.check(X, y)
            if batch == 0:
                self.seed_epoch()
            self.step(X, y)
            if on_step is not None:
                on_step(self.step_number, self.net)
            if self.step_number % STEPS_PER_LOOK == 0:
                self.look()
        self.look()
        self.history.train_seconds += time.perf_counter() - start
        self.history.epochs.append(
            {
                "epoch": len(self.history.epochs) + 1,
                "train_loss": self.loss / self.num_samples,
                "train_acc": self.hits / self.num_samples,
            }
        )

    def check(self, X, y) -> None:
        """Tell what can't be trained on: the net before the first step, then labels.

        Labels that lie in memory are looked at once, others as they come.
        """
        known = getattr(self.train_iter, "labels", None)
        first = self.num_classes is None
        if first:
            scores = _first(self.net(_put(X, self.devices[0], self.dtype)))
            _check_scores(scores, len(X), self.train_iter)
            self.num_classes = scores.shape[1]
            if self.workers is not None:
                self.take_over_weights()
        if first or known is None:
            _check_labels(y if known is None else known, self.num_classes)

    def seed_epoch(self) -> None:
        """Set MXNet's random state, which can't be read, from what can be stored."""
        if self.seed is None:  # after the weights were drawn, which happens in `check`
            self.seed = int(mx.np.random.randint(0, 2**31 - 1).item())
        # Workers drop different values, as devices do.
        seed = self.seed + len(self.history.epochs) + 7919 * self.rank
        mx.random.seed(seed % 2**31)

    def step(self, X, y) -> None:
        """One update. Nothing here waits for the device."""
        self.trainer.set_learning_rate(self.lr_at(self.step_number))
        parts = _split(
            X.astype(self.dtype, copy=False), y, self.devices, self.rank,
            self.num_workers,
        )  # fmt: skip
        with autograd.record():
            results = [
                (*self.loss_and_hits(self.net(X_part), y_part), weight)
                for X_part, y_part, weight in parts
            ]
            losses = [loss * weight for loss, _, weight in results]
        autograd.backward(losses)
        if self.workers is not None:
            self.share_gradients()
        self.trainer.step(len(X))
        self.step_number += 1
        seen = sum(len(y_part) for _, y_part, weight in parts if weight)
        self.pending.append((results, seen))

    def take_over_weights(self) -> None:
        """Give this worker the weights of the first: the others add zeros to them."""
        trained = _trained_in(self.net)
        weights = [p.data(self.devices[0]).asnumpy() for p in trained]
        own = numpy.float32(self.rank == 0)
        for parameter, value in zip(
            trained, self.workers.sum([own * w for w in weights])
        ):
            parameter.set_data(mx.np.array(value, dtype=parameter.dtype))

    def share_gradients(self) -> None:
        """Replace each gradient by its sum over all devices of all workers."""
        trained = _trained_in(self.net)
        own = [
            sum(g.asnumpy().astype("float32") for g in p.list_grad()) for p in trained
        ]
        for parameter, total in zip(trained, self.workers.sum(own)):
            for gradient in parameter.list_grad():
                gradient[:] = mx.np.array(total, dtype=gradient.dtype, ctx=gradient.ctx)

    def loss_and_hits(self, scores, y) -> tuple:
        """Summed over the part of a batch; auxiliary heads add to the loss only."""
        loss, hits = self.objective(_first(scores), y)
        if isinstance(scores, (tuple, list)):
            for side_scores in scores[1:]:
                loss = loss + self.aux_weight * self.objective(side_scores, y)[0]
        return loss, hits

    def look(self) -> None:
        """Wait for the device, take over what is pending, show it."""
        while self.pending:
            results, num_samples = self.pending.pop(0)
            loss = sum(float(part.item()) * weight for part, _, weight in results)
            hits = sum(int(part.item() * weight) for _, part, weight in results)
            self.history.losses.append(loss / max(num_samples, 1))
            self.history.num_samples += num_samples
            self.loss, self.hits = self.loss + loss, self.hits + hits
            self.num_samples += num_samples
            if not math.isfinite(loss):
                step = len(self.history.losses)
                raise TrainingDiverged(
                    f"the loss became {loss} at step {step} of {self.num_steps}, at a "
                    f"learning rate of {self.lr_at(step - 1):.3g}. The weights are "
                    "spoilt: call net.initialize(force_reinit=True), then try a lower "
                    "lr, a longer warmup, batch norm, or MSRA instead of Xavier.",
                    self.history,
                )
        if self.view is not None:
            self.view.update(self.history)

    def evaluate(self, test_iter) -> None:
        """Close the epoch, with the accuracy on `test_iter` if there is one."""
        row = self.history.epochs[-1]
        if test_iter is not None:
            row["test_acc"] = evaluate_accuracy(self.net, test_iter)
        row["seconds"] = time.perf_counter() - self.start
        if self.view is not None:
            self.view.update(self.history)


def _move(net, devices: list) -> None:
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


def _find_workers(kvstore: str | None, checkpoint) -> Workers | None:
    """The other processes of the job, if there is to be one."""
    if kvstore is None:
        return None
    if kvstore != "dist_sync":
        raise ValueError(f"kvstore: expected 'dist_sync' or None, got {kvstore!r}")
    if checkpoint is not None:
        raise ValueError("checkpoint: expected None together with kvstore='dist_sync'")
    return Workers()


def fit(
    net,
    train_iter,
    test_iter=None,
    num_epochs: int = 1,
    lr: float = 0.1,
    *,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    label_smoothing: float = 0.0,
    aux_weight: float = 0.3,
    warmup: float = 0.15,
    decay: bool = True,
    on_step: Callable | None = None,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    on_save_error: str = "stop",
    devices: list | None = None,
    kvstore: str | None = None,
) -> History:
    """Train a classifier by stochastic gradient descent with Nesterov's momentum.

    The net must be initialized; it is trained where its parameters are, on several
    devices if it was initialized on several. It is hybridized. In a net that was cast
    to float16 the optimizer keeps weights in float32 as well.

    Parameters
    ----------
    net : HybridBlock
        From X (N, C, H, W) to scores (N, num_classes), without softmax.
    train_iter, test_iter : iterables of (X, y) with a length
        Integer labels y (N,). Accuracy on `test_iter` is taken after each epoch.
    num_epochs : int
    lr : float
        The peak rate; see `learning_rate` for `warmup` and `decay`.
    momentum : float
    weight_decay : float
        On weights only, not on biases and batch norm's scale and shift.
    label_smoothing : float
        This share of the label is spread evenly over all classes.
    aux_weight : float
        Of the losses of auxiliary heads, where the net gives (scores, scores of a
        head, …); accuracy is that of the first.
    warmup : float
        Share of all steps in which the rate rises to `lr`.
    decay : bool
        Whether the rate then falls linearly to 0.
    on_step : function (step, net), optional
        Called after each update, with step counting from 1.
    progress : bool, optional
        A bar or a live curve; by default where someone may be looking.
    checkpoint : str or Path, optional
        A file that is written after each epoch, with the one before it kept beside.
    resume : bool
        Go on from `checkpoint` where it exists: the weights end as they would have
        without the interruption. Of a run that had ended, the outcome is loaded.
    on_save_error : str
        'stop' or 'go on' where the checkpoint can't be written, as on a full disk.
    devices : list of Context, optional
        Move the net there first. Each batch is split over them, uneven ones rightly,
        and gradients are summed.
    kvstore : str, optional
        'dist_sync' in a process that `python -m d2l_nin launch` has started: each batch
        is split over the workers as well. The history is of this worker's share.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        No batch, labels out of range, a net whose outputs are not one score for each
        class: before the first step. Numbers that make no sense. A checkpoint of
        another run.
    RuntimeError
        The net is not initialized.
    TrainingDiverged
        The loss became infinite or NaN.
    TrainingInterrupted
        Ctrl-C, or the notebook's stop button.
    OSError
        The checkpoint can't be written.

    Notes
    -----
    Auxiliary heads: Szegedy et al., arXiv 1409.4842, section 5. Label smoothing:
    Szegedy et al., arXiv 1512.00567, section 7. Linear warm-up: Goyal
    et al., arXiv 1706.02677, section 2.2.
    """
    if num_epochs < 1:
        raise ValueError(f"num_epochs: expected at least 1, got {num_epochs}")
    if not lr > 0:
        raise ValueError(f"lr: expected more than 0, got {lr}")
    for name, value in (("warmup", warmup), ("label_smoothing", label_smoothing)):
        if not 0 <= value < 1:
            raise ValueError(f"{name}: expected 0 ≤ {name} < 1, got {value}")
    num_steps = num_epochs * len(train_iter)
    if not num_steps:
        raise ValueError("train_iter: expected at least one batch, got none")
    if resume and checkpoint is None:
        raise ValueError("resume=True: expected a path as checkpoint, got None")
    if on_save_error not in ("stop", "go on"):
        raise ValueError(
            f"on_save_error: expected 'stop' or 'go on', got {on_save_error!r}"
        )
    workers = _find_workers(kvstore, checkpoint)

    # Gluon's blocks refer to each other in cycles. Without this the memory of the nets
    # trained before stays taken until Python happens to look for cycles.
    gc.collect()
    if devices is not None:
        _move(net, devices)
    devices, half = _devices_of(net), _dtype_of(net) == numpy.float16
    for name, parameter in net.collect_params().items():
        if not name.endswith("weight"):
            parameter.wd_mult = 0.0
    net.hybridize(static_alloc=True, static_shape=True)
    objective = _Objective(label_smoothing)
    objective.hybridize()
    trainer = gluon.Trainer(
        # Only what is trained: at its first step the trainer gives all devices the
        # values of the first, and running statistics are each device's own.
        _trained_in(net),
        "nag",
        {
            "learning_rate": lr,
            "momentum": momentum,
            "wd": weight_decay,
            "multi_precision": half,
        },
        # Between workers gradients are summed before the trainer sees them.
        kvstore="device" if len(devices) > 1 and workers is None else None,
        update_on_kvstore=False,
    )

    def lr_at(step):
        return learning_rate(step, num_steps, lr, warmup, decay)

    view = _make_view(progress, num_steps)
    run = _Run(
        net, train_iter, num_steps, objective, aux_weight, trainer, lr_at, view, workers
    )
    settings = {
        "num_epochs": num_epochs,
        "lr": lr,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "label_smoothing": label_smoothing,
        "aux_weight": aux_weight,
        "warmup": warmup,
        "decay": decay,
        # Reading all of the data takes a moment.
        "data": _identity(train_iter) if checkpoint is not None else None,
        "test data": _identity(test_iter) if checkpoint is not None else None,
    }
    try:
        if resume:
            restore(run, Path(checkpoint), settings)
        for _ in range(len(run.history.epochs), num_epochs):
            run.train_epoch(on_step)
            run.evaluate(test_iter)
            if checkpoint is not None:
                save_or_warn(run, Path(checkpoint), settings, on_save_error)
        run.seed_epoch()  # what comes next is the same after a run that was loaded
    except KeyboardInterrupt:
        run.look()
        raise TrainingInterrupted(
            f"stopped after step {run.step_number} of {num_steps}. The net has the "
            "weights of that step and can be used; the history until then is in this "
            "exception, in a notebook: import sys; sys.last_value.history",
            run.history,
        ) from None
    finally:
        if view is not None:
            view.close()
    return run.history
