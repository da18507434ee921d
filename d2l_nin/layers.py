"""Four of Gluon's layers, with errors that a reader can act on.

MXNet meets a wrong number or shape with a C++ stack trace. The classes here have the
names and arguments of Gluon's. They look at the numbers first and work out the shapes,
layer by layer in plain Python, and say what was expected and what came.
"""

from __future__ import annotations

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_nin.runtime import whole_number

__all__ = [
    "Checked",
    "Conv2D",
    "Dense",
    "HybridSequential",
    "MaxPool2D",
    "check_initialized",
    "describe",
    "each_of",
    "shape_after",
    "window_output",
]


def window_output(n: int, k: int, s: int, p: int, ceil: bool = False) -> int:
    """Positions of a window along one axis: ⌊(n + 2p - k) / s⌋ + 1.

    Parameters
    ----------
    n, k, s, p : int
        Size of the input, of the window, its stride, and the padding on each side.
    ceil : bool
        The division rounds up, as Caffe's pooling does.

    Returns
    -------
    int
    """
    span = n + 2 * p - k
    return (-(-span // s) if ceil else span // s) + 1


def _by(sizes) -> str:
    """'3×3' for (3, 3)."""
    return "×".join(str(n) for n in sizes)


def _one(sizes):
    """3 for (3, 3), '3×5' for (3, 5)."""
    return sizes[0] if len(set(sizes)) == 1 else _by(sizes)


def _describe_convolution(attributes: dict) -> str:
    text = f"Conv {_by(attributes['kernel'])}"
    if max(attributes["stride"]) > 1:
        text += f"/{_one(attributes['stride'])}"
    if max(attributes["pad"]):
        text += f" pad {_one(attributes['pad'])}"
    text += f", {attributes['num_filter']}"
    groups = attributes["num_group"]
    return text if groups == 1 else f"{text} in {groups} groups"


def _describe_pooling(attributes: dict) -> str:
    kind = {"max": "max", "avg": "average"}[attributes["pool_type"]]
    if attributes.get("global_pool"):
        return f"Global {kind} pool"
    text = f"{kind.title()} pool {_by(attributes['kernel'])}"
    text += f"/{_one(attributes['stride'])}"
    if max(attributes.get("pad", (0,))):
        text += f" pad {_one(attributes['pad'])}"
    ceil = attributes.get("pooling_convention") == "full"
    return f"{text} ceil" if ceil else text


def describe(op: str, attributes: dict) -> str:
    """An operator in a few words: 'Conv 5×5/2, 32' has stride 2 and 32 channels out.

    Parameters
    ----------
    op : str
        MXNet's name of it.
    attributes : dict
        Its arguments under MXNet's names, as in ``conv._kwargs``.
    """
    if op == "Convolution":
        return _describe_convolution(attributes)
    if op == "Pooling":
        return _describe_pooling(attributes)
    if op == "FullyConnected":
        return f"Dense {attributes['num_hidden']}"
    if op == "Dropout":
        return f"Dropout {attributes['p']:g}"
    if op == "Activation":
        name = attributes["act_type"]
        return {"relu": "ReLU"}.get(name, name.title())
    if op == "BatchNorm":
        return "Batch norm"
    return op.split("_")[-1].title()


# Gluon keeps these two base classes to itself.
_Conv, _Pooling = nn.Conv2D.__mro__[1], nn.MaxPool2D.__mro__[1]


def _describe_layer(layer) -> str:
    if isinstance(layer, _Conv):
        return describe("Convolution", layer._kwargs)
    if isinstance(layer, _Pooling):
        return describe("Pooling", layer._kwargs)
    if isinstance(layer, nn.Dense):
        return describe("FullyConnected", {"num_hidden": layer._units})
    return type(layer).__name__


def _window(layer):
    """(kernel, strides, padding) of a convolution or pooling layer."""
    return tuple(layer._kwargs[name] for name in ("kernel", "stride", "pad"))


def _check_numbers(least: int, **numbers) -> None:
    """Refuse what MXNet would meet only in C++ (0 groups end the process there)."""
    for name, values in numbers.items():
        for value in values if isinstance(values, (tuple, list)) else (values,):
            whole_number(name, value, least)


def each_of(name: str, values, count: int) -> list:
    """One value for each of `count` things: a single one stands for all.

    Raises
    ------
    ValueError
        There are several, but not `count`.
    """
    if not isinstance(values, (tuple, list)):
        return [values] * count
    if len(values) != count:
        raise ValueError(
            f"{name}: expected one number or {count} of them, got {len(values)}: "
            f"{values!r}"
        )
    return list(values)


class Conv2D(nn.Conv2D):
    """Gluon's `nn.Conv2D`; wrong numbers are told in Python."""

    def __init__(self, channels, kernel_size, strides=1, padding=0, **kwargs):
        groups = kwargs.get("groups", 1)
        _check_numbers(
            1,
            num_channels=(channels,),
            kernel_size=kernel_size,
            strides=strides,
            groups=groups,
        )
        _check_numbers(0, padding=padding)
        if channels % groups:
            raise ValueError(
                f"groups: expected a divisor of num_channels={channels}, got {groups}"
            )
        super().__init__(channels, kernel_size, strides, padding, **kwargs)


class MaxPool2D(nn.MaxPool2D):
    """Gluon's `nn.MaxPool2D`; wrong numbers are told in Python."""

    def __init__(self, pool_size=2, strides=None, padding=0, **kwargs):
        strides = pool_size if strides is None else strides
        _check_numbers(1, pool_size=pool_size, strides=strides)
        _check_numbers(0, padding=padding)
        super().__init__(pool_size, strides, padding, **kwargs)


class Dense(nn.Dense):
    """Gluon's `nn.Dense`; wrong numbers are told in Python."""

    def __init__(self, units, activation=None, **kwargs):
        _check_numbers(1, units=(units,))
        super().__init__(units, activation, **kwargs)


def _after_window(layer, shape):
    if len(shape) != 4:
        raise ValueError(f"expected 4 axes (N, C, H, W), got {len(shape)}: {shape}")
    N, C, *sizes = shape
    if isinstance(layer, _Conv):
        in_channels = layer.weight.shape[1] * layer._kwargs["num_group"]
        if in_channels > 0 and in_channels != C:  # -1: not known before a first batch
            raise ValueError(f"expected {in_channels} input channels, got {C}: {shape}")
        groups = layer._kwargs["num_group"]
        if C % groups:
            raise ValueError(f"{C} input channels don't divide into {groups} groups")
        C = layer._channels
    elif layer._kwargs["global_pool"]:
        return (N, C, 1, 1)
    kernel, strides, padding = _window(layer)
    dilation = layer._kwargs.get("dilate", (1, 1))
    kernel = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation))
    for n, k, p in zip(sizes, kernel, padding):
        if n + 2 * p < k:
            raise _TooSmall(
                f"its window of {_by(kernel)} is larger than its input of {_by(sizes)}"
                + (f" with {p} of padding" if p else "")
            )
    ceil = layer._kwargs.get("pooling_convention") == "full"
    return (
        N,
        C,
        *(window_output(*each, ceil) for each in zip(sizes, kernel, strides, padding)),
    )


class _TooSmall(ValueError):
    """A map shrank below the window of the next layer."""


def shape_after(layer, shape):
    """The shape that `layer` makes of `shape`, or None where that isn't known here.

    A block of ours that is not a sequence says it itself, by a method of this name.

    Raises
    ------
    ValueError
        The layer can't take that shape.
    """
    if hasattr(layer, "shape_after"):
        return layer.shape_after(shape)
    if isinstance(layer, nn.HybridSequential):
        return _after_all(layer, shape)
    if isinstance(layer, (_Conv, _Pooling)):
        return _after_window(layer, shape)
    if isinstance(layer, nn.Flatten):
        return (shape[0], int(numpy.prod(shape[1:])))
    if isinstance(layer, nn.Dense):
        return _after_dense(layer, shape)
    if isinstance(layer, nn.BatchNorm):
        axis = layer._kwargs.get("axis", 1)
        known = layer.gamma.shape[0]  # 0 or -1 before a first batch
        if axis < len(shape) and known > 0 and known != shape[axis]:
            raise ValueError(f"expected {known} channels, got {shape[axis]}: {shape}")
        return shape
    return shape if isinstance(layer, (nn.Activation, nn.Dropout)) else None


def _after_all(layers, shape):
    for i, child in enumerate(layers):
        if shape is None:
            return None
        try:
            shape = shape_after(child, shape)
        except ValueError as error:
            where = f"layer {i},"
            if not isinstance(child, nn.HybridSequential):
                where = f"layer {i} ({_describe_layer(child)}):"
            raise type(error)(f"{where} {error}") from None
    return shape


def _after_dense(layer, shape):
    width = int(numpy.prod(shape[1:])) if layer._flatten else shape[-1]
    if layer.weight.shape[1] > 0 and layer.weight.shape[1] != width:
        raise ValueError(
            f"expected {layer.weight.shape[1]} inputs, got {width} from {shape}; "
            "a dense layer fixes the size of the image it was first used with"
        )
    return (shape[0], layer._units) if layer._flatten else (*shape[:-1], layer._units)


def check_initialized(net) -> None:
    """Tell a net whose parameters have no values and don't wait for a shape either."""
    for name, parameter in net.collect_params().items():
        if parameter._data is None and not parameter._deferred_init:
            raise RuntimeError(
                f"parameter {name} is not initialized: call net.initialize() first"
            )


class Checked:
    """For blocks that tell mistakes before MXNet sees them; goes before Gluon's class.

    Raises
    ------
    ValueError
        On a call with an input without the axes (N, C, H, W), with other channels
        than before, or too small.
    TypeError
        On a call with anything but an `mxnet.np` array.
    RuntimeError
        On a call before `initialize()`.
    """

    _seen = None

    def register_child(self, block, name=None):
        super().register_child(block, name)
        self._seen = None  # what fitted before need not fit with the new layer

    def __call__(self, X):
        if isinstance(X, np.ndarray):
            if X.shape != self._seen:
                self._check_input(X.shape)
                self._seen = X.shape
        elif isinstance(X, numpy.ndarray) or not hasattr(X, "list_arguments"):
            raise TypeError(
                f"X: expected an mxnet.np array (N, C, H, W), got "
                f"{type(X).__module__}.{type(X).__name__}; mxnet.np.array(X) makes one"
            )
        return super().__call__(X)

    def _check_input(self, shape) -> None:
        check_initialized(self)
        self._check_shapes(shape)

    def _check_shapes(self, shape) -> None:
        if 0 in shape:
            raise ValueError(f"X: expected no empty axis, got {shape}")
        try:
            shape_after(self, shape)
        except _TooSmall as error:
            raise ValueError(
                f"X of shape {shape} is too small: {error}.{self._smallest(shape)}"
            ) from None
        except ValueError as error:
            raise ValueError(f"X of shape {shape} does not fit: {error}") from None

    def _smallest(self, shape) -> str:
        """The sentence that names the smallest square image this net takes."""
        for size in range(1, 512):
            try:
                shape_after(self, (*shape[:2], size, size))
            except _TooSmall:
                continue
            except ValueError:
                return ""
            return f" The smallest image that fits is {size}×{size}."
        return ""


class HybridSequential(Checked, nn.HybridSequential):
    """Gluon's `nn.HybridSequential`; mistakes are told before MXNet sees them."""
