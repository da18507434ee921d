"""Cross-correlation by hand, slow and plain, to hold layers against.

The names are those of Dive into Deep Learning, sections 7.2 and 7.4. No batch axis: an
image is (C, H, W).
"""

from __future__ import annotations

from mxnet import np

__all__ = [
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
]


def corr2d(X, K):
    """Slide one kernel over one channel, with stride 1 and no padding.

    Parameters
    ----------
    X : array (H, W)
    K : array (h, w)

    Returns
    -------
    array (H - h + 1, W - w + 1)

    Raises
    ------
    ValueError
        The kernel is larger than the channel.
    """
    (H, W), (h, w) = X.shape, K.shape
    if h > H or w > W:
        raise ValueError(f"K: expected at most {H}×{W}, the size of X, got {h}×{w}")
    Y = np.zeros((H - h + 1, W - w + 1))
    for i in range(H - h + 1):
        for j in range(W - w + 1):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def corr2d_multi_in(X, K):
    """One kernel slice for each input channel; their results are summed.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (C, h, w)

    Returns
    -------
    array (H - h + 1, W - w + 1)

    Raises
    ------
    ValueError
        The numbers of channels differ, or the kernel is too large.
    """
    if len(X) != len(K):
        raise ValueError(f"K: expected {len(X)} channels, as X has, got {len(K)}")
    return sum(corr2d(x, k) for x, k in zip(X, K))


def corr2d_multi_in_out(X, K):
    """One whole kernel for each output channel; their results are stacked.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (D, C, h, w)

    Returns
    -------
    array (D, H - h + 1, W - w + 1)
    """
    return np.stack([corr2d_multi_in(X, k) for k in K])


def corr2d_multi_in_out_1x1(X, K):
    """A convolution with 1×1 kernels as one product of matrices.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (D, C, 1, 1)

    Returns
    -------
    array (D, H, W)

    Raises
    ------
    ValueError
        The kernel is not 1×1, or has other channels than X.
    """
    C, H, W = X.shape
    D = len(K)
    if K.shape != (D, C, 1, 1):
        raise ValueError(f"K: expected shape (D, {C}, 1, 1), got {K.shape}")
    Y = np.dot(K.reshape(D, C), X.reshape(C, H * W))
    return Y.reshape(D, H, W)
