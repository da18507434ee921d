"""A trained net elsewhere: on other classes, folded, in files, in another process.

Files hold numbers and a graph of operators as text: nothing is pickled or run.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy
from mxnet import gluon, init, np
from mxnet.gluon import nn

from d2l_nin.layers import Conv2D, Dense, HybridSequential, check_initialized
from d2l_nin.runtime import whole_number

__all__ = [
    "export_net",
    "fold_batch_norm",
    "folded_weights",
    "freeze",
    "import_net",
    "transfer",
]

_WINDOW = "kernel", "stride", "pad"  # of a convolution, under MXNet's names


def _check_net(net) -> None:
    if not isinstance(net, nn.HybridSequential):
        raise TypeError(f"net: expected a HybridSequential, got {type(net).__name__}")
    check_initialized(net)


def transfer(net, num_classes, frozen=False):
    """Keep a net's backbone and give it a new head, for other classes.

    Parameters
    ----------
    net : HybridSequential
        Its last convolution or dense layer is the head, and a fresh one takes its
        place; all else is kept. What is kept is shared with `net`, which learns with
        the new net; the convolutions that are folded are not.
    num_classes : int
    frozen : bool
        Train the head alone: the backbone gets no gradient, and its batch norm is
        folded into the convolutions. Otherwise all is fine-tuned.

    Returns
    -------
    HybridSequential : from what `net` takes to scores (N, num_classes)

    Raises
    ------
    TypeError, ValueError, RuntimeError
        `net` is no HybridSequential, has no such layer or is not initialized;
        `num_classes` is no whole number of at least 1.

    Notes
    -----
    Yosinski et al., How transferable are features in deep neural networks?, arXiv
    1411.1792.
    """
    num_classes = whole_number("num_classes", num_classes, 1)
    _check_net(net)
    new_net = _with_new_head(freeze(net) if frozen else net, num_classes)
    if new_net is None:
        raise ValueError("net: expected a convolution or a dense layer, found none")
    return new_net


def freeze(net):
    """Make a net that gives the same scores and doesn't learn.

    Parameters
    ----------
    net : HybridSequential
        Trained.

    Returns
    -------
    HybridSequential
        As of `fold_batch_norm`, so that no mean and deviation changes either.

    Raises
    ------
    TypeError, RuntimeError
        As `fold_batch_norm`.
    """
    frozen = fold_batch_norm(net)  # its means and deviations are fixed from now on
    frozen.collect_params().setattr("grad_req", "null")  # no gradient, no learning
    return frozen


def _with_new_head(net, num_classes: int):
    """A sequence of the same layers but for the last with weights; None without one."""
    layers = list(net)
    for k in reversed(range(len(layers))):
        new = _new_head(layers[k], num_classes)
        if new is not None:
            layers[k], new_net = new, HybridSequential()
            new_net.add(*layers)
            return new_net
    return None


def _new_head(layer, num_classes: int):
    """What takes the place of this layer if it is the last with weights, or None."""
    if isinstance(layer, nn.HybridSequential):
        return _with_new_head(layer, num_classes)
    if isinstance(layer, nn.Dense):
        head = Dense(num_classes, flatten=layer._flatten)
    elif isinstance(layer, nn.Conv2D):
        head = Conv2D(num_classes, *(layer._kwargs[k] for k in _WINDOW))
    else:
        return None
    head.initialize(init.MSRAPrelu("in", 0))
    return head


def fold_batch_norm(net):
    """Make the net that gives the same scores without batch norm, for inference.

    In inference batch norm is γ (x − μ) / √(σ² + ε) + β with fixed numbers. The
    convolution before it can do that itself: its kernels are scaled, it gets a bias.

    Parameters
    ----------
    net : HybridSequential
        Trained; may hold further ones.

    Returns
    -------
    HybridSequential
        A new net; what is not folded is shared with `net`, which stays as it is. Scores
        agree up to rounding.

    Raises
    ------
    TypeError, RuntimeError
        `net` is no HybridSequential, or not initialized.
    """
    _check_net(net)
    layers = []
    for layer in net:
        if isinstance(layer, nn.HybridSequential):
            layers.append(fold_batch_norm(layer))
        elif (
            isinstance(layer, nn.BatchNorm)
            and layers
            and isinstance(layers[-1], nn.Conv2D)
            and layers[-1].act is None  # nothing stands between
        ):
            layers[-1] = _folded(layers[-1], layer)
        else:
            layers.append(layer)
    folded = HybridSequential()
    folded.add(*layers)
    return folded


def folded_weights(weight, bias, gamma, beta, mean, var, eps: float) -> tuple:
    """Weights and bias of a layer that does what it and batch norm after it do.

    Batch norm multiplies by a = γ/√(σ² + ε) and adds β − aμ: W becomes aW, and b
    becomes a(b − μ) + β.

    Parameters
    ----------
    weight : NumPy array (D, …)
        Of a convolution or a dense layer with D outputs.
    bias : NumPy array (D,), or 0
    gamma, beta, mean, var : NumPy arrays (D,)
    eps : float

    Returns
    -------
    weight, bias : float32 arrays of NumPy
    """
    gamma, beta, mean, var = (a.astype("float64") for a in (gamma, beta, mean, var))
    scale = gamma / numpy.sqrt(var + eps)
    weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    bias = scale * (bias - mean) + beta
    return weight.astype("float32"), bias.astype("float32")


def _folded(conv, norm):
    """One convolution that does what these two layers do in inference."""
    gamma, beta, mean, var = (
        parameter.data().asnumpy()
        for parameter in (norm.gamma, norm.beta, norm.running_mean, norm.running_var)
    )
    if norm._kwargs["fix_gamma"]:
        gamma = numpy.ones_like(gamma)
    bias = 0 if conv.bias is None else conv.bias.data().asnumpy()
    kernel, strides, padding, dilation, groups = (
        conv._kwargs[k] for k in ("kernel", "stride", "pad", "dilate", "num_group")
    )
    weight = conv.weight.data()
    made = folded_weights(
        weight.asnumpy(), bias, gamma, beta, mean, var, norm._kwargs["eps"]
    )
    new = Conv2D(len(weight), kernel, strides, padding, dilation=dilation,
                 groups=groups, in_channels=weight.shape[1] * groups)  # fmt: skip
    new.initialize(init.Zero(), ctx=weight.ctx)
    for parameter, values in zip((new.weight, new.bias), made):
        parameter.set_data(np.array(values))
    return new


def export_net(net, path: str | Path, input_shape: tuple) -> tuple[Path, Path]:
    """Write a net as two files that are read without the code that built it.

    Parameters
    ----------
    net : HybridBlock
        Initialized; it is hybridized.
    path : str or Path
        Without an ending; folders that are missing are made.
    input_shape : tuple of int
        (N, C, H, W) of an input that the net takes.

    Returns
    -------
    (graph, parameters) : `path` with -symbol.json, and with -0000.params

    Raises
    ------
    TypeError, RuntimeError
        `net` is no HybridBlock, or not initialized.
    """
    if not isinstance(net, gluon.HybridBlock):
        raise TypeError(f"net: expected a HybridBlock, got {type(net).__name__}")
    check_initialized(net)
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    net.hybridize()
    net(np.zeros(input_shape))  # the graph is drawn when a first input goes through
    net.export(str(path))
    return _files(path)


def _files(path: Path) -> tuple[Path, Path]:
    ends = "-symbol.json", "-0000.params"
    return tuple(path.with_name(path.name + end) for end in ends)


def import_net(path: str | Path) -> gluon.SymbolBlock:
    """Read what `export_net` wrote.

    Parameters
    ----------
    path : str or Path
        As of `export_net`.

    Returns
    -------
    SymbolBlock

    Raises
    ------
    FileNotFoundError
    """
    graph, parameters = _files(Path(path).expanduser())
    for file in (graph, parameters):
        if not file.is_file():
            raise FileNotFoundError(f"{file}: no such file; export_net writes it.")
    with warnings.catch_warnings():  # that the graph doesn't name the input's type
        warnings.filterwarnings("ignore", "Cannot decide type")
        return gluon.SymbolBlock.imports(str(graph), ["data"], str(parameters))
