"""Exercises of chapter 03."""

from __future__ import annotations

from statistics import median

import numpy
from mxnet import init, np
from mxnet.gluon import nn

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_accuracies,
    as_array,
    as_number,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_number,
    expect_shape,
    likely_mistake,
    measured_accuracies,
)
from d2l_nin.layers import Conv2D, HybridSequential

# --- on paper --------------------------------------------------------------------


@exercise(
    "The mean of a map is one number, whatever the size of the map. How many numbers "
    "does the dense layer read?",
    "Each of the 1000 units has one weight for each mean. And what else?",
    remember="GAP takes the size of the map out of the count: VGG-16 has 123.6 million "
    "parameters in its dense layers, and would have half a million here.",
)
def head_parameters(answer):
    """The parameters of GAP and one dense layer behind VGG-16's last maps."""
    maps, places, classes = 512, 7 * 7, 1000
    what = "all parameters of the head, with biases"
    mistakes = {
        maps * classes: "These are the weights alone. The biases are missing.",
        maps * classes + maps: "A bias belongs to a unit, not to an input.",
        maps * classes + 1: "One bias in all? Each unit has its own.",
        maps * places * classes: "The dense layer reads the means, not the maps: one "
        "number a map. And the biases are missing.",
        maps * places * classes + classes: "The dense layer reads the means, not the "
        "maps: one number a map.",
        maps * places + classes: "GAP has no weights for the places.",
        4096 * classes + classes: "The 4096 units are gone: this layer reads the means "
        "of the maps.",
        123_642_856: "These are the three dense layers that are replaced.",
        0: "GAP has none, but there is a dense layer behind it.",
    }
    number = as_whole_number(answer, what)
    expect_number(number, maps * classes + classes, what, mistakes)


@exercise(
    "The mean divides by the number of places, zeros included. The maximum doesn't "
    "count at all.",
    "How many places has the map with its ring?",
    remember="A ring of zeros draws a mean towards 0 and leaves a maximum above 0 "
    "as it was.",
)
def mean_and_max(answer):
    """Scores of one map by mean and by maximum, without and with a ring of zeros."""
    names = ("mean of 3×3", "maximum of 3×3", "mean of 5×5", "maximum of 5×5")
    numbers = as_array(answer, "four numbers").astype(float).reshape(-1)
    if numbers.size != 4 or not numpy.isfinite(numbers).all():
        raise Wrong("four numbers: " + ", ".join(names), f"{numbers.size} of them")
    mistakes = {
        "mean of 3×3": {
            4: "This is the maximum, or the sum. The mean divides by all places.",
            4 / 8: "The place with the 4 counts as well.",
            4 / 3: "A map of 3×3 has more than three places.",
        },
        "maximum of 3×3": {4 / 9: "This is a mean. The maximum is the largest value."},
        "mean of 5×5": {
            4 / 9: "The zeros of the ring are places, too.",
            4: "This is the maximum, or the sum. The mean divides by all places.",
            4 / 16: "A ring around 3×3 adds a row above *and* one below.",
            4 / 5: "A map of 5×5 has more than five places.",
            4 / 24: "The place with the 4 counts as well.",
        },
        "maximum of 5×5": {
            4 / 25: "This is a mean. The maximum is the largest value.",
            0: "The 4 is still in the map.",
        },
    }
    for name, number, right in zip(names, numbers, (4 / 9, 4, 4 / 25, 4)):
        if abs(number - right) > 0.006:
            known = mistakes[name].items()
            mistake = likely_mistake(number, known, rtol=0, atol=0.006)
            raise Wrong(f"the {name}", f"{number:g}", mistake)


# --- code ------------------------------------------------------------------------


@exercise(
    "Which two of the four axes have to go?",
    "A mean over several axes: X.mean(axis=(…, …)).",
    "If you add and divide yourself: by the size of *this* map, not of the text's.",
    remember="GAP is a mean over height and width, whatever they are: every place "
    "counts alike, and batch and channels stay.",
)
def global_average(answer):
    """GAP by hand, for maps of any size."""
    rng = numpy.random.RandomState(3)
    for shape in ((2, 3, 4, 6), (1, 4, 5, 2), (3, 2, 3, 3), (2, 5, 1, 1)):
        X = rng.normal(0.5, 2, size=shape).astype("float32")
        what = f"the scores of maps of shape {shape}"
        scores = call(answer, np.array(X), what="a function of (X)")
        expect_shape(scores, shape[:2], _shapes_of_averages(*shape), what)
        expect_close(scores, X.mean((2, 3)), _wrong_averages(X), what)


def _shapes_of_averages(N, C, H, W) -> dict:
    return {
        (N, C, 1, 1): "Height and width are still there, with one place each. The "
        "scores have two axes.",
        (N, C, W): "The mean is over the height alone.",
        (N, C, H): "The mean is over the width alone.",
        (N, H, W): "The mean is over the channels: each class lost its own map. It "
        "should be over the places.",
        (C, H, W): "The mean is over the images. It should be over the places.",
        (C,): "The mean is over the images as well. Each image has its own scores.",
        (N,): "The mean is over the channels as well. Each class has its own score.",
        (): "This is one number for all images and classes.",
        (N, C, H // 2, W // 2): "This pools in windows of 2×2. *Global* means that the "
        "window is the whole map.",
        (N, C * H * W): "This only puts the maps in a row. Nothing is averaged.",
        (N, C, H, W): "These are still maps. Each should become one number.",
        (C, N): "Images and classes have changed places.",
        (1, C): "Only one image came out. There may be several.",
    }


def _wrong_averages(X) -> list:
    N, C, H, W = X.shape
    total = X.sum((2, 3))
    return [
        (X.max((2, 3)), "This pools with max. GAP is a mean."),
        (X.min((2, 3)), "This takes the smallest value. GAP is a mean."),
        (total, "This is the sum. The mean divides it by the number of places."),
        (total / 9, "This divides by 9, as if every map were 3×3."),
        (total / 25, "This divides by 25, as if every map were 5×5."),
        (total / 49, "This divides by 49, as if every map were 7×7."),
        (total / H, "This divides by the height alone."),
        (total / W, "This divides by the width alone."),
        (total / H**2, "This divides by height times height. Not every map is square."),
        (total / W**2, "This divides by width times width. Not every map is square."),
        (total / (H + W), "A map has height *times* width places."),
        (total / max(H * W - 1, 1), "This divides by one place too few."),
        (total / C, "This divides by the number of channels."),
        (total / (C * H * W), "The channels are counted as places."),
        (total / (N * H * W), "The images are counted as places."),
        (numpy.median(X, (2, 3)), "This is the median. GAP is a mean."),
        (numpy.maximum(X, 0).mean((2, 3)), "There is a ReLU in front of the mean."),
        (numpy.maximum(X.mean((2, 3)), 0), "There is a ReLU behind the mean."),
        (numpy.abs(X).mean((2, 3)), "This is the mean of the absolute values."),
        (X[:, :, 0, 0], "This is the first place of each map, not the mean of all."),
        (
            X[:, :, H // 2, W // 2],
            "This is the place in the middle of each map, not the mean of all.",
        ),
        (X.max(3).mean(2), "Along one of the axes this takes the maximum."),
        (X.max(2).mean(2), "Along one of the axes this takes the maximum."),
        (
            numpy.broadcast_to(X.mean((0, 2, 3)), (N, C)),
            "Every image got the mean over all images.",
        ),
        (
            numpy.broadcast_to(X.mean((1, 2, 3))[:, None], (N, C)),
            "Every class got the mean over all classes.",
        ),
        (
            X.transpose(0, 2, 3, 1).reshape(N, C, -1).mean(2),
            "A reshape does not move an axis: places and channels are mixed up.",
        ),
    ]


# --- on paper again --------------------------------------------------------------


@exercise(
    "ReLU behind the mean sees one number. ReLU in front of it sees each of the four.",
    "The first should be 0, so the mean must not be above 0. What must the positive "
    "numbers add up to, for the second to be 1?",
    remember="GAP and a linear layer can change places; GAP and a ReLU can't, as the "
    "mean lets negative places cancel positive ones.",
)
def order_with_relu(answer):
    """A map for which it matters whether ReLU comes before or after GAP."""
    M = as_array(answer, "four numbers").astype(float).reshape(-1)
    if M.size != 4 or not numpy.isfinite(M).all():
        raise Wrong("four numbers, those of a map of 2×2", f"{M.size} of them")
    gap_first = max(M.mean(), 0.0)
    relu_first = numpy.maximum(M, 0).mean()
    if abs(gap_first) < 1e-6 and abs(relu_first - 1) < 1e-6:
        return
    if (M >= 0).all():
        mistake = "Without a negative number ReLU cuts nothing off, in either order."
    elif (M <= 0).all():
        mistake = "Without a positive number both orders give 0."
    elif abs(relu_first - 0.25) < 1e-6:
        mistake = "The positive numbers add up to 1. Their *mean* over all four places "
        mistake += "is asked."
    elif abs(gap_first) >= 1e-6:
        mistake = "The negative numbers don't outweigh the positive ones."
    else:
        mistake = "The first is right. The mean behind the ReLU is still too "
        mistake += "small." if relu_first < 1 else "large."
    came = f"{gap_first:g} by GAP, then ReLU; {relu_first:g} by ReLU, then GAP"
    raise Wrong(
        "a map with 0 by GAP, then ReLU, and 1 by ReLU, then GAP", came, mistake
    )


# --- a prediction ----------------------------------------------------------------

_POOLS = ("mean", "max")


@exercise(
    "What does training ask of the places of a map if the mean counts? And what if "
    "only the highest place counts?",
    "With the maximum, only one place of each map gets a gradient. What do the others "
    "add to a mean?",
    remember="Mean and maximum have the same shapes and no parameters: nothing but the "
    "accuracy tells that one stands where the other was meant.",
)
def exchanged_pools(answer, measured=None):
    """Which net loses more when mean and maximum are exchanged after training."""
    said = as_text(answer, (*_POOLS, "neither"))
    accuracies = _accuracies_of_pools(measured)
    loss = {
        name: accuracies[name][name] - accuracies[name][other]
        for name, other in (_POOLS, _POOLS[::-1])
    }
    more = "neither"
    if abs(loss["mean"] - loss["max"]) > 0.05:
        more = max(loss, key=loss.get)
    if said != more:
        mistake = {
            "mean": "Trained with the mean, every place of a map has learned, the "
            "highest as well.",
            "max": "Trained with the maximum, the highest place of each map has "
            "learned; the others did no great harm here.",
            "neither": "The shapes are the same, but the places of the maps have "
            "learned in different ways.",
        }[said]
        came = ", ".join(f"{loss[name]:.2f} trained with the {name}" for name in _POOLS)
        raise Wrong(f"losses of accuracy that fit {said!r}", came, mistake)


def _accuracies_of_pools(measured) -> dict:
    """Accuracies by pool trained with, then tested with; Wrong if they can't be."""
    what = "what the cell measures: accuracies of both nets, tested with both pools"
    mistake = "Is the rest of the cell as it was?"
    try:
        found = {t: {p: float(measured[t][p]) for p in _POOLS} for t in _POOLS}
    except (TypeError, KeyError, ValueError, IndexError):
        raise Wrong(what, f"{measured!r}"[:80], mistake) from None
    values = [value for row in found.values() for value in row.values()]
    measured_accuracies(values, len(values))
    own = [found[name][name] for name in _POOLS]
    if min(own) < 0.5:
        raise Wrong(
            "two nets that have learned something: above 0.5, each with its own pool",
            " and ".join(f"{value:.2f}" for value in own),
            mistake,
        )
    return found


# --- more code -------------------------------------------------------------------

_BOXES = (
    ((2, 3, 12, 11), (6, 5, 18, 13)),  # over a corner
    ((0, 0, 20, 10), (5, 2, 15, 8)),  # one in the other
    ((4, 4, 9, 16), (4, 4, 9, 16)),  # the same
    ((0, 0, 10, 10), (3, 14, 12, 20)),  # apart from left to right
    ((0, 0, 10, 10), (13, 16, 20, 22)),  # apart in both directions
    ((0, 0, 8, 8), (8, 0, 16, 8)),  # touching
)


@exercise(
    "First the box that both share. Where is its top, and where its bottom?",
    "The shared box begins at the larger of the two tops and ends at the smaller of "
    "the two bottoms; the same from left to right. What if it ends before it begins?",
    "Divide by what at least one covers: both areas, less what was counted twice.",
    remember="IoU is shared area by covered area: 1 only for the same box, 0 for boxes "
    "apart, so a height or width below 0 has to count as 0.",
)
def iou(answer):
    """The IoU of two boxes."""
    values = [_iou_of(answer, box, other) for box, other in _BOXES]
    if values == [float(box == other) for box, other in _BOXES]:
        came = "1 for the same box, 0 for all others"
        mistake = "This only says whether the boxes are the same."
        raise Wrong("the IoU of boxes that share a part", came, mistake)
    for (box, other), value in zip(_BOXES, values):
        what = f"the IoU of {box} and {other}"
        right, mistakes = _ious(box, other)
        if abs(value - right) < 1e-4:
            continue
        mistake = likely_mistake(value, mistakes, rtol=0)
        if not mistake and not 0 <= value <= 1:
            mistake = "An IoU is a share, from 0 to 1."
        raise Wrong(what, f"{value:g}", mistake)


def _iou_of(answer, box, other) -> float:
    value = call(answer, box, other, what="a function of (box, other)")
    return as_number(value, f"the IoU of {box} and {other}")


def _ious(box, other):
    """The IoU, and what known mistakes make of it."""
    (t, le, b, r), (T, L, B, R) = box, other
    height, width = min(b, B) - max(t, T), min(r, R) - max(le, L)
    both = max(height, 0) * max(width, 0)
    one, two = (b - t) * (r - le), (B - T) * (R - L)
    around = (max(b, B) - min(t, T)) * (max(r, R) - min(le, L))
    apart = "These boxes are apart: a height or width below 0 has to count as 0."
    pixels = max(height + 1, 0) * max(width + 1, 0)
    ones, twos = (b - t + 1) * (r - le + 1), (B - T + 1) * (R - L + 1)
    h, w = min(t + b, T + B) - max(t, T), min(le + r, L + R) - max(le, L)
    shared = max(h, 0) * max(w, 0)
    raw = height * width
    mistakes = [
        (both / (one + two), "What both share is counted twice in the sum of the "
         "areas."),
        (2 * both / (one + two), "This is the shared area by the mean of both areas "
         "(Dice), not by what at least one covers."),
        (both / min(one, two), "This divides by the smaller box alone."),
        (both / max(one, two), "This divides by the larger box alone."),
        (both / around, "This divides by the box around both, which holds corners that "
         "neither covers."),
        (both, "This is the shared area. Which share is it of what at least one "
         "covers?"),
        (one + two - both, "This is the area that at least one covers."),
        (100 * both / (one + two - both), "This is a percentage."),
        (1 - both / (one + two - both), "This is 1 less the IoU: the share that only "
         "one covers."),
        (pixels / (ones + twos - pixels), "Bottom and right are outside the box: no "
         "pixel has to be added."),
        (shared / max(b * r + B * R - shared, 1), "This takes bottom and right for "
         "height and width."),
        (float(both > 0), "This only says whether the boxes meet."),
    ]  # fmt: skip
    if both == 0:
        mistakes.insert(0, (raw / (one + two - raw), apart))
        mistakes += [(raw / (one + two), apart), (raw, apart)]
        mistakes.append((abs(raw) / (one + two - abs(raw)), apart))
    if both > 0:
        mistakes.insert(
            0, (0, "These boxes do share something. Is the larger top taken, and the "
                "smaller bottom?")
        )  # fmt: skip
    return both / (one + two - both), mistakes


@exercise(
    "Move both dense layers in front of GAP, one after the other. Each is a 1×1 "
    "convolution there.",
    "Two linear layers are one: which matrix is W2 behind W1, and what becomes of the "
    "first bias?",
    "The first bias goes through W2; the second is added as it is.",
    remember="Any linear layers behind GAP can move in front of it; a ReLU between "
    "them stops that, as the mean must come before it.",
)
def two_dense_layers(answer):
    """Class maps of a net with GAP and two dense layers without a ReLU between."""
    rng = numpy.random.RandomState(5)
    for N, C, hidden, K, H, W in ((2, 4, 6, 3, 5, 7), (1, 3, 2, 5, 4, 4)):
        net = _with_two_dense_layers(rng, C, hidden, K)
        X = np.array(rng.normal(size=(N, 2, H, W)).astype("float32"))
        F = net[0](X).asnumpy()
        W1, b1, W2, b2 = (
            p.data().asnumpy()
            for layer in (net[3], net[4])
            for p in (layer.weight, layer.bias)
        )
        maps = call(answer, net, X, what="a function of (net, X)")
        what = f"the class maps of {N} images of {H}×{W}"
        shapes = {
            (N, C, H, W): "These are the maps of the trunk, not yet of classes.",
            (N, hidden, H, W): "These are maps behind the first dense layer. One "
            "follows.",
            (N, C): "These are means of the trunk's maps. A map has a value at every "
            "place.",
            (N, hidden): "These are numbers behind the first dense layer. A map has a "
            "value at every place.",
            (N, K): "These are the scores. A map has a value at every place.",
            (N, H, W, K): "The classes are still on the last axis. They belong behind "
            "the batch.",
            (K, H, W): "The axis of the batch is gone.",
            (N, K, W, H): "Height and width have changed places.",
            (N, K, H, W, C): "Nothing is summed over the channels.",
            (N, H, W): "This is one map. Each class has its own.",
            (N, K, 1, 1): "The mean is already taken. The maps are what it is taken "
            "of.",
        }
        linear = numpy.einsum("kc,nchw->nkhw", W2 @ W1, F)
        bias = (W2 @ b1 + b2).reshape(K, 1, 1)
        right = linear + bias
        expect_shape(maps, right.shape, shapes, what)
        first = numpy.einsum("dc,nchw->ndhw", W1, F)
        with_relu = numpy.einsum(
            "kd,ndhw->nkhw", W2, numpy.maximum(first + b1.reshape(-1, 1, 1), 0)
        ) + b2.reshape(K, 1, 1)
        summed = numpy.exp(right - right.max(1, keepdims=True))
        named = [
            (linear, "Both biases are missing: the means are not the scores."),
            (linear + b2.reshape(K, 1, 1), "The first bias is missing. It goes through "
             "W2."),
            (linear + (W2 @ b1).reshape(K, 1, 1), "The second bias is missing."),
            (linear + bias / (H * W), "The mean of a constant is that constant: a bias "
             "is not divided by the number of places."),
            (linear / (H * W) + bias, "GAP divides later. The maps are not divided by "
             "the number of places."),
            (right / (H * W), "GAP divides later. The maps are not divided by the "
             "number of places."),
            (right * (H * W), "The mean of these maps is the score times the number of "
             "places."),
            (with_relu, "This has a ReLU between the layers. The net has none."),
            (numpy.maximum(right, 0), "There is a ReLU behind: the means are not the "
             "scores."),
            (summed / summed.sum(1, keepdims=True), "These are probabilities, by "
             "softmax. The mean of a map should be the score."),
            (right.mean((2, 3), keepdims=True) + 0 * right, "The means are right, but "
             "every place of a map is the same: where is the class seen?"),
            (right[:1] + 0 * right, "Every image got the maps of the first one."),
            (right[:, ::-1], "The classes are in reverse order."),
            (linear - bias, "The biases are taken away instead of added."),
        ]  # fmt: skip
        expect_close(maps, right, named, what)


def _with_two_dense_layers(rng, C, hidden, K):
    """A net: a convolution, GAP and two dense layers, with random weights."""
    net = HybridSequential()
    net.add(
        Conv2D(C, 3, padding=1, in_channels=2),
        nn.GlobalAvgPool2D(),
        nn.Flatten(),
        nn.Dense(hidden, in_units=C),
        nn.Dense(K, in_units=hidden),
    )
    net.initialize(init.Zero())
    for parameter in net.collect_params().values():
        values = rng.normal(size=parameter.shape).astype("float32")
        parameter.set_data(np.array(values))
    return net


# --- open ------------------------------------------------------------------------


@exercise(
    "Fewer images, more epochs, other test pictures: where could the head matter? Look "
    "at the curves of the shifted pictures.",
    "Train both heads until they know the same share of their training images, with "
    "five seeds, and keep (training accuracy, test accuracy) of each.",
    remember="A difference counts when it is larger than that of the seeds, and when "
    "both sides have learned the same.",
)
def heads_apart(answer):
    """Evidence that two heads differ on the test side at equal training accuracy."""
    what = "a dict from at least two heads to lists of (training, test) accuracies"
    if not isinstance(answer, dict):
        raise Wrong(what, f"a {type(answer).__name__}")
    if len(answer) < 2:
        raise Wrong(what, f"{len(answer)}", "A difference needs two sides.")
    found = {name: _pairs(name, pairs) for name, pairs in answer.items()}
    known = {name: median(pairs[:, 0]) for name, pairs in found.items()}
    reason = "No two heads are apart"
    names = list(found)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if abs(known[one] - known[other]) > 0.02:
                reason = "One of the two has learned more of its training images"
                continue
            tests = sorted((found[one][:, 1], found[other][:, 1]), key=numpy.median)
            if tests[0].max() < tests[1].min():
                return
            reason = f"The ranges of {one!r} and {other!r} overlap"
    raise Wrong(
        "two heads with medians of training accuracy at most 0.02 apart, and ranges of "
        "test accuracy that don't overlap",
        "; ".join(
            f"{name!r} training {known[name]:.3f}, test {pairs[:, 1].min():.3f} … "
            f"{pairs[:, 1].max():.3f}"
            for name, pairs in found.items()
        )[:300],
        f"{reason}. Try another setting, not other seeds until it fits.",
    )


def _pairs(name, pairs) -> numpy.ndarray:
    """(training, test) accuracies of one head as an array (seeds, 2)."""
    values = as_array(pairs, f"a list of pairs of accuracies for {name!r}").astype(
        float
    )
    if values.ndim != 2 or values.shape[1] != 2:
        raise Wrong(
            f"pairs (training accuracy, test accuracy) for {name!r}",
            f"numbers of shape {values.shape}",
        )
    as_accuracies(values[:, 0], f"training, {name!r}")
    accuracies_of_seeds(values[:, 1], f"test, {name!r}")
    if values[:, 0].min() < 0.2:
        raise Wrong(
            "nets that have learned something: training accuracies above 0.2",
            f"{values[:, 0].min():g} for {name!r}",
            "Ten classes are guessed right in a tenth of the images.",
        )
    return values
