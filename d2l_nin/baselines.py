"""The nets that NiN is compared with, all with dense heads."""

from __future__ import annotations

from mxnet.gluon import nn

from d2l_nin.layers import Conv2D, Dense, HybridSequential, MaxPool2D

__all__ = ["alexnet", "alexnet_2012", "lenet", "vgg"]


def lenet(num_classes=10, *, modern=False):
    """Make d2l's LeNet-5 for (N, 1, 28, 28): 61,706 parameters.

    Parameters
    ----------
    num_classes : int
    modern : bool
        With batch norm and ReLU instead of sigmoids, and max instead of average
        pooling: the same dense layers, in a net that today's recipes train.

    Notes
    -----
    LeCun et al. 1998; as in Dive into Deep Learning, section 7.6: sigmoids, average
    pooling and a dense last layer.
    """
    pool = MaxPool2D if modern else nn.AvgPool2D
    net = HybridSequential()
    for layer in (
        Conv2D(6, 5, padding=2),
        pool(2, strides=2),
        Conv2D(16, 5),
        pool(2, strides=2),
        nn.Flatten(),
        Dense(120),
        Dense(84),
    ):
        net.add(layer)
        if isinstance(layer, (Conv2D, Dense)):
            if modern:
                net.add(nn.BatchNorm())
            net.add(nn.Activation("relu" if modern else "sigmoid"))
    net.add(Dense(num_classes))
    return net


def _dense_head(num_classes):
    """Make the head of AlexNet and VGG: 4096, 4096, then the classes."""
    head = HybridSequential()
    head.add(nn.Flatten())
    for _ in range(2):
        head.add(Dense(4096, activation="relu"), nn.Dropout(0.5))
    head.add(Dense(num_classes))
    return head


def alexnet(num_classes=10):
    """Make d2l's AlexNet for (N, 1, 224, 224): 46,764,746 parameters.

    Notes
    -----
    Krizhevsky et al. 2012, as in Dive into Deep Learning, section 8.1: one tower, no
    groups, no local response normalization, padding 1 in the first convolution.
    """
    net = HybridSequential()
    net.add(
        Conv2D(96, 11, 4, 1, activation="relu"),
        MaxPool2D(3, strides=2),
        Conv2D(256, 5, padding=2, activation="relu"),
        MaxPool2D(3, strides=2),
        Conv2D(384, 3, padding=1, activation="relu"),
        Conv2D(384, 3, padding=1, activation="relu"),
        Conv2D(256, 3, padding=1, activation="relu"),
        MaxPool2D(3, strides=2),
        *_dense_head(num_classes),
    )
    return net


def alexnet_2012(num_classes=1000):
    """Make AlexNet in two groups, for (N, 3, 227, 227): 60,965,224 parameters.

    Notes
    -----
    Krizhevsky et al. 2012, sections 3.2 and 3.5; without local response normalization.
    """
    net = HybridSequential()
    net.add(
        Conv2D(96, 11, 4, activation="relu"),
        MaxPool2D(3, strides=2),
        Conv2D(256, 5, padding=2, groups=2, activation="relu"),
        MaxPool2D(3, strides=2),
        Conv2D(384, 3, padding=1, activation="relu"),
        Conv2D(384, 3, padding=1, groups=2, activation="relu"),
        Conv2D(256, 3, padding=1, groups=2, activation="relu"),
        MaxPool2D(3, strides=2),
        *_dense_head(num_classes),
    )
    return net


def vgg(num_classes=10, depth=11):
    """Make VGG-11 or VGG-16, e.g. for (N, 1, 224, 224).

    With one input channel and ten classes 128,806,154 parameters at depth 11 and
    134,300,362 at depth 16.

    Notes
    -----
    Simonyan and Zisserman, arXiv 1409.1556, table 1, columns A and D.
    """
    convs_per_stage = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3)}
    if depth not in convs_per_stage:
        raise ValueError(f"depth: expected 11 or 16, got {depth!r}")
    net = HybridSequential()
    for num_convs, width in zip(convs_per_stage[depth], (64, 128, 256, 512, 512)):
        for _ in range(num_convs):
            net.add(Conv2D(width, 3, padding=1, activation="relu"))
        net.add(MaxPool2D(2, strides=2))
    net.add(*_dense_head(num_classes))
    return net
