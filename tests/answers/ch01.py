"""Answers to the exercises of chapter 01."""

import numpy
from mxnet import nd, np, npx
from mxnet.gluon import HybridBlock, nn

from tests.answers import Measured

# --- reverse_channels -------------------------------------------------------------


def reverse_by_loop(num_channels):
    K = np.zeros((num_channels, num_channels, 1, 1))
    for d in range(num_channels):
        K[d, num_channels - 1 - d] = 1
    return K


def reverse_in_nd(num_channels):
    K = nd.eye(num_channels).flip(axis=1)
    return K.reshape((num_channels, num_channels, 1, 1))


def reverse_as_lists(n):
    return [[[[int(c + d == n - 1)]] for c in range(n)] for d in range(n)]


def first_and_last(n):
    K = numpy.eye(n)
    K[[0, -1]] = K[[-1, 0]]
    return K.reshape(n, n, 1, 1)


def reversed_picture(n):
    return numpy.ones((1, n, 8, 8))[:, ::-1]


def as_kernel(K):
    return K.reshape(*K.shape, 1, 1)


# --- dense_at_every_pixel ---------------------------------------------------------


def by_product(X, K, b):
    return (np.dot(X.transpose(0, 2, 3, 1), K.T) + b).transpose(0, 3, 1, 2)


def by_matrices(X, K, b):
    N, C, H, W = X.shape
    Y = np.matmul(K, X.reshape(N, C, H * W)) + b.reshape(1, -1, 1)
    return Y.reshape(N, len(K), H, W)


def by_loops(X, K, b):
    X, K, b = X.asnumpy(), K.asnumpy(), b.asnumpy()
    Y = numpy.zeros((X.shape[0], len(K), *X.shape[2:]))
    for n, i, j in numpy.ndindex(len(X), *X.shape[2:]):
        Y[n, :, i, j] = K @ X[n, :, i, j] + b
    return Y


def in_nd(X, K, b):
    Y = nd.dot(X.transpose((0, 2, 3, 1)), K, transpose_b=True)
    Y = nd.broadcast_add(Y, b.reshape((1, 1, 1, -1)))
    return nd.transpose(Y, axes=(0, 3, 1, 2))


def by_dense(X, K, b):
    layer = nn.Dense(K.shape[0], flatten=False, in_units=K.shape[1])
    layer.initialize()
    layer.weight.set_data(K)
    layer.bias.set_data(b)
    return layer(X.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Pixelwise(HybridBlock):
    def hybrid_forward(self, F, X, K, b):
        Y = F.np.einsum("dc,ncij->ndij", K, X)
        return Y + F.np.reshape(b, (1, -1, 1, 1))


def einsum(X, K, b):
    return np.einsum("dc,ncij->ndij", K, X) + b.reshape(1, -1, 1, 1)


def einsum_alone(X, K, b):
    return np.einsum("dc,ncij->ndij", K, X)


def with_relu(X, K, b):
    return npx.relu(einsum(X, K, b))


def reshaped(X, K, b):
    N, C, H, W = X.shape
    Y = np.dot(X.reshape(-1, C), K.T) + b
    return Y.reshape(N, -1, H, W)


def reshaped_back(X, K, b):
    N, _, H, W = X.shape
    Y = np.dot(X.transpose(0, 2, 3, 1), K.T) + b
    return Y.reshape(N, -1, H, W)


def channels_last(X, K, b):
    return np.dot(X.transpose(0, 2, 3, 1), K.T) + b


def turned(X, K, b):
    return by_product(X, K, b).transpose(0, 1, 3, 2)


def first_image(X, K, b):
    return einsum(X, K, b)[0]


def mean_of_channels(X, K, b):
    return einsum_alone(X, K, b) / X.shape[1] + b.reshape(1, -1, 1, 1)


def not_summed(X, K, b):
    return np.einsum("dc,ncij->ndcij", K, X) + b.reshape(1, -1, 1, 1, 1)


def flattened(X, K, b):
    return np.dot(X.mean(axis=(2, 3)), K.T) + b


def one_bias(X, K, b):
    return einsum_alone(X, K, b) + b[0]


def minus_bias(X, K, b):
    return einsum_alone(X, K, b) - b.reshape(1, -1, 1, 1)


def bias_by_width(X, K, b):
    return einsum_alone(X, K, b) + b


def prints_only(X, K, b):
    print(einsum(X, K, b).shape)


# --- vividness_weights ------------------------------------------------------------

CYCLE = [[-1, 1, 0], [0, -1, 1], [1, 0, -1]]


def cycle():
    return as_kernel(np.array(CYCLE)), np.ones((1, 3, 1, 1))


def cycle_backwards():
    return nd.array(CYCLE).T.reshape((3, 3, 1, 1)), nd.ones((1, 3, 1, 1))


def cycle_scaled():
    K1 = 2 * numpy.array(CYCLE)[[2, 0, 1]]
    return [K1, numpy.full((1, 3), 0.5)]


def weights(K1, K2):
    return lambda: (as_kernel(numpy.array(K1)), as_kernel(numpy.array([K2])))


ALL_SIX = [[1, -1, 0], [-1, 1, 0], [1, 0, -1], [-1, 0, 1], [0, 1, -1], [0, -1, 1]]

# --- hidden_channels --------------------------------------------------------------

NARROW = [4.1, 31.0, 3.2, 12.5, 5.0]
WIDE = [1.2, 2.5, 0.9, 3.3, 1.1]

RIGHT = {
    "parameters": [650, 650.0, np.array(650), 10 * 64 + 10],
    "border": [312, numpy.int64(312), 19**2 - 7**2],
    "reverse_channels": [
        reverse_by_loop,
        reverse_in_nd,
        reverse_as_lists,
        lambda n: numpy.eye(n)[::-1].reshape(n, n, 1, 1),
        lambda n: np.array(numpy.fliplr(numpy.eye(n)))[:, :, None, None],
    ],
    "dense_at_every_pixel": [
        by_product,
        by_matrices,
        by_loops,
        in_nd,
        by_dense,
        einsum,
        Pixelwise(),
        lambda X, K, b: npx.convolution(
            X, as_kernel(K), b, kernel=(1, 1), num_filter=len(K)
        ),
    ],
    "bottleneck_width": [155, 155.0, np.array([155])],
    "shuffled_training": [
        Measured(("neither", (2.79, 2.791))),
        Measured((" Neither ", [2.7, 2.75])),
    ],
    "vividness_weights": [cycle, cycle_backwards, cycle_scaled],
    "hidden_channels": [
        {4: NARROW, 5: WIDE},
        {8: WIDE, 6: numpy.array(WIDE), 5: tuple(WIDE), 4: NARROW, 2: NARROW},
        {1: WIDE},
    ],
}

WRONG = {
    "parameters": [
        (640, "biases are missing"),
        (704, "belongs to an output channel"),
        (31360, "number of multiplications"),
        (74, "multiply"),
        (700, "too large"),
        (320.5, "not whole"),
        (True, "of type bool"),
    ],
    "border": [
        (361, "all outputs"),
        (49, "do carry"),
        (120, "both sides"),
        (72, "first layer alone"),
        (0, "A trap"),
        (311, "too small"),
    ],
    "reverse_channels": [
        (lambda n: as_kernel(np.eye(n)), "leaves every channel"),
        (lambda n: np.eye(n)[::-1], "two more axes"),
        (lambda n: np.ones((n, n, 1, 1)), "adds all channels"),
        (lambda n: np.ones((n, n, 1, 1)) / n, "the mean of all"),
        (lambda n: as_kernel(numpy.roll(numpy.eye(n), 1, axis=0)), "on by one"),
        (lambda n: as_kernel(numpy.roll(numpy.eye(n), 1, axis=1)), "back by one"),
        (first_and_last, "leaves those between"),
        (lambda n: reverse_by_loop(3), "made for three channels"),
        (lambda n: -reverse_by_loop(n), "the sign is not"),
        (lambda n: 1 - reverse_by_loop(n), "all channels but the wanted"),
        (lambda n: reverse_by_loop(n) / n, "the values shrink"),
        (
            lambda n: as_kernel(
                np.array([[(c + d) % n == 0 for c in range(n)] for d in range(n)])
            ),
            "off by one",
        ),
        (lambda n: np.eye(n)[::-1].reshape(1, 1, n, n), "axes are output channels"),
        (lambda n: reverse_by_loop(n)[0], "of shape (3, 3, 1, 1)"),
        (reversed_picture, "(1, 3, 8, 8)"),
        (lambda n: np.ones((n, 1, 1, 1)), "even if it is zero"),
        (lambda n: reverse_by_loop(n)[n], "IndexError"),
        (lambda: reverse_by_loop(3), "TypeError"),
        (as_kernel(np.eye(3)), "can't be called"),
    ],
    "dense_at_every_pixel": [
        (einsum_alone, "biases are missing"),
        (with_relu, "this is cccp"),
        (reshaped, "before the product"),
        (reshaped_back, "Transpose back"),
        (channels_last, "still on the last axis"),
        (turned, "Height and width have changed places"),
        (first_image, "axis of the batch is gone"),
        (mean_of_channels, "where a sum"),
        (not_summed, "nothing is summed"),
        (flattened, "Every pixel keeps its own"),
        (one_bias, "bias of channel 0"),
        (minus_bias, "taken away"),
        (bias_by_width, "Error"),
        (prints_only, "is a return missing"),
        (lambda X, K, b: X, "as K has rows"),
        (lambda X, K, b: einsum(X, K, b) * 1.5, "away"),
        (lambda X, K, b: np.zeros((2, 4, 5, 7)), "values up to"),
    ],
    "bottleneck_width": [
        (154, "still takes fewer"),
        (192, "1×1 convolution itself"),
        (686, "behind the bottleneck"),
        (88, "not 5"),
        (16, "too small"),
        ("m > 154", "of type str"),
    ],
    "shuffled_training": [
        (Measured(("the photograph", (2.79, 2.79))), "a single pixel"),
        (Measured(("the shuffled one", (2.79, 2.79))), "every step"),
        (Measured(("neither", (2.79, 9.9))), "as it was"),
        (Measured(("neither", None)), "as the cell measures"),
        (Measured(("neither", (0.0, 0.0))), "between 0 and 255"),
        (Measured(("neither",)), "as the cell measures"),
        (Measured(("both", (2.79, 2.79))), "one of"),
    ],
    "vividness_weights": [
        (weights(numpy.eye(3), [1, 1, 1]), "single layer"),
        (weights(numpy.eye(3), [0.299, 0.587, 0.114]), "red 0.9"),
        (weights(CYCLE, [-1, -1, -1]), "wrong sign"),
        (weights(CYCLE, [2, 2, 2]), "twice"),
        (weights(CYCLE, [1, 1, -1]), "takes something away"),
        (weights(CYCLE, [1, 1, 0]), "no use of one hidden"),
        (weights([[1, 0, -1]] * 3, [1, 0, 0]), "are the same"),
        (weights([[1, -1, 0], [1, 0, -1], [0, 1, -1]], [0.5] * 3), "right for"),
        (weights(CYCLE, [0, 0, 0]), "Every output is zero"),
        (weights([[1, 0, -1], [0, 1, 0], [0, 0, 1]], [1, 1, -1]), "red"),
        (weights(ALL_SIX, [0.5] * 6), "Three are enough"),
        (lambda: as_kernel(np.array(CYCLE)), "two arrays"),
        (lambda: (np.array(CYCLE), np.ones((3, 1))), "one output channel"),
        (lambda: (np.ones((3, 2)), np.ones((1, 3))), "(3, 2)"),
        (lambda: (np.ones((1, 3)), np.ones((1, 3))), "(1, 3)"),
        (lambda: (cycle, cycle), "K1"),
        (weights([[1, -1, 0], [0, 1, -1], [-1, 0, 1.1]], [1, 1, 1]), "for grey"),
        (lambda: (np.array(CYCLE), np.ones((1, 3)) * undefined), "NameError"),  # noqa: F821
    ],
    "hidden_channels": [
        ({4: NARROW[:3], 5: WIDE}, "3 for width 4"),
        ({5: WIDE}, "errors of width 4"),
        ({3: NARROW, 4: NARROW}, "Try wider"),
        ({4: [3.0] * 5, 5: WIDE}, "Is the seed set"),
        ({4: NARROW, 5: [-1, *WIDE]}, "above 0"),
        ({4: NARROW, 5: [300, *WIDE]}, "up to 255"),
        ({4: 3.0, 5: WIDE}, "a list of errors"),
        ({"four": NARROW}, "of type str"),
        ({0: WIDE}, "1 or more"),
        ([NARROW, WIDE], "a dict"),
        ("four", "a dict"),
    ],
}
