"""A trained net as a file that other programs run: ONNX.

`onnx` is imported by `export` only: who takes the course does not need it.
"""

from __future__ import annotations

import json
from ast import literal_eval
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import mxnet as mx
import numpy

from d2l_nin.reuse import folded_weights

__all__ = ["OPSET", "UnknownOperatorError", "export"]

OPSET = 17  # of ONNX's operators; its makers' list says what each means
_INPUT, _OUTPUT = "images", "scores"


class UnknownOperatorError(ValueError):
    """The net holds an operator that `export` has no ONNX for."""


class _Node(NamedTuple):
    """One operator of ONNX: names of what it takes and makes, and its attributes."""

    op: str
    inputs: list
    outputs: list
    attributes: dict


def export(net, path, shape=(1, 28, 28), *, fold_batch_norm=False) -> Path:
    """Write a net with its weights as an ONNX file of opset 17.

    Parameters
    ----------
    net : HybridBlock
        Initialized, and used at least once, so that its shapes are known. One input and
        one output. What it computes in evaluation is written: dropout is left out,
        batch norm takes its running statistics.
    path : path
        Of the file to be written.
    shape : (C, H, W)
        Of one image. The number of images is free; a net without dense layers takes
        other heights and widths as well.
    fold_batch_norm : bool
        Multiply each batch norm that directly follows a convolution or dense layer into
        its weights: the same function, up to rounding, with fewer operators.

    Returns
    -------
    Path
        The file. Its input is named ``images``, its output ``scores``.

    Raises
    ------
    UnknownOperatorError
        The net holds an operator that no net of the course has; the message names it.
    ValueError
        The net has several outputs, such as `WithHeads`; export its `main()`.
    ImportError
        There is no `onnx`.
    """
    try:
        import onnx
    except ImportError:
        raise ImportError("export needs the package onnx: pip install onnx") from None
    nodes, weights = _Walk(net).walk()
    if fold_batch_norm:
        nodes, weights = _folded(nodes, weights)
    made = net(mx.np.zeros((1, *shape), ctx=_device(net))).shape
    graph = _graph(type(net).__name__, nodes, weights, shape, made)
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=8,  # of the time of opset 17, so that older programs read it
        producer_name="d2l_nin",
    )
    onnx.checker.check_model(model)
    path = Path(path)
    onnx.save(model, path)
    return path


def _graph(title: str, nodes: list, weights: dict, shape: tuple, made: tuple):
    """ONNX's graph of the nodes, from images of `shape` to outputs as of `made`."""
    from onnx import TensorProto, helper, numpy_helper

    sizes = ["H", "W"] if all(n.op != "Gemm" for n in nodes) else shape[1:]
    used = {name for node in nodes for name in node.inputs}
    value = partial(helper.make_tensor_value_info, elem_type=TensorProto.FLOAT)
    return helper.make_graph(
        [
            helper.make_node(n.op, n.inputs, n.outputs, n.outputs[0], **n.attributes)
            for n in nodes
        ],
        title,
        [value(_INPUT, shape=["N", shape[0], *sizes])],
        [value(_OUTPUT, shape=["N", made[1], *["H_out", "W_out"][: len(made) - 2]])],
        [
            numpy_helper.from_array(numpy.ascontiguousarray(array), name)
            for name, array in weights.items()
            if name in used
        ],
    )


def _device(net):
    return next(iter(net.collect_params().values())).list_ctx()[0]


class _Walk:
    """Goes through the symbol that a net makes, operator by operator."""

    def __init__(self, net):
        symbol = net(mx.sym.var(_INPUT).as_np_ndarray())
        if not isinstance(symbol, mx.sym.Symbol) or len(symbol.list_outputs()) > 1:
            raise ValueError(
                "net: expected one with one output, got several. Of a net WithHeads "
                "export net.main()"
            )
        self.graph = json.loads(symbol.tojson())
        self.weights = {
            name: parameter.list_data()[0].asnumpy()
            for name, parameter in net.collect_params().items()
        }
        self.nodes, self.numbers = [], count()
        self.made = {}  # (number of a node, of its output) → name in the ONNX graph

    def walk(self) -> tuple[list[_Node], dict]:
        """The operators in an order in which they can be computed, and the weights."""
        for i, node in enumerate(self.graph["nodes"]):
            if node["op"] == "null":
                self.made[i, 0] = node["name"]
                continue
            handler = _HANDLERS.get(node["op"])
            if handler is None:
                raise UnknownOperatorError(
                    f"{node['name']}: there is no ONNX here for MXNet's operator "
                    f"{node['op']!r}. Known are {', '.join(sorted(_HANDLERS))}; "
                    "a function in d2l_nin/onnx_export.py adds one"
                )
            inputs = [
                self.made[source, output] for source, output, *_ in node["inputs"]
            ]
            attributes = {
                key: _value(text) for key, text in (node.get("attrs") or {}).items()
            }
            for k, name in enumerate(handler(self, inputs, attributes)):
                self.made[i, k] = name
        source, output, *_ = self.graph["heads"][0]
        self.add("Identity", [self.made[source, output]], outputs=[_OUTPUT])
        return self.nodes, self.weights

    def add(self, op, inputs, outputs=None, **attributes) -> list[str]:
        """Append an operator; the names of what it makes."""
        outputs = outputs or [f"{op.lower()}{next(self.numbers)}"]
        self.nodes.append(_Node(op, list(inputs), outputs, attributes))
        return outputs

    def constant(self, values, dtype="float32") -> str:
        """A number or an array as an input of operators; its name."""
        name = f"constant{next(self.numbers)}"
        self.weights[name] = numpy.asarray(values, dtype)
        return name


def _value(text: str):
    """'(3, 3)' as a tuple, 'relu' as itself."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _window(attributes) -> dict:
    """Kernel, strides and padding under ONNX's names."""
    pad = attributes.get("pad") or (0, 0)
    return {
        "kernel_shape": list(attributes["kernel"]),
        "strides": list(attributes.get("stride") or (1, 1)),
        "pads": [*pad, *pad],
    }


def _convolution(walk, inputs, attributes):
    dilations = list(attributes.get("dilate") or (1, 1))
    group = attributes.get("num_group", 1)
    window = _window(attributes)
    return walk.add("Conv", inputs, dilations=dilations, group=group, **window)


def _dense(walk, inputs, attributes):
    if attributes.get("flatten", True):
        inputs = [*walk.add("Flatten", inputs[:1], axis=1), *inputs[1:]]
    return walk.add("Gemm", inputs, transB=1)


def _batch_norm(walk, inputs, attributes):
    if attributes.get("axis", 1) != 1:
        raise UnknownOperatorError("BatchNorm: expected axis=1, that of the channels")
    if attributes.get("fix_gamma", True):
        ones = numpy.ones_like(walk.weights[inputs[1]])
        inputs = [inputs[0], walk.constant(ones), *inputs[2:]]
    epsilon = float(attributes.get("eps", 1e-3))
    return walk.add("BatchNormalization", inputs, epsilon=epsilon)


def _pooling(walk, inputs, attributes):
    kind = {"max": "Max", "avg": "Average"}.get(attributes["pool_type"])
    if kind is None:
        raise UnknownOperatorError(
            f"Pooling: expected 'max' or 'avg', got {attributes['pool_type']!r}"
        )
    if attributes.get("global_pool"):
        return walk.add(f"Global{kind}Pool", inputs)
    ceil = int(attributes.get("pooling_convention") == "full")
    options = {"ceil_mode": ceil, **_window(attributes)}
    if kind == "Average":
        options["count_include_pad"] = int(attributes.get("count_include_pad", True))
    return walk.add(f"{kind}Pool", inputs, **options)


def _activation(walk, inputs, attributes):
    name = attributes["act_type"]
    known = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    if name not in known:
        raise UnknownOperatorError(f"Activation: there is no ONNX here for {name!r}")
    return walk.add(known[name], inputs)


def _split(walk, inputs, attributes):
    outputs = [f"part{next(walk.numbers)}" for _ in range(attributes["num_outputs"])]
    return walk.add("Split", inputs, outputs, axis=attributes.get("axis", 1))


def _zeros(walk, inputs, attributes):
    value = walk.constant(attributes["fill_value"])
    return walk.add("Expand", [value, *walk.add("Shape", inputs)])


def _slice(walk, inputs, attributes):
    limits = [
        walk.constant([attributes[name]], "int64") for name in ("begin", "end", "axis")
    ]
    return walk.add("Slice", [*inputs, *limits])


def _with_scalar(op, swapped=False):
    def handler(walk, inputs, attributes):
        both = [*inputs, walk.constant(float(attributes["scalar"]))]
        return walk.add(op, both[::-1] if swapped else both)

    return handler


def _plain(op, **options):
    return lambda walk, inputs, attributes: walk.add(op, inputs, **options)


# What the nets of the course are made of.
_HANDLERS = {
    "Activation": _activation,
    "BatchNorm": _batch_norm,
    "Convolution": _convolution,
    "Dropout": lambda walk, inputs, attributes: inputs[:1],
    "Flatten": _plain("Flatten", axis=1),
    "FullyConnected": _dense,
    "Pooling": _pooling,
    "SliceChannel": _split,
    "_npi_add": _plain("Add"),
    "_npi_concatenate": lambda walk, inputs, attributes: walk.add(
        "Concat", inputs, axis=attributes.get("axis", 1)
    ),
    "_npi_full_like": _zeros,
    "_npi_multiply": _plain("Mul"),
    "_npi_multiply_scalar": _with_scalar("Mul"),
    "_npi_rsubtract_scalar": _with_scalar("Sub", swapped=True),
    "elemwise_add": _plain("Add"),
    "elemwise_sub": _plain("Sub"),
    "relu": _plain("Relu"),
    "slice_axis": _slice,
}


def _folded(nodes: list[_Node], weights: dict) -> tuple[list[_Node], dict]:
    """Without batch norms that alone read a convolution or dense layer."""
    weights = dict(weights)
    makers = {name: node for node in nodes for name in node.outputs}
    readers = [name for node in nodes for name in node.inputs]
    replaced, dropped = {}, set()
    for node in nodes:
        maker = makers.get(node.inputs[0])
        if node.op != "BatchNormalization" or maker is None:
            continue
        if maker.op not in ("Conv", "Gemm") or readers.count(node.inputs[0]) > 1:
            continue
        bias = weights[maker.inputs[2]] if len(maker.inputs) > 2 else 0
        norm = (weights[name] for name in node.inputs[1:])
        name = f"{maker.outputs[0]}_folded"
        weights[f"{name}_weight"], weights[f"{name}_bias"] = folded_weights(
            weights[maker.inputs[1]], bias, *norm, node.attributes["epsilon"]
        )
        inputs = [maker.inputs[0], f"{name}_weight", f"{name}_bias"]
        replaced[maker.outputs[0]] = _Node(
            maker.op, inputs, node.outputs, maker.attributes
        )
        dropped.add(node.outputs[0])
    kept = []
    for node in nodes:
        if node.op == "BatchNormalization" and node.outputs[0] in dropped:
            continue
        kept.append(replaced.get(node.outputs[0], node))
    return kept, weights
