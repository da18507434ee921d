"""What a net costs: shapes, parameters, multiply-adds, activation memory.

Nothing is computed and no weight is needed: MXNet infers the shapes from the graph, so
that VGG's 134 million parameters are counted without making one of them.
"""

from __future__ import annotations

import ast
import html
import json
from dataclasses import astuple, dataclass, replace
from math import prod

import mxnet as mx
import pandas

from d2l_nin.layers import describe

__all__ = ["RESULT_TYPE", "Cost", "Layer", "Result", "Summary", "format_bytes",
           "result", "summary", "widths_for"]  # fmt: skip

# `run` looks for this type among a chapter's outputs.
RESULT_TYPE = "application/vnd.d2l-nin.result+json"

# These hand their input on under another shape; nothing is stored.
_VIEWS = {"Flatten", "_npx_reshape", "_np_reshape", "_npi_reshape"}


@dataclass(frozen=True)
class Cost:
    """What a layer, or several together, cost.

    Attributes
    ----------
    num_params : int
        Trained numbers, biases included.
    num_state : int
        Numbers that are kept but not trained: batch norm's running mean and variance.
    macs : int
        Multiply-adds of one forward pass, without biases. One MAC is one
        multiplication with its addition, two floating-point operations.
    activation_bytes : int
        Of the outputs in float32, which training keeps for the backward pass.
    """

    num_params: int = 0
    num_state: int = 0
    macs: int = 0
    activation_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(astuple(self), astuple(other))))


class _WithCost:
    """Something with a `cost`, whose numbers can be asked of itself."""

    num_params = property(lambda self: self.cost.num_params)
    num_state = property(lambda self: self.cost.num_state)
    macs = property(lambda self: self.cost.macs)
    activation_bytes = property(lambda self: self.cost.activation_bytes)


@dataclass(frozen=True)
class Layer(_WithCost):
    """One row of a `Summary`; it has the attributes of its cost as well.

    Attributes
    ----------
    name : str
        Such as 'Conv 5×5/2 pad 2, 32'.
    shape : tuple of int
        Of the output, (N, C, H, W) or (N, C).
    cost : Cost
    inputs : tuple of int
        The rows it reads; -1 is the input of the net.
    block, kind : int, str
        The child of the net that it belongs to, and the class of that child.
    """

    name: str
    shape: tuple
    cost: Cost
    inputs: tuple = ()
    block: int = -1
    kind: str = ""


def format_bytes(n: float) -> str:
    """Bytes in the largest binary unit that leaves at least 1: '28.97 MiB'."""
    for unit in ("B", "KiB", "MiB"):
        if abs(n) < 1024:
            return f"{n:.0f} B" if unit == "B" else f"{n:.2f} {unit}"
        n /= 1024
    return f"{n:.2f} GiB"


class Summary(_WithCost):
    """A table of layers with totals; shown as HTML in a notebook, else as text.

    Attributes
    ----------
    layers : list of Layer
    input_shape : tuple of int
    num_params, num_state, macs, activation_bytes : int
        Totals over the layers, from their `cost` together.
    """

    def __init__(self, layers: list[Layer], input_shape: tuple):
        self.layers, self.input_shape = layers, input_shape
        self.cost = sum((layer.cost for layer in layers), Cost())

    def by_block(self) -> Summary:
        """The same with one row for each child of the net."""
        groups: dict[int, list[int]] = {}
        for i, layer in enumerate(self.layers):
            groups.setdefault(layer.block, []).append(i)
        group_of = {i: g for g, rows in enumerate(groups.values()) for i in rows}
        merged = []
        for g, rows in enumerate(groups.values()):
            layers = [self.layers[i] for i in rows]
            inputs = {group_of.get(i, -1) for layer in layers for i in layer.inputs}
            name, read = _group_name(layers), tuple(sorted(inputs - {g}))
            cost = sum((layer.cost for layer in layers), Cost())
            merged.append(replace(layers[-1], name=name, cost=cost, inputs=read))
        return Summary(merged, self.input_shape)

    def to_frame(self) -> pandas.DataFrame:
        """The rows and their total as text in a pandas table."""
        head, total = (
            Layer("Input", self.input_shape, Cost()),
            Layer("Total", (), self.cost),
        )
        rows = [head, *self.layers, total]
        frame = pandas.DataFrame(
            {
                "Layer": [row.name for row in rows],
                "Output shape": [" × ".join(map(str, row.shape)) for row in rows],
                "Parameters": [f"{row.num_params:,}" for row in rows],
                "MACs": [f"{row.macs:,}" for row in rows],
                "Activations": [format_bytes(row.activation_bytes) for row in rows],
            }
        )
        if self.num_state:
            frame.insert(3, "Not trained", [f"{row.num_state:,}" for row in rows])
        return frame

    def __str__(self) -> str:
        return self.to_frame().to_string(index=False)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, border=0)


def _group_name(layers: list[Layer]) -> str:
    """'Conv 3×3, 64 · 1×1, 64 · 1×1, 64' for a block, the layer's name if alone.

    Pooling in front is named as well: 'Max pool 3×3/1 pad 1 · 1×1, 32'. A block in
    which ways meet goes by its class: 'Inception, 256'.
    """
    if any(len(layer.inputs) > 1 for layer in layers) and len(layers) > 1:
        return f"{layers[0].kind}, {layers[-1].shape[1]}"
    named = [
        layer.name
        for i, layer in enumerate(layers)
        if layer.name.startswith("Conv") or (i == 0 and "pool" in layer.name)
    ]
    if not named:
        return layers[0].name
    return " · ".join([named[0], *(name.removeprefix("Conv ") for name in named[1:])])


def _trace(net) -> tuple:
    """The graph of `net` as a symbol, and for each node's name the child it is in."""
    block_of: dict[str, int] = {}

    def remember(index):
        def hook(block, inputs, output):
            for name in output.get_internals().list_outputs():
                block_of.setdefault(name, index)

        return hook

    children = list(net._children.values()) or [net]
    hooks = [
        child.register_forward_hook(remember(i)) for i, child in enumerate(children)
    ]
    try:
        with mx.autograd.pause():
            graph = net(mx.sym.var("data").as_np_ndarray())
            if isinstance(graph, (tuple, list)):  # a net with several heads
                graph = mx.sym.Group([output.as_nd_ndarray() for output in graph])
    finally:
        for hook in hooks:
            hook.detach()
    return graph, block_of


def _parse(text: str):
    """An attribute of the graph, where all are text, as a Python value."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _macs(op: str, output: tuple, weight: tuple) -> int:
    """Multiply-adds of one operator from the shapes of its output and its weight."""
    if op == "Convolution":  # each output number: one kernel over its input channels
        return prod(output) * prod(weight[1:])
    if op == "FullyConnected":
        return prod(output) * weight[1]
    return 0


def _infer_shapes(net, graph, input_shape: tuple) -> dict[str, tuple]:
    """The shape of everything in the graph, by MXNet's names."""
    if hasattr(net, "_check_shapes"):
        net._check_shapes(input_shape)  # the common mistakes, in plain words
    everything = graph.get_internals()
    try:
        _, shapes, _ = everything.infer_shape(data=input_shape)
    except mx.base.MXNetError as error:
        raise ValueError(
            f"input_shape {input_shape} does not fit this net: "
            f"{str(error).strip().splitlines()[-1]}"
        ) from None
    return dict(zip(everything.list_outputs(), shapes))


def summary(net, input_shape: tuple) -> Summary:
    """Tell layer by layer what one forward pass of `net` makes and costs.

    Parameters
    ----------
    net : Block
        Built from Gluon's layers; initialized or not.
    input_shape : tuple of int
        (N, C, H, W), or whatever the net takes.

    Returns
    -------
    Summary
        MACs are those of convolutions and dense layers; other operators count 0.

    Raises
    ------
    ValueError
        The shapes do not fit together.
    TypeError
        `net` does something that MXNet can't put into a graph.
    """
    input_shape = tuple(input_shape)
    try:
        graph, block_of = _trace(net)
    except (AttributeError, TypeError) as error:
        raise TypeError(
            f"summary needs a net of Gluon's layers that can be hybridized, got "
            f"{type(net).__name__}, which can't be traced: {error}"
        ) from error
    shape_of = _infer_shapes(net, graph, input_shape)
    kinds = {i: type(b).__name__ for i, b in enumerate(net._children.values())}
    return Summary(_layers(graph, shape_of, block_of, kinds), input_shape)


def _layers(graph, shape_of: dict, block_of: dict, kinds: dict) -> list[Layer]:
    """A row for each operator of the graph, in order."""
    states = set(graph.list_auxiliary_states())
    nodes = json.loads(graph.tojson())["nodes"]
    layers: list[Layer] = []
    # From a node to its row; the input of the net is -1.
    row_of = {i: -1 for i, node in enumerate(nodes) if node["name"] == "data"}
    counted: set[str] = set()  # a weight that two layers share counts once
    for i, node in enumerate(nodes):
        if node["op"] == "null":
            continue
        sources = [j for j, *_ in node["inputs"]]
        own = [nodes[j]["name"] for j in sources if nodes[j]["op"] == "null"]
        own = [name for name in own if name != "data"]
        fresh = {name: prod(shape_of[name]) for name in own if name not in counted}
        counted.update(fresh)
        # An operator with several outputs numbers them; NumPy's call theirs "out".
        endings = ("_output", "_output0", "_out")
        output = next(n for e in endings if (n := node["name"] + e) in shape_of)
        shape = shape_of[output]
        cost = Cost(
            num_params=sum(n for name, n in fresh.items() if name not in states),
            num_state=sum(n for name, n in fresh.items() if name in states),
            macs=_macs(node["op"], shape, shape_of[own[0]] if own else ()),
            activation_bytes=0 if node["op"] in _VIEWS else 4 * prod(shape),
        )
        attributes = {k: _parse(v) for k, v in node.get("attrs", {}).items()}
        name, block = describe(node["op"], attributes), block_of.get(output, -1)
        inputs = tuple(row_of[j] for j in sources if j in row_of)
        row_of[i] = len(layers)
        layers.append(Layer(name, shape, cost, inputs, block, kinds.get(block, "")))
    return layers


def widths_for(macs: int, build, widths, input_shape: tuple) -> tuple:
    """Scale `widths` until the net that `build` makes of them costs `macs`.

    Parameters
    ----------
    macs : int
        Multiply-adds of one forward pass; what whole numbers allow comes close to it.
    build : function (widths)
        Gives a net; wider ones cost more.
    widths : sequence of int
        The proportions.
    input_shape : tuple of int

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        Even at the narrowest widths the net costs more than `macs`.
    """

    def scaled(factor):
        return tuple(max(1, round(width * factor)) for width in widths)

    def cost(factor):
        return summary(build(scaled(factor)), input_shape).macs

    low, high = 0.0, 1.0
    if cost(low) > macs:
        raise ValueError(f"macs: expected at least {cost(low):,}, got {macs:,}")
    while cost(high) < macs:
        low, high = high, 2 * high
    while scaled(low) != scaled(high) and high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) < macs else (low, middle)
    return min(
        (scaled(low), scaled(high)),
        key=lambda w: abs(summary(build(w), input_shape).macs - macs),
    )


# --- what a chapter reached ------------------------------------------------------


class Result:
    """What a chapter's net reached: a table for readers, and the same for `run`."""

    def __init__(self, values: dict):
        self.values = values

    def _rows(self) -> list[tuple]:
        v = self.values
        return [
            ("net", v["net"]),
            ("parameters", f"{v['num_params']:,}"),
            ("MACs an image", f"{v['macs']:,}"),
            ("test accuracy", f"{v['test_acc']:.2%}"),
            ("training", f"{v['seconds']:.0f} s"),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{name:<14} {value}" for name, value in self._rows())

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        rows = "".join(
            f"<tr><th scope='row'>{name}</th><td>{html.escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        return {
            RESULT_TYPE: self.values,
            "text/html": f"<table>{rows}</table>",
            "text/plain": repr(self),
        }


def result(name: str, net, input_shape, history) -> Result:
    """Show what a trained net reached; `run` and README take it from this output.

    Parameters
    ----------
    name : str
        Of the net, for the table.
    net : HybridBlock
    input_shape : tuple of int
    history : History
        With an accuracy on the test set.
    """
    table = summary(net, input_shape)
    values = {
        "net": name,
        "num_params": table.num_params,
        "macs": table.macs // input_shape[0],
        "test_acc": history.test_acc,
        "seconds": history.seconds,
    }
    return Result(values)
