"""The cross-entropy, with integer labels and with one-hot labels."""

from __future__ import annotations

from mxnet import npx

__all__ = ["cross_entropy"]


def cross_entropy(scores, labels):
    """Cross-entropy of each sample, its softmax fused with the logarithm.

    Parameters
    ----------
    scores : array (N, K)
    labels : array (N,) of integers or (N, K) of shares, such as one-hot rows

    Returns
    -------
    array (N,)

    Raises
    ------
    ValueError
        The shapes don't fit each other.
    """
    log_p = npx.log_softmax(scores, axis=-1)
    if labels.shape == scores.shape:
        return -(labels * log_p).sum(axis=-1)
    if labels.shape == scores.shape[:1]:
        return -npx.pick(log_p, labels, axis=-1)
    raise ValueError(
        f"labels: expected {scores.shape[:1]} integers or one-hot rows "
        f"{scores.shape}, got {labels.shape}"
    )
