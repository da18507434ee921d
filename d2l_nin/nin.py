"""Floor 1: Network in Network (Lin, Chen, Yan, arXiv 1312.4400).

Each net is a flat `HybridSequential` that a reader can print, index and slice:
``net[:-2]`` of a net with the `gap` head gives its class maps.
"""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from d2l_nin.layers import Conv2D, Dense, HybridSequential, MaxPool2D

__all__ = [
    "Maxout",
    "maxout_block",
    "nin_block",
    "nin_cifar10",
    "nin_classroom",
    "nin_fashion_mnist",
    "nin_imagenet",
]


def nin_block(
    num_channels,
    kernel_size,
    strides=1,
    padding=0,
    *,
    batch_norm=False,
    last_relu=True,
    cross_channel=True,
):
    """Make an mlpconv layer: a convolution, then two 1×1 convolutions.

    Parameters
    ----------
    num_channels : int or (int, int, int)
        Output channels of the three convolutions.
    kernel_size, strides, padding : int
        Of the first convolution. The 1×1 convolutions keep height and width.
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
        A number is not a whole number of at least 1 (padding: 0), or `num_channels`
        has not one or three entries.

    Notes
    -----
    Section 3.1 of the paper; three convolutions as in its authors' code and in d2l.
    """
    alike = not isinstance(num_channels, (tuple, list))
    widths = [num_channels] * 3 if alike else num_channels
    if len(widths) != 3:
        raise ValueError(f"num_channels: expected 1 or 3 numbers, got {num_channels}")
    windows = [(kernel_size, strides, padding), (1, 1, 0), (1, 1, 0)]
    blk = HybridSequential()
    for i, (width, window) in enumerate(zip(widths, windows)):
        relu = last_relu or i < 2
        groups = 1 if cross_channel or i == 0 else width
        bias = not (batch_norm and relu)
        blk.add(Conv2D(width, *window, groups=groups, use_bias=bias))
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


def _nin(
    blocks,
    class_block,
    *,
    block,
    batch_norm,
    last_relu,
    dropout,
    dropout_after,
    pool_last=True,
    ceil_mode,
    head,
    head_units,
):
    """Put a net together: blocks, 3×3/2 pooling after each, then the head.

    `blocks` are the arguments of `block`; `class_block` those of the last one, whose
    last width is the number of classes. `dropout_after` says after which blocks, and
    their pooling, dropout stands.
    """
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
    num_classes = class_block[0][-1]
    if head == "gap":
        net.add(nin_block(*class_block, batch_norm=batch_norm, last_relu=last_relu))
        net.add(nn.GlobalAvgPool2D(), nn.Flatten())
        return net
    if head == "gap_dense":
        net.add(nn.GlobalAvgPool2D(), nn.Flatten(), Dense(num_classes))
        return net
    net.add(nn.Flatten())
    for units in head_units:
        net.add(Dense(units, activation="relu"))
        if dropout:
            net.add(nn.Dropout(dropout))
    net.add(Dense(num_classes))
    return net


_OPTIONS = """
    batch_norm : bool
        Normalize before each ReLU.
    last_relu : bool
        Whether a ReLU stands between the class maps and their average.
    dropout : float
        Probability of dropping a value, from 0 (no such layer) to below 1.
    ceil_mode : bool
        Whether pooling sizes are rounded up (Caffe) or down (Gluon).
    head : str
        'gap': class maps by a last mlpconv layer, averaged. 'gap_dense': the maps of
        the last block averaged, then one dense layer, as in GoogLeNet and ResNet.
        'dense': no average, two hidden dense layers and one of `num_classes`.
    block : function
        What builds the blocks before the head: `nin_block`, `maxout_block` or another
        with the arguments (num_channels, kernel_size, strides, padding, batch_norm=).

    Returns
    -------
    HybridSequential
"""


def _documented(build):
    """Fill the options that all nets share into a docstring."""
    build.__doc__ = build.__doc__.replace("\n    OPTIONS\n", _OPTIONS)
    return build


@_documented
def nin_fashion_mnist(
    num_classes=10,
    *,
    batch_norm=False,
    last_relu=True,
    dropout=0.5,
    ceil_mode=False,
    head="gap",
    block=nin_block,
):
    """Make the NiN of the d2l book: 1,992,166 parameters.

    Parameters
    ----------
    num_classes : int
    OPTIONS
        From (N, 1, 224, 224) to scores (N, num_classes). Heights 54-26-26-12-12-5-5-1,
        in ceil mode 54-27-27-13-13-6-6-1. Any number of input channels will do.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 8.3: AlexNet's windows (11×11/4,
    5×5, 3×3) and widths.
    """
    return _nin(
        [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1)],
        ((num_classes,) * 3, 3, 1, 1),
        block=block,
        batch_norm=batch_norm,
        last_relu=last_relu,
        dropout=dropout,
        dropout_after=(2,),
        ceil_mode=ceil_mode,
        head=head,
        head_units=(4096, 4096),
    )


@_documented
def nin_imagenet(
    num_classes=1000,
    *,
    batch_norm=False,
    last_relu=True,
    dropout=0.5,
    ceil_mode=True,
    head="gap",
    block=nin_block,
):
    """Make the four-block ImageNet net that NiN's authors released for Caffe.

    7,595,176 parameters. It is not in the paper, which has no ImageNet experiment.

    Parameters
    ----------
    num_classes : int
    OPTIONS
        From (N, 3, 224, 224), heights 54-27-27-13-13-6-6-1, or from (N, 3, 227, 227),
        heights 55-27-27-13-13-6-6-1, to scores (N, num_classes).

    Notes
    -----
    Caffe model zoo, NIN-ImageNet (gist d802a5849de39225bcc6).
    """
    return _nin(
        [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1)],
        ((1024, 1024, num_classes), 3, 1, 1),
        block=block,
        batch_norm=batch_norm,
        last_relu=last_relu,
        dropout=dropout,
        dropout_after=(2,),
        ceil_mode=ceil_mode,
        head=head,
        head_units=(4096, 4096),
    )


@_documented
def nin_cifar10(
    num_classes=10,
    *,
    batch_norm=False,
    last_relu=True,
    dropout=0.5,
    ceil_mode=True,
    head="gap",
    block=nin_block,
):
    """Make the paper's CIFAR-10 net: 966,986 parameters.

    Parameters
    ----------
    num_classes : int
    OPTIONS
        From (N, 3, 32, 32) to scores (N, num_classes). Heights 32-16-16-8-8-1, in
        floor mode 32-15-15-7-7-1.

    Notes
    -----
    The authors' cuda-convnet definition (mavenlin/cuda-convnet, folder NIN).
    """
    return _nin(
        [((192, 160, 96), 5, 1, 2), ((192, 192, 192), 5, 1, 2)],
        ((192, 192, num_classes), 3, 1, 1),
        block=block,
        batch_norm=batch_norm,
        last_relu=last_relu,
        dropout=dropout,
        dropout_after=(0, 1),
        ceil_mode=ceil_mode,
        head=head,
        head_units=(1024, 512),
    )


@_documented
def nin_classroom(
    num_classes=10,
    *,
    widths=(32, 64, 128),
    batch_norm=True,
    last_relu=False,
    dropout=0.0,
    ceil_mode=True,
    head="gap",
    block=nin_block,
):
    """Make the small NiN that two cores train in under a minute.

    156,234 trained parameters with batch norm.

    Parameters
    ----------
    num_classes : int
    widths : tuple of int
        Channels of the three blocks before the head.
    OPTIONS
        From (N, 1, 28, 28) to scores (N, num_classes). Heights 14-7-7-3-3-3-1.
    """
    if len(widths) != 3:
        raise ValueError(f"widths: expected three, got {len(widths)}: {widths!r}")
    windows = [(5, 2, 2), (3, 1, 1), (3, 1, 1)]
    return _nin(
        [(width, *window) for width, window in zip(widths, windows)],
        ((16, 16, num_classes), 3, 1, 1),
        block=block,
        batch_norm=batch_norm,
        last_relu=last_relu,
        dropout=dropout,
        dropout_after=(2,),
        pool_last=False,
        ceil_mode=ceil_mode,
        head=head,
        head_units=(1024, 512),
    )
