"""Exercises of chapter 04."""

from __future__ import annotations

import itertools

import mxnet as mx
import numpy
from mxnet import autograd, np, npx
from mxnet.gluon import Block

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_array,
    as_net,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
    likely_mistake,
    measured_accuracies,
)
from d2l_nin.inception import Inception
from d2l_nin.layers import window_output


@exercise(
    "Six convolutions, and each has a bias for every channel it makes.",
    "A convolution has (input channels × window × window + 1) × output channels.",
    "The 3×3 reads the 16 channels of its reduction, the 5×5 reads 8. Pooling is free.",
    remember="Behind a reduction a window pays for few channels; each output channel "
    "has one bias, however large the window.",
)
def parameters_of_a_module(answer):
    """Parameters of Inception(32, (16, 32), (8, 16), 16) on 64 channels."""
    came = as_whole_number(answer, "a number of parameters")
    convs = {
        "1×1": (64, 1, 32),
        "reduction 3": (64, 1, 16),
        "3×3": (16, 3, 32),
        "reduction 5": (64, 1, 8),
        "5×5": (8, 5, 16),
        "projection": (64, 1, 16),
    }
    count = {name: (i * k * k + 1) * o for name, (i, k, o) in convs.items()}
    wanted = sum(count.values())
    naive = sum((64 * k * k + 1) * o for k, o in ((1, 32), (3, 32), (5, 16)))
    no_reductions = wanted - count["reduction 3"] - count["reduction 5"]
    mistakes = {
        sum(i * k * k * o for i, k, o in convs.values()): "The biases are missing.",
        wanted - count["projection"]: "The projection behind the pooling is missing.",
        naive: "That is the naive module: no reductions and no projection.",
        naive + count["projection"]: "That has 3×3 and 5×5 read all 64 channels. They "
        "read those of their reductions.",
        no_reductions: "The two reductions are missing.",
        sum((i + 1) * o for i, _, o in convs.values()): "That counts one weight for a "
        "window. There are 9 for 3×3 and 25 for 5×5.",
        sum((i * k + 1) * o for i, k, o in convs.values()): "A window of 3×3 has 9 "
        "weights for each channel, not 3.",
        wanted - count["5×5"] + (8 * 9 + 1) * 16: "That has 3×3 windows in both.",
    }
    expect_number(came, wanted, "weights and biases of six convolutions", mistakes)


def _paddings(value, kernel_sizes) -> list[int]:
    """One padding a branch, out of what an answer returned."""
    if not hasattr(value, "__len__") and hasattr(value, "__iter__"):
        value = list(itertools.islice(value, 100))  # zip, map or a generator
    array = as_array(value, "a list of paddings")
    if array.ndim == 2 and array.shape[1] == 2 and (array[:, 0] == array[:, 1]).all():
        array = array[:, 0]  # (height, width), as Gluon keeps them
    expect_shape(
        array,
        (len(kernel_sizes),),
        {
            (len(kernel_sizes) - 1,): "The first branch belongs to the list, too.",
            (): "Return one padding for each window.",
        },
        "paddings",
    )
    return [as_whole_number(number, "a padding") for number in array.reshape(-1)]


@exercise(
    "A window of k×k loses k − 1 pixels. A padding of p gives 2p back.",
    "The first branch loses k − 1 − 2p pixels. Each other branch must lose as many.",
    remember="Branches can be stacked if all lose equally many pixels; with "
    "(k − 1) / 2 on each side none loses any.",
)
def matching_paddings(answer):
    """Paddings for odd windows, so that all maps are as large as the first one."""
    cases = (
        ([5, 3, 7], 3),  # here every known mistake gives other numbers
        ([1, 3, 5], 0),
        ([3, 1, 7, 9], 1),
        ([3, 5, 11], 0),
        ([7, 1, 3, 13], 5),
        ([1], 0),
    )
    for kernel_sizes, padding in cases:
        first = kernel_sizes[0]
        came = _paddings(call(answer, list(kernel_sizes), padding), kernel_sizes)
        wanted = [padding + (k - first) // 2 for k in kernel_sizes]
        if came == wanted:
            continue
        mistakes = (
            (
                [padding + k - first for k in kernel_sizes],
                "Padding goes on both sides, so half as much is enough.",
            ),
            (
                [2 * p for p in wanted],
                "That is the padding of both sides together. A layer is told that "
                "of one side.",
            ),
            (
                [k - 1 for k in kernel_sizes],
                "k − 1 is what a window loses in all. Half of it goes on each side.",
            ),
            (
                [(k - 1) // 2 for k in kernel_sizes],
                "That keeps the size of the input. Here the first branch's padding "
                "is given, and the others must match it.",
            ),
            (
                [padding + (k - 1) // 2 for k in kernel_sizes],
                "That takes the first window for 1×1. It may be larger.",
            ),
            (
                [padding] * len(kernel_sizes),
                "With equal padding a larger window still makes a smaller map.",
            ),
            (
                [padding - (k - first) // 2 for k in kernel_sizes],
                "The sign: a larger window needs more padding.",
            ),
            (
                [window_output(28, k, 1, padding) for k in kernel_sizes],
                "These are sizes of maps. Paddings are asked.",
            ),
        )
        mistake = ""
        if min(came) < 0:
            mistake = "A padding can't be below zero."
        elif came[0] != padding:
            mistake = f"The first branch's padding is given: {padding}."
        for wrong, sentence in mistakes:
            if came == wrong:
                mistake = sentence
                break
        sizes = [window_output(28, k, 1, p) for k, p in zip(kernel_sizes, came)]
        raise Wrong(
            f"maps as large as the first one's, for windows {kernel_sizes} and a "
            f"first padding of {padding}",
            f"paddings {came}; they make maps of {sizes} pixels out of 28",
            mistake,
        )


# --- a module, checked with known weights ----------------------------------------

# Widths that are all different, so that a weight's shape tells where it belongs.
_WIDTHS, _IN = (7, (3, 5), (2, 4), 6), 9
_NAMES = ("1×1", "3×3", "5×5", "pooling")


def _shapes(widths, num_channels: int) -> dict[str, tuple]:
    """The weights' shapes of a module; the bias has the first number."""
    c1, c2, c3, c4 = widths
    return {
        "1×1": (c1, num_channels, 1, 1),
        "reduction of 3×3": (c2[0], num_channels, 1, 1),
        "3×3": (c2[1], c2[0], 3, 3),
        "reduction of 5×5": (c3[0], num_channels, 1, 1),
        "5×5": (c3[1], c3[0], 5, 5),
        "pooling": (c4, num_channels, 1, 1),
    }


def _squeezed(shape) -> tuple:
    return tuple(n for n in shape if n != 1)


def _pool(X, kind: str):
    if kind == "zeros":
        kind, X = "max", np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
        return npx.pooling(X, kernel=(3, 3), pool_type=kind, stride=(1, 1))
    return npx.pooling(X, kernel=(3, 3), pool_type=kind, stride=(1, 1), pad=(1, 1))


def _conv(X, values, name: str, relu: bool = True):
    weight, bias = values[name]
    size = weight.shape[2]
    Y = npx.convolution(
        X,
        weight,
        bias,
        kernel=(size, size),
        pad=(size // 2, size // 2),
        num_filter=weight.shape[0],
    )
    return npx.relu(Y) if relu else Y


def _branch(X, values, name: str, mistake: str = "") -> numpy.ndarray:
    """One branch as it should be, or with a known mistake."""
    relu = mistake not in ("no ReLU", "no ReLU at all")
    if name in ("3×3", "5×5"):
        reduced = mistake not in ("no ReLU in between", "no ReLU at all")
        X = _conv(X, values, f"reduction of {name}", reduced)
    if name == "pooling":
        if mistake == "projection first":
            return _pool(_conv(X, values, name), "max").asnumpy()
        if mistake != "no pooling":
            X = _pool(X, {"average": "avg", "zeros": "zeros"}.get(mistake, "max"))
    return _conv(X, values, name, relu).asnumpy()


_SENTENCES = {
    "no ReLU": "the ReLU at its end is missing",
    "no ReLU in between": "the ReLU behind its reduction is missing",
    "no ReLU at all": "both its ReLUs are missing",
    "average": "that is the average, not the maximum",
    "zeros": "zeros stand around the map; the pooling layer's own padding never wins",
    "no pooling": "nothing is pooled",
    "projection first": "the projection stands in front of the pooling, not behind it",
}


def _faulty_branches(Y, X, values) -> str:
    """What is wrong with which branch, in a sentence; empty if that isn't known."""
    right = [_branch(X, values, name) for name in _NAMES]
    for order in itertools.permutations(range(4)):
        stacked = numpy.concatenate([right[i] for i in order], axis=1)
        if order != (0, 1, 2, 3) and numpy.allclose(Y, stacked, rtol=1e-3, atol=1e-4):
            names = ", ".join(_NAMES[i] for i in order)
            return f"The branches are stacked in another order: {names}."
    said, start = [], 0
    for name, branch in zip(_NAMES, right):
        part = Y[:, start : start + branch.shape[1]]
        start += branch.shape[1]
        if numpy.allclose(part, branch, rtol=1e-3, atol=1e-4):
            continue
        for mistake, sentence in _SENTENCES.items():
            wrong = _branch(X, values, name, mistake)
            if numpy.allclose(part, wrong, rtol=1e-3, atol=1e-4):
                said.append(f"{name}: {sentence}.")
                break
        else:
            said.append(f"{name}: other values.")
    return "Branch " + " ".join(said)


def _output(net, X):
    """What a net makes of X; a branch that changes the size is named."""
    resized = []

    def note(block, inputs, output):
        kernel = getattr(block, "_kwargs", {}).get("kernel")
        if kernel is None or not isinstance(output, mx.nd.NDArray):
            return  # symbols, when a hybridized net is traced
        before, after = inputs[0].shape[2:], output.shape[2:]
        if before != after:
            kind = "pooling" if "pool_type" in block._kwargs else "convolution"
            window, after, before = (
                "×".join(map(str, sizes)) for sizes in (kernel, after, before)
            )
            resized.append(f"a {window} {kind} that makes {after} of {before}")

    handles = []
    net.apply(lambda block: handles.append(block.register_forward_hook(note)))
    try:
        Y = call(net, X, what="a net")
    except (mx.MXNetError, ValueError, AssertionError):
        if not resized:
            raise
        Y = None
    finally:
        for handle in handles:
            handle.detach()
    if Y is None or (resized and as_array(Y).shape[2:] != X.shape[2:]):
        raise Wrong(
            "branches that all keep height and width",
            ", ".join(dict.fromkeys(resized)),
            "Its branch does not match the others. Mind padding and stride.",
        )
    if isinstance(Y, (list, tuple)):
        raise Wrong("one array", f"{len(Y)} arrays", "Stack what the branches make.")
    return as_array(Y, "the output")


def _make(answer, *widths):
    net = as_net(answer, *widths, what="a function that makes a module")
    if isinstance(net, Inception):
        raise Wrong("a module of your own", "the package's", "Write its layers out.")
    net.hybridize(False)  # layer by layer, so that a branch of another size is found
    return net


def _check_parameters(net, widths, num_channels: int) -> dict:
    """The module's parameters by name, each (weight, bias); they must be the right."""
    wanted = {}
    for name, shape in _shapes(widths, num_channels).items():
        wanted[_squeezed(shape)] = (name, 0)
        wanted[shape[:1]] = (name, 1)
    found, others = {}, []
    for param in net.collect_params().values():
        shape = param.shape
        if shape is None or any(n <= 0 for n in shape):
            raise Wrong(
                "layers that are all used",
                f"{param.name}, which nothing went through",
                "A layer is made, but forward does not use it.",
            )
        shape = _squeezed(shape)
        if shape in wanted and wanted[shape] not in found:
            found[wanted[shape]] = param
        else:
            others.append(tuple(param.shape))
    _, c2, c3, c4 = widths
    known = {
        (c2[1], num_channels, 3, 3): "The 3×3 reads all input channels: where is its "
        "reduction?",
        (c3[1], num_channels, 5, 5): "The 5×5 reads all input channels: where is its "
        "reduction?",
        (c2[1], c2[0], 5, 5): "The 3×3 branch has a window of 5×5.",
        (c3[1], c3[0], 3, 3): "The 5×5 branch has a window of 3×3.",
        (c3[1], c2[0], 5, 5): "The 5×5 reads the reduction of the 3×3.",
        (c4, num_channels, 3, 3): "The projection is a 1×1 convolution.",
    }
    missing = [key for key in wanted.values() if key not in found]
    if others:
        mistakes = [known[shape] for shape in others if shape in known]
        raise Wrong(
            "six convolutions with biases, and no other parameters",
            "parameters of shape " + ", ".join(map(str, others)),
            " ".join(mistakes),
        )
    if missing:
        names = ", ".join(f"{name} {('weight', 'bias')[i]}" for name, i in missing)
        every = all(i == 1 for _, i in missing)
        raise Wrong(
            "six convolutions with biases",
            f"no parameters for: {names}",
            "Each convolution has a bias here." if every else "A layer is missing.",
        )
    return found


@exercise(
    "Four branches get the same X: c1; c2[0] then c2[1]; c3[0] then c3[1]; pooling "
    "then c4. Stack them on axis 1.",
    "3×3 needs padding 1, 5×5 padding 2, and the pooling stride 1 and padding 1.",
    "A ReLU stands behind each of the six convolutions, the reductions included.",
    remember="An Inception module is four short chains on one input, stacked on the "
    "channel axis; nothing but the channels may differ.",
)
def inception_module(answer):
    """A module of four branches: shapes, parameters, and values for known weights."""
    if isinstance(answer, Block):
        raise Wrong(
            "a function or class that makes a module of given widths",
            "one net",
            "Its widths are fixed. Write a function of c1, c2, c3, c4.",
        )
    rng = numpy.random.default_rng(4)

    def images(*shape):
        return np.array(rng.normal(size=shape), dtype="float32")

    # Equal widths, so that stacking on another axis is possible as well.
    expect_shape(
        _output(_make(answer, 4, (3, 4), (2, 4), 4), images(2, 5, 8, 8)),
        (2, 16, 8, 8),
        {
            (8, 4, 8, 8): "Axis 0 counts images. Channels are axis 1.",
            (2, 4, 32, 8): "Axis 2 is the height. Channels are axis 1.",
            (2, 4, 8, 32): "Axis 3 is the width. Channels are axis 1.",
            (2, 4, 8, 8): "As if one branch were left, or all were added up. Stack "
            "them.",
            (2, 17, 8, 8): "The pooling branch hands on all its channels: where is "
            "its projection?",
            (2, 13, 8, 8): "The first numbers in c2 and c3 belong to the reductions, "
            "the second to the windows.",
            (2, 21, 8, 8): "Reductions belong into their branches; they are not "
            "stacked.",
            (2, 12, 8, 8): "A branch is missing.",
        },
    )

    net, X = _make(answer, *_WIDTHS), images(2, _IN, 6, 8)
    Y = expect_shape(_output(net, X), (2, 22, 6, 8))
    params = _check_parameters(net, _WIDTHS, _IN)
    values = {}
    for name, shape in _shapes(_WIDTHS, _IN).items():
        values[name] = images(*shape) * 0.5, images(shape[0])
        for i, value in enumerate(values[name]):
            params[name, i].set_data(value.reshape(params[name, i].shape))
    wanted = numpy.concatenate([_branch(X, values, name) for name in _NAMES], axis=1)
    Y = _output(net, X)
    if not numpy.allclose(Y, wanted, rtol=1e-3, atol=1e-4):
        expect_close(Y, wanted, [(Y, _faulty_branches(Y, X, values))])

    more = _make(answer, 1, (2, 3), (3, 2), 4)
    expect_shape(
        _output(more, images(1, 3, 5, 7)),
        (1, 10, 5, 7),
        what="for other widths and a map of 5×7, an output",
    )
    count = sum(param.data().size for param in more.collect_params().values())
    if count != sum(
        numpy.prod(shape) + shape[0]
        for shape in _shapes((1, (2, 3), (3, 2), 4), 3).values()
    ):
        raise Wrong(
            "the parameters of other widths", f"{count}", "Is a width fixed in there?"
        )


@exercise(
    "What comes before and behind is the same for both. Compare 25 · m · 32 weights "
    "with those of the two.",
    "The first 3×3 goes from m to 32 channels, the second from 32 to 32.",
    "25 · 32 · m > 9 · 32 · m + 9 · 32 · 32. Divide by 32 and solve for m.",
    remember="Two 3×3 windows see what one of 5×5 sees, and are cheaper only if it "
    "reads enough channels; behind a strong reduction it doesn't.",
)
def two_for_one(answer):
    """The narrowest reduction from which two 3×3 take fewer weights than one 5×5."""
    came = as_whole_number(answer, "a number of channels")
    width = 32
    wanted = 9 * width // 16 + 1
    mistakes = {
        wanted - 1: "There both take equally many. Fewer are asked.",
        9 * width // 25 + 1: "That leaves out the first of the two convolutions.",
        1: "The second convolution reads 32 channels, not m.",
        16: "That is the reduction of 3a. Is it wide enough?",
        25 * width // 9 + 1: "That leaves out the second of the two convolutions.",
        9 * width: "Divide: 25 and 9 both belong to m.",
        width: "They are cheaper earlier already.",
    }
    what = "the smallest m with 25·32·m above the weights of the two"
    expect_number(came, wanted, what, mistakes)


# --- the loss with auxiliary heads -----------------------------------------------


def _log_softmax(scores) -> numpy.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))


def _cross_entropy(scores, y) -> numpy.ndarray:
    return -_log_softmax(scores.astype(float))[numpy.arange(len(y)), y]


def _losses_gone_wrong(all_scores, y) -> list[tuple]:
    """(what a known mistake makes, the sentence that names it)."""
    each = [_cross_entropy(scores, y).mean() for scores in all_scores]
    main, sides = each[0], each[1:]
    total, count, num_images = main + 0.3 * sum(sides), len(sides), len(y)
    soft = [numpy.exp(_log_softmax(scores.astype(float))) for scores in all_scores]
    twice = [_cross_entropy(shares, y).mean() for shares in soft]
    mixed = all_scores[0] + 0.3 * sum(all_scores[1:])
    means = [numpy.mean((one - numpy.eye(one.shape[1])[y]) ** 2) for one in soft]
    return [
        (main, "The heads' losses are missing."),
        (sum(each), "The heads count in full. Their weight is 0.3."),
        (0.3 * main + sum(sides), "The 0.3 belongs to the heads, not to the net."),
        (0.3 * sum(each), "The net's own loss counts in full; 0.3 is for the heads."),
        (main + 0.3 * sides[0], "Only the first head counts."),
        (main + 0.3 * sides[-1], "Only the last head counts."),
        (main + 0.3 * sum(sides) / count, "Each head counts 0.3; add, don't average."),
        (
            main + sum(0.3 ** (i + 1) * side for i, side in enumerate(sides)),
            "Each head counts 0.3, however many there are.",
        ),
        (total / (1 + 0.3 * count), "The weights need not add up to 1: don't divide."),
        (0.7 * main + 0.3 * sum(sides), "The net's own loss counts in full, not 0.7."),
        (total / (1 + count), "Add the losses, don't average over the heads."),
        (total * num_images, "That is the sum over the batch. Take the mean."),
        (-total, "The sign: a loss is −log p."),
        (
            twice[0] + 0.3 * sum(twice[1:]),
            "A softmax is taken twice. The loss wants scores.",
        ),
        (
            _cross_entropy(mixed, y).mean(),
            "Scores are added. Add the losses of the heads.",
        ),
        (means[0] + 0.3 * sum(means[1:]), "That is a squared error."),
    ]


def _expect_loss(answer, all_scores, y, what: str):
    """Raise Wrong unless the loss is right."""
    arrays = [np.array(scores, dtype="float32") for scores in all_scores]
    loss = call(answer, np.array(y, dtype="int32"), *arrays, what="a function")
    value = as_array(loss, "a loss")
    if value.size > 1 and value.shape == (len(y),):
        raise Wrong(
            "one number, the mean over the batch",
            f"{len(y)} numbers",
            "That is a loss for each image. Take the mean.",
        )
    if value.size != 1:
        raise Wrong("one number", f"an array of shape {value.shape}")
    each = [_cross_entropy(scores, y).mean() for scores in all_scores]
    wanted = each[0] + 0.3 * sum(each[1:])
    came = float(value.reshape(-1)[0])
    if numpy.isclose(came, wanted, rtol=1e-3, atol=1e-4):
        return
    known = _losses_gone_wrong(all_scores, y) if len(all_scores) == 3 else []
    mistake = likely_mistake(came, known, rtol=1e-4, atol=1e-8)
    if not numpy.isfinite(came):
        mistake = "The softmax came out as 0, and its logarithm is infinite: use "
        mistake += "log_softmax, or Gluon's loss."
    away = f"a loss that is {came - wanted:+.3g} off"
    raise Wrong(f"the weighted sum of the losses {what}", away, mistake)


def _expect_gradients(answer, all_scores, y):
    arrays = [np.array(scores, dtype="float32") for scores in all_scores]
    for array in arrays:
        array.attach_grad()
    with autograd.record():
        loss = call(answer, np.array(y, dtype="int32"), *arrays)
    if not isinstance(loss, mx.nd.NDArray):
        raise Wrong(
            "a loss to call backward() on",
            f"{type(loss).__name__}",
            "A number of Python or NumPy has no gradient: stay with MXNet's arrays.",
        )
    try:
        loss.backward()
    except mx.MXNetError:
        raise Wrong(
            "a loss to call backward() on",
            "a loss that depends on nothing recorded",
            "Stay with MXNet's arrays, from the scores to the end.",
        ) from None
    for i, (array, scores) in enumerate(zip(arrays, all_scores)):
        shares = numpy.exp(_log_softmax(scores.astype(float)))
        wanted = (shares - numpy.eye(scores.shape[1])[y]) / len(y)
        wanted *= 0.3 if i else 1.0
        came = array.grad.asnumpy()
        whose = "a head's scores" if i else "the net's scores"
        if numpy.allclose(came, wanted, rtol=1e-3, atol=1e-5):
            continue
        mistake = ""
        if not came.any():
            mistake = f"Nothing reaches {whose}. Are they detached?"
        raise Wrong(f"the gradient of {whose}", "another gradient", mistake)


@exercise(
    "Take the mean cross-entropy of `scores`, and add 0.3 times that of each head.",
    "`gluon.loss.SoftmaxCrossEntropyLoss()(scores, y).mean()` is one of the terms.",
    "Loop over `side_scores`, which is empty for a net without heads.",
    remember="Heads add to the loss, not to the scores: so they can be thrown away "
    "when training is over.",
)
def loss_with_heads(answer):
    """The loss of a net and its heads: values, gradients, 0 to 2 heads."""
    rng = numpy.random.default_rng(5)
    all_scores = [2 * rng.normal(size=(6, 4)).astype("float32") for _ in range(3)]
    y = numpy.array([3, 0, 1, 1, 2, 0])
    _expect_loss(answer, all_scores, y, "of a net and two heads")
    _expect_loss(answer, all_scores[:2], y, "of a net and one head")
    _expect_loss(answer, all_scores[:1], y, "of a net without heads")
    wide = [rng.normal(size=(3, 62)).astype("float32") for _ in range(5)]
    _expect_loss(answer, wide, numpy.array([61, 0, 7]), "with four heads, 62 classes")
    _expect_gradients(answer, all_scores, y)
    large = [numpy.array([[300.0, -300.0]], "float32"), numpy.zeros((1, 2), "float32")]
    _expect_loss(answer, large, numpy.array([1]), "for scores of ±300")


# --- prediction and evidence -----------------------------------------------------


@exercise(
    "In the chapter the net without 3×3 was *trained* without it. This one wasn't.",
    "What do the next layer's weights do with 3×3 maps that are suddenly zero?",
    remember="That a net can be trained without a part doesn't mean that a net trained "
    "with it can do without.",
)
def switched_off(answer, measured=None):
    """How much a trained net loses without its 3×3 branches: three ranges."""
    came = as_text(answer, ("under 5", "5 to 20", "over 20"))
    before, after = measured_accuracies(measured, 2)
    if before < 0.4:
        raise Wrong(
            "a net that has learned something, to switch off a part of it",
            f"an accuracy of {before:.1%} before",
            "Run the cell as it was given.",
        )
    lost = before - after
    found = "under 5" if lost < 0.05 else "5 to 20" if lost <= 0.2 else "over 20"
    if came != found:
        raise Wrong(
            "the prediction that the training bears out",
            f"{came!r}, and measured {before:.1%} before, {after:.1%} after",
            "Predictions may fail. Who has learned to count on these maps?",
        )


def _expect_verdict(verdict: str, before, after) -> None:
    found = "can't tell"
    if after.min() > before.max():
        found = "better"
    elif after.max() < before.min():
        found = "worse"
    if verdict == found:
        return
    ranges = (
        f"before {before.min():.1%} … {before.max():.1%}, "
        f"after {after.min():.1%} … {after.max():.1%}"
    )
    mistake = "The ranges overlap: these seeds don't show a difference."
    if found != "can't tell":
        mistake = "The ranges don't overlap. What does that say?"
        if verdict != "can't tell":
            mistake = "The other way round."
    raise Wrong("a verdict that the seeds bear out", f"{verdict!r}: {ranges}", mistake)


@exercise(
    "Give a dict with 'before' and 'after' (five accuracies each), 'parameters' (two "
    "numbers), 'images' (on how many you tested) and 'verdict'.",
    "If the parameters differ by more than a tenth, make the larger net narrower.",
    "Overlapping ranges mean 'can't tell', and that is a good answer.",
    remember='A change is judged at like size, over several seeds; "can\'t tell" is a '
    "finding, too.",
)
def one_change(answer):
    """Evidence for or against a change: five seeds each, at like size."""
    names = {"before", "after", "parameters", "images", "verdict"}
    if not isinstance(answer, dict) or set(answer) != names:
        raise Wrong(
            "a dict with 'before', 'after', 'parameters', 'images', 'verdict'",
            str(sorted(map(str, answer)))
            if isinstance(answer, dict)
            else type(answer).__name__,
        )
    verdict = as_text(answer["verdict"], ("better", "worse", "can't tell"))
    images = as_whole_number(answer["images"], "how many images you tested on")
    if images < 500:
        raise Wrong(
            "500 images or more to test on",
            f"{images}",
            "On so few, chance moves an accuracy by several points.",
        )
    both = {}
    for name in ("before", "after"):
        values = both[name] = accuracies_of_seeds(answer[name], f"'{name}'")
        hits = values * images
        if numpy.abs(hits - hits.round()).max() > 0.02:
            raise Wrong(
                f"accuracies that are hits out of {images:,} images",
                f"{name}: {values[numpy.abs(hits - hits.round()).argmax()]:g}",
                "Rounded, or averaged over batches of different sizes?",
            )
    counts = as_array(answer["parameters"], "parameters")
    if counts.shape != (2,):
        raise Wrong("two numbers of parameters, before and after", f"{counts.size}")
    counts = [as_whole_number(count, "a number of parameters") for count in counts]
    if min(counts) < 1 or max(counts) > 1.1 * min(counts):
        raise Wrong(
            "numbers of parameters within a tenth",
            f"{counts[0]:,} and {counts[1]:,}",
            "Was it the change, or the size?",
        )
    if numpy.array_equal(both["before"], both["after"]):
        raise Wrong(
            "accuracies of two nets", "twice the same", "Was the same net trained?"
        )
    _expect_verdict(verdict, both["before"], both["after"])
