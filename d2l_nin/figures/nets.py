"""Nets as diagrams, drawn from the graph of the net itself."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache, partial

import numpy
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextPath

from d2l_nin.cost import summary
from d2l_nin.figures.picture import picture, style

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
# How far above a row ways run from lane to lane: below the labels of the row before.
_ACROSS = 0.11
# What cuts off what leaves the axes is named in the SVG after the last digits of where
# they are, which differ from one process to the next.
_UNCUT = {"clip_on": False}


def _fill(name: str) -> str:
    kind = _lines(name)[0].rpartition(": ")[2].split()[0]
    return _FILL.get(kind, "#f2f2f2")


def _lines(name: str) -> list[str]:
    """A block's name as the lines of a box: 'Conv 3×3, 64 · 1×1, 64' is two."""
    first, *others = name.split(" · ")
    return [first, *(o if ": " in o else f"Conv {o}" for o in others)]


def _named(title: str, boxes: list[tuple], names) -> list[tuple]:
    """The same boxes, a name of one's own in front of each line of theirs."""
    count = sum(len(_lines(layer.name)) for layer, *_ in boxes)
    if len(names) != count:
        raise ValueError(
            f"names: expected {count} for {title!r}, one for each line of its boxes, "
            f"got {len(names)}"
        )
    given, found = iter(names), []
    for layer, *others in boxes:
        lines = [f"{name}: {line}" if name else line
                 for line, name in zip(_lines(layer.name), given)]  # fmt: skip
        found.append((replace(layer, name=" · ".join(lines)), *others))
    return found


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


def _connect(ax, start, end, side: float | None, level: float) -> None:
    """An arrow from one box to another: down its lane, then across the last gap.

    It runs across below all labels of a row. With `side` it goes round the boxes
    between, at that x, and leaves its own row at the height `level`.
    """
    (x0, _), (x1, y1) = start, end
    last = [(x1, y1 + _ACROSS), end]
    if x0 == x1 and side is None:
        _draw_way(ax, [start, end])
    elif side is None:
        _draw_way(ax, [start, (x0, y1 + _ACROSS), *last])
    else:
        _draw_way(ax, [start, (x0, level), (side, level), (side, y1 + _ACROSS), *last])


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


@cache
def _text_width(text: str, size: float) -> float:
    """In points; a tenth of a second each time it is computed."""
    return TextPath((0, 0), text, size=size).get_extents().width


def _width_of(layers) -> float:
    """Of boxes that hold the names of all `layers` and have room for shapes below."""
    texts = [line for layer in layers for line in _lines(layer.name)]
    names = max(_text_width(text, _TEXT) for text in texts)
    shapes = max(_text_width(_shape_text(layer.shape), 8) for layer in layers)
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
    tops = {}  # of each rank
    for rank in range(1 + max(ranks.values())):
        members = [i for i in ranks if ranks[i] == rank]
        y -= _GAP
        if tops_of_columns.intersection(members):
            y = start - _GAP
        tops[rank] = y
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
                level = tops[ranks[j] + 1] + _ACROSS
                _connect(ax, (middles[j], bottoms[j]), end, side, level)
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


def draw_nets(
    nets: dict, *, by_block: bool = True, names: dict | None = None, alt=None
):
    """Nets as diagrams side by side, each box a layer with the shape it makes.

    The boxes come from the graph of the net itself, so they can't differ from it. A
    long chain is broken into columns, so that all can be read on a slide.

    Parameters
    ----------
    nets : dict
        From a title to (net, input_shape).
    by_block : bool
        One box for each child of the net, or for each of its layers.
    names : dict, optional
        From a title to names of one's own, such as those of another implementation,
        one for each line of the diagram's boxes in order; an empty one for none.
    alt : str, optional
        Instead of the sentence made from the diagram.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        There are not as many names as lines.
    """
    drawn = [_boxes(net, shape, by_block) for net, shape in nets.values()]
    for i, title in enumerate(nets):
        if names and title in names:
            drawn[i] = _named(title, drawn[i], names[title])
    # Of heights that do as well, the tallest: it breaks nothing without need.
    tallest = max(range(15, 2, -1), key=partial(_size_on_a_slide, drawn))
    with style():
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
