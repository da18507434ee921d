"""What is done to a whole batch of images at once: resizing and augmentation."""

from __future__ import annotations

from collections.abc import Callable

import numpy

from d2l_nin.runtime import whole_number

__all__ = [
    "Augment",
    "random_crop",
    "random_flip",
    "random_shift",
    "resize_images",
    "shift_images",
]

Augment = Callable[[numpy.ndarray, numpy.random.Generator], numpy.ndarray]


def _interpolation_matrix(num_out: int, num_in: int) -> numpy.ndarray:
    """(num_out, num_in) weights of linear interpolation between pixel centres."""
    centre = (numpy.arange(num_out) + 0.5) * num_in / num_out - 0.5
    centre = centre.clip(0, num_in - 1)
    low = numpy.floor(centre).astype(int).clip(0, max(num_in - 2, 0))
    high = (low + 1).clip(0, num_in - 1)
    A = numpy.zeros((num_out, num_in))
    rows = numpy.arange(num_out)
    A[rows, low] += 1 - (centre - low)
    A[rows, high] += centre - low
    return A


def _height_and_width(name: str, size) -> tuple[int, int]:
    """A size in pixels: one number for a square, or two."""
    pair = size if isinstance(size, (list, tuple)) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"{name}: expected an integer or (height, width), got {size}")
    height, width = (whole_number(name, side, 1) for side in pair)
    return height, width


def resize_images(X: numpy.ndarray, size: int | tuple[int, int]) -> numpy.ndarray:
    """Resize a whole batch by bilinear interpolation (no smoothing when shrinking).

    Interpolation along one axis is a matrix; along both, one matrix from each side:
    ``A @ X @ B.T``. The same numbers as OpenCV's bilinear resize.

    Parameters
    ----------
    X : array (…, H, W)
    size : int or (height, width), in pixels

    Returns
    -------
    array (…, height, width)
        float64 if X is, else float32.

    Raises
    ------
    ValueError, TypeError
        `size` is not one or two whole numbers of at least 1.
    """
    height, width = _height_and_width("size", size)
    kind = numpy.float64 if X.dtype == numpy.float64 else numpy.float32
    A = _interpolation_matrix(height, X.shape[-2]).astype(kind)
    B = _interpolation_matrix(width, X.shape[-1]).astype(kind)
    return A @ X.astype(kind, copy=False) @ B.T


def shift_images(
    X: numpy.ndarray, down: int, right: int, margin: int = 0
) -> numpy.ndarray:
    """Move all images by whole pixels; what moves in is 0.

    Without a margin, what reaches the edge is lost as well as moved. With a black
    margin at least as wide as the shift, nothing is lost: the control that tells a
    net's trouble with the shift from the loss at the border.

    Parameters
    ----------
    X : array (…, H, W)
    down, right : int
        Pixels; negative: up, left.
    margin : int
        Black pixels put around the images first.

    Returns
    -------
    array (…, H + 2 margin, W + 2 margin)
    """
    down, right = whole_number("down", down), whole_number("right", right)
    margin = whole_number("margin", margin, 0)
    H, W = X.shape[-2:]
    room = max(abs(down), abs(right))
    around = [(0, 0)] * (X.ndim - 2) + [(margin + room, margin + room)] * 2
    top, left = room - down, room - right
    padded = numpy.pad(X, around)
    return padded[..., top : top + H + 2 * margin, left : left + W + 2 * margin]


def random_flip(X: numpy.ndarray, rng: numpy.random.Generator) -> numpy.ndarray:
    """Mirror each image of a batch (N, H, W) left to right with probability ½."""
    flip = rng.random(len(X)) < 0.5
    X = X.copy()
    X[flip] = X[flip, :, ::-1]
    return X


def _windows_at(X, top, left, height: int, width: int) -> numpy.ndarray:
    """A window (height, width) of each image (N, H, W), at its corner (top, left)."""
    rows = top[:, None, None] + numpy.arange(height)[:, None]
    columns = left[:, None, None] + numpy.arange(width)
    return X[numpy.arange(len(X))[:, None, None], rows, columns]


def random_crop(
    X: numpy.ndarray, rng: numpy.random.Generator, size: int = 24
) -> numpy.ndarray:
    """Cut a square of `size` pixels out of each image of a batch (N, H, W), anywhere.

    Returns
    -------
    array (N, size, size)

    Raises
    ------
    ValueError
        The square is larger than the images.
    """
    N, H, W = X.shape
    if not 1 <= size <= min(H, W):
        raise ValueError(f"size: expected 1 to {min(H, W)} for {H}×{W}, got {size}")
    top = rng.integers(0, H - size + 1, N)
    left = rng.integers(0, W - size + 1, N)
    return _windows_at(X, top, left, size, size)


def random_shift(
    X: numpy.ndarray, rng: numpy.random.Generator, max_shift: int = 2
) -> numpy.ndarray:
    """Shift each image of a batch (N, H, W) by up to `max_shift` pixels each way.

    What moves in from outside is 0.
    """
    N, H, W = X.shape
    padded = numpy.pad(X, ((0, 0), (max_shift, max_shift), (max_shift, max_shift)))
    top, left = rng.integers(0, 2 * max_shift + 1, (2, N))
    return _windows_at(padded, top, left, H, W)
