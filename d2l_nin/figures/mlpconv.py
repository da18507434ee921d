"""The idea of chapter 02: a small dense network that slides over the image."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.figures.picture import COLOURS, picture, style
from d2l_nin.figures.sheets import FAINT, LINE, TEXT, Sheet, arrow, canvas

__all__ = ["mlpconv_picture"]

_PATCH = "#f3c25b"
# One for each output channel, from light to dark.
_OUT = ("#cfe3f1", "#8fbfe0", "#4a94c8", COLOURS[0])
_MIDDLE = 2.35  # the height at which the drawing is centred


def _input(ax) -> tuple:
    """Three channels with a patch in all of them; corners of the last patch."""
    before = None
    for x in (0.3, 0.85, 1.4):
        sheet = Sheet(ax, x, _MIDDLE + 0.55, (6, 6))
        sheet.fill((1, 1), (3, 3), _PATCH)
        corners = sheet.corners((1, 1), (3, 3))
        for pair in zip(before or (), corners):
            ax.plot(*zip(*pair), color=LINE, linewidth=0.9, linestyle=":", zorder=4)
        before = corners
    sheet.fill((1, 3), (3, 3), "none", zorder=4, linestyle="--", linewidth=1.4)
    arrow(ax, sheet.middle((1, 1), (3, 3)), sheet.middle((1, 3), (3, 3)), linewidth=1.4)
    return before[1], before[2]


def _vector(ax, x: float, count: int) -> list[tuple]:
    """The patch as numbers, one below the other; their middles."""
    points = [(x, _MIDDLE + 0.3 * ((count - 1) / 2 - i)) for i in range(count)]
    for _, y in points:
        ax.add_patch(Rectangle((x - 0.15, y - 0.15), 0.3, 0.3, facecolor=_PATCH,
                               edgecolor=LINE, linewidth=0.8, zorder=3))  # fmt: skip
    return points


def _layer(ax, x: float, colours) -> list[tuple]:
    """A layer, one unit for each of `colours`; their middles."""
    points = [(x, _MIDDLE + 0.68 * ((len(colours) - 1) / 2 - i))
              for i in range(len(colours))]  # fmt: skip
    for point, colour in zip(points, colours):
        ax.plot(*point, "o", color=colour, markersize=14, markeredgecolor=LINE,
                zorder=3)  # fmt: skip
    return points


def _output(ax, x: float, units: list[tuple]) -> None:
    """One channel for each of the last units, which is its value at one position."""
    for n, (unit, colour) in enumerate(zip(units, _OUT)):
        sheet = Sheet(ax, x + 0.55 * n, _MIDDLE + 0.45, (4, 4))
        sheet.fill((1, 1), (1, 1), colour)
        middle = sheet.middle((1, 1))
        ax.plot((unit[0] + 0.2, middle[0]), (unit[1], middle[1]), color=LINE,
                linewidth=0.9, linestyle="-", zorder=4)  # fmt: skip
        ax.plot(*middle, "o", color=LINE, markersize=3, zorder=5)


def mlpconv_picture():
    """A network at a pixel: patch, vector, dense layers, a column of channels.

    Returns
    -------
    Picture

    Notes
    -----
    The idea of figure 1b of Lin, Chen, Yan, arXiv 1312.4400; drawn anew.
    """
    with style():
        fig, ax = canvas(plt, 7.0, 3.1, 10.6, 4.7)
        upper, lower = _input(ax)
        vector = _vector(ax, 3.4, 9)
        for start, end in ((upper, vector[0]), (lower, vector[-1])):
            edge = 0.15 if start is upper else -0.15
            ax.plot((start[0], end[0] - 0.15), (start[1], end[1] + edge), color=LINE,
                    linewidth=0.9, linestyle=":")  # fmt: skip
        hidden = [_layer(ax, x, ["white"] * 4) for x in (4.75, 6.0)]
        layers = [vector, *hidden, _layer(ax, 7.25, _OUT)]
        for before, after in zip(layers, layers[1:]):
            for x0, y0 in before:
                for x1, y1 in after:
                    ax.plot((x0, x1), (y0, y1), color=FAINT, linewidth=0.6,
                            linestyle="-", zorder=1)  # fmt: skip
        _output(ax, 8.05, layers[-1])
        for x, words in (
            (1.3, "C channels"), (3.4, "C·k·k\nnumbers"), (4.75, "k×k\nconv"),
            (6.0, "1×1\nconv"), (7.25, "1×1\nconv"), (9.35, "D channels"),
        ):  # fmt: skip
            ax.text(x, 4.3, words, **TEXT)
        ax.text(1.5, 0.45, "slides over\nall positions", **TEXT)
        ax.text(5.35, 0.45, "the same small network at every position,\n"
                "a ReLU after each layer", **TEXT)  # fmt: skip
        ax.text(9.2, 0.45, "all channels of\none position", **TEXT)
        alt = (
            "A patch of k×k positions, in all C channels of the input, becomes a "
            "vector. A dense network of three layers reads it: the first is the k×k "
            "convolution, the others are 1×1 convolutions. Its D outputs are the D "
            "channels of one position of the output. The same network slides over all "
            "positions."
        )
        return picture(fig, alt)
