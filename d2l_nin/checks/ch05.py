"""Exercises of chapter 05."""

from __future__ import annotations

from statistics import median

import numpy
from mxnet import np
from mxnet.gluon import HybridBlock, nn

from d2l_nin.checks.expect import (
    Wrong,
    as_accuracies,
    as_array,
    as_net,
    as_paired_claim,
    both_sides,
    expect_keys,
    short,
)
from d2l_nin.checks.kinds import (
    Block,
    Choice,
    Evidence,
    Function,
    Number,
    Prediction,
    in_a_row,
)
from d2l_nin.cost import summary

paths = Number(
    "the paths from input to output that go through exactly three F's",
    "714a8b2c5e0e5aa05d580df3",
    {
        "Block 5 is still counted: no path goes through its F any more.": 220,
        "Nine of the blocks that are left pass X on, and three don't: 12 in all. But "
        "one of the 12 has no F.": 1320,
        "The order is counted here. A path meets the blocks in one order only.": 990,
        "These are all the paths, through however many F's.": 2048,
        "These are all the paths before block 5 was left out.": 4096,
        "These are the paths with at most three F's.": 232,
        "These are the paths with two F's among the blocks that are left.": 55,
        "One path for each block? A path is a choice at every block.": 11,
    },
    (
        "Write H of two blocks out: (X + F₁) goes into the second block. How many "
        "terms are there, and through which F's does each go?",
        "At each block a path goes through F or around it. Which blocks leave it a "
        "choice, and how many of them take F?",
    ),
    "n residual blocks make 2ⁿ paths, most of them through about half of the F's; "
    "without one block half of the paths are left, and none is cut.",
)


def _maps_to_pad(rng):
    for C, more, (H, W), strides in (
        (2, 2, (6, 6), 2), (3, 4, (7, 5), 2), (1, 5, (4, 9), 3), (4, 0, (5, 5), 1),
        (2, 3, (4, 6), 1), (5, 1, (8, 7), 2), (3, 0, (9, 8), 2),
    ):  # fmt: skip
        yield rng.normal(size=(C, H, W)).round(2), C + more, strides


def _padded(X, num_channels, first=False):
    zeros = numpy.zeros((num_channels - len(X), *X.shape[1:]))
    return numpy.concatenate([zeros, X] if first else [X, zeros])


def _means(X, strides):
    """Of each square of strides × strides pixels; the border is cut off."""
    C, H, W = X.shape
    h, w = H // strides, W // strides
    cut = X[:, : h * strides, : w * strides].reshape(C, h, strides, w, strides)
    return cut.mean(axis=(2, 4))


def _repeated(X, num_channels, strides):
    return numpy.resize(X, (num_channels, *X.shape[1:]))[:, ::strides, ::strides]


@Function(
    cases=_maps_to_pad,
    what="the shortcut's maps",
    mistakes={
        "The zeros come first here; X's own channels were to come first.": (
            lambda X, n, s: _padded(X[:, ::s, ::s], n, first=True)
        ),
        "The channels of zeros are missing.": lambda X, n, s: X[:, ::s, ::s],
        "Height and width are still X's: the strides are missing.": (
            lambda X, n, s: _padded(X, n)
        ),
        "Only the height has strides here.": (lambda X, n, s: _padded(X[:, ::s], n)),
        "This begins at the second pixel; a strided convolution begins at the first.": (
            lambda X, n, s: _padded(X[:, s // 2 :: s, s // 2 :: s], n)
        ),
        "That is the mean of a square of pixels. Option A takes one of them.": (
            lambda X, n, s: _padded(_means(X, s), n)
        ),
        "The new channels repeat X's. They were to be zero.": _repeated,
        "X's channels are counted twice: num_channels is all of them together.": (
            lambda X, n, s: _padded(X[:, ::s, ::s], n + len(X))
        ),
        "An odd size is rounded down here; F's convolution rounds it up.": (
            lambda X, n, s: _padded(
                X[:, : X.shape[1] // s * s : s, : X.shape[2] // s * s : s], n
            )
        ),
    },
    hints=(
        "Two things change: the size, and the number of channels. Do one at a time.",
        "A slice with a step takes every second pixel. For which axes?",
        "How many channels are still missing, and of which height and width?",
    ),
    remember="Option A has no weight to learn: it drops pixels, and adds channels in "
    "which F alone decides.",
)
def zero_padding(X, num_channels, strides):
    """Option A: every `strides`-th pixel, then channels of zeros."""
    kept = numpy.asarray(X)[:, ::strides, ::strides]
    return _padded(kept, num_channels)


class _PreActivated(HybridBlock):
    """A pre-activated block, right or with one mistake."""

    def __init__(self, in_channels, num_channels, strides, mistake=""):
        super().__init__()
        changes = strides != 1 or in_channels != num_channels
        one, two = (1, strides) if mistake == "stride" else (strides, 1)
        no_norm = nn.HybridLambda(lambda F, X: X)
        self.norm1 = nn.BatchNorm()
        self.norm2 = no_norm if mistake == "one norm" else nn.BatchNorm()
        self.conv1 = nn.Conv2D(num_channels, 3, one, 1, use_bias=False)
        self.conv2 = nn.Conv2D(num_channels, 3, two, 1, use_bias=False)
        self.project = None
        if mistake != "plain" and (changes or mistake == "always"):
            self.project = nn.Conv2D(num_channels, 1, strides, use_bias=False)
        self.mistake = mistake

    def hybrid_forward(self, F, X):
        relu, mistake = F.npx.relu, self.mistake
        if mistake == "original":
            Y = self.norm2(self.conv2(relu(self.norm1(self.conv1(X)))))
        elif mistake == "relu first":
            Y = self.conv2(self.norm2(relu(self.conv1(self.norm1(relu(X))))))
        elif mistake == "no relu":
            Y = self.conv2(self.norm2(self.conv1(self.norm1(X))))
        else:
            Z = relu(self.norm1(X))
            X = Z if mistake == "activated" else X
            Y = self.conv2(relu(self.norm2(self.conv1(Z))))
        if mistake == "plain":
            return Y
        total = Y + (X if self.project is None else self.project(X))
        return relu(total) if mistake == "relu after" else total


def _mistaken(mistake):
    return lambda *arguments: _PreActivated(*arguments, mistake=mistake)


_CHANGES = [((4, 6, 2), (2, 4, 9, 7)), ((5, 5, 1), (2, 5, 6, 6)),
            ((6, 4, 1), (2, 6, 5, 5)), ((4, 4, 2), (2, 4, 8, 8))]  # fmt: skip


@Block(
    cases=_CHANGES,
    mistakes={
        "A ReLU follows the addition; nothing was to.": _mistaken("relu after"),
        "That is the original order: convolution first.": _mistaken("original"),
        "ReLU comes before batch norm here, both times.": _mistaken("relu first"),
        "There is no ReLU at all: F is nearly one linear map.": _mistaken("no relu"),
        "The second batch norm is missing.": _mistaken("one norm"),
        "The second convolution has the strides; the first then works on the whole "
        "map.": _mistaken("stride"),
        "Nothing is added: this is F alone.": _mistaken("plain"),
        "The shortcut begins after the first batch norm and ReLU. It was to pass on X "
        "itself, or its projection.": _mistaken("activated"),
        "There is a projection where nothing changes.": _mistaken("always"),
    },
    hints=(
        "What comes before each of the two convolutions, and what after the addition?",
        "Where does X still have its own shape? Keep it under a name of its own.",
        "Which of the three convolutions have the strides? Those by which the size "
        "would otherwise differ at the addition.",
    ),
    remember="Pre-activation leaves the path around F free: from block to block "
    "nothing is on it but, now and then, a projection.",
)
def preactivated(in_channels, num_channels, strides):
    """A pre-activated residual block for any change of shape."""
    return _PreActivated(in_channels, num_channels, strides)


faults = Choice(
    "the line of each listing that makes it train badly",
    {
        "A": "43efd145ff1a203b67cdcf73",
        "B": "d0bb8ee7c5c458445128caba",
        "C": "1aed849a60297ed684c6f287",
    },
    {"A": tuple(range(1, 11)), "B": tuple(range(1, 7)), "C": tuple(range(1, 7))},
    {
        "A: the addition is right. But what does X stand for by then?": ("A", 10),
        "A: that line makes what it should. Of what is it made?": ("A", 9),
        "A: padding keeps the size, as it must.": ("A", 3),
        "B: a ReLU may follow the addition. What does it get here?": ("B", 6),
        "B: a ReLU belongs between the two convolutions.": ("B", 3),
        "C: the initializer suits ReLUs. Look at what is set afterwards.": ("C", 2),
        "C: zero is what was wanted. For which batch norms?": ("C", 5),
        "C: the rate is one that served this net. It never gets that far.": ("C", 6),
    },
    (
        "Ask of each block: which path is free of layers from its input to its output, "
        "and does X come over it whole?",
        "A: follow the name X. B: how much of X is left after 24 blocks? C: how many "
        "batch norms of a block does the pattern find, and what does the first make?",
    ),
    "A shortcut is broken without an error: by a name used twice, by a factor "
    "on the sum, by a zero too many. Look at what reaches the addition.",
)


@Prediction(
    options={
        "both": "Which of the two nets has blocks that only add a little?",
        "neither": "A layer of a plain net works on what the one before it makes.",
        "the plain one": "Only another measurement could show that.",
        "the residual one": "In which net does a block make all that comes after it?",
    },
    tried=[
        ({"plain": (0.35, 0.8), "residual": (0.2, 0.24)}, "the plain one"),
        ({"plain": (0.35, 0.8), "residual": (0.2, 0.6)}, "both"),
        ({"plain": (0.35, 0.4), "residual": (0.2, 0.24)}, "neither"),
        ({"plain": (0.35, 0.4), "residual": (0.2, 0.6)}, "the residual one"),
    ],
    hints=(
        "What does block 5 get when it comes after block 6: something like what it has "
        "always got, or something else?",
        "In the residual net the input of every block is a sum that grows little by "
        "little. What is it in the plain net?",
    ),
    remember="A residual block adds to a sum that all blocks share, so that neighbours "
    "can change places; a plain layer needs the one before it.",
)
def exchanged(measured):
    """Whether two neighbouring pairs can change places in a trained net."""
    hurt = {}
    for name in ("plain", "residual"):
        errors = as_accuracies(measured[name], name, "errors")
        if len(errors) != 2 or errors[0] > 0.6:
            raise Wrong("errors before and after of nets that have learned",
                        short(measured))  # fmt: skip
        hurt[name] = errors[1] - errors[0] > 0.2
    return {(True, True): "both", (False, False): "neither", (True, False):
            "the plain one"}.get(tuple(hurt.values()), "the residual one")  # fmt: skip


def _of_blocks(num_blocks, width, shortcut=True):
    """A net with so many blocks, for the tests of this file's checks."""

    class Adds(HybridBlock):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2D(width, 3, padding=1, in_channels=width)

        def hybrid_forward(self, F, X):
            Y = F.npx.relu(self.conv(X))
            return X + Y if shortcut else Y

    def make():
        net = nn.HybridSequential()
        net.add(nn.Conv2D(width, 5, 4, in_channels=1))
        for _ in range(num_blocks):
            net.add(Adds())
        net.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(10, in_units=width))
        return net

    return make


_LOW, _HIGH = [0.20, 0.21, 0.22, 0.19, 0.20], [0.25, 0.26, 0.27, 0.24, 0.25]
_NETS = (_of_blocks(8, 12), _of_blocks(2, 23))


def _deep(deep=_HIGH, wide=_LOW, verdict="deep is worse", nets=_NETS):
    return {"nets": nets, "deep": deep, "wide": wide, "verdict": verdict}


def _joins(net) -> int:
    """Where two paths of a net meet."""
    return sum(len(set(row.inputs)) > 1 for row in summary(net, (1, 1, 28, 28)).layers)


@Evidence(
    right=[
        _deep(),
        _deep(_LOW, _HIGH, "deep is better"),
        _deep(_LOW, _LOW[::-1], "can't tell"),
        _deep(numpy.array(_LOW), tuple(_LOW), "Can\u2019t tell"),
    ],
    mistakes={
        "a dict with": [0.2, 0.25],
        "One seed shows nothing": _deep(_HIGH[:1], _LOW[:1]),
        "Percent?": _deep([25.0, 26.0, 27.0, 24.0, 25.0]),
        "Was the seed the same": _deep([0.25] * 5),
        "the same seeds on both sides": _deep([*_HIGH, 0.28]),
        "nothing is shown": _deep(_LOW, _LOW[::-1]),
        "the sign of the difference": _deep(verdict="can't tell"),
        "scores of shape (1, 10)": _deep(nets=(lambda: nn.Dense(3),) * 2),
        "it could be the size": _deep(nets=(_NETS[0], _of_blocks(2, 12))),
        "three times as many": _deep(nets=(_of_blocks(4, 16), _of_blocks(2, 23))),
        "has no addition": _deep(nets=(_NETS[0], _of_blocks(2, 23, False))),
    },
    hints=(
        "The weights of a 3×3 convolution grow with the square of its channels. How "
        "many channels can a net have that is four times as deep?",
        "`summary(net, (1, 1, 28, 28)).num_params` counts. Change the channels until "
        "the two nets agree within a tenth.",
        "Train both with the same five seeds or more, each at a rate that suits it; "
        "`compare` pairs them, and its `difference` gives the interval.",
    ),
    remember="At one size depth is bought with width. Shortcuts make the deep net "
    "trainable; whether it is better is a matter of the data and of the time.",
)
def deep_or_wide(answer):
    """A design: a deep and a wide residual net of equal size."""
    keys = ("nets", "deep", "wide", "verdict")
    expect_keys(answer, keys)
    deep, wide = both_sides(answer, ("deep", "wide"), what="errors")
    sizes, joins = [], []
    for net in in_a_row(answer["nets"], 2, "a function that makes a net"):
        net = as_net(net)
        net.hybridize(False)
        scores = as_array(net(np.zeros((1, 1, 28, 28))))
        if scores.shape != (1, 10):
            raise Wrong("scores of shape (1, 10) for an image", f"{scores.shape}")
        sizes.append(sum(p.data().size for p in net.collect_params().values()))
        joins.append(_joins(net))
    if max(sizes) > 1.1 * min(sizes):
        raise Wrong("nets whose numbers of parameters differ by a tenth at most",
                    f"{sizes[0]:,} and {sizes[1]:,}",
                    "Otherwise it could be the size that counts.")  # fmt: skip
    if not all(joins):
        raise Wrong("two residual nets", "a net that has no addition in it")
    if joins[0] < 3 * joins[1]:
        raise Wrong("three times as many additions in the deep net, or more",
                    f"{joins[0]} and {joins[1]}")  # fmt: skip
    words = ("deep is worse", "deep is better", "can't tell")
    as_paired_claim(answer["verdict"], wide, deep, words)


def _round_one(plain=_HIGH, one=_LOW, verdict="lower"):
    return {"plain": plain, "round one": one, "verdict": verdict}


@Evidence(
    right=[
        _round_one(),
        _round_one(_LOW, _HIGH, "higher"),
        _round_one(_LOW, _LOW[::-1], "can't tell"),
    ],
    mistakes={
        "a dict with": 0.2,
        "One seed shows nothing": _round_one(_HIGH[:2], _LOW[:2]),
        "Percent?": _round_one(one=[25.0, 26.0, 27.0, 24.0, 25.0]),
        "Was the seed the same": _round_one(one=[0.2] * 5),
        "the same seeds on both sides": _round_one(one=[*_LOW, 0.2]),
        "nothing is shown": _round_one(one=_HIGH[::-1]),
        "the sign of the difference": _round_one(verdict="can't tell"),
        "has learned": _round_one([0.9, 0.89, 0.9, 0.9, 0.9], [0.8, 0.79, *[0.8] * 3]),
    },
    hints=(
        "One convolution, batch norm, then the addition, then ReLU. Begin with the "
        "chapter's block and take half of it away.",
        "Both nets need the same number of convolutions, the same seeds and a rate "
        "that suits them. If neither gets below half of the images, train longer.",
    ),
    remember="What one paper did not observe in its setting is a question for yours: "
    "count seeds, and let the interval speak.",
)
def round_one_layer(answer):
    """Evidence on whether a shortcut round one convolution helps."""
    keys = ("plain", "round one", "verdict")
    expect_keys(answer, keys)
    plain, one = both_sides(answer, ("plain", "round one"), what="errors")
    if min(median(plain), median(one)) > 0.5:
        raise Wrong("a net that has learned: a median error of at most 0.5 on one side",
                    f"{min(median(plain), median(one)):.2f}")  # fmt: skip
    as_paired_claim(answer["verdict"], plain, one, ("higher", "lower", "can't tell"))
