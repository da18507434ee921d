"""The idea of chapter 06: a trained net gets a new last layer."""

from __future__ import annotations

from matplotlib import pyplot as plt

from d2l_nin.figures.picture import picture, style
from d2l_nin.figures.sheets import TEXT, arrow, box, canvas

__all__ = ["transfer_picture"]

_KEPT, _LEARNS, _FRESH = "#d9d9d9", "#cfe3f1", "#f3c25b"
_BACKBONE = (("block\n32", 2.75), ("block\n64", 4.0), ("block\n128", 5.25),
             ("3×3, 1×1\n16", 6.6))  # fmt: skip
# Each row: its title, the colour of the backbone, the last layer and its colour.
_ROWS = (
    ("frozen", _KEPT, "new 1×1\n10 maps", _FRESH),
    ("trained on\n62 characters", "white", "1×1\n62 maps", "white"),
    ("fine-tuned", _LEARNS, "new 1×1\n10 maps", _FRESH),
)
_KEY = (
    (_KEPT, "copied, stays"),
    (_LEARNS, "copied, learns on"),
    (_FRESH, "new, learns"),
)


def transfer_picture():
    """A trained net, and two nets that keep its backbone: frozen and fine-tuned.

    Returns
    -------
    Picture

    Notes
    -----
    Yosinski et al., arXiv 1411.1792, figure 1; drawn anew for `nin_classroom`.
    """
    with style():
        fig, ax = canvas(plt, 7.0, 3.3, 10.6, 5.0)
        ax.text(4.7, 4.75, "backbone", **TEXT)
        ax.text(8.25, 4.75, "head", **TEXT)
        for (title, colour, last, last_colour), y in zip(_ROWS, (4.05, 2.65, 1.25)):
            ax.text(1.0, y, title, **TEXT)
            for words, x in _BACKBONE:
                box(ax, x, y, words, (1.1 if x < 6 else 1.3, 0.8), colour)
            box(ax, 8.2, y, last, (1.25, 0.8), last_colour)
            ax.text(9.85, y, "mean", **TEXT)
            arrow(ax, (7.25, y), (7.57, y))
            arrow(ax, (8.83, y), (9.4, y))
        for start, end in ((3.1, 3.6), (2.2, 1.7)):  # up and down from the middle
            arrow(ax, (4.65, start), (4.65, end), linewidth=1.6)
            ax.text(5.75, (start + end) / 2, "copy the weights", **TEXT)
        for (colour, words), x in zip(_KEY, (1.1, 4.3, 8.0)):
            box(ax, x, 0.3, "", (0.4, 0.35), colour)
            ax.text(x + 0.35, 0.3, words, **{**TEXT, "ha": "left"})
        alt = (
            "Three nets, one below the other. The one in the middle has learned 62 "
            "characters: a backbone of three blocks, a 3×3 and a 1×1 convolution, then "
            "a 1×1 convolution with 62 maps, and their mean. Arrows copy its backbone "
            "up and down, into two nets with a new 1×1 convolution of 10 maps. Above, "
            "in the frozen net, the backbone is grey: it stays as it is. Below, in the "
            "fine-tuned net, it is blue: it learns on. The new layers learn in both."
        )
        return picture(fig, alt)
