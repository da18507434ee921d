"""The ideas of chapter 03: a mean for each class map, and what a position sees."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.figures import words
from d2l_nin.figures.picture import COLOURS, as_numpy, picture, style
from d2l_nin.figures.sheets import FAINT, LINE, TYPE, arrow, canvas

__all__ = ["pooling_picture", "receptive_field_picture"]

_HIGH, _SOME = "#f3c25b", "#fbe9c0"
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
        ax.text(3.15, 2.4, "trunk", ha="center", fontsize=TYPE)
        for n, (name, high, raised) in enumerate(_MAPS):
            y = 3.65 - 1.5 * n
            for start in _map(ax, 4.2, y, high, raised):
                ax.plot(*zip(start, (6.9, y)), color=FAINT, linewidth=0.8,
                        linestyle="-", zorder=3)  # fmt: skip
            ax.plot(6.9, y, "o", markersize=13, markeredgecolor=LINE, zorder=4,
                    color=_HIGH if n == 0 else "white")  # fmt: skip
            ax.text(7.25, y, f"score of {name}", va="center", fontsize=TYPE)
        ax.text(4.83, 4.6, "one map for each class", ha="center", fontsize=TYPE)
        ax.text(7.25, 4.6, "its mean: 9 × weight 1/9", fontsize=TYPE)
        alt = (
            "A picture with a sandal goes through the trunk, which makes one map of "
            "3×3 positions for each class. The sandal's map is high where the sandal "
            "is. From all nine positions of a map lines run together into one number, "
            "its mean, which is the score of the class. Each line has weight 1/9."
        )
        return picture(fig, alt)


def receptive_field_picture(image, fields, heat, squares, *, alt=None):
    """What positions of a map can see of an image, and what one does see.

    Parameters
    ----------
    image : array (H, W)
    fields : dict
        From a name to (top, left, bottom, right) of a receptive field, at most two.
    heat : array (H, W)
        Of `effective_receptive_field`.
    squares : dict
        From a name to a box that is drawn into `heat`, at most two.
    alt : str, optional
        Without it the data are put into words.

    Returns
    -------
    Picture
    """
    image, heat = as_numpy(image), as_numpy(heat)
    with style(), plt.rc_context({"axes.grid": False}):
        fig, axes = plt.subplots(1, 2, figsize=(7.0, 3.3), layout="constrained")
        axes[0].imshow(image, vmin=0, vmax=255)
        axes[0].set_title("what positions could see")
        axes[1].imshow(heat**0.5, cmap="cividis")
        axes[1].set_title("what moves the middle one")
        for ax, boxes in zip(axes, (fields, squares)):
            ax.set_axis_off()
            looks = zip(boxes.items(), (COLOURS[4], COLOURS[5]), ("-", "--"))
            for (name, (top, left, bottom, right)), colour, dash in looks:
                ax.add_patch(
                    Rectangle((left - 0.5, top - 0.5), right - left, bottom - top,
                              fill=False, edgecolor=colour, linestyle=dash,
                              linewidth=2.2, label=name, clip_on=False)
                )  # fmt: skip
            ax.set_xlim(-0.5, image.shape[1] - 0.5)
            ax.set_ylim(image.shape[0] - 0.5, -0.5)
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0))
        return picture(fig, alt or words.of_fields(fields, squares))
