"""Answers to the exercises of chapter 05."""

from fractions import Fraction

import mxnet as mx
import numpy
from mxnet import np, npx
from mxnet.gluon import Block, HybridBlock, nn

from d2l_nin.layers import Conv2D, HybridSequential
from d2l_nin.resnet import Residual, WithShortcut
from tests.answers import Measured

# --- shortcuts -------------------------------------------------------------------


def conv_and_norm(in_channels, num_channels, strides):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(num_channels, 1, strides, use_bias=False), nn.BatchNorm())
    return net


def by_keywords(in_channels, num_channels, strides):
    if strides == 1 and in_channels == num_channels:
        return nn.HybridLambda(lambda F, X: X)
    return Conv2D(channels=num_channels, kernel_size=1, strides=strides)


class ZeroPad(Block):
    """Option A, by slices."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.missing, self.strides = num_channels - in_channels, strides

    def forward(self, X):
        X = X[:, :, :: self.strides, :: self.strides]
        zeros = np.zeros((X.shape[0], self.missing, *X.shape[2:]))
        return np.concatenate([X, zeros], axis=1) if self.missing else X


class ZeroPadInNd(Block):
    """The same in MXNet's older arrays."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.missing, self.strides = num_channels - in_channels, strides

    def forward(self, X):
        X = X.as_nd_ndarray()  # and back: in np mode a Block has to return np
        X = mx.nd.Pooling(X, kernel=(1, 1), stride=(self.strides,) * 2, pool_type="max")
        if self.missing:
            zeros = mx.nd.zeros((X.shape[0], self.missing, *X.shape[2:]))
            X = mx.nd.concat(X, zeros, dim=1)
        return X.as_np_ndarray()


class Pooled(HybridBlock):
    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.pool = nn.AvgPool2D(strides, strides, ceil_mode=True)
        self.conv = nn.Conv2D(num_channels, 1, in_channels=in_channels)

    def hybrid_forward(self, F, X):
        return self.conv(self.pool(X))


def with_relu(in_channels, num_channels, strides):
    net = conv_and_norm(in_channels, num_channels, strides)
    net.add(nn.Activation("relu"))
    return net


def only_for_channels(in_channels, num_channels, strides):
    if in_channels == num_channels:
        return nn.HybridLambda(lambda F, X: X)
    return nn.Conv2D(num_channels, 1, strides)


def pooled_down(in_channels, num_channels, strides):
    net = nn.HybridSequential()
    net.add(nn.MaxPool2D(strides, strides), nn.Conv2D(num_channels, 1))
    return net


class Zeros(Block):
    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.num_channels, self.strides = num_channels, strides

    def forward(self, X):
        N, _, H, W = X[:, :, :: self.strides, :: self.strides].shape
        return np.zeros((N, self.num_channels, H, W))


def forgets_return(in_channels, num_channels, strides):
    nn.Conv2D(num_channels, 1, strides)


# --- residual blocks ---------------------------------------------------------------


class InD2lStyle(HybridBlock):
    """As in the book: biases, and no batch norm on the projection."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.conv1 = nn.Conv2D(num_channels, 3, padding=1, strides=strides)
        self.conv2 = nn.Conv2D(num_channels, kernel_size=3, padding=1)
        self.conv3 = None
        if strides != 1 or in_channels != num_channels:
            self.conv3 = nn.Conv2D(num_channels, kernel_size=1, strides=strides)
        self.bn1, self.bn2 = nn.BatchNorm(), nn.BatchNorm()

    def hybrid_forward(self, F, X):
        Y = F.npx.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        return F.npx.relu(Y + (self.conv3(X) if self.conv3 else X))


class AsBlock(Block):
    """No hybrid one, and the second convolution is made first."""

    def __init__(self, c, n, s):
        super().__init__()
        self.second = nn.Conv2D(n, 3, 1, 1, use_bias=False, in_channels=n)
        self.first = nn.Conv2D(n, 3, s, 1, use_bias=False, in_channels=c)
        self.norms = nn.Sequential()
        self.norms.add(nn.BatchNorm(), nn.BatchNorm())
        self.way = nn.Sequential()
        if (c, s) != (n, 1):
            self.way.add(nn.Conv2D(n, 1, s, use_bias=False), nn.BatchNorm())

    def forward(self, X):
        Y = np.maximum(self.norms[0](self.first(X)), 0)
        Y = self.norms[1](self.second(Y))
        return np.maximum(self.way(X) + Y if len(self.way) else X + Y, 0)


def of_the_text(in_channels, num_channels, strides):
    function = HybridSequential()
    function.add(
        Conv2D(num_channels, 3, strides, padding=1, use_bias=False),
        nn.BatchNorm(),
        nn.Activation("relu"),
        Conv2D(num_channels, 3, padding=1, use_bias=False),
        nn.BatchNorm(),
    )
    shortcut = None
    if strides != 1 or in_channels != num_channels:
        shortcut = Conv2D(num_channels, 1, strides)
    net = HybridSequential()
    net.add(WithShortcut(function, shortcut), nn.Activation("relu"))
    return net


def packaged(in_channels, num_channels, strides):
    return Residual(num_channels, strides, in_channels=in_channels)


def relu(X):
    return npx.relu(X)


class Harmed(Block):
    """A residual block; subclasses break one thing."""

    strides_of, norm, everywhere = (None, 1, None), True, False

    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        one, two, way = (strides if s is None else s for s in self.strides_of)
        self.conv1 = nn.Conv2D(num_channels, 3, one, 1)
        self.conv2 = nn.Conv2D(num_channels, 3, two, 1)
        changes = strides != 1 or in_channels != num_channels
        self.way = None
        if changes or self.everywhere:
            self.way = nn.Conv2D(self.way_channels(in_channels, num_channels), 1, way)
        self.bn1 = nn.BatchNorm() if self.norm else None
        self.bn2 = nn.BatchNorm() if self.norm else None

    def way_channels(self, in_channels, num_channels):
        return num_channels

    def between(self, Y):
        return relu(self.bn1(Y) if self.norm else Y)

    def end(self, Y, added):
        return relu(Y + added)

    def forward(self, X):
        Y = self.conv2(self.between(self.conv1(X)))
        Y = self.bn2(Y) if self.norm else Y
        return self.end(Y, self.way(X) if self.way else X)


class StrideInSecond(Harmed):
    strides_of = (1, None, None)


class StrideInBoth(Harmed):
    strides_of = (None, None, 4)


class StrideNowhere(Harmed):
    strides_of = (1, 1, 1)


class NoStrideOnShortcut(Harmed):
    strides_of = (None, 1, 1)


class ChannelsOnShortcut(Harmed):
    def way_channels(self, in_channels, num_channels):
        return in_channels


class NoNorm(Harmed):
    norm = False


class ProjectsEverywhere(Harmed):
    everywhere = True


class NoAddition(Harmed):
    def end(self, Y, added):
        return relu(Y)


class NoLastRelu(Harmed):
    def end(self, Y, added):
        return Y + added


class ReluBefore(Harmed):
    def end(self, Y, added):
        return relu(Y) + added


class ReluTwice(Harmed):
    def end(self, Y, added):
        return relu(relu(Y) + added)


class ReluOnShortcut(Harmed):
    def end(self, Y, added):
        return relu(Y + relu(added))


class Multiplies(Harmed):
    def end(self, Y, added):
        return relu(Y * added)


class Concatenates(Harmed):
    def end(self, Y, added):
        return relu(np.concatenate([Y, added], axis=1))


class NoneBetween(Harmed):
    def between(self, Y):
        return self.bn1(Y)


class NormAfterRelu(Harmed):
    def between(self, Y):
        return self.bn1(relu(Y))


class AddsX(Harmed):
    """Builds a projection and doesn't use it."""

    def forward(self, X):
        Y = self.bn2(self.conv2(self.between(self.conv1(X))))
        return relu(Y + X)  # X as it is


class InChannelsTwice(Harmed):
    def __init__(self, in_channels, num_channels, strides):
        super().__init__(in_channels, num_channels, strides)
        self.conv1 = nn.Conv2D(num_channels, 3, strides, 1, in_channels=num_channels)


class OnlyForStride(Harmed):
    """Projects where the size changes, not where only the channels do."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__(in_channels, num_channels, strides)
        self.strides = strides

    def forward(self, X):
        Y = self.bn2(self.conv2(self.between(self.conv1(X))))
        return relu(Y + self.way(X) if self.strides > 1 else Y + X)  # strides alone


class UnusedLayers(Harmed):
    """Has layers that are only used where the shape changes."""

    def __init__(self, in_channels, num_channels, strides):
        super().__init__(in_channels, num_channels, strides)
        self.changes = bool(self.way)
        self.way = nn.Conv2D(num_channels, 1, strides)
        self.bn3 = nn.BatchNorm()

    def forward(self, X):
        Y = self.bn2(self.conv2(self.between(self.conv1(X))))
        return relu(Y + (self.bn3(self.way(X)) if self.changes else X))


class OneConv(Block):
    def __init__(self, in_channels, num_channels, strides):
        super().__init__()
        self.conv = nn.Conv2D(num_channels, 3, strides, 1)
        self.way = nn.Conv2D(num_channels, 1, strides)

    def forward(self, X):
        return relu(self.conv(X) + self.way(X))


class MisspellsConv(Harmed):
    def forward(self, X):
        return relu(self.conv_1(X))  # no such layer


def plain(in_channels, num_channels, strides):
    return Residual(num_channels, strides, in_channels=in_channels, shortcut=None)


# --- functions of numbers ------------------------------------------------------------


def macs(in_channels, num_channels, size, strides, stride_in_3x3):
    width, small = num_channels // 4, -(-size // strides)
    first = size if stride_in_3x3 else small
    return (
        first**2 * in_channels * width
        + small**2 * width * width * 9
        + small**2 * width * num_channels
    )


def macs_by_layers(c, n, size, s, stride_in_3x3):
    total, layers = 0.0, [(c, n // 4, 1), (n // 4, n // 4, 3), (n // 4, n, 1)]
    for i, (before, after, kernel) in enumerate(layers):
        if i == (1 if stride_in_3x3 else 0):
            size = (size + s - 1) // s
        total += size * size * before * after * kernel**2
    return total


def macs_by_summary(in_channels, num_channels, size, strides, stride_in_3x3):
    from d2l_nin.cost import summary
    from d2l_nin.resnet import Bottleneck

    block = Bottleneck(
        num_channels,
        strides,
        in_channels=in_channels,
        shortcut=None,
        stride_in_3x3=stride_in_3x3,
    )
    return summary(block, (1, in_channels, size, size)).macs


def harmed_macs(width=None, kernel=9, small=None, stage=None, factor=1, extra=False):
    """A function like `macs` with a mistake."""

    def count(in_channels, num_channels, size, strides, stride_in_3x3):
        w = num_channels // 4 if width is None else width(in_channels, num_channels)
        after = -(-size // strides) if small is None else small(size, strides)
        sizes = [size if stride_in_3x3 else after, after, after]
        if stage is not None:
            sizes = stage(size, after, stride_in_3x3)
        one, two, three = (s * s for s in sizes)
        total = one * in_channels * w + two * w * w * kernel + three * w * num_channels
        total += after**2 * in_channels * num_channels if extra else 0
        return total * factor

    return count


def tell(shallow_train, shallow_test, deep_train, deep_test):
    if deep_train > shallow_train + 0.02:
        return "degradation"
    if deep_test > shallow_test + 0.02:
        return "overfitting"
    return "neither"


class Tell:
    def __call__(self, *errors):
        shallow, deep = numpy.array(errors[:2]), numpy.array(errors[2:])
        higher = deep - shallow > 0.02
        return "Degradation" if higher[0] else "Overfitting" if higher[1] else "Neither"


def tell_by_test(shallow_train, shallow_test, deep_train, deep_test):
    return "degradation" if deep_test > shallow_test + 0.02 else "neither"


def tell_test_first(shallow_train, shallow_test, deep_train, deep_test):
    if deep_test > shallow_test + 0.02:
        return "overfitting"
    return "degradation" if deep_train > shallow_train + 0.02 else "neither"


def tell_by_gap(shallow_train, shallow_test, deep_train, deep_test):
    if deep_train > shallow_train + 0.02:
        return "degradation"
    return "overfitting" if deep_test - deep_train > 0.02 else "neither"


def tell_both(shallow_train, shallow_test, deep_train, deep_test):
    if deep_test > shallow_test + 0.02:
        return "degradation" if deep_train > shallow_train + 0.02 else "overfitting"
    return "neither"


def tell_apart(shallow_train, shallow_test, deep_train, deep_test):
    if abs(deep_train - shallow_train) > 0.02:
        return "degradation"
    return "overfitting" if abs(deep_test - shallow_test) > 0.02 else "neither"


def tell_without_margin(shallow_train, shallow_test, deep_train, deep_test):
    if deep_train > shallow_train:
        return "degradation"
    return "overfitting" if deep_test > shallow_test else "neither"


def tell_in_other_words(*errors):
    return {"degradation": "underfitting"}.get(tell(*errors), tell(*errors))


def tell_nothing_of_neither(*errors):
    return {"neither": None}.get(tell(*errors), tell(*errors))


def exchanged(*errors):
    words = {"degradation": "overfitting", "overfitting": "degradation"}
    return words.get(tell(*errors), "neither")


def too_few_arguments(train, test):
    return "neither"  # two of four


EVIDENCE = {
    "recipe": "both with a rate of 0.02 and 8 passes",
    "plain": [0.35, 0.33, 0.31],
    "residual": [0.12, 0.13, 0.14],
    "claim": "not saved",
}

RIGHT = {
    "parameters": [57_728, 57_728.0, numpy.int64(57_728), np.array([57_728])],
    "number_of_blocks": [21, 21.0, Fraction(21)],
    "shortcut_that_fits": [
        lambda in_channels, num_channels, strides: nn.Conv2D(num_channels, 1, strides),
        conv_and_norm,
        by_keywords,
        ZeroPad,
        ZeroPadInNd,
        Pooled,
    ],
    "residual_block": [
        of_the_text,
        packaged,
        InD2lStyle,
        AsBlock,
        Harmed,
        UnusedLayers,
        lambda c, n, s: InD2lStyle(c, n, s),
    ],
    "bottleneck_macs": [
        macs,
        macs_by_layers,
        macs_by_summary,
        lambda *case: numpy.array(macs(*case)),
    ],
    "degradation_or_overfitting": [
        tell,
        Tell(),
        lambda a, b, c, d: (
            "degradation" if c - a > 0.02 else ["neither", "overfitting"][d - b > 0.02]
        ),
    ],
    "zero_last_scale": [
        Measured(("lower", {"one": [0.4, 0.5], "zero": [0.2, 0.3]})),
        Measured(("Higher", {"one": [0.2, 0.3], "zero": [0.4, 0.5]})),
        Measured(("no clear difference", {"one": [0.2, 0.4], "zero": [0.3, 0.5]})),
    ],
    "saved_by_training": [
        EVIDENCE,
        {**EVIDENCE, "plain": [0.12, 0.14, 0.13], "claim": "saved"},
        {**EVIDENCE, "plain": numpy.array([0.12, 0.34, 0.13]), "claim": "undecided"},
    ],
}

WRONG = {
    "parameters": [
        (57_344, "convolutions alone"),
        (57_600, "batch norm behind it"),
        (58_112, "Running mean"),
        (57_920, "Biases are counted."),
        (57_536, "one number a channel"),
        (55_552, "projection on the shortcut is missing"),
        (55_296, "Projection and batch norms are missing"),
        (78_208, "32 channels, not 64"),
        (76_160, "The first convolution's input has 32"),
        (39_296, "The second convolution's input has 64"),
        (74_112, "1×1, not 3×3"),
        (1, "trained parameters of all"),
        ("57344", "of type str"),
        (57_344.5, "not whole"),
    ],
    "number_of_blocks": [
        (7, "blocks of one stage"),
        (14, "convolutions of one stage"),
        (42, "convolutions in the blocks"),
        (22, "in no block"),
        (23, "are no blocks"),
        (266, "not n"),
        (44, "number of layers"),
        (5, "all stages"),
    ],
    "shortcut_that_fits": [
        (lambda c, n, s: nn.Conv2D(n, 1), "stride is missing on the shortcut"),
        (lambda c, n, s: nn.Conv2D(c, 1, s), "channels are still X's"),
        (only_for_channels, "Where the channels stay"),
        (lambda c, n, s: nn.Conv2D(n, 1, s, 1), "Padding round a 1×1"),
        (lambda c, n, s: nn.Conv2D(n, 3, s, 1), "nine times"),
        (lambda c, n, s: nn.Conv2D(n, 3, s), "border is lost"),
        (pooled_down, "of shape (2, 32, 4, 4)"),
        (with_relu, "Is there a ReLU"),
        (Zeros, "Zeros fit as well"),
        (lambda c, n, s: nn.Conv2D(n, 1, s, in_channels=n), "made for (16, 32, 1)"),
        (lambda c, n, s: nn.Conv2D(s, 1, n), "(2, 1, 1, 1)"),
        (forgets_return, "is a return missing?"),
        (nn.Conv2D(32, 1, 2), "One block fits one change"),
        (lambda c, n, s: nn.Conv2D, "a Gluon Block"),
        (lambda c, n, s: (n, 1, s), "(32, 1, 1)"),
        (lambda c, n: nn.Conv2D(n, 1), "TypeError"),
        (3, "can't be called"),
    ],
    "residual_block": [
        (StrideInSecond, "stride is in the second convolution"),
        (StrideInBoth, "More than one convolution"),
        (StrideNowhere, "The stride is missing."),
        (NoStrideOnShortcut, "shortcut have F's stride"),
        (ChannelsOnShortcut, "other channels than F"),
        (AddsX, "no 1×1 convolution has changed X"),
        (InChannelsTwice, "the input has the first number"),
        (OnlyForStride, "# strides alone"),
        (NoNorm, "batch norm after"),
        (ProjectsEverywhere, "without any weights"),
        (NoAddition, "the addition is missing"),
        (NoLastRelu, "after the addition is missing"),
        (ReluBefore, "comes before the addition"),
        (ReluTwice, "one behind it"),
        (ReluOnShortcut, "ReLU on the shortcut"),
        (Multiplies, "multiplied"),
        (Concatenates, "concatenated"),
        (NoneBetween, "no ReLU between"),
        (NormAfterRelu, "ReLU comes before batch norm"),
        (OneConv, "This is one."),
        (MisspellsConv, "self.conv_1(X))  # no such layer"),
        (plain, "pair of the plain net"),
        (Residual(16), "One block fits one change"),
        (lambda c, n, s: nn.Conv2D(n, 1, s), "Came: none"),
        (lambda c, n, s: "a block", "a Gluon Block"),
    ],
    "bottleneck_macs": [
        (harmed_macs(kernel=1), "middle convolution is 3×3"),
        (harmed_macs(kernel=3), "nine weights"),
        (harmed_macs(stage=lambda *_: (1, 1, 1)), "at every pixel"),
        (harmed_macs(stage=lambda a, b, _: (a, b, b)), "stride_in_3x3=False makes no"),
        (harmed_macs(stage=lambda a, b, _: (b, b, b)), "stride_in_3x3=True makes no"),
        (harmed_macs(stage=lambda a, b, c: (b if c else a, b, b)), "swapped"),
        (harmed_macs(stage=lambda a, b, _: (a, a, a)), "makes the maps smaller"),
        (harmed_macs(stage=lambda a, b, c: (a if c else b, b, a)), "after the stride"),
        (
            harmed_macs(stage=lambda a, b, c: (a, a if c else b, b)),
            "that it makes",
        ),
        (harmed_macs(small=lambda a, s: a // s), "rounded down"),
        (harmed_macs(width=lambda c, n: n), "fewer channels"),
        (harmed_macs(width=lambda c, n: n // 2), "not a half"),
        (harmed_macs(width=lambda c, n: c // 4), "not of in_channels"),
        (harmed_macs(extra=True), "shortcut's convolution is counted"),
        (harmed_macs(factor=2), "counts once"),
        (lambda *_: 0, "multiply-adds of the three"),
        (lambda *case: f"{macs(*case)}", "of type str"),
        (lambda *case: macs(*case) / 7, "not whole"),
    ],
    "degradation_or_overfitting": [
        (tell_by_test, "Only the test errors decide"),
        (tell_test_first, "training errors come first"),
        (tell_by_gap, "same gap"),
        (tell_both, "whatever the test error is"),
        (tell_apart, "absolute difference"),
        (tell_without_margin, "margin is missing"),
        (lambda a, b, c, d: tell(c, d, a, b), "deep taken for shallow"),
        (exchanged, "exchanged"),
        (lambda *_: "overfitting", "always says the same"),
        (tell_in_other_words, "'underfitting'"),
        (tell_nothing_of_neither, "is a return missing?"),
        (too_few_arguments, "TypeError"),
        (lambda *errors: tell(*errors) == "degradation", "True"),
    ],
    "zero_last_scale": [
        (Measured(("higher", {"one": [0.4, 0.5], "zero": [0.2, 0.3]})), "ranges"),
        (Measured(("lower", {"one": [0.2, 0.4], "zero": [0.3, 0.5]})), "overlap"),
        (Measured(("lower", {"one": [0.4], "zero": [0.3, 0.5]})), "2 seeds or more"),
        (Measured(("lower", {"one": [40, 50], "zero": [0.3, 0.5]})), "Percent?"),
        (Measured(("lower", {"one": [0.4, 0.5]})), "measured by this cell"),
        (Measured(("lower", None)), "Run the cell as it is"),
        ("lower", "Run the cell as it is"),
        ("faster", "one of 'lower', 'higher'"),
    ],
    "saved_by_training": [
        ({**EVIDENCE, "claim": "saved"}, "follows from the numbers"),
        ({**EVIDENCE, "claim": "undecided"}, "worst run"),
        ({**EVIDENCE, "plain": [0.12, 0.34, 0.13]}, "some are not"),
        ({**EVIDENCE, "plain": [0.35], "residual": [0.1]}, "3 seeds or more"),
        ({**EVIDENCE, "plain": [35, 33, 31]}, "Percent?"),
        ({**EVIDENCE, "plain": [-0.35, 0.33, 0.31]}, "errors from 0 to 1"),
        ({**EVIDENCE, "plain": [0.3, 0.3, 0.3]}, "Was the seed the same"),
        ({**EVIDENCE, "plain": [0.3, 0.31, 0.32, 0.33]}, "as many plain runs"),
        ({**EVIDENCE, "residual": [0.88, 0.87, 0.86]}, "accuracies"),
        ({**EVIDENCE, "recipe": ""}, "Nobody could repeat it"),
        ({**EVIDENCE, "claim": "maybe"}, "one of 'saved'"),
        ({"plain": [0.3], "residual": [0.2]}, "without 'recipe', 'claim'"),
        ({**EVIDENCE, "plain": "0.3, 0.2"}, "a list of errors"),
        ("it can be saved", "a dict with"),
    ],
}
