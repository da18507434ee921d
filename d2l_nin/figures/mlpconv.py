"""The idea of chapter 02: a small dense network that slides over the image."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.patches import Polygon, Rectangle

from d2l_nin.figures.picture import COLOURS, picture, style

__all__ = ["mlpconv_picture"]

_PATCH, _HIDDEN, _OUT = COLOURS[4], COLOURS[5], COLOURS[0]


def _grid(ax, left: float, bottom: float, size: int, marked, colour: str) -> None:
    """Three maps of size × size cells in a stack, cells of the front one marked."""
    for depth in (2, 1, 0):
        x, y = left + 0.22 * depth, bottom + 0.22 * depth
        ax.add_patch(
            Rectangle(
                (x, y),
                size * 0.3,
                size * 0.3,
                facecolor="white",
                edgecolor="#555555",
                linewidth=1,
            )
        )
    for i in range(size + 1):
        across = ((left, left + size * 0.3), (bottom + 0.3 * i,) * 2)
        upward = ((left + 0.3 * i,) * 2, (bottom, bottom + size * 0.3))
        for line in (across, upward):
            ax.plot(*line, color="#aaaaaa", linewidth=0.6, linestyle="-")
    column, row, wide = marked
    ax.add_patch(
        Rectangle(
            (left + 0.3 * column, bottom + 0.3 * row),
            0.3 * wide,
            0.3 * wide,
            facecolor=colour,
            edgecolor="black",
            linewidth=1.6,
        )
    )


def _column(ax, x: float, count: int, colour: str) -> list[tuple]:
    """A layer of `count` round units; their middles."""
    points = [(x, 0.62 * (i - (count - 1) / 2)) for i in range(count)]
    for point in points:
        ax.plot(*point, "o", color=colour, markersize=15, markeredgecolor="black",
                zorder=3)  # fmt: skip
    return points


def mlpconv_picture():
    """A network at a pixel: patch, vector, two dense layers, a column of channels.

    Returns
    -------
    Picture

    Notes
    -----
    The idea of figure 1b of Lin, Chen, Yan, arXiv 1312.4400; drawn anew.
    """
    with style():
        fig, ax = plt.subplots(figsize=(8.4, 3.7), layout="constrained")
        _grid(ax, -0.3, -1.1, 7, (2, 3, 3), _PATCH)
        vector = [(3.2, 0.34 * (i - 4)) for i in range(9)]
        for x, y in vector:
            ax.add_patch(
                Rectangle(
                    (x - 0.17, y - 0.17),
                    0.34,
                    0.34,
                    facecolor=_PATCH,
                    edgecolor="black",
                    linewidth=0.8,
                )
            )
        for corner, target in (((1.2, 0.7), 1.53), ((1.2, -0.2), -1.53)):
            ax.plot((corner[0], 3.03), (corner[1], target), color="black",
                    linewidth=0.9, linestyle=":")  # fmt: skip
        layers = [
            vector,
            *(_column(ax, x, 5, c) for x, c in ((4.9, _HIDDEN), (6.3, _HIDDEN))),
            _column(ax, 7.7, 5, _OUT),
        ]
        for before, after in zip(layers, layers[1:]):
            for x0, y0 in before:
                for x1, y1 in after:
                    ax.plot((x0, x1), (y0, y1), color="#999999", linewidth=0.5,
                            linestyle="-", zorder=1)  # fmt: skip
        _grid(ax, 9.3, -0.9, 5, (2, 2, 1), _OUT)
        ax.add_patch(
            Polygon(
                [(9.9, -0.3), (10.2, -0.3), (10.2, 0.0), (9.9, 0.0)], facecolor=_OUT
            )
        )
        ax.annotate("", (9.86, -0.15), (7.95, 0), zorder=4,
                    arrowprops={"arrowstyle": "-|>", "color": "black"})  # fmt: skip
        ax.annotate("", (2.1, -1.35), (0.5, -1.35),
                    arrowprops={"arrowstyle": "-|>", "color": "black"})  # fmt: skip
        text = {"ha": "center", "fontsize": 10}
        ax.text(1.0, -1.8, "slides over all positions,\nalways with the same weights",
                va="top", **text)  # fmt: skip
        ax.text(1.0, 1.75, "C channels in", **text)
        ax.text(3.2, 1.95, "patch:\nC·k·k numbers", **text)
        ax.text(4.9, 1.95, "k×k\nconvolution", **text)
        ax.text(6.3, 1.95, "1×1\nconvolution", **text)
        ax.text(7.7, 1.95, "1×1\nconvolution", **text)
        ax.text(6.3, -1.8, "a dense network of three layers,\na ReLU after each",
                va="top", **text)  # fmt: skip
        ax.text(10.3, 1.75, "D channels out", **text)
        ax.text(10.2, -1.8, "one position\nof the output", va="top", **text)
        ax.set_xlim(-0.6, 11.7)
        ax.set_ylim(-2.7, 2.75)
        ax.set_aspect("equal")
        ax.axis("off")
        alt = (
            "A patch of the input, of all its channels, becomes a vector. A dense "
            "network of three layers reads it: the first is the k×k convolution, the "
            "others are 1×1 convolutions. Its outputs are the channels of one position "
            "of the output. The network slides over all positions, always the same."
        )
        return picture(fig, alt)
