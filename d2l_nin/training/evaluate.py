"""Accuracy, and what a net and its data must be like."""

from __future__ import annotations

from collections.abc import Iterable

import numpy

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
