"""Matrices of numbers, as one writes them on paper."""

from __future__ import annotations

import numpy
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.figures import words
from d2l_nin.figures.picture import as_numpy, picture, style

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


def number_grids(rows, *, alt: str | None = None, marked=None):
    """Matrices of numbers with signs between them, as one writes them on paper.

    Parameters
    ----------
    rows : list of list
        Each entry is a sign such as '=', or (title, matrix).
    alt : str, optional
        Without it the data are put into words.
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
        return picture(fig, alt or words.of_matrices(rows))


def channel_sums(X, K, parts, names):
    """A convolution over several channels: one slice for each, then the sum.

    Parameters
    ----------
    X : array (C, H, W)
    K : array (C, h, w)
        The slices of one kernel.
    parts : C arrays (H - h + 1, W - w + 1)
        What each slice makes of its channel.
    names : sequence of str
        Of the channels.

    Returns
    -------
    Picture
        What the first output number is made of is set off.
    """
    K, parts = as_numpy(K), [as_numpy(part) for part in parts]
    marked = {"output": [(0, 0)]}
    rows, last = [], []
    for name, x, k, part in zip(names, X, K, parts):
        result = (f"from {name}", part)
        rows.append([(name, x), "∗", (f"slice for {name}", k), "=", result])
        last += [result, "+"]
        marked[name] = list(numpy.ndindex(k.shape))
        marked[result[0]] = [(0, 0)]
    rows.append([*last[:-1], "=", ("output", sum(parts))])
    return number_grids(rows, marked=marked)
