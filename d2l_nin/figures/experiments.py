"""What was measured: every run a dot, and how a net's parameters are shared out."""

from __future__ import annotations

from statistics import median

from matplotlib import pyplot as plt

from d2l_nin.figures.picture import COLOURS, picture, style

__all__ = ["dot_plot", "shares_picture"]


def dot_plot(groups: dict, *, xlabel: str, reference=None, digits: int = 3, xlim=None):
    """Every run as a dot, one row for each variant, with its median and its range.

    Parameters
    ----------
    groups : dict
        From the name of a variant to the numbers of its runs.
    xlabel : str
        What the numbers are, with their unit.
    reference : (str, float), optional
        A dashed line, such as ("guessing", 0.1).
    digits : int
        Of the numbers in the alt text and beside the medians.
    xlim : (float, float), optional

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        There is no group, or one without a number.
    """
    if not groups or not all(len(values) for values in groups.values()):
        raise ValueError(f"groups: expected numbers in every group, got {groups}")
    with style():
        fig, ax = plt.subplots(
            figsize=(7.0, 0.5 * len(groups) + 1.1), layout="constrained"
        )
        for row, values in enumerate(groups.values()):
            low, middle, high = min(values), median(values), max(values)
            ax.plot([low, high], [row, row], color="#777777", linewidth=1.4,
                    linestyle="-", zorder=2)  # fmt: skip
            ax.plot(values, [row] * len(values), "o", color=COLOURS[0], markersize=6,
                    alpha=0.55, zorder=3)  # fmt: skip
            ax.plot([middle], [row], "|", color="black", markersize=19,
                    markeredgewidth=2.2, zorder=4)  # fmt: skip
            ax.annotate(f"{middle:.{digits}f}", (middle, row), (0, 12), ha="center",
                        textcoords="offset points")  # fmt: skip
        if reference is not None:
            name, at = reference
            ax.axvline(at, color="#555555", linestyle="--", linewidth=1.2, zorder=1)
            ax.annotate(name, (at, len(groups) - 0.45), (4, 0),
                        textcoords="offset points", va="bottom")  # fmt: skip
        ax.set_yticks(range(len(groups)), list(groups))
        ax.set_ylim(len(groups) - 0.4, -0.75)
        if xlim is not None:
            ax.set_xlim(*xlim)
        ax.grid(axis="y", visible=False)
        between = " " if len(xlabel) <= 32 else "\n"  # a long line would be cut off
        ax.set_xlabel(f"{xlabel}{between}(a dot: one run; bar and number: median)")
        rows = "; ".join(
            f"{name} {median(values):.{digits}f} "
            f"({min(values):.{digits}f} to {max(values):.{digits}f})"
            for name, values in groups.items()
        )
        count = len(next(iter(groups.values())))
        alt = f"Dot plot of {xlabel}, median and range of {count} runs: {rows}."
        return picture(fig, alt)


def shares_picture(parts: dict):
    """Which share of a net's parameters is in convolutions, which in dense layers.

    Parameters
    ----------
    parts : dict
        From a net's name to its parameters in (convolutions, dense layers).

    Returns
    -------
    Picture
    """
    kinds = (("convolutions", COLOURS[5]), ("dense layers", COLOURS[1]))
    with style():
        fig, ax = plt.subplots(
            figsize=(7.0, 0.55 * len(parts) + 1.2), layout="constrained"
        )
        for row, counts in enumerate(parts.values()):
            start = 0.0
            for count, (_, colour) in zip(counts, kinds):
                share = 100 * count / sum(counts)
                ax.barh(row, share, 0.6, start, color=colour, edgecolor="black",
                        linewidth=0.6)  # fmt: skip
                start += share
            ax.annotate(f"{share:.1f}%", (50, row), ha="center", va="center")
            ax.annotate(f"of {sum(counts):,}", (101, row), va="center")
        for name, colour in kinds:
            ax.barh(0, 0, color=colour, edgecolor="black", linewidth=0.6, label=name)
        ax.set_axisbelow(True)  # the grid
        ax.set_xlim(0, 128)
        ax.set_xticks(range(0, 101, 25))
        ax.set_yticks(range(len(parts)), list(parts))
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        ax.set_xlabel("share of all parameters, in %")
        fig.legend(loc="outside upper center", ncols=2)
        rows = "; ".join(
            f"{name} {dense / (convs + dense):.1%} of {convs + dense:,}"
            for name, (convs, dense) in parts.items()
        )
        return picture(fig, f"Share of all parameters in dense layers: {rows}.")
