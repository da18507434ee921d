"""Figures in words: alternative texts where the data say what is to be seen."""

from __future__ import annotations

import numpy

__all__ = [
    "of_confusions",
    "of_fields",
    "of_grid",
    "of_lines",
    "of_matrices",
]


def _short(value) -> str:
    return f"{float(value):.3g}"


def of_lines(series: dict, xlabel: str, ylabel: str, log: bool) -> str:
    """What lines do: both ends, and the highest or lowest point between them.

    Parameters
    ----------
    series : dict
        As of `curves`, with a name for each panel.
    """
    scale = ", on a logarithmic scale" if log else ""
    parts = [f"Lines of {ylabel} over {xlabel}{scale}."]
    for panel, lines in series.items():
        said = [f"{name} {_course_of(x, ys)}" for name, (x, *ys) in lines.items()]
        parts.append((f"{panel}: " if panel else "") + "; ".join(said) + ".")
    if any(len(line) == 4 for lines in series.values() for line in lines.values()):
        parts.append("Bands show the ranges.")
    return " ".join(parts)


def _course_of(x, ys) -> str:
    x, y = list(x), numpy.asarray(ys[len(ys) // 2], float)
    if len(y) == 1:
        return f"is {_short(y[0])} at {_short(x[0])}"
    text = (
        f"from {_short(y[0])} at {_short(x[0])} to {_short(y[-1])} at {_short(x[-1])}"
    )
    for word, at in (("highest", y.argmax()), ("lowest", y.argmin())):
        if 0 < at < len(y) - 1:
            text += f", {word} {_short(y[at])} at {_short(x[at])}"
    return text


def of_grid(what: str, titles) -> str:
    """A row of pictures by their titles."""
    said = "; ".join(" ".join(str(title).split()) for title in titles or ())
    return f"{what}: {said}." if said else f"{what}."


def of_matrices(rows, most: int = 60) -> str:
    """Matrices of numbers, read row by row; large ones by their shape."""
    said = []
    for entry in (entry for row in rows for entry in row):
        if len(entry) != 2:
            said.append(str(entry))
            continue
        title, values = entry[0], numpy.atleast_2d(numpy.asarray(entry[1], float))
        numbers = " / ".join(" ".join(f"{v:g}" for v in row) for row in values)
        shape = "×".join(map(str, values.shape))
        said.append(f"{title}: {numbers if values.size <= most else shape}")
    return f"Matrices of numbers. {'; '.join(said)}."


def of_confusions(share, classes, most: int = 4) -> str:
    """The most frequent errors.

    Parameters
    ----------
    share : array (K, K)
        Of the true class; the diagonal is NaN.
    """
    errors = numpy.nan_to_num(share)
    said = []
    for at in numpy.argsort(errors, axis=None)[::-1][:most]:
        i, j = numpy.unravel_index(at, errors.shape)
        if errors[i, j] > 0:
            said.append(f"{classes[i]} taken for {classes[j]} ({errors[i, j]:.0%})")
    worst = f" The most frequent: {', '.join(said)}." if said else " There are none."
    return f"Errors by true and predicted class of {len(classes)}.{worst}"


def of_fields(fields: dict, squares: dict) -> str:
    """Boxes over an image, by their rows and columns."""

    def said(boxes):
        return "; ".join(
            f"{name}, rows {top} to {bottom - 1}, columns {left} to {right - 1}"
            for name, (top, left, bottom, right) in boxes.items()
        )

    moved = ". ".join(f"{title}: {said(boxes)}" for title, boxes in squares.items())
    return (
        f"Left, an image with what positions of a map could see: {said(fields)}. "
        f"Beside it, how much each pixel moves one of them. {moved}."
    )
