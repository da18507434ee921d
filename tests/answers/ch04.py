"""Answers to the exercises of chapter 04."""

import numpy
from mxnet import gluon, np, npx
from mxnet import nd as legacy
from mxnet.gluon import Block, HybridBlock, nn

from d2l_nin.inception import Branches, Inception
from tests.answers import Measured

# --- matching_paddings -----------------------------------------------------------


def by_halves(kernel_sizes, padding):
    return [padding + (k - kernel_sizes[0]) // 2 for k in kernel_sizes]


def by_array(kernel_sizes, padding):
    sizes = np.array(kernel_sizes)
    return (sizes - sizes[0]) / 2 + padding


def by_trying(kernel_sizes, padding):
    """Look for each padding that makes the right size out of 100."""
    wanted = 100 + 2 * padding - kernel_sizes[0]
    for k in kernel_sizes:
        p = 0
        while 100 + 2 * p - k != wanted:
            p += 1
        yield p


def in_pairs(kernel_sizes, padding):
    return tuple((p, p) for p in by_halves(kernel_sizes, padding))


# --- inception_module ------------------------------------------------------------


def conv(width, window=1, relu=True, **options):
    activation = "relu" if relu else None
    options = {"padding": window // 2, **options}
    return nn.Conv2D(width, window, activation=activation, **options)


def chained(*layers):
    branch = nn.HybridSequential()
    branch.add(*layers)
    return branch


def max_pool():
    return nn.MaxPool2D(3, strides=1, padding=1)


def four(c1, c2, c3, c4):
    return [
        chained(conv(c1)),
        chained(conv(c2[0]), conv(c2[1], 3)),
        chained(conv(c3[0]), conv(c3[1], 5)),
        chained(max_pool(), conv(c4)),
    ]


class Stack(HybridBlock):
    """Branches, and what is done with their outputs."""

    def __init__(self, branches, join=None):
        super().__init__()
        self.branches = list(branches)
        for branch in branches:
            self.register_child(branch)
        self.join = join

    def hybrid_forward(self, F, X):
        outputs = [branch(X) for branch in self.branches]
        return self.join(outputs) if self.join else F.np.concatenate(outputs, axis=1)


def by_hybrid(c1, c2, c3, c4):
    net = Stack(four(c1, c2, c3, c4))
    net.hybridize()
    return net


class ByBlock(Block):
    def __init__(self, c1, c2, c3, c4, **options):
        super().__init__(**options)
        self.p1 = nn.Conv2D(c1, 1)
        self.p2a, self.p2b = nn.Conv2D(c2[0], 1), nn.Conv2D(c2[1], 3, padding=1)
        self.p3a, self.p3b = nn.Conv2D(c3[0], 1), nn.Conv2D(c3[1], 5, padding=2)
        self.pool, self.p4 = nn.MaxPool2D(3, 1, 1), nn.Conv2D(c4, 1)

    def forward(self, X):
        b2 = self.p2b(npx.relu(self.p2a(X)))
        b3 = self.p3b(npx.relu(self.p3a(X)))
        Y = np.concatenate([self.p1(X), b2, b3, self.p4(self.pool(X))], axis=1)
        return npx.relu(Y)  # stacking first, then one ReLU for all


class OwnParameters(HybridBlock):
    """Without Gluon's layers."""

    def __init__(self, c1, c2, c3, c4):
        super().__init__()
        self.windows = {"a": 1, "b": 1, "c": 3, "d": 1, "e": 5, "f": 1}
        widths = (c1, *c2, *c3, c4)
        inputs = (0, 0, c2[0], 0, c3[0], 0)
        with self.name_scope():
            for (name, k), width, read in zip(self.windows.items(), widths, inputs):
                for kind, shape in (("w", (width, read, k, k)), ("b", (width,))):
                    param = self.params.get(
                        kind + name, shape=shape, allow_deferred_init=True
                    )
                    setattr(self, kind + name, param)

    def hybrid_forward(self, F, X, **values):
        def conv(X, name):
            k, bias = self.windows[name], values["b" + name]
            width = getattr(self, "b" + name).shape[0]
            Y = F.npx.convolution(
                X, values["w" + name], bias, kernel=(k, k), num_filter=width,
                pad=(k // 2, k // 2),
            )  # fmt: skip
            return F.npx.relu(Y)

        pooled = F.npx.pooling(X, kernel=(3, 3), stride=(1, 1), pad=(1, 1))
        branches = [conv(X, "a"), conv(conv(X, "b"), "c"), conv(conv(X, "d"), "e")]
        return F.np.concatenate([*branches, conv(pooled, "f")], axis=1)


class AtEveryPixel(Block):
    """A 1×1 convolution as a dense layer."""

    def __init__(self, width):
        super().__init__()
        self.dense = nn.Dense(width, flatten=False, activation="relu")

    def forward(self, X):
        return self.dense(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Chain(Block):
    def __init__(self, *parts):
        super().__init__()
        self.parts = parts
        for part in parts:
            self.register_child(part)

    def forward(self, X):
        for part in self.parts:
            X = part(X)
        return X


def by_dense(c1, c2, c3, c4):
    class Net(Block):
        def __init__(self):
            super().__init__()
            self.a = AtEveryPixel(c1)
            self.b = Chain(AtEveryPixel(c2[0]), conv(c2[1], 3))
            self.c = Chain(AtEveryPixel(c3[0]), conv(c3[1], 5))
            self.d = Chain(max_pool(), AtEveryPixel(c4))

        def forward(self, X):
            return np.concatenate([self.a(X), self.b(X), self.c(X), self.d(X)], 1)

    return Net()


def with_branch(number, make, join=None):
    """An answer with one branch of another kind."""

    def answer(c1, c2, c3, c4):
        branches = four(c1, c2, c3, c4)
        branches[number] = chained(*make(c1, c2, c3, c4))
        return Stack(branches, join)

    return answer


def joined(join):
    return lambda *widths: Stack(four(*widths), join)


def in_order(*order):
    return lambda *widths: Stack([four(*widths)[i] for i in order])


def naive(c1, c2, c3, c4):
    windows = [conv(c1), conv(c2[1], 3), conv(c3[1], 5), chained(max_pool(), conv(c4))]
    return Stack(windows)


def no_relu(c1, c2, c3, c4):
    return Stack([
        conv(c1, relu=False),
        chained(conv(c2[0], relu=False), conv(c2[1], 3, relu=False)),
        chained(conv(c3[0], relu=False), conv(c3[1], 5, relu=False)),
        chained(max_pool(), conv(c4, relu=False)),
    ])  # fmt: skip


def no_relu_in_between(c1, c2, c3, c4):
    return Stack([
        conv(c1),
        chained(conv(c2[0], relu=False), conv(c2[1], 3)),
        chained(conv(c3[0], relu=False), conv(c3[1], 5)),
        chained(max_pool(), conv(c4)),
    ])  # fmt: skip


def hybridized_without_padding(c1, c2, c3, c4):
    branches = four(c1, c2, c3, c4)
    branches[2] = chained(conv(c3[0]), conv(c3[1], 5, padding=0))
    net = Stack(branches)
    net.hybridize()
    return net


def no_biases(c1, c2, c3, c4):
    def bare(*arguments):
        return conv(*arguments, use_bias=False)

    return Stack([
        bare(c1),
        chained(bare(c2[0]), bare(c2[1], 3)),
        chained(bare(c3[0]), bare(c3[1], 5)),
        chained(max_pool(), bare(c4)),
    ])  # fmt: skip


def normed(c1, c2, c3, c4):
    return Stack([chained(branch, nn.BatchNorm()) for branch in four(c1, c2, c3, c4)])


def first_widths(c1, c2, c3, c4):
    return Stack(four(c1, (c2[1], c2[0]), (c3[1], c3[0]), c4))


def reductions_stacked(c1, c2, c3, c4):
    return Stack([*four(c1, c2, c3, c4), conv(c2[0]), conv(c3[0])])


def fixed_widths(*_):
    return Stack(four(7, (3, 5), (2, 4), 6))


class Unused(ByBlock):
    def forward(self, X):
        b2, b3 = self.p2b(X), self.p3b(npx.relu(self.p3a(X)))
        Y = [self.p1(X), b2, b3, self.p4(self.pool(X))]
        return npx.relu(np.concatenate(Y, axis=1))


class ZerosAround(HybridBlock):
    def hybrid_forward(self, F, X):
        return F.np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))


class NoReturn(ByBlock):
    def forward(self, X):
        super().forward(X)


# --- loss_with_heads -------------------------------------------------------------

cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()


def by_gluon(y, scores, *side_scores):
    loss = cross_entropy(scores, y).mean()
    for side in side_scores:
        loss = loss + 0.3 * cross_entropy(side, y).mean()
    return loss


def by_pick(y, scores, *side_scores):
    total = 0
    for weight, each in [(1, scores), *((0.3, side) for side in side_scores)]:
        total = total - weight * npx.pick(npx.log_softmax(each), y)
    return total.mean()


def by_nd(y, scores, *side_scores):
    def loss(scores):
        return -legacy.pick(legacy.log_softmax(scores), y).mean()

    return legacy.add_n(loss(scores), *(0.3 * loss(side) for side in side_scores))


def by_rows(y, *all_scores):
    rows = np.arange(len(y))
    weights = [1] + [0.3] * (len(all_scores) - 1)
    means = [npx.log_softmax(one)[rows, y].mean() for one in all_scores]
    return -sum(w * m for w, m in zip(weights, means)).reshape(1)


def mean_loss(scores, y):
    return cross_entropy(scores, y).mean()


def in_numpy(y, scores, *side_scores):
    return float(by_gluon(y, scores, *side_scores))


def detached(y, scores, *side_scores):
    return by_gluon(y, scores, *(side.detach() for side in side_scores))


def left_mxnet(y, scores, *side_scores):
    return np.array(by_gluon(y, scores, *side_scores).asnumpy())


def unstable(y, scores, *side_scores):
    def loss(scores):
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return -np.log(npx.pick(shares, y)).mean()

    return loss(scores) + 0.3 * sum(loss(side) for side in side_scores)


def of_two(y, scores, first, second):
    return by_gluon(y, scores, first, second)


def twice_softmax(y, *all_scores):
    return by_gluon(y, *(npx.softmax(scores) for scores in all_scores))


def for_each_image(y, scores, *side_scores):
    sides = sum(cross_entropy(side, y) for side in side_scores)
    return cross_entropy(scores, y) + 0.3 * sides


def averaged_heads(y, scores, *sides):
    mean = sum(mean_loss(side, y) for side in sides) / max(len(sides), 1)
    return mean_loss(scores, y) + 0.3 * mean


# --- one_change ------------------------------------------------------------------

BEFORE = [0.71, 0.72, 0.7, 0.69, 0.705]
ABOVE = [0.75, 0.76, 0.74, 0.8, 0.78]


def evidence(**changes):
    return {
        "before": BEFORE,
        "after": ABOVE,
        "parameters": (12_000, 12_500),
        "images": 2000,
        "verdict": "better",
        **changes,
    }


RIGHT = {
    "parameters_of_a_module": [12_536, 12_536.0, np.array([12_536.0])],
    "matching_paddings": [by_halves, by_array, by_trying, in_pairs],
    "inception_module": [
        by_hybrid,
        ByBlock,
        OwnParameters,
        by_dense,
        lambda *widths: Branches(*four(*widths)),
    ],
    "two_for_one": [19, 19.0, numpy.int64(19)],
    "loss_with_heads": [by_gluon, by_pick, by_nd, by_rows],
    "switched_off": [
        Measured(("over 20", (0.8, 0.2))),
        Measured(("5 to 20", (0.8, 0.7))),
        Measured(("Under 5", (0.8, 0.81))),
    ],
    "one_change": [
        evidence(),
        evidence(before=ABOVE, after=BEFORE, verdict="worse"),
        evidence(before=[*BEFORE, 0.77], verdict="can't tell"),
    ],
}
WRONG = {
    "parameters_of_a_module": [
        (12_416, "biases are missing"),
        (11_496, "projection behind"),
        (46_160, "naive module"),
        (47_200, "read those of their reductions"),
        (10_976, "two reductions are missing"),
        (5_368, "one weight for a window"),
        (10_488, "3×3 windows in both"),
        (12_537, "six convolutions"),
        (2.5, "not whole"),
    ],
    "matching_paddings": [
        (lambda ks, p: [p + k - ks[0] for k in ks], "half as much"),
        (lambda ks, p: [2 * q for q in by_halves(ks, p)], "both sides together"),
        (lambda ks, p: [k - 1 for k in ks], "k − 1 is what a window loses"),
        (lambda ks, p: [(k - 1) // 2 for k in ks], "keeps the size of the input"),
        (lambda ks, p: [p + k // 2 for k in ks], "takes the first window for 1×1"),
        (lambda ks, p: [p for k in ks], "still makes a smaller map"),
        (lambda ks, p: [p - (k - ks[0]) // 2 for k in ks], "The sign"),
        (lambda ks, p: [28 + 2 * p - k + 1 for k in ks], "sizes of maps"),
        (lambda ks, p: by_halves(ks, p)[1:], "belongs to the list"),
        (lambda ks, p: [0, 1, 2], "first branch's padding is given"),
        (lambda ks, p: [3, 2, 4], "windows [1, 3, 5]"),
        (lambda ks, p: [p] + [p + 1] * (len(ks) - 1), "[30, 34, 30]"),
        (lambda ks, p: [(k - 1) / 2 + 0.5 for k in ks], "not whole"),
        (lambda ks, p: p + len(ks), "one padding for each window"),
    ],
    "inception_module": [
        (naive, "The 5×5 reads all input channels"),
        (
            with_branch(1, lambda c1, c2, c3, c4: [conv(c2[1], 3)]),
            "The 3×3 reads all input channels",
        ),
        (with_branch(3, lambda *_: [max_pool()]), "where is its projection"),
        (
            with_branch(1, lambda a, c, *_: [conv(c[0]), conv(c[1], 3, padding=0)]),
            "a 3×3 convolution that makes 6×6 of 8×8",
        ),
        (
            with_branch(2, lambda a, b, c, d: [conv(c[0]), conv(c[1], 5, padding=1)]),
            "a 5×5 convolution that makes 6×6 of 8×8",
        ),
        (
            with_branch(3, lambda a, b, c, d: [nn.MaxPool2D(3, 2, 1), conv(d)]),
            "a 3×3 pooling that makes 4×4 of 8×8",
        ),
        (
            with_branch(3, lambda a, b, c, d: [nn.MaxPool2D(3), conv(d)]),
            "a 3×3 pooling that makes 2×2 of 8×8",
        ),
        (joined(lambda Y: np.concatenate(Y)), "Axis 0 counts images"),
        (joined(lambda Y: np.concatenate(Y, axis=2)), "Axis 2 is the height"),
        (joined(lambda Y: np.concatenate(Y, axis=3)), "Axis 3 is the width"),
        (joined(sum), "all were added up"),
        (joined(list), "Stack what the branches make"),
        (in_order(3, 0, 1, 2), "another order: pooling, 1×1"),
        (in_order(0, 2, 1, 3), "another order: 1×1, 5×5, 3×3"),
        (in_order(0, 1, 2), "A branch is missing"),
        (no_relu, "3×3: both its ReLUs are missing"),
        (no_relu_in_between, "behind its reduction is missing"),
        (
            with_branch(3, lambda a, b, c, d: [max_pool(), conv(d, relu=False)]),
            "pooling: the ReLU at its end",
        ),
        (
            with_branch(3, lambda a, b, c, d: [nn.AvgPool2D(3, 1, 1), conv(d)]),
            "not the maximum",
        ),
        (
            with_branch(3, lambda a, b, c, d: [conv(d), max_pool()]),
            "in front of the pooling",
        ),
        (with_branch(3, lambda a, b, c, d: [conv(d)]), "nothing is pooled"),
        (
            with_branch(
                3, lambda a, b, c, d: [ZerosAround(), nn.MaxPool2D(3, 1), conv(d)]
            ),
            "zeros stand around",
        ),
        (
            with_branch(3, lambda a, b, c, d: [max_pool(), conv(d, 3)]),
            "projection is a 1×1",
        ),
        (
            with_branch(1, lambda a, c, *_: [conv(c[0]), conv(c[1], 5)]),
            "3×3 branch has a window of 5×5",
        ),
        (
            with_branch(2, lambda a, b, c, d: [conv(c[0]), conv(c[1], 3)]),
            "5×5 branch has a window of 3×3",
        ),
        (hybridized_without_padding, "a 5×5 convolution that makes 4×4 of 8×8"),
        (no_biases, "has a bias here"),
        (normed, "no other parameters"),
        (first_widths, "belong to the reductions"),
        (reductions_stacked, "they are not stacked"),
        (fixed_widths, "(2, 16, 8, 8)"),
        (Unused, "forward does not use it"),
        (NoReturn, "is a return missing"),
        (Inception, "a module of your own"),
        (lambda c1, c2, c3, c4: four(c1, c2, c3, c4), "a Gluon Block"),
        (Stack(four(7, (3, 5), (2, 4), 6)), "Its widths are fixed"),
        (
            lambda a, b, c, d: Branches(conv(a), conv(b[1], 3, padding=0)),
            "different sizes",
        ),
    ],
    "two_for_one": [
        (18, "equally many"),
        (12, "leaves out the first"),
        (89, "leaves out the second"),
        (1, "reads 32 channels, not m"),
        (16, "reduction of 3a"),
        (32, "cheaper earlier"),
        (24, "the smallest m"),
        ("m", "a number of channels"),
    ],
    "loss_with_heads": [
        (lambda y, scores, *sides: mean_loss(scores, y), "heads' losses are missing"),
        (lambda y, *all_: sum(mean_loss(s, y) for s in all_), "count in full"),
        (
            lambda y, s, *sides: (
                0.3 * mean_loss(s, y) + sum(mean_loss(t, y) for t in sides)
            ),
            "belongs to the heads, not to the net",
        ),
        (
            lambda y, *all_: 0.3 * sum(mean_loss(s, y) for s in all_),
            "own loss counts in full; 0.3",
        ),
        (lambda y, s, *sides: by_gluon(y, s, *sides[:1]), "Only the first head"),
        (lambda y, s, *sides: by_gluon(y, s, *sides[-1:]), "Only the last head"),
        (averaged_heads, "add, don't average"),
        (
            lambda y, s, *sides: by_gluon(y, s, *sides) / (1 + 0.3 * len(sides)),
            "don't divide",
        ),
        (
            lambda y, s, *sides: by_gluon(y, s, *sides) - 0.3 * mean_loss(s, y),
            "not 0.7",
        ),
        (lambda y, *all_: by_gluon(y, *all_) * len(y), "sum over the batch"),
        (lambda y, *all_: -by_gluon(y, *all_), "The sign"),
        (for_each_image, "loss for each image"),
        (twice_softmax, "softmax is taken twice"),
        (
            lambda y, s, *sides: mean_loss(s + 0.3 * sum(sides), y),
            "Add the losses of the heads",
        ),
        (in_numpy, "has no gradient"),
        (left_mxnet, "from the scores to the end"),
        (detached, "Are they detached"),
        (unstable, "log_softmax"),
        (of_two, "positional argument"),
        (lambda y, s, *sides: s, "shape (6, 4)"),
    ],
    "switched_off": [
        (Measured(("under 5", (0.8, 0.2))), "Predictions may fail"),
        (Measured(("5 to 20", (0.8, 0.2))), "measured 80.0% before"),
        (Measured(("over 20", (0.3, 0.05))), "learned something"),
        (Measured(("over 20", (80, 20))), "Percent?"),
        (Measured(("over 20", (0.8,))), "2 accuracies in a row"),
        (Measured((20, (0.8, 0.2))), "one of 'under 5'"),
        ("over 20", "Run the whole cell"),
    ],
    "one_change": [
        ([0.7, 0.8], "a dict"),
        ({"before": BEFORE}, "'before', 'after', 'parameters'"),
        (evidence(before=BEFORE[:1]), "One seed shows nothing"),
        (evidence(after=[0.75] * 5), "seed the same"),
        (evidence(after=[100 * a for a in ABOVE]), "Percent?"),
        (evidence(after=[*ABOVE[:4], float("nan")]), "nan"),
        (evidence(after=[*ABOVE, 0.7512345]), "averaged over batches"),
        (evidence(images=100), "On so few"),
        (evidence(parameters=(12_000, 20_000)), "the change, or the size"),
        (evidence(parameters=12_000), "two numbers of parameters"),
        (evidence(after=BEFORE, verdict="can't tell"), "twice the same"),
        (evidence(before=[*BEFORE, 0.77]), "The ranges overlap"),
        (evidence(verdict="worse"), "other way round"),
        (evidence(verdict="can't tell"), "don't overlap"),
        (evidence(verdict="yes"), "one of 'better'"),
    ],
}
