"""Answers to the exercises of chapter 03."""

import numpy
from mxnet import nd, np, npx
from mxnet.gluon import HybridBlock, nn

from d2l_nin.localization import box_iou
from tests.answers import Measured

# --- global_average ---------------------------------------------------------------


def average_in_nd(X):
    return nd.mean(X, axis=(2, 3))


def average_by_loops(X):
    N, C, H, W = X.shape
    scores = np.zeros((N, C))
    for i in range(H):
        for j in range(W):
            scores += X[:, :, i, j]
    return scores / (H * W)


def average_in_numpy(X):
    return X.asnumpy().reshape(*X.shape[:2], -1).mean(axis=-1)


class Average(HybridBlock):
    def hybrid_forward(self, F, X):
        return F.np.mean(F.np.mean(X, axis=3), axis=2)


def layers():
    net = nn.HybridSequential()
    net.add(nn.GlobalAvgPool2D(), nn.Flatten())
    return net


def always_nine(X):
    return X.sum(axis=(2, 3)) / 9


def square(X):
    return X.sum(axis=(2, 3)) / X.shape[2] ** 2


def reshaped(X):
    N, C, H, W = X.shape
    return X.transpose(0, 2, 3, 1).reshape(N, C, H * W).mean(axis=2)


def median_of(X):
    return numpy.median(X.asnumpy(), axis=(2, 3))


def of_batch(X):
    return np.broadcast_to(X.mean(axis=(0, 2, 3)), X.shape[:2])


def max_of_rows(X):
    return X.max(axis=3).mean(axis=2)


# --- iou --------------------------------------------------------------------------


def iou_by_numbers(box, other):
    top, left = max(box[0], other[0]), max(box[1], other[1])
    bottom, right = min(box[2], other[2]), min(box[3], other[3])
    both = max(bottom - top, 0) * max(right - left, 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return both / (sum(areas) - both)


def iou_by_pixels(box, other):
    canvas = numpy.zeros((2, 32, 32), bool)
    for layer, (top, left, bottom, right) in zip(canvas, (box, other)):
        layer[top:bottom, left:right] = True
    return canvas.all(axis=0).sum() / canvas.any(axis=0).sum()


def iou_by_sets(box, other):
    one, two = (
        {(i, j) for i in range(b[0], b[2]) for j in range(b[1], b[3])}
        for b in (box, other)
    )
    return len(one & two) / len(one | two)


def iou_in_np(box, other):
    a, b = np.array(box), np.array(other)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    both = sides.prod()
    return both / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - both)


def sides_of(box, other):
    height = min(box[2], other[2]) - max(box[0], other[0])
    width = min(box[3], other[3]) - max(box[1], other[1])
    return height, width


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(box, other):
    height, width = sides_of(box, other)
    return max(height, 0) * max(width, 0)


def not_clipped(box, other):
    height, width = sides_of(box, other)
    both = height * width
    return both / (area(box) + area(other) - both)


def clipped_too_late(box, other):
    height, width = sides_of(box, other)
    both = max(height * width, 0)
    return both / (area(box) + area(other) - both)


def counted_twice(box, other):
    return shared(box, other) / (area(box) + area(other))


def dice(box, other):
    return 2 * shared(box, other) / (area(box) + area(other))


def of_the_first(box, other):
    return shared(box, other) / area(box)


def of_the_smaller(box, other):
    return shared(box, other) / min(area(box), area(other))


def of_the_larger(box, other):
    return shared(box, other) / max(area(box), area(other))


def of_the_box_around(box, other):
    height = max(box[2], other[2]) - min(box[0], other[0])
    width = max(box[3], other[3]) - min(box[1], other[1])
    return shared(box, other) / (height * width)


def with_border_pixels(box, other):
    height, width = sides_of(box, other)
    both = max(height + 1, 0) * max(width + 1, 0)
    one, two = ((b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other))
    return both / (one + two - both)


def smaller_top(box, other):
    height = max(min(box[2], other[2]) - max(box[0], other[0]), 0)
    width = max(max(box[1], other[1]) - min(box[3], other[3]), 0)
    both = height * width
    return both / (area(box) + area(other) - both)


# --- two_dense_layers -------------------------------------------------------------


def parameters(net):
    return [
        p.data() for layer in (net[-2], net[-1]) for p in (layer.weight, layer.bias)
    ]


def by_product(net, X):
    W1, b1, W2, b2 = parameters(net)
    W, b = np.dot(W2, W1), np.dot(W2, b1) + b2
    return np.einsum("kc,nchw->nkhw", W, net[:-4](X)) + b.reshape(1, -1, 1, 1)


def one_after_the_other(net, X):
    maps = net[:-4](X)
    for layer in (net[-2], net[-1]):
        W, b = layer.weight.data(), layer.bias.data()
        maps = np.einsum("kc,nchw->nkhw", W, maps) + b[:, None, None]
    return maps


def by_convolutions(net, X):
    maps = net[0](X)
    for layer in (net[3], net[4]):
        conv = nn.Conv2D(layer.weight.shape[0], 1, in_channels=layer.weight.shape[1])
        conv.initialize()
        conv.weight.set_data(layer.weight.data()[:, :, None, None])
        conv.bias.set_data(layer.bias.data())
        maps = conv(maps)
    return maps


def place_by_place(net, X):
    maps = net[:-4](X)
    rows = [
        np.stack([net[-1](net[-2](maps[:, :, i, j])) for j in range(maps.shape[3])], 2)
        for i in range(maps.shape[2])
    ]
    return np.stack(rows, axis=2)


class Mapper:
    def __call__(self, net, X):
        W1, b1, W2, b2 = (p.asnumpy() for p in parameters(net))
        maps = net[:1](X).asnumpy().transpose(0, 2, 3, 1)
        return ((maps @ W1.T + b1) @ W2.T + b2).transpose(0, 3, 1, 2)


def without_biases(net, X):
    W1, _, W2, _ = parameters(net)
    return np.einsum("kc,nchw->nkhw", np.dot(W2, W1), net[:-4](X))


def second_bias_alone(net, X):
    return without_biases(net, X) + parameters(net)[3].reshape(1, -1, 1, 1)


def first_bias_alone(net, X):
    _, b1, W2, _ = parameters(net)
    return without_biases(net, X) + np.dot(W2, b1).reshape(1, -1, 1, 1)


def first_layer_alone(net, X):
    W1, b1, _, _ = parameters(net)
    return np.einsum("kc,nchw->nkhw", W1, net[:-4](X)) + b1.reshape(1, -1, 1, 1)


def with_relu(net, X):
    _, _, W2, b2 = parameters(net)
    maps = npx.relu(first_layer_alone(net, X))
    return np.einsum("kc,nchw->nkhw", W2, maps) + b2.reshape(1, -1, 1, 1)


def last_layer_alone(net, X):
    _, _, W2, b2 = parameters(net)
    return np.einsum("kc,nchw->nkhw", W2, net[:-4](X)) + b2.reshape(1, -1, 1, 1)


def bias_by_places(net, X):
    plain = without_biases(net, X)
    bias = by_product(net, X) - plain
    return plain + bias / (plain.shape[2] * plain.shape[3])


def same_everywhere(net, X):
    maps = by_product(net, X)
    return np.broadcast_to(net(X)[:, :, None, None], maps.shape)


def times_places(net, X):
    maps = by_product(net, X)
    return maps * maps.shape[2] * maps.shape[3]


def as_probabilities(net, X):
    return npx.softmax(by_product(net, X), axis=1)


# --- heads_apart ------------------------------------------------------------------

LOW = [(0.95, 0.21), (0.95, 0.24), (0.96, 0.25), (0.94, 0.28), (0.95, 0.26)]
HIGH = [(0.95, 0.41), (0.96, 0.44), (0.96, 0.39), (0.95, 0.48), (0.95, 0.46)]


def shifted(pairs, train=0.0, test=0.0):
    return [(one + train, other + test) for one, other in pairs]


def exchanged(said, loss_mean, loss_max, own=0.8):
    """A prediction, and what two nets lose if they are tested with the other pool."""
    return Measured(
        (
            said,
            {
                "mean": {"mean": own, "max": own - loss_mean},
                "max": {"mean": own - loss_max, "max": own},
            },
        )
    )


RIGHT = {
    "head_parameters": [513_000, 513_000.0, np.array(513_000), (512 + 1) * 1000],
    "mean_and_max": [
        (4 / 9, 4, 4 / 25, 4),
        [0.44, 4.0, 0.16, 4.0],
        np.array([[4 / 9, 4], [4 / 25, 4]]),
    ],
    "global_average": [
        lambda X: X.mean(axis=(2, 3)),
        average_in_nd,
        average_by_loops,
        average_in_numpy,
        Average(),
        layers(),
        lambda X: np.einsum("nchw->nc", X) / X[0, 0].size,
    ],
    "order_with_relu": [
        [4, -4, 0, 0],
        [[1, 1], [2, -9]],
        np.array([0.5, 3.5, -2.5, -1.5]),
        (4, -1, -1, -2),
    ],
    "exchanged_pools": [
        exchanged("max", 0.03, 0.3),
        exchanged("Mean ", 0.3, 0.1),
        exchanged("neither", 0.1, 0.13),
    ],
    "iou": [iou_by_numbers, iou_by_pixels, iou_by_sets, iou_in_np,
            lambda box, other: box_iou([box], [other])],
    "two_dense_layers": [
        by_product, one_after_the_other, by_convolutions, place_by_place, Mapper(),
    ],
    "heads_apart": [
        {"dense": LOW, "GAP and dense": HIGH},
        {"a": numpy.array(LOW), "b": numpy.array(HIGH), "c": numpy.array(LOW)},
        {"a": HIGH, "b": shifted(HIGH, test=-0.3)},
    ],
}  # fmt: skip

WRONG = {
    "head_parameters": [
        (512_000, "The biases are missing"),
        (512_512, "belongs to a unit"),
        (25_089_000, "reads the means, not the maps"),
        (25_088_000, "reads the means, not the maps"),
        (4_097_000, "The 4096 units are gone"),
        (123_642_856, "that are replaced"),
        (0, "a dense layer behind it"),
        (512, "too small"),
        (600_000, "too large"),
        (512.5, "not whole"),
        ("half a million", "of type str"),
    ],
    "mean_and_max": [
        ((4, 4, 4, 4), "The mean divides by all places"),
        ((4 / 9, 4 / 9, 4 / 25, 4 / 25), "The maximum is the largest"),
        ((4 / 9, 4, 4 / 9, 4), "zeros of the ring are places"),
        ((4 / 9, 4, 4 / 16, 4), "a row above *and* one below"),
        ((4 / 9, 4, 4 / 25, 0), "The 4 is still in the map"),
        ((0.5, 4, 4 / 25, 4), "The place with the 4 counts"),
        ((4 / 9, 4), "2 of them"),
        ((4 / 9, 4, 0.2, 3), "the mean of 5×5"),
    ],
    "global_average": [
        (lambda X: X.max(axis=(2, 3)), "pools with max"),
        (lambda X: X.sum(axis=(2, 3)), "This is the sum"),
        (always_nine, "divides by 9"),
        (square, "height times height"),
        (reshaped, "A reshape does not move an axis"),
        (median_of, "This is the median"),
        (of_batch, "over all images"),
        (max_of_rows, "takes the maximum"),
        (lambda X: npx.relu(X).mean(axis=(2, 3)), "a ReLU in front"),
        (lambda X: npx.relu(X.mean(axis=(2, 3))), "a ReLU behind"),
        (lambda X: X[:, :, 0, 0], "first place"),
        (lambda X: X.mean(axis=(2, 3), keepdims=True), "still there"),
        (lambda X: X.mean(axis=1), "each class lost its own map"),
        (lambda X: X.mean(axis=2), "over the height alone"),
        (lambda X: X.mean(axis=(0, 2, 3)), "over the images as well"),
        (lambda X: X.mean(), "one number for all"),
        (nn.AvgPool2D(2), "in windows of 2×2"),
        (nn.Flatten(), "Nothing is averaged"),
        (lambda X: [0.5, 1.5], "scores of maps of shape (2, 3, 4, 6)"),
        (lambda X: print(X.mean(axis=(2, 3))), "is a return missing"),
        (lambda X: X.mean(axis=(3, 4)), "lambda X: X.mean(axis=(3, 4))"),
    ],
    "order_with_relu": [
        ([4, 0, 0, 0], "Without a negative number"),
        ([-1, -1, -1, -1], "Without a positive number"),
        ([1, -1, 0, 0], "Their *mean*"),
        ([4, -1, 0, 0], "don't outweigh"),
        ([9, -9, 0, 0], "still too large"),
        ([2, -9, 0, 0], "still too small"),
        ([4, -4, 0], "3 of them"),
        ([4, -4, 0, float("inf")], "four numbers"),
    ],
    "exchanged_pools": [
        (exchanged("mean", 0.03, 0.3), "every place of a map has learned"),
        (exchanged("neither", 0.03, 0.3), "learned in different ways"),
        (exchanged("max", 0.3, 0.03), "did no great harm"),
        (exchanged("max", 0.1, 0.12), "did no great harm"),
        (exchanged("both", 0.03, 0.3), "one of 'mean', 'max', 'neither'"),
        (exchanged("max", 0.0, 0.05, own=0.1), "learned something"),
        (exchanged("max", 3, 30, own=80), "Percent? Divide by 100."),
        (Measured(("max", None)), "as it was"),
        (Measured(("max", (0.2, 0.5))), "as it was"),
        (Measured(("max", {"mean": 0.8, "max": 0.5})), "as it was"),
        ("max", "as it was"),
    ],
    "iou": [
        (not_clipped, "has to count as 0"),
        (clipped_too_late, "has to count as 0"),
        (counted_twice, "counted twice"),
        (dice, "(Dice)"),
        (of_the_first, "divides by the smaller box"),
        (of_the_larger, "divides by the larger box"),
        (of_the_box_around, "box around both"),
        (with_border_pixels, "outside the box"),
        (smaller_top, "These boxes do share something"),
        (shared, "This is the shared area"),
        (lambda box, other: 100 * iou_by_numbers(box, other), "a percentage"),
        (lambda box, other: 1 - iou_by_numbers(box, other), "1 less the IoU"),
        (lambda box, other: float(box == other), "are the same"),
        (lambda box, other: shared(box, other) > 0, "of type bool"),
        (lambda box, other: 1.0, "whether the boxes meet"),
        (lambda box, other: box / other, "lambda box, other: box / other"),
    ],
    "two_dense_layers": [
        (without_biases, "Both biases are missing"),
        (second_bias_alone, "The first bias is missing"),
        (first_bias_alone, "The second bias is missing"),
        (first_layer_alone, "behind the first dense layer"),
        (with_relu, "a ReLU between the layers"),
        (last_layer_alone, "np.einsum"),
        (bias_by_places, "not divided by the number of places"),
        (same_everywhere, "every place of a map is the same"),
        (times_places, "score times the number of places"),
        (as_probabilities, "by softmax"),
        (lambda net, X: net(X), "These are the scores"),
        (lambda net, X: net[:-4](X), "maps of the trunk"),
        (lambda net, X: net[:-2](X), "means of the trunk's maps"),
        (lambda net, X: net[:-1](X), "numbers behind the first dense layer"),
        (lambda net, X: npx.relu(by_product(net, X)), "a ReLU behind"),
        (lambda net, X: by_product(net, X)[0], "The axis of the batch is gone"),
        (lambda net, X: by_product(net, X).swapaxes(2, 3), "changed places"),
        (lambda net, X: by_product(net, X).transpose(0, 2, 3, 1), "on the last axis"),
    ],
    "heads_apart": [
        ({"GAP": HIGH}, "A difference needs two sides"),
        ([LOW, HIGH], "a dict from at least two heads"),
        ({"a": LOW[:4], "b": HIGH}, "of 5 seeds or more"),
        ({"a": [5 * [0.3]], "b": HIGH}, "pairs (training accuracy"),
        ({"a": 100 * numpy.array(LOW), "b": HIGH}, "Percent?"),
        ({"a": shifted(LOW, test=float("nan")), "b": HIGH}, "nan"),
        ({"a": 5 * [LOW[0]], "b": HIGH}, "differ from seed to seed"),
        ({"a": LOW, "b": shifted(LOW, test=0.03)}, "overlap"),
        ({"a": LOW, "b": shifted(HIGH, train=-0.1)}, "has learned more"),
        ({"a": LOW, "b": shifted(HIGH, train=-0.9)}, "learned something"),
        ({"a": "good", "b": "better"}, "an array of numbers"),
    ],
}
