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
                "stacked. Pad each so that it keeps the size: 1 for a window of 3×3, "
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
        layers = conv_relu(
            width, kernel_size, batch_norm=batch_norm, padding=kernel_size // 2
        )
        branch.add(*layers)
    return branch
