"""Chapter 04: four branches whose channels are stacked, and GoogLeNet made of them."""

from __future__ import annotations

from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.figures.picture import COLOURS, picture, style
from d2l_nin.figures.sheets import LINE, TEXT, TYPE, Sheet, arrow, box, canvas

__all__ = ["googlenet_picture", "inception_picture"]

# One for each branch; they differ in lightness too.
_BRANCHES = (COLOURS[4], COLOURS[5], COLOURS[2], COLOURS[3])
_TOP, _STEP = 4.15, 1.12  # the height of the first branch, and from one to the next
_TALL = 3.9  # how tall the stacked channels are drawn


def _kernel(ax, x: float, y: float, size: int, colour: str) -> None:
    """A sheet of 7×7 positions, the kernel's marked; its middle is at (x, y)."""
    sheet = Sheet(ax, x - 0.35, y + 0.35, (7, 7), cell=0.1)
    first = (7 - size) // 2
    sheet.fill((first, first), (size, size), colour)


def _box(ax, x: float, y: float, words: str, colour: str = "white") -> None:
    box(ax, x, y, words, (1.24, 0.4), colour, linewidth=0.9, zorder=3)


def _stack(ax, x: float, widths) -> list[float]:
    """All channels as one column, each branch's as tall as it has channels."""
    top, middles = _TOP + 0.35, []
    for width, colour in zip(widths, _BRANCHES):
        height = _TALL * width / sum(widths)
        ax.add_patch(Rectangle((x, top - height), 0.7, height, facecolor=colour,
                               edgecolor=LINE, linewidth=0.9, zorder=3))  # fmt: skip
        ax.text(x + 0.35, top - height / 2, f"{width}", ha="center", va="center",
                fontsize=TYPE, zorder=4)  # fmt: skip
        middles.append(top - height / 2)
        top -= height
    return middles


def inception_picture(num_channels: int, c1: int, c2: tuple, c3: tuple, c4: int):
    """Four branches of one input, whose channels are stacked at their end.

    Parameters
    ----------
    num_channels : int
        Of the input.
    c1, c2, c3, c4
        Channels of the branches, as for `Inception`.

    Returns
    -------
    Picture

    Notes
    -----
    The idea of figure 2b of Szegedy et al., arXiv 1409.4842; drawn anew.
    """
    heights = [_TOP - _STEP * i for i in range(4)]
    middle = sum(heights) / 4
    branches = (
        ((None, f"1×1, {c1}", 1), c1),
        ((f"1×1, {c2[0]}", f"3×3, {c2[1]}", 3), c2[1]),
        ((f"1×1, {c3[0]}", f"5×5, {c3[1]}", 5), c3[1]),
        (("max 3×3", f"1×1, {c4}", 3), c4),
    )
    out = [width for _, width in branches]
    with style():
        fig, ax = canvas(plt, 7.0, 3.75, 10.4, 5.5)
        ax.add_patch(Rectangle((0.2, middle - _TALL / 2), 0.7, _TALL, facecolor="white",
                               edgecolor=LINE, linewidth=0.9, zorder=3))  # fmt: skip
        ends = _stack(ax, 9.3, out)
        for y, ((first, second, size), _), colour, end in zip(
            heights, branches, _BRANCHES, ends
        ):
            _kernel(ax, 2.25, y, size, colour)
            arrow(ax, (0.9, y), (1.85, y))
            stop = 2.3
            if first:
                _box(ax, 4.0, y, first)
                arrow(ax, (stop, y), (3.38, y))
                stop = 4.62
            _box(ax, 6.3, y, second, colour)
            arrow(ax, (stop, y), (5.68, y))
            ax.plot((6.92, 8.1, 8.9), (y, y, end), color=LINE, linewidth=0.9,
                    linestyle="-", zorder=2)  # fmt: skip
            arrow(ax, (8.9, end), (9.28, end))
        text = {"ha": "center", "va": "center", "fontsize": TYPE}
        for x, words in ((0.55, "input"), (2.1, "reads"), (4.0, "first"),
                         (6.3, "then"), (9.65, "output")):  # fmt: skip
            ax.text(x, 5.15, words, **text)
        ax.text(9.3, 0.25, f"{sum(out)} channels", **text)
        ax.text(1.0, 0.25, f"{num_channels} channels", **text)
        alt = (
            f"An input of {num_channels} channels goes into four branches: a 1×1 "
            f"convolution to {c1} channels; a 1×1 to {c2[0]}, then a 3×3 to {c2[1]}; "
            f"a 1×1 to {c3[0]}, then a 5×5 to {c3[1]}; a 3×3 max pooling, then a 1×1 "
            f"to {c4}. Their channels are stacked into one output of {sum(out)}."
        )
        return picture(fig, alt)


# GoogLeNet: fills of layers, where a row begins, and from one box to the next.
_FILLS = {"layer": "#9ecae1", "pool": "#fdd0a2", "module": "#8fcbb8", "head": "#d9b8de"}
_LEFT, _NEXT, _SIZE = 1.75, 1.32, (1.08, 0.66)
_ROWS = (5.92, 4.78, 3.64, 1.62, 0.48)  # the heights of stem, 3a …, 4a …, 5a … and head


def _row(ax, y: float, words, fills) -> None:
    """Boxes from left to right, each with an arrow to the next."""
    for i, (text, fill) in enumerate(zip(words, fills)):
        x = _LEFT + _NEXT * i
        box(ax, x, y, text, _SIZE, _FILLS[fill], linewidth=0.9)
        if i:
            arrow(ax, (x - _NEXT + _SIZE[0] / 2, y), (x - _SIZE[0] / 2, y))


def _down(ax, last: int, start: float, end: float) -> None:
    """An arrow from the last box of a row to the first of the row below."""
    x, level = _LEFT + _NEXT * last, end + _SIZE[1] / 2 + 0.25
    ax.plot((x, x, _LEFT), (start - _SIZE[1] / 2, level, level), color=LINE,
            linewidth=1, linestyle="-", zorder=2)  # fmt: skip
    arrow(ax, (_LEFT, level), (_LEFT, end + _SIZE[1] / 2))


def _side(ax, column: int, y: float) -> None:
    """An auxiliary classifier below the module of this column."""
    x, middle = _LEFT + _NEXT * column, y - 0.92
    box(ax, x, middle, "auxiliary\nclassifier", (1.24, 0.66), "white", linewidth=0.9)
    arrow(ax, (x, y - _SIZE[1] / 2), (x, middle + 0.33), linestyle="--")


def googlenet_picture(modules: dict):
    """GoogLeNet from its stem to its head, each module by its name.

    Parameters
    ----------
    modules : dict
        From a module's name, of which the first letter says its row, to its widths as
        for `Inception`.

    Returns
    -------
    Picture

    Notes
    -----
    Table 1 and figure 3 of Szegedy et al., arXiv 1409.4842; drawn anew.
    """
    out = {name: c1 + c2[1] + c3[1] + c4 for name, (c1, c2, c3, c4) in modules.items()}
    stem = ("7×7\n64", "pool", "1×1\n64", "3×3\n192", "pool")
    head = ("GAP", "dropout", "dense\n1,000")
    rows = [(stem, ["pool" if words == "pool" else "layer" for words in stem])]
    for first in "345":
        words = [f"{n}\n{c:,}" for n, c in out.items() if n[0] == first]
        fills = ["module"] * len(words)
        pool = first != "5"
        rows.append((words + ["pool"] * pool, fills + ["pool"] * pool))
    rows.append((head, ["head"] * 3))
    with style():
        fig, ax = canvas(plt, 7.0, 4.3, 10.4, 6.4)
        for y, (words, fills) in zip(_ROWS, rows):
            _row(ax, y, words, fills)
        for (words, _), start, end in zip(rows, _ROWS, _ROWS[1:]):
            _down(ax, len(words) - 1, start, end)
        for column in (0, 3):  # after 4a and 4d
            _side(ax, column, _ROWS[2])
        for words, low, high in (("stem", *_ROWS[:1] * 2), ("body", *_ROWS[3:0:-2]),
                                 ("head", *_ROWS[-1:] * 2)):  # fmt: skip
            ax.plot((0.92, 0.92), (low - 0.33, high + 0.33), color=LINE, linewidth=2,
                    linestyle="-")  # fmt: skip
            ax.text(0.45, (low + high) / 2, words, **TEXT)
        for y, size in zip(_ROWS, ("224 to 28", "28×28", "14×14", "7×7", "1×1")):
            ax.text(9.75, y, size, **TEXT)
        modules_of = ", ".join(f"{name} to {count}" for name, count in out.items())
        alt = (
            "GoogLeNet. Stem: 7×7 to 64 channels, pool, 1×1 to 64, 3×3 to 192, pool. "
            f"Body: modules {modules_of} channels, with a pooling after 3b "
            "and 4e; an auxiliary classifier branches off after 4a and one after 4d. "
            "Head: GAP, dropout, a dense layer to 1,000."
        )
        return picture(fig, alt)
