"""Floor 3: one look for every picture of the course.

Each function returns a `Picture`: an SVG that is the same to the byte wherever it is
drawn, with a text for those who can't see it. Colours are Okabe and Ito's, which
colour-blind readers can tell apart; lines differ in dashes and boxes in lightness too.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
import struct
import time
import zlib
from contextlib import contextmanager
from functools import partial

import matplotlib
import numpy
from d2l import mxnet as d2l
from IPython.display import HTML, display
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from matplotlib.textpath import TextPath
from PIL import Image

from d2l_nin import training
from d2l_nin.cost import summary

__all__ = [
    "COLOURS",
    "Picture",
    "bench_chart",
    "confusion_matrix",
    "curves",
    "draw_nets",
    "image_grid",
    "ledger",
    "map_grid",
    "number_grids",
    "picture",
    "pixel_column",
    "scene_grid",
    "training_curves",
]

# Okabe and Ito's palette, from dark to light enough to differ in greyscale as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_HATCHES = ("", "///", "...", "xx")

_STYLE = {
    "svg.hashsalt": "d2l_nin",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS, linestyle=_DASHES),
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "gray",
    "image.interpolation": "none",
    "figure.facecolor": "white",
}


class Picture:
    """An SVG with alt text; a notebook shows it as an image.

    Attributes
    ----------
    svg, alt : str
    """

    def __init__(self, svg: str, alt: str):
        self.svg, self.alt = svg, alt

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        # As an <img>, not as <svg> in the page: the ids inside can't meet those of
        # other figures, and the alt text is where browsers and Jupyter look for it.
        data = base64.b64encode(self.svg.encode()).decode()
        alt = html.escape(self.alt)
        return {
            "text/html": f'<img alt="{alt}" src="data:image/svg+xml;base64,{data}">',
            "text/plain": self.alt,
        }

    def __repr__(self) -> str:
        return self.alt


@contextmanager
def _style():
    """The course's look for what is drawn inside, d2l's or the reader's outside."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        yield


def _png(pixels: numpy.ndarray) -> bytes:
    """An uncompressed PNG of bytes (H, W) or (H, W, 3).

    Compression differs between builds of zlib, and stored pictures are compared.
    """
    H, W = pixels.shape[:2]
    rows = numpy.concatenate(
        [numpy.zeros((H, 1), numpy.uint8), pixels.reshape(H, -1)], axis=1
    ).tobytes()
    stream = b"\x78\x01"
    for i in range(0, len(rows), 65535):
        block = rows[i : i + 65535]
        last = i + 65535 >= len(rows)
        stream += struct.pack("<BHH", last, len(block), 65535 - len(block)) + block
    stream += struct.pack(">I", zlib.adler32(rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    colour_type = 0 if pixels.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", W, H, 8, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", stream)
        + chunk(b"IEND", b"")
    )


def _store_again(match: re.Match) -> str:
    """An embedded PNG without compression, in grey where it is grey."""
    raw = base64.b64decode(re.sub(r"\s", "", match.group(1)))
    pixels = numpy.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return "data:image/png;base64," + base64.b64encode(_png(pixels)).decode()


def picture(fig: plt.Figure, alt: str) -> Picture:
    """Turn a matplotlib figure into a `Picture`, in the course's look.

    Parameters
    ----------
    fig : matplotlib Figure
    alt : str
        What it shows, for those who can't see it.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        `alt` says nothing.
    """
    if not alt.strip():
        raise ValueError("alt: expected a sentence that says what the figure shows")
    out = io.StringIO()
    with _style():
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    svg = out.getvalue()
    svg = re.sub(r"data:image/png;base64,([^\"']+)", _store_again, svg)
    return Picture(svg[svg.index("<svg") :], alt)


def _numpy(values) -> numpy.ndarray:
    return values.asnumpy() if hasattr(values, "asnumpy") else numpy.asarray(values)


# --- images and maps ------------------------------------------------------------


def image_grid(images, titles=None, *, alt: str, num_cols: int = 10, scale=1.05):
    """Images (N, H, W) or (N, 1, H, W) in grey, or (N, H, W, 3) in colour, as they are.

    Parameters
    ----------
    images : array
    titles : list of str, optional
        One line or two above each image.
    alt : str
    num_cols : int
    scale : float
        Inches an image.

    Returns
    -------
    Picture
    """
    images = _numpy(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        images = images.reshape(-1, *images.shape[-2:])
    num_rows = -(-len(images) // num_cols)
    if num_rows * num_cols == 1:  # d2l's show_images wants at least two places
        num_cols = 2
    with _style(), matplotlib.rc_context({"axes.titlesize": 10, "axes.grid": False}):
        axes = d2l.show_images(images, num_rows, num_cols, titles, scale=scale)
        for ax in axes[len(images) :]:
            ax.axis("off")
        fig = axes[0].figure
        fig.set_layout_engine("constrained")
        return picture(fig, alt)


def map_grid(maps, titles, *, alt: str, image=None, num_cols: int = 5, label="score"):
    """Maps (K, H, W) on one colour scale, from dark (low) to light (high).

    Parameters
    ----------
    maps : array (K, H, W)
    titles : list of str
    alt : str
    image : array (H', W'), optional
        Shown first, so that the maps can be compared with it.
    num_cols : int
    label : str
        What the colour scale measures.

    Returns
    -------
    Picture
    """
    maps = _numpy(maps)
    shown = [None, *maps] if image is not None else list(maps)
    names = ["input", *titles] if image is not None else list(titles)
    num_rows = -(-len(shown) // num_cols)
    height, width = (maps[0] if image is None else _numpy(image)).shape
    over_all = (0, width, height, 0)  # a map's pixels lie where they are in the input
    aspect = max(width / height, 1)
    panel = min(1.35 * aspect, 5)  # inches
    with _style(), matplotlib.rc_context({"axes.titlesize": 9, "axes.grid": False}):
        fig, axes = plt.subplots(
            num_rows, num_cols, squeeze=False, layout="constrained",
            figsize=(panel * num_cols + 0.8, (panel / aspect + 0.15) * num_rows),
        )  # fmt: skip
        for ax in axes.flat:
            ax.axis("off")
        for ax, values, name in zip(axes.flat, shown, names):
            ax.set_title(name)
            if values is None:
                ax.imshow(_numpy(image))
            else:
                drawn = ax.imshow(
                    values, cmap="cividis", vmin=maps.min(), vmax=maps.max(),
                    extent=over_all,
                )  # fmt: skip
        fig.colorbar(drawn, ax=axes, label=label, shrink=0.8)
        return picture(fig, alt)


def scene_grid(scenes, titles, boxes=None, points=None, *, alt: str, num_cols=5):
    """Scenes with the box of the garment to be found, and what a net found.

    Parameters
    ----------
    scenes : Scenes
    titles : list of str
    boxes : int array (N, 4), optional
        Found boxes (top, left, bottom, right), dashed.
    points : int array (N, 2), optional
        Found points (row, column), crosses.
    alt : str
    num_cols : int

    Returns
    -------
    Picture
    """
    num_rows = -(-len(scenes) // num_cols)
    outlined = [patheffects.withStroke(linewidth=3.5, foreground="black")]
    with _style(), matplotlib.rc_context({"axes.titlesize": 9, "axes.grid": False}):
        fig, axes = plt.subplots(
            num_rows, num_cols, figsize=(1.75 * num_cols, 2.0 * num_rows + 0.3),
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax in axes.flat:
            ax.axis("off")
        for n, ax in enumerate(axes.flat[: len(scenes)]):
            ax.imshow(scenes.images[n], vmin=0, vmax=255)
            ax.set_title(titles[n])
            marks = [("where it is", scenes.boxes[n], COLOURS[5], "-")]
            if boxes is not None:
                marks.append(("box from the map", boxes[n], COLOURS[4], "--"))
            for label, (top, left, bottom, right), colour, dash in marks:
                corner, sides = (left - 0.5, top - 0.5), (right - left, bottom - top)
                ax.add_patch(
                    Rectangle(corner, *sides, fill=False, edgecolor=colour, label=label,
                              linestyle=dash, linewidth=1.8, path_effects=outlined)
                )  # fmt: skip
            if points is not None:
                i, j = points[n]
                ax.plot(j, i, "x", color="white", markersize=8, markeredgewidth=2,
                        path_effects=outlined, label="highest point")  # fmt: skip
        handles = axes[0, 0].get_legend_handles_labels()
        fig.legend(*handles, loc="outside lower center", ncols=3)
        return picture(fig, alt)


def confusion_matrix(counts, classes, *, alt: str):
    """Counts (true class, predicted class), shaded by their share of the row.

    Up to twenty classes the counts are written in their places.
    """
    counts, few = _numpy(counts), len(classes) <= 20
    share = counts / counts.sum(1, keepdims=True).clip(1)
    with _style(), matplotlib.rc_context({"axes.grid": False}):
        size = (5.6, 4.7) if few else (6.6, 5.6)  # inches
        fig, ax = plt.subplots(figsize=size, layout="constrained")
        drawn = ax.imshow(share, cmap="cividis", vmin=0, vmax=1)
        ax.set_xticks(range(len(classes)), classes)
        ax.set_yticks(range(len(classes)), classes)
        if few:
            for i, j in numpy.ndindex(*counts.shape):
                colour = "black" if share[i, j] > 0.5 else "white"
                ax.text(j, i, f"{counts[i, j]}", ha="center", va="center",
                        color=colour, fontsize=8)  # fmt: skip
            plt.setp(ax.get_xticklabels(), rotation=45, ha="right")
        else:
            ax.tick_params(labelsize=6)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        fig.colorbar(drawn, label="share of the true class", shrink=0.8)
        return picture(fig, alt)


# --- curves and bars ------------------------------------------------------------


def _check_count(name: str, shown, looks: tuple) -> None:
    """Refuse more lines or parts than there are looks; they would be left out."""
    if len(shown) > len(looks):
        raise ValueError(
            f"{name}: expected at most {len(looks)}, which can be told apart, got "
            f"{len(shown)}: {', '.join(map(str, shown))}. Make two pictures of it."
        )


def curves(
    series: dict,
    *,
    xlabel: str,
    ylabel: str,
    alt: str,
    ylim=None,
    title=None,
    right=None,
    log=False,
):
    """Lines in one panel or several, with a band where there is a range.

    Parameters
    ----------
    series : dict
        From a line's name to (x, y), or to (x, low, y, high) for one with a band; or
        from a panel's title to such a dict. If x is a range, only whole numbers are
        marked on its axis.
    xlabel, ylabel : str
        With units.
    alt : str
    ylim : (float, float), optional
    right : (str, float), optional
        A second scale on the right of one panel: its label, and how much of its unit
        is one unit of `ylabel`.
    log : bool
        A logarithmic scale upwards.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        A panel has more lines than there are markers to tell them apart.
    """
    if not isinstance(next(iter(series.values())), dict):
        series = {title or "": series}
    for panel, lines in series.items():
        _check_count(f"series, panel {panel!r}" if panel else "series", lines, _MARKERS)
    with _style():
        fig, axes = plt.subplots(
            1, len(series), figsize=(max(5.4, 4.3 * len(series)), 3.3), sharey=True,
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax, (panel, lines) in zip(axes[0], series.items()):
            for (name, (x, *ys)), marker in zip(lines.items(), _MARKERS):
                mark = marker if len(x) <= 12 else None
                (line,) = ax.plot(x, ys[len(ys) // 2], marker=mark, label=name)
                if len(ys) == 3:
                    ax.fill_between(x, ys[0], ys[2], alpha=0.2, color=line.get_color(),
                                    linewidth=0)  # fmt: skip
                if isinstance(x, range):
                    ax.xaxis.set_major_locator(
                        matplotlib.ticker.MaxNLocator(integer=True)
                    )
            ax.set_title(panel)
            ax.set_xlabel(xlabel)
        axes[0, 0].set_ylabel(ylabel)
        if log:
            axes[0, 0].set_yscale("log")
        if ylim is not None:
            axes[0, 0].set_ylim(*ylim)
        if right is not None:
            label, factor = right
            there, back = (lambda y: y * factor), (lambda y: y / factor)
            axes[0, -1].secondary_yaxis("right", functions=(there, back)).set_ylabel(
                label
            )
            axes[0, -1].spines["right"].set_visible(True)
        # Below the panels, where no line can run through it.
        names = [tuple(lines) for lines in series.values()]
        alike = len(set(names)) == 1
        for ax, lines in zip(axes[0], series.values()):
            if not alike and len(lines) > 1:
                ax.legend()
        if alike and len(names[0]) > 1:
            handles = axes[0, 0].get_legend_handles_labels()
            fits = sum(map(len, names[0])) + 8 * len(names[0]) < 80 * len(series)
            fig.legend(*handles, loc="outside lower center",
                       ncols=len(names[0]) if fits else 2)  # fmt: skip
        return picture(fig, alt)


def _smooth(losses, width: int) -> tuple:
    """Means over `width` neighbours, and the steps in their middle, from 1."""
    width = max(1, min(width, len(losses)))
    means = numpy.convolve(losses, numpy.ones(width) / width, mode="valid")
    return numpy.arange(len(means)) + (width + 1) / 2, means


def _draw_training(axes, history, num_steps=None) -> None:
    """The loss by step into the first of `axes`, accuracy by epoch into the second."""
    steps = numpy.arange(1, len(history.losses) + 1)
    axes[0].plot(steps, history.losses, color="#bbbbbb", linewidth=0.7, linestyle="-",
                 label="one batch")  # fmt: skip
    axes[0].plot(*_smooth(history.losses, 25), color=COLOURS[0], linestyle="-",
                 label="mean of 25 batches")  # fmt: skip
    axes[0].set(xlabel="step (batches)", ylabel="training loss (nats)", ylim=(0, None))
    axes[0].set_xlim(0, num_steps)
    axes[0].legend()
    epochs = [row["epoch"] for row in history.epochs]
    for name, label, colour, dash, marker in (
        ("train_acc", "training, while learning", COLOURS[1], "--", "s"),
        ("test_acc", "held-out images", COLOURS[0], "-", "o"),
    ):
        values = [row[name] for row in history.epochs if name in row]
        if values:
            axes[1].plot(epochs, values, color=colour, linestyle=dash, marker=marker,
                         label=label)  # fmt: skip
            axes[1].legend(loc="lower right")
    axes[1].set(xlabel="epoch", ylabel="accuracy (share of images)")
    axes[1].set_xlim(0.8, max(2, *epochs, 0) + 0.2)
    axes[1].xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))


def training_curves(history, *, alt: str | None = None):
    """The loss by step and the accuracy by epoch of one run of `fit`."""
    with _style():
        fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), layout="constrained")
        _draw_training(axes, history)
        last = history.epochs[-1]
        alt = alt or (
            f"Two curves. Left, the training loss over {len(history.losses)} steps "
            f"falls to {last['train_loss']:.2f} in the last epoch. Right, accuracy "
            f"over {len(history.epochs)} epochs."
        )
        return picture(fig, alt)


class LiveCurve:
    """The curves of a run, redrawn in place while it goes on.

    Parameters
    ----------
    num_steps : int
    seconds_between : float
        Drawing takes time from training, so it is done no more often than that.
    """

    def __init__(self, num_steps: int, seconds_between: float = 2.0):
        self.num_steps, self.seconds_between = num_steps, seconds_between
        self.start = self.drawn = time.perf_counter()
        self.handle = None  # nothing is shown of a run that is over sooner

    def update(self, history) -> None:
        now = time.perf_counter()
        if now - self.drawn < self.seconds_between:
            return
        done = len(history.losses)
        self.drawn = now
        left = (now - self.start) * (self.num_steps - done) / max(done, 1)
        with _style():
            fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), layout="constrained")
            _draw_training(axes, history, self.num_steps)
            text = f"step {done} of {self.num_steps}, about {left:.0f} s left"
            fig.suptitle(text, fontsize=10)
            shown = picture(fig, text)
        if self.handle is None:
            self.handle = display(shown, display_id=True)
        else:
            self.handle.update(shown)

    def close(self) -> None:
        """Leave nothing behind: the chapter itself shows what the run gave."""
        if self.handle is not None:
            self.handle.update(HTML(""))


training.live_view = LiveCurve


def ledger(nets: dict, *, xlabel: str, alt: str, unit=1e6, text="{:.1f} M"):
    """Stacked bars, one for each net: how a total divides into parts.

    Parameters
    ----------
    nets : dict
        From a net's name to a dict from a part's name to its size.
    xlabel : str
    alt : str
    unit : float
        Sizes are divided by it.
    text : str
        The format of a bar's total.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        There are more parts than hatches to tell them apart.
    """
    parts = list(dict.fromkeys(part for bars in nets.values() for part in bars))
    _check_count("nets, parts of all bars", parts, _HATCHES)
    with _style():
        fig, ax = plt.subplots(
            figsize=(7.6, 0.5 * len(nets) + 1.3), layout="constrained"
        )
        left = numpy.zeros(len(nets))
        for part, colour, hatch in zip(parts, COLOURS, _HATCHES):
            sizes = numpy.array([bars.get(part, 0) / unit for bars in nets.values()])
            ax.barh(list(nets), sizes, left=left, color=colour, hatch=hatch, label=part,
                    edgecolor="white", linewidth=0.5)  # fmt: skip
            left += sizes
        for i, total in enumerate(left):
            ax.text(total + left.max() * 0.01, i, text.format(total), va="center")
        ax.set_xlim(0, left.max() * 1.12)
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(xlabel)
        ax.legend(loc="lower right")
        return picture(fig, alt)


def bench_chart(speed: dict, growth: dict, *, alt: str):
    """Bars of images a second with their range, and time against MACs beside them.

    Parameters
    ----------
    speed : dict
        From a contestant to (low, median, high), in images a second.
    growth : dict
        From what grows to (MACs of all images, seconds), two lists.
    alt : str

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        More grows than there are markers to tell apart.
    """
    _check_count("growth", growth, _MARKERS)
    with _style():
        fig, (left, right) = plt.subplots(
            1, 2, figsize=(10.2, 3.4), layout="constrained", width_ratios=(1.25, 1)
        )
        low, middle, high = (numpy.array(each) for each in zip(*speed.values()))
        left.barh(
            list(speed),
            middle,
            xerr=(middle - low, high - middle),
            color=COLOURS[5],
            edgecolor="black",
            linewidth=0.6,
            capsize=3,
        )
        left.invert_yaxis()
        left.grid(axis="y", visible=False)
        left.set_xlabel("images a second (median and range)")
        for (name, (macs, seconds)), marker in zip(growth.items(), _MARKERS):
            right.plot(macs, seconds, marker=marker, label=name)
        right.set(
            xscale="log",
            yscale="log",
            xlabel="MACs of one forward pass over all images",
            ylabel="training time (seconds)",
        )
        right.legend()
        return picture(fig, alt)


# --- arrays as diagrams -----------------------------------------------------------


def _draw_numbers(ax, x: float, y: float, values, marked, title: str) -> None:
    """A matrix as cells with numbers, its upper left corner at (x, y)."""
    values = numpy.atleast_2d(_numpy(values))
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
            fontsize=9)  # fmt: skip


_MARKED = "#fdd0a2"


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
    with _style():
        fig, ax = plt.subplots(layout="constrained")
        y = right = 0.0
        for row in rows:
            arrays = [numpy.atleast_2d(_numpy(e[1])) for e in row if len(e) == 2]
            height = max(len(array) for array in arrays)
            x = 0.0
            for entry in row:
                if len(entry) != 2:
                    ax.text(x + 0.25, y - height / 2, entry, ha="center", va="center",
                            fontsize=14)  # fmt: skip
                    x += 0.5 + gap
                    continue
                title, values = entry
                values = numpy.atleast_2d(_numpy(values))
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
    X, K, Y = (_numpy(values) for values in (X, K, Y))
    column, step = X[:, position[0], position[1]], 0.42 * X.shape[2] + 1.6
    terms = " + ".join(f"{_signed(w)}·{_signed(x)}" for w, x in zip(K, column))
    equation = f"{terms} = {Y[position]:g}"
    with _style():
        fig, ax = plt.subplots(layout="constrained")
        below = -X.shape[1] - 0.25
        text = {"ha": "center", "va": "top", "fontsize": 9}
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


# --- nets as diagrams -----------------------------------------------------------

# Fill by kind of layer; the lightness differs, so that it shows in greyscale.
_FILL = {
    "Conv": "#9ecae1",
    "Max": "#fdd0a2",
    "Average": "#fdd0a2",
    "Global": "#f0a050",
    "Dense": "#b889c0",
    "Inception,": "#5fae9a",
    "Residual,": "#5fae9a",
    "Bottleneck,": "#5fae9a",
}


# Of diagrams, in inches but for the type, which is in points.
_GAP, _TEXT = 0.34, 9
# What cuts off what leaves the axes is named in the SVG after the last digits of where
# they are, which differ from one process to the next.
_UNCUT = {"clip_on": False}


def _fill(name: str) -> str:
    return _FILL.get(name.split()[0], "#f2f2f2")


def _lines(name: str) -> list[str]:
    """A block's name as the lines of a box: 'Conv 3×3, 64 · 1×1, 64' is two."""
    first, *others = name.split(" · ")
    return [first, *(f"Conv {other}" for other in others)]


def _boxes(net, input_shape, by_block: bool) -> list[tuple]:
    """(layer, indices of the boxes it reads, rank) for each box of a diagram.

    Dropout is left out: whoever read it reads what it read. The rank is the number of
    boxes in front, along the longest way; the input of the net is box -1.
    """
    table = summary(net, input_shape)
    table = table.by_block() if by_block else table
    boxes: list[tuple] = []
    box_of = {-1: -1}
    for i, layer in enumerate(table.layers):
        sources = [box_of[j] for j in layer.inputs]
        if layer.name.startswith("Dropout"):
            box_of[i] = sources[0]
            continue
        rank = 1 + max((boxes[j][2] for j in sources if j >= 0), default=-1)
        box_of[i] = len(boxes)
        boxes.append((layer, sources, rank))
    return boxes


def _lanes(boxes: list[tuple]) -> dict[int, float]:
    """Where each box stands from left to right, in widths of a box; 0: the middle.

    Where a way forks, each branch gets a lane of its own and keeps it; where branches
    meet, the way goes on in the lane in which it forked.
    """
    ancestors: dict[int, set] = {-1: {-1}}
    rank_of = {-1: -1, **{i: rank for i, (*_, rank) in enumerate(boxes)}}
    for i, (_, sources, _) in enumerate(boxes):
        ancestors[i] = {i}.union(*(ancestors[j] for j in sources))
    lanes = {-1: 0.0}
    for i, (_, sources, _) in enumerate(boxes):
        if len(sources) > 1:
            common = set.intersection(*(ancestors[j] for j in sources))
            lanes[i] = lanes[max(common, key=rank_of.get)]
            continue
        source = sources[0]
        branches = [k for k, (_, s, _) in enumerate(boxes) if s == [source]]
        offset = branches.index(i) - (len(branches) - 1) / 2
        lanes[i] = lanes[source] + offset
    return lanes


def _draw_way(ax, way: list) -> None:
    """A line through all points of `way`; its last part is an arrow."""
    line = {"color": "#555555", "linewidth": 0.9}
    if len(way) > 2:
        ax.plot(*zip(*way[:-1]), linestyle="-", **_UNCUT, **line)
    arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **line}
    ax.annotate("", way[-1], way[-2], arrowprops=arrow)


def _connect(ax, start, end, side: float | None) -> None:
    """An arrow from one box to another: down its lane, then across the last gap.

    With `side` it goes round the boxes between, at that x.
    """
    (x0, y0), (_, y1) = start, end
    if y0 - y1 <= _GAP * 1.01:  # to the next row one straight line will do
        _draw_way(ax, [start, end])
    elif side is None:
        _draw_way(ax, [start, (x0, y1 + _GAP), end])
    else:
        _draw_way(ax, [start, (side, y0 - 0.6 * _GAP), (side, y1 + 0.7 * _GAP), end])


def _is_chain(boxes: list[tuple]) -> bool:
    """Whether each box reads the one before it, and nothing else."""
    return all(sources == [i - 1] for i, (_, sources, _) in enumerate(boxes))


def _columns(boxes: list[tuple], tallest: float) -> list[list[int]]:
    """The boxes of each column: one, or more if a chain of boxes is too tall."""
    everything = list(range(len(boxes)))
    ends = numpy.cumsum([_box_height(layer) + _GAP for layer, *_ in boxes])
    num_columns = math.ceil(ends[-1] / tallest) if _is_chain(boxes) else 1
    column_of = numpy.ceil(ends / ends[-1] * num_columns - 1e-9)
    return [[i for i in everything if column_of[i] == c + 1]
            for c in range(num_columns)]  # fmt: skip


def _draw_box(ax, layer, x: float, y: float, width: float) -> float:
    """A layer's box with its top at y, and its shape below; returns its bottom."""
    lines = _lines(layer.name)
    height = _box_height(layer)
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            linewidth=0.8,
            edgecolor="#333333",
            facecolor=_fill(layer.name),
            **_UNCUT,
        )
    )
    centred = {"ha": "center", "va": "center"}
    ax.text(x, y - height / 2, "\n".join(lines), fontsize=_TEXT, **centred)
    below = {"ha": "left", "va": "top", "fontsize": 8, "color": "#333333"}
    ax.text(x + 0.09, y - height - 0.03, _shape_text(layer.shape), **below)
    return y - height


def _box_height(layer) -> float:
    return 0.1 + 0.15 * len(_lines(layer.name))


def _width_of(layers) -> float:
    """Of boxes that hold the names of all `layers` and have room for shapes below."""
    texts = [line for layer in layers for line in _lines(layer.name)]
    names = max(TextPath((0, 0), text, size=_TEXT).get_extents().width
                for text in texts)  # fmt: skip
    shapes = max(TextPath((0, 0), _shape_text(layer.shape), size=8).get_extents().width
                 for layer in layers)  # fmt: skip
    return max(names / 72 + 0.2, 2 * shapes / 72 + 0.2)


def _size_on_a_slide(nets: list, tallest: float) -> float:
    """How large diagrams with columns of at most `tallest` inches can be shown.

    The share of a slide's height that an inch gets; a slide is twice as wide as tall.
    """
    width, height = 0, 0
    for boxes in nets:
        columns = _columns(boxes, tallest)
        width += len(columns) * (_width_of([layer for layer, *_ in boxes]) + 0.35)
        for column in columns:
            inches = sum(_box_height(boxes[i][0]) + _GAP for i in column)
            height = max(height, inches + 0.9)
    return min(2 / width, 1 / height)


def _draw_net(ax, title: str, boxes: list, input_shape, tallest: float) -> str:
    """Boxes from top to bottom into `ax`; returns the diagram as a sentence.

    A chain that is too tall goes on at the top of another column.
    """
    width = _width_of([layer for layer, *_ in boxes])
    lanes = _lanes(boxes)
    ax.text(0, 0, f"input {_shape_text(input_shape)}", ha="center", va="center")
    middles = {i: lane * (width + 0.25) for i, lane in lanes.items()}
    columns = _columns(boxes, tallest)
    for c, members in enumerate(columns):
        middles.update({i: c * (width + 0.35) for i in members if c})
    ranks = {-1: -1, **{i: rank for i, (*_, rank) in enumerate(boxes)}}
    tops_of_columns = {members[0] for members in columns[1:]}
    bottoms, start = {-1: -0.14}, -0.14
    y, lowest, right = start, start, max(middles.values()) + width / 2
    for rank in range(1 + max(ranks.values())):
        members = [i for i in ranks if ranks[i] == rank]
        y -= _GAP
        if tops_of_columns.intersection(members):
            y = start - _GAP
        for i in members:
            layer, sources, _ = boxes[i]
            x = middles[i]
            bottoms[i] = _draw_box(ax, layer, x, y, width)
            for j in sources:
                end, side = (x, y), None
                if i in tops_of_columns:
                    _connect_columns(ax, (middles[j], bottoms[j]), end, width)
                    continue
                if rank - ranks[j] > 1 and middles[j] == x:  # boxes stand between
                    side = x + width / 2 + 0.3
                    right = max(right, side)
                _connect(ax, (middles[j], bottoms[j]), end, side)
        y = min(bottoms[i] for i in members)
        lowest = min(lowest, y)
    left = min(middles.values()) - width / 2
    if len(columns) == 1:
        left, right = min(left, -right), max(right, -left)
    ax.set_xlim(left - 0.1, right + 0.1)
    ax.set_ylim(lowest - 0.3, 0.3)
    ax.set_title(title)
    ax.axis("off")
    return f"{title}: input {_shape_text(input_shape)}; {_steps(boxes)}."


def _steps(boxes: list[tuple]) -> str:
    """A diagram's boxes in words; where ways fork or meet, each with what it reads."""
    if _is_chain(boxes):
        return "; ".join(f"{b.name}, to {_shape_text(b.shape)}" for b, *_ in boxes)
    steps = []
    for i, (layer, sources, _) in enumerate(boxes, start=1):
        read = " and ".join("the input" if j < 0 else f"({j + 1})" for j in sources)
        steps.append(f"({i}) {layer.name} of {read}, to {_shape_text(layer.shape)}")
    return "; ".join(steps)


def _connect_columns(ax, start, end, width: float) -> None:
    """An arrow from the foot of a column to the top of the next."""
    (x0, y0), (x1, y1) = start, end
    between = x1 - width / 2 - 0.175
    way = [start, (x0, y0 - 0.24), (between, y0 - 0.24), (between, y1 + 0.2),
           (x1, y1 + 0.2), end]  # fmt: skip
    _draw_way(ax, way)


def _shape_text(shape) -> str:
    """(1, 96, 54, 54) without the batch: '96 × 54 × 54'."""
    return " × ".join(map(str, shape[1:]))


def draw_nets(nets: dict, *, by_block: bool = True, alt: str | None = None):
    """Nets as diagrams side by side, each box a layer with the shape it makes.

    The boxes come from the graph of the net itself, so they can't differ from it. A
    long chain is broken into columns, so that all can be read on a slide.

    Parameters
    ----------
    nets : dict
        From a title to (net, input_shape).
    by_block : bool
        One box for each child of the net, or for each of its layers.
    alt : str, optional
        Instead of the sentence made from the diagram.

    Returns
    -------
    Picture
    """
    drawn = [_boxes(net, shape, by_block) for net, shape in nets.values()]
    # Of heights that do as well, the tallest: it breaks nothing without need.
    tallest = max(range(15, 2, -1), key=partial(_size_on_a_slide, drawn))
    with _style():
        fig, axes = plt.subplots(1, len(nets), squeeze=False, layout="constrained")
        texts, widths, heights = [], [], []
        for ax, boxes, (title, (_, shape)) in zip(axes[0], drawn, nets.items()):
            texts.append(_draw_net(ax, title, boxes, shape, tallest))
            widths.append(numpy.ptp(ax.get_xlim()))
            heights.append(numpy.ptp(ax.get_ylim()))
        if len(set(widths)) > 1:
            axes[0, 0].get_gridspec().set_width_ratios(widths)
        for ax in axes[0]:  # one scale for all, tops level
            ax.set_ylim(0.3 - max(heights), 0.3)
            ax.set_aspect("equal", anchor="N")
        scale = 0.95
        fig.set_size_inches(scale * sum(widths), scale * max(heights) + 0.35)
        return picture(fig, alt or " ".join(texts))
