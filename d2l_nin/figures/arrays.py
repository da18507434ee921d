"""Arrays as diagrams: matrices of numbers, and the channels behind one pixel."""

from __future__ import annotations

import numpy
from matplotlib import pyplot as plt
from matplotlib.patches import Polygon, Rectangle

from d2l_nin.figures.picture import COLOURS, as_numpy, picture, style

_MARKED = "#fdd0a2"


def _draw_numbers(ax, x: float, y: float, values, marked, title: str) -> None:
    """A matrix as cells with numbers, its upper left corner at (x, y)."""
    values = numpy.atleast_2d(as_numpy(values))
    for (i, j), value in numpy.ndenumerate(values):
        here = (i, j) in marked
        ax.add_patch(
            Rectangle((x + j, y - i - 1), 1, 1, linewidth=1.6 if here else 0.6,
                      facecolor=_MARKED if here else "white", edgecolor="#333333",
                      zorder=2 if here else 1)
        )  # fmt: skip
        ax.text(x + j + 0.5, y - i - 0.5, f"{value:g}", ha="center", va="center",
                weight="bold" if here else "normal", zorder=3)  # fmt: skip
    ax.text(x + values.shape[1] / 2, y + 0.2, title, ha="center", va="bottom",
            fontsize=10.5)  # fmt: skip


def number_grids(rows, *, alt: str, marked=None):
    """Matrices of numbers with signs between them, as one writes them on paper.

    Parameters
    ----------
    rows : list of list
        Each entry is a sign such as '=', or (title, matrix).
    alt : str
    marked : dict, optional
        From a title to the cells (i, j) that are set off.

    Returns
    -------
    Picture
    """
    marked, gap = marked or {}, 0.6
    with style():
        fig, ax = plt.subplots(layout="constrained")
        y = right = 0.0
        for row in rows:
            arrays = [numpy.atleast_2d(as_numpy(e[1])) for e in row if len(e) == 2]
            height = max(len(array) for array in arrays)
            x = 0.0
            for entry in row:
                if len(entry) != 2:
                    ax.text(x + 0.25, y - height / 2, entry, ha="center", va="center",
                            fontsize=14)  # fmt: skip
                    x += 0.5 + gap
                    continue
                title, values = entry
                values = numpy.atleast_2d(as_numpy(values))
                top = y - (height - len(values)) / 2
                _draw_numbers(ax, x, top, values, marked.get(title, ()), title)
                x += values.shape[1] + gap
            right, y = max(right, x - gap), y - height - 1.1
        ax.set_xlim(-0.6, right + 0.6)
        ax.set_ylim(y + 0.9, 0.9)
        ax.set_aspect("equal")
        ax.axis("off")
        fig.set_size_inches(0.42 * (right + 1.2), 0.42 * -y)
        return picture(fig, alt)


def _signed(value) -> str:
    """A number as a factor: '3', '(-2)'."""
    return f"{value:g}" if value >= 0 else f"({value:g})"


def _pane(ax, x: float, size, position, colour: str) -> tuple[float, float]:
    """A sheet (H, W) seen from the side, with one cell filled; that cell's middle."""
    H, W = size

    def at(i, j):
        return x + 0.42 * j, 0.3 * j - i

    corners = [at(0, 0), at(0, W), at(H, W), at(H, 0)]
    ax.add_patch(Polygon(corners, facecolor="white", edgecolor="#333333", alpha=0.85))
    for i in range(1, H):
        ax.plot(*zip(at(i, 0), at(i, W)), color="#999999", linewidth=0.6, linestyle="-")
    for j in range(1, W):
        ax.plot(*zip(at(0, j), at(H, j)), color="#999999", linewidth=0.6, linestyle="-")
    i, j = position
    cell = [at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)]
    ax.add_patch(Polygon(cell, facecolor=colour, edgecolor="#333333"))
    return at(i + 0.5, j + 0.5)


def pixel_column(X, K, Y, position, *, alt: str | None = None):
    """One pixel of a 1×1 convolution: the column of channels it reads.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (C,)
        The weights of one output channel.
    Y : array (H, W)
        That output channel.
    position : (int, int)
    alt : str, optional
        Instead of the sentence made from the numbers.

    Returns
    -------
    Picture
    """
    X, K, Y = (as_numpy(values) for values in (X, K, Y))
    column, step = X[:, position[0], position[1]], 0.42 * X.shape[2] + 1.6
    terms = " + ".join(f"{_signed(w)}·{_signed(x)}" for w, x in zip(K, column))
    equation = f"{terms} = {Y[position]:g}"
    with style():
        fig, ax = plt.subplots(layout="constrained")
        below = -X.shape[1] - 0.25
        text = {"ha": "center", "va": "top"}
        middle = None
        for c, (w, x) in enumerate(zip(K, column)):
            previous, middle = (
                middle,
                _pane(ax, c * step, X.shape[1:], position, _MARKED),
            )
            if previous is not None:
                ax.plot(
                    *zip(previous, middle), color=COLOURS[0], linestyle="-", zorder=5
                )
            ax.plot(*middle, "o", color=COLOURS[0], markersize=4, zorder=6)
            ax.text(c * step + 0.6, below,
                    f"input channel {c}\nhere {x:g}\nweight {w:g}", **text)  # fmt: skip
        at = len(K) * step + 0.6
        last = _pane(ax, at, Y.shape, position, "#9ecae1")
        ax.annotate("", last, middle, zorder=6,
                    arrowprops={"arrowstyle": "-|>", "color": COLOURS[0],
                                "linewidth": 1.8})  # fmt: skip
        ax.text(at + 0.6, below, f"output channel\nhere {Y[position]:g}", **text)
        ax.set_title(equation)
        ax.set_xlim(-0.8, at + step)
        ax.set_ylim(below - 1.0, 0.3 * X.shape[2] + 0.2)
        ax.set_aspect("equal")
        ax.axis("off")
        fig.set_size_inches(0.62 * (at + step), 0.62 * (2.4 - below))
        return picture(
            fig,
            alt
            or f"{len(K)} input channels as sheets, one behind the other, and the "
            f"output channel. A line goes through row {position[0]}, column "
            f"{position[1]} of all of them: {equation}.",
        )
