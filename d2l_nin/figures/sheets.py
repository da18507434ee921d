"""Channels as sheets seen from the side, one behind the other."""

from __future__ import annotations

from matplotlib.patches import Polygon, Rectangle

# What drawings of ideas share: lines, arrows, and type of at least 10.5 points, which
# is 14 px in a notebook and 24 px on a slide where the drawing is 7 inches wide.
LINE, FAINT, TYPE = "#333333", "#9a9a9a", 10.5
TEXT = {"ha": "center", "va": "center", "fontsize": TYPE, "linespacing": 1.15}
ARROW = {"arrowstyle": "-|>", "color": LINE, "shrinkA": 0, "shrinkB": 0, "linewidth": 1}


class Sheet:
    """A map of `size` (H, W) cells whose upper left corner is at (x, y).

    Rows go down; columns go to the right and back, so that sheets in a row look like a
    stack and a position can be followed through all of them.
    """

    def __init__(self, ax, x: float, y: float, size, cell: float = 0.36):
        self.ax, self.x, self.y, self.size, self.cell = ax, x, y, size, cell
        H, W = size
        self.fill((0, 0), size, "white", zorder=2)
        for i in range(1, H):
            self._line(self.at(i, 0), self.at(i, W))
        for j in range(1, W):
            self._line(self.at(0, j), self.at(H, j))

    def at(self, i: float, j: float) -> tuple[float, float]:
        """Where row `i` and column `j` begin."""
        return self.x + 0.5 * j * self.cell, self.y + (0.36 * j - i) * self.cell

    def corners(self, position, extent=(1, 1)) -> list[tuple[float, float]]:
        """The corners of some cells, from the upper left one clockwise."""
        (i, j), (h, w) = position, extent
        return [self.at(i, j), self.at(i, j + w), self.at(i + h, j + w),
                self.at(i + h, j)]  # fmt: skip

    def middle(self, position, extent=(1, 1)) -> tuple[float, float]:
        (i, j), (h, w) = position, extent
        return self.at(i + h / 2, j + w / 2)

    def fill(self, position, extent, colour: str, zorder=3, **look) -> None:
        look = {"edgecolor": LINE, "linewidth": 1, **look}
        self.ax.add_patch(Polygon(self.corners(position, extent), facecolor=colour,
                                  zorder=zorder, clip_on=False, **look))  # fmt: skip

    def _line(self, start, end) -> None:
        self.ax.plot(*zip(start, end), color="#c4c4c4", linewidth=0.6, linestyle="-",
                     zorder=2)  # fmt: skip


def arrow(ax, start, end, **look) -> None:
    """A straight arrow."""
    ax.annotate("", end, start, arrowprops={**ARROW, **look}, zorder=6)


def box(ax, x, y, words, size, colour, linewidth=1.0, zorder=4) -> None:
    """Words in a box of `size` (width, height), centred at (x, y)."""
    width, height = size
    ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height,
                           facecolor=colour, edgecolor=LINE, linewidth=linewidth,
                           zorder=zorder))  # fmt: skip
    ax.text(x, y, words, zorder=zorder + 1, **TEXT)


def canvas(plt, width: float, height: float, right: float, top: float):
    """A figure of inches `width` × `height` with one plain pane of `right` × `top`."""
    fig = plt.figure(figsize=(width, height))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, right)
    ax.set_ylim(0, top)
    ax.axis("off")
    return fig, ax
