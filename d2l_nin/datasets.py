"""Floor 0: Fashion-MNIST, drawn characters and a reader's pictures as batches.

The images stay in memory as bytes, (N, 28, 28). Each batch is made by indexing,
augmented, resized and scaled to 0…1 as one array; no worker processes, no step per
image in Python, no float copy of the whole set.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy
from mxnet import np

from d2l_nin.cache import cache_folder, description
from d2l_nin.characters import CHARACTERS, read_characters
from d2l_nin.folders import read_image_folder
from d2l_nin.runtime import whole_number

__all__ = [
    "FASHION_MNIST_LABELS",
    "ArrayIter",
    "Characters",
    "load_characters",
    "load_fashion_mnist",
    "load_image_folder",
    "random_crop",
    "random_flip",
    "random_shift",
    "read_fashion_mnist",
    "resize_images",
    "text_labels",
]

FASHION_MNIST_LABELS = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

SHIPPED = Path(__file__).parent / "data" / "fashion-mnist.zip"

# SHA-256 of the decompressed IDX files, as Zalando published them. The compressed
# files differ between distributors, the bytes inside do not.
SHA256 = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}

Augment = Callable[[numpy.ndarray, numpy.random.Generator], numpy.ndarray]


# --- files ----------------------------------------------------------------------


def _read_shipped(name: str) -> bytes:
    """One IDX file out of the package's archive, decompressed and verified."""
    again = "Install the package again; `python -m d2l_nin doctor` checks the data."
    if not SHIPPED.is_file():
        raise FileNotFoundError(f"{SHIPPED}: the package's data is missing. {again}")
    try:
        with zipfile.ZipFile(SHIPPED) as archive:
            raw = lzma.decompress(archive.read(f"{name}.xz"))
    except (zipfile.BadZipFile, lzma.LZMAError, KeyError, EOFError) as error:
        raise ValueError(
            f"{SHIPPED}: {name} can't be read ({error}). {again}"
        ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != SHA256[name]:
        raise ValueError(
            f"{SHIPPED}: {name} has SHA-256 {found[:16]}…, "
            f"expected {SHA256[name][:16]}…. {again}"
        )
    return raw


def _read_from(folder: Path, name: str) -> tuple[Path, bytes]:
    """One IDX file out of a reader's folder, plain or gzipped."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            break
    else:
        raise FileNotFoundError(
            f"{folder}: neither {name} nor {name}.gz is there. Expected a folder with "
            f"the four files {', '.join(SHA256)}, each plain or with .gz."
        )
    if path.suffix != ".gz":
        return path, path.read_bytes()
    try:
        return path, gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path}: not a whole gzip file ({error}). Copy or download it again."
        ) from None


def _parse_idx(path: Path, raw: bytes, num_axes: int) -> numpy.ndarray:
    """The array in an IDX file: magic number, big-endian sizes, then bytes."""
    again = "Copy or download the file again."
    header = 4 + 4 * num_axes
    if len(raw) < header:
        raise ValueError(
            f"{path}: expected a header of {header} bytes, found {len(raw)} bytes in "
            f"all. {again}"
        )
    magic = int.from_bytes(raw[:4], "big")
    if magic != 0x800 + num_axes:
        kind = "images" if num_axes == 3 else "labels"
        raise ValueError(
            f"{path}: expected the IDX magic number {0x800 + num_axes} ({kind}), found "
            f"{magic}. Is it another file under this name?"
        )
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, header, 4))
    expected = int(numpy.prod(shape, dtype=numpy.int64))
    if len(raw) - header != expected:
        raise ValueError(
            f"{path}: the header promises {' × '.join(map(str, shape))} = {expected:,} "
            f"bytes, found {len(raw) - header:,}. {again}"
        )
    return numpy.frombuffer(raw, numpy.uint8, offset=header).reshape(shape)


def _check_split(path: Path, images: numpy.ndarray, labels: numpy.ndarray) -> None:
    """Tell a reader's images and labels that can't be Fashion-MNIST; `path`: labels."""
    if len(images) != len(labels):
        raise ValueError(
            f"{path}: {len(labels):,} labels for {len(images):,} images. The two files "
            "don't belong together."
        )
    if images.shape[1:] != (28, 28):
        raise ValueError(
            f"{path.parent}: expected images of 28×28, found "
            f"{images.shape[1]}×{images.shape[2]}. Is it another data set?"
        )
    bad = numpy.flatnonzero(labels >= len(FASHION_MNIST_LABELS))
    if bad.size:
        raise ValueError(
            f"{path}: expected labels 0…{len(FASHION_MNIST_LABELS) - 1}, found "
            f"{labels[bad[0]]} at position {bad[0]}. Copy or download the file again."
        )


def _read_split(folder: Path | None, split: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images (N, 28, 28) and labels (N,), bytes, of "train" or "t10k"."""
    names = f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"
    if folder is None:
        files = [(SHIPPED / name, _read_shipped(name)) for name in names]
    else:
        files = [_read_from(folder, name) for name in names]
    images = _parse_idx(*files[0], num_axes=3)
    labels = _parse_idx(*files[1], num_axes=1)
    _check_split(files[1][0], images, labels)
    return images, labels


_shipped: tuple | None = None


def read_fashion_mnist(folder: str | Path | None = None) -> tuple:
    """Read all of Fashion-MNIST.

    Parameters
    ----------
    folder : str or Path, optional
        A folder with the four usual IDX files, plain or gzipped. Without it the files
        inside this package are read: all 70,000 images, verified by SHA-256, once per
        process.

    Returns
    -------
    ((X_train, y_train), (X_test, y_test))
        NumPy bytes: images (60000, 28, 28) from 0 to 255 and labels (60000,); the
        same for the 10,000 test images.

    Raises
    ------
    FileNotFoundError
        A file or the folder is missing.
    ValueError
        A file is cut short, damaged, of another kind, or the counts disagree.

    Notes
    -----
    Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747. MIT licence, Zalando SE.
    """
    global _shipped
    if folder is None and _shipped is not None:
        return _shipped
    if folder is not None:
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder.")
    with ThreadPoolExecutor(2) as pool:  # decompression runs outside Python's lock
        data = tuple(pool.map(lambda s: _read_split(folder, s), ("train", "t10k")))
    if folder is None:
        _shipped = data
    return data


def text_labels(y) -> list[str]:
    """The names of Fashion-MNIST labels: [0, 9] gives ['t-shirt', 'ankle boot']."""
    indices = numpy.asarray(y).astype(numpy.int64).ravel()
    bad = indices[(indices < 0) | (indices >= len(FASHION_MNIST_LABELS))]
    if bad.size:
        raise ValueError(
            f"y: expected labels 0…{len(FASHION_MNIST_LABELS) - 1}, got {bad[0]}"
        )
    return [FASHION_MNIST_LABELS[i] for i in indices]


# --- whole batches --------------------------------------------------------------


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


# --- Fashion-MNIST in batches ---------------------------------------------------


def _take_balanced(labels: numpy.ndarray, count: int, rng) -> numpy.ndarray:
    """Sorted positions of `count` samples, of each class as many, give or take one."""
    num_classes = len(FASHION_MNIST_LABELS)
    shares = numpy.full(num_classes, count // num_classes)
    shares[rng.permutation(num_classes)[: count % num_classes]] += 1
    rows = []
    for label, share in enumerate(shares):
        of_class = numpy.flatnonzero(labels == label)
        if share > len(of_class):
            raise ValueError(
                f"class-balanced choice of {count:,} needs {share:,} of class {label} "
                f"({FASHION_MNIST_LABELS[label]}), there are {len(of_class):,} left. "
                "Ask for fewer."
            )
        rows.append(rng.permutation(of_class)[:share])
    return numpy.sort(numpy.concatenate(rows))


def load_fashion_mnist(
    batch_size: int,
    resize: int | tuple[int, int] | None = None,
    train_size: int | None = None,
    validation: int = 0,
    augment: Augment | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    test_batch_size: int = 1000,
) -> tuple[ArrayIter, ...]:
    """Fashion-MNIST as batches, in the manner of `d2l.load_data_fashion_mnist`.

    Parameters
    ----------
    batch_size : int
        Images a training batch.
    resize : int or (height, width), optional
        Pixels; 28×28 without it.
    train_size : int, optional
        Take only so many training images, of each class the same number.
    validation : int
        So many training images, of each class the same number, are held out. Which
        ones depends on nothing but this number: not on `seed`, not on `train_size`.
    augment : function (X, rng) -> X, optional
        Applied to training batches; see `ArrayIter`.
    seed : int
        Fixes the choice of `train_size`, the order of each epoch and `augment`.
    folder : str or Path, optional
        Read the usual IDX files there instead of those inside the package.
    test_batch_size : int
        Images a batch in evaluation, where larger batches are faster.

    Returns
    -------
    train_iter, test_iter[, validation_iter]
        `ArrayIter`; the third when `validation` is not 0.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        The numbers are not possible; the files are as in `read_fashion_mnist`.
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    test_batch_size = whole_number("test_batch_size", test_batch_size, 1)
    validation = whole_number("validation", validation, 0)
    seed = whole_number("seed", seed, 0)
    if train_size is not None:
        train_size = whole_number("train_size", train_size, 1)
    (X, y), (X_test, y_test) = read_fashion_mnist(folder)

    if validation + (train_size or 1) > len(y):
        raise ValueError(
            f"train_size={train_size} and validation={validation}: there are only "
            f"{len(y):,} training images. Ask for fewer."
        )
    rows = numpy.arange(len(y))
    if validation:
        held_out = _take_balanced(y, validation, numpy.random.default_rng(0))
        rows = numpy.setdiff1d(rows, held_out, assume_unique=True)
    if train_size is not None and train_size < len(rows):
        rows = rows[_take_balanced(y[rows], train_size, numpy.random.default_rng(seed))]

    # Indexing copies; without a choice the shared array of bytes is used as it is.
    X_train, y_train = (X, y) if len(rows) == len(y) else (X[rows], y[rows])
    train_iter = ArrayIter(
        X_train,
        y_train,
        batch_size,
        shuffle=True,
        resize=resize,
        augment=augment,
        seed=seed,
    )
    test_iter = ArrayIter(X_test, y_test, test_batch_size, resize=resize)
    if not validation:
        return train_iter, test_iter
    validation_iter = ArrayIter(
        X[held_out], y[held_out], test_batch_size, resize=resize
    )
    return train_iter, test_iter, validation_iter


# --- characters and a reader's own pictures ----------------------------------------


class Characters(NamedTuple):
    """Drawn characters in batches; no drawing is in two of them.

    Attributes
    ----------
    train, test, validation : ArrayIter
        Of the same font families.
    held_out : ArrayIter
        Of a family that the others don't have.
    """

    train: ArrayIter
    test: ArrayIter
    validation: ArrayIter
    held_out: ArrayIter


def load_characters(
    batch_size: int,
    resize: int | tuple[int, int] | None = None,
    train_size: int = 220 * 62,
    test_size: int = 40 * 62,
    validation: int = 20 * 62,
    held_out_size: int = 40 * 62,
    held_out: str = "STIX",
    augment: Augment | None = None,
    seed: int = 0,
    test_batch_size: int = 1000,
    progress: bool | None = None,
) -> Characters:
    """0-9, A-Z and a-z in several fonts, drawn on the spot, as batches.

    The drawings are kept in `cache.cache_folder()`.

    Parameters
    ----------
    batch_size : int
    resize, augment, test_batch_size
        As of `load_fashion_mnist`.
    train_size, test_size, validation, held_out_size : int
        Drawings of each set; every class as many, give or take one.
    held_out : str
        The font family, out of `characters.FONTS`, that only `held_out` has.
    seed : int
        Fixes the drawings, the order of each epoch and `augment`.
    progress : bool, optional
        Show a bar while drawing; None: only on a terminal.

    Returns
    -------
    Characters
        train, test, validation, held_out: `ArrayIter` with X (N, 1, 28, 28), light on
        dark, and y (N,).

    Raises
    ------
    ValueError, TypeError
        The numbers are not possible, the family is unknown.
    FileNotFoundError
        A font file is missing.
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    test_batch_size = whole_number("test_batch_size", test_batch_size, 1)
    seed = whole_number("seed", seed, 0)
    sizes = {
        "train": whole_number("train_size", train_size, 1),
        "test": whole_number("test_size", test_size, 1),
        "validation": whole_number("validation", validation, 1),
        "held_out": whole_number("held_out_size", held_out_size, 1),
    }
    sets = read_characters(
        sizes, held_out, seed, folder=cache_folder(), progress=progress
    )
    common = {"resize": resize, "seed": seed, "classes": CHARACTERS}
    train_iter = ArrayIter(
        *sets.pop("train"), batch_size, shuffle=True, augment=augment, **common
    )
    rest = {name: ArrayIter(*sets[name], test_batch_size, **common) for name in sets}
    return Characters(train=train_iter, **rest)


def load_image_folder(
    path: str | Path,
    batch_size: int = 32,
    test_part: float = 0.0,
    *,
    on_error: str = "raise",
    invert: bool = False,
    augment: Augment | None = None,
    seed: int = 0,
) -> ArrayIter | tuple[ArrayIter, ArrayIter]:
    """A reader's own pictures, one folder a class, as 28×28 grey batches.

    The classes found are printed, in sorted order, with their number of pictures.

    Parameters
    ----------
    path : str or Path
    batch_size : int
    test_part : float
        From 0 to below 1: so much of each class, rounded, is held out. Equal pictures
        stay together, so that none is in both.
    on_error, invert
        As of `folders.read_image_folder` and `folders.read_picture`.
    augment : function (X, rng) -> X, optional
        Of the training batches; see `ArrayIter`.
    seed : int
        Fixes which pictures are held out, and the order of each epoch.

    Returns
    -------
    train_iter[, test_iter]
        The second when `test_part` is not 0.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, ValueError, TypeError
        As `folders.read_image_folder`; `test_part` leaves no picture to test, or none
        of some class to train.
    """
    batch_size = whole_number("batch_size", batch_size, 1)
    seed = whole_number("seed", seed, 0)
    if not 0 <= test_part < 1:
        raise ValueError(f"test_part: expected 0 ≤ test_part < 1, got {test_part}")
    images, labels, classes = read_image_folder(path, on_error=on_error, invert=invert)
    counts = numpy.bincount(labels, minlength=len(classes))
    found = ", ".join(f"{name} ({n})" for name, n in zip(classes, counts))
    print(f"{len(classes)} classes: {found}")
    held_out = numpy.zeros(len(labels), bool)
    if test_part:
        digests = numpy.array([hashlib.sha256(x).hexdigest() for x in images])
        rng = numpy.random.default_rng(seed)
        for label, count in enumerate(counts):
            rows = rng.permutation(numpy.flatnonzero(labels == label))
            chosen = digests[rows[: round(test_part * count)]]
            held_out |= numpy.isin(digests, chosen)
        if not held_out.any():
            raise ValueError(
                f"test_part={test_part} of {len(labels)} pictures leaves none to test. "
                "Give a larger part."
            )
        left = numpy.bincount(labels[~held_out], minlength=len(classes))
        if not left.all():
            raise ValueError(
                f"test_part={test_part} leaves no picture to train of the class "
                f"{classes[left.argmin()]!r} ({counts[left.argmin()]} in all, equal "
                "ones stay together). Add pictures, or give a smaller part."
            )
    train_iter = ArrayIter(
        images[~held_out],
        labels[~held_out],
        batch_size,
        shuffle=True,
        augment=augment,
        seed=seed,
        classes=classes,
    )
    if not test_part:
        return train_iter
    return train_iter, ArrayIter(
        images[held_out], labels[held_out], batch_size, classes=classes
    )
