"""Exercises of chapter 01."""

from __future__ import annotations

import numpy
from mxnet import autograd, np
from mxnet.gluon import nn

from d2l_nin.checks.expect import (
    Wrong,
    as_array,
    as_net,
    as_number,
    as_text,
    call,
    expect_keys,
    expect_shape,
    short,
)
from d2l_nin.checks.kinds import Choice, Evidence, Function, Number, Prediction

bottleneck_width = Number(
    "the first width that takes more multiplications than the 3×3 alone",
    "1064ef7f08af8524303150c3",
    {
        "This width still takes fewer. The first that takes more was asked.": 164,
        "The multiplications of the 1×1 convolution itself are missing.": [192, 193],
        "The second layer reads 9 positions of each channel, too.": [691, 692],
        "A 3×3 kernel has 9 positions, not 3.": [384, 385],
        "The 3×3 alone has 9 positions in its kernel, too.": [18, 19],
        "The 3×3 alone reads 192 channels, not 128.": [109, 110],
    },
    (
        "Write both counts as a formula of m. Both have the factor 28·28.",
        "The bottleneck's own 1×1 convolution counts as well, and 3×3 is 9.",
        "Set both equal and solve for m. Which whole number comes next?",
    ),
    "A bottleneck from C over m to D channels saves while m(C + 9D) < 9CD: here up "
    "to most of the channels, and the narrower it is, the more.",
)


def _normalized(rng):
    """Layers and pictures of several sizes; no standard deviation is 1."""
    for D, C in ((4, 3), (1, 3), (3, 3), (2, 6)):
        drawn = (rng.normal(size=(D, C)), rng.normal(size=D),
                 rng.uniform(0.3, 0.7, C), rng.uniform(0.15, 0.5, C))  # fmt: skip
        yield tuple(np.array(values, dtype="float32") for values in drawn)


@Function(
    cases=_normalized,
    what="the weights and biases",
    mistakes={
        "The biases have to take up the mean.": lambda K, b, m, s: (K / s, b),
        "The mean is subtracted from the input: is it added here?": (
            lambda K, b, m, s: (K / s, b + np.dot(K / s, m))
        ),
        "The mean has been divided by std as well before K multiplies it.": (
            lambda K, b, m, s: (K / s, b - np.dot(K, m))
        ),
        "This multiplies by std, where the input is divided by it.": (
            lambda K, b, m, s: (K * s, b - np.dot(K * s, m))
        ),
        "The weights are still those for normalized values.": (
            lambda K, b, m, s: (K, b - np.dot(K / s, m))
        ),
        "Nothing was changed.": lambda K, b, m, s: (K, b),
        "The old biases are gone.": lambda K, b, m, s: (K / s, -np.dot(K / s, m)),
    },
    hints=(
        "Write K (x − mean) / std + b, and sort by what depends on x.",
        "What multiplies x is the new K. Its columns belong to the input channels.",
        "All that doesn't depend on x is the new bias.",
    ),
    remember="Scaling and shifting the channels before a 1×1 convolution is linear, so "
    "its weights and biases can do it; at inference it costs nothing.",
    variants=(
        lambda K, b, m, s: [(K / s).asnumpy().tolist(), (b - K @ (m / s)).asnumpy()],
        lambda K, b, m, s: (np.dot(K, np.diag(1 / s)), b - (K * (m / s)).sum(axis=1)),
    ),
)
def fold_normalization(K, b, mean, std):
    """Weights and biases that make normalizing the input needless."""
    return K / std, b - np.dot(K, mean / std)


# One colour for each order of red, green and blue, and some with equal values.
_COLOURS = numpy.array([
    [0.9, 0.6, 0.1], [0.8, 0.1, 0.3], [0.5, 0.9, 0.2], [0.1, 0.7, 0.4],
    [0.6, 0.2, 1.0], [0.0, 0.3, 0.8], [0.5, 0.5, 0.5], [1.0, 1.0, 1.0],
    [0.0, 0.0, 0.0], [0.7, 0.7, 0.2], [0.2, 0.9, 0.9],
])  # fmt: skip
_GREYS = slice(6, 9)
_CYCLE = [[-1, 1, 0], [0, -1, 1], [1, 0, -1]]


def _weights(K1, K2):
    """An answer: a function that returns both as kernels."""
    K1, K2 = numpy.array(K1, "float32"), numpy.array([K2], "float32")
    return lambda: (np.array(K1[:, :, None, None]), np.array(K2[:, :, None, None]))


def _chroma_mistake(came, wanted, K2, sums) -> str:
    """What is likely wrong with a net that makes `came` of the colours."""
    off = numpy.abs(came - wanted) > 1e-4
    scale = float(came @ wanted / (wanted @ wanted))
    if not came.any():
        return "Every output is zero."
    if numpy.allclose(came, scale * wanted, atol=1e-4):
        if numpy.isclose(scale, -1):
            return "This is the chroma with the wrong sign."
        return f"This is {scale:.3g} times the chroma."
    if numpy.allclose(came, K2 @ sums):
        return "No ReLU ever cuts anything off here, so this is a single layer."
    if off[_GREYS].any():
        return "It is not zero for grey, where all three are equal."
    right = int((~off[: _GREYS.start]).sum())
    return (
        f"It is right for {right} of the six orders of red, green and blue. Which "
        "order have you not thought of?"
    )


@Evidence(
    right=[
        _weights(_CYCLE, [1, 1, 1]),
        _weights(numpy.transpose(_CYCLE), [1, 1, 1]),
        lambda: [2 * numpy.array(_CYCLE)[[2, 0, 1]], numpy.full((1, 3), 0.5)],
        lambda: (as_array(_CYCLE).reshape(3, 3, 1, 1).tolist(), [[1, 1, 1]]),
    ],
    mistakes={
        "so this is a single layer": _weights(numpy.eye(3), [1, 1, 1]),
        "with the wrong sign": _weights(_CYCLE, [-1, -1, -1]),
        "This is 0.5 times": _weights(_CYCLE, [0.5, 0.5, 0.5]),
        "Every output is zero": _weights(_CYCLE, [0, 0, 0]),
        "not zero for grey": _weights([[1, -1, 0], [0, 1, -1], [-1, 0, 2]], [1, 1, 1]),
        "right for 1 of the six": _weights(
            [[1, -1, 0], [1, 0, -1], [0, 1, -1]], [0.5] * 3
        ),
        "right for 3 of the six": _weights(_CYCLE, [1, 1, -1]),
        "a pair, K1 and K2": lambda: np.array(_CYCLE),
        "K1 of shape (3, 3, 1, 1)": _weights(_CYCLE * 2, [0.5] * 6),
        "K2 of shape (1, 3, 1, 1)": lambda: (np.array(_CYCLE), np.ones((3, 1))),
        "K2: finite numbers": lambda: (np.array(_CYCLE), [[1, 1, float("inf")]]),
    },
    hints=(
        "Each hidden channel can be a difference of two colours: a 1, a −1 and a 0.",
        "What is ReLU(g − r) if g is below r? For each order of the three, some "
        "differences have to survive and add up to the largest minus the smallest.",
        "Go once round: from red to green, to blue, and back to red.",
    ),
    remember="Three ReLUs of differences compute the largest minus the smallest, "
    "which no single weighted sum can.",
)
def chroma_weights(answer):
    """Weights of 1×1, ReLU, 1×1 that compute the chroma exactly."""
    pair = call(answer, what="a function of () that returns (K1, K2)")
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise Wrong("a pair, K1 and K2", short(pair))
    found = []
    for K, name, shape in zip(pair, ("K1", "K2"), ((3, 3), (1, 3))):
        K = as_array(K, name).astype(float)
        if K.shape not in (shape, (*shape, 1, 1)):
            raise Wrong(f"{name} of shape {(*shape, 1, 1)}", f"{K.shape}")
        if not numpy.isfinite(K).all():
            raise Wrong(f"{name}: finite numbers", "some that are not")
        found.append(K.reshape(shape))
    sums = found[0] @ _COLOURS.T
    came = (found[1] @ numpy.maximum(sums, 0))[0]
    wanted = _COLOURS.max(axis=1) - _COLOURS.min(axis=1)
    off = numpy.abs(came - wanted)
    if off.max() > 1e-4:
        i = int(off.argmax())
        r, g, b = _COLOURS[i]
        raise Wrong(
            "the largest minus the smallest of red, green and blue",
            f"{came[i]:.3g} for red {r:g}, green {g:g}, blue {b:g}",
            _chroma_mistake(came, wanted, found[1][0], sums),
        )


faults = Choice(
    "the line of each listing that is at fault",
    {
        "A": "0e15b4d6eb474455abaab650",
        "B": "db330ce8810795a4e7ec80ce",
        "C": "9d4c2dceb659ae95999bdebe",
    },
    {"A": tuple(range(1, 7)), "B": tuple(range(1, 7)), "C": tuple(range(1, 10))},
    {
        "A: the product is right, if a row holds the channels of a pixel.": ("A", 4),
        "A: the rows do come out pixel by pixel. What went in?": ("A", 5),
        "A: this moves the channels to where Gluon wants them, and is right.": ("A", 6),
        "B: that is the right way to an input from 0 to 1.": ("B", 4),
        "B: a division makes floats, and those are fine. Is the sum right?": ("B", 3),
        "B: the bytes are as they should be. What is done with them?": ("B", 1),
        "C: a loss that is a mean already wants a step of 1.": ("C", 9),
        "C: the net is right, and so is its single output channel.": ("C", 2),
        "C: these shapes are given. Where do they meet?": ("C", 5),
    },
    (
        "Follow the shapes and the kinds of numbers, line by line. What would a line "
        "do that is wrong without an error?",
        "A: in which order does a reshape read the numbers? B: what is the largest "
        "number that a byte holds? C: what is the shape of the difference?",
    ),
    "A reshape moves no axis, bytes wrap around at 256, and arrays of unlike shapes "
    "are broadcast: three errors that nobody reports.",
)


@Prediction(
    options={
        "three channels": "The twelve are mixtures of these three. Is anything lost?",
        "twelve channels": "Which weighted sums can you make of the twelve that you "
        "can't make of the three?",
        "neither": "Nothing but a cell that was changed can show that.",
    },
    tried=[((28.25, 28.2501), "neither"), ([28.2, 28.9], "neither")],
    hints=(
        "Write the twelve as a product of a matrix and the three. What does the second "
        "layer make of it?",
        "No ReLU stands between the two layers. What are they together?",
    ),
    remember="A layer on top of a linear layer is again a linear layer of the input: "
    "more channels alone add nothing to what it can tell.",
)
def mixed_channels(measured):
    """Whether linear mixtures of three channels tell more than the three."""
    errors = as_array(measured, "two errors, as the cell measures them")
    if (errors.shape != (2,) or not ((errors > 0) & (errors < 255)).all()
            or abs(errors[0] - errors[1]) > 0.05 * errors.max()):  # fmt: skip
        raise Wrong(
            "a measurement of both on the same colours",
            short(errors.tolist()),
            "Is the rest of the cell as it was?",
        )
    return "neither"


_MOST_PARAMETERS, _LARGEST_ERROR = 100, 10


def _largest_net(noise=0.0, seed=0):
    """The largest of three values, exactly but for noise: 3 → 3 → 2 → 1."""
    rng, net = numpy.random.default_rng(seed), nn.HybridSequential()
    for W in ([[1, -1, 0], [0, 1, 0], [0, 0, 1]], [[1, 1, -1], [0, 0, 1]], [[1, 1]]):
        W = numpy.array(W) + noise * rng.normal(size=numpy.shape(W))
        conv = nn.Conv2D(len(W), 1, in_channels=W.shape[1])
        conv.initialize()
        conv.weight.set_data(np.array(W[:, :, None, None], dtype="float32"))
        net.add(conv, *[nn.Activation("relu")] * (len(W) > 1))
    return net


def _five(noise=0.005):
    return [lambda seed=seed: _largest_net(noise, seed) for seed in range(5)]


def _untrained(*layers):
    def make():
        net = nn.HybridSequential()
        net.add(*layers)
        return net

    return [make] * 5


def _error_in_steps(net, X, wanted) -> float:
    return 255 * float(((as_array(net(X)) - wanted) ** 2).mean()) ** 0.5


@Evidence(
    right=[_five(), tuple(_five(0.01)), _five(0)],
    mistakes={
        "nets of five seeds": _five()[:3],
        "The same net": [_five()[0]] * 5,
        "an output of shape (1, 1, 6, 7)": _untrained(nn.Conv2D(3, 1)),
        "Is every kernel 1×1?": _untrained(nn.Conv2D(1, 3, padding=1, in_channels=3)),
        "parameters at most": _untrained(nn.Conv2D(40, 1), nn.Conv2D(1, 1)),
        "is that of the worst": [*_five()[:4], *_five(0.3)[:1]],
        "one without a weight": _untrained(
            nn.HybridLambda(lambda F, X: F.np.max(X, axis=1, keepdims=True))
        ),
    },
    hints=(
        "Count first: how many parameters has one hidden layer of n channels, and how "
        "many have two?",
        "How many seeds fail, and why? Look at how many hidden channels are zero for "
        "every colour.",
        "Spend the budget on width, and give the training more steps and a rate that "
        "falls to zero. Or set good weights by hand: max(r, g) = ReLU(r − g) + g.",
    ),
    remember="A budget of parameters and a bound that every seed has to keep: spare "
    "channels buy reliability, which one lucky run doesn't show.",
)
def largest_value(answer):
    """A design: nets of 1×1 convolutions that find the largest of three values."""
    if not isinstance(answer, (list, tuple)) or len(answer) < 5:
        raise Wrong("a list with the trained nets of five seeds or more", short(answer))
    X = np.array(numpy.random.default_rng(5).random((1, 3, 40, 40), "float32"))
    wanted = X.asnumpy().max(axis=1, keepdims=True)
    turned = X[:, :, ::-1]
    errors = []
    for net in map(as_net, answer):
        net.hybridize(False)
        with autograd.predict_mode():
            expect_shape(net(X[:, :, :6, :7]), (1, 1, 6, 7), what="an output")
            alone = as_array(net(turned))[:, :, ::-1]
            if not numpy.allclose(alone, as_array(net(X)), atol=1e-3):
                raise Wrong("nets that take each pixel by itself", "one that doesn't",
                            "Is every kernel 1×1?")  # fmt: skip
            size = sum(p.data().size for p in net.collect_params().values())
            if not size:
                raise Wrong("nets made of the layers of Gluon", "one without a weight")
            if size > _MOST_PARAMETERS:
                raise Wrong(f"{_MOST_PARAMETERS} parameters at most", f"{size}")
            errors.append(_error_in_steps(net, X, wanted))
    if len(set(errors)) == 1 and errors[0] > 0.01:
        raise Wrong("nets of different seeds", f"{len(errors)} with the same error",
                    "The same net several times?")  # fmt: skip
    if not max(errors) <= _LARGEST_ERROR:
        raise Wrong(f"errors of {_LARGEST_ERROR} or less, of 255, with every seed",
                    f"{max(errors):.1f}, which is that of the worst")  # fmt: skip


def _errors(answer: dict, key: str) -> list[float]:
    """Errors of several seeds, which differ."""
    values = answer.get(key)
    if not isinstance(values, (list, tuple, numpy.ndarray)):
        raise Wrong(f"{key!r}: a list of errors", short(values))
    numbers = [as_number(value, f"{key!r}: an error") for value in values]
    if len(numbers) < 5:
        raise Wrong(f"{key!r}: errors of five seeds or more", f"{len(numbers)}",
                    "One lucky seed proves nothing.")  # fmt: skip
    if min(numbers) <= 0 or max(numbers) > 255:
        raise Wrong(f"{key!r}: errors above 0 and up to 255",
                    f"{min(numbers):g} … {max(numbers):g}")  # fmt: skip
    if len(set(numbers)) == 1:
        raise Wrong(f"{key!r}: errors that differ from seed to seed",
                    f"{len(numbers)} times {numbers[0]:g}",
                    "Is the seed set to another number before each net?"
                    )  # fmt: skip
    return numbers


_STUCK, _FINE = [31.0, 3.2, 28.5, 57.0, 4.1], [2.1, 1.8, 3.0, 2.6, 4.9]


def _claim(narrow=_STUCK, wide=_FINE, verdict="refuted"):
    return {"narrow": narrow, "wide": wide, "verdict": verdict}


@Evidence(
    right=[
        _claim(),
        _claim(numpy.array(_STUCK), tuple(_FINE), " Refuted "),
        _claim(_FINE[::-1], verdict="confirmed"),
        _claim([*_STUCK, 2.0], [*_FINE, 1.0]),
    ],
    mistakes={
        "a dict with": _STUCK,
        "One lucky seed": _claim(_STUCK[:2]),
        "'wide': a list of errors": _claim(wide=2.1),
        "above 0 and up to 255": _claim([*_STUCK, 300.0], [*_FINE, 1.0]),
        "Is the seed set": _claim([3.0] * 5),
        "the same seeds on both sides": _claim([*_STUCK, 2.0]),
        "More steps, or another rate?": _claim(wide=[*_FINE[:4], 30.0]),
        "one run of yours says otherwise": _claim(verdict="confirmed"),
        "no run of yours speaks against it": _claim(_FINE[::-1]),
    },
    hints=(
        "`train_new` does for both. Take the same seeds; only the width differs.",
        "One run that fails is enough against a claim that says 'learns'; five that "
        "succeed are some evidence for it.",
    ),
    remember="That a net can compute something doesn't mean that training finds it; "
    "wider nets get stuck less often.",
)
def can_and_learns(answer):
    """Evidence: whether three hidden channels learn what they can compute."""
    keys = ("narrow", "wide", "verdict")
    expect_keys(answer, keys)
    narrow, wide = (_errors(answer, key) for key in keys[:2])
    if len(narrow) != len(wide):
        raise Wrong("the same seeds on both sides", f"{len(narrow)} and {len(wide)}")
    if max(wide) >= 10:
        raise Wrong("a control whose errors are all below 10", f"{max(wide):g}",
                    "More steps, or another rate? Then train the narrow one so, too."
                    )  # fmt: skip
    said = as_text(answer["verdict"], ("confirmed", "refuted"))
    if said != ("confirmed" if max(narrow) < 10 else "refuted"):
        raise Wrong("the verdict that follows from the errors",
                    f"{said!r}, for errors up to {max(narrow):g}",
                    "At least one run of yours says otherwise." if said == "confirmed"
                    else "Here no run of yours speaks against it.")  # fmt: skip
