"""Two blocks are the same if, with the same weights, they make the same of an image.

Weights are drawn by a layer's shapes, so that layers of the same shapes get the same
ones: the order in which a block makes its layers does not matter.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass

import mxnet as mx
import numpy
from mxnet import autograd, np

from d2l_nin.checks.expect import Wrong, as_net, call
from d2l_nin.checks.outcomes import Raised, difference, plain, same

__all__ = ["Traced", "compare", "trace"]


@dataclass
class Traced:
    """What a block has and does.

    Attributes
    ----------
    layers : Counter
        (the shapes of its parameters, how often it is used), for layers that have any.
    output, trained : array or Raised
        In inference, and in training mode.
    """

    layers: Counter
    output: object
    trained: object


def _shapes_of(block) -> tuple:
    """Of a layer's own parameters, without axes of size 1."""
    return tuple(tuple(n for n in p.shape or () if n != 1)
                 for p in block._reg_params.values())  # fmt: skip


def _own_layers(net) -> list:
    found = []
    net.apply(lambda block: found.append(block) if block._reg_params else None)
    return found


def _fill(block) -> None:
    """Known values for a layer's own parameters, by their shapes."""
    shapes = _shapes_of(block)
    for i, parameter in enumerate(block._reg_params.values()):
        rng = numpy.random.default_rng(zlib.crc32(repr((shapes, i)).encode()))
        values = rng.normal(size=parameter.shape)
        if len(shapes[i]) > 1:
            values = values / numpy.prod(parameter.shape[1:]) ** 0.5
        if parameter.name.endswith("var"):
            values = 0.5 + numpy.abs(values)
        if not isinstance(parameter, mx.gluon.Constant):
            parameter.set_data(np.array(values, dtype="float32"))


def _run(net, X, training: bool):
    mode = autograd.train_mode if training else autograd.predict_mode
    try:
        with mode():
            output = plain(call(net, X, what="a block"))
    except Wrong:
        raise
    except Exception as error:
        return Raised(error)
    if not isinstance(output, numpy.ndarray):
        raise Wrong("a block that returns one array", type(output).__name__)
    return output


def trace(answer, arguments: tuple, shape: tuple) -> Traced:
    """Make a block, give it known weights, and see what it makes of an image."""
    net = as_net(answer, *arguments, what="a block")
    net.hybridize(False)
    rng = numpy.random.default_rng(sum(shape))
    X = np.array(rng.normal(size=shape), dtype="float32")
    layers = _own_layers(net)
    uses = Counter()
    handles = [block.register_forward_hook(lambda b, *_: uses.update([id(b)]))
               for block in layers]  # fmt: skip
    first = _run(net, X, training=False)
    for handle in handles:
        handle.detach()
    if isinstance(first, Raised):
        return Traced(Counter(), first, first)
    for block in layers:
        if not uses[id(block)]:
            raise Wrong("layers that are all used", f"{block.name}, which is not",
                        "A layer is made, but forward does not use it.")  # fmt: skip
        _fill(block)
    counted = Counter((_shapes_of(block), uses[id(block)]) for block in layers)
    return Traced(counted, _run(net, X, training=False), _run(net, X, training=True))


def _equal(one: Traced, other: Traced, exactly: bool = False) -> bool:
    return (one.layers == other.layers and same(one.output, other.output, exactly)
            and same(one.trained, other.trained, exactly))  # fmt: skip


def compare(answer, exercise) -> None:
    """Raise Wrong unless the answer's blocks are the exercise's, in every case."""
    for arguments, shape in exercise.cases:
        came = trace(answer, arguments, shape)
        wanted = trace(exercise.right, arguments, shape)
        if _equal(came, wanted):
            continue
        sentence = _sentence(answer, exercise)
        if isinstance(came.output, Raised) and not sentence:
            raise came.output.error
        where = f"for {exercise.arguments} = {arguments} and an input {shape}"
        raise Wrong(*_unlike(came, wanted, where), sentence)


def _sentence(answer, exercise) -> str:
    came = [trace(answer, *case) for case in exercise.cases]
    for sentence, mistake in exercise.mistakes.items():
        if all(_equal(trace(mistake, *case), each, exactly=True)
               for case, each in zip(exercise.cases, came)):  # fmt: skip
            return sentence
    return ""


def _unlike(came: Traced, wanted: Traced, where: str) -> tuple[str, str]:
    if isinstance(came.output, Raised) or came.output.shape != wanted.output.shape:
        return difference(came.output, wanted.output, f"an output {where}")
    if came.layers != wanted.layers:
        more, less = came.layers - wanted.layers, wanted.layers - came.layers
        said = [f"{word} {_layer(layer)}" for word, layers in (("without", less),
                ("with", more)) for layer in layers]  # fmt: skip
        return f"the layers that were asked for, {where}", ", ".join(said)
    if not same(came.output, wanted.output):
        return difference(came.output, wanted.output, f"for known weights, {where}")
    expected, told = difference(came.trained, wanted.trained, where)
    return f"in training mode, {expected}", f"{told} (in inference it is right)"


def _layer(layer) -> str:
    shapes, uses = layer
    times = "" if uses == 1 else f" used {uses} times"
    return f"a layer with parameters {' '.join(map(str, shapes))}{times}"
