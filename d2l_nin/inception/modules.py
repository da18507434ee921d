"""Inception modules (Szegedy et al., arXiv 1409.4842, section 4)."""

from __future__ import annotations

from mxnet.gluon import HybridBlock, nn

from d2l_nin.layers import Checked, Conv2D, HybridSequential, MaxPool2D, shape_after

__all__ = ["Branches", "Inception"]


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
                "stacked. Pad each so that it keeps the size: 1 for a 3×3 kernel, "
                "2 for 5×5, with stride 1"
            )
        return (shape[0], sum(one[1] for one in shapes), *shapes[0][2:])


def conv_relu(num_channels, kernel_size, *, batch_norm, strides=1, padding=0):
    """Make a convolution with ReLU as a list of layers."""
    conv = Conv2D(num_channels, kernel_size, strides, padding, use_bias=not batch_norm)
    return [conv, *([nn.BatchNorm()] if batch_norm else []), nn.Activation("relu")]


class Inception(Branches):
    """Make an Inception module: 1×1, 3×3, 5×5 and pooling, side by side.

    Parameters
    ----------
    c1, c2, c3 : int, tuple of int, or None
        Channels of the 1×1, the 3×3 and the 5×5 branch. One number is one convolution.
        Of several, the last is the branch's own convolution, and the others are 1×1
        convolutions before it, such as GoogLeNet's reductions: (96, 128).
    c4 : int, tuple of int, or None
        Channels of the 1×1 convolutions after the 3×3 max pooling; GoogLeNet has one,
        the projection. The empty tuple hands on what the pooling makes.
    batch_norm : bool
        Normalize before each ReLU; the convolutions then have no bias.

    A branch that is None is left out.

    Raises
    ------
    ValueError, TypeError
        A width is no number of channels, or no branch is left.

    Notes
    -----
    Figure 2 of the paper: (a), the naive module, is `Inception(64, 128, 32, ())`; (b),
    the reduced one, is `Inception(64, (96, 128), (16, 32), 32)`. Names as in Dive into
    Deep Learning, section 8.4.
    """

    def __init__(self, c1, c2, c3, c4, *, batch_norm=False):
        branches = []
        for name, widths, kernel_size in (("c1", c1, 1), ("c2", c2, 3), ("c3", c3, 5)):
            if widths is not None:
                *reductions, last = _widths(name, widths, least=1)
                convs = [*((width, 1) for width in reductions), (last, kernel_size)]
                branches.append(_branch(convs, batch_norm))
        if c4 is not None:
            convs = [(width, 1) for width in _widths("c4", c4, least=0)]
            branches.append(_branch(convs, batch_norm, pool=True))
        super().__init__(*branches)


def _widths(name: str, widths, least: int) -> tuple:
    """The numbers of channels of a branch's convolutions, `least` or more of them."""
    if not isinstance(widths, (tuple, list)):
        return (widths,)
    if len(widths) < least:
        raise ValueError(f"{name}: expected at least one number of channels, got none")
    return tuple(widths)


def _branch(convs: list[tuple], batch_norm: bool, pool: bool = False):
    """Make one branch; each convolution keeps height and width."""
    branch = HybridSequential()
    if pool:
        branch.add(MaxPool2D(3, strides=1, padding=1))
    for width, kernel_size in convs:
        layers = conv_relu(
            width, kernel_size, batch_norm=batch_norm, padding=kernel_size // 2
        )
        branch.add(*layers)
    return branch
