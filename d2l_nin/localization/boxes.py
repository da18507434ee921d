"""Points and boxes from class maps, and how right they are.

Points are (row, column) and boxes (top, left, bottom, right) in pixels, bottom and
right outside, counted from 0.
"""

from __future__ import annotations

import numpy
from scipy import ndimage

from d2l_nin.datasets import resize_images

__all__ = [
    "box_iou",
    "boxes_around",
    "boxes_of_maps",
    "centres_of_mass",
    "enlarge",
    "peaks",
    "pointing_baselines",
    "points_in_boxes",
]


def enlarge(maps, size: int, centres=None) -> numpy.ndarray:
    """Maps on the pixels of their picture, by linear interpolation both ways.

    Parameters
    ----------
    maps : array (N, H', W')
        Square, where `centres` are given.
    size : int
    centres : array (H',), optional
        The pixel on which the receptive field of each row and column is centred.
        Beyond the first and the last, a map stays as it is there. Without centres the
        positions share the picture evenly, as when an image is resized.

    Returns
    -------
    float32 array (N, size, size)
    """
    maps = numpy.asarray(maps, numpy.float32)
    if centres is None:
        return resize_images(maps, size)
    units, pixels = numpy.eye(len(centres)), numpy.arange(size)
    A = numpy.stack([numpy.interp(pixels, centres, unit) for unit in units], axis=1)
    A = A.astype(numpy.float32)
    return A @ maps @ A.T


def peaks(maps, size: int, centres=None) -> numpy.ndarray:
    """The highest point of each map, up-sampled to `size` × `size` pixels.

    Parameters
    ----------
    maps : array (N, H', W')
    size : int
    centres : array (H',), optional
        As of `enlarge`.

    Returns
    -------
    int array (N, 2)
    """
    flat = enlarge(maps, size, centres).reshape(len(maps), -1)
    return numpy.stack(numpy.unravel_index(flat.argmax(1), (size, size)), axis=1)


def boxes_of_maps(maps, size: int, threshold: float, centres=None) -> numpy.ndarray:
    """The box around the region of each map's highest point.

    A map is up-sampled to `size` × `size` pixels. The region is what is connected with
    the highest point and lies above the lowest value by at least `threshold` of the
    distance from lowest to highest.

    Parameters
    ----------
    maps : array (N, H', W')
    size : int
    threshold : float
        From 0 (the whole picture) to 1 (the highest point alone).
    centres : array (H',), optional
        As of `enlarge`.

    Returns
    -------
    int array (N, 4)

    Raises
    ------
    ValueError
        The threshold is not in that range.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected 0 ≤ threshold ≤ 1, got {threshold}")
    maps = enlarge(maps, size, centres)
    boxes = []
    for values, peak in zip(maps, maps.reshape(len(maps), -1).argmax(1)):
        low, high = values.min(), values.max()
        above = values >= low + numpy.float32(threshold) * (high - low)
        above.flat[peak] = True  # rounding may put the limit above the highest value
        regions, _ = ndimage.label(above)
        rows, columns = ndimage.find_objects(regions)[regions.flat[peak] - 1]
        boxes.append((rows.start, columns.start, rows.stop, columns.stop))
    return numpy.array(boxes)


def boxes_around(points, box_size: int, size: int) -> numpy.ndarray:
    """Square boxes with given middles, cut off at the edges of the picture.

    Parameters
    ----------
    points : array (N, 2)
    box_size, size : int
        Of a box and of the picture, in pixels.

    Returns
    -------
    int array (N, 4)
    """
    points = numpy.asarray(points)
    corner = numpy.round(points - box_size / 2).astype(int)
    return numpy.concatenate([corner, corner + box_size], axis=1).clip(0, size)


def centres_of_mass(images) -> numpy.ndarray:
    """The middle of the light of each image, rounded to a pixel.

    Parameters
    ----------
    images : array (N, H, W)

    Returns
    -------
    int array (N, 2)
    """
    images = numpy.asarray(images, numpy.float64)
    total = images.sum(axis=(1, 2)).clip(1)
    rows = images.sum(axis=2) @ numpy.arange(images.shape[1]) / total
    columns = images.sum(axis=1) @ numpy.arange(images.shape[2]) / total
    return numpy.stack([rows, columns], axis=1).round().astype(int)


def _areas(boxes: numpy.ndarray) -> numpy.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def box_iou(boxes, others) -> numpy.ndarray:
    """Intersection over union of boxes (N, 4) with others (N, 4), one by one.

    Returns
    -------
    float array (N,)
        From 0 (apart) to 1 (the same).

    Raises
    ------
    ValueError
        The two are not as many boxes.
    """
    boxes, others = numpy.asarray(boxes), numpy.asarray(others)
    if boxes.shape != others.shape or boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"boxes: expected two arrays of the same shape (N, 4), got {boxes.shape} "
            f"and {others.shape}"
        )
    low = numpy.maximum(boxes[:, :2], others[:, :2])
    high = numpy.minimum(boxes[:, 2:], others[:, 2:])
    both = (high - low).clip(0).prod(axis=1)
    return both / (_areas(boxes) + _areas(others) - both)


def points_in_boxes(points, boxes) -> numpy.ndarray:
    """Whether each point (N, 2) lies in its box (N, 4): the pointing game.

    Notes
    -----
    Zhang et al., Top-down Neural Attention by Excitation Backprop, arXiv 1608.00507,
    section 4.1.
    """
    points, boxes = numpy.asarray(points), numpy.asarray(boxes)
    return ((points >= boxes[:, :2]) & (points < boxes[:, 2:])).all(axis=1)


def pointing_baselines(scenes) -> dict[str, float]:
    """How often who never looks at a net would point into the right box.

    Parameters
    ----------
    scenes : Scenes

    Returns
    -------
    dict
        From a way of pointing to its share of hits. Of the two that draw lots it is
        the expected share, from areas and numbers of garments: no lot is drawn.
    """
    N, H, W = scenes.images.shape
    middle = numpy.full((N, 2), (H // 2, W // 2))
    lit = scenes.images.reshape(N, -1).argmax(axis=1)
    brightest = numpy.stack(numpy.unravel_index(lit, (H, W)), axis=1)
    garments = 1 + numpy.array([len(others) for others in scenes.distractors])
    return {
        "a random pixel": float((_areas(scenes.boxes) / (H * W)).mean()),
        "a random garment": float((1 / garments).mean()),
        "the middle": float(points_in_boxes(middle, scenes.boxes).mean()),
        "the brightest pixel": float(points_in_boxes(brightest, scenes.boxes).mean()),
        "the centre of mass": float(
            points_in_boxes(centres_of_mass(scenes.images), scenes.boxes).mean()
        ),
    }
