"""Images, maps over them, scenes with boxes, and a confusion matrix."""

import matplotlib
import numpy
from d2l import mxnet as d2l
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from d2l_nin.datasets import text_labels
from d2l_nin.figures import words
from d2l_nin.figures.picture import COLOURS, as_numpy, picture, style


def image_grid(
    images,
    titles=None,
    *,
    alt=None,
    num_cols: int = 10,
    scale=1.05,
    limits=None,
    row_names=(),
):
    """Images (N, H, W) or (N, 1, H, W) in grey, or (N, H, W, 3) in colour, as they are.

    Parameters
    ----------
    images : array
    titles : list of str, optional
        One line or two above each image.
    alt : str, optional
        Without it the data are put into words.
    num_cols : int
    scale : float
        Inches an image.
    limits : (float, float), optional
        What is drawn black and white in all images; without it, each one's own.
    row_names : sequence of str
        Written at the left, one for each row from the top.

    Returns
    -------
    Picture
    """
    images = as_numpy(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        images = images.reshape(-1, *images.shape[-2:])
    num_rows = -(-len(images) // num_cols)
    if num_rows * num_cols == 1:  # d2l's show_images wants at least two places
        num_cols = 2
    with style(), matplotlib.rc_context({"axes.titlesize": 10, "axes.grid": False}):
        axes = d2l.show_images(images, num_rows, num_cols, titles, scale=scale)
        for ax in axes[len(images) :]:
            ax.axis("off")
        for ax in axes[: len(images)] if limits else ():
            ax.images[0].set_clim(*limits)
        for name, ax in zip(row_names, axes[::num_cols]):
            ax.text(-0.12, 0.5, name, ha="right", va="center", transform=ax.transAxes)
        fig = axes[0].figure
        fig.set_layout_engine("constrained")
        size = "×".join(map(str, images.shape[1:3]))
        what = f"{len(images)} images of {size} pixels"
        alt = alt or words.of_grid(what, row_names or titles)
        return picture(fig, alt, colours=256)


def map_grid(maps, titles, *, alt=None, image=None, num_cols: int = 5, label="score"):
    """Maps (K, H, W) on one colour scale, from dark (low) to light (high).

    Parameters
    ----------
    maps : array (K, H, W)
    titles : list of str
    alt : str, optional
        Without it the data are put into words.
    image : array (H', W'), optional
        Shown first, so that the maps can be compared with it.
    num_cols : int
    label : str
        What the colour scale measures.

    Returns
    -------
    Picture
    """
    maps = as_numpy(maps)
    shown = [None, *maps] if image is not None else list(maps)
    names = ["input", *titles] if image is not None else list(titles)
    num_rows = -(-len(shown) // num_cols)
    height, width = (maps[0] if image is None else as_numpy(image)).shape
    over_all = (0, width, height, 0)  # a map's pixels lie where they are in the input
    aspect = max(width / height, 1)
    panel = min(1.35 * aspect, 5)  # inches
    with style(), matplotlib.rc_context({"axes.titlesize": 9, "axes.grid": False}):
        fig, axes = plt.subplots(
            num_rows, num_cols, squeeze=False, layout="constrained",
            figsize=(panel * num_cols + 0.8, (panel / aspect + 0.15) * num_rows),
        )  # fmt: skip
        for ax in axes.flat:
            ax.axis("off")
        for ax, values, name in zip(axes.flat, shown, names):
            ax.set_title(name)
            if values is None:
                ax.imshow(as_numpy(image))
            else:
                drawn = ax.imshow(
                    values, cmap="cividis", vmin=maps.min(), vmax=maps.max(),
                    extent=over_all,
                )  # fmt: skip
        fig.colorbar(drawn, ax=axes, label=label, shrink=0.8)
        size = "×".join(map(str, maps.shape[1:]))
        highest = titles[int(maps.reshape(len(maps), -1).max(1).argmax())]
        highest = " ".join(highest.split())
        what = f"{len(maps)} maps of {size} positions, the highest value in {highest}"
        return picture(fig, alt or words.of_grid(what, names))


def scene_grid(scenes, titles=None, boxes=None, points=None, *, alt=None, num_cols=5):
    """Scenes with the box of the garment to be found, and what a net found.

    Parameters
    ----------
    scenes : Scenes
    titles : list of str, optional
        Without, the names of Fashion-MNIST's classes.
    boxes : int array (N, 4), optional
        Found boxes (top, left, bottom, right), dashed.
    points : int array (N, 2), optional
        Found points (row, column), crosses.
    alt : str, optional
        Without it the data are put into words.
    num_cols : int

    Returns
    -------
    Picture
    """
    titles = text_labels(scenes.labels) if titles is None else titles
    num_rows = -(-len(scenes) // num_cols)
    outlined = [patheffects.withStroke(linewidth=3.5, foreground="black")]
    with style(), matplotlib.rc_context({"axes.titlesize": 9, "axes.grid": False}):
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
        marks = ", ".join(handles[1])
        what = f"{len(scenes)} scenes with marks ({marks})"
        return picture(fig, alt or words.of_grid(what, titles))


def confusion_matrix(counts, classes, *, alt: str | None = None):
    """The errors among counts (true class, predicted class), as shares of the row.

    The diagonal is left blank and the colours go up to the largest error: right
    answers are many times as frequent and would hide it. Up to twenty classes all
    counts are written in their fields, the right ones too.

    Parameters
    ----------
    counts : int array (K, K)
    classes : sequence of str
    alt : str, optional
        Without it the data are put into words.

    Returns
    -------
    Picture
    """
    counts, few = as_numpy(counts), len(classes) <= 20
    share = counts / counts.sum(1, keepdims=True).clip(1)
    numpy.fill_diagonal(share, numpy.nan)
    largest = max(numpy.nanmax(share), 1e-9)
    with style(), matplotlib.rc_context({"axes.grid": False}):
        size = (5.6, 4.7) if few else (8.2, 7.2)  # inches
        fig, ax = plt.subplots(figsize=size, layout="constrained")
        colours = matplotlib.colormaps["cividis"].with_extremes(bad="white")
        drawn = ax.imshow(share, cmap=colours, vmin=0, vmax=largest)
        ax.set_xticks(range(len(classes)), classes)
        ax.set_yticks(range(len(classes)), classes)
        if few:
            for i, j in numpy.ndindex(*counts.shape):
                pale = i == j or share[i, j] > largest / 2
                ax.text(j, i, f"{counts[i, j]}", ha="center", va="center",
                        color="black" if pale else "white", fontsize=8)  # fmt: skip
            plt.setp(ax.get_xticklabels(), rotation=45, ha="right")
        else:
            ax.tick_params(labelsize=8, length=2)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        fig.colorbar(drawn, label="errors, share of the true class", shrink=0.8)
        return picture(fig, alt or words.of_confusions(share, classes))
