"""Answers to the exercises of chapter 02."""

import math

import numpy
from mxnet import nd, np, npx
from mxnet.gluon import Block, HybridBlock, nn

from d2l_nin.nin import mlpconv, nin_block
from d2l_nin.training import evaluate_accuracy
from tests.answers import Measured

# --- output_size ------------------------------------------------------------------


def size_by_floor(height, kernel_size, strides, ceil_mode):
    rounding = math.ceil if ceil_mode else math.floor
    return rounding((height - kernel_size) / strides) + 1


def size_by_steps(n, k, s, ceil):
    steps, rest = divmod(n - k, s)
    return numpy.int64(steps + 1 + (1 if ceil and rest else 0))


def size_by_walking(n, k, s, ceil):
    count, top = 0, 0
    while top + k <= n:
        count, top = count + 1, top + s
    return float(count + (ceil and top - s + k < n))


def size_by_gluon(n, k, s, ceil):
    pool = nn.MaxPool2D(k, s, ceil_mode=ceil)
    return pool(np.zeros((1, 1, n, n))).shape[2]


def up(a, b):
    return -(-a // b)


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
    return mlpconv(D, k, s, p, cross_channel=False)


def one_too_wide(D, k, s, p):
    return block_of(conv(2 * D, k, s, p), relu(), conv(D, 1), relu(), conv(D, 1),
                    relu())  # fmt: skip


# --- accuracy ---------------------------------------------------------------------


def by_two_sums(net, data_iter):
    hits = num_images = 0
    for X, y in data_iter:
        hits += float((net(X).argmax(axis=1).astype("int32") == y).sum())
        num_images += len(y)
    return hits / num_images


def by_concatenation(net, data_iter):
    right = [
        net(X).asnumpy().argmax(1) == y.asnumpy().astype(int) for X, y in data_iter
    ]
    return numpy.concatenate(right).mean()


def by_weighted_mean(net, data_iter):
    accs, sizes = [], []
    for X, y in data_iter:
        accs.append(
            (npx.softmax(net(X)).argmax(axis=-1).astype(y.dtype) == y).mean().item()
        )
        sizes.append(X.shape[0])
    return numpy.average(accs, weights=sizes)


class Accuracy:
    def __call__(self, net, data_iter):
        hits = np.zeros(())
        for X, y in data_iter:
            hits = hits + (net(X).argmax(axis=1).astype(y.dtype) == y).sum()
        return hits / data_iter.num_samples


def shares(net, data_iter):
    return [
        float((net(X).asnumpy().argmax(1) == y.asnumpy()).mean()) for X, y in data_iter
    ]


def hits(net, data_iter):
    return [
        int((net(X).asnumpy().argmax(1) == y.asnumpy()).sum()) for X, y in data_iter
    ]


def mean_of_means(net, data_iter):
    return sum(shares(net, data_iter)) / len(shares(net, data_iter))


def by_full_batches(net, data_iter):
    return sum(hits(net, data_iter)) / (len(data_iter) * data_iter.batch_size)


def without_the_last(net, data_iter):
    number = data_iter.num_samples // data_iter.batch_size
    return sum(hits(net, data_iter)[:number]) / (number * data_iter.batch_size)


def early_return(net, data_iter):
    share = 0
    for X, y in data_iter:
        share = (net(X).argmax(axis=1).astype(y.dtype) == y).sum() / len(y)
        break
    return share


def along_the_images(net, data_iter):
    return sum((net(X).asnumpy().argmax(0) == y.asnumpy()).sum() for X, y in data_iter)


def with_itself(net, data_iter):
    found = [net(X).argmax(axis=1) for X, _ in data_iter]
    return float(np.concatenate([f == f for f in found]).mean())


def scores_as_labels(net, data_iter):
    return sum(float((net(X) == y).sum()) for X, y in data_iter)


def of_two_types(net, data_iter):
    return sum((net(X).argmax(axis=1) == y).sum() for X, y in data_iter)


def no_return(net, data_iter):
    sum(shares(net, data_iter))


# --- rescue -----------------------------------------------------------------------

FROZEN = [0.1, 0.1, 0.172, 0.1, 0.15]
SAVED = [0.61, 0.72, 0.28, 0.55, 0.3]


def evidence(before=FROZEN, after=SAVED, alive=4, **more):
    return {"before": before, "after": after, "alive": alive, **more}


RIGHT = {
    "block_parameters": [26816, 26816.0, 64 * (32 * 9 + 1) + 2 * 64 * 65],
    "frozen_loss": [math.log(62), 4.127, 4.13, np.log(np.array(62.0))],
    "output_size": [size_by_floor, size_by_steps, size_by_walking, size_by_gluon],
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
    "accuracy": [
        by_two_sums,
        evaluate_accuracy,
        by_concatenation,
        by_weighted_mean,
        Accuracy(),
    ],
    "frozen_or_not": [
        Measured(("without it", (2.3026, 0.61))),
        Measured(("Without it", [2.303, 1.2])),
    ],
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
    "output_size": [
        (lambda n, k, s, ceil: (n - k) // s + 1, "always rounds down"),
        (lambda n, k, s, ceil: up(n - k, s) + 1, "always rounds up"),
        (lambda n, k, s, ceil: size_by_floor(n, k, s, not ceil), "changed places"),
        (lambda n, k, s, ceil: size_by_floor(n, k, s, ceil) - 1, "first position"),
        (lambda n, k, s, ceil: up(n, s) if ceil else n // s, "part of kernel_size"),
        (lambda n, k, s, ceil: (n - k) // s + 1 + ceil, "adds nothing"),
        (lambda n, k, s, ceil: round((n - k) / s) + 1, "to the nearest"),
        (lambda n, k, s, ceil: size_by_floor(n + 1, k, s, ceil) - 1, "belongs behind"),
        (lambda n, k, s, ceil: n - k + 1, "strides make no difference"),
        (lambda n, k, s, ceil: size_by_floor(n + 2, k, s, ceil), "no padding"),
        (lambda n, k, s, ceil: size_by_floor(n, k, s, ceil) + 1, "One position too"),
        (lambda n, k, s, ceil: (n - k) / s + 1, "not whole"),
        (lambda n, k, s, ceil: 27 if ceil else 26, "26, the first"),
        (lambda n, k, s, ceil: (n, k), "2 numbers"),
        (lambda n, k, s, ceil: n / 0, "ZeroDivisionError"),
        (lambda n, k, s, ceil: print(n), "is a return missing"),
        (lambda n, k: n, "TypeError"),
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
    "accuracy": [
        (mean_of_means, "count too much"),
        (lambda net, it: sum(shares(net, it)), "added up"),
        (lambda net, it: sum(hits(net, it)), "number of hits"),
        (lambda net, it: 100 * by_two_sums(net, it), "in percent"),
        (lambda net, it: 1 - by_two_sums(net, it), "*wrong*"),
        (lambda net, it: shares(net, it)[-1], "last batch alone"),
        (early_return, "first batch alone"),
        (by_full_batches, "divides by full batches"),
        (lambda net, it: sum(hits(net, it)) / len(it), "number of batches"),
        (without_the_last, "left out"),
        (with_itself, "with itself"),
        (shares, "3 numbers"),
        (along_the_images, "Error"),
        (scores_as_labels, "Error"),
        (of_two_types, "Type inconsistent"),
        (no_return, "is a return missing"),
        (lambda net, it: 0.91, "0.91"),
    ],
    "frozen_or_not": [
        (Measured(("both", (2.3026, 0.61))), "no weight moves"),
        (Measured(("neither", (2.3026, 0.61))), "however low"),
        (Measured(("with the ReLU", (2.3026, 0.61))), "other way round"),
        (Measured(("without it", (0.6, 0.61))), "as it was"),
        (Measured(("without it", (2.3026, 2.3026))), "as it was"),
        (Measured(("without it", None)), "as the cell measures"),
        (Measured(("without it",)), "as the cell measures"),
        (Measured(("with", (2.3026, 0.61))), "one of"),
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
