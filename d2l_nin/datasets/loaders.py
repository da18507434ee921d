"""Fashion-MNIST, drawn characters and a reader's pictures as batches."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy

from d2l_nin.cache import cache_folder
from d2l_nin.datasets.batches import ArrayIter, Batching
from d2l_nin.datasets.characters import CHARACTERS, read_characters
from d2l_nin.datasets.fashion_mnist import (
    FASHION_MNIST_LABELS,
    class_names,
    read_fashion_mnist,
)
from d2l_nin.datasets.pictures import read_image_folder
from d2l_nin.datasets.transforms import Augment
from d2l_nin.runtime import whole_number

__all__ = ["Characters", "load_characters", "load_fashion_mnist", "load_image_folder"]

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
                f"class-balanced choice of {count:,} needs {share:,} of class {label}, "
                f"there are {len(of_class):,} left. Ask for fewer."
            )
        rows.append(rng.permutation(of_class)[:share])
    return numpy.sort(numpy.concatenate(rows))


def _parted(y, train_size: int | None, validation: int, seed: int) -> tuple:
    """(rows to train on, rows held out), of each class the same number in either."""
    if validation + (train_size or 1) > len(y):
        raise ValueError(
            f"train_size={train_size} and validation={validation}: there are only "
            f"{len(y):,} training images. Ask for fewer."
        )
    held_out = _take_balanced(y, validation, numpy.random.default_rng(0))
    rows = numpy.setdiff1d(numpy.arange(len(y)), held_out, assume_unique=True)
    if train_size is not None and train_size < len(rows):
        rng = numpy.random.default_rng(seed)
        rows = rows[_take_balanced(y[rows], train_size, rng)]
    return rows, held_out


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
        Read the usual four IDX files there, plain or gzipped, instead of those inside
        the package: of Fashion-MNIST, or MNIST's own, whose classes are '0' to '9'.
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
    training = Batching(batch_size, True, resize, augment, seed)
    test_batch_size = whole_number("test_batch_size", test_batch_size, 1)
    evaluation = Batching(test_batch_size, resize=resize)
    validation = whole_number("validation", validation, 0)
    if train_size is not None:
        train_size = whole_number("train_size", train_size, 1)
    (X, y), (X_test, y_test) = read_fashion_mnist(folder)
    rows, held_out = _parted(y, train_size, validation, training.seed)
    # Indexing copies; without a choice the shared array of bytes is used as it is.
    X_train, y_train = (X, y) if len(rows) == len(y) else (X[rows], y[rows])
    classes = class_names(y)
    train_iter = ArrayIter(X_train, y_train, training, classes=classes)
    test_iter = ArrayIter(X_test, y_test, evaluation, classes=classes)
    if not validation:
        return train_iter, test_iter
    valid_iter = ArrayIter(X[held_out], y[held_out], evaluation, classes=classes)
    return train_iter, test_iter, valid_iter


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


# Drawings of each set: so many of each of the 62 characters.
SIZES = {
    "train_size": 120 * 62,
    "test_size": 30 * 62,
    "validation": 10 * 62,
    "held_out_size": 120 * 62,
}


def _counts(sizes: dict) -> dict[str, int]:
    """From a set's name to its number of drawings."""
    if unknown := set(sizes) - set(SIZES):
        raise TypeError(
            f"load_characters: expected sizes out of {', '.join(SIZES)}, got "
            f"{', '.join(sorted(unknown))}"
        )
    return {
        name.replace("_size", ""): whole_number(name, count, 1)
        for name, count in {**SIZES, **sizes}.items()
    }


def load_characters(
    batch_size: int,
    resize: int | tuple[int, int] | None = None,
    held_out: str = "STIX",
    augment: Augment | None = None,
    seed: int = 0,
    test_batch_size: int = 1000,
    progress: bool | None = None,
    **sizes: int,
) -> Characters:
    """0-9, A-Z and a-z in several fonts, drawn on the spot, as batches.

    The drawings are kept in `cache.cache_folder()`.

    Parameters
    ----------
    batch_size : int
    resize, augment, test_batch_size
        As of `load_fashion_mnist`.
    held_out : str
        The font family, out of `characters.FONTS`, that only `held_out` has.
    seed : int
        Fixes the drawings, the order of each epoch and `augment`.
    progress : bool, optional
        Show a bar while drawing; None: only on a terminal.
    **sizes
        train_size, test_size, validation and held_out_size: drawings of each set,
        every class as many, give or take one. Without them as in `SIZES`.

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
    training = Batching(batch_size, True, resize, augment, seed)
    test_batch_size = whole_number("test_batch_size", test_batch_size, 1)
    evaluation = Batching(test_batch_size, resize=resize, seed=training.seed)
    sets = read_characters(
        _counts(sizes), held_out, training.seed, folder=cache_folder(),
        progress=progress,
    )  # fmt: skip
    iters = {
        name: ArrayIter(
            *arrays, training if name == "train" else evaluation, classes=CHARACTERS
        )
        for name, arrays in sets.items()
    }
    return Characters(**iters)


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
    training = Batching(batch_size, shuffle=True, augment=augment, seed=seed)
    if not 0 <= test_part < 1:
        raise ValueError(f"test_part: expected 0 ≤ test_part < 1, got {test_part}")
    images, labels, classes = read_image_folder(path, on_error=on_error, invert=invert)
    counts = numpy.bincount(labels, minlength=len(classes))
    found = ", ".join(f"{name} ({n})" for name, n in zip(classes, counts))
    print(f"{len(classes)} classes: {found}")
    if not test_part:
        return ArrayIter(images, labels, training, classes=classes)
    held_out = _held_out(images, labels, classes, test_part, training.seed)
    train_iter = ArrayIter(
        images[~held_out], labels[~held_out], training, classes=classes
    )
    evaluation = Batching(training.batch_size)
    return train_iter, ArrayIter(
        images[held_out], labels[held_out], evaluation, classes=classes
    )


def _held_out(images, labels, classes, test_part: float, seed: int) -> numpy.ndarray:
    """Whether each picture is for the test: so much of each class, equal ones together.

    Raises
    ------
    ValueError
        None is left to test, or none of some class to train.
    """
    held_out = numpy.zeros(len(labels), bool)
    digests = numpy.array([hashlib.sha256(x).hexdigest() for x in images])
    counts = numpy.bincount(labels, minlength=len(classes))
    rng = numpy.random.default_rng(seed)
    for label, count in enumerate(counts):
        rows = rng.permutation(numpy.flatnonzero(labels == label))
        held_out |= numpy.isin(digests, digests[rows[: round(test_part * count)]])
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
    return held_out
