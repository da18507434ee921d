"""The ideas of chapter 03: a mean for each class map, and what a position sees."""

from __future__ import annotations

import numpy
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.datasets import text_labels
from d2l_nin.figures import words
from d2l_nin.figures.picture import COLOURS, as_numpy, picture, style
from d2l_nin.figures.sheets import FAINT, LINE, TYPE, arrow, canvas
from d2l_nin.localization import enlarge, peaks, points_in_boxes

__all__ = ["asked_maps_picture", "pooling_picture", "receptive_field_picture"]

_HIGH, _SOME = "#f3c25b", "#fbe9c0"
_WHITE = [patheffects.withStroke(linewidth=4, foreground="white")]
# Each class map: its name, its high position, the other positions that are raised.
_MAPS = (
    ("sandal", (2, 1), ((2, 0), (1, 1))),
    ("coat", None, ((0, 2),)),
    ("bag", None, ((1, 0),)),
)


def _map(ax, x: float, y: float, high, raised, cell: float = 0.42) -> list:
    """A map of 3×3 positions around the height y; the middles of its positions."""
    middles = []
    for i in range(3):
        for j in range(3):
            colour = _HIGH if (i, j) == high else "white"
            colour = _SOME if (i, j) in raised else colour
            corner = x + j * cell, y + (0.5 - i) * cell
            ax.add_patch(Rectangle(corner, cell, cell, facecolor=colour,
                                   edgecolor=LINE, linewidth=0.8))  # fmt: skip
            middles.append((corner[0] + cell / 2, corner[1] + cell / 2))
    return middles


def pooling_picture():
    """Class maps whose nine positions run together into one mean each.

    Returns
    -------
    Picture

    Notes
    -----
    Lin, Chen, Yan, arXiv 1312.4400, section 3.2; drawn anew.
    """
    with style():
        fig, ax = canvas(plt, 7.0, 3.3, 10.6, 5.0)
        ax.add_patch(Rectangle((0.3, 1.2), 1.9, 1.9, facecolor="white",
                               edgecolor=LINE))  # fmt: skip
        ax.add_patch(Rectangle((0.75, 1.3), 0.8, 0.6, facecolor=_HIGH, edgecolor=LINE))
        ax.text(1.25, 3.4, "a picture", ha="center", fontsize=TYPE)
        arrow(ax, (2.4, 2.15), (3.9, 2.15), linewidth=1.4)
        ax.text(3.15, 2.4, "backbone", ha="center", fontsize=TYPE)
        for n, (name, high, raised) in enumerate(_MAPS):
            y = 3.65 - 1.5 * n
            for start in _map(ax, 4.2, y, high, raised):
                ax.plot(*zip(start, (6.9, y)), color=FAINT, linewidth=0.8,
                        linestyle="-", zorder=3)  # fmt: skip
            ax.plot(6.9, y, "o", markersize=13, markeredgecolor=LINE, zorder=4,
                    color=_HIGH if n == 0 else _SOME)  # fmt: skip
            ax.text(7.25, y, f"score of {name}", va="center", fontsize=TYPE)
        ax.text(4.83, 4.6, "one map for each class", ha="center", fontsize=TYPE)
        ax.text(7.25, 4.6, "its mean: 9 × weight 1/9", fontsize=TYPE)
        alt = (
            "A picture with a sandal goes through the backbone, which makes one map of "
            "3×3 positions for each class. The sandal's map is high where the sandal "
            "is. From all nine positions of a map lines run together into one number, "
            "its mean, which is the score of the class. Each line has weight 1/9."
        )
        return picture(fig, alt)


def _outline(ax, boxes: dict, colours=(COLOURS[4], COLOURS[5]), **look) -> None:
    """Up to two boxes (top, left, bottom, right), in pixels, with their names."""
    looks = zip(boxes.items(), colours, ("-", "--"))
    for (name, (top, left, bottom, right)), colour, dash in looks:
        ax.add_patch(
            Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False,
                      edgecolor=colour, linestyle=dash, linewidth=2.2, label=name,
                      clip_on=False, **look)
        )  # fmt: skip


def receptive_field_picture(
    image, fields: dict, heats: dict, squares: dict, *, alt=None
):
    """What positions of a map can see of an image, and what moves one of them.

    Parameters
    ----------
    image : array (H, W)
    fields : dict
        From a name to (top, left, bottom, right) of a receptive field, at most two.
    heats : dict
        From a title to an array (H, W) of `effective_receptive_field`.
    squares : dict
        From the same titles to boxes by their names, at most two each.
    alt : str, optional
        Without it the data are put into words.

    Returns
    -------
    Picture
    """
    with style(), plt.rc_context({"axes.grid": False, "axes.titlesize": 10}):
        count = 1 + len(heats)
        fig, axes = plt.subplots(
            1, count, figsize=(2.7 * count, 3.5), layout="constrained"
        )
        axes[0].imshow(as_numpy(image), vmin=0, vmax=255)
        axes[0].set_title("two positions can see")
        _outline(axes[0], fields)
        for ax, (title, heat) in zip(axes[1:], heats.items()):
            ax.imshow(as_numpy(heat) ** 0.5, cmap="cividis")
            ax.set_title(title)
            _outline(ax, squares[title], ("#999999", "#e6332a"))
        for ax in axes:
            ax.set_axis_off()
            ax.set_xlim(-0.5, image.shape[1] - 0.5)
            ax.set_ylim(image.shape[0] - 0.5, -0.5)
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0))
        return picture(fig, alt or words.of_fields(fields, squares))


def _overlaid(image, cam):
    """A class map over its image, both (H, W), as RGB: orange where it is above 0.

    The largest value of the map gets the full colour.
    """
    share = (cam.clip(0) / abs(cam).max())[..., None]
    grey = 0.75 * (image / 255)[..., None]
    return grey + 0.9 * share * (numpy.array([1, 0.45, 0]) - grey)


def asked_maps_picture(scenes, maps, centres=None, *, most: int = 3):
    """The class maps of each scene's garments and of a class that is not there.

    Parameters
    ----------
    scenes : Scenes
    maps : array (N, K, H', W')
        The class maps of each.
    centres : array (H',), optional
        As of `d2l_nin.localization.enlarge`.
    most : int
        Garments of a scene that are asked for.

    Returns
    -------
    Picture
        Each map over its picture, with a cross at its peak, the peak's value and a box
        around the garment. The strongest value of each map has the full colour.
    """
    maps, size, said = as_numpy(maps), scenes.images.shape[-1], []
    with style(), plt.rc_context({"axes.grid": False, "axes.titlesize": 10}):
        fig, axes = plt.subplots(
            len(scenes), 2 + most, squeeze=False, layout="constrained",
            figsize=(1.7 * (2 + most), 2.1 * len(scenes)),
        )  # fmt: skip
        for ax in axes.flat:
            ax.set_axis_off()
        for n, absent in enumerate(scenes.absent_labels()):
            axes[n, 0].imshow(scenes.images[n], vmin=0, vmax=255)
            here = [(scenes.labels[n], scenes.boxes[n]), *scenes.distractors[n]]
            for ax, (label, box) in zip(axes[n, 1:], [*here[:most], (absent, None)]):
                one = maps[n, label][None]
                (large,) = enlarge(one, size, centres)
                (point,) = peaks(one, size, centres)
                ax.imshow(_overlaid(scenes.images[n], large))
                ax.plot(*point[::-1], "x", color="black", markersize=9,
                        markeredgewidth=2.5, path_effects=_WHITE)  # fmt: skip
                name, where = text_labels([label])[0], "not there"
                if box is not None:
                    _outline(ax, {"": box}, ["black"], path_effects=_WHITE)
                    hit = points_in_boxes([point], [box])[0]
                    where = f"{'in' if hit else 'outside'} its box"
                peak = maps[n, label].max()
                said.append(f"{name} {where}, {peak:.0f}")
                ax.set_title(f"{name}{' (not there)' if box is None else ''}\n"
                             f"peak {peak:.0f}")  # fmt: skip
        alt = f"Class maps over their pictures, with their peaks: {'; '.join(said)}."
        return picture(fig, alt, colours=96)
