"""Network in Network (Lin, Chen, Yan, arXiv 1312.4400).

Each net is a flat `HybridSequential` that a reader can print, index and slice:
``net[:-2]`` of a net with the `gap` head gives its class maps.
"""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from d2l_nin.layers import Conv2D, Dense, HybridSequential, MaxPool2D, each_of
from d2l_nin.runtime import whole_number

__all__ = [
    "Maxout",
    "maxout_block",
    "mlpconv",
    "nin_block",
    "nin_cifar10",
    "nin_classroom",
    "nin_fashion_mnist",
    "nin_imagenet",
]


def nin_block(num_channels, kernel_size, strides=1, padding=0, num_1x1=2):
    """Make an mlpconv layer: a convolution, then 1×1 convolutions.

    Parameters
    ----------
    num_channels : int
        Output channels of each convolution.
    kernel_size, strides, padding : int
        Of the first convolution. The 1×1 convolutions keep height and width.
    num_1x1 : int
        How many 1×1 convolutions follow the first one.

    Returns
    -------
    HybridSequential
        From (N, C, H, W) to (N, num_channels, H', W').

    Raises
    ------
    ValueError, TypeError
        A number is not a whole number of at least 1 (padding: 0).

    Notes
    -----
    Section 3.1 of the paper; three convolutions as in its authors' code and in d2l.
    """
    blk = HybridSequential()
    blk.add(Conv2D(num_channels, kernel_size, strides, padding, activation="relu"))
    for _ in range(num_1x1):
        blk.add(Conv2D(num_channels, kernel_size=1, activation="relu"))
    return blk


def mlpconv(
    num_channels,
    kernel_size,
    strides=1,
    padding=0,
    *,
    num_1x1=2,
    batch_norm=True,
    last_relu=True,
    cross_channel=True,
):
    """Make `nin_block` with what experiments vary.

    Parameters
    ----------
    num_channels : int or sequence of int
        Output channels, of all convolutions or of each.
    kernel_size, strides, padding : int
        Of the first convolution.
    num_1x1 : int
        How many 1×1 convolutions follow it.
    batch_norm : bool
        Normalize before each ReLU; such a convolution has no bias.
    last_relu : bool
        Whether the last convolution is followed by (batch norm and) ReLU.
    cross_channel : bool
        Whether the 1×1 convolutions mix channels. Without, each channel is only
        scaled and shifted by itself.

    Returns
    -------
    HybridSequential
        From (N, C, H, W) to (N, num_channels, H', W').

    Raises
    ------
    ValueError, TypeError
        As for `nin_block`, or `num_channels` has not one entry or 1 + `num_1x1`.
    """
    num_convs = 1 + whole_number("num_1x1", num_1x1, 0)
    widths = each_of("num_channels", num_channels, num_convs)
    blk = HybridSequential()
    for i, width in enumerate(widths):
        relu = last_relu or i < num_1x1
        kernel = (kernel_size, strides, padding) if i == 0 else (1, 1, 0)
        groups = 1 if cross_channel or i == 0 else width
        blk.add(
            Conv2D(width, *kernel, groups=groups, use_bias=not (batch_norm and relu))
        )
        if relu and batch_norm:
            blk.add(nn.BatchNorm())
        if relu:
            blk.add(nn.Activation("relu"))
    return blk


class Maxout(HybridBlock):
    """Keep the largest of k channels at each place: (N, kC, H, W) to (N, C, H, W).

    Parameters
    ----------
    num_pieces : int
        k, at least 2; output c is the largest of the inputs c, C + c, 2C + c, …

    Notes
    -----
    Goodfellow et al., Maxout Networks, arXiv 1302.4389, section 3.
    """

    def __init__(self, num_pieces):
        super().__init__()
        if num_pieces < 2:
            raise ValueError(f"num_pieces: expected at least 2, got {num_pieces}")
        self.num_pieces = num_pieces

    def hybrid_forward(self, F, X):
        # max(a, b) = a + relu(b - a), of MXNet's older operators: the gradient of
        # np.maximum takes three times longer than a whole step of this.
        pieces = F.split(X.as_nd_ndarray(), num_outputs=self.num_pieces, axis=1)
        largest = pieces[0]
        for i in range(1, self.num_pieces):
            rest = F.relu(F.elemwise_sub(pieces[i], largest))
            largest = F.elemwise_add(largest, rest)
        return largest.as_np_ndarray()


def maxout_block(
    num_channels, kernel_size, strides=1, padding=0, *, num_pieces=2, batch_norm=False
):
    """Make a maxout layer: a convolution, then the maximum of `num_pieces` maps each.

    Takes the place of `nin_block` where the two are compared: it has one non-linear
    step, a convex piecewise-linear function, where mlpconv has a small network.

    Parameters
    ----------
    num_channels, kernel_size, strides, padding : int
    num_pieces : int
        Maps of which the largest is kept.
    batch_norm : bool
        Normalize before the maximum.

    Returns
    -------
    HybridSequential
        From (N, C, H, W) to (N, num_channels, H', W').
    """
    blk = HybridSequential()
    blk.add(
        Conv2D(
            num_channels * num_pieces,
            kernel_size,
            strides,
            padding,
            use_bias=not batch_norm,
        )
    )
    if batch_norm:
        blk.add(nn.BatchNorm())
    blk.add(Maxout(num_pieces))
    return blk


def _nin(blocks, class_block, *, dropout_after, head_units, pool_last=True, **options):
    """Put a net together: blocks, 3×3/2 pooling after each, then the head.

    `blocks` are the arguments of the option `block`; `class_block` those of the last
    one, whose last width is the number of classes. `dropout_after` says after which
    blocks, and their pooling, dropout stands. Options that are not given are plain.
    """
    unknown = set(options) - set(_PLAIN)
    if unknown:
        raise TypeError(
            f"{', '.join(sorted(unknown))}: expected options among {', '.join(_PLAIN)}"
        )
    batch_norm, last_relu, dropout, ceil_mode, head, block = {
        **_PLAIN, **options
    }.values()  # fmt: skip
    if head not in ("gap", "gap_dense", "dense"):
        raise ValueError(f"head: expected 'gap', 'gap_dense' or 'dense', got {head!r}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout: expected 0 ≤ dropout < 1, got {dropout}")
    net = HybridSequential()
    for i, arguments in enumerate(blocks):
        net.add(block(*arguments, batch_norm=batch_norm))
        if pool_last or i < len(blocks) - 1:
            net.add(MaxPool2D(3, strides=2, ceil_mode=ceil_mode))
        if dropout and i in dropout_after:
            net.add(nn.Dropout(dropout))
    if head == "gap":
        net.add(mlpconv(*class_block, batch_norm=batch_norm, last_relu=last_relu))
        net.add(nn.GlobalAvgPool2D(), nn.Flatten())
        return net
    net.add(*_dense_end(head, head_units, class_block[0][-1], dropout))
    return net


def _dense_end(head, head_units, num_classes, dropout) -> list:
    """The layers of a head with dense layers."""
    if head == "gap_dense":
        return [nn.GlobalAvgPool2D(), nn.Flatten(), Dense(num_classes)]
    layers = [nn.Flatten()]
    for units in head_units:
        layers.append(Dense(units, activation="relu"))
        if dropout:
            layers.append(nn.Dropout(dropout))
    return [*layers, Dense(num_classes)]


# What all nets below take as **options, and what stands where nothing else is said.
_PLAIN = {
    "batch_norm": False,  # normalize before each ReLU
    "last_relu": True,    # a ReLU between the class maps and their average
    "dropout": 0.5,       # probability of dropping a value; 0: no such layer
    "ceil_mode": False,   # pooling sizes are rounded up (Caffe) or down (Gluon)
    "head": "gap",        # 'gap', 'gap_dense' (as in GoogLeNet and ResNet), 'dense'
    "block": mlpconv,     # or maxout_block, or another with the same arguments
}  # fmt: skip
# AlexNet's kernels and widths: (num_channels, kernel_size, strides, padding).
_ALEXNET = [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1)]


def nin_fashion_mnist(num_classes=10, **options):
    """Make the NiN of the d2l book: 1,992,166 parameters.

    From (N, 1, 224, 224) to scores (N, num_classes). Heights 54-26-26-12-12-5-5-1,
    with ceil_mode=True 54-27-27-13-13-6-6-1. Any number of input channels will do.

    Parameters
    ----------
    num_classes : int
    **options
        `batch_norm`, `last_relu`, `dropout`, `ceil_mode`, `head`, `block`: see the
        table in this module.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 8.3.
    """
    class_block = ((num_classes,) * 3, 3, 1, 1)
    return _nin(
        _ALEXNET, class_block, dropout_after=(2,), head_units=(4096, 4096), **options
    )


def nin_imagenet(num_classes=1000, **options):
    """Make the four-block ImageNet net that NiN's authors released for Caffe.

    7,595,176 parameters. It is not in the paper, which has no ImageNet experiment. From
    (N, 3, 224, 224), heights 54-27-27-13-13-6-6-1, or from (N, 3, 227, 227), heights
    55-27-27-13-13-6-6-1, to scores (N, num_classes).

    Parameters
    ----------
    num_classes : int
    **options
        As for `nin_fashion_mnist`; here `ceil_mode` is True by default.

    Notes
    -----
    Caffe model zoo, NIN-ImageNet (gist d802a5849de39225bcc6).
    """
    class_block = ((1024, 1024, num_classes), 3, 1, 1)
    options = {"ceil_mode": True, **options}
    return _nin(
        _ALEXNET, class_block, dropout_after=(2,), head_units=(4096, 4096), **options
    )


def nin_cifar10(num_classes=10, **options):
    """Make the paper's CIFAR-10 net: 966,986 parameters.

    From (N, 3, 32, 32) to scores (N, num_classes). Heights 32-16-16-8-8-1, with
    ceil_mode=False 32-15-15-7-7-1.

    Parameters
    ----------
    num_classes : int
    **options
        As for `nin_fashion_mnist`; here `ceil_mode` is True by default.

    Notes
    -----
    The authors' cuda-convnet definition (mavenlin/cuda-convnet, folder NIN).
    """
    blocks = [((192, 160, 96), 5, 1, 2), ((192, 192, 192), 5, 1, 2)]
    class_block = ((192, 192, num_classes), 3, 1, 1)
    options = {"ceil_mode": True, **options}
    return _nin(
        blocks, class_block, dropout_after=(0, 1), head_units=(1024, 512), **options
    )


def nin_classroom(num_classes=10, *, widths=(32, 64, 128), **options):
    """Make the small NiN of chapter 02, which a laptop trains in a minute or two.

    156,234 trained parameters. From (N, 1, 28, 28) to scores (N, num_classes). Heights
    14-7-7-3-3-3-1.

    Parameters
    ----------
    num_classes : int
    widths : tuple of int
        Channels of the three blocks before the head.
    **options
        As for `nin_fashion_mnist`; here, by default, there is batch norm, no ReLU
        before the average, no dropout, and sizes are rounded up.
    """
    first, second, third = each_of("widths", widths, 3)
    options = {
        "batch_norm": True, "last_relu": False, "dropout": 0.0, "ceil_mode": True,
        **options,
    }  # fmt: skip
    return _nin(
        [(first, 5, 2, 2), (second, 3, 1, 1), (third, 3, 1, 1)],
        ((16, 16, num_classes), 3, 1, 1),
        dropout_after=(2,), head_units=(1024, 512), pool_last=False, **options,
    )  # fmt: skip
