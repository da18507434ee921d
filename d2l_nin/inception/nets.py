"""GoogLeNet and the classroom's Inception net (Szegedy et al., arXiv 1409.4842)."""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from d2l_nin.inception.modules import Inception, conv_relu
from d2l_nin.layers import (
    Checked,
    Dense,
    HybridSequential,
    MaxPool2D,
    shape_after,
)

__all__ = [
    "GOOGLENET_MODULES",
    "GOOGLENET_TABLE",
    "WithHeads",
    "googlenet",
    "googlenet_fashion_mnist",
    "inception_classroom",
]

# Table 1 of the paper: c1, c2, c3, c4 of each module.
GOOGLENET_MODULES = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}

# The same table, as printed: the height of the output, thousands of weights ("params"),
# millions of multiply-adds ("ops"). conv2 holds the 1×1 before it.
GOOGLENET_TABLE = {
    "conv1": (112, 2.7, 34),
    "conv2": (56, 112, 360),
    "3a": (28, 159, 128),
    "3b": (28, 380, 304),
    "4a": (14, 364, 73),
    "4b": (14, 437, 88),
    "4c": (14, 463, 100),
    "4d": (14, 580, 119),
    "4e": (14, 840, 170),
    "5a": (7, 1072, 54),
    "5b": (7, 1388, 71),
    "linear": (1, 1000, 1),
}


def _joined(parts) -> HybridSequential:
    """The layers of all parts as one flat net; it shares their parameters."""
    net = HybridSequential()
    for part in parts:
        net.add(*part)
    return net


class WithHeads(Checked, HybridBlock):
    """A net in parts, with a head of its own after each part but the last.

    From X to (scores, scores of the first head, …). `fit` adds the losses of the heads
    with a weight; for use afterwards, `main()` is the net without them.

    Parameters
    ----------
    parts : list of HybridBlock
        The net, cut where heads branch off; the last part makes the scores.
    heads : list of HybridBlock
        One fewer.

    Raises
    ------
    ValueError
        The numbers of parts and heads don't fit.

    Notes
    -----
    Section 5 of the paper.
    """

    def __init__(self, parts, heads):
        super().__init__()
        if len(parts) != len(heads) + 1:
            raise ValueError(
                f"heads: expected {len(parts) - 1} for {len(parts)} parts, one after "
                f"each but the last; got {len(heads)}"
            )
        self.parts, self.heads = list(parts), list(heads)
        for block in [*self.parts, *self.heads]:
            self.register_child(block)

    def main(self) -> HybridSequential:
        """The net without its heads; it shares the parameters."""
        return _joined(self.parts)

    def hybrid_forward(self, F, X):
        side_scores = []
        for part, head in zip(self.parts, self.heads):
            X = part(X)
            side_scores.append(head(X))
        return (self.parts[-1](X), *side_scores)

    def shape_after(self, shape):
        """The shape of the scores; see `layers.shape_after`."""
        for part, head in zip(self.parts, self.heads):
            shape = shape_after(part, shape)
            shape_after(head, shape)
        return shape_after(self.parts[-1], shape)


def _side_head(num_classes: int, dropout: float, batch_norm: bool) -> HybridSequential:
    """Make an auxiliary head: 5×5/3 average pooling, 1×1, 1024 units, the classes."""
    head = HybridSequential()
    head.add(
        nn.AvgPool2D(5, strides=3),
        *conv_relu(128, 1, batch_norm=batch_norm),
        nn.Flatten(),
        Dense(1024, activation="relu"),
    )
    if dropout:
        head.add(nn.Dropout(dropout))
    head.add(Dense(num_classes))
    return head


def _googlenet_parts(num_classes, dropout, batch_norm, pool) -> list[HybridSequential]:
    """The net, cut after modules 4a and 4d."""
    stem = [
        *conv_relu(64, 7, strides=2, padding=3, batch_norm=batch_norm),
        pool(),
        *conv_relu(64, 1, batch_norm=batch_norm),
        *conv_relu(192, 3, padding=1, batch_norm=batch_norm),
        pool(),
    ]
    module = {
        name: Inception(*widths, batch_norm=batch_norm)
        for name, widths in GOOGLENET_MODULES.items()
    }
    end = [nn.GlobalAvgPool2D(), nn.Flatten()]
    if dropout:
        end.append(nn.Dropout(dropout))
    parts = [
        [*stem, module["3a"], module["3b"], pool(), module["4a"]],
        [module["4b"], module["4c"], module["4d"]],
        [module["4e"], pool(), module["5a"], module["5b"], *end, Dense(num_classes)],
    ]
    made = []
    for layers in parts:
        made.append(HybridSequential())
        made[-1].add(*layers)
    return made


def googlenet(num_classes=1000, *, aux=False, dropout=0.4, batch_norm=False):
    """Make GoogLeNet: 6,998,552 parameters, with the auxiliary heads 13,378,280.

    Parameters
    ----------
    num_classes : int
    aux : bool
        With the two auxiliary heads after modules 4a and 4d: the net then gives
        three arrays of scores, see `WithHeads`.
    dropout : float
        In front of the last layer; the auxiliary heads have 0.7, or none if this is 0.
    batch_norm : bool
        Normalize before each ReLU, which the paper did not have yet.

    Returns
    -------
    HybridSequential, or WithHeads
        From (N, 3, 224, 224) to scores (N, num_classes).

    Notes
    -----
    Table 1 of the paper, with pooling sizes rounded up as in Caffe, and without local
    response normalization, which has no parameters.
    """

    def pool():
        return MaxPool2D(3, strides=2, ceil_mode=True)

    parts = _googlenet_parts(num_classes, dropout, batch_norm, pool)
    if aux:
        side_dropout = 0.7 if dropout else 0.0
        heads = [_side_head(num_classes, side_dropout, batch_norm) for _ in range(2)]
        return WithHeads(parts, heads)
    return _joined(parts)


def googlenet_fashion_mnist(num_classes=10, *, batch_norm=False):
    """Make d2l's GoogLeNet: 5,977,530 parameters for one input channel.

    Parameters
    ----------
    num_classes : int
    batch_norm : bool

    Returns
    -------
    HybridSequential
        From (N, 1, 96, 96) or (N, 1, 224, 224) to scores (N, num_classes).

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 8.4: pooling is padded by 1 instead
    of rounded up, and there is no dropout.
    """

    def pool():
        return MaxPool2D(3, strides=2, padding=1)

    return _joined(_googlenet_parts(num_classes, 0.0, batch_norm, pool))


_CLASSROOM_WIDTHS = (
    (32, (32, 48), (16, 16), 16),
    (48, (32, 64), (16, 32), 16),
    (64, (64, 128), (16, 32), 32),
)


def inception_classroom(
    num_classes=10,
    *,
    widths=_CLASSROOM_WIDTHS,
    aux=False,
    batch_norm=True,
):
    """Make the small Inception net for 28×28.

    Parameters
    ----------
    num_classes : int
    widths : tuple of (c1, c2, c3, c4)
        Of the three modules, as for `Inception`.
    aux : bool
        With an auxiliary head after the first module; see `WithHeads`.
    batch_norm : bool
        Normalize before each ReLU.

    Returns
    -------
    HybridSequential, or WithHeads
        From (N, 1, 28, 28) to scores (N, num_classes). Heights 14-7-7-7-3-3-1.

    Raises
    ------
    ValueError
        There are not three `widths`.
    """
    if len(widths) != 3:
        raise ValueError(f"widths: expected three modules, got {len(widths)}")
    modules = [Inception(*width, batch_norm=batch_norm) for width in widths]
    parts = [HybridSequential(), HybridSequential()]
    parts[0].add(
        *conv_relu(32, 5, strides=2, padding=2, batch_norm=batch_norm),
        MaxPool2D(3, strides=2, ceil_mode=True),
        modules[0],
    )
    parts[1].add(
        modules[1],
        MaxPool2D(3, strides=2, ceil_mode=True),
        modules[2],
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        Dense(num_classes),
    )
    if not aux:
        return _joined(parts)
    head = HybridSequential()
    head.add(
        *conv_relu(32, 1, batch_norm=batch_norm),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        Dense(num_classes),
    )
    return WithHeads(parts, [head])
