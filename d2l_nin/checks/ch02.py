"""Exercises of chapter 02."""

from __future__ import annotations

import itertools
import math

import numpy
from mxnet import np, npx
from mxnet.gluon import Block, nn

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_array,
    as_net,
    as_number,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
    likely_mistake,
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


@exercise(
    "The window's first position is free. How many further steps fit?",
    "Count the steps: (height − kernel_size) / strides, rounded. Then add the first "
    "position.",
    "In Python a // b rounds down, and −(−a // b) rounds up; math.floor and math.ceil "
    "do as well.",
    remember="Rounding is all that differs: Gluon's pooling gives 54-26-12-5, Caffe's "
    "54-27-13-6; with ceil_mode=True Gluon does as Caffe.",
)
def output_size(answer):
    """The height after pooling without padding, rounded down or up."""
    cases = _cases()
    came = []
    for n, k, s, ceil in cases:
        what = f"the height after pooling {n} by {k}, strides {s}, ceil_mode={ceil}"
        given = call(answer, n, k, s, ceil, what="a function")
        came.append(as_whole_number(given, what + ": a whole number"))
    right = [window_output(n, k, s, 0, ceil) for n, k, s, ceil in cases]
    if came == right:
        return

    def by(size):
        return [size(n, k, s, ceil) for n, k, s, ceil in cases]

    def up(a, b):
        return -(-a // b)

    def rounded(n, k, s, ceil):
        return (up if ceil else int.__floordiv__)(n - k, s)

    named = (
        (by(lambda n, k, s, c: (n - k) // s + 1), "It always rounds down."),
        (by(lambda n, k, s, c: up(n - k, s) + 1), "It always rounds up."),
        (
            by(lambda n, k, s, c: rounded(n, k, s, not c) + 1),
            "Up and down have changed places.",
        ),
        (by(rounded), "The first position of the window is not counted."),
        (by(lambda n, k, s, c: rounded(n, k, s, c) + 2), "One position too many."),
        (
            by(lambda n, k, s, c: rounded(n, 0, s, c)),
            "Without padding the window must "
            "stay inside: what is the part of kernel_size?",
        ),
        (
            by(lambda n, k, s, c: rounded(n, 0, s, c) + 1),
            "Without padding the window "
            "must stay inside: what is the part of kernel_size?",
        ),
        (
            by(lambda n, k, s, c: (n - k) // s + 1 + c),
            "Rounding up adds nothing where the division has no rest.",
        ),
        (by(lambda n, k, s, c: round((n - k) / s) + 1), "It rounds to the nearest."),
        (
            by(lambda n, k, s, c: rounded(n + 1, k, s, c)),
            "The 1 is added before the division. It belongs behind it.",
        ),
        (by(lambda n, k, s, c: n - k + 1), "The strides make no difference here."),
        (
            by(lambda n, k, s, c: rounded(n, s, k, c) + 1),
            "Kernel size and strides have changed places.",
        ),
        (by(lambda n, k, s, c: rounded(n + 2, k, s, c) + 1), "There is no padding."),
    )
    mistake = next((m for wrong, m in named if wrong == came), "")
    i = next(i for i in range(len(cases)) if came[i] != right[i])
    n, k, s, ceil = cases[i]
    mode = "up" if ceil else "down"
    raise Wrong(
        f"the positions of a window of {k} with strides {s} in {n}, rounded {mode}",
        f"{came[i]}, the first that is wrong",
        mistake,
    )


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


@exercise(
    "How many images are in the last batch?",
    "A mean over batches gives the same weight to a batch of 2 and a batch of 5.",
    "Keep two sums: of hits, and of images. Divide once, at the end.",
    remember="Sum the hits and divide by the number of images: a mean of batch means "
    "counts the images of a small last batch too much.",
)
def accuracy(answer):
    """The share of right images, from batches of unequal size."""
    rng = numpy.random.default_rng(4)
    net = _pixels_as_scores()
    for batch_size, hits in (
        (5, ((4, 5), (3, 5), (1, 2))),
        (4, ((1, 4), (2, 3))),
        (3, ((3, 3), (1, 3))),
        (8, ((3, 7),)),
    ):
        data_iter = _scored(batch_size, hits, rng)
        sizes = [size for _, size in hits]
        what = f"the accuracy over batches of {' and '.join(map(str, sizes))}"
        returned = call(answer, net, data_iter, what="a function of (net, data_iter)")
        came = as_number(returned, what)
        rights = [right for right, _ in hits]
        shares = [right / size for right, size in hits]
        right = sum(rights) / sum(sizes)
        if abs(came - right) < 1e-5:
            continue
        full = [r for r, size in hits if size == batch_size]
        num_full = len(full) * batch_size
        named = (
            (
                sum(shares) / len(shares),
                "This is the mean of the batches' accuracies. "
                "The last batch is smaller, and its images count too much.",
            ),
            (sum(shares), "These are the batches' accuracies, added up."),
            (sum(rights), "This is the number of hits. A share was asked."),
            (100 * right, "This is in percent. A share from 0 to 1 was asked."),
            (1 - right, "This is the share of *wrong* images."),
            (
                shares[-1],
                "This is the last batch alone. Is something set back to zero "
                "in the loop?",
            ),
            (shares[0], "This is the first batch alone. Is the return in the loop?"),
            (
                sum(rights) / (batch_size * len(hits)),
                "This divides by full batches; the last is smaller.",
            ),
            (
                sum(rights) / len(hits),
                "This divides by the number of batches, not of images.",
            ),
            (
                sum(full) / num_full if num_full else -1,
                "The last batch, which is not full, is left out.",
            ),
            (1.0, "This says that all are right. Is something compared with itself?"),
            (sum(sizes) / len(sizes), "This is the mean size of a batch."),
        )
        mistake = likely_mistake(came, named, rtol=0, atol=1e-5)
        raise Wrong(what, f"{came:.4g}", mistake)


@exercise(
    "What is the ReLU's gradient where its input is below zero?",
    "Without the ReLU, does it matter to softmax if all ten scores are lower by 10?",
    remember="Behind a ReLU maps below zero give a loss of ln K and no gradient: the "
    "net is dead. Without the ReLU it recovers.",
)
def frozen_or_not(answer, measured=None):
    """Whether a net learns whose class maps all begin far below zero."""
    options = ("both", "neither", "with the ReLU", "without it")
    said = as_text(answer, options)
    losses = as_array(measured, "two losses, as the cell measures them")
    if losses.shape != (2,) or not numpy.all((losses >= 0) & (losses < 100)):
        raise Wrong(
            "two losses, as the cell measures them",
            f"{measured!r}"[:80],
            "Is the rest of the cell as it was?",
        )
    came = f"a loss of {losses[0]:.3f} with the ReLU and {losses[1]:.3f} without it"
    if abs(losses[0] - math.log(10)) > 0.01 or losses[1] > 2:
        raise Wrong(
            "a loss that stays with the ReLU and falls without it, if the "
            "cell is run as it was",
            came,
            "Is the rest of the cell as it was?",
        )
    if said == "without it":
        return
    mistake = {
        "both": "With the ReLU no gradient passes, so no weight moves.",
        "neither": "Without the ReLU every map passes a gradient, however low it is.",
        "with the ReLU": "It is the other way round. Where does a ReLU pass one?",
    }[said]
    raise Wrong(f"losses that fit {said!r}", came, mistake)


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
