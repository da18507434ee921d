"""Garments pasted into larger pictures, with boxes that say where.

Fashion-MNIST's garments fill their image. To ask a net *where* a garment is, one needs
pictures in which it could be elsewhere, among other things.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from d2l_nin.datasets.transforms import resize_images
from d2l_nin.runtime import whole_number

__all__ = ["BACKGROUNDS", "Scenes", "box_of_garment", "paste_garments"]

# Cut-outs keep what is brighter than this; the photographs' black is 0 to a few.
_VISIBLE = 8


@dataclass(frozen=True)
class Scenes:
    """Pictures with one garment to be found in each.

    Attributes
    ----------
    images : bytes (N, H, W)
    labels : bytes (N,)
        The class of the garment to be found.
    boxes : int (N, 4)
        Where it is: top, left, bottom, right in pixels; bottom and right are outside.
    backgrounds : tuple of str
        The kind of each.
    distractors : tuple of lists
        The other garments in each, as (label, box).
    """

    images: numpy.ndarray
    labels: numpy.ndarray
    boxes: numpy.ndarray
    backgrounds: tuple
    distractors: tuple

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows) -> Scenes:
        """The scenes of a slice or an array of positions."""
        chosen = numpy.arange(len(self))[rows]
        return Scenes(
            self.images[rows],
            self.labels[rows],
            self.boxes[rows],
            tuple(self.backgrounds[n] for n in chosen),
            tuple(self.distractors[n] for n in chosen),
        )

    def centred(self) -> Scenes:
        """The same scenes, each moved until its garment is in the middle.

        What leaves at one edge comes in at the other: black, where all else is black.
        """
        H, W = self.images.shape[1:]
        images, boxes = self.images.copy(), self.boxes.copy()
        for n, (top, left, bottom, right) in enumerate(self.boxes):
            move = (H - top - bottom) // 2, (W - left - right) // 2
            images[n] = numpy.roll(images[n], move, axis=(0, 1))
            boxes[n] += (*move, *move)
        empty = tuple([] for _ in boxes)
        return Scenes(images, self.labels, boxes, self.backgrounds, empty)

    def find_another(self) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """Another garment to be found, in each picture that has one.

        Returns
        -------
        rows, labels, boxes : int arrays (M,), (M,), (M, 4)
            Positions of these pictures; class and box of their first distractor.
        """
        rows = [n for n, others in enumerate(self.distractors) if others]
        labels, boxes = zip(*(self.distractors[n][0] for n in rows))
        return numpy.array(rows), numpy.array(labels), numpy.array(boxes)

    def covered(self) -> numpy.ndarray:
        """Which pixels are in the box of any garment: bool (N, H, W)."""
        found = numpy.zeros(self.images.shape, bool)
        for n, others in enumerate(self.distractors):
            boxes = [self.boxes[n], *(box for _, box in others)]
            for top, left, bottom, right in boxes:
                found[n, top:bottom, left:right] = True
        return found

    def absent_labels(self, num_classes: int = 10, seed: int = 0) -> numpy.ndarray:
        """For each picture a class that none of its garments has, drawn at random."""
        rng = numpy.random.default_rng(seed)
        found = []
        for label, others in zip(self.labels, self.distractors):
            here = {int(label), *(other for other, _ in others)}
            found.append(rng.choice(sorted(set(range(num_classes)) - here)))
        return numpy.array(found)


def _to_bytes(X: numpy.ndarray) -> numpy.ndarray:
    """float64 from 0 to 255, rounded so that other machines get the same bytes.

    What is exactly between two bytes, up to the last bits, goes up everywhere.
    """
    return numpy.floor(X + (0.5 + 1e-6)).clip(0, 255).astype(numpy.uint8)


def _black(size: int, rng) -> numpy.ndarray:
    return numpy.zeros((size, size))


def _noise(size: int, rng) -> numpy.ndarray:
    """Random grey values, in grains of one to six pixels."""
    coarse = max(2, size // int(rng.integers(1, 7)))
    grains = rng.random((coarse, coarse))
    return resize_images(grains, size) * rng.uniform(60, 200)


def _stripes(size: int, rng) -> numpy.ndarray:
    """A wave of random direction, length and strength."""
    angle, period = rng.uniform(0, numpy.pi), rng.uniform(4, 24)
    i, j = numpy.mgrid[:size, :size]
    along = (i * numpy.sin(angle) + j * numpy.cos(angle)) / period + rng.random()
    wave = numpy.sin(2 * numpy.pi * along)
    return (wave + 1) / 2 * rng.uniform(60, 200)


def _patches(size: int, rng) -> numpy.ndarray:
    """Rectangles of one grey value each, one over the other."""
    canvas = numpy.zeros((size, size))
    for _ in range(12):
        height, width = rng.integers(size // 10, size // 2, 2)
        top, left = rng.integers(-size // 10, size, 2)
        rows, columns = (
            slice(max(top, 0), top + height),
            slice(max(left, 0), left + width),
        )
        canvas[rows, columns] = rng.uniform(0, 200)
    return canvas


BACKGROUNDS = {
    "black": _black,
    "noise": _noise,
    "stripes": _stripes,
    "patches": _patches,
}


def box_of_garment(image: numpy.ndarray) -> tuple[int, int, int, int]:
    """The smallest box (top, left, bottom, right) around what is not black."""
    rows, columns = numpy.nonzero(image > _VISIBLE)
    if not len(rows):
        raise ValueError("image: expected a garment, got an image that is all black")
    return (
        int(rows.min()),
        int(columns.min()),
        int(rows.max()) + 1,
        int(columns.max()) + 1,
    )


def _overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _paste(canvas, garment, taken: list, rng, attempts: int = 50) -> tuple | None:
    """Cut a garment out into `canvas` where nothing of `taken` is; its box, or None."""
    top, left, bottom, right = box_of_garment(garment)
    piece = garment[top:bottom, left:right]
    height, width = piece.shape
    size = len(canvas)
    for _ in range(attempts):
        i = int(rng.integers(0, size - height + 1))
        j = int(rng.integers(0, size - width + 1))
        box = (i, j, i + height, j + width)
        if not any(_overlap(box, other) for other in taken):
            place = canvas[i : i + height, j : j + width]
            numpy.copyto(place, piece, where=piece > _VISIBLE)
            return box
    return None


def _paste_several(
    canvas, images, row: int, others, num_others: int, garment_sizes, rng
) -> list[tuple]:
    """Paste the garment of `row`, then `num_others` out of `others`, into a picture.

    Returns
    -------
    list of (row, box)
        That of `row` first; of the others those for which there was room.
    """
    pasted: list = []
    for k in range(1 + num_others):
        garment = row if k == 0 else rng.choice(others)
        pixels = int(rng.integers(garment_sizes[0], garment_sizes[1] + 1))
        resized = resize_images(images[garment].astype(float), pixels)
        taken = [box for _, box in pasted]
        box = _paste(canvas, _to_bytes(resized), taken, rng)
        if box is not None:
            pasted.append((garment, box))
    return pasted


def _check(images, labels, size, garment_sizes, num_distractors, backgrounds) -> None:
    low, high = garment_sizes
    whole_number("garment_sizes", low, 8)
    if len(images) != len(labels) or not len(images):
        raise ValueError(
            f"images and labels: expected as many of both and at least one, got "
            f"{len(images)} and {len(labels)}"
        )
    if not low <= high <= size:
        raise ValueError(
            f"garment_sizes: expected (smallest, largest) of at most size={size} "
            f"pixels, got {garment_sizes}"
        )
    unknown = [kind for kind in backgrounds if kind not in BACKGROUNDS]
    if unknown or not backgrounds:
        raise ValueError(
            f"backgrounds: expected some of {', '.join(BACKGROUNDS)}, got "
            f"{', '.join(map(repr, unknown)) or 'none'}"
        )
    if num_distractors and len(numpy.unique(labels)) < 2:
        raise ValueError(
            "num_distractors: garments of a second class are needed, all labels are "
            f"{labels[0]}"
        )


def paste_garments(
    images,
    labels,
    num_scenes: int,
    size: int = 84,
    *,
    garment_sizes: tuple[int, int] = (24, 44),
    num_distractors: int = 2,
    backgrounds=tuple(BACKGROUNDS),
    seed: int = 0,
) -> Scenes:
    """Cut garments out and paste them at random places into many random pictures.

    In each picture one garment is to be found; its distractors are of other classes.
    No two touch. Where a picture has no room left, it has fewer distractors.

    Parameters
    ----------
    images, labels : bytes (N, 28, 28) and (N,)
    num_scenes : int
    size : int
        Height and width of the pictures in pixels.
    garment_sizes : (int, int)
        The smallest and the largest side, in pixels, that the 28×28 image of a garment
        is resized to. What is black around it is not pasted.
    num_distractors : int
    backgrounds : sequence of str
        Out of `BACKGROUNDS`; each picture gets one of them by chance.
    seed : int

    Returns
    -------
    Scenes

    Raises
    ------
    ValueError, TypeError
        The numbers are not possible.
    """
    num_scenes = whole_number("num_scenes", num_scenes, 1)
    size = whole_number("size", size, 16)
    num_distractors = whole_number("num_distractors", num_distractors, 0)
    _check(images, labels, size, garment_sizes, num_distractors, backgrounds)
    rng = numpy.random.default_rng(whole_number("seed", seed, 0))
    rows_of_others = {
        label: numpy.flatnonzero(labels != label) for label in numpy.unique(labels)
    }
    canvases = numpy.empty((num_scenes, size, size), numpy.uint8)
    chosen = rng.integers(0, len(images), num_scenes)
    scenes = []
    for n, row in enumerate(chosen):
        kind = backgrounds[rng.integers(len(backgrounds))]
        canvases[n] = _to_bytes(BACKGROUNDS[kind](size, rng))
        (_, box), *those = _paste_several(
            canvases[n], images, row, rows_of_others[labels[row]], num_distractors,
            garment_sizes, rng,
        )  # fmt: skip
        scenes.append((box, kind, [(int(labels[i]), each) for i, each in those]))
    boxes, kinds, distractors = zip(*scenes)
    return Scenes(canvases, labels[chosen], numpy.array(boxes), kinds, distractors)
