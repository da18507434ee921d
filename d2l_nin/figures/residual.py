"""The ideas of chapter 05: two paths that join, what may stand on each, and why."""

from __future__ import annotations

import numpy
from matplotlib import pyplot as plt
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from d2l_nin.figures.picture import COLOURS, picture, style
from d2l_nin.figures.sheets import (
    ARROW,
    FAINT,
    LINE,
    TEXT,
    Sheet,
    arrow,
    box,
    canvas,
)

__all__ = [
    "bottleneck_picture",
    "gradients_picture",
    "orders_picture",
    "residual_picture",
    "shortcuts_picture",
]

_FILL = {"conv": "#cfe3f1", "norm": "#f8e3bd", "ReLU": "#f3cbb2", "F": "#cfe3f1"}
_SHORT, _LONG = COLOURS[1], COLOURS[0]


def _box(ax, x, y, words, width=1.0, height=0.5, colour=None):
    """A layer, centred at (x, y)."""
    kind = next((k for k in _FILL if k in words), "")
    box(ax, x, y, words, (width, height), colour or _FILL.get(kind, "white"))


def _plus(ax, x, y):
    """Where two paths are added."""
    ax.add_patch(Circle((x, y), 0.2, facecolor="white", edgecolor=LINE, zorder=4))
    ax.text(x, y, "+", zorder=5, **{**TEXT, "fontsize": 13})


def _line(ax, points, **look):
    """A line with corners and an arrow at its end."""
    look = {"color": LINE, "linewidth": 1.2, "linestyle": "-", **look}
    ax.plot(*zip(*points[:-1]), zorder=3, solid_capstyle="butt", **look)
    ends = {**ARROW, "color": look["color"], "linewidth": look["linewidth"],
            "linestyle": look["linestyle"]}  # fmt: skip
    ax.annotate("", points[-1], points[-2], arrowprops=ends, zorder=3)


def residual_picture():
    """One block: the input goes through F and around it, and both are added.

    Returns
    -------
    Picture

    Notes
    -----
    The idea of figure 2 of He et al., arXiv 1512.03385; drawn anew.
    """
    with style():
        fig, ax = canvas(plt, 7.0, 2.75, 10.6, 4.15)
        for x, sheet_colour in ((0.25, _FILL["F"]), (9.3, "#dddddd")):
            for n in range(3):
                sheet = Sheet(ax, x + 0.25 * n, 2.15, (4, 3), cell=0.26)
                sheet.fill((0, 0), (4, 3), sheet_colour, alpha=0.5)
        _line(ax, [(1.3, 1.8), (1.7, 1.8), (1.7, 3.2), (7.4, 3.2), (7.4, 2.0)],
              color=_SHORT, linewidth=2.6)  # fmt: skip
        _line(ax, [(1.3, 1.8), (1.7, 1.8), (1.7, 1.2), (7.4, 1.2), (7.4, 1.6)],
              color=_LONG, linewidth=1.8)  # fmt: skip
        names = ("3×3\nconv", "batch\nnorm", "ReLU", "3×3\nconv", "batch\nnorm")
        for i, words in enumerate(names):
            _box(ax, 2.5 + 1.02 * i, 1.2, words, width=0.86, height=0.8)
        _plus(ax, 7.4, 1.8)
        _line(ax, [(7.6, 1.8), (7.8, 1.8), (9.15, 1.8)])
        _box(ax, 8.4, 1.8, "ReLU", width=0.86, height=0.6)
        ax.text(4.55, 3.55, "the shortcut: X itself, with no weight on it",
                color="#a04000", **TEXT)  # fmt: skip
        ax.text(4.55, 0.45, "F: what the block adds to X", color=_LONG, **TEXT)
        ax.text(0.75, 0.45, "X", **TEXT)
        ax.text(9.75, 0.45, "H(X)", **TEXT)
        alt = (
            "Feature maps X take two paths. One goes through the layers of F: 3×3 "
            "convolution, batch norm, ReLU, 3×3 convolution, batch norm. The other, "
            "the shortcut, goes around them and changes nothing. The two are added, "
            "a ReLU follows, and the maps H(X) have the shape of X."
        )
        return picture(fig, alt)


def shortcuts_picture():
    """Options A, B and C in a net of four blocks, of which the third changes shape.

    Returns
    -------
    Picture

    Notes
    -----
    The options of He et al., arXiv 1512.03385, section 4.1.
    """
    rows = {
        "A: pad\nwith zeros": ("X", "X", "X, zeros", "X"),
        "B: project\nif needed": ("X", "X", "1×1", "X"),
        "C: project\nalways": ("1×1", "1×1", "1×1", "1×1"),
    }
    with style():
        fig, ax = canvas(plt, 7.0, 3.3, 10.6, 5.0)
        for row, (name, marks) in enumerate(rows.items()):
            y = 3.55 - 1.45 * row
            ax.text(0.1, y + 0.2, name, **{**TEXT, "ha": "left"})
            _line(ax, [(1.9, y), (2.0, y), (10.4, y)])
            for i, mark in enumerate(marks):
                x = 3.0 + 2.05 * i
                _box(ax, x, y, "F", width=0.85)
                _plus(ax, x + 0.85, y)
                _line(ax, [(x - 0.7, y), (x - 0.7, y + 0.65), (x + 0.85, y + 0.65),
                           (x + 0.85, y + 0.2)], color=_SHORT, linewidth=2)  # fmt: skip
                _box(
                    ax,
                    x + 0.07,
                    y + 0.65,
                    mark,
                    width=0.95,
                    height=0.4,
                    colour={"X": "white", "X, zeros": "#dddddd"}.get(mark, "#f3cbb2"),
                )
        ax.plot((6.12, 6.12), (0.2, 4.75), color=FAINT, linestyle="--", linewidth=1)
        ax.text(4.3, 4.75, "16 channels, 14×14", **TEXT)
        ax.text(8.2, 4.75, "32 channels, 7×7", **TEXT)
        alt = (
            "Four blocks in a row; the third goes from 16 channels of 14×14 to 32 of "
            "7×7. Option A: the shortcut of the third block is X with channels of "
            "zeros, those of the others are X. Option B: that of the third is a 1×1 "
            "convolution. Option C: all four are 1×1 convolutions."
        )
        return picture(fig, alt)


_ORDERS = {
    "original": ("conv", "norm", "ReLU", "conv", "norm", "+", "ReLU"),
    "exclusive\ngate": ("conv", "norm", "ReLU", "conv", "norm", "g", "+", "ReLU"),
    "norm after\naddition": ("conv", "norm", "ReLU", "conv", "+", "norm", "ReLU"),
    "ReLU before\naddition": ("conv", "norm", "ReLU", "conv", "norm", "ReLU", "+"),
    "full\npre-activ.": ("norm", "ReLU", "conv", "norm", "ReLU", "conv", "+"),
}


def orders_picture():
    """A block with a gate, and orders of convolution, batch norm and ReLU.

    Returns
    -------
    Picture

    Notes
    -----
    He et al., arXiv 1603.05027, figures 2 and 4; drawn anew.
    """
    with style():
        fig, ax = canvas(plt, 7.0, 3.3, 10.6, 5.0)
        for i, (title, parts) in enumerate(_ORDERS.items()):
            x, top, step = 0.85 + 2.1 * i, 3.75, 0.44
            ax.text(x + 0.25, 4.7, title, **TEXT)
            _line(ax, [(x, top + 0.6), (x, top), (x, top - len(parts) * step)])
            joined = top - parts.index("+") * step
            _line(ax, [(x, top + 0.42), (x + 0.9, top + 0.42), (x + 0.9, joined),
                       (x + 0.2, joined)], color=_SHORT, linewidth=2.4)  # fmt: skip
            for n, part in enumerate(parts):
                if part == "+":
                    _plus(ax, x, joined)
                else:
                    _box(ax, x, top - n * step, part, width=0.95, height=0.34)
            if "g" in parts:
                _box(ax, x + 0.98, top - 2.5 * step, "1−g", width=0.7, height=0.4)
        steps = "; ".join(f"{' '.join(title.split())}: {', '.join(parts)}"
                          for title, parts in _ORDERS.items())  # fmt: skip
        alt = (
            f"Five blocks from top to bottom, + is where the shortcut is added. {steps}"
            ". The gate multiplies F by g and the shortcut by 1 − g. Only in the "
            "pre-activated block and with ReLU before it nothing follows the addition."
        )
        return picture(fig, alt)


def bottleneck_picture():
    """Two 3×3 convolutions on 256 channels, and a bottleneck; bars are channels.

    Returns
    -------
    Picture

    Notes
    -----
    He et al., arXiv 1512.03385, figure 5; drawn anew.
    """
    blocks = (
        ((256, 256, 256), ("3×3: 589,824 weights", "3×3: 589,824 weights")),
        (
            (256, 64, 64, 256),
            ("1×1: 16,384 weights", "3×3: 36,864 weights", "1×1: 16,384 weights"),
        ),
    )
    with style():
        fig, ax = canvas(plt, 7.0, 3.35, 10.6, 5.1)
        for (channels, convs), x, title in zip(
            blocks, (1.9, 7.2), ("two 3×3 convolutions", "a bottleneck")
        ):
            ax.text(x + 0.5, 4.85, title, **TEXT)
            step = 3.7 / (len(channels) - 1)
            heights = [4.25 - step * i for i in range(len(channels))]
            for y, count in zip(heights, channels):
                _box(ax, x, y, f"{count}", width=2.6 * count / 256, height=0.36)
            for y0, y1, words in zip(heights, heights[1:], convs):
                arrow(ax, (x - 0.1, y0 - 0.18), (x - 0.1, y1 + 0.18))
                ax.text(x, (y0 + y1) / 2, words, **{**TEXT, "ha": "left"})
            side = x + 3.0 if x > 5 else x + 2.75
            top, foot, edge = heights[0], heights[-1], x + 1.3
            _line(ax, [(edge, top), (side, top), (side, foot), (edge, foot)],
                  color=_SHORT, linewidth=2.4)  # fmt: skip
        alt = (
            "Bars as long as a map has channels. Left: 256, 256 and 256 channels, "
            "with two 3×3 convolutions of 589,824 weights each. Right: 256, 64, 64 and "
            "256 channels; a 1×1 convolution of 16,384 weights, a 3×3 of 36,864 and "
            "another 1×1 of 16,384. A shortcut goes around both."
        )
        return picture(fig, alt)


def gradients_picture(found: dict):
    """By block: the gradient's norm, and how well two batches agree on its direction.

    Parameters
    ----------
    found : dict
        From a net's name to an array (seeds, 2, blocks): norms, and cosines.

    Returns
    -------
    Picture
        Lines are medians, bands go from the lowest seed to the highest.
    """
    labels = ("norm of the gradient", "cosine between two batches")
    said = ["Two panels over the block, lines are medians of the seeds."]
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), layout="constrained")
        for name, of_seeds in found.items():
            parts = numpy.quantile(numpy.asarray(of_seeds), (0, 0.5, 1), axis=0)
            blocks = range(1, parts.shape[-1] + 1)
            for ax, label, (low, middle, high) in zip(
                axes, labels, parts.transpose(1, 0, 2)
            ):
                (line,) = ax.plot(blocks, middle, label=name)
                ax.fill_between(blocks, low, high, alpha=0.2, linewidth=0,
                                color=line.get_color())  # fmt: skip
                said.append(f"{name}, {label}: {middle[0]:.3g} in the first block, "
                            f"{middle[-1]:.3g} in the last.")  # fmt: skip
        for ax, label in zip(axes, labels):
            ax.set(xlabel="block", ylabel=label)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_formatter("{x:g}")
        axes[1].axhline(0, color=FAINT, linewidth=1, linestyle="--", zorder=0)
        fig.legend(*axes[0].get_legend_handles_labels(), ncols=len(found),
                   loc="outside lower center")  # fmt: skip
        return picture(fig, " ".join(said))
