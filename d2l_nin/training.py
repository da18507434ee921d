"""Floor 2: the training loop, evaluation, and the record of a run."""

from __future__ import annotations

import gc
import glob
import hashlib
import json
import math
import os
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import FunctionType

import mxnet as mx
import numpy
import pandas
from mxnet import autograd, gluon
from mxnet.gluon import HybridBlock
from tqdm import tqdm

from d2l_nin import checkpoint as checkpoints
from d2l_nin.checkpoint import cache_folder
from d2l_nin.layers import check_initialized
from d2l_nin.runtime import computes
from d2l_nin.workers import Workers

__all__ = [
    "History",
    "TrainingDiverged",
    "TrainingInterrupted",
    "cache_folder",
    "evaluate_accuracy",
    "fit",
    "fit_cached",
    "learning_rate",
]

# Steps between two looks at the losses. Each look waits for the device, so it is not
# taken at every step; a loss that became NaN is found at most so many steps later.
STEPS_PER_LOOK = 32

# Floor 3 hangs the class that draws the live curve in notebooks here.
live_view: Callable | None = None


class TrainingDiverged(FloatingPointError):
    """The loss became infinite or NaN; `history` holds the run until then."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


class TrainingInterrupted(KeyboardInterrupt):
    """Someone stopped `fit`; `history` is the run so far, the net has its weights."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


class History:
    """What happened in a run of `fit`.

    Attributes
    ----------
    losses : list of float
        Mean loss of each batch, in order.
    epochs : list of dict
        One for each epoch: `epoch`, `train_loss`, `train_acc` (both summed over the
        samples as they were trained on, divided by their number), `test_acc` (absent
        without a test set), `seconds` (of training and evaluation since the start).
    num_samples : int
        Images trained on, all epochs together.
    train_seconds : float
        Of training alone.
    """

    def __init__(self):
        self.losses: list[float] = []
        self.epochs: list[dict] = []
        self.num_samples = 0
        self.train_seconds = 0.0

    def _last(self, name: str):
        if not self.epochs or name not in self.epochs[-1]:
            raise ValueError(f"{name} is not known: no epoch ended, or no test set")
        return self.epochs[-1][name]

    train_loss = property(lambda self: self._last("train_loss"))
    train_acc = property(lambda self: self._last("train_acc"))
    test_acc = property(lambda self: self._last("test_acc"))
    seconds = property(lambda self: self._last("seconds"))

    @property
    def images_per_second(self) -> float:
        """Training speed, without evaluation."""
        return self.num_samples / self.train_seconds if self.train_seconds else 0.0

    def to_frame(self) -> pandas.DataFrame:
        """One row for each epoch."""
        return pandas.DataFrame(self.epochs)

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epoch ended)"
        return self.to_frame().to_string(index=False, float_format="{:.3f}".format)

    def _repr_html_(self) -> str | None:
        if not self.epochs:
            return None
        return self.to_frame().to_html(
            index=False, border=0, float_format="{:.3f}".format
        )


def _first(scores):
    """The scores themselves of a net that has auxiliary heads as well."""
    return scores[0] if isinstance(scores, (tuple, list)) else scores


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


def _devices_of(net) -> list:
    """Where the parameters of `net` are."""
    parameters = list(net.collect_params().values())
    if not parameters:
        raise ValueError("net has no parameters: there is nothing to train")
    check_initialized(net)
    return parameters[0].list_ctx()


def _trained_in(net) -> list:
    """The parameters of `net` that an optimizer changes: not running statistics."""
    return [p for p in net.collect_params().values() if p.grad_req != "null"]


def _dtype_of(net):
    """The precision of the weights, which is that of the images they are fed with."""
    weights = (p for n, p in net.collect_params().items() if n.endswith("weight"))
    # As a dtype: a net that was cast to "float16" has just this text as its dtype.
    return numpy.dtype(next((p.dtype for p in weights), numpy.float32))


def _put(X, device, dtype):
    """The batch on `device`, in the precision of the net."""
    return X.as_in_ctx(device).astype(dtype, copy=False)


def evaluate_accuracy(net, data_iter: Iterable) -> float:
    """The share of samples whose highest score is at their label.

    Hits are summed over all samples and divided by their number, so that a smaller
    last batch counts for what it is.

    Parameters
    ----------
    net : Block
    data_iter : iterable of (X, y)
        With X (N, C, H, W) and integer labels y (N,).

    Raises
    ------
    ValueError
        There is no sample; the net's outputs are not one score for each class; labels
        are out of range. All but the first is told at the first batch.
    RuntimeError
        The net is not initialized.
    """
    device, dtype = _devices_of(net)[0], _dtype_of(net)
    hits, num_samples = [], 0
    for X, y in data_iter:
        scores = _first(net(_put(X, device, dtype)))
        if not num_samples:
            _check_scores(scores, len(X), data_iter)
            _check_labels(getattr(data_iter, "labels", y), scores.shape[1])
        best = scores.argmax(axis=-1)
        hits.append((best == y.as_in_ctx(device).astype(best.dtype)).sum())
        num_samples += len(y)
    if not num_samples:
        raise ValueError("data_iter: expected at least one batch, got none")
    return sum(int(h.item()) for h in hits) / num_samples


def _check_labels(labels, num_classes: int) -> None:
    labels = labels if isinstance(labels, numpy.ndarray) else labels.asnumpy()
    bad = (labels < 0) | (labels >= num_classes) | (labels % 1 != 0)
    if labels.ndim != 1:
        raise ValueError(f"labels: expected shape (N,), got {labels.shape}")
    if bad.any():
        raise ValueError(
            f"labels: expected whole numbers 0…{num_classes - 1}, as the net has "
            f"{num_classes} outputs; got {labels[bad][0]} (and {bad.sum() - 1} more)"
        )


def _check_scores(scores, num_samples: int, data_iter) -> None:
    num_classes = getattr(data_iter, "num_classes", None)
    if scores.ndim != 2 or scores.shape[0] != num_samples:
        raise ValueError(
            f"net: expected scores of shape ({num_samples}, number of classes), got "
            f"{scores.shape}. Is global average pooling or Flatten missing at the end?"
        )
    if num_classes is not None and scores.shape[1] != num_classes:
        raise ValueError(
            f"net: expected {num_classes} outputs, one for each class of the data, "
            f"got {scores.shape[1]}. Build the net with num_classes={num_classes}."
        )


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

    def save(self, path: Path, settings: dict) -> None:
        """Write all that the next epoch depends on."""
        arrays = {}
        for name, parameter in self.net._collect_params_with_prefix().items():
            # Weights are alike on all devices, running statistics are not.
            devices = self.devices[: 1 if parameter.grad_req != "null" else None]
            for k, device in enumerate(devices):
                arrays[f"net {k} {name}"] = parameter.data(device).asnumpy()
        for i, state in self.trainer._updaters[0].states.items():
            for k, part in enumerate(_parts(state)):
                arrays[f"state {i} {k}"] = part.asnumpy()
        kind, keys, *rest = numpy.random.get_state()
        arrays["numpy keys"] = keys
        record = {
            "settings": settings,
            "history": vars(self.history),
            "step": self.step_number,
            "num_classes": self.num_classes,
            "epoch of train_iter": getattr(self.train_iter, "epoch", None),
            "seed": self.seed,
            "python": random.getstate(),
            "numpy": [kind, *rest],
        }
        checkpoints.save(path, arrays, record)

    def save_or_warn(self, path: Path, settings: dict, on_save_error: str) -> None:
        """As `save`; where nothing can be written, stop or go on, as was asked."""
        try:
            self.save(path, settings)
        except OSError as error:
            message = (
                f"the checkpoint {path} can't be written after epoch "
                f"{len(self.history.epochs)}: {error.strerror}. The one before it, if "
                "there was one, is still there."
            )
            if on_save_error == "stop":
                raise OSError(
                    error.errno,
                    f"{message} Make room, or give another path, and go on with "
                    "resume=True; on_save_error='go on' trains without.",
                ) from error
            warnings.warn(f"{message} Training goes on.", stacklevel=3)

    def restore(self, path: Path, settings: dict) -> None:
        """Go on where the run that wrote `path` was, if there is such a file."""
        found = checkpoints.load_newest(path)
        if found is None:
            return
        arrays, record = found
        _check_same_run(path, record["settings"], settings)
        named = self.net._collect_params_with_prefix()
        stored = {k[6:]: v for k, v in arrays.items() if k.startswith("net 0 ")}
        _check_same_net(
            path,
            {name: value.shape for name, value in stored.items()},
            {name: parameter.shape for name, parameter in named.items()},
        )
        for name, parameter in named.items():
            parameter.set_data(mx.np.array(stored[name], dtype=parameter.dtype))
            parameter._finish_deferred_init()  # nothing if it had its shape before
            for k, device in enumerate(self.devices):
                value = arrays.get(f"net {k} {name}", stored[name])
                parameter.data(device)[:] = mx.np.array(value, dtype=parameter.dtype)
        optimizer = self.trainer.optimizer
        for updater, device in zip(self.trainer._updaters, self.devices):
            for i, parameter in enumerate(_trained_in(self.net)):
                weights = parameter.data(device).as_nd_ndarray()
                state = optimizer.create_state_multi_precision(i, weights)
                for k, part in enumerate(_parts(state)):
                    part[:] = arrays[f"state {i} {k}"]
                updater.states[i], updater.states_synced[i] = state, True
        vars(self.history).update(record["history"])
        self.step_number = record["step"]
        self.num_classes = record["num_classes"]
        if record["epoch of train_iter"] is not None:
            self.train_iter.epoch = record["epoch of train_iter"]
        self.seed = record["seed"]
        version, state, gauss = record["python"]
        random.setstate((version, tuple(state), gauss))
        kind, *rest = record["numpy"]
        numpy.random.set_state((kind, arrays["numpy keys"], *rest))
        if self.history.epochs:
            self.start -= self.history.seconds


def _parts(state) -> list:
    """The arrays that an optimizer keeps for a parameter.

    That is the momentum, if there is any, and weights in float32 next to float16.
    """
    parts = state if isinstance(state, tuple) else (state,)
    return [part for part in parts if part is not None]


def _check_same_run(path: Path, stored: dict, settings: dict) -> None:
    """Refuse a checkpoint of a run with other settings, data or layers."""
    for name, value in json.loads(json.dumps(settings)).items():
        if stored.get(name) != value:
            raise ValueError(
                f"{path}: this checkpoint is of another run: {name} is "
                f"{stored.get(name)} there and {value} here. Give the run a path of "
                "its own, or remove that file."
            )


def _identity(data_iter) -> dict | None:
    """What tells this data, and its order, from other data."""
    if data_iter is None:
        return None
    if hasattr(data_iter, "identity"):
        return data_iter.identity()
    return {"batches": len(data_iter)}


def _check_same_net(path: Path, stored: dict, named: dict) -> None:
    """Refuse a checkpoint whose parameters are not those of the net, by place."""
    for name in sorted({*stored, *named}):
        there, here = stored.get(name), named.get(name)
        fits = there is not None and here is not None and len(there) == len(here)
        if not fits or any(m not in (n, 0, -1) for n, m in zip(there, here)):
            raise ValueError(
                f"{path}: this checkpoint is of another net: parameter {name} is "
                f"{there or 'absent'} there and {here or 'absent'} here. Build the net "
                "as it was, or remove that file."
            )


def _notebook_is_live() -> bool:
    """Whether a person is likely to look at this notebook while it runs."""
    if os.environ.get("D2L_NIN_LIVE") == "0" or os.environ.get("CI"):
        return False
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


class _Bar:
    """A progress bar for terminals."""

    def __init__(self, num_steps: int):
        self.bar = tqdm(total=num_steps, unit="batch", dynamic_ncols=True, leave=False)

    def update(self, history: History) -> None:
        done = len(history.losses)
        if done:
            self.bar.set_postfix_str(f"loss {history.losses[-1]:.3f}", refresh=False)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        self.bar.close()


def _make_view(progress: bool | None, num_steps: int):
    """The live curve in a notebook, a bar in a terminal, else nothing."""
    if progress is False:
        return None
    if _notebook_is_live() and live_view is not None:
        return live_view(num_steps)
    if progress or (sys.stderr.isatty() and not os.environ.get("CI")):
        return _Bar(num_steps)
    return None


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
            run.restore(Path(checkpoint), settings)
        for _ in range(len(run.history.epochs), num_epochs):
            run.train_epoch(on_step)
            run.evaluate(test_iter)
            if checkpoint is not None:
                run.save_or_warn(Path(checkpoint), settings, on_save_error)
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


# --- runs that are kept -----------------------------------------------------------


def _key_of_run(net, train_iter, test_iter, settings: dict) -> str:
    """A digest of all that the outcome of a run depends on.

    That is the initial weights, the data and their order, the settings, MXNet's
    version and threads, the code of this package and that of the net's own blocks.
    """
    data = {"train_iter": train_iter}
    if test_iter is not None:
        data["test_iter"] = test_iter
    for name, data_iter in data.items():
        if not hasattr(data_iter, "identity"):
            raise TypeError(
                f"{name}: expected an ArrayIter, which can be told from other data, "
                f"got {type(data_iter).__name__}; fit() takes it"
            )
    epoch = train_iter.epoch
    X, _ = next(iter(train_iter))  # weights are drawn when a first batch is seen
    train_iter.epoch = epoch
    net(_put(X, _devices_of(net)[0], _dtype_of(net)))
    key = hashlib.sha256()
    for name, parameter in net._collect_params_with_prefix().items():
        key.update(name.encode() + parameter.list_data()[0].asnumpy().tobytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        key.update(path.read_bytes())
    rest = {
        "data": {name: data_iter.identity() for name, data_iter in data.items()},
        "settings": {k: v for k, v in settings.items() if k not in _NOT_DECIDING},
        "mxnet": mx.__version__,
        "threads": {name: os.environ.get(name) for name in _ENVIRONMENT},
        "net": [repr(net), *_described_blocks(net)],
    }
    # Devices, and NumPy's numbers, are no JSON: their text is.
    key.update(json.dumps(rest, sort_keys=True, default=str).encode())
    return key.hexdigest()


_NOT_DECIDING = ("on_step", "progress", "on_save_error")
_ENVIRONMENT = ("OMP_NUM_THREADS", "MXNET_ENGINE_TYPE")


def _described_blocks(net) -> list[str]:
    """What `repr(net)` leaves out: plain attributes, and code that is in no package."""
    of_any_block = vars(HybridBlock())  # its name, which counts up, and caches
    described, own = [], {}

    def look(block) -> None:
        described.append(_described({
            name: value
            for name, value in vars(block).items()
            if name not in of_any_block
        }))  # fmt: skip
        for kind in type(block).__mro__:
            if kind.__module__.partition(".")[0] not in _TOLD_OTHERWISE:
                own[kind.__qualname__] = _described(vars(kind))

    net.apply(look)
    return [*described, checkpoints.description(own)]


def _described(attributes) -> str:
    plain = {k: value for k, value in attributes.items() if isinstance(value, _PLAIN)}
    return checkpoints.description(plain)


_TOLD_OTHERWISE = ("builtins", "mxnet", "d2l_nin")  # by version and files
_PLAIN = (
    bool, int, float, str, tuple, list, dict, numpy.generic, numpy.ndarray,
    partial, FunctionType,
)  # fmt: skip


def fit_cached(
    name: str, net, train_iter, test_iter=None, *, refresh: bool = False, **settings
) -> History:
    """Train as `fit` does, or take over the outcome of the very same run.

    The same run: the same initial weights, data, settings, threads and code. Any
    difference, and any damage to the file, lead to training. One outcome is kept for
    each name; where none can be kept, there is a warning and training. Afterwards the
    random state of MXNet is the same in either case.

    Parameters
    ----------
    name : str
        Of the file in `cache_folder`.
    net, train_iter, test_iter
        As for `fit`; the data as `ArrayIter`.
    refresh : bool
        Train in any case.
    **settings
        As for `fit`, but `on_save_error` is 'go on' by default. `on_step` is called
        only while there is training.

    Returns
    -------
    History
        Of the run, with the times that it took when it ran.

    Raises
    ------
    TypeError
        The data can't be told from other data, as they are no `ArrayIter`.
    """
    settings = {"on_save_error": "go on", **settings}
    folder, key = cache_folder(), _key_of_run(net, train_iter, test_iter, settings)
    path = folder / f"{name}-{key[:16]}.ckpt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} can't be written")
    except OSError as error:
        warnings.warn(
            f"The outcome is not kept: {error}. D2L_NIN_CACHE names another folder.",
            stacklevel=2,
        )
        return fit(net, train_iter, test_iter, **settings)
    for older in folder.glob(f"{glob.escape(name)}-{'[0-9a-f]' * 16}.ckpt*"):
        replaced = refresh or not older.name.startswith(path.name)
        if replaced and not checkpoints.is_being_written(older):
            older.unlink(missing_ok=True)
    return fit(
        net, train_iter, test_iter, checkpoint=path, resume=not refresh, **settings
    )
