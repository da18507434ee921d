"""Exercises of chapter 01."""

from __future__ import annotations

import numpy
from mxnet import np

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    as_array,
    as_number,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
)


@exercise(
    "Each output channel has one weight for each input channel. What else has it?",
    "Count the numbers in one output channel first, then multiply by the channels out.",
    remember="A 1×1 convolution from C to D channels has D(C + 1) parameters with "
    "biases and DC without, whatever the size of the maps.",
)
def parameters(answer):
    """The parameters of a 1×1 convolution from 64 to 10 channels, with biases."""
    what = "the number of weights and biases"
    expect_number(
        as_whole_number(answer, what),
        650,
        what,
        {
            640: "These are the weights alone. The biases are missing.",
            704: "A bias belongs to an output channel, not to an input channel.",
            641: "One bias in all? Each output channel has its own.",
            31360: "This is the number of multiplications. The weights are the same "
            "at every pixel, so they count once.",
            31850: "Weights and biases are the same at every pixel, so they count "
            "once.",
            31370: "The weights are the same at every pixel, so they count once.",
            74: "Each output channel has a weight for each input channel: multiply.",
        },
    )


@exercise(
    "Draw a 1×1 map with padding 1. How many rows come above, and how many below?",
    "Each of the three layers adds the padding on both sides. Follow the height.",
    "All outputs, less those whose window meets a number of the picture.",
    remember="Each 1×1 convolution with padding p makes the map 2p higher and wider, "
    "and what it adds has never seen the picture.",
)
def border(answer):
    """Outputs that carry nothing of the picture, after three padded 1×1 layers."""
    what = "the number of outputs outside the picture"
    expect_number(
        as_whole_number(answer, what),
        312,
        what,
        {
            361: "These are all outputs. Some of them do carry the picture.",
            49: "These are the outputs that do carry the picture.",
            120: "Padding is added on both sides of an axis, so each layer adds it "
            "twice.",
            72: "This is the border of the first layer alone. There are three.",
            176: "This is the border after two layers. There are three.",
            12: "This is how much the height grows. How many numbers are in the "
            "border?",
            19: "This is the height of the last map. How many numbers are in its "
            "border?",
            0: "Look again at *A trap*: what does padding do to a 1×1 window?",
        },
    )


@exercise(
    "Row d of the weights says what output channel d is made of. Row 0 should read "
    "the last channel.",
    "Only one weight in each row is not zero.",
    "Begin with a table of zeros, or with numpy.eye, and look at it for 3 channels.",
    remember="A table with a single 1 in each row and column permutes the channels; a "
    "1×1 convolution can do that and any other mixture.",
)
def reverse_channels(answer):
    """Weights of a 1×1 convolution that reverses the order of the channels."""
    for C in (3, 2, 5):
        what = f"the weights for {C} channels"
        K = call(answer, C, what="a function of num_channels")
        K = expect_shape(
            K,
            (C, C, 1, 1),
            {
                (C, C): "A kernel has two more axes, for its window: 1 and 1.",
                (3, 3, 1, 1): "These are made for three channels. How many are there?",
                (1, 1, C, C): "The axes are output channels, input channels, height, "
                "width.",
                (C, 1, 1, 1): "Each output channel needs a weight for every input "
                "channel, even if it is zero.",
                (1, C, 1, 1): "This makes a single output channel.",
                (C, C, C, C): "The window is 1×1.",
            },
            what,
        )
        eye = numpy.eye(C)
        ends = eye.copy()
        ends[[0, -1]] = ends[[-1, 0]]
        named = (
            (eye, "This leaves every channel where it is."),
            (numpy.ones((C, C)), "This adds all channels in each output."),
            (numpy.ones((C, C)) / C, "This makes the mean of all channels."),
            (-eye[::-1], "The order is right, the sign is not."),
            (eye[::-1] / C, "The order is right, but the values shrink."),
            (numpy.zeros((C, C)), "All weights are zero, and so is every output."),
            (1 - eye[::-1], "This adds all channels but the wanted one."),
            (1 - eye, "This adds all channels but the one at the same place."),
            (ends, "This swaps the first and the last and leaves those between."),
            (
                numpy.roll(eye, 1, axis=0),
                "This moves every channel on by one; the last becomes the first.",
            ),
            (
                numpy.roll(eye, -1, axis=0),
                "This moves every channel back by one; the first becomes the last.",
            ),
            (
                numpy.roll(eye[::-1], 1, axis=0),
                "The order is reversed, but off by one place. Python counts from 0.",
            ),
        )
        expect_close(
            K.reshape(C, C),
            eye[::-1],
            [(numpy.asarray(wrong), sentence) for wrong, sentence in named],
            what,
        )


@exercise(
    "At each pixel, multiply K with the column of channels of X there, and add b.",
    "Which letters does an einsum need for X (N, C, H, W) and K (D, C)?",
    "With a matrix product: channels to the last axis, multiply by K.T, and back. A "
    "reshape does not move an axis.",
    remember="A 1×1 convolution is a dense layer at every pixel: move the channels to "
    "the last axis, or let einsum name them.",
)
def dense_at_every_pixel(answer):
    """A 1×1 convolution with bias, written without a convolution."""
    rng = numpy.random.default_rng(1)
    for N, C, D, H, W in ((2, 3, 4, 5, 7), (1, 6, 2, 4, 4), (3, 1, 3, 2, 1)):
        X, K, b = (
            rng.normal(size=shape).astype("float32")
            for shape in ((N, C, H, W), (D, C), (D,))
        )
        what = f"the output for {N} images of {C} channels"
        arguments = (np.array(a) for a in (X, K, b))
        Y = call(answer, *arguments, what="a function of (X, K, b)")
        linear = numpy.einsum("dc,ncij->ndij", K, X)
        bias = b.reshape(1, D, 1, 1)
        right = linear + bias
        expect_shape(
            Y,
            right.shape,
            {
                (N, H, W, D): "The channels are still on the last axis. They belong "
                "behind the batch.",
                (N, D, W, H): "Height and width have changed places.",
                (D, H, W): "The axis of the batch is gone.",
                (1, D, H, W): "Only one image came out. There may be several.",
                (D, N, H, W): "Batch and channels have changed places.",
                (N * H * W, D): "This is one row for each pixel. Make maps of them.",
                (N, D, C, H, W): "The products are right, but nothing is summed over "
                "the input channels.",
                (N, D): "Height and width are gone. Every pixel keeps its own output.",
                (N, C, H, W): "There are as many output channels as K has rows.",
            },
            what,
        )
        rows = X.reshape(N, H * W, C)  # a reshape that mixes up pixels and channels
        mixed = (rows @ K.T + b).transpose(0, 2, 1).reshape(N, D, H, W)
        unmoved = (X.transpose(0, 2, 3, 1) @ K.T + b).reshape(N, D, H, W)
        half = (X.reshape(-1, C) @ K.T + b).reshape(N, D, H, W)
        turned = X.transpose(0, 1, 3, 2).reshape(N, C, H, W)
        turned = numpy.einsum("dc,ncij->ndij", K, turned) + bias
        named = (
            (linear, "The biases are missing."),
            (linear - bias, "The biases are taken away instead of added."),
            (
                linear + b.sum(),
                "Every channel got the sum of all biases; each has one of its own.",
            ),
            (
                linear + b[0],
                "Every channel got the bias of channel 0; each has one of its own.",
            ),
            (
                numpy.maximum(right, 0),
                "There is a ReLU behind it: this is cccp. A "
                "convolution alone has none.",
            ),
            (
                linear / C + bias,
                "This is a mean over the input channels, where a sum was asked.",
            ),
            (
                numpy.einsum("dc,ncij->ndij", K, X[:1]) + bias + 0 * right,
                "Every output is that of the first image.",
            ),
            (
                right.mean((2, 3), keepdims=True) + 0 * right,
                "Every pixel got the mean over all pixels.",
            ),
            (
                mixed,
                "A reshape does not move an axis: pixels and channels are mixed "
                "up. Transpose first.",
            ),
            (
                half,
                "A reshape does not move an axis: pixels and channels are mixed "
                "up before the product. Transpose first.",
            ),
            (
                unmoved,
                "A reshape does not move an axis: after the product pixels and "
                "channels are mixed up. Transpose back.",
            ),
            (turned, "Height and width have changed places."),
        )
        expect_close(Y, right, named, what)


@exercise(
    "Write both counts as a formula of m. Both have the factor 28·28.",
    "The bottleneck's own 1×1 convolution counts as well, and 5×5 is 25.",
    "Set both equal and solve for m. Which whole number comes next?",
    remember="A bottleneck saves while m(C + 25D) < 25CD: up to most of the channels "
    "here, and the narrower it is, the more.",
)
def bottleneck_width(answer):
    """The first middle width with which the bottleneck takes more multiplications."""
    what = "the first width that takes more multiplications than the 5×5 alone"
    expect_number(
        as_whole_number(answer, what),
        155,
        what,
        {
            154: "This width still takes fewer. The first that takes more was asked.",
            192: "The multiplications of the 1×1 convolution itself are missing.",
            193: "The multiplications of the 1×1 convolution itself are missing.",
            686: "The 5×5 behind the bottleneck has 25 places in its window, too.",
            685: "The 5×5 behind the bottleneck has 25 places in its window, too.",
            88: "A window of 5×5 has 25 places, not 5.",
            87: "A window of 5×5 has 25 places, not 5.",
            6: "The 5×5 alone has 25 places in its window, too.",
            27: "The 5×5 alone reads 192 channels, not 32.",
        },
    )


@exercise(
    "The loss is a mean over all pixels. Does a mean know their order?",
    "What does *Shuffled pixels* above say about the output? What, then, about the "
    "gradient?",
    remember="Loss and gradient of a net of 1×1 convolutions are sums over pixels, so "
    "it learns the same from shuffled ones, to rounding error.",
)
def shuffled_training(answer, measured=None):
    """Whether shuffling the pixels changes what a net of 1×1 convolutions learns."""
    said = as_text(answer, ("the photograph", "the shuffled one", "neither"))
    errors = as_array(measured, "two errors, as the cell measures them")
    if errors.shape != (2,) or not numpy.all((errors > 0) & (errors < 255)):
        raise Wrong(
            "two errors between 0 and 255, as the cell measures them",
            f"{measured!r}"[:80],
            "Is the rest of the cell as it was?",
        )
    came = f"errors of {errors[0]:.2f} and {errors[1]:.2f}"
    if abs(errors[0] - errors[1]) > 0.05 * errors.max():
        raise Wrong(
            "a measurement with the same seed and the same steps for both nets",
            came,
            "Is the rest of the cell as it was?",
        )
    if said == "neither":
        return
    mistake = {
        "the photograph": "Neighbouring pixels do help a larger window. This one sees "
        "a single pixel.",
        "the shuffled one": "Shuffled *batches* can help training. Here every step "
        "sees all pixels.",
    }[said]
    raise Wrong(f"errors that differ, with {said!r} ahead", came, mistake)


# One colour for each order of red, green and blue, and some with equal values.
_COLOURS = numpy.array(
    [
        [0.9, 0.6, 0.1],
        [0.8, 0.1, 0.3],
        [0.5, 0.9, 0.2],
        [0.1, 0.7, 0.4],
        [0.6, 0.2, 1.0],
        [0.0, 0.3, 0.8],
        [0.5, 0.5, 0.5],
        [1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0],
        [0.7, 0.7, 0.2],
        [0.2, 0.9, 0.9],
    ]
)


@exercise(
    "What is ReLU(g − r) + ReLU(b − g) + ReLU(r − b) if r ≥ g ≥ b, and if r ≥ b ≥ g?",
    "Each row of K1 is one difference of two channels: a 1, a −1 and a 0.",
    "K2 only adds the three up.",
    remember="Three ReLUs of differences compute the largest minus the smallest, "
    "which no single weighted sum can.",
)
def vividness_weights(answer):
    """Weights of 1×1, ReLU, 1×1 that compute the vividness exactly."""
    pair = call(answer, what="a function of () that returns (K1, K2)")
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise Wrong(
            "two arrays, K1 and K2",
            f"a {type(pair).__name__}",
            "Return both, K1 for the first layer and K2 for the second.",
        )
    K1, K2 = (as_array(K, name) for K, name in zip(pair, ("K1", "K2")))
    if K1.shape[:1] > (3,):
        raise Wrong(
            "K1 of shape (3, 3, 1, 1)",
            f"{K1.shape}",
            f"It makes {len(K1)} hidden channels. Three are enough.",
        )
    if (K1.size, K1.shape[:2]) != (9, (3, 3)):
        raise Wrong("K1 of shape (3, 3, 1, 1)", f"{K1.shape}")
    if K2.size != 3 or K2.shape[:2] != (1, 3):
        raise Wrong(
            "K2 of shape (1, 3, 1, 1)",
            f"{K2.shape}",
            "It has one output channel and three input channels."
            if K2.size == 3
            else "",
        )
    K1, K2 = K1.reshape(3, 3).astype(float), K2.reshape(3).astype(float)
    for K, name in ((K1, "K1"), (K2, "K2")):
        if not numpy.isfinite(K).all():
            raise Wrong("numbers", f"{name} with values that are none")
    sums = K1 @ _COLOURS.T
    came = K2 @ numpy.maximum(sums, 0)
    wanted = _COLOURS.max(axis=1) - _COLOURS.min(axis=1)
    off = numpy.abs(came - wanted) > 1e-4
    if not off.any():
        return
    if not came.any():
        mistake = "Every output is zero."
    elif numpy.allclose(came, -wanted):
        mistake = "This is the vividness with the wrong sign."
    elif numpy.allclose(came, 2 * wanted):
        mistake = "This is twice the vividness."
    elif numpy.allclose(came, K2 @ sums):
        mistake = "No ReLU ever cuts anything off here, so this is a single layer."
    elif off[6:9].any():
        mistake = "It is not zero for grey, where all three are equal."
    elif len(numpy.unique(K1, axis=0)) < 3:
        mistake = "Two hidden channels are the same, or one is spare."
    elif not numpy.all(K2):
        mistake = "K2 makes no use of one hidden channel."
    elif (K2 < 0).any():
        mistake = "For greys it is right. K2 takes something away: why?"
    else:
        mistake = (
            f"It is right for {int((~off).sum())} of {len(off)} colours. Which order "
            "of red, green and blue have you not thought of?"
        )
    i = int(off.argmax())
    r, g, b = _COLOURS[i]
    raise Wrong(
        "the largest minus the smallest of red, green and blue",
        f"{came[i]:.3g} for red {r:g}, green {g:g}, blue {b:g}",
        mistake,
    )


@exercise(
    "Five seeds for each width. Begin with 6 and go up until no seed fails.",
    "Show both: the narrowest width that always works, and the next narrower one, "
    "where at least one seed fails.",
    remember="A claim about training needs several seeds on both sides: where it "
    "works, and where it stops working.",
)
def hidden_channels(answer):
    """Evidence: errors of several seeds, for widths that work and one that doesn't."""
    if not isinstance(answer, dict) or not answer:
        raise Wrong(
            "a dict from widths to lists of errors", f"a {type(answer).__name__}"
        )
    errors = {}
    for width, values in answer.items():
        width = as_whole_number(width, "a width, as a key of the dict")
        if width < 1:
            raise Wrong("widths of 1 or more", f"{width}")
        if not isinstance(values, (list, tuple, numpy.ndarray)):
            raise Wrong(f"a list of errors for width {width}", type(values).__name__)
        numbers = [as_number(value, "an error") for value in values]
        if len(numbers) < 5:
            raise Wrong(
                "five seeds or more for each width",
                f"{len(numbers)} for width {width}",
                "One lucky seed proves nothing.",
            )
        if min(numbers) <= 0 or max(numbers) > 255:
            raise Wrong(
                "errors above 0 and up to 255",
                f"{min(numbers):g} … {max(numbers):g} for width {width}",
                "Are these the values of error_of?",
            )
        if len(set(numbers)) == 1:
            raise Wrong(
                "errors that differ from seed to seed",
                f"{len(numbers)} times {numbers[0]:g} for width {width}",
                "Is the seed set to another number before each net?",
            )
        errors[width] = numbers
    good = sorted(width for width, values in errors.items() if max(values) < 10)
    if not good:
        raise Wrong(
            "a width whose errors are all below 10",
            "none of " + ", ".join(map(str, sorted(errors))),
            "Try wider ones, too.",
        )
    narrower = good[0] - 1
    if narrower >= 1 and narrower not in errors:
        raise Wrong(
            f"the errors of width {narrower} as well",
            f"{good[0]} as the narrowest width that always stays below 10",
            "Does the next narrower one really fail?",
        )
