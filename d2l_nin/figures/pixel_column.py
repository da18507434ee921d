"""The idea of chapter 01: the channels of one pixel go through a small dense layer."""

from __future__ import annotations

from matplotlib import pyplot as plt

from d2l_nin.figures.picture import COLOURS, as_numpy, check_count, picture, style
from d2l_nin.figures.sheets import FAINT, LINE, TEXT, TYPE, Sheet, arrow, canvas

__all__ = ["pixel_column"]

_CELL = 0.76  # of a sheet; half as much from one column to the next
_MARKED = "#fdd0a2"
_TINTS = ("#9ecae1", "#f3c25b", "#a6dba0")  # of the output channels


def _numbers(ax, x: float, middle: float, values, position, colour: str) -> tuple:
    """A channel as a sheet with a number in each cell; the middle of the marked one."""
    H, W = values.shape
    sheet = Sheet(ax, x, middle + _CELL * (H - 0.36 * W) / 2, (H, W), cell=_CELL)
    sheet.fill(position, (1, 1), colour)
    for i in range(H):
        for j in range(W):
            here = (i, j) == position
            ax.text(*sheet.middle((i, j)), f"{values[i, j]:g}", ha="center",
                    va="center", fontsize=TYPE, zorder=5,
                    weight="bold" if here else "normal")  # fmt: skip
    return sheet.middle(position)


def _units(ax, x: float, middle: float, values, colours) -> list[tuple]:
    """One circle for each value, one below the other; their middles."""
    points = [(x, middle + 1.05 * ((len(values) - 1) / 2 - n))
              for n in range(len(values))]  # fmt: skip
    for point, value, colour in zip(points, values, colours):
        ax.plot(*point, "o", color=colour, markersize=25, markeredgecolor=LINE,
                zorder=4)  # fmt: skip
        ax.text(*point, f"{value:g}", ha="center", va="center", fontsize=TYPE,
                weight="bold", zorder=5)  # fmt: skip
    return points


def _weights(ax, inputs: list, outputs: list, K) -> None:
    """A line for each weight, with its value, in the colour of its output."""
    for d, (end, colour) in enumerate(zip(outputs, COLOURS)):
        for c, start in enumerate(inputs):
            ax.plot(*zip(start, end), color=colour, linewidth=1.5, zorder=2,
                    linestyle=("-", "--", "-.")[d])  # fmt: skip
            where = [a + 0.3 * (b - a) for a, b in zip(start, end)]
            ax.text(*where, f"{K[d, c]:g}", ha="center", va="center", fontsize=TYPE,
                    color=colour, weight="bold", zorder=3,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8}
                    )  # fmt: skip


def pixel_column(X, K, Y, position):
    """One pixel of a 1×1 convolution: its column of channels through a dense layer.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (D, C)
        At most three output channels can be told apart.
    Y : array (D, H, W)
    position : (int, int)

    Returns
    -------
    Picture
    """
    X, K, Y = (as_numpy(values) for values in (X, K, Y))
    check_count("K", range(len(K)), _TINTS)
    i, j = position
    step = 0.5 * _CELL * X.shape[2] + 0.32
    units, results = len(X) * step + 0.85, len(X) * step + 2.95
    first, right = results + 0.6, results + 0.6 + len(K) * step
    middle = 0.5 * _CELL * (X.shape[1] + 0.36 * X.shape[2]) + 0.75
    with style():
        fig, ax = canvas(plt, 7.0, 7.0 * (2 * middle + 0.1) / right, right,
                         2 * middle + 0.1)  # fmt: skip
        column = [_numbers(ax, 0.1 + c * step, middle, channel, position, _MARKED)
                  for c, channel in enumerate(X)]  # fmt: skip
        ax.plot(*zip(*column), color=FAINT, linewidth=1.4, linestyle=":", zorder=4)
        inputs = _units(ax, units, middle, X[:, i, j], [_MARKED] * len(X))
        arrow(ax, column[-1], (units - 0.45, middle), color=FAINT, linewidth=1.4)
        outputs = _units(ax, results, middle, Y[:, i, j], _TINTS)
        _weights(ax, inputs, outputs, K)
        for d, channel in enumerate(Y):
            _numbers(ax, first + d * step, middle, channel, position, _TINTS[d])
        arrow(ax, (results + 0.3, middle), (first - 0.02, middle), color=FAINT,
              linewidth=1.4)  # fmt: skip
        for x, words in (
            (0.5 * len(X) * step, f"{len(X)} input channels"),
            ((units + results) / 2, "a dense layer"),
            (first + 0.5 * len(K) * step - 0.1, f"{len(K)} output channels"),
        ):
            ax.text(x, 2 * middle - 0.18, words, **TEXT)
        ax.text(right / 2, 0.3, "the same weights at every pixel", **TEXT)
        sums = "; ".join(
            " + ".join(f"{_factor(w)}·{_factor(x)}" for w, x in zip(row, X[:, i, j]))
            + f" = {value:g}"
            for row, value in zip(K, Y[:, i, j])
        )
        alt = (
            f"{len(X)} input channels as sheets of numbers. The numbers in row {i}, "
            f"column {j} of all of them go into a dense layer with {len(K)} outputs, "
            f"which stand at the same position of the output channels: {sums}."
        )
        return picture(fig, alt)


def _factor(value) -> str:
    """A number as a factor: '3', '(-2)'."""
    return f"{value:g}" if value >= 0 else f"({value:g})"
