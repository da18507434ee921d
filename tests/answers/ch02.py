"""Answers to the exercises of chapter 02."""

import math

import numpy
from mxnet import nd, np, npx
from mxnet.gluon import Block, HybridBlock, nn

from d2l_nin.nin import mlpconv, nin_block

# --- output_size ------------------------------------------------------------------


# --- class_scores -----------------------------------------------------------------


class Scores(HybridBlock):
    def hybrid_forward(self, F, X):
        return F.np.mean(X, axis=(2, 3))


class ScoresInTwo(Block):
    def forward(self, X):
        return X.mean(axis=3).mean(axis=2)


def pooling_net():
    net = nn.HybridSequential()
    net.add(nn.GlobalAvgPool2D(), nn.Flatten())
    return net


def scores_in_nd(X):
    return nd.mean(X, axis=(2, 3))


def scores_by_loop(X):
    X = X.asnumpy()
    return [[float(one.sum()) / one.size for one in image] for image in X]


# --- nin_block_shapes -------------------------------------------------------------


def block_of(*layers):
    net = nn.Sequential()
    net.add(*layers)
    return net


def conv(channels, *window, **options):
    return nn.Conv2D(channels, *window, **options)


def relu():
    return nn.Activation("relu")


def as_in_d2l(num_channels, kernel_size, strides, padding):
    blk = nn.Sequential()
    blk.add(
        nn.Conv2D(num_channels, kernel_size, strides, padding, activation="relu"),
        nn.Conv2D(num_channels, kernel_size=1, activation="relu"),
        nn.Conv2D(num_channels, kernel_size=1, activation="relu"),
    )
    return blk


class AsBlock(Block):
    def __init__(self, num_channels, kernel_size, strides, padding):
        super().__init__()
        self.conv = nn.Conv2D(num_channels, kernel_size, strides, padding)
        self.mix1 = nn.Conv2D(num_channels, 1)
        self.mix2 = nn.Conv2D(num_channels, 1)

    def forward(self, X):
        for layer in (self.conv, self.mix1, self.mix2):
            X = npx.relu(layer(X))
        return X


class AsHybridBlock(HybridBlock):
    def __init__(self, num_channels, kernel_size, strides, padding):
        super().__init__()
        self.convs = nn.HybridSequential()
        window = (kernel_size, strides, padding)
        for each in (window, (1, 1, 0), (1, 1, 0)):
            self.convs.add(nn.Conv2D(num_channels, *each), nn.Activation("relu"))

    def hybrid_forward(self, F, X):
        return self.convs(X)


class WithDense(Block):
    """The 1×1 convolutions as dense layers at every pixel."""

    def __init__(self, num_channels, kernel_size, strides, padding):
        super().__init__()
        self.conv = nn.Conv2D(num_channels, kernel_size, strides, padding)
        self.mix = nn.Sequential()
        for _ in range(2):
            self.mix.add(nn.Dense(num_channels, flatten=False, activation="relu"))

    def forward(self, X):
        Y = npx.relu(self.conv(X)).transpose(0, 2, 3, 1)
        return self.mix(Y).transpose(0, 3, 1, 2)


def with_windows(*windows, last=True, **options):
    """A wrong block: `windows` of the three, as functions of (k, s, p)."""

    def make(num_channels, k, s, p):
        blk = nn.Sequential()
        for i, window in enumerate(windows):
            act = "relu" if last or i < len(windows) - 1 else None
            blk.add(conv(num_channels, *window(k, s, p), activation=act, **options))
        return blk

    return make


def whole(k, s, p):
    return k, s, p


def small(k, s, p):
    return 1, 1, 0


def padded(k, s, p):
    return 1, 1, p


def strided(k, s, p):
    return 1, s, 0


def relus_after(*wanted):
    def make(D, k, s, p):
        blk = nn.Sequential()
        for i, window in enumerate(((k, s, p), (1,), (1,)), 1):
            blk.add(conv(D, *window))
            if i in wanted:
                blk.add(relu())
        return blk

    return make


def with_sigmoid(D, k, s, p):
    return block_of(conv(D, k, s, p), nn.Activation("sigmoid"), conv(D, 1), relu(),
                    conv(D, 1), relu())  # fmt: skip


def with_pooling(D, k, s, p):
    blk = as_in_d2l(D, k, s, p)
    blk.add(nn.MaxPool2D(3, 2))
    return blk


def with_average(D, k, s, p):
    blk = as_in_d2l(D, k, s, p)
    blk.add(nn.GlobalAvgPool2D(), nn.Flatten())
    return blk


def of_single_channels(D, k, s, p):
    return mlpconv(D, k, s, p, batch_norm=False, cross_channel=False)


def one_too_wide(D, k, s, p):
    return block_of(conv(2 * D, k, s, p), relu(), conv(D, 1), relu(), conv(D, 1),
                    relu())  # fmt: skip


# --- accuracy ---------------------------------------------------------------------


# --- rescue -----------------------------------------------------------------------

FROZEN = [0.1, 0.1, 0.172, 0.1, 0.15]
SAVED = [0.61, 0.72, 0.28, 0.55, 0.3]


def evidence(before=FROZEN, after=SAVED, alive=4, **more):
    return {"before": before, "after": after, "alive": alive, **more}


RIGHT = {
    "block_parameters": [26816, 26816.0, 64 * (32 * 9 + 1) + 2 * 64 * 65],
    "frozen_loss": [math.log(62), 4.127, 4.13, np.log(np.array(62.0))],
    "class_scores": [
        lambda X: X.mean(axis=(2, 3)),
        Scores,
        Scores(),
        ScoresInTwo(),
        pooling_net(),
        scores_in_nd,
        scores_by_loop,
        lambda X: np.einsum("nkij->nk", X) / (X.shape[2] * X.shape[3]),
    ],
    "nin_block_shapes": [as_in_d2l, nin_block, AsBlock, AsHybridBlock, WithDense],
    "rescue": [
        evidence(),
        evidence(after=numpy.array(SAVED), changed="lr"),
        evidence([0.1] * 6, [0.1] * 5 + [0.2], 0),
    ],
}

WRONG = {
    "block_parameters": [
        (26624, "weights alone"),
        (22656, "has two"),
        (14528, "9 places"),
        (22720, "not the 32"),
        (18496, "Two more follow"),
        (30000, "too large"),
        ("27 thousand", "of type str"),
    ],
    "frozen_loss": [
        (2.303, "for ten classes"),
        (5.954, "base 2"),
        (1.792, "base 10"),
        (1 / 62, "probability"),
        (0.0, "no loss of zero"),
        (-math.log(62), "below zero"),
        (62, "goes through"),
        (3, "too small"),
    ],
    "class_scores": [
        (lambda X: X.max(axis=(2, 3)), "pools with max"),
        (lambda X: X.min(axis=(2, 3)), "pools with min"),
        (lambda X: X.sum(axis=(2, 3)), "This is the sum"),
        (lambda X: X.sum(axis=(2, 3)) / 9, "divides by 9"),
        (lambda X: X.sum(axis=(2, 3)) / 25, "divides by 25"),
        (lambda X: npx.relu(X).mean(axis=(2, 3)), "ReLU before"),
        (lambda X: npx.relu(X.mean(axis=(2, 3))), "ReLU behind"),
        (lambda X: npx.softmax(X.mean(axis=(2, 3))), "Softmax"),
        (lambda X: numpy.median(X.asnumpy(), axis=(2, 3)), "the median"),
        (lambda X: X[:, :, X.shape[2] // 2, X.shape[3] // 2], "in the middle"),
        (lambda X: X.mean(axis=1), "pools over the classes"),
        (lambda X: X.mean(axis=(0, 2, 3)), "images are pooled together"),
        (lambda X: X.mean(axis=(2, 3), keepdims=True), "Flatten them away"),
        (nn.GlobalMaxPool2D(), "two axes of size 1"),
        (nn.Flatten(), "only flattens"),
        (lambda X: X.mean(axis=3), "height is not yet"),
        (lambda X: X.mean(axis=2), "width is not yet"),
        (lambda X: X.mean(), "over everything"),
        (lambda X: X.mean(axis=(2, 3)).argmax(axis=1), "single number"),
        (nn.Dense(10), "(2, 10)"),
        (lambda X: X.mean(axis=(2, 4)), "Error"),
    ],
    "nin_block_shapes": [
        (with_windows(whole, padded, padded), "each adds twice"),
        (with_windows(whole, small, padded), "One of the 1×1"),
        (with_windows(whole, strided, strided), "on to both 1×1"),
        (with_windows(whole, small, strided), "on to a 1×1"),
        (with_windows(lambda k, s, p: (k, s), small, small), "padding of the first"),
        (with_windows(lambda k, s, p: (k, 1, p), small, small), "strides of the first"),
        (with_windows(whole, small), "only one 1×1"),
        (with_windows(whole), "convolutions are missing"),
        (with_windows(whole, small, small, small), "one 1×1 convolution too many"),
        (with_windows(whole, small, small, use_bias=False), "biases are missing"),
        (with_windows(whole, small, small, last=False), "convolution 3."),
        (relus_after(), "1 and 2 and 3"),
        (relus_after(3), "1 and 2."),
        (relus_after(1), "2 and 3."),
        (relus_after(2, 3), "convolution 1."),
        (relus_after(1, 3), "convolution 2."),
        (with_sigmoid, "with given weights"),
        (with_windows(lambda k, s, p: (k, s, p), whole, whole), "windows of 1×1"),
        (lambda D, k, s, p: mlpconv(D, k, s, p, batch_norm=True), "batch norm"),
        (with_pooling, "pooling is no part"),
        (with_average, "average is no part"),
        (of_single_channels, "don't mix the channels"),
        (one_too_wide, "and no other parameters"),
        (as_in_d2l(96, 11, 4, 0), "It must take"),
        (lambda D, k, s, p: nin_block(10, k, s, p), "(2, 10, 9, 9)"),
        (lambda D, k, s, p: [conv(D, k, s, p)], "a Gluon Block"),
        (lambda D, k, s, p: nin_block(D, 0, s, p), "ValueError"),
    ],
    "rescue": [
        (evidence(FROZEN[:3], SAVED[:3], 2), "of 5 seeds or more"),
        (evidence(after=[61.0, 72.0, 28.0, 55.0, 30.0]), "Percent?"),
        (evidence(after=[0.6] * 5), "Was the seed the same"),
        (evidence(after=[*SAVED[:4], float("nan")]), "nan"),
        (evidence(SAVED, SAVED, 4), "mostly fails"),
        (evidence(after=FROZEN, alive=0), "twice"),
        (evidence(alive=5), "Count again"),
        (evidence(after=[*SAVED, 0.7]), "same seeds"),
        ({"before": FROZEN, "after": SAVED}, "'alive' as well"),
        ({"before": FROZEN}, "'after'"),
        (evidence(before=0.1), "a list of accuracies"),
        ([0.1, 0.6], "a dict"),
    ],
}
