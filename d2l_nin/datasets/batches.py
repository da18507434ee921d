"""Arrays in memory as batches for training and evaluation.

The images stay in memory as bytes, (N, 28, 28). Each batch is made by indexing,
augmented, resized and scaled to 0…1 as one array; no worker processes, no step per
image in Python, no float copy of the whole set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy
from mxnet import np

from d2l_nin.cache import description
from d2l_nin.datasets.fashion_mnist import FASHION_MNIST_LABELS
from d2l_nin.datasets.transforms import _height_and_width, resize_images
from d2l_nin.runtime import whole_number

__all__ = ["ArrayIter"]


class ArrayIter:
    """Batches ``(X, y)`` out of arrays in memory; each `iter()` is one epoch.

    ``X`` is float32 (N, 1, H, W) from 0 to 1, ``y`` is int32 (N,). The last batch may
    be smaller; no sample is left out or repeated.

    Parameters
    ----------
    images : bytes (N, H, W)
    labels : bytes (N,)
    batch_size : int
    shuffle : bool
        A new order each epoch, fixed by `seed` and `epoch`.
    resize : int or (height, width), optional
    augment : function (X, rng) -> X, optional
        On bytes (N, H, W) of one batch, with a generator fixed by seed, epoch and
        batch, such as `random_flip`.
    seed : int
    classes : sequence of str

    Attributes
    ----------
    epoch : int
        Epochs begun so far. Setting it back repeats the same order and augmentation.
    num_samples, num_classes : int

    Raises
    ------
    TypeError
        `images` are not bytes; a number is not whole.
    ValueError
        Shapes that don't fit each other; numbers that are too small.
    """

    def __init__(
        self,
        images,
        labels,
        batch_size,
        *,
        shuffle=False,
        resize=None,
        augment=None,
        seed=0,
        classes=FASHION_MNIST_LABELS,
    ):
        self.images, self.labels = numpy.asarray(images), numpy.asarray(labels)
        if self.images.dtype != numpy.uint8:
            raise TypeError(
                "images: expected bytes (numpy.uint8) from 0 to 255, got "
                f"{self.images.dtype}. Multiply floats from 0 to 1 by 255 first."
            )
        if self.images.ndim != 3:
            raise ValueError(
                f"images: expected shape (N, H, W), got {self.images.shape}"
            )
        if self.labels.shape != (len(self.images),):
            raise ValueError(
                f"labels: expected one for each image, shape ({len(self.images)},), "
                f"got {self.labels.shape}"
            )
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.seed = whole_number("seed", seed, 0)
        self.shuffle, self.augment = bool(shuffle), augment
        self.resize = None if resize is None else _height_and_width("resize", resize)
        self.classes = tuple(classes)
        self.epoch = 0

    @property
    def num_samples(self) -> int:
        return len(self.images)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def identity(self) -> dict:
        """What tells these batches, and their order, from others; JSON can hold it."""
        digest = hashlib.sha256(numpy.ascontiguousarray(self.images)).hexdigest()
        digest += hashlib.sha256(numpy.ascontiguousarray(self.labels)).hexdigest()
        augment = hashlib.sha256(description(self.augment).encode()).hexdigest()
        return {
            "sha256": hashlib.sha256(digest.encode()).hexdigest(),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "resize": self.resize,
            "augment": None if self.augment is None else augment,
            "seed": self.seed,
        }

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator:
        epoch = self.epoch
        self.epoch += 1
        order = numpy.arange(self.num_samples)
        if self.shuffle:
            numpy.random.default_rng((self.seed, epoch)).shuffle(order)
        for batch in range(len(self)):
            rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            X = self.images[rows]
            if self.augment is not None:
                X = self.augment(X, numpy.random.default_rng((self.seed, epoch, batch)))
            yield self._to_mxnet(X), np.array(self.labels[rows], dtype="int32")

    def _to_mxnet(self, X: numpy.ndarray):
        """Bytes (N, H, W) to the float (N, 1, H, W), 0…1, that a net is fed with."""
        if self.resize is not None:
            X = resize_images(X, self.resize)
        X = numpy.multiply(X, numpy.float32(1 / 255), dtype=numpy.float32)
        return np.array(X[:, None])
