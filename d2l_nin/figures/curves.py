"""Curves and bars, and the curve that is drawn while a net is trained."""

from __future__ import annotations

import time

import matplotlib
import numpy
from IPython.display import HTML, display
from matplotlib import pyplot as plt

from d2l_nin.figures import words
from d2l_nin.figures.picture import (
    COLOURS,
    MARKERS,
    check_count,
    picture,
    style,
)


def curves(
    series: dict,
    *,
    xlabel: str,
    ylabel: str,
    alt: str | None = None,
    ylim=None,
    title=None,
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
    alt : str, optional
        Without it the data are put into words.
    ylim : (float, float), optional
    log : bool or str
        A logarithmic scale upwards, or "both" ways.

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
        check_count(f"series, panel {panel!r}" if panel else "series", lines, MARKERS)
    with style():
        fig, axes = plt.subplots(
            1, len(series), figsize=(max(5.4, 3.5 * len(series)), 3.2), sharey=True,
            squeeze=False, layout="constrained",
        )  # fmt: skip
        for ax, (panel, lines) in zip(axes[0], series.items()):
            _draw_lines(ax, lines)
            ax.set_title(panel)
            ax.set_xlabel(xlabel)
        axes[0, 0].set_ylabel(ylabel)
        if log:
            axes[0, 0].set_yscale("log")
            axes[0, 0].yaxis.set_major_formatter("{x:g}")
        if log == "both":
            for ax in axes[0]:
                ax.set_xscale("log", base=2)
                ax.xaxis.set_major_formatter("{x:g}")
        if ylim is not None:
            axes[0, 0].set_ylim(*ylim)
        _add_legend(fig, axes[0], series)
        return picture(fig, alt or words.of_lines(series, xlabel, ylabel, log))


def _draw_lines(ax, lines: dict) -> None:
    for (name, (x, *ys)), marker in zip(lines.items(), MARKERS):
        mark = marker if len(x) <= 12 else None
        (line,) = ax.plot(x, ys[len(ys) // 2], marker=mark, label=name)
        if len(ys) == 3:
            ax.fill_between(x, ys[0], ys[2], alpha=0.2, color=line.get_color(),
                            linewidth=0)  # fmt: skip
        if isinstance(x, range):
            ax.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))


def _add_legend(fig, axes, series: dict) -> None:
    """Below the panels, where no line can run through it; in each if they differ."""
    names = [tuple(lines) for lines in series.values()]
    if len(set(names)) > 1:
        for ax, lines in zip(axes, series.values()):
            if len(lines) > 1:
                ax.legend()
    elif len(names[0]) > 1:
        handles = axes[0].get_legend_handles_labels()
        fits = sum(map(len, names[0])) + 8 * len(names[0]) < 80 * len(series)
        fig.legend(*handles, loc="outside lower center",
                   ncols=len(names[0]) if fits else 2)  # fmt: skip


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
    with style():
        fig, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), layout="constrained")
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
        with style():
            fig, axes = plt.subplots(1, 2, figsize=(7.0, 3.2), layout="constrained")
            _draw_training(axes, history, self.num_steps)
            text = f"step {done} of {self.num_steps}, about {left:.0f} s left"
            fig.suptitle(text, fontsize=10)
            shown = picture(fig, text, still=False)
        if self.handle is None:
            self.handle = display(shown, display_id=True)
        else:
            self.handle.update(shown)

    def close(self) -> None:
        """Leave nothing behind: the chapter itself shows what the run gave."""
        if self.handle is not None:
            self.handle.update(HTML(""))
