"""Exercises of chapter 02."""

from __future__ import annotations

import itertools
import math

import numpy
from mxnet import autograd, np, npx
from mxnet.gluon import Block, nn

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_array,
    as_claim,
    as_net,
    as_number,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
    likely_mistake,
    short,
)
from d2l_nin.checks.kinds import (
    Choice,
    Evidence,
    Function,
    Number,
    Prediction,
    in_a_row,
)
from d2l_nin.datasets import ArrayIter
from d2l_nin.layers import window_output


@exercise(
    "Three convolutions. What goes into each, and what comes out?",
    "A k×k convolution from C to D channels has D(Ck² + 1) parameters with biases.",
    "Only the first one reads the channels of the input; the other two read what the "
    "one before them made.",
    remember="An mlpconv layer from C to D channels has D(Ck² + 1) + 2D(D + 1) "
    "parameters with biases.",
)
def block_parameters(answer):
    """The parameters of nin_block(64, kernel_size=3) on 32 channels, with biases."""
    what = "the number of weights and biases of all three convolutions"
    mistakes = {
        26624: "These are the weights alone. The biases are missing.",
        18496: "This is the first convolution alone. Two more follow.",
        18432: "These are the weights of the first convolution alone.",
        22656: "One 1×1 convolution is missing: the block has two.",
        22592: "Weights of three convolutions, biases of two? Count again.",
        14528: "A window of 3×3 has 9 places, not 3.",
        22720: "The 1×1 convolutions read 64 channels, not the 32 of the input.",
        92352: "The two convolutions behind the first have windows of 1×1.",
        27392: "The bias belongs to an output channel, not to each of its input "
        "channels.",
        8960: "The first convolution has a window of 3×3.",
        10432: "The first convolution has a window of 3×3.",
        26688: "Only one of the convolutions got its biases.",
        26752: "One of the three convolutions has no biases yet.",
    }
    expect_number(as_whole_number(answer, what), 26816, what, mistakes)


@exercise(
    "All class maps are silent behind the ReLU. What are the 62 scores, then?",
    "Softmax of equal scores gives every class the same probability. Which?",
    "The loss is minus the natural logarithm of the true class's probability.",
    remember="A net that gives all K classes the same score has the loss ln K: ln 10 = "
    "2.303 for ten. See it stand there, and look at the scores.",
)
def frozen_loss(answer):
    """The loss at which a net of 62 classes freezes."""
    what = "the loss of a net that gives 62 classes the same score"
    number = as_number(answer, what)
    right = math.log(62)
    if abs(number - right) < 0.0075:
        return
    named = (
        (math.log(10), "This is the loss for ten classes."),
        (
            math.log2(62),
            "This is a logarithm to the base 2. The loss takes the natural one.",
        ),
        (
            math.log10(62),
            "This is a logarithm to the base 10. The loss takes the natural one.",
        ),
        (-right, "The sign is wrong: a loss is not below zero."),
        (1 / 62, "This is the probability of each class. The loss is made of it."),
        (0, "Scores of zero are no loss of zero: what does softmax make of them?"),
        (62, "The number of classes goes through a logarithm."),
        (math.log(61), "The true class is one of the 62, too."),
    )
    mistake = likely_mistake(number, named, rtol=0, atol=0.0075)
    size = "too small" if number < right else "too large"
    raise Wrong(what, f"{number:g}, which is {size}", mistake)


def _cases():
    """(height, kernel_size, strides, ceil_mode): with a rest, and without."""
    windows = ((54, 3, 2), (27, 3, 2), (9, 3, 3), (10, 5, 4), (11, 5, 4), (6, 6, 1))
    return [(*window, ceil) for window in windows for ceil in (False, True)]


def _pools(rng):
    """Windows at which floor, ceil and round differ, and at which they don't."""
    fixed = [(54, 3, 2), (9, 3, 3), (10, 4, 4), (7, 7, 2), (13, 2, 1), (12, 5, 4)]
    drawn = [(int(k + rng.integers(1, 90)), int(k), int(rng.integers(1, k + 1)))
             for k in rng.integers(2, 12, 8)]  # fmt: skip
    return [(*window, ceil) for window in fixed + drawn for ceil in (False, True)]


def _positions(rounded, n, k, s):
    return int(rounded((n - k) / s)) + 1


@Function(
    cases=_pools,
    what="the height",
    mistakes={
        "This always rounds down.": lambda n, k, s, c: _positions(math.floor, n, k, s),
        "This always rounds up.": lambda n, k, s, c: _positions(math.ceil, n, k, s),
        "Rounding up and down have changed places.": lambda n, k, s, c: _positions(
            math.floor if c else math.ceil, n, k, s
        ),
        "The first position is missing.": lambda n, k, s, c: (
            _positions(math.ceil if c else math.floor, n, k, s) - 1
        ),
        "One position too many.": lambda n, k, s, c: (
            _positions(math.ceil if c else math.floor, n, k, s) + 1
        ),
        "This is rounded to the nearest; it was to be down or up.": lambda n, k, s, c: (
            _positions(round, n, k, s)
        ),
        "Where the strides fit exactly, ceil_mode adds nothing.": lambda n, k, s, c: (
            (n - k) // s + 1 + c
        ),
        "The window itself is part of the height: kernel_size is missing.": (
            lambda n, k, s, c: -(-n // s) if c else n // s
        ),
        "Here the strides make no difference.": lambda n, k, s, c: n - k + 1,
        "This is not rounded at all.": lambda n, k, s, c: (n - k) / s + 1,
        "There is no padding here.": lambda n, k, s, c: _positions(
            math.ceil if c else math.floor, n + 2, k, s
        ),
    },
    hints=(
        "The window's first position is free. How many further steps fit?",
        "Count the steps: (height − kernel_size) / strides, rounded. Then add the "
        "first position.",
        "In Python a // b rounds down, and −(−a // b) rounds up.",
    ),
    remember="Rounding is all that differs: Gluon's pooling gives 54-26-12-5, Caffe's "
    "54-27-13-6; with ceil_mode=True Gluon does as Caffe.",
)
def output_size(height, kernel_size, strides, ceil_mode):
    """The height after pooling, rounded down or up."""
    steps = (height - kernel_size) / strides
    return (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1


def _made(answer):
    """A class of blocks that needs no arguments, as a block; all else as it is."""
    if isinstance(answer, type) and issubclass(answer, Block):
        answer = answer()
    return as_net(answer) if isinstance(answer, Block) else answer


@exercise(
    "Each class has one map. What one number stands for it?",
    "Axes 2 and 3 are to go, axes 0 and 1 stay.",
    remember="The score of a class is the mean of its map: no weights, no maximum, and "
    "any size of map will do.",
)
def class_scores(answer):
    """From class maps (N, K, H, W) to scores (N, K), by global average pooling."""
    rng = numpy.random.default_rng(2)
    answer = _made(answer)
    for N, K, H, W in ((2, 4, 3, 5), (3, 10, 6, 6), (1, 2, 1, 4)):
        maps = rng.normal(size=(N, K, H, W)).astype("float32")
        what = f"the scores of maps of {H}×{W}"
        given = call(answer, np.array(maps), what="a function of the class maps")
        largest = maps.max((2, 3), keepdims=True)
        if numpy.array_equal(as_array(given, what), largest):
            raise Wrong(
                f"{what} of shape {(N, K)}",
                f"{largest.shape}",
                "This pools with max, and two axes of size 1 are left.",
            )
        scores = expect_shape(
            given,
            (N, K),
            {
                (N, K, 1, 1): "The right kind, with two axes of size 1 behind. "
                "Flatten them away.",
                (N, 1, H, W): "This pools over the classes. Each class keeps its own.",
                (N, H, W): "This pools over the classes. Each class keeps its own.",
                (N, K, H): "The width is pooled, the height is not yet.",
                (N, K, W): "The height is pooled, the width is not yet.",
                (N, K * H * W): "This only flattens the maps. Nothing is pooled.",
                (K,): "The images are pooled together. Each has its own scores.",
                (1, K): "The images are pooled together. Each has its own scores.",
                (N,): "This leaves a single number for an image. There are K classes.",
                (): "This pools over everything: images and classes, too.",
                (N, K, H, W): "The maps still have their size.",
                (K, N): "Images and classes have changed places.",
            },
            what,
        )
        mean = maps.mean((2, 3))
        shares = numpy.exp(mean) / numpy.exp(mean).sum(1, keepdims=True)
        named = (
            (
                maps.max((2, 3)),
                "This pools with max. Global *average* pooling is a mean.",
            ),
            (
                maps.min((2, 3)),
                "This pools with min. Global *average* pooling is a mean.",
            ),
            (
                numpy.median(maps, axis=(2, 3)),
                "This is the median. Global *average* pooling is a mean.",
            ),
            (
                maps.sum((2, 3)),
                "This is the sum. It grows with the map; the mean doesn't.",
            ),
            (maps.sum((2, 3)) / 9, "This divides by 9, whatever the size of the map."),
            (maps.sum((2, 3)) / 25, "This divides by 25, whatever the size."),
            (
                maps.sum((2, 3)) / H**2,
                "This divides by the square of the height. A map need not be square.",
            ),
            (
                numpy.maximum(maps, 0).mean((2, 3)),
                "There is a ReLU before the mean: a "
                "map can no longer vote against its class.",
            ),
            (
                numpy.maximum(mean, 0),
                "There is a ReLU behind the mean: a score may be below zero.",
            ),
            (
                numpy.abs(maps).mean((2, 3)),
                "The values lost their signs before the mean.",
            ),
            (shares, "Softmax is part of the loss. Scores go without."),
            (-mean, "The sign is wrong."),
            (maps[:, :, H // 2, W // 2], "This takes the place in the middle alone."),
            (maps[:, :, 0, 0], "This takes the first place alone."),
            (mean.argmax(1)[:, None] + 0 * mean, "This is the class, not its scores."),
        )
        expect_close(scores, mean, named, what)


def _known_weights(net, D: int, first: int, rng):
    """Give a block weights that are known; those of both 1×1 alike, all biases alike.

    Returns
    -------
    (W1, W2, b)
        Or None if the block has not the parameters of three convolutions.
    """
    params = [p for p in net.collect_params().values() if p.grad_req != "null"]
    sizes = sorted(int(numpy.prod(p.shape)) for p in params)
    if sizes != sorted([first, D * D, D * D, D, D, D]):
        return None
    W1, W2, b = rng.normal(size=first), rng.normal(size=D * D), rng.normal(size=D)
    for param in params:
        n = int(numpy.prod(param.shape))
        values = W1 if n == first else W2 if n == D * D else b
        param.set_data(np.array(values.reshape(param.shape), dtype="float32"))
    return W1, W2.reshape(D, D), b


def _mlpconv(X, W1, W2, b, windows, relus):
    """The block computed with given weights; `relus`: after which of the three."""
    D, k, s, p = windows
    W1 = W1.reshape(D, X.shape[1], k, k)
    Y = npx.convolution(
        X,
        np.array(W1, dtype="float32"),
        np.array(b, dtype="float32"),
        kernel=(k, k),
        stride=(s, s),
        pad=(p, p),
        num_filter=D,
    ).asnumpy()
    for i, relu in enumerate(relus):
        if i:
            Y = numpy.einsum("dc,ncij->ndij", W2, Y) + b.reshape(1, D, 1, 1)
        if relu:
            Y = numpy.maximum(Y, 0)
    return Y


def _block_shapes(X, D, k, s, p):
    """Wrong shapes of a block's output, and what makes them."""

    def size(*layers):
        n = X.shape[2]
        for window in layers:
            n = window_output(n, *window) if n + 2 * window[2] >= window[0] else 0
        return n

    one, conv = (1, 1, 0), (k, s, p)
    padded, strided = (1, 1, p), (1, s, 0)
    named = {
        size(conv, padded, padded): "The 1×1 convolutions are padded, too, and each "
        "adds twice the padding to the map.",
        size(conv, padded, one): "One of the 1×1 convolutions is padded, too: it adds "
        "twice the padding to the map.",
        size((k, s, 0), one, one): "The padding of the first convolution is missing.",
        size(conv, strided, strided): "The strides are passed on to both 1×1 "
        "convolutions. They keep every place.",
        size(conv, strided, one): "The strides are passed on to a 1×1 convolution. It "
        "keeps every place.",
        size((k, 1, p), one, one): "The strides of the first convolution are missing.",
        size(conv, (k, 1, 0), (k, 1, 0)): "The convolutions behind the first have "
        "windows of 1×1.",
        size(conv, (3, 2, 0)): "The pooling is no part of the block.",
        size((k, s, p), (k, s, p), (k, s, p)): "The convolutions behind the first have "
        "windows of 1×1.",
        1: "Nothing is pooled in a block: it keeps its map.",
    }
    right = size(conv)
    return {(len(X), D, n, n): m for n, m in reversed(named.items()) if n != right}


@exercise(
    "Three convolutions, each with a ReLU. Which arguments belong to the first alone?",
    "The 1×1 convolutions keep height and width. What does padding do to a 1×1 window? "
    "See chapter 01, *A trap*.",
    "Print the shape after each layer, with padding=2.",
    remember="Padding and strides belong to the first convolution; a padded 1×1 grows "
    "the map by 2p and no error is raised.",
)
def nin_block_shapes(answer):
    """A block: a convolution and two 1×1 convolutions, each with a ReLU."""
    if isinstance(answer, Block):
        raise Wrong(
            "a function or class that makes a block",
            "a block",
            "It must take (num_channels, kernel_size, strides, padding).",
        )
    rng = numpy.random.default_rng(3)
    cases = ((6, 5, 1, 2, 3, 9), (4, 3, 2, 0, 2, 25), (5, 7, 4, 1, 1, 33))
    for D, k, s, p, C, size in cases:
        X = np.array(rng.normal(size=(2, C, size, size)), dtype="float32")
        net = as_net(answer, D, k, s, p, what="a function that makes a block")
        Y = call(net, X, what="a block")
        case = f"the block ({D}, {k}, {s}, {p}) on {size}×{size}"
        n = window_output(size, k, s, p)
        mistakes = _block_shapes(X, D, k, s, p)
        mistakes[2, D] = "The average is no part of the block."
        expect_shape(Y, (2, D, n, n), mistakes, case)
        first = D * C * k * k
        known = _known_weights(net, D, first, rng)
        if known is None:
            raise Wrong(
                "three convolutions with biases, and no other parameters",
                *_strange_parameters(net, D, C, k),
            )
        Y = call(net, X, what="a block")
        right = (True, True, True)
        named = []
        for relus in itertools.product((True, False), repeat=3):
            if relus != right:
                missing = [str(i) for i, relu in enumerate(relus, 1) if not relu]
                named.append(
                    (
                        _mlpconv(X, *known, (D, k, s, p), relus),
                        "No ReLU follows convolution " + " and ".join(missing) + ".",
                    )
                )
        wanted = _mlpconv(X, *known, (D, k, s, p), right)
        atol = 1e-4 * float(numpy.abs(wanted).max())
        expect_close(Y, wanted, named, case + " with given weights", atol)


def _strange_parameters(net, D, C, k) -> tuple[str, str]:
    """(what the block has instead, the likely mistake)."""
    params = net.collect_params().values()
    total = sum(int(numpy.prod(p.shape)) for p in params)
    first, mix = D * C * k * k, D * D
    came = f"{len(params)} parameters with {total:,} numbers for {C} channels in"
    if any(p.grad_req == "null" for p in params):
        return came, "Is there a batch norm? It is no part of this block."
    named = {
        first + 2 * mix: "The biases are missing.",
        first + mix + 2 * D: "There is only one 1×1 convolution.",
        first + D: "The 1×1 convolutions are missing.",
        first + 3 * mix + 4 * D: "There is one 1×1 convolution too many.",
        first + 2 * D + 3 * D: "The 1×1 convolutions don't mix the channels.",
        first + 2 * mix * k * k + 3 * D: "The convolutions behind the first have "
        "windows of 1×1.",
        first + mix + 3 * D: "One of the 1×1 convolutions doesn't mix the channels.",
        first + mix * k * k + mix + 3 * D: "The convolutions behind the first have "
        "windows of 1×1.",
        D * C + 2 * mix + 3 * D: "The window of the first convolution is 1×1.",
        first + 2 * mix + D: "Two of the convolutions have no biases.",
        first + 2 * mix + 2 * D: "One of the convolutions has no biases.",
        first + mix + D + mix: "Two of the convolutions have no biases.",
    }
    return came, named.get(total, "")


def _scored(batch_size: int, hits: tuple, rng):
    """Batches of tiny images whose own four values are the scores.

    `hits` says how many of each batch are right.
    """
    labels, images = [], []
    for right, size in hits:
        for i in range(size):
            label = int(rng.integers(4))
            best = label if i < right else (label + 1 + int(rng.integers(3))) % 4
            image = rng.integers(0, 100, 4)
            image[best] = 200
            images.append(image.reshape(2, 2))
            labels.append(label)
    return ArrayIter(
        numpy.array(images, "uint8"),
        numpy.array(labels, "uint8"),
        batch_size,
        classes=("a", "b", "c", "d"),
    )


def _pixels_as_scores():
    net = nn.HybridSequential()
    net.add(nn.Flatten(), nn.Dense(4, in_units=4))
    net.initialize()
    net[1].weight.set_data(np.eye(4))
    return net


class _OtherInTraining(Block):
    """Hands on a net's scores; in training mode, with their signs changed."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, X):
        scores = self.net(X)
        return -scores if autograd.is_training() else scores


def _batches(rng):
    net = _OtherInTraining(_pixels_as_scores())
    for batch_size in (5, 4, 3, 8):
        sizes = [batch_size] * int(rng.integers(1, 4)) + [batch_size // 2]
        hits = tuple((int(rng.integers(0, n + 1)), n) for n in sizes)
        yield net, _scored(batch_size, hits, rng)


def _hits(net, data_iter):
    """(hits, images) of each batch."""
    return [(int((net(X).asnumpy().argmax(1) == y.asnumpy()).sum()), len(y))
            for X, y in data_iter]  # fmt: skip


def _share(pairs):
    hits, sizes = zip(*pairs)
    return sum(hits) / sum(sizes)


def _while_training(net, data_iter):
    with autograd.train_mode():
        return _share(_hits(net, data_iter))


@Function(
    cases=_batches,
    what="the accuracy",
    mistakes={
        "A mean of the batches' means: a small last batch counts too much.": (
            lambda net, it: numpy.mean([h / n for h, n in _hits(net, it)])
        ),
        "The batches' accuracies are added up.": lambda net, it: sum(
            h / n for h, n in _hits(net, it)
        ),
        "This is the number of hits.": lambda net, it: sum(
            h for h, _ in _hits(net, it)
        ),
        "This is in percent.": lambda net, it: 100 * _share(_hits(net, it)),
        "This is the share of *wrong* ones.": lambda net, it: (
            1 - _share(_hits(net, it))
        ),
        "This is the last batch alone.": lambda net, it: _share(_hits(net, it)[-1:]),
        "This is the first batch alone. Is a return inside the loop?": (
            lambda net, it: _share(_hits(net, it)[:1])
        ),
        "This divides by full batches; the last one is smaller.": (
            lambda net, it: (
                sum(h for h, _ in _hits(net, it))
                / (len(_hits(net, it)) * max(n for _, n in _hits(net, it)))
            )
        ),
        "This divides by the number of batches.": lambda net, it: (
            sum(h for h, _ in _hits(net, it)) / len(_hits(net, it))
        ),
        "The last batch, which is not full, is left out.": lambda net, it: _share(
            _hits(net, it)[:-1]
        ),
        "The net is run in training mode, in which it is another net.": _while_training,
        "This says that all are right. Is something compared with itself?": (
            lambda net, it: 1.0
        ),
    },
    hints=(
        "How many images are in the last batch?",
        "A mean over batches gives the same weight to a batch of 2 and a batch of 5.",
        "Keep two sums: of hits, and of images. Divide once, at the end.",
    ),
    remember="Sum the hits and divide by the number of images: a mean of batch means "
    "counts the images of a small last batch too much.",
)
def accuracy(net, data_iter):
    """The share of right images, from batches of unequal size."""
    hits, num_images = 0, 0
    for X, y in data_iter:
        hits += int((net(X).argmax(axis=1).astype(y.dtype) == y).sum())
        num_images += len(y)
    return hits / num_images


@Prediction(
    options={
        "both": "With the ReLU no gradient passes, so no weight moves.",
        "neither": "Without the ReLU every map passes a gradient, however low it is.",
        "with the ReLU": "It is the other way round. Where does a ReLU pass one?",
        "without it": "Nothing but a cell that was changed can show that.",
    },
    tried=[((2.3026, 0.61), "without it"), ([2.303, 1.2], "without it")],
    hints=(
        "What is the ReLU's gradient where its input is below zero?",
        "Without the ReLU, does softmax notice that all ten scores are lower by 10?",
    ),
    remember="Behind a ReLU maps below zero give a loss of ln K and no gradient: the "
    "net is dead. Without the ReLU it recovers.",
)
def frozen_or_not(losses):
    """Whether a net learns whose class maps all begin far below zero."""
    losses = as_array(losses, "two losses, as the cell measures them")
    learned = losses[1] < 2 and abs(losses[0] - math.log(10)) <= 0.01
    if losses.shape != (2,) or not learned:
        raise Wrong(
            "a loss that stays with the ReLU and falls without it",
            short(losses.tolist()),
            "Is the rest of the cell as it was?",
        )
    return "without it"


training_memory = Number(
    "the MiB of feature maps that training keeps, 128 images",
    "c7fb7e1ecf373e28d198b15d",
    {
        "This is for one image. All of a batch are kept.": 1.76,
        "The first convolution needs its input as well: the images.": 224.0,
        "This counts a map before and after its ReLU. The ReLU needs its output alone, "
        "which the next convolution keeps as well.": 449.5,
        "This counts the numbers. Each of them takes 4 bytes.": 56.4,
        "This is in MB of a million bytes; a MiB is 1024 · 1024.": 236.45,
        "These are the weights: the smallest part by far.": 0.23,
        "A float32 takes 4 bytes, not 8.": 451.0,
    },
    (
        "Which arrays does the backward pass of a convolution need, and which that of "
        "a ReLU?",
        "The images, and the output of each of the three ReLUs, each at 32×32.",
        "Images × pixels × (all channels that are kept) × 4 bytes / 1024 / 1024.",
    ),
    "Training keeps every layer's maps for each image of the batch: they take a "
    "thousand times what the weights take here, and halve with the batch.",
    step=1,
)

faults = Choice(
    "the line of each listing that makes it train badly",
    {
        "A": "1d709ce854dfa3497fa5b199",
        "B": "462ca2ba5c58d991df753f47",
        "C": "7104374910b41985ac2471d7",
    },
    {"A": tuple(range(1, 9)), "B": tuple(range(1, 9)), "C": tuple(range(1, 9))},
    {
        "A: the pooling is at home there; what can the scores of a class never be?": (
            "A",
            4,
        ),
        "A: a mean over each class map is what NiN ends with. What comes before?": (
            "A",
            8,
        ),
        "A: ten channels for ten classes are right. One word in another line is not.": (
            "A",
            6,
        ),
        "B: the loss takes raw scores. Does it get any?": ("B", 6),
        "B: the loss itself is the right one. What is it given?": ("B", 1),
        "B: dividing by the number of images is right for a loss of each image.": (
            "B",
            8,
        ),
        "C: one loss for each image is what Gluon's losses give.": ("C", 5),
        "C: the rate is not too low as such. What is it divided by?": ("C", 1),
        "C: accuracy is only looked at there.": ("C", 8),
    },
    (
        "Ask of each line what would go wrong without an error: a value that can't be "
        "reached, a loss that can't fall, a step of the wrong size.",
        "A: what can a class's score never be? B: what is the smallest loss it can "
        "reach? C: by how much does a step move a weight?",
    ),
    "What fails without an error is found by asking of each line which values it can "
    "produce, and by knowing the loss at the start and at the end.",
)


def _nets_in_one_and_two_steps():
    def one():
        net = nn.HybridSequential()
        net.add(nn.Conv2D(24, 5, 2, activation="relu"),
                nn.Conv2D(10, 3, padding=1), nn.GlobalAvgPool2D(),
                nn.Flatten())  # fmt: skip
        return net

    def two():
        net = nn.HybridSequential()
        net.add(nn.Conv2D(24, 5, 2, activation="relu"), nn.Conv2D(64, 1,
                activation="relu"), nn.Conv2D(10, 1), nn.GlobalAvgPool2D(),
                nn.Flatten())  # fmt: skip
        return net

    return one, two


_LOW, _HIGH = [0.70, 0.71, 0.72, 0.69, 0.70], [0.75, 0.76, 0.77, 0.74, 0.75]


def _steps(one=_LOW, two=_HIGH, verdict="better", nets=None):
    nets = nets or _nets_in_one_and_two_steps()
    return {"nets": nets, "one step": one, "two steps": two, "verdict": verdict}


@Evidence(
    right=[
        _steps(),
        _steps(_HIGH, _LOW, "worse"),
        _steps(two=_LOW[::-1], verdict="can't tell"),
        _steps(two=tuple(_LOW), verdict="Can\u2019t tell"),
    ],
    mistakes={
        "a dict with": [0.7, 0.75],
        "One seed shows nothing": _steps(_LOW[:1], _HIGH[:1]),
        "Percent?": _steps(two=[75.0, 76.0, 77.0, 74.0, 75.0]),
        "Was the seed the same": _steps(two=[0.75] * 5),
        "the same seeds on both sides": _steps(two=[*_HIGH, 0.78]),
        "The ranges do not overlap": _steps(verdict="can't tell"),
        "The ranges overlap": _steps(two=_LOW[::-1]),
        "scores of shape (1, 10)": _steps(nets=(lambda: nn.Dense(3),) * 2),
        "it could be the size": _steps(
            nets=(_nets_in_one_and_two_steps()[0], lambda: nn.Dense(10))
        ),
    },
    hints=(
        "Say first what is lost: which combinations of the channels can ten maps carry "
        "on, and what could the 1×1 convolutions behind them still mix?",
        "Give the second net the same number of parameters: fewer channels in the 3×3, "
        "more in the step between.",
        "Train both with the same seeds, five or more, and compare ranges.",
    ),
    remember="A narrow layer bounds all that follows: 1×1 convolutions behind ten maps "
    "mix ten numbers. Whether that matters on a data set, only seeds tell.",
)
def one_step(answer):
    """A design: to ten class maps in one step or in two, at equal size."""
    keys = ("nets", "one step", "two steps", "verdict")
    if not isinstance(answer, dict) or set(answer) != set(keys):
        raise Wrong(f"a dict with {', '.join(map(repr, keys))}", short(answer))
    one, two = (accuracies_of_seeds(answer[key], key) for key in keys[1:3])
    if len(one) != len(two):
        raise Wrong("the same seeds on both sides", f"{len(one)} and {len(two)}")
    sizes = []
    for net in in_a_row(answer["nets"], 2, "a function that makes a net"):
        net = as_net(net)
        net.hybridize(False)
        scores = as_array(net(np.zeros((1, 1, 28, 28))))
        if scores.shape != (1, 10):
            raise Wrong("scores of shape (1, 10) for an image", f"{scores.shape}")
        sizes.append(sum(p.data().size for p in net.collect_params().values()))
    if max(sizes) > 1.1 * min(sizes):
        raise Wrong("nets whose numbers of parameters differ by a tenth at most",
                    f"{sizes[0]:,} and {sizes[1]:,}",
                    "Otherwise it could be the size that counts.")  # fmt: skip
    as_claim(answer["verdict"], one, two)


def _accuracies(answer: dict, name: str) -> list[float]:
    if name not in answer:
        raise Wrong(f"the key {name!r}", f"{', '.join(map(repr, answer))}"[:80])
    return accuracies_of_seeds(answer[name], f"{name!r}", chance=0.1).tolist()


@exercise(
    "Lower the peak rate, or give it more steps. Change one thing at a time.",
    "The same seeds before and after, five or more. A run lives if its accuracy is "
    "0.3 or more.",
    remember="How often it works is the result: a range over seeds, before and after "
    "one change, says more than the best run.",
)
def rescue(answer):
    """Evidence: accuracies over seeds before and after a change of fit's settings."""
    if not isinstance(answer, dict) or not answer:
        raise Wrong(
            "a dict with 'before', 'after' and 'alive'",
            f"a {type(answer).__name__}",
        )
    before, after = (_accuracies(answer, name) for name in ("before", "after"))
    if len(before) != len(after):
        raise Wrong(
            "the same seeds before and after",
            f"{len(before)} before, {len(after)} after",
        )
    if 2 * sum(acc >= 0.3 for acc in before) > len(before):
        raise Wrong(
            "a net that mostly fails before the change",
            "more than half of the runs at 0.3 or above",
            "Is it the small net, with last_relu=True, no batch norm and lr=0.2?",
        )
    if before == after:
        raise Wrong(
            "two sets of runs",
            "the same accuracies twice",
            "Did the new settings reach fit?",
        )
    if "alive" not in answer:
        raise Wrong("the key 'alive' as well", ", ".join(map(repr, answer)))
    said = as_whole_number(answer["alive"], "the number of runs that live")
    if said != sum(acc >= 0.3 for acc in after):
        raise Wrong(
            "how many of 'after' are 0.3 or more",
            f"{said}",
            "Count again: your list says something else.",
        )
