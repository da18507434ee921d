"""Exercises of chapter 05."""

from __future__ import annotations

from statistics import median

import numpy
from mxnet import MXNetError, np, npx
from mxnet.gluon import Block

from d2l_nin.checks.exercise import exercise, readers_line, what_it_said
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_net,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
)

# --- on paper --------------------------------------------------------------------


@exercise(
    "Three convolutions, and batch norm after each of them. No biases.",
    "A convolution has in × out × kernel height × kernel width weights. Batch norm has "
    "two trained numbers a channel, gamma and beta.",
    "The first 3×3 convolution goes from 32 to 64 channels, the second from 64 to 64, "
    "the projection is 1×1 from 32 to 64.",
    remember="Where the shape changes the shortcut has weights, but few: a 1×1 kernel "
    "has a ninth of a 3×3 one.",
)
def parameters(answer):
    """The trained parameters of a residual block with a projection."""
    number = as_whole_number(answer, "a whole number: how many trained parameters")
    first, second, projection = 32 * 64 * 9, 64 * 64 * 9, 32 * 64
    convs, norm = first + second + projection, 2 * 64
    expect_number(
        number,
        convs + 3 * norm,
        "the trained parameters of all convolutions and batch norms",
        {
            convs: "These are the convolutions alone. Batch norm has trained "
            "parameters as well.",
            convs + 2 * norm: "The projection has a batch norm behind it, too.",
            convs + 6 * norm: "Running mean and variance are counted here. They are "
            "kept, but no gradient trains them.",
            convs + 3 * norm + 3 * 64: "Biases are counted. Before batch norm a "
            "convolution needs none, and has none here.",
            convs + 3 * 64: "That is one number a channel beside the weights. Batch "
            "norm has two, and there are no biases.",
            first + second + 2 * norm: "The projection on the shortcut is missing.",
            first + second: "Projection and batch norms are missing.",
            2 * second + 64 * 64 + 3 * norm: "The input has 32 channels, not 64.",
            2 * second + projection + 3 * norm: "The first convolution's input has 32 "
            "channels, not 64.",
            2 * first + projection + 3 * norm: "The second convolution's input has 64 "
            "channels: what the first one makes.",
            2 * first + second + 3 * norm: "The projection's kernel is 1×1, not 3×3.",
        },
    )


@exercise(
    "Which layers are in no block?",
    "6n + 2: the 2 are the first convolution and the dense layer at the end.",
    "There are 3 stages of n blocks, and each block has 2 convolutions on its way.",
    remember="6n + 2 layers are 3 stages of n blocks of 2 convolutions, the first "
    "convolution and the dense layer.",
)
def number_of_blocks(answer):
    """How many residual blocks ResNet-44 for CIFAR-10 has."""
    number = as_whole_number(answer, "a whole number: how many blocks")
    n = (44 - 2) // 6
    expect_number(
        number,
        3 * n,
        "the blocks of all stages together",
        {
            n: "This is n, the blocks of one stage.",
            2 * n: "These are the convolutions of one stage.",
            6 * n: "These are the convolutions in the blocks. A block has two.",
            44 // 2: "Two of the layers are in no block.",
            3 * n + 2: "The first convolution and the dense layer are no blocks.",
            6 * n + 2: "This is the number of layers. A block has more than one.",
            6 * 44 + 2: "44 is the number of layers, not n.",
            3 * 44: "44 is the number of layers, not n.",
        },
    )


# --- code: functions of numbers --------------------------------------------------


def _compare_cases(came, cases, rule, mistakes, what):
    """Raise Wrong at the first case that differs from `rule`.

    A mistake is named when it explains everything that came.
    """
    for value, case in zip(came, cases):
        if value == rule(*case):
            continue
        fits = (
            sentence
            for wrong, sentence in mistakes
            if all(wrong(*c) == v for v, c in zip(came, cases))
        )
        shown = f"{value:,}" if isinstance(value, int) else repr(value)
        raise Wrong(f"for {case} {what}", shown, next(fits, ""))


_WORDS = ("degradation", "overfitting", "neither")


def _tell(shallow_train, shallow_test, deep_train, deep_test, margin=0.02):
    if deep_train > shallow_train + margin:
        return "degradation"
    return "overfitting" if deep_test > shallow_test + margin else "neither"


def _only_test(shallow_train, shallow_test, deep_train, deep_test):
    return "degradation" if deep_test > shallow_test + 0.02 else "neither"


def _only_test_overfits(shallow_train, shallow_test, deep_train, deep_test):
    return "overfitting" if deep_test > shallow_test + 0.02 else "neither"


def _by_gap(shallow_train, shallow_test, deep_train, deep_test):
    if deep_train > shallow_train + 0.02:
        return "degradation"
    return "overfitting" if deep_test > deep_train + 0.02 else "neither"


def _test_first(shallow_train, shallow_test, deep_train, deep_test):
    if deep_test > shallow_test + 0.02:
        return "overfitting"
    return "degradation" if deep_train > shallow_train + 0.02 else "neither"


def _turned(*errors):
    return _tell(errors[2], errors[3], errors[0], errors[1])


def _exchanged(*errors):
    other = dict(zip(_WORDS, ("overfitting", "degradation", "neither")))
    return other[_tell(*errors)]


def _both(shallow_train, shallow_test, deep_train, deep_test):
    if deep_train > shallow_train + 0.02 and deep_test > shallow_test + 0.02:
        return "degradation"
    return "overfitting" if deep_test > shallow_test + 0.02 else "neither"


def _apart(shallow_train, shallow_test, deep_train, deep_test):
    if abs(deep_train - shallow_train) > 0.02:
        return "degradation"
    return "overfitting" if abs(deep_test - shallow_test) > 0.02 else "neither"


@exercise(
    "Which errors tell of degradation: the training errors or the test errors?",
    "Look at the training errors first. Only when the deep net's is no higher can the "
    "test errors tell of overfitting.",
    "Compare deep with shallow both times, not test with training: the shallow net has "
    "a gap between the two as well. Don't forget the margin.",
    remember="A higher training error is degradation, a higher test error at no higher "
    "training error is overfitting.",
)
def degradation_or_overfitting(answer):
    """Tell degradation from overfitting by four errors."""
    cases = [
        (0.18, 0.20, 0.82, 0.81), (0.05, 0.10, 0.01, 0.16), (0.18, 0.20, 0.17, 0.20),
        (0.10, 0.12, 0.15, 0.40), (0.05, 0.15, 0.05, 0.15), (0.20, 0.22, 0.07, 0.10),
        (0.30, 0.35, 0.40, 0.35), (0.10, 0.15, 0.11, 0.15), (0.10, 0.15, 0.10, 0.16),
        (0.06, 0.30, 0.01, 0.25), (0.40, 0.41, 0.45, 0.36), (0.07, 0.09, 0.08, 0.21),
    ]  # fmt: skip
    what = "(shallow_train, shallow_test, deep_train, deep_test)"
    came = [
        as_text(call(answer, *case, what=f"a function of {what}"), _WORDS)
        for case in cases
    ]
    mistakes = [
        (_only_test, "Only the test errors decide here. They can't tell these apart."),
        (_only_test_overfits, "A higher test error is taken for overfitting, whatever "
         "the training error is."),
        (_by_gap, "The gap between test and training error is taken for overfitting. "
         "The shallow net may have the same gap."),
        (_test_first, "The training errors come first: if the deep net's is higher, it "
         "has not even learned its training images."),
        (_both, "A higher training error is enough for degradation, whatever the test "
         "error is."),
        (_turned, "Is deep taken for shallow, or an error for an accuracy? A higher "
         "error is worse."),
        (_exchanged, "The two words are exchanged."),
        (lambda *case: _tell(*case, margin=0), "The margin is missing: differences of "
         "at most 0.02 don't count."),
        (_apart, "A deep net whose error is *lower* has neither. Don't take the "
         "absolute difference."),
        *((lambda *_, word=word: word, "It always says the same.") for word in _WORDS),
    ]  # fmt: skip
    _compare_cases(came, cases, _tell, mistakes, f"as {what} another word")


# --- code: a shortcut ------------------------------------------------------------

_ADDITION = ("broadcast", "shape", "not fit", "only equal")


def _forward(net, X, mistake):
    """What a net makes. What a layer says of an input is put into words.

    `mistake` is a sentence, or a function that makes one of what was said.

    An error in code of the reader's own goes on, to be shown with its line, unless it
    is about shapes.
    """
    try:
        return call(net, X, what="a block")
    except (MXNetError, ValueError) as error:
        said, line = what_it_said(error), readers_line(error)
        if line and not any(word in said for word in _ADDITION):
            raise
        came = f"an error, {said}" + (f", in {line}" if line else "")
        mistake = mistake if isinstance(mistake, str) else mistake(said)
        raise Wrong(f"a block that takes {tuple(X.shape)}", came, mistake) from error


def _maps(seed: int, *shape: int):
    return np.array(numpy.random.RandomState(seed).normal(size=shape), dtype="float32")


def _used(net) -> dict:
    """The parameters by name, but for those that no forward pass has used."""
    return {n: p for n, p in net.collect_params().items() if p._data is not None}


def _makes_blocks(answer, arguments: str) -> None:
    if isinstance(answer, Block):
        raise Wrong(
            f"a function of ({arguments}) that makes a block, or a class",
            f"one block, a {type(answer).__name__}",
            "One block fits one change of shape. The check tries several.",
        )


@exercise(
    "What does F change, the number of channels, height and width, or all of them?",
    "A 1×1 convolution can do both: one argument for the channels, one for the size.",
    "Conv2D has the arguments channels, kernel_size and strides. Which three values?",
    remember="Only equal shapes can be added: where F changes channels or size, the "
    "shortcut has to make the same change.",
)
def shortcut_that_fits(answer):
    """A shortcut for any change of shape."""
    _makes_blocks(answer, "in_channels, num_channels, strides")
    cases = [
        (16, 32, 1, (8, 8)), (16, 32, 2, (7, 7)), (16, 16, 2, (9, 6)),
        (3, 8, 3, (7, 10)), (5, 5, 1, (4, 6)),
    ]  # fmt: skip
    for case in cases:
        _one_shortcut(answer, *case)


def _one_shortcut(answer, in_channels, num_channels, strides, size):
    net = as_net(answer, in_channels, num_channels, strides, what="a shortcut")
    X = _maps(0, 2, in_channels, *size)
    named = f"({in_channels}, {num_channels}, {strides})"
    Y = _forward(
        net,
        X,
        f"It was made for {named}: the input has the first number of channels, the "
        "output the second.",
    )

    def shape(channels, height_after):
        return (2, channels, *map(height_after, size))

    def strided(length):
        return -(-length // strides)

    # From the likelier to the less likely; the first of equal shapes stands.
    mistakes = {}
    for wrong, sentence in (
        (
            shape(in_channels, int),
            "The channels are still X's."
            if strides == 1
            else "This is X's own shape. Where the channels stay, the stride still "
            "changes the size.",
        ),
        (shape(num_channels, int), "The stride is missing on the shortcut."),
        (shape(in_channels, strided), "The size fits. The channels are still X's."),
        (
            shape(num_channels, lambda n: (n + 1) // strides + 1),
            "Padding round a 1×1 kernel makes the map larger.",
        ),
        (
            shape(num_channels, lambda n: n // strides),
            "Here an odd size is rounded down, and F rounds it up.",
        ),
        (
            shape(num_channels, lambda n: (n - 3) // strides + 1),
            "The border is lost: a 3×3 kernel needs padding=1 to keep it, a 1×1 kernel "
            "loses none.",
        ),
    ):
        mistakes.setdefault(wrong, sentence)
    expect_shape(
        Y,
        shape(num_channels, strided),
        mistakes,
        f"for {named}, from {tuple(X.shape)}, an output",
    )
    weights = sum(
        int(numpy.prod(p.shape)) for p in _used(net).values() if len(p.shape) > 1
    )
    if weights > in_channels * num_channels:
        raise Wrong(
            f"for {named} at most in_channels × num_channels weights",
            f"{weights:,}",
            "A 3×3 kernel has nine times the weights of a 1×1 one."
            if weights == 9 * in_channels * num_channels
            else "",
        )
    A, B = X, _maps(1, *X.shape)
    zero, a, b, both = (
        numpy.array(expect_shape(call(net, Z), Y.shape))
        for Z in (np.zeros_like(A), A, B, A + B)
    )
    if numpy.allclose(a, zero, atol=1e-6):
        raise Wrong(
            "a shortcut that hands on its input",
            "the same output whatever the input is",
            "Zeros fit as well, but then nothing takes the short way.",
        )
    if not numpy.allclose(a + b, both + zero, atol=1e-3):
        raise Wrong(
            "a shortcut that only hands on, so that s(A + B) = s(A) + s(B)",
            "one where this is not so",
            "Is there a ReLU or a maximum on it? The shortcut has none.",
        )


# --- a whole block ---------------------------------------------------------------

_GAMMA, _BETA = 1.5, 0.25


def _conv(X, weight, strides):
    kernel = weight.shape[2:]
    return npx.convolution(
        X,
        weight,
        kernel=kernel,
        stride=(strides, strides),
        pad=tuple(k // 2 for k in kernel),
        num_filter=weight.shape[0],
        no_bias=True,
    )


def _norm(X):
    return _GAMMA * X + _BETA


def _residual(X, weights, strides, norm_projection, mistake=""):
    """H of the text's block with known weights; or of one with a known mistake."""
    first, second, projection = weights
    relu = npx.relu
    one, two = (1, strides) if mistake == "stride" else (strides, 1)
    Y = _conv(X, first, one)
    if mistake == "order":
        Y = _norm(relu(Y))
    else:
        Y = _norm(Y) if mistake == "between" else relu(_norm(Y))
    Y = _norm(_conv(Y, second, two))
    added = X
    if projection is not None:
        added = _conv(X, projection, strides)
        added = _norm(added) if norm_projection else added
    if mistake == "no addition":
        return relu(Y)
    if mistake == "relu before":
        return relu(Y) + added
    if mistake == "relu twice":
        return relu(relu(Y) + added)
    if mistake == "relu on shortcut":
        return relu(Y + relu(added))
    if mistake == "times":
        return relu(Y * added)
    return Y + added if mistake == "no relu" else relu(Y + added)


_MISTAKES = {
    "stride": "The stride is in the second convolution. The shapes are the same, but "
    "the first one then works on the whole map.",
    "no addition": "These are the values of F alone: the addition is missing.",
    "no relu": "The ReLU after the addition is missing.",
    "relu before": "The last ReLU comes before the addition. It belongs behind it: "
    "here F could only ever add.",
    "relu twice": "There is a ReLU before the addition and one behind it. Only the "
    "second belongs there: with both, F could only ever add.",
    "between": "There is no ReLU between the two convolutions.",
    "order": "Between the convolutions ReLU comes before batch norm. In the text batch "
    "norm is first.",
    "relu on shortcut": "There is a ReLU on the shortcut. It should hand on X itself.",
    "times": "The two ways are multiplied. They should be added.",
}


@exercise(
    "F is two 3×3 convolutions with batch norm, and a ReLU between them. What happens "
    "after the addition?",
    "Which of the convolutions has the stride? And what has to be on the shortcut when "
    "strides is not 1 or the channels differ?",
    "The first 3×3 convolution and the 1×1 convolution on the shortcut have the "
    "stride. ReLU follows the addition. Where nothing changes, X itself is added.",
    remember="The stride belongs into the first convolution and onto the shortcut, and "
    "ReLU behind the addition.",
)
def residual_block(answer):
    """A residual block for any change of shape."""
    _makes_blocks(answer, "in_channels, num_channels, strides")
    for case in (
        (4, 6, 2, (9, 7)), (5, 5, 1, (6, 6)), (4, 6, 1, (5, 5)), (4, 4, 2, (8, 8)),
    ):  # fmt: skip
        _one_block(answer, *case)


def _one_block(answer, in_channels, num_channels, strides, size):
    net = as_net(answer, in_channels, num_channels, strides, what="a residual block")
    X = _maps(0, 2, in_channels, *size)
    named = f"({in_channels}, {num_channels}, {strides})"
    changes = strides != 1 or in_channels != num_channels
    Y = _forward(net, X, lambda said: _why_not(said, net, num_channels, named))
    height, width = (-(-n // strides) for n in size)
    smaller = [-(-n // strides) for n in (height, width)]
    mistakes = {(2, 2 * num_channels, height, width): "The two ways are concatenated, "
                "as in Inception. Here they are added."}  # fmt: skip
    if strides > 1:
        mistakes[(2, num_channels, *size)] = "The stride is missing."
        mistakes[(2, num_channels, *smaller)] = "More than one convolution on the way "
        mistakes[(2, num_channels, *smaller)] += "has the stride."
    wanted = (2, num_channels, height, width)
    expect_shape(Y, wanted, mistakes, f"for {named}, from {tuple(X.shape)}, an output")

    weights, num_norms = _set_known_weights(net, in_channels, num_channels)
    if not num_norms:
        raise Wrong(
            "batch norm after the convolutions",
            "none",
            "Each 3×3 convolution of the text's F has batch norm behind it.",
        )
    if changes and weights[2] is None:
        alone = _residual(X, weights, strides, False, "no addition").asnumpy()
        plain = numpy.allclose(call(net, X).asnumpy(), alone, rtol=1e-3, atol=1e-3)
        raise Wrong(
            f"for {named} a 1×1 convolution on the shortcut",
            "none of the right size",
            "And nothing is added to F: this is a pair of the plain net."
            if plain
            else "Where channels or size change, project.",
        )
    if not changes and weights[2] is not None:
        raise Wrong(
            f"for {named} no convolution on the shortcut",
            "one",
            "The shape stays, so X itself can be added, without any weights.",
        )
    options = X, weights, strides, num_norms > 2
    known = [
        (_residual(*options, mistake).asnumpy(), sentence)
        for mistake, sentence in _MISTAKES.items()
        if strides > 1 or mistake != "stride"
    ]
    expect_close(
        call(net, X),
        _residual(*options).asnumpy(),
        known,
        f"for {named}, with weights that we chose, an output",
        atol=1e-3,
    )


def _why_not(said, net, num_channels, named) -> str:
    """Why a block does not take its input, by what it said and by its weights."""
    if not any(word in said for word in ("broadcast", "only equal")):
        return (
            f"It was made for {named}: the input has the first number of channels, "
            "the output the second."
        )
    ways = [p.shape[0] for p in _used(net).values() if p.shape[2:] == (1, 1)]
    if not ways:
        return "F has changed the shape, and no 1×1 convolution has changed X."
    if num_channels not in ways:
        return "The 1×1 convolution on the shortcut makes other channels than F."
    return "The channels fit, the sizes don't. Does the shortcut have F's stride?"


def _set_known_weights(net, in_channels, num_channels):
    """((first, second, projection or None), the number of batch norms)."""
    params = _used(net)
    shapes = [(num_channels, in_channels, 3, 3), (num_channels, num_channels, 3, 3)]
    kernels = [p for p in params.values() if len(p.shape) == 4]
    pair = [p for p in kernels if p.shape[2:] == (3, 3)]
    if sorted(p.shape for p in pair) != sorted(shapes):
        raise Wrong(
            f"two 3×3 convolutions, from {in_channels} to {num_channels} and from "
            f"{num_channels} to {num_channels} channels",
            ", ".join(f"{p.shape[1]} to {p.shape[0]}" for p in pair) or "none",
            "This is one. F has two, with a ReLU between." if len(pair) == 1 else "",
        )
    known = [_maps(2, *shape) / 4 for shape in shapes]  # the same where shapes are
    for param in pair:
        param.set_data(known[param.shape != shapes[0]])
    projection = None
    for param in kernels:
        if param.shape == (num_channels, in_channels, 1, 1):
            projection = _maps(3, *param.shape)
            param.set_data(projection)
    num_norms = 0
    for name, param in params.items():
        kind = name.rpartition("_")[2]
        value = {"gamma": _GAMMA, "beta": _BETA, "bias": 0, "mean": 0, "var": 1}
        if kind in value and len(param.shape) == 1:
            param.set_data(np.full(param.shape, float(value[kind])))
            num_norms += kind == "gamma"
    return (*known, projection), num_norms


# --- the cost of a stride --------------------------------------------------------


def _macs(in_channels, num_channels, size, strides, stride_in_3x3, **wrong):
    """MACs of a bottleneck's three convolutions; `wrong`: known mistakes."""
    if "width" in wrong:
        width = wrong["width"](in_channels, num_channels)
    else:
        width = num_channels // 4
    stride_in_3x3 = wrong.get("in_3x3", lambda given: given)(stride_in_3x3)
    small = -(-size // strides)
    if wrong.get("floor"):
        small = size // strides
    small, whole = small * small, size * size
    if wrong.get("one_way"):
        small = -(-size // strides) * size
    first = whole if stride_in_3x3 else small
    second = small
    if wrong.get("before"):
        first, second = whole, whole if stride_in_3x3 else small
    third = whole if wrong.get("third") else small
    if wrong.get("nowhere"):
        first = second = third = whole
    if wrong.get("weights"):
        first = second = third = 1
    total = (
        first * in_channels * width
        + second * width * width * wrong.get("kernel", 9)
        + third * width * num_channels
    )
    if wrong.get("shortcut"):
        total += small * in_channels * num_channels
    return total * wrong.get("times", 1)


def _with(**wrong):
    return lambda *case: _macs(*case, **wrong)


@exercise(
    "A convolution takes output height × output width × in × out × kernel height × "
    "kernel width multiply-adds.",
    "Which of the three convolutions work on the whole map, and which on the smaller "
    "one? Everything after the stride is on the smaller one.",
    "Between the 1×1 convolutions there are num_channels // 4 channels. The strided "
    "size is rounded up, as padding does it.",
    remember="A stride in the wrong place leaves every shape as it is; only the "
    "multiply-adds tell, and what the layer gets to see.",
)
def bottleneck_macs(answer):
    """The MACs of a bottleneck with its stride in one or the other place."""
    cases = [
        (64, 256, 56, 1, True), (256, 512, 56, 2, True), (256, 512, 56, 2, False),
        (8, 16, 7, 2, True), (8, 16, 7, 2, False), (12, 32, 10, 3, True),
        (12, 32, 10, 3, False),
    ]  # fmt: skip
    what = "the multiply-adds of the three convolutions"
    came = [
        as_whole_number(call(answer, *case, what="a function of five numbers"), what)
        for case in cases
    ]
    mistakes = [
        (_with(kernel=1), "The kernel of the middle convolution is 3×3."),
        (_with(kernel=3), "A 3×3 kernel has nine weights, not three."),
        (_with(weights=True), "These are the weights. Each is used at every pixel."),
        (_with(in_3x3=lambda _: True), "stride_in_3x3=False makes no difference here: "
         "then the first 1×1 convolution has the stride."),
        (_with(in_3x3=lambda _: False), "stride_in_3x3=True makes no difference here: "
         "then the first 1×1 convolution works on the whole map."),
        (_with(in_3x3=lambda given: not given), "The two places are swapped: with "
         "stride_in_3x3 the first convolution works on the whole map."),
        (_with(nowhere=True), "The stride makes the maps smaller, and the work with "
         "them."),
        (_with(third=True), "The last 1×1 convolution comes after the stride."),
        (_with(before=True), "A convolution's work goes by the pixels that it makes, "
         "not by those that it gets."),
        (_with(floor=True), "An odd size is rounded down here. The padding of the 3×3 "
         "convolution, and a strided 1×1, round it up."),
        (_with(one_way=True), "The stride works on the height and on the width."),
        (_with(width=lambda _, n: n), "Between the 1×1 convolutions there are fewer "
         "channels: num_channels // 4."),
        (_with(width=lambda c, _: c // 4), "The width in the middle is a quarter of "
         "num_channels, not of in_channels."),
        (_with(width=lambda _, n: n // 2), "The width in the middle is a quarter, not "
         "a half."),
        (_with(shortcut=True), "The shortcut's convolution is counted as well. Asked "
         "are the three of F."),
        (_with(times=2), "A multiply-add counts once, as in the text."),
    ]  # fmt: skip
    _compare_cases(came, cases, _macs, mistakes, what)


# --- predict, and open -----------------------------------------------------------


def _errors(values, name: str, least: int) -> list[float]:
    return accuracies_of_seeds(values, name, least, what="errors").tolist()


@exercise(
    "What does a block compute whose F is zero?",
    "While a scale is zero, which gradient reaches the weights in front of it? And the "
    "net takes only 32 steps.",
    remember="With its last scale at zero a block begins as the identity, and its "
    "weights learn only once the scale has moved.",
)
def zero_last_scale(answer, measured=None):
    """Whether deep residual nets learn faster that begin as the identity."""
    options = ("lower", "higher", "no clear difference")
    said = as_text(answer, options)
    if not isinstance(measured, dict) or not {"one", "zero"} <= set(measured):
        raise Wrong(
            "errors under 'one' and 'zero', measured by this cell",
            type(measured).__name__,
            "Run the cell as it is, with your prediction as the answer.",
        )
    one, zero = (_errors(measured[name], name, 2) for name in ("one", "zero"))
    if max(zero) < min(one):
        seen = "lower"
    elif min(zero) > max(one):
        seen = "higher"
    else:
        seen = "no clear difference"
    if said != seen:
        raise Wrong(
            "what the runs show",
            repr(said),
            "Print measured. Do the ranges overlap, and if not, which one is lower?",
        )


@exercise(
    "Train the plain net and the residual net in the same way, with three seeds or "
    "more, and compare their training errors.",
    "The claim follows from the ranges. 'saved': no plain run is more than 0.02 above "
    "the residual median. 'not saved': each is more than 0.02 above all residual runs.",
    remember="A net is saved by training only against the other net trained the same "
    "way, over several seeds.",
)
def saved_by_training(answer):
    """Evidence on whether training alone saves the deep plain net."""
    wanted = ("recipe", "plain", "residual", "claim")
    if not isinstance(answer, dict) or not set(wanted) <= set(answer):
        missing = [key for key in wanted if key not in answer] if (
            isinstance(answer, dict)
        ) else []  # fmt: skip
        raise Wrong(
            "a dict with " + ", ".join(map(repr, wanted)),
            f"one without {', '.join(map(repr, missing))}"
            if missing
            else type(answer).__name__,
        )
    recipe = answer["recipe"]
    if not isinstance(recipe, str) or len(recipe.split()) < 2:
        raise Wrong(
            "recipe: in words, how both nets were trained",
            repr(recipe)[:40],
            "Nobody could repeat it.",
        )
    claim = as_text(answer["claim"], ("saved", "not saved", "undecided"))
    plain, residual = (_errors(answer[k], k, 3) for k in ("plain", "residual"))
    if len(plain) != len(residual):
        raise Wrong(
            "as many plain runs as residual ones",
            f"{len(plain)} and {len(residual)}",
            "Each seed should have trained both nets.",
        )
    if max(residual) > 0.85:
        raise Wrong(
            "residual nets that have learned something",
            "one that has hardly",
            "Are these accuracies, and not errors? Else the recipe doesn't suit them, "
            "and the comparison says nothing.",
        )
    if max(plain) <= median(residual) + 0.02:
        follows = "saved"
    elif min(plain) > max(residual) + 0.02:
        follows = "not saved"
    else:
        follows = "undecided"
    if claim != follows:
        raise Wrong(
            "a claim that follows from the numbers by the rule in the question",
            repr(claim),
            "Some plain runs are near the residual ones, and some are not."
            if follows == "undecided"
            else "Compare the worst run of one net with the best of the other.",
        )
