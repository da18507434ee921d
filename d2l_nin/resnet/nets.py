"""Residual nets (He et al., arXiv 1512.03385 and 1603.05027)."""

from __future__ import annotations

from mxnet.gluon import nn

from d2l_nin.layers import Conv2D, Dense, HybridSequential, MaxPool2D
from d2l_nin.resnet.blocks import Bottleneck, Residual, relu

__all__ = ["resnet18", "resnet_cifar", "resnet_classroom", "resnet_imagenet"]


def _resnet(stem, in_channels, stages, num_classes, *, block=Residual, **options):
    """Put a net together: stem, stages of blocks, GAP and a dense layer.

    `stages` are (number of blocks, channels, strides of the first).
    """
    net = HybridSequential()
    net.add(*stem)
    for num_blocks, num_channels, strides in stages:
        for i in range(num_blocks):
            net.add(
                block(
                    num_channels,
                    strides if i == 0 else 1,
                    in_channels=in_channels,
                    **options,
                )
            )
            in_channels = num_channels
    if "pre-activation" in options.get("order", ""):
        net.add(nn.BatchNorm(), relu())
    net.add(nn.GlobalAvgPool2D(), nn.Flatten(), Dense(num_classes))
    return net


def resnet18(num_classes=10):
    """Make d2l's ResNet-18: 11,178,378 parameters for one input channel.

    Parameters
    ----------
    num_classes : int

    Returns
    -------
    HybridSequential
        From (N, 1, 96, 96) or (N, 1, 224, 224) to scores (N, num_classes).

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 8.6: convolutions have biases, and
    the projections no batch norm.
    """
    stem = [
        Conv2D(64, 7, strides=2, padding=3),
        nn.BatchNorm(),
        relu(),
        MaxPool2D(3, strides=2, padding=1),
    ]
    stages = [(2, 64, 1), (2, 128, 2), (2, 256, 2), (2, 512, 2)]
    return _resnet(stem, 64, stages, num_classes, use_bias=True, norm_projection=False)


def resnet_imagenet(depth=50, num_classes=1000, **options):
    """Make ResNet-18, 34, 50, 101 or 152 for ImageNet.

    Parameters
    ----------
    depth : int
    num_classes : int
    **options
        Of `Residual` (18, 34) or `Bottleneck`.

    Returns
    -------
    HybridSequential
        From (N, 3, 224, 224) to scores (N, num_classes).

    Notes
    -----
    He et al., arXiv 1512.03385, table 1. With ``order='full pre-activation'`` the nets
    of arXiv 1603.05027.
    """
    known = {
        18: (Residual, (2, 2, 2, 2)),
        34: (Residual, (3, 4, 6, 3)),
        50: (Bottleneck, (3, 4, 6, 3)),
        101: (Bottleneck, (3, 4, 23, 3)),
        152: (Bottleneck, (3, 8, 36, 3)),
    }
    if depth not in known:
        raise ValueError(
            f"depth: expected one of {', '.join(map(str, known))}, got {depth!r}"
        )
    block, numbers = known[depth]
    factor = 4 if block is Bottleneck else 1
    stem = [
        Conv2D(64, 7, strides=2, padding=3, use_bias=False),
        nn.BatchNorm(),
        relu(),
        MaxPool2D(3, strides=2, padding=1),
    ]
    stages = [
        (number, 64 * 2**i * factor, 1 if i == 0 else 2)
        for i, number in enumerate(numbers)
    ]
    return _resnet(stem, 64, stages, num_classes, block=block, **options)


def _cifar_stem(num_channels, order) -> list:
    """A 3×3 convolution; before pre-activated blocks it needs no ReLU."""
    conv = Conv2D(num_channels, 3, padding=1, use_bias=False)
    return [conv] if "pre-activation" in order else [conv, nn.BatchNorm(), relu()]


def resnet_cifar(depth=20, num_classes=10, *, shortcut="zero-pad", **options):
    """Make the CIFAR-10 net of 6n + 2 layers: 269,722 parameters at depth 20.

    Parameters
    ----------
    depth : int
        8, 14, 20, 32, 44, 56, 110, …
    num_classes : int
    shortcut : str or None
    **options
        Of `Residual`.

    Returns
    -------
    HybridSequential
        From (N, 3, 32, 32), or (N, 1, 28, 28), to scores (N, num_classes). Heights
        32-16-8-1, or 28-14-7-1.

    Notes
    -----
    He et al., arXiv 1512.03385, section 4.2 and table 6.
    """
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ValueError(f"depth: expected 6n + 2, such as 20 or 56, got {depth}")
    stem = _cifar_stem(16, options.get("order", "original"))
    stages = [(n, 16, 1), (n, 32, 2), (n, 64, 2)]
    return _resnet(stem, 16, stages, num_classes, shortcut=shortcut, **options)


def resnet_classroom(
    num_classes=10, *, num_blocks=(1, 1, 1), widths=(32, 64, 128), **options
):
    """Make the small ResNet for 28×28.

    Parameters
    ----------
    num_classes : int
    num_blocks, widths : tuple of int
        Of the stages, as many of both.
    **options
        Of `Residual`.

    Returns
    -------
    HybridSequential
        From (N, 1, 28, 28) to scores (N, num_classes). Heights 14-14-7-4-1.

    Raises
    ------
    ValueError
        The stages of `num_blocks` and `widths` don't pair, or there are none.
    """
    if len(num_blocks) != len(widths) or len(widths) == 0:
        raise ValueError(
            "num_blocks and widths: expected one number of both for each stage, got "
            f"{tuple(num_blocks)} and {tuple(widths)}"
        )
    stem = [
        Conv2D(widths[0], 5, strides=2, padding=2, use_bias=False),
        nn.BatchNorm(),
        relu(),
    ]
    stages = [
        (number, width, 1 if i == 0 else 2)
        for i, (number, width) in enumerate(zip(num_blocks, widths))
    ]
    return _resnet(stem, widths[0], stages, num_classes, **options)
