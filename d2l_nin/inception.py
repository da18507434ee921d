"""Inception and GoogLeNet (Szegedy et al., arXiv 1409.4842)."""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from d2l_nin.layers import (
    Checked,
    Conv2D,
    Dense,
    HybridSequential,
    MaxPool2D,
    shape_after,
)

__all__ = [
    "GOOGLENET_MODULES",
    "Branches",
    "Inception",
    "WithHeads",
    "googlenet",
    "googlenet_fashion_mnist",
    "inception_classroom",
]


class Branches(Checked, HybridBlock):
    """Apply several blocks to the same input and stack their channels.

    Parameters
    ----------
    *branches : HybridBlock
        From (N, C, H, W) to (N, C_i, H', W') with the same H' and W' for all; the
        result is (N, ΣC_i, H', W').

    Raises
    ------
    ValueError
        There is no branch; on a call: the branches make maps of different sizes.
    """

    def __init__(self, *branches):
        super().__init__()
        if not branches:
            raise ValueError("branches: expected at least one, got none")
        for branch in branches:
            self.register_child(branch)

    def __iter__(self):
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)

    def hybrid_forward(self, F, X):
        return F.np.concatenate([branch(X) for branch in self], axis=1)

    def shape_after(self, shape):
        """The shape that this makes of `shape`; see `layers.shape_after`."""
        shapes = [shape_after(branch, shape) for branch in self]
        if any(one is None for one in shapes):
            return None
        if len({(one[0], *one[2:]) for one in shapes}) > 1:
            sizes = ", ".join("×".join(map(str, one[2:])) for one in shapes)
            raise ValueError(
                f"its branches make maps of different sizes, {sizes}, which can't be "
                "stacked. Pad each so that it keeps the size: 1 for a window of 3×3, "
                "2 for 5×5, with stride 1"
            )
        return (shape[0], sum(one[1] for one in shapes), *shapes[0][2:])


def _conv(num_channels, kernel_size, *, batch_norm, strides=1, padding=0):
    """Make a convolution with ReLU as a list of layers."""
    conv = Conv2D(num_channels, kernel_size, strides, padding, use_bias=not batch_norm)
    return [conv, *([nn.BatchNorm()] if batch_norm else []), nn.Activation("relu")]


class Inception(Branches):
    """Make an Inception module: 1×1, 3×3, 5×5 and pooling, side by side.

    Parameters
    ----------
    c1 : int
        Channels of the 1×1 branch.
    c2, c3 : (int, int)
        Channels of the 1×1 reduction and of the 3×3 or 5×5 convolution behind it.
    c4 : int
        Channels of the 1×1 projection behind the 3×3 max pooling.
    reduce : bool
        Without: the naive module, where c2 and c3 are single numbers, there is no 1×1
        convolution in front and none behind the pooling, and c4 is None.
    batch_norm : bool
        Normalize before each ReLU; the convolutions then have no bias.

    A branch that is None is left out; in the naive module use `pool=False` for the
    pooling.

    Raises
    ------
    ValueError, TypeError
        A width is of the other module's kind or no number of channels, or no branch
        is left.

    Notes
    -----
    Figure 2 of the paper, (a) naive and (b) reduced; names as in Dive into Deep
    Learning, section 8.4.
    """

    def __init__(
        self, c1, c2, c3, c4=None, *, reduce=True, pool=True, batch_norm=False
    ):
        branches = []
        if c1 is not None:
            branches.append([(c1, 1)])
        for name, widths, kernel_size in (("c2", c2, 3), ("c3", c3, 5)):
            if widths is not None:
                branches.append(_windows(name, widths, kernel_size, reduce))
        made = [_branch(convs, batch_norm) for convs in branches]
        if reduce and c4 is not None:
            made.append(_branch([(c4, 1)], batch_norm, pool=True))
        elif not reduce and c4 is not None:
            raise ValueError(
                f"c4: expected None, as the naive module has no projection, got {c4}"
            )
        elif not reduce and pool:
            made.append(_branch([], batch_norm, pool=True))
        super().__init__(*made)


def _windows(name: str, widths, kernel_size: int, reduce: bool) -> list[tuple]:
    """(channels, kernel size) of the convolutions of one branch."""
    if not reduce:
        if isinstance(widths, (tuple, list)):
            raise ValueError(
                f"{name}: expected one number of channels, as the naive module has no "
                f"reduction, got {widths}"
            )
        return [(widths, kernel_size)]
    if not isinstance(widths, (tuple, list)) or len(widths) != 2:
        raise ValueError(
            f"{name}: expected two numbers of channels (of the 1×1 reduction and of "
            f"the {kernel_size}×{kernel_size} convolution), got {widths}"
        )
    return [(widths[0], 1), (widths[1], kernel_size)]


def _branch(convs: list[tuple], batch_norm: bool, pool: bool = False):
    """Make one branch; each convolution keeps height and width."""
    branch = HybridSequential()
    if pool:
        branch.add(MaxPool2D(3, strides=1, padding=1))
    for width, kernel_size in convs:
        layers = _conv(
            width, kernel_size, batch_norm=batch_norm, padding=kernel_size // 2
        )
        branch.add(*layers)
    return branch


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


def _joined(parts) -> HybridSequential:
    """The layers of all parts as one flat net; it shares their parameters."""
    net = HybridSequential()
    for part in parts:
        net.add(*part)
    return net


class WithHeads(Checked, HybridBlock):
    """A net in parts, with a head of its own behind each part but the last.

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
                f"heads: expected {len(parts) - 1} for {len(parts)} parts, one behind "
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
        *_conv(128, 1, batch_norm=batch_norm),
        nn.Flatten(),
        Dense(1024, activation="relu"),
    )
    if dropout:
        head.add(nn.Dropout(dropout))
    head.add(Dense(num_classes))
    return head


def _googlenet_parts(num_classes, dropout, batch_norm, pool) -> list[HybridSequential]:
    """The net, cut behind modules 4a and 4d."""
    stem = [
        *_conv(64, 7, strides=2, padding=3, batch_norm=batch_norm),
        pool(),
        *_conv(64, 1, batch_norm=batch_norm),
        *_conv(192, 3, padding=1, batch_norm=batch_norm),
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
        With the two auxiliary heads behind modules 4a and 4d: the net then gives
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
    module=Inception,
):
    """Make the small Inception net for 28×28.

    Parameters
    ----------
    num_classes : int
    widths : tuple of (c1, c2, c3, c4)
        Of the three modules, as for `Inception`.
    aux : bool
        With an auxiliary head behind the first module; see `WithHeads`.
    batch_norm : bool
        Normalize before each ReLU.
    module : function
        What builds a module from (c1, c2, c3, c4, batch_norm=), so that branches can
        be changed or left out.

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
    modules = [module(*width, batch_norm=batch_norm) for width in widths]
    parts = [HybridSequential(), HybridSequential()]
    parts[0].add(
        *_conv(32, 5, strides=2, padding=2, batch_norm=batch_norm),
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
        *_conv(32, 1, batch_norm=batch_norm),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        Dense(num_classes),
    )
    return WithHeads(parts, [head])
