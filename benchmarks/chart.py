"""What the bench found, as one picture."""

from __future__ import annotations

import numpy
from matplotlib import pyplot as plt

from benchmarks.table import spread
from d2l_nin.figures.picture import COLOURS, MARKERS, check_count, picture, style

__all__ = ["bench_chart", "bench_picture"]


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
    check_count("growth", growth, MARKERS)
    with style():
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
        for (name, (macs, seconds)), marker in zip(growth.items(), MARKERS):
            right.plot(macs, seconds, marker=marker, label=name)
        right.set(
            xscale="log",
            yscale="log",
            xlabel="MACs of one forward pass over all images",
            ylabel="training time (seconds)",
        )
        right.legend()
        return picture(fig, alt)


def bench_picture(found: dict):
    """The chart of what `bench` found."""
    speed = {}
    for name, runs in found["loops"].items():
        figures = spread(run["images_per_second"] for run in runs)
        speed[name] = figures["low"], figures["median"], figures["high"]
    growth = {
        what: ([row["macs"] * row["images"] for row in rows],
               [row["seconds"] for row in rows])
        for what, rows in found["growth"].items()
    }  # fmt: skip
    text = ", ".join(f"{name} {each[1]:,.0f}" for name, each in speed.items())
    return bench_chart(
        speed, growth,
        alt=f"Bars of images a second: {text}. Beside them training time against MACs.",
    )  # fmt: skip
