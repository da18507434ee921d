"""Residual blocks (He et al., arXiv 1512.03385 and 1603.05027)."""

from __future__ import annotations

from mxnet import init
from mxnet.gluon import HybridBlock, nn

from d2l_nin.layers import Checked, Conv2D, HybridSequential, shape_after

__all__ = [
    "ORDERS",
    "SHORTCUTS",
    "VARIANTS",
    "Bottleneck",
    "Residual",
    "ResidualBlock",
    "two_convolutions",
]

# How the shortcut gets over a change of shape (section 3.3 and options A, B, C of
# section 4.1 of the first paper); None: the plain twin, without a shortcut.
SHORTCUTS = (None, "identity", "zero-pad", "projection", "projection everywhere")

# What is done to an identity shortcut (table 1 of the second paper).
VARIANTS = (None, "scale", "exclusive gate", "shortcut gate", "dropout")

# Where batch norm and ReLU stand (figure 4 of the second paper, a to e).
ORDERS = (
    "original",
    "batch norm after addition",
    "ReLU before addition",
    "ReLU-only pre-activation",
    "full pre-activation",
)


def relu():
    return nn.Activation("relu")


def two_convolutions(num_channels, strides=1):
    """The F of the formula: two 3×3 convolutions with batch norm.

    Parameters
    ----------
    num_channels : int
    strides : int
        Of the first convolution.

    Notes
    -----
    He et al., arXiv 1512.03385, section 3.3. The ReLU after the second batch norm is
    the block's, since it follows the addition.
    """
    F = HybridSequential()
    F.add(Conv2D(num_channels, 3, strides, padding=1, use_bias=False))
    F.add(nn.BatchNorm(), nn.Activation("relu"))
    F.add(Conv2D(num_channels, 3, padding=1, use_bias=False))
    F.add(nn.BatchNorm())
    return F


class ResidualBlock(HybridBlock):
    """ReLU(F(X) + X), where F is two 3×3 convolutions with batch norm.

    `Residual` is the same with options.

    Parameters
    ----------
    num_channels : int
        Of the input (N, C, H, W), and of the output, which has its shape.
    shortcut : bool
        Whether X is added; the plain pair of convolutions is without.

    Notes
    -----
    He et al., arXiv 1512.03385, figure 2 and section 3.
    """

    def __init__(self, num_channels, shortcut=True):
        super().__init__()
        self.residual = two_convolutions(num_channels)
        self.shortcut = shortcut

    def hybrid_forward(self, mx, X):
        Y = self.residual(X)
        return mx.npx.relu(Y + X if self.shortcut else Y)


class ZeroPad(HybridBlock):
    """Every `strides`-th pixel, and channels of zeros after its own (option A)."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.in_channels, self.num_channels = in_channels, num_channels
        self.strides = strides

    def hybrid_forward(self, F, X):
        if self.strides > 1:
            X = F.npx.pooling(
                X, kernel=(1, 1), stride=(self.strides,) * 2, pool_type="max"
            )
        whole, rest = divmod(self.num_channels - self.in_channels, self.in_channels)
        zeros = F.np.zeros_like(X)
        parts = [X] + [zeros] * whole
        if rest:
            part = F.slice_axis(zeros.as_nd_ndarray(), axis=1, begin=0, end=rest)
            parts.append(part.as_np_ndarray())
        return F.np.concatenate(parts, axis=1) if len(parts) > 1 else X


# What both blocks take as **options beside those that chapters vary.
_DETAILS = {
    "use_bias": False,        # of the convolutions before batch norm, as in d2l
    "norm_projection": True,  # batch norm after the projection
    "gate_bias": -6.0,        # where the bias of a gate begins
}  # fmt: skip


def _check_options(shortcut, variant, order) -> None:
    for name, value, known in (
        ("shortcut", shortcut, SHORTCUTS),
        ("variant", variant, VARIANTS),
        ("order", order, ORDERS),
    ):
        if value not in known:
            options = ", ".join(map(repr, known))
            raise ValueError(f"{name}: expected one of {options}, got {value!r}")
    if variant is not None and shortcut in (None, "projection everywhere"):
        raise ValueError(
            f"variant={variant!r} changes an identity shortcut, got "
            f"shortcut={shortcut!r}, which has none"
        )


class _Block(Checked, HybridBlock):
    """What residual blocks have in common; subclasses say their convolutions."""

    def __init__(
        self,
        num_channels,
        strides=1,
        *,
        in_channels=None,
        shortcut="projection",
        variant=None,
        order="original",
        **options,
    ):
        super().__init__()
        _check_options(shortcut, variant, order)
        in_channels = num_channels if in_channels is None else in_channels
        changes = strides != 1 or in_channels != num_channels
        if shortcut == "zero-pad" and in_channels > num_channels:
            raise ValueError(
                "shortcut='zero-pad' adds channels and takes none away, got a block "
                f"from {in_channels} to {num_channels} channels. Use 'projection'."
            )
        if changes and shortcut == "identity":
            raise ValueError(
                "shortcut='identity' needs the same shape in and out, got a block from "
                f"{in_channels} to {num_channels} channels with strides={strides}. Use "
                "'zero-pad' or 'projection'."
            )
        use_bias, norm_projection, gate_bias = (
            options.pop(name, value) for name, value in _DETAILS.items()
        )
        self.num_channels, self.strides = num_channels, strides
        self.in_channels, self.shortcut, self.order = in_channels, shortcut, order
        self.variant = None if changes else variant
        convs = self._convs(strides, use_bias, **options)
        self.first, self.residual, self.last = self._layers(convs)
        self.projection = self._projection(changes, use_bias, norm_projection)
        self.padding = self.gate = self.dropout = None
        if changes and shortcut == "zero-pad":
            self.padding = ZeroPad(in_channels, num_channels, strides)
        if self.variant in ("exclusive gate", "shortcut gate"):
            bias = init.Constant(gate_bias)
            self.gate = Conv2D(
                num_channels, 1, activation="sigmoid", bias_initializer=bias
            )
        if self.variant == "dropout":
            self.dropout = nn.Dropout(0.5)

    def _convs(self, strides, use_bias) -> list:
        raise NotImplementedError

    def _layers(self, convs) -> tuple:
        """(what shortcut and residual function share, the function, what follows)."""
        first, residual, last = (HybridSequential() for _ in range(3))
        if self.order == "full pre-activation":
            first.add(nn.BatchNorm(), relu())
            for i, conv in enumerate(convs):
                residual.add(*([nn.BatchNorm(), relu()] if i else []), conv)
        elif self.order == "ReLU-only pre-activation":
            first.add(relu())
            for i, conv in enumerate(convs):
                residual.add(*([relu()] if i else []), conv, nn.BatchNorm())
        else:
            for conv in convs[:-1]:
                residual.add(conv, nn.BatchNorm(), relu())
            residual.add(convs[-1])
            if self.order == "batch norm after addition":
                last.add(nn.BatchNorm(), relu())
            elif self.order == "ReLU before addition":
                residual.add(nn.BatchNorm(), relu())
            else:
                residual.add(nn.BatchNorm())
                last.add(relu())
        return first, residual, last

    def _projection(self, changes, use_bias, norm_projection):
        everywhere = self.shortcut == "projection everywhere"
        if not everywhere and not (changes and self.shortcut == "projection"):
            return None
        projection = HybridSequential()
        projection.add(
            Conv2D(self.num_channels, 1, strides=self.strides, use_bias=use_bias)
        )
        # Before a pre-activated block's next batch norm, none is needed here.
        if norm_projection and "pre-activation" not in self.order:
            projection.add(nn.BatchNorm())
        return projection

    def hybrid_forward(self, F, X):
        Y = self.first(X) if len(self.first) else X
        residual = self.residual(Y)
        if self.shortcut is None:
            total = residual
        elif self.projection is not None:
            # From the activated input, as in the second paper's own nets.
            total = residual + self.projection(Y)
        elif self.variant is not None:
            total = self._varied(X, residual)
        else:
            total = residual + (X if self.padding is None else self.padding(X))
        return self.last(total) if len(self.last) else total

    def _varied(self, X, residual):
        """The sum with what table 1 of the second paper does to the shortcut."""
        if self.variant == "scale":
            return 0.5 * X + 0.5 * residual
        if self.variant == "dropout":
            return self.dropout(X) + residual
        g = self.gate(X)
        if self.variant == "exclusive gate":
            return (1 - g) * X + g * residual
        return (1 - g) * X + residual

    def shape_after(self, shape):
        """The shape that this makes of `shape`; see `layers.shape_after`."""
        if len(shape) == 4 and shape[1] != self.in_channels:
            raise ValueError(
                f"expected {self.in_channels} input channels, got {shape[1]}: {shape}. "
                f"Say in_channels={shape[1]} where the number of channels changes"
            )
        return shape_after(self.residual, shape)


class Residual(_Block):
    """Make a residual block of two 3×3 convolutions.

    Parameters
    ----------
    num_channels : int
    strides : int
        Of the first convolution.
    in_channels : int, optional
        Of the input, where it differs from `num_channels`.
    shortcut : str or None
        None: the plain twin, without one. 'identity': the input itself, where no shape
        changes. Where one does: 'zero-pad' (option A) or 'projection' (B), a 1×1
        convolution with batch norm. 'projection everywhere' (C).
    variant : str or None
        What is done to an identity shortcut: 'scale' (it and the function by ½),
        'exclusive gate', 'shortcut gate', 'dropout'. The paper's 1×1 convolution is
        'projection everywhere'.
    order : str
        One of `ORDERS`, where batch norm and ReLU stand.
    use_bias : bool
        Whether the convolutions in front of batch norm have a bias, as in d2l.
    norm_projection : bool
        Whether batch norm follows the projection.
    gate_bias : float
        Where the bias of a gate begins.

    Raises
    ------
    ValueError, TypeError
        An option is not known, or the shortcut can't fit.

    Notes
    -----
    He et al., arXiv 1512.03385, section 3; variants and orders: arXiv 1603.05027,
    table 1 and figure 4.
    """

    def _convs(self, strides, use_bias):
        return [
            Conv2D(self.num_channels, 3, strides, padding=1, use_bias=use_bias),
            Conv2D(self.num_channels, 3, padding=1, use_bias=use_bias),
        ]


class Bottleneck(_Block):
    """Make a residual block of 1×1, 3×3 and 1×1 convolutions.

    The 3×3 convolution has a quarter of `num_channels`.

    Parameters
    ----------
    num_channels : int
        A multiple of 4.
    stride_in_3x3 : bool
        Whether the 3×3 convolution takes the stride, as most code does, or the first
        1×1, as in the paper.
    others
        Those of `Residual`.

    Raises
    ------
    ValueError, TypeError
        As `Residual`, or `num_channels` is no multiple of 4.

    Notes
    -----
    He et al., arXiv 1512.03385, figure 5, right.
    """

    def _convs(self, strides, use_bias, stride_in_3x3=True):
        if self.num_channels % 4:
            raise ValueError(
                f"num_channels: expected a multiple of 4, got {self.num_channels}"
            )
        width = self.num_channels // 4
        first, second = (1, strides) if stride_in_3x3 else (strides, 1)
        return [
            Conv2D(width, 1, first, use_bias=use_bias),
            Conv2D(width, 3, second, padding=1, use_bias=use_bias),
            Conv2D(self.num_channels, 1, use_bias=use_bias),
        ]
