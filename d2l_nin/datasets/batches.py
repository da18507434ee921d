"""Arrays in memory as batches for training and evaluation.

The images stay in memory as bytes, (N, 28, 28). Each batch is made by indexing,
augmented, resized and scaled to 0…1 as one array; no worker processes, no step per
image in Python, no float copy of the whole set.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mxnet as mx
import numpy
from mxnet import np

from d2l_nin.cache import description
from d2l_nin.datasets.fashion_mnist import FASHION_MNIST_LABELS
from d2l_nin.datasets.transforms import _height_and_width, resize_images
from d2l_nin.runtime import whole_number

__all__ = ["ArrayIter", "Batching", "as_batch", "as_labels"]

# What the last axis of images is when the channels stand last: grey, RGB, RGBA.
_CHANNELS = (1, 3, 4)


def as_labels(y, classes=()):
    """Labels of any usual kind as an `mxnet.np` or NumPy array of numbers.

    Parameters
    ----------
    y : array of MXNet or NumPy, list or tuple; (N,) or (N, 1), or one-hot (N, K)
        Of numbers, or of texts that are all among `classes`.
    classes : sequence of str
        The text at position k is label k.

    Returns
    -------
    array
        An `mxnet.np` array as it is, all else as NumPy's.

    Raises
    ------
    TypeError
        It is none of these.
    ValueError
        A text is no class; the labels have no axis or too many.
    """
    if isinstance(y, mx.nd.NDArray):
        y = y.as_np_ndarray()
    elif isinstance(y, (numpy.ndarray, numpy.number, list, tuple)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # older NumPy only warns of it
                y = numpy.asarray(y)
        except (ValueError, TypeError, Warning) as error:  # a list of lists or arrays
            raise TypeError(f"labels: expected one number each ({error})") from None
        if y.dtype.kind in "US":
            y = _numbered(y.astype(str), classes)
        if y.dtype.kind not in "biuf":
            raise TypeError(f"labels: expected whole numbers, got {y.dtype}")
    else:
        raise TypeError(
            "labels: expected an array or a list of whole numbers, got "
            f"{type(y).__module__}.{type(y).__name__}"
        )
    if y.ndim not in (1, 2):
        raise ValueError(
            f"labels: expected shape (N,), got {y.shape}"
            + (". A data set gives single samples: gluon.data.DataLoader makes batches"
               if y.ndim == 0 else "")
        )  # fmt: skip
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    return y.astype("int32") if y.dtype == bool else y


def _numbered(texts: numpy.ndarray, classes) -> numpy.ndarray:
    position = {name: k for k, name in enumerate(classes)}
    unknown = sorted(set(texts.ravel().tolist()) - set(position))
    if unknown:
        known = f" or one of {', '.join(classes)}" if len(classes) else ""
        raise ValueError(
            f"labels: expected whole numbers{known}, got the text {unknown[0]!r}. "
            "Number them: classes = sorted(set(labels)), then classes.index(text)"
        )
    return numpy.array([position[text] for text in texts.tolist()], numpy.int32)


def as_batch(X, y, classes=()):
    """One batch of any usual kind as `mxnet.np` arrays that a net can be fed with.

    What is unambiguous is converted: MXNet's older `nd` arrays and NumPy's; lists of
    labels; bytes, which are grey values from 0 to 255 and become 0…1, with the
    channels last (as Gluon's own data sets have them), first, or without such an axis.
    All else is refused by name.

    Parameters
    ----------
    X : array of MXNet or NumPy
        Numbers of any shape (N, …); bytes (N, H, W), (N, H, W, C) or (N, C, H, W).
    y : array or list
        As of `as_labels`.
    classes : sequence of str

    Returns
    -------
    (X, y)
        What is an `mxnet.np` array of the right form is handed on as it is.

    Raises
    ------
    TypeError, ValueError
        It is no batch: another kind of array, texts, no numbers; floats with the
        channels last; as many labels as images are not there.
    """
    if isinstance(X, mx.nd.NDArray):
        X = X.as_np_ndarray()
    elif isinstance(X, numpy.ndarray):
        if X.dtype.kind not in "biuf":
            raise TypeError(f"X: expected numbers, got an array of {X.dtype}")
        X = np.array(X, dtype="uint8" if X.dtype == numpy.uint8 else "float32")
    elif not isinstance(X, np.ndarray):
        raise TypeError(
            "X: expected an mxnet.np array (N, C, H, W), got "
            f"{type(X).__module__}.{type(X).__name__}. mxnet.np.array(X) makes one, "
            "gluon.data.DataLoader makes batches of a data set"
        )
    y = as_labels(y, classes)
    if len(X.shape) == 0 or X.shape[0] != y.shape[0]:
        raise ValueError(
            f"X and y: expected as many images as labels, got {X.shape} and {y.shape}"
        )
    last = X.ndim == 4 and X.shape[3] in _CHANNELS and X.shape[1] not in _CHANNELS
    if X.dtype == numpy.uint8 and X.ndim in (3, 4):
        X = X.transpose(0, 3, 1, 2) if last else X
        X = X.reshape(len(X), 1, *X.shape[1:]) if X.ndim == 3 else X
        X = X.astype("float32") / 255
    elif last and X.shape[1] == X.shape[2]:
        raise ValueError(
            f"X: expected (N, C, H, W), got {X.shape}: are the channels last? "
            "X.transpose(0, 3, 1, 2), or Gluon's transforms.ToTensor(), puts them first"
        )
    if not isinstance(y, np.ndarray):
        y = np.array(y, dtype="float32" if y.dtype.kind == "f" else "int32")
    return X, y


def _grey_bytes(images) -> numpy.ndarray:
    """Images of any usual kind as bytes (N, H, W)."""
    if isinstance(images, mx.nd.NDArray):  # an mxnet.np array is one as well
        images = images.asnumpy()
    images = numpy.asarray(images)
    if images.dtype != numpy.uint8:
        raise TypeError(
            "images: expected bytes (numpy.uint8) from 0 to 255, got "
            f"{images.dtype}. Multiply floats from 0 to 1 by 255 first."
        )
    if images.ndim == 4 and images.shape[3] == 1:
        return images[:, :, :, 0]
    if images.ndim == 4 and images.shape[1] == 1:
        return images[:, 0]
    if images.ndim != 3:
        colour = " Turn colours grey first: images.mean(axis=3), as bytes."
        raise ValueError(
            f"images: expected shape (N, H, W), got {images.shape}."
            + (colour if images.ndim == 4 and images.shape[3] == 3 else "")
        )
    return images


@dataclass
class Batching:
    """How arrays become batches: numbers that are looked at before anything is read.

    Attributes
    ----------
    batch_size : int
    shuffle : bool
        A new order each epoch, fixed by `seed` and `epoch`.
    resize : int or (height, width), optional
    augment : function (X, rng) -> X, optional
        On bytes (N, H, W) of one batch, with a generator fixed by seed, epoch and
        batch, such as `random_flip`.
    seed : int
    """

    batch_size: int
    shuffle: bool = False
    resize: int | tuple[int, int] | None = None
    augment: Callable | None = None
    seed: int = 0

    def __post_init__(self):
        self.batch_size = whole_number("batch_size", self.batch_size, 1)
        self.seed = whole_number("seed", self.seed, 0)
        self.shuffle = bool(self.shuffle)
        if self.resize is not None:
            self.resize = _height_and_width("resize", self.resize)


class ArrayIter:
    """Batches ``(X, y)`` out of arrays in memory; each `iter()` is one epoch.

    ``X`` is float32 (N, 1, H, W) from 0 to 1, ``y`` is int32 (N,). The last batch may
    be smaller; no sample is left out or repeated.

    Parameters
    ----------
    images : bytes (N, H, W), or grey ones with an axis for the channel
        Of NumPy or MXNet.
    labels : numbers (N,)
        An array or a list; of numbers, or of texts that are all among `classes`.
    batch_size : int or Batching
    classes : sequence of str
    **options
        `shuffle`, `resize`, `augment` and `seed`, as of `Batching`.

    Attributes
    ----------
    epoch : int
        Epochs begun so far. Setting it back repeats the same order and augmentation.
    num_samples, num_classes : int

    Raises
    ------
    TypeError
        `images` are not bytes; a number is not whole; an option of another name.
    ValueError
        Shapes that don't fit each other; numbers that are too small.
    """

    def __init__(
        self, images, labels, batch_size, *, classes=FASHION_MNIST_LABELS, **options
    ):
        batching = batch_size
        if not isinstance(batching, Batching):
            batching = Batching(batch_size, **options)
        elif options:
            raise TypeError(f"options: the Batching has them, got {', '.join(options)}")
        self.batch_size, self.shuffle = batching.batch_size, batching.shuffle
        self.resize, self.augment = batching.resize, batching.augment
        self.seed, self.epoch = batching.seed, 0
        self.classes = tuple(classes)
        self.images = _grey_bytes(images)
        labels = as_labels(labels, self.classes)
        self.labels = labels.asnumpy() if isinstance(labels, np.ndarray) else labels
        if self.labels.shape != (len(self.images),):
            raise ValueError(
                f"labels: expected one for each image, shape ({len(self.images)},), "
                f"got {self.labels.shape}"
            )

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
