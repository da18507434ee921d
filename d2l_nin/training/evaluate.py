"""Accuracy, and what a net and its data must be like."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable

import mxnet as mx
import numpy

from d2l_nin.datasets import as_batch
from d2l_nin.layers import check_initialized


def _first(scores):
    """The scores themselves of a net that has auxiliary heads as well."""
    return scores[0] if isinstance(scores, (tuple, list)) else scores


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
        are out of range; images hold NaN or infinity. All but these two is told at the
        first batch, and labels as well where they lie in memory.
    FloatingPointError
        Scores are NaN or infinite.
    TypeError
        What comes is no batch.
    RuntimeError
        The net is not initialized.
    """
    device, dtype = _devices_of(net)[0], _dtype_of(net)
    hits, num_samples, sound = [], 0, []
    for X, y in data_iter:
        X, y = as_batch(X, y, _classes_of(data_iter))
        X = _put(X, device, dtype)
        scores = _first(net(X))
        if not num_samples:
            check_batch(scores, len(y), y, data_iter)
        elif not hasattr(data_iter, "labels"):  # else all were looked at
            _check_labels(y, scores.shape[1])
        best = scores.argmax(axis=-1)
        hits.append((best == y.as_in_ctx(device).astype(best.dtype)).sum())
        sound.append((all_finite(X), all_finite(scores)))
        num_samples += len(y)
    if not num_samples:
        raise ValueError("data_iter: expected at least one batch, got none")
    for batch, (images, scores) in enumerate(sound):
        if not images.item():
            raise ValueError(
                f"data_iter: expected finite images, got NaN or infinity in batch "
                f"{batch}, counted from 0"
            )
        if not scores.item():
            raise FloatingPointError(
                f"net: the scores of batch {batch} are NaN or infinite"
            )
    return sum(int(h.item()) for h in hits) / num_samples


def all_finite(array):
    """Whether an array holds no NaN or infinity: `.item()` of it tells.

    A GPU computes it without being waited for. On a CPU NumPy takes less time than
    MXNet's operator: a third for a batch of 64 small images.
    """
    if array.ctx.device_type == "cpu":
        return numpy.isfinite(array.asnumpy()).all()
    return mx.nd.all_finite(array.as_nd_ndarray()).as_np_ndarray()


def not_finite_in(net) -> list[str]:
    """The names of parameters, running statistics too, that hold NaN or infinity."""
    parameters = net.collect_params().items()
    flags = [
        (name, all_finite(array))
        for name, parameter in parameters
        for array in parameter.list_data()
    ]
    return [name for name, flag in flags if not flag.item()]


def first_scores(net, X) -> tuple:
    """The scores of two samples, and how many samples it were.

    Weights that wait for a shape are drawn. Two samples show as much as the batch: an
    axis that went lost, the number of classes. A net that takes batches of one size
    alone is given the whole.
    """
    with contextlib.suppress(mx.base.MXNetError, ValueError):  # Gluon's of a shape
        return _first(net(X[:2])), min(2, len(X))
    return _first(net(X)), len(X)


def check_batch(scores, num_samples: int, y, data_iter) -> None:
    """Tell what the first batch shows; all labels where they lie in memory."""
    _check_scores(scores, num_samples, data_iter)
    _check_labels(getattr(data_iter, "labels", y), scores.shape[1])


def check_test_set(net, test_iter) -> None:
    """Tell a test set that won't do before anything is trained; nothing is changed."""
    try:
        evaluate_accuracy(net, _FirstBatch(test_iter))
    except (TypeError, ValueError) as error:
        told = str(error).removeprefix("data_iter: ")
        raise type(error)(f"test_iter: {told}") from error


class _FirstBatch:
    """The first batch of data; its epoch and the random states stay as they were."""

    def __init__(self, data_iter):
        self.data_iter = data_iter
        for name in ("labels", "classes", "num_classes"):
            if hasattr(data_iter, name):
                setattr(self, name, getattr(data_iter, name))

    def __iter__(self):
        states = random.getstate(), numpy.random.get_state()
        epoch = getattr(self.data_iter, "epoch", None)
        first = next(iter(self.data_iter), None)
        if epoch is not None:
            self.data_iter.epoch = epoch
        random.setstate(states[0])
        numpy.random.set_state(states[1])
        return iter([] if first is None else [first])


def check_data(name: str, data_iter, sized: bool) -> None:
    """Refuse what can be gone through only once, or has no length."""
    # A generator is spent after one epoch.
    once = not hasattr(data_iter, "__iter__") or hasattr(data_iter, "__next__")
    if once or (sized and not hasattr(data_iter, "__len__")):
        raise TypeError(
            f"{name}: expected batches that can be gone through in each epoch, with a "
            f"length, such as ArrayIter or gluon.data.DataLoader; got "
            f"{type(data_iter).__name__}. list(…) makes one of it"
        )


def _classes_of(data_iter) -> tuple:
    return tuple(getattr(data_iter, "classes", ()))


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
